"""Progress is kept in one small file that nothing breaks, and shown in a table."""

import csv
import json
import os
import subprocess
import sys

import pytest

from simclr_lib import cli
from simclr_lib.course import NOT_STARTED, check, progress


def right(values, weight=1.0):
    return weight * sum(values) / len(values)


def the_sum(values, weight=1.0):
    return weight * sum(values)


def test_attempts_are_counted_and_the_same_answer_once(average):
    def the_sum_again(values, weight=1.0):
        # with a comment
        return weight * sum(values)

    for answer in (the_sum, the_sum, the_sum_again):
        check("average", answer)
    entry = progress.of_exercise("average")
    assert (entry["attempts"], entry["passed"]) == (1, False)
    assert entry["last_mistakes"] == ["sum not mean"]
    check("average", right)
    check("average", the_sum)
    entry = progress.of_exercise("average")
    assert (entry["attempts"], entry["passed"]) == (3, True)  # once passed, passed


def test_what_is_not_started_is_no_attempt(average, own_progress):
    check("average", lambda values, weight: NOT_STARTED)
    report = check("average", NOT_STARTED)
    check("average", report.function)
    assert not own_progress.exists()


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"exercises": {"average": 3}}', '{"exercises": {"a": {"hints": "x"}}}'],
)
def test_a_damaged_file_is_set_aside(average, own_progress, capsys, damage):
    own_progress.write_text(damage)
    check("average", right)
    assert "progress.json.damaged-1" in capsys.readouterr().out
    assert own_progress.with_name("progress.json.damaged-1").read_text() == damage
    assert progress.of_exercise("average")["passed"]
    own_progress.write_text(damage)
    check("average", right)
    assert own_progress.with_name("progress.json.damaged-2").exists()


def test_a_file_that_cannot_be_written_is_told(average, own_progress, monkeypatch, capsys):
    own_progress.write_text("")
    monkeypatch.setenv("SIMCLR_PROGRESS", str(own_progress / "below" / "a-file"))
    assert check("average", right).passed
    assert "could not be saved" in capsys.readouterr().out


def test_the_place_is_the_home_folder_unless_chosen(monkeypatch, tmp_path):
    monkeypatch.delenv("SIMCLR_PROGRESS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert progress.place() == tmp_path / ".simclr-progress.json"


def test_kernels_at_once_lose_nothing(own_progress):
    code = """
import sys
from simclr_lib.course import progress
for i in range(25):
    assert progress.record_hint(sys.argv[1]) == ""
    assert progress.record_hint("shared") == ""
"""
    kernels = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "abc"]
    assert [kernel.wait() for kernel in kernels] == [0, 0, 0]
    hints = {name: entry["hints"] for name, entry in progress.read(own_progress).items()}
    assert hints == {"a": 25, "b": 25, "c": 25, "shared": 75}


def test_the_command_prints_a_table(average, capsys):
    check("average", the_sum)
    capsys.readouterr()
    assert cli.main(["progress"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "03_nt_xent: 0 of 1 passed" in lines
    assert "✗ average         1  a mean" in lines
    check("average", right)
    capsys.readouterr()
    cli.main(["progress"])
    assert "03_nt_xent: 1 of 1 passed" in capsys.readouterr().out


def test_the_command_needs_no_framework(own_progress):
    code = (
        "import sys; from simclr_lib.cli import main; main(['progress']);"
        "print(*{'keras', 'tensorflow', 'jax'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, ""), done.stderr


def test_a_class_becomes_a_table(average, own_progress, tmp_path, capsys):
    check("average", the_sum)
    submitted = tmp_path / "class"
    (submitted / "ben").mkdir(parents=True)
    os.replace(own_progress, submitted / "ada.json")
    check("average", right)
    os.replace(own_progress, submitted / "ben" / ".simclr-progress.json")
    (submitted / "cem.json").write_text("{")
    capsys.readouterr()
    to = tmp_path / "class.csv"
    assert cli.main(["progress", "--export", str(submitted), "--to", str(to)]) == 0
    told = capsys.readouterr()
    assert told.out == f"2 students in {to}\n"
    assert "cem.json is not a progress file" in told.err
    with open(to, newline="") as file:
        rows = [
            (r["student"], r["exercise"], r["passed"], r["attempts"]) for r in csv.DictReader(file)
        ]
    assert rows == [("ada", "average", "False", "1"), ("ben", "average", "True", "1")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--export", "nowhere", "--to", "a.csv"], "no folder 'nowhere'"),
        (["--export", ".", "--to", "a.csv"], "no progress file in"),
        (["--export", "."], "go together"),
    ],
)
def test_a_bad_export_gets_one_line(average, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["progress", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_file_holds_no_answer(average, own_progress):
    check("average", the_sum)
    content = json.loads(own_progress.read_text())
    assert content["version"] == 1
    assert set(content["exercises"]["average"]) == set(progress.BLANK)

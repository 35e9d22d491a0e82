"""Reading a run folder: nothing is written, and what is no run folder is named in one line."""

import shutil

import pytest

from simclr_lib.errors import UserError
from simclr_lib.postmortem.record import read_record


def test_a_run_is_read_as_it_was(healthy):
    before = {path: path.stat().st_mtime_ns for path in healthy.rglob("*")}
    record = read_record(healthy)
    assert (record.recipe.name, record.recipe.encoder_width) == ("smoke", 16)
    assert (len(record.history), record.steps_per_epoch, record.steps) == (10, 100, 1000)
    assert record.history[-1]["epoch"] == 10 and record.history[-1]["loss"] > 0
    assert 0 < record.linear("SimCLR") <= 1 and record.linear("no such row") is None
    assert {path: path.stat().st_mtime_ns for path in healthy.rglob("*")} == before


def test_an_epoch_without_a_length_is_what_the_pictures_fill(healthy, altered):
    record = altered(steps_per_epoch=None)
    assert record.steps_per_epoch == 640 // 32


def test_a_field_of_a_younger_kit_is_passed_over(altered):
    assert altered(some_new_field=3).recipe.name == "smoke"


def test_an_unfinished_run_has_no_accuracies(healthy, tmp_path):
    folder = shutil.copytree(healthy, tmp_path / "run")
    for name in ("results.json", "metrics.csv"):
        (folder / name).unlink()
    record = read_record(folder)
    assert (record.history, record.accuracies, record.steps) == ([], {}, 0)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (None, None, "There is no folder"),
        ("notes.txt", "hello", "it holds no config.json"),
        ("config.json", "{", "config.json is damaged"),
        ("config.json", "[]", "config.json is not a run's"),
        ("config.json", '{"recipe": {"batch_size": 0}, "data": {}}', "config.json is not a run's"),
        ("config.json", '{"recipe": {"batch_size": "x"}}', "config.json is not a run's"),
        ("config.json", '{"recipe": {}, "data": {}}', "config.json is not a run's"),
    ],
)
def test_no_run_folder_is_named(tmp_path, name, text, said):
    folder = tmp_path / "run"
    if name:
        folder.mkdir()
        (folder / name).write_text(text)
    with pytest.raises(UserError, match=said) as refusal:
        read_record(folder)
    assert "\n" not in str(refusal.value) and str(folder) in str(refusal.value)


@pytest.mark.parametrize("name", ["metrics.csv", "results.json"])
def test_a_damaged_file_is_named(healthy, tmp_path, name):
    folder = shutil.copytree(healthy, tmp_path / "run")
    (folder / name).write_text("epoch,loss\n1,{\n")
    with pytest.raises(UserError, match=f"{name} is damaged"):
        read_record(folder)

"""The program that questions finished runs: a row a level, a factor once, one setup at a time."""

import csv
import importlib.util
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "postmortem.py"


@pytest.fixture
def start(tmp_path, monkeypatch, capsys):
    """`*words` → the rows of the table, and what was printed."""
    spec = importlib.util.spec_from_file_location("postmortem", PROGRAM)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)

    def run(*words):
        words = ["x", *map(str, words), "--out", str(tmp_path / "t.csv")]
        monkeypatch.setattr(sys, "argv", words)
        program.main()
        with (tmp_path / "t.csv").open() as file:
            return list(csv.DictReader(file)), capsys.readouterr().out

    return run


def test_factors_are_written_once_with_a_row_a_level(report, start):
    rows, printed = start(report, "--factors", "h or z")
    assert [(row["factor"], row["level"]) for row in rows] == [("h or z", "h"), ("h or z", "z")]
    assert f"{report}: h or z" in printed and "h or z, 1 seeds" in printed
    for row in rows:
        assert 0 <= float(row["linear"]) <= 1 and 0 <= float(row["knn"]) <= 1
        assert (row["test"], row["seed"], row["steps"]) == ("", "0", "20")
        assert (row["recipe"], row["train pictures"]) == ("report-resnet50", "200")
    more, printed = start(report, "--factors", "h or z", "directions of the features")
    assert more[:2] == rows and len(more) == 5
    assert f"{report}: h or z" not in printed
    assert "effective rank" in printed and all(float(row["effective rank"]) for row in more[2:])


def test_runs_of_two_setups_and_unknown_factors_are_refused(report, healthy, start):
    with pytest.raises(SystemExit, match="differ in more than their seed"):
        start(report, healthy)
    with pytest.raises(SystemExit, match="no factor 'stem'; there are: BatchNorm statistics, "):
        start(report, "--factors", "stem")
    with pytest.raises(SystemExit, match="There is no folder nowhere"):
        start("nowhere")

"""The report's rows beside ours: joined by their names, and nothing made up where a run lacks."""

import csv
import importlib.util
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "report_tables.py"
RESNET_50 = "ResNet-50, 512, 10 epochs of (20, 20)"
FIRST = "ResNet-152, 32, 10 epochs of (20, 20)"
LAST = "ResNet-101, 32, 10 epochs of (24, 24)"


@pytest.fixture
def start(tmp_path, monkeypatch):
    """`tables` → the rows that the program writes."""
    spec = importlib.util.spec_from_file_location("report_tables", PROGRAM)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)

    def run(*tables):
        out = ["--out", str(tmp_path / "t.csv"), "--figure", str(tmp_path / "figures" / "f.png")]
        out += ["--postmortems", str(tmp_path / "postmortem.csv")]
        monkeypatch.setattr(sys, "argv", ["x", *map(str, tables), *out])
        program.main()
        assert (tmp_path / "figures" / "f.png").exists()
        with (tmp_path / "t.csv").open() as file:
            return {row["arm"]: row for row in csv.DictReader(file)}

    return run


def write(path, *runs):
    names = list(dict.fromkeys(name for run in runs for name in run))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(runs)
    return path


def done(arm, hidden, test, **more):
    return {"state": "done", "arm": arm, f"classifier {hidden} test": test} | more


def test_rows_of_several_sweeps_are_joined_by_their_names(start, tmp_path):
    first = write(
        tmp_path / "a.csv",
        done(FIRST, "(20, 20)", 0.10, minutes=4),
        done(LAST, "(24, 24)", 0.30),
        {"state": "failed", "arm": FIRST},
    )
    more = write(tmp_path / "b.csv", done(FIRST, "(20, 20)", 0.16, minutes=6))
    rows = start(first, more, tmp_path / "not-there.csv")
    assert len(rows) == 11
    row = rows[FIRST]
    assert (row["report test"], row["runs"], row["test"], row["minutes"]) == (
        "0.1146",
        "2",
        "0.13",
        "5.0",
    )
    assert float(row["test std"]) == pytest.approx(0.06 / 2**0.5, abs=1e-4)
    assert (rows[LAST]["test"], rows[LAST]["test std"]) == ("0.3", "")
    others = [row for arm, row in rows.items() if arm not in (FIRST, LAST)]
    assert {(row["runs"], row["test"]) for row in others} == {("0", "")}


def test_the_rows_of_the_resnet_50_are_the_post_mortem_s(start, tmp_path):
    of_all = {"encoder_depth": 50, "batch_size": 512, "steps": 300}
    level = "(20, 20), rate 0.001, 10 epochs"
    runs = [
        of_all | {"seed": seed, "factor": factor, "level": level, "train": train, "test": test}
        for seed, factor, level, train, test in [
            (0, "readout", "linear probe", "", 0.4),
            (0, "training of the classifier", level, 0.5, 0.3),
            (0, "training of the classifier", level.replace("0.001", "0.01"), 0.9, 0.9),
            (1, "training of the classifier", level, 0.7, 0.5),
        ]
    ]
    others = [runs[1] | {"seed": 2} | one for one in ({"encoder_depth": 101}, {"steps": 600})]
    write(tmp_path / "postmortem.csv", *runs, *others)
    row = start(write(tmp_path / "a.csv", done(FIRST, "(20, 20)", 0.10)))[RESNET_50]
    measures = ("runs", "train", "test", "linear", "linear std", "raw pixels")
    assert [row[name] for name in measures] == ["2", "0.6", "0.4", "0.4", "", ""]


def test_without_runs_nothing_is_written(start, tmp_path):
    with pytest.raises(SystemExit, match="None of the tables holds a finished run"):
        start(write(tmp_path / "a.csv", {"state": "waiting", "arm": FIRST}))
    assert not (tmp_path / "t.csv").exists()

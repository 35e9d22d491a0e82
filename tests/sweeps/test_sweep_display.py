"""What a person sees while a sweep runs: a line a run, the best so far, the time that is left."""

import io
import re

import pytest
from sweep_tools import LIGHT, finish_run, write_spec

from simclr_lib.sweeps import display
from simclr_lib.sweeps.display import Display
from simclr_lib.sweeps.folder import SweepFolder
from simclr_lib.sweeps.plan import make_plan
from simclr_lib.sweeps.spec import read_spec


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(display, "time", self)

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def sweep(tmp_path):
    """`(y, epochs) → (SweepFolder, Plan)` of four runs that nobody has begun."""

    def make(y="linear", epochs=10):
        text = f"{LIGHT}set: {{epochs: {epochs}}}\nplot: {{y: {y}}}\n"
        plan = make_plan(read_spec(write_spec(tmp_path, text)))
        folder = SweepFolder(tmp_path / "out")
        folder.path.mkdir()
        return folder, plan

    return make


def begin(folder, run, epochs):
    """A run that is at work, with some epochs behind it."""
    files = folder.files(run)
    files.path.mkdir(parents=True, exist_ok=True)
    files.starts.write_text("now\n")
    (files.path / "metrics.csv").write_text("epoch\n" + "1\n" * epochs)


def finish(folder, run, **record):
    files = folder.files(run)
    if files.path.exists():
        for path in files.path.iterdir():
            path.unlink()
        files.path.rmdir()
    finish_run(folder, run, record.get("accuracy", 0.5))
    if "training_minutes" in record:
        done = display.read(files.done)
        files.write(files.done, done | {"training_minutes": record["training_minutes"]})


def test_the_time_left_follows_from_the_epochs_that_are_done(sweep, clock):
    folder, plan = sweep()
    begin(folder, plan.runs[0], 4)  # by an earlier start: no measure of this one's pace
    shown = Display(folder, plan, plan.runs)
    shown.start(2)
    clock.now += 60
    assert "time left: not known yet" in shown.moving_line()
    begin(folder, plan.runs[0], 10)
    begin(folder, plan.runs[1], 4)
    clock.now += 540  # ten minutes for ten epochs; 26 of 40 are left
    assert "26 min left" in shown.moving_line()
    finish(folder, plan.runs[0])
    shown.ended(plan.runs[0])
    assert "26 min left" in shown.moving_line() and shown.moving_line().startswith("1/4 ended")
    clock.now += 3000  # an hour for ten
    assert "2.6 h left" in shown.moving_line()


def test_a_failed_run_that_waits_for_its_retry_is_not_shown_at_work(sweep, clock):
    folder, plan = sweep()
    run = plan.runs[0]
    begin(folder, run, 7)
    files = folder.files(run)
    files.write(files.failed, {"cell": "3", "error": "hot"})
    shown = Display(folder, plan, [run])
    shown.start(1)
    assert run.label not in shown.moving_line()
    files.failed.rename(files.retried)
    begin(folder, run, 5)
    clock.now += 60
    assert "1 min left" in shown.moving_line() and f"{run.label} 50%" in shown.moving_line()


@pytest.mark.parametrize(
    ("y", "best"), [("linear", "best 70.0%"), ("knn", "best 65.0%"), ("minutes", "fastest 1.0 min")]
)
def test_the_best_so_far_is_by_what_the_sweep_plots(sweep, clock, y, best):
    folder, plan = sweep(y)
    finish(folder, plan.runs[0], accuracy=0.6, training_minutes=1.0)  # before this start
    shown = Display(folder, plan, plan.runs[1:])
    shown.start(1)
    for run, accuracy in zip(plan.runs[1:3], (0.7, 0.65), strict=True):
        finish(folder, run, accuracy=accuracy, training_minutes=2.0)
        shown.ended(run)
    label = plan.runs[0 if y == "minutes" else 1].label
    assert f"{best}: {label};" in f"{shown.moving_line()};"


def test_a_terminal_has_one_moving_line_and_a_line_for_each_ended_run(sweep, clock, monkeypatch):
    folder, plan = sweep()
    terminal, lines = Terminal(), Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("sys.stdout", lines)
    monkeypatch.setenv("COLUMNS", "60")
    shown = Display(folder, plan, plan.runs)
    shown.start(1)
    begin(folder, plan.runs[0], 5)
    for _ in range(5):
        clock.now += 1
        shown.tick()
    finish(folder, plan.runs[0])
    shown.ended(plan.runs[0])
    shown.close()
    # Redrawn in its place, never wider than the terminal, and wiped at the end.
    drawn = terminal.getvalue()
    assert "\n" not in drawn and max(map(len, drawn.split("\r"))) < 60
    assert drawn.count("0/4 ended") == 5
    assert re.search(r"\r {59}\r+$", drawn)
    first, ended = lines.getvalue().splitlines()
    assert first.startswith("A light sweep: 4 runs, 0 ended, 4 to go; 1 at once.")
    assert ended.startswith("[1/4] done") and "50.0%" in ended and "1.5 min" in ended


def test_without_a_terminal_the_line_comes_once_a_minute(sweep, clock, capsys):
    folder, plan = sweep()
    shown = Display(folder, plan, plan.runs)
    shown.start(1)
    for _ in range(700):
        clock.now += 0.3  # three and a half minutes of them
        shown.tick()
    shown.close()
    output, errors = capsys.readouterr()
    assert len(output.splitlines()) == 1 + 3 and errors == ""

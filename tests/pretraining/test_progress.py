"""What is shown during training: a bar in a terminal, a line now and then elsewhere."""

import io
import sys

import pytest

from simclr_lib.pretraining import progress as module
from simclr_lib.pretraining.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test turns, in seconds."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(module.time, "monotonic", lambda: Clock.now)
    return Clock


def lines(capsys):
    out, err = capsys.readouterr()
    assert out == ""  # that is where results go
    return err.splitlines()


def test_elsewhere_than_in_a_terminal_a_line_comes_now_and_then(clock, capsys):
    progress = Progress("Pretraining", 100, 6.24)
    progress.start(0)
    for step in range(1, 100):
        clock.now += 1
        progress.step(step, {"loss": 5.0})
    found = lines(capsys)
    assert len(found) == 4
    assert found[0] == "Pretraining:  20%, 1.3 min left, loss 5.00 (chance 6.24)"
    assert [line.split()[1] for line in found] == ["20%,", "40%,", "60%,", "80%,"]


def test_the_last_step_is_always_told(clock, capsys):
    progress = Progress("Pretraining", 3, 6.24)
    progress.start(0)
    for step in (1, 2, 3):
        progress.step(step, {"loss": 5.0})
    assert lines(capsys) == ["Pretraining: 100%, 0.0 min left, loss 5.00 (chance 6.24)"]


def test_a_small_loss_has_more_digits(clock, capsys):
    progress = Progress("Pretraining", 1, 0.0612)
    progress.start(0)
    progress.step(1, {"loss": 0.02341})
    assert lines(capsys)[0].endswith("loss 0.0234 (chance 0.0612)")


def test_a_note_stands_at_the_end(clock, capsys):
    progress = Progress("Pretraining", 1, 6.24)
    progress.start(0)
    progress.note = "kNN 40.0%"
    progress.step(1, {"loss": 5.0})
    assert lines(capsys)[0].endswith("loss 5.00 (chance 6.24), kNN 40.0%")


def test_a_run_that_goes_on_says_so_and_times_its_own_steps_alone(clock, capsys):
    progress = Progress("Pretraining", 100, 6.24)
    progress.start(50)
    clock.now += 30
    progress.step(60, {"loss": 5.0})
    assert lines(capsys) == [
        "Pretraining: going on from step 50 of 100.",
        "Pretraining:  60%, 2.0 min left, loss 5.00 (chance 6.24)",
    ]


def test_in_a_terminal_a_bar_shows_the_loss_and_the_time_left(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress("Pretraining", 4, 6.24)
    progress.start(0)
    for step in (1, 2, 3, 4):
        progress.step(step, {"loss": 5.0})
    progress.close()
    bar = lines(capsys)[-1].split("\r")[-1]
    assert bar.startswith("Pretraining 100% |")
    assert "00:00 left" in bar and bar.rstrip().endswith("loss 5.00 (chance 6.24)")


def test_the_bar_of_a_run_that_goes_on_starts_where_it_stopped(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress("Pretraining", 100, 6.24)
    progress.start(50)
    progress.close()
    assert " 50% |" in lines(capsys)[-1]


@pytest.mark.parametrize("in_terminal", [True, False])
def test_a_line_can_be_said_in_between(monkeypatch, capsys, in_terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: in_terminal)
    progress = Progress("Pretraining", 4, 6.24)
    progress.start(0)
    progress.say("Warning: look here.")
    progress.close()
    assert "Warning: look here." in [line.split("\r")[-1] for line in lines(capsys)]


def test_closing_before_the_start_harms_nothing():
    Progress("Pretraining", 4, 6.24).close()


def test_in_a_notebook_lines_do_not_stand_on_red_ground(monkeypatch, capsys):
    class OutStream(io.StringIO):
        __module__ = "ipykernel.iostream"

    monkeypatch.setattr(sys, "stdout", OutStream())
    progress = Progress("Pretraining", 1, 6.24)
    progress.start(0)
    progress.step(1, {"loss": 5.0})
    assert sys.stdout.getvalue() == "Pretraining: 100%, 0.0 min left, loss 5.00 (chance 6.24)\n"
    assert capsys.readouterr().err == ""

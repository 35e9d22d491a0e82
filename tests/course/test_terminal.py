"""A simclr command in a notebook: real processes, what they say, and how they are stopped."""

import _thread
import subprocess
import sys
import threading
import time

import IPython.display
import psutil
import pytest

from simclr_lib.course import terminal
from simclr_lib.errors import UserError


class Shown:
    """Stands for the display of a notebook's cell."""

    def __init__(self):
        self.texts = []

    def update(self, data, raw):
        self.texts.append(data["text/plain"])


@pytest.fixture
def shown(monkeypatch):
    display = Shown()
    monkeypatch.setattr(terminal, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda *_, **__: display)
    return display


def instead(monkeypatch, code):
    """Have these lines of Python run in place of the kit's command."""
    monkeypatch.setattr(terminal, "RUN", code)


def test_a_real_command_runs_and_its_lines_stay(shown):
    lines = terminal.run_command("simclr progress")
    assert lines
    assert shown.texts[-1] == "\n".join(["$ simclr progress", *lines])


def test_outside_notebooks_it_prints(capsys):
    lines = terminal.run_command("simclr progress")
    assert capsys.readouterr().out.splitlines() == ["$ simclr progress", *lines]


def test_lines_of_progress_are_shown_and_do_not_stay(shown, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(terminal, "POLL_SECONDS", 0.05)
    passing = "1/2 ended; 0 min left; b, seed 0 50%"
    code = f"import os, time; print('a', os.getcwd() + '/runs'); print({passing!r});"
    instead(monkeypatch, code + "time.sleep(1); print('b')")
    assert terminal.run_command("simclr x") == ["a runs", "b"]
    assert any(passing in text and "… " in text for text in shown.texts)
    assert shown.texts[-1] == "$ simclr x\na runs\nb"


def test_an_error_of_the_command_ends_the_cell_in_its_words(shown):
    with pytest.raises(UserError, match=r"ended with an error: simclr: .*missing\.yaml"):
        terminal.run_command("simclr sweep run missing.yaml")
    with pytest.raises(UserError, match="begins with `simclr`"):
        terminal.run_command("rm -r runs")


def test_an_interrupt_reaches_the_command_once_and_it_may_tidy_up(shown, monkeypatch, tmp_path):
    mark = tmp_path / "mark"
    instead(
        monkeypatch,
        "import time\ntry:\n    print('ready')\n    time.sleep(60)\n"
        f"except KeyboardInterrupt:\n    open({str(mark)!r}, 'a').write('tidy')\n",
    )
    began = time.monotonic()

    def interrupt():
        while not any("ready" in text for text in shown.texts):
            time.sleep(0.05)
        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        terminal.run_command("simclr x")
    thread.join()
    assert time.monotonic() - began < 30
    assert mark.read_text() == "tidy"
    assert shown.texts[-1].endswith("Run the cell again: it goes on where it was.")
    left = [p for p in psutil.Process().children(recursive=True) if p.status() != "zombie"]
    assert left == []


def test_a_command_that_does_not_stop_is_killed(shown, monkeypatch):
    monkeypatch.setattr(terminal, "SECONDS_TO_STOP", 0.2)
    process = subprocess.Popen(
        [sys.executable, "-c", "import signal, time; signal.signal(2, 1); time.sleep(60)"]
    )
    time.sleep(0.5)
    terminal.stop(process)
    process.kill()
    assert process.wait(10) != 0

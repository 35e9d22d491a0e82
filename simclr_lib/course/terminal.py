"""A `simclr` command in a notebook's cell: what it says is one display that is drawn anew."""

import contextlib
import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

from simclr_lib.course.report import in_notebook
from simclr_lib.errors import UserError

PASSING = re.compile(r"\d+/\d+ ended; .*")  # a line that tells how far it is, until the next one
RUN = "import sys; from simclr_lib.cli import main; sys.exit(main())"
SECONDS_TO_STOP = 30
POLL_SECONDS = 0.5


def run_command(command: str) -> list[str]:
    """Run a `simclr` command, show what it says while it does, and wait for its end.

    Stopped (the square above the notebook), it stops the command as Ctrl-C in a terminal does.
    What stays at the end holds no line that only told how far it was.

    Args:
        command: as typed in a terminal, such as "simclr progress".

    Returns:
        The lines that stay.

    Raises:
        UserError: no such command, or it ended with an error.
    """
    words = shlex.split(command)
    if words[:1] != ["simclr"]:
        raise UserError(f"{command!r} is no simclr command: it begins with `simclr`.")
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *words[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
        **of_its_own(),
    )
    screen = Screen(f"$ {command}")
    said = queue.Queue()
    reader = threading.Thread(target=read_lines, args=(process.stdout, said), daemon=True)
    reader.start()
    try:
        follow(said, screen)
        code = process.wait()
    except KeyboardInterrupt:
        stop(process)
        screen.say("Stopped. Run the cell again: it goes on where it was.")
        raise
    finally:
        process.kill()  # nothing if it has ended
        screen.close()
    if code:
        last = screen.lines[-1] if len(screen.lines) > 1 else "it said nothing"
        raise UserError(f"`{command}` ended with an error: {last}")
    return screen.lines[1:]


def of_its_own():
    """Options that keep a notebook's interrupt from the command: it gets one from us, once."""
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def read_lines(stream, said):
    for line in stream:
        said.put(line.rstrip("\n"))
    said.put(None)


def follow(said, screen):
    """Put each line on the screen as it comes; between them, the seconds that have passed."""
    began = time.monotonic()
    while True:
        try:
            line = said.get(timeout=POLL_SECONDS)
        except queue.Empty:
            screen.draw(f"… {time.monotonic() - began:.0f} s")
            continue
        if line is None:
            return
        screen.say(line)


def stop(process):
    """Ask a process to stop, as Ctrl-C does; give it time to leave things whole."""
    asking = signal.CTRL_BREAK_EVENT if os.name == "nt" else signal.SIGINT
    with contextlib.suppress(OSError, subprocess.TimeoutExpired, KeyboardInterrupt):
        process.send_signal(asking)
        process.wait(SECONDS_TO_STOP)


class Screen:
    """Lines in one display that is drawn anew; outside notebooks they are printed.

    Attributes:
        lines: those that stay.
    """

    def __init__(self, first):
        self.lines, self.passing, self.display = [first], "", None
        if in_notebook():
            from IPython.display import display

            self.display = display({"text/plain": first}, raw=True, display_id=True)
        else:
            print(first)

    def say(self, line):
        """Add a line; one that only tells how far it is stays until the next."""
        line = line.replace(f"{os.getcwd()}{os.sep}", "")  # as seen from the notebook
        if PASSING.fullmatch(line):
            self.passing = line
        else:
            self.lines.append(line)
            self.passing = ""
            if self.display is None:
                print(line, flush=True)
        self.draw()

    def draw(self, clock=""):
        if self.display is not None:
            shown = [*self.lines, *filter(None, (self.passing, clock))]
            self.display.update({"text/plain": "\n".join(shown)}, raw=True)

    def close(self):
        """Leave the lines that stay."""
        self.passing = ""
        self.draw()

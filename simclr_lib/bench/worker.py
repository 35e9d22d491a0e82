"""A process that measures when it is asked: one for the kit, and one for each peer."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from simclr_lib.errors import UserError

PEERS = Path(__file__).parent / "peers"


class Worker:
    """Starts a process, and talks to it in lines.

    Args:
        command: what runs `peers.serving.serve`.
        settings: JSON-able keywords of what it prepares.
        cores: on how many of the processor's cores it stays, with every thread that it starts;
            None: on all.

    Raises:
        UserError: it ended before it answered; the message holds its last line.
    """

    def __init__(self, command, settings, cores=None):
        # Open as long as the process.
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        with on_cores(cores):
            # A session of its own: Ctrl-C reaches this program, which ends its workers itself.
            self.process = subprocess.Popen(
                [*map(str, command), json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
                start_new_session=True,
            )

    @classmethod
    def kit(cls, part, settings, cores=None):
        """A worker that calls `side` of the kit's module `part`."""
        return cls([sys.executable, "-m", "simclr_lib.bench.kit_side", part], settings, cores)

    @classmethod
    def peer(cls, python, script, settings, cores=None):
        """A worker that runs a script of the folder `peers`, which knows nothing of the kit."""
        return cls([python, PEERS / script], settings, cores)

    def wait_until_ready(self):
        self.read()

    def measure(self):
        """Ask for one measurement: the dict that the other side gives."""
        with contextlib.suppress(BrokenPipeError):  # it is gone: reading says why
            self.process.stdin.write("measure\n")
            self.process.stdin.flush()
        return json.loads(self.read())

    def read(self):
        line = self.process.stdout.readline()
        if line:
            return line
        code = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().splitlines()
        raise UserError(
            f"A measurement ended with code {code}: {said[-1] if said else 'without a word'} "
            f"({' '.join(map(str, self.process.args[1:]))})"
        )

    def close(self):
        """End the process, and whatever it has started."""
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


@contextlib.contextmanager
def on_cores(count):
    """What is started meanwhile stays on that many cores, where a system lets one choose.

    A process inherits the choice before its first instruction, and so do all its threads. A
    process that chose for itself would come too late: libraries start threads when they are
    imported, and the choice holds for the thread that makes it alone.

    Args:
        count: how many; None: all.
    """
    if count is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(ours)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)

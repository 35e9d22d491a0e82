"""One go of the benchmarks: its sides, its rounds, and what a person sees meanwhile."""

import contextlib
import sys
import time

from simclr_lib.bench.worker import Worker

PAUSE = 0.3  # seconds between two measurements: threads of the one before stop spinning


class Session:
    """What the measurements share.

    Args:
        rounds: how often each side is measured.
        quick: small sizes, for a look at whether everything works; the figures mean nothing.
        peers: the Python of the peers' environment, or None.
        work: seconds that all cases take, roughly: to tell the time left.
    """

    def __init__(self, rounds, quick, peers, work):
        self.rounds, self.quick, self.peers = rounds, quick, peers
        self.work, self.done, self.began = work, 0.0, time.monotonic()
        self.shown = False

    def alternate(self, case, sides):
        """Measure the sides in turn, round after round, after all of them have warmed up.

        Args:
            case: the `Case`, for the progress display.
            sides: `{name: function that starts a Worker}`; a None is a side that can't be had.

        Returns:
            `{name: [what it measured in each round]}`.
        """
        answers = {name: [] for name, start in sides.items() if start is not None}
        with contextlib.ExitStack() as stack:
            workers = {}
            for name in answers:
                self.tell(case, f"starting {name}", 0.0)
                workers[name] = sides[name]()
                stack.callback(workers[name].close)
                # One after the other: a side that warms up must not disturb the next.
                workers[name].wait_until_ready()
            for turn in range(self.rounds):
                self.tell(case, f"round {turn + 1} of {self.rounds}", turn / self.rounds)
                for name, worker in workers.items():
                    time.sleep(PAUSE)
                    answers[name].append(worker.measure())
        self.done += case.seconds(self.rounds)
        return answers

    def kit(self, part, cores=None, **settings):
        """The kit's side, on so many cores; None: on all."""
        return lambda: Worker.kit(part, settings | {"quick": self.quick}, cores)

    def peer(self, script, cores=None, **settings):
        """A peer of the peers' environment; None without one."""
        if self.peers is None:
            return None
        return lambda: Worker.peer(self.peers, script, settings | {"quick": self.quick}, cores)

    def package(self, script, cores=None, **settings):
        """A peer that is installed beside the kit anyway, because the kit needs it."""
        return lambda: Worker.peer(sys.executable, script, settings | {"quick": self.quick}, cores)

    def tell(self, case, what, share):
        """Show where it is and how long the rest takes: one line that is written over."""
        done = self.done + share * case.seconds(self.rounds)
        elapsed = time.monotonic() - self.began
        # What was thought beforehand counts until a tenth is done; from then on, the pace.
        pace = elapsed / done if done > 0.1 * self.work else 1.0
        left = max(self.work - done, 0.0) * pace / 60
        line = f"{case.part}, {case.name}: {what}; about {left:.0f} min left"
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
            self.shown = True
        else:
            print(line, file=sys.stderr, flush=True)

    def clear(self):
        """Take the progress line away."""
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self.shown = False

"""What a person sees while a sweep runs: one line an ended run, and one line that moves."""

import shutil
import sys
import time

from simclr_lib.sweeps.collect import found_by, measure
from simclr_lib.sweeps.folder import read


class Display:
    """Lines on a sweep's progress.

    Args:
        folder: the `SweepFolder`.
        plan: its `Plan`.
        waiting: the runs to execute now.
    """

    SECONDS_BETWEEN_LINES = 60  # where there is no terminal to redraw a line in

    def __init__(self, folder, plan, waiting):
        self.folder, self.plan = folder, plan
        self.executed, self.open = list(waiting), list(waiting)
        self.count = len(plan.runs)
        self.width = max(len(run.label) for run in plan.runs)
        self.y, self.best = plan.plot["y"], None
        for run in plan.runs:
            self.note_best(run)
        self.live = sys.stderr.isatty()
        self.drawn = 0  # length of the moving line

    def start(self, workers):
        ended = self.count - len(self.open)
        self.print(
            f"{self.plan.title}: {self.count} runs, {ended} ended, {len(self.open)} to go; "
            f"{workers} at once. Folder: {self.folder.path}"
        )
        self.began = self.last_line = time.monotonic()
        self.work_before = self.work_done()
        self.work = sum(work_of(run) for run in self.executed)

    def ended(self, run):
        """Print the line of a run that has ended."""
        self.open.remove(run)
        self.note_best(run)
        self.print(f"[{self.count - len(self.open):>{len(str(self.count))}}/{self.count}] "
                   f"{line_of(self.folder, run, self.width, self.y)}")  # fmt: skip

    def tick(self):
        """Redraw the moving line; without a terminal, print it once a minute."""
        now = time.monotonic()
        if self.live:
            self.redraw(self.moving_line())
        elif now - self.last_line >= self.SECONDS_BETWEEN_LINES and self.open:
            self.last_line = now
            self.print(self.moving_line())

    def moving_line(self):
        parts = [f"{self.count - len(self.open)}/{self.count} ended", self.time_left()]
        if self.best is not None:
            word = "fastest" if self.y == "minutes" else "best"
            parts.append(f"{word} {told(self.best[0], self.y)}: {self.best[1]}")
        running = [run for run in self.open if has_begun(self.folder.files(run))]
        parts += [f"{run.label} {progress_of(self.folder, run):.0%}" for run in running]
        return "; ".join(parts)

    def time_left(self):
        done = self.work_done() - self.work_before
        passed = time.monotonic() - self.began
        if not done:
            return "time left: not known yet"
        left = passed / done * (self.work - self.work_before - done) / 60
        return f"{max(left, 0):.0f} min left" if left < 90 else f"{left / 60:.1f} h left"

    def work_done(self):
        """Epochs that the runs of this sweep have behind them, before this start included."""
        still_open = {run.key for run in self.open}
        return sum(
            work_of(run) * (progress_of(self.folder, run) if run.key in still_open else 1)
            for run in self.executed
        )

    def note_best(self, run):
        found = value_of(self.folder, run, self.y)
        if found is None:
            return
        better = min if self.y == "minutes" else max
        if self.best is None or better(found, self.best[0]) != self.best[0]:
            self.best = (found, run.label)

    def print(self, line):
        self.redraw("")
        print(line, flush=True)

    def redraw(self, line):
        if self.live:
            line = line[: shutil.get_terminal_size().columns - 1]
            print(f"\r{line:{self.drawn}}", end="", file=sys.stderr, flush=True)
            self.drawn = len(line)
            if not line:
                print("\r", end="", file=sys.stderr, flush=True)

    def close(self):
        self.redraw("")


def line_of(folder, run, width, y):
    """One line on one run: its state, and what came out or how far it is; `y`: see `spec`."""
    files = folder.files(run)
    outcome = files.outcome
    if outcome == "done":
        minutes = read(files.done)["wall_seconds"] / 60
        found = None if y == "minutes" else value_of(folder, run, y)
        accuracy = "" if found is None else f"{found:6.1%}"
        return f"done     {run.label:{width}}  {accuracy}  {minutes:.1f} min"
    if outcome == "failed":
        failure = read(files.failed)
        return f"failed   {run.label:{width}}  cell {failure['cell']}: {failure['error']}"
    if files.count_starts():
        return f"begun    {run.label:{width}}  {progress_of(folder, run):6.0%}"
    return f"waiting  {run.label}"


def status_lines(folder, plan):
    """One line a run, and one that counts them."""
    width = max(len(run.label) for run in plan.runs)
    outcomes = list(folder.outcomes(plan).values())
    counts = f"{outcomes.count('done')} done, {outcomes.count('failed')} failed"
    lines = [line_of(folder, run, width, plan.plot["y"]) for run in plan.runs]
    return [*lines, f"{plan.title}: {len(plan.runs)} runs, {counts}. Folder: {folder.path}"]


def value_of(folder, run, y):
    """What the sweep's plot will show of a run; None if it is not done."""
    record = read(folder.files(run).done)
    return None if record is None else measure(found_by(record), y)


def told(value, y):
    return f"{value:.1f} min" if y == "minutes" else f"{value:.1%}"


def has_begun(files):
    """Whether a run is at work, or was when it was stopped."""
    return files.outcome is None and files.count_starts() > 0


def progress_of(folder, run):
    """The share of a run's epochs that are done; none of one that failed and waits for `retry`."""
    files = folder.files(run)
    if files.outcome == "failed":
        return 0.0
    return min(files.epochs() / run.parameters["epochs"], 1.0)


def work_of(run):
    """What a run costs, in the unit that it is measured in while it runs: epochs."""
    return run.parameters["epochs"]

"""What a sweep keeps on disk: its plan, and one folder a run with a done-file that comes last."""

import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.files import make_folder, sync_folder, write_atomically
from simclr_lib.sweeps import lock
from simclr_lib.sweeps.plan import Plan


@dataclass(frozen=True)
class RunFiles:
    """The files of one run in a sweep; `experiment` itself puts more beside them.

    Args:
        path: the run folder, named by the run's key.
    """

    path: Path

    @property
    def done(self):
        return self.path / "done.json"

    @property
    def failed(self):
        return self.path / "failed.json"

    @property
    def retried(self):
        """What `failed` was called before `retry` took the run up again."""
        return self.path / "retried.json"

    @property
    def notebook(self):
        return self.path / "notebook.ipynb"

    @property
    def starts(self):
        return self.path / "starts.txt"

    @property
    def log(self):
        return self.path / "log.txt"

    @property
    def lock(self):
        return self.path / ".lock"

    @property
    def outcome(self):
        """`"done"`, `"failed"` or None."""
        if read(self.done) is not None:
            return "done"
        return "failed" if read(self.failed) is not None else None

    @property
    def to_retry(self):
        """Whether the run has failed, or was taken up by a `retry` that did not live to its end."""
        outcome = self.outcome
        return outcome == "failed" or (outcome is None and self.retried.exists())

    def write(self, path, record):
        """Write a record in one atomic step."""
        text = json.dumps(record, indent=2, ensure_ascii=False)
        write_atomically(path, lambda file: file.write(text.encode()))

    def epochs(self):
        """Epochs of contrastive training that are done."""
        try:
            return max(0, (self.path / "metrics.csv").read_text().count("\n") - 1)
        except OSError:
            return 0

    def count_starts(self):
        try:
            return len(self.starts.read_text().splitlines())
        except OSError:
            return 0

    def clear(self):
        """Remove what a failed run has left, so that it starts afresh. Hold its lock meanwhile.

        The lock file stays. A kill in between, or later, leaves the run to be retried: its record
        goes last, and only changes its name.
        """
        for entry in self.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry not in (self.lock, self.failed):
                entry.unlink()
        os.replace(self.failed, self.retried)
        sync_folder(self.path)


class SweepFolder:
    """The folder of one sweep, and the rule that it holds one set of runs.

    Args:
        path: the folder. `begin` makes it.
    """

    def __init__(self, path):
        self.path = Path(path).absolute()
        self.plan_file = self.path / "sweep.json"
        self.notebook = self.path / "experiment.ipynb"
        self.table = self.path / "table.csv"
        self.report = self.path / "report.html"
        self.lock = self.path / ".lock"
        self.report_lock = self.path / ".report.lock"

    def begin(self, plan, notebook):
        """Write the plan of a new sweep, or make sure that it is this sweep that goes on.

        Call it with the lock held. The notebook is copied, so that a sweep that goes on does so
        with the notebook that it began with, whatever becomes of the file.

        Returns:
            The plan to go on with: the runs keep the number formats that were settled for them.

        Raises:
            UserError: the folder holds other runs, or the same of another notebook.
        """
        copied = False
        if self.plan_file.exists():
            begun = self.plan()
            there, here = ({run.key for run in p.runs} for p in (begun, plan))
            if there != here:
                raise UserError(
                    f"{self.path} holds another sweep: {len(there & here)} of its {len(there)} "
                    f"runs are among the {len(here)} asked for. Has the spec, or its recipe, "
                    "changed since? Choose another folder with --out."
                )
            if begun.notebook != plan.notebook:
                raise UserError(
                    f"{self.path} holds the same runs of another notebook, or {notebook} has "
                    "changed since: choose another folder with --out."
                )
            copied = self.notebook.exists()
            settled = {run.key: run.precision for run in begun.runs}
            runs = [replace(run, precision=settled[run.key]) for run in plan.runs]
            plan = replace(plan, runs=runs)
        if not copied:  # a copy without a plan is what a sweep left that was killed in between
            content = Path(notebook).read_bytes()
            write_atomically(self.notebook, lambda file: file.write(content))
        self.write_plan(plan)
        return plan

    def write_plan(self, plan):
        text = json.dumps(plan.as_json(), indent=2, ensure_ascii=False)
        write_atomically(self.plan_file, lambda file: file.write(text.encode()))

    def plan(self):
        """The `Plan` of the sweep.

        Raises:
            UserError: this is no sweep folder, or its plan is damaged.
        """
        if not self.plan_file.exists():
            raise UserError(f"{self.path} is no sweep folder: `simclr sweep run SPEC` makes one.")
        try:
            return Plan.of_json(json.loads(self.plan_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{self.plan_file} is damaged ({error}): run the spec again."
            ) from error

    def files(self, run):
        return RunFiles(self.path / "runs" / run.key)

    def outcomes(self, plan):
        """`{key: "done", "failed" or None}`."""
        return {run.key: self.files(run).outcome for run in plan.runs}

    def take_lock(self):
        """Hold this folder until the process ends.

        Raises:
            UserError: another sweep holds it, or it can't be written to.
        """
        try:
            make_folder(self.path)
            descriptor = lock.take(self.lock)
        except OSError as error:
            raise UserError(
                f"The sweep folder {self.path} can't be used ({error.strerror}): choose another "
                "with --out."
            ) from error
        if descriptor is None:
            raise UserError(
                f"Another sweep is at work in {self.path}: `simclr sweep status {self.path}` "
                "shows how far it is."
            )
        return descriptor


def read(path):
    """The content of a JSON file, or None if it is not there or not whole."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None

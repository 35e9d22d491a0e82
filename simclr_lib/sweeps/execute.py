"""Run what of a sweep is not done yet, and tell how it goes."""

import time
from dataclasses import replace

from simclr_lib.errors import UserError
from simclr_lib.files import NO_SPACE, make_folder
from simclr_lib.sweeps import number_format
from simclr_lib.sweeps.cluster import DaskWorkers, result_of
from simclr_lib.sweeps.display import Display
from simclr_lib.sweeps.folder import SweepFolder, read
from simclr_lib.sweeps.launch import launch
from simclr_lib.sweeps.local import LocalWorkers
from simclr_lib.sweeps.notebooks import code_hash, experiment_notebook, parameters_of
from simclr_lib.sweeps.plan import make_plan
from simclr_lib.sweeps.spec import read_spec

TICK_SECONDS = 0.3


def run_sweep(spec_path, out, *, data=None, workers=1, scheduler=None):
    """Run a spec; the same call goes on where it was stopped, and repeats nothing.

    Args:
        spec_path: the YAML file, see `spec`.
        out: the sweep folder.
        data: the pictures of every run, in place of the spec's or recipe's; None for those.
        workers: runs at once on this machine.
        scheduler: address of a Dask scheduler, in place of this machine; None for none.

    Returns:
        `(SweepFolder, Plan)`.

    Raises:
        UserError: what `spec`, `plan`, `folder` and `cluster` find wrong, all before a run begins.
    """
    spec = read_spec(spec_path)
    if data is not None:
        if any("data" in settings for _, settings in spec.arms):
            raise spec.wrong("this spec compares data itself: leave out --data.", "data")
        spec = replace(spec, constants=spec.constants | {"data": data})
    plan = make_plan(spec)
    notebook = spec.notebook or experiment_notebook()
    check_notebook(notebook, spec)
    if spec.notebook is not None:
        plan = replace(plan, notebook=code_hash(notebook))
    folder = SweepFolder(out)
    folder.take_lock()
    plan = folder.begin(plan, notebook)
    # A run whose process died is tried again: a kill is no fault of its parameters.
    for run in plan.runs:
        files = folder.files(run)
        if files.outcome == "failed" and read(files.failed).get("died"):
            files.failed.unlink()
    waiting = [run for run in plan.runs if folder.files(run).outcome is None]
    execute(folder, plan, waiting, workers, scheduler)
    return folder, plan


def retry_sweep(out, *, workers=1, scheduler=None):
    """Run the failed runs of a sweep again, from their beginning, and no others.

    Stopped at any moment, the same call goes on with those that are left: each is cleared only
    when its turn comes, and what an earlier call had begun goes on.

    Args, returns and raises: as `run_sweep`; also a UserError if none has failed.
    """
    folder = SweepFolder(out)
    plan = folder.plan()
    folder.take_lock()
    failed = [run for run in plan.runs if folder.files(run).to_retry]
    if not failed:
        raise UserError(f"No run of {folder.path} has failed.")
    execute(folder, plan, failed, workers, scheduler, afresh=True)
    return folder, plan


def check_notebook(notebook, spec):
    """Raise a `UserError` unless the notebook takes the run folder and all that the spec sets."""
    known = parameters_of(notebook)
    for name in ("run_dir", *spec.constants, *(key for _, arm in spec.arms for key in arm)):
        if name not in known:
            raise spec.wrong(f"the notebook {notebook} has no parameter {name!r}.", name)


def execute(folder, plan, waiting, workers, scheduler, *, afresh=False):
    """Have some runs of the plan executed; `afresh`: those of them that have failed, anew."""
    display = Display(folder, plan, waiting)
    if not waiting:
        return
    known = parameters_of(folder.notebook)
    road = DaskWorkers(scheduler, folder.path) if scheduler else LocalWorkers(workers)
    try:
        if "precision" in known:
            plan = number_format.settle(folder, plan, road)
        display.start(road.workers)
        formats = {run.key: run.precision for run in plan.runs}
        futures = {}
        for run in waiting:
            settled = run.parameters | {"precision": formats[run.key]}
            parameters = {key: value for key, value in settled.items() if key in known}
            job = {
                "folder": str(folder.files(run).path),
                "notebook": str(folder.notebook),
                "parameters": parameters,
                "afresh": afresh,
            }
            futures[road.submit(launch, job)] = run
        while futures:
            for future in [future for future in futures if future.done()]:
                run = futures.pop(future)
                settle(future, folder.files(run))
                display.ended(run)
            display.tick()
            time.sleep(TICK_SECONDS)
    finally:
        display.close()
        road.close()


def settle(future, files):
    """See that an ended run has an outcome on disk; raise what concerns the whole sweep."""
    try:
        result_of(future)
    except UserError:
        raise  # the cluster is gone
    except Exception as error:
        if getattr(error, "errno", None) in NO_SPACE:
            raise
        record = {"key": files.path.name, "died": True, "starts": files.count_starts()}
        if isinstance(error, OSError):  # too many processes, a folder taken away
            error = f"its process could not be started: {type(error).__name__}: {error}"
        else:  # Dask gives a run up whose workers died three times
            error = f"its workers died or lost it: {type(error).__name__}"
        make_folder(files.path)
        files.write(files.failed, record | {"cell": "–", "error": error})

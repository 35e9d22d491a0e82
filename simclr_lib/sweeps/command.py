"""The four things that `simclr sweep` does, and what it prints; each gives an exit code."""

from pathlib import Path

from simclr_lib.errors import UserError


def run(spec, *, data=None, out=None, workers=1, scheduler=None):
    """Run what of a spec is not done yet, and make the report.

    Args:
        spec: path of the YAML file.
        out: the sweep folder; None takes `runs/sweeps/` and the spec's name.
        data, workers, scheduler: see `execute.run_sweep`.

    Returns:
        1 if runs have failed, else 0.
    """
    from simclr_lib.sweeps.execute import run_sweep

    if spec.is_dir():
        raise UserError(f"{spec} is a folder: `simclr sweep run` takes a spec, a YAML file.")
    out = out or Path("runs", "sweeps", spec.stem)
    return tell(*run_sweep(spec, out, data=data, workers=workers, scheduler=scheduler))


def status(path):
    """Print one line a run of the sweep folder."""
    from simclr_lib.sweeps.display import status_lines

    for line in status_lines(*opened(path)):
        print(line)
    return 0


def report(path):
    """Make the report of what is done so far in the sweep folder."""
    return tell(*opened(path))


def retry(path, *, workers=1, scheduler=None):
    """Run the failed runs of the sweep folder again; the rest is as in `run`."""
    from simclr_lib.sweeps.execute import retry_sweep

    return tell(*retry_sweep(path, workers=workers, scheduler=scheduler))


def opened(path):
    from simclr_lib.sweeps.folder import SweepFolder

    folder = SweepFolder(path)
    return folder, folder.plan()


def tell(folder, plan):
    """Make the report and say where it is."""
    from simclr_lib.sweeps.report import make_report

    make_report(folder, plan)
    outcomes = list(folder.outcomes(plan).values())
    failed = outcomes.count("failed")
    print(f"{outcomes.count('done')} of {len(plan.runs)} runs done, {failed} failed.")
    if failed:
        print(f"To run the failed ones again: simclr sweep retry {folder.path}")
    print(f"Report: {folder.report}")
    return int(failed > 0)

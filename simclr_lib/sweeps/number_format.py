"""The number format of a sweep's runs: what `precision: auto` is here, settled once and ahead.

    python -m simclr_lib.sweeps.number_format      (a job as one line of JSON on stdin)

Each run would measure it for itself, beside the others at work, and two of one sweep could come to
compute in different formats. So it is measured before the first of them begins, in a process of
its own where the runs will be, and is written into the plan: a sweep that goes on keeps it.
"""

import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically
from simclr_lib.sweeps.cluster import result_of
from simclr_lib.sweeps.folder import read
from simclr_lib.sweeps.launch import last_line_of, run_process
from simclr_lib.sweeps.process import end_with_stdin

DECIDING = ("encoder_depth", "encoder_width", "stem", "view_size")  # see `precision`


def settle(folder, plan, road):
    """Give every run that leaves its format to the machine one, and write the plan.

    Args:
        folder: the `SweepFolder`.
        plan: its `Plan`.
        road: where the runs will be, see `local` and `cluster`.

    Returns:
        The plan, in which no run's `precision` is None.

    Raises:
        UserError: the measurement failed, as every run would have.
    """
    asked = {run.key: run.parameters for run in plan.runs if run.precision is None}
    if not asked:
        return plan
    print("Which number format do these encoders train faster in? Asked once a sweep.", flush=True)
    future = road.submit(measure, {"folder": str(folder.path), "runs": asked})
    while not future.done():  # waiting for the result itself, Windows would hear no Ctrl-C
        time.sleep(0.1)
    chosen = result_of(future)
    runs = [replace(run, precision=chosen.get(run.key, run.precision)) for run in plan.runs]
    plan = replace(plan, runs=runs)
    folder.write_plan(plan)
    return plan


def measure(job, stopped):
    """Have a process choose the formats: `{key of a run: precision}`; None if it was stopped."""
    answer, log = (Path(job["folder"], f"number-formats.{kind}") for kind in ("json", "log"))
    answer.unlink(missing_ok=True)
    job = job | {"answer": str(answer)}
    run_process(__name__, job, log, stopped)
    if stopped():
        return None
    chosen = read(answer)
    if chosen is None:
        raise UserError(
            "No number format could be chosen for the runs: the process that was to measure it "
            f"died; its last line: {last_line_of(log)}"
        )
    for path in (answer, log):
        path.unlink(missing_ok=True)
    return chosen


def choose(runs):
    """`{key: parameters}` → `{key: precision}`; each encoder is measured once."""
    from simclr_lib.precision import choose_precision
    from simclr_lib.recipes import Recipe

    known, chosen = {}, {}
    for key, parameters in runs.items():
        encoder = tuple(parameters[field] for field in DECIDING)
        if encoder not in known:
            known[encoder] = choose_precision(Recipe(**parameters))
        chosen[key] = known[encoder]
    return chosen


def main():
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_stdin, daemon=True).start()
    from simclr_lib.quiet import import_keras

    import_keras()
    text = json.dumps(choose(job["runs"]))
    write_atomically(Path(job["answer"]), lambda file: file.write(text.encode()))


if __name__ == "__main__":
    main()

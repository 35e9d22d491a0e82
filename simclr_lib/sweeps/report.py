"""The report: a notebook that papermill runs, and the page and the table that come out."""

import logging
import os
import warnings

from simclr_lib.errors import UserError
from simclr_lib.sweeps import collect, lock
from simclr_lib.sweeps.notebooks import report_notebook
from simclr_lib.sweeps.page import write_page
from simclr_lib.sweeps.process import START_TIMEOUT


def make_report(folder, plan):
    """Write `table.csv`, `report.ipynb` and `report.html` of what is done so far.

    One at a time: another that is at it, such as a sweep at its end, is waited for.

    Args:
        folder: the `SweepFolder`.
        plan: its `Plan`.

    Raises:
        UserError: the report's notebook failed; the table is there all the same.
    """
    descriptor = lock.take(folder.report_lock, wait=True)
    try:
        write_report(folder, plan)
    finally:
        os.close(descriptor)


def write_report(folder, plan):
    import papermill

    from simclr_lib.sweeps.kernel import BoundKernelManager

    logging.getLogger("papermill").setLevel(logging.ERROR)
    collect.write_table(folder.table, collect.rows(folder, plan))
    notebook = folder.path / "report.ipynb"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages that papermill uses
            executed = papermill.execute_notebook(
                str(report_notebook()),
                str(notebook),
                parameters={"sweep_dir": str(folder.path)},
                kernel_name="python3",
                language="python",
                progress_bar=False,
                start_timeout=START_TIMEOUT,
                kernel_manager_class=BoundKernelManager,
            )
    except papermill.PapermillExecutionError as error:
        raise UserError(
            f"The report could not be made: {error.ename}: {error.evalue} (see {notebook}). The "
            f"table is in {folder.table}."
        ) from error
    write_page(executed, folder.report, plan.title)

"""The process of one run: papermill executes the notebook, and a done-file comes last of all.

    python -m simclr_lib.sweeps.process      (a job as one line of JSON on stdin, see `launch`)

It ends when its stdin does, so with whoever started it, and takes its kernel along.
"""

import datetime
import errno
import json
import os
import sys
import threading
import time
from pathlib import Path

import psutil

from simclr_lib.files import NO_SPACE, make_folder, publish, sync_tree
from simclr_lib.sweeps import lock
from simclr_lib.sweeps.folder import RunFiles, read

DISK_FULL = errno.ENOSPC  # the exit code for a full disk, or a full share of one
START_TIMEOUT = 300  # seconds; a busy machine takes a while to start a kernel


def main():
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_stdin, daemon=True).start()
    files = RunFiles(Path(job["folder"]))
    try:
        make_folder(files.path)
        # An earlier process of this run may still be dying, or be at work on another machine.
        descriptor = lock.take(files.lock, wait=True)
        if files.outcome is None:
            execute(job, files, descriptor)
    except OSError as error:
        if error.errno in NO_SPACE:
            sys.exit(DISK_FULL)
        raise


def end_with_stdin():
    """Wait until whoever holds the other end of stdin is gone, and end with it."""
    sys.stdin.read()
    kill_children()
    os._exit(1)


def kill_children():
    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue


def execute(job, files, descriptor):
    """Run the notebook, and record whether it came to its end."""
    from papermill import PapermillExecutionError, execute_notebook

    from simclr_lib.sweeps.kernel import BoundKernelManager

    BoundKernelManager.lock_descriptor = descriptor
    with files.starts.open("a") as starts:
        starts.write(f"{datetime.datetime.now().isoformat(timespec='milliseconds')}\n")
        starts.flush()
        os.fsync(starts.fileno())
    # papermill's saves are not atomic: it writes under this name until it has ended.
    partial = files.path / ".notebook.partial.ipynb"
    began = time.monotonic()
    try:
        execute_notebook(
            str(job["notebook"]),
            str(partial),
            parameters=job["parameters"] | {"run_dir": str(files.path)},
            kernel_name="python3",
            language="python",
            progress_bar=False,
            start_timeout=START_TIMEOUT,
            autosave_cell_every=60,
            kernel_manager_class=BoundKernelManager,
        )
    except PapermillExecutionError as error:
        failure = {"cell": cell_of(error), "error": f"{error.ename}: {last_line(error.evalue)}"}
        if is_disk_full(error, files.path):
            raise OSError(errno.ENOSPC, "the disk is full") from error
    else:
        failure = None
    record = {
        "key": files.path.name,
        "wall_seconds": round(time.monotonic() - began, 2),
        "processor_seconds": round(processor_seconds(), 2),
        "starts": files.count_starts(),
    }
    publish(partial, files.notebook)
    results = read(files.path / "results.json")
    if failure is None and results is None:
        failure = {"cell": "the last", "error": "the notebook left no results.json in run_dir"}
    if failure is not None:
        files.write(files.failed, record | failure)
        return
    sync_tree(files.path)  # the kernel has written most of it: none of that may come after this
    config = read(files.path / "config.json") or {}
    about = {name: config.get(name) for name in ("data", "precision", "backend", "versions")}
    files.write(
        files.done,
        record
        | {"accuracies": results["accuracies"]}
        | {"training_minutes": results.get("training_minutes")}
        | {"warnings": results.get("warnings", [])}
        | about
        | {"machine": config.get("machine")},
    )


def cell_of(error):
    """Name the cell that failed: its number among the notebook's cells, and its first line."""
    lines = [line for line in error.source.splitlines() if line.strip()]
    return f"{error.exec_count}: {lines[0] if lines else ''}"


def last_line(text):
    lines = [line for line in str(text).splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def is_disk_full(error, folder):
    """Whether a cell failed because the disk is full: no fault of the run."""
    said = (f"Errno {number}]" for number in NO_SPACE)
    said = (*said, *map(os.strerror, NO_SPACE))
    return any(words in error.evalue for words in said) or (
        error.ename == "OSError" and psutil.disk_usage(str(folder)).free < 1e6
    )


def processor_seconds():
    """Processor time of this process and its kernel, which has ended; 0 where it isn't known."""
    times = psutil.Process().cpu_times()
    names = ("user", "system", "children_user", "children_system")  # the last two not on Windows
    return sum(getattr(times, name, 0.0) for name in names)


if __name__ == "__main__":
    main()

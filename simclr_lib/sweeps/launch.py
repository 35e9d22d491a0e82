"""Start the process of one run, see it through, and give up after three deaths."""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from simclr_lib.files import make_folder
from simclr_lib.sweeps import lock
from simclr_lib.sweeps.folder import RunFiles
from simclr_lib.sweeps.process import DISK_FULL

DEATHS = 3  # a run that dies as often as that is likely to die again
POLL_SECONDS = 0.3

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)


def launch(job, stopped):
    """Run one job in a process of its own, so that all of its memory comes back.

    Args:
        job: `{"folder", "notebook", "parameters", "cores", "afresh"}`: the run folder, the
            notebook to execute, its parameters, how many threads it may compute with, and whether
            a run that has failed is to begin anew.
        stopped: function that tells whether the sweep was stopped: the run is then killed.

    Returns:
        `"done"`, `"failed"`, or `"stopped"`.

    Raises:
        OSError: the disk is full.
    """
    files = RunFiles(Path(job["folder"]))
    make_folder(files.path)
    if job["afresh"]:
        clear_failed(files, stopped)
    for _ in range(DEATHS):
        code = run_process("simclr_lib.sweeps.process", job, files.log, stopped)
        if stopped():
            return "stopped"
        if outcome := files.outcome:
            return outcome
        if code == DISK_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    record = {"key": files.path.name, "died": True, "starts": files.count_starts()}
    files.write(files.failed, record | {"cell": "–", "error": why_it_died(files.log)})
    return "failed"


def clear_failed(files, stopped):
    """Take away what a failed run has left, once nothing that may still write there is alive."""
    while (descriptor := lock.take(files.lock)) is None:
        if stopped():
            return
        time.sleep(POLL_SECONDS)
    try:
        if files.outcome == "failed":
            files.clear()
    finally:
        os.close(descriptor)


def run_process(module, job, log, stopped):
    """Start a module of the kit on a job and wait for its end: its exit code; None if stopped."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(job["cores"]),
            start_new_session=True,  # Ctrl-C in a terminal is for the sweep alone
        )
    try:
        try:
            process.stdin.write(f"{json.dumps(job)}\n".encode())
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died already
        while not stopped():
            try:
                return process.wait(timeout=POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        return None
    finally:
        kill(process)


def kill(process):
    """Kill a process and its children; wait until they are gone. Nothing if it has ended."""
    if process.poll() is None:
        try:
            children = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            children = []
        process.kill()
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(children, timeout=10)
    process.wait()
    process.stdin.close()


def environment(cores):
    """This process' environment, with a share of the cores."""
    return os.environ | dict.fromkeys(THREADS, str(cores)) | {"TF_NUM_INTEROP_THREADS": "1"}


def why_it_died(log):
    """The last line that the process wrote is all that is left of it."""
    last = last_line_of(log)
    return f"its process died {DEATHS} times (is the memory full?); last line: {last}"


def last_line_of(log):
    """The last words in a log."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"

"""Runs on an existing Dask cluster whose machines see the sweep folder under the same path."""

import uuid
from concurrent.futures import CancelledError
from pathlib import Path

from simclr_lib import machine
from simclr_lib.errors import UserError

PATIENCE = "15s"  # for the scheduler to answer


class DaskWorkers:
    """Takes jobs and gives futures; each job is a process of its own on one of the workers.

    Args:
        address: the scheduler's, such as `"tcp://10.0.0.1:8786"`.
        folder: the sweep folder.

    Raises:
        UserError: Dask is not installed, no scheduler answers, it has no workers, or they don't
            see the folder.
    """

    def __init__(self, address, folder):
        try:
            from distributed import Client
        except ImportError as error:
            raise UserError(
                "--scheduler needs Dask: python -m pip install 'simclr-course-kit[dask]'."
            ) from error
        try:
            self.client = Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UserError(
                f"No Dask scheduler answers at {address}: start one with `dask scheduler`, and "
                "give the address that it prints."
            ) from error
        try:
            self.check_workers(address, folder)
        except BaseException:
            self.client.close()
            raise

    def check_workers(self, address, folder):
        slots = self.client.nthreads()
        if not slots:
            raise UserError(f"The scheduler at {address} has no workers: `dask worker {address}`.")
        try:
            sees = self.client.run(sees_folder, str(folder))
        except Exception as error:  # whatever a worker without the kit raises
            raise UserError(
                f"The workers of {address} can't load simclr_lib ({type(error).__name__}): "
                "install the kit, in the same version, on each."
            ) from error
        blind = [worker for worker, there in sees.items() if not there]
        if blind:
            raise UserError(
                f"Worker {blind[0]} does not see {folder}: choose an --out on a disk that all "
                "machines share."
            )
        self.workers = sum(slots.values())
        # How many runs may share the cores of a worker's machine.
        self.slots = {host_of(worker): 0 for worker in slots}
        for worker, threads in slots.items():
            self.slots[host_of(worker)] += threads

    def submit(self, function, job):
        """Have `function(job, stopped)` called on a worker, with its share of the cores added."""
        # A key of its own: an earlier sweep may have left a task of this run to the scheduler.
        key = f"{Path(job['folder']).name}-{uuid.uuid4().hex[:8]}"
        return self.client.submit(work, function, job, self.slots, key=key, pure=False)

    def close(self):
        """Cancel what waits; what runs sees that and stops (see `work`)."""
        self.client.close()


def work(function, job, slots):
    """One job, on a worker; it ends early once nobody waits for it any more."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    cores = max(1, machine.cores() // slots.get(host_of(worker.address), 1))

    def stopped():
        task = worker.state.tasks.get(key)
        return task is None or task.state != "executing"

    return function(job | {"cores": cores}, stopped)


def result_of(future):
    """What a job gave.

    Raises:
        UserError: its cluster has lost it, as all the rest.
    """
    try:
        return future.result()
    except CancelledError as error:
        raise UserError(
            "The cluster has lost this sweep (has its scheduler ended?): start it again, and run "
            "the same command, it goes on."
        ) from error


def sees_folder(folder):
    return Path(folder, "sweep.json").exists()


def host_of(address):
    """The machine in a worker's address: `"tcp://10.0.0.2:40331"` → `"10.0.0.2"`."""
    return address.split("://")[-1].rsplit(":", 1)[0]

"""Runs on this machine: a thread for each worker, each of which starts one process a run."""

import threading
from concurrent.futures import ThreadPoolExecutor

from simclr_lib import machine


class LocalWorkers:
    """Takes jobs and gives futures, as a cluster would.

    Args:
        workers: runs at once; the cores are shared out among them.
    """

    def __init__(self, workers):
        self.workers = workers
        self.cores = max(1, machine.cores() // workers)
        self.stopping = threading.Event()
        self.threads = ThreadPoolExecutor(workers, thread_name_prefix="run")

    def submit(self, function, job):
        """Have `function(job, stopped)` called, with the job's share of the cores added to it."""
        return self.threads.submit(function, job | {"cores": self.cores}, self.stopping.is_set)

    def close(self):
        """Kill what still runs and forget what waits."""
        self.stopping.set()
        self.threads.shutdown(wait=True, cancel_futures=True)

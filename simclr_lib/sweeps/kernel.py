"""The kernel of a run: it dies with the process that started it, and holds the run's lock."""

import os
import signal
import sys

from jupyter_client.manager import AsyncKernelManager


class BoundKernelManager(AsyncKernelManager):
    """Starts this interpreter's own kernel, so that nothing of it is ever left behind.

    Attributes:
        lock_descriptor: a held lock that the kernel inherits: a run killed and started again waits
            until the earlier kernel, which may still be writing, is gone too.
    """

    lock_descriptor = None

    def format_kernel_cmd(self, extra_arguments=None):
        command = [sys.executable, "-m", __name__, "-f", self.connection_file]
        command.append("--log-level=CRITICAL")  # it warns of what is as it should be
        return command + (extra_arguments or [])

    async def start_kernel(self, **options):
        if self.lock_descriptor is not None and os.name != "nt":
            options["pass_fds"] = [self.lock_descriptor]
        return await super().start_kernel(**options)


def die_with_parent():
    """Have the system kill this process when its parent dies; elsewhere than on Linux nothing.

    There ipykernel's own look at its parent, once a second, has to do.
    """
    if sys.platform == "linux":
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if str(os.getppid()) != os.environ.get("JPY_PARENT_PID"):
            os._exit(1)  # it died before we asked


if __name__ == "__main__":
    die_with_parent()
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()

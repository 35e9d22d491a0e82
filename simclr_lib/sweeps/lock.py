"""A lock file that the system itself lets go of when its holder dies."""

import os

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt


def take(path, *, wait=False):
    """Lock a file, for as long as this process, or one that inherits the descriptor, lives.

    Args:
        path: the file; made if it is not there. It stays: deleting it would let two in.
        wait: wait until it is free.

    Returns:
        The file descriptor that holds the lock; `os.close` lets it go. None: another holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    while True:
        try:
            if fcntl:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            else:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            return descriptor
        except OSError:
            if wait and fcntl is None:
                continue  # Windows gives up after ten seconds
            os.close(descriptor)
            if wait:
                raise
            return None

"""Files that are whole or not there."""

import errno
import os
from pathlib import Path

# A disk that is full, and a share of one: on machines of many users mostly the second.
NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def write_atomically(path, write):
    """Call `write(file)` on a binary file that takes the place of `path` once it is on disk.

    A kill or a full disk at any moment leaves what was there before.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise

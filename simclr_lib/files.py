"""Files that are whole or not there."""

import os
from pathlib import Path


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

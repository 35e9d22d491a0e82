"""Files that are whole or not there, also after a power cut."""

import contextlib
import errno
import os
from pathlib import Path

# A disk that is full, and a share of one: on machines of many users mostly the second.
NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def write_atomically(path, write):
    """Call `write(file)` on a binary file that takes the place of `path` once it is on disk.

    A kill, a full disk or a power cut at any moment leaves what was there before.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            write(file)
        publish(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def publish(partial, path):
    """Give a file that is whole its name."""
    sync_file(partial)
    os.replace(partial, path)
    sync_folder(path.parent)


def make_folder(path):
    """Make a folder and those above it, if they are not there."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def sync_tree(path):
    """Have the system put a folder on disk, with all that is in it."""
    for folder, _, names in os.walk(path):
        for file in (Path(folder, name) for name in names):
            with contextlib.suppress(FileNotFoundError):  # some are there for a moment only
                if file.is_file() and not file.is_symlink():
                    sync_file(file)
        sync_folder(folder)


def sync_file(path):
    with open(path, "r+b") as file:  # Windows syncs no file that is open for reading alone
        os.fsync(file.fileno())


def sync_folder(path):
    """Have the system put a folder's entries on disk: a new name is only then there to stay."""
    if os.name == "nt":  # Windows can't open a folder
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network disks can't do it
            raise
    finally:
        os.close(descriptor)

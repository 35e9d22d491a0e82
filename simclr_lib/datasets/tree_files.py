"""The files of a folder or a zip, seen the same way: names, folders, contents."""

import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from simclr_lib.errors import UserError


@dataclass(frozen=True)
class TreeFiles:
    """What a folder or zip holds, without dot files and what systems leave behind.

    Attributes:
        names: paths of the files below the root, with `/`, sorted folder by folder.
        folders: paths of the folders below the root, empty ones too.
        open: name → binary file.
        stamp: name → text that changes when the file does.
    """

    names: list[str]
    folders: set[str]
    open: Callable[[str], BinaryIO]
    stamp: Callable[[str], str]

    def children(self, folder: str) -> list[str]:
        """Names of the folders directly in `folder` (`""`, or a path that ends in `/`), sorted."""
        below = (name[len(folder) :] for name in self.folders if name.startswith(folder))
        return sorted(name for name in below if "/" not in name)


@contextmanager
def open_tree(path: Path) -> Iterator[TreeFiles]:
    """List a folder or zip, and keep it open for reading.

    Raises:
        UserError: it cannot be read, is no zip, holds an encrypted file or one whose path
            climbs out of it.
    """
    if path.is_dir():
        yield _list_folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError) as error:
        raise UserError(
            f"{path} is neither a folder nor a whole zip ({error}): copy it again"
        ) from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    with archive:
        yield _list_zip(path, archive)


def _list_folder(path: Path) -> TreeFiles:
    def refuse(error: OSError) -> None:
        raise UserError(f"cannot read the folder {error.filename}: {error.strerror}") from error

    place = path.resolve()

    def stamp(name: str) -> str:
        status = os.stat(path / name)
        return f"{place} {status.st_size} {status.st_mtime_ns}"

    files, folders = [], []
    for here, below, names in os.walk(path, onerror=refuse, followlinks=True):
        inner = Path(here).relative_to(path)
        below[:] = [name for name in below if not _is_litter(name)]
        files += [(inner / name).as_posix() for name in names]
        folders += [(inner / name).as_posix() for name in below]
    return _tree(files, folders, lambda name: open(path / name, "rb"), stamp)


def _list_zip(path: Path, archive: zipfile.ZipFile) -> TreeFiles:
    # Some Windows tools write "\" between folders.
    members = {info.filename.replace("\\", "/"): info for info in archive.infolist()}
    for name, info in members.items():
        if ".." in name.split("/") or re.match("/|[A-Za-z]:", name):
            raise UserError(f"{path}: the member {name!r} climbs out of the zip: make it anew")
        if info.flag_bits & 1:
            raise UserError(f"{path}: {name} is encrypted: make the zip anew without a password")
    folders = [name.rstrip("/") for name in members if name.endswith("/")]
    files = [name for name in members if not name.endswith("/")]
    return _tree(
        files,
        folders,
        lambda name: archive.open(members[name]),
        lambda name: f"{members[name].CRC} {members[name].file_size}",
    )


def _tree(files: list[str], folders: list[str], open_file, stamp) -> TreeFiles:
    kept = [name for name in files if not any(map(_is_litter, name.split("/")))]
    holders = {name.rpartition("/")[0] for name in kept}.union(folders)
    ancestors = {str(folder) for name in holders for folder in PurePosixPath(name).parents}
    return TreeFiles(
        names=sorted(kept, key=lambda name: name.split("/")),
        folders={
            name
            for name in holders | ancestors
            if name not in ("", ".") and not any(map(_is_litter, name.split("/")))
        },
        open=open_file,
        stamp=stamp,
    )


def _is_litter(part: str) -> bool:
    return part.startswith(".") or part.lower() in ("__macosx", "thumbs.db", "desktop.ini")

"""Decoded pictures kept on disk between starts; losing the cache loses only time.

While pictures are decoded, they lie in `NAME-KEY.part`, and a checksum of each block of them in
`NAME-KEY.sums`. A decoding that was killed goes on after the last block whose checksum agrees; the
array gets its name, `NAME-KEY.npy`, when it is whole. Two processes that decode the same pictures
write the same bytes to the same places of the same files: each opens them before it counts what is
there, and keeps them open.
"""

import io
import os
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from simclr_lib.datasets.mapped import MappedPictures

BLOCK = 256  # pictures under one checksum: what a kill costs at most
LARGE = 2**28  # bytes from which an array is read-only, so that it need not stay in memory


def cache_file(name: str, key: str) -> Path:
    """Where the array is kept: below `$SIMCLR_CACHE`, or else `~/.cache/simclr-kit`."""
    return _folder() / f"{name}-{key}.npy"


def read(file: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The cached uint8 array of that shape, or None where it is absent or damaged.

    It is memory-mapped. Writing to a small one changes the copy in memory, never the file; a
    `LARGE` one is read-only, see `MappedPictures`.
    """
    large = np.prod(shape) >= LARGE
    try:
        images = np.load(file, mmap_mode="r" if large else "c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if (images.shape, images.dtype) != (shape, np.uint8):
        return None
    return images.view(MappedPictures) if large else np.asarray(images)


def fill(
    file: Path,
    shape: tuple[int, ...],
    decode: Callable[[int], Iterator[np.ndarray]],
    *,
    from_seconds: float,
) -> np.ndarray:
    """Decode pictures and keep them, going on where an earlier decoding was stopped.

    Args:
        file: from `cache_file`.
        shape: of the whole array, `(N, side, side, 3)`.
        decode: a number n → the pictures from the n-th on, one after the other.
        from_seconds: a decoding that takes less is not worth the disk, and stays in memory.

    Returns:
        The array, as `read` gives it. Where the cache can't be written it is in memory alone, and
        a warning says so.
    """
    began = time.perf_counter()
    kept = _Unfinished(file, shape)
    waiting = []
    try:
        pictures = decode(kept.done)
        while block := list(islice(pictures, BLOCK)):
            waiting.append(np.stack(block))
            if kept.done or time.perf_counter() - began > from_seconds:
                kept.append(waiting)
                waiting = []
        if not kept.done:
            return np.concatenate(waiting)
        kept.append(waiting)
        kept.finish()
        if (images := read(file, shape)) is None:
            raise OSError(f"{file} is gone")
        return images
    except OSError as error:  # of the cache: what is wrong with a picture is a UserError
        kept.remove()
        size = np.prod(shape) / 1e6
        warnings.warn(
            f"the decoded pictures can't be kept in {file.parent} ({error.strerror or error}):"
            f" they take {size:,.0f} MB of memory, and are decoded again at the next start",
            stacklevel=4,
        )
        images = np.empty(shape, np.uint8)
        for i, picture in enumerate(decode(0)):
            images[i] = picture
        return images
    except Exception:
        kept.remove()  # a broken picture will be replaced, and the new tree has another key
        raise
    finally:
        kept.close()


def subset(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """`images[chosen]`; of mapped pictures, mapped from a file that ends with this process.

    The file lies beside the cache, or among the system's temporary files where that can't be
    written. Where neither can, the pictures are in memory, and a warning says so.

    Args:
        images: uint8 `(N, side, side, 3)`.
        chosen: indices, or a mask `(N,)`.
    """
    if not isinstance(images, MappedPictures):
        return images[chosen]
    chosen = np.arange(len(images))[chosen]
    for folder in (_folder(), Path(tempfile.gettempdir())):
        with suppress(OSError):
            return _mapped_copy(images, chosen, folder)
    size = len(chosen) * np.prod(images.shape[1:]) / 1e6
    warnings.warn(
        f"a part of the pictures finds no room in {_folder()}, nor among temporary files: it takes"
        f" {size:,.0f} MB of memory",
        stacklevel=3,
    )
    return images[chosen]


def _mapped_copy(images: np.ndarray, chosen: np.ndarray, folder: Path) -> MappedPictures:
    """The chosen pictures in a file without a name: it is gone when nobody has it open."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        for first in range(0, len(chosen), BLOCK):
            file.write(images[chosen[first : first + BLOCK]].tobytes())
        file.flush()
        return MappedPictures(file, np.uint8, "r", shape=(len(chosen), *images.shape[1:]))


def _folder() -> Path:
    return Path(os.environ.get("SIMCLR_CACHE") or Path.home() / ".cache" / "simclr-kit")


class _Unfinished:
    """A cache file in the making.

    Attributes:
        done: how many pictures of it can be trusted.
    """

    def __init__(self, file: Path, shape: tuple[int, ...]):
        self.file, self.shape = file, shape
        self.part, self.sums = file.with_suffix(".part"), file.with_suffix(".sums")
        header = io.BytesIO()
        described = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, described)
        self.header = header.getvalue()
        self.begun = False  # has this process written anything
        # Counted is what will be written to: another process may finish these files meanwhile,
        # and then their names are free for files that hold nothing yet.
        self.opened = self._open_if_there()
        self.done = self._count_agreeing()

    def _open_if_there(self) -> list[io.BufferedRandom] | None:
        try:
            rows = self.part.open("r+b")
        except OSError:
            return None
        try:
            return [rows, self.sums.open("r+b")]
        except OSError:
            rows.close()
            return None

    def _count_agreeing(self) -> int:
        """Pictures in the blocks before the first one whose checksum does not agree."""
        first, picture = 0, int(np.prod(self.shape[1:]))
        try:
            rows, sums = self.opened or (io.BytesIO(), io.BytesIO())
            if rows.read(len(self.header)) != self.header:
                return 0
            sums = sums.read()
            for checksum in np.frombuffer(sums, "<u4", len(sums) // 4):
                count = min(BLOCK, self.shape[0] - first)
                block = rows.read(count * picture)
                if len(block) < count * picture or zlib.crc32(block) != checksum:
                    break
                first += count
        except OSError:
            return first
        return first

    def append(self, blocks: list[np.ndarray]) -> None:
        """Write blocks after those that are there."""
        if self.opened is None:
            self.part.parent.mkdir(parents=True, exist_ok=True)
            self.opened = [_open_or_make(self.part), _open_or_make(self.sums)]
        rows, sums = self.opened
        if not self.begun:
            rows.seek(0)
            rows.write(self.header)
            self.begun = True
        for block in blocks:
            rows.seek(len(self.header) + self.done * block[0].size)
            rows.write(block.tobytes())
            rows.flush()
            sums.seek(4 * (self.done // BLOCK))
            sums.write(zlib.crc32(block).to_bytes(4, "little"))
            sums.flush()
            self.done += len(block)

    def finish(self) -> None:
        """Give the whole file its name."""
        rows = self.opened[0]
        rows.truncate(len(self.header) + int(np.prod(self.shape)))
        rows.flush()
        os.fsync(rows.fileno())
        ours = os.fstat(rows.fileno())
        self.close()
        with suppress(FileNotFoundError):  # another process was faster, with the same bytes
            # Or it was faster, and a third one has begun new files by these names.
            if os.path.samestat(ours, os.stat(self.part)):
                os.replace(self.part, self.file)
                self.sums.unlink(missing_ok=True)

    def close(self) -> None:
        for file in self.opened or ():
            file.close()

    def remove(self) -> None:
        """Leave nothing behind, as far as the disk lets us."""
        with suppress(OSError):  # what was still to be written has no room
            self.close()
        for path in (self.part, self.sums):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _open_or_make(path: Path) -> io.BufferedRandom:
    return open(path, "r+b", opener=lambda name, flags: os.open(name, flags | os.O_CREAT, 0o644))

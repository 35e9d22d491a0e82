"""Decoded pictures kept on disk between starts; losing the cache loses only time."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np


def cache_file(name: str, key: str) -> Path:
    """Where the array is kept: below `$SIMCLR_CACHE`, or else `~/.cache/simclr-kit`."""
    folder = os.environ.get("SIMCLR_CACHE") or Path.home() / ".cache" / "simclr-kit"
    return Path(folder) / f"{name}-{key}.npy"


def read(file: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The cached uint8 array of that shape, or None where it is absent or damaged.

    It is memory-mapped: writing to it changes the copy in memory, never the file.
    """
    try:
        images = np.load(file, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return np.asarray(images) if (images.shape, images.dtype) == (shape, np.uint8) else None


def write(file: Path, images: np.ndarray) -> None:
    """Keep an array, whole or not at all; a full or read-only disk is no error."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        try:
            with part.open("wb") as out:
                np.save(out, images, allow_pickle=False)
                out.flush()
                os.fsync(out.fileno())
            os.replace(part, file)
        finally:
            part.unlink(missing_ok=True)

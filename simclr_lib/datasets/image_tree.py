"""Pictures in one folder a class, in a folder or a zip.

    flowers/rose/1.jpg               flowers/train/rose/1.jpg
    flowers/tulip/a.png              flowers/test/rose/9.jpg
    (a seeded split: 20 % test)      (`val` or `validation` serves where there is no `test`)

A folder that wraps the whole tree is stepped into. JPEG, PNG and WebP count; everything else is
ignored, and said once. Pictures are ordered by class and name, so that the same tree gives the
same arrays on every machine.
"""

import hashlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing.pool import ThreadPool
from pathlib import Path
from threading import Lock

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from simclr_lib.datasets import decoded_cache, picture, tiny_imagenet
from simclr_lib.datasets.dataset import Dataset
from simclr_lib.datasets.stratify import balanced_subset
from simclr_lib.datasets.tree_files import TreeFiles, open_tree
from simclr_lib.datasets.tree_layout import read_layout
from simclr_lib.errors import UserError

SIZE_SAMPLE = 500  # headers read to learn how large the pictures are
THREADS_FROM_SIDE = 200  # Python's lock makes threads slower below, up to twice as fast above
CACHE_FROM_SECONDS = 2.0  # a decoding that took less is not worth the disk
SECONDS_BETWEEN_LINES = 10  # of progress, where there is no terminal


def load(
    path: Path,
    *,
    train_limit: int | None = None,
    test_limit: int | None = None,
    seed: int = 0,
    image_size: int | None = None,
) -> Dataset:
    """Read a class-per-folder tree, or Tiny-ImageNet, which is known by its own layout.

    Only the pictures that the limits keep are decoded.

    Args:
        path: the folder or zip.
        train_limit: keep at most so many training pictures, evenly over the classes.
        test_limit: the same for the test pictures.
        seed: of the split and of what the limits keep.
        image_size: side of the pictures; None for `default_size`. Pictures of another size are
            cut to their centre square and resized, and their number is said in a warning.

    Returns:
        A `Dataset` named after the folder or zip; labels number the sorted class names. Images
        that were kept on disk are memory-mapped, see `decoded_cache.read`.

    Raises:
        UserError: the tree, or a picture in it, is at fault; the message names it.
    """
    name = path.resolve().name if path.is_dir() else path.resolve().stem
    with warnings.catch_warnings(), open_tree(path) as files:
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        tiny_root = tiny_imagenet.root_of(files)
        if tiny_root is None:
            class_names, train, test = read_layout(path, files, seed)
            _say_ignored(path, files, train.names + test.names)
        else:
            name = tiny_imagenet.NAME
            class_names, train, test = tiny_imagenet.read_layout(path, files, tiny_root)
        sizes = _sample_sizes(path, files, train.names + test.names)
        train = train.take(balanced_subset(train.labels, train_limit, seed))
        test = test.take(balanced_subset(test.labels, test_limit, seed))

        names = train.names + test.names
        side = image_size or default_size(sizes)
        stamps = [(picture_name, files.stamp(picture_name)) for picture_name in names]
        key = hashlib.sha256(repr((side, PIL.__version__, stamps)).encode()).hexdigest()[:16]
        cached, shape = decoded_cache.cache_file(name, key), (len(names), side, side, 3)
        images = decoded_cache.read(cached, shape)
        if images is None:
            images = decoded_cache.fill(
                cached,
                shape,
                lambda first: _decoded(path, files, names, side, first, threads=_are_large(sizes)),
                from_seconds=CACHE_FROM_SECONDS,
            )
    return Dataset(
        train_images=images[: len(train.names)],
        train_labels=train.labels,
        test_images=images[len(train.names) :],
        test_labels=test.labels,
        class_names=class_names,
        name=name,
    )


def default_size(sizes: list[tuple[int, int]]) -> int:
    """The side to bring pictures of these widths and heights to, small enough for a laptop.

    Equal squares of up to 96 pixels stay as they are; otherwise it is the median of the shorter
    sides, but from 32 to 96.
    """
    width, height = sizes[0]
    if width == height <= 96 and set(sizes) == {(width, height)}:
        return width
    return int(np.clip(np.median([min(size) for size in sizes]), 32, 96))


def _are_large(sizes: list[tuple[int, int]]) -> bool:
    return np.median([min(size) for size in sizes]) >= THREADS_FROM_SIDE


def _say_ignored(path: Path, files: TreeFiles, used: list[str]) -> None:
    ignored = sorted(set(files.names).difference(used))
    if ignored:
        warnings.warn(
            f"{path}: {len(ignored)} files ignored that are no JPEG, PNG or WebP picture in a"
            f" class folder, such as {ignored[0]}",
            stacklevel=4,
        )


def _sample_sizes(path: Path, files: TreeFiles, names: list[str]) -> list[tuple[int, int]]:
    sizes = []
    for name in names[:: -(-len(names) // SIZE_SAMPLE)]:
        with _naming(path, name), files.open(name) as file:
            sizes.append(picture.shape_of(file))
    return sizes


def _decoded(
    path: Path, files: TreeFiles, names: list[str], side: int, first: int, *, threads: bool
) -> Iterator[np.ndarray]:
    """The pictures from the `first` on, in their order, beside a bar with the time left."""
    one_reader = Lock()

    def decode(name: str) -> tuple[np.ndarray, bool]:
        with _naming(path, name):
            with one_reader, files.open(name) as file:
                data = file.read()
            return picture.decode(data, side)

    wanted, resized = names[first:], 0
    with ThreadPool() if threads else nullcontext() as pool:
        decoded = pool.imap(decode, wanted, chunksize=16) if threads else map(decode, wanted)
        # Elsewhere than in a terminal, such as in a notebook, now and then is often enough.
        pause = 0.1 if sys.stderr.isatty() else SECONDS_BETWEEN_LINES
        title = f"decoding {path.name}"
        for image, was_resized in tqdm(
            decoded, title, len(names), initial=first, delay=1.5, mininterval=pause
        ):
            resized += was_resized
            yield image
    if resized:
        warnings.warn(
            f"{path}: {resized} of {len(wanted)} pictures cut to their centre square and resized to"
            f" {side}×{side}",
            stacklevel=5,
        )


@contextmanager
def _naming(path: Path, name: str) -> Iterator[None]:
    """Turn whatever a broken picture raises into a line that names it."""
    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UserError(
            f"{path}: the picture {name} has more than {Image.MAX_IMAGE_PIXELS} pixels:"
            " shrink it, or take it out"
        ) from error
    except UnidentifiedImageError as error:
        raise UserError(
            f"{path}: {name} is not a JPEG, PNG or WebP picture: replace it, or take it out"
        ) from error
    except Exception as error:  # the decoders raise nearly anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path}: the picture {name} does not decode ({reason}): replace it, or take it out"
        ) from error

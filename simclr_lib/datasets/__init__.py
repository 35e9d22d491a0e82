"""Where pictures come from: one file a source, one `Dataset` whatever the source."""

import difflib
import os
from pathlib import Path

from simclr_lib.datasets import cifar10, image_tree, tiny_imagenet
from simclr_lib.datasets.dataset import Dataset
from simclr_lib.datasets.stratify import limited
from simclr_lib.errors import UserError

__all__ = ["Dataset", "load_dataset"]

BUILT_IN = ("shapes", "cifar10", tiny_imagenet.NAME)


def load_dataset(
    name_or_path: str | os.PathLike,
    *,
    train_limit: int | None = None,
    test_limit: int | None = None,
    seed: int = 0,
    image_size: int | None = None,
) -> Dataset:
    """Load labelled pictures by name or from a folder or zip.

    Nothing is ever downloaded here: `simclr data cifar10` does that.

    Args:
        name_or_path: `"shapes"` (drawn by code), `"cifar10"` (from the Keras cache),
            `"tiny-imagenet"` (see `tiny_imagenet.find` for where it is looked for), a folder of
            CIFAR-10 batches, or a folder or zip of Tiny-ImageNet or with one folder of pictures a
            class (see `image_tree`).
        train_limit: keep at most so many training pictures, drawn evenly from the classes.
        test_limit: the same for the test pictures.
        seed: draws the shapes, splits a tree that has no test part, and chooses what a limit
            keeps. With the same seed, a smaller limit keeps a part of what a larger one keeps.
        image_size: side in pixels of the pictures of a folder or zip; None chooses one
            (see `image_tree.default_size`).

    Returns:
        A `Dataset`: uint8 images `(N, image_size, image_size, 3)` and int64 labels `(N,)`. Images
        of a large tree are memory-mapped and read-only.

    Raises:
        UserError: the name or path does not exist, a number is out of range, or the data cannot
            be read; the message names what is at fault.
    """
    options = {"train_limit": train_limit, "test_limit": test_limit, "image_size": image_size}
    for option, value in options.items():
        if value is not None and value < 1:
            raise UserError(f"{option}={value}: give a whole number from 1, or leave it out")

    if name_or_path == "shapes":
        from simclr_lib.datasets.shapes import draw_shapes

        dataset = draw_shapes(seed=seed)
    elif name_or_path == "cifar10":
        dataset = cifar10.load()
    else:
        named = name_or_path == tiny_imagenet.NAME
        path = tiny_imagenet.find() if named else _existing(name_or_path)
        folder = cifar10.find(path)
        if folder is None:
            return image_tree.load(path, seed=seed, **options)
        dataset = cifar10.load(folder)

    if image_size not in (None, dataset.image_size):
        raise UserError(
            f"image_size={image_size}: {dataset.name} comes at {dataset.image_size} only;"
            " leave image_size out"
        )
    return limited(dataset, train_limit, test_limit, seed)


def _existing(name_or_path: str | os.PathLike) -> Path:
    text = os.fspath(name_or_path)
    path = os.path.expanduser(text)
    if os.path.exists(path):
        return Path(path)
    near = difflib.get_close_matches(text.lower(), BUILT_IN, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "the path does not exist"
    known = ", ".join(map(repr, BUILT_IN))
    raise UserError(f"no dataset {text!r}: {hint} (known: {known}, or a folder or zip of pictures)")

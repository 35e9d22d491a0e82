"""Tiny-ImageNet-200: 100,000 training pictures of 64×64 in 200 classes, in its own layout.

    train/n01443537/images/n01443537_0.JPEG    val/images/val_0.JPEG
    words.txt: what each class is called       val/val_annotations.txt: the class of each picture

A folder or a zip of it serves. The 10,000 pictures of `val` are the test part, in the order of
their names; those of `test` have no published labels and are left out.
"""

import os
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from simclr_lib.datasets.cifar10 import keras_datasets
from simclr_lib.datasets.tree_files import TreeFiles
from simclr_lib.datasets.tree_layout import Part, is_picture, labelled, pictures_by_class
from simclr_lib.errors import UserError

NAME = "tiny-imagenet"
FOLDER = "tiny-imagenet-200"
URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
VARIABLE = "SIMCLR_TINY_IMAGENET"
ANNOTATIONS = "val/val_annotations.txt"


def find() -> Path:
    """Where it lies: what `$SIMCLR_TINY_IMAGENET` names, or `tiny-imagenet-200`, with or without
    `.zip`, in the working folder, in `data` below it, or among what Keras downloaded.

    Raises:
        UserError: in none of them, or not where the variable says.
    """
    if named := os.environ.get(VARIABLE):
        path = Path(named).expanduser()
        if not path.exists():
            raise UserError(f"{VARIABLE} is {named!r}, which does not exist: correct or unset it")
        return path
    for place in (Path(), Path("data"), keras_datasets()):
        for path in (place / FOLDER, place / f"{FOLDER}.zip"):
            if path.exists():
                return path
    raise UserError(
        f"Tiny-ImageNet is not on this machine: fetch {URL} (237 MB) into this folder, or set"
        f" {VARIABLE} to where it lies, as a zip or unpacked"
    )


def root_of(files: TreeFiles) -> str | None:
    """The folder that holds the layout, `""` or a path that ends in `/`; None: it is another."""
    for mark in (ANNOTATIONS, "wnids.txt"):
        for name in files.names:
            root = name.removesuffix(mark)
            if (
                name != root
                and (not root or root.endswith("/"))
                and f"{root}train" in files.folders
            ):
                return root
    return None


def read_layout(path: Path, files: TreeFiles, root: str) -> tuple[tuple[str, ...], Part, Part]:
    """Class names, training part and test part; labels number the sorted WordNet numbers.

    Args:
        path: of the folder or zip, for messages.
        files: what it holds.
        root: from `root_of`.

    Raises:
        UserError: a class without pictures, fewer than two classes, or annotations that are
            missing, cut short, or at odds with the pictures.
    """
    train = pictures_by_class(path, files, f"{root}train/")
    if len(train) < 2:
        raise UserError(
            f"{path}: {root}train/ has {len(train)} class folders, not 200: copy it again"
        )
    numbers = tuple(train)
    test = _annotated(path, files, root, {number: label for label, number in enumerate(numbers)})
    return _class_names(path, files, root, numbers), labelled(train, numbers), test


def _annotated(path: Path, files: TreeFiles, root: str, labels: dict[str, int]) -> Part:
    """The pictures of `val`, with the labels that its annotations give them."""
    source, folder = f"{root}{ANNOTATIONS}", f"{root}val/images/"
    if source not in files.names:
        raise UserError(f"{path}: {source} is missing, which tells the classes: copy it again")
    given, columns = {}, None
    for number, line in enumerate(_lines(files, source), start=1):
        fields = line.split("\t")
        columns = columns or max(2, len(fields))  # as published: name, class, and a box of four
        if len(fields) < columns:
            raise UserError(
                f"{path}: {source} is cut short in line {number}, {len(fields)} columns where"
                f" {columns} belong: copy it again"
            )
        if fields[1] not in labels:
            raise UserError(
                f"{path}: {source}, line {number}: the class {fields[1]!r} has no folder in"
                f" {root}train/: copy it again"
            )
        given[folder + fields[0]] = labels[fields[1]]

    here = [name for name in files.names if name.startswith(folder) and is_picture(name)]
    missing = sorted(given.keys() - here)
    if missing:
        raise UserError(
            f"{path}: {source} names {len(missing)} of {len(given)} pictures that are not in"
            f" {folder}, such as {missing[0].removeprefix(folder)}: copy them again"
        )
    unknown = [name for name in here if name not in given]
    if unknown:
        raise UserError(
            f"{path}: {len(unknown)} of {len(here)} pictures in {folder} have no line in {source},"
            f" such as {unknown[0].removeprefix(folder)}: copy the annotations again"
        )
    if not here:
        raise UserError(
            f"{path}: {folder} holds no picture, and the test needs some: copy it again"
        )
    return Part(here, np.array([given[name] for name in here], np.int64))


def _class_names(
    path: Path, files: TreeFiles, root: str, numbers: tuple[str, ...]
) -> tuple[str, ...]:
    """The first of each class's names; its WordNet number where it has none, or shares it."""
    source = f"{root}words.txt"
    if source not in files.names:
        warnings.warn(
            f"{path} has no words.txt: its classes go by their WordNet numbers", stacklevel=5
        )
        return numbers
    words = dict(line.split("\t", 1) for line in _lines(files, source) if "\t" in line)
    names = [words.get(number, "").split(",")[0].strip() or number for number in numbers]
    often = Counter(names)
    return tuple(
        name if often[name] == 1 else f"{name} ({number})"
        for name, number in zip(names, numbers, strict=True)
    )


def _lines(files: TreeFiles, name: str) -> list[str]:
    """The lines of a text file, without empty ones at its end."""
    with files.open(name) as file:
        return file.read().decode(errors="replace").rstrip().splitlines()

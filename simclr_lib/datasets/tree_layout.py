"""Which pictures of a class-per-folder tree are for training, which for the test, of what class."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simclr_lib.datasets.picture import SUFFIXES
from simclr_lib.datasets.stratify import split_mask
from simclr_lib.datasets.tree_files import TreeFiles
from simclr_lib.errors import UserError

TEST_FRACTION = 0.2
TEST_FOLDERS = ("test", "val", "validation")


@dataclass(frozen=True)
class Part:
    """Names of pictures, and their labels: int64 `(N,)`."""

    names: list[str]
    labels: np.ndarray

    def take(self, indices: np.ndarray) -> "Part":
        return Part([self.names[i] for i in indices], self.labels[indices])


def read_layout(path: Path, files: TreeFiles, seed: int) -> tuple[tuple[str, ...], Part, Part]:
    """Class names, training part and test part of a tree.

    Args:
        path: of the tree, for messages.
        files: what it holds.
        seed: of the split, where the tree has no test folder.

    Raises:
        UserError: no pictures, fewer than two classes, a class without pictures, a class of one
            picture where a split is needed, or a test class that training lacks.
    """
    if not any(map(is_picture, files.names)):
        raise UserError(f"{path} holds no JPEG, PNG or WebP picture")
    train_folder, test_folder = _train_and_test(path, files, _root(files))
    train = pictures_by_class(path, files, train_folder)
    class_names = tuple(train)
    if len(class_names) < 2:
        found = f"only the class {class_names[0]!r}" if class_names else "no class folder"
        raise UserError(f"{path} has {found}: put the pictures in two or more, one folder a class")

    if test_folder is None:
        for name, pictures in train.items():
            if len(pictures) == 1:
                raise UserError(
                    f"{path}: the class {name!r} has one picture, but training and test need one"
                    " each: add pictures, or remove the class"
                )
        whole = labelled(train, class_names)
        for_test = split_mask(whole.labels, TEST_FRACTION, seed)
        parts = whole.take(np.flatnonzero(~for_test)), whole.take(np.flatnonzero(for_test))
        return class_names, *parts

    test = pictures_by_class(path, files, test_folder)
    for name in test:
        if name not in train:
            raise UserError(
                f"{path}: the class {name!r} is in {test_folder} but not in {train_folder}:"
                " use the same class folders in both"
            )
    return class_names, labelled(train, class_names), labelled(test, class_names)


def _root(files: TreeFiles) -> str:
    """Step into folders that merely wrap the tree; stop where the class folders begin."""
    root = ""
    depth = max(name.count("/") for name in files.names if is_picture(name))
    while depth - root.count("/") > 1 and len(children := files.children(root)) == 1:
        root += children[0] + "/"
    return root


def _train_and_test(path: Path, files: TreeFiles, root: str) -> tuple[str, str | None]:
    folders = {name.lower(): f"{root}{name}/" for name in files.children(root)}
    if "train" not in folders or not files.children(folders["train"]):  # "train" may be a class
        return root, None
    candidates = [folders[name] for name in TEST_FOLDERS if name in folders]
    with_classes = [folder for folder in candidates if files.children(folder)]
    if candidates and not with_classes:
        raise UserError(
            f"{path}: {candidates[0]} has no class folder: sort its pictures into class folders,"
            " or remove it to have a part of the training pictures kept for the test"
        )
    return folders["train"], next(iter(with_classes), None)


def pictures_by_class(path: Path, files: TreeFiles, folder: str) -> dict[str, list[str]]:
    """The pictures below each folder in `folder`, `""` or a path that ends in `/`.

    Raises:
        UserError: a class folder holds none.
    """
    classes = {name: [] for name in files.children(folder)}
    for name in filter(is_picture, files.names):
        if name.startswith(folder):
            class_name, inside, _ = name[len(folder) :].partition("/")
            if inside:
                classes[class_name].append(name)
    for class_name, pictures in classes.items():
        if not pictures:
            raise UserError(
                f"{path}: the class folder {folder}{class_name} holds no picture:"
                " add some, or remove it"
            )
    return classes


def labelled(classes: dict[str, list[str]], class_names: tuple[str, ...]) -> Part:
    """The pictures of all classes as one part, class by class."""
    names = [name for pictures in classes.values() for name in pictures]
    labels = [class_names.index(name) for name, pictures in classes.items() for _ in pictures]
    return Part(names, np.array(labels, np.int64))


def is_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)

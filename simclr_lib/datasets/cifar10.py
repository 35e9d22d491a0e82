"""CIFAR-10 in its original form: six pickled batches, found in the Keras cache or fetched there.

A pickle can run any program, so these are read by an unpickler that knows arrays of bytes,
strings and numbers only.
"""

import hashlib
import http.client
import os
import pickle
import shutil
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from simclr_lib.datasets.dataset import Dataset
from simclr_lib.errors import UserError

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
MD5 = "c58f30108f718f92721af3b95e74349a"
FOLDER = "cifar-10-batches-py"
TRAIN_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST_BATCH = "test_batch"
CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def find(*places: Path) -> Path | None:
    """The first folder of batches among the places, or in a `cifar-10-batches-py` below one.

    Without places, looks where the versions of Keras keep theirs.
    """
    for place in places or (keras_datasets(), keras_datasets() / f"{FOLDER}-target"):
        for folder in (place, place / FOLDER):
            if (folder / TRAIN_BATCHES[0]).is_file():
                return folder
    return None


def load(folder: Path | None = None) -> Dataset:
    """Read the batches of a folder, or without one of the Keras cache.

    Returns:
        A `Dataset` of 50,000 and 10,000 pictures of 32×32.

    Raises:
        UserError: there are no batches, or a file is no batch of CIFAR-10.
    """
    folder = folder or find()
    if folder is None:
        raise UserError(
            "CIFAR-10 is not on this machine: run `simclr data cifar10`, or give the path of its"
            f" {FOLDER} folder"
        )
    train = [_read_batch(folder / name) for name in TRAIN_BATCHES]
    test_images, test_labels = _read_batch(folder / TEST_BATCH)
    return Dataset(
        train_images=np.concatenate([images for images, _ in train]),
        train_labels=np.concatenate([labels for _, labels in train]),
        test_images=test_images,
        test_labels=test_labels,
        class_names=CLASS_NAMES,
        name="cifar10",
    )


def download(target: Path | None = None, *, url: str = URL, md5: str = MD5) -> Path:
    """Fetch the batches, with a progress bar; the folder appears whole or not at all.

    Args:
        target: the folder to make; None for the place in the Keras cache where `load` looks.
            One that holds the batches already is left as it is.
        url: of a gzipped tar that holds them in a folder `cifar-10-batches-py`.
        md5: of that archive, in hexadecimal.

    Returns:
        The folder of the batches.

    Raises:
        UserError: the network or the disk fails, or the archive is not the expected one.
    """
    if target is None:
        target = find() or keras_datasets() / FOLDER
    if find(target) == target:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{FOLDER}-", dir=target.parent) as scratch:
            archive, batches = Path(scratch) / "archive.tar.gz", Path(scratch) / FOLDER
            digest = hashlib.md5(usedforsecurity=False)
            with archive.open("wb") as out:
                for block in _fetch(url):
                    out.write(block)
                    digest.update(block)
            if digest.hexdigest() != md5:
                raise UserError(f"{url} came cut short or altered: run the command again")
            batches.mkdir()
            with tarfile.open(archive) as tar:  # only files asked for by name leave the archive
                for name in (*TRAIN_BATCHES, TEST_BATCH):
                    with (batches / name).open("wb") as out:
                        shutil.copyfileobj(tar.extractfile(f"{FOLDER}/{name}"), out)
            os.replace(batches, target)
    except OSError as error:
        raise UserError(
            f"cannot write {target} ({error.strerror}): make room there, or name another folder"
        ) from error
    return target


def keras_datasets() -> Path:
    """The folder where Keras keeps what it downloads."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def _fetch(url: str) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            bar = tqdm(
                total=response.length, desc="CIFAR-10", unit="B", unit_scale=True, disable=None
            )
            with bar:
                while block := response.read(1 << 16):
                    bar.update(len(block))
                    yield block
    except (OSError, http.client.HTTPException) as error:
        raise UserError(
            f"cannot fetch {url} ({error}): check the network, or bring the {FOLDER} folder from"
            " another machine and give its path"
        ) from error


def _read_batch(file: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with file.open("rb") as opened:
            batch = _ArraysOnly(opened, encoding="bytes").load()
        batch = {key.decode() if isinstance(key, bytes) else key: batch[key] for key in batch}
        images = batch["data"].values.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        labels = np.array(batch["labels"], np.int64)
        if labels.shape != images.shape[:1]:
            raise ValueError(f"{len(images)} pictures but {len(labels)} labels")
        if labels.min() < 0 or labels.max() >= len(CLASS_NAMES):
            raise ValueError("labels beyond the ten classes")
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UserError(
            f"{file} is no batch of CIFAR-10 ({error}): remove the folder, and run"
            " `simclr data cifar10`"
        ) from error
    return np.ascontiguousarray(images), labels


class _ByteArray:
    """Stands in for a pickled uint8 array, because NumPy's own unpickling trusts what it reads."""

    def __init__(self, *_unused: object) -> None:
        self.values = np.empty(0, np.uint8)

    def __setstate__(self, state: tuple) -> None:
        _version, shape, _dtype, by_columns, data = state
        self.values = np.frombuffer(data, np.uint8).reshape(shape, order="CF"[by_columns])


class _ByteType:
    """Stands in for `numpy.dtype`: uint8, or nothing."""

    def __init__(self, code: bytes | str, *_unused: object) -> None:
        if code not in (b"u1", "u1"):
            raise pickle.UnpicklingError(f"it holds an array of {code!r}")

    def __setstate__(self, state: tuple) -> None:
        pass


_ADMITTED = {
    ("numpy", "ndarray"): _ByteArray,
    ("numpy", "dtype"): _ByteType,
    ("numpy.core.multiarray", "_reconstruct"): _ByteArray,
    ("numpy._core.multiarray", "_reconstruct"): _ByteArray,  # since NumPy 2
    # Python 3 writes bytes so where Python 2 shall be able to read them.
    ("_codecs", "encode"): lambda text, _encoding: text.encode("latin1"),
}


class _ArraysOnly(pickle.Unpickler):
    """Refuses every name but the few that a pickled array of bytes is made of."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ADMITTED[module, name]

"""Checkpoints: whole or not there, and a damaged one is named in one line."""

import errno
import os

import keras
import numpy as np
import pytest

from simclr_lib.errors import UserError
from simclr_lib.pretraining import checkpoint as module
from simclr_lib.pretraining.checkpoint import load_checkpoint, save_checkpoint

VALUES = [
    np.arange(12, dtype="float32").reshape(3, 4) / 7,
    np.float32(2.5),
    np.array([1, 2**32 - 1], "uint32"),  # the state of a seed generator
    np.int64(2**40),  # optimizer steps
    np.array([True, False]),
    *(np.full(2, i, "float32") for i in range(12)),  # more than nine: the order is not by text
]
PROGRESS = {"step": 7, "seconds": 1.5, "history": [{"loss": 6.2}], "note": "τ = 0.5"}


class Array(np.ndarray):
    """An array that is assigned to as a Keras variable is."""

    def assign(self, value):
        self[...] = value


def variables(values=VALUES):
    return [np.array(value).view(Array) for value in values]


def blank(values=VALUES):
    return variables([np.zeros_like(value) for value in values])


def assert_same(found, expected=VALUES):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), theirs)


@pytest.fixture
def path(tmp_path):
    save_checkpoint(tmp_path / "checkpoint.npz", variables(), PROGRESS)
    return tmp_path / "checkpoint.npz"


def test_what_was_saved_comes_back_to_the_last_bit(path):
    fresh = blank()
    assert load_checkpoint(path, fresh) == PROGRESS
    assert_same(fresh)


def test_keras_variables_come_back_to_the_last_bit(tmp_path):
    def model():
        layers = [
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ]
        built = keras.Sequential([keras.Input((2,)), *layers])
        built.compile(keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.1, 9)), "mse")
        built.optimizer.build(built.trainable_variables)
        return built, [*built.variables, *built.optimizer.variables]

    first, old = model()
    first.train_on_batch(np.eye(2), np.ones((2, 3)))
    save_checkpoint(tmp_path / "checkpoint.npz", old, PROGRESS)
    _, new = model()
    load_checkpoint(tmp_path / "checkpoint.npz", new)
    assert_same([v.numpy() for v in new], [v.numpy() for v in old])


def test_a_new_checkpoint_takes_the_place_of_the_old_and_leaves_nothing_beside(path):
    save_checkpoint(path, blank(), {"step": 8})
    fresh = variables()
    assert load_checkpoint(path, fresh) == {"step": 8}
    assert_same(fresh, blank())
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.npz"]


def disk_full(*arguments, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


def write_half(file, **arrays):
    file.write(b"PK\3\4 half of a checkpoint")
    disk_full()


def interrupted(*arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("where", "name", "failing", "raised"),
    [
        (module.np, "savez", write_half, OSError),
        (os, "fsync", disk_full, OSError),
        (os, "replace", disk_full, OSError),
        (os, "fsync", interrupted, KeyboardInterrupt),
    ],
)
def test_a_failed_write_leaves_the_old_checkpoint(monkeypatch, path, where, name, failing, raised):
    with monkeypatch.context() as patch, pytest.raises(raised):
        patch.setattr(where, name, failing)
        save_checkpoint(path, blank(), {"step": 8})
    fresh = blank()
    assert load_checkpoint(path, fresh) == PROGRESS
    assert_same(fresh)
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.npz"]


def test_the_old_checkpoint_stays_until_the_new_one_is_on_disk(monkeypatch, path):
    happened = []
    for name in ("fsync", "replace"):
        done = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, name=name, done=done: happened.append(name) or done(*a)
        )
    save_checkpoint(path, variables(), {"step": 8})
    assert happened == ["fsync", "replace", "fsync"]  # its bytes, its new name, the folder


def assert_named_in_one_line(path, fresh):
    with pytest.raises(UserError) as refusal:
        load_checkpoint(path, fresh)
    message = str(refusal.value)
    assert str(path) in message and "delete it" in message and "\n" not in message


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.5, 0.9, 0.999])
def test_a_checkpoint_cut_short_is_named_and_nothing_is_changed(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    fresh = blank()
    assert_named_in_one_line(path, fresh)
    assert_same(fresh, blank())


def test_a_checkpoint_with_a_flipped_byte_is_refused_or_still_right(path):
    whole = path.read_bytes()
    for position in range(0, len(whole), 31):
        for bits in (0x01, 0x08, 0xFF):
            damaged = bytearray(whole)
            damaged[position] ^= bits
            path.write_bytes(damaged)
            fresh = blank()
            try:
                progress = load_checkpoint(path, fresh)
            except UserError:
                assert_same(fresh, blank())
            else:  # a date in the archive, for example
                assert progress == PROGRESS
                assert_same(fresh)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x93NUMPY\1\0", b"{}", b"PK\3\4" * 50])
def test_a_file_of_another_kind_is_named(path, content):
    path.write_bytes(content)
    assert_named_in_one_line(path, blank())


def test_a_lone_array_is_named(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    assert_named_in_one_line(path, blank())


def test_a_pickle_is_never_loaded(path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(path.parent / "sprung"),))

    with path.open("wb") as file:
        np.savez(file, progress=np.array(Trap(), dtype=object))
    assert_named_in_one_line(path, blank())
    assert not (path.parent / "sprung").exists()


@pytest.mark.parametrize(
    "others",
    [
        VALUES[:-1],
        [*VALUES, np.zeros(2)],
        [VALUES[0].T, *VALUES[1:]],
        [VALUES[1], VALUES[0], *VALUES[2:]],
        [],
    ],
    ids=["fewer", "more", "other shape", "other order", "none"],
)
def test_the_checkpoint_of_another_model_is_named_and_nothing_is_changed(path, others):
    fresh = blank(others)
    with pytest.raises(UserError, match="another model"):
        load_checkpoint(path, fresh)
    assert_same(fresh, blank(others))

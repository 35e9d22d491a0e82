"""The one entrance: names, paths, limits, and what is said about a wrong one."""

import subprocess
import sys

import numpy as np
import pytest

from simclr_lib.datasets import load_dataset
from simclr_lib.datasets.stratify import balanced_subset, split_mask
from simclr_lib.errors import UserError


def test_importing_the_datasets_brings_no_framework():
    code = (
        "import sys, simclr_lib.datasets;"
        "print(*{'keras', 'tensorflow', 'jax', 'torch', 'matplotlib'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (answer.returncode, answer.stdout.split()) == (0, []), answer.stderr


def test_shapes_with_limits():
    data = load_dataset("shapes", train_limit=50, test_limit=20)
    assert data.train_images.shape == (50, 32, 32, 3)
    assert np.bincount(data.train_labels).tolist() == [5] * 10
    assert np.bincount(data.test_labels).tolist() == [2] * 10


@pytest.mark.parametrize("typed", ["cifar-10", "CIFAR10", "cifra10", "cifar"])
def test_a_mistyped_name_gets_the_nearest_known_one(typed):
    with pytest.raises(UserError, match="did you mean 'cifar10'"):
        load_dataset(typed)


@pytest.mark.parametrize("typed", ["", "no/such/folder", "pictures.zip", "~/no such folder"])
def test_a_path_that_does_not_exist_is_named(typed):
    with pytest.raises(UserError, match=f"{typed}.*path does not exist"):
        load_dataset(typed)


def test_a_tilde_stands_for_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no JPEG"):
        load_dataset("~/empty")


@pytest.mark.parametrize("option", ["train_limit", "test_limit", "image_size"])
@pytest.mark.parametrize("value", [0, -5])
def test_numbers_below_one_are_refused_by_name(option, value):
    with pytest.raises(UserError, match=f"{option}={value}"):
        load_dataset("shapes", **{option: value})


def test_an_image_size_that_a_source_does_not_have_is_refused():
    with pytest.raises(UserError, match="image_size=64: shapes comes at 32"):
        load_dataset("shapes", image_size=64)


LABELS = np.repeat([0, 1, 2], [10, 40, 3])


def test_a_subset_is_as_even_as_the_classes_allow():
    for limit in range(1, 53):
        counts = np.bincount(LABELS[balanced_subset(LABELS, limit, seed=0)], minlength=3)
        assert counts.sum() == limit
        # Whoever has less than the largest class by more than one has given all it has.
        short = counts < counts.max() - 1
        assert (counts[short] == np.bincount(LABELS)[short]).all()


def test_a_subset_is_seeded_ordered_and_nested():
    chosen = balanced_subset(LABELS, 20, seed=3)
    assert (np.diff(chosen) > 0).all()
    assert np.array_equal(chosen, balanced_subset(LABELS, 20, seed=3))
    assert not np.array_equal(chosen, balanced_subset(LABELS, 20, seed=4))
    assert set(balanced_subset(LABELS, 12, seed=3)) < set(chosen)


@pytest.mark.parametrize("limit", [None, 53, 1000])
def test_a_large_limit_keeps_everything(limit):
    assert np.array_equal(balanced_subset(LABELS, limit, seed=0), np.arange(53))


def test_a_split_leaves_something_of_every_class_on_both_sides():
    labels = np.repeat(np.arange(6), [2, 3, 5, 10, 100, 7])
    marked = np.bincount(labels[split_mask(labels, 0.2, seed=0)])
    assert marked.tolist() == [1, 1, 1, 2, 20, 1]

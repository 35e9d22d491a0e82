"""Seeded choices of pictures that treat every class alike."""

from dataclasses import replace

import numpy as np

from simclr_lib.datasets.dataset import Dataset


def balanced_subset(labels: np.ndarray, limit: int | None, seed: int) -> np.ndarray:
    """Choose at most `limit` examples, as evenly over the classes as their sizes allow.

    Args:
        labels: integers `(N,)`, from 0.
        limit: how many to keep; None, or more than there are, keeps all.
        seed: decides which. With one seed, a smaller choice lies within every larger one.

    Returns:
        The chosen indices in rising order.
    """
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    tie_break = np.random.default_rng(seed).permutation(len(labels))
    round_robin = np.lexsort((tie_break, _rank_in_class(labels, seed)))
    return np.sort(round_robin[:limit])


def split_mask(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Mark `fraction` of each class for the test, at least one example and never all of two.

    Args:
        labels: integers `(N,)`, from 0, each class at least twice.
        fraction: share of a class, up to one half.
        seed: decides which examples.

    Returns:
        Booleans `(N,)`, true for the test.
    """
    wanted = np.maximum(1, np.round(fraction * np.bincount(labels)))
    return _rank_in_class(labels, seed) < wanted[labels]


def limited(
    dataset: Dataset, train_limit: int | None, test_limit: int | None, seed: int
) -> Dataset:
    """Cut both parts of a dataset down to balanced subsets; None leaves a part as it is."""
    kept = {}
    for part, limit in (("train", train_limit), ("test", test_limit)):
        images, labels = getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels")
        if limit is not None and limit < len(labels):
            chosen = balanced_subset(labels, limit, seed)
            kept |= {f"{part}_images": images[chosen], f"{part}_labels": labels[chosen]}
    return replace(dataset, **kept)


def _rank_in_class(labels: np.ndarray, seed: int) -> np.ndarray:
    """Each example's place, from 0, in a random order of its own class."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    rank = np.empty(len(labels), np.int64)
    rank[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank

"""The small classifier: its size, the scale of the features and its seed decide what it learns."""

import numpy as np
import pytest

from simclr_lib.evaluation import small_classifier


def clouds(count, classes=5, dims=16, spread=0.3, seed=0):
    """Clouds around points on a circle in the first two axes, and noise in the others."""
    rng = np.random.default_rng([seed, count])
    labels = rng.integers(0, classes, count)
    features = spread * rng.normal(size=(count, dims))
    angle = 2 * np.pi * labels / classes
    features[:, 0] += np.cos(angle)
    features[:, 1] += np.sin(angle)
    return features.astype("float32"), labels


TRAIN, TEST = clouds(1500), clouds(600)


def classify(train=TRAIN, test=TEST, **options):
    options = {"batch_size": 50, "epochs": 8, "learning_rate": 1e-2} | options
    return small_classifier(*train, *test, **options)


def test_it_learns_clouds_and_tells_both_parts():
    found = classify()
    assert found.test_accuracy > 0.8
    assert found.train_accuracy >= found.test_accuracy - 0.03
    for share, count in ((found.train_accuracy, 1500), (found.test_accuracy, 600)):
        assert share * count == pytest.approx(round(share * count), abs=1e-6)


def test_labels_without_a_rule_are_learnt_on_no_part():
    labels = np.random.default_rng(7).permutation(TRAIN[1])
    found = classify(train=(TRAIN[0], labels), epochs=2)
    assert found.test_accuracy < 0.4 and found.train_accuracy < 0.4


def test_one_hidden_unit_is_too_few_and_twenty_are_enough():
    assert classify(hidden=(1,)).test_accuracy < 0.65 < classify(hidden=(20, 20)).test_accuracy


def test_the_scale_of_the_features_counts_unless_they_are_standardised():
    train, test = ((1e-3 * h + 1, y) for h, y in (TRAIN, TEST))
    assert classify(train, test, epochs=3).test_accuracy < 0.5
    assert classify(train, test, epochs=8, standardize=True).test_accuracy > 0.75


def test_constant_features_are_standardised_to_nothing():
    constant = np.ones((60, 4), "float32")
    labels = np.arange(60) % 3
    found = classify((constant, labels), (constant, labels), standardize=True, epochs=1)
    assert found.test_accuracy == pytest.approx(1 / 3)


def test_the_seed_decides_all():
    again = [classify(epochs=1, seed=seed, learning_rate=1e-3) for seed in (3, 3, 4)]
    assert again[0] == again[1] != again[2]


def test_a_batch_larger_than_the_features_takes_them_all():
    few = (TRAIN[0][:30], TRAIN[1][:30])
    assert 0 <= classify(train=few, batch_size=512, epochs=1).train_accuracy <= 1

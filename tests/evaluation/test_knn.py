"""Nearest neighbours against brute force, and votes counted by hand."""

import math

import numpy as np
import pytest

from simclr_lib.evaluation import knn_accuracy, nearest


def noise(count, dims=5, seed=0):
    rng = np.random.default_rng([seed, count])
    return (rng.uniform(0.1, 10, (count, 1)) * rng.normal(size=(count, dims))).astype("float32")


def cosine(a, b):
    return float(np.dot(a, b) / math.sqrt(np.dot(a, a) * np.dot(b, b)))


def by_brute_force(train_h, train_y, test_h, test_y, k, temperature):
    """Section 3.4 of Wu et al. (2018), a query at a time."""
    right = 0
    for query, true in zip(test_h.astype("float64"), test_y, strict=True):
        similar = [cosine(query, row) for row in train_h.astype("float64")]
        votes = [0.0] * (max(train_y) + 1)
        for index in sorted(range(len(train_h)), key=lambda i: -similar[i])[:k]:
            votes[train_y[index]] += math.exp(similar[index] / temperature)
        right += max(range(len(votes)), key=votes.__getitem__) == true
    return right / len(test_h)


@pytest.mark.parametrize("temperature", [0.1, 10])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_accuracy_equals_brute_force(k, temperature):
    train_h, test_h = noise(120), noise(300)
    train_y, test_y = (np.random.default_rng(n).integers(0, 4, n) for n in (120, 300))
    train_h[:, 0] += 3 * train_y  # something to be found
    test_h[:, 0] += 3 * test_y
    found = knn_accuracy(train_h, train_y, test_h, test_y, k, temperature)
    assert found == pytest.approx(by_brute_force(train_h, train_y, test_h, test_y, k, temperature))


@pytest.mark.parametrize("queries", [1, 256, 300])
def test_the_nearest_come_first_whatever_the_number_of_queries(queries):
    train_h, test_h = noise(60), noise(queries, seed=1)
    similarity, index = nearest(train_h, test_h, 5)
    for query in (0, queries // 2, queries - 1):
        expected = sorted((-cosine(test_h[query], row), i) for i, row in enumerate(train_h))[:5]
        assert index[query].tolist() == [i for _, i in expected]
        np.testing.assert_allclose(similarity[query], [-s for s, _ in expected], atol=1e-5)


def test_length_does_not_matter():
    _, index = nearest(np.array([[100.0, 90.0], [0.1, 0.0]]), np.array([[5.0, 0.0]]), 2)
    assert index.tolist() == [[1, 0]]


# Seen from (1, 0) these lie at cosines 1, 0.8, 0.8 and −1.
TRAIN = np.array([[2.0, 0.0], [0.8, 0.6], [0.8, -0.6], [-1.0, 0.0]])
QUERY = np.array([[1.0, 0.0]])


@pytest.mark.parametrize(
    ("k", "temperature", "winner"),
    [
        (1, 1.0, 0),
        (3, 1.0, 1),  # e^0.8 twice against e^1
        (3, 0.1, 0),  # e^8 twice against e^10
        (4, 1000.0, 1),  # all votes alike: three against one
    ],
)
def test_votes_weigh_by_similarity(k, temperature, winner):
    labels = np.array([0, 1, 1, 1])
    for label in (0, 1):
        found = knn_accuracy(TRAIN, labels, QUERY, np.array([label]), k, temperature)
        assert found == (label == winner)


def test_a_sharp_temperature_does_not_overflow():
    found = knn_accuracy(TRAIN, np.array([0, 1, 1, 1]), QUERY, np.array([0]), 4, 1e-4)
    assert found == 1


def test_more_neighbours_than_pictures_are_all_of_them():
    arguments = TRAIN, np.array([0, 1, 1, 1]), QUERY, np.array([1])
    assert knn_accuracy(*arguments, k=200, temperature=5) == 1
    assert knn_accuracy(*arguments, k=4, temperature=5) == 1


def test_a_class_that_training_does_not_have_is_never_right():
    assert knn_accuracy(TRAIN, np.array([0, 1, 1, 1]), QUERY, np.array([7]), 4) == 0


def test_features_of_zero_length_harm_nothing():
    train = np.vstack([TRAIN, np.zeros((1, 2))])
    assert knn_accuracy(train, np.array([0, 1, 1, 1, 1]), QUERY, np.array([0]), 2) == 1
    similarity, _ = nearest(train, np.zeros((1, 2)), 5)
    np.testing.assert_array_equal(similarity, np.zeros((1, 5)))

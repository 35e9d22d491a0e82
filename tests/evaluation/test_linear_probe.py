"""The linear probe against scikit-learn, and on what features can be at their worst."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from simclr_lib.evaluation import ProbeResult, linear_probe


def blobs(count, classes=4, dims=12, spread=2.0, seed=0):
    """Overlapping clouds, in features of very different scales and offsets."""
    rng = np.random.default_rng([seed, count])
    labels = rng.integers(0, classes, count)
    centers = np.random.default_rng(seed).normal(size=(classes, dims))
    features = centers[labels] + spread * rng.normal(size=(count, dims))
    return (features * np.geomspace(0.01, 100, dims) + 5).astype("float32"), labels


@pytest.fixture
def predict(monkeypatch):
    """`linear_probe` as a function that gives its predictions."""
    monkeypatch.setattr(
        ProbeResult, "of", classmethod(lambda cls, predicted, true, classes: predicted)
    )
    return linear_probe


@pytest.mark.parametrize("penalty", [1e-4, 1e-2, 1.0])
def test_predictions_are_those_of_scikit_learn(predict, penalty):
    (train_h, train_y), (test_h, test_y) = blobs(600), blobs(2000)
    found = predict(train_h, train_y, test_h, test_y, penalty=penalty)
    scaler = StandardScaler().fit(train_h)
    # Its C weighs the sum of the losses, λ the mean.
    reference = LogisticRegression(C=1 / (penalty * len(train_h)), max_iter=2000, tol=1e-8)
    reference.fit(scaler.transform(train_h), train_y)
    expected = reference.predict(scaler.transform(test_h))
    assert np.mean(found == expected) > 0.99
    assert abs(np.mean(found == test_y) - np.mean(expected == test_y)) < 0.01
    assert 0.4 < np.mean(found == test_y) < 0.95  # a task where it could be otherwise


@pytest.mark.parametrize("classes", [2, 5])
def test_separable_classes_are_told_apart(classes):
    (train_h, train_y), (test_h, test_y) = (blobs(n, classes, spread=0.05) for n in (200, 300))
    result = linear_probe(train_h, train_y, test_h, test_y)
    assert result.accuracy == 1
    np.testing.assert_array_equal(result.per_class, np.ones(classes))
    np.testing.assert_array_equal(result.confusion, np.diag(np.bincount(test_y)))


def test_confusion_and_shares_by_hand():
    true, predicted = np.array([0, 0, 0, 1, 1, 3]), np.array([0, 0, 1, 1, 3, 0])
    result = ProbeResult.of(predicted, true, 4)
    assert result.confusion.tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert result.accuracy == pytest.approx(3 / 6)
    np.testing.assert_allclose(result.per_class, [2 / 3, 1 / 2, np.nan, 0])


def test_scale_and_offset_of_a_feature_do_not_matter(predict):
    (train_h, train_y), (test_h, test_y) = blobs(300), blobs(300, seed=0)
    scale, offset = np.geomspace(1e-2, 1e2, 12), np.linspace(-50, 50, 12)
    plain = predict(train_h, train_y, test_h, test_y)
    moved = predict(train_h * scale + offset, train_y, test_h * scale + offset, test_y)
    assert np.mean(plain == moved) > 0.99


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e4])
@pytest.mark.parametrize("in_test", [0.0, 1.0])
def test_a_feature_that_is_constant_in_training_says_nothing(predict, constant, in_test):
    (train_h, train_y), (test_h, test_y) = blobs(300), blobs(400)
    plain = predict(train_h, train_y, test_h, test_y)
    train, test = (
        np.column_stack([h, np.full(len(h), constant + shift)])
        for h, shift in ((train_h, 0.0), (test_h, in_test))
    )
    found = predict(train.astype("float32"), train_y, test.astype("float32"), test_y)
    assert np.mean(found == plain) > 0.99


def test_features_that_are_all_constant_give_the_commonest_class(predict):
    features, labels = np.ones((50, 3), "float32"), np.repeat([0, 1, 2], [10, 25, 15])
    assert set(predict(features, labels, features, labels)) == {1}


def test_a_class_without_test_pictures_has_no_share():
    (train_h, train_y), (test_h, test_y) = blobs(300), blobs(300)
    keep = test_y != 2
    result = linear_probe(train_h, train_y, test_h[keep], test_y[keep])
    assert result.confusion.shape == (4, 4)
    assert np.isnan(result.per_class).tolist() == [False, False, True, False]
    assert result.accuracy == pytest.approx(np.nanmean(result.per_class), abs=0.1)


def test_a_class_without_training_pictures_is_never_right():
    (train_h, train_y), (test_h, test_y) = blobs(300), blobs(300)
    keep = train_y != 3
    result = linear_probe(train_h[keep], train_y[keep], test_h, test_y)
    assert result.per_class[3] == 0


def test_raw_bytes_are_features_too(predict):
    train, test = (np.random.default_rng(n).integers(0, 256, (200, 12), "uint8") for n in (0, 1))
    labels = (train[:, 0] > 127).astype(int)
    found = predict(train, labels, test, labels)
    np.testing.assert_array_equal(
        found, predict(train.astype("float32"), labels, test.astype("float32"), labels)
    )
    assert np.mean(found == (test[:, 0] > 127)) > 0.9


def test_the_given_features_stay_as_they_are():
    (train_h, train_y), (test_h, test_y) = blobs(100), blobs(120)
    before = train_h.copy(), test_h.copy()
    linear_probe(train_h, train_y, test_h, test_y)
    np.testing.assert_array_equal(train_h, before[0])
    np.testing.assert_array_equal(test_h, before[1])


def test_two_fits_agree_to_the_last_prediction(predict):
    (train_h, train_y), (test_h, test_y) = blobs(300), blobs(300)
    np.testing.assert_array_equal(
        predict(train_h, train_y, test_h, test_y), predict(train_h, train_y, test_h, test_y)
    )

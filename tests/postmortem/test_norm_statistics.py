"""BatchNorm's statistics by formula, and an encoder that is left as it was."""

import numpy as np
import pytest

from simclr_lib.encoders import resnet
from simclr_lib.evaluation import extract_features
from simclr_lib.fast_layers import BatchNormalization
from simclr_lib.postmortem.norm_statistics import (
    features_by_batch,
    features_reestimated,
    initial_share,
    kept_statistics,
)

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), "uint8")


@pytest.mark.parametrize(
    ("momentum", "steps", "share"), [(0.99, 300, 0.049), (0.9, 300, 0.0), (0.5, 1, 0.5), (0, 1, 0)]
)
def test_the_share_that_is_left_is_the_one_known(momentum, steps, share):
    assert initial_share(momentum, steps) == pytest.approx(share, abs=5e-4)


@pytest.mark.parametrize(("momentum", "steps"), [(0.99, 30), (0.9, 30), (0.5, 3)])
def test_a_layer_keeps_just_that_share(momentum, steps):
    layer = BatchNormalization(momentum=momentum)
    layer.build((None, 4, 4, 3))
    layer.moving_mean.assign([9.0, 9.0, 9.0])
    layer.moving_variance.assign([7.0, 7.0, 7.0])
    batch = np.random.default_rng(1).normal(2, 3, (8, 4, 4, 3)).astype("float32")
    for _ in range(steps):
        layer(batch, training=True)
    share = initial_share(momentum, steps)
    mean, variance = batch.mean(axis=(0, 1, 2)), batch.var(axis=(0, 1, 2))
    expected = share * 9 + (1 - share) * mean
    np.testing.assert_allclose(np.asarray(layer.moving_mean), expected, rtol=1e-3)
    expected = share * 7 + (1 - share) * variance
    np.testing.assert_allclose(np.asarray(layer.moving_variance), expected, rtol=1e-3)


@pytest.fixture
def encoder():
    """An encoder whose running statistics are those of no picture."""
    model = resnet(8, width=4)
    rng = np.random.default_rng(0)
    for variable in model.non_trainable_variables:
        variable.assign(rng.uniform(0.5, 2, variable.shape))
    return model


def statistics(encoder):
    return [np.asarray(variable).copy() for variable in encoder.non_trainable_variables]


def test_features_by_batch_are_those_of_training_mode_in_the_order_of_the_pictures(encoder):
    before = statistics(encoder)
    whole = features_by_batch(encoder, IMAGES, batch_size=24)
    with kept_statistics(encoder):
        expected = np.asarray(encoder(IMAGES.astype("float32") / 255, training=True))
    np.testing.assert_allclose(whole, expected, rtol=1e-3, atol=1e-4)
    parts = features_by_batch(encoder, IMAGES, batch_size=10)
    assert parts.shape == whole.shape and not np.allclose(parts, whole, rtol=1e-2)
    np.testing.assert_equal(statistics(encoder), before)


def test_reestimated_features_use_the_mean_over_batches(encoder):
    """With one batch measured, they are those of that batch in training mode."""
    before = statistics(encoder)
    running = extract_features(encoder, IMAGES)
    renewed = features_reestimated(encoder, IMAGES, IMAGES)
    by_batch = features_by_batch(encoder, IMAGES, batch_size=24)
    np.testing.assert_allclose(renewed, by_batch, rtol=1e-3, atol=1e-3)
    assert not np.allclose(renewed, running, rtol=0.1)
    np.testing.assert_equal(statistics(encoder), before)
    np.testing.assert_allclose(extract_features(encoder, IMAGES), running, rtol=1e-5)


def test_statistics_come_back_when_something_fails(encoder):
    before = statistics(encoder)
    with pytest.raises(RuntimeError), kept_statistics(encoder):
        encoder(IMAGES.astype("float32"), training=True)
        raise RuntimeError
    np.testing.assert_equal(statistics(encoder), before)

"""BatchNorm's statistics measured anew: means over batches by formula, and nothing else moves."""

import keras
import numpy as np

from simclr_lib.encoders import resnet
from simclr_lib.evaluation import reestimate_batch_norm

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), "uint8")


def test_the_statistics_are_the_means_over_the_batches():
    layer = keras.layers.BatchNormalization(momentum=0.99)
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    layer.moving_mean.assign([9.0, 9.0, 9.0])  # forgotten at once
    reestimate_batch_norm(model, IMAGES, batches=2, batch_size=8)
    batches = (IMAGES[:16] / 255).reshape(2, 8 * 8 * 8, 3)  # the rest is not looked at
    np.testing.assert_allclose(layer.moving_mean, batches.mean(axis=(0, 1)), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, batches.var(axis=1).mean(axis=0), rtol=1e-3)
    assert layer.momentum == 0.99


def test_the_weights_of_an_encoder_stay_and_all_its_statistics_move():
    encoder = resnet(8, width=4)
    weights = [np.asarray(weight) for weight in encoder.trainable_variables]
    before = [np.asarray(statistic) for statistic in encoder.non_trainable_variables]
    reestimate_batch_norm(encoder, IMAGES)
    for ours, theirs in zip(encoder.trainable_variables, weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), theirs)
    for ours, theirs in zip(encoder.non_trainable_variables, before, strict=True):
        assert np.any(np.asarray(ours) != theirs)


def test_in_inference_the_features_are_then_those_of_training_mode():
    encoder = resnet(8, width=4)
    reestimate_batch_norm(encoder, IMAGES, batch_size=len(IMAGES))
    pictures = IMAGES.astype("float32") / 255
    settled, normalised = (np.asarray(encoder(pictures, training=mode)) for mode in (False, True))
    np.testing.assert_allclose(settled, normalised, rtol=1e-3, atol=1e-4)

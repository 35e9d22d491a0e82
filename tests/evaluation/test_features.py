"""Features: inference mode, float32, nothing changed, no picture touching another."""

import keras
import numpy as np
import pytest

from simclr_lib.encoders import resnet
from simclr_lib.evaluation import extract_features

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), "uint8")


def build(dtype="float32"):
    """An encoder whose running statistics are not those that it started with."""
    keras.utils.set_random_seed(0)
    encoder = resnet(8, width=4, dtype=dtype)
    for seed, variable in enumerate(encoder.non_trainable_variables):
        numbers = np.random.default_rng(seed).random(variable.shape)
        variable.assign(numbers + (0.5 if variable.name == "moving_variance" else -0.5))
    return encoder


@pytest.fixture(scope="module")
def encoder():
    return build()


@pytest.fixture(scope="module")
def expected(encoder):
    features = encoder.predict_on_batch(IMAGES / np.float32(255))
    assert np.mean(np.ptp(features, axis=0) > 0) > 0.7  # else the rest would hold of nothing
    return features


@pytest.mark.parametrize("batch_size", [3, 4, 10, 512])
def test_features_do_not_depend_on_the_batches(encoder, expected, batch_size):
    found = extract_features(encoder, IMAGES, batch_size)
    assert (found.shape, found.dtype) == ((10, 16), "float32")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_one_picture_is_enough(encoder, expected):
    np.testing.assert_allclose(extract_features(encoder, IMAGES[:1]), expected[:1], atol=1e-5)


def test_a_picture_does_not_depend_on_its_neighbours(encoder, expected):
    others = IMAGES.copy()
    others[1:] = 255
    found = extract_features(encoder, others)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4, atol=1e-5)


def test_a_memory_mapped_file_serves_as_well(encoder, expected, tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    np.testing.assert_allclose(extract_features(encoder, mapped, 4), expected, atol=1e-5)


def test_the_encoder_stays_as_it_is(encoder):
    before = encoder.get_weights()
    extract_features(encoder, IMAGES, 4)
    for ours, theirs in zip(encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_features_of_an_encoder_in_half_precision_are_float32(expected):
    found = extract_features(build("mixed_bfloat16"), IMAGES)
    assert found.dtype == "float32"
    assert np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)

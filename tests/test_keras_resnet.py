"""Keras' ResNet as an encoder: the published network, on views in [0, 1]."""

import keras
import numpy as np
import pytest

from simclr_lib.evaluation import reestimate_batch_norm
from simclr_lib.keras_resnet import CaffeColors, keras_resnet

VIEWS = np.random.default_rng(0).random((4, 32, 32, 3), "float32")


def test_views_become_what_keras_preprocessing_makes_of_pictures():
    expected = keras.applications.resnet.preprocess_input(255 * VIEWS.astype("float64"))
    np.testing.assert_allclose(np.asarray(CaffeColors()(VIEWS)), expected, atol=1e-3)


@pytest.fixture(scope="module")
def encoder():
    return keras_resnet(50, batch_norm_momentum=0.95)


@pytest.mark.slow
def test_with_the_same_weights_it_computes_what_keras_own_model_does(encoder):
    original = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(None, None, 3), pooling="avg"
    )
    rng = np.random.default_rng(0)
    for layer in original.layers:
        if isinstance(layer, keras.layers.BatchNormalization):  # statistics that are not 0 and 1
            shape = layer.gamma.shape
            layer.set_weights([rng.uniform(0.5, 1.5, shape) for _ in range(4)])
    encoder.set_weights(original.get_weights())
    expected = np.asarray(original(keras.applications.resnet.preprocess_input(255 * VIEWS.copy())))
    np.testing.assert_allclose(np.asarray(encoder(VIEWS)), expected, rtol=1e-3, atol=1e-4)


def test_it_is_an_encoder_of_the_kit(encoder, tmp_path):
    assert encoder.name == "resnet50" and encoder.output_shape == (None, 2048)
    norms = [n for n in encoder.layers if isinstance(n, keras.layers.BatchNormalization)]
    assert len(norms) == 53 and {norm.momentum for norm in norms} == {0.95}
    assert {norm.epsilon for norm in norms} == {1.001e-5}
    images = np.uint8(255 * VIEWS)
    reestimate_batch_norm(encoder, images, batches=1)
    assert all(np.any(np.asarray(norm.moving_mean) != 0) for norm in norms)


@pytest.mark.slow
def test_saved_and_loaded_it_is_the_same(encoder, tmp_path):
    encoder.save(tmp_path / "encoder.keras")
    again = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(np.asarray(again(VIEWS)), np.asarray(encoder(VIEWS)), rtol=1e-5)


def test_another_depth_is_refused():
    with pytest.raises(ValueError, match="depth must be one of 50, 101, 152; got 18"):
        keras_resnet(18)

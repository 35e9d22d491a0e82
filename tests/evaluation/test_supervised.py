"""The supervised baseline: it reads labels, trains the encoder, and classifies features."""

import keras
import numpy as np

from simclr_lib.augment import simclr_augmenter
from simclr_lib.encoders import resnet
from simclr_lib.evaluation import SupervisedClassifier, extract_features

LABELS = np.arange(48) % 3


def pictures():
    """Noise, in which the class brightens one colour channel."""
    images = np.random.default_rng(0).integers(0, 120, (48, 8, 8, 3), "uint8")
    images[np.arange(48), :, :, LABELS] += 120
    return images


def test_it_learns_from_labels_trains_its_encoder_and_classifies_features():
    keras.utils.set_random_seed(0)
    views = simclr_augmenter(8, color_strength=0, gray_probability=0)
    model = SupervisedClassifier(resnet(8, width=4), views, classes=3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss=loss)
    first = model.encoder.get_weights()[0]

    losses = model.fit(pictures(), LABELS, batch_size=16, epochs=12, verbose=0).history["loss"]
    assert losses[0] < 2 * np.log(3)
    assert np.mean(losses[-3:]) < 0.3
    assert np.abs(model.encoder.get_weights()[0] - first).max() > 1e-3
    logits = np.asarray(model.classifier(extract_features(model.encoder, pictures())))
    assert (logits.shape, logits.dtype) == ((48, 3), "float32")
    assert np.mean(logits.argmax(axis=1) == LABELS) > 0.9


def test_it_sees_views_and_not_pictures():
    def classify():
        keras.utils.set_random_seed(0)
        encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
        return SupervisedClassifier(encoder, keras.layers.Rescaling(-1.0), classes=3)

    model = classify()
    logits = np.asarray(model(pictures()))
    expected = model.classifier(-pictures().reshape(48, -1).astype("float32"))
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-2)

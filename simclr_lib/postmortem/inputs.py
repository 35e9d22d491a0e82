"""Pictures on another scale than the encoder was trained on."""

import keras

from simclr_lib.evaluation import extract_features

# What the encoder gets in place of values in [0, 1], as a factor.
SCALES = {"÷ 255": 1.0, "÷ 255 twice": 1 / 255, "not divided": 255.0}


def features_at_scale(encoder, images, factor):
    """Features of pictures whose values in [0, 1] are multiplied by `factor` first.

    Args:
        encoder: Keras model, float pictures `(B, H, W, 3)` in [0, 1] → `(B, d)`.
        images: uint8 `(N, H, W, 3)`.
        factor: > 0; see `SCALES`.

    Returns:
        float32 `(N, d)`.
    """
    pictures = keras.Input(images.shape[1:])
    scaled = keras.layers.Rescaling(factor, dtype="float32")(pictures)
    return extract_features(keras.Model(pictures, encoder(scaled)), images)

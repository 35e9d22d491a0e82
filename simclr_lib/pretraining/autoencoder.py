"""A convolutional autoencoder: the same encoder, trained to let its picture be drawn again from h.

It is the older way to learn without labels, and the row to hold contrastive learning against: an
encoder squeezes a picture into a short code, a decoder draws the picture from it, and both learn
from the mean squared error of the pixels (Hinton & Salakhutdinov, 2006; with convolutions, and as
pretraining for a classifier, Masci et al., 2011). Nothing compares pictures, so the code has to
hold whatever covers many pixels, whether or not it tells what is shown.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from simclr_lib import fast_layers
from simclr_lib.pretraining.devices import devices_in_step


class Autoencoder(keras.Model):
    """Two views of each picture through one encoder, and each of them drawn again from its h.

    The views are those that `SimCLR` would get, as many of them, so that the objective is all that
    differs. `compile(optimizer)` and `fit(images)`; the history holds `loss`, and no label is read.

    Args:
        encoder: Keras model, views `(B, height, width, 3)` in [0, 1] → `h (B, d)`.
        decoder: Keras model, `h` → pictures of the views' shape, see `picture_decoder`.
        augmenter: Keras layer, pictures `(B, H, W, 3)` → one view of each.
    """

    def __init__(self, encoder, decoder, augmenter, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder, self.augmenter = encoder, decoder, augmenter

    def call(self, images, training=False):
        """Pictures `(N, H, W, 3)` → `(2, 2N, height, width, 3)`: the views, then their drawings."""
        views = self.augmenter(ops.concatenate([images, images], axis=0))
        drawn = self.decoder(self.encoder(views, training=training), training=training)
        return ops.stack([ops.cast(views, "float32"), drawn])

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        views, drawn = y_pred[0], y_pred[1]
        # Keras adds up the losses and gradients of all devices.
        return ops.mean(ops.square(drawn - views)) / devices_in_step()


def picture_decoder(input_dim, image_size, *, width=32, batch_norm_momentum=0.9, dtype=None):
    """Build a decoder: from the features h back to a picture.

    A dense layer makes a map of 4 to 7 pixels a side. Each stage then repeats every pixel in a
    2×2 square and convolves, with half the channels of the stage before; repeating first leaves
    none of the checkerboards of transposed convolutions (Odena et al., 2016).

    Args:
        input_dim: d, the length of the features h.
        image_size: side of the pictures in pixels, from 4.
        width: channels of the last stage.
        batch_norm_momentum: see `encoders.resnet`.
        dtype: a Keras dtype policy such as `"mixed_bfloat16"`; None takes the global one.

    Returns:
        A `keras.Model`: `h (B, d)` → pictures `(B, image_size, image_size, 3)` in [0, 1], float32.

    Raises:
        ValueError: an image_size below 4.
    """
    if image_size < 4:
        raise ValueError(f"image_size must be at least 4; got {image_size}.")
    stages = int(math.log2(image_size / 4))
    side, channels = math.ceil(image_size / 2**stages), width * 2**stages
    h = keras.Input((input_dim,), name="h")
    x = layers.Dense(side * side * channels, dtype=dtype, name="map")(h)
    x = layers.Reshape((side, side, channels), dtype=dtype, name="map_reshape")(x)
    x = layers.ReLU(dtype=dtype, name="map_relu")(x)
    for stage in range(1, stages + 1):
        name = f"stage{stage}"
        x = layers.UpSampling2D(2, dtype=dtype, name=f"{name}_repeat")(x)
        x = fast_layers.Conv2D(
            channels // 2**stage,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=dtype,
            name=f"{name}_convolution",
        )(x)
        x = fast_layers.BatchNormalization(
            momentum=batch_norm_momentum, epsilon=1e-5, dtype=dtype, name=f"{name}_norm"
        )(x)
        x = layers.ReLU(dtype=dtype, name=f"{name}_relu")(x)
    spare = side * 2**stages - image_size
    edges = (spare // 2, spare - spare // 2)
    x = layers.Cropping2D((edges, edges), dtype=dtype, name="crop")(x)
    x = fast_layers.Conv2D(3, 3, padding="same", dtype=dtype, name="colors")(x)
    x = layers.Activation("sigmoid", dtype="float32", name="picture")(x)
    return keras.Model(h, x, name="decoder")


def mean_picture_error(views):
    """The loss of a decoder that knows nothing of its picture, and always draws the mean of all.

    Args:
        views: floats `(n, height, width, 3)` in [0, 1], of a few hundred different pictures.
    """
    return float(np.mean(np.var(np.asarray(views, "float32"), axis=0)))

"""BatchNorm's running statistics, measured anew on pictures while the weights stay."""

import keras
import numpy as np


def reestimate_batch_norm(encoder, images, *, batches=50, batch_size=256):
    """Set the running statistics of every BatchNorm layer to their means over some batches.

    An encoder that was never trained still normalises by mean 0 and variance 1, which are those
    of no picture: a fair baseline gets statistics of its own first. The layers deeper in see what
    the layers before them make of a batch in training mode, as in training.

    Args:
        encoder: Keras model, float pictures `(B, H, W, 3)` in [0, 1] → features. Changed in place,
            but for its weights.
        images: uint8 `(N, H, W, 3)`; the first `batches · batch_size` are looked at.
        batches: how many at most.
        batch_size: pictures in each; fewer if there are fewer pictures.
    """
    norms = [
        layer for layer in encoder.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in norms]
    batch_size = min(batch_size, len(images))
    for index in range(min(batches, len(images) // batch_size)):
        for layer in norms:
            layer.momentum = index / (index + 1)  # the mean of all batches so far
        batch = images[index * batch_size : (index + 1) * batch_size]
        encoder(np.asarray(batch, "float32") / 255, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum

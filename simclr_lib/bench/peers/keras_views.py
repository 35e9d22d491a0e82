"""Keras' own preprocessing layers, put together to the nearest equivalent of SimCLR's views.

There is no random resized crop among them. As in Keras' own contrastive example a translation and
a zoom stand for it: the zoom keeps a box of at least √0.2 of each side, the translation moves it.
The colour jitter has no probability, so it changes every picture; its saturation 0.5 is neutral.
The blur's deviation ends at 1 pixel, the most that the layer takes.
The layers run as one compiled function over a batch, on uint8 pictures turned to [0, 1].
"""

import math
import os

from serving import repeat, serve

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from keras import layers

BATCH = 512


def simclr_views(size, blur):
    shrink = math.sqrt(0.2) - 1
    steps = [
        layers.Rescaling(1 / 255),
        layers.RandomFlip("horizontal"),
        layers.RandomTranslation(-shrink / 2, -shrink / 2),
        layers.RandomZoom((shrink, 0.0), (shrink, 0.0)),
        layers.RandomColorJitter((0, 1), (-0.4, 0.4), 0.4, (0.3, 0.7), 0.1),
        layers.RandomGrayscale(0.2),
    ]
    if blur:
        kernel = 2 * round(0.1 * size / 2) + 1
        steps.append(layers.RandomGaussianBlur(blur, kernel, 1.0, value_range=(0, 1)))
    return keras.Sequential(steps)


def prepare(size, blur, quick):
    pictures = np.random.default_rng(0).integers(0, 256, (BATCH, size, size, 3), "uint8")
    views = simclr_views(size, blur)
    run = tf.function(lambda pictures: views(pictures, training=True))
    run(pictures)

    def measure():
        return {"rate": BATCH / repeat(lambda: run(pictures), 0.1 if quick else 2.0)}

    return measure


if __name__ == "__main__":
    serve(prepare)

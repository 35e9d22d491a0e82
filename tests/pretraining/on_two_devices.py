"""A program for `test_devices`: two devices, the two halves of the processor.

Words, and the JSON that is printed:
    train KIND: train on one device and on both; `{what: relative distance}`. KIND is what
        normalises: `plain` nothing, `synchronized` a BatchNorm over both devices, `local` one each;
        or `clsa`, with a strong view and no normalisation.
    cache: the same with gradient caching, or the line that refuses it.
    remember: the same with a loss that remembers pictures, or the line that refuses it.
    views: views of four times the same picture; a row each.

On JAX the environment has to hold XLA_FLAGS=--xla_force_host_platform_device_count=2.
"""

import json
import os
import sys

if os.environ.get("KERAS_BACKEND") != "jax":  # before anything is computed
    import tensorflow as tf

    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [half, half]
    )

import keras
import numpy as np

from simclr_lib import fast_layers
from simclr_lib.augment import simclr_augmenter
from simclr_lib.errors import UserError
from simclr_lib.heads import projection_head
from simclr_lib.losses import SogCLR
from simclr_lib.pretraining import CLSA, SimCLR, fit_epochs

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 6, 6, 3), "uint8")


def train(kind, learning_rate, steps, **options):
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 3, 2)])
    if kind in ("synchronized", "local"):
        encoder.add(fast_layers.BatchNormalization(synchronized=kind == "synchronized"))
    encoder.add(keras.layers.Flatten())
    views = keras.layers.Rescaling(1 / 255)
    if kind == "remembering":
        options = {"loss": SogCLR(len(IMAGES), 0.5)}
    else:
        options = {"block_rows": 10} | options
    head = projection_head(16, 8, 8)
    if kind == "clsa":
        model = CLSA(encoder, head, views, keras.layers.Rescaling(-1 / 255, 1), 0.2)
    else:
        model = SimCLR(encoder, head, views, 0.2, **options)
    model(IMAGES)
    # With plain SGD and a rate of 1, the change of one step is the gradient.
    momentum = 0.0 if steps == 1 else 0.9
    model.compile(keras.optimizers.SGD(learning_rate, momentum))
    before = flat(model.trainable_variables)
    history = fit_epochs(model, IMAGES, batch_size=16, epochs=steps, seed=0)
    logs = [np.array([row[name] for row in history]) for name in ("loss", "contrastive_accuracy")]
    return [*logs, flat(model.variables), before - flat(model.trainable_variables)]


def flat(variables):
    return np.concatenate([np.ravel(variable.numpy()) for variable in variables])


def both(kind, **options):
    return [
        array
        for length, steps in ((1.0, 1), (0.1, 10))
        for array in train(kind, length, steps, **options)
    ]


def on_two_devices(function, *arguments, **options):
    if keras.backend.backend() == "tensorflow":
        strategy = tf.distribute.MirroredStrategy(
            ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
        )
        with strategy.scope():
            return function(*arguments, **options)
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    assert len(keras.distribution.list_devices()) == 2
    return function(*arguments, **options)


def differences(kind, **options):
    names = [
        f"{what} after {steps}"
        for steps in (1, 10)
        for what in ("loss", "accuracy", "variables", "change")
    ]
    alone = both(kind, **options)
    together = on_two_devices(both, kind, **options)
    return {
        name: float(np.linalg.norm(b - a) / np.linalg.norm(a))
        for name, a, b in zip(names, alone, together, strict=True)
    }


def views():
    """Views of the same picture, four times, as a step sees them: a row each."""
    augmenter = simclr_augmenter(6)

    class Watch(keras.Model):
        def call(self, images):
            return keras.ops.reshape(augmenter(images), (-1, 6 * 6 * 3))

    same = np.stack([IMAGES[0]] * 4)
    return Watch().predict(same, batch_size=4, verbose=0).tolist()


def main(what, *kind):
    if what == "train":
        return differences(*kind)
    if what == "views":
        return on_two_devices(views)
    try:
        if what == "remember":
            return differences("remembering")
        return differences("plain", gradient_cache_chunk=4)
    except UserError as error:
        return str(error)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))

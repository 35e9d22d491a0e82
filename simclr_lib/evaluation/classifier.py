"""A small classifier with hidden layers on frozen features, trained as people train such things."""

from dataclasses import dataclass

import keras
import numpy as np

from simclr_lib.pretraining.loop import fit_epochs
from simclr_lib.pretraining.progress import Progress


@dataclass(frozen=True)
class ClassifierResult:
    """What a trained classifier gets right.

    Attributes:
        train_accuracy: share of the training pictures, in [0, 1].
        test_accuracy: share of the test pictures.
    """

    train_accuracy: float
    test_accuracy: float


def small_classifier(
    train_h,
    train_y,
    test_h,
    test_y,
    *,
    hidden=(20, 20),
    epochs=10,
    batch_size=512,
    learning_rate=1e-3,
    standardize=False,
    seed=0,
    show=False,
):
    """Train a network with small hidden layers on features by Adam, and test it.

    The linear probe finds the best linear rule whatever the scale of the features. This one is
    what a first attempt looks like: it depends on that scale, on its sizes, on its learning rate
    and on how long it is trained, so that its accuracy tells about all of these at once.

    Args:
        train_h, test_h: float `(N, d)` and `(M, d)`.
        train_y, test_y: integer labels `(N,)` and `(M,)`, from 0.
        hidden: units of each hidden layer, with ReLU behind it; `()` is a linear classifier.
        epochs: passes over the training features.
        batch_size: features a step; fewer if there are fewer.
        learning_rate: Adam's, constant.
        standardize: whether the features get mean 0 and deviation 1 first, by the training part.
        seed: of weights and order.
        show: whether to show the progress.

    Returns:
        A `ClassifierResult`.
    """
    if standardize:
        mean, deviation = train_h.mean(axis=0), train_h.std(axis=0)
        deviation = np.where(deviation < 1e-6, 1.0, deviation)
        train_h, test_h = (train_h - mean) / deviation, (test_h - mean) / deviation
    classes = int(max(train_y.max(), test_y.max())) + 1
    model = build(train_h.shape[1], hidden, classes, learning_rate, seed)
    batch_size = min(batch_size, len(train_h))
    steps = epochs * (len(train_h) // batch_size)
    fit_epochs(
        model,
        train_h,
        labels=train_y,
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
        progress=Progress(f"Classifier {tuple(hidden)}", steps, np.log(classes)) if show else None,
    )
    return ClassifierResult(accuracy(model, train_h, train_y), accuracy(model, test_h, test_y))


def build(dims, hidden, classes, learning_rate, seed):
    """The compiled network: features `(B, d)` → logits `(B, K)`."""
    layers = [
        keras.layers.Dense(
            units,
            activation="relu" if number < len(hidden) else None,
            kernel_initializer=keras.initializers.GlorotUniform(seed=1000 * seed + number),
            dtype="float32",
        )
        for number, units in enumerate([*hidden, classes])
    ]
    model = keras.Sequential([keras.Input((dims,)), *layers], name="classifier")
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build(model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss=loss)
    return model


def accuracy(model, features, labels):
    """Share of the features that the model gives their label."""
    predicted = model.predict(features, batch_size=1024, verbose=0).argmax(axis=1)
    return float(np.mean(predicted == labels))

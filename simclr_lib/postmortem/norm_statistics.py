"""BatchNorm in inference: the same weights with the running, the batch's, or new statistics."""

from contextlib import contextmanager

import numpy as np

from simclr_lib.evaluation import extract_features, reestimate_batch_norm


def initial_share(momentum, steps):
    """Share of the statistics that a BatchNorm layer began with in its running ones.

    Each step keeps `momentum` of what there was, so after `steps` of them momentum^steps is left
    of mean 0 and variance 1, which are those of no picture.

    Args:
        momentum: in [0, 1); Keras' own default is 0.99.
        steps: ≥ 0.
    """
    return momentum**steps


@contextmanager
def kept_statistics(encoder):
    """Whatever happens to the statistics meanwhile, afterwards they are what they were."""
    before = [np.asarray(variable).copy() for variable in encoder.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in zip(encoder.non_trainable_variables, before, strict=True):
            variable.assign(value)


def features_by_batch(encoder, images, batch_size=256, seed=0):
    """Features in training mode: BatchNorm normalises each batch by its own statistics.

    They depend on which pictures are beside one another, so this is a test and no evaluation.
    The pictures are mixed first: a file sorted by classes would tell them by its batches.

    Args:
        encoder: Keras model, float pictures `(B, H, W, 3)` in [0, 1] → `(B, d)`; left as it was.
        images: uint8 `(N, H, W, 3)`.
        batch_size: pictures in a batch, about: all batches have nearly the same size.
        seed: of the order.

    Returns:
        float32 `(N, d)`, in the order of the pictures.
    """
    order = np.random.default_rng(seed).permutation(len(images))
    parts = []
    with kept_statistics(encoder):
        for chosen in np.array_split(order, max(1, len(images) // batch_size)):
            batch = np.asarray(images[chosen], "float32") / 255
            parts.append(np.asarray(encoder(batch, training=True), "float32"))
    features = np.concatenate(parts)
    return features[np.argsort(order)]


def features_reestimated(encoder, images, measured_on, *, batches=100):
    """Features in inference mode, with statistics measured anew on other pictures.

    Args:
        encoder: as above; left as it was.
        images: uint8 `(N, H, W, 3)`.
        measured_on: uint8 pictures to measure the statistics on: training pictures.
        batches: how many batches of them at most, of 256.

    Returns:
        float32 `(N, d)`.
    """
    with kept_statistics(encoder):
        reestimate_batch_norm(encoder, measured_on, batches=batches)
        return extract_features(encoder, images)

"""Symptoms of a run that learns nothing, each told in a plain sentence with what to try."""

import numpy as np

PATIENCE_STEPS = 100  # how long a loss may sit on its chance line before it is worth a word
LEAST_SPREAD = 0.01  # of features, relative to their length


def loss_warning(loss, chance, steps):
    """Say whether the loss sits on its chance line.

    Args:
        loss: mean of the last epoch.
        chance: what an encoder that has learnt nothing gets: for NT-Xent ln(2N − 1), see
            `losses.chance_level`.
        steps: training steps so far.

    Returns:
        A sentence, or None when there is nothing to say (also in the first 100 steps).
    """
    if steps < PATIENCE_STEPS or loss < 0.98 * chance:
        return None
    return (
        f"The loss is {loss:.2f} after {steps} steps, still at its chance level {chance:.2f}: the "
        "encoder tells no picture from another. Try a smaller learning rate, or more warmup, and "
        "look at the view grid: two views of one picture must have something in common."
    )


def reconstruction_warning(loss, chance, steps):
    """Say whether an autoencoder draws nothing better than the mean picture.

    Args:
        loss: mean squared error of the last epoch.
        chance: that of the mean picture, see `autoencoder.mean_picture_error`.
        steps: training steps so far.

    Returns:
        A sentence, or None when there is nothing to say (also in the first 100 steps).
    """
    if steps < PATIENCE_STEPS or loss < 0.98 * chance:
        return None
    return (
        f"The error is {loss:.4f} after {steps} steps, no less than that of drawing the mean of "
        f"all pictures, {chance:.4f}: nothing of a picture reaches its drawing. Try a smaller "
        "learning rate, or more warmup."
    )


def spread_and_rank(features):
    """How far features lie apart, and along how many directions.

    Args:
        features: float `(N, d)`.

    Returns:
        `(spread, rank)`: the root mean square distance from their mean ÷ that from 0, in [0, 1];
        and the effective rank of their covariance, the squared sum of its eigenvalues ÷ the sum
        of their squares, from 1 (along one line) to d (evenly in all directions); 0 if constant.
    """
    features = np.asarray(features, "float64")
    length = np.sqrt(np.mean(np.sum(features**2, axis=1)))
    centered = features - features.mean(axis=0)
    spread = np.sqrt(np.mean(np.sum(centered**2, axis=1))) / max(length, 1e-12)
    # Both sums of eigenvalues without the eigenvalues: a trace and a Frobenius norm.
    covariance = centered.T @ centered
    squares = np.sum(covariance**2)
    return spread, (np.trace(covariance) ** 2 / squares if squares else 0.0)


def is_constant(features):
    """Whether all pictures get nearly the same features: a spread below 1 % of their length."""
    return bool(spread_and_rank(features)[0] < LEAST_SPREAD)


def collapse_warning(features):
    """Say whether the features of different pictures are (nearly) all the same.

    Args:
        features: h of a few hundred pictures or more, float `(N, d)`, inference mode.

    Returns:
        A sentence, or None. Constant: the features spread by less than 1 % of their length.
        Few directions: their covariance has an effective rank below 2, see `spread_and_rank`.
    """
    spread, rank = spread_and_rank(features)
    if spread < LEAST_SPREAD:
        return (
            f"All pictures get nearly the same features (they spread by {spread:.1%} of their "
            "length): the encoder has collapsed to a constant. Try a smaller learning rate; if "
            "the loss looked healthy, the BatchNorm statistics lag behind the weights: train "
            "longer or lower batch_norm_momentum."
        )
    if rank < 2:
        return (
            f"The features lie along very few directions (effective rank {rank:.1f} of "
            f"{features.shape[1]}): most of what tells pictures apart is lost. Try a larger "
            "temperature, stronger colour distortion, or a smaller learning rate."
        )
    return None

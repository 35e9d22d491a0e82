"""Points that stand for views: where the gradient of a loss leads them, without a network."""

import numpy as np

from simclr_lib.course.gradients import value_and_gradients


def let_go(loss, points, steps, rate=0.5):
    """Let points of length 1 go downhill.

    Args:
        loss: function of several arrays `(n, D)` → scalar, written with `keras.ops`.
        points: a list of such arrays.
        steps: how many steps; each goes against the gradient, and back to length 1.
        rate: how far a step goes, as a multiple of the gradient.

    Returns:
        For each of the arrays, all its places on the way: `(steps + 1, n, D)`.
    """
    path = [[np.asarray(array, "float32") for array in points]]
    for _ in range(steps):
        _, *slopes = value_and_gradients(loss, *path[-1])
        moved = [array - rate * slope for array, slope in zip(path[-1], slopes, strict=True)]
        path.append([array / np.linalg.norm(array, axis=1, keepdims=True) for array in moved])
    return [np.stack(places) for places in zip(*path, strict=True)]


def nothing_held(z_a, z_b, z_strong, temperature=0.2):
    """CLSA's distributional loss with no gradient stopped: what lesson 09 warns of.

    Args:
        z_a, z_b, z_strong, temperature: see `losses.distributional_loss`, which gives the same
            value and another gradient.

    Returns:
        A scalar.
    """
    from keras import ops

    from simclr_lib.losses.nt_xent import unit_length, without_self

    weak = unit_length(ops.concatenate([z_a, z_b], axis=0))
    strong = unit_length(ops.concatenate([z_strong, z_strong], axis=0))
    seen, wanted = (ops.matmul(z, ops.transpose(weak)) / temperature for z in (strong, weak))
    wanted = ops.softmax(without_self(wanted))
    return ops.mean(ops.logsumexp(without_self(seen), axis=-1) - ops.sum(wanted * seen, axis=-1))

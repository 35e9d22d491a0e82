"""NT-Xent, the loss of SimCLR (Chen et al., 2020, equation 1), and what to hold it against."""

import math

from keras import ops

from simclr_lib.losses.row_blocks import nearest_by_row_blocks, nt_xent_by_row_blocks


def nt_xent(z_a, z_b, temperature=0.5, *, block_rows=None):
    """Normalised temperature-scaled cross-entropy over two views of N pictures.

    Each of the 2N projections is an anchor once. The other view of its picture is its positive,
    the 2N − 2 views of the other pictures are its negatives. The loss is the cross-entropy of
    picking the positive among these 2N − 1 by cosine similarity ÷ temperature.

    Args:
        z_a, z_b: projections of the first and the second views, `(N, D)`; row i of both comes
            from picture i. They need not be normalised.
        temperature: τ > 0. The smaller, the more the hardest negatives count.
        block_rows: None keeps all 2N × 2N similarities at once; a number takes that many rows
            at a time: the same value and gradient in memory that grows with N only, for batches
            of thousands. 256 is a good number: see `notebooks/reference/many-devices.md`.

    Returns:
        A scalar: the mean over the 2N anchors, in float32 (in float64 for float64 input).
    """
    z_a, z_b = unit_length(z_a), unit_length(z_b)
    z = ops.concatenate([z_a, z_b], axis=0)
    positive = ops.sum(z_a * z_b, axis=-1) / temperature
    if block_rows is not None:
        return nt_xent_by_row_blocks(z, temperature, block_rows) - ops.mean(positive)
    similarity = ops.matmul(z, ops.transpose(z)) / temperature
    return ops.mean(ops.logsumexp(without_self(similarity), axis=-1)) - ops.mean(positive)


def contrastive_accuracy(z_a, z_b, *, block_rows=None):
    """Share of the 2N anchors that are more similar to their positive than to any negative.

    Args:
        z_a, z_b: projections, `(N, D)`, as for `nt_xent`.
        block_rows: as for `nt_xent`; the result is the same.

    Returns:
        A scalar in [0, 1]; an encoder that has learnt nothing gets about 1 ÷ (2N − 1).
    """
    z = ops.concatenate([unit_length(z_a), unit_length(z_b)], axis=0)
    if block_rows is not None:
        nearest = nearest_by_row_blocks(z, block_rows)
    else:
        nearest = ops.argmax(without_self(ops.matmul(z, ops.transpose(z))), axis=-1)
    pictures = ops.shape(z_a)[0]
    positive = (ops.arange(2 * pictures) + pictures) % (2 * pictures)
    return ops.mean(ops.cast(ops.cast(nearest, "int32") == ops.cast(positive, "int32"), "float32"))


def chance_level(batch_size):
    """The loss of an encoder that has learnt nothing: ln(2N − 1) for N pictures a batch."""
    return math.log(2 * batch_size - 1)


def unit_length(z):
    """Divide each row by its length, in float32 at least: cosine similarity becomes a product."""
    if ops.dtype(z) != "float64":
        z = ops.cast(z, "float32")
    # Bounded before the root: for a row of zeros the root's own gradient is not a number.
    return z * ops.rsqrt(ops.maximum(ops.sum(ops.square(z), axis=-1, keepdims=True), 1e-12))


def without_self(similarity):
    """Put −∞ on the diagonal, so that no view is compared with itself: exp(−∞) is 0."""
    rows = ops.arange(ops.shape(similarity)[0])
    return ops.where(rows[:, None] == rows[None, :], -math.inf, similarity)

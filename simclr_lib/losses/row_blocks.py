"""The 2N × 2N similarities a block of rows at a time: all rows are never there at once."""

import math

from keras import ops


def nt_xent_by_row_blocks(z, temperature, block_rows):
    """The part of NT-Xent that needs all pairs, in memory that grows with N and not with N².

    The mean over the anchors of log Σ exp(similarity ÷ τ) over all other views. Its gradient is
    found in the same pass, while a block's similarities are at hand: the loss is a scalar, so the
    backward pass has only to multiply by the slope that reaches it.

    Args:
        z: unit vectors `(2N, D)`, first views above second views.
        temperature: τ > 0.
        block_rows: rows of the similarity matrix at a time; the memory is `block_rows` × 2N
            numbers, a few times over.

    Returns:
        A scalar of z's dtype.
    """

    @ops.custom_gradient
    def mean_log_sum(z):
        rows = ops.cast(ops.shape(z)[0], z.dtype)

        def add_block(first, anchors, similarity, real, sums):
            total, as_anchor, as_other = sums
            similarity = similarity / temperature
            highest = ops.max(similarity, axis=1, keepdims=True)
            weight = ops.exp(similarity - highest)
            weights = ops.sum(weight, axis=1, keepdims=True)
            total = total + ops.sum(real * (ops.log(weights) + highest))
            share = weight * (real / weights)  # softmax: the slope of the log of the sum
            as_anchor = ops.slice_update(as_anchor, (first, 0), ops.matmul(share, z))
            as_other = as_other + ops.matmul(ops.transpose(share), anchors)
            return total, as_anchor, as_other

        start = (ops.zeros((), z.dtype), padded(z, block_rows), ops.zeros_like(z))
        total, as_anchor, as_other = for_each_block(z, block_rows, add_block, start)
        slope = (as_anchor[: ops.shape(z)[0]] + as_other) / (rows * temperature)

        def gradient(*arguments, upstream=None):
            upstream = arguments[0] if upstream is None else upstream
            return upstream * slope

        return total / rows, gradient

    return mean_log_sum(z)


def nearest_by_row_blocks(z, block_rows):
    """For each view, the index of the other view that is most similar to it.

    Args:
        z: unit vectors `(2N, D)`.
        block_rows: rows of the similarity matrix at a time.

    Returns:
        int32 `(2N,)`; of equally similar views, the first.
    """

    def find(first, anchors, similarity, real, nearest):
        found = ops.cast(ops.argmax(similarity, axis=1), "int32")
        return ops.slice_update(nearest, (first,), found)

    start = ops.zeros_like(padded(z, block_rows)[:, 0], dtype="int32")
    return for_each_block(z, block_rows, find, start)[: ops.shape(z)[0]]


def for_each_block(z, block_rows, function, start):
    """Go through the rows of z · zᵀ, with −∞ where a view meets itself.

    Args:
        z: `(M, D)`.
        block_rows: rows at a time. The last block may reach over the end: its empty rows are
            there, and count for nothing.
        function: `(first row, anchors (block_rows, D), similarity (block_rows, M),
            real (block_rows, 1), carry)` → the next carry; `real` is 0 for an empty row, else 1.
        start: the first carry.

    Returns:
        The last carry.
    """
    rows, dims = ops.shape(z)[0], z.shape[1]
    columns = ops.arange(rows)
    all_anchors = padded(z, block_rows)

    def body(index, carry):
        first = index * block_rows
        anchors = ops.slice(all_anchors, (first, 0), (block_rows, dims))
        anchor = ops.expand_dims(first + ops.arange(block_rows), 1)
        similarity = ops.matmul(anchors, ops.transpose(z))
        similarity = ops.where(anchor == columns, -math.inf, similarity)
        return function(first, anchors, similarity, ops.cast(anchor < rows, z.dtype), carry)

    return ops.fori_loop(0, -(-rows // block_rows), body, start)


def padded(z, block_rows):
    """z with rows of zeros below, up to a whole number of blocks."""
    return ops.pad(z, ((0, -ops.shape(z)[0] % block_rows), (0, 0)))

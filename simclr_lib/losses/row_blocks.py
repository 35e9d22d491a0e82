"""NT-Xent without the 2N × 2N similarity matrix: a block of its rows at a time."""

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
    rows, dims = z.shape
    blocks = math.ceil(rows / block_rows)
    columns = ops.arange(rows)

    @ops.custom_gradient
    def mean_log_sum(z):
        # The last block may reach over the end: its empty rows count for nothing.
        padded = ops.pad(z, ((0, blocks * block_rows - rows), (0, 0)))

        def add_block(index, sums):
            total, as_anchor, as_other = sums
            first = index * block_rows
            anchors = ops.slice(padded, (first, 0), (block_rows, dims))
            anchor = first + ops.arange(block_rows)
            similarity = ops.matmul(anchors, ops.transpose(z)) / temperature
            itself = ops.expand_dims(anchor, 1) == ops.expand_dims(columns, 0)
            similarity = ops.where(itself, -math.inf, similarity)
            log_sum = ops.logsumexp(similarity, axis=1, keepdims=True)
            real = ops.cast(ops.expand_dims(anchor, 1) < rows, z.dtype)
            share = ops.exp(similarity - log_sum) * real  # softmax: the slope of log_sum
            total = total + ops.sum(log_sum * real)
            as_anchor = ops.slice_update(as_anchor, (first, 0), ops.matmul(share, z))
            as_other = as_other + ops.matmul(ops.transpose(share), anchors)
            return total, as_anchor, as_other

        start = (ops.zeros((), z.dtype), ops.zeros_like(padded), ops.zeros_like(z))
        total, as_anchor, as_other = ops.fori_loop(0, blocks, add_block, start)
        slope = (as_anchor[:rows] + as_other) / (rows * temperature)

        def gradient(*arguments, upstream=None):
            upstream = arguments[0] if upstream is None else upstream
            return upstream * slope

        return total / rows, gradient

    return mean_log_sum(z)

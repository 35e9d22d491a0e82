"""The memory bank: an anchor is compared with what pictures' projections were when last seen.

Instance discrimination (Wu et al., 2018, arXiv 1805.01978, section 3) keeps one unit vector m for
each training picture. An anchor has to pick its own picture's vector among some thousands of
others, drawn at random, so that the number of negatives has nothing to do with the batch. Each
visit of a picture moves its entry: m ← (μ m + (1 − μ) z) ÷ length. Between two visits the encoder
changes and the entry does not, which is the price.

The positive is the bank's own entry, for both views, as in Wu et al. (equation 2) and in PIRL
(Misra & van der Maaten, 2020, arXiv 1912.01991, section 2.3). The other view in its place, as in
SimCLR, makes the training run in circles: the positive would be of today and the negatives of
yesterday, and all pictures can please the loss by moving away from yesterday together, alike as
they are. With the own entry both are of yesterday. Only a picture that was never seen has no entry,
and takes the other view (in the papers its entry is a random direction until then).

Both papers estimate the sum over all pictures by noise-contrastive estimation. Here it is a softmax
over the drawn entries, as in NT-Xent (He et al., 2020, arXiv 1911.05722, equation 1): the losses
then differ in what an anchor is compared with and in nothing else.
"""

import math

import keras
from keras import ops

from simclr_lib.losses.nt_xent import unit_length


def memory_bank_loss(z_a, z_b, remembered, drawn, own, temperature=0.1):
    """Cross-entropy of picking a picture's own entry among entries of other pictures.

    Args:
        z_a, z_b: projections of the first and the second views, `(N, D)`; row i of both comes
            from picture i. They need not be normalised.
        remembered: the bank's entries of these pictures, `(N, D)`, unit vectors; zeros for a
            picture that was never seen, whose positive is the other view.
        drawn: K entries of the bank, `(K, D)`, the same for all anchors; zeros count as a vector
            at a right angle to all others.
        own: `(N, K)`, true where a drawn entry belongs to the picture itself: it is left out.
        temperature: τ > 0.

    Returns:
        A scalar: the mean over the 2N anchors.
    """
    z_a, z_b = unit_length(z_a), unit_length(z_b)
    remembered, drawn = ops.cast(remembered, z_a.dtype), ops.cast(drawn, z_a.dtype)
    seen = ops.any(remembered != 0, axis=-1, keepdims=True)
    losses = []
    for anchor, other in ((z_a, z_b), (z_b, z_a)):
        positive = ops.sum(anchor * ops.where(seen, remembered, other), axis=-1) / temperature
        negatives = ops.matmul(anchor, ops.transpose(drawn)) / temperature
        negatives = ops.where(own, -math.inf, negatives)
        logits = ops.concatenate([positive[:, None], negatives], axis=1)
        losses.append(ops.mean(ops.logsumexp(logits, axis=1) - positive))
    return (losses[0] + losses[1]) / 2


def remember(remembered, z_a, z_b, momentum=0.5):
    """Move the entries of the pictures of a batch towards what their views are now.

    Args:
        remembered: their entries in the bank, `(N, D)`; zeros for those never seen.
        z_a, z_b: their projections, `(N, D)`; the entry moves towards the middle of the two.
        momentum: μ, 0 ≤ μ < 1, what is kept of the old entry.

    Returns:
        Unit vectors `(N, D)`; no gradient goes through them.
    """
    now = unit_length(unit_length(z_a) + unit_length(z_b))
    moved = momentum * ops.cast(remembered, now.dtype) + (1 - momentum) * now
    return ops.stop_gradient(unit_length(moved))


class MemoryBank(keras.layers.Layer):
    """`memory_bank_loss` with its bank: a vector for each picture of the training set.

    Bank and draws belong to the variables of the model that has this loss, so they are in every
    checkpoint. The bank takes 4 × pictures × dims bytes: 26 MB for 50,000 pictures and 128.

    Args:
        pictures: how many pictures the training set has.
        dims: D, the length of z.
        negatives: K, how many entries a step draws, with replacement (4,096: Wu et al.).
        momentum: μ of `remember` (0.5: Wu et al.).
        seed: of the draws.
    """

    def __init__(self, pictures, dims, negatives=4096, momentum=0.5, seed=0):
        super().__init__(dtype="float32", name="memory_bank")
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1; got {momentum}.")
        self.pictures, self.negatives, self.momentum = pictures, negatives, momentum
        self.draws = keras.random.SeedGenerator(seed)
        self.bank = self.add_weight(
            shape=(pictures, dims), initializer="zeros", trainable=False, name="bank"
        )
        self.built = True

    def call(self, z_a, z_b, positions, temperature):
        """The loss of a batch, z `(N, D)`; `positions` `(N,)` are its places in the set."""
        bank = ops.convert_to_tensor(self.bank)
        indices = keras.random.randint(
            (self.negatives,), 0, self.pictures, dtype="int32", seed=self.draws
        )
        own = ops.cast(positions, "int32")[:, None] == indices[None, :]
        remembered, drawn = ops.take(bank, positions, axis=0), ops.take(bank, indices, axis=0)
        moved = remember(remembered, z_a, z_b, self.momentum)
        self.bank.assign(ops.scatter_update(bank, positions[:, None], moved))
        return memory_bank_loss(z_a, z_b, remembered, drawn, own, temperature)

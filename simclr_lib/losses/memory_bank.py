"""The memory bank: negatives are what other pictures' projections were when last seen.

Instance discrimination (Wu et al., 2018, arXiv 1805.01978, section 3) keeps one unit vector for
each training picture. An anchor is compared with some thousands of them, drawn at random, so that
the number of negatives has nothing to do with the batch. Each visit of a picture moves its entry
m ← (μ m + (1 − μ) z) ÷ length; between two visits the encoder changes and the entry does not,
which is the price. PIRL (Misra & van der Maaten, 2020, arXiv 1912.01991, section 2.2) takes the
bank over for pairs of a picture and its changed version.

The positive here is the other view, as in PIRL's loss of a pair before the bank comes in. Wu et
al. and PIRL's final loss take the picture's own entry. That entry is a random vector until the
picture's first visit and an epoch old from then on: right for their hundreds of epochs, and noise
in a run of two or seven. From the bank come the negatives alone.

Both papers estimate the sum over all pictures by noise-contrastive estimation. Here the anchor has
to pick its positive among the drawn entries by softmax, as in NT-Xent (He et al., 2020,
arXiv 1911.05722, equation 1, and their comparison with a memory bank): the losses then differ in
where the negatives come from and in nothing else.
"""

import math

import keras
from keras import ops

from simclr_lib.losses.nt_xent import unit_length


def memory_bank_loss(z_a, z_b, entries, own, temperature=0.1):
    """Cross-entropy of picking the other view among entries of other pictures.

    Args:
        z_a, z_b: projections of the first and the second views, `(N, D)`; row i of both comes
            from picture i. They need not be normalised.
        entries: K unit vectors from the bank, `(K, D)`, the same for all anchors.
        own: `(N, K)`, true where an entry belongs to the picture itself: it is left out.
        temperature: τ > 0.

    Returns:
        A scalar: the mean over the 2N anchors.
    """
    z_a, z_b = unit_length(z_a), unit_length(z_b)
    positive = ops.sum(z_a * z_b, axis=-1) / temperature
    losses = []
    for z in (z_a, z_b):
        negatives = ops.matmul(z, ops.transpose(ops.cast(entries, z.dtype))) / temperature
        negatives = ops.where(own, -math.inf, negatives)
        logits = ops.concatenate([positive[:, None], negatives], axis=1)
        losses.append(ops.mean(ops.logsumexp(logits, axis=1) - positive))
    return (losses[0] + losses[1]) / 2


def remember(entries, z_a, z_b, momentum=0.5):
    """Move the entries of the pictures of a batch towards what their views are now.

    Args:
        entries: their unit vectors in the bank, `(N, D)`.
        z_a, z_b: their projections, `(N, D)`; the entry moves towards the middle of the two.
        momentum: μ, 0 ≤ μ < 1, what is kept of the old entry.

    Returns:
        Unit vectors `(N, D)`; no gradient goes through them.
    """
    now = unit_length(unit_length(z_a) + unit_length(z_b))
    moved = unit_length(momentum * ops.cast(entries, now.dtype) + (1 - momentum) * now)
    return ops.stop_gradient(moved)


class MemoryBank(keras.layers.Layer):
    """`memory_bank_loss` with its bank: a unit vector for each picture of the training set.

    Bank and draws belong to the variables of the model that has this loss, so they are in every
    checkpoint. The bank takes 4 × pictures × dims bytes: 26 MB for 50,000 pictures and 128.

    Args:
        pictures: how many pictures the training set has.
        dims: D, the length of z.
        negatives: K, how many entries a step draws, with replacement (4,096: Wu et al.).
        momentum: μ of `remember` (0.5: Wu et al.).
        seed: of the first entries, random directions, and of the draws.
    """

    def __init__(self, pictures, dims, negatives=4096, momentum=0.5, seed=0):
        super().__init__(dtype="float32", name="memory_bank")
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1; got {momentum}.")
        self.pictures, self.negatives, self.momentum = pictures, negatives, momentum
        self.draws = keras.random.SeedGenerator(seed)

        def directions(shape, dtype):
            return unit_length(keras.random.normal(shape, dtype=dtype, seed=seed))

        self.bank = self.add_weight(
            shape=(pictures, dims), initializer=directions, trainable=False, name="bank"
        )
        self.built = True

    def call(self, z_a, z_b, positions, temperature):
        """The loss of a batch, z `(N, D)`; `positions` `(N,)` are its places in the set."""
        bank = ops.convert_to_tensor(self.bank)
        drawn = keras.random.randint(
            (self.negatives,), 0, self.pictures, dtype="int32", seed=self.draws
        )
        own = ops.cast(positions, "int32")[:, None] == drawn[None, :]
        loss = memory_bank_loss(z_a, z_b, ops.take(bank, drawn, axis=0), own, temperature)
        moved = remember(ops.take(bank, positions, axis=0), z_a, z_b, self.momentum)
        self.bank.assign(ops.scatter_update(bank, positions[:, None], moved))
        return loss

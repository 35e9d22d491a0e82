"""SogCLR: small batches, and for each picture a memory of how near its negatives are.

NT-Xent divides by a sum over the negatives of one batch. What is meant is the sum over all
pictures, and the logarithm of a small batch's sum is an estimate of it that leans to one side.
SogCLR (Yuan et al., 2022, arXiv 2202.12387) keeps for each picture i a moving average of what the
batches told, and divides by that. For an anchor, with s the cosine similarities:

    g  = mean over the 2(N − 1) views of the other pictures of exp(s ÷ τ)
    u  ← (1 − γ) u + γ g          (g itself when the picture is seen for the first time)
    p  = exp(s ÷ τ) ÷ u           a weight for each negative: no gradient goes through it
    loss = −s⁺ + mean of p · s    averaged over all 2N anchors

Both views of a picture start from the same old u, and the mean of their new ones is kept.

With γ = 1 nothing is remembered: the gradient is τ times that of the decoupled contrastive loss,
NT-Xent without the positive in the sum (Yeh et al., 2022, arXiv 2110.06848).

exp(s ÷ τ) leaves the range of float32 below τ = 0.011, and below about 0.02 a shift would not save
it either: between s = −1 and s = 1 lie factors of e^(2 ÷ τ). So all is held and mixed as log u.
"""

import math

import keras
from keras import ops

from simclr_lib.losses.nt_xent import unit_length

# Stands for the log u of a picture that was never seen: finite, as every weight in a checkpoint
# must be, and out of reach of any similarity ÷ temperature.
NEVER_SEEN = -1e30


def sogclr(z_a, z_b, log_u, temperature=0.1, gamma=0.9):
    """The loss of one batch, and what to remember of it.

    Args:
        z_a, z_b: projections of the first and the second views, `(N, D)`, N ≥ 2; row i of both
            comes from picture i. They need not be normalised.
        log_u: `(N,)`, what is remembered of these pictures: the logarithm of their u, or
            `NEVER_SEEN`.
        temperature: τ > 0.
        gamma: γ, 0 < γ ≤ 1: the weight of this batch in the moving average.

    Returns:
        `(loss, log_u)`: a scalar, the mean over the 2N anchors (the authors' code adds the two
        directions up, which is twice as much), and the pictures' new log u, `(N,)`. The loss of
        an encoder that gives all pictures the same z is 0, and good ones go below. Its value is
        that of no fixed objective, as the weights change; the gradient is what counts.
    """
    z_a, z_b = unit_length(z_a), unit_length(z_b)
    z = ops.concatenate([z_a, z_b], axis=0)
    similarity = ops.matmul(z, ops.transpose(z))
    others = ops.cast(2 * ops.shape(z_a)[0] - 2, z.dtype)

    logits = without_own_picture(ops.stop_gradient(similarity) / temperature)
    log_g = ops.logsumexp(logits, axis=-1) - ops.log(others)
    old = ops.cast(log_u, z.dtype)
    new = moving_average(ops.concatenate([old, old], axis=0), log_g, gamma)

    weight = ops.stop_gradient(ops.exp(logits - new[:, None]))
    negative = ops.sum(weight * similarity, axis=-1) / others
    loss = ops.mean(negative) - ops.mean(ops.sum(z_a * z_b, axis=-1))
    kept = ops.logaddexp(*ops.split(new, 2)) - math.log(2)
    return loss, ops.stop_gradient(kept)


def without_own_picture(logits):
    """Put −∞ where a view meets a view of its own picture, itself or its positive: exp(−∞) is 0."""
    rows = ops.arange(ops.shape(logits)[0])
    picture = rows % (ops.shape(logits)[0] // 2)
    return ops.where(picture[:, None] == picture[None, :], -math.inf, logits)


def moving_average(log_u, log_g, gamma):
    """log((1 − γ) u + γ g), from logarithms; log g where there is no u yet."""
    gamma = ops.cast(gamma, log_g.dtype)
    mixed = ops.logaddexp(ops.log(1 - gamma) + log_u, ops.log(gamma) + log_g)
    return ops.where(log_u > NEVER_SEEN / 2, mixed, log_g)


def cosine_gamma(step, decay_steps, gamma):
    """γ that falls from 1 to `gamma` along half a cosine, and stays there after `decay_steps`.

    While the encoder changes fast, what it told earlier is soon out of date: the memory gains its
    weight as the training calms down (Wei et al., 2024, arXiv 2407.01445, the inner learning rate).
    """
    share = ops.minimum(ops.cast(step, "float32") / decay_steps, 1.0)
    return gamma + (1 - gamma) * (1 + ops.cos(math.pi * share)) / 2


class SogCLR(keras.layers.Layer):
    """`sogclr` with its memory: a number for each picture of the training set.

    The memory belongs to the variables of the model that has this loss, so it is in every
    checkpoint.

    Args:
        pictures: how many pictures the training set has.
        gamma: γ, 0 < γ ≤ 1.
        decay_steps: training steps over which γ falls from 1 to `gamma`, see `cosine_gamma`;
            0: it is `gamma` throughout.
    """

    def __init__(self, pictures, gamma=0.9, decay_steps=0):
        super().__init__(dtype="float32", name="sogclr")
        if not 0 < gamma <= 1:
            raise ValueError(f"gamma must be above 0 and at most 1; got {gamma}.")
        self.pictures, self.gamma, self.decay_steps = pictures, gamma, decay_steps
        unseen = keras.initializers.Constant(NEVER_SEEN)
        self.log_u = self.add_weight(
            shape=(pictures,), initializer=unseen, trainable=False, name="log_u"
        )
        self.step = self.add_weight(
            shape=(), initializer="zeros", dtype="int32", trainable=False, name="step"
        )
        self.built = True

    def call(self, z_a, z_b, positions, temperature):
        """The loss of a batch, z `(N, D)`; `positions` `(N,)` are its places in the set."""
        gamma = self.gamma
        if self.decay_steps:
            gamma = cosine_gamma(self.step, self.decay_steps, gamma)
        known = ops.convert_to_tensor(self.log_u)
        loss, new = sogclr(z_a, z_b, ops.take(known, positions), temperature, gamma)
        self.log_u.assign(ops.scatter_update(known, positions[:, None], new))
        self.step.assign_add(1)
        return loss

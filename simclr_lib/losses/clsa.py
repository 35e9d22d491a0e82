"""CLSA: what a strong view is like, learnt from what a weak one is like (Wang & Qi, 2021)."""

from keras import ops

from simclr_lib.losses.nt_xent import nt_xent, unit_length, without_self


def clsa(
    z_a,
    z_b,
    z_strong,
    temperature=0.5,
    *,
    strong_weight=1.0,
    strong_temperature=0.2,
    contrastive=nt_xent,
):
    """A contrastive loss of two weak views, and beside it a strong view that follows them.

        loss = contrastive(z_a, z_b, τ) + α · distributional(z_a, z_b, z_strong)

    That a strongly distorted picture is told from all others would be too much to ask. It is
    asked to be as similar to each other picture as its weak views are: see `distributional_loss`.
    This needs nothing of the contrastive loss but projections to compare with, and so goes with
    any. The paper's own has a momentum encoder and a queue of keys (MoCo v2); here the keys are
    the batch.

    Args:
        z_a, z_b: projections of two weak views, `(N, D)`; row i comes from picture i.
        z_strong: projections of a strong view of the same pictures, `(N, D)`.
        temperature: τ > 0 of the contrastive loss.
        strong_weight: α ≥ 0; the paper takes 1.
        strong_temperature: > 0, that of the distributions; the paper takes 0.2.
        contrastive: function `(z_a, z_b, temperature)` → scalar.

    Returns:
        A scalar. An encoder that has learnt nothing gets (1 + α) ln(2N − 1) with NT-Xent.
    """
    strong = distributional_loss(z_a, z_b, z_strong, strong_temperature)
    return contrastive(z_a, z_b, temperature) + strong_weight * strong


def distributional_loss(z_a, z_b, z_strong, temperature=0.2):
    """Cross-entropy between how weak and strong views see the other pictures.

    Each of the 2N weak views is a query once. Its keys are those that it has in NT-Xent: the 2N − 1
    weak views but itself, its positive among them. With s the cosine similarity and t the
    temperature,

        P(k) = exp(s(weak, k) ÷ t) ÷ Σ exp(s(weak, ·) ÷ t)     of the weak query, held fixed,
        Q(k) = exp(s(strong, k) ÷ t) ÷ Σ exp(s(strong, ·) ÷ t)     of its picture's strong view,
        loss = mean over the queries of −Σ P(k) ln Q(k).

    This is the paper's divergence between weak and strong views (section 3; in the authors' code,
    `training/train.py`, the "DDM loss"), with both weak views as queries, as in NT-Xent. P and the
    keys are constants, as there: the gradient moves the strong view alone.

    Args:
        z_a, z_b, z_strong: as for `clsa`; they need not be normalised.
        temperature: t > 0. The smaller, the more the nearest keys count.

    Returns:
        A scalar of at least the entropy of P, in float32 (in float64 for float64 input).
    """
    keys = ops.stop_gradient(unit_length(ops.concatenate([z_a, z_b], axis=0)))
    weak = ops.softmax(without_self(ops.matmul(keys, ops.transpose(keys)) / temperature))
    strong = unit_length(z_strong)
    strong = ops.concatenate([strong, strong], axis=0)  # row by row beside the queries
    similarity = ops.matmul(strong, ops.transpose(keys)) / temperature
    # ln Q is a similarity less a log of a sum, and P adds up to 1. On the diagonal P is 0.
    log_total = ops.logsumexp(without_self(similarity), axis=-1)
    return ops.mean(log_total - ops.sum(weak * similarity, axis=-1))

"""k nearest neighbours: what the geometry of the features says without any training."""

import numpy as np


def nearest(train_h, queries, k):
    """Find each query's k most similar training features by cosine.

    Args:
        train_h: float `(N, d)`.
        queries: float `(M, d)`.
        k: neighbours, at most N.

    Returns:
        `(similarity, index)`, each `(M, k)`, the nearest first.
    """
    train_h, queries = unit_length(train_h), unit_length(queries)
    # The features are dealt into groups like cards. The k nearest lie in the k groups whose best
    # ones are nearest, so two short searches find what one long search would.
    size = max(1, round((len(train_h) / k) ** 0.5))
    groups = -(-len(train_h) // size)
    dealt = np.full((256, size * groups), -np.inf, "float32")  # the last cards may be missing
    similarities, indices = [], []
    # A block of queries at a time: the whole M × N matrix may not fit in memory.
    for first in range(0, len(queries), 256):
        asked = queries[first : first + 256]
        similarity = dealt[: len(asked)]
        np.matmul(asked, train_h.T, out=similarity[:, : len(train_h)])
        best = similarity.reshape(len(asked), size, groups).max(axis=1)
        group = largest(best, min(k, groups))
        candidates = (group[:, None, :] + groups * np.arange(size)[:, None]).reshape(len(asked), -1)
        similarity = np.take_along_axis(similarity, candidates, axis=1)
        index = largest(similarity, k)
        similarity = np.take_along_axis(similarity, index, axis=1)
        index = np.take_along_axis(candidates, index, axis=1)
        order = np.argsort(-similarity, axis=1, kind="stable")
        similarities.append(np.take_along_axis(similarity, order, axis=1))
        indices.append(np.take_along_axis(index, order, axis=1))
    return np.concatenate(similarities), np.concatenate(indices)


def knn_accuracy(train_h, train_y, test_h, test_y, k=200, temperature=0.1):
    """Classify by a vote of the k nearest training pictures, weighted by exp(cosine ÷ τ).

    The usual monitor of contrastive learning (Wu et al., 2018, section 3.4).

    Args:
        train_h, test_h: float `(N, d)` and `(M, d)`; they need not be normalised.
        train_y, test_y: integer labels `(N,)` and `(M,)`, from 0.
        k: neighbours that vote; at most N are used.
        temperature: τ > 0. The smaller, the more the nearest ones count.

    Returns:
        Share of the test pictures that are classified right, in [0, 1].
    """
    similarity, index = nearest(train_h, test_h, min(k, len(train_h)))
    weights = np.exp((similarity - similarity[:, :1]) / temperature)
    votes = np.zeros((len(test_h), int(train_y.max()) + 1))
    np.add.at(votes, (np.arange(len(test_h))[:, None], train_y[index]), weights)
    return float(np.mean(votes.argmax(axis=1) == test_y))


def largest(values, k):
    """Where the k largest values of each row are, in any order: `(M, N)` → `(M, k)`."""
    return np.argpartition(values, values.shape[1] - k, axis=1)[:, -k:]


def unit_length(h):
    """Divide each row by its length; a row of zeros stays."""
    h = np.asarray(h, "float32")
    return h / np.maximum(np.linalg.norm(h, axis=1, keepdims=True), 1e-12)

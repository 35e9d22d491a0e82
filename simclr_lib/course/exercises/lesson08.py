"""Lesson 08: small batches, and SogCLR's memory for each picture (Yuan et al., 2022)."""

import math

import numpy as np

from simclr_lib.course.exercise import Exercise, mistake

LESSON = "08_small_batches"


def two_views(pictures, dims, seed=0, noise=0.7):
    """Projections of the first and the second views, each `(pictures, dims)`, similar in pairs."""
    rng = np.random.default_rng(seed)
    z_a = rng.normal(size=(pictures, dims)) * rng.uniform(0.5, 2.0, (pictures, 1))
    z_b = z_a + noise * rng.normal(size=(pictures, dims))
    return z_a.astype("float32"), z_b.astype("float32")


def unit(z):
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def cosines(z_a, z_b):
    z = unit(np.concatenate([z_a, z_b]))
    return z @ z.T


def strangers(views):
    """`(2N, 2N)`: where a view meets a view of another picture."""
    picture = np.arange(views) % (views // 2)
    return picture[:, None] != picture


# -- What a batch says of an anchor's negatives ----------------------------------------------------


def mean_by_mask(z_a, z_b, temperature):
    z = np.concatenate([z_a, z_b])
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    powers = np.exp(z @ z.T / temperature)
    picture = np.tile(np.arange(len(z_a)), 2)
    powers[picture[:, None] == picture] = 0
    return powers.sum(axis=1) / (2 * len(z_a) - 2)


def mean_by_loops(z_a, z_b, temperature):
    z = [row / math.sqrt(float(row @ row)) for row in [*z_a, *z_b]]
    n = len(z_a)
    means = []
    for i in range(2 * n):
        terms = [math.exp(float(z[i] @ z[k]) / temperature) for k in range(2 * n) if (k - i) % n]
        means.append(sum(terms) / len(terms))
    return np.array(means)


def mean_by_blocks(z_a, z_b, temperature):
    a, b = unit(z_a), unit(z_b)
    means = []
    for anchors in (a, b):
        total = 0
        for others in (a, b):
            powers = np.exp(anchors @ others.T / temperature)
            np.fill_diagonal(powers, 0)
            total = total + powers.sum(axis=1)
        means.append(total / (2 * (len(a) - 1)))
    return np.concatenate(means)


def mean_in_keras(z_a, z_b, temperature):
    from keras import ops

    z = ops.normalize(ops.concatenate([z_a, z_b], axis=0), axis=-1)
    n = z.shape[0] // 2
    own = ops.tile(ops.eye(n, dtype=z.dtype), (2, 2))
    powers = ops.exp(ops.matmul(z, ops.transpose(z)) / temperature) * (1 - own)
    return ops.sum(powers, axis=1) / (2 * n - 2)


def powers_of(z_a, z_b, temperature):
    return np.exp(cosines(z_a, z_b) / temperature)


@mistake(
    "The positive is among your negatives: the other view of the anchor's own picture is left out"
    " too.",
    hint="An anchor's own picture stands in two columns: its own, and the one N further on.",
)
def positive_among_the_negatives(z_a, z_b, temperature):
    powers = powers_of(z_a, z_b, temperature) * (1 - np.eye(2 * len(z_a)))
    return powers.sum(axis=1) / (2 * len(z_a) - 1)


@mistake(
    "Each view is also compared with itself: leave the anchor out, and its positive.",
    hint="Both views of the anchor's own picture are no negatives.",
)
def own_picture_among_the_negatives(z_a, z_b, temperature):
    return powers_of(z_a, z_b, temperature).mean(axis=1)


@mistake(
    "You leave the anchor out, but not its positive, and divide by 2N − 2: both are left out of the"
    " sum.",
    hint="The other view of the anchor's own picture is no negative.",
)
def positive_in_the_sum_only(z_a, z_b, temperature):
    powers = powers_of(z_a, z_b, temperature) * (1 - np.eye(2 * len(z_a)))
    return powers.sum(axis=1) / (2 * len(z_a) - 2)


@mistake(
    "You return the sum over the negatives: wanted is their mean, which does not grow with the"
    " batch.",
    hint="Divide by the number of negatives, 2N − 2.",
)
def sum_over_negatives(z_a, z_b, temperature):
    return (2 * len(z_a) - 2) * mean_by_mask(z_a, z_b, temperature)


@mistake(
    "You divide by 2N: the views of the anchor's own picture are not in the sum, and do not count.",
    hint="There are 2N − 2 negatives.",
)
def divided_by_all_views(z_a, z_b, temperature):
    return mean_by_mask(z_a, z_b, temperature) * (1 - 1 / len(z_a))


@mistake(
    "You divide by 2N − 1, which counts the positive: there are 2N − 2 negatives.",
    hint="2N views, less the anchor, less its positive.",
)
def divided_by_one_too_many(z_a, z_b, temperature):
    return sum_over_negatives.answer(z_a, z_b, temperature) / (2 * len(z_a) - 1)


@mistake(
    "You multiply by the temperature: divide by it.",
    hint="np.exp(similarity / temperature).",
)
def temperature_multiplied(z_a, z_b, temperature):
    return mean_by_mask(z_a, z_b, 1 / temperature)


@mistake(
    "The temperature changes nothing in yours: divide every similarity by it.",
    hint="np.exp(similarity / temperature).",
)
def temperature_ignored(z_a, z_b, temperature):
    return mean_by_mask(z_a, z_b, 1.0)


@mistake(
    "You compare each view with those of the other kind only: both views of every other picture are"
    " negatives.",
    hint="Put all 2N views into one array first.",
)
def other_kind_only(z_a, z_b, temperature):
    powers = np.exp(unit(z_a) @ unit(z_b).T / temperature)
    np.fill_diagonal(powers, 0)
    return np.concatenate([powers.sum(axis=1), powers.sum(axis=0)]) / (len(z_a) - 1)


@mistake(
    "You return the logarithm: wanted is the mean itself.",
    hint="Leave out np.log.",
)
def logarithm_taken(z_a, z_b, temperature):
    return np.log(mean_by_mask(z_a, z_b, temperature))


@mistake(
    "You take the exponential of the mean similarity: first exp, then the mean. (The mean of the"
    " exponentials is larger, for it looks at the near ones.)",
    hint="np.exp of the whole matrix, then the mean of each row.",
)
def mean_before_exp(z_a, z_b, temperature):
    similarity = cosines(z_a, z_b) * strangers(2 * len(z_a))
    return np.exp(similarity.sum(axis=1) / (2 * len(z_a) - 2) / temperature)


@mistake(
    "You use dot products of the projections as they are: divide each by its length first.",
    hint="The similarity is a cosine: rows of length 1 before the product.",
)
def lengths_left_in(z_a, z_b, temperature):
    z = np.concatenate([z_a, z_b])
    powers = np.exp(z @ z.T / temperature) * strangers(len(z))
    return powers.sum(axis=1) / (len(z) - 2)


def right_angles_count_one(answer):
    z = np.eye(4, dtype="float32")
    means = answer(z, z, 0.5)
    if not np.allclose(means, 1, atol=1e-3):
        return (
            "When all pictures are at right angles, every negative counts exp(0) = 1 and so does"
            f" their mean; yours is {np.ravel(means)[0]:.3g}."
        )
    return None


def own_picture_does_not_matter(answer):
    """Moving picture 0's second view changes what others see, not what its first view sees."""
    z_a, z_b = two_views(4, 3, seed=5)
    moved = z_b.copy()
    moved[0] = -moved[0] + 1
    if abs(answer(z_a, moved, 0.5)[0] - answer(z_a, z_b, 0.5)[0]) > 1e-3:
        return "An anchor's mean changes when its own positive moves: the positive is no negative."
    return None


MEAN = Exercise(
    id="mean_of_negatives",
    lesson=LESSON,
    title="how near an anchor's negatives are, in one batch",
    minutes=8,
    difficulty=2,
    reference=mean_by_mask,
    probes=[
        (*two_views(3, 4), 0.5),
        (*two_views(5, 3, seed=1), 0.3),
        (*two_views(4, 6, seed=2), 2.0),
    ],
    ladder=[right_angles_count_one, own_picture_does_not_matter],
    mistakes=[
        positive_among_the_negatives,
        own_picture_among_the_negatives,
        positive_in_the_sum_only,
        sum_over_negatives,
        divided_by_all_views,
        divided_by_one_too_many,
        temperature_multiplied,
        temperature_ignored,
        other_kind_only,
        logarithm_taken,
        mean_before_exp,
        lengths_left_in,
    ],
    hints=(
        "All 2N views in one array, unit length, one product: the matrix of lesson 03.",
        "Row i belongs to picture i % N. Where two rows belong to the same picture, put 0 after"
        " the exponential.",
        "The sum of each row, divided by 2N − 2.",
    ),
    right=[mean_by_mask, mean_by_loops, mean_by_blocks, mean_in_keras],
)


# -- The memory ------------------------------------------------------------------------------------


def memory_with_where(memory, positions, g, gamma):
    memory = memory.copy()
    old = memory[positions]
    both = (g[: len(positions)] + g[len(positions) :]) / 2
    memory[positions] = np.where(old == 0, both, (1 - gamma) * old + gamma * both)
    return memory


def memory_by_loops(memory, positions, g, gamma):
    new = list(memory)
    n = len(positions)
    for i, position in enumerate(positions):
        values = []
        for own in (g[i], g[i + n]):
            seen = memory[position] > 0
            values.append((1 - gamma) * memory[position] + gamma * own if seen else own)
        new[position] = sum(values) / 2
    return np.array(new)


def memory_by_weights(memory, positions, g, gamma):
    new = np.array(memory, dtype="float64")
    weight = np.where(new[positions] > 0, gamma, 1.0)
    new[positions] += weight * (np.reshape(g, (2, -1)).mean(axis=0) - new[positions])
    return new


def memory_in_keras(memory, positions, g, gamma):
    from keras import ops

    old = ops.take(memory, positions)
    now = ops.mean(ops.reshape(g, (2, -1)), axis=0)
    kept = ops.where(old == 0, 1.0, gamma)
    now = ops.cast(old + kept * (now - old), "float32")
    return ops.scatter_update(ops.convert_to_tensor(memory), positions[:, None], now)


def halves(g):
    return np.split(g, 2)


def written(memory, positions, values):
    memory = np.array(memory)
    memory[positions] = values
    return memory


@mistake(
    "γ stands at the wrong place: it is the weight of this batch, and 1 − γ that of the memory.",
    hint="(1 − γ) · old + γ · new.",
)
def gamma_and_its_rest_exchanged(memory, positions, g, gamma):
    old, now = memory[positions], g.reshape(2, -1).mean(axis=0)
    moved = np.where(old == 0, now, gamma * old + (1 - gamma) * now)
    return written(memory, positions, moved)


@mistake(
    "A picture that was never seen (0) is mixed with its 0: it takes what the batch says as it is.",
    hint="np.where(old == 0, new, mixture).",
)
def never_seen_forgotten(memory, positions, g, gamma):
    now = g.reshape(2, -1).mean(axis=0)
    return written(memory, positions, (1 - gamma) * memory[positions] + gamma * now)


@mistake(
    "You keep what the first view says: the two views of a picture count alike.",
    hint="g has 2N entries, first views above second views: the mean of entry i and entry i + N.",
)
def first_views_alone(memory, positions, g, gamma):
    return memory_with_where(memory, positions, np.tile(halves(g)[0], 2), gamma)


@mistake(
    "You keep what the second view says: the two views of a picture count alike.",
    hint="g has 2N entries, first views above second views: the mean of entry i and entry i + N.",
)
def second_views_alone(memory, positions, g, gamma):
    return memory_with_where(memory, positions, np.tile(halves(g)[1], 2), gamma)


@mistake(
    "The second view starts from what the first has just left: both start from the same old value,"
    " and the mean of the two is kept.",
    hint="Take the old values once, before anything is changed.",
)
def one_view_after_the_other(memory, positions, g, gamma):
    for half in halves(g):
        memory = memory_with_where(memory, positions, np.tile(half, 2), gamma)
    return memory


@mistake(
    "You add the two views up: wanted is their mean.",
    hint="Divide by 2.",
)
def views_added(memory, positions, g, gamma):
    return memory_with_where(memory, positions, 2 * g, gamma)


@mistake(
    "You overwrite the memory with what this batch says: that forgets all earlier batches.",
    hint="Where a picture was seen before, keep 1 − γ of the old value.",
)
def nothing_remembered(memory, positions, g, gamma):
    return memory_with_where(memory, positions, g, 1.0)


@mistake(
    "You add γ times the new value to the whole old one: it would grow for ever. Keep 1 − γ of it.",
    hint="(1 − γ) · old + γ · new.",
)
def old_kept_whole(memory, positions, g, gamma):
    old, now = memory[positions], g.reshape(2, -1).mean(axis=0)
    return written(memory, positions, np.where(old == 0, now, old + gamma * now))


@mistake(
    "You write to the first places of the memory: `positions` tells which pictures these are.",
    hint="memory[positions] = …",
)
def written_to_the_first_places(memory, positions, g, gamma):
    values = memory_with_where(memory, positions, g, gamma)[positions]
    return written(memory, np.arange(len(positions)), values)


@mistake(
    "Pictures that are not in the batch lose their memory in yours: they keep it.",
    hint="Begin with a copy of the whole memory.",
)
def the_others_forgotten(memory, positions, g, gamma):
    values = memory_with_where(memory, positions, g, gamma)[positions]
    return written(np.zeros_like(memory), positions, values)


@mistake(
    "You return the batch's pictures alone: wanted is the whole memory, the others as they were.",
    hint="Begin with a copy of the memory, write to its `positions`, return it.",
)
def batch_alone(memory, positions, g, gamma):
    return memory_with_where(memory, positions, g, gamma)[positions]


def a_memory(pictures, batch, seed=0):
    """A memory with some gaps, the positions of a batch of seen and unseen ones, and its g."""
    rng = np.random.default_rng(seed)
    memory = rng.uniform(1, 5, pictures).astype("float32")
    memory[::3] = 0
    positions = rng.permutation(pictures)[:batch]
    positions[0], positions[1] = 3, 4  # one never seen, one seen
    positions[2:] = rng.permutation([p for p in range(pictures) if p not in (3, 4)])[: batch - 2]
    return memory, positions, rng.uniform(1, 9, 2 * batch).astype("float32")


def leaves_the_others_alone(answer):
    memory, positions, g = a_memory(9, 3, seed=4)
    others = np.setdiff1d(np.arange(9), positions)
    new = answer(memory, positions, g, 0.5)
    if np.shape(new) == (9,) and not np.allclose(new[others], memory[others], atol=1e-4):
        return "Pictures that are not in the batch have another value than before."
    return None


def gamma_one_takes_the_batch(answer):
    memory, positions, g = a_memory(8, 4, seed=5)
    new = answer(memory, positions, g, 1.0)
    if np.shape(new) == (8,) and not np.allclose(
        new[positions], np.mean(halves(g), axis=0), rtol=1e-3
    ):
        return "With γ = 1 the value of a picture is what this batch says: the mean of both views."
    return None


MEMORY = Exercise(
    id="update_memory",
    lesson=LESSON,
    title="the memory of each picture, after a batch",
    minutes=10,
    difficulty=2,
    reference=memory_with_where,
    probes=[
        (*a_memory(9, 4), 0.3),
        (*a_memory(10, 5, seed=1), 0.9),
        (*a_memory(7, 3, seed=2), 0.6),
    ],
    ladder=[leaves_the_others_alone, gamma_one_takes_the_batch],
    mistakes=[
        gamma_and_its_rest_exchanged,
        never_seen_forgotten,
        first_views_alone,
        second_views_alone,
        one_view_after_the_other,
        views_added,
        nothing_remembered,
        old_kept_whole,
        written_to_the_first_places,
        the_others_forgotten,
        batch_alone,
    ],
    hints=(
        "Copy the memory; take out what it holds of these pictures; write back the mixture.",
        "g[i] and g[i + N] are of the same picture: take their mean first.",
        "np.where(old == 0, mean, (1 − γ) · old + γ · mean), written to copy[positions].",
    ),
    right=[memory_with_where, memory_by_loops, memory_by_weights, memory_in_keras],
)


# -- The slope of the loss -------------------------------------------------------------------------


def slope_by_mask(similarity, u, temperature):
    views = len(similarity)
    picture = np.arange(views) % (views // 2)
    weight = np.exp(similarity / temperature) / u[:, None]
    slope = np.where(picture[:, None] == picture, 0, weight / (views - 2))
    slope[np.arange(views), (np.arange(views) + views // 2) % views] = -1
    return slope / views


def slope_by_loops(similarity, u, temperature):
    views = len(similarity)
    slope = np.zeros((views, views))
    for i in range(views):
        for k in range(views):
            if (k - i) % (views // 2):
                p = math.exp(similarity[i, k] / temperature) / u[i]
                slope[i, k] = p / (views - 2) / views
            elif i != k:
                slope[i, k] = -1 / views
    return slope


def slope_by_blocks(similarity, u, temperature):
    n = len(similarity) // 2
    other = np.tile(1 - np.eye(n), (2, 2))
    positive = np.kron([[0, 1], [1, 0]], np.eye(n))
    weight = np.exp(similarity / temperature - np.log(u)[:, None])
    return (weight * other / (2 * n - 2) - positive) / (2 * n)


def slope_in_keras(similarity, u, temperature):
    from keras import ops

    n = similarity.shape[0] // 2
    own = ops.tile(ops.eye(n), (2, 2))
    positive = own - ops.eye(2 * n)
    weight = ops.exp(similarity / temperature) / ops.expand_dims(u, 1)
    return (weight * (1 - own) / (2 * n - 2) - positive) / (2 * n)


def parts_of_slope(similarity, u, temperature):
    """Weights `(2N, 2N)`, where negatives are, where positives are."""
    negative = strangers(len(similarity))
    positive = ~negative & ~np.eye(len(similarity), dtype=bool)
    return np.exp(similarity / temperature) / u[:, None], negative, positive


@mistake(
    "You divide by what this batch says (a softmax): that is γ = 1. Divide by the u that is given.",
    hint="np.exp(similarity / temperature) / u[:, None].",
)
def softmax_for_u(similarity, u, temperature):
    weight, negative, positive = parts_of_slope(similarity, u, temperature)
    return (weight * negative / np.sum(weight * negative, 1, keepdims=True) - positive) / len(u)


@mistake(
    "Entry (i, k) is divided by the u of k: the weights of a row belong to its anchor, i.",
    hint="u[:, None] divides rows, u[None, :] columns.",
)
def u_of_the_other(similarity, u, temperature):
    _, negative, positive = parts_of_slope(similarity, u, temperature)
    weight = np.exp(similarity / temperature) / u[None, :]
    return (weight * negative / (len(u) - 2) - positive) / len(u)


@mistake(
    "The pull of the positive is missing: its slope is −1 for each anchor.",
    hint="The loss begins with −s⁺.",
)
def no_pull(similarity, u, temperature):
    weight, negative, _ = parts_of_slope(similarity, u, temperature)
    return weight * negative / (len(u) - 2) / len(u)


@mistake(
    "The positive has the wrong sign: the loss falls as it comes nearer.",
    hint="The loss begins with −s⁺: its slope is −1.",
)
def positive_pushed(similarity, u, temperature):
    weight, negative, positive = parts_of_slope(similarity, u, temperature)
    return (weight * negative / (len(u) - 2) + positive) / len(u)


@mistake(
    "The positive also has a negative's weight in yours: only views of other pictures are pushed.",
    hint="Leave out both views of the anchor's own picture.",
)
def positive_pushed_too(similarity, u, temperature):
    weight, negative, positive = parts_of_slope(similarity, u, temperature)
    return (weight * (negative | positive) / (len(u) - 2) - positive) / len(u)


@mistake(
    "Each view pushes itself: the diagonal is 0.",
    hint="Leave out both views of the anchor's own picture.",
)
def diagonal_left_in(similarity, u, temperature):
    weight, negative, positive = parts_of_slope(similarity, u, temperature)
    own = np.eye(len(u), dtype=bool)
    return (weight * (negative | own) / (len(u) - 2) - positive) / len(u)


@mistake(
    "You sum over the negatives: the loss takes their mean. Divide their weights by 2N − 2.",
    hint="There are 2N − 2 negatives.",
)
def sum_over_the_negatives(similarity, u, temperature):
    weight, negative, positive = parts_of_slope(similarity, u, temperature)
    return (weight * negative - positive) / len(u)


@mistake(
    "You divide by 2N − 1, which counts the positive: there are 2N − 2 negatives.",
    hint="2N views, less the anchor, less its positive.",
)
def one_negative_too_many(similarity, u, temperature):
    weight, negative, positive = parts_of_slope(similarity, u, temperature)
    return (weight * negative / (len(u) - 1) - positive) / len(u)


@mistake(
    "You sum over the anchors: the loss is their mean. Divide by 2N.",
    hint="The whole matrix, divided by the number of its rows.",
)
def sum_over_the_anchors(similarity, u, temperature):
    return len(u) * slope_by_mask(similarity, u, temperature)


@mistake(
    "You divide by N: there are 2N anchors.",
    hint="The whole matrix, divided by the number of its rows.",
)
def divided_by_the_pictures(similarity, u, temperature):
    return 2 * slope_by_mask(similarity, u, temperature)


@mistake(
    "You divide everything by τ once more: that would be the slope of the decoupled loss, whose"
    " scores are s ÷ τ. Here the loss is a sum of similarities.",
    hint="τ stands within the exponential, and nowhere else.",
)
def divided_by_the_temperature(similarity, u, temperature):
    return slope_by_mask(similarity, u, temperature) / temperature


@mistake(
    "The temperature changes nothing in yours: it stands in the exponential.",
    hint="np.exp(similarity / temperature).",
)
def slope_without_temperature(similarity, u, temperature):
    return slope_by_mask(similarity, u, 1.0)


@mistake(
    "You multiply by u: a picture whose negatives are near has a large u, and smaller weights.",
    hint="Divide by u.",
)
def multiplied_by_u(similarity, u, temperature):
    return slope_by_mask(similarity, 1 / u, temperature)


def some_batch(pictures, dims, seed=0):
    """Cosines of a batch, and a u for each anchor."""
    rng = np.random.default_rng(seed + 50)
    u = rng.uniform(1, 6, 2 * pictures).astype("float32")
    return cosines(*two_views(pictures, dims, seed=seed)), u


def pull_is_one_for_each_anchor(answer):
    similarity, u = some_batch(4, 3, seed=6)
    slope = answer(similarity, u, 0.5)
    pulls = slope[np.arange(8), (np.arange(8) + 4) % 8]
    if not np.allclose(pulls, -1 / 8, atol=1e-4):
        return (
            f"For 4 pictures the slope by each positive's similarity is −1/8 = {-1 / 8:.3f}; yours"
            f" is {pulls[0]:.3f}."
        )
    return None


def larger_memory_pushes_less(answer):
    similarity, u = some_batch(4, 3, seed=7)
    rest = strangers(8)
    one, half = (answer(similarity, factor * u, 0.5)[rest] for factor in (1, 2))
    if not np.allclose(one, 2 * half, rtol=1e-3, atol=1e-6):
        return "When u is twice as large, all pushes are half as large; yours are not."
    return None


SLOPE = Exercise(
    id="sogclr_slope",
    lesson=LESSON,
    title="the slope of SogCLR's loss by the similarities",
    minutes=12,
    difficulty=3,
    reference=slope_by_mask,
    probes=[(*some_batch(3, 4), 0.5), (*some_batch(4, 3, seed=1), 0.3), (*some_batch(2, 5), 2.0)],
    ladder=[pull_is_one_for_each_anchor, larger_memory_pushes_less],
    mistakes=[
        softmax_for_u,
        u_of_the_other,
        no_pull,
        positive_pushed,
        positive_pushed_too,
        diagonal_left_in,
        sum_over_the_negatives,
        one_negative_too_many,
        sum_over_the_anchors,
        divided_by_the_pictures,
        divided_by_the_temperature,
        slope_without_temperature,
        multiplied_by_u,
    ],
    hints=(
        "The weights p are held still: each similarity stands in the loss once, times a number.",
        "Row i: −1 at the positive, p ÷ (2N − 2) at the views of other pictures, 0 at i itself.",
        "np.exp(similarity / temperature) / u[:, None], masked, the positives set, all ÷ 2N.",
    ),
    right=[slope_by_mask, slope_by_loops, slope_by_blocks, slope_in_keras],
)

EXERCISES = [MEAN, MEMORY, SLOPE]

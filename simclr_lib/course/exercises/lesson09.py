"""Lesson 09: stronger views, and what they can teach (Wang & Qi, 2021, CLSA).

One of the fourteen operations, and then the loss from its parts: a distribution over keys, the
cross-entropy of two distributions, what it pulls at, and the whole for a batch.
"""

import math

import numpy as np

from simclr_lib.course.exercise import Exercise, mistake

LESSON = "09_stronger_views"


def levels(height, width, low=40, high=90, seed=0):
    """A dull grey picture: whole numbers between two levels, most of them dark."""
    rng = np.random.default_rng(seed)
    return (low + (high - low) * rng.uniform(0, 1, (height, width)) ** 2).astype("uint8")


def projections(*shape, seed=0):
    """Random projections of different lengths."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) * rng.uniform(0.5, 2.0, (*shape[:-1], 1))).astype("float32")


def three_views(pictures, dims, seed=0):
    """Projections of two weak views and of a strong one, similar in a picture."""
    z_a = projections(pictures, dims, seed=seed)
    near, far = (projections(pictures, dims, seed=seed + more) for more in (100, 200))
    return z_a, z_a + 0.5 * near, z_a + far


def unit(z):
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def softmax(scores):
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


# -- Equalize --------------------------------------------------------------------------------------


def equalize_by_counts(channel):
    counts = np.bincount(channel.ravel(), minlength=256)
    darker = np.cumsum(counts) - counts
    return darker[channel] / darker[channel].max()


def equalize_by_sorting(channel):
    ordered = np.sort(channel, axis=None)
    darker = np.searchsorted(ordered, channel, side="left")
    return darker / np.sum(channel < channel.max())


def equalize_by_loops(channel):
    darker = np.zeros(channel.shape)
    for place in np.ndindex(*channel.shape):
        darker[place] = sum(int(value < channel[place]) for value in channel.flat)
    return darker / darker.max()


def equalize_in_keras(channel):
    from keras import ops

    values = ops.reshape(ops.cast(ops.convert_to_tensor(channel), "float32"), (-1,))
    darker = ops.sum(ops.cast(values[None] < values[:, None], "float32"), axis=1)
    return ops.reshape(darker / ops.max(darker), channel.shape)


@mistake(
    "You count the pixels that are darker or of the same level: wanted are the darker ones, so that"
    " the darkest level becomes 0.",
    hint="Take the level's own count off again: np.cumsum(counts) − counts.",
)
def own_level_counted(channel):
    counts = np.bincount(channel.ravel(), minlength=256)
    return np.cumsum(counts)[channel] / channel.size


@mistake(
    "You divide by all pixels, so nothing ever becomes white: the brightest pixels have as many"
    " darker ones as are not of their level.",
    hint="Divide by the largest of your counts.",
)
def divided_by_all_pixels(channel):
    counts = np.bincount(channel.ravel(), minlength=256)
    return (np.cumsum(counts) - counts)[channel] / channel.size


@mistake(
    "This stretches the levels from 0 to 1 (that is autocontrast): equalize asks how many pixels"
    " are darker, not how much.",
    hint="Count pixels: np.bincount tells how many have each level.",
)
def stretched(channel):
    channel = channel.astype("float64")
    return (channel - channel.min()) / (channel.max() - channel.min())


@mistake(
    "Your picture is a negative: you count the brighter pixels.",
    hint="The share of the darker ones: bright stays bright.",
)
def brighter_counted(channel):
    brighter = np.sum(channel.ravel()[None] > channel.ravel()[:, None], axis=1)
    return (brighter / brighter.max()).reshape(channel.shape)


@mistake(
    "You count levels: wanted is how many pixels are darker. A level that many pixels have counts"
    " as often.",
    hint="np.bincount(channel.ravel(), minlength=256) counts the pixels of each level.",
)
def levels_counted(channel):
    known, rank = np.unique(channel, return_inverse=True)
    return rank.reshape(channel.shape) / (len(known) - 1)


@mistake(
    "You number the pixels one by one: pixels of the same level must get the same value.",
    hint="Count the pixels that are darker; equal ones are not.",
)
def every_pixel_its_rank(channel):
    rank = np.argsort(np.argsort(channel, axis=None, kind="stable"), kind="stable")
    return (rank / (channel.size - 1)).reshape(channel.shape)


@mistake(
    "These are counts of pixels: wanted are values from 0 to 1.",
    hint="Divide by the largest count.",
)
def counts_returned(channel):
    return equalize_by_counts(channel) * np.sum(channel < channel.max())


def reaches_from_black_to_white(answer):
    found = answer(levels(9, 8, seed=3))
    if not (abs(found.min()) < 1e-3 and abs(found.max() - 1) < 1e-3):
        return (
            f"The darkest pixels become 0 and the brightest 1; yours reach from {found.min():.3g}"
            f" to {found.max():.3g}."
        )
    return None


def keeps_the_order(answer):
    channel = np.array([[10, 200], [50, 10]], "uint8")
    found = answer(channel)
    if not found[0, 0] < found[1, 0] < found[0, 1]:
        return "Darker pixels must stay darker; yours do not."
    if abs(found[0, 0] - found[1, 1]) > 1e-6:
        return "Two pixels of the same level get different values from you."
    return None


EQUALIZE = Exercise(
    id="equalize",
    lesson=LESSON,
    title="spread the levels of a channel evenly",
    minutes=8,
    difficulty=2,
    reference=equalize_by_counts,
    probes=[(levels(6, 5),), (levels(8, 8, 0, 255, seed=1),), (levels(5, 9, 10, 20, seed=2),)],
    ladder=[reaches_from_black_to_white, keeps_the_order],
    mistakes=[
        own_level_counted,
        divided_by_all_pixels,
        stretched,
        brighter_counted,
        levels_counted,
        every_pixel_its_rank,
        counts_returned,
    ],
    hints=(
        "Count first: how many pixels have each of the 256 levels?",
        "np.cumsum(counts) − counts tells, for each level, how many pixels are darker.",
        "darker[channel] gives each pixel its number; divide by the largest of them.",
    ),
    right=[equalize_by_counts, equalize_by_sorting, equalize_by_loops, equalize_in_keras],
)


# -- A distribution over keys ----------------------------------------------------------------------


def distribution_by_product(query, keys, temperature=0.2):
    query = query / np.linalg.norm(query)
    keys = keys / np.linalg.norm(keys, axis=1, keepdims=True)
    scores = keys @ query / temperature
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def distribution_by_loop(query, keys, temperature=0.2):
    scores = []
    for key in keys:
        lengths = math.sqrt(float(query @ query)) * math.sqrt(float(key @ key))
        scores.append(float(query @ key) / lengths / temperature)
    weights = [math.exp(score - max(scores)) for score in scores]
    return np.array(weights) / sum(weights)


def distribution_by_einsum(query, keys, temperature=0.2):
    cosine = np.einsum("kd,d->k", unit(keys), unit(query))
    return softmax(cosine / temperature)


def distribution_in_keras(query, keys, temperature=0.2):
    from keras import ops

    query = ops.normalize(ops.convert_to_tensor(query)[None], axis=-1)
    keys = ops.normalize(ops.convert_to_tensor(keys), axis=-1)
    return ops.softmax(ops.matmul(keys, ops.transpose(query))[:, 0] / temperature)


@mistake(
    "You compare the arrows as they are, with their lengths: wanted is the cosine.",
    hint="Divide the query and each key by its length.",
)
def no_length_taken_out(query, keys, temperature=0.2):
    return softmax(keys @ query / temperature)


@mistake(
    "Only the query gets length 1: long keys get more than their share.",
    hint="np.linalg.norm(keys, axis=1, keepdims=True) holds the length of each key.",
)
def keys_of_any_length(query, keys, temperature=0.2):
    return softmax(keys @ unit(query) / temperature)


@mistake(
    "Only the keys get length 1: a long query makes its own distribution sharper.",
    hint="Divide the query by its length too.",
)
def query_of_any_length(query, keys, temperature=0.2):
    return softmax(unit(keys) @ query / temperature)


@mistake("The temperature changes nothing in yours.", hint="Divide the cosines by it.")
def temperature_ignored(query, keys, temperature=0.2):
    return softmax(unit(keys) @ unit(query))


@mistake(
    "You multiply by the temperature: a small one must make the distribution sharper.",
    hint="cosine ÷ temperature.",
)
def times_temperature(query, keys, temperature=0.2):
    return softmax(unit(keys) @ unit(query) * temperature)


@mistake(
    "These are exponentials: they do not add up to 1 yet.",
    hint="Divide them by their sum.",
)
def not_divided(query, keys, temperature=0.2):
    return np.exp(unit(keys) @ unit(query) / temperature)


@mistake(
    "You divide the scores by their sum: some would be negative. The exponential is missing.",
    hint="Softmax: exp of each score, divided by the sum of them all.",
)
def no_exponential(query, keys, temperature=0.2):
    scores = unit(keys) @ unit(query) / temperature
    return scores / scores.sum()


@mistake(
    "These are logarithms of the probabilities: wanted are the probabilities.",
    hint="np.exp of what you have.",
)
def logarithms(query, keys, temperature=0.2):
    return np.log(distribution_by_product(query, keys, temperature))


@mistake(
    "The least similar key gets the most: the sign is turned.",
    hint="exp(+cosine ÷ temperature).",
)
def turned_around(query, keys, temperature=0.2):
    return softmax(-(unit(keys) @ unit(query)) / temperature)


def adds_up_to_one(answer):
    found = answer(projections(4, seed=5), projections(6, 4, seed=6), 0.2)
    if np.any(found < 0) or abs(found.sum() - 1) > 1e-3:
        return f"Probabilities are not negative and add up to 1; yours add up to {found.sum():.3g}."
    return None


def equal_keys_share_alike(answer):
    found = answer(projections(4, seed=5), np.tile(projections(1, 4, seed=7), (5, 1)), 0.2)
    if not np.allclose(found, 0.2, atol=1e-3):
        return f"Five equal keys get a fifth each; the first of yours gets {found[0]:.3g}."
    return None


DISTRIBUTION = Exercise(
    id="key_distribution",
    lesson=LESSON,
    title="how a view sees the others: a distribution over keys",
    minutes=6,
    difficulty=1,
    reference=distribution_by_product,
    probes=[
        (projections(4), projections(6, 4, seed=1), 0.2),
        (projections(3, seed=2), projections(5, 3, seed=3), 1.0),
        (projections(8, seed=4), projections(4, 8, seed=5), 0.5),
    ],
    ladder=[adds_up_to_one, equal_keys_share_alike],
    mistakes=[
        no_length_taken_out,
        keys_of_any_length,
        query_of_any_length,
        temperature_ignored,
        times_temperature,
        not_divided,
        no_exponential,
        logarithms,
        turned_around,
    ],
    hints=(
        "A score a key: the cosine of query and key, divided by the temperature.",
        "With everything of length 1, keys @ query holds all the cosines.",
        "Then the softmax: exp of the scores, divided by their sum.",
    ),
    right=[
        distribution_by_product,
        distribution_by_loop,
        distribution_by_einsum,
        distribution_in_keras,
    ],
)


# -- The cross-entropy of two distributions --------------------------------------------------------


def soft_by_logsumexp(p, scores):
    highest = np.max(scores)
    log_sum = highest + np.log(np.sum(np.exp(scores - highest)))
    return log_sum - np.sum(p * scores)


def soft_by_log_softmax(p, scores):
    shifted = scores - np.max(scores)
    return -np.sum(p * (shifted - np.log(np.sum(np.exp(shifted)))))


def soft_by_loop(p, scores):
    highest = max(float(score) for score in scores)
    total = math.fsum(math.exp(float(score) - highest) for score in scores)
    price = 0.0
    for share, score in zip(p, scores, strict=True):
        price -= float(share) * (float(score) - highest - math.log(total))
    return price


def soft_in_keras(p, scores):
    from keras import ops

    return -ops.sum(ops.convert_to_tensor(p) * ops.log_softmax(ops.convert_to_tensor(scores)))


def quiet_log(values):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values)


@mistake(
    "You take the logarithm after the softmax: a probability that is too small for the machine"
    " becomes 0, and its logarithm −∞.",
    hint="ln q = score − logsumexp(scores): no exponential is left to become 0.",
)
def logarithm_of_softmax(p, scores):
    with np.errstate(invalid="ignore"):
        return -np.sum(p * quiet_log(softmax(scores)))


@mistake(
    "This is the divergence of the two (Kullback–Leibler): p's own entropy is taken off. It moves"
    " the strong view the same way, but it is not the cross-entropy.",
    hint="−Σ p ln q, and nothing more.",
)
def divergence(p, scores):
    return soft_by_logsumexp(p, scores) + np.sum(p * quiet_log(np.maximum(p, 1e-30)))


@mistake(
    "p and q have changed places: the logarithm is of q, the distribution that is to learn.",
    hint="−Σ p ln q: p weighs, q is in the logarithm.",
)
def places_changed(p, scores):
    return -np.sum(softmax(scores) * quiet_log(np.maximum(p, 1e-30)))


@mistake("The sign is turned: a price is not negative.", hint="−Σ p ln q.")
def sign_turned(p, scores):
    return -soft_by_logsumexp(p, scores)


@mistake(
    "You return the mean over the keys: wanted is the sum.",
    hint="p adds up to 1: the weights do the averaging.",
)
def mean_over_keys(p, scores):
    return soft_by_logsumexp(p, scores) / len(scores)


@mistake(
    "You ask for the likeliest key alone: all keys count, each with its share p.",
    hint="Sum p · ln q over all keys.",
)
def likeliest_only(p, scores):
    return soft_by_logsumexp(np.eye(len(p))[np.argmax(p)], scores)


@mistake(
    "You take the logarithm in the base 2: wanted is the natural one.",
    hint="np.log.",
)
def in_bits(p, scores):
    return soft_by_logsumexp(p, scores) / math.log(2)


@mistake(
    "You weigh the scores themselves: the logarithm of their sum, which makes them ln q, is"
    " missing.",
    hint="ln q = score − logsumexp(scores).",
)
def scores_for_logarithms(p, scores):
    return -np.sum(p * scores)


def shares(keys, seed):
    return softmax(np.random.default_rng(seed).normal(size=keys)).astype("float32")


def scores_of(keys, seed):
    return (2 * np.random.default_rng(seed).normal(size=keys)).astype("float32")


def certain_and_right_costs_nothing(answer):
    found = answer(np.float32([0, 1, 0]), np.float32([0, 30, 0]))
    if not abs(found) < 1e-3:
        return f"Where p and q both are sure of the same key, the price is 0; yours is {found:.3g}."
    return None


def knowing_nothing_costs_the_logarithm(answer):
    found = answer(shares(5, 1), np.float32([3, 3, 3, 3, 3]))
    if not abs(found - math.log(5)) < 1e-3:
        return (
            f"Five equal scores cost ln 5 = {math.log(5):.3g} whatever p is; yours cost"
            f" {found:.3g}."
        )
    return None


def survives_scores_far_apart(answer):
    found = answer(np.float32([0.5, 0.5]), np.float32([0, 1000]))
    if not abs(found - 500) < 1:
        return (
            "Scores of 0 and 1000, and p = ½ for both, cost 500; yours is"
            f" {found:.3g}. The logarithm of a share that the machine takes for 0 is −∞."
        )
    return None


SOFT = Exercise(
    id="soft_cross_entropy",
    lesson=LESSON,
    title="the cross-entropy of two distributions",
    minutes=8,
    difficulty=2,
    reference=soft_by_logsumexp,
    probes=[
        (shares(4, 2), scores_of(4, 3)),
        (shares(6, 4), scores_of(6, 5)),
        (shares(3, 6), np.float32([0, 300, -250])),
    ],
    ladder=[
        certain_and_right_costs_nothing,
        knowing_nothing_costs_the_logarithm,
        survives_scores_far_apart,
    ],
    mistakes=[
        logarithm_of_softmax,
        divergence,
        places_changed,
        sign_turned,
        mean_over_keys,
        likeliest_only,
        in_bits,
        scores_for_logarithms,
    ],
    hints=(
        "q is the softmax of the scores; what is wanted is −Σ p ln q.",
        "ln q of a key is its score less one number that is the same for all keys.",
        "That number is logsumexp(scores): the highest score + ln Σ exp(score − highest).",
    ),
    right=[soft_by_logsumexp, soft_by_log_softmax, soft_by_loop, soft_in_keras],
)


# -- What it pulls at ------------------------------------------------------------------------------


def slope_by_difference(p, scores):
    weights = np.exp(scores - np.max(scores))
    return weights / weights.sum() - p


def slope_by_loop(p, scores):
    highest = float(max(scores))
    total = math.fsum(math.exp(float(score) - highest) for score in scores)
    return np.array(
        [
            math.exp(float(score) - highest) / total - float(share)
            for share, score in zip(p, scores, strict=True)
        ]
    )


def slope_by_logs(p, scores):
    log_q = scores - np.logaddexp.reduce(scores)
    return np.exp(log_q) - p


def slope_in_keras(p, scores):
    from keras import ops

    return ops.softmax(ops.convert_to_tensor(scores)) - ops.convert_to_tensor(p)


@mistake(
    "The sign is turned: a key that gets more than p says must be pushed away, its slope is above"
    " 0.",
    hint="What is given, less what is wanted.",
)
def wanted_less_given(p, scores):
    return -slope_by_difference(p, scores)


@mistake(
    "You take p for a sure thing: its likeliest key gets all of it.",
    hint="Subtract p itself, key by key.",
)
def hard_target(p, scores):
    return softmax(scores) - np.eye(len(p))[np.argmax(p)]


@mistake(
    "This is the slope by q, −p ÷ q: wanted is the slope by the scores, through the softmax.",
    hint="Differentiate logsumexp(scores) − Σ p · score by one score.",
)
def slope_by_q(p, scores):
    return -p / np.maximum(softmax(scores), 1e-12)


@mistake(
    "This is q alone: the part that p pulls with is missing.",
    hint="Σ p · score has a slope too.",
)
def push_only(p, scores):
    return softmax(scores)


@mistake(
    "This is −p alone: the logsumexp has a slope too, the softmax.",
    hint="Add the softmax of the scores.",
)
def pull_only(p, scores):
    return -np.asarray(p)


@mistake(
    "You subtract p from the scores: wanted is the softmax of the scores less p.",
    hint="The derivative of logsumexp is the softmax.",
)
def scores_less_p(p, scores):
    return scores - p


@mistake(
    "You divide by the number of keys: the price is a sum over the keys.",
    hint="q − p, as it is.",
)
def divided_by_keys(p, scores):
    return slope_by_difference(p, scores) / len(scores)


def adds_up_to_zero(answer):
    found = answer(shares(5, 8), scores_of(5, 9))
    if not abs(found.sum()) < 1e-3:
        return (
            "Raising all scores alike changes nothing, so the slopes add up to 0; yours add up to"
            f" {found.sum():.3g}."
        )
    return None


def foretells_the_price(answer):
    p, scores = shares(5, 10).astype("float64"), scores_of(5, 11).astype("float64")
    step = 1e-5 * np.random.default_rng(12).normal(size=5)
    change = soft_by_logsumexp(p, scores + step) - soft_by_logsumexp(p, scores - step)
    foretold = np.sum(2 * step * answer(p, scores))
    if not abs(change - foretold) < 1e-3 * abs(change):
        return (
            f"A tiny step of the scores changes the price by {change:.3g}; your slopes foretell"
            f" {foretold:.3g}."
        )
    return None


SLOPE = Exercise(
    id="score_slopes",
    lesson=LESSON,
    title="who pulls and who pushes the strong view",
    minutes=8,
    difficulty=2,
    reference=slope_by_difference,
    probes=[
        (shares(4, 2), scores_of(4, 3)),
        (shares(6, 4), scores_of(6, 5)),
        (shares(3, 6), scores_of(3, 7)),
    ],
    ladder=[adds_up_to_zero, foretells_the_price],
    mistakes=[
        wanted_less_given,
        hard_target,
        slope_by_q,
        push_only,
        pull_only,
        scores_less_p,
        divided_by_keys,
    ],
    hints=(
        "The price is logsumexp(scores) − Σ p · score. Differentiate both parts by one score.",
        "The slope of logsumexp is the softmax; remember lesson 03.",
        "softmax(scores) − p.",
    ),
    right=[slope_by_difference, slope_by_loop, slope_by_logs, slope_in_keras],
)


# -- The whole, for a batch ------------------------------------------------------------------------


def scores_of_batch(z_a, z_b, z_strong, temperature):
    """Cosines ÷ temperature of the weak views, and of the strong ones, with the weak views."""
    weak = unit(np.concatenate([z_a, z_b]))
    strong = unit(np.concatenate([z_strong, z_strong]))
    return weak @ weak.T / temperature, strong @ weak.T / temperature


def without_self(scores):
    masked = np.array(scores)
    np.fill_diagonal(masked, -np.inf)
    return masked


def log_softmax(scores):
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def price(weak, strong):
    """Mean cross-entropy of the rows; −∞ in `strong` counts nothing where P is 0."""
    p, log_q = softmax(weak), log_softmax(strong)
    return -np.mean(np.sum(p * np.where(np.isfinite(log_q), log_q, 0), axis=1))


def loss_by_matrix(z_a, z_b, z_strong, temperature=0.2):
    weak = np.concatenate([z_a, z_b])
    weak = weak / np.linalg.norm(weak, axis=1, keepdims=True)
    strong = np.concatenate([z_strong, z_strong])
    strong = strong / np.linalg.norm(strong, axis=1, keepdims=True)
    other = ~np.eye(len(weak), dtype=bool)
    p = np.exp(weak @ weak.T / temperature) * other
    p = p / p.sum(axis=1, keepdims=True)
    scores = strong @ weak.T / temperature
    highest = scores.max(axis=1, keepdims=True)
    log_sum = highest[:, 0] + np.log(np.sum(np.exp(scores - highest) * other, axis=1))
    return np.mean(log_sum - np.sum(p * scores, axis=1))


def loss_by_loops(z_a, z_b, z_strong, temperature=0.2):
    weak, strong = unit(np.concatenate([z_a, z_b])), unit(z_strong)
    total = 0.0
    for query in range(len(weak)):
        keys = np.delete(weak, query, axis=0)
        p = distribution_by_product(weak[query], keys, temperature)
        scores = keys @ strong[query % len(strong)] / temperature
        total += soft_by_logsumexp(p, scores)
    return total / len(weak)


def loss_by_deletion(z_a, z_b, z_strong, temperature=0.2):
    weak, strong = scores_of_batch(z_a, z_b, z_strong, temperature)
    views = len(weak)
    other = ~np.eye(views, dtype=bool)
    weak, strong = (scores[other].reshape(views, views - 1) for scores in (weak, strong))
    return -np.mean(np.sum(softmax(weak) * log_softmax(strong), axis=1))


def loss_in_keras(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    weak = ops.normalize(ops.concatenate([z_a, z_b]), axis=-1)
    strong = ops.normalize(ops.concatenate([z_strong, z_strong]), axis=-1)
    self_mask = 1e9 * ops.eye(weak.shape[0], dtype=weak.dtype)
    p = ops.softmax(ops.matmul(weak, ops.transpose(weak)) / temperature - self_mask)
    log_q = ops.log_softmax(ops.matmul(strong, ops.transpose(weak)) / temperature - self_mask)
    return -ops.mean(ops.sum(p * log_q, axis=1))


@mistake(
    "The weak query is among its own keys: it is certain of itself, and asks the strong view to be"
    " so too.",
    hint="Leave the diagonal out of both distributions.",
)
def query_among_the_keys(z_a, z_b, z_strong, temperature=0.2):
    return price(*scores_of_batch(z_a, z_b, z_strong, temperature))


@mistake(
    "P leaves the query out and Q does not: both are over the same 2N − 1 keys.",
    hint="The same mask for the scores of the strong view.",
)
def masked_in_p_only(z_a, z_b, z_strong, temperature=0.2):
    weak, strong = scores_of_batch(z_a, z_b, z_strong, temperature)
    return price(without_self(weak), strong)


@mistake(
    "Only the first views are queries: the second ones are too, with the same strong view.",
    hint="2N rows: put z_strong twice below each other.",
)
def first_views_ask(z_a, z_b, z_strong, temperature=0.2):
    weak, strong = scores_of_batch(z_a, z_b, z_strong, temperature)
    return price(without_self(weak)[: len(z_a)], without_self(strong)[: len(z_a)])


@mistake(
    "Your keys are the second views only: as in NT-Xent, the first views of the other pictures are"
    " keys too.",
    hint="2N − 1 keys a query.",
)
def second_views_as_keys(z_a, z_b, z_strong, temperature=0.2):
    keys = unit(z_b)
    return price(unit(z_a) @ keys.T / temperature, unit(z_strong) @ keys.T / temperature)


@mistake("The temperature changes nothing in yours.", hint="Divide all cosines by it.")
def loss_without_temperature(z_a, z_b, z_strong, temperature=0.2):
    return loss_by_loops(z_a, z_b, z_strong, 1.0)


@mistake(
    "P and Q have changed places: the weak view teaches, the strong one learns.",
    hint="−Σ P ln Q, with P of the weak query.",
)
def strong_teaches(z_a, z_b, z_strong, temperature=0.2):
    weak, strong = scores_of_batch(z_a, z_b, z_strong, temperature)
    return price(without_self(strong), without_self(weak))


@mistake(
    "The rows do not belong together: row i and row i + N come from picture i, so the strong views"
    " stand twice below each other, not each twice in a row.",
    hint="np.concatenate([z_strong, z_strong]), not np.repeat.",
)
def repeated_one_by_one(z_a, z_b, z_strong, temperature=0.2):
    weak = unit(np.concatenate([z_a, z_b]))
    strong = unit(np.repeat(z_strong, 2, axis=0))
    return price(
        without_self(weak @ weak.T / temperature), without_self(strong @ weak.T / temperature)
    )


@mistake(
    "You ask the strong view for its partner, as NT-Xent does: CLSA asks for P, the shares that"
    " the weak query gives.",
    hint="The target of each row is a distribution, not one key.",
)
def asked_for_the_partner(z_a, z_b, z_strong, temperature=0.2):
    _, strong = scores_of_batch(z_a, z_b, z_strong, temperature)
    views = len(strong)
    log_q = log_softmax(without_self(strong))
    return -np.mean(log_q[np.arange(views), (np.arange(views) + views // 2) % views])


@mistake("You return the sum over the queries: wanted is the mean.", hint="Divide by 2N.")
def sum_over_queries(z_a, z_b, z_strong, temperature=0.2):
    return 2 * len(z_a) * loss_by_loops(z_a, z_b, z_strong, temperature)


@mistake(
    "You compare the projections as they are: wanted is the cosine.",
    hint="Divide every row by its length first.",
)
def lengths_in_the_loss(z_a, z_b, z_strong, temperature=0.2):
    weak = np.concatenate([z_a, z_b])
    strong = np.concatenate([z_strong, z_strong])
    return price(
        without_self(weak @ weak.T / temperature), without_self(strong @ weak.T / temperature)
    )


def equal_keys_cost_the_chance_level(answer):
    z = np.tile(np.float32([[1, 2, 2]]), (4, 1))
    found = answer(z, z, projections(4, 3, seed=3), 0.2)
    if not abs(found - math.log(7)) < 1e-2:
        return (
            "Where all weak views are the same, no view knows anything: for 4 pictures the price is"
            f" ln(2N − 1) = ln 7 = {math.log(7):.3g}; yours is {found:.3g}."
        )
    return None


def length_does_not_matter(answer):
    z_a, z_b, z_strong = three_views(4, 3, seed=4)
    if not math.isclose(
        answer(z_a, z_b, z_strong, 0.5), answer(3 * z_a, z_b, z_strong / 2, 0.5), rel_tol=1e-3
    ):
        return "Making projections longer changes your loss; their directions stay the same."
    return None


WHOLE = Exercise(
    id="distributional_loss",
    lesson=LESSON,
    title="CLSA's loss of the strong views",
    minutes=15,
    difficulty=3,
    reference="simclr_lib.losses:distributional_loss",
    probes=[
        (*three_views(4, 3), 0.5),
        (*three_views(6, 5, seed=1), 0.2),
        (*three_views(3, 4, seed=2), 0.4),
    ],
    ladder=[equal_keys_cost_the_chance_level, length_does_not_matter],
    mistakes=[
        query_among_the_keys,
        masked_in_p_only,
        first_views_ask,
        second_views_as_keys,
        loss_without_temperature,
        strong_teaches,
        repeated_one_by_one,
        asked_for_the_partner,
        sum_over_queries,
        lengths_in_the_loss,
    ],
    hints=(
        "Two matrices of scores, both 2N × 2N: weak views by weak views, and strong views, put"
        " twice below each other, by weak views.",
        "The diagonal is left out of both. P is the softmax of a row of the first; the price of a"
        " row is logsumexp(second) − Σ P · second.",
        "A mask that is 0 on the diagonal and 1 elsewhere, times the exponentials, leaves it out;"
        " at the end the mean over the 2N rows.",
    ),
    right=[loss_by_matrix, loss_by_loops, loss_by_deletion, loss_in_keras],
)

EXERCISES = [EQUALIZE, DISTRIBUTION, SOFT, SLOPE, WHOLE]

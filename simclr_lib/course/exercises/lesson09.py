"""Lesson 09: views that are too strong to be told apart, and what to ask of them (CLSA)."""

import functools
import math

import numpy as np

from simclr_lib.course.checking import same
from simclr_lib.course.exercise import Exercise, mistake
from simclr_lib.course.free_points import nothing_held
from simclr_lib.course.gradients import value_and_gradients
from simclr_lib.course.guard import Guard

LESSON = "09_stronger_views"


def three_views(pictures, dims, seed=0):
    """Projections of two weak views and a strong one: each row has a length of its own."""
    rng = np.random.default_rng([9, seed])
    picture = rng.normal(size=(pictures, dims))
    z = [picture + noise * rng.normal(size=(pictures, dims)) for noise in (0.6, 0.6, 1.2)]
    return [(rng.uniform(0.3, 3, (pictures, 1)) * view).astype("float32") for view in z]


# -- Solarize --------------------------------------------------------------------------------------


def solarize_by_where(pictures, strength):
    threshold = (1 - strength / 10)[:, None, None, None]
    chosen = (strength > 0)[:, None, None, None] & (pictures >= threshold)
    return np.where(chosen, 1 - pictures, pictures)


def solarize_by_loop(pictures, strength):
    result = pictures.copy()
    for i, s in enumerate(strength):
        if s:
            result[i] = np.where(pictures[i] > 1 - s / 10, 1 - pictures[i], pictures[i])
    return result


def solarize_by_index(pictures, strength):
    threshold = np.where(strength > 0, 1 - strength / 10, np.inf).reshape(-1, 1, 1, 1)
    result = np.array(pictures)
    bright = result >= threshold
    result[bright] = 1 - result[bright]
    return result


def solarize_in_keras(pictures, strength):
    from keras import ops

    strength = ops.reshape(ops.convert_to_tensor(strength, "float32"), (-1, 1, 1, 1))
    pictures = ops.convert_to_tensor(pictures, "float32")
    bright = ops.logical_and(pictures > 1 - strength / 10, strength > 0)
    return ops.where(bright, 1 - pictures, pictures)


def solarize_by_turning(pictures, strength):
    s = np.expand_dims(strength, (1, 2, 3))
    turned = (pictures > 1 - s / 10) * (s > 0)
    return pictures + turned * (1 - 2 * pictures)


def by_picture(numbers):
    return np.reshape(numbers, (-1, 1, 1, 1))


def solarized(pictures, threshold, changed=None):
    """Replace what is at least the threshold, but for strength 0, whose threshold is infinite."""
    return np.where(pictures >= threshold, 1 - pictures if changed is None else changed, pictures)


def thresholds(strength):
    return by_picture(np.where(strength > 0, 1 - strength / 10, np.inf))


@mistake(
    "At strength 0 a picture is to stay as it is; yours turns its white pixels black, because the"
    " threshold is 1 there and white reaches it.",
    hint="Turn a value only where its picture's strength is above 0.",
)
def white_turned_at_strength_0(pictures, strength):
    return solarized(pictures, by_picture(1 - strength / 10))


@mistake(
    "All pictures get the threshold of the first: each has a strength of its own.",
    hint="(1 - strength / 10)[:, None, None, None] has one threshold for each picture.",
)
def first_strength_for_all(pictures, strength):
    return solarized(pictures, thresholds(np.full(len(pictures), strength[0])))


@mistake(
    "All pictures get one strength, the mean of all: each has its own.",
    hint="(1 - strength / 10)[:, None, None, None] has one threshold for each picture.",
)
def mean_strength_for_all(pictures, strength):
    return solarized(pictures, thresholds(np.full(len(pictures), strength.mean())))


@mistake(
    "You turn the dark values: it is the bright ones, from the threshold on, that become their"
    " opposite.",
    hint="pictures >= threshold.",
)
def dark_ones_turned(pictures, strength):
    dark = pictures < thresholds(strength)
    return np.where(dark & (by_picture(strength) > 0), 1 - pictures, pictures)


@mistake(
    "Your threshold goes the wrong way: the stronger, the *lower* it must be, so that more is"
    " turned.",
    hint="1 - strength / 10.",
)
def threshold_the_wrong_way(pictures, strength):
    return solarized(pictures, by_picture(np.where(strength > 0, strength / 10, np.inf)))


@mistake(
    "You divide the strength by 9: the threshold is 1 − strength ÷ 10, so that strength 9 leaves a"
    " tenth of the scale.",
    hint="strength / 10.",
)
def ninths_for_tenths(pictures, strength):
    return solarized(pictures, by_picture(np.where(strength > 0, 1 - strength / 9, np.inf)))


@mistake(
    "You turn the whole picture: only values from the threshold on are to be turned.",
    hint="np.where(pictures >= threshold, 1 - pictures, pictures).",
)
def everything_turned(pictures, strength):
    return np.where(by_picture(strength) > 0, 1 - pictures, pictures)


@mistake(
    "You decide for whole pictures, by their mean: each value of each pixel is compared by itself.",
    hint="np.where(pictures >= threshold, 1 - pictures, pictures).",
)
def decided_by_the_mean(pictures, strength):
    mean = pictures.mean(axis=(1, 2, 3), keepdims=True)
    return np.where(mean >= thresholds(strength), 1 - pictures, pictures)


@mistake(
    "You decide for whole pixels, by the mean of their three channels: each channel is compared by"
    " itself.",
    hint="np.where(pictures >= threshold, 1 - pictures, pictures).",
)
def decided_by_the_pixel(pictures, strength):
    gray = pictures.mean(axis=-1, keepdims=True)
    return np.where(gray >= thresholds(strength), 1 - pictures, pictures)


@mistake(
    "Bright values become black: wanted is their opposite, 1 − value.",
    hint="1 - pictures.",
)
def bright_made_black(pictures, strength):
    return solarized(pictures, thresholds(strength), 0.0)


@mistake(
    "Bright values are cut down to the threshold: wanted is their opposite, 1 − value.",
    hint="1 - pictures.",
)
def cut_at_the_threshold(pictures, strength):
    return np.minimum(pictures, thresholds(strength))


@mistake(
    "Your opposite is 255 − value: these pictures go from 0 to 1.",
    hint="1 - pictures.",
)
def opposite_of_255(pictures, strength):
    return solarized(pictures, thresholds(strength), 255 - pictures)


@mistake(
    "Your strengths meet the three *channels*: they run along the last axis. One number for each"
    " picture belongs on the first.",
    hint="strength[:, None, None, None].",
)
def strengths_along_channels(pictures, strength):
    return solarized(pictures, thresholds(strength).reshape(1, 1, 1, -1))


@mistake(
    "Your strengths meet the *columns* of the pictures. One number for each picture belongs on the"
    " first axis.",
    hint="strength[:, None, None, None].",
)
def strengths_along_columns(pictures, strength):
    return solarized(pictures, thresholds(strength).reshape(1, 1, -1, 1))


def shades(count, rows, columns, seed=0):
    """Pictures whose values keep away from the thresholds, with a white pixel in each."""
    rng = np.random.default_rng([99, seed])
    tenths = rng.integers(0, 10, (count, rows, columns, 3))
    pictures = (tenths + rng.uniform(0.2, 0.8, tenths.shape)) / 10
    pictures[:, 0, 0] = 1
    return pictures


def strength_0_changes_nothing(answer):
    pictures = shades(4, 3, 3, 5)
    if not np.allclose(answer(pictures, np.zeros(4)), pictures, atol=1e-4):
        return "At strength 0 a picture stays as it is, white pixels too; yours changes."
    return None


def each_picture_has_its_own(answer):
    pictures = np.tile(shades(1, 4, 4, 6), (9, 1, 1, 1))
    result = answer(pictures, np.arange(1.0, 10.0))
    changed = np.sum(np.abs(result - pictures) > 1e-3, axis=(1, 2, 3))
    if np.all(changed == changed[0]):
        return (
            "One picture, nine times, at the strengths 1 to 9: in all nine yours changes as many"
            f" values, {changed[0]} of {pictures[0].size}."
        )
    if changed[0] > changed[-1]:
        return (
            "One picture at the strengths 1 and 9: yours changes more values at 1"
            f" ({changed[0]}) than at 9 ({changed[-1]})."
        )
    return None


def stays_in_range(answer):
    result = answer(shades(3, 4, 5, 7), np.array([2.0, 5.0, 9.0]))
    if result.min() < -1e-4 or result.max() > 1 + 1e-4:
        return f"Its values reach from {result.min():.3g} to {result.max():.3g}; wanted is 0 to 1."
    return None


SOLARIZE = Exercise(
    id="solarize",
    lesson=LESSON,
    title="bright values become their opposite, each picture at its own strength",
    minutes=7,
    difficulty=1,
    reference=solarize_by_where,
    probes=[
        (shades(3, 4, 5), np.array([4.0, 0.0, 9.0])),
        (shades(5, 4, 5, 1), np.array([1.0, 3.0, 0.0, 8.0, 6.0])),
        (shades(4, 6, 6, 2), np.array([7.0, 7.0, 2.0, 5.0])),
    ],
    ladder=[strength_0_changes_nothing, each_picture_has_its_own, stays_in_range],
    mistakes=[
        white_turned_at_strength_0,
        first_strength_for_all,
        mean_strength_for_all,
        dark_ones_turned,
        threshold_the_wrong_way,
        ninths_for_tenths,
        everything_turned,
        decided_by_the_mean,
        decided_by_the_pixel,
        bright_made_black,
        cut_at_the_threshold,
        opposite_of_255,
        strengths_along_channels,
        strengths_along_columns,
    ],
    hints=(
        "Make a threshold for each picture, in a shape that meets all pixels of it.",
        "(1 - strength / 10)[:, None, None, None] is of shape (B, 1, 1, 1).",
        "np.where(turned, 1 - pictures, pictures), where `turned` is true from the threshold on and"
        " only in pictures of a strength above 0.",
    ),
    right=[
        solarize_by_where,
        solarize_by_loop,
        solarize_by_index,
        solarize_in_keras,
        solarize_by_turning,
    ],
    parameters=("pictures", "strength"),
)


# -- How a weak view sees the others ---------------------------------------------------------------


def unit(z):
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def softmax(scores, axis=-1):
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def masked(scores, value=-np.inf):
    return np.where(np.eye(len(scores), dtype=bool), value, scores)


def weak_scores(z_a, z_b, temperature):
    """Similarities ÷ t of all 2N weak views, the diagonal too."""
    z = unit(np.concatenate([z_a, z_b]))
    return z @ z.T / temperature


def weak_distribution(z_a, z_b, temperature=0.2):
    from keras import ops

    z = ops.normalize(ops.concatenate([z_a, z_b]), axis=-1)
    scores = ops.matmul(z, ops.transpose(z)) / temperature
    return ops.softmax(scores - 1e9 * ops.eye(len(scores)))


def weak_in_numpy(z_a, z_b, temperature=0.2):
    scores = weak_scores(z_a, z_b, temperature)
    np.fill_diagonal(scores, -np.inf)
    return softmax(scores)


def weak_by_loops(z_a, z_b, temperature=0.2):
    z = unit(np.concatenate([z_a, z_b]).astype("float64"))
    result = np.zeros((len(z), len(z)))
    for query in range(len(z)):
        keys = [key for key in range(len(z)) if key != query]
        weights = [math.exp((z[query] @ z[key] - 1) / temperature) for key in keys]
        for key, weight in zip(keys, weights, strict=True):
            result[query, key] = weight / sum(weights)
    return result


def weak_by_removing(z_a, z_b, temperature=0.2):
    from keras import ops

    z = ops.concatenate([z_a, z_b])
    z = z / ops.norm(z, axis=1, keepdims=True)
    others = 1.0 - ops.eye(len(z))
    weights = others * ops.exp((ops.einsum("id,jd->ij", z, z) - 1) / temperature)
    return weights / ops.sum(weights, axis=1, keepdims=True)


@mistake(
    "Each view is among its own keys, and is of course most like itself: then P says little of the"
    " others. Mask the diagonal.",
    hint="Before the softmax, subtract 1e9 · ops.eye(…) from the similarities.",
)
def sees_itself(z_a, z_b, temperature=0.2):
    return softmax(weak_scores(z_a, z_b, temperature))


@mistake(
    "You put 0 on the diagonal of the similarities: exp(0) = 1 keeps a share for the view itself."
    " It takes a number like −10⁹.",
    hint="Subtract 1e9 · ops.eye(…), before the softmax.",
)
def zero_on_the_diagonal(z_a, z_b, temperature=0.2):
    return softmax(masked(weak_scores(z_a, z_b, temperature), 0.0))


@mistake(
    "You take the view itself out *after* the softmax: what is left no longer adds up to 1.",
    hint="Mask the similarities first, and take the softmax then.",
)
def masked_too_late(z_a, z_b, temperature=0.2):
    return masked(sees_itself.answer(z_a, z_b, temperature), 0.0)


@mistake(
    "The view's partner is left out too: P is over all 2N − 1 others, the other view of its own"
    " picture among them.",
    hint="Mask the diagonal alone.",
)
def partner_left_out(z_a, z_b, temperature=0.2):
    scores = masked(weak_scores(z_a, z_b, temperature))
    rows = np.arange(len(scores))
    scores[rows, (rows + len(z_a)) % len(rows)] = -np.inf
    return softmax(scores)


@mistake(
    "Your P is the same at every temperature: divide the similarities by it.",
    hint="… / temperature, before the softmax.",
)
def temperature_ignored(z_a, z_b, temperature=0.2):
    return softmax(masked(weak_scores(z_a, z_b, 1.0)))


@mistake(
    "Your temperature is 0.2, whatever the argument says.",
    hint="… / temperature, before the softmax.",
)
def temperature_fixed(z_a, z_b, temperature=0.2):
    return softmax(masked(weak_scores(z_a, z_b, 0.2)))


@mistake(
    "You multiply by the temperature: a low one is to make P sharper, so divide.",
    hint="… / temperature.",
)
def temperature_multiplied(z_a, z_b, temperature=0.2):
    return softmax(masked(weak_scores(z_a, z_b, 1 / temperature)))


@mistake(
    "Your rows are not brought to length 1: a dot product of longer rows is no cosine.",
    hint="ops.normalize(z, axis=-1), before the product.",
)
def not_normalised(z_a, z_b, temperature=0.2):
    z = np.concatenate([z_a, z_b])
    return softmax(masked(z @ z.T / temperature))


@mistake(
    "You bring the *columns* to length 1: it is each view's row.",
    hint="axis=-1.",
)
def columns_of_length_1(z_a, z_b, temperature=0.2):
    z = unit(np.concatenate([z_a, z_b]).T).T
    return softmax(masked(z @ z.T / temperature))


@mistake(
    "Your softmax runs down the columns: each *row* is a query, and adds up to 1.",
    hint="ops.softmax(…, axis=-1).",
)
def down_the_columns(z_a, z_b, temperature=0.2):
    return softmax(masked(weak_scores(z_a, z_b, temperature)), axis=0)


@mistake(
    "Your numbers add up to 1 over the whole matrix: each row is a distribution of its own.",
    hint="ops.softmax(…, axis=-1).",
)
def one_softmax_for_all(z_a, z_b, temperature=0.2):
    scores = masked(weak_scores(z_a, z_b, temperature))
    return softmax(scores.ravel()).reshape(scores.shape)


@mistake(
    "These are logarithms of P: take the softmax itself.",
    hint="ops.softmax in place of ops.log_softmax.",
)
def logarithm_of_p(z_a, z_b, temperature=0.2):
    return np.log(softmax(masked(weak_scores(z_a, z_b, temperature))))


@mistake(
    "You divide by the largest number of a row: divide by the row's sum.",
    hint="ops.softmax does both, exp and the division.",
)
def divided_by_the_largest(z_a, z_b, temperature=0.2):
    shares = softmax(masked(weak_scores(z_a, z_b, temperature)))
    return shares / shares.max(axis=1, keepdims=True)


@mistake(
    "Without the exponential, similarities are no weights: they can be negative.",
    hint="ops.softmax.",
)
def exponential_forgotten(z_a, z_b, temperature=0.2):
    scores = masked(weak_scores(z_a, z_b, temperature), 0.0)
    return scores / scores.sum(axis=1, keepdims=True)


@mistake(
    "You compare first views with second views alone: queries and keys are all 2N weak views.",
    hint="ops.concatenate([z_a, z_b]) first.",
)
def across_only(z_a, z_b, temperature=0.2):
    return softmax(unit(z_a) @ unit(z_b).T / temperature)


@mistake(
    "A view's own dimensions are compared: z.T @ z is of shape (D, D). Wanted is view by view.",
    hint="ops.matmul(z, ops.transpose(z)).",
)
def dimensions_compared(z_a, z_b, temperature=0.2):
    z = unit(np.concatenate([z_a, z_b]))
    return softmax(masked(z.T @ z / temperature))


def rows_add_up_to_1(answer):
    total = answer(*three_views(4, 5, 3)[:2], 0.3).sum(axis=1)
    if not np.allclose(total, 1, atol=1e-3):
        return f"Each row is a distribution and adds up to 1; one of yours: {total[0]:.3g}."
    return None


def nothing_for_itself(answer):
    own = np.diagonal(answer(*three_views(4, 5, 4)[:2], 0.3))
    if not np.allclose(own, 0, atol=1e-5):
        return f"No view is its own key: the diagonal is 0. Yours holds {own[0]:.3g}."
    return None


def no_difference_gives_equal_shares(answer):
    z = np.tile(np.float32([[3, -4]]), (4, 1))
    shares = answer(z, z, 0.2)[~np.eye(8, dtype=bool)]
    if not np.allclose(shares, 1 / 7, atol=1e-3):
        return (
            "When all 8 projections are equal, each of the 7 keys has the share 1/7 = 0.143; one of"
            f" yours is {shares[np.argmax(np.abs(shares - 1 / 7))]:.3g}."
        )
    return None


def hotter_is_flatter(answer):
    z = three_views(5, 4, 5)[:2]
    cold, hot = (answer(*z, temperature).max() for temperature in (0.1, 1.0))
    if not cold > hot + 1e-3:
        return f"The largest share is {cold:.3g} at temperature 0.1 and {hot:.3g} at 1: no sharper."
    return None


WEAK_DISTRIBUTION = Exercise(
    id="weak_distribution",
    lesson=LESSON,
    title="how a weak view sees the others",
    minutes=10,
    difficulty=2,
    reference=weak_distribution,
    probes=[
        (*three_views(3, 4)[:2], 0.2),
        (*three_views(4, 3, 1)[:2], 0.5),
        (*three_views(5, 6, 2)[:2], 0.1),
    ],
    ladder=[
        rows_add_up_to_1,
        nothing_for_itself,
        no_difference_gives_equal_shares,
        hotter_is_flatter,
    ],
    mistakes=[
        sees_itself,
        zero_on_the_diagonal,
        masked_too_late,
        partner_left_out,
        temperature_ignored,
        temperature_fixed,
        temperature_multiplied,
        not_normalised,
        columns_of_length_1,
        down_the_columns,
        one_softmax_for_all,
        logarithm_of_p,
        divided_by_the_largest,
        exponential_forgotten,
        across_only,
        dimensions_compared,
    ],
    hints=(
        "It begins as NT-Xent does: all 2N views in one array, rows of length 1, all similarities.",
        "ops.matmul(z, ops.transpose(z)) / temperature, and then the diagonal far down.",
        "ops.softmax(scores - 1e9 * ops.eye(len(scores))) is P, a row for each query.",
    ),
    right=[weak_distribution, weak_in_numpy, weak_by_loops, weak_by_removing],
)


# -- The strong view's loss ------------------------------------------------------------------------


def distribution_in_keras(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    keys = ops.stop_gradient(ops.normalize(ops.concatenate([z_a, z_b]), axis=-1))
    p = ops.stop_gradient(weak_distribution(z_a, z_b, temperature))
    strong = ops.normalize(ops.concatenate([z_strong, z_strong]), axis=-1)
    scores = ops.matmul(strong, ops.transpose(keys)) / temperature
    log_q = ops.log_softmax(scores - 1e9 * ops.eye(len(scores)))
    return -ops.mean(ops.sum(p * log_q, axis=-1))


def distribution_by_queries(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    z_a, z_b = ops.stop_gradient(z_a), ops.stop_gradient(z_b)
    keys = ops.normalize(ops.concatenate([z_a, z_b]), axis=-1)
    strong = ops.normalize(z_strong, axis=-1)
    total = 0.0
    for query in range(len(keys)):
        others = [key for key in range(len(keys)) if key != query]
        others = ops.take(keys, np.array(others), axis=0)
        p = ops.softmax(ops.matmul(others, keys[query]) / temperature)
        seen = ops.matmul(others, strong[query % len(strong)]) / temperature
        total = total + ops.logsumexp(seen) - ops.sum(p * seen)
    return total / len(keys)


def distribution_by_crossentropy(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    weak = ops.stop_gradient(ops.concatenate([z_a, z_b]))
    weak = weak / ops.norm(weak, axis=1, keepdims=True)
    strong = z_strong / ops.norm(z_strong, axis=1, keepdims=True)
    far_down = 1e9 * ops.eye(len(weak))
    p = ops.softmax(ops.einsum("id,jd->ij", weak, weak) / temperature - far_down)
    seen = ops.einsum("id,jd->ij", strong, weak) / temperature
    seen = ops.concatenate([seen, seen]) - far_down
    return ops.mean(ops.categorical_crossentropy(p, seen, from_logits=True))


def distribution_in_halves(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    keys = ops.normalize(ops.concatenate([z_a, z_b]), axis=-1)
    p = weak_distribution(z_a, z_b, temperature)
    keys, p = ops.stop_gradient(keys), ops.stop_gradient(p)
    n = len(z_a)
    seen = ops.matmul(ops.normalize(z_strong, axis=-1), ops.transpose(keys)) / temperature
    loss = 0.0
    for half in (0, 1):
        others = seen - 1e9 * ops.eye(n, 2 * n, k=half * n)
        log_q = others - ops.logsumexp(others, axis=1, keepdims=True)
        loss = loss - ops.mean(ops.sum(p[half * n : (half + 1) * n] * log_q, axis=1)) / 2
    return loss


def parts(z_a, z_b, z_strong, temperature, *, mask=1e9, long=False, weak_temperature=None):
    """`(P, ln Q)`, both `(2N, 2N)`, P and the keys held fixed: what most mistakes begin from."""
    from keras import ops

    keys = ops.stop_gradient(ops.normalize(ops.concatenate([z_a, z_b]), axis=-1))
    p = ops.stop_gradient(weak_distribution(z_a, z_b, weak_temperature or temperature))
    strong = ops.concatenate([z_strong, z_strong])
    strong = strong if long else ops.normalize(strong, axis=-1)
    scores = ops.matmul(strong, ops.transpose(keys)) / temperature
    return p, ops.log_softmax(scores - mask * ops.eye(len(scores)))


def mean_over_queries(terms):
    from keras import ops

    return ops.mean(ops.sum(terms, axis=-1))


nothing_is_held = mistake(
    "The value is right, but nothing is held fixed: your gradient also moves the weak views, to be"
    " more like the strong one. P and the keys are constants here.",
    hint="ops.stop_gradient(…) around P and around the keys.",
    name="nothing held fixed",
)(nothing_held)


@mistake(
    "The value is right, and P is held fixed, but the keys are not: your gradient drags them to the"
    " strong views.",
    hint="ops.stop_gradient(…) around the keys too.",
)
def keys_not_held(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    p, _ = parts(z_a, z_b, z_strong, temperature)
    keys = ops.normalize(ops.concatenate([z_a, z_b]), axis=-1)
    strong = ops.normalize(ops.concatenate([z_strong, z_strong]), axis=-1)
    scores = ops.matmul(strong, ops.transpose(keys)) / temperature
    return -mean_over_queries(p * ops.log_softmax(scores - 1e9 * ops.eye(len(scores))))


@mistake(
    "The value is right, and the keys are held fixed, but P is not: your gradient changes what the"
    " strong view is to follow.",
    hint="ops.stop_gradient(…) around P too.",
)
def p_not_held(z_a, z_b, z_strong, temperature=0.2):
    _, log_q = parts(z_a, z_b, z_strong, temperature)
    return -mean_over_queries(weak_distribution(z_a, z_b, temperature) * log_q)


@mistake(
    "The value is right, but you hold the *strong* view fixed: then nothing is learnt from it. What"
    " stays are P and the keys.",
    hint="ops.stop_gradient(…) around P and the keys, and not around what comes from z_strong.",
)
def strong_view_held(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    return nothing_held(z_a, z_b, ops.stop_gradient(z_strong), temperature)


@mistake(
    "P and Q have changed places: the *weak* view gives the weights, and the logarithm is that of"
    " the strong view's Q.",
    hint="−Σ P · ln Q.",
)
def changed_places(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    p, log_q = parts(z_a, z_b, z_strong, temperature)
    return -mean_over_queries(ops.exp(log_q) * ops.log(p + 1e-20))


@mistake(
    "You subtract the entropy of P: that is the Kullback-Leibler divergence. Its gradient is the"
    " same, for P is fixed; asked for is the cross-entropy, as the kit has it.",
    hint="−Σ P · ln Q, and nothing taken off.",
)
def divergence(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    p, log_q = parts(z_a, z_b, z_strong, temperature)
    return mean_over_queries(p * (ops.log(p + 1e-20) - log_q))


@mistake(
    "You ask the strong view to *find its partner*: the target is the positive alone. That is what"
    " is too much to ask; take all of P.",
    hint="Weight ln Q by P, in place of taking its entry at the positive.",
)
def partner_alone(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    _, log_q = parts(z_a, z_b, z_strong, temperature)
    partner = np.roll(np.eye(len(log_q), dtype="float32"), len(z_a), axis=1)
    return -mean_over_queries(ops.convert_to_tensor(partner) * log_q)


@mistake("That is the sum over the queries: take the mean.", hint="ops.mean over the 2N rows.")
def sum_over_queries(z_a, z_b, z_strong, temperature=0.2):
    return 2 * len(z_a) * distribution_in_keras(z_a, z_b, z_strong, temperature)


@mistake(
    "You take the mean over all entries of the matrix: sum over the keys, and average over the"
    " queries.",
    hint="ops.mean(ops.sum(…, axis=-1)).",
)
def mean_over_entries(z_a, z_b, z_strong, temperature=0.2):
    return distribution_in_keras(z_a, z_b, z_strong, temperature) / (2 * len(z_a))


@mistake(
    "In Q the query itself is among the keys, in P it is not: the two must be over the same keys."
    " Mask the diagonal of the strong view's similarities too.",
    hint="Subtract 1e9 · ops.eye(…) before the log_softmax.",
)
def query_not_masked_in_q(z_a, z_b, z_strong, temperature=0.2):
    p, log_q = parts(z_a, z_b, z_strong, temperature, mask=0.0)
    return -mean_over_queries(p * log_q)


@mistake(
    "Your loss is not a number: on the diagonal P is 0 and ln Q is −∞, and 0 · (−∞) is NaN. Mask by"
    " a number like −10⁹ in place of −∞.",
    hint="scores - 1e9 * ops.eye(len(scores)).",
)
def nothing_times_infinity(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    p, log_q = parts(z_a, z_b, z_strong, temperature)
    itself = ops.eye(len(log_q)) > 0
    return -mean_over_queries(p * ops.where(itself, -math.inf, log_q))


@mistake(
    "At a small temperature your exp(…) is too large for a computer, and the loss is no longer a"
    " number: ops.log_softmax takes the largest off first.",
    hint="ops.log_softmax in place of exp, sum and log.",
)
def overflow(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    keys = ops.stop_gradient(ops.normalize(ops.concatenate([z_a, z_b]), axis=-1))
    p, _ = parts(z_a, z_b, z_strong, temperature)
    strong = ops.normalize(ops.concatenate([z_strong, z_strong]), axis=-1)
    weights = ops.exp(ops.matmul(strong, ops.transpose(keys)) / temperature)
    others = weights * (1 - ops.eye(len(weights)))
    log_q = ops.log(weights / ops.sum(others, axis=1, keepdims=True))
    return -mean_over_queries(p * log_q)


@mistake(
    "The strong views are compared with strong views: their keys are the weak views, the same ones"
    " that P is over.",
    hint="ops.matmul(strong, ops.transpose(keys)).",
)
def strong_with_strong(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    p, _ = parts(z_a, z_b, z_strong, temperature)
    strong = ops.normalize(ops.concatenate([z_strong, z_strong]), axis=-1)
    scores = ops.matmul(strong, ops.transpose(strong)) / temperature
    return -mean_over_queries(p * ops.log_softmax(scores - 1e9 * ops.eye(len(scores))))


@mistake(
    "The temperature is missing in Q: both distributions are taken at the same one.",
    hint="Divide the strong view's similarities by temperature too.",
)
def q_at_temperature_1(z_a, z_b, z_strong, temperature=0.2):
    p, log_q = parts(z_a, z_b, z_strong, 1.0, weak_temperature=temperature)
    return -mean_over_queries(p * log_q)


@mistake(
    "The temperature is missing in P: both distributions are taken at the same one.",
    hint="weak_distribution(z_a, z_b, temperature).",
)
def p_at_temperature_1(z_a, z_b, z_strong, temperature=0.2):
    p, log_q = parts(z_a, z_b, z_strong, temperature, weak_temperature=1.0)
    return -mean_over_queries(p * log_q)


@mistake(
    "Your temperature is 0.2, whatever the argument says.",
    hint="Use the argument, in P and in Q.",
)
def always_at_0_2(z_a, z_b, z_strong, temperature=0.2):
    return distribution_in_keras(z_a, z_b, z_strong, 0.2)


@mistake(
    "The strong projections are not brought to length 1: a cosine looks at directions only.",
    hint="ops.normalize(…, axis=-1).",
)
def strong_not_normalised(z_a, z_b, z_strong, temperature=0.2):
    p, log_q = parts(z_a, z_b, z_strong, temperature, long=True)
    return -mean_over_queries(p * log_q)


@mistake(
    "The minus is missing: as it is, training would drive Q away from P.",
    hint="−Σ P · ln Q.",
)
def minus_forgotten(z_a, z_b, z_strong, temperature=0.2):
    return -distribution_in_keras(z_a, z_b, z_strong, temperature)


@mistake(
    "The logarithm is missing: wanted is −Σ P · ln Q.",
    hint="ops.log_softmax.",
)
def logarithm_forgotten(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    p, log_q = parts(z_a, z_b, z_strong, temperature)
    return -mean_over_queries(p * ops.exp(log_q))


@mistake(
    "That is the squared difference of P and Q: wanted is the cross-entropy −Σ P · ln Q.",
    hint="ops.log_softmax for Q, weighted by P.",
)
def squared_difference(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    p, log_q = parts(z_a, z_b, z_strong, temperature)
    return mean_over_queries(ops.square(p - ops.exp(log_q)))


@mistake(
    "Only the first weak views are queries: each picture has two, and both are followed.",
    hint="ops.concatenate([z_strong, z_strong]) stands row by row beside the 2N queries.",
)
def first_queries_only(z_a, z_b, z_strong, temperature=0.2):
    p, log_q = parts(z_a, z_b, z_strong, temperature)
    return -mean_over_queries((p * log_q)[: len(z_a)])


@mistake(
    "Your strong views stand beside the wrong queries: row i and row i + N are the same picture, so"
    " the strong views are put below themselves, and not each one twice in a row.",
    hint="ops.concatenate([z_strong, z_strong]) in place of ops.repeat.",
)
def repeated_in_a_row(z_a, z_b, z_strong, temperature=0.2):
    from keras import ops

    keys = ops.stop_gradient(ops.normalize(ops.concatenate([z_a, z_b]), axis=-1))
    p, _ = parts(z_a, z_b, z_strong, temperature)
    strong = ops.normalize(ops.repeat(z_strong, 2, axis=0), axis=-1)
    scores = ops.matmul(strong, ops.transpose(keys)) / temperature
    return -mean_over_queries(p * ops.log_softmax(scores - 1e9 * ops.eye(len(scores))))


DISTRIBUTION_PROBES = [
    (*three_views(3, 4), 0.2),
    (*three_views(4, 3, 1), 0.5),
    (*three_views(5, 6, 2), 0.1),
    (*three_views(4, 3, 3), 0.01),
]


def measured(loss):
    """What is to be known of a loss: its value on every probe, and whom its gradient moves there.

    Without a gradient (a loss in NumPy has none) it is the values alone, and zeros.
    """
    found = []
    for *z, temperature in DISTRIBUTION_PROBES:
        found.append(np.ravel(np.asarray(loss(*z, temperature), "float32")))
        found += [np.ravel(slope) for slope in slopes_of(loss, z, temperature)]
    return np.concatenate(found)


def slopes_of(loss, z, temperature):
    """The gradient of a loss by its three kinds of views; zeros if there is none to be had."""
    try:
        return value_and_gradients(lambda *views: loss(*views, temperature), *z)[1:]
    except Exception:
        return [np.zeros_like(view) for view in z]


@functools.cache
def measured_of(loss):
    return Guard(loss, 60.0).run(measured, loss)


def known_mistakes(guard):
    found = guard.run(measured, guard.answer)
    names = []
    for wrong in DISTRIBUTION_MISTAKES:
        known = measured_of(wrong.answer)
        if found.shape == known.shape and same(found, known, 1e-3):
            names.append(wrong.name)
    return names


def no_difference_gives_chance(answer):
    z = np.tile(np.float32([[3, -4]]), (4, 1))
    loss, chance = answer(z, z, z, 0.2), math.log(7)
    if not abs(loss - chance) < 1e-3:
        return (
            "When all projections are equal, Q gives each of the 7 keys the same share: the loss is"
            f" ln 7 = {chance:.3f}; yours is {loss:.3f}."
        )
    return None


def length_does_not_matter(answer):
    z_a, z_b, z_strong = three_views(4, 3, 3)
    longer = z_strong * np.float32([[3], [1], [0.2], [1]])
    before, after = answer(z_a, z_b, z_strong, 0.3), answer(z_a, z_b, longer, 0.3)
    if not abs(before - after) <= 1e-3 * abs(before):
        return "Making a strong projection longer changes your loss; a cosine looks at directions."
    return None


def least_where_the_strong_view_is_a_weak_one(answer):
    z, _, far = three_views(6, 4, 4)
    near, away = answer(z, z, z, 0.2), answer(z, z, far, 0.2)
    if not near < away:
        return (
            f"Strong views that are just like the weak ones cost {near:.3f} in yours, others"
            f" {away:.3f}: the first must be less."
        )
    return None


def is_finite_at_a_small_temperature(answer):
    if not np.isfinite(answer(*three_views(4, 3, 5), 0.01)):
        return "At temperature 0.01 your loss is not a finite number."
    return None


def moves_the_strong_view_alone(answer):
    z = three_views(4, 3, 6)

    def lengths(*_):
        try:
            _, *slopes = value_and_gradients(lambda *views: answer.answer(*views, 0.2), *z)
        except Exception:
            return None
        return np.array([np.linalg.norm(slope) for slope in slopes])

    found = answer.run(lambda: np.float32([-1]) if (norms := lengths()) is None else norms)
    if len(found) == 1:
        return (
            "No gradient can be taken of your loss, so nothing can be trained with it: write it"
            " with `keras.ops` throughout, without NumPy."
        )
    weak, strong = found[:2].max(), found[2]
    if strong < 1e-6:
        return "The gradient of your loss does not move the strong views: they are what must learn."
    if weak > 1e-5 * strong:
        return (
            "The gradient of your loss moves the weak views too"
            f" (by {weak:.2g}, the strong ones by {strong:.2g}): hold P and the keys fixed."
        )
    return None


DISTRIBUTION_MISTAKES = [
    nothing_is_held,
    keys_not_held,
    p_not_held,
    strong_view_held,
    changed_places,
    divergence,
    partner_alone,
    sum_over_queries,
    mean_over_entries,
    query_not_masked_in_q,
    nothing_times_infinity,
    overflow,
    strong_with_strong,
    q_at_temperature_1,
    p_at_temperature_1,
    always_at_0_2,
    strong_not_normalised,
    minus_forgotten,
    logarithm_forgotten,
    squared_difference,
    first_queries_only,
    repeated_in_a_row,
]

DISTRIBUTIONAL_LOSS = Exercise(
    id="distributional_loss",
    lesson=LESSON,
    title="the strong view follows its weak ones",
    minutes=15,
    difficulty=3,
    reference="simclr_lib.losses:distributional_loss",
    probes=DISTRIBUTION_PROBES,
    ladder=[
        no_difference_gives_chance,
        length_does_not_matter,
        is_finite_at_a_small_temperature,
        least_where_the_strong_view_is_a_weak_one,
        moves_the_strong_view_alone,
    ],
    mistakes=DISTRIBUTION_MISTAKES,
    hints=(
        "Q is made as P was, with the strong views in the place of the queries and the same keys:"
        " all 2N weak views.",
        "Put the strong views below themselves (ops.concatenate), so that row i of both is the same"
        " picture; mask the diagonal as before, and take ops.log_softmax.",
        "Return −ops.mean(ops.sum(P * log_q, axis=-1)), with ops.stop_gradient around P and around"
        " the keys.",
    ),
    right=[
        distribution_in_keras,
        distribution_by_queries,
        distribution_by_crossentropy,
        distribution_in_halves,
    ],
    diagnose=known_mistakes,
)


# -- The whole loss --------------------------------------------------------------------------------


def losses():
    from simclr_lib.losses import distributional_loss, nt_xent

    return nt_xent, distributional_loss


def whole_loss(z_a, z_b, z_strong, temperature, strong_weight):
    from simclr_lib.losses import distributional_loss, nt_xent

    strong = distributional_loss(z_a, z_b, z_strong)
    return nt_xent(z_a, z_b, temperature) + strong_weight * strong


def whole_loss_with_names(z_a, z_b, z_strong, temperature, strong_weight):
    from keras import ops

    nt_xent, distributional_loss = losses()
    parts = [nt_xent(z_a=z_a, z_b=z_b, temperature=temperature)]
    parts.append(distributional_loss(z_a=z_a, z_b=z_b, z_strong=z_strong, temperature=0.2))
    return ops.dot(ops.stack(parts), ops.convert_to_tensor([1.0, strong_weight], "float32"))


def whole_loss_in_numpy(z_a, z_b, z_strong, temperature, strong_weight):
    z = unit(np.concatenate([z_a, z_b]).astype("float64"))
    scores = masked(z @ z.T)
    rows = np.arange(len(z))
    positive = scores[rows, (rows + len(z_a)) % len(z)] / temperature
    contrastive = np.mean(np.logaddexp.reduce(scores / temperature, axis=1) - positive)
    strong = unit(z_strong.astype("float64"))
    seen = np.concatenate([strong, strong]) @ z.T / 0.2
    log_total = np.logaddexp.reduce(masked(seen), axis=1)
    p = softmax(scores / 0.2)
    return contrastive + strong_weight * np.mean(log_total - np.sum(p * seen, axis=1))


@mistake(
    "α multiplies the contrastive part: it weighs the strong view's.",
    hint="nt_xent(…) + strong_weight · distributional_loss(…).",
)
def weight_on_the_other_part(z_a, z_b, z_strong, temperature, strong_weight):
    nt_xent, distributional_loss = losses()
    return strong_weight * nt_xent(z_a, z_b, temperature) + distributional_loss(z_a, z_b, z_strong)


@mistake(
    "You share out between the two parts, by α and 1 − α: the contrastive part keeps its full"
    " weight.",
    hint="nt_xent(…) + strong_weight · distributional_loss(…).",
)
def shared_out(z_a, z_b, z_strong, temperature, strong_weight):
    nt_xent, distributional_loss = losses()
    strong = distributional_loss(z_a, z_b, z_strong)
    return (1 - strong_weight) * nt_xent(z_a, z_b, temperature) + strong_weight * strong


@mistake(
    "α has no effect in yours.",
    hint="… + strong_weight · distributional_loss(…).",
)
def weight_ignored(z_a, z_b, z_strong, temperature, strong_weight):
    return whole_loss(z_a, z_b, z_strong, temperature, 1.0)


@mistake(
    "The distributions are taken at τ, the temperature of NT-Xent: they have one of their own, 0.2,"
    " which is there by default.",
    hint="distributional_loss(z_a, z_b, z_strong), without a temperature.",
)
def one_temperature_for_both(z_a, z_b, z_strong, temperature, strong_weight):
    nt_xent, distributional_loss = losses()
    strong = distributional_loss(z_a, z_b, z_strong, temperature)
    return nt_xent(z_a, z_b, temperature) + strong_weight * strong


@mistake(
    "NT-Xent does not get τ: it takes 0.5 by default.",
    hint="nt_xent(z_a, z_b, temperature).",
)
def temperature_not_passed_on(z_a, z_b, z_strong, temperature, strong_weight):
    return whole_loss(z_a, z_b, z_strong, 0.5, strong_weight)


@mistake(
    "The contrastive part is missing: without it nobody tells the weak views apart, and there would"
    " be nothing worth following.",
    hint="nt_xent(z_a, z_b, temperature) + …",
)
def without_the_contrastive_part(z_a, z_b, z_strong, temperature, strong_weight):
    return strong_weight * losses()[1](z_a, z_b, z_strong)


@mistake(
    "The strong view's part is missing: this is plain SimCLR.",
    hint="… + strong_weight · distributional_loss(z_a, z_b, z_strong).",
)
def weak_views_alone(z_a, z_b, z_strong, temperature, strong_weight):
    return losses()[0](z_a, z_b, temperature)


@mistake(
    "You use the strong view as one more view of NT-Xent: it is to follow by its distribution, and"
    " not to be told apart.",
    hint="distributional_loss in place of the second nt_xent.",
)
def told_apart_as_well(z_a, z_b, z_strong, temperature, strong_weight):
    nt_xent, _ = losses()
    return nt_xent(z_a, z_b, temperature) + strong_weight * nt_xent(z_a, z_strong, temperature)


@mistake(
    "The strong view stands in the place of a weak one in NT-Xent: that part is of the two weak"
    " views.",
    hint="nt_xent(z_a, z_b, temperature).",
)
def strong_view_told_apart(z_a, z_b, z_strong, temperature, strong_weight):
    nt_xent, distributional_loss = losses()
    strong = distributional_loss(z_a, z_b, z_strong)
    return nt_xent(z_a, z_strong, temperature) + strong_weight * strong


@mistake(
    "The views are in the wrong order: the strong ones come last in distributional_loss.",
    hint="distributional_loss(z_a, z_b, z_strong).",
)
def strong_view_as_a_key(z_a, z_b, z_strong, temperature, strong_weight):
    nt_xent, distributional_loss = losses()
    strong = distributional_loss(z_strong, z_b, z_a)
    return nt_xent(z_a, z_b, temperature) + strong_weight * strong


@mistake("You subtract the second part: both are losses, and add up.", hint="+ in place of −.")
def subtracted(z_a, z_b, z_strong, temperature, strong_weight):
    return whole_loss(z_a, z_b, z_strong, temperature, -strong_weight)


@mistake(
    "You multiply the two parts: they add up.",
    hint="nt_xent(…) + strong_weight · distributional_loss(…).",
)
def multiplied(z_a, z_b, z_strong, temperature, strong_weight):
    nt_xent, distributional_loss = losses()
    strong = distributional_loss(z_a, z_b, z_strong)
    return nt_xent(z_a, z_b, temperature) * strong_weight * strong


@mistake(
    "You take the mean of the two parts: they add up.",
    hint="No division by 2.",
)
def mean_of_the_parts(z_a, z_b, z_strong, temperature, strong_weight):
    return whole_loss(z_a, z_b, z_strong, temperature, strong_weight) / 2


def no_weight_is_plain_simclr(answer):
    z_a, z_b, z_strong = three_views(4, 5, 7)
    near, far = (answer(z_a, z_b, z, 0.3, 0.0) for z in (z_a, z_strong))
    if not abs(near - far) <= 1e-4 * max(abs(far), 1e-3):
        return "With α = 0 the strong views do not count; yours changes with them."
    return None


def twice_the_weight_twice_the_part(answer):
    z = three_views(4, 5, 8)
    none, once, twice = (answer(*z, 0.3, weight) for weight in (0.0, 1.0, 2.0))
    if not np.isclose(twice - once, once - none, rtol=1e-3, atol=1e-4) or once <= none:
        return (
            f"With α = 0, 1 and 2 your loss is {none:.3f}, {once:.3f} and {twice:.3f}: it is to"
            " rise by the same amount each time."
        )
    return None


CLSA_LOSS = Exercise(
    id="clsa_loss",
    lesson=LESSON,
    title="two weak views told apart, a strong one that follows",
    minutes=5,
    difficulty=1,
    reference=whole_loss,
    probes=[
        (*three_views(3, 4), 0.3, 1.0),
        (*three_views(4, 3, 1), 0.5, 0.5),
        (*three_views(5, 6, 2), 0.1, 2.0),
    ],
    ladder=[no_weight_is_plain_simclr, twice_the_weight_twice_the_part],
    mistakes=[
        weight_on_the_other_part,
        shared_out,
        weight_ignored,
        one_temperature_for_both,
        temperature_not_passed_on,
        without_the_contrastive_part,
        weak_views_alone,
        told_apart_as_well,
        strong_view_told_apart,
        strong_view_as_a_key,
        subtracted,
        multiplied,
        mean_of_the_parts,
    ],
    hints=(
        "Two functions that you have: nt_xent for the weak views, distributional_loss for the"
        " strong ones.",
        "τ goes to nt_xent alone; the distributions keep the temperature that is their default.",
        "nt_xent(z_a, z_b, temperature) plus strong_weight times"
        " distributional_loss(z_a, z_b, z_strong).",
    ),
    right=[whole_loss, whole_loss_with_names, whole_loss_in_numpy],
    forbidden=["simclr_lib.losses:clsa"],
    parameters=("z_a", "z_b", "z_strong", "temperature", "strong_weight"),
)

EXERCISES = [SOLARIZE, WEAK_DISTRIBUTION, DISTRIBUTIONAL_LOSS, CLSA_LOSS]

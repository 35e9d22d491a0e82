"""Lesson 08: what a small batch gets wrong, and the memory of SogCLR (Yuan et al., 2022)."""

import functools
import math

import numpy as np

from simclr_lib.course.checking import same
from simclr_lib.course.exercise import Exercise, mistake
from simclr_lib.course.gradients import value_and_gradients
from simclr_lib.course.guard import Failed, Guard

LESSON = "08_small_batches"


# -- The logarithm of a mean -----------------------------------------------------------------------


def scores(*shape, seed=0, around=0.0):
    """Similarities ÷ temperature, in float32."""
    rng = np.random.default_rng(seed)
    return (around + rng.normal(0, 1.5, shape)).astype("float32")


def rows_far_apart():
    """Rows that no single shift makes harmless, and one that is wide in itself."""
    wide = [[0.0, 1.0, 2.0, 0.5], [-2000.0, -2001.0, -2003.0, -2000.5], [0.0, -900.0, 900.0, 899.0]]
    return np.array(wide, "float32")


def log_mean_exp(scores):
    highest = scores.max(axis=-1, keepdims=True)
    mean = np.exp(scores - highest).mean(axis=-1)
    return highest[..., 0] + np.log(mean)


def log_mean_by_logaddexp(scores):
    return np.logaddexp.reduce(scores, axis=-1) - np.log(scores.shape[-1])


def log_mean_by_rows(scores):
    scores = np.asarray(scores)
    rows = scores.reshape(-1, scores.shape[-1])
    means = []
    for row in rows:
        top = float(max(row))
        means.append(top + math.log(float(np.sum(np.exp(row - top))) / len(row)))
    return np.array(means).reshape(scores.shape[:-1])


def log_mean_in_keras(scores):
    from keras import ops

    return ops.logsumexp(scores, axis=-1) - math.log(scores.shape[-1])


@mistake(
    "The formula is right, but exp of a large score is no number that 32 bits can hold: above about"
    " 88 it is infinite.",
    hint="Take each row's highest score off before exp, and put it back after the logarithm.",
)
def overflows(scores):
    return np.log(np.mean(np.exp(scores), axis=-1))


@mistake(
    "That is the logarithm of the sum: wanted is that of the mean, or it would grow with the number"
    " of scores.",
    hint="np.mean in place of np.sum, or take off np.log(K) at the end.",
)
def sum_for_mean(scores):
    return np.logaddexp.reduce(scores, axis=-1)


@mistake(
    "That is the mean of the scores themselves, so of the logarithms: first exp, then the mean,"
    " then the logarithm.",
    hint="The mean stands between exp and log.",
)
def mean_of_the_logarithms(scores):
    return scores.mean(axis=-1)


@mistake(
    "You took the highest score off and did not put it back.",
    hint="Add `highest` to the logarithm.",
)
def highest_not_put_back(scores):
    highest = scores.max(axis=-1, keepdims=True)
    return np.log(np.exp(scores - highest).mean(axis=-1))


@mistake(
    "You take one highest score off for all rows: a row that lies far below it becomes exp(−∞) = 0,"
    " and has no logarithm. Each row has a highest of its own.",
    hint="scores.max(axis=-1, keepdims=True).",
)
def one_highest_for_all(scores):
    highest = scores.max()
    return highest + np.log(np.exp(scores - highest).mean(axis=-1))


@mistake(
    "You take the mean score off: in a row where one score stands far out, exp of it is still no"
    " number. Take the highest off: then no exponent is above 0.",
    hint="scores.max(axis=-1, keepdims=True).",
)
def mean_taken_off(scores):
    middle = scores.mean(axis=-1, keepdims=True)
    return middle[..., 0] + np.log(np.exp(scores - middle).mean(axis=-1))


@mistake(
    "You return the highest score: the others count too, the less the lower they are.",
    hint="highest + np.log(np.mean(np.exp(scores − highest), axis=-1)).",
)
def highest_alone(scores):
    return scores.max(axis=-1)


@mistake(
    "You average along the first axis: the scores of one anchor stand along the last.",
    hint="axis=-1 in max and mean.",
)
def along_the_first_axis(scores):
    return log_mean_by_logaddexp(np.moveaxis(scores, 0, -1))


@mistake(
    "You average over all anchors together: each one has a result of its own.",
    hint="axis=-1 in max and mean.",
)
def all_anchors_together(scores):
    return log_mean_by_logaddexp(scores.ravel())


@mistake(
    "You divide by one less than the number of scores: that is for a variance. A mean divides by"
    " their number.",
    hint="np.mean.",
)
def divided_by_one_less(scores):
    return np.logaddexp.reduce(scores, axis=-1) - np.log(scores.shape[-1] - 1)


@mistake("Your logarithm has base 2: the natural one is wanted.", hint="np.log, not np.log2.")
def in_bits(scores):
    return log_mean_exp(scores) / np.log(2)


@mistake(
    "You return the mean of the exponentials: its logarithm is missing.",
    hint="np.log around the mean.",
)
def no_logarithm(scores):
    return np.exp(log_mean_exp(scores))


def equal_scores_are_their_own_mean(answer):
    result = answer(np.full((3, 5), 0.7, "float32"))
    if not np.allclose(result, 0.7, atol=1e-3):
        return (
            "Where all scores of a row are 0.7, so is the logarithm of the mean of their"
            f" exponentials; yours is {float(np.ravel(result)[0]):.3g}."
        )
    return None


def the_same_row_twice_changes_nothing(answer):
    row = scores(2, 6, seed=4)
    if not np.allclose(answer(np.concatenate([row, row], axis=1)), answer(row), atol=1e-3):
        return "With every score there twice, your result changes; a mean does not."
    return None


def large_scores_are_no_trouble(answer):
    for around in (1000.0, -1000.0):
        result = answer(scores(2, 6, seed=5, around=around))
        if not np.all(np.isfinite(result)):
            return f"With scores around {around:,.0f} your result is no finite number."
    return None


LOG_MEAN = Exercise(
    id="log_mean_exp",
    lesson=LESSON,
    title="the logarithm of a mean of exponentials, in a stable way",
    minutes=6,
    difficulty=1,
    reference=log_mean_exp,
    probes=[
        (scores(4, 6),),
        (scores(3, 5, seed=1, around=300.0),),
        (rows_far_apart(),),
        (scores(2, 3, 7, seed=2),),
    ],
    ladder=[
        equal_scores_are_their_own_mean,
        the_same_row_twice_changes_nothing,
        large_scores_are_no_trouble,
    ],
    mistakes=[
        overflows,
        sum_for_mean,
        mean_of_the_logarithms,
        highest_not_put_back,
        one_highest_for_all,
        mean_taken_off,
        highest_alone,
        along_the_first_axis,
        all_anchors_together,
        divided_by_one_less,
        in_bits,
        no_logarithm,
    ],
    hints=(
        "exp, then the mean along the last axis, then the logarithm; and mind large scores.",
        "log(mean exp(s)) = h + log(mean exp(s − h)) for any h: take each row's highest score.",
        "highest = scores.max(axis=-1, keepdims=True); then highest[..., 0] plus the logarithm of"
        " np.exp(scores − highest).mean(axis=-1).",
    ),
    right=[log_mean_exp, log_mean_by_logaddexp, log_mean_by_rows, log_mean_in_keras],
    parameters=("scores",),
)


# -- The memory ------------------------------------------------------------------------------------


def visit(pictures=9, batch=4, gamma=0.3, seed=0):
    """A memory in which some pictures were never seen, and a batch with such ones among it."""
    rng = np.random.default_rng([8, seed])
    u = rng.uniform(1.0, 6.0, pictures)
    positions = rng.permutation(pictures)[:batch]
    u[positions[::2]] = 0.0
    g_a, g_b = rng.uniform(0.5, 9.0, (2, batch))
    return u, positions, g_a, g_b, gamma


def remember(u, positions, g_a, g_b, gamma):
    old = u[positions]
    u_a = np.where(old == 0, g_a, (1 - gamma) * old + gamma * g_a)
    u_b = np.where(old == 0, g_b, (1 - gamma) * old + gamma * g_b)
    memory = u.copy()
    memory[positions] = (u_a + u_b) / 2
    return u_a, u_b, memory


def remember_by_loop(u, positions, g_a, g_b, gamma):
    memory = list(u)
    u_a, u_b = [], []
    for place, first, second in zip(positions, g_a, g_b, strict=True):
        share = 1.0 if u[place] == 0 else gamma
        u_a.append((1 - share) * u[place] + share * first)
        u_b.append((1 - share) * u[place] + share * second)
        memory[place] = (u_a[-1] + u_b[-1]) / 2
    return np.array(u_a), np.array(u_b), np.array(memory)


def remember_by_a_share(u, positions, g_a, g_b, gamma):
    share = np.ones(len(positions))
    share[u[positions] > 0] = gamma
    u_a, u_b = (u[positions] + share * (g - u[positions]) for g in (g_a, g_b))
    memory = np.array(u)
    np.put(memory, positions, 0.5 * u_a + 0.5 * u_b)
    return u_a, u_b, memory


def remember_in_keras(u, positions, g_a, g_b, gamma):
    from keras import ops

    old = ops.take(u, positions)
    both = ops.stack([g_a, g_b])
    u_a, u_b = ops.where(old > 0, old + gamma * (both - old), both)
    places = ops.convert_to_tensor(positions)[:, None]
    return u_a, u_b, ops.scatter_update(ops.convert_to_tensor(u), places, (u_a + u_b) / 2)


def written(u, positions, values):
    memory = u.copy()
    memory[positions] = values
    return memory


def mixed(old, g, gamma):
    return np.where(old == 0, g, (1 - gamma) * old + gamma * g)


@mistake(
    "γ stands at the wrong one of the two: it is the weight of this batch, and 1 − γ that of what"
    " is remembered.",
    hint="(1 − gamma) * old + gamma * g.",
)
def gamma_at_the_old(u, positions, g_a, g_b, gamma):
    return remember(u, positions, g_a, g_b, 1 - gamma)


@mistake(
    "A picture that is seen for the first time is mixed with the 0 of its empty place: it takes"
    " what this batch says, whole.",
    hint="np.where(old == 0, g, (1 − gamma) * old + gamma * g).",
)
def mixed_with_nothing(u, positions, g_a, g_b, gamma):
    old = u[positions]
    u_a, u_b = ((1 - gamma) * old + gamma * g for g in (g_a, g_b))
    return u_a, u_b, written(u, positions, (u_a + u_b) / 2)


@mistake(
    "Your second view starts from what the first has left. Both start from the same old u: else the"
    " second view would count more, only because it stands below.",
    hint="Read old = u[positions] once, before anything is written.",
)
def one_view_after_the_other(u, positions, g_a, g_b, gamma):
    u_a = mixed(u[positions], g_a, gamma)
    u_b = mixed(u_a, g_b, gamma)
    return u_a, u_b, written(u, positions, u_b)


@mistake(
    "Only the first view's u is kept: the memory keeps the mean of both.",
    hint="memory[positions] = (u_a + u_b) / 2.",
)
def first_view_kept(u, positions, g_a, g_b, gamma):
    u_a, u_b, _ = remember(u, positions, g_a, g_b, gamma)
    return u_a, u_b, written(u, positions, u_a)


@mistake(
    "The memory keeps the sum of the two views' u: it would grow with every visit. Keep the mean.",
    hint="memory[positions] = (u_a + u_b) / 2.",
)
def sum_kept(u, positions, g_a, g_b, gamma):
    u_a, u_b, _ = remember(u, positions, g_a, g_b, gamma)
    return u_a, u_b, written(u, positions, u_a + u_b)


@mistake(
    "Nothing is written: your memory afterwards is the one before.",
    hint="memory = u.copy(), then memory[positions] = …",
)
def nothing_written(u, positions, g_a, g_b, gamma):
    u_a, u_b, _ = remember(u, positions, g_a, g_b, gamma)
    return u_a, u_b, u.copy()


@mistake(
    "You read and write the first N places of the memory: the batch's pictures have theirs at"
    " `positions`.",
    hint="u[positions].",
)
def first_places(u, positions, g_a, g_b, gamma):
    return remember(u, np.arange(len(positions)), g_a, g_b, gamma)


@mistake(
    "Pictures that are not in the batch fade: nothing was learnt of them, so they stay as they"
    " are.",
    hint="Copy u, and change only memory[positions].",
)
def others_fade(u, positions, g_a, g_b, gamma):
    u_a, u_b, memory = remember(u, positions, g_a, g_b, gamma)
    return u_a, u_b, written((1 - gamma) * u, positions, memory[positions])


@mistake(
    "Your memory holds the batch only: it has a place for every picture, in the batch or not.",
    hint="memory = u.copy(), then memory[positions] = …",
)
def batch_only(u, positions, g_a, g_b, gamma):
    u_a, u_b, _ = remember(u, positions, g_a, g_b, gamma)
    return u_a, u_b, (u_a + u_b) / 2


@mistake(
    "All pictures of the batch get the batch's mean g: each has one of its own.",
    hint="No mean over the batch is taken anywhere.",
)
def mean_over_the_batch(u, positions, g_a, g_b, gamma):
    return remember(u, positions, *(np.full_like(g, g.mean()) for g in (g_a, g_b)), gamma)


@mistake(
    "Nothing is remembered: your u is the g of this batch, whatever γ is.",
    hint="(1 − gamma) * old + gamma * g, where old is not 0.",
)
def old_forgotten(u, positions, g_a, g_b, gamma):
    return remember(u, positions, g_a, g_b, 1.0)


@mistake(
    "You mix the logarithms, which lean to one side: just what the memory is to avoid. Mix the"
    " numbers themselves.",
    hint="(1 − gamma) * old + gamma * g.",
)
def logarithms_mixed(u, positions, g_a, g_b, gamma):
    old = u[positions]
    u_a, u_b = (
        np.where(old == 0, g, np.maximum(old, 1e-9) ** (1 - gamma) * g**gamma) for g in (g_a, g_b)
    )
    return u_a, u_b, written(u, positions, (u_a + u_b) / 2)


@mistake(
    "Both views get the same u, from the mean of their g: each view has its own; the mean is taken"
    " for the memory alone.",
    hint="u_a from g_a, u_b from g_b.",
)
def views_joined_too_early(u, positions, g_a, g_b, gamma):
    return remember(u, positions, (g_a + g_b) / 2, (g_a + g_b) / 2, gamma)


@mistake(
    "You add the new to all of the old: it must lose a share γ first, or u only ever grows.",
    hint="(1 − gamma) * old + gamma * g.",
)
def old_not_reduced(u, positions, g_a, g_b, gamma):
    old = u[positions]
    u_a, u_b = (np.where(old == 0, g, old + gamma * g) for g in (g_a, g_b))
    return u_a, u_b, written(u, positions, (u_a + u_b) / 2)


@mistake(
    "The three results stand in another order: u of the first views, u of the second, the memory.",
    hint="return u_a, u_b, memory.",
)
def memory_first(u, positions, g_a, g_b, gamma):
    u_a, u_b, memory = remember(u, positions, g_a, g_b, gamma)
    return memory, u_a, u_b


def the_first_visit_is_taken_whole(answer):
    g = np.array([3.0, 5.0])
    u_a, _, memory = answer(np.zeros(4), np.array([2, 0]), g, g, 0.25)
    if not np.allclose(u_a, g, rtol=1e-3):
        return (
            f"A picture's first visit with g = 3 leaves u = 3; yours is {float(u_a[0]):.3g}"
            " (γ = 0.25)."
        )
    if not np.allclose(memory, [5, 0, 3, 0], rtol=1e-3):
        return (
            "Pictures 2 and 0 of four are seen, with g = 3 and 5, so the memory is [5, 0, 3, 0];"
            f" yours is {np.round(np.asarray(memory, float), 2).tolist()}."
        )
    return None


def what_is_not_in_the_batch_stays(answer):
    u = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    _, _, memory = answer(u, np.array([3, 1]), np.ones(2), np.ones(2), 0.5)
    if np.shape(memory) == (5,) and not np.allclose(memory[[0, 2, 4]], [1, 3, 5], rtol=1e-3):
        return "Pictures that are not in the batch have another u afterwards."
    return None


def an_equal_g_changes_nothing(answer):
    u = np.array([1.0, 2.0, 3.0])
    u_a, u_b, _ = answer(u, np.array([1, 2]), u[1:], u[1:], 0.3)
    if not (np.allclose(u_a, u[1:], rtol=1e-3) and np.allclose(u_b, u[1:], rtol=1e-3)):
        return "Where g is just what is remembered, u should stay; yours changes."
    return None


REMEMBER = Exercise(
    id="remember",
    lesson=LESSON,
    title="the memory of what each picture's negatives are like",
    minutes=12,
    difficulty=2,
    reference=remember,
    probes=[
        visit(),
        visit(7, 5, 0.9, seed=1),
        visit(12, 3, 0.1, seed=2),
    ],
    ladder=[
        the_first_visit_is_taken_whole,
        what_is_not_in_the_batch_stays,
        an_equal_g_changes_nothing,
    ],
    mistakes=[
        gamma_at_the_old,
        mixed_with_nothing,
        one_view_after_the_other,
        first_view_kept,
        sum_kept,
        nothing_written,
        first_places,
        others_fade,
        batch_only,
        mean_over_the_batch,
        old_forgotten,
        logarithms_mixed,
        views_joined_too_early,
        old_not_reduced,
        memory_first,
    ],
    hints=(
        "Three steps: read the old u of the batch's pictures, mix it for each view, keep the mean.",
        "old = u[positions]; np.where(old == 0, g_a, …) keeps apart what was never seen.",
        "u_a = np.where(old == 0, g_a, (1 − gamma) * old + gamma * g_a), u_b likewise; memory ="
        " u.copy(); memory[positions] = (u_a + u_b) / 2.",
    ),
    right=[remember, remember_by_loop, remember_by_a_share, remember_in_keras],
    parameters=("u", "positions", "g_a", "g_b", "gamma"),
    observed=("u of the first views", "u of the second views", "the memory"),
)


# -- What is left of each visit --------------------------------------------------------------------


def visit_weights(visits, gamma):
    age = np.arange(visits)[::-1]
    weights = gamma * (1 - gamma) ** age
    weights[0] = (1 - gamma) ** (visits - 1)
    return weights


def weights_by_visiting(visits, gamma):
    weights = [1.0]
    for _ in range(visits - 1):
        weights = [weight * (1 - gamma) for weight in weights] + [gamma]
    return np.array(weights)


def weights_by_remembering(visits, gamma):
    weights = []
    for number in range(visits):
        u = 0.0
        for now in range(visits):
            g = float(now == number)
            u = g if now == 0 else (1 - gamma) * u + gamma * g
        weights.append(u)
    return np.array(weights)


def weights_by_what_is_left(visits, gamma):
    weights, left = np.empty(visits), 1.0
    for place in range(visits - 1, 0, -1):
        weights[place] = left * gamma
        left -= weights[place]
    weights[0] = left
    return weights


@mistake(
    "Your weights do not add up to 1: the first visit was taken whole, so there is no γ in its"
    " weight.",
    hint="The first visit's weight is (1 − gamma) ** (visits − 1).",
)
def gamma_in_the_first_too(visits, gamma):
    return gamma * (1 - gamma) ** np.arange(visits)[::-1]


@mistake(
    "Your order is the other way round: the oldest visit comes first.",
    hint="[::-1].",
)
def newest_first(visits, gamma):
    return visit_weights(visits, gamma)[::-1]


@mistake(
    "γ and 1 − γ have changed places: the newest visit has the weight γ.",
    hint="gamma * (1 − gamma) ** age.",
)
def gamma_for_its_rest(visits, gamma):
    return visit_weights(visits, 1 - gamma)


@mistake(
    "All visits count the same in yours: each new one takes a share γ from all before.",
    hint="What is k visits old has been multiplied by 1 − γ k times.",
)
def plain_mean(visits, gamma):
    return np.full(visits, 1 / visits)


@mistake(
    "You divide by the sum, so that every weight grows a little. What is missing belongs to the"
    " first visit alone.",
    hint="The first visit's weight is (1 − gamma) ** (visits − 1).",
)
def divided_by_the_sum(visits, gamma):
    weights = gamma * (1 - gamma) ** np.arange(visits)[::-1]
    return weights / weights.sum()


@mistake(
    "The factor γ is missing: a visit is multiplied by γ once, when it is mixed in.",
    hint="gamma * (1 − gamma) ** age, but for the first visit.",
)
def gamma_left_out(visits, gamma):
    return (1 - gamma) ** np.arange(visits)[::-1].astype(float)


@mistake(
    "Your visits are one step too old: the newest has not been reduced yet.",
    hint="The newest visit's age is 0.",
)
def one_too_old(visits, gamma):
    weights = gamma * (1 - gamma) ** np.arange(1, visits + 1)[::-1]
    weights[0] = (1 - gamma) ** visits
    return weights


@mistake(
    "The first visit was reduced once too often: after n visits it has been reduced n − 1 times.",
    hint="(1 − gamma) ** (visits − 1).",
)
def first_one_too_old(visits, gamma):
    weights = visit_weights(visits, gamma)
    weights[0] = (1 - gamma) ** visits
    return weights


@mistake(
    "A visit loses a fixed amount with each later one in yours: it loses a share, so it fades ever"
    " more slowly and is never quite gone.",
    hint="(1 − gamma) ** age.",
)
def fades_in_a_line(visits, gamma):
    weights = gamma * np.maximum(1 - gamma * np.arange(visits)[::-1], 0.0)
    weights[0] += 1 - weights.sum()
    return weights


@mistake(
    "These are running totals: wanted is each visit's own weight.",
    hint="No np.cumsum.",
)
def running_totals(visits, gamma):
    return np.cumsum(visit_weights(visits, gamma))


@mistake(
    "Everything but the newest visit has its weight on the first: those between count too.",
    hint="A weight for each age: gamma * (1 − gamma) ** age.",
)
def first_and_newest(visits, gamma):
    weights = np.zeros(visits)
    weights[0] = 1 - gamma
    weights[-1] += gamma
    return weights


def they_add_up_to_one(answer):
    total = float(np.sum(answer(5, 0.3)))
    if abs(total - 1) > 1e-3:
        return (
            f"The weights of all visits add up to 1; yours for 5 visits and γ = 0.3 to {total:.3g}."
        )
    return None


def a_single_visit_is_all(answer):
    weights = answer(1, 0.3)
    if not np.allclose(weights, [1.0], rtol=1e-3):
        return f"After one visit, u is that visit's g: weights [1]; yours are {weights.tolist()}."
    return None


def two_visits(answer):
    weights = answer(2, 0.3)
    if not np.allclose(weights, [0.7, 0.3], rtol=1e-3):
        return (
            "After two visits with γ = 0.3, u = 0.7 g₁ + 0.3 g₂; your weights are"
            f" {np.round(np.asarray(weights, float), 3).tolist()}."
        )
    return None


VISITS = Exercise(
    id="visit_weights",
    lesson=LESSON,
    title="what is left of each visit",
    minutes=8,
    difficulty=2,
    reference=visit_weights,
    probes=[(6, 0.9), (5, 0.2), (8, 0.6), (2, 0.1)],
    ladder=[they_add_up_to_one, a_single_visit_is_all, two_visits],
    mistakes=[
        gamma_in_the_first_too,
        newest_first,
        gamma_for_its_rest,
        plain_mean,
        divided_by_the_sum,
        gamma_left_out,
        one_too_old,
        first_one_too_old,
        fades_in_a_line,
        running_totals,
        first_and_newest,
    ],
    hints=(
        "Follow one visit: it enters with γ, and each later visit multiplies it by 1 − γ.",
        "A visit that is k visits old has the weight gamma * (1 − gamma) ** k; the first one, which"
        " was taken whole, has no γ.",
        "age = np.arange(visits)[::-1]; weights = gamma * (1 − gamma) ** age; then weights[0] ="
        " (1 − gamma) ** (visits − 1).",
    ),
    right=[visit_weights, weights_by_visiting, weights_by_remembering, weights_by_what_is_left],
    parameters=("visits", "gamma"),
)


# -- The loss --------------------------------------------------------------------------------------

ANCHORS, NEGATIVES = 6, 4


def similarities(temperature, seed=0):
    """Cosines of six anchors with their positive and four negatives, and a remembered u."""
    rng = np.random.default_rng([88, seed])
    positive = rng.uniform(0.2, 0.9, ANCHORS)
    negatives = rng.uniform(-0.6, 0.7, (ANCHORS, NEGATIVES))
    u = np.exp(negatives / temperature).mean(axis=1) * rng.uniform(0.5, 2.0, ANCHORS)
    return *(array.astype("float32") for array in (positive, negatives, u)), temperature


def sogclr_loss(positive, negatives, u, temperature):
    from keras import ops

    weights = ops.exp(negatives / temperature) / ops.expand_dims(u, 1)
    push = ops.mean(ops.stop_gradient(weights) * negatives, axis=1)
    return ops.mean(push - positive)


def loss_through_logarithms(positive, negatives, u, temperature):
    from keras import ops

    log_weights = negatives / temperature - ops.log(u)[:, None]
    held = ops.exp(ops.stop_gradient(log_weights))
    count = negatives.shape[0] * negatives.shape[1]
    return ops.sum(held * negatives) / count - ops.mean(positive)


def loss_of_stopped_copies(positive, negatives, u, temperature):
    from keras import ops

    still = ops.stop_gradient(negatives)
    weights = ops.exp(still / temperature) / u[:, None]
    return ops.mean(ops.einsum("ij,ij->i", weights, negatives) / negatives.shape[1] - positive)


def loss_by_loop(positive, negatives, u, temperature):
    from keras import ops

    total = 0.0
    for anchor in range(negatives.shape[0]):
        row = negatives[anchor]
        weights = ops.stop_gradient(ops.exp(row / temperature) / u[anchor])
        total = total + ops.mean(weights * row) - positive[anchor]
    return total / negatives.shape[0]


def loss_of(weights_of):
    """The loss with other weights, made by `weights_of(negatives, u, temperature)`."""

    def loss(positive, negatives, u, temperature):
        from keras import ops

        weights = ops.stop_gradient(weights_of(ops, negatives, u, temperature))
        return ops.mean(ops.mean(weights * negatives, axis=1) - positive)

    return loss


@mistake(
    "The value is right, but a gradient flows through the weights. They are to be held still: u is"
    " a remembered number, and the weight says how hard to push, not how to become less.",
    hint="ops.stop_gradient(…) around the weights.",
)
def gradient_through_the_weights(positive, negatives, u, temperature):
    from keras import ops

    weights = ops.exp(negatives / temperature) / ops.expand_dims(u, 1)
    return ops.mean(ops.mean(weights * negatives, axis=1) - positive)


@mistake(
    "The value is right, but the negatives get no gradient at all: you stop it around the whole"
    " product. Only the weights are held still; the similarity they stand before is not.",
    hint="ops.stop_gradient(weights) * negatives.",
)
def whole_push_stopped(positive, negatives, u, temperature):
    from keras import ops

    weights = ops.exp(negatives / temperature) / ops.expand_dims(u, 1)
    return ops.mean(ops.mean(ops.stop_gradient(weights * negatives), axis=1) - positive)


@mistake(
    "The value is right, but no gradient comes through: NumPy computes where the backend does not"
    " see it.",
    hint="The functions of `ops` have the same names: ops.exp, ops.mean.",
)
def numpy_in_between(positive, negatives, u, temperature):
    positive, negatives = np.array(positive), np.array(negatives)
    weights = np.exp(negatives / temperature) / np.array(u)[:, None]
    return np.mean(np.mean(weights * negatives, axis=1) - positive)


@mistake(
    "Your weights are the batch's own softmax, and u changes nothing: that is NT-Xent's view again."
    " Divide by what is remembered.",
    hint="ops.exp(negatives / temperature) / u[:, None].",
)
def softmax_of_the_batch(positive, negatives, u, temperature):
    def weights_of(ops, negatives, u, temperature):
        return ops.softmax(negatives / temperature, axis=1) * negatives.shape[1]

    return loss_of(weights_of)(positive, negatives, u, temperature)


@mistake(
    "You sum over the negatives: wanted is their mean, as u is the mean of the exponentials.",
    hint="ops.mean(…, axis=1).",
)
def sum_over_the_negatives(positive, negatives, u, temperature):
    from keras import ops

    weights = ops.stop_gradient(ops.exp(negatives / temperature) / ops.expand_dims(u, 1))
    return ops.mean(ops.sum(weights * negatives, axis=1) - positive)


@mistake("You sum over the anchors: wanted is their mean.", hint="ops.mean at the end.")
def sum_over_the_anchors(positive, negatives, u, temperature):
    return sogclr_loss(positive, negatives, u, temperature) * negatives.shape[0]


@mistake(
    "The temperature changes nothing in your weights.",
    hint="ops.exp(negatives / temperature).",
)
def temperature_ignored(positive, negatives, u, temperature):
    return sogclr_loss(positive, negatives, u, 1.0)


@mistake("You multiply by the temperature: divide by it.", hint="negatives / temperature.")
def temperature_multiplied(positive, negatives, u, temperature):
    return sogclr_loss(positive, negatives, u, 1 / temperature)


@mistake(
    "Your loss has the wrong sign: it would push partners apart and pull strangers together.",
    hint="The negatives' mean minus the positive.",
)
def turned(positive, negatives, u, temperature):
    return -sogclr_loss(positive, negatives, u, temperature)


@mistake(
    "The positive is missing: nothing pulls the two views of a picture together.",
    hint="Take `positive` off the negatives' mean.",
)
def positive_missing(positive, negatives, u, temperature):
    return sogclr_loss(0 * positive, negatives, u, temperature)


@mistake(
    "The positive is divided by the temperature, and the negatives are not: then the pull is 1 ÷ τ"
    " times too strong. Within this loss, τ stands in the weights alone.",
    hint="… − positive.",
)
def positive_over_temperature(positive, negatives, u, temperature):
    return sogclr_loss(positive / temperature, negatives, u, temperature)


@mistake(
    "All is divided by the temperature, so each gradient is 1 ÷ τ times as large: τ stands in the"
    " weights alone.",
    hint="The mean of weights · negatives, minus the positive.",
)
def all_over_temperature(positive, negatives, u, temperature):
    return sogclr_loss(positive, negatives, u, temperature) / temperature


@mistake(
    "You take u for its own logarithm: u itself is given, so divide by it.",
    hint="ops.exp(negatives / temperature) / u[:, None].",
)
def u_for_a_logarithm(positive, negatives, u, temperature):
    def weights_of(ops, negatives, u, temperature):
        return ops.exp(negatives / temperature - ops.expand_dims(u, 1))

    return loss_of(weights_of)(positive, negatives, u, temperature)


@mistake(
    "Your weights are not divided by u: a picture with near negatives would push far too hard.",
    hint="… / u[:, None].",
)
def not_divided(positive, negatives, u, temperature):
    def weights_of(ops, negatives, u, temperature):
        return ops.exp(negatives / temperature)

    return loss_of(weights_of)(positive, negatives, u, temperature)


@mistake(
    "All anchors share one u: each has its own.",
    hint="u[:, None] gives each row its own divisor.",
)
def one_u_for_all(positive, negatives, u, temperature):
    def weights_of(ops, negatives, u, temperature):
        return ops.exp(negatives / temperature) / ops.mean(u)

    return loss_of(weights_of)(positive, negatives, u, temperature)


@mistake(
    "Your weights multiply nothing: each stands before the similarity of its negative, which is"
    " what shall fall.",
    hint="weights * negatives.",
)
def weights_alone(positive, negatives, u, temperature):
    from keras import ops

    weights = ops.stop_gradient(ops.exp(negatives / temperature) / ops.expand_dims(u, 1))
    return ops.mean(ops.mean(weights, axis=1) - positive)


@mistake(
    "That is the decoupled contrastive loss of this batch, with its logarithm: u is not in it.",
    hint="No logarithm: weights · similarity, with the weights held still.",
)
def decoupled(positive, negatives, u, temperature):
    from keras import ops

    mean = ops.logsumexp(negatives / temperature, axis=1) - math.log(negatives.shape[1])
    return ops.mean(mean - positive / temperature)


PROBES = [similarities(0.5), similarities(0.2, 1), similarities(0.3, 2)]
MISTAKES = [
    gradient_through_the_weights,
    whole_push_stopped,
    numpy_in_between,
    softmax_of_the_batch,
    sum_over_the_negatives,
    sum_over_the_anchors,
    temperature_ignored,
    temperature_multiplied,
    turned,
    positive_missing,
    positive_over_temperature,
    all_over_temperature,
    u_for_a_logarithm,
    not_divided,
    one_u_for_all,
    weights_alone,
    decoupled,
]


def value_and_slopes(answer, positive, negatives, u, temperature):
    """The loss, and its gradient by the positives and by the negatives; `answer` is a `Guard`."""

    def both(positive, negatives, u):
        return value_and_gradients(
            lambda p, n: answer.answer(p, n, u, temperature), positive, negatives
        )

    return answer.run(both, positive, negatives, u)


def seen_of(answer):
    """What an answer does on all probes; where it stops under a gradient, the `Failed`."""
    found = []
    for probe in PROBES:
        try:
            found.append(value_and_slopes(answer, *probe))
        except Failed as failed:
            if failed.final:
                raise
            found.append(failed)
    return found


@functools.cache
def seen_of_mistake(known):
    return seen_of(Guard(known.answer, 60.0))


def known_mistakes(answer):
    """Those with the same values *and* gradients: some have the right value."""
    given = seen_of(answer)
    return [
        known.name
        for known in MISTAKES
        if all(same(g, k, 1e-3) for g, k in zip(given, seen_of_mistake(known), strict=True))
    ]


def the_positive_pulls(answer):
    _, pull, _ = value_and_slopes(answer, *PROBES[0])
    if not np.allclose(pull, -1 / ANCHORS, rtol=1e-2):
        return (
            "The more similar a positive, the lower the loss, by 1 ÷ the number of anchors: here"
            f" the slope is {-1 / ANCHORS:.3f}; yours is {float(np.ravel(pull)[0]):.3g}."
        )
    return None


def the_push_is_the_weight(answer):
    positive, negatives, u, temperature = PROBES[1]
    _, _, push = value_and_slopes(answer, positive, negatives, u, temperature)
    weights = np.exp(negatives / temperature) / u[:, None] / negatives.size
    if not np.any(push):
        return "No gradient comes through to the negatives, so nothing pushes them away."
    if not np.allclose(push, weights, rtol=1e-2, atol=1e-4):
        return (
            "The slope by the first negative is its weight ÷ the number of all negatives,"
            f" {weights[0, 0]:.3g} here; yours is {float(push[0, 0]):.3g}."
        )
    return None


LOSS = Exercise(
    id="sogclr_loss",
    lesson=LESSON,
    title="SogCLR's loss, with weights that are held still",
    minutes=12,
    difficulty=3,
    reference=sogclr_loss,
    probes=PROBES,
    ladder=[the_positive_pulls, the_push_is_the_weight],
    mistakes=MISTAKES,
    hints=(
        "Three lines: the weights, the mean of weight times similarity along a row, minus the"
        " positive; then the mean over the anchors.",
        "weights = ops.stop_gradient(ops.exp(negatives / temperature) / u[:, None]).",
        "return ops.mean(ops.mean(weights * negatives, axis=1) − positive).",
    ),
    right=[sogclr_loss, loss_through_logarithms, loss_of_stopped_copies, loss_by_loop],
    parameters=("positive", "negatives", "u", "temperature"),
    diagnose=known_mistakes,
)

EXERCISES = [LOG_MEAN, REMEMBER, VISITS, LOSS]

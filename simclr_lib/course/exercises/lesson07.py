"""Lesson 07: why a run got twenty per cent, found by changing one thing at a time."""

import itertools

import numpy as np

from simclr_lib.course.exercise import Exercise, mistake

LESSON = "07_why_twenty_per_cent"


# -- How far apart, along how many directions ------------------------------------------------------


def cloud(pictures=40, features=6, number=0, shift=2.0):
    """Features that lie along some directions more than along others, away from 0."""
    rng = np.random.default_rng([7, number])
    turned, _ = np.linalg.qr(rng.normal(size=(features, features)))
    lengths = 2.0 ** -np.arange(features)
    return rng.normal(size=(pictures, features)) * lengths @ turned + shift * rng.uniform(
        0.2, 1, features
    )


def spread_and_directions(h):
    apart = h - h.mean(axis=0)
    spread = np.sqrt(np.sum(apart**2) / np.sum(h**2))
    strengths = np.linalg.eigvalsh(apart.T @ apart)
    return spread, strengths.sum() ** 2 / np.sum(strengths**2)


def spread_without_eigenvalues(h):
    covariance = np.cov(h, rowvar=False)
    spread = np.sqrt(np.trace(covariance) * (len(h) - 1) / np.sum(h * h))
    return spread, np.trace(covariance) ** 2 / np.sum(covariance**2)


def spread_by_singular_values(h):
    apart = h - np.mean(h, axis=0, keepdims=True)
    strengths = np.linalg.svd(apart, compute_uv=False) ** 2
    lengths = np.linalg.norm(apart, axis=1), np.linalg.norm(h, axis=1)
    spread = (np.mean(lengths[0] ** 2) / np.mean(lengths[1] ** 2)) ** 0.5
    return float(spread), float(strengths.sum() ** 2 / (strengths**2).sum())


def spread_in_keras(h):
    from keras import ops

    h = ops.convert_to_tensor(h, "float32")
    apart = h - ops.mean(h, axis=0)
    covariance = ops.matmul(ops.transpose(apart), apart)
    spread = ops.sqrt(ops.sum(apart**2) / ops.sum(h**2))
    return spread, ops.trace(covariance) ** 2 / ops.sum(covariance**2)


def strengths_of(h):
    apart = h - h.mean(axis=0)
    return np.linalg.eigvalsh(apart.T @ apart)


def with_spread(spread, h):
    return spread, spread_and_directions(h)[1]


def with_directions(directions, h):
    return spread_and_directions(h)[0], directions


@mistake(
    "Your spread is a share of *squared* lengths: the root is missing.",
    hint="np.sqrt around the whole ratio.",
)
def no_root(h):
    return with_spread(spread_and_directions(h)[0] ** 2, h)


@mistake(
    "You subtract one number, the mean of all features of all pictures: wanted is the mean of each"
    " feature, so that the cloud's middle comes to 0.",
    hint="h.mean(axis=0).",
)
def one_mean_for_all(h):
    apart = h - h.mean()
    spread = np.sqrt(np.sum(apart**2) / np.sum(h**2))
    strengths = np.linalg.eigvalsh(apart.T @ apart)
    return spread, strengths.sum() ** 2 / np.sum(strengths**2)


@mistake(
    "You subtract from each picture the mean of *its* features: wanted is each feature's mean over"
    " the pictures.",
    hint="axis=0 runs over the pictures.",
)
def mean_of_each_picture(h):
    apart = h - h.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.sum(apart**2) / np.sum(h**2))
    strengths = np.linalg.eigvalsh(apart.T @ apart)
    return spread, strengths.sum() ** 2 / np.sum(strengths**2)


@mistake(
    "The directions are those of h as it is: what all pictures have in common then counts as the"
    " strongest of them. Subtract the mean first.",
    hint="apart.T @ apart in place of h.T @ h.",
)
def directions_not_centred(h):
    strengths = np.linalg.eigvalsh(h.T @ h)
    return with_directions(strengths.sum() ** 2 / np.sum(strengths**2), h)


@mistake(
    "You divide by the length of the mean: wanted is the length of the features, so that the spread"
    " lies between 0 and 1.",
    hint="np.sum(h**2) below the fraction.",
)
def by_the_length_of_the_mean(h):
    apart = h - h.mean(axis=0)
    distance = np.sqrt(np.mean(np.sum(apart**2, axis=1)))
    return with_spread(distance / np.linalg.norm(h.mean(axis=0)), h)


@mistake(
    "You average distances and lengths as they are: wanted are root mean squares, squared first and"
    " rooted last.",
    hint="np.sqrt(np.sum(apart**2) / np.sum(h**2)).",
)
def plain_means(h):
    apart = np.linalg.norm(h - h.mean(axis=0), axis=1)
    return with_spread(apart.mean() / np.linalg.norm(h, axis=1).mean(), h)


@mistake(
    "You give the distance itself: as a share of the features' length it does not change when all"
    " features are doubled.",
    hint="Divide by the root mean square length of the features.",
)
def distance_not_share(h):
    apart = h - h.mean(axis=0)
    return with_spread(np.sqrt(np.mean(np.sum(apart**2, axis=1))), h)


@mistake(
    "You count all directions in which there is anything at all: weak ones are to count little.",
    hint="The squared sum of the eigenvalues, divided by the sum of their squares.",
)
def plain_rank(h):
    return with_directions(float(np.linalg.matrix_rank(h - h.mean(axis=0))), h)


@mistake(
    "The fraction is upside down: the squared sum stands above.",
    hint="strengths.sum() ** 2 / np.sum(strengths**2).",
)
def upside_down(h):
    spread, directions = spread_and_directions(h)
    return spread, 1 / directions


@mistake(
    "These are the singular values of the features: the eigenvalues of the covariance are their"
    " squares.",
    hint="Square them, or take np.linalg.eigvalsh(apart.T @ apart).",
)
def singular_values(h):
    values = np.linalg.svd(h - h.mean(axis=0), compute_uv=False)
    return with_directions(values.sum() ** 2 / np.sum(values**2), h)


@mistake(
    "You divide the sum of the eigenvalues by the largest: then the others do not matter but for"
    " their sum.",
    hint="The squared sum, divided by the sum of the squares.",
)
def by_the_largest(h):
    strengths = strengths_of(h)
    return with_directions(strengths.sum() / strengths.max(), h)


@mistake(
    "You take the variances of the single features: features that rise and fall together are one"
    " direction, not several. That is what the eigenvalues are for.",
    hint="np.linalg.eigvalsh(apart.T @ apart).",
)
def variances_of_the_features(h):
    variances = h.var(axis=0)
    return with_directions(variances.sum() ** 2 / np.sum(variances**2), h)


@mistake(
    "You bring all features to deviation 1 first: then a feature that hardly differs counts as much"
    " as one that does.",
    hint="The covariance, not the correlation.",
)
def of_the_correlation(h):
    strengths = np.linalg.eigvalsh(np.corrcoef(h, rowvar=False))
    return with_directions(strengths.sum() ** 2 / np.sum(strengths**2), h)


@mistake(
    "np.cov takes rows for variables: this is the covariance of the pictures.",
    hint="np.cov(h, rowvar=False), or apart.T @ apart.",
)
def covariance_of_the_pictures(h):
    strengths = np.linalg.eigvalsh(np.cov(h))
    return with_directions(strengths.sum() ** 2 / np.sum(strengths**2), h)


@mistake(
    "That is another effective number, by the entropy of the eigenvalues' shares: wanted is the"
    " squared sum divided by the sum of the squares.",
    hint="strengths.sum() ** 2 / np.sum(strengths**2).",
)
def by_entropy(h):
    share = np.clip(strengths_of(h), 1e-300, None)
    share = share / share.sum()
    return with_directions(np.exp(-np.sum(share * np.log(share))), h)


@mistake("The two values have changed places.", hint="return spread, directions.")
def order_of_the_two(h):
    return spread_and_directions(h)[::-1]


def doubled_is_the_same(answer):
    h = cloud(number=5)
    if not np.allclose(answer(h), answer(2 * h), rtol=1e-3):
        return "With all features doubled, your numbers change; both are to stay as they are."
    return None


def a_common_part_lowers_the_spread_alone(answer):
    h = cloud(number=6, shift=0.0)
    (near, few), (far, many) = answer(h), answer(h + 50)
    if not far < 0.2 * near:
        return (
            "With 50 added to every feature, pictures differ little in comparison with what they"
            f" share; your spread goes from {near:.3f} to {far:.3f}."
        )
    if not np.isclose(few, many, rtol=1e-2):
        return "With 50 added to every feature, the directions are the same; yours change."
    return None


def a_line_is_one_direction(answer):
    line = 1 + np.outer(np.linspace(-1, 1, 20), [3.0, 4.0, 0.0])
    _, directions = answer(line)
    if not np.isclose(directions, 1, rtol=1e-2):
        return f"Features along one line have 1 direction; yours has {directions:.3f}."
    return None


def an_even_cross_has_all(answer):
    cross = np.concatenate([np.eye(5), -np.eye(5)]) + 1
    _, directions = answer(cross)
    if not np.isclose(directions, 5, rtol=1e-2):
        return (
            f"Features as far along each of 5 axes have 5 directions; yours has {directions:.3f}."
        )
    return None


SPREAD = Exercise(
    id="spread_and_directions",
    lesson=LESSON,
    title="how far features lie apart, and along how many directions",
    minutes=9,
    difficulty=2,
    reference=spread_and_directions,
    probes=[(cloud(),), (cloud(25, 4, 1, 0.5),), (cloud(60, 8, 2, 4.0),)],
    ladder=[
        doubled_is_the_same,
        a_common_part_lowers_the_spread_alone,
        a_line_is_one_direction,
        an_even_cross_has_all,
    ],
    mistakes=[
        no_root,
        one_mean_for_all,
        mean_of_each_picture,
        directions_not_centred,
        by_the_length_of_the_mean,
        plain_means,
        distance_not_share,
        plain_rank,
        upside_down,
        singular_values,
        by_the_largest,
        variances_of_the_features,
        of_the_correlation,
        covariance_of_the_pictures,
        by_entropy,
        order_of_the_two,
    ],
    hints=(
        "Both begin with apart = h − its mean over the pictures.",
        "The spread is np.sqrt(np.sum(apart**2) / np.sum(h**2)): means over as many pictures"
        " cancel.",
        "strengths = np.linalg.eigvalsh(apart.T @ apart); the directions are"
        " strengths.sum() ** 2 / np.sum(strengths**2).",
    ),
    right=[
        spread_and_directions,
        spread_without_eigenvalues,
        spread_by_singular_values,
        spread_in_keras,
    ],
    forbidden=["simclr_lib.pretraining.diagnostics:spread_and_rank"],
    parameters=("h",),
)


# -- Statistics, measured anew ---------------------------------------------------------------------


def batches_of(batches=5, channels=4, number=0, apart=1.0):
    """Means and variances of batches whose means differ a good deal: each `(batches, channels)`."""
    rng = np.random.default_rng([77, number])
    return rng.normal(1, apart, (batches, channels)), rng.uniform(0.5, 2, (batches, channels))


def settled_statistics(means, variances):
    mean = means.mean(axis=0)
    return mean, variances.mean(axis=0) + means.var(axis=0)


def settled_by_squares(means, variances):
    mean = np.mean(means, axis=0)
    mean_square = np.mean(variances + means**2, axis=0)
    return mean, mean_square - mean**2


def settled_by_loop(means, variances):
    mean, square = np.zeros(means.shape[1]), np.zeros(means.shape[1])
    for number, (m, v) in enumerate(zip(means, variances, strict=True), 1):
        mean += (m - mean) / number
        square += (v + m * m - square) / number
    return mean, square - mean * mean


def settled_in_keras(means, variances):
    from keras import ops

    return ops.mean(means, axis=0), ops.mean(variances, axis=0) + ops.var(means, axis=0)


def mean_of(means):
    return means.mean(axis=0)


@mistake(
    "Your variance is the mean of the batches' own: pictures of different batches also differ"
    " because the batches' *means* do. Add the variance of the means.",
    hint="variances.mean(axis=0) + means.var(axis=0).",
)
def within_batches_only(means, variances):
    return mean_of(means), variances.mean(axis=0)


@mistake(
    "Your variance is that of the batches' means: within a batch pictures differ too. Add the mean"
    " of the variances.",
    hint="variances.mean(axis=0) + means.var(axis=0).",
)
def between_batches_only(means, variances):
    return mean_of(means), means.var(axis=0)


@mistake(
    "You divide the spread of the means by one less than the number of batches: this is no"
    " estimate from a sample, but what these very pictures have.",
    hint="means.var(axis=0), without ddof.",
)
def one_batch_less(means, variances):
    return mean_of(means), variances.mean(axis=0) + means.var(axis=0, ddof=1)


@mistake(
    "You subtract the variance of the means: pictures differ within the batches *and* between"
    " them.",
    hint="+ in place of −.",
)
def between_subtracted(means, variances):
    return mean_of(means), variances.mean(axis=0) - means.var(axis=0)


@mistake(
    "You add the squared means themselves: subtract their mean before you square them.",
    hint="means.var(axis=0).",
)
def squares_of_the_means(means, variances):
    return mean_of(means), variances.mean(axis=0) + np.mean(means**2, axis=0)


@mistake(
    "You add the deviation of the means to a variance: only variances add up.",
    hint="means.var(axis=0) in place of std.",
)
def deviation_added(means, variances):
    return mean_of(means), variances.mean(axis=0) + means.std(axis=0)


@mistake(
    "You average deviations, and square the mean: variances are what is averaged.",
    hint="variances.mean(axis=0), without a root.",
)
def roots_averaged(means, variances):
    return mean_of(means), np.sqrt(variances).mean(axis=0) ** 2 + means.var(axis=0)


@mistake("That is the deviation: wanted is the variance.", hint="No root.")
def deviation_returned(means, variances):
    mean, variance = settled_statistics(means, variances)
    return mean, np.sqrt(variance)


@mistake(
    "You take a running mean with momentum 0.99, from 0 and 1: that is the very thing that lags."
    " Here each batch counts the same.",
    hint="means.mean(axis=0).",
)
def running_once_more(means, variances):
    mean, variance = np.zeros(means.shape[1]), np.ones(means.shape[1])
    for m, v in zip(means, variances, strict=True):
        mean, variance = 0.99 * mean + 0.01 * m, 0.99 * variance + 0.01 * v
    return mean, variance


@mistake(
    "You take the last batch's statistics: wanted are those of all batches together.",
    hint="means.mean(axis=0).",
)
def last_batch(means, variances):
    return means[-1], variances[-1]


@mistake(
    "You mix the channels: each has a mean and a variance of its own.",
    hint="axis=0 runs over the batches.",
)
def one_for_all_channels(means, variances):
    mean = np.full(means.shape[1], means.mean())
    return mean, np.full(means.shape[1], variances.mean() + means.var())


@mistake(
    "You add the batches up: divide by how many there are.",
    hint="mean in place of sum.",
)
def batches_added_up(means, variances):
    return means.sum(axis=0), variances.sum(axis=0) + means.var(axis=0)


@mistake("That is the median of the batches: wanted is the mean.", hint="means.mean(axis=0).")
def median_of_the_batches(means, variances):
    return np.median(means, axis=0), np.median(variances, axis=0) + means.var(axis=0)


@mistake("The two values have changed places.", hint="return mean, variance.")
def mean_and_variance_exchanged(means, variances):
    return settled_statistics(means, variances)[::-1]


def one_batch_is_itself(answer):
    means, variances = batches_of(1, 3, 4)
    mean, variance = answer(means, variances)
    if not (np.allclose(mean, means[0], 1e-3) and np.allclose(variance, variances[0], 1e-3)):
        return "With a single batch, wanted are its own mean and variance; yours are others."
    return None


def as_of_all_pictures(answer):
    pictures = np.random.default_rng(8).normal(2, 3, (6, 10, 4)) + np.arange(6)[:, None, None]
    mean, variance = answer(pictures.mean(axis=1), pictures.var(axis=1))
    together = pictures.reshape(-1, 4)
    if not np.allclose(mean, together.mean(axis=0), rtol=1e-3):
        return "Six batches' means do not give you the mean of all their pictures."
    if not np.allclose(variance, together.var(axis=0), rtol=1e-3):
        return (
            "Put together, the pictures of six batches have the variance"
            f" {together.var(axis=0)[0]:.3f} in the first channel; yours is"
            f" {np.ravel(variance)[0]:.3f}."
        )
    return None


SETTLED = Exercise(
    id="settled_statistics",
    lesson=LESSON,
    title="mean and variance of all pictures, from those of their batches",
    minutes=8,
    difficulty=2,
    reference=settled_statistics,
    probes=[batches_of(), batches_of(3, 2, 1, 0.3), batches_of(8, 5, 2, 3.0)],
    ladder=[one_batch_is_itself, as_of_all_pictures],
    mistakes=[
        within_batches_only,
        between_batches_only,
        one_batch_less,
        between_subtracted,
        squares_of_the_means,
        deviation_added,
        roots_averaged,
        deviation_returned,
        running_once_more,
        last_batch,
        one_for_all_channels,
        batches_added_up,
        median_of_the_batches,
        mean_and_variance_exchanged,
    ],
    hints=(
        "The mean is easy, as all batches are of one size. The variance has two parts.",
        "Pictures differ within their batch, and batches differ from one another.",
        "return means.mean(axis=0), variances.mean(axis=0) + means.var(axis=0).",
    ),
    right=[settled_statistics, settled_by_squares, settled_by_loop, settled_in_keras],
    parameters=("means", "variances"),
)


# -- The same rule on features as they are ---------------------------------------------------------


def probe_of(features=5, classes=3, number=0):
    """A rule that was learnt on standardised features, and their mean and deviation."""
    rng = np.random.default_rng([777, number])
    weights, bias = rng.normal(0, 1, (features, classes)), rng.normal(0, 1, classes)
    return weights, bias, rng.uniform(0.2, 2, features), rng.uniform(0.05, 0.7, features)


def on_raw_features(weights, bias, mean, deviation):
    raw = weights / deviation[:, None]
    return raw, bias - mean @ raw


def raw_by_diagonal(weights, bias, mean, deviation):
    return np.diag(1 / deviation) @ weights, bias - (mean / deviation) @ weights


def raw_by_loop(weights, bias, mean, deviation):
    raw, shifted = np.array(weights, "float64"), np.array(bias, "float64")
    for feature in range(len(mean)):
        raw[feature] /= deviation[feature]
        shifted -= mean[feature] * raw[feature]
    return raw, shifted


def raw_in_keras(weights, bias, mean, deviation):
    from keras import ops

    raw = ops.divide(weights, ops.expand_dims(deviation, 1))
    return raw, bias - ops.sum(ops.expand_dims(mean, 1) * raw, axis=0)


@mistake(
    "You multiply by the deviation: a feature that varies little needs a *larger* weight to have"
    " the same effect.",
    hint="weights / deviation[:, None].",
)
def multiplied_by_the_deviation(weights, bias, mean, deviation):
    raw = weights * deviation[:, None]
    return raw, bias - mean @ raw


@mistake(
    "The bias is as it was: the mean, which is no longer subtracted, must go somewhere.",
    hint="bias − mean @ raw.",
)
def bias_as_it_was(weights, bias, mean, deviation):
    return weights / deviation[:, None], bias


@mistake(
    "You add the mean's part to the bias: what was subtracted from the features is subtracted.",
    hint="bias − mean @ raw.",
)
def mean_added(weights, bias, mean, deviation):
    raw = weights / deviation[:, None]
    return raw, bias + mean @ raw


@mistake(
    "For the bias you take the weights of the standardised features: take those of the raw ones.",
    hint="bias − mean @ raw, where raw is divided by the deviation already.",
)
def bias_by_the_old_weights(weights, bias, mean, deviation):
    return weights / deviation[:, None], bias - mean @ weights


@mistake(
    "The weights are as they were: a weight of a standardised feature works on (h − mean) ÷"
    " deviation, so on h itself it is divided by the deviation.",
    hint="weights / deviation[:, None].",
)
def weights_as_they_were(weights, bias, mean, deviation):
    return weights, bias - mean @ weights


@mistake(
    "You return what you were given: the rule that works on h itself has other weights and another"
    " bias.",
    hint="Write (h − mean) / deviation @ weights + bias out, and collect what stands beside h.",
)
def all_as_it_was(weights, bias, mean, deviation):
    return weights, bias


@mistake(
    "You divide by the variance: standardised features are divided by the deviation.",
    hint="deviation, not its square.",
)
def divided_by_the_variance(weights, bias, mean, deviation):
    raw = weights / deviation[:, None] ** 2
    return raw, bias - mean @ raw


@mistake(
    "You divide by the root of the deviation: divide by the deviation itself.",
    hint="weights / deviation[:, None].",
)
def divided_by_the_root(weights, bias, mean, deviation):
    raw = weights / np.sqrt(deviation)[:, None]
    return raw, bias - mean @ raw


@mistake(
    "You divide all weights by one number: each feature has a deviation of its own.",
    hint="deviation[:, None] makes a column of it, one entry a feature.",
)
def one_deviation_for_all(weights, bias, mean, deviation):
    raw = weights / deviation.mean()
    return raw, bias - mean @ raw


@mistake(
    "You divide the bias by the deviation too: it stands beside the features, and is not divided.",
    hint="bias − mean @ raw.",
)
def mean_divided_twice(weights, bias, mean, deviation):
    raw = weights / deviation[:, None]
    return raw, bias - (mean / deviation) @ raw


@mistake(
    "The old bias is lost: the mean's part is subtracted *from it*.",
    hint="bias − mean @ raw.",
)
def old_bias_lost(weights, bias, mean, deviation):
    raw = weights / deviation[:, None]
    return raw, -(mean @ raw)


@mistake(
    "Your bias subtracts the sum of the weights: it is the weights times the mean.",
    hint="bias − mean @ raw.",
)
def without_the_mean(weights, bias, mean, deviation):
    raw = weights / deviation[:, None]
    return raw, bias - raw.sum(axis=0)


@mistake("The two values have changed places.", hint="return raw weights, then the bias.")
def weights_and_bias_exchanged(weights, bias, mean, deviation):
    return on_raw_features(weights, bias, mean, deviation)[::-1]


def the_same_logits(answer):
    weights, bias, mean, deviation = probe_of(4, 3, 5)
    h = np.random.default_rng(9).normal(mean, deviation, (6, 4))
    wanted = (h - mean) / deviation @ weights + bias
    raw, shifted = answer(weights, bias, mean, deviation)
    if np.shape(raw) != weights.shape or np.shape(shifted) != bias.shape:
        return None  # told by the values
    given = h @ raw + shifted
    if not np.allclose(given, wanted, rtol=1e-3, atol=1e-3):
        return (
            "Your rule, applied to h itself, does not give the logits of the old rule: for the"
            f" first picture and class {given[0, 0]:.3f}, where it had {wanted[0, 0]:.3f}."
        )
    return None


RAW = Exercise(
    id="on_raw_features",
    lesson=LESSON,
    title="a rule of standardised features, for features as they are",
    minutes=9,
    difficulty=2,
    reference=on_raw_features,
    probes=[probe_of(), probe_of(3, 3, 1), probe_of(6, 2, 2)],
    ladder=[the_same_logits],
    mistakes=[
        multiplied_by_the_deviation,
        bias_as_it_was,
        mean_added,
        bias_by_the_old_weights,
        weights_as_they_were,
        all_as_it_was,
        divided_by_the_variance,
        divided_by_the_root,
        one_deviation_for_all,
        mean_divided_twice,
        old_bias_lost,
        without_the_mean,
        weights_and_bias_exchanged,
    ],
    hints=(
        "Write the old rule out, (h − mean) / deviation @ weights + bias, and collect what stands"
        " beside h, and what does not.",
        "Row i of the weights is divided by deviation[i]: weights / deviation[:, None].",
        "raw = weights / deviation[:, None]; return raw and bias − mean @ raw.",
    ),
    right=[on_raw_features, raw_by_diagonal, raw_by_loop, raw_in_keras],
    parameters=("weights", "bias", "mean", "deviation"),
)


# -- What each step brings -------------------------------------------------------------------------


def waterfall(bars=5, seeds=3, number=0):
    """Accuracies in percent `(bars, seeds)`: mostly rising, one step falls; seeds have a share."""
    rng = np.random.default_rng([7777, number])
    steps = rng.uniform(1, 15, bars)
    steps[bars // 2] *= -0.3
    return (
        15 + np.cumsum(steps)[:, None] + rng.normal(0, 2, seeds) + rng.normal(0, 1, (bars, seeds))
    )


def gains(bars):
    steps = np.diff(bars, axis=0)
    error = steps.std(axis=1, ddof=1) / np.sqrt(steps.shape[1])
    gain = steps.mean(axis=1)
    return gain, error, gain / gain.sum()


def gains_by_means(bars):
    mean = bars.mean(axis=1)
    steps = bars[1:] - bars[:-1]
    error = np.sqrt(steps.var(axis=1, ddof=1) / bars.shape[1])
    return mean[1:] - mean[:-1], error, (mean[1:] - mean[:-1]) / (mean[-1] - mean[0])


def gains_by_loop(bars):
    gain, error = [], []
    for before, after in itertools.pairwise(bars):
        differences = [float(a) - float(b) for b, a in zip(before, after, strict=True)]
        mean = sum(differences) / len(differences)
        squares = sum((d - mean) ** 2 for d in differences)
        gain.append(mean)
        error.append((squares / (len(differences) - 1) / len(differences)) ** 0.5)
    whole = sum(gain)
    return np.array(gain), np.array(error), np.array([step / whole for step in gain])


def error_of(steps):
    return steps.std(axis=1, ddof=1) / np.sqrt(steps.shape[1])


def in_parts(gain, error=None, share=None, *, bars):
    """A tuple as of `gains`, with some of it in its own way."""
    _, usual_error, usual_share = gains(bars)
    return gain, usual_error if error is None else error, usual_share if share is None else share


@mistake(
    "You compare each bar with the first: then a step is credited with all that came before it."
    " Compare with the bar just before.",
    hint="np.diff(bars, axis=0).",
)
def against_the_first(bars):
    steps = bars[1:] - bars[0]
    gain = steps.mean(axis=1)
    return gain, error_of(steps), gain / gain[-1]


@mistake(
    "You compare each bar with the last: compare with the bar just before.",
    hint="np.diff(bars, axis=0).",
)
def against_the_last(bars):
    steps = bars[-1] - bars[:-1]
    gain = steps.mean(axis=1)
    return gain, error_of(steps), gain / gain.sum()


@mistake(
    "You give the gain relative to the bar before: points are wanted, or the same gain would count"
    " for more at the low end.",
    hint="A difference, not divided by anything.",
)
def relative(bars):
    steps = 100 * np.diff(bars, axis=0) / bars[:-1]
    gain = steps.mean(axis=1)
    return gain, error_of(steps), gain / gain.sum()


@mistake(
    "The sign is turned: a bar that is higher than the one before gains.",
    hint="bars[1:] − bars[:-1].",
)
def turned(bars):
    steps = bars[:-1] - bars[1:]
    return steps.mean(axis=1), error_of(steps), gains(bars)[2]


@mistake(
    "You take the error of each bar's mean by itself, and join the two as if the bars did not share"
    " their seeds. Subtract seed by seed first (lesson 06).",
    hint="np.diff(bars, axis=0), then the deviation over the seeds.",
)
def not_paired(bars):
    variances = bars.var(axis=1, ddof=1) / bars.shape[1]
    return in_parts(gains(bars)[0], np.sqrt(variances[1:] + variances[:-1]), bars=bars)


@mistake(
    "You put the seeds of each bar in order by size: then seed 0 of one bar may be compared with"
    " seed 2 of the other.",
    hint="Leave the columns as they are.",
)
def seeds_sorted(bars):
    return gains(np.sort(bars, axis=1))


@mistake(
    "Your error is the deviation of a single difference: that of their mean is smaller, by the root"
    " of the number of seeds.",
    hint="… / np.sqrt(bars.shape[1]).",
)
def error_is_the_deviation(bars):
    return in_parts(gains(bars)[0], np.diff(bars, axis=0).std(axis=1, ddof=1), bars=bars)


@mistake(
    "Your deviation divides by the number of seeds: of so few, divide by one less (lesson 06).",
    hint="std(axis=1, ddof=1).",
)
def divided_by_all_seeds(bars):
    steps = np.diff(bars, axis=0)
    return in_parts(gains(bars)[0], steps.std(axis=1) / np.sqrt(steps.shape[1]), bars=bars)


@mistake(
    "You divide the share by the height of the last bar: the whole is the way from the first bar to"
    " the last.",
    hint="gain / gain.sum().",
)
def share_of_the_last_bar(bars):
    gain = gains(bars)[0]
    return in_parts(gain, share=gain / bars[-1].mean(), bars=bars)


@mistake(
    "You leave the signs out of the whole: then the shares do not add up to the way that was gone.",
    hint="gain.sum(), with the signs.",
)
def whole_without_signs(bars):
    gain = gains(bars)[0]
    return in_parts(gain, share=gain / np.abs(gain).sum(), bars=bars)


@mistake(
    "A step that loses something gets the share 0: it has a negative one.",
    hint="gain / gain.sum(), and nothing clipped.",
)
def losses_left_out(bars):
    gain = gains(bars)[0]
    kept = np.maximum(gain, 0)
    return in_parts(gain, share=kept / kept.sum(), bars=bars)


@mistake(
    "Your shares are in percent: wanted are shares that add up to 1.",
    hint="Not times 100.",
)
def share_in_percent(bars):
    gain, error, share = gains(bars)
    return gain, error, 100 * share


@mistake(
    "Your shares pile up: each is to be that of its own step.",
    hint="gain / gain.sum(), without cumsum.",
)
def shares_pile_up(bars):
    gain, error, share = gains(bars)
    return gain, error, np.cumsum(share)


@mistake(
    "You share out the gain of each step by the largest one: the whole is all of them together.",
    hint="gain / gain.sum().",
)
def share_of_the_largest(bars):
    gain = gains(bars)[0]
    return in_parts(gain, share=gain / gain.max(), bars=bars)


@mistake(
    "You take one seed only: wanted is the mean over all of them.",
    hint="steps.mean(axis=1).",
)
def first_seed_only(bars):
    gain = np.diff(bars, axis=0)[:, 0]
    return in_parts(gain, share=gain / gain.sum(), bars=bars)


@mistake(
    "You average over the steps, and keep the seeds apart: wanted is a number for each step.",
    hint="axis=1 runs over the seeds.",
)
def over_the_steps(bars):
    steps = np.diff(bars, axis=0)
    gain = steps.mean(axis=0)
    return gain, steps.std(axis=0, ddof=1) / np.sqrt(len(steps)), gain / gain.sum()


@mistake(
    "You subtract seed from seed: the bars are the rows.",
    hint="np.diff(bars, axis=0).",
)
def along_the_seeds(bars):
    steps = np.diff(bars, axis=1)
    gain = steps.mean(axis=1)
    return gain, steps.std(axis=1, ddof=1) / np.sqrt(steps.shape[1]), gain / gain.sum()


def gains_lead_to_the_last_bar(answer):
    bars = waterfall(4, 3, 7)
    gain, _, _ = answer(bars)
    wanted = bars[-1].mean() - bars[0].mean()
    if not np.isclose(np.sum(gain), wanted, rtol=1e-2):
        return (
            f"From the first bar to the last it is {wanted:+.2f} points; your gains add up to"
            f" {np.sum(gain):+.2f}."
        )
    return None


def shares_add_up_to_one(answer):
    _, _, share = answer(waterfall(5, 3, 8))
    if not np.isclose(np.sum(share), 1, rtol=1e-2):
        return f"Your shares add up to {np.sum(share):.3f}: all of it together is 1."
    return None


def a_lucky_seed_leaves_the_errors(answer):
    bars = waterfall(4, 3, 9)
    _, error, _ = answer(bars)
    _, lucky, _ = answer(bars + np.array([8.0, 0.0, -3.0]))
    if not np.allclose(error, lucky, rtol=1e-2, atol=1e-6):
        return (
            "With 8 points more for seed 0 in *every* bar, your errors change: what a seed does to"
            " all bars is gone from the differences."
        )
    return None


GAINS = Exercise(
    id="gains",
    lesson=LESSON,
    title="what each step of a row of changes brings",
    minutes=8,
    difficulty=1,
    reference=gains,
    probes=[(waterfall(),), (waterfall(4, 4, 1),), (waterfall(6, 3, 2),)],
    ladder=[gains_lead_to_the_last_bar, shares_add_up_to_one, a_lucky_seed_leaves_the_errors],
    mistakes=[
        against_the_first,
        against_the_last,
        relative,
        turned,
        not_paired,
        seeds_sorted,
        error_is_the_deviation,
        divided_by_all_seeds,
        share_of_the_last_bar,
        whole_without_signs,
        losses_left_out,
        share_in_percent,
        shares_pile_up,
        share_of_the_largest,
        first_seed_only,
        over_the_steps,
        along_the_seeds,
    ],
    hints=(
        "steps = np.diff(bars, axis=0) has a row for each step and a column for each seed.",
        "The mean and the standard error of each row are those of lesson 06: ddof=1, and the root"
        " of the number of seeds.",
        "The share is gain / gain.sum(): the gains lead from the first bar to the last.",
    ),
    right=[gains, gains_by_means, gains_by_loop],
    parameters=("bars",),
)


# -- The first suspicious thing --------------------------------------------------------------------

SOUND = {
    "pixels": 0.39,
    "classifier": 0.68,
    "linear": 0.70,
    "renewed": 0.70,
    "spread": 0.60,
    "loss": 4.1,
    "chance": 6.2,
    "steps": 1400,
}


def facts(**others):
    """The facts of a run; those of a sound one but for what is given."""
    return (SOUND | others,)


def first_finding(run):
    if run["pixels"] is None:
        return "no baseline"
    if run["linear"] - run["classifier"] > 0.05:
        return "reader"
    if run["renewed"] - run["linear"] > 0.05:
        return "statistics"
    if run["spread"] < 0.01:
        return "constant"
    if run["loss"] >= 0.98 * run["chance"]:
        return "at chance"
    if run["renewed"] <= run["pixels"]:
        return "too short" if run["steps"] < 1000 else "views"
    return "nothing found"


def finding_by_list(run):
    below = run["pixels"] is not None and run["renewed"] <= run["pixels"]
    rules = [
        ("no baseline", run["pixels"] is None),
        ("reader", run["linear"] > run["classifier"] + 0.05),
        ("statistics", run["renewed"] > run["linear"] + 0.05),
        ("constant", run["spread"] < 0.01),
        ("at chance", run["loss"] >= 0.98 * run["chance"]),
        ("too short", below and run["steps"] < 1000),
        ("views", below),
    ]
    return next((name for name, holds in rules if holds), "nothing found")


def finding_by_points(run):
    def points(higher, lower):
        return round(100 * (run[higher] - run[lower]), 6)

    if run["pixels"] is None:
        found = "no baseline"
    elif points("linear", "classifier") > 5:
        found = "reader"
    elif points("renewed", "linear") > 5:
        found = "statistics"
    elif run["spread"] < 0.01:
        found = "constant"
    elif not run["loss"] < 0.98 * run["chance"]:
        found = "at chance"
    elif points("renewed", "pixels") > 0:
        found = "nothing found"
    elif run["steps"] >= 1000:
        found = "views"
    else:
        found = "too short"
    return found


def by_rules(order=None, **changed):
    """`first_finding` with other rules, or in another order: what mistakes are made of."""
    rules = {
        "no baseline": lambda run: run["pixels"] is None,
        "reader": lambda run: run["linear"] - run["classifier"] > 0.05,
        "statistics": lambda run: run["renewed"] - run["linear"] > 0.05,
        "constant": lambda run: run["spread"] < 0.01,
        "at chance": lambda run: run["loss"] >= 0.98 * run["chance"],
        "too short": lambda run: run["renewed"] <= run["pixels"] and run["steps"] < 1000,
        "views": lambda run: run["renewed"] <= run["pixels"],
    }
    rules |= {name.replace("_", " "): rule for name, rule in changed.items()}

    def found(run):
        return next((name for name in order or rules if rules[name](run)), "nothing found")

    return found


@mistake(
    "You put the statistics before the reader: what stands nearest to the reported figure is asked"
    " first, and that is who has read it.",
    hint="First linear − classifier, then renewed − linear.",
)
def statistics_before_the_reader(run):
    order = ["no baseline", "statistics", "reader", "constant", "at chance", "too short", "views"]
    return by_rules(order)(run)


@mistake(
    "You ask for constant features before the statistics: statistics that lag can be what makes"
    " them constant, and then new ones mend it.",
    hint="First renewed − linear, then the spread.",
)
def constant_before_the_statistics(run):
    order = ["no baseline", "reader", "constant", "statistics", "at chance", "too short", "views"]
    return by_rules(order)(run)


@mistake(
    "You ask for the loss first: the rules go from the reported figure back to the training.",
    hint="The order of the table, from top to bottom.",
)
def loss_first(run):
    order = ["no baseline", "at chance", "reader", "statistics", "constant", "too short", "views"]
    return by_rules(order)(run)


@mistake(
    "A short training is what you name first: it is the explanation that always fits, and so it"
    " comes after those that a minute's test can settle.",
    hint="The order of the table, from top to bottom.",
)
def short_first(run):
    order = ["no baseline", "too short", "reader", "statistics", "constant", "at chance", "views"]
    return by_rules(order)(run)


@mistake(
    "You name the *last* finding that holds: each rule overwrites the one before it. Wanted is the"
    " first.",
    hint="return at once where a rule holds, or elif in place of if.",
)
def last_finding(run):
    if run["pixels"] is None:
        return "no baseline"
    order = ["views", "too short", "at chance", "constant", "statistics", "reader"]
    return by_rules(order)(run)


@mistake(
    "You count 5 as points, but the accuracies are shares: 5 points are 0.05.",
    hint="> 0.05.",
)
def points_for_shares(run):
    return by_rules(
        reader=lambda run: run["linear"] - run["classifier"] > 5,
        statistics=lambda run: run["renewed"] - run["linear"] > 5,
    )(run)


@mistake(
    "Your limit is 0.05 itself: wanted is *more* than 5 points.",
    hint="> in place of >=.",
)
def five_points_are_enough(run):
    return by_rules(
        reader=lambda run: run["linear"] - run["classifier"] >= 0.05,
        statistics=lambda run: run["renewed"] - run["linear"] >= 0.05,
    )(run)


@mistake(
    "Any difference is enough for you: a point or two is chance.",
    hint="More than 0.05.",
)
def any_difference(run):
    return by_rules(
        reader=lambda run: run["linear"] > run["classifier"],
        statistics=lambda run: run["renewed"] > run["linear"],
    )(run)


@mistake(
    "You take differences without their sign: a classifier that does *better* than the probe, or"
    " statistics that get worse anew, are no reason for a low figure.",
    hint="linear − classifier, and renewed − linear, without abs.",
)
def without_a_sign(run):
    return by_rules(
        reader=lambda run: abs(run["linear"] - run["classifier"]) > 0.05,
        statistics=lambda run: abs(run["renewed"] - run["linear"]) > 0.05,
    )(run)


@mistake(
    "You divide: more than 5 *points* are wanted, a difference, and not 5 % of the number.",
    hint="linear − classifier > 0.05.",
)
def relative_limits(run):
    return by_rules(
        reader=lambda run: run["linear"] > 1.05 * run["classifier"],
        statistics=lambda run: run["renewed"] > 1.05 * run["linear"],
    )(run)


@mistake(
    "You compare the classifier with the pixels: who reads the features badly is seen beside a"
    " linear probe of the *same* features.",
    hint="linear − classifier.",
)
def classifier_beside_pixels(run):
    return by_rules(reader=lambda run: run["pixels"] - run["classifier"] > 0.05)(run)


@mistake(
    "A loss counts for you only when it is above the chance line: it sits on it within 2 %.",
    hint="loss >= 0.98 * chance.",
)
def above_chance_only(run):
    return by_rules(at_chance=lambda run: run["loss"] > run["chance"])(run)


@mistake(
    "The comparison with the chance line is turned: a loss well *below* it has learnt something.",
    hint="loss >= 0.98 * chance.",
)
def loss_turned(run):
    return by_rules(at_chance=lambda run: run["loss"] < 0.98 * run["chance"])(run)


@mistake(
    "A short training is a finding of yours even where it beats the pixels: then it was long"
    " enough.",
    hint="steps < 1000 *and* renewed <= pixels.",
)
def short_is_short(run):
    return by_rules(too_short=lambda run: run["steps"] < 1000)(run)


@mistake(
    "You measure the pixels against the classifier: what the training is worth, tells the best"
    " reading of it, `renewed`.",
    hint="renewed <= pixels.",
)
def classifier_below_pixels(run):
    return by_rules(
        too_short=lambda run: run["classifier"] <= run["pixels"] and run["steps"] < 1000,
        views=lambda run: run["classifier"] <= run["pixels"],
    )(run)


@mistake(
    "1,000 steps are long enough: fewer than that are too short.",
    hint="steps < 1000.",
)
def thousand_is_short(run):
    return by_rules(too_short=lambda run: run["renewed"] <= run["pixels"] and run["steps"] <= 1000)(
        run
    )


@mistake(
    "As good as the pixels is enough for you: without any training one has that already.",
    hint="renewed <= pixels.",
)
def as_good_as_pixels(run):
    return by_rules(
        too_short=lambda run: run["renewed"] < run["pixels"] and run["steps"] < 1000,
        views=lambda run: run["renewed"] < run["pixels"],
    )(run)


@mistake(
    "It does not notice that the baseline is missing: without one, nobody knows whether the figure"
    " is low at all.",
    hint='if run["pixels"] is None: return "no baseline", before all else.',
)
def baseline_not_asked_for(run):
    return first_finding(run | {"pixels": 0.0} if run["pixels"] is None else run)


@mistake(
    "Your spread counts from 1: it is a share, and 1 % is 0.01.",
    hint="spread < 0.01.",
)
def spread_in_percent(run):
    return by_rules(constant=lambda run: run["spread"] < 1)(run)


def a_sound_run(answer):
    found = answer(dict(SOUND))
    if found != "nothing found":
        return f"Of a run in which no rule holds, yours says {found!r}: wanted is 'nothing found'."
    return None


def one_thing_at_a_time(answer):
    """Each rule by itself, far from its limit."""
    single = {
        "no baseline": {"pixels": None},
        "reader": {"classifier": 0.30},
        "statistics": {"linear": 0.30, "classifier": 0.30},
        "constant": {"spread": 0.001},
        "at chance": {"loss": 6.19},
        "too short": {"renewed": 0.3, "linear": 0.3, "classifier": 0.3, "steps": 300},
        "views": {"renewed": 0.3, "linear": 0.3, "classifier": 0.3},
    }
    for wanted, others in single.items():
        found = answer(SOUND | others)
        if found != wanted:
            told = ", ".join(f"{name} {value}" for name, value in others.items())
            return f"Of a run that is sound but for {told}, yours says {found!r}, not {wanted!r}."
    return None


def the_first_of_two(answer):
    pairs = {
        "reader": {"linear": 0.3, "classifier": 0.1},  # and the statistics
        "statistics": {"linear": 0.1, "classifier": 0.1, "spread": 0.001},
        "constant": {"spread": 0.001, "loss": 6.19},
        "no baseline": {"pixels": None, "classifier": 0.1},
    }
    for wanted, others in pairs.items():
        found = answer(SOUND | others)
        if found != wanted:
            return (
                f"Where two rules hold, yours says {found!r}; the upper one in the table is"
                f" {wanted!r}."
            )
    return None


FIRST = Exercise(
    id="first_finding",
    lesson=LESSON,
    title="the first suspicious thing of a run",
    minutes=13,
    difficulty=3,
    reference=first_finding,
    probes=[
        facts(),
        facts(pixels=None, classifier=0.1, linear=0.3, loss=6.2),
        facts(classifier=0.12, linear=0.31, renewed=0.6),
        facts(classifier=0.1, linear=0.12, renewed=0.4, spread=0.002),
        facts(classifier=0.10, linear=0.10, renewed=0.11, spread=0.002, loss=6.19),
        facts(classifier=0.14, linear=0.15, renewed=0.16, loss=6.15, steps=300),
        facts(classifier=0.13, linear=0.31, renewed=0.33, loss=6.19, steps=300),
        facts(classifier=0.29, linear=0.31, renewed=0.33, steps=300),
        facts(classifier=0.30, linear=0.31, renewed=0.33, steps=1000),
        facts(classifier=0.05, linear=0.10, renewed=0.10, pixels=0.12),
        facts(classifier=0.09, linear=0.10, renewed=0.10, pixels=0.10, steps=50_000),
        facts(classifier=0.42, linear=0.44, renewed=0.45, steps=300),
        facts(classifier=0.38, linear=0.41, renewed=0.40, steps=2000),
        facts(classifier=0.60, linear=0.50, renewed=0.41, steps=2000),
        facts(classifier=0.36, linear=0.39, renewed=0.43, steps=900),
        facts(classifier=0.31, linear=0.34, renewed=0.36, pixels=0.36, steps=200),
    ],
    ladder=[a_sound_run, one_thing_at_a_time, the_first_of_two],
    mistakes=[
        statistics_before_the_reader,
        constant_before_the_statistics,
        loss_first,
        short_first,
        last_finding,
        points_for_shares,
        five_points_are_enough,
        any_difference,
        without_a_sign,
        relative_limits,
        classifier_beside_pixels,
        above_chance_only,
        loss_turned,
        short_is_short,
        classifier_below_pixels,
        thousand_is_short,
        as_good_as_pixels,
        baseline_not_asked_for,
        spread_in_percent,
    ],
    hints=(
        "One `if` a row of the table, in its order, each with a `return`: what comes first wins.",
        'Begin with run["pixels"] is None; then run["linear"] − run["classifier"] > 0.05.',
        'The last rows: if run["renewed"] <= run["pixels"], return "too short" below 1,000 steps,'
        ' else "views"; and at the very end "nothing found".',
    ),
    right=[first_finding, finding_by_list, finding_by_points],
    parameters=("run",),
)

EXERCISES = [SPREAD, SETTLED, RAW, GAINS, FIRST]

"""Lesson 03: NT-Xent (Chen et al., 2020, equation 1), from similarities to its gradient.

Alignment and uniformity, which tell how a trained embedding lies on the sphere, are those of Wang
and Isola (2020).
"""

import math

import numpy as np

from simclr_lib.course.exercise import Exercise, mistake

LESSON = "03_nt_xent"


def embeddings(*shape, seed=0, dtype="float32"):
    """Random projections of different lengths: nothing says that a network's are of length 1."""
    rng = np.random.default_rng(seed)
    lengths = rng.uniform(0.5, 2.0, (*shape[:-1], 1))
    return (rng.normal(size=shape) * lengths).astype(dtype)


def two_views(pictures, dims, seed=0, noise=0.5):
    """Projections of the first and the second views, each `(pictures, dims)`, similar in pairs."""
    z_a = embeddings(pictures, dims, seed=seed)
    return z_a, z_a + noise * embeddings(pictures, dims, seed=seed + 100)


def unit(z):
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


# -- Cosine similarity -----------------------------------------------------------------------------


def cosine_by_product(z):
    unit_rows = z / np.linalg.norm(z, axis=1, keepdims=True)
    return unit_rows @ unit_rows.T


def cosine_by_loops(z):
    n = len(z)
    similarity = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            lengths = math.sqrt(sum(z[i] ** 2)) * math.sqrt(sum(z[j] ** 2))
            similarity[i, j] = sum(z[i] * z[j]) / lengths
    return similarity


def cosine_by_einsum(z):
    dot = np.einsum("id,jd->ij", z, z)
    length = np.sqrt(np.einsum("ii->i", dot))
    return dot / length[:, None] / length[None, :]


def cosine_in_keras(z):
    from keras import ops

    z = ops.normalize(ops.convert_to_tensor(z), axis=-1)
    return ops.matmul(z, ops.transpose(z))


@mistake(
    "Your numbers are plain dot products: the lengths of the rows are still in them.",
    hint="Divide each row by its length before (or the product by both lengths after).",
)
def lengths_left_in(z):
    return z @ z.T


@mistake(
    "You divide by the lengths of the columns: it is each row, one embedding, that gets length 1.",
    hint="The length of a row sums over its entries: axis=1, with keepdims=True.",
)
def columns_normalised(z):
    z = z / np.linalg.norm(z, axis=0, keepdims=True)
    return z @ z.T


@mistake(
    "You divide by one length for the whole matrix: every row has a length of its own.",
    hint="np.linalg.norm without an axis is one number; axis=1 gives one a row.",
)
def one_length_for_all(z):
    z = z / np.linalg.norm(z)
    return z @ z.T


@mistake(
    "You divide by one of the two lengths only: your matrix is not symmetric, a cosine is.",
    hint="Entry (i, j) is divided by the length of row i and by the length of row j.",
)
def one_side_normalised(z):
    return (z / np.linalg.norm(z, axis=1, keepdims=True)) @ z.T


@mistake(
    "You divide by the squared lengths: the square root is missing.",
    hint="The length is the square root of the sum of squares.",
)
def root_forgotten(z):
    z = z / np.sum(z**2, axis=1, keepdims=True)
    return z @ z.T


@mistake(
    "These are cosine distances, 1 − cosine: wanted is the similarity, 1 for a row with itself.",
    hint="Leave out the `1 −`.",
)
def distance_for_similarity(z):
    return 1 - cosine_by_product(z)


@mistake(
    "These are Euclidean distances: wanted is the cosine of the angle between two rows.",
    hint="A cosine is a dot product of two unit vectors.",
)
def euclidean_distance(z):
    return np.sqrt(np.sum((z[:, None] - z[None]) ** 2, axis=-1))


@mistake(
    "All signs are gone: rows that point in opposite directions have cosine −1, not 1.",
    hint="Leave out the absolute value.",
)
def sign_lost(z):
    return np.abs(cosine_by_product(z))


@mistake(
    "You subtract each row's mean first: that is the correlation. The cosine takes rows as they"
    " are.",
    hint="No mean is taken anywhere in a cosine.",
)
def correlation(z):
    return np.corrcoef(z)


@mistake(
    "You compare the columns with one another: it is the rows that are embeddings.",
    hint="z @ z.T compares rows, z.T @ z compares columns.",
)
def columns_compared(z):
    return cosine_by_product(z.T)


def is_one_with_itself(answer):
    diagonal = np.diag(answer(embeddings(5, 3, seed=1)))
    if not np.allclose(diagonal, 1, atol=1e-3):
        return f"A row's cosine with itself is 1; on your diagonal stands {diagonal[0]:.3g}."
    return None


def length_does_not_matter(answer):
    z = embeddings(4, 3, seed=2)
    longer = z * np.array([[1], [10], [0.1], [3]], "float32")
    if not np.allclose(answer(z), answer(longer), atol=1e-3):
        return "Making a row longer changes your result; the angle between two rows stays the same."
    return None


def knows_simple_angles(answer):
    z = np.array([[2, 0], [0, 3], [-1, 0], [1, 1]], "float32")
    row = answer(z)[0]
    wanted = (1, 0, -1, math.sqrt(0.5))
    for other, given, right in zip(z, row, wanted, strict=True):
        if abs(given - right) > 1e-3:
            return (
                f"The cosine of (2, 0) and ({other[0]:g}, {other[1]:g}) is {right:.3g}; yours is"
                f" {given:.3g}."
            )
    return None


COSINE = Exercise(
    id="cosine_similarity",
    lesson=LESSON,
    title="the cosine similarity of all pairs of rows",
    minutes=5,
    difficulty=1,
    reference=cosine_by_product,
    probes=[(embeddings(6, 3),), (embeddings(4, 8, seed=1),), (embeddings(5, 5, seed=2),)],
    ladder=[is_one_with_itself, length_does_not_matter, knows_simple_angles],
    mistakes=[
        lengths_left_in,
        columns_normalised,
        one_length_for_all,
        one_side_normalised,
        root_forgotten,
        distance_for_similarity,
        euclidean_distance,
        sign_lost,
        correlation,
        columns_compared,
    ],
    hints=(
        "The cosine of two vectors is the dot product of the two, each divided by its length.",
        "np.linalg.norm(z, axis=1, keepdims=True) holds the length of each row.",
        "Divide z by its lengths, then one matrix product of that with its own transpose does it.",
    ),
    right=[cosine_by_product, cosine_by_loops, cosine_by_einsum, cosine_in_keras],
)


# -- Who is whose positive -------------------------------------------------------------------------


def positive_by_modulo(pictures):
    return (np.arange(2 * pictures) + pictures) % (2 * pictures)


def positive_by_halves(pictures):
    first, second = np.arange(pictures), np.arange(pictures, 2 * pictures)
    return np.concatenate([second, first])


def positive_by_loop(pictures):
    index = []
    for anchor in range(2 * pictures):
        if anchor < pictures:
            index.append(anchor + pictures)
        else:
            index.append(anchor - pictures)
    return np.array(index)


def positive_in_keras(pictures):
    from keras import ops

    return ops.roll(ops.arange(2 * pictures), pictures)


@mistake(
    "Each view points to itself: the positive of an anchor is the other view of its picture.",
    hint="The other view of picture i stands N rows away.",
)
def points_to_itself(pictures):
    return np.arange(2 * pictures)


@mistake(
    "You pair neighbouring rows (0 with 1, 2 with 3). Here all first views stand above all second"
    " views.",
    hint="Row i and row i + N come from the same picture.",
)
def neighbours_paired(pictures):
    return np.arange(2 * pictures) ^ 1


@mistake(
    "You have the positives of the first views only: the N second views are anchors too.",
    hint="2N anchors: for i < N it is i + N; and for the others?",
)
def first_views_only(pictures):
    return np.arange(pictures) + pictures


@mistake(
    "For the second views you point past the last row: they must come back to the first views.",
    hint="Take the remainder of a division by 2N: % (2 * pictures).",
)
def past_the_end(pictures):
    return np.arange(2 * pictures) + pictures


@mistake(
    "You count from the end (the first with the last, and so on): the order of the pictures is the"
    " same in both halves.",
    hint="Row 0 and row N come from picture 0.",
)
def mirrored(pictures):
    return np.arange(2 * pictures)[::-1]


@mistake(
    "These are the pictures' numbers, 0 to N − 1 twice: wanted are rows of the 2N views.",
    hint="The positive of row 0 is row N, not row 0.",
)
def numbers_of_pictures(pictures):
    return np.tile(np.arange(pictures), 2)


@mistake(
    "Your positives are one row off: the second view of picture 0 stands at row N.",
    hint="Rows are counted from 0: the second views are N to 2N − 1.",
)
def one_off(pictures):
    return (np.arange(2 * pictures) + pictures - 1) % (2 * pictures)


@mistake(
    "You take the next row as the positive: that is the view of another picture.",
    hint="The other view of picture i stands N rows away.",
)
def next_row(pictures):
    return (np.arange(2 * pictures) + 1) % (2 * pictures)


@mistake(
    "The second views point to themselves or to each other: their positives are the first views.",
    hint="For i ≥ N the positive is i − N.",
)
def second_half_forgotten(pictures):
    return np.tile(np.arange(pictures, 2 * pictures), 2)


def goes_there_and_back(answer):
    index = answer(5)
    if np.any(index < 0) or np.any(index >= 10):
        return "For 5 pictures there are rows 0 to 9; you point to others."
    if not np.array_equal(index[index], np.arange(10)):
        return "The positive of an anchor's positive is the anchor itself; with yours it is not."
    return None


POSITIVE = Exercise(
    id="positive_index",
    lesson=LESSON,
    title="the row of each anchor's positive",
    minutes=4,
    difficulty=1,
    reference=positive_by_modulo,
    parameters=("pictures",),
    probes=[(3,), (4,), (7,)],
    ladder=[goes_there_and_back],
    mistakes=[
        points_to_itself,
        neighbours_paired,
        first_views_only,
        past_the_end,
        mirrored,
        numbers_of_pictures,
        one_off,
        next_row,
        second_half_forgotten,
    ],
    hints=(
        "Write down the six rows for N = 3: a0 a1 a2 b0 b1 b2. Which belongs to row 0, to row 4?",
        "For i < N the positive is i + N; for the others it is i − N.",
        "Both at once: add N and take the remainder of dividing by 2N.",
    ),
    right=[positive_by_modulo, positive_by_halves, positive_by_loop, positive_in_keras],
)


# -- Softmax cross-entropy -------------------------------------------------------------------------


def entropy_by_softmax(scores, target):
    exponentials = np.exp(scores)
    return -np.log(exponentials[target] / np.sum(exponentials))


def entropy_by_difference(scores, target):
    return np.logaddexp.reduce(scores) - scores[target]


def entropy_by_loop(scores, target):
    top = max(map(float, scores))
    total = sum(math.exp(float(score) - top) for score in scores)
    return top + math.log(total) - float(scores[target])


def entropy_in_keras(scores, target):
    from keras import ops

    return -ops.log(ops.softmax(ops.convert_to_tensor(scores))[target])


@mistake(
    "You return the probability itself: the loss is minus its logarithm.",
    hint="-np.log(…) around it.",
)
def probability_returned(scores, target):
    return np.exp(-entropy_by_softmax(scores, target))


@mistake(
    "Your value has the wrong sign: the logarithm of a probability is negative, the loss is not.",
    hint="Put a minus before the logarithm.",
)
def minus_forgotten(scores, target):
    return -entropy_by_softmax(scores, target)


@mistake(
    "You average over all answers: only the probability of the right one counts.",
    hint="Pick entry `target` before the logarithm.",
)
def all_answers_averaged(scores, target):
    return np.mean([entropy_by_softmax(scores, k) for k in range(len(scores))])


@mistake(
    "You take the best score in place of the right one: that rewards any answer, if it is sure.",
    hint="Entry `target`, not the maximum.",
)
def best_for_right(scores, target):
    return entropy_by_softmax(scores, np.argmax(scores))


@mistake(
    "The right answer is missing from your denominator: the probabilities must add up to 1.",
    hint="Sum the exponentials of all scores.",
)
def target_not_in_the_sum(scores, target):
    others = np.exp(scores[np.arange(len(scores)) != target])
    return -np.log(np.exp(scores[target]) / np.sum(others))


@mistake(
    "You divide by the mean of the exponentials: divide by their sum.",
    hint="np.sum in the denominator.",
)
def mean_in_the_denominator(scores, target):
    return entropy_by_softmax(scores, target) - math.log(len(scores))


@mistake(
    "Your logarithm has base 2: the natural one is wanted.",
    hint="np.log, not np.log2.",
)
def in_bits(scores, target):
    return entropy_by_softmax(scores, target) / math.log(2)


@mistake(
    "Your logarithm has base 10: the natural one is wanted.",
    hint="np.log, not np.log10.",
)
def base_ten(scores, target):
    return entropy_by_softmax(scores, target) / math.log(10)


@mistake(
    "The sum is missing: minus the score alone has no lower end, it can be pushed down for ever.",
    hint="Add the logarithm of the sum of all exponentials.",
)
def minus_the_score(scores, target):
    return -scores[target]


@mistake(
    "You return the logarithm of the sum of the exponentials: the score of the right answer is to"
    " be taken away from it.",
    hint="−log(exp(s) ÷ sum) = log(sum) − s.",
)
def logarithm_of_the_sum_only(scores, target):
    return np.log(np.sum(np.exp(scores)))


@mistake(
    "You count the answers from 1: `target` counts them from 0.",
    hint="scores[target], without − 1.",
)
def counted_from_one(scores, target):
    return entropy_by_softmax(scores, target - 1)


@mistake(
    "You take the exponential of minus the score: the higher a score, the likelier the answer.",
    hint="np.exp(scores).",
)
def lower_is_likelier(scores, target):
    return entropy_by_softmax(-scores, target)


def no_idea_costs_the_logarithm_of_the_choices(answer):
    loss = answer(np.full(5, 0.7, "float32"), 2)
    if not abs(loss - math.log(5)) < 1e-3:
        return (
            f"When all 5 scores are equal, the right answer has probability 1/5 and the loss is"
            f" ln 5 = {math.log(5):.3f}; yours is {loss:.3f}."
        )
    return None


def sure_and_right_costs_nothing(answer):
    loss = answer(np.float32([0, 20, 0, 1]), 1)
    if not abs(loss) < 1e-3:
        return f"A right answer that is nearly certain costs nearly 0; yours costs {loss:.3g}."
    return None


def only_differences_count(answer):
    scores = embeddings(1, 6, seed=3)[0]
    if differ(answer(scores, 1), answer(scores + 3, 1)):
        return "Adding one number to all scores changes your loss; it leaves the softmax alone."
    return None


CROSS_ENTROPY = Exercise(
    id="cross_entropy",
    lesson=LESSON,
    title="the loss of picking one answer among several",
    minutes=5,
    difficulty=1,
    reference=entropy_by_softmax,
    probes=[
        (np.float32([0.2, 1.5, -1.0, 0.4]), 1),
        (np.float32([2.0, 0.1, 0.7]), 2),
        (np.float32([-0.5, 0.3, 1.1, 0.9, -2.0]), 4),
        (np.float32([0.6, -0.6]), 1),
    ],
    ladder=[
        no_idea_costs_the_logarithm_of_the_choices,
        sure_and_right_costs_nothing,
        only_differences_count,
    ],
    mistakes=[
        probability_returned,
        minus_forgotten,
        all_answers_averaged,
        best_for_right,
        target_not_in_the_sum,
        mean_in_the_denominator,
        in_bits,
        base_ten,
        minus_the_score,
        logarithm_of_the_sum_only,
        counted_from_one,
        lower_is_likelier,
    ],
    hints=(
        "First probabilities that add up to 1, then minus the logarithm of one of them.",
        "np.exp(scores) makes all positive; each divided by their sum is a probability.",
        "−log(exp(scores[target]) ÷ the sum of all exponentials).",
    ),
    right=[entropy_by_softmax, entropy_by_difference, entropy_by_loop, entropy_in_keras],
)


# -- NT-Xent ---------------------------------------------------------------------------------------


def loss_by_loops(z_a, z_b, temperature=0.5):
    z = np.concatenate([z_a, z_b])
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    views = len(z)
    total = 0.0
    for i in range(views):
        positive = (i + views // 2) % views
        others = 0.0
        for k in range(views):
            if k != i:
                others += np.exp(z[i] @ z[k] / temperature)
        total -= np.log(np.exp(z[i] @ z[positive] / temperature) / others)
    return total / views


def loss_by_lists(z_a, z_b, temperature=0.5):
    rows = [list(map(float, row)) for row in [*z_a, *z_b]]
    lengths = [math.hypot(*row) for row in rows]

    def similarity(i, k):
        dot = sum(a * b for a, b in zip(rows[i], rows[k], strict=True))
        return dot / lengths[i] / lengths[k] / temperature

    losses = []
    for i in range(len(rows)):
        partner = i + len(z_a) if i < len(z_a) else i - len(z_a)
        scores = [similarity(i, k) for k in range(len(rows)) if k != i]
        top = max(scores)
        log_sum = top + math.log(sum(math.exp(score - top) for score in scores))
        losses.append(log_sum - similarity(i, partner))
    return sum(losses) / len(losses)


def loss_by_pairs(z_a, z_b, temperature=0.5):
    a, b = unit(z_a), unit(z_b)
    n = len(a)
    total = 0
    for i in range(n):
        pull = np.exp(a[i] @ b[i] / temperature)
        for me, other in ((a, b), (b, a)):
            push = pull
            for k in range(n):
                if k != i:
                    push = push + np.exp(me[i] @ me[k] / temperature)
                    push = push + np.exp(me[i] @ other[k] / temperature)
            total = total + np.log(push / pull)
    return total / (2 * n)


def loss_as_matrix(z_a, z_b, temperature=0.5):
    z = np.concatenate([z_a, z_b])
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    similarity = z @ z.T / temperature
    np.fill_diagonal(similarity, -np.inf)
    positive = np.roll(np.arange(len(z)), len(z_a))
    highest = similarity.max(axis=1, keepdims=True)
    log_sum = highest[:, 0] + np.log(np.exp(similarity - highest).sum(axis=1))
    return np.mean(log_sum - similarity[np.arange(len(z)), positive])


def loss_by_einsum(z_a, z_b, temperature=0.5):
    a, b = unit(z_a), unit(z_b)
    n = len(a)
    both = np.stack([a, b])
    s = np.einsum("vid,wkd->viwk", both, both) / temperature
    s[0, np.arange(n), 0, np.arange(n)] = s[1, np.arange(n), 1, np.arange(n)] = -np.inf
    log_sum = np.logaddexp.reduce(s.reshape(2, n, 2 * n), axis=-1)
    return (log_sum - np.einsum("id,id->i", a, b) / temperature).mean()


def loss_in_keras(z_a, z_b, temperature=0.5):
    from keras import ops

    z = ops.normalize(ops.concatenate([z_a, z_b], axis=0), axis=-1)
    n = ops.shape(z_a)[0]
    logits = ops.matmul(z, ops.transpose(z)) / temperature - 1e9 * ops.eye(2 * n, dtype=z.dtype)
    labels = ops.roll(ops.arange(2 * n), n)
    return ops.mean(ops.sparse_categorical_crossentropy(labels, logits, from_logits=True))


def loss_in_float64(z_a, z_b, temperature=0.5):
    z = unit(np.concatenate([z_a, z_b]).astype("float64"))
    e = np.exp((z @ z.T - 1) / temperature)  # the cosine is 1 at most: nothing overflows
    np.fill_diagonal(e, 0)
    n = len(z_a)
    return np.log(e.sum(axis=1)).mean() - ((z[:n] * z[n:]).sum(axis=1) - 1).mean() / temperature


def scores(z_a, z_b, temperature):
    """Similarities ÷ τ of all 2N views, and the row of each one's positive."""
    z = unit(np.concatenate([z_a, z_b]))
    return z @ z.T / temperature, positive_by_modulo(len(z_a))


def masked(similarity, value=-np.inf):
    return np.where(np.eye(len(similarity), dtype=bool), value, similarity)


def cross_entropy(logits, target):
    """One number a row: −log softmax at `target`."""
    return np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(logits)), target]


@mistake(
    "Your value is what you get when each view is also compared with itself: mask the diagonal.",
    hint="Before the sum over all views, put −∞ on the diagonal (or leave out k = i).",
)
def compared_with_itself(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    return cross_entropy(similarity, positive).mean()


@mistake(
    "You put 0 on the diagonal of the similarities: exp(0) = 1 is still in the sum. It takes −∞,"
    " or leaving the term out.",
    hint="exp(−∞) is 0: use −np.inf, or a large negative number, in place of 0.",
)
def zero_on_the_diagonal(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    return cross_entropy(masked(similarity, 0.0), positive).mean()


@mistake(
    "You compare each view only with the views of the other kind (N candidates). In NT-Xent the"
    " views of the same kind are negatives too: 2N − 1 candidates.",
    hint="Put both kinds into one array of 2N rows first, then compare all with all.",
)
def only_across_views(z_a, z_b, temperature=0.5):
    similarity = unit(z_a) @ unit(z_b).T / temperature
    i = np.arange(len(z_a))
    return (cross_entropy(similarity, i).mean() + cross_entropy(similarity.T, i).mean()) / 2


@mistake(
    "You compare first views with second views only, and only in that direction: all 2N views are"
    " anchors, each compared with the 2N − 1 others.",
    hint="Put both kinds into one array of 2N rows first, then compare all with all.",
)
def only_across_one_way(z_a, z_b, temperature=0.5):
    similarity = unit(z_a) @ unit(z_b).T / temperature
    return cross_entropy(similarity, np.arange(len(z_a))).mean()


@mistake(
    "Only the first views are anchors in yours: the second views are anchors too.",
    hint="Average over all 2N rows of the similarity matrix.",
)
def one_direction(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    return cross_entropy(masked(similarity), positive)[: len(z_a)].mean()


@mistake(
    "The temperature changes nothing in yours: divide every similarity by it.",
    hint="Where in your function does `temperature` stand?",
)
def temperature_ignored(z_a, z_b, temperature=0.5):
    return loss_as_matrix(z_a, z_b, 1.0)


@mistake(
    "You compute with a temperature of 0.5 whatever is given: use the argument.",
    hint="Look for a 0.5 (or a 2) in your function.",
)
def temperature_fixed(z_a, z_b, temperature=0.5):
    return loss_as_matrix(z_a, z_b, 0.5)


@mistake(
    "You multiply by the temperature: divide by it, so that a small one makes differences larger.",
    hint="similarity / temperature.",
)
def temperature_multiplied(z_a, z_b, temperature=0.5):
    return loss_as_matrix(z_a, z_b, 1 / temperature)


@mistake(
    "You divide the similarity of the positive by the temperature, but not those in the sum.",
    hint="Divide the whole matrix once, before anything is picked from it.",
)
def temperature_for_the_positive_only(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, 1.0)
    log_sum = np.logaddexp.reduce(masked(similarity), axis=1)
    return np.mean(log_sum - similarity[np.arange(len(positive)), positive] / temperature)


@mistake(
    "You divide the similarities in the sum by the temperature, but not that of the positive.",
    hint="Divide the whole matrix once, before anything is picked from it.",
)
def temperature_for_the_sum_only(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, 1.0)
    log_sum = np.logaddexp.reduce(masked(similarity) / temperature, axis=1)
    return np.mean(log_sum - similarity[np.arange(len(positive)), positive])


@mistake(
    "You use dot products of the projections as they are: divide each by its length first.",
    hint="The similarity is a cosine: rows of length 1 before the product.",
)
def not_normalised(z_a, z_b, temperature=0.5):
    z = np.concatenate([z_a, z_b])
    return cross_entropy(masked(z @ z.T / temperature), positive_by_modulo(len(z_a))).mean()


@mistake(
    "You give the columns length 1: it is each row, one projection, that gets it.",
    hint="The length of a row sums over its entries: axis=1 (or −1), with keepdims=True.",
)
def columns_of_unit_length(z_a, z_b, temperature=0.5):
    z = np.concatenate([z_a, z_b])
    z = z / np.linalg.norm(z, axis=0, keepdims=True)
    return cross_entropy(masked(z @ z.T / temperature), positive_by_modulo(len(z_a))).mean()


@mistake(
    "You return the sum over the anchors: wanted is their mean.",
    hint="Divide by 2N: there are so many anchors.",
)
def sum_over_anchors(z_a, z_b, temperature=0.5):
    return 2 * len(z_a) * loss_as_matrix(z_a, z_b, temperature)


@mistake(
    "Your value is twice what it should be: you sum over 2N anchors, and divide by N.",
    hint="Divide by 2N, the number of anchors.",
)
def divided_by_pictures(z_a, z_b, temperature=0.5):
    return 2 * loss_as_matrix(z_a, z_b, temperature)


@mistake(
    "You return one loss for each anchor: wanted is their mean, a single number.",
    hint="np.mean of what you return now.",
)
def not_averaged(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    return cross_entropy(masked(similarity), positive)


@mistake(
    "The positive is missing from your denominator: it is one of the 2N − 1 candidates. (Without it"
    " this is the decoupled loss of Yeh et al., 2022, which can fall below 0.)",
    hint="The sum leaves out only the anchor itself.",
)
def positive_not_in_the_sum(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    i = np.arange(len(positive))
    others = masked(similarity)
    others[i, positive] = -np.inf
    return np.mean(np.logaddexp.reduce(others, axis=1) - similarity[i, positive])


@mistake(
    "The positive is counted twice in your denominator: the sum over all other views already has"
    " it.",
    hint="The denominator is the sum over k ≠ i, and nothing is added to it.",
)
def positive_counted_twice(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    own = similarity[np.arange(len(positive)), positive]
    return np.mean(np.logaddexp(np.logaddexp.reduce(masked(similarity), axis=1), own) - own)


@mistake(
    "Your value has the wrong sign: the loss is minus the logarithm of a probability, never below"
    " 0.",
    hint="−log(softmax), or logsumexp minus the positive's score.",
)
def sign_forgotten(z_a, z_b, temperature=0.5):
    return -loss_as_matrix(z_a, z_b, temperature)


@mistake(
    "You average the probabilities of the positives: the loss is the mean of minus their"
    " logarithms.",
    hint="The logarithm comes before the mean.",
)
def logarithm_forgotten(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    return -np.mean(np.exp(-cross_entropy(masked(similarity), positive)))


@mistake(
    "You take the logarithm of the mean probability: wanted is the mean of the logarithms, one for"
    " each anchor.",
    hint="First −log for every anchor, then the mean.",
)
def logarithm_after_the_mean(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    return -np.log(np.mean(np.exp(-cross_entropy(masked(similarity), positive))))


@mistake(
    "You use minus the squared distance as similarity: for unit vectors that is 2·cosine − 2, as if"
    " the temperature were halved. Wanted is the cosine itself.",
    hint="The similarity of two unit vectors is their dot product.",
)
def squared_distance(z_a, z_b, temperature=0.5):
    return loss_as_matrix(z_a, z_b, temperature / 2)


@mistake(
    "You use minus the Euclidean distance as similarity: wanted is the cosine, a dot product.",
    hint="The similarity of two unit vectors is their dot product.",
)
def minus_distance(z_a, z_b, temperature=0.5):
    z = unit(np.concatenate([z_a, z_b]))
    distance = np.sqrt(np.sum((z[:, None] - z[None]) ** 2, axis=-1))
    return cross_entropy(masked(-distance / temperature), positive_by_modulo(len(z_a))).mean()


@mistake(
    "Your positives are neighbouring rows (0 with 1, 2 with 3): when the second views stand below"
    " the first, the positive of row i is row i + N.",
    hint="positive_index tells which row it is.",
)
def neighbours_as_positives(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    return cross_entropy(masked(similarity), np.arange(len(positive)) ^ 1).mean()


@mistake(
    "The exponentials overflow at a small temperature (exp(100) is too large for 32 bits). Subtract"
    " each row's largest score before `exp`, and add it back after `log`.",
    hint="log Σ exp(s) = m + log Σ exp(s − m), m the row's maximum; keras.ops.logsumexp does it.",
)
def overflow(z_a, z_b, temperature=0.5):
    similarity, positive = scores(z_a, z_b, temperature)
    e = np.exp(masked(similarity).astype("float32"))
    return np.mean(-np.log(e[np.arange(len(e)), positive] / e.sum(axis=1)))


NT_XENT_MISTAKES = [
    compared_with_itself,
    zero_on_the_diagonal,
    only_across_views,
    only_across_one_way,
    one_direction,
    temperature_ignored,
    temperature_fixed,
    temperature_multiplied,
    temperature_for_the_positive_only,
    temperature_for_the_sum_only,
    not_normalised,
    columns_of_unit_length,
    sum_over_anchors,
    divided_by_pictures,
    not_averaged,
    positive_not_in_the_sum,
    positive_counted_twice,
    sign_forgotten,
    logarithm_forgotten,
    logarithm_after_the_mean,
    squared_distance,
    minus_distance,
    neighbours_as_positives,
]


def equal_embeddings_give_chance(answer):
    z = np.tile(np.float32([[3, -4]]), (4, 1))
    loss, chance = answer(z, z, 0.5), math.log(7)
    if not abs(loss - chance) < 1e-3:
        return (
            f"When all 8 embeddings are equal, each anchor guesses among 7 others: the loss is"
            f" ln 7 = {chance:.3f}; yours is {loss:.3f}."
        )
    return None


def length_of_a_projection_does_not_matter(answer):
    z_a, z_b = two_views(4, 3)
    if differ(answer(z_a * np.float32([[3], [1], [0.2], [1]]), z_b, 0.5), answer(z_a, z_b, 0.5)):
        return "Making a projection longer changes your loss; a cosine looks at directions only."
    return None


def order_of_the_pictures_does_not_matter(answer):
    z_a, z_b = two_views(5, 3, seed=1)
    order = [3, 0, 4, 1, 2]
    if differ(answer(z_a[order], z_b[order], 0.5), answer(z_a, z_b, 0.5)):
        return "Putting the pictures in another order, in both views alike, changes your loss."
    return None


def views_may_change_places(answer):
    z_a, z_b = two_views(4, 3, seed=2)
    if differ(answer(z_b, z_a, 0.5), answer(z_a, z_b, 0.5)):
        return "Your loss changes when z_a and z_b change places: both kinds of views are anchors."
    return None


def temperature_matters(answer):
    z = two_views(4, 3, seed=3)
    if not differ(answer(*z, 0.2), answer(*z, 1.0)):
        return "Your loss is the same at temperature 0.2 and at 1: use the argument `temperature`."
    return None


def falls_as_positives_come_together(answer):
    far, near = (answer(*two_views(6, 4, seed=4, noise=noise), 0.5) for noise in (2.0, 0.1))
    if not near < far:
        return (
            f"Your loss does not fall as the two views of a picture come together: {far:.3f} when"
            f" they are far apart, {near:.3f} when they are close."
        )
    return None


def is_finite_at_a_small_temperature(answer):
    z = two_views(4, 3, seed=5)
    if not np.isfinite(answer(*z, 0.01)):
        return "At temperature 0.01 your loss is not a finite number."
    slopes = answer.run(gradients_of(answer.answer), *z, 0.01)
    if slopes is not None and not np.all(np.isfinite(slopes)):
        return "At temperature 0.01 the loss is finite, but its gradient is not."
    return None


def differ(one, other):
    return not abs(one - other) <= 1e-3 * max(abs(one), 1e-3)


def gradients_of(loss):
    """`(z_a, z_b, temperature)` → gradients by both; None for a loss in NumPy, which has none."""

    def slopes(z_a, z_b, temperature):
        import keras

        try:
            if keras.backend.backend() == "tensorflow":
                import tensorflow as tf

                z = tf.constant(z_a), tf.constant(z_b)
                with tf.GradientTape() as tape:
                    tape.watch(z)
                    value = loss(*z, temperature)
                return np.stack(tape.gradient(value, z))
            if keras.backend.backend() == "jax":
                import jax

                return np.stack(jax.grad(loss, (0, 1))(z_a, z_b, temperature))
        except Exception:
            return None
        return None

    return slopes


NT_XENT_PROPERTIES = [
    equal_embeddings_give_chance,
    length_of_a_projection_does_not_matter,
    order_of_the_pictures_does_not_matter,
    views_may_change_places,
    temperature_matters,
    falls_as_positives_come_together,
]

NT_XENT_LOOPS = Exercise(
    id="nt_xent_loops",
    lesson=LESSON,
    title="NT-Xent in loops, as the formula reads",
    minutes=12,
    difficulty=2,
    reference=loss_by_loops,
    forbidden=["simclr_lib.losses:nt_xent"],
    probes=[
        (*two_views(3, 4), 0.5),
        (*two_views(4, 3, seed=1), 0.2),
        (*two_views(5, 2, seed=2), 1.0),
        (*two_views(2, 6, seed=3), 0.7),
    ],
    ladder=NT_XENT_PROPERTIES,
    mistakes=NT_XENT_MISTAKES,
    hints=(
        "Put all 2N views into one array z and give each row length 1. Then one loop over the"
        " anchors i.",
        "Within it, a second loop over k adds exp(z[i]·z[k] ÷ τ) for all k except i.",
        "The anchor's loss is −log(exp(z[i]·z[positive] ÷ τ) ÷ that sum); return the mean of all"
        " 2N.",
    ),
    right=[loss_by_loops, loss_by_lists, loss_by_pairs],
)

NT_XENT = Exercise(
    id="nt_xent",
    lesson=LESSON,
    title="NT-Xent as one matrix, also at small temperatures",
    minutes=15,
    difficulty=3,
    reference="simclr_lib.losses:nt_xent",
    probes=[*NT_XENT_LOOPS.probes, (*two_views(4, 5, seed=4), 0.01)],
    ladder=[*NT_XENT_PROPERTIES, is_finite_at_a_small_temperature],
    mistakes=[*NT_XENT_MISTAKES, overflow],
    hints=(
        "All similarities at once are z @ z.T ÷ τ, with z of 2N rows of length 1.",
        "Mask the diagonal with −∞. Each row is then a classification of 2N − 1 candidates, whose"
        " right answer is positive_index.",
        "The loss of a row is logsumexp(row) − row[positive], with the row's maximum taken out"
        " before exp and added back after log; return the mean.",
    ),
    right=[loss_as_matrix, loss_by_einsum, loss_in_keras, loss_in_float64, loss_by_lists],
)


# -- Its gradient ----------------------------------------------------------------------------------


def gradient_as_matrix(z, temperature=0.5):
    views = len(z)
    similarity = z @ z.T / temperature
    np.fill_diagonal(similarity, -np.inf)
    share = np.exp(similarity - similarity.max(axis=1, keepdims=True))
    share = share / share.sum(axis=1, keepdims=True)
    share[np.arange(views), np.roll(np.arange(views), views // 2)] -= 1
    return (share + share.T) @ z / (temperature * views)


def gradient_by_loops(z, temperature=0.5):
    views = len(z)
    slope = np.zeros(z.shape)
    for i in range(views):
        e = np.array([0 if k == i else np.exp(z[i] @ z[k] / temperature) for k in range(views)])
        p = e / e.sum()
        p[(i + views // 2) % views] -= 1
        for k in range(views):
            slope[i] += p[k] * z[k] / temperature / views
            slope[k] += p[k] * z[i] / temperature / views
    return slope


def gradient_in_keras(z, temperature=0.5):
    from keras import ops

    z = ops.convert_to_tensor(z)
    views = z.shape[0]
    hidden = 1e9 * ops.eye(views, dtype=z.dtype)
    p = ops.softmax(ops.matmul(z, ops.transpose(z)) / temperature - hidden, axis=-1)
    p = p - ops.roll(ops.eye(views, dtype=z.dtype), views // 2, axis=1)
    return ops.matmul(p + ops.transpose(p), z) / (views * temperature)


def shares(z, temperature):
    """Softmax over the other views, `(2N, 2N)`, and ones where the positives are."""
    similarity = masked(z @ z.T / temperature)
    softmax = np.exp(similarity - np.logaddexp.reduce(similarity, axis=1)[:, None])
    return softmax, np.eye(len(z))[positive_by_modulo(len(z) // 2)]


@mistake(
    "You count each view as an anchor only. It is also a candidate of all other anchors: that part"
    " is the transposed matrix.",
    hint="With G the slope by the similarities, dz is (G + Gᵀ) z.",
)
def as_anchor_only(z, temperature=0.5):
    p, y = shares(z, temperature)
    return (p - y) @ z / (len(z) * temperature)


@mistake(
    "You count each view as a candidate of the others only. It is also an anchor itself.",
    hint="With G the slope by the similarities, dz is (G + Gᵀ) z.",
)
def as_candidate_only(z, temperature=0.5):
    p, y = shares(z, temperature)
    return (p - y).T @ z / (len(z) * temperature)


@mistake(
    "You take twice the anchor's part for both. The softmax matrix is not symmetric: the second"
    " part is its transpose.",
    hint="G + Gᵀ, not 2 G.",
)
def anchor_part_doubled(z, temperature=0.5):
    p, y = shares(z, temperature)
    return 2 * (p - y) @ z / (len(z) * temperature)


@mistake(
    "The factor 1/τ is missing: the similarities were divided by the temperature, so their slope"
    " is too.",
    hint="d(z·z ÷ τ) = dz ÷ τ.",
)
def temperature_forgotten(z, temperature=0.5):
    return gradient_as_matrix(z, temperature) * temperature


@mistake(
    "You multiply by the temperature in the end: divide by it.",
    hint="d(z·z ÷ τ) = dz ÷ τ.",
)
def times_temperature(z, temperature=0.5):
    return gradient_as_matrix(z, temperature) * temperature**2


@mistake(
    "This is the gradient of the sum over the anchors: the loss is their mean.",
    hint="Divide by 2N, the number of rows of z.",
)
def gradient_of_the_sum(z, temperature=0.5):
    return gradient_as_matrix(z, temperature) * len(z)


@mistake(
    "Your gradient is twice what it should be: you divide by N, there are 2N anchors.",
    hint="Divide by 2N, the number of rows of z.",
)
def gradient_divided_by_pictures(z, temperature=0.5):
    return gradient_as_matrix(z, temperature) * 2


@mistake(
    "Your gradient has the wrong sign: it points to where the loss falls.",
    hint="The slope by the scores is softmax − one-hot, in that order.",
)
def downhill(z, temperature=0.5):
    return -gradient_as_matrix(z, temperature)


@mistake(
    "The positives are missing: yours only pushes apart. Subtract 1 from the softmax where the"
    " positive is.",
    hint="The slope of −log softmax by the scores is softmax − one-hot.",
)
def pushes_only(z, temperature=0.5):
    p, _ = shares(z, temperature)
    return (p + p.T) @ z / (len(z) * temperature)


@mistake(
    "The softmax is missing: yours only pulls the positives together.",
    hint="The slope of −log softmax by the scores is softmax − one-hot.",
)
def pulls_only(z, temperature=0.5):
    _, y = shares(z, temperature)
    return -(y + y.T) @ z / (len(z) * temperature)


@mistake(
    "Each view is also compared with itself in your softmax: mask the diagonal.",
    hint="Put −∞ on the diagonal before the softmax.",
)
def gradient_with_itself(z, temperature=0.5):
    similarity = z @ z.T / temperature
    p = np.exp(similarity - np.logaddexp.reduce(similarity, axis=1)[:, None])
    g = p - np.eye(len(z))[positive_by_modulo(len(z) // 2)]
    return (g + g.T) @ z / (len(z) * temperature)


def raw_loss(z, temperature):
    """NT-Xent of rows that are taken as they are, in float64."""
    z = z.astype("float64")
    similarity = masked(z @ z.T / temperature)
    return cross_entropy(similarity, positive_by_modulo(len(z) // 2)).mean()


def tells_how_the_loss_changes(answer):
    z, temperature = unit(embeddings(6, 3, seed=7, dtype="float64")), 0.5
    step = 1e-5 * unit(embeddings(6, 3, seed=8, dtype="float64"))
    change = raw_loss(z + step, temperature) - raw_loss(z - step, temperature)
    foretold = np.sum(2 * step * answer(z, temperature))
    if not abs(change - foretold) < 1e-3 * abs(change):
        return (
            f"A tiny step of all rows changes the loss by {change:.3g}; your gradient foretells"
            f" {foretold:.3g}."
        )
    return None


GRADIENT = Exercise(
    id="nt_xent_gradient",
    lesson=LESSON,
    title="the gradient of NT-Xent, by hand",
    minutes=20,
    difficulty=3,
    reference=gradient_as_matrix,
    probes=[
        (unit(embeddings(6, 4)), 0.5),
        (unit(embeddings(8, 3, seed=1)), 0.2),
        (unit(embeddings(10, 5, seed=2)), 1.0),
    ],
    ladder=[tells_how_the_loss_changes],
    mistakes=[
        as_anchor_only,
        as_candidate_only,
        anchor_part_doubled,
        temperature_forgotten,
        times_temperature,
        gradient_of_the_sum,
        gradient_divided_by_pictures,
        downhill,
        pushes_only,
        pulls_only,
        gradient_with_itself,
    ],
    hints=(
        "First the slope by the scores: for cross-entropy it is softmax − one-hot, row by row.",
        "Call that G, divided by 2N for the mean. Score (i, k) is z[i]·z[k] ÷ τ: it moves with row"
        " i and with row k.",
        "So dz = (G + Gᵀ) z ÷ τ.",
    ),
    right=[gradient_as_matrix, gradient_by_loops, gradient_in_keras],
)


# -- Through the division by the length ------------------------------------------------------------


def through_by_projection(z, slope):
    length = np.linalg.norm(z, axis=1, keepdims=True)
    direction = z / length
    along = np.sum(slope * direction, axis=1, keepdims=True)
    return (slope - along * direction) / length


def through_by_jacobians(z, slope):
    rows = []
    for row, own in zip(z, slope, strict=True):
        length = math.sqrt(float(row @ row))
        jacobian = np.eye(len(row)) / length - np.outer(row, row) / length**3
        rows.append(jacobian @ own)
    return np.array(rows)


def through_by_einsum(z, slope):
    squared = np.einsum("id,id->i", z, z)
    along = np.einsum("id,id->i", z, slope) / squared
    return (slope - along[:, None] * z) / np.sqrt(squared)[:, None]


def through_in_keras(z, slope):
    from keras import ops

    z, slope = ops.convert_to_tensor(z), ops.convert_to_tensor(slope)
    length = ops.sqrt(ops.sum(ops.square(z), axis=1, keepdims=True))
    direction = z / length
    along = ops.sum(slope * direction, axis=1, keepdims=True)
    return (slope - along * direction) / length


def along_rows(z, slope):
    """Each row's slope along the row's own direction, `(rows, 1)`."""
    return np.sum(slope * unit(z), axis=1, keepdims=True)


def lengths(z):
    return np.linalg.norm(z, axis=1, keepdims=True)


@mistake(
    "You return the slope as it came: it must be carried through the division by the length.",
    hint="Take away the part along the row, then divide by the row's length.",
)
def slope_unchanged(z, slope):
    return slope.copy()


@mistake(
    "You divide by the length, but the part along the row is still there: making a row longer does"
    " not change its direction, so the loss has no slope that way.",
    hint="Subtract (slope · direction) times direction, row by row.",
)
def still_along_the_row(z, slope):
    return slope / lengths(z)


@mistake(
    "You take away the part along the row, but do not divide by the length: the longer a row, the"
    " less a step of the same size turns it.",
    hint="Divide each row of the result by the length of that row of z.",
)
def length_forgotten(z, slope):
    return slope - along_rows(z, slope) * unit(z)


@mistake(
    "You project with z as it is: the direction must have length 1, or too much (or too little) is"
    " taken away.",
    hint="direction = z ÷ its length; project onto that.",
)
def projected_on_long_rows(z, slope):
    along = np.sum(slope * z, axis=1, keepdims=True)
    return (slope - along * z) / lengths(z)


@mistake(
    "You divide by the length once only, in one of the two factors of the part along the row: both"
    " are the direction, of length 1.",
    hint="direction = z ÷ its length; use it for the dot product and for what is subtracted.",
)
def projected_on_half_long_rows(z, slope):
    return (slope - along_rows(z, slope) * z) / lengths(z)


@mistake(
    "You add the part along the row: subtract it.",
    hint="slope − (slope · direction) direction.",
)
def part_added(z, slope):
    return (slope + along_rows(z, slope) * unit(z)) / lengths(z)


@mistake(
    "You return the part along the row: that is the one to take away.",
    hint="slope − (slope · direction) direction is what remains.",
)
def part_along_the_row(z, slope):
    return along_rows(z, slope) * unit(z) / lengths(z)


@mistake(
    "You multiply by the length: divide by it.",
    hint="A long row turns less for the same step, so its slope is smaller.",
)
def times_length(z, slope):
    return (slope - along_rows(z, slope) * unit(z)) * lengths(z)


@mistake(
    "You divide by the squared length: once is enough when the direction has length 1.",
    hint="(slope − part along the row) ÷ length.",
)
def divided_twice(z, slope):
    return (slope - along_rows(z, slope) * unit(z)) / lengths(z) ** 2


@mistake(
    "You sum slope · direction over all rows: every row has a dot product of its own.",
    hint="np.sum(…, axis=1, keepdims=True).",
)
def one_projection_for_all(z, slope):
    direction = unit(z)
    return (slope - np.sum(slope * direction) * direction) / lengths(z)


@mistake(
    "You project within the columns: it is each row, one projection z, that has a direction.",
    hint="np.sum(…, axis=1, keepdims=True).",
)
def projected_in_columns(z, slope):
    direction = unit(z)
    return (slope - np.sum(slope * direction, axis=0) * direction) / lengths(z)


def has_nothing_along_the_row(answer):
    z, slope = embeddings(5, 3, seed=4), embeddings(5, 3, seed=5)
    along = np.abs(np.sum(answer(z, slope) * unit(z), axis=1))
    if not np.all(along < 1e-3):
        return (
            "Your gradient has a part along its own row; making a row longer does not change its"
            " direction, so nothing is gained or lost that way."
        )
    return None


def is_smaller_for_long_rows(answer):
    z, slope = embeddings(4, 3, seed=6), embeddings(4, 3, seed=7)
    if not np.allclose(answer(10 * z, slope), answer(z, slope) / 10, rtol=1e-3, atol=1e-4):
        return (
            "A row ten times as long turns a tenth as far for the same step: its gradient must be a"
            " tenth; yours is not."
        )
    return None


def foretells_the_turn(answer):
    z, slope = embeddings(5, 3, seed=8, dtype="float64"), embeddings(5, 3, seed=9, dtype="float64")
    step = 1e-5 * embeddings(5, 3, seed=10, dtype="float64")
    change = np.sum(slope * (unit(z + step) - unit(z - step)))
    foretold = np.sum(2 * step * answer(z, slope))
    if not abs(change - foretold) < 1e-3 * abs(change):
        return (
            f"A tiny step of all rows changes the loss by {change:.3g}; your gradient foretells"
            f" {foretold:.3g}."
        )
    return None


THROUGH_LENGTH = Exercise(
    id="through_unit_length",
    lesson=LESSON,
    title="the gradient, carried through the division by the length",
    minutes=10,
    difficulty=3,
    reference=through_by_projection,
    probes=[
        (embeddings(6, 4), embeddings(6, 4, seed=11)),
        (embeddings(4, 3, seed=1), embeddings(4, 3, seed=12)),
        (embeddings(5, 2, seed=2), embeddings(5, 2, seed=13)),
    ],
    ladder=[has_nothing_along_the_row, is_smaller_for_long_rows, foretells_the_turn],
    mistakes=[
        slope_unchanged,
        still_along_the_row,
        length_forgotten,
        projected_on_long_rows,
        projected_on_half_long_rows,
        part_added,
        part_along_the_row,
        times_length,
        divided_twice,
        one_projection_for_all,
        projected_in_columns,
    ],
    hints=(
        "Split each row of the slope in two: the part along the row's direction, and the rest.",
        "The part along the row is (slope · direction) times direction, with a dot product a row:"
        " np.sum(…, axis=1, keepdims=True).",
        "(slope − that part) ÷ the row's length.",
    ),
    right=[through_by_projection, through_by_jacobians, through_by_einsum, through_in_keras],
)


# -- Alignment and uniformity ----------------------------------------------------------------------


def alignment_by_distance(z_a, z_b):
    a = z_a / np.linalg.norm(z_a, axis=1, keepdims=True)
    b = z_b / np.linalg.norm(z_b, axis=1, keepdims=True)
    return np.mean(np.sum((a - b) ** 2, axis=1))


def alignment_by_cosine(z_a, z_b):
    lengths = np.linalg.norm(z_a, axis=1) * np.linalg.norm(z_b, axis=1)
    return 2 - 2 * np.mean(np.einsum("nd,nd->n", z_a, z_b) / lengths)


def alignment_by_loop(z_a, z_b):
    total = 0.0
    for a, b in zip(z_a, z_b, strict=True):
        a, b = a / np.sqrt(sum(a * a)), b / np.sqrt(sum(b * b))
        total += float(sum((a - b) ** 2))
    return total / len(z_a)


def alignment_in_keras(z_a, z_b):
    from keras import ops

    a, b = ops.normalize(z_a, axis=-1), ops.normalize(z_b, axis=-1)
    return ops.mean(ops.sum(ops.square(a - b), axis=-1))


@mistake(
    "You compare the projections as they are: give each row length 1 first.",
    hint="Divide each row by its length.",
)
def lengths_in_alignment(z_a, z_b):
    return np.mean(np.sum((z_a - z_b) ** 2, axis=1))


@mistake(
    "You average the distances: wanted is the mean of their squares.",
    hint="No square root is needed.",
)
def distances_not_squared(z_a, z_b):
    return np.mean(np.linalg.norm(unit(z_a) - unit(z_b), axis=1))


@mistake(
    "You average over the entries too, so the result is too small by the number of dimensions: sum"
    " over a row, then average over the pairs.",
    hint="np.sum over axis 1, then np.mean.",
)
def averaged_over_dimensions(z_a, z_b):
    return np.mean((unit(z_a) - unit(z_b)) ** 2)


@mistake("You return the sum over the pairs: wanted is the mean.", hint="Divide by N.")
def sum_of_pairs(z_a, z_b):
    return np.sum((unit(z_a) - unit(z_b)) ** 2)


@mistake(
    "This is the mean cosine similarity: wanted is the mean squared distance, 2 − 2·cosine.",
    hint="Take the difference of the two unit vectors and square it.",
)
def mean_cosine(z_a, z_b):
    return np.mean(np.sum(unit(z_a) * unit(z_b), axis=1))


@mistake(
    "This is 1 − cosine, half of what is wanted: the squared distance of unit vectors is"
    " 2 − 2·cosine.",
    hint="Take the difference of the two unit vectors and square it.",
)
def half_of_it(z_a, z_b):
    return alignment_by_cosine(z_a, z_b) / 2


@mistake(
    "You compare every first view with every second view: alignment looks at the two views of the"
    " same picture only.",
    hint="Row i of z_a with row i of z_b: no matrix of all pairs.",
)
def all_pairs_aligned(z_a, z_b):
    return np.mean(np.sum((unit(z_a)[:, None] - unit(z_b)[None]) ** 2, axis=-1))


@mistake(
    "You compare the means of the two views: compare row with row, and average at the end.",
    hint="The mean is the last step.",
)
def mean_before_difference(z_a, z_b):
    return np.sum((unit(z_a).mean(axis=0) - unit(z_b).mean(axis=0)) ** 2)


def equal_views_are_aligned(answer):
    z = embeddings(5, 3)
    if not abs(answer(z, 2 * z)) < 1e-4:
        return "Two views that point in the same direction have alignment 0; yours is not 0."
    return None


def opposite_views_are_four_apart(answer):
    z = embeddings(5, 3, seed=1)
    if not abs(answer(z, -z) - 4) < 1e-2:
        return (
            "Opposite unit vectors are 2 apart, so the mean of the squares is 4; yours is"
            f" {answer(z, -z):.3g}."
        )
    return None


ALIGNMENT = Exercise(
    id="alignment",
    lesson=LESSON,
    title="how close the two views of a picture are",
    minutes=5,
    difficulty=1,
    reference=alignment_by_distance,
    probes=[two_views(5, 3), two_views(4, 6, seed=1), two_views(7, 2, seed=2)],
    ladder=[equal_views_are_aligned, opposite_views_are_four_apart],
    mistakes=[
        lengths_in_alignment,
        distances_not_squared,
        averaged_over_dimensions,
        sum_of_pairs,
        mean_cosine,
        half_of_it,
        all_pairs_aligned,
        mean_before_difference,
    ],
    hints=(
        "Unit vectors first; then row i of one beside row i of the other.",
        "The squared distance of two rows is the sum of the squared differences of their entries.",
        "np.mean(np.sum((a − b) ** 2, axis=1)) with a and b of unit length.",
    ),
    right=[alignment_by_distance, alignment_by_cosine, alignment_by_loop, alignment_in_keras],
)


def uniformity_by_pairs(z, t=2.0):
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    i, j = np.triu_indices(len(z), k=1)
    squared = np.sum((z[i] - z[j]) ** 2, axis=1)
    return np.log(np.mean(np.exp(-t * squared)))


def uniformity_by_loops(z, t=2.0):
    rows = [row / math.sqrt(float(row @ row)) for row in z]
    terms = [
        math.exp(-t * float(np.sum((a - b) ** 2)))
        for i, a in enumerate(rows)
        for k, b in enumerate(rows)
        if i != k
    ]
    return math.log(sum(terms) / len(terms))


def uniformity_by_matrix(z, t=2.0):
    z = unit(z)
    n = len(z)
    kernel = np.exp(-t * (2 - 2 * np.einsum("id,jd->ij", z, z)))
    return np.log((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def uniformity_in_keras(z, t=2.0):
    from keras import ops

    z = ops.normalize(z, axis=-1)
    n = z.shape[0]
    exponent = t * (2 * ops.matmul(z, ops.transpose(z)) - 2) - 1e9 * ops.eye(n, dtype=z.dtype)
    return ops.logsumexp(exponent) - math.log(n * (n - 1))


def kernel_of_pairs(z, t):
    i, j = np.triu_indices(len(z), k=1)
    return np.exp(-t * np.sum((z[i] - z[j]) ** 2, axis=1))


@mistake(
    "Each embedding is also paired with itself (distance 0): only pairs of different ones count.",
    hint="Leave out the diagonal, or take the pairs i < j.",
)
def pairs_with_itself(z, t=2.0):
    z = unit(z)
    return np.log(np.mean(np.exp(-t * (2 - 2 * z @ z.T))))


@mistake("The logarithm is missing.", hint="np.log around the mean.")
def no_logarithm(z, t=2.0):
    return np.mean(kernel_of_pairs(unit(z), t))


@mistake(
    "The exponent has the wrong sign: pairs that are close must count most.",
    hint="exp(−t · squared distance).",
)
def exponent_positive(z, t=2.0):
    return np.log(np.mean(1 / kernel_of_pairs(unit(z), t)))


@mistake(
    "Your result has the wrong sign: the more evenly the embeddings are spread, the lower"
    " (more negative) uniformity is.",
    hint="The logarithm of a mean of numbers below 1 is negative: leave it so.",
)
def uniformity_turned(z, t=2.0):
    return -uniformity_by_pairs(z, t)


@mistake(
    "You compare the embeddings as they are: give each row length 1 first.",
    hint="Divide each row by its length.",
)
def lengths_in_uniformity(z, t=2.0):
    return np.log(np.mean(kernel_of_pairs(z, t)))


@mistake("The argument t changes nothing in yours.", hint="exp(−t · squared distance).")
def t_ignored(z, t=2.0):
    return uniformity_by_pairs(z, 2.0)


@mistake("You use the distances: wanted are their squares.", hint="No square root is needed.")
def uniformity_of_distances(z, t=2.0):
    z = unit(z)
    i, j = np.triu_indices(len(z), k=1)
    return np.log(np.mean(np.exp(-t * np.linalg.norm(z[i] - z[j], axis=1))))


@mistake(
    "You take the logarithm of the sum over the pairs: wanted is that of their mean.",
    hint="np.mean within np.log.",
)
def sum_in_the_logarithm(z, t=2.0):
    return np.log(np.sum(kernel_of_pairs(unit(z), t)))


@mistake(
    "You average the logarithms, which gives −t times the mean squared distance: the logarithm"
    " comes after the mean.",
    hint="First exp of every pair, then the mean, then log.",
)
def logarithm_before_the_mean(z, t=2.0):
    return np.mean(np.log(kernel_of_pairs(unit(z), t)))


@mistake(
    "The diagonal is left out of the sum, but still counted in the number of pairs: n² instead of"
    " n·(n − 1).",
    hint="There are n·(n − 1) ordered pairs of different embeddings.",
)
def divided_by_all(z, t=2.0):
    return uniformity_by_pairs(z, t) + math.log((len(z) - 1) / len(z))


def equal_embeddings_are_zero(answer):
    z = np.tile(np.float32([[1, 2]]), (4, 1))
    if not abs(answer(z, 2.0)) < 1e-3:
        return (
            "When all embeddings are equal, every exponential is 1 and the logarithm of their mean"
            f" is 0; yours is {answer(z, 2.0):.3g}."
        )
    return None


def spreading_lowers_it(answer):
    circle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    bunch = circle / 8
    even, crowded = (answer(np.stack([np.cos(a), np.sin(a)], axis=1), 2.0) for a in (circle, bunch))
    if not even < crowded:
        return (
            f"Points all around a circle must get a lower value than a bunch of points; yours are"
            f" {even:.3g} and {crowded:.3g}."
        )
    return None


UNIFORMITY = Exercise(
    id="uniformity",
    lesson=LESSON,
    title="how evenly the embeddings are spread",
    minutes=8,
    difficulty=2,
    reference=uniformity_by_pairs,
    probes=[
        (embeddings(5, 3), 2.0),
        (embeddings(7, 2, seed=1), 1.0),
        (embeddings(4, 6, seed=2), 3.0),
    ],
    ladder=[equal_embeddings_are_zero, spreading_lowers_it],
    mistakes=[
        pairs_with_itself,
        no_logarithm,
        exponent_positive,
        uniformity_turned,
        lengths_in_uniformity,
        t_ignored,
        uniformity_of_distances,
        sum_in_the_logarithm,
        logarithm_before_the_mean,
        divided_by_all,
    ],
    hints=(
        "Unit vectors first; then the squared distance of every pair of different rows.",
        "np.triu_indices(n, k=1) gives the rows i and j of all pairs with i < j.",
        "np.log(np.mean(np.exp(−t · squared distances))).",
    ),
    right=[uniformity_by_pairs, uniformity_by_loops, uniformity_by_matrix, uniformity_in_keras],
)

EXERCISES = [
    COSINE,
    POSITIVE,
    CROSS_ENTROPY,
    NT_XENT_LOOPS,
    NT_XENT,
    GRADIENT,
    THROUGH_LENGTH,
    ALIGNMENT,
    UNIFORMITY,
]

# %% [markdown] slug=title
# # NT-Xent: the loss that says "find your partner"
#
# All that SimCLR learns, it learns from one number. In this lesson you build that number: first as
# a guessing game, then in loops as the formula reads, then as one matrix, then so that it never
# overflows. You derive its gradient on paper, code it, and hold it against automatic
# differentiation. And then you let points move by your own gradient, and watch what it wants.
#
# **After it you can**
#
# - write NT-Xent (*normalised temperature-scaled cross-entropy*) from memory, and say what each
#   part of it is for;
# - derive its gradient, and explain who pulls, who pushes, and how hard;
# - say what the temperature does to hard negatives, and why one cannot just make it tiny;
# - measure alignment and uniformity, and derive the chance line ln(2N−1).
#
# **It takes** about 150 minutes of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile): two evenings, and a good place to stop in between is
# before the gradient. **It needs** views (lesson 01), encoder and projection head (lesson 02), the
# count of negatives (lesson 00), NumPy, and the derivative of a logarithm.

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson. Leave them as they are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" or "smoke" (fewer and smaller experiments)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other views, other starting points

# %% [markdown] slug=setup-text
# The next cell loads the pictures. Only a handful of them is needed here: a loss looks at arrays.

# %% slug=setup
import numpy as np
from matplotlib import pyplot as plt

from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

BLUE, VERMILION, INK = "#0072B2", "#D55E00", "#222222"
setting = lesson(
    "03_nt_xent", profile=profile, dataset=dataset, seed=seed, train_limit=2000, test_limit=500
)
data = setting.data

# %% [markdown] slug=parts-text
# ## A batch to look at
#
# A loss is best understood on real projections z. We take two encoders of the same kind, each with
# its head. The first has random weights; BatchNorm gets used to the pictures, as in lesson 00.

# %% slug=untrained
from simclr_lib import experiment, get_recipe, projection_head
from simclr_lib.evaluation import reestimate_batch_norm

recipe = get_recipe("demo", {"seed": seed})
untrained = [experiment.build_encoder(recipe, "float32")]
reestimate_batch_norm(untrained[0], data.train_images)
sizes = untrained[0].output_shape[-1], recipe.head_hidden, recipe.head_output
untrained.append(projection_head(*sizes))

# %% [markdown] slug=trained-text
# The second has been trained by SimCLR. For the built-in pictures the kit brings it along. For
# pictures that the kit has no encoder for, one is trained now, and kept in a folder that is named
# after them: other pictures, or another seed, get an encoder of their own.

# %% slug=trained
from pathlib import Path

import keras
from keras import ops

from simclr_lib import pretrained
from simclr_lib.precision import choose_precision
from simclr_lib.run_folder import RunFolder

if data.name in pretrained.available():
    trained = [pretrained.pretrained_encoder(data.name), pretrained.pretrained_head(data.name)]
else:
    batch_size = min(64, len(data.train_images) // 4)
    recipe = get_recipe("demo", {"seed": seed, "batch_size": batch_size, "epochs": 12})
    checksum = experiment.describe(data)["checksum"]
    folder = RunFolder(Path("runs") / f"lesson03-{data.name}-{checksum}-seed-{seed}")
    experiment.pretrain(recipe, choose_precision(recipe), data, folder, print)
    trained = [keras.saving.load_model(file) for file in (folder.encoder, folder.head)]

# %% [markdown] slug=batch-text
# Now one **batch**: N pictures, two views of each, all through encoder and head. The rows are in
# the order that the whole course uses: the N first views above, the N second views below, so that
# row i and row i + N come from the same picture.

# %% slug=batch
from simclr_lib import simclr_augmenter

augmenter = simclr_augmenter(recipe.view_size, seed=seed)
N = min(setting.pick(full=64, smoke=16), len(data.test_images))
pictures, labels = data.test_images[:N], data.test_labels[:N]
views = np.concatenate([np.asarray(augmenter(pictures)) for _ in range(2)])


def project(encoder, head):
    """Projections z of all 2N views, `(2N, D)`."""
    return ops.convert_to_numpy(head(encoder(views, training=False), training=False))


z_trained, z_untrained = project(*trained), project(*untrained)
print(f"{N} pictures, {len(views)} views; z: {z_trained.shape}")

# %% [markdown] slug=cosine-text
# ## Alike means: the same direction
#
# Each z is an arrow with D numbers. Two views are alike when their arrows point in the same
# **direction**; how long they are shall not matter. That is what the cosine of the angle between
# them measures:
#
# $$\operatorname{sim}(u, v) = \frac{u \cdot v}{\lVert u \rVert \, \lVert v \rVert}, \qquad
#   \lVert u \rVert = \sqrt{u_1^2 + \dots + u_D^2}.$$
#
# It is 1 for the same direction, 0 at a right angle, −1 for opposite ones.
#
# **Exercise:** write it for all pairs of rows at once. *(easy, about 5 minutes)*


# %% slug=cosine-similarity
def cosine_similarity(z):
    """Compare each row with each row.

    Args:
        z: `(rows, D)`, rows of any length but 0.

    Returns:
        `(rows, rows)`: at (i, k) the cosine of the angle between rows i and k, from −1 to 1.
    """
    ### BEGIN SOLUTION
    unit_rows = z / np.linalg.norm(z, axis=1, keepdims=True)
    return unit_rows @ unit_rows.T
    ### END SOLUTION


# %% slug=cosine-similarity-check tags=["nbval-check-output"]
report = check("cosine_similarity", cosine_similarity)
cosine_similarity = report.function

# %% [markdown] slug=heatmap-text
# The matrix that you get is the stage on which this whole lesson plays. Here it is for six of the
# pictures, a1 to a6 the first views, b1 to b6 the second ones. Before you read on: what do you
# expect on the diagonal, and where are the two views of one picture?

# %% slug=heatmap
from simclr_lib import plots

six = np.r_[0:6, N : N + 6]  # the first six pictures: their first views, then their second ones
figure = plots.similarity_heatmap(
    cosine_similarity(z_trained[six]), title="Cosine similarity of 12 views, trained encoder"
)
show(figure)

# %% [markdown] slug=heatmap-words
# The diagonal compares each view with itself: always 1, and nothing to be learnt from it. The
# matrix is symmetric. The framed cells, N columns off the diagonal, are the **positive pairs**. All
# that is neither framed nor on the diagonal are **negatives**.

# %% [markdown] slug=positive-text
# ## Who belongs to whom
#
# **Exercise:** for each of the 2N rows, which row is its positive? *(easy, about 4 minutes)*


# %% slug=positive-index
def positive_index(pictures):
    """Find each view's partner.

    Args:
        pictures: N. Rows 0 to N − 1 are the first views, rows N to 2N − 1 the second ones.

    Returns:
        Whole numbers, `(2N,)`: at i the row of the other view of the same picture.
    """
    ### BEGIN SOLUTION
    return (np.arange(2 * pictures) + pictures) % (2 * pictures)
    ### END SOLUTION


# %% slug=positive-index-check tags=["nbval-check-output"]
report = check("positive_index", positive_index)
positive_index = report.function

# %% [markdown] slug=histogram-text
# With both functions we can ask the whole batch: how similar are positive pairs, how similar are
# all others? If an encoder is any good, the two groups hardly overlap. Look at the untrained one
# first, and mind its scale.

# %% slug=histogram
anchors = np.arange(2 * N)
is_positive = positive_index(N)[:, None] == anchors
is_negative = ~is_positive & ~np.eye(2 * N, dtype=bool)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
means = []
for ax, z, name in zip(axes, (z_untrained, z_trained), ("random weights", "trained"), strict=True):
    similarity = cosine_similarity(z)
    for pairs, hatch, color in ((is_negative, "", "#c8ccd0"), (is_positive, "///", BLUE)):
        weights = np.full(pairs.sum(), 100 / pairs.sum())
        ax.hist(similarity[pairs], 25, weights=weights, hatch=hatch, color=color, alpha=0.75)
    ax.set(xlabel="cosine similarity", ylabel="% of the pairs", title=f"encoder: {name}")
    means += [similarity[is_positive].mean(), similarity[is_negative].mean()]
axes[0].legend(["negatives", "positives"])
show(
    figure,
    alt="Mean cosine, random weights: positives {:.2f}, negatives {:.2f}. Trained: positives"
    " {:.2f}, negatives {:.2f}.".format(*means),
)

# %% [markdown] slug=histogram-commentary tags=["commentary"]
# Random weights make *all* views alike: the arrows point roughly the same way, as the left scale
# tells, and those of one picture hardly closer together than those of two. Training has turned the
# negatives to about a right angle on average, and kept the positives close. A handful of negatives
# stays far to the right, though: remember them, they are the **hard negatives**.

# %% [markdown] slug=classification-text
# ## A guessing game: which one is my partner?
#
# How does one turn this matrix into a loss? By a game that you know. A classifier gives each class
# a **score**, the softmax makes probabilities of the scores, and the loss is minus the logarithm of
# the right class's probability, the **cross-entropy**:
#
# $$p_k = \frac{e^{s_k}}{\sum_m e^{s_m}}, \qquad \ell = -\ln p_\text{right}.$$
#
# SimCLR plays the same game without any class: the "classes" are **the other views in the
# batch**, and the right one is the partner. The scores are the similarities.
#
# **Exercise:** the loss of one such question. *(easy, about 5 minutes)*


# %% slug=cross-entropy
def cross_entropy(scores, target):
    """Price of a guess: minus the logarithm of the right answer's probability.

    Args:
        scores: `(K,)`, one for each possible answer; the higher, the likelier.
        target: the number of the right answer, 0 to K − 1.

    Returns:
        A number from 0 (certain, and right) upwards.
    """
    ### BEGIN SOLUTION
    exponentials = np.exp(scores)
    return -np.log(exponentials[target] / np.sum(exponentials))
    ### END SOLUTION


# %% slug=cross-entropy-check tags=["nbval-check-output"]
report = check("cross_entropy", cross_entropy)
cross_entropy = report.function

# %% [markdown] slug=temperature-text
# A cosine lies between −1 and 1, so the best possible score is only e² ≈ 7.4 times as likely as the
# worst. Such a softmax can never be sure of anything. So all similarities are divided by a
# **temperature** τ (tau) below 1: at τ = 0.1 the scores range from −10 to 10. Let us
# look at single questions among our twelve views: of the six first views, which finds its partner
# most easily, and which has the hardest time?

# %% slug=questions
pairwise = cosine_similarity(z_trained[six])
candidates = [np.delete(pairwise[i], i) for i in range(6)]  # no view is compared with itself
ease = [row[i + 5] - np.delete(row, i + 5).max() for i, row in enumerate(candidates)]
easy, hard = np.argmax(ease), np.argmin(ease)  # partner far ahead, partner behind (or hardly ahead)
letters = [f"{view}{i}" for view in "ab" for i in range(1, 7)]
print(f"easiest question: anchor {letters[easy]}; hardest: anchor {letters[hard]}")

# %% [markdown] slug=one-row-text
# The easy question at two temperatures. The hatched bar is the partner.

# %% slug=one-row
others, names = candidates[easy], np.delete(letters, easy)
figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
panels = {"similarity": others} | {
    f"probability, τ = {tau}": ops.convert_to_numpy(ops.softmax(others / tau)) for tau in (1.0, 0.1)
}
for ax, (name, values) in zip(axes, panels.items(), strict=True):
    bars = ax.bar(names, values, color="#c8ccd0", edgecolor=INK)
    bars[easy + 5].set(color=BLUE, edgecolor=INK, hatch="///")  # the positive
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.tick_params(axis="x", labelrotation=90)
    ax.set(title=name, xlabel="candidate", ylabel=name.split(",")[0])
    ax.set_ylim(0 if "prob" in name else -1, 1)
guesses = [values[easy + 5] for values in panels.values()]
show(
    figure,
    alt="Bars for 11 candidates; hatched: the positive. Its similarity is {:.2f}, its probability"
    " {:.2f} at temperature 1 and {:.2f} at 0.1.".format(*guesses),
)

# %% [markdown] slug=price-text
# And what does each of the two questions cost? Your `cross_entropy`, beside the price of having no
# idea: the same probability for each of the 11 candidates.

# %% slug=price
for name, i in (("easy", easy), ("hard", hard)):
    prices = [f"{cross_entropy(candidates[i] / tau, i + 5):z.2f}" for tau in (1.0, 0.5, 0.1, 0.05)]
    print(f"{name} question (anchor {letters[i]}), τ = 1, 0.5, 0.1, 0.05: {', '.join(prices)}")
print(f"no idea: {np.log(len(others)):.2f}")

# %% [markdown] slug=price-commentary tags=["commentary"]
# A small temperature makes the softmax sure of itself: cheap where it is right, dear where it is
# wrong. Where a stranger looks more like the anchor than its partner does, the price can rise above
# that of having no idea.

# %% [markdown] slug=formula-text
# ## NT-Xent, as the formula reads
#
# Every one of the 2N views is the anchor once, and asks that question to the 2N − 1 others. With
# $s_{ik} = \operatorname{sim}(z_i, z_k)/\tau$ and $j(i)$ for the positive of i,
#
# $$\ell_i = -\ln \frac{e^{s_{i\,j(i)}}}{\sum_{k \neq i} e^{s_{ik}}}, \qquad
#   L = \frac{1}{2N} \sum_{i=1}^{2N} \ell_i.$$
#
# This is equation 1 of the SimCLR paper. Mind the small print: the sum leaves out the anchor
# itself, and only that. The positive is in it, and so are the views of *both* halves.
#
# **Exercise:** write it in loops, for one who reads the formula beside it.
# *(medium, about 12 minutes)*


# %% slug=nt-xent-loops
def nt_xent_loops(z_a, z_b, temperature=0.5):
    """NT-Xent of a batch, anchor by anchor.

    Args:
        z_a, z_b: projections of the first and of the second views, `(N, D)` each; rows of any
            length.
        temperature: τ > 0.

    Returns:
        A number: the mean loss of the 2N anchors.
    """
    ### BEGIN SOLUTION
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
    ### END SOLUTION


# %% slug=nt-xent-loops-check tags=["nbval-check-output"]
report = check("nt_xent_loops", nt_xent_loops)
nt_xent_loops = report.function

# %% [markdown] slug=both-text
# Does the loss see the difference between the two encoders? First a check by eye, on the batch.

# %% slug=both
for name, z in (("random weights", z_untrained), ("trained", z_trained)):
    print(f"{name}: {nt_xent_loops(z[:N], z[N:], 0.5):.3f}")
print(f"ln(2N − 1): {np.log(2 * N - 1):.3f}")

# %% [markdown] slug=overflow-text
# ## Where it breaks
#
# Papers use temperatures down to 0.05. There is a trap on the way: the largest number of 32 bits is
# about $3.4 \cdot 10^{38} \approx e^{88.7}$. Whatever is beyond becomes *infinite*, and infinite ÷
# infinite is *not a number* (`nan`). Positives have cosines close to 1; their scores reach 1/τ.

# %% slug=overflow
scores_at_one = np.float32([1.0, 0.9, -0.3])  # a positive, a hard negative, an easy one
with np.errstate(over="ignore", invalid="ignore"):  # NumPy would warn; here we want to see it
    for tau in (1, 0.1, 0.02, 0.011, 0.01):
        powers = np.exp(scores_at_one / np.float32(tau))
        share = powers[0] / powers.sum()
        print(f"τ = {tau:<5}  largest power {powers.max():<9.3g}  p(positive) {share:.3f}")

# %% [markdown] slug=stable-text
# One `nan` in one batch, and all weights of the encoder are `nan` after the next step. The way out
# costs nothing. Take any number m out of the sum:
#
# $$\ln \sum_k e^{s_k} = \ln \Big( e^{m} \sum_k e^{s_k - m} \Big) = m + \ln \sum_k e^{s_k - m}.$$
#
# It is true for every m; with $m = \max_k s_k$ the largest exponent is 0, the sum is at least 1,
# and nothing can overflow. This is called **logsumexp**. And the loss of an anchor is nothing but
# that, minus one score:
#
# $$\ell_i = \Big( \ln \sum_{k \neq i} e^{s_{ik}} \Big) - s_{i\,j(i)}.$$

# %% [markdown] slug=matrix-text
# ## NT-Xent as one matrix
#
# Now all at once. One product gives all similarities; a mask of −∞ on the diagonal takes each
# anchor out of its own sum, because $e^{-\infty} = 0$; a logsumexp a row; minus the positives; the
# mean. No loop is left, and no overflow.
#
# **Exercise:** write it. It must stay finite at τ = 0.01. *(hard, about 15 minutes)*


# %% slug=nt-xent
def nt_xent(z_a, z_b, temperature=0.5):
    """NT-Xent of a batch, as one matrix.

    Args:
        z_a, z_b: projections of the first and of the second views, `(N, D)` each; rows of any
            length.
        temperature: τ > 0, also a very small one.

    Returns:
        A number: the mean loss of the 2N anchors.
    """
    ### BEGIN SOLUTION
    z = np.concatenate([z_a, z_b])
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    similarity = z @ z.T / temperature
    np.fill_diagonal(similarity, -np.inf)
    positive = np.roll(np.arange(len(z)), len(z_a))
    highest = similarity.max(axis=1, keepdims=True)
    log_sum = highest[:, 0] + np.log(np.exp(similarity - highest).sum(axis=1))
    return np.mean(log_sum - similarity[np.arange(len(z)), positive])
    ### END SOLUTION


# %% slug=nt-xent-check tags=["nbval-check-output"]
report = check("nt_xent", nt_xent)
nt_xent = report.function

# %% [markdown] slug=speed-text
# Same number, other way. How much does the matrix save? Both are given the same batch.

# %% slug=speed
from time import perf_counter


def seconds(loss, repeats):
    """Shortest of a few runs: the others were disturbed by something."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        loss(z_trained[:N], z_trained[N:], 0.5)
        times.append(perf_counter() - start)
    return min(times)


one, other = (float(loss(z_trained[:N], z_trained[N:], 0.5)) for loss in (nt_xent, nt_xent_loops))
ratio = seconds(nt_xent_loops, 3) / seconds(nt_xent, 20)
print(f"{2 * N * (2 * N - 1):,} exponentials each; results: {one:.5f} and {other:.5f}")
print(f"the matrix is {ratio:.0f} times as fast as the loops")

# %% [markdown] slug=stable-picture-text
# And the smallest temperature that both ways survive: the loss of the batch over τ, once with plain
# exponentials in 32 bits, once with your `nt_xent`.


# %% slug=plain
def plain_loss(z, tau):
    """NT-Xent without any care for overflow."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        powers = np.exp(np.float32(cosine_similarity(z)) / np.float32(tau))
        powers[np.diag_indices(2 * N)] = 0
        return float(-np.log(powers[is_positive] / powers.sum(axis=1)).mean())


# %% [markdown] slug=plain-words
# The dashed line is drawn only as far as it is a number.

# %% slug=stable-picture
taus = np.geomspace(0.003, 1, 40)
plain = np.array([plain_loss(z_trained, tau) for tau in taus])
stable = np.array([float(nt_xent(z_trained[:N], z_trained[N:], tau)) for tau in taus])
lost = taus[~np.isfinite(plain)].max(initial=taus[0])
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.plot(taus, stable, color=BLUE, label="nt_xent, with logsumexp")
ax.plot(taus, plain, color=VERMILION, linestyle="--", linewidth=3, label="plain exponentials")
ax.axvspan(taus[0], lost, color="#e5e5e5", hatch="//", label="plain: not a number")
ax.set(xscale="log", xlabel="temperature τ", ylabel="loss", title="Small temperatures need care")
ax.xaxis.set_major_formatter("{x:g}")
ax.legend()
show(
    figure,
    alt=f"Loss over temperature: plain exponentials give no number below about {lost:.2g}; nt_xent"
    f" is finite everywhere, {stable[0]:.2f} at {taus[0]:.2g} and {stable[-1]:.2f} at 1.",
)

# %% [markdown] slug=chance-text
# ## The chance line
#
# When is a loss *good*? Suppose all 2N projections are the same: all similarities are some equal
# number s, and
#
# $$\ell_i = -\ln \frac{e^{s}}{(2N-1)\, e^{s}} = \ln(2N-1),$$
#
# whatever s and τ are. That is the price of having no idea: the **chance line**.
#
# And an encoder whose projections are *random*, each view an arrow in any direction? It has no idea
# either, but it does not know that: by accident some arrows are more similar than others.

# %% slug=chance-predict
from simclr_lib.course import compare_guess, predict

my_guess = predict(
    "chance",
    "Random projections: their loss at temperature 0.1, beside ln(2N−1)?",
    choices=["below", "equal, within 0.05", "above"],
    answer=None,
)

# %% [markdown] slug=chance-run-text
# We measure it for batches from 2 to many pictures, with random arrows of 128 numbers.

# %% slug=chance-run
rng = np.random.default_rng(seed)
sizes = 2 ** np.arange(1, setting.pick(full=11, smoke=7))
measured = {0.5: [], 0.1: []}
for size in sizes:
    random_a, random_b = rng.normal(size=(2, size, 128)).astype("float32")
    for tau, losses in measured.items():
        losses.append(float(nt_xent(random_a, random_b, tau)))
lines = np.log(2 * sizes - 1)
above = np.mean(measured[0.1] - lines)
words = "equal, within 0.05" if abs(above) < 0.05 else "above" if above > 0 else "below"
compare_guess("chance", my_guess, words)

# %% [markdown] slug=chance-picture-text
# The line is the formula; the marks are measured.

# %% slug=chance-picture
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.plot(sizes, lines, color=INK, linestyle="--", label="ln(2N−1)")
ax.plot(sizes, measured[0.5], "o", color=BLUE, label="random projections, τ = 0.5")
ax.plot(sizes, measured[0.1], "s", mfc="none", color=VERMILION, label="random projections, τ = 0.1")
ax.set_xscale("log", base=2)
ax.xaxis.set_major_formatter("{x:g}")
ax.set(xlabel="pictures in a batch, N", ylabel="NT-Xent loss", title="The price of having no idea")
ax.legend()
distance = {tau: np.mean(losses - lines) for tau, losses in measured.items()}
show(
    figure,
    alt=f"Loss of random projections for {sizes[0]} to {sizes[-1]} pictures: above ln(2N−1) by"
    f" {distance[0.5]:.2f} at temperature 0.5 and by {distance[0.1]:.2f} at 0.1, on average.",
)

# %% [markdown] slug=chance-commentary tags=["commentary"]
# Random arrows are *worse* than the chance line, and the more so the smaller τ: they are sure of
# themselves without a reason. It can be proved in one line. The logarithm of a mean is at least the
# mean of the logarithms (Jensen), so $\ln \frac{1}{2N-1} \sum_k e^{s_{ik}}$ is at least the mean
# score; and if the positive is not special, its score is that mean on average.

# %% [markdown] slug=chance-words
# Two quite different failures live near this line: *collapse*, where all projections are equal, and
# random arrows. The loss alone cannot tell them apart; later you will measure two numbers that can.
# And the line depends on N: **compare losses only between batches of the same size.**
#
# *(If you want to stop for today, this is the place.)*

# %% [markdown] slug=gradient-text
# ## The gradient, on paper
#
# What does this loss *do* to a projection? Its gradient tells. Take a pencil: four small steps.
# For now let all rows have length 1, so that $s_{ik} = z_i \cdot z_k / \tau$.
#
# **1. One anchor, by its scores.** From $\ell_i = \ln \sum_{k \neq i} e^{s_{ik}} - s_{i\,j(i)}$,
#
# $$\frac{\partial \ell_i}{\partial s_{ik}} = \frac{e^{s_{ik}}}{\sum_{m \neq i} e^{s_{im}}} -
#   [k = j(i)] = p_{ik} - y_{ik}.$$
#
# The softmax minus a one at the positive: what is given, minus what is wanted. The bracket is 1
# where it is true, else 0.
#
# **2. All anchors.** The loss is their mean, so
# $G_{ik} = \partial L / \partial s_{ik} = (p_{ik} - y_{ik}) / 2N$.
#
# **3. A score, by the projections.** $s_{ik}$ moves with both of its rows:
# $\partial s_{ik} / \partial z_i = z_k / \tau$ and $\partial s_{ik} / \partial z_k = z_i / \tau$.
#
# **4. Together.** Row $z_m$ is an anchor once (scores $s_{mk}$), and a candidate in the question of
# every other anchor (scores $s_{im}$):
#
# $$\frac{\partial L}{\partial z_m} = \frac{1}{\tau} \Big( \sum_k G_{mk}\, z_k + \sum_i G_{im}\, z_i
#   \Big).$$

# %% [markdown] slug=slopes-text
# Here is 2N · G for our six pictures. Blue cells pull the pair together, red cells push it apart.

# %% slug=slopes
small = cosine_similarity(z_trained[six]) / 0.5
small[np.diag_indices(12)] = -np.inf
slopes = ops.convert_to_numpy(ops.softmax(small)) - np.eye(12)[positive_index(6)]
figure, ax = plt.subplots(figsize=(6, 4.6), layout="constrained")
image = ax.imshow(slopes, cmap="RdBu_r", vmin=-1, vmax=1)
figure.colorbar(image, label="slope of the loss by the score")
for (i, k), value in np.ndenumerate(slopes):
    color = "white" if abs(value) > 0.6 else INK
    ax.text(k, i, f"{100 * value:z.0f}", ha="center", va="center", fontsize=8, color=color)
ax.set_xticks(range(12), letters)
ax.set_yticks(range(12), letters)
ax.set(xlabel="candidate", ylabel="anchor", title="p − y at τ = 0.5, in hundredths")
show(
    figure,
    alt=f"12 by 12 slopes: at the positives {slopes.min():.2f} to"
    f" {slopes[np.arange(12), positive_index(6)].max():.2f}, elsewhere between 0 and"
    f" {slopes.max():.2f}; every row adds up to {abs(slopes.sum(axis=1)).max():.0f}.",
)

# %% [markdown] slug=slopes-words
# Each row adds up to 0: **the one positive pulls exactly as hard as all negatives together push.**
# When the anchor has found its partner, $p$ is near 1 there, both forces fade, and that anchor has
# nothing more to learn. The matrix is *not* symmetric: a1 may be sure of b1 while b1 is not sure
# of a1.

# %% [markdown] slug=gradient-exercise-text
# **Exercise:** code step 4 for all rows at once. Row i of z belongs to row i + N, as always.
# *(hard, about 20 minutes; if the two sums are hard to see as matrices, write them as loops first)*


# %% slug=nt-xent-gradient
def nt_xent_gradient(z, temperature=0.5):
    """The gradient of NT-Xent by its unit-length rows.

    Args:
        z: `(2N, D)`, rows of length 1: the N first views, then the N second ones.
        temperature: τ > 0.

    Returns:
        `(2N, D)`: the slope of the loss by each number in z, the rows taken as they are (nothing
        is normalised on the way).
    """
    ### BEGIN SOLUTION
    views = len(z)
    similarity = z @ z.T / temperature
    np.fill_diagonal(similarity, -np.inf)
    share = np.exp(similarity - similarity.max(axis=1, keepdims=True))
    share = share / share.sum(axis=1, keepdims=True)
    share[np.arange(views), np.roll(np.arange(views), views // 2)] -= 1
    return (share + share.T) @ z / (temperature * views)
    ### END SOLUTION


# %% slug=nt-xent-gradient-check tags=["nbval-check-output"]
report = check("nt_xent_gradient", nt_xent_gradient)
nt_xent_gradient = report.function

# %% [markdown] slug=length-text
# ## The last step: through the length
#
# The head gives rows of any length; the loss divides them by it, $\hat z = z / \lVert z \rVert$.
# One more chain rule. A small step dz turns the direction by
#
# $$d\hat z = \frac{dz - (dz \cdot \hat z)\, \hat z}{\lVert z \rVert}:$$
#
# the part of the step *along* z makes the arrow longer and turns nothing, so it drops out; and the
# longer the arrow, the less the same step turns it. The gradient goes back the same way. If g is
# the slope by $\hat z$, then
#
# $$\frac{\partial L}{\partial z} = \frac{g - (g \cdot \hat z)\, \hat z}{\lVert z \rVert}.$$
#
# **Exercise:** write it, row by row or all at once. *(hard, about 10 minutes)*


# %% slug=through-unit-length
def through_unit_length(z, slope):
    """Carry a gradient back through the division by the length.

    Args:
        z: `(rows, D)`, rows of any length but 0.
        slope: `(rows, D)`, the gradient by the rows of length 1.

    Returns:
        `(rows, D)`: the gradient by z.
    """
    ### BEGIN SOLUTION
    length = np.linalg.norm(z, axis=1, keepdims=True)
    direction = z / length
    along = np.sum(slope * direction, axis=1, keepdims=True)
    return (slope - along * direction) / length
    ### END SOLUTION


# %% slug=through-unit-length-check tags=["nbval-check-output"]
report = check("through_unit_length", through_unit_length)
through_unit_length = report.function

# %% [markdown] slug=autodiff-text
# ## By hand and by machine
#
# Now the test that counts. The library's loss is differentiated by TensorFlow's tape (or by JAX,
# if Keras runs on that), which knows nothing of our four steps.


# %% slug=autodiff
from simclr_lib.losses import nt_xent as library_loss


def gradient_by_machine(z, tau):
    """Gradient of the library's NT-Xent by z, `(2N, D)`, by automatic differentiation."""
    half = len(z) // 2
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(lambda z: library_loss(z[:half], z[half:], tau))(z))
    import tensorflow as tf

    z = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = library_loss(z[:half], z[half:], tau)
    return tape.gradient(loss, z).numpy()


def gradient_by_hand(z, tau):
    """The same by your two functions."""
    return through_unit_length(z, nt_xent_gradient(keras.utils.normalize(z, axis=1), tau))


# %% [markdown] slug=compare-text
# All numbers of both gradients for the batch of the trained encoder, one mark each. If you and the
# machine agree, they lie on the diagonal.

# %% slug=compare
figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
largest = []
for ax, tau in zip(axes, (0.5, 0.05), strict=True):
    hand, machine = gradient_by_hand(z_trained, tau), gradient_by_machine(z_trained, tau)
    largest.append(np.abs(hand - machine).max() / np.abs(machine).max())
    ax.plot(machine.ravel()[::7], hand.ravel()[::7], ".", ms=3, color=BLUE, rasterized=True)
    ax.axline((0, 0), slope=1, color=INK, linestyle="--", linewidth=1)
    ax.set(title=f"gradient of NT-Xent, τ = {tau}", xlabel="by machine", ylabel="by hand")
    ax.locator_params(nbins=5)
    ax.ticklabel_format(scilimits=(0, 0))
show(
    figure,
    alt="Gradients by hand over gradients by machine: all on the diagonal. Largest difference, as a"
    f" share of the largest entry: {largest[0]:.1g} at temperature 0.5, {largest[1]:.1g} at 0.05.",
)
print(f"largest difference ÷ largest entry: {largest[0]:.1g} and {largest[1]:.1g}")

# %% [markdown] slug=compare-words
# You need not derive gradients in the lessons to come; the tape does. But you now know what is in
# them: **softmax shares, the partner's minus one, times the others' arrows, divided by τ and by the
# length.**

# %% [markdown] slug=hard-text
# ## What the temperature does to hard negatives
#
# The push of a negative is its share $p_{ik}$, and that grows as $e^{\operatorname{sim}/\tau}$. So
# the *ratio* of two pushes is $e^{(\operatorname{sim}_1 - \operatorname{sim}_2)/\tau}$: τ decides
# how much more the look-alikes count than the rest.

# %% slug=hard-predict
hard_guess = predict(
    "hard",
    "At τ = 0.1: how many times harder is a negative of cosine 0.9 pushed than one of 0.5?",
    answer=None,
)

# %% [markdown] slug=hard-run-text
# In the picture, negatives of all similarities, from opposite (−1) to the same (1), compete for a
# push of 100 % in total.

# %% slug=hard-run
compare_guess("hard", hard_guess, np.exp(0.9 / 0.1) / np.exp(0.5 / 0.1), unit="times")
levels = np.linspace(-1, 1, 41)
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
halves = {}
for tau, line in zip((1.0, 0.5, 0.2, 0.1, 0.05), ("-", "--", "-.", ":", "-"), strict=True):
    push = 100 * ops.convert_to_numpy(ops.softmax(levels / tau))
    marker = "o" if tau == 0.05 else ""
    ax.plot(levels, push, line, marker=marker, ms=4, label=f"τ = {tau}")
    halves[tau] = push[-5:].sum()
ax.set(xlabel="cosine similarity of a negative to the anchor", ylabel="% of the push")
ax.set_title("The smaller τ, the more the nearest negatives count")
ax.legend()
told = ", ".join(f"{share:.0f} % at {tau}" for tau, share in halves.items())
show(figure, alt=f"Share of the push that goes to the nearest eighth of the negatives: {told}.")

# %% [markdown] slug=force-text
# The same on a circle, so that you see *where* it pushes: one anchor (triangle), its positive
# (square), and eleven negatives. The width of a line is the force.

# %% slug=force
angles = np.r_[0.0, 0.5, np.linspace(0.25, 2 * np.pi - 0.4, 11)]
points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
near = points[1:] @ points[0]
figure, axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
for ax, tau in zip(axes, (1.0, 0.3, 0.1), strict=True):
    force = ops.convert_to_numpy(ops.softmax(near / tau)) - np.eye(12)[0]
    for other, strength in zip(points[1:], force, strict=True):
        color, line = (BLUE, "--") if strength < 0 else (VERMILION, "-")
        lines = np.stack([points[0], other]).T
        ax.plot(*lines, line, color=color, linewidth=0.2 + 9 * abs(strength))
    ax.plot(*points[2:].T, "o", color=INK, ms=6)
    ax.plot(*points[0], "^", color=INK, ms=11)
    ax.plot(*points[1], "s", color=BLUE, mec=INK, ms=10)
    ax.set(aspect="equal", xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), title=f"τ = {tau}")
    ax.set(xticks=[], yticks=[], xlabel="first number of z", ylabel="second number of z")
show(
    figure,
    alt="An anchor on a circle. At temperature 1 all negatives push, the near ones a little more;"
    f" at 0.1 {force[1] / force[1:].sum():.0%} of the push comes from the nearest of eleven.",
)

# %% [markdown] slug=same-class-text
# Then why not make τ as small as the machine allows? Because of *who* the hardest negatives are.
# SimCLR reads no label, so a picture of the same class is a negative like any other. We, who may
# look at the labels, can ask how much of the whole push falls on views of the anchor's own class.

# %% slug=same-class
similarity = cosine_similarity(z_trained)
both = np.concatenate([labels, labels])
same_class = both[:, None] == both
negatives = np.where(is_negative, similarity, -np.inf)
taus = np.geomspace(0.02, 2, 25)
on_own = []
for tau in taus:
    push = ops.convert_to_numpy(ops.softmax(negatives / tau))
    on_own.append(100 * push[same_class].sum() / (2 * N))
expected = 100 * (same_class & is_negative).sum() / is_negative.sum()

# %% [markdown] slug=same-class-picture-text
# The dashed line is what a push would get that treats all negatives alike.

# %% slug=same-class-picture
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.plot(taus, on_own, "o-", ms=4, color=VERMILION, label="share of the push on the own class")
ax.axhline(expected, color=INK, linestyle="--", label="their share among the negatives")
ax.set(xscale="log", xlabel="temperature τ", ylabel="%", title="Small temperatures push kin apart")
ax.xaxis.set_major_formatter("{x:g}")
ax.legend()
show(
    figure,
    alt=f"Push on negatives of the anchor's own class: {on_own[0]:.0f} % at temperature"
    f" {taus[0]:.2g}, {on_own[-1]:.0f} % at {taus[-1]:.2g}; they are {expected:.0f} % of all.",
)

# %% [markdown] slug=same-class-commentary tags=["commentary"]
# These are the *false negatives*: pictures that a good encoder should call alike. A small τ spends
# more than their share of its force on tearing them apart; a large τ hardly tells near from
# far and wastes its force on negatives that are long gone. In between lies the useful range: 0.1 to
# 0.5 in the papers. Where in it depends on pictures, batch and length of training, so it is tried
# out.

# %% [markdown] slug=align-text
# ## Two numbers that say how a sphere is filled
#
# Unit-length rows lie on a sphere. Wang and Isola (2020) describe by two numbers how a good encoder
# fills it. The first, **alignment**, is how close the two views of a picture are:
#
# $$\text{alignment} = \text{mean over pictures of } \lVert \hat z_i - \hat z_{j(i)} \rVert^2.$$
#
# 0 is perfect. **Exercise:** *(easy, about 5 minutes)*


# %% slug=alignment
def alignment(z_a, z_b):
    """How close the two views of a picture are, on average.

    Args:
        z_a, z_b: projections of the first and of the second views, `(N, D)`, rows of any length.

    Returns:
        The mean squared distance of the two unit vectors of a picture, from 0 to 4.
    """
    ### BEGIN SOLUTION
    a = z_a / np.linalg.norm(z_a, axis=1, keepdims=True)
    b = z_b / np.linalg.norm(z_b, axis=1, keepdims=True)
    return np.mean(np.sum((a - b) ** 2, axis=1))
    ### END SOLUTION


# %% slug=alignment-check tags=["nbval-check-output"]
report = check("alignment", alignment)
alignment = report.function

# %% [markdown] slug=uniform-text
# Alignment alone is easy to please: send all pictures to one point. The second number,
# **uniformity**, catches that. Every pair of different rows counts by a bell curve of its
# distance, so crowds cost much and distant pairs nearly nothing:
#
# $$\text{uniformity} = \ln \big( \text{mean over pairs of }
#   e^{-t \lVert \hat z_i - \hat z_k \rVert^2} \big), \qquad t = 2.$$
#
# 0 is total collapse; the lower, the more evenly the sphere is filled.
#
# **Exercise:** *(medium, about 8 minutes)*


# %% slug=uniformity
def uniformity(z, t=2.0):
    """How evenly rows are spread over the sphere.

    Args:
        z: `(rows, D)`, rows of any length.
        t: how narrow the bell curve is.

    Returns:
        The logarithm of the mean of exp(−t · squared distance of the unit vectors) over all pairs
        of different rows: 0 or below.
    """
    ### BEGIN SOLUTION
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    i, j = np.triu_indices(len(z), k=1)
    squared = np.sum((z[i] - z[j]) ** 2, axis=1)
    return np.log(np.mean(np.exp(-t * squared)))
    ### END SOLUTION


# %% slug=uniformity-check tags=["nbval-check-output"]
report = check("uniformity", uniformity)
uniformity = report.function

# %% [markdown] slug=map-text
# Now put four kinds of projections on one map: both encoders, random arrows, and a collapse (one
# arrow for all, with a touch of noise). Down and left is good. Beside each stands its loss at
# τ = 0.5.

# %% slug=map
arrows = rng.normal(size=z_trained.shape).astype("float32")
kinds = {  # projections, marker, how far its words stand above it
    "trained": (z_trained, "*", 0),
    "random weights": (z_untrained, "s", -26),
    "random arrows": (arrows, "o", 0),
    "collapse": (arrows[:1] + 0.02 * arrows, "X", 12),
}
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
told = []
for name, (z, marker, up) in kinds.items():
    x, y = float(alignment(z[:N], z[N:])), float(uniformity(z))
    loss = float(nt_xent(z[:N], z[N:], 0.5))
    told.append(f"{name} {x:z.2f}, {y:z.2f}, loss {loss:.2f}")
    ax.plot(x, y, marker, ms=13, mec=INK)
    ax.annotate(f"{name}\nloss {loss:.2f}", (x, y), (12, up), textcoords="offset points")
ax.set(xlabel="alignment (0: partners coincide)", ylabel="uniformity (lower: more even)")
ax.set(xlim=(-0.1, 2.6), ylim=(-4.4, 0.9))
ax.set_title(f"Where projections lie on the sphere (loss of chance: {np.log(2 * N - 1):.2f})")
show(figure, alt="Alignment, uniformity and loss: " + "; ".join(told) + ".")

# %% [markdown] slug=map-words
# Random arrows and collapse have nearly the same loss, and could hardly lie further apart on this
# map. An untrained encoder is closer to a collapse than to random arrows. Compare it with the
# trained one: on which of the two axes has the training moved it further?
#
# That NT-Xent wants both numbers low can be read off the formula. Split the logarithm:
#
# $$L = \underbrace{-\tfrac{1}{\tau}\,\text{mean}\; \hat z_i \cdot \hat z_{j(i)}}_{\text{pull:
#   alignment}} \; + \; \underbrace{\text{mean} \ln \sum_{k \neq i}
#   e^{\hat z_i \cdot \hat z_k / \tau}}_{\text{push: uniformity}}.$$
#
# The first part is alignment in other words, as $\lVert u - v \rVert^2 = 2 - 2\, u \cdot v$ for
# unit vectors. The second is a soft maximum over all others; Wang and Isola show that with ever
# more negatives it is lowest when the sphere is filled evenly.

# %% [markdown] slug=free-text
# ## Let points go
#
# Last, see it happen. No pictures, no network: every view is a **free point** on a circle, and
# moves downhill by *your* gradient. A step: take the slope, carry it through the length, go against
# it, and come back to the circle.


# %% slug=descend
def descend(slope_of, z, steps, rate=0.3):
    """Let unit-length rows go downhill: `(steps + 1, rows, 2)`, all places on the way."""
    path = [z]
    for _ in range(steps):
        z = z - rate * through_unit_length(z, slope_of(z))
        z = keras.utils.normalize(z, axis=1)
        path.append(z)
    return np.array(path)


def pull(z, tau=0.5):
    """The slope of the first part of the loss alone: partners attract, nobody repels."""
    partners = z[positive_index(len(z) // 2)]
    return -2 * partners / (tau * len(z))


def push(z, tau=0.5):
    """The slope of the second part alone: everybody repels."""
    return nt_xent_gradient(z, tau) - pull(z, tau)


# %% [markdown] slug=free-predict-text
# Six pictures, so twelve points, thrown at random onto one half of the circle. Three times they are
# let go: with the pull alone, with the push alone, with both. Think of the pull first.

# %% slug=free-predict
pull_guess = predict(
    "pull-only",
    "With the pull alone, where do the six pairs end?",
    choices=["all in one point", "each pair in a point of its own", "evenly around the circle"],
    answer=None,
)

# %% [markdown] slug=free-run-text
# The three runs start from the same places. To name the end of the pull we look at the mean of all
# points: its length is 1 if they are all in one place, and 0 if they are evenly around.

# %% slug=free-run
start = rng.uniform(0, np.pi, 12)
start = np.stack([np.cos(start), np.sin(start)], axis=1)
steps = setting.pick(full=600, smoke=60)
slopes_of = {"pull alone": pull, "push alone": push, "both: NT-Xent": nt_xent_gradient}
paths = {name: descend(slope, start, steps) for name, slope in slopes_of.items()}
ends = paths["pull alone"][-1]
middle = np.linalg.norm(ends.mean(axis=0))
words = "all in one point" if middle > 0.99 else "each pair in a point of its own"
compare_guess("pull-only", pull_guess, "evenly around the circle" if middle < 0.1 else words)

# %% [markdown] slug=free-picture-text
# Each picture has a marker of its own and a line between its two views; thin curves show the way
# that the points went, drawn a little outwards from step to step.

# %% slug=free-picture
figure, axes = plt.subplots(1, 4, figsize=(10, 3.2), layout="constrained")
panels = {"start": start[None]} | paths
told = []
for ax, (name, path) in zip(axes, panels.items(), strict=True):
    outwards = np.linspace(0.75, 1, len(path))[:, None, None]
    for i in range(6):
        color, marker = plots.COLOURS[i], plots.MARKERS[i]
        for view in (i, i + 6):
            ax.plot(*(outwards * path)[:, view].T, color=color, linewidth=0.8)
        pair = path[-1][[i, i + 6]]
        ax.plot(*pair.T, marker=marker, color=color, mec=INK, ms=8)
    x, y = alignment(path[-1][:6], path[-1][6:]), uniformity(path[-1])
    told.append(f"{name}: alignment {x:.2f}, uniformity {y:.2f}")
    ax.set(title=name, xlabel=f"alignment {x:.2f}\nuniformity {y:.2f}")
    ax.set(aspect="equal", xticks=[], yticks=[], xlim=(-1.25, 1.25), ylim=(-1.25, 1.25))
axes[0].set_ylabel("second number of z")
show(figure, alt="Twelve points on a circle in pairs. " + "; ".join(told) + ".")

# %% [markdown] slug=free-commentary tags=["commentary"]
# With the pull alone each pair meets halfway and then stays: nothing brings different pairs
# together, and nothing drives them apart. So the pull alone does not *make* free points collapse;
# but it does not mind if they do. An encoder is not free: the easiest way for it to make all pairs
# meet is to answer the same to every picture, and nothing in this half of the loss forbids it.
# The push alone fills the circle and tears partners apart. Both together: pairs, evenly spread.

# %% [markdown] slug=curves-text
# The two numbers on the way there, for NT-Xent at three temperatures, from the same start. Which of
# the two numbers moves first?

# %% slug=curves
figure, axes = plt.subplots(1, 2, figsize=(9, 3.3), layout="constrained")
told = []
for tau, line in ((0.1, ":"), (0.5, "-"), (2.0, "--")):
    path = descend(lambda z, tau=tau: nt_xent_gradient(z, tau), start, steps, rate=0.6 * tau)
    closeness = [alignment(z[:6], z[6:]) for z in path]
    evenness = [uniformity(z) for z in path]
    for ax, values in zip(axes, (closeness, evenness), strict=True):
        ax.plot(values, line, color=BLUE, label=f"τ = {tau}")
    told.append(f"τ {tau}: {closeness[-1]:.2f} and {evenness[-1]:.2f}")
axes[0].set(xlabel="step", ylabel="alignment", title="Partners: 0 when they coincide")
axes[1].set(xlabel="step", ylabel="uniformity", title="All: lower is more even")
axes[0].legend()
show(figure, alt="Alignment and uniformity over the steps; at the end " + "; ".join(told) + ".")

# %% [markdown] slug=recap
# ## What you learnt
#
# - **NT-Xent** is softmax cross-entropy of "which of the 2N − 1 other views is my partner?", with
#   cosine ÷ τ as scores, averaged over all 2N anchors. The diagonal is masked; the positive is not.
# - Written with **logsumexp** it is one matrix, and finite at any temperature.
# - Its **gradient** is softmax − one-hot: one partner pulls as hard as all negatives push together.
#   Through the division by the length, only the part across the arrow remains.
# - The **temperature** decides whom the push hits: the smaller, the more the look-alikes, and those
#   are often of the same class.
# - **ln(2N−1)** is the price of having no idea. Collapse sits on it, random projections a little
#   above; alignment and uniformity tell which of the two it is.
#
# **Try it:** in "Let points go", give the twelve points three numbers each in place of two
# (`rng.normal`, then `keras.utils.normalize`). What is an even arrangement of six pairs on a ball?

# %% [markdown] slug=next
# ## What comes next
#
# - **04 Pretraining:** the loss drives a real encoder, and you watch it leave the chance line.
# - The field went on from here. *Decoupled* contrastive learning takes the positive out of the
#   denominator, so that the push does not fade when a partner is found; *debiased* and *supervised*
#   losses care for the false negatives; SigLIP asks each pair on its own, without a softmax; and
#   SogCLR makes small batches do (a later lesson).

# %% [markdown] slug=references
# ## References
#
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020):
#   [A Simple Framework for Contrastive Learning of Visual Representations](https://arxiv.org/abs/2002.05709).
#   Equation 1 is the loss; table 2 compares gradients of three losses, table 5 temperatures.
# - T. Wang, P. Isola (2020):
#   [Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere](https://arxiv.org/abs/2005.10242).
# - F. Wang, H. Liu (2021):
#   [Understanding the Behaviour of Contrastive Loss](https://arxiv.org/abs/2012.09740).
#   What the temperature does to hard negatives.
# - A. van den Oord, Y. Li, O. Vinyals (2018):
#   [Representation Learning with Contrastive Predictive Coding](https://arxiv.org/abs/1807.03748).
#   The same guessing game, under the name InfoNCE.
# - C.-H. Yeh and others (2022): [Decoupled Contrastive Learning](https://arxiv.org/abs/2110.06848).
# - C.-Y. Chuang and others (2020): [Debiased Contrastive Learning](https://arxiv.org/abs/2007.00224).
# - P. Khosla and others (2020): [Supervised Contrastive Learning](https://arxiv.org/abs/2004.11362).
# - X. Zhai and others (2023):
#   [Sigmoid Loss for Language Image Pre-Training](https://arxiv.org/abs/2303.15343), SigLIP.

# %% [markdown] slug=title
# # Linear evaluation: what are the features worth?
#
# An encoder has learnt from pictures without labels. Now it is judged: the encoder is frozen, and
# something very simple tries to read the classes off its features. How well that works is
# the number that papers report. It is also easily got wrong, and you will see how.
#
# **After it you can**
#
# - freeze an encoder so that it really is frozen, and show that it is;
# - write a linear probe and a vote of the nearest neighbours, and choose their settings without a
#   look at the test pictures;
# - put a number beside the baselines that give it a meaning;
# - say how many labels an encoder saves, and why the head is thrown away.
#
# **It takes** about 100 minutes of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** BatchNorm's two modes and the head
# (lesson 02) and, if you have it, the encoder that you saved in lesson 04.

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson, and one of this: which encoder is judged. Leave them as they
# are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" (minutes) or "smoke" (seconds, measures next to nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other pictures drawn, other labels kept
encoder_from: str = "auto"  # "auto", "kit", or the folder of a `simclr run` of yours

# %% [markdown] slug=setup-text
# The next cell loads the pictures. For the first time in this course the labels are more than a
# look aside: they train a classifier, and they judge it.

# %% slug=setup
import numpy as np
from matplotlib import pyplot as plt

from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

setting = lesson(
    "05_linear_evaluation",
    profile=profile,
    dataset=dataset,
    seed=seed,
    train_limit=5000,
    test_limit=1000,
)
data = setting.data
classes = len(data.class_names)

# %% [markdown] slug=start-text
# ## The encoder on trial
#
# It is your own from lesson 04, if you ran that lesson on the same pictures and in the same
# profile; else the one that comes with the kit. For pictures that the kit has no encoder for, one
# is trained now, for some minutes. To judge another one, change `encoder_from` at the top: to
# `"kit"`, or to the folder of a `simclr run` as seen from this notebook, such as
# `"../runs/demo"`.
#
# Load it, and see what goes in and what comes out: a picture becomes a row of **features h**.

# %% slug=load
import keras

from simclr_lib.course.on_trial import encoder_on_trial

trial = encoder_on_trial(setting, encoder_from)
encoder, head, source = trial.encoder, trial.head, trial.source
features_per_picture = encoder.output_shape[-1]
print(f"Encoder: {source}; {encoder.count_params():,} weights, h of {features_per_picture} numbers")

# %% [markdown] slug=frozen-text
# ## Frozen means frozen
#
# "Frozen" sounds easy: do not train it. But an encoder has a part that changes without any
# training: **BatchNorm** (lesson 02). In training mode it normalises by the statistics of the
# batch, and moves its running statistics with every call. Then a picture's features depend on
# its neighbours in the batch, and the encoder after the evaluation is not the one before. In
# inference mode, `training=False`, it uses the running statistics and leaves them alone.
#
# **Exercise:** run pictures through the encoder in inference mode, a batch at a time (all at once
# would not fit into memory). Pictures are whole numbers from 0 to 255; the encoder was trained on
# 0 to 1. *(medium, about 8 minutes)*


# %% slug=frozen-features
def frozen_features(encoder, images, batch_size=256):
    """Features of pictures from an encoder that nothing changes.

    Args:
        encoder: Keras model, float pictures `(B, H, W, 3)` in [0, 1] → `(B, d)`.
        images: uint8 `(N, H, W, 3)`.
        batch_size: pictures at a time; it need not divide N.

    Returns:
        NumPy array `(N, d)`.
    """
    ### BEGIN SOLUTION
    features = []
    for first in range(0, len(images), batch_size):
        batch = images[first : first + batch_size].astype("float32") / 255
        features.append(np.asarray(encoder(batch, training=False)))
    return np.concatenate(features)
    ### END SOLUTION


# %% slug=frozen-features-check tags=["nbval-check-output"]
report = check("frozen_features", frozen_features)
frozen_features = report.function

# %% [markdown] slug=mates-predict-text
# What does the wrong mode cost? Take 40 pictures, and run them twice: once beside 40 ordinary
# pictures, once beside 40 dark ones. By how much do the features of the first 40 change, as a
# share of their length?

# %% slug=mates-predict
from simclr_lib.course import compare_guess, predict

mates_guess = predict(
    "mates",
    "In training mode: by how many percent do a picture's features change with its batch mates?",
    answer=None,
)

# %% [markdown] slug=mates-text
# A second copy of the encoder is loaded for this, because it will be spoilt.

# %% slug=mates
spoilt = encoder_on_trial(setting, encoder_from).encoder
before = [np.array(weight) for weight in spoilt.get_weights()]
asked, ordinary = data.train_images[:40] / 255, data.train_images[40:80] / 255


def change_with_mates(training):
    """How much each asked picture's h changes when its batch mates are dark, as a share."""
    beside = [np.concatenate([asked, mates]) for mates in (ordinary, ordinary / 4)]
    one, other = (np.asarray(spoilt(batch, training=training))[:40] for batch in beside)
    return np.linalg.norm(one - other, axis=1) / np.linalg.norm(one, axis=1)


frozen_change, moving_change = change_with_mates(False), change_with_mates(True)
moved = sum(not np.array_equal(a, b) for a, b in zip(before, spoilt.get_weights(), strict=True))
compare_guess("mates", mates_guess, 100 * np.median(moving_change), unit="%")
print(f"Two calls in training mode changed {moved} of the encoder's {len(before)} arrays.")

# %% [markdown] slug=mates-picture-text
# Here is every one of the 40 pictures, once for each mode.

# %% slug=mates-picture
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
for change, name, marker, colour in (
    (moving_change, "training mode", "s", "#D55E00"),
    (frozen_change, "inference mode", "o", "#0072B2"),
):
    ax.plot(100 * np.sort(change), marker, color=colour, markersize=5, label=name)
ax.set(title="How much a picture's features change with its batch mates", xlabel="picture, sorted")
ax.set(ylabel="change of h, % of its length")
ax.legend()
show(
    figure,
    alt=f"Change of the features of 40 pictures: {100 * frozen_change.max():.2g} % at most in"
    f" inference mode, {100 * np.median(moving_change):.0f} % in the median in training mode.",
)

# %% [markdown] slug=mates-commentary tags=["commentary"]
# In inference mode the batch mates do not matter (what is left is rounding). In training mode they
# do, and the encoder itself has changed: every BatchNorm layer holds other statistics now. Whoever
# then saves or goes on with this encoder has another one. In Keras `encoder.trainable = False`
# would have prevented it, because there it also keeps BatchNorm in inference mode. In other
# libraries "do not train the weights" and "inference mode" are two switches, and forgetting the
# second is the usual mistake. So say the mode in the call.

# %% [markdown] slug=rivals-text
# ## The rivals
#
# A number alone says nothing. We judge three kinds of features with the same judge:
#
# - **raw pixels**: no encoder at all;
# - **random encoder**: the same network, untrained. Its BatchNorm statistics have to settle first
#   (lesson 04), else it looks worse than it is;
# - **SimCLR**: the encoder on trial.

# %% slug=rivals
untrained = keras.models.clone_model(encoder)  # the same layers, with weights as at the start
for first in range(0, 30 * 64, 64):  # no weight moves: only the statistics settle
    seen = data.train_images[np.arange(first, first + 64) % len(data.train_images)]
    untrained(seen / 255, training=True)


def both_parts(features_of):
    """Features of the training and of the test pictures."""
    return features_of(data.train_images), features_of(data.test_images)


features = {
    "raw pixels": both_parts(lambda images: images.reshape(len(images), -1) / np.float32(255)),
    "random encoder": both_parts(lambda images: frozen_features(untrained, images)),
    "SimCLR": both_parts(lambda images: frozen_features(encoder, images)),
}
train_h, test_h = features["SimCLR"]
train_y, test_y = data.train_labels, data.test_labels
for name, (h, _) in features.items():
    print(f"{name}: {h.shape[1]} numbers for each picture")

# %% [markdown] slug=validation-text
# ## A part for choosing
#
# Judges have settings too: a penalty, a number of neighbours. To choose them we set a fifth of the
# *training* pictures aside, the **validation part**. The test pictures stay shut away until all
# choices are made; each look at them that leads to a choice makes the final number too good. How
# much too good, you will measure below.

# %% slug=validation
from simclr_lib.datasets.stratify import split_mask

held_out = split_mask(train_y, 0.2, seed)
fit_h, fit_y = train_h[~held_out], train_y[~held_out]
val_h, val_y = train_h[held_out], train_y[held_out]
print(f"{len(fit_y):,} pictures to fit on, {len(val_y):,} to choose by, {len(test_y):,} to test on")

# %% [markdown] slug=standardise-text
# ## The same scale for all features
#
# Some of an encoder's features vary much more than others, some perhaps not at all. A linear rule
# that is fitted by steps, or with a penalty on its weights, then listens to the loud ones most. So
# each feature is **standardised**: minus its mean, divided by its standard deviation.
#
# Whose mean and deviation? Those of the pictures that the probe is *trained* on, for all parts
# alike. Test pictures may not even decide how they are measured.
#
# **Exercise:** standardise two parts. A feature that never changes has deviation 0: make sure that
# nothing is divided by it. *(easy, about 5 minutes)*


# %% slug=standardise
def standardise(train_h, test_h):
    """Give each feature mean 0 and deviation 1 over the training part.

    Args:
        train_h: `(N, d)`, decides mean and deviation.
        test_h: `(M, d)`, the other part.

    Returns:
        Both parts on the new scale, `(N, d)` and `(M, d)`.
    """
    ### BEGIN SOLUTION
    mean, deviation = train_h.mean(axis=0), train_h.std(axis=0)
    deviation = np.where(deviation < 1e-6, 1, deviation)
    return (train_h - mean) / deviation, (test_h - mean) / deviation
    ### END SOLUTION


# %% slug=standardise-check tags=["nbval-check-output"]
report = check("standardise", standardise)
standardise = report.function

# %% [markdown] slug=scales-text
# How different are the scales of this encoder's features? Each dot is a feature, the loudest first.

# %% slug=scales
fit_x, val_x = standardise(fit_h, val_h)
spread, spread_x = (np.sort(part.std(axis=0))[::-1] for part in (fit_h, fit_x))
figure, ax = plt.subplots(figsize=(7.0, 3.0), layout="constrained")
ax.plot(spread, "o", color="#D55E00", markersize=4, label="as they come")
ax.plot(spread_x, "s", color="#0072B2", markersize=4, label="standardised")
ax.set(title="Scales of the features", xlabel="feature, sorted", ylabel="standard deviation")
ax.set_ylim(0)
ax.legend()
show(
    figure,
    alt=f"Deviations of {len(spread)} features: from {spread[-1]:.2g} to {spread[0]:.2g} as they"
    f" come, {spread_x[0]:.2g} after standardising.",
)

# %% [markdown] slug=probe-text
# ## The linear probe
#
# The probe gives each class a score (a *logit*) that is linear in the features, $s = xW + b$, and
# softmax turns scores into probabilities. That is all: no hidden layer, so that it can only find
# what already lies open. It is fitted by the mean cross-entropy over the pictures, and a penalty
# that keeps the weights small:
#
# $$L = \frac1N \sum_n \Big( \log \sum_k e^{s_{nk}} - s_{n y_n} \Big)
# + \frac{\lambda}{2} \sum_{jk} W_{jk}^2 .$$
#
# By the scores, the slope of the cross-entropy is *probability minus truth*: $p_{nk}$, and 1 less
# where $k$ is the true class (softmax − one-hot), divided by N. Call that matrix $G$. The chain
# rule through $s = xW + b$ gives the rest: $x^\top G$ for the weights (the penalty adds
# $\lambda W$), and the sum of $G$ over the pictures for the bias.
#
# **Exercise:** write loss and slopes. Two things to mind: it is called hundreds of times on
# thousands of pictures, so no loop over pictures; and $e^{1000}$ is too large for a computer, so
# take each row's largest score off first, which changes no probability. *(hard, about 20 minutes)*


# %% slug=probe-loss
def probe_loss(x, y, weights, bias, penalty=1e-4):
    """Loss of multinomial logistic regression, and its slopes.

    Args:
        x: standardised features `(N, d)`.
        y: labels `(N,)`, from 0 to K − 1.
        weights: `(d, K)`.
        bias: `(K,)`, not penalised.
        penalty: λ ≥ 0.

    Returns:
        `(loss, slope by the weights (d, K), slope by the bias (K,))`.
    """
    ### BEGIN SOLUTION
    scores = x @ weights + bias
    scores = scores - scores.max(axis=1, keepdims=True)
    exponentials = np.exp(scores)
    total = exponentials.sum(axis=1, keepdims=True)
    pictures = np.arange(len(x))
    entropy = np.log(total[:, 0]) - scores[pictures, y]
    error = exponentials / total
    error[pictures, y] -= 1
    error /= len(x)
    loss = entropy.mean() + penalty / 2 * np.sum(weights**2)
    return loss, x.T @ error + penalty * weights, error.sum(axis=0)
    ### END SOLUTION


# %% slug=probe-loss-check tags=["nbval-check-output"]
report = check("probe_loss", probe_loss)
probe_loss = report.function

# %% [markdown] slug=fit-text
# The loss has one lowest point and no other valleys, so any good optimiser ends at the same
# place. L-BFGS needs no learning rate: it asks for loss and slope at a point, and chooses its
# steps itself. We note the loss each time it asks.

# %% slug=fit
from scipy.optimize import minimize


def fit_probe(x, y, penalty=1e-4, iterations=100):
    """Fit a probe: a table `(d + 1, K)` whose last row is the bias, and the losses on the way."""
    losses = []

    def loss_and_slope(numbers):
        table = numbers.reshape(-1, classes)
        loss, by_weights, by_bias = probe_loss(x, y, table[:-1], table[-1], penalty)
        losses.append(float(loss))
        return losses[-1], np.vstack([by_weights, by_bias]).ravel()

    start, options = np.zeros((x.shape[1] + 1) * classes), {"maxiter": iterations}
    best = minimize(loss_and_slope, start, jac=True, method="L-BFGS-B", options=options)
    return best.x.reshape(-1, classes), losses


# %% [markdown] slug=descent-text
# It starts at weights of 0, where all classes are equally likely: the loss there is ln K, the
# **line of chance**. Watch it come down, with the features as they come and standardised.

# %% slug=descent
table, losses = fit_probe(fit_x, fit_y)
_, losses_as_they_come = fit_probe(fit_h, fit_y)
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
ax.plot(losses_as_they_come, "--", color="#D55E00", label="features as they come")
ax.plot(losses, color="#0072B2", label="standardised")
ax.axhline(np.log(classes), color="#222222", linestyle=":", label=f"chance: ln {classes}")
ax.set(title="Fitting the probe", xlabel="looks at the loss", ylabel="loss")
ax.set_ylim(0, 1.3 * np.log(classes))
ax.legend()
show(
    figure,
    alt=f"The loss falls from {losses[0]:.2f}, chance, to {losses[-1]:.2f} with standardised"
    f" features and to {losses_as_they_come[-1]:.2f} with features as they come.",
)

# %% [markdown] slug=penalty-text
# ### Choose the penalty on the validation part
#
# Without a penalty the probe may learn the training pictures by heart; with too much it learns
# nothing. The validation part decides.

# %% slug=penalty


def probe_accuracy(table, x, y):
    """Share of the pictures whose highest score is that of the true class."""
    return np.mean((x @ table[:-1] + table[-1]).argmax(axis=1) == y)


penalties = [1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]
tables = [fit_probe(fit_x, fit_y, penalty, iterations=60)[0] for penalty in penalties]
fit_accuracy = [probe_accuracy(table, fit_x, fit_y) for table in tables]
val_accuracy = [probe_accuracy(table, val_x, val_y) for table in tables]
penalty = penalties[int(np.argmax(val_accuracy))]
print(f"chosen: penalty {penalty:g}, {max(val_accuracy):.1%} of the validation pictures right")

# %% [markdown] slug=penalty-picture-text
# Look at the gap between the two curves: it is what the probe has learnt by heart.

# %% slug=penalty-picture
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
for values, name, style in ((fit_accuracy, "fitted on", "s--"), (val_accuracy, "validation", "o-")):
    ax.plot(penalties, 100 * np.array(values), style, label=name)
ax.axvline(penalty, color="#222222", linestyle=":", label="chosen")
ax.set(title="Accuracy of the probe", xlabel="penalty λ", ylabel="pictures right, %")
ax.set_xscale("log")
ax.set_xticks(penalties, [f"{value:g}" for value in penalties])
ax.legend()
told = ", ".join(f"{p:g}: {v:.1%}" for p, v in zip(penalties, val_accuracy, strict=True))
show(figure, alt=f"Validation accuracy by penalty: {told}. Chosen is {penalty:g}.")

# %% [markdown] slug=knn-text
# ## The nearest neighbours
#
# The second judge needs no training at all. For a test picture it looks up the $k$ training
# pictures with the most similar features, by cosine, and lets them vote on the class. The nearer,
# the heavier the vote: a neighbour weighs $e^{\cos / \tau}$, with τ = 0.1 as a rule. The class with
# the largest sum wins.
#
# The probe asks whether *some direction* in the features tells the classes apart. The neighbours
# ask another question: whether *distance itself* does. Neither is the harder one for all features,
# as you will see.
#
# **Exercise:** write the vote, without the library's `nearest`. *(medium, about 12 minutes)*


# %% slug=knn-predict
def knn_predict(train_h, train_y, test_h, k=200, temperature=0.1):
    """Predict classes by a weighted vote of the k nearest training pictures.

    Args:
        train_h: `(N, d)`, of any lengths.
        train_y: labels `(N,)`, from 0.
        test_h: `(M, d)`.
        k: how many vote; if there are fewer training pictures, all do.
        temperature: τ > 0.

    Returns:
        Predicted labels `(M,)`.
    """
    ### BEGIN SOLUTION
    train_u = train_h / np.linalg.norm(train_h, axis=1, keepdims=True)
    test_u = test_h / np.linalg.norm(test_h, axis=1, keepdims=True)
    cosine = test_u @ train_u.T
    order = np.argsort(-cosine, axis=1)[:, :k]
    weight = np.exp(np.take_along_axis(cosine, order, axis=1) / temperature)
    votes = np.zeros((len(test_h), train_y.max() + 1))
    np.add.at(votes, (np.arange(len(test_h))[:, None], train_y[order]), weight)
    return votes.argmax(axis=1)
    ### END SOLUTION


# %% slug=knn-predict-check tags=["nbval-check-output"]
report = check("knn_predict", knn_predict)
knn_predict = report.function

# %% [markdown] slug=grid-text
# Two settings, and again the validation part decides. Few neighbours are noisy; many reach into
# other classes, unless a low temperature makes the far ones silent.

# %% slug=grid
neighbours, temperatures = [1, 5, 20, 100, 200], [0.02, 0.05, 0.1, 0.5]
grid = np.array([
    [np.mean(knn_predict(fit_h, fit_y, val_h, k, t) == val_y) for k in neighbours]
    for t in temperatures
])  # fmt: skip
row, column = np.unravel_index(grid.argmax(), grid.shape)
k, temperature = neighbours[column], temperatures[row]

figure, ax = plt.subplots(figsize=(6.6, 3.2), layout="constrained")
image = ax.imshow(100 * grid, cmap="Blues", aspect="auto")
for (r, c), value in np.ndenumerate(grid):
    dark = value > grid.min() + 0.7 * np.ptp(grid)
    ax.text(c, r, f"{100 * value:.0f}", ha="center", va="center", color="white" if dark else "k")
ax.set_xticks(range(len(neighbours)), neighbours)
ax.set_yticks(range(len(temperatures)), temperatures)
ax.set(title="kNN on the validation part", xlabel="neighbours k", ylabel="temperature τ")
figure.colorbar(image, ax=ax, label="pictures right, %")
show(figure, alt=f"kNN accuracy by k and τ; the best, {grid.max():.1%}, at k={k}, τ={temperature}.")

# %% [markdown] slug=table-predict-text
# ## The table
#
# All choices are made; now, once, the test pictures. Guess before you look. Guessing at random is
# right once in as many cases as there are classes.

# %% slug=table-predict
probe_guess = predict("probe", "The probe on SimCLR's features, % of test pictures?", answer=None)
random_guess = predict("random", "The probe on the random encoder's features, %?", answer=None)

# %% [markdown] slug=table-text
# The same judges for all three. A rival deserves the same care: for pixels and for the random
# encoder the validation part chooses a penalty of their own. (k and τ stay those that suit SimCLR.)
# We use the kit's `linear_probe`, which does what yours does, only faster; the last line has both
# beside each other. Neither goes down to the very lowest point, so a few pictures may differ.

# %% slug=table
from functools import partial

from simclr_lib import linear_probe


def val_share(part, penalty):
    """Share of the validation part that a probe on these features gets right."""
    fitted, asked = part[~held_out], part[held_out]
    return linear_probe(fitted, fit_y, asked, val_y, penalty=penalty).accuracy


accuracies = {}
for name, (part, test_part) in features.items():
    own_penalty = penalty
    if name != "SimCLR":
        own_penalty = max([1e-4, 1e-2, 1.0], key=partial(val_share, part))
    linear = linear_probe(part, train_y, test_part, test_y, penalty=own_penalty)
    votes = knn_predict(part, train_y, test_part, k, temperature)
    accuracies[name] = {"linear": linear.accuracy, "kNN": float(np.mean(votes == test_y))}

train_x, test_x = standardise(train_h, test_h)
own_table, _ = fit_probe(train_x, train_y, penalty)
own_accuracy = probe_accuracy(own_table, test_x, test_y)
compare_guess("probe", probe_guess, 100 * accuracies["SimCLR"]["linear"], unit="%")
compare_guess("random", random_guess, 100 * accuracies["random encoder"]["linear"], unit="%")
print(f"SimCLR by the kit's probe: {accuracies['SimCLR']['linear']:.1%}; yours: {own_accuracy:.1%}")

# %% [markdown] slug=bars-text
# The results table of this course. The error bar is what the luck of drawing these test pictures
# alone amounts to, $\sqrt{p(1-p)/M}$ for M pictures: differences smaller than that mean little.

# %% slug=bars
from simclr_lib import plots


def luck(share):
    """Standard deviation of an accuracy that comes from the choice of the test pictures."""
    return float(np.sqrt(share * (1 - share) / len(test_y)))


rows = [
    (f"{name}, {judge}", share, luck(share))
    for name, found in accuracies.items()
    for judge, share in found.items()
]
title = f"Frozen features of {data.name}, {len(test_y):,} test pictures, seed {seed}"
show(plots.accuracy_bars(rows, title, classes=classes, highlight="SimCLR, linear"))

# %% [markdown] slug=bars-commentary tags=["commentary"]
# **How to read this.** The random encoder is the honest zero: what it has above chance comes from
# the architecture, not from learning. The distance from it to SimCLR is what the training without
# labels has brought. Compare also the two judges. On SimCLR's features the probe does better: the
# classes lie open in *some* directions of h, while others vary with things that are not the class,
# and cosine counts them all. On raw pixels it can be the other way round. No linear rule on pixels
# knows a shape that may lie anywhere, but among thousands of pictures some neighbour happens to be
# at the same place.

# %% [markdown] slug=winner-text
# ## Never choose on the test pictures
#
# Why so strict? Try it. We fit forty probes, each on five labelled pictures of every class drawn
# anew. They are **equally good by construction**; they differ by luck alone.

# %% slug=candidates
rng = np.random.default_rng([seed, 1])
right = []  # one row for each probe: which test pictures it gets right
for _ in range(setting.pick(full=40, smoke=8)):
    few = [rng.choice(np.flatnonzero(train_y == label), 5) for label in range(classes)]
    few_x, all_test_x = standardise(train_h[np.concatenate(few)], test_h)
    small, _ = fit_probe(few_x, train_y[np.concatenate(few)], 1e-2, iterations=30)
    right.append((all_test_x @ small[:-1] + small[-1]).argmax(axis=1) == test_y)
right = np.array(right)
of_each = right.mean(axis=1)
print(f"{len(right)} probes, between {of_each.min():.1%} and {of_each.max():.1%} of the test part")

# %% [markdown] slug=winner-predict-text
# Now somebody with a small test set chooses the best of them *on that test set*, and reports its
# accuracy there. We have more pictures, so we can see what the winner gets right on others.

# %% slug=winner-predict
winner_guess = predict(
    "winner",
    "By how many percentage points is the reported accuracy of the winner too high?",
    answer=None,
)

# %% [markdown] slug=winner-run-text
# A thousand times: draw a tenth of the test pictures, choose the winner by them, and compare.

# %% slug=winner
reported, elsewhere = [], []
for _ in range(1000):
    order = rng.permutation(len(test_y))
    shown, kept = order[: len(order) // 10], order[len(order) // 10 :]
    winner = right[:, shown].mean(axis=1).argmax()
    reported.append(100 * right[winner, shown].mean())
    elsewhere.append(100 * right[winner, kept].mean())
too_high = np.mean(reported) - np.mean(elsewhere)
compare_guess("winner", winner_guess, too_high, unit="points")

figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
bins = np.linspace(min(reported + elsewhere), max(reported + elsewhere), 30)
ax.hist(elsewhere, bins, color="#0072B2", alpha=0.7, label="on other pictures")
ax.hist(reported, bins, color="#D55E00", alpha=0.7, hatch="//", label="where it was chosen")
ax.set(title="The winner's accuracy", xlabel="pictures right, %", ylabel="of 1000 draws")
ax.legend()
where = f"{np.mean(reported):.1f} % where it was chosen, {np.mean(elsewhere):.1f} % elsewhere"
show(figure, alt=f"Histograms of the winner's accuracy: on average {where}.")

# %% [markdown] slug=winner-commentary tags=["commentary"]
# Nobody cheated, and yet the report is wrong: among many candidates the winner is one that was good
# *and lucky*, and luck does not repeat itself. "The best epoch on the test set" is just this. It
# applies to the validation part too: its best accuracy is too high as well, which is why we tested
# once more, on pictures that had chosen nothing.

# %% [markdown] slug=confusion-text
# ## What is taken for what
#
# One number hides a lot. Which classes are confused? Count: the row is the true class, the column
# the predicted one.
#
# **Exercise:** count. Beware of `confusion[true, predicted] += 1` with whole arrays. *(easy, about
# 4 minutes)*


# %% slug=confusion-counts
def confusion_counts(true, predicted, classes):
    """Count how often each true class got each predicted class.

    Args:
        true: labels `(M,)`, whole numbers from 0.
        predicted: `(M,)`.
        classes: K, how many classes there are; some may not occur.

    Returns:
        Whole numbers `(K, K)`; row: the true class, column: the predicted one.
    """
    ### BEGIN SOLUTION
    confusion = np.zeros((classes, classes), int)
    np.add.at(confusion, (true, predicted), 1)
    return confusion
    ### END SOLUTION


# %% slug=confusion-counts-check tags=["nbval-check-output"]
report = check("confusion_counts", confusion_counts)
confusion_counts = report.function

# %% [markdown] slug=confusion-picture-text
# Read the darkest places beside the diagonal first. Would you confuse these too, at this size?

# %% slug=confusion-picture
answers = (test_x @ own_table[:-1] + own_table[-1]).argmax(axis=1)
confusion = confusion_counts(test_y, answers, classes)
show(plots.confusion_matrix(confusion, data.class_names, "Linear probe: what is taken for what"))

# %% [markdown] slug=neighbours-text
# And the neighbours themselves: test pictures of up to four classes, and the training pictures with
# the most similar h. What do they share, and what not?

# %% slug=neighbours
from simclr_lib.evaluation import nearest

four = np.unique(test_y, return_index=True)[1][:4]
_, found = nearest(train_h, test_h[four], k=5)
figure = plots.neighbour_grid(
    data.test_images[four],
    data.train_images[found],
    test_y[four],
    train_y[found],
    data.class_names,
)
show(figure)

# %% [markdown] slug=map-text
# ## A map of the features
#
# t-SNE puts pictures that are neighbours in h near each other on a plane. It shows *which groups
# there are*; distances between far groups mean nothing. Each small mark is a picture; the large one
# with the name lies in the middle of its class, even where none of its pictures is. First the
# random encoder, then SimCLR.

# %% slug=map-random
some = np.random.default_rng([seed, 3]).permutation(len(test_y))[
    : setting.pick(full=700, smoke=100)
]
points = plots.embed_in_plane(features["random encoder"][1][some], seed)
title = f"Random encoder: {len(some)} test pictures on a plane (t-SNE)"
show(plots.feature_map(points, test_y[some], data.class_names, title))

# %% [markdown] slug=map-simclr-text
# Not one label went into the next one either: the colours are put on afterwards.

# %% slug=map-simclr
points = plots.embed_in_plane(features["SimCLR"][1][some], seed)
title = f"SimCLR: the same {len(some)} test pictures"
show(plots.feature_map(points, test_y[some], data.class_names, title))

# %% [markdown] slug=head-text
# ## Why h, and not z?
#
# The loss sees z, the head's output; we judge h, which lies before the head. The paper found h much
# better, and gave a reason: the loss asks z to be *the same* for two views, so z should lose all
# that views change: colour, size, place. That can be measured. We change the test pictures in ways
# that views do too, and let the same probe guess from h and from z **what was done**.

# %% slug=questions
rng = np.random.default_rng([seed, 2])


def grayed(images):
    """Half of the pictures lose their colour; which?"""
    which = rng.integers(0, 2, len(images))
    gray = images.mean(axis=-1, keepdims=True).astype("uint8")
    return np.where(which[:, None, None, None] == 1, gray, images), which


def enlarged(images):
    """Each picture's middle is cut out (all, three quarters, half) and enlarged; how much?"""
    side, which = images.shape[1], rng.integers(0, 3, len(images))
    results = []
    for picture, number in zip(images, which, strict=True):
        kept = side * (4 - number) // 4
        index = (side - kept) // 2 + np.arange(side) * kept // side
        results.append(picture[index][:, index])
    return np.array(results), which


# %% [markdown] slug=darker-text
# A third question: how much darker has the picture been made? And the class, for comparison.

# %% slug=head


def darkened(images):
    """Each picture keeps 100, 80 or 60 % of its light; how much?"""
    which = rng.integers(0, 3, len(images))
    return (images * (1 - 0.2 * which)[:, None, None, None]).astype("uint8"), which


def accuracy_from_both(train_images, train_answers, test_images, test_answers):
    """Accuracy of the same probe on h and on z."""
    h = [frozen_features(encoder, images) for images in (train_images, test_images)]
    z = [np.asarray(head(part)) for part in h]
    return [
        linear_probe(part, train_answers, test_part, test_answers, penalty=penalty).accuracy
        for part, test_part in (h, z)
    ]


read = {"the class": accuracy_from_both(data.train_images, train_y, data.test_images, test_y)}
for name, change in (("grey or not", grayed), ("size", enlarged), ("brightness", darkened)):
    read[name] = accuracy_from_both(*change(data.train_images), *change(data.test_images))
for name, (from_h, from_z) in read.items():
    print(f"{name:12} from h: {from_h:.1%}   from z: {from_z:.1%}")

# %% [markdown] slug=head-picture-text
# The dotted lines are chance, which differs from question to question.

# %% slug=head-picture
shares = 100 * np.array(list(read.values()))
chances = [100 / classes, 50, 100 / 3, 100 / 3]
figure, ax = plt.subplots(figsize=(7.6, 3.4), layout="constrained")
place = np.arange(len(read))
for shift, name, colour, hatch in ((-0.2, "h", "#0072B2", ""), (0.2, "z", "#E69F00", "//")):
    own = shares[:, int(shift > 0)]
    ax.bar(place + shift, own, 0.38, color=colour, hatch=hatch, edgecolor="#222222", label=name)
ax.hlines(chances, place - 0.42, place + 0.42, color="#222222", linestyle=":", label="chance")
ax.set_xticks(place, list(read))
ax.set(title="What a probe reads off h and off z", xlabel="question", ylabel="right answers, %")
ax.set_ylim(0, 125)  # room for the legend
ax.set_yticks(range(0, 101, 20))
ax.legend(ncols=3, loc="upper right")
told = "; ".join(f"{name}: h {a:.0%}, z {b:.0%}" for name, (a, b) in read.items())
show(figure, alt=f"Right answers by a probe on h and on z. {told}.")

# %% [markdown] slug=head-commentary tags=["commentary"]
# z has lost most where the views distort most: whether a picture is grey, how bright, how large.
# The head takes that loss upon itself, so that h need not suffer it. How much it matters for the
# *class* depends on whether the class has to do with what was lost, and on how well z has learnt to
# ignore it: a short training does not make it very invariant. On ImageNet, after long training, h
# was more than ten points better than z (section 4.2 of the paper; its table 3 asks what was done
# to a picture, as we did).

# %% [markdown] slug=subset-text
# ## How many labels does it save?
#
# This is what it is all for: pictures are plenty, labels are dear. So keep only 1 % or 10 % of the
# labels, and see who still does well. Which labels are kept is luck, so we draw several times, with
# several seeds, and show the spread.
#
# The draw should be **stratified**: the same share of each class, and of each at least one.
#
# **Exercise:** draw such a part, decided by a seed. *(medium, about 8 minutes)*


# %% slug=label-subset
def label_subset(labels, fraction, seed=0):
    """Draw a share of each class at random.

    Args:
        labels: `(N,)`, whole numbers from 0.
        fraction: share of each class to draw, above 0 and up to 1; rounded, but at least one
            picture of each class.
        seed: decides which pictures.

    Returns:
        Indices into `labels`, none twice, in any order.
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        count = max(1, round(fraction * len(own)))
        chosen.append(rng.choice(own, count, replace=False))
    return np.concatenate(chosen)
    ### END SOLUTION


# %% slug=label-subset-check tags=["nbval-check-output"]
report = check("label_subset", label_subset)
label_subset = report.function

# %% [markdown] slug=contest-text
# Three contestants get the same labels:
#
# - the **linear probe** on frozen features;
# - **fine-tuning**: encoder and probe are trained on together. It starts from the probe, so
#   that the first steps do not throw away what is known;
# - **supervised from scratch**: the same network, from random weights.
#
# To be fair, the last two are trained alike: as many steps, the same kind of views (crops and
# mirrors, as is usual with labels), and a learning rate that each chooses in the same way. The next
# cell makes one network that serves both in turn: its weights are set before each training, so it
# need not be compiled anew.

# %% slug=network
from simclr_lib import simclr_augmenter
from simclr_lib.evaluation import SupervisedClassifier
from simclr_lib.optimizers import warmup_cosine

network = keras.models.clone_model(encoder)
side = 3 * data.image_size // 4  # smaller views cost less
crops = simclr_augmenter(
    side, crop_scale=(0.3, 1.0), color_strength=0.0, gray_probability=0.0, seed=seed
)
classifier = SupervisedClassifier(network, crops, classes)
classifier(data.train_images[:2])
cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
classifier.compile(keras.optimizers.AdamW(1e-3, weight_decay=1e-2), cross_entropy)
classifier.optimizer.build(classifier.trainable_variables)

# %% [markdown] slug=count-text
# One thing is *not* equal. SimCLR's encoder has been trained before, without labels, and the time
# that a training takes goes by the **views** that pass through the encoder. So we count them. And
# in the end, with all labels, a fourth contestant gets a chance: **from scratch, longer** sees as
# many views as the encoder's training and the fine-tuning together, if that is not more than this
# lesson has time for.

# %% slug=count
fractions = [0.01, 0.1, 1.0]
steps, batch_size = setting.pick(full=100, smoke=3), setting.pick(full=128, smoke=32)
most_steps = setting.pick(full=1050, smoke=8)  # what there is time for
kept = [len(label_subset(train_y, fraction)) for fraction in fractions]
few_views = [steps * min(batch_size, pictures) for pictures in kept]
all_views = (trial.views or np.inf) + few_views[-1]  # if nobody has noted them: too many
long_steps = int(min(all_views // batch_size, most_steps))
long_views = long_steps * batch_size
before = f"{trial.views:,} views" if trial.views else "views that nobody noted"
print(f"""- linear probe: {before}, without labels
- fine-tuned: the same, then with labels {" / ".join(f"{views:,}" for views in few_views)}
  (with 1 / 10 / 100 % of the labels)
- supervised from scratch: these alone
- from scratch, longer: {long_views:,}, all with labels""")
if trial.views:
    print(f"  ({long_views / all_views:.0%} of what the fine-tuned network has seen)")

# %% [markdown] slug=schedule-text
# The learning rate warms up and falls along a cosine (lesson 04). A callback sets it before each
# step.

# %% slug=schedule


class Schedule(keras.callbacks.Callback):
    """Warmup and cosine, with a peak and a length that can differ from training to training."""

    def __init__(self, peak, steps):
        super().__init__()
        self.rate = warmup_cosine(peak, steps, steps // 10)

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = float(self.rate(batch))


# %% [markdown] slug=train-text
# One training: set the weights, forget the optimiser's memory, and go through the kept pictures in
# random order, round after round, until all steps are done.

# %% slug=train
from simclr_lib.evaluation.few_labels import LabelledBatches


def train_with_labels(weights, table, chosen, peak, draw_seed, steps=steps):
    """Train the network from these weights and this probe; `table` None starts it at 0."""
    network.set_weights(weights)
    table = np.zeros((features_per_picture + 1, classes)) if table is None else table
    classifier.classifier.set_weights([table[:-1], table[-1]])
    for memory in classifier.optimizer.variables:
        memory.assign(np.zeros(memory.shape))
    batches = LabelledBatches(data.train_images, train_y, chosen, batch_size, steps, draw_seed)
    classifier.fit(batches, shuffle=False, verbose=0, callbacks=[Schedule(peak, steps)])


# %% [markdown] slug=probe-start-text
# Fine-tuning starts from a probe for features *as they come*: the standardising is folded into the
# probe's weights. And the accuracy is measured as always, in inference mode.

# %% slug=probe-start


def probe_for_raw(chosen):
    """A probe fitted on the chosen pictures, for features that are not standardised."""
    h = train_h[chosen]
    x, origin = standardise(h, np.vstack([np.zeros_like(h[:1]), np.eye(h.shape[1])]))
    table, _ = fit_probe(x, train_y[chosen], penalty)
    scores = origin @ table[:-1] + table[-1]  # of 0, and of each feature alone
    return np.vstack([scores[1:] - scores[0], scores[0]])


def trained_accuracy(images, labels):
    """Share of the pictures that the trained network gets right."""
    logits = classifier.classifier(frozen_features(network, images))
    return float(np.mean(np.asarray(logits).argmax(axis=1) == labels))


# %% [markdown] slug=rate-text
# Which learning rate? Both contestants try the same ones, with a tenth of the labels that are not
# set aside, and the validation part decides for each. (This and the next trainings take their
# time.)

# %% slug=rate
learnt, random_weights = encoder.get_weights(), untrained.get_weights()
tenth = np.flatnonzero(~held_out)[label_subset(fit_y, 0.1, seed)]
starts = {
    "fine-tuned": (learnt, probe_for_raw(tenth)),
    "supervised from scratch": (random_weights, None),
}
rates = setting.pick(full=[1e-3, 3e-3, 1e-2, 3e-2, 1e-1], smoke=[1e-3, 1e-2])
best_rate = {}
for name, start in starts.items():
    shares = []
    for rate in rates:
        train_with_labels(*start, tenth, rate, seed)
        shares.append(trained_accuracy(data.train_images[held_out], val_y))
    best_rate[name] = rates[int(np.argmax(shares))]
    edge = best_rate[name] in (rates[0], rates[-1])
    print(f"{name}: " + ", ".join(f"{r:g}: {a:.1%}" for r, a in zip(rates, shares, strict=True)))
    print(f"  chosen: {best_rate[name]:g}" + (", the edge of what was tried" * edge))

# %% [markdown] slug=contest-predict-text
# With 1 % of the labels, who wins? And with all of them, after as many steps?

# %% slug=contest-predict
names = ["linear probe", *starts]
few_guess = predict("few", "The best with 1 % of the labels?", choices=names, answer=None)
all_guess = predict("all", "The best with all labels?", choices=names, answer=None)

# %% [markdown] slug=contest-run-text
# The contest: three shares of the labels, and three contestants. A few labels are drawn several
# times; with all labels there is nothing to draw.

# %% slug=contest
contest = {name: [[] for _ in fractions] for name in names}
for f, fraction in enumerate(fractions):
    for draw in range(setting.pick(full=3, smoke=2) if fraction < 1 else 1):
        chosen = label_subset(train_y, fraction, seed + draw)
        x, x_test = standardise(train_h[chosen], test_h)
        table, _ = fit_probe(x, train_y[chosen], penalty)
        contest["linear probe"][f].append(probe_accuracy(table, x_test, test_y))
        starts["fine-tuned"] = (learnt, probe_for_raw(chosen))
        for name, start in starts.items():
            train_with_labels(*start, chosen, best_rate[name], seed + draw)
            contest[name][f].append(trained_accuracy(data.test_images, test_y))
mean = {name: [np.mean(found) for found in shares] for name, shares in contest.items()}
compare_guess("few", few_guess, max(names, key=lambda name: mean[name][0]))
compare_guess("all", all_guess, max(names, key=lambda name: mean[name][-1]))

# %% [markdown] slug=longer-text
# And the fourth: all labels, from scratch, for more steps. Its learning rate is that of the short
# trainings, as a choice of its own would take too long.

# %% slug=longer
train_with_labels(
    random_weights, None, chosen, best_rate["supervised from scratch"], seed, steps=long_steps
)
longer = trained_accuracy(data.test_images, test_y)
print(f"From scratch, all labels: {mean['supervised from scratch'][-1]:.1%} after", end=" ")
print(f"{few_views[-1]:,} views, {longer:.1%} after {long_views:,}")

# %% [markdown] slug=efficiency-text
# The **label-efficiency curve**, with the views that each has seen. A bar spans one standard
# deviation over the draws, up and down.

# %% slug=efficiency
figure, ax = plt.subplots(figsize=(7.4, 5.0), layout="constrained")
labelled = f"up to {few_views[-1]:,} with labels"
views = [f"{before} without labels", f"the same, then {labelled}", labelled]
for name, seen, style, colour in zip(
    names, views, ("o-", "s--", "^:"), ("#0072B2", "#009E73", "#D55E00"), strict=True
):
    spread = [100 * np.std(shares) for shares in contest[name]]
    options = {"fmt": style, "color": colour, "capsize": 4, "label": f"{name}: {seen}"}
    ax.errorbar(kept, 100 * np.array(mean[name]), spread, **options)
longer_name = f"from scratch, longer: {long_views:,} with labels"
options = {"fmt": "v", "color": "#D55E00", "markersize": 9, "markerfacecolor": "none"}
ax.errorbar(kept[-1], 100 * longer, label=longer_name, **options)
ax.axhline(100 / classes, color="#222222", linestyle="-.", linewidth=1, label="chance")
ax.set(title="Accuracy by the number of labels", ylabel="test pictures right, %", ylim=(0, 105))
ax.set(xlabel="labelled pictures", xscale="log")
ax.set_xticks(kept, [f"{n:,}\n{share:.0%}" for n, share in zip(kept, fractions, strict=True)])
ax.minorticks_off()
figure.legend(loc="outside lower center", fontsize=9)
told = "; ".join(f"{name} " + ", ".join(f"{m:.0%}" for m in mean[name]) for name in names)
show(figure, alt=f"Test accuracy with 1, 10, 100 % of the labels: {told}; longer: {longer:.0%}.")

# %% [markdown] slug=verdict-text
# The same in words: how far apart are the probe, which only reads what was learnt without labels,
# and the network that learns from labels alone?

# %% slug=verdict
for fraction, probed, scratch in zip(
    fractions, mean["linear probe"], mean["supervised from scratch"], strict=True
):
    apart = 100 * (probed - scratch)
    place = "above" if apart > 0 else "below"
    print(f"{fraction:4.0%} of the labels: the probe is {abs(apart):.0f} points {place} scratch")
apart = 100 * (mean["linear probe"][-1] - longer)
place = "above" if apart > 0 else "below"
print(f"All labels: the probe is {abs(apart):.0f} points {place} scratch that trained longer")

# %% [markdown] slug=efficiency-commentary tags=["commentary"]
# **How to read this.** On the left, what was learnt without labels is worth most: a few labels are
# enough to *name* what the encoder already tells apart, and far too few to learn to see from. To
# the right, a network can learn to see from the labels too. Whether it then passes the frozen
# features is also a question of how long it trains: compare the two from scratch, which differ in
# their steps alone. So "better than supervised" says little without the views that each has seen,
# and without how the learning rates were chosen.
#
# Do not wonder if a short training from scratch gains little from the last labels, or even loses.
# All have the same number of steps, so with ten times the labels each picture is seen a tenth as
# often: such a network lacks steps, not labels. Fine-tuning has the features *and* may change them.
#
# On ImageNet, with 1 % of the labels, SimCLR with fine-tuning had 75.5 % of the pictures right
# among its first five guesses (with a ResNet-50), training from scratch 48.4 % (table 7 of the
# paper). Note also where the error bars are wide: one draw would have told little.

# %% [markdown] slug=final-text
# ## The results table
#
# All of it in one table, with all labels; beside trained networks stand the views that they have
# seen, with labels and before. Error bars are the luck of the test pictures again.

# %% slug=final
final = [(name, share, error) for name, share, error in rows if name.endswith("linear")]
in_all = f"{all_views:,} views" if trial.views else before
trained = {f"fine-tuned, {in_all}": mean["fine-tuned"][-1]}
trained[f"from scratch, {few_views[-1]:,} views"] = mean["supervised from scratch"][-1]
trained[f"from scratch, longer, {long_views:,} views"] = longer
final += [(name, share, luck(share)) for name, share in trained.items()]
title = f"{data.name}, all {len(train_y):,} labels; SimCLR learnt from {before}"
show(plots.accuracy_bars(final, title, classes=classes, highlight="SimCLR, linear"))

# %% [markdown] slug=file-text
# It is also added to a file, which grows with every seed, every kind of pictures and every encoder
# that you put on trial. So this is the place where your own encoder stands beside the kit's.

# %% slug=file
import csv
from pathlib import Path

path, this = Path("runs") / "lesson05.csv", [data.name, profile, str(seed), source]
path.parent.mkdir(exist_ok=True)
columns = ["pictures", "profile", "seed", "encoder", "row", "accuracy", "deviation"]
known = list(csv.reader(path.read_text().splitlines()))[1:] if path.exists() else []
known = [line for line in known if line[:4] != this]  # this trial again: its new rows count
known += [[*this, name, f"{share:.4f}", f"{error:.4f}"] for name, share, error in final]
with path.open("w", newline="") as file:
    csv.writer(file).writerows([columns, *known])
print(f"{path.as_posix()} has {len(known)} rows now. Linear probes on {data.name}:")
for pictures, kind, number, judged, row, share, _ in known:
    if (pictures, row) == (data.name, "SimCLR, linear"):
        print(f"- {float(share):.1%}: {judged} (profile {kind}, seed {number})")

# %% [markdown] slug=recap
# ## What you learnt
#
# - **Frozen** is a mode of the call: `training=False`. Otherwise batch mates decide, and the
#   encoder changes while you judge it.
# - Features are **standardised by the training part**; the probe is logistic regression, and has
#   one lowest point. kNN asks another question: whether distance tells the classes apart.
# - A number needs its **baselines** (raw pixels, random encoder, supervised) and its **error bar**;
#   baselines are fair if they get the same care, and if it is said what each has cost.
# - Settings are chosen on a **validation part**. The best of many on the test part is too good, and
#   you have measured by how much.
# - h keeps what z was trained to lose.
# - Features learnt without labels are worth most where **labels are few**.
#
# **Try it:** set `seed` to another number. Or train without colour distortion, by `simclr run demo
# --set color_strength=0 gray_probability=0 --out runs/colour-kept` in the kit's folder; then set
# `encoder_from` to `"../runs/colour-kept"`, and look at its neighbours, and at its line beside the
# others in the last cell.

# %% [markdown] slug=next
# ## What comes next
#
# You have built all of SimCLR, and judged it. From here on the questions are yours: which part
# matters how much? In **lesson 06** `simclr sweep` runs many trainings, the judges of this lesson
# compare them, and you find out when a difference is more than chance. Where the field went: probes
# and kNN are still the usual judges, joined by transfer to other pictures and to detection. New
# encoders need fewer steps (BYOL, DINO), learn by filling gaps (masked autoencoders), or take
# captions for labels (CLIP); they are judged in just this way.

# %% [markdown] slug=references
# ## References
#
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020):
#   [A Simple Framework for Contrastive Learning of Visual Representations](https://arxiv.org/abs/2002.05709).
#   Section 4.2 has h against z, section 6 the probes, table 7 the few labels.
# - Z. Wu, Y. Xiong, S. Yu, D. Lin (2018):
#   [Unsupervised Feature Learning via Non-Parametric Instance Discrimination](https://arxiv.org/abs/1805.01978).
#   The weighted vote.
# - S. Kornblith, J. Shlens, Q. V. Le (2019):
#   [Do Better ImageNet Models Transfer Better?](https://arxiv.org/abs/1805.08974)
#   Logistic regression on frozen features by L-BFGS, and fine-tuning beside it.
# - A. Kumar and others (2022):
#   [Fine-Tuning Can Distort Pretrained Features](https://arxiv.org/abs/2202.10054).
#   Why fine-tuning starts from the probe.
# - L. van der Maaten, G. Hinton (2008):
#   [Visualizing Data Using t-SNE](https://www.jmlr.org/papers/v9/vandermaaten08a.html). The map.

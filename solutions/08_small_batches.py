# %% [markdown] slug=title
# # Small batches: a loss that remembers
#
# SimCLR was made on batches of thousands of pictures. Yours has a few hundred, or sixteen. What is
# lost by that, and can it be had back without a larger machine? In this lesson you measure what a
# small batch gets wrong, build the memory that **SogCLR** puts beside every picture, derive its
# slope, and see what becomes of the accuracy.
#
# **After it you can**
#
# - say what NT-Xent estimates from a batch, and in which direction a small batch errs;
# - keep a moving average for every picture, and say what its weight γ trades for what;
# - derive SogCLR's gradient and hold it against automatic differentiation;
# - read accuracy against batch size for two losses, error bars and all.
#
# **It takes** about an hour of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** NT-Xent and its gradient (lesson 03), and a
# look at a training (lesson 04).

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson. Leave them as they are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" (minutes) or "smoke" (seconds, learns next to nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other views, other batches

# %% [markdown] slug=setup-text
# The next cell loads the pictures.

# %% slug=setup
import numpy as np
from matplotlib import pyplot as plt

from simclr_lib.course import NOT_STARTED, check, compare_guess, hint, lesson, predict, show

BLUE, VERMILION, INK = "#0072B2", "#D55E00", "#222222"
setting = lesson(
    "08_small_batches",
    profile=profile,
    dataset=dataset,
    seed=seed,
    train_limit=2000,
    test_limit=500,
)
data, rng = setting.data, np.random.default_rng(seed)

# %% [markdown] slug=parts-text
# As in lesson 03 we look at real projections: two views of many pictures, through an encoder that
# was trained and through one that was not. (The trained one comes with the kit; for other pictures
# than the built-in ones it is trained now.)

# %% slug=parts
from pathlib import Path

import keras
from keras import ops

from simclr_lib import experiment, get_recipe, pretrained, projection_head, simclr_augmenter
from simclr_lib.precision import choose_precision
from simclr_lib.run_folder import RunFolder

recipe = get_recipe("demo", {"seed": seed})
untrained = [experiment.build_encoder(recipe, "float32")]
untrained.append(
    projection_head(untrained[0].output_shape[-1], recipe.head_hidden, recipe.head_output)
)
if data.name in pretrained.available():
    trained = [pretrained.pretrained_encoder(data.name), pretrained.pretrained_head(data.name)]
else:
    recipe = get_recipe("demo", {"seed": seed, "batch_size": 64, "epochs": 12})
    folder = RunFolder(Path("runs") / "lesson08")
    trained = experiment.pretrain(recipe, choose_precision(recipe), data, folder, print)[:2]

# %% [markdown] slug=views-text
# P pictures, first views above second views, every z brought to length 1 at once, because from here
# on only angles matter.

# %% slug=views
P = setting.pick(full=512, smoke=128)
augmenter = simclr_augmenter(recipe.view_size, seed=seed)
views = np.concatenate([np.asarray(augmenter(data.train_images[:P])) for _ in range(2)])


def project(encoder, head):
    """Projections of all 2P views, each of length 1, `(2P, D)`."""
    z = ops.convert_to_numpy(head(encoder(views, training=False), training=False))
    return keras.utils.normalize(z, axis=1)


z_trained, z_untrained = project(*trained), project(*untrained)
print(f"{P} pictures, {len(views)} views; z: {z_trained.shape}")

# %% [markdown] slug=ideal-text
# ## What a batch is a sample of
#
# Write NT-Xent's push for one anchor i (lesson 03) with a mean in place of the sum; that changes it
# by a constant:
#
# $$\ln g_i, \qquad g_i = \operatorname*{mean}_{k\ \text{of another picture}} e^{s_{ik}/\tau},
#   \qquad s_{ik} = \hat z_i \cdot \hat z_k.$$
#
# A batch takes this mean over its own 2N − 2 negatives. What is *meant* is the mean over **all**
# pictures there are: near neighbours are rare, and a batch of sixteen seldom has one. So the batch
# gives an estimate of g.
#
# **Exercise:** compute it for all 2N anchors of a batch. (The positive is left out here: it is no
# sample of the other pictures.) *(medium, about 8 minutes)*


# %% slug=mean-of-negatives
def mean_of_negatives(z_a, z_b, temperature):
    """How near the negatives of each anchor are, by this batch.

    Args:
        z_a, z_b: projections of the first and of the second views, `(N, D)` each; rows of any
            length.
        temperature: τ > 0.

    Returns:
        `(2N,)`, first views before second views: for each the mean of exp(cosine ÷ τ) over the
        2N − 2 views of the other pictures.
    """
    ### BEGIN SOLUTION
    z = np.concatenate([z_a, z_b])
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    picture = np.tile(np.arange(len(z_a)), 2)
    powers = np.where(picture[:, None] == picture, 0, np.exp(z @ z.T / temperature))
    return powers.sum(axis=1) / (2 * len(z_a) - 2)
    ### END SOLUTION


# %% slug=mean-of-negatives-check tags=["nbval-check-output"]
report = check("mean_of_negatives", mean_of_negatives)
mean_of_negatives = report.function

# %% [markdown] slug=bias-predict-text
# With all P pictures in one batch we get what we take for the truth. Now the same anchors in many
# random batches of 8. The estimate of g itself is right on average: a mean of a sample. But the
# loss takes its **logarithm**.

# %% slug=bias-predict
my_guess = predict(
    "log-of-a-sample",
    "On average over many small batches, the logarithm of the estimate is …",
    choices=["too low", "right", "too high"],
    answer=None,
)

# %% [markdown] slug=bias-run-text
# Batches of 4 to 128 pictures at τ = 0.1, drawn again and again; for each we note how far every
# anchor's ln g is from the truth.

# %% slug=bias-run
TAU = 0.1
truth = np.log(mean_of_negatives(z_trained[:P], z_trained[P:], TAU))
sizes = 2 ** np.arange(2, setting.pick(full=8, smoke=6))
errors = {}
for size in sizes:
    found = []
    for _ in range(setting.pick(full=4000, smoke=800) // size):
        chosen = rng.permutation(P)[:size]
        g = mean_of_negatives(z_trained[chosen], z_trained[P + chosen], TAU)
        found.append(np.log(g) - truth[np.concatenate([chosen, P + chosen])])
    errors[size] = np.concatenate(found)
average = np.mean(errors[8])
words = "too low" if average < -0.02 else "too high" if average > 0.02 else "right"
compare_guess("log-of-a-sample", my_guess, words)

# %% [markdown] slug=bias-picture-text
# The box holds the middle half of the anchors, the line in it is the median, the triangle the
# mean.

# %% slug=bias-picture
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
look = {"whis": (5, 95), "showfliers": False, "showmeans": True, "patch_artist": True}
boxes = ax.boxplot([errors[size] for size in sizes], tick_labels=sizes, **look)
for box in boxes["boxes"]:
    box.set(facecolor="#c8ccd0")
ax.axhline(0, color=INK, linestyle="--", linewidth=1)
ax.set(xlabel="pictures in a batch, N", ylabel="error of ln g")
ax.set_title(f"What a batch says of an anchor's negatives, τ = {TAU}")
told = "; ".join(f"{n}: {np.mean(e):.2f} ± {np.std(e):.2f}" for n, e in errors.items())
show(figure, alt=f"Error of ln g by batch size, mean and standard deviation. {told}.")

# %% [markdown] slug=bias-commentary tags=["commentary"]
# Two things shrink as the batch grows: the spread, and the distance of the mean from 0. The spread
# is noise, which many steps average out. The distance is a **bias**, which they do not: the
# logarithm of a mean is, on average, lower than the logarithm of the truth (Jensen's inequality
# again, as in lesson 03). A small batch believes that all negatives are far away; only when a near
# one happens to be in it, the push is violent.

# %% [markdown] slug=slope-words
# It is the slope that trains, and the slope of ln g is $\nabla g / g$: a batch divides its sample
# of $\nabla g$ by its *own* sample of g. If we knew the true g to divide by, the batch's slope
# would be right on average, however small the batch.

# %% [markdown] slug=memory-text
# ## A memory for each picture
#
# SogCLR's idea (Yuan et al., 2022): a picture comes by once an epoch, each time in other company.
# So keep a number $u_i$ for it, and let every visit move it a little:
#
# $$u_i \leftarrow (1 - \gamma)\, u_i + \gamma\, g_i.$$
#
# That is a moving average over the batches that the picture was in: the more it forgets (γ near 1),
# the newer it is; the less, the more batches it averages over. Three details of the paper's code:
# both views of a picture start from the *same old* u; the *mean* of their two results is kept; a
# picture that was never seen takes g as it is.
#
# **Exercise:** the memory after a batch. *(medium, about 10 minutes)*


# %% slug=update-memory
def update_memory(memory, positions, g, gamma):
    """Let a batch change what is remembered of its pictures.

    Args:
        memory: u of every picture of the training set, `(pictures,)`; 0: never seen.
        positions: which pictures the batch holds, `(N,)`, each at most once.
        g: what the batch says, `(2N,)`: of the first views, then of the second views.
        gamma: γ, the weight of this batch.

    Returns:
        The new memory, `(pictures,)`; the given one stays as it is.
    """
    ### BEGIN SOLUTION
    new_memory = memory.copy()
    old = memory[positions]
    both_views = (g[: len(positions)] + g[len(positions) :]) / 2
    new_memory[positions] = np.where(old == 0, both_views, (1 - gamma) * old + gamma * both_views)
    return new_memory
    ### END SOLUTION


# %% slug=update-memory-check tags=["nbval-check-output"]
report = check("update_memory", update_memory)
update_memory = report.function

# %% [markdown] slug=visits-text
# Does it find the truth? Batches of 8, epoch after epoch, and after each we ask how far the
# remembered ln u is from the true one, on average over the pictures. First while the encoder stands
# still; then while it moves, from the untrained to the trained one within the first ten epochs.


# %% slug=visits
def error_by_epoch(z_at, gamma, epochs=20, batch=8):
    """Mean distance of ln u from the truth after each epoch; `z_at(epoch)` are the projections."""
    memory, distances = np.zeros(P), []
    for epoch in range(epochs):
        z = z_at(epoch)
        for chosen in rng.permutation(P).reshape(-1, batch):
            g = mean_of_negatives(z[chosen], z[P + chosen], TAU)
            memory = update_memory(memory, chosen, g, gamma)
        all_at_once = mean_of_negatives(z[:P], z[P:], TAU).reshape(2, P).mean(axis=0)
        distances.append(np.mean(np.abs(np.log(memory / all_at_once))))
    return distances


def standing(epoch):
    return z_trained


def moving(epoch):
    share = min(1, epoch / 10)
    return keras.utils.normalize((1 - share) * z_untrained + share * z_trained, axis=1)


# %% [markdown] slug=visits-predict-text
# γ = 1 remembers nothing: it is what a batch says by itself.

# %% slug=visits-predict
gamma_guess = predict(
    "best-gamma",
    "While the encoder stands still, which γ comes nearest to the truth in the end?",
    choices=["1.0", "0.9", "0.3", "0.1"],
    answer=None,
)

# %% [markdown] slug=visits-run-text
# Four γ, twice; no network is involved, so it takes seconds.

# %% slug=visits-run
gammas = (1.0, 0.9, 0.3, 0.1)
epochs = setting.pick(full=20, smoke=6)
curves = {
    name: {gamma: error_by_epoch(z_at, gamma, epochs) for gamma in gammas}
    for name, z_at in (("standing still", standing), ("moving for ten epochs", moving))
}
last = {gamma: curve[-1] for gamma, curve in curves["standing still"].items()}
compare_guess("best-gamma", gamma_guess, str(min(last, key=last.get)))

# %% [markdown] slug=visits-picture-text
# Lower is better, and both panels have the same scale.

# %% slug=visits-picture
from simclr_lib.plots import COLOURS, MARKERS

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
told = []
for ax, (name, by_gamma) in zip(axes, curves.items(), strict=True):
    for i, (gamma, curve) in enumerate(by_gamma.items()):
        steps = np.arange(1, len(curve) + 1)
        ax.plot(steps, curve, color=COLOURS[i], marker=MARKERS[i], ms=5, label=f"γ = {gamma}")
        told.append(f"{name}, γ {gamma}: {curve[0]:.2f} to {curve[-1]:.2f}")
    ax.set(xlabel="epoch", title=f"The encoder is {name}")
axes[0].set(ylabel="mean error of ln u")
axes[0].set_ylim(0)
axes[0].legend()
show(figure, alt="Error of the memory over the epochs. " + "; ".join(told) + ".")

# %% [markdown] slug=visits-commentary tags=["commentary"]
# While nothing moves, the long memory wins: it has averaged over many batches. While the encoder
# learns, a long memory is mostly a memory of encoders that are gone. The authors' default is 0.9
# and they advise trying 0.1 to 0.99; later work lets γ fall from 1 in the course of the training,
# along half a cosine: forget while all changes, remember when it calms down.

# %% [markdown] slug=loss-text
# ## The loss that goes with it
#
# Now divide by u in place of the batch's own g. With weights $p_{ik} = e^{s_{ik}/\tau} / u_i$
# **that are held still** (no slope goes through them),
#
# $$L = \frac{1}{2N} \sum_i \Big( -s_{i\,j(i)} + \operatorname*{mean}_{k\ \text{of another picture}}
#   p_{ik}\, s_{ik} \Big).$$
#
# Its value tells little (a constant encoder gets 0, a good one less); its slope is what counts, and
# that is easy now: every similarity stands in it once, times a number.
#
# **Exercise:** the slope by all similarities. *(hard, about 12 minutes)*


# %% slug=sogclr-slope
def sogclr_slope(similarity, u, temperature):
    """How SogCLR's loss changes with each similarity, the weights held still.

    Args:
        similarity: cosines of all 2N views with all, `(2N, 2N)`; rows i and i + N are of the same
            picture.
        u: of each anchor, `(2N,)`, this batch already counted in.
        temperature: τ > 0.

    Returns:
        `(2N, 2N)`: at (i, k) the slope of the loss by the similarity of anchor i and view k.
    """
    ### BEGIN SOLUTION
    count = len(similarity)
    pictures = np.arange(count) % (count // 2)
    weights = np.exp(similarity / temperature) / u[:, None]
    pushes = np.where(pictures[:, None] == pictures, 0, weights / (count - 2))
    pulls = np.roll(np.eye(count), count // 2, axis=1)
    return (pushes - pulls) / count
    ### END SOLUTION


# %% slug=sogclr-slope-check tags=["nbval-check-output"]
report = check("sogclr_slope", sogclr_slope)
sogclr_slope = report.function

# %% [markdown] slug=autodiff-text
# By the rows, with G your matrix, the slope is $(G + G^\top)\, \hat z$: each view is an anchor once
# and a candidate of all others (lesson 03). We hold it against automatic differentiation of the
# kit's own `sogclr`, which keeps ln u in place of u, because u itself overflows at small τ. The
# kit divides by the lengths within, so only the part across each arrow is left: lesson 03's
# `through_unit_length`, one line for arrows of length 1.

# %% slug=autodiff
from simclr_lib.losses import sogclr


def slopes_by_machine(loss, z):
    """Automatic differentiation of a loss of all projections, on either backend."""
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(loss)(z))
    import tensorflow as tf

    z = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = loss(z)
    return tape.gradient(value, z).numpy()


def slopes_by_hand(z, u, temperature):
    """Your slope, carried to the rows, and of that the part across each arrow."""
    slope = sogclr_slope(z @ z.T, u, temperature)
    slope = (slope + slope.T) @ z
    return slope - np.sum(slope * z, axis=1, keepdims=True) * z


# %% [markdown] slug=compare-text
# A batch of 16 that was seen before, with some memory of it, and γ = 0.9.

# %% slug=compare
N, gamma = 16, 0.9
batch = np.concatenate([z_trained[:N], z_trained[P : P + N]])
old = np.exp(truth[:N] + rng.normal(0, 0.3, N)).astype("float32")
g = mean_of_negatives(batch[:N], batch[N:], TAU)
u = (1 - gamma) * np.tile(old, 2) + gamma * g
by_machine = slopes_by_machine(lambda z: sogclr(z[:N], z[N:], np.log(old), TAU, gamma)[0], batch)
by_hand = slopes_by_hand(batch, u, TAU)
apart = np.linalg.norm(by_hand - by_machine) / np.linalg.norm(by_machine)
print(f"largest slope {np.abs(by_machine).max():.4f}; both ways agree: {apart < 1e-3}")

# %% [markdown] slug=decoupled-text
# And if nothing is remembered, γ = 1? Then u is the batch's g, the weights of a row are a softmax
# over the negatives, and the slope is that of NT-Xent **without the positive in the sum**, times τ.
# That loss has a name of its own, *decoupled contrastive learning*. So SogCLR differs from NT-Xent
# in two things, the memory and the missing positive; whoever compares them has to keep both apart.


# %% slug=decoupled
def decoupled(z):
    """NT-Xent without the positive in the sum, for rows of any length."""
    z = z / ops.norm(z, axis=1, keepdims=True)
    own = np.tile(np.eye(N, dtype="float32"), (2, 2))
    scores = ops.matmul(z, ops.transpose(z)) / TAU
    positive = ops.sum(z[:N] * z[N:], axis=1) / TAU
    return ops.mean(ops.logsumexp(scores - 1e9 * own, axis=1)) - ops.mean(positive)


forgetful = slopes_by_machine(lambda z: sogclr(z[:N], z[N:], np.log(old), TAU, 1.0)[0], batch)
expected = TAU * slopes_by_machine(decoupled, batch)
apart = np.linalg.norm(forgetful - expected) / np.linalg.norm(expected)
print(f"γ = 1 is the decoupled loss, times τ: {apart < 1e-3}")

# %% [markdown] slug=train-text
# ## A training with a memory
#
# In the kit the loss is one argument of `SimCLR`. `SogCLR` is told how many pictures there are,
# because it keeps a number for each; and `fit` tells it which pictures a batch holds. The memory is
# one of the model's variables, so a checkpoint has it, and a stopped run goes on as if nothing had
# happened. Small batches, 32 pictures, and both losses from the same first weights.

# %% slug=train-parts
from simclr_lib import SimCLR, chance_level, extract_features, knn_accuracy, nt_xent, resnet
from simclr_lib.course.live_progress import LiveProgress
from simclr_lib.losses import SogCLR
from simclr_lib.optimizers import build_optimizer


def train(loss, chance, epochs, batch_size=32):
    """Train an encoder of the smallest kind; return its kNN accuracy on the test pictures."""
    keras.utils.set_random_seed(seed)
    encoder = resnet(8, width=setting.pick(full=16, smoke=8), stem="strided")
    head = projection_head(encoder.output_shape[-1], 128, 64)
    model = SimCLR(encoder, head, simclr_augmenter(24, seed=seed), 0.2, loss)
    model(data.train_images[:2])
    model.compile(build_optimizer("adamw", 2e-3, 1e-2, model.trainable_variables))
    watch = [LiveProgress(chance)]
    images = data.train_images
    model.fit(images, batch_size=batch_size, epochs=epochs, callbacks=watch, verbose=0)
    parts = [extract_features(encoder, part) for part in (images, data.test_images)]
    return knn_accuracy(parts[0], data.train_labels, parts[1], data.test_labels, k=20)


# %% [markdown] slug=train-run-text
# These are the minutes of this lesson. The two losses have different chance lines, so the numbers
# below the cell cannot be compared; the accuracies can.

# %% slug=train-run
epochs = setting.pick(full=8, smoke=1)
with_nt_xent = train(nt_xent, chance_level(32), epochs)
with_memory = train(SogCLR(len(data.train_images), gamma=0.9), 0.0, epochs)
print(f"kNN accuracy after {epochs} epochs, batch 32, one seed:")
print(f"NT-Xent {with_nt_xent:.1%}, SogCLR {with_memory:.1%}")

# %% [markdown] slug=one-seed-words
# One seed, one batch size, a short training: that difference may be chance (lesson 06). What
# follows is the experiment done properly.

# %% [markdown] slug=sweep-text
# ## Accuracy against batch size
#
# Batches of 32 to 512, both losses, three seeds each, the same number of pictures seen by all,
# measured on a validation part. It took this kit's sweep some hours; its table comes with the kit.

# %% slug=sweep-read
import csv

from simclr_lib.sweeps.notebooks import NOTEBOOKS

table = NOTEBOOKS / "results" / "small-batches.csv"
rows = []
if table.exists():
    with table.open() as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == "done"]
    print(f"{len(rows)} runs")
else:
    print("Not measured yet. This makes the table, within some hours:")
    print("simclr sweep run notebooks/experiments/specs/small-batches.yaml --data cifar10")

# %% [markdown] slug=sweep-predict-text
# Before you look: where should a memory help most?

# %% slug=sweep-predict
where_guess = predict(
    "where-it-helps",
    "At which batch size is SogCLR furthest ahead of NT-Xent (or least behind)?",
    choices=["32", "64", "128", "256", "512"],
    answer=None,
)

# %% [markdown] slug=sweep-means-text
# Mean and standard deviation over the seeds, for each loss and batch size.

# %% slug=sweep-means
measured = {}
for row in rows:
    place = row["loss"], int(row["batch_size"])
    measured.setdefault(place, []).append(100 * float(row["SimCLR linear"]))
batches = sorted({batch for _, batch in measured})
ahead = {
    batch: np.mean(measured["sogclr", batch]) - np.mean(measured["nt_xent", batch])
    for batch in batches
}
if ahead:
    compare_guess("where-it-helps", where_guess, str(max(ahead, key=ahead.get)))

# %% [markdown] slug=sweep-picture-text
# Each mark is the mean of the seeds, each bar one standard deviation up and down. Where the bars of
# the two lines overlap, the sweep does not tell the losses apart.

# %% slug=sweep-picture
if measured:
    figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
    told = []
    for loss, name, line in (("nt_xent", "NT-Xent", "s--"), ("sogclr", "SogCLR", "o-")):
        shares = [measured[loss, batch] for batch in batches]
        means, spreads = np.mean(shares, axis=1), np.std(shares, axis=1, ddof=1)
        color = BLUE if loss == "sogclr" else VERMILION
        ax.errorbar(batches, means, spreads, fmt=line, color=color, capsize=4, label=name)
        for batch, mean, spread in zip(batches, means, spreads, strict=True):
            told.append(f"{name} {batch}: {mean:.1f} ± {spread:.1f}")
    ax.set_xscale("log", base=2)
    ax.set_xticks(batches, batches)
    ax.set(xlabel="pictures in a batch", ylabel="linear probe accuracy, %")
    ax.set_title(f"Accuracy against batch size, {len(shares[0])} seeds each")
    ax.legend()
    show(figure, alt="Accuracy in percent by loss and batch size. " + "; ".join(told) + ".")

# %% [markdown] slug=bank-text
# ## Another memory: a bank of vectors
#
# SogCLR remembers a number for each picture. Before SimCLR, *instance discrimination* (Wu et al.,
# 2018) remembered a whole **vector**: each picture's z from its last visit. An anchor is compared
# with some thousands of vectors drawn from that bank, whatever the batch. The price: the vectors
# are an epoch old, and the encoder that made them is gone. The kit has it too, by the same key:
# `simclr run classroom --set loss=memory_bank`.

# %% slug=bank
for pictures in (len(data.train_images), 50_000, 1_281_167):
    numbers, vectors = 4 * pictures, 4 * 128 * pictures
    print(f"{pictures:>9,} pictures: u {numbers / 1e6:7.3f} MB, a bank {vectors / 1e6:7.1f} MB")

# %% [markdown] slug=recap
# ## What you learnt
#
# - A batch's mean over negatives is a sample; its logarithm, and so NT-Xent's slope, is **biased**
#   for small batches, not only noisy.
# - **SogCLR** divides by a moving average that it keeps for each picture. γ decides between new and
#   noisy, and averaged but out of date.
# - Its weights are held still, so its slope can be read off. With γ = 1 it is the decoupled loss:
#   NT-Xent without the positive in the sum.
# - A gain of SogCLR over NT-Xent may come from the memory or from the missing positive. The control
#   is one more arm: `sogclr_gamma=1`.
#
# **Try it:** run `simclr run demo --set loss=sogclr sogclr_gamma_schedule=cosine sogclr_gamma=0.3
# batch_size=32`, and beside it the same with `sogclr_gamma=1`.

# %% [markdown] slug=next
# ## What comes next
#
# - **09 Stronger views:** views too strong to be of use by themselves, and how CLSA makes them so.
# - The field went on from here. MoCo keeps a *queue* of vectors from a slowly moving copy of the
#   encoder, so that they age less; iSogCLR also learns a temperature for each picture; FastCLIP
#   carries the memory over to pictures with captions.

# %% [markdown] slug=references
# ## References
#
# - Z. Yuan and others (2022):
#   [Provable Stochastic Optimization for Global Contrastive Learning: Small Batch Does Not Harm Performance](https://arxiv.org/abs/2202.12387),
#   SogCLR.
# - C.-H. Yeh and others (2022): [Decoupled Contrastive Learning](https://arxiv.org/abs/2110.06848).
# - Z. Wu, Y. Xiong, S. Yu, D. Lin (2018):
#   [Unsupervised Feature Learning via Non-Parametric Instance Discrimination](https://arxiv.org/abs/1805.01978).
# - I. Misra, L. van der Maaten (2020):
#   [Self-Supervised Learning of Pretext-Invariant Representations](https://arxiv.org/abs/1912.01991),
#   PIRL.
# - K. He and others (2020):
#   [Momentum Contrast for Unsupervised Visual Representation Learning](https://arxiv.org/abs/1911.05722),
#   MoCo.
# - X. Wei and others (2024): [FastCLIP](https://arxiv.org/abs/2407.01445), the falling γ.

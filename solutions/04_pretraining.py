# %% [markdown] slug=title
# # Pretraining: from one step to a run that you can trust
#
# Views, encoder, head, loss: all parts are there. Now they move. You will write the step that makes
# an encoder learn, the learning rate it learns with, and the optimiser that large batches need.
# Then you pretrain in earnest, and after that you **break the run on purpose**, in one way after
# another, until you can tell from the curves what is wrong.
#
# **After it you can**
#
# - write SimCLR's training step: two views, loss, gradients, update;
# - explain warmup, cosine, LARS, and why a larger batch can take a larger step;
# - stop a run at any moment and go on to the very same bits;
# - look at a loss, its chance line and a kNN accuracy, and name what ails a run.
#
# **It takes** about 90 minutes of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** views (lesson 01), encoder, head and
# BatchNorm (lesson 02), NT-Xent and its chance line ln(2N−1) (lesson 03).

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson. Leave them as they are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" (minutes) or "smoke" (seconds, learns next to nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other random views, another start

# %% [markdown] slug=setup-text
# The next cell loads the pictures. Training reads no label; the labels are only there to *look* at
# the encoder from time to time.

# %% slug=setup
import numpy as np
from matplotlib import pyplot as plt

from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

setting = lesson(
    "04_pretraining", profile=profile, dataset=dataset, seed=seed, train_limit=5000, test_limit=500
)
data = setting.data
images = data.train_images

# %% [markdown] slug=tape-text
# ## A tape that records
#
# To learn, the weights need the **gradient** of the loss: for each weight, how much the loss
# changes when that weight does. In lesson 03 you derived one by hand. For a whole network,
# TensorFlow does it: it records all that is computed within a `GradientTape`, and then plays the
# record backwards. Here with a single weight w and the loss (w − 3)², whose slope is 2(w − 3).

# %% slug=tape
import keras

if keras.backend.backend() == "tensorflow":  # the tape is TensorFlow's own
    import tensorflow as tf

    w = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        loss = (w - 3) ** 2
    print(f"slope by the tape: {float(tape.gradient(loss, w)):g}, by hand: {2 * (1 - 3):g}")

# %% [markdown] slug=step-text
# ## One step
#
# A training step does four things, and nothing else:
#
# 1. **Views.** Both views of the batch go through encoder and head *in one pass*, so that
#    BatchNorm sees them all together. `training=True` makes it normalise by the batch and move its
#    statistics (lesson 02).
# 2. **Loss.** NT-Xent of the two halves of z.
# 3. **Gradients** of the loss by *all* weights, those of the encoder and those of the head.
# 4. **Update.** `optimizer.apply_gradients` takes pairs (gradient, weight) and moves the weights.
#
# Write it, with a tape as above. `ops.concatenate([a, b])` puts arrays one below the other,
# `ops.split(array, 2)` halves them again, and `nt_xent`, which takes what yours took in lesson 03,
# is the loss. *(medium, about 15 minutes)*

# %% slug=training-step
from keras import ops

from simclr_lib import nt_xent


def training_step(encoder, head, optimizer, view_a, view_b, temperature):
    """Make one step of SimCLR.

    Args:
        encoder: Keras model, views `(N, H, W, 3)` → `h (N, d)`; its weights are
            `encoder.trainable_variables`.
        head: Keras model, `h` → `z`.
        optimizer: a Keras optimiser.
        view_a, view_b: the two views of N pictures, `(N, H, W, 3)` each.
        temperature: τ of the loss.

    Returns:
        The loss of this batch, before the update.
    """
    ### BEGIN SOLUTION
    weights = encoder.trainable_variables + head.trainable_variables
    with tf.GradientTape() as tape:
        both_views = ops.concatenate([view_a, view_b])
        z = head(encoder(both_views, training=True), training=True)
        z_a, z_b = ops.split(z, 2)
        loss = nt_xent(z_a, z_b, temperature)
    gradients = tape.gradient(loss, weights)
    optimizer.apply_gradients(zip(gradients, weights, strict=True))
    return float(loss)
    ### END SOLUTION


# %% slug=training-step-check tags=["nbval-check-output"]
report = check("training_step", training_step)
training_step = report.function

# %% [markdown] slug=parts-text
# The check uses a toy network. Now real ones, from the recipe `demo` that the command
# `simclr run demo` trains too. A **recipe** is nothing but a list of hyperparameters. We change
# three: the optimiser is to be AdamW, as in lesson 00, with a smaller rate and more epochs.

# %% slug=parts
from dataclasses import replace

from simclr_lib import get_recipe, projection_head
from simclr_lib.experiment import build_augmenter, build_encoder

changes = {"optimizer": "adamw", "learning_rate": 2e-3, "epochs": 30}
recipe = get_recipe("demo", changes | {"seed": seed})
if setting.smoke:
    recipe = replace(recipe, encoder_width=4, view_size=16, head_hidden=32, batch_size=64, epochs=2)


def new_networks(recipe, precision="float32"):
    """An encoder and a head with fresh random weights."""
    encoder = build_encoder(recipe, precision)
    sizes = encoder.output_shape[-1], recipe.head_hidden, recipe.head_output
    return encoder, projection_head(*sizes, dtype=precision)


encoder, head = new_networks(recipe)
print(f"{encoder.count_params():,} weights in the encoder, {head.count_params():,} in the head")

# %% [markdown] slug=repeat-predict-text
# A first test of any training step: give it **one and the same batch** again and again. If the
# loss does not fall even there, something is broken. Before the first step, with random weights:
# how much *below* its chance line do you expect the loss to be?

# %% slug=repeat-predict
from simclr_lib.course import compare_guess, predict

my_guess = predict(
    "first-loss",
    "How far below chance, ln(2N−1), is the loss of an untrained encoder?",
    choices=["not at all", "a little: under 1", "a lot: over 1"],
    answer=None,
)

# %% [markdown] slug=repeat-text
# Two views of a small batch are drawn once, and your step is made on them a few times. `AdamW` is
# the optimiser: it scales each weight's step by the size that its gradients have had so far.

# %% slug=repeat
from simclr_lib import chance_level

few = images[: setting.pick(full=64, smoke=16)]
augmenter = build_augmenter(recipe)
view_a, view_b = augmenter(few), augmenter(few)
optimizer = keras.optimizers.AdamW(1e-3)
losses = [
    float(training_step(encoder, head, optimizer, view_a, view_b, recipe.temperature))
    for _ in range(setting.pick(full=16, smoke=4))
]
below = chance_level(len(few)) - losses[0]
words = "not at all" if below <= 0 else "a little: under 1" if below < 1 else "a lot: over 1"
compare_guess("first-loss", my_guess, words)

# %% [markdown] slug=repeat-picture-text
# Here are the losses, beside the chance line for this batch size.

# %% slug=repeat-picture
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.plot(losses, marker="o", color="#0072B2", label="loss of the repeated batch")
ax.axhline(chance_level(len(few)), color="#222222", linestyle="--", label="chance: ln(2N−1)")
ax.set(xlabel="step", ylabel="NT-Xent loss", title="One batch, again and again")
ax.legend(loc="best")
show(
    figure,
    alt=f"Loss of one repeated batch of {len(few)} pictures: from {losses[0]:.2f} to"
    f" {losses[-1]:.2f}; chance is {chance_level(len(few)):.2f}.",
)

# %% [markdown] slug=repeat-commentary tags=["commentary"]
# Even random weights do better than chance: two views of a picture are alike as *pictures*, and
# random filters keep something of that. The head start is no learning, so a loss slightly below
# the line proves nothing. That it falls on one batch proves that the step works, and no more: the
# network may simply learn these few pictures by heart.

# %% [markdown] slug=library-text
# ## The same step, packed
#
# `SimCLR` of the library is a Keras model that does the same four things, and draws new views for
# every batch. `compile` gives it the optimiser, `fit` repeats the step over all pictures: an
# **epoch** is once through all of them. The function below builds it for a recipe; we use it from
# here on.

# %% slug=library
from simclr_lib import SimCLR
from simclr_lib.experiment import compile_for
from simclr_lib.precision import choose_precision

precision = "float32" if setting.smoke else choose_precision(recipe)


def new_model(recipe):
    """A SimCLR model of a recipe, compiled with the recipe's optimiser and learning rate."""
    networks = new_networks(recipe, precision)
    model = SimCLR(*networks, build_augmenter(recipe), recipe.temperature)
    compile_for(recipe, precision, model, images, recipe.epochs)
    return model


model = new_model(recipe)
steps_per_epoch = len(images) // recipe.batch_size
print(f"{steps_per_epoch} steps an epoch, {recipe.epochs} epochs, batches of {recipe.batch_size}")

# %% [markdown] slug=rate-text
# ## The learning rate: up in a line, down along a cosine
#
# At the start the weights are random and the gradients point anywhere: large steps would do harm.
# So the rate rises from 0 in a straight line, the **warmup**. Towards the end, small steps let the
# weights settle: after the warmup the rate falls to 0 along half a cosine wave,
#
# $$\text{rate} = \text{peak} \cdot \frac{1 + \cos(\pi \cdot \text{progress})}{2},$$
#
# with a progress of 0 when the warmup ends and 1 at the last step. *(easy, about 8 minutes)*

# %% slug=learning-rate-at
import math


def learning_rate_at(step, peak, steps, warmup_steps):
    """The learning rate of one step.

    Args:
        step: 0 to `steps`.
        peak: the largest rate.
        steps: all steps, those of the warmup included.
        warmup_steps: steps of the rise, 0 or more; with 0 the rate begins at its peak.

    Returns:
        A number from 0 to `peak`.
    """
    ### BEGIN SOLUTION
    if step < warmup_steps:
        return peak * step / warmup_steps
    progress = (step - warmup_steps) / (steps - warmup_steps)
    return peak * (1 + math.cos(math.pi * progress)) / 2
    ### END SOLUTION


# %% slug=learning-rate-at-check tags=["nbval-check-output"]
report = check("learning_rate_at", learning_rate_at)
learning_rate_at = report.function

# %% [markdown] slug=rate-picture-text
# Your function over the whole run, and on it, as rings, what the library's schedule says.

# %% slug=rate-picture
from simclr_lib.optimizers import warmup_cosine

steps, warmup = recipe.epochs * steps_per_epoch, round(recipe.warmup_epochs * steps_per_epoch)
schedule = warmup_cosine(recipe.learning_rate, steps, warmup)
yours = [learning_rate_at(step, recipe.learning_rate, steps, warmup) for step in range(steps + 1)]
some = np.linspace(0, steps, 13).astype(int)
library = [float(schedule(int(step))) for step in some]
figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
ax.plot(yours, color="#0072B2", label="learning_rate_at")
ax.plot(some, library, "o", mfc="none", color="#D55E00", label="warmup_cosine of the library")
ax.set(xlabel="step", ylabel="learning rate", title="Warmup, then half a cosine")
ax.legend()
show(figure, alt=f"A line up to {max(yours):.2g}, then half a cosine wave down to 0.")

# %% [markdown] slug=lars-text
# ## LARS: each layer at its own pace
#
# With very large batches SimCLR uses **LARS**. Its thought: a step should change each layer by the
# same *share* of its weights. Without that, one rate is too large for one layer and too small for
# another. For a weight array w with gradient g it takes the step g + decay · w, and multiplies it
# by the **trust ratio**
#
# $$\frac{\text{trust} \cdot \lVert w \rVert}{\lVert g + \text{decay} \cdot w \rVert},$$
#
# where ‖·‖ is the root of the sum of all squares. Two exceptions get the factor 1: arrays of one
# axis (biases, BatchNorm), and arrays that are all zero. *(medium, about 10 minutes)*


# %% slug=trust-ratio
def trust_ratio(weight, gradient, weight_decay, trust):
    """The factor by which LARS multiplies the step of one array.

    Args:
        weight: array of any shape.
        gradient: array of the same shape.
        weight_decay: ≥ 0.
        trust: how long a step is, as a share of the weight's length.

    Returns:
        A number; 1 where nothing is to be scaled.
    """
    ### BEGIN SOLUTION
    if weight.ndim <= 1:
        return 1.0
    weight_length = np.linalg.norm(weight)
    step_length = np.linalg.norm(gradient + weight_decay * weight)
    if weight_length == 0 or step_length == 0:
        return 1.0
    return trust * weight_length / step_length
    ### END SOLUTION


# %% slug=trust-ratio-check tags=["nbval-check-output"]
report = check("trust_ratio", trust_ratio)
trust_ratio = report.function

# %% [markdown] slug=gradients-text
# Do layers really differ that much? The trick to read gradients on any backend: an SGD step of
# rate 1 moves each weight by exactly minus its gradient. So we make one step and look how far it
# went, then put the weights back.


# %% slug=gradients
def gradients_of(encoder, head, pictures):
    """`[(path, weight, gradient)]` of all weights, for new views of some pictures."""
    networks = [encoder, head]
    before = [network.get_weights() for network in networks]
    weights = [weight for network in networks for weight in network.trainable_variables]
    start = [ops.convert_to_numpy(weight) for weight in weights]
    views = augmenter(pictures), augmenter(pictures)
    training_step(encoder, head, keras.optimizers.SGD(1.0), *views, recipe.temperature)
    moved = [s - ops.convert_to_numpy(weight) for s, weight in zip(start, weights, strict=True)]
    for network, values in zip(networks, before, strict=True):
        network.set_weights(values)
    return [(w.path, s, g) for w, s, g in zip(weights, start, moved, strict=True)]


# %% [markdown] slug=lars-picture-text
# For each kernel: how large is a step beside the weights themselves? Once for the plain gradient
# (rate 1), once after your trust ratio.

# %% slug=lars-picture
kernels = [(p, w, g) for p, w, g in gradients_of(encoder, head, few) if w.ndim > 1]
length = np.linalg.norm
plain = np.array([length(g) / length(w) for _, w, g in kernels])
lars = np.array([trust_ratio(w, g, 0.0, 1e-3) * length(g) / length(w) for _, w, g in kernels])
figure, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
ax.semilogy(plain, "o-", color="#D55E00", label="plain gradient")
ax.semilogy(lars, "s--", color="#0072B2", label="with the trust ratio, trust 0.001")
ax.set(ylabel="length of step ÷ length of weights", xlabel="kernel, from the first to the last")
ax.set(title="One step, layer by layer", xticks=range(len(kernels)))
ax.yaxis.set_major_formatter("{x:g}")
ax.legend()
show(
    figure,
    alt=f"Over {len(kernels)} kernels the plain step is between {plain.min():.2g} and"
    f" {plain.max():.2g} of the weights; with the trust ratio it is {lars.mean():.1g} for all.",
)
print(
    f"largest ÷ smallest: {plain.max() / plain.min():.0f} plain, {lars.max() / lars.min():.1f} LARS"
)

# %% [markdown] slug=lars-commentary tags=["commentary"]
# With LARS all layers change by the same share, whatever their gradients. AdamW scales weight by
# weight, so the sizes of the gradients matter less to it too. For batches of thousands, LARS is
# what the paper used. The kit's short recipes go further: Muon gives every kernel's step the same
# strength in all directions (`simclr_lib/optimizers.py`), and learns as much in fewer epochs.

# %% [markdown] slug=scale-text
# ## Larger batch, larger step
#
# The gradient of a batch is an estimate: another batch gives another one. The larger the batch,
# the more two estimates agree, and the further one may trust them. Papers scale the rate with the
# batch by one of two rules: **linear** (twice the batch, twice the rate) or **sqrt** (twice the
# batch, √2 times the rate). Write both. *(easy, about 4 minutes)*


# %% slug=scaled-rate
def scaled_rate(rate, batch_size, new_batch_size, rule):
    """Carry a learning rate over to another batch size.

    Args:
        rate: works with `batch_size`.
        batch_size, new_batch_size: pictures.
        rule: `"linear"` or `"sqrt"`.

    Returns:
        The rate for `new_batch_size`.
    """
    ### BEGIN SOLUTION
    times = new_batch_size / batch_size
    return rate * times if rule == "linear" else rate * math.sqrt(times)
    ### END SOLUTION


# %% slug=scaled-rate-check tags=["nbval-check-output"]
report = check("scaled_rate", scaled_rate)
scaled_rate = report.function

# %% [markdown] slug=agree-predict-text
# How much do the gradients of two different batches agree? We measure the cosine between them: 1
# is the same direction, 0 is nothing in common.

# %% slug=agree-predict
my_guess = predict(
    "agreement",
    "Cosine between the gradients of two batches of 8 pictures each: about what (0 to 1)?",
    answer=None,
)

# %% [markdown] slug=agree-text
# For each batch size, a few pairs of batches that share no picture. One number for a whole
# gradient: all arrays, one after the other, as a single long vector.

# %% slug=agree
sizes = setting.pick(full=[8, 16, 32, 64, 128], smoke=[8, 16])
pairs = setting.pick(full=4, smoke=2)
rng = np.random.default_rng(seed)


def direction(pictures):
    """The gradient as one vector of length 1."""
    vector = np.concatenate([g.ravel() for _, _, g in gradients_of(encoder, head, pictures)])
    return vector / np.linalg.norm(vector)


agreement = np.zeros((len(sizes), pairs))
for row, size in enumerate(sizes):
    for pair in range(pairs):
        chosen = rng.permutation(len(images))[: 2 * size]
        agreement[row, pair] = direction(images[chosen[:size]]) @ direction(images[chosen[size:]])
compare_guess("agreement", my_guess, agreement[0].mean())

# %% [markdown] slug=agree-picture-text
# The mean of the pairs, with their standard deviation.

# %% slug=agree-picture
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.errorbar(sizes, agreement.mean(axis=1), agreement.std(axis=1), fmt="o-", capsize=4)
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, [str(size) for size in sizes])
ax.set(xlabel="pictures in a batch", ylabel="cosine of two gradients", ylim=(-0.1, 1.05))
ax.set_title("Larger batches point the same way")
show(
    figure,
    alt="Cosine between the gradients of two batches, by batch size: "
    + ", ".join(f"{s}: {a:.2f}" for s, a in zip(sizes, agreement.mean(axis=1), strict=True)),
)

# %% [markdown] slug=agree-commentary tags=["commentary"]
# In NT-Xent a larger batch also brings more negatives: it changes the task itself, and the chance
# line with it. So *compare losses between equal batch sizes only*. The rules are rules of thumb:
# the paper gives the linear one, and says that the root does better for small batches.

# %% [markdown] slug=order-text
# ## Stop and go on
#
# A run of hours will be interrupted. If it can go on **as if nothing had happened**, down to the
# last bit, then a stop costs nothing. A checkpoint holds the weights and the optimiser's memory.
# But also the *order of the pictures* must go on. The trick is not to remember it at all: it is
# computed, from the seed and the number of the epoch. Write the function that says which pictures
# step number `step` gets:
#
# - each epoch has a fresh random order, drawn from `np.random.default_rng([seed, epoch])`;
# - its steps take `batch_size` pictures each; those left over wait for another epoch.
#
# *(medium, about 10 minutes)*


# %% slug=batch-at-step
def batch_at_step(step, pictures, batch_size, seed):
    """Which pictures a training step gets.

    Args:
        step: counts on over all epochs, from 0.
        pictures: how many there are.
        batch_size: how many a step takes.
        seed: of the run.

    Returns:
        Indices, an integer array `(batch_size,)`.
    """
    ### BEGIN SOLUTION
    steps_per_epoch = pictures // batch_size
    epoch, place = divmod(step, steps_per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(pictures)
    return order[place * batch_size : (place + 1) * batch_size]
    ### END SOLUTION


# %% slug=batch-at-step-check tags=["nbval-check-output"]
report = check("batch_at_step", batch_at_step)
batch_at_step = report.function

# %% [markdown] slug=power-cut-text
# The library's `fit_epochs` works like this. We try it on a toy network: one run goes through, a
# second one suffers a power cut at step 13 and is started again. The toy has BatchNorm, Adam's
# memory and random views, all that could go wrong.

# %% slug=power-cut
from keras import layers

from simclr_lib import simclr_augmenter
from simclr_lib.optimizers import build_optimizer
from simclr_lib.pretraining import fit_epochs


def toy_model():
    """A small SimCLR, always with the same start."""
    keras.utils.set_random_seed(seed)
    parts = [layers.Conv2D(8, 3, 2), layers.BatchNormalization(), layers.GlobalAveragePooling2D()]
    toy_encoder = keras.Sequential([keras.Input((16, 16, 3)), *parts])
    toy_head = keras.Sequential([keras.Input((8,)), layers.Dense(8)])
    model = SimCLR(toy_encoder, toy_head, simclr_augmenter(16, seed=seed), temperature=0.3)
    model(images[:8])
    model.compile(build_optimizer("adamw", 1e-2, 1e-2, model.trainable_variables))
    return model


# %% [markdown] slug=plug-text
# And this is the power cut. `fit_epochs` tells a display how far it is, step by step; ours raises
# an error instead.


# %% slug=plug
class PowerCut:
    """Stands where the display of the progress would be, and pulls the plug."""

    def start(self, step):
        print(f"begins at step {step}")

    def step(self, step, logs):
        if step == 13:
            raise InterruptedError("power cut at step 13")

    def close(self):
        pass


# %% [markdown] slug=resume-text
# Watch where the second run starts again: `fit_epochs` has written a checkpoint a little before
# the cut. Then all weights of both runs are compared, bit by bit.

# %% slug=resume tags=["nbval-check-output"]
from pathlib import Path

few_steps = {"batch_size": 16, "epochs": 1, "seed": seed}
whole, stopped, resumed = toy_model(), toy_model(), toy_model()
fit_epochs(whole, images[:256], **few_steps)

checkpoint = Path("checkpoint.npz")
checkpoint.unlink(missing_ok=True)
try:
    fit_epochs(stopped, images[:256], checkpoint=checkpoint, progress=PowerCut(), **few_steps)
except InterruptedError as error:
    print(error)
fit_epochs(resumed, images[:256], checkpoint=checkpoint, **few_steps)
checkpoint.unlink()

pairs_of_weights = zip(whole.variables, resumed.variables, strict=True)
same = [np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs_of_weights]
print(f"{sum(same)} of {len(same)} arrays are the same, bit for bit")

# %% [markdown] slug=run-text
# ## Pretraining in earnest
#
# Now all pictures, for many epochs. The loss alone does not tell whether the features get better,
# so after some epochs we ask: of a part of the training pictures, how many get the right class by a
# vote of their nearest neighbours among the others (**kNN**)? The labels serve this look and
# nothing else; the test pictures stay untouched until lesson 05.

# %% slug=monitor
from simclr_lib import extract_features, knn_accuracy
from simclr_lib.experiment import monitor_split

look, bank = monitor_split(data, seed)
labels = data.train_labels


def knn_of(encoder):
    """Share of held-out training pictures whose neighbours vote for the right class."""
    h = extract_features(encoder, images[np.concatenate([look, bank])])
    return knn_accuracy(h[len(look) :], labels[bank], h[: len(look)], labels[look])


fresh_knn = knn_of(model.encoder)
print(f"untrained: {fresh_knn:.1%}; guessing at random: {1 / len(data.class_names):.0%}")

# %% [markdown] slug=settle-text
# Is that a fair zero point? BatchNorm's moving statistics are still the ones it was born with,
# mean 0 and variance 1, and fit none of the layers. Let a twin of the encoder, with the very same
# random weights, *see* some views in training mode. No weight moves, no gradient is taken; only
# the statistics settle.

# %% slug=settle
twin, _ = new_networks(recipe, precision)
for first in range(0, 30 * 128, 128):
    seen = images[np.arange(first, first + 128) % len(images)]
    twin(augmenter(seen), training=True)
untrained_knn = knn_of(twin)
print(f"untrained, with settled statistics: {untrained_knn:.1%}")

# %% [markdown] slug=settle-commentary tags=["commentary"]
# The number to beat is the second one. An untrained encoder read with statistics that do not fit
# looks worse than it is, and would make any training look better than *it* is.

# %% [markdown] slug=run-predict-text
# What do you expect? The encoder will see each picture as often as there are epochs, each time in
# two new views, and no label.

# %% slug=run-predict
my_guess = predict("knn", "The kNN accuracy after the training, in %?", answer=None)

# %% [markdown] slug=look-text
# `fit_epochs` calls a function after each epoch, with the log so far. Ours adds the kNN accuracy:
# after the first epochs each time, later now and then, because it takes a second.


# %% slug=look
def look_at_encoder(history):
    """Add the kNN accuracy to the log, after epochs 1 to 5 and then every fifth."""
    epoch = history[-1]["epoch"]
    if epoch <= 5 or epoch % 5 == 0:
        history[-1]["knn_accuracy"] = knn_of(model.encoder)


# %% [markdown] slug=train-text
# This cell takes its time. A line below it tells now and then how far it is. You may stop it (the
# square above the notebook): run again, it begins anew, with the same random weights.

# %% slug=train
from simclr_lib.pretraining.loop import columns
from simclr_lib.pretraining.progress import Progress

model = new_model(recipe)  # anew, so that the cell can be stopped and run again
chance = chance_level(recipe.batch_size)
history = fit_epochs(
    model,
    images,
    batch_size=recipe.batch_size,
    epochs=recipe.epochs,
    seed=seed,
    after_epoch=look_at_encoder,
    progress=Progress("Pretraining", recipe.epochs * steps_per_epoch, chance),
)
trained_knn = knn_of(model.encoder)
compare_guess("knn", my_guess, 100 * trained_knn, unit="%")

# %% [markdown] slug=curves-text
# Three curves, and each has its own chance line or start to be held against. **Contrastive
# accuracy** is how often the positive is the most similar of all other views.

# %% slug=curves
from simclr_lib import plots

title = f"Pretraining on {data.name}, {len(images):,} pictures, seed {seed}"
show(plots.training_curves(columns(history), recipe.batch_size, title))

# %% [markdown] slug=curves-commentary tags=["commentary"]
# **How to read this.** The loss falls fast at first, then slowly: it never gets near 0, because
# crops of two different pictures can look alike, and with random colours even the best encoder
# must now and then pick the wrong one. What we want is on the right. In the first epochs kNN may
# lie *below* the untrained encoder with settled statistics: random filters keep a little of
# everything, and the first thing to be learnt is not yet the shape. Then it rises, and goes on
# rising while the loss has nearly stopped. So neither a bad kNN after a few epochs nor a flat loss
# is a reason to stop.

# %% [markdown] slug=save-text
# Keep the encoder: lesson 05 finds out what it is worth. (It can also start from one that comes
# with the kit.)

# %% slug=save
folder = Path("runs") / "lesson04"
folder.mkdir(parents=True, exist_ok=True)
model.encoder.save(folder / "encoder.keras")
model.head.save(folder / "head.keras")
(folder / "trained_on.txt").write_text(f"{data.name}, {profile}")
views = 2 * recipe.batch_size * steps_per_epoch * recipe.epochs
(folder / "views.txt").write_text(str(views))  # lesson 05 sets them beside its own
print("saved:", *sorted(path.as_posix() for path in folder.glob("*.keras")))

# %% [markdown] slug=break-text
# ## Break it on purpose
#
# A run that went well tells little about runs that do not. So here is the same run again, its
# first epochs only, each time with **one** thing changed:
#
# | run | what is changed |
# | --- | --- |
# | too fast | the learning rate, 20: ten thousand times too large |
# | cold | the temperature, 0.01: only the very hardest negatives count |
# | colour kept | no colour distortion: the two views keep their picture's colours |
# | dead head | all units of the head's hidden layer are switched off: z is the same for all |
#
# (AdamW multiplies its weight decay by the learning rate. The fast run does without any, so that
# it is the steps that go wrong, and not a decay that is ten thousand times too strong.)

# %% slug=break-predict
my_guess = predict(
    "lowest",
    "Which run will have the lowest loss?",
    choices=["healthy", "too fast", "cold", "colour kept", "dead head"],
    answer=None,
)

# %% [markdown] slug=break-run-text
# One function runs any recipe for the first epochs. The learning rate moves as in the long run.
# Four short runs take about as long as that one: time to think about your guess.

# %% slug=break-run
EARLY = setting.pick(full=10, smoke=1)  # epochs


def short_run(prepare=None, **changes):
    """The first epochs of a changed recipe: `(loss an epoch, kNN untrained and afterwards)`."""
    broken = new_model(replace(recipe, **changes))
    if prepare is not None:
        prepare(broken)
    log = fit_epochs(broken, images, batch_size=recipe.batch_size, epochs=EARLY, seed=seed)
    return [row["loss"] for row in log], [untrained_knn, knn_of(broken.encoder)]


def switch_off(broken):
    """A bias of −1000 before a ReLU: whatever comes in, 0 goes out."""
    bias = broken.head.get_layer("hidden1").bias
    bias.assign(bias - 1000.0)


early = history[:EARLY]
runs = {"healthy": ([row["loss"] for row in early], [untrained_knn, early[-1]["knn_accuracy"]])}
runs["too fast"] = short_run(learning_rate=20.0, weight_decay=0.0)
runs["cold"] = short_run(temperature=0.01)
runs["colour kept"] = short_run(color_strength=0.0, gray_probability=0.0)
runs["dead head"] = short_run(prepare=switch_off)
compare_guess("lowest", my_guess, min(runs, key=lambda name: runs[name][0][-1]))

# %% [markdown] slug=break-losses-text
# First what you would see while it trains: the losses. Which of these runs would you stop?

# %% slug=break-losses
LOOKS = {"healthy": "o-", "too fast": "s--", "cold": "^-.", "colour kept": "D:", "dead head": "v-"}
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for (name, (loss, _)), colour in zip(runs.items(), plots.COLOURS[: len(runs)], strict=True):
    ax.plot(range(1, EARLY + 1), loss, LOOKS[name], color=colour, label=name)
ax.axhline(chance, color="#222222", linestyle="--", linewidth=1, label="chance: ln(2N−1)")
ax.set(xlabel="epoch", ylabel="NT-Xent loss", xticks=range(1, EARLY + 1))
ax.set_title("The first epochs of five runs")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
lines = [f"{name} {loss[0]:.2f} to {loss[-1]:.2f}" for name, (loss, _) in runs.items()]
show(figure, alt=f"First and last loss, chance {chance:.2f}: {', '.join(lines)}.")

# %% [markdown] slug=break-worth-text
# And then what the encoders are worth after these epochs, beside the one that was not trained.

# %% slug=break-worth
rows = [(name, knn[-1]) for name, (_, knn) in runs.items()] + [("untrained", untrained_knn)]
title = f"kNN accuracy after epoch {EARLY}, held-out training pictures, seed {seed}"
classes = len(data.class_names)
show(plots.accuracy_bars(rows, title, classes=classes, highlight="healthy"))

# %% [markdown] slug=break-commentary tags=["commentary"]
# **How to read this.**
#
# - **dead head**: every z is the same, every similarity is 1, and the loss is *exactly* ln(2N−1).
#   A loss that sits on its chance line says: z tells no picture from another. No gradient gets
#   through, so waiting does not help: the encoder stays what it was, an untrained one whose
#   statistics have settled.
# - **colour kept**: a far lower loss than the healthy run's, and an encoder that is worse than an
#   untrained one. Colours alone tell which views belong together, so nothing else is learnt.
#   **A low loss is no proof of good features**; the online kNN is there for this.
# - **too fast**: the loss hangs well above the healthy one, and kNN falls below its start: the
#   large steps have wrecked even what the random filters had.
# - **cold**: a false alarm. At a temperature of 0.01 a single hard negative is punished without
#   mercy, and the loss begins high, about at its chance line. Then it falls far, and here kNN rises
#   *faster* than in the healthy run. Both losses are honest, but they are measured with different
#   rulers: **losses at different temperatures cannot be compared**. Which temperature is best in
#   the end, and on other pictures, is a matter for a fair comparison, in a later lesson.

# %% [markdown] slug=nan-text
# And faster still? It takes an absurd rate, 10¹⁵ here: however large the steps have made a kernel,
# the BatchNorm behind it divides the size out again. But the numbers of a computer end somewhere
# (lesson 03), and beyond, the loss is NaN, "not a number", and stays so, because a NaN weight makes
# everything NaN. `fit_epochs` stops there and says so; the last good checkpoint is kept.

# %% slug=nan
from simclr_lib.pretraining.loop import LossIsNaN

try:
    exploded, _ = short_run(learning_rate=1e15, weight_decay=0.0)
except LossIsNaN as error:
    exploded = [math.nan]
    print(error)

# %% [markdown] slug=stale-text
# ## An encoder that is better than it looks
#
# One more ailment, and it is easily mistaken for the others. In inference mode BatchNorm uses
# **moving statistics**, and you have seen above what wrong ones do to an untrained encoder. Each
# step they keep a share of their old value, the momentum m; after n steps, mⁿ of their *first*
# value is left: mean 0, variance 1, which fit no layer. Keras' usual m = 0.99 needs hundreds of
# steps to forget.
#
# We take your trained encoder and mix its statistics with those first ones, as they would be
# after n steps. Not a single weight is changed.

# %% slug=stale
norms = [layer for layer in model.encoder.layers if hasattr(layer, "moving_mean")]
settled = [
    [np.array(ops.convert_to_numpy(value)) for value in (norm.moving_mean, norm.moving_variance)]
    for norm in norms
]


def set_statistics(share_of_first):
    """Mix `share_of_first` of (mean 0, variance 1) into the settled statistics."""
    for layer, (mean, variance) in zip(norms, settled, strict=True):
        layer.moving_mean.assign((1 - share_of_first) * mean)
        layer.moving_variance.assign((1 - share_of_first) * variance + share_of_first)


steps_done = setting.pick(full=[10, 30, 100, 300], smoke=[10, 100])
stale = {}
for momentum in (0.9, 0.99, 0.999):
    for n in steps_done:
        set_statistics(momentum**n)
        stale[momentum, n] = knn_of(model.encoder)
set_statistics(0.0)  # as they were

# %% [markdown] slug=stale-picture-text
# The dashed line is the same encoder with its own, settled statistics.

# %% slug=stale-picture
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for momentum, look_of_line in ((0.9, "o-"), (0.99, "s--"), (0.999, "^-.")):
    values = [100 * stale[momentum, n] for n in steps_done]
    ax.plot(steps_done, values, look_of_line, label=f"momentum {momentum}")
ax.axhline(100 * trained_knn, color="#222222", linestyle="--", linewidth=1)
ax.annotate(
    "settled", (steps_done[0], 100 * trained_knn), xytext=(0, 4), textcoords="offset points"
)
ax.set(
    xscale="log", xlabel="training steps that the statistics have seen", ylabel="kNN accuracy, %"
)
ax.set(title="The same weights, with statistics that lag", ylim=(0, 115 * trained_knn))
ax.set_xticks(steps_done, [str(n) for n in steps_done])
ax.legend()
words = ", ".join(f"m {m}, {n} steps: {value:.1%}" for (m, n), value in stale.items())
show(figure, alt=f"kNN accuracy with lagging statistics: {words}; settled {trained_knn:.1%}.")

# %% [markdown] slug=stale-commentary tags=["commentary"]
# This encoder has few layers. In each layer the statistics are wrong for what comes out of the
# layer before, which is wrong already, so the error grows with depth: whether it can turn a very
# deep network's features into a constant is one of the questions of a later lesson.

# %% [markdown] slug=stale-how-text
# How would you notice? Read the features once more with the statistics of the **batch itself**
# (`training=True`; the statistics are put back afterwards). If that is much better, the weights
# are good and the moving statistics are not. Here for a momentum of 0.999 after 100 steps.


# %% slug=stale-how
def knn_by_batch(encoder):
    """As `knn_of`, with BatchNorm normalising by the batch at hand."""
    before = encoder.get_weights()
    pictures = images[np.concatenate([look, bank])].astype("float32") / 255
    parts = np.array_split(pictures, max(len(pictures) // 250, 1))
    h = np.concatenate([ops.convert_to_numpy(encoder(part, training=True)) for part in parts])
    encoder.set_weights(before)
    return knn_accuracy(h[len(look) :], labels[bank], h[: len(look)], labels[look])


set_statistics(0.999**100)
stale_knn, batch_knn = knn_of(model.encoder), knn_by_batch(model.encoder)
set_statistics(0.0)
print(f"moving statistics: {stale_knn:.1%}, the batch's own: {batch_knn:.1%}")

# %% [markdown] slug=diagnose-text
# ## The doctor: name what is wrong
#
# Put what you have seen into a function. It gets the losses and the kNN accuracies, and goes
# through this table from top to bottom; the first row that fits is the answer:
#
# | answer | symptom |
# | --- | --- |
# | `"diverged"` | a loss, anywhere, is not a finite number |
# | `"at chance"` | the last loss is at least 0.98 · chance |
# | `"stale statistics"` | kNN by the batch's statistics is more than 0.05 above the last kNN |
# | `"shortcut"` | the last kNN is less than 0.02 above the first, the untrained encoder's |
# | `"healthy"` | none of these |
#
# *(medium, about 10 minutes)*


# %% slug=diagnose
def diagnose(loss, chance, knn, knn_batch):
    """Name what is wrong with a run.

    Args:
        loss: array, the mean loss of each epoch; may hold NaN.
        chance: ln(2N − 1).
        knn: array, kNN accuracies in [0, 1]: first the untrained encoder's, last the newest.
        knn_batch: the newest kNN accuracy, read with the batch's own statistics.

    Returns:
        One of the answers in the table.
    """
    ### BEGIN SOLUTION
    if not np.all(np.isfinite(loss)):
        return "diverged"
    if loss[-1] >= 0.98 * chance:
        return "at chance"
    if knn_batch - knn[-1] > 0.05:
        return "stale statistics"
    if knn[-1] < knn[0] + 0.02:
        return "shortcut"
    return "healthy"
    ### END SOLUTION


# %% slug=diagnose-check tags=["nbval-check-output"]
report = check("diagnose", diagnose)
diagnose = report.function

# %% [markdown] slug=ward-text
# Send your patients in: the runs above, the long run, and the long run read with statistics that
# lag. (For the runs above the moving statistics are in order, so their kNN stands for both.)

# %% slug=ward
patients = {name: (loss, knn, knn[-1]) for name, (loss, knn) in runs.items()}
all_losses = [row["loss"] for row in history]
patients["faster still"] = (exploded, [untrained_knn, untrained_knn], untrained_knn)
patients["the long run"] = (all_losses, [untrained_knn, trained_knn], trained_knn)
patients["the same, lagging"] = (all_losses, [untrained_knn, stale_knn], batch_knn)
for name, (loss, knn, knn_batch) in patients.items():
    found = diagnose(np.array(loss), chance, np.array(knn), knn_batch)
    print(f"{name:18} loss {loss[-1]:5.2f}  kNN {knn[0]:.1%} → {knn[-1]:5.1%}  {found}")

# %% [markdown] slug=ward-commentary tags=["commentary"]
# The verdict `"shortcut"` says only *that* the loss fell and the features did not get better. It
# need not be a shortcut in the pictures: after a few epochs, a rate that is far too large looks the
# same to this table. What tells the two apart is the loss itself, held against that of a healthy
# run with the same batch size and temperature: far **below** it is a shortcut, well **above** it is
# a training that does not get on. The library watches all its runs in the same spirit
# (`simclr_lib/pretraining/diagnostics.py`).

# %% [markdown] slug=recap
# ## What you learnt
#
# - A step: both views in **one pass**, NT-Xent, gradients of **all** weights, update.
# - The learning rate **warms up** and falls along a **cosine**. LARS lets every layer change by
#   the same share; biases and BatchNorm are left out.
# - Larger batches give surer gradients, so they can take larger steps; but they also change the
#   loss. Compare losses at equal batch size and temperature only.
# - A run whose order is *computed* from its seed can be stopped and goes on **to the same bits**.
# - The loss against its **chance line** tells whether anything is learnt; **kNN** against the
#   **untrained encoder** tells whether it is worth anything; kNN by the **batch's statistics**
#   tells whether you can believe the reading.
#
# **Try it:** break the run in a way of your own, say `crop_min_area=1.0` or `head_layers=0`, and
# guess the verdict before you look.

# %% [markdown] slug=next
# ## What comes next
#
# In **lesson 05** your encoder is frozen and judged: a linear probe, labels by the handful, and the
# baselines that make a number mean something. Where the field went: momentum encoders and
# queues (MoCo) made small batches do, BYOL and SimSiam dropped the negatives altogether, and so
# had to find new ways not to collapse.

# %% [markdown] slug=references
# ## References
#
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020):
#   [A Simple Framework for Contrastive Learning of Visual Representations](https://arxiv.org/abs/2002.05709).
#   Algorithm 1 is your step; section 2.2 has the optimiser, appendix B.1 the scaling of its rate.
# - Y. You, I. Gitman, B. Ginsburg (2017):
#   [Large Batch Training of Convolutional Networks](https://arxiv.org/abs/1708.03888). LARS.
# - P. Goyal and others (2017):
#   [Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour](https://arxiv.org/abs/1706.02677).
#   Warmup, and the linear rule.
# - I. Loshchilov, F. Hutter (2017):
#   [SGDR: Stochastic Gradient Descent with Warm Restarts](https://arxiv.org/abs/1608.03983).
#   The cosine.
# - S. Ioffe, C. Szegedy (2015):
#   [Batch Normalization](https://arxiv.org/abs/1502.03167). Its two modes.

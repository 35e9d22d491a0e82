# %% [markdown] slug=title
# # Small batches: a memory for each picture (SogCLR)
#
# SimCLR likes large batches, and large batches need large machines. Why should the loss care how
# many pictures fit into memory at once? You will find what a small batch gets wrong, measure it on
# an encoder that stands still, and mend it with **one number per picture** that is remembered from
# batch to batch. That is SogCLR. Then comes the question that lesson 06 taught you to ask: does
# it help, and how would you know?
#
# **After it you can**
#
# - say why the logarithm of a small batch's mean leans to one side, and which step of NT-Xent
#   inherits that;
# - write SogCLR's memory and its loss, and say why its weights carry no gradient;
# - explain what γ trades: a memory that is noisy against one that is out of date;
# - train with it, in the kit and from a checkpoint;
# - read accuracy over batch size for two methods, and say what three seeds can tell.
#
# **It takes** about 90 minutes of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** NT-Xent, its gradient and logsumexp
# (lesson 03), recipes and checkpoints (lesson 04), and paired differences (lesson 06).

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson. Leave them as they are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" (minutes) or "smoke" (shorter, and what it measures means nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other batches, other views, other trainings

# %% [markdown] slug=setup-text
# The next cell loads the pictures, and sets some of them aside: they will judge trainings later on.
# The test pictures are not needed, as this lesson compares methods and reports none.

# %% slug=setup
import numpy as np
from matplotlib import pyplot as plt

from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

setting = lesson(
    "08_small_batches",
    profile=profile,
    dataset=dataset,
    seed=seed,
    train_limit=3000,
    test_limit=500,
)
rng = np.random.default_rng([seed, 8])
data = setting.data
order = rng.permutation(len(data.train_images))
judges, learners = np.split(order, [len(order) // 6])
images, labels = data.train_images[learners], data.train_labels[learners]

# %% [markdown] slug=whole-text
# ## The sum that is meant
#
# NT-Xent pushes a view away from its **negatives**. Which are they? Those that are meant are the
# views of all *other pictures*. Those that it sums over are the few that happen to be in the same
# batch. To see what that makes of it, take an encoder that does not move, and compare the batch
# with the whole set. The encoder is yours from lesson 04, or the kit's. Each picture gets two views
# here, once and for all, and z is scaled to length 1.

# %% slug=project
from simclr_lib import get_recipe
from simclr_lib.course.on_trial import encoder_on_trial
from simclr_lib.from_recipe import build_augmenter

trial = encoder_on_trial(setting)
recipe = get_recipe("demo", {"seed": seed})
M = min(2048, len(images) // 64 * 64)  # pictures in "the whole set", for the next sections


def project(encoder, head, pictures, views):
    """z of two views of each of M pictures, made by the layer `views`, of length 1: `(2, M, D)`."""
    parts = []
    for first in range(0, len(pictures), 256):
        pair = [views(pictures[first : first + 256]) for _ in range(2)]
        parts.append([np.asarray(head(encoder(v, training=False), training=False)) for v in pair])
    z = np.concatenate(parts, axis=1)
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


z = project(trial.encoder, trial.head, images[:M], build_augmenter(recipe))
print(f"Encoder: {trial.source}; z of {M:,} pictures, two views each: {z.shape}")

# %% [markdown] slug=g-text
# An anchor's negatives enter the loss through one number, the mean of their exponentials,
#
# $$g = \operatorname{mean}_j \exp(s_j / \tau),$$
#
# with the cosines $s_j$, and the loss takes its **logarithm**. (NT-Xent has a sum, which only adds
# a constant, and it has the positive in that sum too. Here it is left out, as in the *decoupled*
# loss that lesson 03 mentions.) At small temperatures the exponentials leave the range of 32 bits,
# so the mean needs the trick of lesson 03: take the highest score off first.
#
# **Exercise:** the logarithm of the mean of the exponentials. *(easy, about 6 minutes)*


# %% slug=log-mean-exp
def log_mean_exp(scores):
    """The logarithm of the mean of exp(scores), along the last axis, for scores of any size.

    Args:
        scores: s ÷ τ, an array `(…, K)`; K negatives for each anchor. Use whole arrays: the lesson
            hands in some millions of scores.

    Returns:
        An array `(…)`, finite for finite scores.
    """
    ### BEGIN SOLUTION
    highest = scores.max(axis=-1, keepdims=True)
    mean = np.exp(scores - highest).mean(axis=-1)
    return highest[..., 0] + np.log(mean)
    ### END SOLUTION


# %% slug=log-mean-exp-check tags=["nbval-check-output"]
report = check("log_mean_exp", log_mean_exp)
log_mean_exp = report.function

# %% [markdown] slug=set-text
# Now the truth: log g of every view over *all* other pictures, at three temperatures. The helper
# gathers each view's cosines with its negatives, for one batch or for a stack of them.


# %% slug=set
def negatives_of(z_a, z_b):
    """Cosines of all views with their negatives: twice `(…, N, D)` → `(…, 2N, 2N − 2)`."""
    both = np.concatenate([z_a, z_b], axis=-2)
    picture = np.tile(np.arange(z_a.shape[-2]), 2)
    other = picture[:, None] != picture[None, :]
    cosines = both @ np.swapaxes(both, -1, -2)
    return cosines[..., other].reshape(*cosines.shape[:-1], -1)


temperatures = [0.1, 0.2, 0.5]
of_the_set = {tau: log_mean_exp(negatives_of(*z) / tau) for tau in temperatures}
for tau, log_g in of_the_set.items():
    print(f"τ = {tau}: log g of the set, mean over {len(log_g):,} views {log_g.mean():.2f}")

# %% [markdown] slug=lean-predict-text
# A batch of 8 pictures has 14 negatives for each anchor, drawn at random from the same set. What
# will their log g be, on average over thousands of batches, at τ = 0.2?

# %% slug=lean-predict
from simclr_lib.course import compare_guess, predict

lean_guess = predict(
    "lean",
    "log g of batches of 8, on average, beside that of the whole set?",
    choices=["too low", "about right", "too high"],
    answer=None,
)

# %% [markdown] slug=lean-text
# Each pass deals all pictures out into batches of one size. Every view then has two values of
# log g, its batch's and the set's; we keep the mean of the difference and its standard deviation.

# %% slug=lean
sizes = [size for size in (8, 16, 32, 64, 128, 256, 512) if size <= M // 4]
lean, spread = {}, {}
for tau in temperatures:
    for size in sizes:
        off = []
        for _ in range(setting.pick(full=4, smoke=2)):
            rows = rng.permutation(M)[: M // size * size].reshape(-1, size)
            log_g = log_mean_exp(negatives_of(z[0][rows], z[1][rows]) / tau)
            off.append((log_g - of_the_set[tau][np.concatenate([rows, rows + M], axis=1)]).ravel())
        lean[tau, size], spread[tau, size] = np.mean(np.concatenate(off)), np.std(off)
found = lean[0.2, 8]
compare_guess(
    "lean",
    lean_guess,
    "about right" if abs(found) < 0.02 else "too low" if found < 0 else "too high",
)
print(f"batches of 8 at τ = 0.2: {found:+.2f} on average, deviation {spread[0.2, 8]:.2f}")

# %% [markdown] slug=lean-picture-text
# By batch size, and for three temperatures: on the left how far log g is off on average, on the
# right how much it varies.

# %% slug=lean-picture
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
panels = ((lean, "on average"), (spread, "standard deviation"))
for ax, (values, name) in zip(axes, panels, strict=True):
    for tau, line in zip(temperatures, ("o-", "s--", "^:"), strict=True):
        ax.plot(sizes, [values[tau, size] for size in sizes], line, label=f"τ = {tau}")
    ax.axhline(0, color="#222222", linewidth=1)
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.set(title=f"log g of a batch minus the set's: {name}", xlabel="pictures in a batch")
    ax.title.set_size(9)
axes[0].set_ylabel("nats")
axes[1].legend()
told = ", ".join(f"{size}: {lean[0.2, size]:+.2f} ± {spread[0.2, size]:.2f}" for size in sizes)
show(figure, alt=f"How far log g of a batch is off, by batch size, at temperature 0.2: {told}.")

# %% [markdown] slug=lean-commentary tags=["commentary"]
# Small batches are not only noisy, they are **off to one side**: they have a **bias**. The smaller
# the temperature, the more. Twice the batch, about half the bias: so the cure that SimCLR knows is
# a larger batch, with ever smaller returns.

# %% [markdown] slug=jensen-text
# ## Where the lean comes from
#
# Nothing is wrong with g itself: the mean of a random part is *on average* the mean of the whole.
# The logarithm spoils it, because it is curved. Take one view, and three hundred batches of 8 for
# it. The batches that met a near negative have a large g, the others a small one. The logarithm
# pulls the large ones in more than the small ones (**Jensen's inequality**).

# %% slug=jensen
view, tau = int(np.argsort(of_the_set[0.2])[M]), 0.2  # the view in the middle
cosines = z.reshape(2 * M, -1) @ z.reshape(2 * M, -1)[view]
others = np.delete(np.arange(M), view % M)
draws = [rng.choice(others, 7, replace=False) for _ in range(300)]
g = np.array([np.exp(cosines[[*draw, *(draw + M)]] / tau).mean() for draw in draws])
g = g / np.exp(of_the_set[tau][view])  # 1: as in the set
print(f"mean of g: {g.mean():.2f} of the set's; log of that: {np.log(g.mean()):+.2f}", end="; ")
print(f"mean of log g: {np.log(g).mean():+.2f}")

# %% [markdown] slug=jensen-picture-text
# The marks on the curve are batches. The square is the logarithm of their mean, near 0 as it
# should be; the diamond is the mean of their logarithms.

# %% slug=jensen-picture
figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
x = np.geomspace(g.min(), g.max(), 200)
ax.plot(x, np.log(x), color="#222222", linewidth=1, label="logarithm")
ax.plot(g, np.log(g), "|", color="#0072B2", markersize=9, label="a batch of 8")
ax.plot(g.mean(), np.log(g.mean()), "s", color="#009E73", markersize=9, label="log of the mean")
ax.plot(g.mean(), np.log(g).mean(), "D", color="#D55E00", markersize=9, label="mean of the logs")
ax.axhline(0, color="#767676", linestyle=":")
ax.set(title="One view, three hundred batches", xlabel="g of the batch ÷ g of the set")
ax.set(ylabel="logarithm of that")
ax.legend()
show(
    figure,
    alt=f"Batches on the curve of the logarithm. Log of their mean {np.log(g.mean()):+.2f}, mean of"
    f" their logs {np.log(g).mean():+.2f}.",
)

# %% [markdown] slug=push-text
# ## What it does to the gradient
#
# A loss that is off by a constant would do no harm. So look at the gradient. In lesson 03 you
# derived it: each negative pushes with its **softmax share**. There the positive has a share, too.
# To see what g does, leave it out of the sum. That is the **decoupled** loss, in which the
# negatives' shares add up to 1. (In NT-Xent they add up to 1 less the positive's share, so that a
# batch of strangers pushes less already: the same happens, only less of it.) Write the share with
# g,
#
# $$\text{weight}_j = \frac{\exp(s_j/\tau)}{K\, g},$$
#
# with K negatives. Then there is a choice of *which* g: the batch's own, or the set's. Here are
# the luckiest and the unluckiest batch of those above, weighed in both ways.

# %% slug=weights
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.2), layout="constrained", sharey=True)
told = []
for ax, number, name in zip(axes, (g.argmin(), g.argmax()), ("far", "near"), strict=True):
    draw = draws[number]
    exponentials = np.sort(np.exp(cosines[[*draw, *(draw + M)]] / tau))[::-1]
    share = exponentials / exponentials.sum()
    right = exponentials / (14 * np.exp(of_the_set[tau][view]))
    places = np.arange(14)
    ax.bar(places - 0.2, share, 0.4, color="#D55E00", hatch="//", label="by the batch's g")
    ax.bar(places + 0.2, right, 0.4, color="#0072B2", label="by the set's g")
    ax.set(title=f"A batch of {name} negatives: in all {share.sum():.2f} and {right.sum():.2f}")
    ax.set(xlabel="negatives, the nearest first", xticks=[])
    told.append(f"{name} negatives: by the batch {share.sum():.2f}, by the set {right.sum():.2f}")
axes[0].set_ylabel("weight of the push")
axes[0].legend()
show(figure, alt=f"Weights of 14 negatives in two batches. In all, {'; '.join(told)}.")

# %% [markdown] slug=weights-words
# By its own g every batch pushes with the same force, 1 in all: strangers as hard as look-alikes.
# By the set's g the anchor knows how near its negatives *usually* are: it hardly pushes in the
# first batch, and hard in the second.
#
# Now average over many batches. Noise averages out; an error to one side stays. What will happen
# to the difference from the whole set's push?

# %% slug=push-predict
push_guess = predict(
    "push",
    "After 128 batches of 8 for each view: which mean push is nearer to the set's?",
    choices=["by the batch's g", "by the set's g"],
    answer=None,
)

# %% [markdown] slug=meet-text
# A helper lets batches meet. Its exponentials are 0 where a view meets its own picture.


# %% slug=meet
def meet(rows, z=z, tau=0.2):
    """Batches `(B, N)` of pictures: all their z `(B, 2N, D)`, and exp(s ÷ τ) `(B, 2N, 2N)`."""
    both = np.concatenate([z[0][rows], z[1][rows]], axis=1)
    own = np.tile(np.eye(rows.shape[1], dtype=bool), (2, 2))
    return both, np.where(own, 0, np.exp(both @ both.swapaxes(1, 2) / tau))


def dealt(size=8):
    """All pictures, dealt out at random into batches: `(batches, size)`."""
    return rng.permutation(M)[: M // size * size].reshape(-1, size)


both, exponentials = meet(np.arange(M)[None])
g_of_set = exponentials[0].sum(axis=1) / (2 * M - 2)
push_of_set = exponentials[0] @ both[0] / (2 * M - 2) / g_of_set[:, None]

# %% [markdown] slug=push-run-text
# For every view: the mean push over more and more batches, and how far it is from the set's, as a
# share of the set's own length.


# %% slug=push-run
def error_of(push):
    """Length of the difference from the set's push, as a share (root mean square over views)."""
    return np.sqrt(np.sum((push - push_of_set) ** 2) / np.sum(push_of_set**2))


sums = {
    "by the batch's g": np.zeros_like(push_of_set),
    "by the set's g": np.zeros_like(push_of_set),
}
errors = {name: [] for name in sums}
for count in range(1, 129):
    rows = dealt()
    views = np.concatenate([rows, rows + M], axis=1)
    both, exponentials = meet(rows)
    g_of_batch = exponentials.sum(axis=-1) / 14
    for name, divisor in zip(sums, (g_of_batch, g_of_set[views]), strict=True):
        sums[name][views] += exponentials @ both / (14 * divisor[..., None])
        errors[name].append(error_of(sums[name] / count))
compare_guess("push", push_guess, min(errors, key=lambda name: errors[name][-1]))

# %% [markdown] slug=push-picture-text
# Both axes are logarithmic: what falls like 1 ÷ √n, as noise does, is a straight line.

# %% slug=push-picture
figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
for (name, values), line in zip(errors.items(), ("--", "-"), strict=True):
    colour = "#D55E00" if line == "--" else "#0072B2"
    ax.loglog(range(1, 129), values, line, color=colour, linewidth=2, label=name)
ax.set(title="The mean push of many batches of 8", xlabel="batches averaged")
ax.set(ylabel="distance from the set's push")
ax.set_xticks([1, 4, 16, 64, 128], ["1", "4", "16", "64", "128"])
ax.set_yticks([0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"])
ax.minorticks_off()
ax.legend()
told = "; ".join(f"{name} {values[0]:.2f} to {values[-1]:.2f}" for name, values in errors.items())
show(figure, alt=f"Distance of the mean push from the set's, from 1 to 128 batches: {told}.")

# %% [markdown] slug=push-commentary tags=["commentary"]
# In a single batch the batch's own g gives the *steadier* push, for its total is always 1. But the
# error that stays does not get smaller by training longer: with small batches it goes, on average,
# somewhere else. With the set's g there is more noise, and it averages out. If only we
# knew the set's g in each step.

# %% [markdown] slug=memory-text
# ## A memory for each picture
#
# SogCLR's thought: a picture comes back in every epoch, each time in another batch. So **keep what
# the batches told**, one number u for each picture, as a moving average:
#
# $$u \leftarrow (1-\gamma)\,u + \gamma\, g$$
#
# It averages g itself, before any logarithm: the more it averages, the less its logarithm leans.
# Two rules belong to it. A picture that
# is seen **for the first time** takes g whole. And the **two views** of a picture both start from
# the same old u: each gets a new u of its own for the loss, and their mean is kept.
#
# **Exercise:** write one batch's visit to the memory. A u of 0 stands for "never seen"; a mean of
# exponentials is never 0. *(medium, about 12 minutes)*


# %% slug=remember
def remember(u, positions, g_a, g_b, gamma):
    """What one batch leaves in the memory.

    Args:
        u: the memory `(P,)`, a number for each picture of the set; 0: never seen.
        positions: `(N,)`, which pictures the batch holds, none of them twice.
        g_a, g_b: `(N,)`, g of their first and of their second views.
        gamma: γ, the weight of this batch.

    Returns:
        `(u_a, u_b, memory)`: the new u of the first and of the second views, `(N,)` each, and the
        whole memory afterwards, `(P,)`. The memory that was given stays as it is.
    """
    ### BEGIN SOLUTION
    old = u[positions]
    u_a = np.where(old == 0, g_a, (1 - gamma) * old + gamma * g_a)
    u_b = np.where(old == 0, g_b, (1 - gamma) * old + gamma * g_b)
    memory = u.copy()
    memory[positions] = (u_a + u_b) / 2
    return u_a, u_b, memory
    ### END SOLUTION


# %% slug=remember-check tags=["nbval-check-output"]
report = check("remember", remember)
remember = report.function

# %% [markdown] slug=settle-text
# Let the pictures visit, in batches of 8, while the encoder stands still. After each round we
# compare log u with log g of the set. In the second half of the visits we also add up the pushes
# that u gives.

# %% slug=settle
gammas, visits = [1.0, 0.9, 0.5, 0.1], setting.pick(full=80, smoke=12)
memories = {gamma: np.zeros(M) for gamma in gammas}
distance = {gamma: [] for gamma in gammas}
pushes = {gamma: np.zeros_like(push_of_set) for gamma in gammas}
truth = np.log((g_of_set[:M] + g_of_set[M:]) / 2)
for visit in range(visits):
    rows = dealt()
    views = np.concatenate([rows, rows + M], axis=1)
    both, exponentials = meet(rows)
    g_a, g_b = np.split(exponentials.sum(axis=-1) / 14, 2, axis=1)
    for gamma in gammas:
        visited = remember(memories[gamma], rows.ravel(), g_a.ravel(), g_b.ravel(), gamma)
        u_a, u_b, memories[gamma] = visited
        distance[gamma].append(np.sqrt(np.mean((np.log(memories[gamma]) - truth) ** 2)))
        if visit >= visits // 2:
            u = np.concatenate([u_a.reshape(rows.shape), u_b.reshape(rows.shape)], axis=1)
            pushes[gamma][views] += exponentials @ both / (14 * u[..., None])

# %% [markdown] slug=settle-picture-text
# γ = 1 remembers nothing. On the right is the purpose of it all: the mean push of the later visits,
# beside what the set's own g would have left.

# %% slug=settle-picture
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
for gamma, line in zip(gammas, ("-", "--", "-.", ":"), strict=True):
    axes[0].plot(range(1, visits + 1), distance[gamma], line, linewidth=2, label=f"γ = {gamma:g}")
axes[0].set(title="How far log u is from the set's log g", xlabel="visits of each picture")
axes[0].set(ylabel="root mean square, nats", ylim=(0, 1.5 * distance[1.0][0]))
axes[0].legend(ncol=2)
later = visits - visits // 2
left = [error_of(pushes[gamma] / later) for gamma in gammas] + [errors["by the set's g"][later - 1]]
names = [f"γ = {gamma:g}" for gamma in gammas] + ["the set's g"]
axes[1].bar(names, left, color=["#D55E00"] + 3 * ["#56B4E9"] + ["#0072B2"], edgecolor="#222222")
axes[1].set(title=f"Mean push of {later} batches", ylabel="distance from the set's push")
told = "; ".join(f"{name}: {value:.2f}" for name, value in zip(names, left, strict=True))
ends = ", ".join(f"{gamma:g}: {values[-1]:.2f}" for gamma, values in distance.items())
show(figure, alt=f"Distance of log u from the set's log g at the end, by γ: {ends}. Push: {told}.")

# %% [markdown] slug=settle-commentary tags=["commentary"]
# The memory does what it is for: as long as the encoder stands still, smaller γ is better, down to
# where u needs more visits to settle than it has had. (It may even come out ahead of the
# set's own g here: u holds a little of the batch at hand, which takes some noise away. With more
# batches the noise would go, and what is left is bias: none with the set's g.)

# %% [markdown] slug=visits-text
# ## How far back does it remember?
#
# u is a weighted mean of the g of all visits so far. Which weights? A visit enters with the weight
# γ, and each later visit multiplies it by 1 − γ. The first one was taken whole.
#
# **Exercise:** the weight of each visit in u. *(medium, about 8 minutes)*


# %% slug=visit-weights
def visit_weights(visits, gamma):
    """What is left of each visit in u.

    Args:
        visits: how often the picture has been seen, 1 or more.
        gamma: γ.

    Returns:
        An array `(visits,)`, the oldest visit first; it adds up to 1.
    """
    ### BEGIN SOLUTION
    age = np.arange(visits)[::-1]
    weights = gamma * (1 - gamma) ** age
    weights[0] = (1 - gamma) ** (visits - 1)
    return weights
    ### END SOLUTION


# %% slug=visit-weights-check tags=["nbval-check-output"]
report = check("visit_weights", visit_weights)
visit_weights = report.function

# %% [markdown] slug=trade-text
# From the weights w follow two numbers. The **noise** of a weighted mean is √Σw² of a single
# batch's. Its **age** is Σ w · age, in visits. One falls as the other rises.

# %% slug=trade
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
for shift, gamma, hatch in ((-0.27, 0.9, ""), (0, 0.5, "//"), (0.27, 0.1, "..")):
    bars = {"width": 0.27, "hatch": hatch, "edgecolor": "white", "label": f"γ = {gamma}"}
    axes[0].bar(np.arange(1, 7) + shift, visit_weights(6, gamma), **bars)
axes[0].set(title="After six visits", xlabel="visit, the newest is 6", ylabel="weight in u")
axes[0].legend()
told = []
for gamma in (1.0, 0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05):
    w = visit_weights(200, gamma)
    noise, age = np.sqrt(np.sum(w**2)), np.sum(w * np.arange(200)[::-1])
    axes[1].plot(age, noise, "o", color="#0072B2")
    axes[1].annotate(f"{gamma:g}", (age, noise), xytext=(5, 4), textcoords="offset points")
    told.append(f"{gamma:g}: {noise:.2f} and {age:.1f}")
axes[1].set(title="After many visits, by γ", xlabel="mean age, visits", ylim=(0, 1.1))
axes[1].set_ylabel("noise, share of one batch's")
show(figure, alt=f"Weights of six visits, and noise and age by γ: {'; '.join(told)}.")

# %% [markdown] slug=moving-text
# In a training the encoder moves, and what it told earlier is out of date. No training is needed to
# see that either: let z go in a straight line from an untrained encoder's to the trained one's,
# over twenty visits. Three cases: it stands still at the goal; it goes the second half of the way;
# it goes the whole way.

# %% slug=moving-predict
moving_guess = predict(
    "moving",
    "The whole way in twenty visits: which γ will have the best u at the end?",
    choices=[0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0],
    answer=None,
)

# %% [markdown] slug=moving-run-text
# The untrained encoder has the same layers, with random weights. At the end u is compared with the
# set's g of the goal.

# %% slug=moving-run
from simclr_lib import projection_head
from simclr_lib.evaluation import reestimate_batch_norm
from simclr_lib.from_recipe import build_encoder

untrained = build_encoder(recipe, "float32")
reestimate_batch_norm(untrained, images[:M])
sizes_of_head = untrained.output_shape[-1], recipe.head_hidden, z.shape[-1]
z_start = project(untrained, projection_head(*sizes_of_head), images[:M], build_augmenter(recipe))
choices, stale = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0], {}
for name, begin in (("stands still", 1.0), ("second half", 0.5), ("whole way", 0.0)):
    memories = {gamma: np.zeros(M) for gamma in choices}
    for way in np.linspace(begin, 1, 20):
        now = (1 - way) * z_start + way * z
        rows = dealt()
        _, exponentials = meet(rows, now / np.linalg.norm(now, axis=-1, keepdims=True))
        g_a, g_b = np.split(exponentials.sum(axis=-1) / 14, 2, axis=1)
        for gamma, u in memories.items():
            memories[gamma] = remember(u, rows.ravel(), g_a.ravel(), g_b.ravel(), gamma)[2]
    stale[name] = [np.sqrt(np.mean((np.log(u) - truth) ** 2)) for u in memories.values()]
compare_guess("moving", moving_guess, choices[int(np.argmin(stale["whole way"]))])

# %% [markdown] slug=moving-picture-text
# The lower, the better. To the right is noise, to the left is what is out of date.

# %% slug=moving-picture
figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
for (name, values), line in zip(stale.items(), ("o-", "s--", "^:"), strict=True):
    ax.plot(choices, values, line, label=name)
ax.set(title="The encoder moves: u after twenty visits", xlabel="γ", xscale="log")
ax.set(ylabel="distance from log g, nats", ylim=(0, None))
ax.set_xticks(choices, [f"{gamma:g}" for gamma in choices])
ax.minorticks_off()
ax.legend(title="encoder")
best = {name: choices[int(np.argmin(values))] for name, values in stale.items()}
told = ", ".join(f"{name} {gamma:g}" for name, gamma in best.items())
show(figure, alt=f"Distance of log u from the truth by γ. The best γ: {told}.")
print(f"best γ: {told}")

# %% [markdown] slug=moving-commentary tags=["commentary"]
# The faster the encoder moves, the more weight the newest batch needs. With γ = 0.1 the first of
# six visits still has more than half of the weight: that is what an untrained encoder said.
# SogCLR's authors take 0.9, which remembers little. Others let γ begin at 1 and fall along a
# cosine, since the encoder moves fastest at the start (`sogclr_gamma_schedule` in the recipe).

# %% [markdown] slug=loss-text
# ## The loss
#
# What gradient do we want? That of τ · log u − s⁺, with the positive's cosine s⁺. The derivative
# of a logarithm is 1 ÷ u times that of what is in it, so each negative gets the weight
#
# $$p_j = \exp(s_j/\tau) \,/\, u,$$
#
# and the mean of $p_j s_j$ has that gradient **if p is held still**: p says how hard to push, it
# is nothing to be made smaller itself. That is what `ops.stop_gradient` is for: its value is that
# of its argument, and no gradient goes through it.
#
# $$\text{loss} = \operatorname{mean}_i \bigl(\operatorname{mean}_j p_{ij} s_{ij} - s_i^+\bigr)$$
#
# over all anchors i.
#
# **Exercise:** the loss, with functions of `keras.ops`, so that it works on every backend. The
# check looks at the value *and* at the gradient. *(hard, about 12 minutes)*

# %% slug=sogclr-loss
from keras import ops


def sogclr_loss(positive, negatives, u, temperature):
    """The loss of a batch, given what is remembered.

    Args:
        positive: cosines of the anchors with their positives, `(A,)`.
        negatives: cosines with their negatives, `(A, K)`.
        u: each anchor's u, `(A,)`: no logarithm.
        temperature: τ.

    Returns:
        A scalar.
    """
    ### BEGIN SOLUTION
    weights = ops.stop_gradient(ops.exp(negatives / temperature) / u[:, None])
    return ops.mean(ops.mean(weights * negatives, axis=1) - positive)
    ### END SOLUTION


# %% slug=sogclr-loss-check tags=["nbval-check-output"]
report = check("sogclr_loss", sogclr_loss)
sogclr_loss = report.function

# %% [markdown] slug=forget-text
# Two tests. With **γ = 1** nothing is remembered, u is the batch's own g. Then the gradient must be
# τ times that of the decoupled loss, log g − s⁺ ÷ τ. With a perfect memory, u of the whole set, it
# must differ. We take one batch of 16.

# %% slug=forget
from simclr_lib.course.gradients import value_and_gradients

batch = np.arange(16)
negatives = negatives_of(z[0][batch], z[1][batch])
positive = np.tile(np.sum(z[0][batch] * z[1][batch], axis=-1), 2)


def decoupled(positive, negatives):
    """NT-Xent without the positive in the sum."""
    return ops.mean(ops.logsumexp(negatives / tau, axis=1) - positive / tau)


_, _, wanted = value_and_gradients(decoupled, positive, negatives)
own_g = np.exp(log_mean_exp(negatives / tau))
settled = np.tile(np.exp(truth[batch]), 2)
for name, u in (("γ = 1", own_g), ("u of the whole set", settled)):
    arguments = positive, negatives, u
    slopes = value_and_gradients(lambda p, n, u: sogclr_loss(p, n, u, tau), *arguments)[2]
    apart = np.abs(slopes - tau * wanted).max() / np.abs(tau * wanted).max()
    print(f"{name:20} differs from τ · decoupled by {apart:.1g} of its largest entry")

# %% [markdown] slug=forget-words
# So SogCLR differs from NT-Xent in **two** things: it remembers, and it leaves the positive out of
# the sum. γ = 1 has the second alone. Keep that in mind for the comparison: lesson 06 has a word
# for a change that comes along.
#
# The kit's own loss is the same with logarithms, for u itself can leave the range of 32 bits. It
# takes the projections and log u, and gives the new log u along with the loss.

# %% slug=library
from simclr_lib.losses import sogclr

gamma, old = 0.3, np.exp(truth[batch]) * rng.uniform(0.5, 2, 16)
g_a, g_b = np.split(own_g, 2)
u_a, u_b, memory = remember(old, np.arange(16), g_a, g_b, gamma)
yours = sogclr_loss(positive, negatives, np.concatenate([u_a, u_b]).astype("float32"), tau)
kits, log_u = sogclr(z[0][batch], z[1][batch], np.log(old).astype("float32"), tau, gamma)
print(f"loss: yours {float(yours):.4f}, the kit's {float(kits):.4f}")
print(f"memory: largest difference {np.abs(np.log(memory) - np.asarray(log_u)).max():.1g}")

# %% [markdown] slug=value-words
# Note that the loss can be **negative**, and that its value is that of no fixed goal: the weights
# change from step to step. An encoder that gives all pictures the same z has a loss of 0, which
# is the chance line here. Look at the accuracy, or at kNN, rather than at this curve.

# %% [markdown] slug=train-text
# ## The same model with another loss
#
# Encoder, head, views, optimiser: nothing else changes. In a recipe it is `loss: sogclr`, and on
# the command line
#
#     simclr run demo --set loss=sogclr sogclr_gamma=0.3 batch_size=32
#
# Three arms at a batch of 16, for a few epochs on small views: NT-Xent; SogCLR **without** its
# memory (γ = 1); SogCLR **with** it (γ = 0.3). Between neighbours one thing changes. All have a
# temperature of 0.1, where a small batch leans most, and a learning rate that goes with the root of
# the batch size (lesson 04).

# %% slug=arms
from simclr_lib.from_recipe import build_model, compile_for
from simclr_lib.pretraining import fit_epochs

few, epochs = 16, setting.pick(full=5, smoke=1)
common = {"batch_size": few, "epochs": epochs, "warmup_epochs": 0.5, "temperature": 0.1}
common |= {"encoder_width": setting.pick(full=16, smoke=4), "view_size": 16, "head_hidden": 128}
common |= {"learning_rate": 0.02 * (few / 256) ** 0.5}
arms = {"NT-Xent": {"loss": "nt_xent"}, "no memory": {"loss": "sogclr", "sogclr_gamma": 1.0}}
arms["memory"] = {"loss": "sogclr", "sogclr_gamma": 0.3}


def trained(arm, run_seed):
    """A model of one arm, trained on this lesson's pictures."""
    recipe = get_recipe("demo", common | arms[arm] | {"seed": run_seed})
    model = build_model(recipe, "float32", build_encoder(recipe, "float32"), len(images))
    compile_for(recipe, "float32", model, images, epochs)
    fit_epochs(model, images, batch_size=few, epochs=epochs, seed=run_seed)
    return model


# %% [markdown] slug=train-predict-text
# Guess first, and remember what lesson 06 says about three seeds.

# %% slug=train-predict
train_guess = predict(
    "train",
    "Which arm's features will be best after this short training?",
    choices=[*arms, "cannot tell"],
    answer=None,
)

# %% [markdown] slug=train-run-text
# Each arm has the same seeds: the same first weights, the same order of pictures. A linear probe on
# the pictures that were set aside judges them.

# %% slug=train-run
from simclr_lib import extract_features, linear_probe

seeds = [seed + number for number in range(setting.pick(full=3, smoke=2))]
accuracy = {arm: [] for arm in arms}
for run_seed in seeds:
    for arm in arms:
        model = trained(arm, run_seed)  # the last one is kept: the memory's
        h = extract_features(model.encoder, images)
        h_judges = extract_features(model.encoder, data.train_images[judges])
        probe = linear_probe(h, labels, h_judges, data.train_labels[judges])
        accuracy[arm].append(100 * probe.accuracy)
for arm, values in accuracy.items():
    print(f"{arm:10}", *(f"{value:5.1f} %" for value in values), f"   mean {np.mean(values):.1f} %")

# %% [markdown] slug=verdict-text
# The tool of lesson 06: differences seed by seed, their standard error, and Student's limit for so
# few seeds.

# %% slug=verdict
from simclr_lib.course.paired import paired, verdict

pairs = [("no memory", "NT-Xent"), ("memory", "no memory"), ("memory", "NT-Xent")]
for arm, control in pairs:
    print(f"{arm:9} against {control:9} {verdict(accuracy[arm], accuracy[control])}")
best_arm = max(accuracy, key=lambda arm: np.mean(accuracy[arm]))
sure = all(" better" in verdict(accuracy[best_arm], accuracy[a]) for a in arms if a != best_arm)
compare_guess("train", train_guess, best_arm if sure else "cannot tell")

# %% [markdown] slug=train-picture-text
# Every run, joined by seed: parallel lines are what a paired comparison can see.

# %% slug=train-picture
figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
for number, (run_seed, marker) in enumerate(zip(seeds, "osD", strict=False)):
    values = [accuracy[arm][number] for arm in arms]
    ax.plot(range(len(arms)), values, marker + "-", label=f"seed {run_seed}")
ax.axhline(100 / len(data.class_names), color="#222222", linestyle="--", label="chance")
ax.set_xticks(range(len(arms)), list(arms))
ax.set(title=f"Batches of {few}: linear probe on {data.name}", xlabel="arm", ylim=(0, None))
ax.set_ylabel("held-out pictures right, %")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
told = ", ".join(f"{arm} {np.mean(values):.1f}" for arm, values in accuracy.items())
show(figure, alt=f"Linear probe by arm, over {len(seeds)} seeds; means in percent: {told}.")

# %% [markdown] slug=train-commentary tags=["commentary"]
# In so short a training a seed alone moves the accuracy by many points. Where all lines go the same
# way, that is a hint, whichever way it is, and also where it goes *against* the memory; but how
# *far* they go differs so much that three seeds seldom make more than a hint of it. Resist the wish
# to read the means alone: this is a sweep that asks for more seeds.

# %% [markdown] slug=inside-text
# ## Inside a trained memory
#
# The accuracy is one question, the memory another. The last model trained has one: its log u is a
# variable of the model like any weight. Is it right? We ask the trained encoder for new views of
# all pictures, compute the set's log g, and hold against it what the memory says, and what a single
# batch would, as a training step sees it. (Both are from training mode, where BatchNorm goes by the
# batch, and the set's log g is not: a part of what they are off by comes from there.)

# %% slug=inside
z_trained = project(model.encoder, model.head, images, model.augmenter)
log_g = log_mean_exp(negatives_of(*z_trained) / model.temperature)
log_g = np.logaddexp(*np.split(log_g, 2)) - np.log(2)  # of both views' mean
log_u = np.asarray(model.contrastive_loss.log_u)
seen = log_u > -1e20  # what no batch has held yet has no u
off = {"the memory": (log_u - log_g)[seen], "a single batch": []}
for row in rng.permutation(len(images))[: len(images) // few * few].reshape(-1, few):
    z_batch = np.array(model(images[row], training=True))  # as in a training step
    z_batch /= np.linalg.norm(z_batch, axis=1, keepdims=True)
    g_a, g_b = np.split(log_mean_exp(negatives_of(*np.split(z_batch, 2)) / model.temperature), 2)
    off["a single batch"].extend(np.logaddexp(g_a, g_b) - np.log(2) - log_g[row])
for name, values in off.items():
    print(f"{name:14} is off by {np.mean(values):+.2f} on average, deviation {np.std(values):.2f}")

# %% [markdown] slug=inside-picture-text
# Both as histograms. At 0 they would agree with the whole set.

# %% slug=inside-picture
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
looks = (("#0072B2", "stepfilled", ""), ("#D55E00", "step", "//"))
edges = np.histogram_bin_edges(np.concatenate(list(off.values())), 40)
for (name, values), (colour, kind, hatch) in zip(off.items(), looks, strict=True):
    look = {"histtype": kind, "color": colour, "alpha": 0.7, "hatch": hatch, "linewidth": 2}
    ax.hist(values, edges, density=True, label=name, **look)
ax.axvline(0, color="#222222", linestyle="--")
ax.set(title=f"A trained memory, γ = 0.3, batches of {few}", ylabel="share of the pictures")
ax.set(xlabel="logarithm of u or g, minus the whole set's log g", yticks=[])
ax.legend()
told = "; ".join(f"{n} {np.mean(v):+.2f} ± {np.std(v):.2f}" for n, v in off.items())
show(figure, alt=f"How far log g of a batch and log u lie from the whole set's log g: {told}.")

# %% [markdown] slug=inside-commentary tags=["commentary"]
# The memory does its work in a real training too: it is nearer to the whole set than a batch is, on
# average and in its spread. Keep apart what this shows and what it does not. The *estimate* is
# better. Whether the *encoder* gets better by it is another question, and only an accuracy tells.

# %% [markdown] slug=variables-text
# It is in every checkpoint, because a checkpoint holds all variables. It costs four bytes a
# picture. Another way to have more negatives is a bank that keeps every picture's z: what that
# costs stands beside it.

# %% slug=variables
for variable in model.variables:
    if "sogclr" in variable.path:
        print(f"{variable.path:20} shape {tuple(variable.shape)}, trained: {variable.trainable}")
for count in (len(images), 50_000, 1_281_167):
    print(
        f"{count:9,} pictures: u {4 * count / 1e6:7.2f} MB, all z {4 * 128 * count / 1e6:7.1f} MB"
    )

# %% [markdown] slug=length-text
# The memory is tied to *these* pictures in *this* order: place 7 is picture 7. Give the model
# another set, and it says so at once.

# %% slug=length
from simclr_lib import UserError

try:
    model.fit(images[:100], batch_size=few)
except UserError as error:
    print(error)

# %% [markdown] slug=large-text
# ## Accuracy against batch size
#
# This is the picture that SogCLR is about. The kit has computed it on CIFAR-10: five batch sizes,
# NT-Xent and SogCLR, three seeds each, four epochs of 13,500 pictures. First the question of
# lesson 06, what changes along with the batch:

# %% slug=along
from simclr_lib.course.ablation import by_arm, large_spec, large_sweep, recipes_of

plan = recipes_of(large_spec("small-batches"))
for of_arm in plan.values():
    if of_arm["loss"] == "sogclr":
        size, rate = of_arm["batch_size"], of_arm["learning_rate"]
        steps = of_arm["train_limit"] * 9 // 10 // size * of_arm["epochs"]  # a tenth is held out
        print(
            f"batch {size:3}: {steps:5,} steps, rate {rate:.3f}, {2 * size - 2:5,} negatives",
            end="",
        )
        print(f", γ = {of_arm['sogclr_gamma']}")

# %% [markdown] slug=large-predict-text
# So along one curve three things move, and the curve alone cannot say which of them matters. But at
# *one* batch size the two methods share the steps, the rate and the seeds. That comparison is fair.

# %% slug=large-predict
large_guess = predict(
    "large",
    "Where will SogCLR be ahead by more than chance?",
    choices=["nowhere", "at small batches only", "everywhere", "elsewhere"],
    answer=None,
)

# %% [markdown] slug=large-read-text
# The table that comes with the kit, one row a run, sorted by loss and batch size. Its baseline, the
# untrained encoder, is the line to beat.

# %% slug=large
rows = large_sweep("small-batches")
large = {"NT-Xent": {}, "SogCLR": {}}
for arm, values in by_arm(rows).items():
    loss, batch_size = arm.split(", batch ")
    large[loss][int(batch_size)] = np.array(values)
large_sizes = sorted(large["SogCLR"])
floor = 100 * np.mean([row["random encoder linear"] for row in rows])
print(f"{len(rows)} runs; random encoder {floor:.1f} %")

# %% [markdown] slug=large-picture-text
# The means over the seeds, with their standard errors.

# %% slug=large-picture
figure, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
told = []
for (loss, runs), look in zip(large.items(), ("s--", "o-"), strict=True):
    values = np.array([runs[size] for size in large_sizes])
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    ax.errorbar(large_sizes, mean, error, fmt=look, capsize=4, label=loss)
    told.append(f"{loss} {', '.join(f'{m:.1f}' for m in mean)}")
ax.axhline(floor, color="#222222", linestyle=":", label="random encoder")
ax.set_xscale("log", base=2)
ax.set_xticks(large_sizes, [str(size) for size in large_sizes])
ax.set(title="CIFAR-10, four epochs, three seeds", xlabel="pictures in a batch")
ax.set_ylabel("validation pictures right, %")
ax.legend()
show(figure, alt=f"Linear probe in percent at batches of {large_sizes}: {'; '.join(told)}.")

# %% [markdown] slug=gains-text
# The bars in this picture are the spread over seeds that both methods share, so they mislead. What
# counts is the difference at each size, seed by seed. Below, a bar spans what three seeds leave
# open; where it crosses 0, we cannot tell.

# %% slug=gains
outcome = {size: paired(large["SogCLR"][size], large["NT-Xent"][size]) for size in large_sizes}
figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
for place, (gain, reach) in enumerate(outcome.values()):
    sure = abs(gain) > reach
    style = {"fmt": "o" if sure else "s", "color": "#0072B2" if sure else "#D55E00"}
    ax.errorbar(place, gain, reach, capsize=4, **style)
ax.axhline(0, color="#222222", linestyle="--")
ax.set_xticks(range(len(outcome)), [str(size) for size in outcome])
ax.set(title="SogCLR minus NT-Xent (circles: more than chance; squares: cannot tell)")
ax.set(xlabel="pictures in a batch", ylabel="difference, points")
told = ", ".join(f"{size}: {gain:+.1f} ± {reach:.1f}" for size, (gain, reach) in outcome.items())
show(figure, alt=f"SogCLR minus NT-Xent in points, by batch size: {told}.")

# %% [markdown] slug=verdicts-text
# In words, and the guess. Five comparisons are five chances to be fooled, so the last line says how
# often equal methods would differ in at least one of them (if the five had nothing in common).

# %% slug=verdicts
for size in large_sizes:
    print(f"batch {size:3}: {verdict(large['SogCLR'][size], large['NT-Xent'][size])}")
ahead = [size for size, (gain, reach) in outcome.items() if gain > reach]
words = "elsewhere"
if not ahead:
    words = "nowhere"
elif ahead == large_sizes:
    words = "everywhere"
elif max(ahead) < min(size for size in large_sizes if size not in ahead):
    words = "at small batches only"
compare_guess("large", large_guess, words)
print(
    f"one false difference or more among {len(outcome)}: {1 - 0.95 ** len(outcome):.0%} of sweeps"
)

# %% [markdown] slug=grow-text
# SogCLR's promise is more exact than "better": its gain should **grow as batches shrink**. That is
# one question, so ask it once: for each seed, the mean gain at the two smallest sizes minus the
# mean gain at the two largest.

# %% slug=grow
gain_of = {size: large["SogCLR"][size] - large["NT-Xent"][size] for size in large_sizes}
at_small = np.mean([gain_of[size] for size in large_sizes[:2]], axis=0)
at_large = np.mean([gain_of[size] for size in large_sizes[-2:]], axis=0)
print(f"gain at {large_sizes[:2]} over gain at {large_sizes[-2:]}: {verdict(at_small, at_large)}")
every = np.mean(list(gain_of.values()), axis=0)
print(f"gain over all sizes: {verdict(every, np.zeros_like(every))}")

# %% [markdown] slug=parts-text
# Two things came along with each other here: the memory, and the missing positive. A second sweep
# took the memory away (γ = 1) and kept all else. What SogCLR has beyond *that* is the memory's;
# what that has beyond NT-Xent is the missing positive's.

# %% slug=parts
for arm, forgetful in by_arm(large_sweep("small-batches-control")).items():
    size = int(arm.split(", batch ")[1])
    print(f"batch {size:3}, the memory:           {verdict(large['SogCLR'][size], forgetful)}")
    print(f"batch {size:3}, the missing positive: {verdict(forgetful, large['NT-Xent'][size])}")

# %% [markdown] slug=grow-commentary tags=["commentary"]
# **How to read this.** Three things hold whatever the signs are.
#
# - *The memory is short.* γ = 0.9 leaves a tenth for all that came before the newest of four
#   visits. So do not expect much of it in so short a study. But "cannot tell" is no proof that
#   there is nothing: look how many points it leaves open.
# - *The temperature is kind.* The study has 0.2, where you saw little bias from a batch of 32 on;
#   on ImageNet SogCLR's authors train at 0.1, where you saw several times as much.
# - *Short trainings favour small batches* for another reason: they make more steps (lesson 06).

# %% [markdown] slug=published-text
# Beside it, what is published, after trainings of hundreds of epochs:
#
# | pictures, encoder, epochs | SimCLR | SogCLR |
# | --- | --- | --- |
# | CIFAR-10, ResNet-50, 400 epochs, batch 64 | 90.7 % | 91.8 % |
# | ImageNet-100, ResNet-50, 400 epochs, batch 256 | 76.1 % | 80.0 % |
# | ImageNet-1K, ResNet-50 | batch 8,192 | as good with batch 256 |
#
# All lines are the authors' own (Yuan and others, 2022; the first is from their code, at a
# temperature of 0.3). They do not contradict a small or absent gain here: their trainings are
# longer by far, pictures or encoder are others. And which part of their gain is the memory's cannot
# be read off such a table. That leaving out the positive helps small batches *by itself* is what
# the decoupled loss is known for (Yeh and others, 2022).

# %% [markdown] slug=recap
# ## What you learnt
#
# - A batch's mean g is right **on average**; its logarithm is too low, the more so the smaller the
#   batch and the temperature. Noise averages out, **bias stays**.
# - By its own g (and without the positive) each batch pushes with force 1. By the set's g, a batch
#   of strangers pushes little, and a batch of look-alikes a lot.
# - SogCLR remembers **one number per picture**, u, and divides by it. The weights exp(s/τ)/u are
#   **held still**.
# - γ trades **noise** (large γ) against **age** (small γ): the faster the encoder moves, the larger
#   it has to be. γ = 1 is the decoupled loss.
# - A method that wins after hundreds of epochs need not win after four. Say what was held still,
#   how many seeds there were, and what they cannot tell.
#
# **Try it:** train the `memory` arm with `sogclr_gamma` 0.1, or with the schedule "cosine", at a
# temperature of 0.1. Or run over night what separates the memory from the missing positive:
# `small-batches-control.yaml` in `notebooks/experiments/specs/` has γ = 1.

# %% [markdown] slug=next
# ## What comes next
#
# In **lesson 09** the views get stronger: CLSA distorts pictures until they are hard to recognise,
# and learns from them nevertheless. Where the field went from small batches: MoCo answers with a
# **queue** of earlier z, made by an encoder that changes slowly; SigLIP asks of each pair on its
# own whether it belongs together, so that there is no sum to get wrong; iSogCLR gives each picture
# a temperature of its own, and FastCLIP carries the memory over to pictures with their captions.

# %% [markdown] slug=references
# ## References
#
# - Z. Yuan and others (2022):
#   [Provable Stochastic Optimization for Global Contrastive Learning: Small Batch Does Not Harm Performance](https://arxiv.org/abs/2202.12387).
#   SogCLR, and the published figures above; those of CIFAR-10 are in
#   [its code's branch for CIFAR](https://github.com/Optimization-AI/SogCLR/tree/cifar).
# - C.-H. Yeh and others (2022): [Decoupled Contrastive Learning](https://arxiv.org/abs/2110.06848).
#   NT-Xent without the positive in the sum.
# - Z.-H. Qiu and others (2023):
#   [Not All Semantics are Created Equal](https://arxiv.org/abs/2305.11965). iSogCLR.
# - X. Wei and others (2024): [FastCLIP](https://arxiv.org/abs/2407.01445). γ along a cosine.
# - K. He and others (2020):
#   [Momentum Contrast for Unsupervised Visual Representation Learning](https://arxiv.org/abs/1911.05722).
#   MoCo and its queue.
# - X. Zhai and others (2023):
#   [Sigmoid Loss for Language Image Pre-Training](https://arxiv.org/abs/2303.15343). SigLIP.

# %% [markdown] slug=title
# # Stronger views: what may be asked of a picture that is hardly one any more
#
# Two views of a picture differ, and what differs the encoder learns to overlook. That was the first
# lesson. So why not distort more? Because at some point a view no longer shows what its picture
# showed, and then SimCLR asks for something that cannot be had. **CLSA** asks for less, and can use
# such views all the same.
#
# **After it you can**
#
# - measure how far a distortion goes, without any training;
# - say why a view can be too strong for SimCLR, and what CLSA asks of it instead;
# - write CLSA's loss, and show what it is good for to hold a side of it still;
# - compare two methods that do not cost the same.
#
# **It takes** about 85 minutes of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** views (lesson 01), NT-Xent (lesson 03),
# recipes (lesson 04), the probe (lesson 05), and "cannot tell" (lesson 06).

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson. Leave them as they are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" (minutes) or "smoke" (shorter, and what it measures means nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other views, another start, other pictures held out

# %% [markdown] slug=setup-text
# The next cell loads the pictures and takes the recipe of `simclr run demo`, with a smaller batch
# and fewer epochs.

# %% slug=setup
from dataclasses import replace

import numpy as np
from matplotlib import pyplot as plt

from simclr_lib import get_recipe
from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

setting = lesson(
    "09_stronger_views",
    profile=profile,
    dataset=dataset,
    seed=seed,
    train_limit=3500,
    test_limit=500,
)
data = setting.data
recipe = get_recipe("demo", {"batch_size": 128, "learning_rate": 0.014, "epochs": 8, "seed": seed})
if setting.smoke:
    recipe = replace(recipe, encoder_width=4, view_size=16, head_hidden=32, batch_size=64, epochs=2)

# %% [markdown] slug=fourteen-text
# ## Fourteen more ways to change a picture
#
# SimCLR's views crop, mirror, and distort colours. CLSA's authors take fourteen operations beside
# these, with a **strength** from 1 to 9 for each. Here they are, one by one, at strength 8. Go
# through them: which change the *place* of things, which their *colours*, and which leave you
# guessing what it was?

# %% slug=fourteen
from simclr_lib.strong_views import OPERATIONS, distorted

pictures = data.test_images[:10].astype("float32") / 255
planes = np.repeat(pictures[:1], len(OPERATIONS), axis=0).transpose(0, 3, 1, 2)
ones = np.ones(len(OPERATIONS), "float32")
changed = distorted(planes, np.arange(len(OPERATIONS), dtype="int32"), 8 * ones, ones)
changed = np.asarray(changed).transpose(0, 2, 3, 1)

# %% [markdown] slug=fourteen-picture-text
# (`put` draws a picture without ticks; this lesson draws many.)


# %% slug=fourteen-picture
def put(ax, image, **words):
    ax.imshow(np.clip(image, 0, 1))
    ax.set(xticks=[], yticks=[], **words)


figure, axes = plt.subplots(3, 5, figsize=(7.0, 4.9), layout="constrained")
figure.suptitle("One picture, fourteen operations at strength 8")
names = ["as it is", *OPERATIONS]
for ax, image, name in zip(axes.flat, [pictures[0], *changed], names, strict=True):
    put(ax, image, title=name.replace("_", " "))
told = ", ".join(name.replace("_", " ") for name in OPERATIONS)
show(figure, alt=f"One picture as it is, and after each operation by itself: {told}.")

# %% [markdown] slug=solarize-text
# Each picture of a batch draws an operation and a strength of its own; a loop over pictures would
# be slow. Write one of them for a whole batch: **solarize**. It turns bright values into their
# opposite, v into 1 − v: those of at least 1 − strength ÷ 10. Each of the three channels is
# compared by itself. A strength of 0 says that the picture has drawn something else: it stays as it
# is.
#
# **Exercise:** solarize a batch, each picture at its own strength. *(easy, about 7 minutes)*


# %% slug=solarize
def solarize(pictures, strength):
    """Turn the bright values of pictures into their opposite.

    Args:
        pictures: `(B, H, W, 3)` in [0, 1].
        strength: `(B,)`, from 1 to 9, or 0 for a picture that is left alone.

    Returns:
        Pictures of the same shape.
    """
    ### BEGIN SOLUTION
    threshold = 1 - strength[:, None, None, None] / 10
    turned = (strength[:, None, None, None] > 0) & (pictures >= threshold)
    return np.where(turned, 1 - pictures, pictures)
    ### END SOLUTION


# %% slug=solarize-check tags=["nbval-check-output"]
report = check("solarize", solarize)
solarize = report.function

# %% [markdown] slug=strengths-text
# One picture ten times, at the strengths 0 to 9, in a single call of your function:

# %% slug=strengths
ten = solarize(np.repeat(pictures[1:2], 10, axis=0), np.arange(10.0))
figure, axes = plt.subplots(1, 10, figsize=(8.0, 1.4), layout="constrained")
figure.suptitle("Solarize: one picture at ten strengths")
for strength, (ax, image) in enumerate(zip(axes, np.asarray(ten), strict=True)):
    put(ax, image, xlabel=f"{strength}")
share = np.mean(np.abs(np.asarray(ten) - pictures[1]) > 1e-3, axis=(1, 2, 3))
told = ", ".join(f"{strength}: {part:.0%}" for strength, part in enumerate(share))
show(figure, alt=f"Ten pictures; the share of their values that is turned, by strength: {told}.")

# %% [markdown] slug=beside-text
# ## Weak beside strong
#
# A **strong view** begins as a **weak** one, which is what SimCLR's views are called from here on.
# Then it draws five times: an operation, a strength, and whether to carry it out at all, which it
# does with probability ½. So on average it goes through two or three of them, in any order. Below
# each weak view are two strong ones that began as just that view.

# %% slug=beside
from simclr_lib.experiment import build_augmenter
from simclr_lib.strong_views import StrongDistortion

weaken = build_augmenter(recipe)
strengthen = StrongDistortion(seed=seed + 1000)
weak = weaken(pictures)
rows = {"picture": pictures, "weak view": weak, "strong": strengthen(weak)}
rows["also strong"] = strengthen(weak)
figure, axes = plt.subplots(4, 10, figsize=(8.0, 3.6), layout="constrained")
figure.suptitle("Ten pictures, a weak view of each, and two strong ones made from it")
for line, (name, images) in zip(axes, rows.items(), strict=True):
    line[0].set_ylabel(name)
    for ax, image in zip(line, np.asarray(images), strict=True):
        put(ax, image)
side = recipe.view_size
show(figure, alt=f"Ten columns: a picture, its weak view of {side}×{side} pixels, two strong ones.")

# %% [markdown] slug=beside-commentary tags=["commentary"]
# Some strong views still show what they are of. Others have lost the shape with the colours: nearly
# black, nearly one grey, shifted out of sight. Cover the upper rows and try to say what those were.
# If *you* cannot tell, the encoder should not be punished for it.

# %% [markdown] slug=far-text
# ## How far do they go?
#
# That can be measured by an encoder that knows weak views and has never seen a strong one: your own
# of lesson 04 if you have it, else the kit's. (For a picture folder of yours, one is trained now,
# for some minutes.) It turns views into z. We compare, by their cosine:
#
# - two weak views of the same picture;
# - a weak and a strong view of the same picture;
# - weak views of two different pictures.

# %% slug=far
import keras

from simclr_lib.course.on_trial import encoder_on_trial

trial = encoder_on_trial(setting)
asked = data.test_images[: setting.pick(full=100, smoke=60)]


def project(views, encoder=trial.encoder, head=trial.head):
    """Views → their z, rows of length 1."""
    z = head(encoder(views, training=False), training=False)
    return keras.utils.normalize(np.asarray(z, "float32"), axis=1)


keys, queries = project(weaken(asked)), project(weaken(asked))
strong = project(strengthen(weaken(asked)))
print(f"Encoder: {trial.source}; {len(asked)} pictures that it has not been trained on.")

# %% [markdown] slug=far-predict-text
# Of each view we also ask what SimCLR asks: to which picture do you belong? It is **lost** if the
# most similar of the other weak views, one a picture, is that of another picture.

# %% slug=far-predict
from simclr_lib.course import compare_guess, predict

lost_guess = predict(
    "lost",
    "How many percent of the strong views are lost?",
    answer=None,
)

# %% [markdown] slug=lost-text
# The share that is lost, for weak views and for strong ones:


# %% slug=lost
def lost(queries, keys):
    """Share of the queries, in percent, whose most similar key is of another picture."""
    nearest = (queries @ keys.T).argmax(axis=1)
    return 100 * np.mean(nearest != np.arange(len(keys)))


compare_guess("lost", lost_guess, lost(strong, keys), unit="%")
print(f"Of the weak views, {lost(queries, keys):.0f} % are lost.")

# %% [markdown] slug=histograms-text
# And the cosines themselves:

# %% slug=histograms
different = (keys @ keys.T)[~np.eye(len(keys), dtype=bool)]
kinds = {
    "weak and weak, same picture": (np.sum(keys * queries, axis=1), "#0072B2", "-"),
    "weak and strong, same picture": (np.sum(keys * strong, axis=1), "#D55E00", "--"),
    "different pictures": (different, "#767676", ":"),
}
figure, ax = plt.subplots(figsize=(7.4, 3.4), layout="constrained")
bins, medians = np.linspace(-1, 1, 41), {}
for name, (cosines, colour, style) in kinds.items():
    looks = {"histtype": "step", "linewidth": 2, "color": colour, "linestyle": style}
    ax.hist(cosines, bins, weights=np.full(len(cosines), 100 / len(cosines)), label=name, **looks)
    medians[name] = np.median(cosines)
ax.set(title="How similar are the z of two views?", xlabel="cosine", ylabel="pairs, %")
ax.legend(loc="upper left")
told = ", ".join(f"{name} {median:.2f}" for name, median in medians.items())
show(figure, alt=f"Three histograms of cosines from −1 to 1; their medians: {told}.")
print(f"Medians: {told}")

# %% [markdown] slug=rounds-text
# How does it grow? The same question after each of the five draws. It is asked of several sets of
# views (above it was one only), and the bars span one standard deviation over these.

# %% slug=rounds
draws, shares = range(6), []
one_draw = StrongDistortion(rounds=1, seed=seed + 2000)
for _ in range(setting.pick(full=4, smoke=2)):
    views = weaken(asked)
    shares.append([lost(project(views), keys)])
    for _ in draws[1:]:
        views = one_draw(views)
        shares[-1].append(lost(project(views), keys))
mean, spread = np.mean(shares, axis=0), np.std(shares, axis=0)
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
ax.errorbar(draws, mean, spread, fmt="o-", color="#D55E00", capsize=4, label="views that are lost")
guessing = 100 * (1 - 1 / len(asked))
ax.axhline(guessing, color="#222222", linestyle="--", label="guessing at random")
ax.set(title="Lost by the number of draws", xlabel="draws (0: the weak view)", ylabel="lost, %")
ax.set_ylim(0, 105)
ax.legend(loc="lower right")
told = ", ".join(f"{count}: {part:.0f}" for count, part in zip(draws, mean, strict=True))
show(figure, alt=f"Percent of views that are lost, by the number of draws: {told}.")

# %% [markdown] slug=rounds-commentary tags=["commentary"]
# The strong views are spread out: part of them are as near as weak ones, part are no nearer to
# their own picture than to any other. (Weak views are lost too: where two pictures show the same
# thing, little is left to tell them apart once colours and places are gone.)
#
# Two readings are possible, and this measure cannot tell them apart. Either these views no longer
# *show* their picture, or the encoder has not *learnt* to see it there, for it has never been shown
# such views. In the first case training on them is in vain, in the second it is what is missing.

# %% [markdown] slug=better-text
# ## If distorting is good, is more better?
#
# The obvious thing to do is to give SimCLR strong views in place of its weak ones. In a recipe that
# is one word, `views: strong`. Two short trainings, then, on the same pictures with the same start.
# A fifth of the training pictures is held out for the linear probe to be judged on.

# %% slug=better-predict
better_guess = predict(
    "better",
    "After a short training on these pictures, which views give the better linear probe?",
    choices=["weak views", "strong views"],
    answer=None,
)

# %% [markdown] slug=train-text
# One function trains any recipe, another one judges the encoder.

# %% slug=train
from simclr_lib import extract_features, linear_probe
from simclr_lib.datasets.stratify import split_mask
from simclr_lib.experiment import build_encoder, build_model, chance_loss, compile_for
from simclr_lib.precision import choose_precision
from simclr_lib.pretraining import fit_epochs
from simclr_lib.pretraining.progress import Progress

precision = "float32" if setting.smoke else choose_precision(recipe)
held_out = split_mask(data.train_labels, 0.2, seed)
images = data.train_images[~held_out]


def train(name, **changes):
    """Train by a changed recipe: the model, and its history."""
    arm = replace(recipe, **changes)
    model = build_model(arm, precision, build_encoder(arm, precision), len(images))
    compile_for(arm, precision, model, images, arm.epochs)
    steps = arm.epochs * (len(images) // arm.batch_size)
    progress = Progress(name, steps, chance_loss(arm))
    options = {"batch_size": arm.batch_size, "epochs": arm.epochs, "seed": arm.seed}
    return model, fit_epochs(model, images, progress=progress, **options)


def probe(encoder):
    """Share of the held-out pictures that a linear probe on h gets right."""
    h, labels = extract_features(encoder, data.train_images), data.train_labels
    return linear_probe(h[~held_out], labels[~held_out], h[held_out], labels[held_out]).accuracy


# %% [markdown] slug=two-runs-text
# Beside the two stands the same encoder, untrained: its statistics are settled first (lesson 04),
# so that it does not look worse than it is.

# %% slug=two-runs
from simclr_lib.evaluation import reestimate_batch_norm

untrained = build_encoder(recipe, precision)
reestimate_batch_norm(untrained, images)
worth, models, histories = {"untrained": probe(untrained)}, {}, {}
for name in ("weak views", "strong views"):
    models[name], histories[name] = train(name, views=name.split()[0])
    worth[name] = probe(models[name].encoder)
better = max(("weak views", "strong views"), key=worth.get)
compare_guess("better", better_guess, better)

# %% [markdown] slug=two-bars-text
# The error bars are the luck of the held-out pictures alone. How much two seeds would differ, one
# seed cannot say.

# %% slug=two-bars
from simclr_lib import plots


def worth_picture(worth, title, **options):
    """The kit's bars, with the standard deviation that comes from few held-out pictures."""
    rows = [(n, a, np.sqrt(a * (1 - a) / held_out.sum())) for n, a in worth.items()]
    return plots.accuracy_bars(rows, title, classes=len(data.class_names), **options)


title = f"Linear probe on {data.name} after {recipe.epochs} epochs, seed {seed}"
show(worth_picture(worth, title, highlight=better))
for name, history in histories.items():
    print(f"{name}: partner found by {history[-1]['contrastive_accuracy']:.0%} in the last epoch")

# %% [markdown] slug=verdict-text
# For more than one seed there is a large study on CIFAR-10, with four arms (two of them wait until
# the end of the lesson). This is the verdict of lesson 06, in short: the difference seed by seed,
# and the limit that equal arms pass in one study of twenty.

# %% slug=verdict
from simclr_lib.course.ablation import by_arm, large_sweep
from simclr_lib.course.paired import paired, verdict

study = by_arm(large_sweep("stronger-views"))  # percent of the validation part, by seed
print("CIFAR-10, strong views:", verdict(study["strong views"], study["weak views"]))

# %% [markdown] slug=better-commentary tags=["commentary"]
# Look at how often the partner was found in the last epoch. NT-Xent knows right and wrong alone:
# *this* view is your partner, all others are not. Where a strong view no longer shows its picture,
# that is asked all the same, and twice over, for here both views are strong. What such pairs teach
# may be little but noise. The loss has no way to say: this one is hopeless, let it be. (Or is the
# task only *harder*, and a longer training would get there? A short run cannot tell hard from
# hopeless. It can tell that for the same money weak views teach more.)
#
# Supervised training is more patient with such pictures. In the SimCLR paper (table 1) a set of
# distortions that was *chosen with labels*, AutoAugment, helps a supervised network, and is worse
# for SimCLR than its own crop and colour distortion.

# %% [markdown] slug=idea-text
# ## Ask for less: see the others as your weak view does
#
# CLSA keeps weak views for NT-Xent, and takes a strong view as a third. Of that one it does not ask
# *who are you?* but *whom are you like?* A weak view is more or less similar to each of the other
# views. Make these similarities a **distribution** P: a softmax at a low temperature t. The strong
# view has such a distribution too, Q, over the same other views. It only has to bring Q near P. If
# the weak view hesitates between three pictures, then the strong view may hesitate too.
#
# The names are those of a search: the view that asks is the **query**, those that it is compared
# with are the **keys**. Here each of the 2N weak views of a batch is a query once, and its keys are
# the 2N − 1 others, its partner among them. With the cosine s of query and key,
#
# $$P_{qk} = \frac{\exp(s_{qk} / t)}{\sum_{j \neq q} \exp(s_{qj} / t)}, \qquad P_{qq} = 0.$$
#
# **Exercise:** write P, with `keras.ops`, as it will be part of a loss. `ops.normalize` gives rows
# length 1. Put the diagonal far down (10⁹ lower) before the softmax; `ops.eye(n)` has ones there.
# *(medium, about 10 minutes)*

# %% slug=weak-distribution
from keras import ops


def weak_distribution(z_a, z_b, temperature=0.2):
    """How each weak view sees the others.

    Args:
        z_a, z_b: projections of two weak views, `(N, D)`; row i comes from picture i. They need
            not be of length 1.
        temperature: t > 0.

    Returns:
        P, `(2N, 2N)`: a row for each query, first those of z_a, then those of z_b; a column for
        each key, in the same order.
    """
    ### BEGIN SOLUTION
    z = ops.normalize(ops.concatenate([z_a, z_b]), axis=-1)
    similarity = ops.matmul(z, ops.transpose(z)) / temperature
    return ops.softmax(similarity - 1e9 * ops.eye(len(similarity)))
    ### END SOLUTION


# %% slug=weak-distribution-check tags=["nbval-check-output"]
report = check("weak_distribution", weak_distribution)
weak_distribution = report.function

# %% [markdown] slug=pq-text
# Now look at one. Of a small batch, we take the query whose strong view sees the others most
# *unlike* it: its P, beside the Q of the strong view. This is before any training on strong views.

# %% slug=pq
few = asked[:24]
views_a, views_b = np.asarray(weaken(few)), np.asarray(weaken(few))
views_strong = np.asarray(strengthen(weaken(few)))
z_a, z_b, z_strong = project(views_a), project(views_b), project(views_strong)
all_views, all_keys = np.concatenate([views_a, views_b]), np.concatenate([z_a, z_b])
p = np.asarray(weak_distribution(z_a, z_b))
q = np.exp(np.concatenate([z_strong, z_strong]) @ all_keys.T / 0.2)
np.fill_diagonal(q, 0)
q /= q.sum(axis=1, keepdims=True)
query = np.abs(p - q).sum(axis=1).argmax()
partner = (query + len(few)) % len(p)
shown = np.argsort(-(p + q)[query])[:8]
share_p, share_q = p[query, shown], q[query, shown]

# %% [markdown] slug=pq-picture-text
# The eight keys that matter most to the two, each with the share that P and Q give it. A star marks
# the query's partner, if it is among them.

# %% slug=pq-picture
places = [f"key {number}" for number in range(8)]
figure, axes = plt.subplot_mosaic(
    [["query", *["shares"] * 8], ["strong", *places]], figsize=(8.4, 3.8), layout="constrained"
)
figure.suptitle("How a weak view and its strong one see the same keys")
put(axes["query"], all_views[query], title="weak query")
put(axes["strong"], views_strong[query % len(few)], title="its strong view")
for place, key in zip(places, shown, strict=True):
    put(axes[place], all_views[key], xlabel="★ partner" if key == partner else "")
ax = axes["shares"]
looks = {"width": 0.4, "edgecolor": "#222222"}
ax.bar(np.arange(8) - 0.2, share_p, color="#0072B2", label="P, weak", **looks)
ax.bar(np.arange(8) + 0.2, share_q, color="#D55E00", hatch="///", label="Q, strong", **looks)
ax.set(xlim=(-0.5, 7.5), xticks=[], ylabel="share", yticks=np.linspace(0, 1, 6))
ax.set_ylim(0, 1.1 * max(*share_p, *share_q))
ax.legend(loc="upper right")
told = ", ".join(f"{a:.0%} and {b:.0%}" for a, b in zip(share_p, share_q, strict=True))
show(figure, alt=f"Shares of eight keys, in P and in Q: {told}.")

# %% [markdown] slug=loss-text
# ## The strong view's loss
#
# Both are distributions over the same keys. How much Q is unlike P is told by the
# **cross-entropy**, the mean over the queries of
#
# $$-\sum_k P_{qk} \, \ln Q_{qk}.$$
#
# In lesson 03 the target of the cross-entropy was a single key, the partner. Here it is all of P.
# Three things to mind:
#
# - **Row by row.** A picture has two weak queries and one strong view: put the strong views below
#   themselves, and row i of Q belongs to row i of P.
# - **The same keys.** Where P is 0, on the diagonal, Q must be 0 too. But ln 0 is −∞, and 0 · (−∞)
#   is NaN: again, put the diagonal 10⁹ lower before `ops.log_softmax`.
# - **Who moves.** P and the keys are *held fixed*: only the strong view is to learn from this loss.
#   `ops.stop_gradient(x)` is x, and the gradient takes it for a constant.
#
# **Exercise:** write it with `keras.ops`; `weak_distribution` gives you P. *(hard, about
# 15 minutes)*


# %% slug=distributional-loss
def distributional_loss(z_a, z_b, z_strong, temperature=0.2):
    """Cross-entropy between how weak and strong views see the others.

    Args:
        z_a, z_b: projections of two weak views, `(N, D)`; row i comes from picture i.
        z_strong: projections of a strong view of the same pictures, `(N, D)`.
        temperature: t > 0, of both distributions.

    Returns:
        A scalar, the mean over the 2N queries.
    """
    ### BEGIN SOLUTION
    keys = ops.stop_gradient(ops.normalize(ops.concatenate([z_a, z_b]), axis=-1))
    p = ops.stop_gradient(weak_distribution(z_a, z_b, temperature))
    strong = ops.normalize(ops.concatenate([z_strong, z_strong]), axis=-1)
    similarity = ops.matmul(strong, ops.transpose(keys)) / temperature
    log_q = ops.log_softmax(similarity - 1e9 * ops.eye(len(similarity)))
    return -ops.mean(ops.sum(p * log_q, axis=-1))
    ### END SOLUTION


# %% slug=distributional-loss-check tags=["nbval-check-output"]
report = check("distributional_loss", distributional_loss)
distributional_loss = report.function

# %% [markdown] slug=floor-text
# What is a good value? It has a floor, and the floor is not 0: even a Q that equals P pays what P
# is undecided about, the **entropy** −Σ P ln P. And it has a chance line: a strong view that sees
# no difference at all pays ln(2N−1), as in NT-Xent.

# %% slug=floor
from simclr_lib import chance_level

floor = -np.mean(np.sum(p * np.log(np.maximum(p, 1e-30)), axis=1))
now = float(distributional_loss(z_a, z_b, z_strong))
print(f"floor {floor:.2f}, the batch above {now:.2f}, chance {chance_level(len(few)):.2f}")

# %% [markdown] slug=held-text
# ## Why one side is held still
#
# A distance between two can be made smaller from either side. What happens if nothing is held? The
# function `nothing_held` has the same value as yours, without `stop_gradient`. We take **free
# points** on a circle once more (lesson 03): six pictures, each with two weak views close together,
# all evenly around; and six strong views, thrown anywhere. They go downhill by this loss alone.

# %% slug=held
from simclr_lib.course.free_points import let_go, nothing_held
from simclr_lib.course.gradients import value_and_gradients


def on_circle(angle):
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype("float32")


rng = np.random.default_rng([seed, 0])
evenly = np.linspace(0, 2 * np.pi, 6, endpoint=False)
thrown = on_circle(rng.uniform(0, 2 * np.pi, 6))  # hopeless: they tell nothing of their picture
start = [on_circle(evenly - 0.15), on_circle(evenly + 0.15), thrown]
losses = {"P and keys held": distributional_loss, "nothing held": nothing_held}
for name, loss in losses.items():
    slopes = [np.linalg.norm(slope) for slope in value_and_gradients(loss, *start)[1:]]
    print(f"{name:15}: value {float(loss(*start)):.2f};", end=" ")
    print("length of the gradient: weak {:.2f} and {:.2f}, strong {:.2f}".format(*slopes))

# %% [markdown] slug=held-predict-text
# The values are the same, the gradients are not. Let them go.

# %% slug=held-predict
held_guess = predict(
    "held",
    "With nothing held: by how many degrees will the weak views have moved, on average?",
    answer=None,
)

# %% [markdown] slug=let-go-text
# Two runs from the same start. The weak views of six pictures begin 60° apart, but for a few
# degrees; how near do the nearest two *pictures* come to each other?

# %% slug=let-go
steps = setting.pick(full=120, smoke=30)
paths = {name: let_go(loss, start, steps) for name, loss in losses.items()}


def angle_between(one, other):
    """In degrees, row by row."""
    return np.degrees(np.arccos(np.clip(np.sum(one * other, axis=-1), -1, 1)))


moved = {}
for name, (a, b, strong_path) in paths.items():
    moved[name] = np.mean([angle_between(way[0], way[-1]) for way in (a, b)])
    to_own = np.mean(angle_between(strong_path[-1], a[-1]))
    apart = angle_between(a[-1][:, None], a[-1][None])[~np.eye(6, dtype=bool)].min()
    print(f"{name:15}: weak views moved by {moved[name]:.0f}°; strong ones end {to_own:.0f}° from")
    print(f"{'':17}their first weak view; the nearest two pictures are {apart:.0f}° apart")
compare_guess("held", held_guess, moved["nothing held"], unit="degrees")

# %% [markdown] slug=let-go-picture-text
# Each picture has a colour and a marker of its own: filled for its two weak views, hollow for the
# strong one. Thin lines are the way they went, drawn from the inside outwards.

# %% slug=let-go-picture
figure, axes = plt.subplots(1, 3, figsize=(9.0, 3.2), layout="constrained")
figure.suptitle("Six pictures on a circle: who moves?")
panels = {"start": [way[None] for way in start]} | paths
for ax, (name, ways) in zip(axes, panels.items(), strict=True):
    for kind, way in enumerate(ways):
        outwards = np.linspace(0.6, 1, len(way))[:, None, None]
        for i in range(6):
            ax.plot(*(outwards * way)[:, i].T, color=plots.COLOURS[i], linewidth=0.8)
            looks = {"mfc": plots.COLOURS[i], "mec": "#222222", "markersize": 6}
            if kind == 2:
                looks = {"mfc": "none", "mec": plots.COLOURS[i], "mew": 2, "markersize": 12}
            ax.plot(*way[-1][i], plots.MARKERS[i], **looks)
    ax.set(title=name, aspect="equal", xticks=[], yticks=[], xlim=(-1.3, 1.3), ylim=(-1.3, 1.3))
    ax.set(xlabel="strong views: hollow")
told = ", ".join(f"{name} {angle:.0f}°" for name, angle in moved.items())
show(figure, alt=f"Points on a circle at the start and after two runs; weak views moved: {told}.")

# %% [markdown] slug=let-go-commentary tags=["commentary"]
# With P and the keys held, the strong views travel to their weak ones, and that is all. With
# nothing held, all of them move: weak views are dragged to where the strong ones happen to lie.
# Look for pictures that were told apart and end on the same spot, and for two weak views of a
# picture that are torn apart. In CLSA, NT-Xent pushes against that; but a hopeless strong view
# should have no say in how its picture is seen. So the weak view teaches, the strong one learns,
# and the gradient goes one way.

# %% [markdown] slug=whole-text
# ## The whole loss
#
# Weak views are told apart, strong ones follow:
#
# $$\text{loss} = \text{NT-Xent}(z_a, z_b, \tau) + \alpha \cdot
# \text{distributional loss}(z_a, z_b, z_\text{strong}).$$
#
# The paper takes α = 1, and its own temperature for the distributions, 0.2 (the default above).
# Whatever tells the weak views apart can stand in the first place: in the paper it is MoCo, with a
# queue of keys from earlier batches; here it is SimCLR, and the keys are the batch.
#
# **Exercise:** put it together from `nt_xent` and `distributional_loss`. *(easy, about 5 minutes)*

# %% slug=clsa-loss
from simclr_lib import nt_xent


def clsa_loss(z_a, z_b, z_strong, temperature, strong_weight):
    """The loss of CLSA on SimCLR's keys.

    Args:
        z_a, z_b, z_strong: projections of two weak views and a strong one, `(N, D)` each.
        temperature: τ of NT-Xent.
        strong_weight: α ≥ 0.

    Returns:
        A scalar.
    """
    ### BEGIN SOLUTION
    contrastive = nt_xent(z_a, z_b, temperature)
    return contrastive + strong_weight * distributional_loss(z_a, z_b, z_strong)
    ### END SOLUTION


# %% slug=clsa-loss-check tags=["nbval-check-output"]
report = check("clsa_loss", clsa_loss)
clsa_loss = report.function

# %% [markdown] slug=chance-text
# Both parts have the same chance line, so an encoder that gives all pictures the same z gets
# (1 + α) ln(2N−1). That is the line to watch in this training.

# %% slug=chance
same = np.tile(np.float32([[3, -4]]), (recipe.batch_size, 1))
alike = float(clsa_loss(same, same, same, recipe.temperature, 1.0))
print(f"all z alike: {alike:.3f}; 2 ln(2N−1) = {2 * chance_level(recipe.batch_size):.3f}")

# %% [markdown] slug=cost-text
# ## What it costs, and a fair rival
#
# In a recipe CLSA is one word again: `loss: clsa`. All else is the same road. But three views of
# each picture go through the encoder, where SimCLR sends two. Whoever compares them at equal
# *epochs* gives CLSA half as much work again. So there must be one more arm: weak views alone, and
# half as long again.

# %% slug=cost
from simclr_lib.from_recipe import views_seen

arms = {
    "weak views": {},
    "weak views, half as long again": {"epochs": 3 * recipe.epochs // 2},
    "strong views": {"views": "strong"},
    "weak views and CLSA": {"loss": "clsa"},
}
seen = {name: views_seen(replace(recipe, **change), len(images)) for name, change in arms.items()}
for name, count in seen.items():
    print(f"{name:31} {count:9,} views through the encoder")

# %% [markdown] slug=cost-commentary tags=["commentary"]
# It is not a perfect rival: with the epochs, the steps grow too (lesson 06: no plan holds
# everything still). But it answers the question of somebody who has a machine for an hour: what
# shall it do in that hour?

# %% [markdown] slug=clsa-predict-text
# Two more trainings, and a guess first.

# %% slug=clsa-predict
clsa_guess = predict(
    "clsa",
    "Which of the four will have the best linear probe on these pictures?",
    choices=list(arms),
    answer=None,
)

# %% [markdown] slug=clsa-text
# They take a little longer than the first two.

# %% slug=clsa
for name in ("weak views, half as long again", "weak views and CLSA"):
    models[name], histories[name] = train(name, **arms[name])
    worth[name] = probe(models[name].encoder)
best = max(arms, key=worth.get)
compare_guess("clsa", clsa_guess, best)
title = f"Linear probe on {data.name}, seed {seed}; the first trained arm: {recipe.epochs} epochs"
show(worth_picture({name: worth[name] for name in ("untrained", *arms)}, title, highlight=best))

# %% [markdown] slug=parts-text
# Inside of CLSA's training: its loss has two parts. Each has the same chance line.

# %% slug=parts
history = histories["weak views and CLSA"]
epochs = [row["epoch"] for row in history]
contrastive = np.array([row["contrastive_loss"] for row in history])
follow = np.array([row["loss"] for row in history]) - contrastive
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
ax.plot(epochs, contrastive, "o-", color="#0072B2", label="weak views told apart (NT-Xent)")
ax.plot(epochs, follow, "s--", color="#D55E00", label="strong views that follow")
level = chance_level(recipe.batch_size)
ax.axhline(level, color="#222222", linestyle=":", label="chance of each: ln(2N−1)")
ax.set(title="The two parts of CLSA's loss", xlabel="epoch", ylabel="loss", xticks=epochs)
ax.legend()
told = f"{contrastive[0]:.2f} to {contrastive[-1]:.2f} and {follow[0]:.2f} to {follow[-1]:.2f}"
show(figure, alt=f"From the first to the last epoch: {told}; chance is {level:.2f}.")

# %% [markdown] slug=parts-commentary tags=["commentary"]
# The strong view's part can begin *above* its chance line. A Q that is sure of the wrong keys pays
# more than one that is sure of nothing. And mind that its floor, the entropy of P, moves: as the
# weak views learn, what is to be followed changes.

# %% [markdown] slug=found-text
# And does it do what it was made for? The question from above, to all four encoders: how many views
# of each kind are lost? (It is asked of pictures that none of them was trained on.)

# %% slug=found
kinds = {"weak views": weaken(asked), "strong views": strengthen(weaken(asked))}
key_views, found = weaken(asked), {}
for name in arms:
    parts = models[name].encoder, models[name].head
    own_keys = project(key_views, *parts)
    found[name] = [lost(project(views, *parts), own_keys) for views in kinds.values()]
figure, ax = plt.subplots(figsize=(8.0, 3.6), layout="constrained")
for offset, kind, colour, hatch in ((-0.2, 0, "#0072B2", ""), (0.2, 1, "#D55E00", "///")):
    values = [shares[kind] for shares in found.values()]
    looks = {"color": colour, "hatch": hatch, "edgecolor": "#222222"}
    drawn = ax.barh(np.arange(4) + offset, values, 0.38, label=f"{list(kinds)[kind]} lost", **looks)
    ax.bar_label(drawn, [f"{value:.0f} %" for value in values], padding=3)
ax.set_yticks(range(4), list(found))
ax.set(title="Who finds the picture again?", xlabel="lost, %", ylabel="trained on", xlim=(0, 118))
ax.invert_yaxis()
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
told = "; ".join(f"{name}: weak {a:.0f}, strong {b:.0f}" for name, (a, b) in found.items())
show(figure, alt=f"Percent of views that are lost, by what the encoder was trained on. {told}.")

# %% [markdown] slug=found-commentary tags=["commentary"]
# Look for two things. Does CLSA lose fewer strong views than weak views alone at the same cost?
# That is what it was made for. And what does the encoder lose whose views were *all* strong? One
# that was asked too much may have learnt little of either kind.
#
# One seed, few pictures, a short training: do not read the ranking as a result. What these runs
# show is how the parts work. Whether CLSA is *worth* its price needs more seeds and other pictures.

# %% [markdown] slug=study-text
# ## The large study
#
# The same four arms on CIFAR-10: 27,000 pictures, two epochs (three for the arm that is half as
# long again), three seeds each. Its table comes with the kit.

# %% slug=study-predict
study_guess = predict(
    "study",
    "On CIFAR-10, by how many points is CLSA better than weak views half as long again?",
    answer=None,
)

# %% [markdown] slug=study-read-text
# Small marks are runs, diamonds the means; a bar spans one standard error up and down.

# %% slug=study
values = np.array([study[name] for name in arms])
mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
gain, _ = paired(study["weak views and CLSA"], study["weak views, half as long again"])
compare_guess("study", study_guess, gain, unit="points")
figure, ax = plt.subplots(figsize=(8.0, 3.4), layout="constrained")
for number, marker in zip(range(values.shape[1]), "ovs^<>p*", strict=False):
    looks = {"color": "#0072B2", "alpha": 0.6, "markersize": 5, "label": f"seed {number}"}
    ax.plot(values[:, number], np.arange(4) - 0.15, marker, **looks)
looks = {"fmt": "D", "color": "#D55E00", "capsize": 4, "label": "mean ± standard error"}
ax.errorbar(mean, np.arange(4) + 0.1, xerr=error, **looks)
ax.set_yticks(range(4), list(arms))
ax.invert_yaxis()
ax.set(
    title="Linear probe on CIFAR-10, three seeds",
    xlabel="validation pictures right, %",
    ylabel="arm",
)
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
told = ", ".join(f"{name} {m:.1f} ± {e:.1f}" for name, m, e in zip(arms, mean, error, strict=True))
show(figure, alt=f"Linear probe in percent, mean and standard error: {told}.")

# %% [markdown] slug=study-verdict-text
# Seed by seed, and with the limit for three seeds. First against plain SimCLR at equal epochs, then
# at equal cost:

# %% slug=study-verdict
for name in list(arms)[1:]:
    print(f"{name:31} against weak views: {verdict(study[name], study['weak views'])}")
outcome = verdict(study["weak views and CLSA"], study["weak views, half as long again"])
print(f"CLSA against weak views, half as long again: {outcome}")
meaning = {
    "better": "the strong view teaches more than the same work on weak views",
    "worse": "the same work on weak views teaches more",
    "cannot tell": "three seeds cannot tell which is the better use of the work",
}
print(f"So, at about equal cost and after so short a training, {meaning[outcome.split(': ')[1]]}.")

# %% [markdown] slug=study-commentary tags=["commentary"]
# The comparison at about equal cost is the only one that is about the *idea*. CLSA beside two
# epochs of weak views mixes the idea with half as much work again.
#
# If a short training has more use for more weak views, that speaks for the short training as much
# as against the idea: after two epochs weak views still have a lot to teach. Whether that changes
# when they have been seen a hundred times, this study cannot say. A sweep over `epochs`, with these
# two arms, would.
#
# What others have found, with longer trainings. The paper reports 76.2 % on ImageNet with a
# ResNet-50 and a linear classifier (its best variant, with several strong views), close to the
# 76.5 % of supervised training. For CIFAR-10, a reader of the paper reports 91.7 % after 90.2 % for
# the MoCo that it builds on; in the same thread, somebody who rebuilt it for ImageNet got less than
# plain MoCo with one strong view (66.5 % after 67.6 %), and more with five (68.3 %), which cost as
# many more passes. And of SimCLR with RandAugment's views *as its own*, a user reports 87.7 % on
# CIFAR-10 where its own views give 90.3 % (the links are below). Some of these are single runs by
# single people. You know by now what to ask them: how many seeds, and at what cost?

# %% [markdown] slug=back-text
# ## Looking back: what each lesson brought
#
# You have seen all parts of SimCLR by now, and beyond. Three of the kit's studies have the same
# pictures, the same recipe, and the same two epochs. So their arms can stand in one table, the
# course in ten rows: what happens to the linear probe if you leave out, or add, what a lesson was
# about? (The recipe's row is that of the first study. The last one ran it again as its weak views,
# on another day: one picture of 3,000 came out otherwise.)

# %% slug=back
temperature, left_out = by_arm(large_sweep("temperature")), by_arm(large_sweep("leave-one-out"))
baselines = {
    name: by_arm(large_sweep("temperature"), f"{name} linear")["temperature 0.2"]
    for name in ("raw pixels", "random encoder")
}
league = {
    "05 raw pixels": baselines["raw pixels"],
    "02 random encoder": baselines["random encoder"],
    "01 without the crop": left_out["without the crop"],
    "01 no distorted colours, no grey": left_out["without colour distortion and grey"],
    "03 temperature 1": temperature["temperature 1.0"],
    "04 the recipe": temperature["temperature 0.2"],
    "04 half as long again": study["weak views, half as long again"],
    "06 temperature 0.1": temperature["temperature 0.1"],
    "09 strong views": study["strong views"],
    "09 CLSA": study["weak views and CLSA"],
}

# %% [markdown] slug=league-text
# The error bars are standard errors over three seeds; the dashed line is the recipe as it is.

# %% slug=league
figure, ax = plt.subplots(figsize=(7.6, 4.4), layout="constrained")
values = np.array(list(league.values()))
mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
ax.barh(list(league), mean, xerr=error, capsize=4, color="#56B4E9", edgecolor="#222222")
for place, (m, e) in enumerate(zip(mean, error, strict=True)):
    ax.text(1, place, f"{m:.1f} ± {e:.1f}", va="center")
ax.axvline(np.mean(league["04 the recipe"]), color="#222222", linestyle="--")
ax.set(title="Linear probe on CIFAR-10, three seeds: the course in ten rows")
ax.set(xlabel="validation pictures right, %", ylabel="lesson, and what it is about")
ax.invert_yaxis()
told = ", ".join(f"{name} {m:.1f}" for name, m in zip(league, mean, strict=True))
show(figure, alt=f"Linear probe on CIFAR-10 in percent, by what a lesson is about: {told}.")

# %% [markdown] slug=longer-text
# All of that is two epochs. How far does the same small encoder get if it is given an hour or two?

# %% slug=longer
from simclr_lib import pretrained

card = pretrained.card("cifar10")
print(f"The kit's own encoder for CIFAR-10: {card['views seen']} views, {card['training']}.")
print(f"Linear probe, test pictures: {card['SimCLR, linear']}.")

# %% [markdown] slug=longer-commentary tags=["commentary"]
# Within two epochs nothing costs as much to leave out as the crop; the colours come next, and then
# a temperature that is far too high. The last figure is no row of that table: one training, all
# pictures, other crops, test pictures. But it says where most of the rest comes from: more
# pictures, and **patience**. The paper's own figure for CIFAR-10, 94 % with a ResNet-50 after 1,000
# epochs, is the same method with more of it.

# %% [markdown] slug=recap
# ## What you learnt
#
# - A **strong view** is a weak one that was distorted further. Some strong views no longer show
#   their picture, and an encoder that knows weak views can measure how many.
# - NT-Xent asks each view to be **told apart**; of a hopeless view that is too much.
# - **CLSA** asks a strong view to see the others **as its weak view does**: a cross-entropy between
#   two distributions over the same keys.
# - The weak side is **held still** (`stop_gradient`): the teacher must not be dragged to the pupil.
# - Methods of **unequal cost** need a rival that spends as much.
#
# **Try it:** in a terminal, `simclr run demo --set loss=clsa strong_weight=0.3 --out runs/clsa`;
# or make the strong views weaker, `strong_strength=3`. Write the guess down first.

# %% [markdown] slug=next
# ## What comes next
#
# Where the field went. The scheme that you have built, *a weak view teaches, a strong one follows,
# and the gradient goes one way*, turned up in many places:
#
# - **FixMatch** uses it with few labels: what the weak view is taken for, if it is sure enough, is
#   the target of the strong one.
# - **SwAV** adds small crops to the two large ones, views that show only a part. **DINO** does so
#   too: its teacher sees the large crops alone, its student sees all, and the loss is a
#   cross-entropy of two distributions with the teacher's held fixed. No negatives are left.
# - **BYOL** has solarize among its views, as you do now.
# - **ReSSL** keeps only the second part of CLSA's loss, with a slow copy of the encoder as teacher.
#
# This is the last lesson in the row. If you want to go on: run a sweep on a question of your own
# (lesson 06), take your own pictures (`simclr run classroom --data FOLDER`), or read on. *A
# Cookbook of Self-Supervised Learning* has the map of the whole field, with the recipes of those
# who run it at scale.

# %% [markdown] slug=references
# ## References
#
# - X. Wang, G.-J. Qi (2021):
#   [Contrastive Learning with Stronger Augmentations](https://arxiv.org/abs/2104.07713). CLSA.
# - [A reader's CIFAR-10 figures, and a second implementation](https://github.com/a1600012888/clsa_pytorch/issues/1)
#   of CLSA; [SimCLR with RandAugment's views](https://github.com/HobbitLong/SupContrast/issues/59),
#   one user's figures.
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020):
#   [A Simple Framework for Contrastive Learning of Visual Representations](https://arxiv.org/abs/2002.05709).
#   Table 1 has AutoAugment.
# - E. Cubuk, B. Zoph, J. Shlens, Q. V. Le (2019):
#   [RandAugment](https://arxiv.org/abs/1909.13719). A list of operations much like the fourteen.
# - K. Sohn and others (2020): [FixMatch](https://arxiv.org/abs/2001.07685).
# - M. Caron and others (2020):
#   [Unsupervised Learning of Visual Features by Contrasting Cluster Assignments](https://arxiv.org/abs/2006.09882),
#   SwAV; (2021): [Emerging Properties in Self-Supervised Vision Transformers](https://arxiv.org/abs/2104.14294),
#   DINO.
# - J.-B. Grill and others (2020): BYOL,
#   [Bootstrap Your Own Latent](https://arxiv.org/abs/2006.07733).
# - M. Zheng and others (2021):
#   [ReSSL: Relational Self-Supervised Learning with Weak Augmentation](https://arxiv.org/abs/2107.09282).
# - R. Balestriero and others (2023):
#   [A Cookbook of Self-Supervised Learning](https://arxiv.org/abs/2304.12210).

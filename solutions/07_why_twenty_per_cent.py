# %% [markdown] slug=title
# # Why twenty per cent? A detective story
#
# A student builds SimCLR with care, trains it for hours, and gets 20 % of the test pictures right.
# Nothing has crashed, no line of code is red. Sooner or later this happens to everybody. What do
# you do then? Change everything at once and hope? In this lesson you work as a detective: look at
# the scene, write down the suspects, and question them one by one.
#
# **After it you can**
#
# - read symptoms off a finished run before you touch anything;
# - question one suspect at a time, on weights that stay as they are: minutes instead of hours;
# - tell a bad encoder from a good one that is badly read;
# - share a difference out over the changes that made it, and say why their order matters;
# - go through a checklist, by hand and with `simclr doctor`.
#
# **It takes** about 100 minutes of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** BatchNorm's two modes (lesson 02), recipes
# and loss curves (lesson 04), the probe and its baselines (lesson 05), and paired differences
# (lesson 06).

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson. Leave them as they are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" (minutes) or "smoke" (shorter, and what it measures means nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other first weights, other views, other pictures held out

# %% [markdown] slug=setup-text
# The next cell loads the pictures of a small run that you will train yourself. The large runs of
# this lesson were made on CIFAR-10; their tables come with the kit.

# %% slug=setup
import numpy as np
from matplotlib import pyplot as plt

from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

setting = lesson(
    "07_why_twenty_per_cent",
    profile=profile,
    dataset=dataset,
    seed=seed,
    train_limit=4000,
    test_limit=500,
)
data = setting.data

# %% [markdown] slug=scene-text
# ## The scene
#
# A student's report tells of SimCLR on CIFAR-10, with ResNets of 50, 101 and 152 layers. Each was
# trained without labels for 300 steps, in one row for 600. Then a small classifier with labels was
# put on the frozen features: two hidden layers of 20 or 24 units. Here are all rows. Beside them
# stand two lines that the report did not have: chance, and a linear probe on **raw pixels**, which
# the kit has measured.

# %% slug=scene
from simclr_lib.course.ablation import by_arm, large_sweep

report_rows = large_sweep("report-figures")
waterfall_rows = large_sweep("waterfall")
raw_pixels = 100 * np.mean([row["raw pixels"] for row in waterfall_rows])
figure, ax = plt.subplots(figsize=(8.0, 4.4), layout="constrained")
places = np.arange(len(report_rows))
test, train = (100 * np.array([row[part] for row in report_rows]) for part in ("test", "train"))
ax.barh(places, test, color="#9ecae1", edgecolor="#222222", label="test pictures")
ax.plot(train, places, "D", color="#D55E00", label="training pictures")
ax.axvline(10, color="#222222", linestyle="--", label="chance")
ax.axvline(raw_pixels, color="#222222", linestyle=":", label="raw pixels")
ax.set_yticks(places, [row["arm"] for row in report_rows])
ax.invert_yaxis()
ax.set(title="The report: SimCLR on CIFAR-10", xlabel="pictures right, %")
ax.set_ylabel("encoder, batch size, classifier")
ax.legend(loc="lower right")
told = "; ".join(f"{row['arm']}: {value:.1f}" for row, value in zip(report_rows, test, strict=True))
show(figure, alt=f"Test pictures right in percent: {told}. Raw pixels {raw_pixels:.1f}, chance 10.")

# %% [markdown] slug=look-text
# Take a minute before you read on. What strikes you? Compare the encoders. Compare the bars with
# the diamonds. Compare both with the two lines.

# %% slug=look
longest = max(report_rows, key=lambda row: row["classifier_epochs"])
near_chance = [row for row in report_rows if abs(row["test"] - 0.1) < 0.02]
below = sum(row["test"] < raw_pixels / 100 for row in report_rows)
print(f"{len(near_chance)} of {len(report_rows)} rows lie within 2 points of chance:", end=" ")
print(", ".join(sorted({row["encoder"] for row in near_chance})))
print(f"{below} of {len(report_rows)} lie below raw pixels, {raw_pixels:.1f} %")
print(f"{longest['classifier_epochs']} epochs of the classifier:", end=" ")
print(f"{longest['train']:.0%} of the training pictures, {longest['test']:.0%} of the test ones")

# %% [markdown] slug=look-commentary tags=["commentary"]
# Four clues. *The deepest encoder is the worst*, and mostly stands near chance itself, as if it
# gave all pictures the same features. *Training and test are nearly equal* in most rows: this is no
# overfitting, the classifier cannot even learn what it has seen. *Where it was trained much longer,
# it got further*: so there was something to find in those features. And *all of it is worse than
# pixels*. A training that is merely short adds little; but something must have taken away first
# what pixels have, or hidden it.

# %% [markdown] slug=suspects-text
# The report itself blames short training, small batches, small pictures and the learning rate.
# Here is our list of suspects. How much does each one cost?
#
# | suspect | how it could do it |
# | --- | --- |
# | the classifier | a good encoder, badly read: too few units, features as they are |
# | few labelled pictures | then an epoch is a few steps, and the pictures are learnt by heart |
# | BatchNorm's statistics | they lag behind the weights (lesson 02), more so in deep encoders |
# | z in place of h | the head throws information away (lesson 02) |
# | weights not loaded | what is evaluated was never trained |
# | too few steps | 300 steps teach little |
# | the learning rate | too high or too low for Adam |
# | the views | no crop, no colour distortion, or one draw for a whole batch |

# %% slug=suspects
from simclr_lib.course import compare_guess, predict

suspects = ["the classifier", "few labelled pictures", "BatchNorm's statistics"]
suspects += ["z in place of h", "weights not loaded"]
suspects += ["too few steps", "the learning rate", "the views"]
suspect_guess = predict(
    "suspect",
    "Which of them costs the report's ResNet-50 the most points, all else being right?",
    choices=suspects,
    answer=None,
)

# %% [markdown] slug=small-text
# ## The same crime in small
#
# You can't question what you don't have. So commit the crime yourself, in a minute: train by the
# report's recipe, made small. What has to differ is printed: an encoder that two cores can train,
# with views and a stem that fit it; fewer steps; and Muon in place of Adam, which gets further in
# so few of them. What stays is what we suspect: BatchNorm's momentum, a short training, and the
# classifier. A tenth of the training pictures is held out for judging. Detectives try many things,
# and nothing that is tried may be chosen on test pictures (lesson 06).

# %% slug=recipe
from simclr_lib import get_recipe

small = {"encoder_depth": 34, "encoder_width": 16, "stem": "strided", "view_size": 24}
small |= {"batch_size": 128, "epochs": 12, "steps_per_epoch": 10}
small |= {"optimizer": "muon", "learning_rate": 2e-2, "temperature": 0.3}
if setting.smoke:
    small |= {"encoder_depth": 8, "encoder_width": 8, "view_size": 16, "batch_size": 32}
    small |= {"epochs": 2, "steps_per_epoch": 5, "classifier_epochs": 2}
small["batch_size"] = min(small["batch_size"], max(2, len(data.train_images) // 4))
original = get_recipe("report-resnet50")
for name, value in small.items():
    print(f"{name:18} {getattr(original, name)!s:10} → {value}")
print(f"kept: batch_norm_momentum {original.batch_norm_momentum}, ", end="")
print(f"classifier ({original.classifier_hidden})")

# %% [markdown] slug=train-text
# Train it. The folder is kept beside this notebook: run the cell again, and nothing is trained
# twice.

# %% slug=train
from pathlib import Path

from simclr_lib import experiment

pictures = data.name if dataset == "auto" else dataset
checksum = experiment.describe(data)["checksum"]
folder = Path("runs", f"lesson07-{data.name}-{profile}-{seed}-{checksum}")
given = {"data": pictures, "seed": seed, "evaluate_on": "validation", "knn_every": 0}
given |= {"train_limit": len(data.train_images), "test_limit": len(data.test_images)}
given |= {"precision": "float32"}
results = experiment.run(
    get_recipe("report-resnet50", small | given), folder, say=lambda line: None
)
print(results.table())

# %% [markdown] slug=curve-text
# There it is. But did anything look wrong *while* it trained? Here is its loss, with the line that
# an encoder without any idea would get (lesson 03).

# %% slug=curve
from simclr_lib.from_recipe import chance_loss
from simclr_lib.postmortem.record import read_record

record = read_record(folder)
losses, chance = [row["loss"] for row in record.history], chance_loss(record.recipe)
steps = (1 + np.arange(len(losses))) * record.steps_per_epoch
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
ax.plot(steps, losses, "o-", color="#0072B2", label="loss of the small run")
ax.axhline(chance, color="#222222", linestyle="--", label="chance, ln(2N − 1)")
ax.set(title="The loss of the small run", xlabel="training steps", ylabel="NT-Xent")
ax.legend()
show(figure, alt=f"The loss goes from {losses[0]:.2f} to {losses[-1]:.2f}; chance is {chance:.2f}.")
print(f"loss {losses[-1]:.2f}, chance {chance:.2f}: {chance - losses[-1]:.2f} below it")

# %% [markdown] slug=curve-commentary tags=["commentary"]
# That is the first clue. The loss has left its chance line and goes on falling: in **training
# mode** this encoder tells views of one picture from views of others. If it seems to know nothing
# when we *look* at it, the fault may be in how we look.

# %% [markdown] slug=symptoms-text
# ## Read the symptoms
#
# Before you change anything, measure what is there. Two numbers say what shape a cloud of features
# has:
#
# - the **spread**: the root mean square distance of the features from their mean, divided by their
#   root mean square length. At 0 all pictures have the same features;
# - the **directions**: along how many directions the cloud extends. With the eigenvalues λ of
#   apartᵀ·apart, where `apart` is h minus its mean, it is (Σλ)² ÷ Σλ². One strong direction gives
#   1, and d equally strong ones give d. It is an **effective rank** (the *participation ratio*;
#   others take an entropy).
#
# **Exercise:** both numbers of features h. *(medium, about 9 minutes)*


# %% slug=spread-and-directions
def spread_and_directions(h):
    """How far features lie apart, and along how many directions.

    Args:
        h: features `(pictures, d)`, not constant.

    Returns:
        `(spread, directions)`: the spread from 0 to 1, the directions from 1 to d.
    """
    ### BEGIN SOLUTION
    apart = h - h.mean(axis=0)
    spread = np.sqrt(np.sum(apart**2) / np.sum(h**2))
    eigenvalues = np.linalg.eigvalsh(apart.T @ apart)
    return spread, eigenvalues.sum() ** 2 / np.sum(eigenvalues**2)
    ### END SOLUTION


# %% slug=spread-and-directions-check tags=["nbval-check-output"]
report = check("spread_and_directions", spread_and_directions)
spread_and_directions = report.function

# %% [markdown] slug=fixed-text
# Now load the run as a **fixed checkpoint**: its encoder, its head, its pictures. From here on, its
# weights do not change any more. Whatever changes the result then is not the training.

# %% slug=fixed
from simclr_lib.evaluation import reestimate_batch_norm
from simclr_lib.postmortem import factors
from simclr_lib.postmortem.fixed_run import FixedRun

run = FixedRun.of(record)
untrained = experiment.build_encoder(run.recipe, run.precision)
reestimate_batch_norm(untrained, run.dataset.train_images)  # so that it does not look worse
side = min(16, data.image_size)  # pixels, in small
clouds = {
    "raw pixels": experiment.pixel_rows(run.dataset.train_images, side) / 255,
    "untrained encoder": experiment.Features.of(untrained, run.dataset).train_h,
    "the small run": run.features.train_h,
}
clouds = {name: h[:2000].astype("float64") for name, h in clouds.items()}
for name, h in clouds.items():
    spread, directions = spread_and_directions(h)
    print(f"{name:18} spread {spread:4.0%}, {directions:5.1f} directions of {h.shape[1]}")

# %% [markdown] slug=cloud-text
# As a picture: which share of all that differs between pictures lies along the strongest direction,
# along the two strongest, and so on.

# %% slug=cloud
figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
told = []
for (name, h), style in zip(clouds.items(), ("s:", "D--", "o-"), strict=True):
    strengths = np.linalg.svd(h - np.mean(h, axis=0), compute_uv=False) ** 2
    share = 100 * np.cumsum(strengths)[:10] / strengths.sum()
    ax.plot(1 + np.arange(len(share)), share, style, label=name)
    told.append(f"{name} {share[0]:.0f}")
ax.set(title="How few directions hold how much", xlabel="strongest directions", ylim=(0, 105))
ax.set_ylabel("share of the variance, %")
ax.legend(loc="lower right")
show(figure, alt=f"Variance along the strongest direction, percent: {', '.join(told)}.")

# %% [markdown] slug=two-text
# And the two symptoms that you know from lesson 05: training beside test, and the figure beside
# what needs no training.

# %% slug=two
accuracies, reader = record.accuracies, f"classifier {(20, 20)}"
pixels_row = next(row for row in accuracies if row.startswith("raw pixels"))
test, train = (accuracies[reader][part] for part in ("test", "train"))
linear, knn = (accuracies["SimCLR"][kind] for kind in ("linear", "knn"))
print(f"the classifier: training {train:.1%}, held out {test:.1%}, {train - test:+.1%} apart")
print(f"the same features: linear probe {linear:.1%}, nearest neighbours {knn:.1%}")
for row in (pixels_row, "random encoder"):
    print(f"{row}: linear probe {accuracies[row]['linear']:.1%}")
print(f"chance: {1 / len(data.class_names):.1%}")

# %% [markdown] slug=two-commentary tags=["commentary"]
# Three things to look for in such a list. Is the *training* accuracy low as well? Then more data or
# regularisation won't help: the classifier does not get what is there. Do several *readers* of the
# same features disagree? Then at least one of them is a bad witness. Is the cloud nearly a *line*?
# Then a reader that goes by plain distances, as nearest neighbours do, sees little else. (On the
# built-in shapes raw pixels are close to chance, because shapes lie anywhere in the picture. On
# CIFAR-10 they are far from it.)

# %% [markdown] slug=lag-text
# ## First suspect: statistics that lag
#
# In inference mode BatchNorm goes by its **running statistics**. Each step keeps the share
# `momentum` of what there was (lesson 02). Keras' own momentum is 0.99. What is left, after the
# report's 300 steps, of the mean 0 and the variance 1 that all layers began with?

# %% slug=lag
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
counts, told = np.arange(0, 601), []
for momentum, style in ((0.9, "-"), (0.97, "--"), (0.99, "-.")):
    ax.plot(counts, 100 * momentum**counts, style, linewidth=2, label=f"momentum {momentum}")
    told.append(f"{momentum}: {momentum**300:.2%}")
for count, name in ((300, "the report"), (record.steps, "the small run")):
    ax.axvline(count, color="#222222", linestyle=":")
    ax.annotate(f" {name}", (count, 80))
ax.set(title="What is left of the first statistics", xlabel="training steps", ylabel="left, %")
ax.legend(loc="upper right")
show(figure, alt=f"Left after 300 steps, by momentum: {'; '.join(told)}.")
print("left after 300 steps, by momentum:", "; ".join(told))
print(f"left in the small run: {original.batch_norm_momentum**record.steps:.1%}")

# %% [markdown] slug=settled-text
# What *should* the statistics be? Those of the weights as they are now. Run some batches through
# the encoder, note each batch's mean and variance, and put them together. The mean is easy. The
# variance of all pictures has two parts: pictures differ within their batch, *and* the batches'
# means differ from each other.
#
# **Exercise:** mean and variance of all pictures, from those of batches of equal size. *(medium,
# about 8 minutes)*


# %% slug=settled-statistics
def settled_statistics(means, variances):
    """Put the statistics of batches together.

    Args:
        means: `(batches, channels)`, of batches of equal size.
        variances: `(batches, channels)`, each around its own batch's mean.

    Returns:
        `(mean, variance)` of all pictures, each `(channels,)`.
    """
    ### BEGIN SOLUTION
    return means.mean(axis=0), variances.mean(axis=0) + means.var(axis=0)
    ### END SOLUTION


# %% slug=settled-statistics-check tags=["nbval-check-output"]
report = check("settled_statistics", settled_statistics)
settled_statistics = report.function

# %% [markdown] slug=layers-text
# With right statistics, what BatchNorm puts out has the root mean square 1 (before its own scale
# and shift). What does it put out with the ones it has? From the settled statistics of what a layer
# *gets*, that is √((mean − running mean)² + variance) ÷ running deviation. Ask each layer of the
# small run twice: fed as in training, where the layers before it go by the batch; and fed as in
# inference, where they have running statistics of their own.

# %% slug=layers
import keras

from simclr_lib.postmortem.norm_statistics import kept_statistics

encoder = run.encoder
norms = [layer for layer in encoder.layers if isinstance(layer, keras.layers.BatchNormalization)]
look = keras.Model(encoder.input, [layer.input for layer in norms])
chosen = run.dataset.train_images[: len(run.dataset.train_images[:1024]) // 4 * 4]
batches = np.split(chosen.astype("float32") / 255, 4)


def put_out(training):
    """What each BatchNorm layer puts out in inference, in root mean square; 1 is right."""
    seen = []
    with kept_statistics(encoder):  # whatever happens, afterwards they are what they were
        for batch in batches:
            inputs = [np.asarray(x, "float32") for x in look(batch, training=training)]
            seen.append([(x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))) for x in inputs])
    found = []
    for layer, of_layer in zip(norms, zip(*seen, strict=True), strict=True):
        mean, variance = settled_statistics(*map(np.array, zip(*of_layer, strict=True)))
        square = (mean - np.asarray(layer.moving_mean)) ** 2 + variance
        found.append(np.sqrt(np.median(square / (np.asarray(layer.moving_variance) + 1e-5))))
    return found


# %% [markdown] slug=layers-picture-text
# If every layer's error stayed its own, both lines would run side by side.

# %% slug=layers-picture
figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
told = []
for training, style, name in ((True, "s--", "as in training"), (False, "o-", "as in inference")):
    sizes = put_out(training)
    ax.plot(1 + np.arange(len(sizes)), sizes, style, label=f"fed {name}")
    first, last = (np.mean(part) for part in (sizes[:3], sizes[-3:]))
    told.append(f"fed {name}: first three layers {first:.2f}, last three {last:.2f}")
ax.axhline(1, color="#222222", linestyle=":", label="right statistics")
ax.set(title="What BatchNorm puts out, layer by layer", yscale="log", ylabel="root mean square")
ax.set(xlabel="BatchNorm layer, from the pictures to the features")
ax.legend(loc="upper left")
show(figure, alt=f"Root mean square of what BatchNorm puts out. {'; '.join(told)}.")
print(*told, sep="\n")

# %% [markdown] slug=layers-commentary tags=["commentary"]
# Fed as in training, each layer shows its *own* error alone. Fed as in inference, each inherits the
# errors of all layers before it and adds its own. Where the two lines part, depth itself is at
# work: a small error in every layer, and features at the end that are far from what the head was
# trained on. That is why "more layers are worse" points at this suspect.

# %% [markdown] slug=same-predict-text
# The real test is simple: the **same weights**, read with three kinds of statistics. Running, as
# in the run; of each batch, as in training; and measured anew on training pictures.

# %% slug=same-predict
lag_guess = predict(
    "lag",
    "By how many points does the nearest neighbours' accuracy rise with statistics measured anew?",
    answer=None,
)

# %% [markdown] slug=same-text
# The linear probe and the nearest neighbours judge each. Beside them, the shape of the cloud:

# %% slug=same
from simclr_lib.evaluation import extract_features
from simclr_lib.postmortem.norm_statistics import features_by_batch, features_reestimated

measured_on = run.dataset.train_images
readings = {
    "running": lambda images: extract_features(encoder, images),
    "of each batch": lambda images: features_by_batch(encoder, images),
    "re-estimated": lambda images: features_reestimated(encoder, images, measured_on),
}
live = {}
for name, extract in readings.items():
    features = factors.features_of(run, extract)
    live[name] = factors.worth(features)
    spread, directions = spread_and_directions(features.train_h[:2000].astype("float64"))
    told = f"linear {live[name]['linear']:6.1%}, kNN {live[name]['knn']:6.1%}"
    print(f"{name:14} {told}, spread {spread:4.0%}, {directions:4.1f} directions")
rise = 100 * (live["re-estimated"]["knn"] - live["running"]["knn"])
compare_guess("lag", lag_guess, rise, unit="points")

# %% [markdown] slug=study-text
# So far the small run. The kit has put the same question to the report's **own** set-up, a
# ResNet-50 at its full size on CIFAR-10. Its table has a row for each seed, factor and level. Mind
# that probe and neighbours learn from a part of the pictures here, since there are many questions:
# the fewer there are, the lower is every figure, so compare within a factor.

# %% slug=study-table
study = [row for row in large_sweep("postmortem") if row["encoder_depth"] == 50]
first = study[0]
print(f"ResNet-50: {first['steps']} steps of {first['batch_size']} pictures,", end=" ")
print(f"{len({row['seed'] for row in study})} seeds, judged on {first['evaluate_on']} pictures;")
print(f"probe and neighbours learn from {first['train pictures']:,} pictures,", end=" ")
print(f"classifiers from {max(row['train pictures'] for row in study):,}")


def of_study(factor, measure):
    """`{level: [percent for each seed]}` of one factor."""
    return by_arm([row for row in study if row["factor"] == factor], measure, "level")


# %% [markdown] slug=study-picture-text
# Both crimes side by side, the small run and the report's encoder:

# %% slug=study
figure, axes = plt.subplots(1, 2, figsize=(8.0, 3.2), layout="constrained", sharey=True)
told = []
for ax, measure in zip(axes, ("linear", "knn"), strict=True):
    large = of_study("BatchNorm statistics", measure)
    values = np.array([[100 * live[n][measure], np.mean(large[n])] for n in live])
    for place, (name, pair) in enumerate(zip(live, values, strict=True)):
        look = {"hatch": ("", "//", "..")[place], "edgecolor": "#222222", "label": name}
        ax.bar(np.arange(2) + 0.27 * (place - 1), pair, 0.25, **look)
        told.append(f"{measure}, {name}: {pair[0]:.1f} and {pair[1]:.1f}")
    ax.set_xticks(range(2), ["the small run", "the report's\nResNet-50"])
    ax.set(title={"linear": "Linear probe", "knn": "Nearest neighbours"}[measure], xlabel="run")
axes[0].set_ylabel("held-out pictures right, %")
axes[1].legend(title="statistics", loc="upper left", bbox_to_anchor=(1, 1))
show(figure, alt=f"Small run and ResNet-50, in percent: {'; '.join(told)}.")

# %% [markdown] slug=study-verdict-text
# More than chance? Seed by seed, as in lesson 06. (The small run has one seed only: it shows what
# *can* happen.)

# %% slug=study-verdict
from simclr_lib.course.paired import verdict

for measure in ("linear", "knn"):
    large = of_study("BatchNorm statistics", measure)
    for name in ("of each batch", "re-estimated"):
        print(f"{measure:6} {name:13} against running: {verdict(large[name], large['running'])}")
of_own = of_study("statistics before the classifier", "test")
told = verdict(of_own["re-estimated"], of_own["running"])
print(f"the classifier (20, 20), re-estimated against running: {told}")
shape = of_study("directions of the features", "effective rank")
told = (f"{name} {np.mean(values) / 100:.1f}" for name, values in shape.items())
print("directions of the ResNet-50's features:", ", ".join(told))

# %% [markdown] slug=study-commentary tags=["commentary"]
# How to read this, whatever the numbers are. A linear probe *forgives*: it standardises, and it can
# turn the weakest direction up as far as it likes. Nearest neighbours forgive nothing, nor does a
# small network that is trained on features as they are. So lagging statistics may cost one reader
# much and another one nothing: that is why the last line asks the report's own reader. And a
# suspect on whom all fingers pointed can turn out to be innocent, or an accomplice only. Write down
# what was *found*, not what was expected.

# %% [markdown] slug=reader-text
# ## Second suspect: the reader
#
# The report read its features with a network of two small hidden layers, trained by Adam for 10
# epochs on features **as they are**. The linear probe standardises them first. Does that give it
# more power? No: a linear rule on standardised features *is* a linear rule on raw features, with
# other numbers.
#
# **Exercise:** logits are (h − mean) ÷ deviation · weights + bias. Write the same rule as
# h · raw weights + raw bias. *(medium, about 9 minutes)*


# %% slug=on-raw-features
def on_raw_features(weights, bias, mean, deviation):
    """The rule of standardised features, for features as they are.

    Args:
        weights: `(d, K)`, of standardised features.
        bias: `(K,)`.
        mean, deviation: `(d,)`, what the features were standardised by.

    Returns:
        `(raw weights (d, K), raw bias (K,))`, which give the same logits.
    """
    ### BEGIN SOLUTION
    raw = weights / deviation[:, None]
    return raw, bias - mean @ raw
    ### END SOLUTION


# %% slug=on-raw-features-check tags=["nbval-check-output"]
report = check("on_raw_features", on_raw_features)
on_raw_features = report.function

# %% [markdown] slug=sizes-text
# So standardising gives no new rules. What it changes is where training **begins**. The first
# weights of a network are drawn for inputs of about mean 0 and deviation 1. Where features differ
# by much less, weights have to grow long, and Adam moves a weight by about its learning rate in a
# step: after n steps, n · rate is its **reach**. Where features are much larger, the first outputs
# are huge, and so is every step's effect. How large are those of the small run?

# %% slug=sizes
from simclr_lib.evaluation.linear_probe import fit_linear

h, labels, recipe = run.features.train_h, run.features.train_y, run.recipe
mean, deviation, weights, bias = fit_linear(h, labels, len(data.class_names))
raw, raw_bias = on_raw_features(weights, bias, mean, deviation)
same = (h @ raw + raw_bias).argmax(1) == ((h - mean) / deviation @ weights + bias).argmax(1)
print(f"the two rules agree on {np.mean(same):.1%} of the pictures")
reach = 0.001 * recipe.classifier_epochs * (len(h) // min(recipe.batch_size, len(h)))
print(f"Adam's reach in the report's way: {reach:.2f}")
for name, found in (("standardised", weights), ("as they are", raw)):
    low, high = np.percentile(np.abs(found[h.std(axis=0) > 0]), (10, 90))
    print(f"features {name:12}: most weights of the rule are between {low:.2g} and {high:.2g}")

# %% [markdown] slug=sizes-picture-text
# Every point is a feature. The star is where standardised features lie (their mean is 0, which a
# logarithm cannot show: it stands at the lower edge).

# %% slug=sizes-picture
figure, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
alive = h.std(axis=0) > 1e-6
means, deviations = np.abs(h.mean(axis=0)[alive]), h.std(axis=0)[alive]
low = max(means.min(), 1e-4)
ax.loglog(deviations, np.maximum(means, low), "o", color="#0072B2", alpha=0.5, label="a feature")
ax.loglog(1, low, "*", color="#D55E00", markersize=16, label="standardised")
ax.axline((0.1, 0.1), (1, 1), color="#222222", linestyle=":", label="mean as large as deviation")
ax.set(title="The features that the classifier gets", xlabel="deviation over the pictures")
ax.set_ylabel("mean over the pictures")
ax.legend(loc="upper left")
told = f"deviations from {deviations.min():.2g} to {deviations.max():.3g}"
show(
    figure, alt=f"{len(means)} features: {told}; the median of their means {np.median(means):.2g}."
)
print(f"{told}, median {np.median(deviations):.3g}; {np.sum(~alive)} features never change")

# %% [markdown] slug=sizes-commentary tags=["commentary"]
# Look how many powers of ten they span. No single learning rate suits them all: what is right for
# the small ones throws the large ones about. And above the dotted line a feature has more in common
# to all pictures than it has to tell them apart. Remember where such sizes can come from: the
# layers' picture above. One suspect has prepared the ground for another.

# %% [markdown] slug=reader-predict-text
# Now mend the classifier, one thing at a time: train it nine times as long (as the report's best
# row did), or at ten times the rate; divide all features by one number; subtract their means; or
# standardise them.

# %% slug=reader-predict
reader_guess = predict(
    "reader",
    "Which single change helps the small run's classifier most?",
    choices=["longer", "higher rate", "one number", "means subtracted", "standardised"],
    answer=None,
)

# %% [markdown] slug=reader-live-text
# The features are those of the fixed checkpoint in every row.

# %% slug=reader-live
from simclr_lib.evaluation import small_classifier

changes = {
    "as the report": {},
    "longer": {"epochs": 9 * recipe.classifier_epochs},
    "higher rate": {"learning_rate": 1e-2},
    "one number": {"scale": np.sqrt(np.mean(deviation**2))},
    "means subtracted": {"shift": mean},
    "standardised": {"shift": mean, "scale": deviation},
}
usual = {"epochs": recipe.classifier_epochs, "batch_size": recipe.batch_size, "seed": seed}
live_reader = {}
for name, change in changes.items():
    shift, scale = change.pop("shift", 0.0), change.pop("scale", 1.0)
    inputs = [((part - shift) / scale).astype("float32") for part in (h, run.features.test_h)]
    parts = inputs[0], labels, inputs[1], run.features.test_y
    live_reader[name] = small_classifier(*parts, hidden=(20, 20), **usual | change)

# %% [markdown] slug=reader-live-table-text
# Held-out and training pictures, beside the linear probe:

# %% slug=reader-live-table
for name, found in live_reader.items():
    told = f"held out {found.test_accuracy:6.1%}, training {found.train_accuracy:6.1%}"
    print(f"{name:18} {told}")
print(f"{'linear probe':18} held out {run.features.probe().accuracy:6.1%}")
tried = [name for name in live_reader if name != "as the report"]
best_change = max(tried, key=lambda name: live_reader[name].test_accuracy)
compare_guess("reader", reader_guess, best_change)

# %% [markdown] slug=reader-study-text
# The report's own ResNet-50: the linear probe, and the classifier in all ways that were tried.

# %% slug=reader-study
large = of_study("readout", "test") | of_study("training of the classifier", "test")
order = sorted(large, key=lambda name: np.mean(large[name]))
figure, ax = plt.subplots(figsize=(7.6, 4.6), layout="constrained")
for place, name in enumerate(order):
    own = name == "linear probe"
    ax.plot(large[name], [place] * len(large[name]), "o", color="#0072B2", alpha=0.6)
    ax.plot(np.mean(large[name]), place, "*" if own else "D", color="#D55E00", markersize=9)
ax.axvline(raw_pixels, color="#222222", linestyle=":", label="raw pixels")
ax.axvline(10, color="#222222", linestyle="--", label="chance")
ax.set_yticks(range(len(order)), order)
ax.set(title="One encoder, many readers (diamonds: means; star: the probe)")
ax.set(xlabel="test pictures right, %", ylabel="reader of the same features")
ax.legend(loc="lower right")
told = "; ".join(f"{name} {np.mean(large[name]):.1f}" for name in order)
show(figure, alt=f"Means in percent, from the worst reader to the best: {told}.")
as_reported = "classifier (20, 20)"
print(f"the probe against {as_reported}: {verdict(large['linear probe'], large[as_reported])}")

# %% [markdown] slug=reader-commentary tags=["commentary"]
# The weights of the encoder were the same in all rows. So what lies between the probe and the
# report's classifier was never missing: it was there, and nobody read it. But mind the dotted line.
# If even the best reader stays below raw pixels, the reader is guilty, and not alone: the encoder
# has learnt too little, or has lost too much.

# %% [markdown] slug=alibi-text
# ## Three mistakes that leave no trace
#
# Three suspects can be questioned in one line each, on the fixed checkpoint. Were features taken
# *behind* the head, z in place of h? Did the encoder get pictures on *another scale* than in
# training, divided by 255 twice or not at all? Were the *weights* loaded at all?

# %% slug=alibi
alibis = {
    "h or z": factors.place(run),
    "scale of the pictures": factors.input_scale(run),
    "weights": factors.weights(run),
    "baseline": factors.baseline(run),
}
print(f"linear probe, %{'':24}{'small run':>12}{'ResNet-50':>12}")
for factor, levels in alibis.items():
    large = of_study(factor, "linear")
    print(factor)
    for level, found in levels.items():
        print(f"  {level:37}{100 * found['linear']:12.1f}{np.mean(large[level]):12.1f}")

# %% [markdown] slug=alibi-commentary tags=["commentary"]
# Each block has the run as it was in its first line. A level that is much worse could have spoilt a
# figure: then ask whether the code at hand does that. A level that is *as good* as the first could
# not, **for this reader**: the probe forgives. Keep the ResNet-50's two blind spots in mind,
# pictures that were not divided and weights that were not loaded, until another reader is asked
# about them. Most of these mistakes leave no trace in the loss, so it pays to look once in each
# project.
#
# And compare the last two lines: the untrained encoder, normalised by statistics of its own as in a
# first training step, beside raw pixels. Where it lies below them, the architecture loses
# information before any training has begun, and training has to win that back first.

# %% [markdown] slug=told-text
# ## Fingerprints
#
# All along we have called that ResNet-50 "the report's". Is it? The kit has run all eleven rows
# again as the report *tells* them: the encoder, the steps, the batches, the classifier, its epochs.
# What it does not tell (views, temperature, learning rate) is as in the kit. One thing that it does
# tell is left out, because it needs a file of weights: some of its encoders began with layers that
# had been trained on ImageNet. These here begin with random weights. If that were the whole story,
# the figures would have to agree.

# %% slug=told
again = large_sweep("report-rows")
marks = {"the report": "report test", "run again": "test", "a linear probe": "linear"}
figure, ax = plt.subplots(figsize=(8.0, 4.4), layout="constrained")
for (name, column), look in zip(marks.items(), ("D", "o", "*"), strict=True):
    found = [100 * row[column] for row in again]
    spans = [100 * (row.get(f"{column} std") or 0) for row in again]
    colour = "#D55E00" if name == "the report" else "#0072B2"
    ax.errorbar(found, places, xerr=spans, fmt=look, color=colour, capsize=3, label=name)
ax.axvline(raw_pixels, color="#222222", linestyle=":", label="raw pixels")
ax.axvline(10, color="#222222", linestyle="--", label="chance")
ax.set_yticks(places, [row["arm"] for row in again])
ax.invert_yaxis()
ax.set(title="The report's rows, and the same runs here", xlabel="test pictures right, %")
ax.set_ylabel("encoder, batch size, classifier")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
told = "; ".join(
    f"{row['arm']}: {', '.join(f'{100 * row[column]:.1f}' for column in marks.values())}"
    for row in again
)
show(figure, alt=f"In percent, the report, run again, and by a linear probe. {told}.")

# %% [markdown] slug=told-verdict-text
# In one line, the classifier that both have:

# %% slug=told-verdict
gains_here = [100 * (row["test"] - row["report test"]) for row in again]
better = sum(gain > 0 for gain in gains_here)
print(f"run again, {better} of {len(again)} rows are better than in the report:", end=" ")
print(f"{min(gains_here):+.1f} to {max(gains_here):+.1f} points")

# %% [markdown] slug=told-commentary tags=["commentary"]
# They do not agree: in each row, even the worst of its seeds is better than the report's figure.
# (The bars are deviations; a row without one was run once.) So *these choices cannot explain what
# the report got*, neither the short training nor the small classifier. Something must have happened
# that it does **not** tell, or does not tell fully.
#
# And the clue of the deepest encoder? Go by the stars, which all have one reader, and compare only
# rows that differ in **one** thing. At batches of 512 the first two encoders are alike, and only
# the deepest is behind, by one run. Along the ResNet-152 the batches shrink, and the figures fall
# with them, roughly: the same 300 steps have then seen fewer pictures. The report's ResNet-152
# mostly had small batches. In a table where several things change from row to row, a clue can be
# two.

# %% [markdown] slug=deep-text
# What depth may cost, is that the statistics after all? In a ResNet-152 they have three times as
# many layers to lag in. So question its fixed checkpoints as you have questioned the ResNet-50: the
# same weights, three kinds of statistics, and the shape of the cloud. (With a part of the pictures
# again, as in that table.)

# %% slug=deep
measured = {"BatchNorm statistics": ("linear", "knn")}
measured["directions of the features"] = ("effective rank",)
asked = {}
for row in [*study, *large_sweep("postmortem-deep")]:
    which = f"ResNet-{row['encoder_depth']}, batch {row['batch_size']}, {row['level']}"
    for measure in measured.get(row["factor"], ()):
        asked.setdefault(which, {}).setdefault(measure, []).append(row[measure])
print(f"{'':37}{'linear probe, %':>16}{'kNN, %':>8}{'directions':>12}{'runs':>6}")
for which, found in asked.items():
    linear, knn, directions = map(np.mean, found.values())
    told = f"{100 * linear:16.1f}{100 * knn:8.1f}{directions:12.1f}"
    print(f"{which:37}{told}{len(found['linear']):6}")

# %% [markdown] slug=deep-commentary tags=["commentary"]
# Go down the probe's column first: does it gain anything by new statistics? Then down the
# directions. In the deep encoder nearly all that tells pictures apart lies along **one direction**,
# and new statistics do not change that. The linear probe standardises, and so it still finds what
# the weak directions hold; a small network that takes features as they are has a harder time. That
# is a symptom, not yet a cause, and of one training at each batch size. But it is no fingerprint of
# statistics that lag, and it says where a next experiment should look: at what 300 steps can do for
# so many layers.

# %% [markdown] slug=prints-text
# Nobody can look into the report's computer any more. But a fault leaves fingerprints, and those
# can be compared. Two stand in the first picture of this lesson. Some rows lie at chance; and where
# the classifier was trained for long, training and test drifted apart. That is what a reader does
# who has seen **few pictures**. So give the same classifier the same features of fewer pictures; or
# the features that a mistake would give it.

# %% slug=prints-predict
prints_guess = predict(
    "prints",
    "Of how many labelled pictures does the classifier learn for its figure to be the report's?",
    choices=["1,000", "5,000", "20,000", "all"],
    answer=None,
)

# %% [markdown] slug=prints-table-text
# Each line is the mean over the encoders of all seeds; the report's own figures stand at the end.

# %% slug=prints-table
told_of = [row for row in report_rows if row["encoder"] == "ResNet-50"]
prints = {}
for factor in ("pictures of the classifier", "mistake before the classifier"):
    on_train, on_test = (of_study(factor, part) for part in ("train", "test"))
    prints |= {level: (np.mean(on_train[level]), np.mean(on_test[level])) for level in on_test}
shown = [*told_of, *(row for row in report_rows if row["encoder"] == "ResNet-152")]
of_report = {f"the report: {r['arm']}": (100 * r["train"], 100 * r["test"]) for r in shown}
print(f"{'':51}{'training, %':>12}{'test, %':>9}")
for name, (on_train, on_test) in (prints | of_report).items():
    print(f"{name:51}{on_train:12.1f}{on_test:9.1f}")

# %% [markdown] slug=prints-steps-text
# Fewer pictures mean two things at once: less to learn from, and fewer steps in an epoch.

# %% slug=prints-steps
for count in (1_000, 5_000, 20_000, 50_000):
    each = count // told_of[0]["batch_size"]
    print(
        f"{count:6,} pictures: {each:2} steps an epoch, {10 * each:4,} in ten, {90 * each:5,} in 90"
    )

# %% [markdown] slug=prints-nearest-text
# And your guess, by the row of ten epochs:

# %% slug=prints-nearest
by_count = {"all": prints["none"][1]}
for count in ("1,000", "5,000", "20,000"):
    by_count[count] = prints[f"(20, 20), {count} pictures, 10 epochs"][1]
wanted = 100 * told_of[0]["test"]
nearest = min(by_count, key=lambda count: abs(by_count[count] - wanted))
compare_guess("prints", prints_guess, nearest)

# %% [markdown] slug=prints-groups-text
# Now as a picture, each line a mark. We sort them by what was done to the classifier:

# %% slug=prints-groups
fewer_10 = [name for name in prints if name.endswith("pictures, 10 epochs")]
fewer_90 = [name for name in prints if name.endswith("pictures, 90 epochs")]
rest = [name for name in prints if name not in fewer_10 + fewer_90]
groups = {
    "fewer pictures, 10 epochs": (fewer_10, "o", "#0072B2"),
    "fewer pictures, 90 epochs": (fewer_90, "s", "#0072B2"),
    "a mistake before it, or none": (rest, "X", "#767676"),
    "the report": (list(of_report), "*", "#D55E00"),
}
everything = prints | of_report

# %% [markdown] slug=prints-picture-text
# On the dotted line training and test are equal; the further below it, the more was learnt by
# heart. Numbers are labelled pictures.

# %% slug=prints-picture
figure, ax = plt.subplots(figsize=(7.4, 4.6), layout="constrained")
for name, (levels, marker, colour) in groups.items():
    places = np.array([everything[level] for level in levels])
    ax.plot(*places.T, marker, markersize=11, color=colour, alpha=0.7, label=name)
    for level, place in zip(levels, places, strict=True):
        count = level.split(", ")[2].removesuffix(" pictures") if name.startswith("fewer") else ""
        ax.annotate(count, place, xytext=(7, -12), textcoords="offset points")
ax.axline((10, 10), slope=1, color="#222222", linestyle=":")
ax.set(title="Whose fingerprints?", xlabel="training pictures right, %")
ax.set_ylabel("test pictures right, %")
ax.legend(loc="lower right")
told = "; ".join(f"{name} {a:.1f} and {b:.1f}" for name, (a, b) in everything.items())
show(figure, alt=f"Training and test pictures right, in percent: {told}.")

# %% [markdown] slug=prints-commentary tags=["commentary"]
# Read the table from its end. Which of our lines lies near a row of the report, in *both* columns?
# A classifier of **few pictures** makes few steps in an epoch: ten epochs get nowhere, ninety get
# somewhere, and drift apart. And a mistake that makes features **unreadable as they are** leaves a
# print of its own: a classifier that says the same class of every picture, and is right for exactly
# one in ten. The linear probe of *the same* features, in the section "Three mistakes that leave no
# trace", standardises them, and still finds something there: here are its two blind spots.
#
# Look for what does **not** fit, too: of the report's 90 epochs, the training figure; and of its
# rows near chance, that only one has exactly 10.0. And to fit is no proof. Other faults may leave
# the same print, two of them may have met, and the mistakes were made with a ResNet-50 only. But
# this is what a detective can honestly say: *this would have done it, and that would not.*

# %% [markdown] slug=again-text
# ## Suspects that need another training
#
# The others cannot be questioned on a fixed checkpoint: they worked while the weights were made.
# Here each needs runs of its own. The kit has made them for the report's ResNet-50, in batches of
# 32 (its smallest) and on fewer pictures, so that a run takes minutes: three seeds an arm, one
# change an arm, judged by the linear probe on a validation part.

# %% slug=again
suspect_rows = large_sweep("report-suspects")
arms = {arm: np.array(values) for arm, values in by_arm(suspect_rows).items()}
control = "as the report"
again_guess = predict(
    "again",
    "Which arm has the best linear probe?",
    choices=list(arms),
    answer=None,
)

# %% [markdown] slug=again-picture-text
# The difference of each arm from the control, seed by seed. A bar spans what the seeds leave open;
# where it crosses 0, we cannot tell.

# %% slug=again-picture
from simclr_lib.course.paired import paired

others = [arm for arm in arms if arm != control]
outcome = {arm: paired(arms[arm], arms[control]) for arm in others}
figure, ax = plt.subplots(figsize=(7.6, 3.6), layout="constrained")
for place, (gain, span) in enumerate(outcome.values()):
    sure = abs(gain) > span
    style = {"fmt": "o" if sure else "s", "color": "#0072B2" if sure else "#D55E00"}
    ax.errorbar(gain, place, xerr=span, capsize=4, **style)
ax.axvline(0, color="#222222", linestyle="--")
ax.set_yticks(range(len(outcome)), list(outcome))
ax.invert_yaxis()
ax.set(title="Trained otherwise (circles: more than chance; squares: cannot tell)")
ax.set(xlabel="difference from the report's set-up, points", ylabel="arm")
told = ", ".join(f"{arm} {gain:+.1f} ± {span:.1f}" for arm, (gain, span) in outcome.items())
show(figure, alt=f"Differences from the report's set-up in points: {told}.")

# %% [markdown] slug=again-verdict-text
# In words, with the baselines of the same pictures:

# %% slug=again-verdict
for arm in others:
    print(f"{arm:37} {verdict(arms[arm], arms[control])}")
compare_guess("again", again_guess, max(arms, key=lambda arm: arms[arm].mean()))
for name in ("raw pixels", "random encoder"):
    level = 100 * np.mean([row[f"{name} linear"] for row in suspect_rows])
    ahead = sum(values.mean() > level for values in arms.values())
    print(f"{name} {level:.1f} %: {ahead} of {len(arms)} arms are better")

# %% [markdown] slug=both-readers-text
# The probe is a forgiving reader. What does the report's **own** reader, the classifier (20, 20),
# get out of the same encoders?

# %% slug=both-readers
read_small = by_arm(suspect_rows, "classifier (20, 20) test")
print(f"{control}: {np.mean(read_small[control]):.1f} %")
for arm in others:
    told = verdict(read_small[arm], read_small[control])
    print(f"{arm:30} {np.mean(read_small[arm]):5.1f} %, {told}")

# %% [markdown] slug=both-readers-commentary tags=["commentary"]
# Look for arms that the probe hardly noticed, and that this reader pays dearly for. They are more
# names for the list of what *would have done it*: views and learning rate too, if they were not
# what the report says or leaves open. One figure, by one reader, cannot tell such faults apart.

# %% [markdown] slug=lineup-text
# Now all suspects stand in one row. How many points lie between each fault and none, **for the
# report's reader**? Two readers must not be mixed, so the classifier (20, 20) judges all of them.
# (It is a suspect itself; there the probe stands for a sound one.) Each difference is taken within
# its own study: the fixed ResNet-50, or the small sweep above. Where a suspect has several arms,
# the one costs most counts. That flatters it a little, as lesson 06 has shown.

# %% slug=lineup
readers, sound = (
    of_study(factor, "test") for factor in ("readout", "mistake before the classifier")
)
few = of_study("pictures of the classifier", "test")["(20, 20), 1,000 pictures, 10 epochs"]
of_control = read_small[control]
had = {  # by the report's own words: what is mended, and the report's set-up
    "the classifier": [(readers["linear probe"], readers[as_reported])],
    "BatchNorm's statistics": [(of_own["re-estimated"], of_own["running"])],
    "too few steps": [(read_small["three times as long"], of_control)],
}
may = {  # what is sound, and the fault
    "few labelled pictures": [(sound["none"], few)],
    "z in place of h": [(sound["none"], sound["z in place of h"])],
    "weights not loaded": [(sound["none"], sound["weights not loaded"])],
}
for suspect, words in (("the learning rate", "learning rate"), ("the views", ("without", "one"))):
    may[suspect] = [(of_control, read_small[arm]) for arm in arms if arm.startswith(words)]

# %% [markdown] slug=lineup-guess-text
# The most that each of them costs, and your guess:

# %% slug=lineup-guess
points = {
    suspect: max((paired(*pair) for pair in found), key=lambda gain_and_span: gain_and_span[0])
    for suspect, found in (had | may).items()
}
compare_guess("suspect", suspect_guess, max(points, key=lambda suspect: points[suspect][0]))

# %% [markdown] slug=lineup-picture-text
# Dark: what the report had, by its own words. Light and hatched: what it *may* have had.

# %% slug=lineup-picture
figure, ax = plt.subplots(figsize=(7.6, 3.4), layout="constrained")
for place, (suspect, (gain, span)) in enumerate(points.items()):
    look = {"color": "#deebf7", "hatch": "//"} if suspect in may else {"color": "#6baed6"}
    ax.barh(place, gain, xerr=span, capsize=4, edgecolor="#222222", **look)
ax.axvline(0, color="#222222", linestyle="--")
ax.set_yticks(range(len(points)), list(points))
ax.invert_yaxis()
ax.set(title="The line-up (light and hatched: not told by the report)", ylabel="suspect")
ax.set_xlabel("points between this fault and none")
told = ", ".join(f"{name} {gain:+.1f} ± {span:.1f}" for name, (gain, span) in points.items())
show(figure, alt=f"What each suspect costs, in points: {told}.")

# %% [markdown] slug=waterfall-text
# ## From a bad figure to a good one
#
# Even without a mistake the report's set-up makes little of its hours. So go the way from there to
# the kit's recipe, **one change at a time, and keep each**. All runs get the same arithmetic: as
# many multiplications in the encoder, a share of what the report had. A smaller encoder then makes
# *more steps* for the same money. (Equal arithmetic is not quite equal time.) Such a row of bars is
# called a **waterfall**.

# %% slug=bars
bars = by_arm(waterfall_rows, "accuracy", "change")
steps_of = {row["change"]: row["steps"] for row in waterfall_rows}
share = waterfall_rows[0]["share"]
print(f"each run: {share:.0%} of the arithmetic of the report's ResNet-50, 3 epochs of 100 batches")
print(f"the first bar: {np.mean(bars['the report']):.1f} %;", end=" ")
print(f"with all of its steps it has {np.mean(readers[as_reported]):.1f} %")
for number, name in enumerate(bars):
    print(f"{number:2} {name:27} {steps_of[name]:6,} steps")
largest_guess = predict(
    "largest",
    "Which of these steps brings the most points?",
    choices=list(bars)[1:],
    answer=None,
)

# %% [markdown] slug=gains-text
# **Exercise:** what does each step bring, how sure is it, and what share of the whole way is it?
# The bars share their seeds, so subtract seed by seed. *(easy, about 8 minutes)*


# %% slug=gains
def gains(bars):
    """What each step of a waterfall brings.

    Args:
        bars: accuracies in percent `(bars, seeds)`, in the order of the changes.

    Returns:
        `(gain, error, share)`, each `(bars − 1,)`: the mean over the seeds of a bar minus the bar
        before it, in points; the standard error of that mean; and the gain as a share of the whole
        gain from the first bar to the last, so that the shares add up to 1.
    """
    ### BEGIN SOLUTION
    steps = np.diff(bars, axis=0)
    gain = steps.mean(axis=1)
    error = steps.std(axis=1, ddof=1) / np.sqrt(steps.shape[1])
    return gain, error, gain / gain.sum()
    ### END SOLUTION


# %% slug=gains-check tags=["nbval-check-output"]
report = check("gains", gains)
gains = report.function

# %% [markdown] slug=waterfall-picture-text
# Each bar begins where the one before it ends. Up is a gain, hatched is a loss.

# %% slug=waterfall-picture
heights = np.array(list(bars.values()))
gain, error, part = gains(heights)
level = heights.mean(axis=1)
figure, ax = plt.subplots(figsize=(8.0, 4.2), layout="constrained")
ax.bar(0, level[0], color="#c8ccd0", edgecolor="#222222")
for place, (step, start) in enumerate(zip(gain, level, strict=False), 1):
    look = {"color": "#9ecae1"} if step >= 0 else {"color": "#fdae6b", "hatch": "//"}
    ax.bar(place, step, bottom=start, yerr=error[place - 1], capsize=3, edgecolor="#222222", **look)
    top = max(start, start + step) + error[place - 1]
    ax.annotate(f"{step:+.1f}", (place, top + 1), ha="center")
ax.axhline(raw_pixels, color="#222222", linestyle=":", label="raw pixels")
ax.axhline(10, color="#222222", linestyle="--", label="chance")
ax.margins(y=0.12)
ax.set_xticks(range(len(bars)), list(bars), rotation=35, ha="right")
ax.set(title="From the report to the kit, one change at a time", xlabel="change, all kept")
ax.set_ylabel("test pictures right, %")
ax.legend(loc="upper left")
told = ", ".join(f"{name} {value:.1f}" for name, value in zip(bars, level, strict=True))
show(figure, alt=f"Means in percent after each change: {told}.")

# %% [markdown] slug=shares-text
# In numbers, the largest first, and your guess:

# %% slug=shares
names = list(bars)
for place in np.argsort(-gain):
    told = verdict(heights[place + 1], heights[place])
    print(f"{names[place + 1]:26} {part[place]:4.0%} of the way, {told}")
compare_guess("largest", largest_guess, names[1 + int(np.argmax(gain))])
first_above = next((n for n, value in zip(names, level, strict=True) if value > raw_pixels), "none")
print(f"the first bar above raw pixels: {first_above}")

# %% [markdown] slug=untrained-text
# Chance and raw pixels are lines in that picture. The third baseline is missing: what is each
# encoder worth **without any training**? It changes along the row, because the encoder does.
# Trained and untrained, both by the linear probe:

# %% slug=untrained
by_probe, untrained_bars = (
    np.mean(list(by_arm(waterfall_rows, column, "change").values()), axis=1)
    for column in ("linear", "random encoder")
)
print(f"{'linear probe, %':27}{'untrained':>10}{'trained':>9}{'by training':>13}")
for name, before, after in zip(names, untrained_bars, by_probe, strict=True):
    print(f"{name:27}{before:10.1f}{after:9.1f}{after - before:+13.1f}")

# %% [markdown] slug=untrained-commentary tags=["commentary"]
# So do not read the tallest bar as "a small encoder learns better". It is **three things**. Its
# first bar was unreadable for its reader; a shallow encoder keeps, before any training, what the
# deep one scrambles; and only the last column is learnt. Where that column grows down the table,
# changes have made the *training* better.

# %% [markdown] slug=order-text
# Does this say what each change is *worth*? Only at its place in the row. Before the waterfall each
# change was tried **alone**, on the report's set-up: one seed, on validation pictures, at a share
# of the arithmetic that is printed below. By that gain they were put in their order, the largest
# first. Here is what each brought alone, beside what it brought in the row, both **by the linear
# probe**: two readers must not be mixed. (So the bar that only reads otherwise is left out.)

# %% slug=order
screen = {row["change"]: row for row in large_sweep("waterfall-screen")}
alone = {change: 100 * row["gain"] for change, row in screen.items()}
in_place = dict(zip(names[1:], np.diff(by_probe), strict=True))
both = [name for name in in_place if name in alone and name != "a linear probe"]
figure, ax = plt.subplots(figsize=(8.0, 3.8), layout="constrained")
for place, name in enumerate(both):
    ax.plot([alone[name], in_place[name]], [place, place], color="#c8ccd0", zorder=0)
ax.plot([alone[n] for n in both], range(len(both)), "s", color="#D55E00", label="alone, one seed")
ax.plot([in_place[n] for n in both], range(len(both)), "o", color="#0072B2", label="in the row")
ax.axvline(0, color="#222222", linestyle="--")
ax.set_yticks(range(len(both)), both)
ax.invert_yaxis()
ax.set(title="The same change, alone and at its place", xlabel="gain, points", ylabel="change")
ax.legend()
told = "; ".join(f"{name} {alone[name]:+.1f} and {in_place[name]:+.1f}" for name in both)
show(figure, alt=f"Gain alone and in the row, in points: {told}.")

# %% [markdown] slug=sums-text
# If changes did not touch each other, both marks would lie together, but for chance, and the gains
# would add up to the same. And the first step of the waterfall, which its first reader judged?

# %% slug=sums
print(f"alone they add up to {sum(alone[name] for name in both):+.1f} points,", end=" ")
print(f"in the row to {sum(in_place[name] for name in both):+.1f}")
first = names[1]
print(f"{first}: {gain[0]:+.1f} in the waterfall,", end=" ")
print(f"{by_probe[1] - by_probe[0]:+.1f} if the probe reads both bars")

# %% [markdown] slug=order-commentary tags=["commentary"]
# Where the marks lie far apart, you see an **interaction** (lesson 06): a change can be worth
# nothing before another one, and a lot after it, or the other way round. Two sums that agree do not
# exclude that: what one change loses in the row, another may win. (One seed alone leaves something
# to chance, too.) And a step that the two readers judge differently has made features better *and*
# more readable. So a waterfall's shares belong to *its order*. With other first steps it would tell
# another story, and both would be true. Say the order whenever you show such a picture.

# %% [markdown] slug=accomplice-text
# One suspect has a surprise left. The runs of that trial were shorter than the report's, so that
# their statistics had less time to arrive. What did each change gain alone, for **both** readers?

# %% slug=accomplice
start = screen["the report"]
left = original.batch_norm_momentum ** start["steps"]
print(f"{start['share']:.0%} of the report's arithmetic: {start['steps']} steps,", end=" ")
print(f"{left:.0%} of the first statistics left")
print(f"{'gain alone, points':28}{'linear probe':>13}{'classifier (20, 20)':>21}")
for change, row in screen.items():
    if change in both:
        linear_gain, small_gain = (100 * (row[r] - start[r]) for r in ("linear", "classifier"))
        print(f"{change:28}{linear_gain:+13.1f}{small_gain:+21.1f}")

# %% [markdown] slug=accomplice-commentary tags=["commentary"]
# Compare BatchNorm's momentum here with the first suspect's study above. There, after all of the
# report's steps, new statistics changed little. Here, where more than half of the first ones are
# left, another momentum brings the small classifier many points, and the probe few: the features
# need not be better, they are *readable*. (Smaller batches and a shallow encoder do so too. It is
# one seed.) And the first bar of the waterfall had only half as many steps. So an acquittal holds
# for the case it was given in, and for no other.

# %% [markdown] slug=checklist-text
# ## The checklist
#
# A detective who has solved a case writes down in which order to ask the next time. Begin with what
# is **nearest to the figure and cheapest to test**, and go back towards the training. The first row
# that holds is where you dig:
#
# | answer | holds if |
# | --- | --- |
# | `"no baseline"` | `pixels` is None: nobody has measured them |
# | `"reader"` | `linear` − `classifier` is more than 0.05 |
# | `"statistics"` | `renewed` − `linear` is more than 0.05 |
# | `"constant"` | `spread` is below 0.01 |
# | `"at chance"` | `loss` is at least 0.98 · `chance` |
# | `"too short"` | `renewed` is no better than `pixels`, and `steps` are below 1,000 |
# | `"views"` | `renewed` is no better than `pixels`, after 1,000 steps or more |
# | `"nothing found"` | none of the rows above holds |
#
# Accuracies are shares, from 0 to 1. `classifier` is the figure under question, `linear` a linear
# probe of the same features, `renewed` a linear probe with statistics measured anew, `pixels` one
# of raw pixels.
#
# **Exercise:** name the first finding. *(hard, about 13 minutes)*


# %% slug=first-finding
def first_finding(run):
    """Name the first suspicious thing of a run, by the order of the table.

    Args:
        run: a dict with the numbers `pixels` (or None), `classifier`, `linear`, `renewed`,
            `spread`, `loss`, `chance` and `steps`.

    Returns:
        One of the answers in the table, a text.
    """
    ### BEGIN SOLUTION
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
    ### END SOLUTION


# %% slug=first-finding-check tags=["nbval-check-output"]
report = check("first_finding", first_finding)
first_finding = report.function

# %% [markdown] slug=cases-text
# Six case files. They are **invented**, each after a kind of mistake that people make. Read the
# numbers and name the finding yourself before you run the cell below.

# %% slug=cases
columns = ["pixels", "classifier", "linear", "renewed", "spread", "loss", "chance", "steps"]
cases = {
    "A, a large network": [0.39, 0.10, 0.11, 0.52, 0.004, 5.9, 6.9, 400],
    "B, a proud report": [None, 0.61, 0.63, 0.63, 0.52, 4.9, 6.9, 20_000],
    "C, a patient student": [0.39, 0.21, 0.58, 0.60, 0.44, 4.4, 6.2, 5_000],
    "D, a bold rate": [0.39, 0.10, 0.10, 0.10, 0.300, 6.9, 6.9, 9_000],
    "E, a coffee break": [0.39, 0.31, 0.34, 0.35, 0.41, 5.6, 6.2, 150],
    "F, colours left alone": [0.39, 0.24, 0.27, 0.27, 0.35, 0.6, 6.2, 30_000],
}
print(f"{'invented case':22}", *(f"{name:>10}" for name in columns))
for name, values in cases.items():
    print(f"{name:22}", *("      none" if v is None else f"{v:10,}" for v in values))

# %% [markdown] slug=solve-text
# What does your function say?

# %% slug=solve
for name, values in cases.items():
    print(f"{name:22} {first_finding(dict(zip(columns, values, strict=True)))}")

# %% [markdown] slug=solve-commentary tags=["commentary"]
# In A the features are nearly constant, yet the statistics are named: with new ones the probe is
# fine, so the weights were never at fault. In B the figure may be good; without a baseline nobody
# knows. D sits on its chance line. F is the sly one: its loss is *wonderful*, far below chance,
# because views that keep their colours are matched by colour alone. A low loss is no proof of
# anything.

# %% [markdown] slug=own-text
# Now your own small run, by the same function, and then by the kit's. `simclr doctor` looks at
# more: the stem, the learning rate, the views, whether training has moved the weights at all.

# %% slug=own
spread, _ = spread_and_directions(run.features.train_h.astype("float64"))
own = {
    "pixels": accuracies[pixels_row]["linear"],
    "classifier": accuracies[reader]["test"],
    "linear": live["running"]["linear"],
    "renewed": live["re-estimated"]["linear"],
    "spread": spread,
    "loss": losses[-1],
    "chance": chance,
    "steps": record.steps,
}
print("the small run:", first_finding(own))

# %% [markdown] slug=doctor-text
# In a terminal this is `simclr doctor` and the run's folder. Each ✗ comes with what to try.

# %% slug=doctor
from simclr_lib.postmortem.examination import examine_run

print(f"$ simclr doctor {folder.as_posix()}")
findings = list(examine_run(record))
for finding in findings:
    print(finding)
print(f"{sum(finding.ok is False for finding in findings)} of {len(findings)} are marked ✗")

# %% [markdown] slug=doctor-commentary tags=["commentary"]
# A checklist finds what it knows. Several ✗ do not say which of them matters most: that is what the
# fixed checkpoint, the sweep and the waterfall were for. But it costs half a minute, and it would
# have saved the report's author many hours.

# %% [markdown] slug=recap
# ## What you learnt
#
# - Put a figure beside **chance, raw pixels and an untrained encoder** before you explain it.
# - **Read the symptoms first**: training beside test, the spread of the features and their
#   directions, the loss beside its chance line. A healthy loss acquits nothing that comes after it.
# - A **fixed checkpoint** is the cheapest laboratory: the statistics, the reader, h or z, the
#   scale, the weights, each in minutes, while all else stays.
# - **Readers** of the same features that disagree: at least one of them is a bad witness.
# - What only another training can tell needs a **sweep**: one change an arm, several seeds, paired
#   differences.
# - A **waterfall** shares a difference out, and its shares belong to its **order**.
#
# **Try it:** `simclr doctor runs/demo`, or the folder of any run of yours; with `--factors` it asks
# all that you have asked of the fixed checkpoint. Or commit a crime: train `simclr run demo` with
# one bad setting, give a friend the folder, and let them find it.

# %% [markdown] slug=next
# ## What comes next
#
# The report blamed its small batches too, and this lesson has hardly questioned them. **Lesson 08**
# does: SogCLR gives a small batch a memory of what other batches were like. Where the field went:
# layers that need no statistics of a batch (GroupNorm, LayerNorm) have no two modes that could
# disagree. Contrastive learners share BatchNorm's statistics between devices, or shuffle pictures
# between them (MoCo), because statistics can also *leak* which views belong together. And
# checklists, larger than the one of this lesson, have become a rule of conferences.

# %% [markdown] slug=references
# ## References
#
# - S. Ioffe, C. Szegedy (2015):
#   [Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift](https://arxiv.org/abs/1502.03167).
#   Section 3.1 has the two modes, and the statistics for inference.
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020):
#   [A Simple Framework for Contrastive Learning of Visual Representations](https://arxiv.org/abs/2002.05709).
#   Appendix B.9 has CIFAR-10: 94 % by a ResNet-50 after 1,000 epochs.
# - D. Kobak:
#   [SimCLR on CIFAR-10](https://github.com/dkobak/simclr-cifar10), with all constants on one
#   screen, and means and deviations over seeds.
# - Y. Wu, J. Johnson (2021):
#   [Rethinking "Batch" in BatchNorm](https://arxiv.org/abs/2105.07576).
#   Statistics that lag, statistics measured anew, and what else goes wrong with them.
# - D. P. Kingma, J. Ba (2015):
#   [Adam: A Method for Stochastic Optimization](https://arxiv.org/abs/1412.6980).
#   Section 2.1 has the bound on a step, about the learning rate.
# - J. Pineau and others (2021):
#   [Improving Reproducibility in Machine Learning Research](https://arxiv.org/abs/2003.12206).
#   The checklist of a conference.

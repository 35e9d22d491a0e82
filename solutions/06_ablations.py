# %% [markdown] slug=title
# # Ablations: which part matters, and how do you know?
#
# You have built SimCLR out of many parts, and each has a setting. Which of them matter, and how
# much? To find out you take one part away, or change it, and train again. That is an **ablation**,
# and it is easily fooled: by chance, by a second thing that changed too, and by the wish to have
# found something.
#
# **After it you can**
#
# - change one thing at a time, and say what that costs and what it cannot see;
# - tell a difference from chance, with few seeds, and say when they are too few;
# - run a sweep with the kit's own command, and read one;
# - find out what else changed between two runs that somebody compares;
# - design a sweep of your own that can answer its question.
#
# **It takes** about 90 minutes of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** temperature (lesson 03), recipes
# (lesson 04), and the probe with its validation part (lesson 05).

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson. Leave them as they are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" (minutes) or "smoke" (shorter, and what it measures means nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other seeds in the small sweep, other draws

# %% [markdown] slug=setup-text
# The next cell says which pictures the small sweep will use. This lesson draws none of them: from
# here on, each training is a number.

# %% slug=setup
import numpy as np
from matplotlib import pyplot as plt

from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

setting = lesson(
    "06_ablations", profile=profile, dataset=dataset, seed=seed, train_limit=3000, test_limit=500
)
data = setting.data

# %% [markdown] slug=one-text
# ## One thing at a time
#
# A **recipe** is the list of all settings of a run (lesson 04). What is compared in a sweep are its
# **arms**: recipes that differ in what is asked about, and in nothing else. The simplest plan is a
# star: in its middle the recipe that you trust, the **base**, and around it arms that each change
# *one* field of it.
#
# **Exercise:** from a base and the values to try, make the arms. The base comes first, once. Where
# a value is the base's own, nothing would change: leave it out. *(medium, about 10 minutes)*


# %% slug=one-at-a-time
def one_at_a_time(base, choices):
    """Make the arms of a star: the base, and what differs from it in one field.

    Args:
        base: a recipe, `{field: value}`.
        choices: `{field: [values to try]}`; each field is one of the base's.

    Returns:
        A list of whole recipes, the base first; then field by field, value by value.
    """
    ### BEGIN SOLUTION
    arms = [dict(base)]
    for field, values in choices.items():
        others = [value for value in values if value != base[field]]
        arms += [{**base, field: value} for value in others]
    return arms
    ### END SOLUTION


# %% slug=one-at-a-time-check tags=["nbval-check-output"]
report = check("one_at_a_time", one_at_a_time)
one_at_a_time = report.function

# %% [markdown] slug=cost-text
# What does it cost, beside the **grid** that combines each value with each? A run costs what runs
# of a large sweep took that comes with the kit: the mean of its own clock.

# %% slug=cost
from dataclasses import asdict
from math import prod

from simclr_lib import get_recipe
from simclr_lib.course.ablation import large_sweep

base = asdict(get_recipe("classroom"))
choices = {"temperature": [0.05, 0.5, 1.0], "crop_min_area": [0.1, 0.6, 1.0]}
choices |= {"batch_size": [64, 1024], "head_layers": [0, 1]}
minutes = np.mean([row["wall_minutes"] for row in large_sweep("temperature")])
counts = {
    "one at a time": len(one_at_a_time(base, choices)),
    "full grid": prod(len(values) + 1 for values in choices.values()),
}
for plan, count in counts.items():
    hours = count * 3 * minutes / 60
    print(f"{plan}: {count} arms, with three seeds {3 * count} runs, {hours:.1f} hours")

# %% [markdown] slug=star-text
# Two of these fields as a picture: every point is an arm.

# %% slug=star
figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), layout="constrained", sharey=True)
temperatures, areas = [0.05, 0.2, 0.5, 1.0], [0.1, 0.3, 0.6, 1.0]
star = one_at_a_time(
    {"temperature": 0.2, "area": 0.3}, {"temperature": temperatures, "area": areas}
)
grid = [{"temperature": t, "area": a} for t in temperatures for a in areas]
for ax, arms, name in zip(axes, (star, grid), ("One at a time", "Full grid"), strict=True):
    x, y = [arm["temperature"] for arm in arms], [arm["area"] for arm in arms]
    ax.plot(x, y, "o", color="#0072B2", markersize=8, label="arm")
    ax.plot(0.2, 0.3, "D", color="#D55E00", markersize=10, label="base")
    ax.set(title=f"{name}: {len(arms)} arms", xlabel="temperature", xscale="log")
    ax.set_xticks(temperatures, [f"{t:g}" for t in temperatures])
    ax.minorticks_off()
axes[0].set_ylabel("smallest area of a crop")
axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
told = f"{len(star)} arms in a cross around the base, {len(grid)} arms in all places of the grid"
show(figure, alt=f"Two plans over temperature and smallest crop: {told}.")

# %% [markdown] slug=star-commentary tags=["commentary"]
# The star is cheap, and it is blind in one way: it never changes two things together. If a low
# temperature helped only with small crops, no arm of the star could show it. Such a thing is
# called an **interaction**. Where you expect one, take the grid of *those two* fields, and leave
# the others alone.

# %% [markdown] slug=chance-text
# ## The same recipe gives another number
#
# Here are two arms of a large sweep that the kit has computed on CIFAR-10: all augmentations, and
# all but the mirror. Each was trained with three **seeds**: other first weights, another order,
# other views, other pictures held out. All else is the same.

# %% slug=chance
from simclr_lib.course.ablation import by_arm

leave_one_out = by_arm(large_sweep("leave-one-out"))  # percent of the validation part, by seed
control, no_mirror = leave_one_out["all"], leave_one_out["without the mirror"]
for name, values in (("all", control), ("without the mirror", no_mirror)):
    print(f"{name:20}", *(f"seed {number}: {v:.1f} %" for number, v in enumerate(values)), sep="  ")

# %% [markdown] slug=seeds-text
# One recipe, three numbers. Three words for that, which are often confused:
#
# - the **mean** over the seeds, the best guess of what the recipe is worth;
# - the **standard deviation**, how far a *single run* lies from it. From few runs it is estimated
#   with n − 1 in place of n, because the mean has been fitted to the very same runs;
# - the **standard error**, how far *the mean itself* may be off: the deviation divided by √n. More
#   seeds make it smaller, and leave the deviation as it is.
#
# **Exercise:** write the three, for all arms at once. *(easy, about 8 minutes)*


# %% slug=over-seeds
def over_seeds(values):
    """Mean, standard deviation and standard error of each arm.

    Args:
        values: accuracies `(arms, seeds)`.

    Returns:
        `(mean, deviation, error)`, each `(arms,)`.
    """
    ### BEGIN SOLUTION
    mean = values.mean(axis=1)
    deviation = values.std(axis=1, ddof=1)
    return mean, deviation, deviation / np.sqrt(values.shape[1])
    ### END SOLUTION


# %% slug=over-seeds-check tags=["nbval-check-output"]
report = check("over_seeds", over_seeds)
over_seeds = report.function

# %% [markdown] slug=difference-text
# ## Is the difference more than chance?
#
# The mirror's arm and the control share their seeds: seed 0 has the same held-out pictures in both,
# and the same first weights. Some seeds are lucky for both. So do not compare two means: subtract
# **seed by seed** first. What a seed does to both arms is gone then, and the differences have a
# mean and a standard error of their own.
#
# **Exercise:** the paired difference. *(medium, about 8 minutes)*


# %% slug=paired-difference
def paired_difference(arm, control):
    """By how much an arm is better than a control, over the same seeds.

    Args:
        arm: accuracies `(seeds,)`.
        control: accuracies `(seeds,)`, of the same seeds in the same order.

    Returns:
        `(mean of arm − control, its standard error)`.
    """
    ### BEGIN SOLUTION
    differences = arm - control
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return differences.mean(), error
    ### END SOLUTION


# %% slug=paired-difference-check tags=["nbval-check-output"]
report = check("paired_difference", paired_difference)
paired_difference = report.function

# %% [markdown] slug=mirror-text
# By how many standard errors do the two arms differ?

# %% slug=mirror
gain, error = paired_difference(np.array(no_mirror), np.array(control))
print(f"without the mirror: {gain:+.2f} points, standard error {error:.2f}:", end=" ")
print(f"{abs(gain) / error:.1f} standard errors")

# %% [markdown] slug=equal-predict-text
# Many people take two standard errors for enough. Suppose that two arms are **equally good**, and
# that all differences are chance. How often will three seeds show more than two standard errors?

# %% slug=equal-predict
from simclr_lib.course import compare_guess, predict

false_guess = predict(
    "false",
    "Two equal arms, three seeds: in how many percent of all sweeps do they seem to differ?",
    answer=None,
)

# %% [markdown] slug=equal-text
# No training is needed to find out: draw differences with mean 0, ten thousand times, and count.
# Beside it a stricter limit, made for few seeds (Student's *t*): it is so chosen that equal arms
# pass it in one sweep of twenty.

# %% slug=equal
from scipy import stats

rng = np.random.default_rng([seed, 0])
seeds_tried = [2, 3, 5, 10, 20]


def standard_errors_needed(seeds):
    """How many standard errors equal arms exceed in 5 % of all sweeps."""
    return stats.t.ppf(0.975, seeds - 1)


two, strict = [], []
for count in seeds_tried:
    mean, _, error = over_seeds(rng.normal(size=(10_000, count)))
    two.append(100 * np.mean(np.abs(mean) > 2 * error))
    strict.append(100 * np.mean(np.abs(mean) > standard_errors_needed(count) * error))
compare_guess("false", false_guess, two[1], unit="%")

# %% [markdown] slug=equal-picture-text
# And with more seeds?

# %% slug=equal-picture
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
ax.plot(seeds_tried, two, "o-", color="#D55E00", label="more than 2 standard errors")
ax.plot(seeds_tried, strict, "s--", color="#0072B2", label="more than Student's limit")
ax.set(
    title="Two equal arms that seem to differ", xlabel="seeds", ylabel="sweeps, %", ylim=(0, None)
)
ax.set_xticks(seeds_tried)
ax.legend()
told = ", ".join(f"{n} seeds {share:.0f} %" for n, share in zip(seeds_tried, two, strict=True))
show(figure, alt=f"False differences beyond two standard errors: {told}; by Student's limit 5 %.")
print(
    "Standard errors needed:", *(f"{n} seeds {standard_errors_needed(n):.1f};" for n in seeds_tried)
)

# %% [markdown] slug=equal-commentary tags=["commentary"]
# Three runs know little of their own spread: sometimes they lie close together by luck, and then
# the standard error is far too small. So three seeds ask for more than four standard errors, and
# two for more than twelve. Look again at the mirror above: it falls short, so we **cannot tell**.
# That is a result too, and not the same as "the mirror makes no difference".

# %% [markdown] slug=small-text
# ## A small sweep of your own
#
# Now run one. The question is the **temperature**: a low one looks at the hardest negatives, a high
# one at all of them alike (lesson 03). Three values, three seeds, nine short trainings. First write
# down what you expect: a guess that is made afterwards is none.

# %% slug=small-predict
arms_asked = setting.pick(full=[0.05, 0.2, 1.0], smoke=[0.05, 1.0])
seeds = [seed + number for number in range(setting.pick(full=3, smoke=2))]
small_guess = predict(
    "small",
    "Which temperature will have the best linear probe, after a short training?",
    choices=[f"temperature {value}" for value in arms_asked],
    answer=None,
)

# %% [markdown] slug=spec-text
# A sweep is asked for in a **spec**, a text file of `key: value` lines (YAML): the recipe that all
# runs start from, what is `set` the same for all, the `grid` to compare, the seeds. The runs are
# judged on a validation part. `short.ipynb` is what each run executes: the kit's own notebook
# without its pictures and baselines, which would take longer than these trainings.

# %% slug=spec
from pathlib import Path

from simclr_lib.course.ablation import write_short_experiment

Path("runs").mkdir(exist_ok=True)
write_short_experiment("runs/short.ipynb")
tiny = "train_limit: 3000, encoder_width: 16, view_size: 16, batch_size: 128, epochs: 5"
spec = f"""title: Temperature, small
about: Is a low temperature better than a high one, after a short training?
recipe: {setting.pick(full="demo", smoke="smoke")}
notebook: short.ipynb
set: {{evaluate_on: validation, supervised_baseline: false, knn_every: 0, precision: float32,
  {setting.pick(full=tiny, smoke="epochs: 2")}}}
grid:
  temperature: {arms_asked}
seeds: {seeds}
"""
Path("runs/small.yaml").write_text(spec)
print(spec)

# %% [markdown] slug=run-text
# This is the command that you would type in a terminal; here the notebook types it. It takes its
# time. If you stop it (the square above the notebook), run the cell again: no finished run is done
# twice.

# %% slug=run
import shlex

from simclr_lib.course.terminal import run_command

pictures = data.name if dataset == "auto" else dataset
folder = Path("runs", "sweeps", f"lesson06-{data.name}-{profile}-{seed}")
words = ["runs/small.yaml", "--data", pictures, "--out", folder.as_posix(), "--workers", "2"]
lines = run_command(f"simclr sweep run {shlex.join(words)}")

# %% [markdown] slug=verdict-function-text
# One function puts it in words: a difference, how many standard errors it is, and whether that is
# more than equal arms would show.


# %% slug=verdict-function
def verdict(arm, control):
    """The difference of two arms, and whether it is more than chance."""
    gain, error = paired_difference(np.array(arm), np.array(control))
    needed = standard_errors_needed(len(arm))
    word = "differs" if abs(gain) > needed * error else "cannot tell"
    ratio = abs(gain) / error if error else np.inf if gain else 0.0
    return f"{gain:+5.1f} points, {ratio:4.1f} standard errors (needed: {needed:.1f}): {word}"


# %% [markdown] slug=table-text
# In the sweep's folder are the runs, a page (`report.html`), and `table.csv`, with a row for each
# run. Read it; your two functions do the rest.

# %% slug=table
from itertools import combinations

from simclr_lib.course.ablation import read_table

small = {arm: np.array(values) for arm, values in by_arm(read_table(folder / "table.csv")).items()}
mean, deviation, error = over_seeds(np.array(list(small.values())))
for arm, m, d, e in zip(small, mean, deviation, error, strict=True):
    print(f"{arm:17} {m:5.1f} %, deviation {d:4.1f}, standard error {e:4.1f}")
compare_guess("small", small_guess, list(small)[mean.argmax()])
for arm, other in combinations(small, 2):
    print(f"{arm} minus {other}: {verdict(small[arm], small[other])}")

# %% [markdown] slug=arms-picture-text
# Show every run, not only the means. This function draws any sweep: small marks are runs, diamonds
# are means, and a bar spans one standard error up and down.


# %% slug=arms-picture
def arms_picture(ax, runs):
    """Draw the runs, means and standard errors of `{arm: accuracies}` from left to right."""
    values = np.array(list(runs.values()))
    mean, _, error = over_seeds(values)
    places = np.arange(len(runs))
    for number, marker in zip(range(values.shape[1]), "ovs^<>p*", strict=False):
        options = {"color": "#0072B2", "alpha": 0.6, "markersize": 5}
        ax.plot(places - 0.15, values[:, number], marker, **options, label=f"seed {seeds[number]}")
    options = {"fmt": "D", "color": "#D55E00", "capsize": 4, "label": "mean ± standard error"}
    ax.errorbar(places + 0.1, mean, error, **options)
    ax.set_xticks(places, list(runs))
    ax.set_xlim(-0.5, len(runs) - 0.5)
    ax.set_ylabel("validation pictures right, %")
    return ", ".join(f"{arm} {m:.1f}" for arm, m in zip(runs, mean, strict=True))


# %% [markdown] slug=small-picture-text
# The small sweep, with the line of chance:

# %% slug=small-picture
figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
told = arms_picture(ax, small)
ax.axhline(100 / len(data.class_names), color="#222222", linestyle="--", label="chance")
ax.set(title=f"Small sweep: linear probe on {data.name}", xlabel="arm", ylim=(0, None))
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
show(figure, alt=f"Linear probe of each arm over {len(seeds)} seeds, means in percent: {told}.")

# %% [markdown] slug=small-commentary tags=["commentary"]
# Look at the pairs once more. Where an arm is ahead by about as much in *every* seed, three short
# runs are enough to tell. Where the seeds do not agree on how far it is ahead, they are not, even
# if the means lie far apart. A small sweep is good for large effects; and it tells only of *its*
# pictures and *its* short training. Which of that carries over, a larger one must show.

# %% [markdown] slug=large-text
# ## The same question, asked larger
#
# The kit has asked it on CIFAR-10: six temperatures, three seeds, 27,000 pictures, two epochs. That
# took hours, so its table comes with the kit (`notebooks/experiments/results/`). Two epochs are
# short: compare its arms with each other, and not with other people's figures.

# %% slug=large-predict
large_guess = predict(
    "large",
    "On CIFAR-10, how many percentage points lie between the best and the worst temperature?",
    answer=None,
)

# %% [markdown] slug=large-read-text
# Its baselines are in the table too: raw pixels, and the untrained encoder.

# %% slug=large
rows = large_sweep("temperature")
large = {arm: np.array(values) for arm, values in by_arm(rows).items()}
mean, _, error = over_seeds(np.array(list(large.values())))
compare_guess("large", large_guess, mean.max() - mean.min(), unit="points")
figure, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
values = sorted({row["temperature"] for row in rows})
ax.errorbar(values, mean, error, fmt="o-", color="#0072B2", capsize=4, label="SimCLR, mean ± error")
for name, style in (("random encoder", "--"), ("raw pixels", ":")):
    level = 100 * np.mean([row[f"{name} linear"] for row in rows])
    ax.axhline(level, color="#D55E00", linestyle=style, label=name)
ax.set(title="Temperature on CIFAR-10, three seeds", xlabel="temperature", xscale="log")
ax.set(ylabel="validation pictures right, %")
ax.set_xticks(values, [f"{value:g}" for value in values])
ax.minorticks_off()
ax.legend()
told = ", ".join(f"{value:g}: {m:.1f}" for value, m in zip(values, mean, strict=True))
show(figure, alt=f"Linear probe in percent by temperature: {told}; both baselines lie below.")

# %% [markdown] slug=verdict-text
# Now the question that the picture cannot answer by itself: which of these differences are more
# than chance? Each arm against the best one, seed by seed.


# %% slug=verdict
winner = list(large)[mean.argmax()]
print(f"against {winner}:")
for arm in large:
    if arm != winner:
        print(f"{arm:17} {verdict(large[arm], large[winner])}")

# %% [markdown] slug=verdict-commentary tags=["commentary"]
# From the best temperature on, the means fall with every step to a higher one, and yet of single
# pairs three seeds can tell only the highest temperature from the best. Between neighbours they
# cannot choose: "the best temperature is …" would be more than this table knows. More seeds would
# be needed for that, and not a bolder sentence. (Mind also that each comparison is fooled in one
# sweep of twenty, and that there are several.)

# %% [markdown] slug=leave-text
# ## Leave one out
#
# The other large sweep takes one augmentation away at a time. What two views share is what the
# encoder learns to see: take the crop away, and they share all their shapes and places; take colour
# distortion away, and the colours alone tell which belong together.

# %% slug=leave-predict
leave_guess = predict(
    "leave",
    "Which one hurts most when it is left out?",
    choices=["crop", "colour distortion", "grey", "mirror"],
    answer=None,
)

# %% [markdown] slug=leave-picture-text
# Each arm's difference from "all", seed by seed. A bar spans what three seeds leave open: Student's
# limit to both sides. Where it crosses the line of 0, we cannot tell.

# %% slug=leave-picture
names = [name for name in leave_one_out if name != "all"]
pairs = [paired_difference(np.array(leave_one_out[n]), np.array(control)) for n in names]
gains, reach = np.array([(g, standard_errors_needed(len(control)) * e) for g, e in pairs]).T
compare_guess("leave", leave_guess, names[gains.argmin()].split("the ")[-1])
figure, ax = plt.subplots(figsize=(7.6, 3.4), layout="constrained")
for place, (gain, bar) in enumerate(zip(gains, reach, strict=True)):
    sure = abs(gain) > bar
    style = {"fmt": "o" if sure else "s", "color": "#0072B2" if sure else "#D55E00"}
    ax.errorbar(gain, place, xerr=bar, capsize=4, **style)
ax.axvline(0, color="#222222", linestyle="--")
ax.set_yticks(range(len(names)), names)
ax.invert_yaxis()
ax.set(title="Left out: what it costs (circles: more than chance; squares: cannot tell)")
ax.set(xlabel="difference from all augmentations, points", ylabel="arm")
told = ", ".join(f"{n} {g:+.1f} ± {b:.1f}" for n, g, b in zip(names, gains, reach, strict=True))
show(figure, alt=f"Differences from all augmentations in points: {told}.")

# %% [markdown] slug=together-text
# One arm leaves two things out: colour distortion *and* grey. That is an arm that no star has. Do
# the two losses simply add up?

# %% slug=together
loss = dict(zip(names, gains, strict=True))
apart = loss["without colour distortion"] + loss["without grey"]
together = loss["without colour distortion and grey"]
print(f"the two single losses, added: {apart:.1f} points; both left out: {together:.1f} points")

# %% [markdown] slug=leave-commentary tags=["commentary"]
# Without the crop little is left above the untrained encoder: of all parts it is the one that the
# method cannot do without. Colour distortion and grey both hide the colours, each in its way, and
# here their losses about add up: no sign of an interaction. Note what it took to find that out: one
# more arm, beyond the star.

# %% [markdown] slug=else-text
# ## What else changed?
#
# A third sweep asks about the **batch size**. Larger batches have more negatives, and SimCLR is
# known for wanting many. But what else is different between a batch of 32 and one of 1,024? If
# something changed along, nobody can say which of the two did it. Such a companion is called a
# **confounder**.
#
# **Exercise:** from whole recipes, list the fields that are not the same in all arms, other than
# the one that is asked about. *(medium, about 8 minutes)*


# %% slug=confounders
def confounders(arms, asked):
    """Name what else differs between arms.

    Args:
        arms: a list of whole recipes, `{field: value}` with the same fields.
        asked: the field that the comparison is about.

    Returns:
        A list of the names of the other fields in which any two arms differ.
    """
    ### BEGIN SOLUTION
    first = arms[0]
    others = [field for field in first if field != asked]
    return [field for field in others if any(arm[field] != first[field] for arm in arms)]
    ### END SOLUTION


# %% slug=confounders-check tags=["nbval-check-output"]
report = check("confounders", confounders)
confounders = report.function

# %% [markdown] slug=specs-text
# Ask it of the kit's own specs. To the fields of the recipes we add two that nobody sets, and that
# follow from the others: the **steps** of a run (an epoch has fewer when batches are larger), and
# the **negatives** of an anchor.

# %% slug=specs
from simclr_lib.course.ablation import large_spec, recipes_of


def with_facts(recipe, pictures=27_000):
    """A recipe with the steps and the negatives that follow from it."""
    steps = pictures // recipe["batch_size"] * recipe["epochs"]
    return recipe | {"steps": steps, "negatives": 2 * (recipe["batch_size"] - 1)}


for name, asked in (("temperature", "temperature"), ("batch-size", "batch_size")):
    arms = [with_facts(recipe) for recipe in recipes_of(large_spec(name)).values()]
    print(f"{name}: {len(arms)} arms; beside {asked} differ:", end=" ")
    print(", ".join(confounders(arms, asked)) or "nothing")

# %% [markdown] slug=batch-predict-text
# Three things go along with the batch size. Before you look at what came out: which of them do you
# expect to win, more negatives, or more steps?

# %% slug=batch-predict
batch_guess = predict(
    "batch",
    "One epoch for each: which batch size will be best?",
    choices=[32, 64, 128, 256, 512, 1024],
    answer=None,
)

# %% [markdown] slug=batch-text
# The results, over the steps that each arm made; the batch size stands at its point. (This sweep
# has one epoch, half of what the others have: compare its arms with each other alone.)

# %% slug=batch
batch = {arm: np.array(values) for arm, values in by_arm(large_sweep("batch-size")).items()}
facts = [with_facts(recipe) for recipe in recipes_of(large_spec("batch-size")).values()]
mean, _, error = over_seeds(np.array(list(batch.values())))
best = facts[mean.argmax()]["batch_size"]
compare_guess("batch", batch_guess, best)
figure, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
steps = [arm["steps"] for arm in facts]
ax.errorbar(steps, mean, error, fmt="o-", color="#0072B2", capsize=4, label="mean ± error")
for arm, m in zip(facts, mean, strict=True):
    place = {"textcoords": "offset points", "xytext": (16, -14), "ha": "center"}
    ax.annotate(f"{arm['batch_size']:,}", (arm["steps"], m), **place)
ax.set(title="Batch size on CIFAR-10, one epoch, three seeds", xscale="log", xlabel="steps")
ax.set(ylabel="validation pictures right, %")
ax.margins(y=0.2)
ax.legend()
told = ", ".join(f"{f['batch_size']}: {m:.1f}" for f, m in zip(facts, mean, strict=True))
show(figure, alt=f"Linear probe in percent by batch size, drawn over the steps: {told}.")
for arm, values in batch.items():
    if arm != f"batch {best}":
        print(f"{arm:10} against batch {best}: {verdict(values, batch[f'batch {best}'])}")

# %% [markdown] slug=batch-commentary tags=["commentary"]
# Does this say that negatives do harm? It cannot: arms with more negatives had fewer steps, and
# another rate. What it says is something else, and useful: *who can afford a short training only*
# should not spend it on large batches.

# %% [markdown] slug=fair-text
# So a sweep over the batch size is never about the negatives alone. At equal epochs a larger batch
# makes fewer steps; give it as many steps, and it sees more pictures. The learning rate has to go
# with the batch, or one of the arms gets a rate that suits it less. **No plan holds everything
# still.** What one can do is to choose what is held, and to say it. Here are two plans for batches
# of 64 and of 512:

# %% slug=fair
small_batch = base | {"batch_size": 64, "epochs": 2}
plans = {
    "equal epochs": small_batch | {"batch_size": 512},
    "equal steps": small_batch | {"batch_size": 512, "epochs": 16},
}
for name, large_batch in plans.items():
    arms = [with_facts(small_batch), with_facts(large_batch)]
    print(
        f"{name}: beside batch_size differ {', '.join(confounders(arms, 'batch_size'))}", end="; "
    )
    print("steps:", " and ".join(f"{arm['steps']:,}" for arm in arms))

# %% [markdown] slug=fair-commentary tags=["commentary"]
# (Equal steps are equal but for the pictures that do not fill a last batch.) The paper has both in
# one picture, its figure 9: the batch size *and* the length of the training. There, large batches
# are far ahead after short trainings, and hardly at all after long ones. Someone who reads only one
# of its curves learns something else than someone who reads them all.

# %% [markdown] slug=winner-text
# ## The winner's luck
#
# A sweep has many arms, and you take the best. In lesson 05 you saw what that does on the test
# pictures. With arms it is the same: the winner is good *and lucky*, and its luck is in the number
# that it won by. The way out: **choose** by some runs, then **report** others, with fresh seeds.
#
# **Exercise:** do both. *(easy, about 6 minutes)*


# %% slug=choose-and-report
def choose_and_report(validation, fresh):
    """Choose an arm by some runs, and report what others say of it.

    Args:
        validation: accuracies `(arms, seeds)` to choose by; the highest mean wins.
        fresh: accuracies `(arms, other seeds)` of the same arms.

    Returns:
        `(number of the chosen arm, the mean to report of it)`.
    """
    ### BEGIN SOLUTION
    winner = validation.mean(axis=1).argmax()
    return winner, fresh[winner].mean()
    ### END SOLUTION


# %% slug=choose-and-report-check tags=["nbval-check-output"]
report = check("choose_and_report", choose_and_report)
choose_and_report = report.function

# %% [markdown] slug=luck-predict-text
# Suppose that twenty arms are all **equally good**, and that their runs spread as those of the
# large temperature sweep do. You run each with three seeds, and report the best mean.

# %% slug=luck-predict
luck_guess = predict(
    "luck",
    "By how many percentage points is the winner's mean better than the arms really are?",
    answer=None,
)

# %% [markdown] slug=luck-text
# Again no training is needed. We draw such sweeps, for several numbers of arms, and look at the
# winner twice: in the runs that it won by, and in fresh ones.

# %% slug=luck
_, spread, _ = over_seeds(np.array(list(large.values())))
spread = np.sqrt(np.mean(spread**2))  # of a single run, in points
numbers = [1, 2, 5, 10, 20]
won, afterwards = [], []
for count in numbers:
    looks = []
    for _ in range(setting.pick(full=2000, smoke=300)):
        validation, fresh = rng.normal(0, spread, (2, count, 3))
        winner, reported = choose_and_report(validation, fresh)
        looks.append((validation[winner].mean(), reported))
    won.append(np.mean(looks, axis=0)[0])
    afterwards.append(np.mean(looks, axis=0)[1])
compare_guess("luck", luck_guess, won[-1], unit="points")

# %% [markdown] slug=luck-picture-text
# All arms are worth 0 here, whatever their number.

# %% slug=luck-picture
figure, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
ax.plot(numbers, won, "o-", color="#D55E00", label="in the runs that it won by")
ax.plot(numbers, afterwards, "s--", color="#0072B2", label="in fresh runs")
ax.set(title="The best of equal arms, three seeds each", xlabel="arms in the sweep")
ax.set(ylabel="how much better it looks, points")
ax.set_xticks(numbers)
ax.legend()
told = ", ".join(f"{n} arms {w:.1f}" for n, w in zip(numbers, won, strict=True))
show(figure, alt=f"The winner's lead where it won, in points: {told}; in fresh runs about 0.")

# %% [markdown] slug=luck-commentary tags=["commentary"]
# Nobody has done anything wrong in any single run, and still the more arms you try, the better your
# best one looks. So a sweep's best number is not the number to report. Run the chosen arm again,
# with seeds that it has not seen, and only then, once, on the test pictures.

# %% [markdown] slug=design-text
# ## Design one
#
# Now a question of your own. Perhaps: how many layers should the head have (`head_layers`)? Do
# small crops teach more (`crop_min_area`)? Does it help to warm up longer? A design is good if
#
# - its question, and your guess, stand in `about`, before the first run;
# - its arms differ in **one** field (or in a grid's combinations; or `about` names what goes
#   along);
# - every arm has three seeds or more;
# - it is judged on a **validation** part (`evaluate_on`), so that the test pictures stay unseen;
# - it fits into a night of eight hours on two cores.
#
# **Exercise:** write it as a dict with the keys of a spec, as in the small sweep above: `about`,
# `recipe` ("classroom" or "demo"), `set`, `grid` (or `list`), `seeds`. Its check asks the kit's own
# planner, and runs nothing. *(medium, about 15 minutes)*


# %% slug=my-sweep
def my_sweep():
    """Design a sweep.

    Returns:
        A spec as a dict (or as YAML text), which the kit's planner accepts.
    """
    ### BEGIN SOLUTION
    return {
        "title": "How small a crop",
        "about": "Does a smaller crop, which shares less with the other view, teach more?",
        "recipe": "demo",
        "set": {"evaluate_on": "validation", "epochs": 10},
        "grid": {"crop_min_area": [0.1, 0.3, 0.6, 1.0]},
        "seeds": [0, 1, 2],
    }
    ### END SOLUTION


# %% slug=my-sweep-check tags=["nbval-check-output"]
report = check("my_sweep", my_sweep)
my_sweep = report.function

# %% [markdown] slug=plan-text
# This is what it would do. The file is yours: type the last line into a terminal, in this
# notebook's folder, and read the page in the morning.

# %% slug=plan
import yaml

from simclr_lib.course.sweep_design import read_design, rough_minutes

design = my_sweep()
text = design if isinstance(design, str) else yaml.safe_dump(design, sort_keys=False)
Path("runs/my_sweep.yaml").write_text(text, encoding="utf-8")
own, plan = read_design(design)
print(f"{own.title}: {own.about}")
for arm in dict.fromkeys(run.arm for run in plan.runs):
    print(f"- {arm}, {len(own.seeds)} seeds")
print(f"{len(plan.runs)} runs, about {rough_minutes(plan) / 60:.1f} hours on two cores, at a guess")
print(f"simclr sweep run runs/my_sweep.yaml --data {shlex.quote(pictures)}")

# %% [markdown] slug=recap
# ## What you learnt
#
# - An **ablation** changes one thing and holds all else. The star is cheap; only a grid sees
#   **interactions**.
# - The same recipe gives another number with another seed. Compare **seed by seed**, and ask how
#   many standard errors a difference is, with a limit for *few* seeds. "Cannot tell" is a result.
# - Ask what a comparison **held still**. Batch size brings its companions along.
# - The best of many arms is good *and lucky*: **choose** by some runs, **report** fresh ones.
# - Write down the question and the guess **before** the first run.
#
# **Try it:** run your own sweep over night. Or ask the small sweep about another field: change
# `temperature` in the spec to `head_layers`, with the values 0, 1 and 2, and `folder` to another
# name.

# %% [markdown] slug=next
# ## What comes next
#
# You can now ask of any part of SimCLR whether it matters, and be believed. In **lesson 07** you
# ask it of a case that went wrong: a report that got 20 %. Where the field went: the paper is
# itself a long ablation (its figure 5 combines augmentations in pairs, a grid), and later ones
# found that parts which seemed needed were not: BYOL and SimSiam do without negatives, VICReg
# without vectors of length 1. Reports of *means over seeds, with their spread* have become the rule
# only slowly; studies that measured the spread found it as large as many a published gain.

# %% [markdown] slug=references
# ## References
#
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020):
#   [A Simple Framework for Contrastive Learning of Visual Representations](https://arxiv.org/abs/2002.05709).
#   Figure 5 has the augmentations in pairs, figure 9 the batch size by the length of the training.
# - X. Bouthillier and others (2021):
#   [Accounting for Variance in Machine Learning Benchmarks](https://arxiv.org/abs/2103.03098).
#   Where the spread of a benchmark comes from, and how many runs a claim needs.
# - J. Dodge and others (2019):
#   [Show Your Work: Improved Reporting of Experimental Results](https://arxiv.org/abs/1909.03004).
#   What the best of many arms is worth, by the number of arms.
# - X. Chen, K. He (2021):
#   [Exploring Simple Siamese Representation Learning](https://arxiv.org/abs/2011.10566).
#   SimSiam, and the ablations that show which part of it cannot be left out.

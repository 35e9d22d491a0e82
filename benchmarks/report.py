"""Fill `RESULTS.md` and the README's tables from the CSV and JSON files beside this program.

.venv/bin/python benchmarks/report.py          writes them
.venv/bin/python benchmarks/report.py --check  says whether they are up to date
"""

import csv
import json
import math
import statistics
import sys
import textwrap
from pathlib import Path

from simclr_lib.recipes import OBJECTIVES, get_recipe

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
README = HERE.parent / "README.md"
SWEPT = HERE.parent / "notebooks" / "experiments" / "results"
# On the validation split, three seeds each: of the recipe, and of what goes beyond it.
SWEEPS = ("temperature", "batch-size", "leave-one-out")
BEYOND = ("small-batches", "small-batches-control", "stronger-views")

ROWS = ("SimCLR", "supervised from scratch", "random encoder", "raw pixels")


def main():
    made = {RESULTS: results_page(), README: filled_readme()}
    stale = [p.name for p, text in made.items() if not p.exists() or p.read_text() != text]
    if "--check" in sys.argv:
        sys.exit(f"Not up to date: {', '.join(stale)}; run benchmarks/report.py" if stale else 0)
    for path, text in made.items():
        path.write_text(text)


def accuracy_rows(study):
    """The rows of one study in `accuracy.csv`."""
    with (HERE / "accuracy.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["study"] == study]


def spread(values):
    """`mean ± standard deviation` of the numbers that are there, or a dash."""
    values = [float(value) for value in values if value]
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def percent(rows, column):
    """`mean ± standard deviation` of accuracies in percent."""
    return spread([100 * float(row[column]) for row in rows if row.get(column)])


def accuracy_table(study):
    """Every row of a run's table, over the seeds of the study's SimCLR arm."""
    rows = [row for row in accuracy_rows(study) if row["arm"] == "SimCLR"]
    lines = ["| test accuracy, % | linear probe | kNN |", "| --- | --- | --- |"]
    for name in ROWS:
        linear, knn = (percent(rows, f"{name} {kind}") for kind in ("linear", "knn"))
        if linear != "–":  # a baseline that no run of the study has trained
            lines.append(f"| {name} | {linear} | {knn} |")
    return "\n".join(lines)


def arms_table(study):
    """One row an arm: the linear probe and the kNN."""
    rows = accuracy_rows(study)
    lines = ["| views | linear probe, % | kNN, % |", "| --- | --- | --- |"]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        linear, knn = (percent(mine, f"SimCLR {kind}") for kind in ("linear", "knn"))
        lines.append(f"| {arm} | {linear} | {knn} |")
    return "\n".join(lines)


def tuning_table():
    """What was tried on the validation split, from `classroom_tuning.csv`."""
    with (HERE / "classroom_tuning.csv").open() as file:
        rows = list(csv.DictReader(file))
    lines = [f"| {' | '.join(rows[0])} |", f"|{' --- |' * len(rows[0])}"]
    best = max(rows, key=lambda row: float(row["linear probe, %"]))["trial"]
    lines += [f"| {' | '.join(row.values())} |" for row in rows]
    return "\n".join([*lines, "", f"The best by the linear probe: {best}."])


def sweeps_table(names):
    """What those of these sweeps of the classroom's encoder that are done found: a row an arm."""
    lines = ["| sweep | arm | linear probe, % | kNN, % |", "| --- | --- | --- | --- |"]
    for name in names:
        if not (SWEPT / f"{name}.csv").exists():
            continue
        with (SWEPT / f"{name}.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["state"] == "done"]
        for arm in dict.fromkeys(row["arm"] for row in rows):
            mine = [row for row in rows if row["arm"] == arm]
            linear, knn = (percent(mine, f"SimCLR {kind}") for kind in ("linear", "knn"))
            lines.append(f"| {name} | {arm} | {linear} | {knn} |")
    return "\n".join(lines)


def setting(study):
    """One sentence: seeds, pictures, minutes, machine."""
    rows = [row for row in accuracy_rows(study) if row["arm"] == "SimCLR"]
    first = rows[0]
    minutes = sorted(float(row["minutes"]) for row in rows)
    took = " to ".join(dict.fromkeys(f"{m:.1f}" for m in (minutes[0], minutes[-1])))
    seeds = f"{len(rows)} seeds, mean ± standard deviation" if len(rows) > 1 else "One seed"
    return (
        f"{seeds}; {int(first['train']):,} training and {int(first['test']):,} test pictures; "
        f"last epoch. Training took {took} minutes on "
        f"{first['processor']}, {first['precision']}, TensorFlow {first['tensorflow']}."
    )


# The README's rows: what, `(part, case, quantity)`, and the sides that go by one name. Of these the
# best counts, for the kit and for its peers: each has a side for each dtype.
DTYPES = ("float32", "bfloat16")
STEP_SIDES = {side: [f"{side}, {dtype}" for dtype in DTYPES] for side in ("kit", "PyTorch loop")}
HEADLINES = (
    ("views of 32×32, on one core", ("views", "32×32", "views"), {}),
    ("views of 64×64 with blur, on one core", ("views", "64×64", "views"), {}),
    ("pretraining step, `classroom`", ("step", "classroom", "speed"), STEP_SIDES),
    ("pretraining step, ResNet-18", ("step", "ResNet-18", "speed"), STEP_SIDES),
    ("linear probe, 50,000 × 512", ("probe", "linear probe", "time"), {}),
    ("NT-Xent of 2,048 pairs", ("loss", "2,048 pairs", "time"), {"kit": ["kit, dense"]}),
)
PEERS = (
    "torchvision transforms",
    "Keras stock layers",
    "PyTorch loop",
    "scikit-learn",
    "lightly",
)


def speed_book():
    """What `simclr bench` has written: `{part: {about, figures, bars}}`."""
    return json.loads((HERE / "speed.json").read_text())


def speed_figures(part):
    """`{(case, side, quantity): figure}` of one part."""
    figures = speed_book().get(part, {}).get("figures", [])
    return {(f["case"], f["side"], f["quantity"]): f for f in figures}


def best(part, case, quantity, sides):
    """The best median of some sides, least time or most of the rest: `(median, unit)`, or None."""
    figures = speed_figures(part)
    found = [figures.get((case, side, quantity)) for side in sides]
    medians = [(f["median"], f["unit"]) for f in found if f and f["median"] is not None]
    if not medians:
        return None
    return min(medians) if quantity == "time" else max(medians)


def speed_parts():
    """The parts of the README's rows, each once."""
    return dict.fromkeys(part for _, (part, *_), _ in HEADLINES if part in speed_book())


def speed_table():
    """The README's: the kit beside each peer, and how many times faster it is."""
    lines = ["| | the kit | beside | times faster |", "| --- | --- | --- | --- |"]
    for what, (part, case, quantity), groups in HEADLINES:
        kit = best(part, case, quantity, groups.get("kit", ["kit"]))
        for peer in PEERS:
            other = best(part, case, quantity, groups.get(peer, [peer]))
            if kit is None or other is None:
                continue
            ratio = other[0] / kit[0] if quantity == "time" else kit[0] / other[0]
            lines.append(f"| {what} | {amount(*kit)} | {peer}: {amount(*other)} | {ratio:.1f} |")
    return "\n".join(lines)


def amount(value, unit):
    """A number with its unit, for a table: `27,000 pictures/s`."""
    if value is None:
        return "–"
    if unit == "s" and value < 1:
        value, unit = 1000 * value, "ms"
    if unit == "share":
        value, unit = 100 * value, "%"
    digits = float(f"{value:.3g}")
    return f"{digits:,.0f} {unit}" if abs(digits) >= 100 else f"{digits:g} {unit}".strip()


def speed_setting(*parts):
    """Rounds, machine, versions, and how busy the machine was: a sentence for parts alike."""
    book, alike = speed_book(), {}
    for part in parts:
        about = book[part]["about"]
        versions = {k: v for k, v in about["versions"].items() if k in ("keras", "tensorflow-cpu")}
        versions |= about["peers"]
        sentence = (
            f"Medians of {about['rounds']} rounds, kit and peers in turn; "
            f"{about['machine']['processor']}, {about['machine']['cores']} cores; "
            f"{', '.join(f'{name} {version}' for name, version in versions.items())}. "
            "Cores busy in the minute before, the benchmark's own work included: "
        )
        alike.setdefault(sentence, {})[part] = about.get("load", "not known")
    told = []
    for sentence, loads in alike.items():
        each = (f"{load} ({part})" if len(parts) > 1 else load for part, load in loads.items())
        told.append(f"{sentence}{', '.join(map(str, each))}.")
    return " ".join(told)


def speed_section(part):
    """All figures of one part, and what they are held to."""
    book = speed_book()[part]
    lines = ["| | side | | median | quartiles |", "| --- | --- | --- | --- | --- |"]
    for f in book["figures"]:
        low, high = f["quartiles"]
        spread = f["note"] or f"{amount(low, f['unit'])} – {amount(high, f['unit'])}"
        row = (f["case"], f["side"], f["quantity"], amount(f["median"], f["unit"]), spread)
        lines.append(f"| {' | '.join(row)} |")
    bars = [bar for bar in book["bars"] if bar["value"] is not None]
    if bars:
        lines += ["", "| | found | round by round | wanted | |", "| --- | --- | --- | --- | --- |"]
    for bar in bars:
        sign = "≥" if bar["at_least"] else "≤"
        wanted = "" if bar["limit"] is None else f"{sign} {bar['limit']:g} {bar['unit']}".strip()
        reached = {True: "reached", False: "**missed**", None: ""}[bar["reached"]]
        found = amount(bar["value"], bar["unit"])
        if bar.get("chance"):
            found += f" ± {bar['chance']:.2g}"
        cells = (bar["name"], found, each_round(bar), wanted, reached)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def each_round(bar):
    """The median of a bar's ratios, each taken within one round, the least and the most."""
    rounds = bar.get("rounds")
    if not rounds:
        return ""
    middle, least, most = statistics.median(rounds), min(rounds), max(rounds)
    return f"{middle:.3g} ({least:.3g} – {most:.3g})"


# A word on a part, and the quantity that it speaks of: where that was not measured, it is left out.
NOTES = {
    "step": (
        "the loop around the step",
        """
The kit's step is one compiled function, from a batch of uint8 pictures to the new weights. Beside
it Python picks the pictures of a batch (two batches ahead, in a thread of TensorFlow's), calls that
function, and looks at the loss: NaN, Ctrl-C, the display. "The loop around the step" is that loop
around a model that computes nothing, so it is the most that Python costs. XLA is left out on a
processor: see what the `classroom` would be through it.
""",
    ),
    "probe": (
        "loss",
        """
Both linear probes minimise the same convex function, the row "loss". Each round draws other
features; the difference in accuracy is the mean over the rounds, ± twice its standard error.
""",
    ),
}


def note(part):
    """The word on a part, if its figures are there."""
    quantity, text = NOTES.get(part, ("", ""))
    return text if any(f["quantity"] == quantity for f in speed_book()[part]["figures"]) else ""


def speed_sections():
    titles = {
        "views": "Views",
        "step": "A whole pretraining step",
        "loss": "NT-Xent, value and gradient",
        "probe": "Linear probe and kNN",
        "start": "Seconds until something happens",
    }
    return "\n\n".join(
        f"### {title}\n\n{speed_setting(part)}\n{note(part)}\n{speed_section(part)}"
        for part, title in titles.items()
        if part in speed_book()
    )


def profile_section():
    """The shares of a step's time, from `step_profile.csv`; a word where there is none."""
    command = "    .venv/bin/python benchmarks/step_profile.py"
    table = HERE / "step_profile.csv"
    if not table.exists():
        return f"Not measured yet.\n\n{command}"
    told = (
        "What TensorFlow's profiler saw. Operations run side by side, so that their times add up\n"
        "to more than the step takes; the shares are of their sum. What is no convolution waits\n"
        "for memory more than it computes: the faster a machine's gemm, the larger its share of a\n"
        "step, and the smaller the share of the gemm rate that a whole step can reach."
    )
    lines = [told, "", command]
    with table.open() as file:
        rows = list(csv.DictReader(file))
    for encoder in dict.fromkeys(row["encoder"] for row in rows):
        lines += ["", f"| {encoder}, bfloat16 | ms | share |", "| --- | --- | --- |"]
        for row in (row for row in rows if row["encoder"] == encoder):
            share = f"{float(row['share']):.1%}" if row["share"] else ""
            lines.append(f"| {row['kind']} | {row['milliseconds']} | {share} |")
    return "\n".join(lines)


def memory_rows(measured):
    """Rows of `memory.csv`: `"step"`, `"loss"`, `"gradient"` or `"normalised"`."""
    with (HERE / "memory.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["measured"] == measured]


def memory_table():
    """What steps and losses took above what was there before."""
    rows = memory_rows("step") + memory_rows("loss")
    names = ("batch", "in the encoder at a time", "rows of similarities at a time")
    lines = [f"| | backend | {' | '.join(names)} | memory | time |", f"|{' --- |' * 7}"]
    what = {"step": "two training steps, `classroom`", "loss": "NT-Xent, gradient, accuracy"}
    for row in rows:
        chunk, blocks = row["gradient_cache_chunk"], row["loss_block_rows"]
        chunk = (chunk or "all") if row["measured"] == "step" else ""
        cells = (what[row["measured"]], row["backend"], row["batch_size"], chunk, blocks or "all")
        memory = f"{int(row['megabytes']):,} MB"
        lines.append(f"| {' | '.join(cells)} | {memory} | {row['seconds']} s |")
    return "\n".join(lines)


def hour_section():
    """What 42 epochs give; nothing before `accuracy.py hour` has run."""
    if not accuracy_rows("hour"):
        return ""
    return f"""### Trained six times as long

The same recipe for 42 epochs, with crops from a fifth of the area; the encoder comes with the kit.
Stopped once, and gone on with beside other work. {setting("hour")}

    .venv/bin/python benchmarks/accuracy.py hour --data cifar10-images.zip --seeds 0

{accuracy_table("hour")}

{hour_outlook()}

"""


def hour_outlook():
    """What the long training has gained on the short one, and how far 80 % is at that pace."""
    trainings = [
        [row for row in accuracy_rows(study) if row["arm"] == "SimCLR"]
        for study in ("classroom", "hour")
    ]
    epochs = [int(rows[0]["epochs"]) for rows in trainings]
    reached = [100 * statistics.mean(float(r["SimCLR linear"]) for r in t) for t in trainings]
    if reached[1] >= 80:
        return ""
    pace = (reached[1] - reached[0]) / math.log2(epochs[1] / epochs[0])
    wanted = epochs[1] * 2 ** ((80 - reached[1]) / pace)
    return f"""80 % in 60 minutes were wanted: **missed**. From {epochs[0]} to {epochs[1]} epochs,
each doubling of the training brought {pace:.1f} points; at that pace, 80 % takes {wanted:.0f}
epochs."""


def memory_bars():
    """What the cache has to keep to: the memory of a small batch, and the gradient of a whole."""
    steps = {(row["backend"], row["batch_size"]): row for row in memory_rows("step")}
    lines = ["| | backend | found | wanted | |", "| --- | --- | --- | --- | --- |"]

    def add(what, backend, value, limit, unit=""):
        reached = "reached" if value <= limit else "**missed**"
        lines.append(f"| {what} | {backend} | {value:.2g} {unit}| ≤ {limit} {unit}| {reached} |")

    for (backend, batch), row in steps.items():
        small = steps.get((backend, "256"))
        if batch == "4096" and small:
            ratio = int(row["megabytes"]) / int(small["megabytes"])
            add("memory of a cached step: batch 4,096 ÷ batch 256", backend, ratio, 1.3, "× ")
    for row in memory_rows("gradient"):
        batch, chunk = int(row["batch_size"]), row["gradient_cache_chunk"]
        what = f"cached gradient, {batch:,} pictures in chunks of {chunk}: difference from direct"
        add(what, row["backend"], float(row["difference"]), 1e-4)
    return "\n".join(lines) if len(lines) > 2 else ""


def chunks_table():
    """How far chunks move the gradient where BatchNorm normalises by chunks."""
    rows = memory_rows("normalised")
    if not rows:
        return "Not measured yet."
    lines = [
        "| pictures in a chunk, of 256 | backend | difference ÷ gradient |",
        f"|{' --- |' * 3}",
    ]
    for row in rows:
        chunk, difference = row["gradient_cache_chunk"], float(row["difference"])
        lines.append(f"| {chunk} | {row['backend']} | {difference:.1%} |")
    return "\n".join(lines)


def results_page():
    return f"""# Results

Made by `benchmarks/report.py` from the CSV and JSON files in this folder; each section names the
command that wrote its figures.

## The classroom recipe on CIFAR-10

JPEG copy of CIFAR-10, half the test set. {setting("classroom")}

    .venv/bin/python benchmarks/accuracy.py classroom --data cifar10-images.zip

{accuracy_table("classroom")}

### How the recipe was chosen

A tenth of the training pictures, held out, decides. Every row trains for four epochs, seed 0, with
Muon (learning rate 0.02, temperature 0.2, batches of 256, 24×24 views, crops of at least 0.3 of the
area, grey 0.1, a strided stem, width 64), but for what the row says. The minutes are those of
machines that were also doing other work, the last four rows on a faster one: their epochs were set
so that they would take about as long as four of the others on the same idle machine.

    .venv/bin/python benchmarks/tuning.py --data cifar10-images.zip

{tuning_table()}

Temperature, batch size and the augmentations were compared in sweeps, a spec for each: two epochs
of 27,000 pictures (one epoch for the batch size, whose rows are to be compared with each other
alone), three seeds, a tenth of the training pictures held out. What so short a training prefers
need not be best for a longer one. Mean ± standard deviation over the seeds.

    .venv/bin/simclr sweep run notebooks/experiments/specs/temperature.yaml --data PICTURES.zip

{sweeps_table(SWEEPS)}

{hour_section()}## The built-in shapes, and what the views are for

{setting("shapes")}

    .venv/bin/python benchmarks/accuracy.py shapes

{accuracy_table("shapes")}

{arms_table("shapes")}

## Small batches with a memory, and stronger views

SogCLR (lesson 08) and CLSA (lesson 09) beside SimCLR, on CIFAR-10: three seeds, a tenth of the
training pictures held out; a spec for each sweep. Small batches: four epochs of 13,500 pictures,
the learning rate by the root of the batch; the control is SogCLR that remembers nothing (γ = 1).
Stronger views: two epochs of 27,000 pictures, three where a row says half as long again. So short a
training is for comparing rows. Mean ± standard deviation over the seeds.

    .venv/bin/simclr sweep run notebooks/experiments/specs/stronger-views.yaml --data PICTURES.zip

{sweeps_table(BEYOND)}

{league_section()}{few_labels_section()}{why_section()}## Big batches in little memory

The most memory that was resident during the work, compilation included, less what was resident
just before; each row in a process of its own, float32. What the options mean:
`notebooks/reference/many-devices.md`.

    .venv/bin/python benchmarks/memory.py
    KERAS_BACKEND=jax .venv/bin/python benchmarks/memory.py

{memory_table()}

The cached step of 4,096 was not measured with JAX: on a processor, a quarter of it takes too long
there already, as the table shows.

The cached gradient is held against that of the whole batch, of the `classroom` encoder with
BatchNorm frozen: |difference| ÷ |gradient|, of the weights where it is largest.

{memory_bars()}

With BatchNorm in training the chunks change what is computed: each is normalised by its own
statistics, so that the gradient is another one, the more so the smaller the chunks are. The same
encoder, on shapes; |difference| ÷ |gradient| of all weights together.

{chunks_table()}

## Speed

Kit and peers side by side in one run, in turn. What each peer does is told at the head of its file
in `simclr_lib/bench/peers/`. "Found" is a ratio of medians; "round by round" is the median of the
rounds' own ratios, with the least and the most: where they lie far apart, something else ran on the
machine.

    .venv/bin/simclr bench --out benchmarks/speed.json

{speed_sections()}

## Where the step's time goes

{profile_section()}

## On a GPU

A ResNet-18 on CIFAR-10 in batches of 512, with JAX and its CUDA kernels beside the kit's packages:

    .venv/bin/pip install -c constraints.txt "jax[cuda13]"
    KERAS_BACKEND=jax .venv/bin/simclr run cifar10-resnet18

This was **not measured**: no GPU was at hand. The same road is tested with JAX on a processor, on
one device and on two, and where TensorFlow can't be imported (`make test-jax`). Wanted, and open:
85 % by the linear probe within 5 minutes on one H100, and 90 % by kNN within 15.
{sweep_section()}"""


def why_section():
    """Why a report got twenty per cent: of the studies of that question, those that are done."""
    parts = [eleven_part(), suspects_part(), postmortem_part(), deep_part(), waterfall_part()]
    if not any(parts):
        return ""
    return "## Why twenty per cent\n\n" + WHY + "".join(part + "\n\n" for part in parts if part)


WHY = """\
A report trained ResNets by SimCLR on CIFAR-10 for 300 steps, read them by a small classifier, and
got 9 to 32 % of the test pictures right. `report-resnet50` is its set-up; lesson 07 walks through
what follows. Three seeds, mean ± standard deviation.

"""


def few_labels_section():
    """What labels are worth, from `label_efficiency.csv`; nothing while that is not there."""
    table = HERE / "label_efficiency.csv"
    if not table.exists():
        return ""
    with table.open() as file:
        rows = list(csv.DictReader(file))
    final = [row for row in rows if row["evaluate_on"] == "test"]
    fractions = sorted({float(row["fraction"]) for row in final})
    lines = [
        textwrap.fill(
            "Three ways to use the labels of a share of CIFAR-10's training pictures, and one "
            f"encoder each of {len({row['pretraining_seed'] for row in final})} seeds, pretrained "
            "by the classroom recipe for two epochs. Fine-tuning starts from the linear probe. "
            "Training from scratch has its steps, and as many more as make up for the views of the "
            "pretraining; its own views are crops and mirrors. Test pictures, mean ± standard "
            "deviation over encoders and draws of the labels together; the learning rates were "
            "chosen on validation pictures, with a tenth of the labels.",
            100,
        ),
        "",
        "    .venv/bin/python benchmarks/label_efficiency.py --help    # all commands, in order",
        "",
        f"| | steps | learning rate |{''.join(f' {f:.0%} of the labels |' for f in fractions)}",
        f"|{' --- |' * (3 + len(fractions))}",
    ]
    means = {}
    for method in ("linear probe", "fine-tuned", "supervised from scratch"):
        mine = [row for row in final if row["method"] == method]
        shares = [[r for r in mine if float(r["fraction"]) == fraction] for fraction in fractions]
        cells = " | ".join(percent(share, "accuracy") for share in shares)
        means[method] = [statistics.mean(float(r["accuracy"]) for r in share) for share in shares]
        steps = f"{int(mine[0]['steps']):,}" if int(mine[0]["steps"]) else ""
        lines.append(f"| {method} | {steps} | {mine[0]['rate']} | {cells} |")
    best = (
        f"{max(means, key=lambda method: means[method][place])} with {fraction:.0%}"
        for place, fraction in enumerate(fractions)
    )
    tried = {}
    for row in rows:
        if row["evaluate_on"] == "validation" and row["rate"]:
            tried.setdefault(row["method"], {})[float(row["rate"])] = 100 * float(row["accuracy"])
    told = "; ".join(
        f"{method}, {', '.join(f'{rate:g}: {found:.1f} %' for rate, found in of_it.items())}"
        for method, of_it in tried.items()
    )
    edge = [method for method, of_it in tried.items() if max(of_it, key=of_it.get) == max(of_it)]
    if edge:
        told += f". The highest rate was the best of those tried for: {', '.join(edge)}"
    text = f"Best: {', '.join(best)}. Rates tried on validation pictures, one seed: {told}."
    lines += ["", textwrap.fill(text, 100)]
    lines += ["", "![Accuracy by the share of the labels](figures/label_efficiency.png)"]
    return "## Few labels\n\n" + "\n".join(lines) + "\n\n"


def league_section():
    """Roads to features without labels, side by side; nothing while the sweep is not done."""
    rows = [row for row in rows_of_study("league") if row["state"] == "done"]
    if not rows:
        return ""
    found = {}
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        # A run is called by its objective: that of a memory bank is SimCLR's.
        (method,) = (name for name in OBJECTIVES.values() if mine[0].get(f"{name} linear"))
        found[arm] = [percent(mine, f"{method} {kind}") for kind in ("linear", "knn")]
    for name in ("supervised from scratch", "random encoder", "raw pixels"):
        found[name] = [percent(rows, f"{name} {kind}") for kind in ("linear", "knn")]
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in found.items()]
    table = "\n".join(["| | linear probe, % | kNN, % |", "| --- | --- | --- |", *lines])
    return f"""## Roads to features without labels

The same encoder, views and number of views: pairs compared within the batch (SimCLR), with a memory
bank of earlier features (instance discrimination), or drawn again by an autoencoder; and a
supervised training on all labels. Six epochs of 15,000 pictures of CIFAR-10, so compare rows, not
other people's figures; the settings are SimCLR's own. Test pictures, three seeds, mean ± standard
deviation.

    .venv/bin/simclr sweep run notebooks/experiments/specs/league.yaml --data PICTURES.zip

{table}

"""


def rows_of_study(name):
    """The rows of a table in `notebooks/experiments/results`; none while it is not there."""
    path = SWEPT / f"{name}.csv"
    if not path.exists():
        return []
    with path.open() as file:
        return list(csv.DictReader(file))


def eleven_part():
    """The report's eleven rows beside the same runs here."""
    rows = rows_of_study("report-rows")
    if not rows:
        return ""
    lines = [
        textwrap.fill(
            "The report's eleven rows, each run again at its own budget: ours are means ± standard "
            "deviations over the seeds of the column `runs`, on all 50,000 training and 5,000 test "
            "pictures. The linear probe reads the same features. The minutes of training are those "
            "of one core beside another run; the ResNet-50 is the post-mortem's, below.",
            100,
        ),
        "",
        "    .venv/bin/simclr sweep run notebooks/experiments/specs/report-tables.yaml \\",
        "        --data PICTURES.zip --workers 2",
        "    .venv/bin/python benchmarks/report_tables.py runs/sweeps/report-tables*/table.csv",
        "",
        "| encoder, batch, classifier | the report: training, test, % | here: training, % "
        "| test, % | linear probe, % | untrained encoder, % | minutes | runs |",
        f"|{' --- |' * 8}",
    ]
    for row in rows:
        told = f"{100 * float(row['report train']):.1f}, {100 * float(row['report test']):.1f}"
        columns = ("train", "test", "linear", "random encoder")
        cells = " | ".join(mean_and_std(row, name, 100) for name in columns)
        minutes = mean_and_std(row, "minutes", 1)
        lines.append(f"| {row['arm']} | {told} | {cells} | {minutes} | {row['runs']} |")
    return "\n".join([*lines, "", "![The report's rows, again](figures/report_tables.png)"])


def mean_and_std(row, name, times):
    """A mean of a table with its standard deviation, where there are any."""
    if not row[name]:
        return "–"
    std = f" ± {times * float(row[f'{name} std']):.1f}" if row[f"{name} std"] else ""
    return f"{times * float(row[name]):.1f}{std}"


def suspects_part():
    """One training for each suspect, and what each reader gets out of its features."""
    rows = [row for row in rows_of_study("report-suspects") if row["state"] == "done"]
    if not rows:
        return ""
    columns = {
        "SimCLR linear": "linear probe, %",
        "SimCLR knn": "kNN, %",
        "classifier (20, 20) test": "classifier (20, 20), %",
    }
    lines = [
        "Its ResNet-50 at batches of 32, on 9,000 pictures, judged on validation pictures: one",
        f"thing is changed in each arm. Raw pixels: {percent(rows, 'raw pixels linear')} %.",
        "",
        "    .venv/bin/simclr sweep run notebooks/experiments/specs/report-suspects.yaml \\",
        "        --data PICTURES.zip",
        "",
        f"| training | {' | '.join(columns.values())} |",
        f"|{' --- |' * (len(columns) + 1)}",
    ]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        cells = " | ".join(percent(mine, column) for column in columns)
        lines.append(f"| {arm} | {cells} |")
    return "\n".join(lines)


def postmortem_part():
    """The finished ResNet-50, questioned with one thing changed at a time."""
    rows = rows_of_study("postmortem")
    if not rows:
        return ""
    columns = {"linear": "linear probe, %", "knn": "kNN, %"}
    columns |= {"test": "classifier, test, %", "train": "training, %"}
    lines = [
        f"The finished ResNet-50 itself ({rows[0]['steps']} steps of {rows[0]['batch_size']}): the",
        "weights stay, and one thing is changed in how they are asked. Probe and kNN have 10,000",
        "of the pictures, classifiers all of them.",
        "",
        "    .venv/bin/python benchmarks/postmortem.py runs/report-?",
        "",
        f"| changed | to | {' | '.join(columns.values())} |",
        f"|{' --- |' * (len(columns) + 2)}",
    ]
    lines[:0] = [FINGERPRINTS, ""]
    for factor, level in dict.fromkeys((row["factor"], row["level"]) for row in rows):
        mine = [row for row in rows if (row["factor"], row["level"]) == (factor, level)]
        if any(row["spread"] for row in mine):
            continue  # told by its own table, below
        cells = " | ".join(percent(mine, column) for column in columns)
        lines.append(f"| {factor} | {level} | {cells} |")
    lines += ["", "| statistics | spread of the features, % of their length | effective rank |"]
    lines += ["| --- | --- | --- |"]
    wide = [row for row in rows if row["spread"]]
    for level in dict.fromkeys(row["level"] for row in wide):
        mine = [row for row in wide if row["level"] == level]
        rank = spread(row["effective rank"] for row in mine)
        lines.append(f"| {level} | {percent(mine, 'spread')} | {rank} |")
    return "\n".join(lines)


FINGERPRINTS = """\
Nothing that the report tells explains its figures, then. Of what it may not tell, several things
would: few labelled pictures give about the 20 % of its ResNet-50; so do, for the classifier, views
without the crop or another learning rate; and a mistake that leaves features unreadable gives the
10 % of its deepest encoder. No fault that was tried gives its 53 % of the training pictures after
90 epochs."""


def deep_part():
    """A deeper encoder, questioned about its statistics as the ResNet-50 above."""
    rows = rows_of_study("postmortem-deep")
    if not rows:
        return ""
    lines = [
        textwrap.fill(
            f"The same question to the ResNet-{rows[0]['encoder_depth']}: same weights, other "
            "statistics, and along how many directions its features extend. Probe and kNN have "
            f"{int(rows[0]['train pictures']):,} of the pictures.",
            100,
        ),
        "",
        "    .venv/bin/python benchmarks/postmortem.py runs/sweeps/report-tables/runs/RUN \\",
        '        --factors "BatchNorm statistics" "directions of the features" \\',
        "        --out notebooks/experiments/results/postmortem-deep.csv",
        "",
        "| batch | statistics | linear probe, % | kNN, % | effective rank | seeds |",
        f"|{' --- |' * 6}",
    ]
    for batch, level in dict.fromkeys((row["batch_size"], row["level"]) for row in rows):
        mine = [row for row in rows if (row["batch_size"], row["level"]) == (batch, level)]
        rank = spread(row["effective rank"] for row in mine)
        cells = " | ".join(percent(mine, kind) for kind in ("linear", "knn"))
        seeds = len({row["seed"] for row in mine})
        lines.append(f"| {batch} | {level} | {cells} | {rank} | {seeds} |")
    return "\n".join(lines)


def waterfall_part():
    """From the report's figure to the kit's, and what each change gains alone."""
    rows, alone = rows_of_study("waterfall"), rows_of_study("waterfall-screen")
    if not rows:
        return ""
    gains = {row["change"]: f"{100 * float(row['gain']):+.1f}" for row in alone}

    def full(level):
        readouts = [row for row in rows_of_study("postmortem") if row["factor"] == "readout"]
        return percent([row for row in readouts if row["level"] == level], "test")

    classroom = [row for row in accuracy_rows("classroom") if row["arm"] == "SimCLR"]
    epochs, pictures = (int(classroom[0][column]) for column in ("epochs", "train"))
    steps = epochs * (pictures // get_recipe("classroom").batch_size)
    spent = steps * float(rows[-1]["share"]) / int(rows[-1]["steps"])
    lines = [
        textwrap.fill(
            f"From there to the kit, at {float(rows[0]['share']):.0%} of its arithmetic: each bar "
            "keeps the changes before it. What is read first is the classifier, and from the bar "
            "of that name on the linear probe; both are in the table. What a change gains alone "
            f"was measured by the probe on validation pictures, one seed, at "
            f"{float(alone[0]['share']):.0%} of the arithmetic, and gave the order. With all of "
            f"it the first bar has {full('classifier (20, 20)')} %, and by the linear probe "
            f"{full('linear probe')} %; the last bar's recipe, `classroom`, at {spent:.0%} of "
            f"it has {percent(classroom, 'SimCLR linear')} %.",
            100,
        ),
        "",
        "    .venv/bin/python benchmarks/waterfall.py --data PICTURES.zip --screen --share 0.2",
        "    .venv/bin/python benchmarks/waterfall.py --data PICTURES.zip",
        "",
        "| change | steps | the bar, % | linear probe, % | classifier (20, 20), % "
        "| gain alone, points |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for change in dict.fromkeys(row["change"] for row in rows):
        mine = [row for row in rows if row["change"] == change]
        cells = " | ".join(percent(mine, name) for name in ("accuracy", "linear", "classifier"))
        steps = f"{int(mine[0]['steps']):,}"
        lines.append(f"| {change} | {steps} | {cells} | {gains.get(change, '–')} |")
    return "\n".join([*lines, "", "![From the report to the kit](figures/waterfall.png)"])


def sweep_section():
    """What a sweep adds to a run, from `sweep_overhead.csv`; nothing while that is not measured."""
    table = HERE / "sweep_overhead.csv"
    if not table.exists():
        return ""
    with table.open() as file:
        rows = list(csv.DictReader(file))
    columns = {
        "warm_seconds": "in a warm process",
        "sweep_seconds": "in a sweep",
        "overhead_seconds": "more",
        "import_seconds": "of that, imports",
        "process_and_kernel_seconds": "process, kernel, notebook",
    }
    lines = [f"| seconds | {' | '.join(columns.values())} |", f"|{' --- |' * (len(columns) + 1)}"]
    lines += [
        f"| run {number} | {' | '.join(row[name] for name in columns)} |"
        for number, row in enumerate(rows, 1)
    ]
    text = "\n".join(lines)
    return f"""
## What a sweep adds to a run

One tiny run by `experiment.run` in a process that is warm, and as a sweep runs it, in turn; on
{rows[0]["processor"]}.

    .venv/bin/python benchmarks/sweep_overhead.py

{text}
"""


def filled_readme():
    """The README with its marked tables made anew."""
    text = README.read_text()
    tables = {
        "classroom": f"{accuracy_table('classroom')}\n\n{setting('classroom')}",
        "shapes": arms_table("shapes"),
        "speed": f"{speed_table()}\n\n{speed_setting(*speed_parts())}",
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name}: filled by benchmarks/report.py -->", f"<!-- end {name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{table}\n\n{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    main()

"""From the report's figure to the kit's, one change at a time, each at the same cost.

    .venv/bin/python benchmarks/waterfall.py --data cifar10-images.zip --screen --share 0.2
    .venv/bin/python benchmarks/waterfall.py --data cifar10-images.zip

The first command tries each change alone, seed 0, on validation pictures, and writes what it gains
to `waterfall-screen.csv`. The second one takes the changes in that order, the greatest gain first:
each bar of `waterfall.csv` keeps the changes before it and makes one more, for three seeds, and is
read once, from the test pictures; what the report's classifier gets out of the same features is in
the table beside it. Then it draws the bars beside the report's own figures.

All runs of a table have as many multiplications in the encoder, so that what makes the encoder
cheaper buys steps: a share of those of the report's ResNet-50 in its three epochs of 100 batches of
512. A tenth of them is one to three minutes of training on one core. The share and the minutes are
in the tables, because equal arithmetic is not equal time. Each run is a `simclr run` of its own: a
stopped study goes on where it was. `--plan` prints the steps of every run and runs nothing.

An optimiser counts as one change with its own learning rate, decay and warmup, for at those of
another it would not be itself.
"""

import argparse
import csv
import hashlib
import json
import statistics
import subprocess
import sys
from pathlib import Path

from simclr_lib.quiet import import_keras
from simclr_lib.recipes import get_recipe

HERE = Path(__file__).parent
RESULTS = HERE.parent / "notebooks" / "experiments" / "results"  # lesson 07 reads both tables
TABLE, SCREEN = RESULTS / "waterfall.csv", RESULTS / "waterfall-screen.csv"
FIGURE = HERE / "figures" / "waterfall.png"
EPOCHS = 3  # each of a third of a run's steps

CLASSIFIER, PROBE = ("classifier (20, 20)", "test"), ("SimCLR", "linear")
START = "the report"
READ_OTHERWISE = "a linear probe"  # the same run, from then on read by PROBE
# (name, what is changed); their order is that of the first screening, and `ordered` tells the last.
CHANGES = [
    (START, {}),
    (READ_OTHERWISE, {}),
    ("BatchNorm momentum 0.9", {"batch_norm_momentum": 0.9}),
    ("batches of 256", {"batch_size": 256}),
    ("a stem for small pictures", {"stem": "strided"}),
    ("a ResNet-8", {"encoder_depth": 8}),
    ("views of 24 pixels", {"view_size": 24}),
    (
        "Muon in place of Adam",
        {"optimizer": "muon", "learning_rate": 2e-2, "weight_decay": 1e-2, "warmup_epochs": 0.4},
    ),
    ("temperature 0.2", {"temperature": 0.2}),
    ("gentler views", {"crop_min_area": 0.3, "gray_probability": 0.1}),
]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="cifar10", help="what `simclr run --data` takes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--share", type=float, default=0.1, help="of the report's arithmetic (default: %(default)s)"
    )
    parser.add_argument(
        "--screen", action="store_true", help="each change alone, seed 0, on validation pictures"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/waterfall"))
    parser.add_argument("--plan", action="store_true", help="print the steps, and run nothing")
    options = parser.parse_args()
    changes = CHANGES if options.screen else ordered(read(SCREEN))
    bars = alone(options.share) if options.screen else planned(changes, options.share)
    if options.plan:
        for name, settings, _ in bars:
            steps = EPOCHS * settings["steps_per_epoch"]
            print(f"{name:28}{steps:8,} steps of {settings['batch_size']} pictures")
        return
    if options.screen:
        for name, settings, _ in bars:
            folder = run(bars, name, settings | {"evaluate_on": "validation"}, 0, options)
            keep(SCREEN, screened(name, settings, folder, options.share), list(dict(CHANGES)))
        return
    if changes is CHANGES:
        print(f"{SCREEN.name} does not tell all changes: they come in the order of this file.")
    for seed in options.seeds:
        for name, settings, shown in bars:
            folder = run(bars, name, settings, seed, options)
            keep(TABLE, bar(name, seed, settings, shown, folder, options.share), [*dict(changes)])
    draw(read(TABLE))


def ordered(screen):
    """`CHANGES` by what each gains alone, by the rows of the screening; as they are if one lacks.

    Args:
        screen: rows with `change` and `gain`.
    """
    gains = {row["change"]: float(row["gain"]) for row in screen}
    first, *others = CHANGES
    if not {name for name, _ in others} <= set(gains):
        return CHANGES
    return [first, *sorted(others, key=lambda change: -gains[change[0]])]


def planned(changes, share):
    """`[(name, settings, shown)]`: every change with those before it, and its steps."""
    bars, settings, shown = [], {}, CLASSIFIER
    for name, changed in changes:
        settings = settings | changed
        shown = PROBE if name == READ_OTHERWISE else shown
        bars.append((name, settings | at_budget(settings, share), shown))
    return bars


def alone(share):
    """`[(name, settings, shown)]`: every change by itself, and its steps."""
    return [(name, changed | at_budget(changed, share), PROBE) for name, changed in CHANGES]


def at_budget(settings, share):
    """The settings with which a run has that share of the multiplications of the report's."""
    report, recipe = get_recipe("report-resnet50"), get_recipe("report-resnet50", settings)
    budget = share * report.epochs * report.steps_per_epoch * report.batch_size * cost(report)
    steps = budget / (recipe.batch_size * cost(recipe))
    return {
        "batch_size": recipe.batch_size,
        "epochs": EPOCHS,
        "steps_per_epoch": max(1, round(steps / EPOCHS)),
        "knn_every": 0,
    }


def cost(recipe):
    """Multiplications of the encoder's convolutions on one view."""
    keras = import_keras()
    from simclr_lib.encoders import resnet

    encoder = resnet(
        recipe.encoder_depth,
        width=recipe.encoder_width,
        stem=recipe.stem,
        image_size=recipe.view_size,
    )
    total = 0
    for layer in encoder.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _, height, width, _ = layer.output.shape
            rows, columns, channels, filters = layer.kernel.shape
            total += height * width * rows * columns * channels * filters
    return total


def run(bars, name, settings, seed, options):
    """Make sure that a run is there, and give its folder."""
    folder = options.out / f"{folder_of(bars, settings)}-{seed}"
    command = [Path(sys.executable).with_name("simclr"), "run", "report-resnet50"]
    command += ["--data", options.data, "--out", str(folder), "--set", f"seed={seed}"]
    command += [f"{key}={value}" for key, value in settings.items()]
    print(f"\n{name}, seed {seed}", flush=True)
    if subprocess.run(command).returncode:
        sys.exit(f"{folder}: the run stopped; the same command goes on")
    return folder


def folder_of(bars, settings):
    """A name that bars of the same settings share: they are one run, read twice."""
    what = {key: value for key, value in settings.items() if key != "evaluate_on"}
    first = next(name for name, other, _ in bars if other == what)
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
    return f"{first.replace(' ', '-')}-{key}"


def bar(name, seed, settings, shown, folder, share):
    """The row of a bar."""
    results = json.loads((folder / "results.json").read_text())
    row, measure = shown
    classifier, linear = both(results)
    kept = {
        "change": name,
        "seed": seed,
        "row": row,
        "measure": measure,
        "accuracy": round(results["accuracies"][row][measure], 4),
        "linear": linear,
        "classifier": classifier,
        "raw pixels": round(results["accuracies"]["raw pixels"]["linear"], 4),
        "random encoder": round(results["accuracies"]["random encoder"]["linear"], 4),
    }
    return kept | circumstances(folder, results, settings, share)


def screened(name, settings, folder, share):
    """The row of a change by itself; what it gains is told by the linear probe.

    The probe's own gain is what it gets more than the classifier, on the report's features.
    """
    results = json.loads((folder / "results.json").read_text())
    classifier, linear = both(results)
    before = next((float(r["linear"]) for r in read(SCREEN) if r["change"] == START), linear)
    gain = linear - (classifier if name == READ_OTHERWISE else before)
    kept = {
        "change": name,
        "seed": 0,
        "gain": 0.0 if name == START else round(gain, 4),
        "linear": linear,
        "classifier": classifier,
        "knn": round(results["accuracies"]["SimCLR"]["knn"], 4),
        "evaluate_on": "validation",
    }
    return kept | circumstances(folder, results, settings, share)


def both(results):
    """What the classifier and the linear probe get out of a run's features."""
    found = results["accuracies"]
    return [round(found[row][measure], 4) for row, measure in (CLASSIFIER, PROBE)]


def circumstances(folder, results, settings, share):
    """The columns that tell at what cost, with what and on what a figure was got."""
    config = json.loads((folder / "config.json").read_text())
    steps = EPOCHS * settings["steps_per_epoch"]
    return {
        "steps": steps,
        "pictures": steps * settings["batch_size"],
        "minutes": round(results["training_minutes"], 2),
        "train": results["pictures"]["train"],
        "test": results["pictures"]["test"],
        "data": config["data"]["name"],
        "precision": config["precision"],
        "processor": f"{config['machine']['processor']}, {config['machine']['cores']} cores",
        "share": share,
    }


def keep(path, kept, order):
    """Put a row into a table, in place of an older one of that change and seed.

    Rows of another share are of another study, and leave the table.
    """
    key = (kept["change"], str(kept["seed"]))
    rows = [r for r in read(path) if (r["change"], r["seed"]) != key and r["change"] in order]
    rows = [r for r in rows if float(r["share"]) == kept["share"]] + [kept]
    rows.sort(key=lambda r: (order.index(r["change"]), int(r["seed"])))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, kept, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read(path):
    return list(csv.DictReader(path.open())) if path.exists() else []


def draw(rows):
    """The bars, means over the seeds, and above them what the report itself had got."""
    import_keras()
    from simclr_lib import plots

    found = {}
    for row in rows:
        found.setdefault(row["change"], []).append(float(row["accuracy"]))
    bars = [
        (name, statistics.mean(shares), statistics.stdev(shares) if len(shares) > 1 else None)
        for name, shares in found.items()
    ]
    share = float(rows[0]["share"])
    figure = plots.accuracy_bars(
        report_s_own() + bars,
        f"From the report to the kit, at {share:.0%} of its arithmetic",
        classes=10,
        highlight=bars[-1][0],
    )
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    plots.save(figure, FIGURE)
    print(f"{TABLE}\n{FIGURE}")


def report_s_own():
    """The report's own figures for its ResNet-50, as bars."""
    path = RESULTS / "report-figures.csv"
    return [
        (
            f"the report's own, {row['classifier_epochs']} epochs of the classifier",
            float(row["test"]),
        )
        for row in read(path)
        if row["encoder"] == "ResNet-50"
    ]


if __name__ == "__main__":
    main()

"""From the report's figure to the kit's, one change at a time, each at the same cost.

    .venv/bin/python benchmarks/waterfall.py --data cifar10-images.zip

Each bar keeps the changes before it and makes one more. All have as many multiplications in the
encoder as the report's ResNet-50 in its three epochs of 100 batches of 512, so that what makes the
encoder cheaper buys steps; the minutes are in `waterfall.csv` too, because equal arithmetic is not
equal time. Each run is a `simclr run` of its own: a stopped study goes on where it was. About half
an hour a run at the beginning of the list, ten minutes at its end, three seeds. `--plan` prints
the steps of every run and runs nothing.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

from simclr_lib.quiet import import_keras
from simclr_lib.recipes import get_recipe

TABLE = Path(__file__).with_name("waterfall.csv")
EPOCHS = 3  # each of a third of a run's steps

# (name, what is changed, the row and the measure that the bar shows)
CLASSIFIER, PROBE = ("classifier (20, 20)", "test"), ("SimCLR", "linear")
CHANGES = [
    ("the report", {}, CLASSIFIER),
    ("a linear probe", {}, PROBE),  # the same run, read otherwise
    ("BatchNorm momentum 0.9", {"batch_norm_momentum": 0.9}, PROBE),
    ("batches of 256", {"batch_size": 256}, PROBE),
    ("a stem for small pictures", {"stem": "strided"}, PROBE),
    ("a ResNet-8", {"encoder_depth": 8}, PROBE),
    ("views of 24 pixels", {"view_size": 24}, PROBE),
    (
        "Muon in place of Adam",
        {"optimizer": "muon", "learning_rate": 2e-2, "weight_decay": 1e-2, "warmup_epochs": 0.4},
        PROBE,
    ),
    ("temperature 0.2", {"temperature": 0.2}, PROBE),
    ("larger crops, less grey", {"crop_min_area": 0.3, "gray_probability": 0.1}, PROBE),
]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="cifar10", help="what `simclr run --data` takes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/waterfall"))
    parser.add_argument("--plan", action="store_true", help="print the steps, and run nothing")
    options = parser.parse_args()
    bars = planned()
    if options.plan:
        for name, settings, _ in bars:
            steps = EPOCHS * settings["steps_per_epoch"]
            print(f"{name:28}{steps:8,} steps of {settings['batch_size']} pictures")
        return
    for seed in options.seeds:
        for name, settings, shown in bars:
            folder = options.out / f"{folder_of(bars, settings)}-{seed}"
            command = [Path(sys.executable).with_name("simclr"), "run", "report-resnet50"]
            command += ["--data", options.data, "--out", str(folder), "--set", f"seed={seed}"]
            command += [f"{key}={value}" for key, value in settings.items()]
            print(f"\n{name}, seed {seed}", flush=True)
            if subprocess.run(command).returncode:
                sys.exit(f"{folder}: the run stopped; the same command goes on")
            record(name, seed, settings, shown, folder)


def planned():
    """`[(name, settings, shown)]`: every change with those before it, and its steps."""
    report = get_recipe("report-resnet50")
    budget = report.epochs * report.steps_per_epoch * report.batch_size * cost(report)
    bars, settings = [], {}
    for name, changed, shown in CHANGES:
        settings = settings | changed
        recipe = get_recipe("report-resnet50", settings)
        steps = budget / (recipe.batch_size * cost(recipe))
        whole = {
            "batch_size": recipe.batch_size,
            "epochs": EPOCHS,
            "steps_per_epoch": round(steps / EPOCHS),
            "knn_every": 0,
        }
        bars.append((name, settings | whole, shown))
    return bars


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


def folder_of(bars, settings):
    """A name that bars of the same settings share: they are one run, read twice."""
    number = [other for _, other, _ in bars].index(settings)
    return f"{number:02}-{bars[number][0].replace(' ', '-')}"


def record(name, seed, settings, shown, folder):
    """Put one bar into the table, in place of an older one of that change and seed."""
    results = json.loads((folder / "results.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    row, measure = shown
    steps = EPOCHS * settings["steps_per_epoch"]
    kept = {
        "change": name,
        "seed": seed,
        "row": row,
        "measure": measure,
        "accuracy": round(results["accuracies"][row][measure], 4),
        "raw pixels": round(results["accuracies"]["raw pixels"]["linear"], 4),
        "random encoder": round(results["accuracies"]["random encoder"]["linear"], 4),
        "steps": steps,
        "pictures": steps * settings["batch_size"],
        "minutes": round(results["training_minutes"], 2),
        "train": results["pictures"]["train"],
        "test": results["pictures"]["test"],
        "data": config["data"]["name"],
        "precision": config["precision"],
        "processor": f"{config['machine']['processor']}, {config['machine']['cores']} cores",
    }
    rows = list(csv.DictReader(TABLE.open())) if TABLE.exists() else []
    rows = [r for r in rows if (r["change"], r["seed"]) != (name, str(seed))] + [kept]
    order = [change for change, *_ in CHANGES]
    rows = [r for r in rows if r["change"] in order]
    rows.sort(key=lambda r: (order.index(r["change"]), int(r["seed"])))
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, kept, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

"""Hold the contest of few labels on a finished run, and write it to `label_efficiency.csv`.

    .venv/bin/python benchmarks/label_efficiency.py runs/classroom --data cifar10
    .venv/bin/python benchmarks/label_efficiency.py runs/classroom --steps 300 --seeds 0

A linear probe, fine-tuning and training from scratch, with 1 %, 10 % and 100 % of the labels, each
for several seeds; see `simclr_lib.evaluation.few_labels`. A training takes about half as long as
that many steps of the run itself. Every row is written when it is known, and the same command
goes on after the last one. The figure is drawn from the table.
"""

import argparse
import csv
import io
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically
from simclr_lib.quiet import import_keras
from simclr_lib.recipes import Recipe

HERE = Path(__file__).parent
SAME = ("run", "evaluate_on", "seed", "steps_asked", "method", "fraction")  # what makes a row


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("--data", help="where its pictures are now, if they have moved")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=1000, help="(default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=128, help="(default: %(default)s)")
    parser.add_argument("--validation", action="store_true", help="to choose learning rates by")
    parser.add_argument("--fine-tuning-rate", type=float, default=1e-3)
    parser.add_argument("--scratch-rate", type=float, default=3e-3)
    parser.add_argument("--out", type=Path, default=HERE / "label_efficiency.csv")
    parser.add_argument("--figure", type=Path, default=HERE / "figures" / "label_efficiency.png")
    options = parser.parse_args()
    try:
        contest(options)
    except UserError as error:
        sys.exit(str(error))


def contest(options):
    """Add the rows that the table lacks, and draw it."""
    keras = import_keras()
    from simclr_lib import experiment, fast_layers, plots  # noqa: F401 (fast_layers: for loading)
    from simclr_lib.evaluation import few_labels
    from simclr_lib.pretraining.progress import Progress

    recipe, config = recipe_of(options.run)
    recipe = replace(recipe, data=options.data or recipe.data)
    if options.validation:
        recipe = replace(recipe, evaluate_on="validation")
    dataset = experiment.load_data(recipe)
    checksum = experiment.describe(dataset)["checksum"]
    as_then = recipe.evaluate_on == config["recipe"]["evaluate_on"]
    if as_then and checksum != config["data"]["checksum"]:
        raise UserError(f"{recipe.data} holds other pictures than {options.run} learnt from.")
    encoder = keras.models.load_model(options.run / "encoder.keras")
    views = replace(recipe, color_strength=0.0, gray_probability=0.0, blur_probability=0.0)
    chance = math.log(len(dataset.class_names))

    for seed in options.seeds:
        common = {
            "run": f"{dataset.name} {recipe.name} {checksum}",
            "evaluate_on": recipe.evaluate_on,
            "seed": seed,
            "steps_asked": options.steps,
        }
        known = [row for row in read(options.out) if same(row, common)]
        rows = few_labels.label_efficiency(
            encoder,
            experiment.build_encoder(replace(recipe, seed=seed), config["precision"]),
            experiment.build_augmenter(replace(views, seed=seed)),
            dataset,
            seed=seed,
            steps=options.steps,
            batch_size=options.batch_size,
            fine_tuning_rate=options.fine_tuning_rate,
            scratch_rate=options.scratch_rate,
            skip={(row["method"], float(row["fraction"])) for row in known},
            progress=lambda title, steps: Progress(title, steps, chance),
        )
        for row in rows:
            print(f"seed {seed}, {row['fraction']:.0%}, {row['method']}: {row['accuracy']:.1%}")
            add(options.out, common | row | {"accuracy": round(row["accuracy"], 4)})

    del common["seed"]
    table = [row for row in read(options.out) if same(row, common)]
    options.figure.parent.mkdir(parents=True, exist_ok=True)
    figure = plots.label_efficiency(
        [(row["method"], float(row["fraction"]), float(row["accuracy"])) for row in table],
        f"Few labels: {dataset.name}, {recipe.evaluate_on} pictures",
        classes=len(dataset.class_names),
    )
    plots.save(figure, options.figure)
    print(f"{options.out}\n{options.figure}")


def recipe_of(run):
    """The recipe and the config of a finished run."""
    config_file = run / "config.json"
    if not (config_file.exists() and (run / "encoder.keras").exists()):
        raise UserError(f"{run} is no finished run: it has no config.json or no encoder.keras.")
    config = json.loads(config_file.read_text())
    return Recipe(**config["recipe"]), config


def read(path):
    return list(csv.DictReader(path.open())) if path.exists() else []


def same(row, wanted):
    return all(row[key] == str(value) for key, value in wanted.items())


def add(path, row):
    """Put a row into the table, in place of an older one of the same, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    old = [r for r in read(path) if not same(r, {key: row[key] for key in SAME})]
    rows = sorted(
        [*old, {key: str(value) for key, value in row.items()}],
        key=lambda r: (r["run"], r["evaluate_on"], float(r["fraction"]), r["method"], r["seed"]),
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))


if __name__ == "__main__":
    main()

"""Hold the contest of few labels on finished runs, and write it to `label_efficiency.csv`.

    for seed in 0 1 2; do
        .venv/bin/simclr run classroom --data cifar10-images.zip --out runs/few-labels-$seed \\
            --set epochs=2 warmup_epochs=0.5 supervised_baseline=false seed=$seed
    done
    .venv/bin/python benchmarks/label_efficiency.py runs/few-labels-0 --validation --seeds 0 \\
        --fractions 0.1 --fine-tuning-rates 0.001 0.003 0.01 0.02 0.04 \\
        --scratch-rates 0.005 0.01 0.02 0.04 0.08
    .venv/bin/python benchmarks/label_efficiency.py runs/few-labels-?

A linear probe, fine-tuning and training from scratch, with 1 %, 10 % and 100 % of the labels; see
`simclr_lib.evaluation.few_labels`. Training from scratch gets the steps of fine-tuning, and as many
more as make up for the views that pretraining has seen. Both take the optimiser of the runs, at
learning rates that the first command above chooses on validation pictures: its rows stay in the
table, and the second command reads them.

Give runs that differ in their seed alone, and each holds the contest with labels drawn by it: the
spread is then that of encoders, labels and batches together. One run holds it for three draws of
the labels, and the spread is theirs alone. A training takes half as long as that many steps of the
run itself: with the runs above one minute, or four from scratch. Every row is written when it is
known, and the same command goes on after the last one. The figure is drawn from the table.
"""

import argparse
import csv
import hashlib
import io
import json
import math
import statistics
import sys
import time
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically
from simclr_lib.quiet import import_keras
from simclr_lib.recipes import Recipe

HERE = Path(__file__).parent
OF_THE_RUN = ("run", "setup", "pretraining_seed", "evaluate_on", "seed")
OF_THE_METHOD = ("method", "fraction", "steps", "optimizer", "rate", "batch_size")
SAME = OF_THE_RUN + OF_THE_METHOD  # what makes a row


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs")
    parser.add_argument("--data", help="where their pictures are now, if they have moved")
    parser.add_argument(
        "--seeds", type=int, nargs="+", help="of the labels (default: the run's; 0 1 2 for one run)"
    )
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.01, 0.1, 1.0])
    parser.add_argument(
        "--steps", type=int, default=500, help="of fine-tuning (default: %(default)s)"
    )
    parser.add_argument(
        "--scratch-steps", type=int, help="(default: those, and the pretraining's views)"
    )
    parser.add_argument("--batch-size", type=int, default=128, help="(default: %(default)s)")
    parser.add_argument("--validation", action="store_true", help="to choose learning rates by")
    parser.add_argument(
        "--fine-tuning-rates", type=float, nargs="+", help="(default: the best on validation)"
    )
    parser.add_argument(
        "--scratch-rates", type=float, nargs="+", help="(default: the best on validation)"
    )
    parser.add_argument("--out", type=Path, default=HERE / "label_efficiency.csv")
    parser.add_argument("--figure", type=Path, default=HERE / "figures" / "label_efficiency.png")
    options = parser.parse_args()
    try:
        contest(options)
    except UserError as error:
        sys.exit(str(error))


def contest(options):
    """Add the rows that the table lacks, and draw it."""
    import_keras()
    from simclr_lib import fast_layers  # noqa: F401 (so that encoders can be loaded)

    setups = {setup_of(recipe_of(run)[1]) for run in options.runs}
    if len(setups) > 1:
        raise UserError("These runs differ in more than their seed: give one setup at a time.")
    (setup,) = setups
    fine = options.fine_tuning_rates or [best_rate(options.out, setup, "fine-tuned")]
    scratch = options.scratch_rates or [best_rate(options.out, setup, "supervised from scratch")]
    if not options.validation and max(len(fine), len(scratch)) > 1:
        raise UserError("Several learning rates are compared on validation pictures: --validation.")
    rows = []
    for run in options.runs:
        for rates in zip_longest(fine, scratch):
            rows += contest_of(run, setup, options, *rates)
    print(options.out)
    if not options.validation:
        draw(rows, options)


def contest_of(run, setup, options, fine_tuning_rate, scratch_rate):
    """The contest on one run; a method without a rate stays out. Returns its rows of the table."""
    import keras

    from simclr_lib import experiment
    from simclr_lib.evaluation import few_labels
    from simclr_lib.pretraining.progress import Progress

    recipe, config = recipe_of(run)
    recipe = replace(recipe, data=options.data or recipe.data)
    if options.validation:
        recipe = replace(recipe, evaluate_on="validation")
    dataset = experiment.load_data(recipe)
    checksum = experiment.describe(dataset)["checksum"]
    as_then = recipe.evaluate_on == config["recipe"]["evaluate_on"]
    if as_then and checksum != config["data"]["checksum"]:
        raise UserError(f"{recipe.data} holds other pictures than {run} learnt from.")
    encoder = keras.models.load_model(run / "encoder.keras")
    views = {"color_strength": 0.0, "gray_probability": 0.0, "blur_probability": 0.0}
    views = replace(recipe, views="weak", **views)
    scratch_steps = options.scratch_steps
    if scratch_steps is None:
        scratch_steps = options.steps + steps_of_pretraining(config, options.batch_size)
    trained = {  # method: (steps, learning rate)
        few_labels.METHODS[1]: (options.steps, fine_tuning_rate),
        few_labels.METHODS[2]: (scratch_steps, scratch_rate),
    }
    chance = math.log(len(dataset.class_names))

    rows = []
    for seed in options.seeds or ([recipe.seed] if len(options.runs) > 1 else [0, 1, 2]):
        common = {
            "run": f"{dataset.name} {recipe.name} {checksum}",
            "setup": setup,
            "pretraining_seed": recipe.seed,
            "objective": recipe.objective,
            "loss": recipe.loss,
            "evaluate_on": recipe.evaluate_on,
            "seed": seed,
        }
        asked = {
            (method, fraction): common | {"method": method, "fraction": fraction} | told
            for fraction in options.fractions
            for method, told in how_trained(trained, recipe, options).items()
        }
        every = {(method, f) for method in few_labels.METHODS for f in options.fractions}
        lacking = {pair for pair, row in asked.items() if find(options.out, row) is None}
        began = time.perf_counter()
        for row in few_labels.label_efficiency(
            encoder,
            experiment.build_encoder(replace(recipe, seed=seed), config["precision"]),
            experiment.build_augmenter(replace(views, seed=seed)),
            dataset,
            fractions=options.fractions,
            seed=seed,
            steps=options.steps,
            scratch_steps=scratch_steps,
            batch_size=options.batch_size,
            optimizer=recipe.optimizer,
            weight_decay=recipe.weight_decay,
            fine_tuning_rate=fine_tuning_rate,
            scratch_rate=scratch_rate,
            skip=every - lacking,
            progress=lambda title, steps: Progress(title, steps, chance),
        ):
            told = asked[row["method"], row["fraction"]]
            rate = f" at {told['rate']:g}" if told["rate"] else ""
            print(
                f"{run.name}, seed {seed}, {row['fraction']:.0%}, {row['method']}{rate}: "
                f"{row['accuracy']:.1%}"
            )
            now = time.perf_counter()
            found = {"accuracy": round(row["accuracy"], 4), "minutes": round((now - began) / 60, 2)}
            began = now
            add(options.out, told | {"steps_asked": options.steps} | row | found)
        rows += [find(options.out, row) for row in asked.values()]
    return rows


def how_trained(trained, recipe, options):
    """`{method: columns}` that tell how each method that takes part is trained; a probe is not."""
    told = {"linear probe": {"steps": 0, "optimizer": "", "rate": "", "batch_size": ""}}
    for method, (steps, rate) in trained.items():
        if rate is not None:
            told[method] = {"steps": steps, "optimizer": recipe.optimizer, "rate": rate}
            told[method] |= {"batch_size": options.batch_size}
    return told


def draw(rows, options):
    """The figure of rows of the table."""
    from simclr_lib import plots

    encoders = len({row["pretraining_seed"] for row in rows})
    draws = len({(row["pretraining_seed"], row["seed"]) for row in rows})
    of = f"{encoders} encoders" if encoders > 1 else "one encoder"
    figure = plots.label_efficiency(
        [(row["method"], float(row["fraction"]), float(row["accuracy"])) for row in rows],
        f"Few labels: {rows[0]['run'].split()[0]}, {rows[0]['evaluate_on']} pictures; "
        f"{of}, {draws} draws of the labels",
        classes=len(recipe_of(options.runs[0])[1]["data"]["class_names"]),
    )
    options.figure.parent.mkdir(parents=True, exist_ok=True)
    plots.save(figure, options.figure)
    print(options.figure)


def best_rate(path, setup, method):
    """The rate of a method that is best on validation, by the rows of the table.

    Raises:
        UserError: there are none.
    """
    found = {}
    for row in read(path):
        if (row["setup"], row["evaluate_on"], row["method"]) == (setup, "validation", method):
            found.setdefault(float(row["rate"]), []).append(float(row["accuracy"]))
    if not found:
        raise UserError(
            f"{path.name} tells no learning rate for {method!r}: compare some first, with "
            "--validation --fine-tuning-rates … --scratch-rates …; see --help."
        )
    return max(found, key=lambda rate: statistics.mean(found[rate]))


def recipe_of(run):
    """The recipe and the config of a finished run."""
    config_file = run / "config.json"
    if not (config_file.exists() and (run / "encoder.keras").exists()):
        raise UserError(f"{run} is no finished run: it has no config.json or no encoder.keras.")
    config = json.loads(config_file.read_text())
    return Recipe(**config["recipe"]), config


def setup_of(config):
    """A hash of all that decides a run but for its seed: 12 hex digits."""
    left_out = ("name", "data", "seed")
    recipe = {  # a field that the kit gains later has its default in older runs
        key: value
        for key, value in config["recipe"].items()
        if key not in left_out and value != getattr(Recipe, key)
    }
    data = {k: config["data"][k] for k in ("name", "train", "test", "image_size")}
    what = [recipe, data, config["precision"], config.get("backend")]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]


def steps_of_pretraining(config, batch_size):
    """Supervised steps that send as many views through the encoder as the run's pretraining."""
    from simclr_lib.from_recipe import steps_in_epoch

    recipe = Recipe(**config["recipe"])
    views = 3 if recipe.loss == "clsa" else 2
    steps = recipe.epochs * steps_in_epoch(recipe, config["data"]["train"])
    return round(views * steps * recipe.batch_size / batch_size)


def read(path):
    return list(csv.DictReader(path.open())) if path.exists() else []


def same(row, wanted):
    return all(row[key] == str(value) for key, value in wanted.items())


def find(path, wanted):
    """The row of the table that agrees, or None."""
    return next((row for row in read(path) if same(row, wanted)), None)


def add(path, row):
    """Put a row into the table, in place of an older one of the same, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    old = [r for r in read(path) if not same(r, {key: row[key] for key in SAME})]
    rows = [*old, {key: str(value) for key, value in row.items()}]
    rows.sort(key=lambda r: (r["run"], r["evaluate_on"], float(r["fraction"]), order(r)))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))


def order(row):
    return row["setup"], row["method"], row["rate"], int(row["pretraining_seed"]), int(row["seed"])


if __name__ == "__main__":
    main()

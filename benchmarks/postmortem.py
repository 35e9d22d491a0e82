"""Question finished runs, one thing changed at a time, and write what is found to `postmortem.csv`.

    for seed in 0 1 2; do
        .venv/bin/simclr run report-resnet50 --data cifar10-images.zip --set seed=$seed \\
            --out runs/report-$seed
    done
    .venv/bin/python benchmarks/postmortem.py runs/report-?

The weights stay; what varies is how they are asked: BatchNorm's statistics, h or z, the scale of
the pictures, the readout and how it is trained, of how many pictures it learns, weights that were
not loaded. See `simclr_lib.postmortem.factors`; `simclr doctor RUN_DIR --factors` prints the same
for one run. Give runs that differ in their seed alone. A quarter of an hour a run of a ResNet-50
on two cores, most of it for the classifiers. A factor is written when it is known, and the same
command goes on after the last one.
"""

import argparse
import csv
import hashlib
import io
import json
import statistics
import sys
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically
from simclr_lib.quiet import import_keras

RESULTS = Path(__file__).parents[1] / "notebooks" / "experiments" / "results"
TABLE = RESULTS / "postmortem.csv"  # lesson 07 reads it
MEASURES = ("linear", "knn", "test", "train", "spread", "effective rank")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs")
    parser.add_argument("--data", help="where their pictures are now, if they have moved")
    parser.add_argument("--factors", nargs="+", help="some of the factors only, by their names")
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    try:
        question(options)
    except UserError as error:
        sys.exit(str(error))


def question(options):
    """Add the rows that the table lacks, and print its means."""
    from simclr_lib.postmortem.record import read_record

    records = [read_record(run) for run in options.runs]
    setups = {setup_of(record.config) for record in records}
    if len(setups) > 1:
        raise UserError("These runs differ in more than their seed: give one setup at a time.")
    import_keras()
    from simclr_lib.postmortem.factors import EXPERIMENTS
    from simclr_lib.postmortem.fixed_run import FixedRun

    wanted = options.factors or list(EXPERIMENTS)
    for factor in wanted:
        if factor not in EXPERIMENTS:
            raise UserError(f"There is no factor {factor!r}; there are: {', '.join(EXPERIMENTS)}.")
    (setup,) = setups
    for record in records:
        seed = str(record.recipe.seed)
        known = {row["factor"] for row in read(options.out) if row_key(row)[:2] == (setup, seed)}
        run = None
        for factor in wanted:
            if factor in known:
                continue
            run = run or FixedRun.of(record, data=options.data)
            print(f"{record.path}: {factor}", flush=True)
            add(options.out, rows_of(record, run, setup, factor, EXPERIMENTS[factor](run)))
    rows = [row for row in read(options.out) if row["setup"] == setup and row["factor"] in wanted]
    print(means(rows))


def rows_of(record, run, setup, factor, found):
    """One row a level of a factor."""
    circumstances = {
        "recipe": record.recipe.name,
        "encoder_depth": record.recipe.encoder_depth,
        "batch_size": record.recipe.batch_size,
        "steps": record.steps,
        "data": record.config["data"]["name"],
        "evaluate_on": record.recipe.evaluate_on,
        "precision": record.config["precision"],
    }
    # Classifiers have all pictures, the rest a part of them: see `factors`.
    whole = any("test" in measures for measures in found.values())
    pictures = run.everything if whole else run.dataset
    circumstances |= {"train pictures": len(pictures.train_images)}
    circumstances |= {"test pictures": len(pictures.test_images)}
    return [
        {"setup": setup, "seed": record.recipe.seed, "factor": factor, "level": level}
        | {name: round(measures[name], 4) if name in measures else "" for name in MEASURES}
        | circumstances
        for level, measures in found.items()
    ]


def setup_of(config):
    """A hash of all that decides a run but for its seed: 12 hex digits."""
    recipe = {k: v for k, v in config["recipe"].items() if k not in ("name", "data", "seed")}
    data = {k: config["data"].get(k) for k in ("name", "train", "test", "image_size")}
    what = json.dumps([recipe, data, config.get("precision")], sort_keys=True)
    return hashlib.sha256(what.encode()).hexdigest()[:12]


def read(path):
    return list(csv.DictReader(path.open())) if path.exists() else []


def row_key(row):
    return row["setup"], str(row["seed"]), row["factor"], row["level"]


def add(path, rows):
    """Put rows into the table, in place of older ones of the same, in one step."""
    new = {row_key(row) for row in rows}
    kept = [row for row in read(path) if row_key(row) not in new]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows([*kept, *rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))


def means(rows):
    """Means and standard deviations over the seeds, a line a level."""
    levels = {}
    for row in rows:
        levels.setdefault((row["factor"], row["level"]), []).append(row)
    lines, last = [], None
    for (factor, level), found in levels.items():
        if factor != last:
            lines += ["", f"{factor}, {len(found)} seeds"]
            last = factor
        cells = []
        for name in MEASURES:
            values = [float(row[name]) for row in found if row[name]]
            if values:
                times = 1 if name == "effective rank" else 100
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                cells.append(f"{name} {times * statistics.mean(values):.1f} ± {times * spread:.1f}")
        lines.append(f"  {level:38}{'   '.join(cells)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

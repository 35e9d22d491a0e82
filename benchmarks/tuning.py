"""Try settings of the classroom recipe on a validation split, and write them to a CSV.

    .venv/bin/python benchmarks/tuning.py --data cifar10-images.zip

A tenth of the training pictures, held out, decides; the test pictures are not looked at. Each row
of `classroom_tuning.csv` is the `classroom` recipe trained for four epochs, or for about as many
minutes where a row makes an epoch cheaper or dearer, with what the row says. Rows that the file
holds are not run again: to measure one anew, delete it. Six minutes a row on two idle cores.
Temperature, batch size and each of the augmentations have a sweep with three seeds of their own:
`notebooks/experiments/specs`.
"""

import argparse
import csv
from pathlib import Path

from simclr_lib.quiet import import_keras
from simclr_lib.recipes import get_recipe
from simclr_lib.run_folder import RunFolder

TABLE = Path(__file__).with_name("classroom_tuning.csv")

# What all trials have, whatever the recipe has become since.
COMMON = {
    "view_size": 24,
    "crop_min_area": 0.3,
    "gray_probability": 0.1,
    "temperature": 0.2,
    "batch_size": 256,
    "epochs": 4,
    "optimizer": "muon",
    "learning_rate": 2e-2,
    "evaluate_on": "validation",
    "knn_every": 0,
}
TRIALS = [
    {"optimizer": "adamw", "learning_rate": 3e-3},
    {"learning_rate": 1e-2},
    {},
    {"learning_rate": 4e-2},
    # As many minutes, more or less:
    {"view_size": 20, "epochs": 5},
    {"encoder_width": 32, "epochs": 9},
    {"encoder_width": 96, "epochs": 2},
    {"stem": "cifar", "encoder_width": 32, "epochs": 4},
]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="what `simclr run --data` takes")
    parser.add_argument("--out", type=Path, default=Path("runs/tuning"))
    options = parser.parse_args()
    for changed in TRIALS:
        name = ", ".join(f"{key} {value}" for key, value in changed.items()) or "Muon"
        if name not in {row["trial"] for row in rows()}:
            folder = RunFolder(options.out / name.replace(", ", "-").replace(" ", "-"))
            try_out(
                name, get_recipe("classroom", {"data": options.data, **COMMON, **changed}), folder
            )


def try_out(name, recipe, folder):
    """Train and probe one setting, and add its row."""
    import_keras()
    from simclr_lib import experiment
    from simclr_lib.precision import choose_precision

    print(f"\n{name}", flush=True)
    dataset = experiment.load_data(recipe)
    precision = choose_precision(recipe, print)
    encoder, history, _ = experiment.pretrain(recipe, precision, dataset, folder, print)
    features = experiment.Features.of(encoder, dataset)
    row = {
        "trial": name,
        "linear probe, %": f"{100 * features.probe().accuracy:.1f}",
        "kNN, %": f"{100 * features.knn():.1f}",
        "minutes": f"{history[-1]['seconds'] / 60:.1f}",
    }
    print(row, flush=True)
    kept = [*rows(), row]
    with TABLE.open("w", newline="") as file:
        table = csv.DictWriter(file, row)
        table.writeheader()
        table.writerows(kept)


def rows():
    """The rows that the table holds."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()

"""Run the studies whose accuracies the README quotes, and write them to `accuracy.csv`.

    .venv/bin/python benchmarks/accuracy.py classroom --data cifar10-images.zip
    .venv/bin/python benchmarks/accuracy.py shapes
    .venv/bin/python benchmarks/accuracy.py hour --data cifar10-images.zip --seeds 0

Each run is a `simclr run` of its own, so that a stopped study goes on where it was. Leave the
machine alone meanwhile: the minutes are part of the result. `report.py` makes the tables.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE / "accuracy.csv"

# study: {arm: (recipe, settings)}
STUDIES = {
    "classroom": {"SimCLR": ("classroom", {})},
    # A longer training stands harder views.
    "hour": {"SimCLR": ("classroom", {"epochs": 42, "crop_min_area": 0.2, "knn_every": 10})},
    "shapes": {
        "SimCLR": ("demo", {}),
        "without colour distortion": ("demo", {"color_strength": 0, "gray_probability": 0}),
        "without the crop": ("demo", {"crop_min_area": 1}),
    },
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--data", default="shapes", help="what `simclr run --data` takes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--supervised", action="store_true", help="train the supervised baseline too: twice as long"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    options = parser.parse_args()
    for seed in options.seeds:
        for arm, (recipe, settings) in STUDIES[options.study].items():
            folder = options.out / options.study / f"{arm.replace(' ', '-')}-{seed}"
            supervised = options.supervised and arm == "SimCLR"
            settings = settings | {"seed": seed, "supervised_baseline": supervised}
            command = [Path(sys.executable).with_name("simclr"), "run", recipe]
            command += ["--data", options.data, "--out", str(folder)]
            for key, value in settings.items():
                command += ["--set", f"{key}={value}"]
            if subprocess.run(command).returncode:
                sys.exit(f"{folder}: the run stopped; the same command goes on")
            record(options.study, arm, seed, folder)
            if (options.study, arm, seed) == ("shapes", "SimCLR", 0):
                for name in ("views", "accuracies"):  # drawn pictures, which the README shows
                    shutil.copy(folder / "figures" / f"{name}.png", HERE / "figures")


def record(study, arm, seed, folder):
    """Put one finished run into the table, in place of an older run of that arm and seed."""
    results = json.loads((folder / "results.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    row = {
        "study": study,
        "arm": arm,
        "seed": seed,
        "data": config["data"]["name"],
        "train": results["pictures"]["train"],
        "test": results["pictures"]["test"],
        "epochs": config["recipe"]["epochs"],
        "minutes": round(results["training_minutes"], 2),
    }
    for name, found in results["accuracies"].items():
        for kind, accuracy in found.items():
            row[f"{name} {kind}"] = round(accuracy, 4)
    row["precision"] = config["precision"]
    row["processor"] = f"{config['machine']['processor']}, {config['machine']['cores']} cores"
    row["tensorflow"] = config["versions"].get("tensorflow-cpu", "")

    rows = list(csv.DictReader(TABLE.open())) if TABLE.exists() else []
    key = (study, arm, str(seed))
    rows = [r for r in rows if (r["study"], r["arm"], r["seed"]) != key] + [row]
    rows.sort(key=lambda r: (r["study"], r["arm"], int(r["seed"])))
    with TABLE.open("w", newline="") as file:
        names = list(dict.fromkeys(name for r in rows for name in r))
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

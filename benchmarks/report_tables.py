"""Put the report's eleven rows, run again, beside the report's own figures.

    for name in report-tables report-tables-seeds; do
        .venv/bin/simclr sweep run notebooks/experiments/specs/$name.yaml \\
            --data cifar10-images.zip
    done
    .venv/bin/python benchmarks/report_tables.py

Reads the tables of these sweeps, and `notebooks/experiments/results/report-figures.csv`, which is
what the report says; writes `report_tables.csv`, a row for each of the report's, and a figure. It
runs nothing: seconds. A table that is not there yet is left out, and so is what it would tell.
"""

import argparse
import csv
import statistics
import sys
from pathlib import Path

from simclr_lib.quiet import import_keras

HERE = Path(__file__).parent
OWN = HERE.parent / "notebooks" / "experiments" / "results" / "report-figures.csv"
SWEEPS = [
    Path("runs/sweeps") / name / "table.csv" for name in ("report-tables", "report-tables-seeds")
]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "tables", type=Path, nargs="*", default=SWEEPS, help="table.csv of the sweeps"
    )
    parser.add_argument("--out", type=Path, default=HERE / "report_tables.csv")
    parser.add_argument("--figure", type=Path, default=HERE / "figures" / "report_tables.png")
    options = parser.parse_args()
    runs = [row for table in options.tables if table.exists() for row in read(table)]
    runs = [row for row in runs if row["state"] == "done"]
    if not runs:
        sys.exit("None of the tables holds a finished run: run the sweeps first, see --help.")
    rows = [beside(row, [run for run in runs if run["arm"] == row["arm"]]) for row in read(OWN)]
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, options.figure)
    print(f"{options.out}\n{options.figure}")


def beside(told, runs):
    """A row of the report's, with the means and standard deviations of our runs of it."""
    row = {name: told[name] for name in told if name not in ("train", "test")}
    row |= {"report train": told["train"], "report test": told["test"], "runs": len(runs)}
    classifier = f"classifier {tuple(int(n) for n in told['classifier_hidden'].split(','))}"
    measures = {
        "train": f"{classifier} train",
        "test": f"{classifier} test",
        "linear": "SimCLR linear",
        "random encoder": "random encoder linear",
        "raw pixels": "raw pixels linear",
        "minutes": "minutes",
    }
    for name, column in measures.items():
        values = [float(run[column]) for run in runs if run.get(column)]
        row[name] = round(statistics.mean(values), 4) if values else ""
        row[f"{name} std"] = round(statistics.stdev(values), 4) if len(values) > 1 else ""
    return row


def draw(rows, path):
    """Test accuracies of the small classifier: each row as the report has it, and then as here."""
    import_keras()
    from simclr_lib import plots

    bars = []
    for row in rows:
        bars.append((f"{row['arm']}: the report", float(row["report test"])))
        if row["runs"]:
            bars.append((f"{row['arm']}: here", row["test"], row["test std"] or None))
    figure = plots.accuracy_bars(bars, "The report's rows, and the same run here", classes=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    plots.save(figure, path)


def read(path):
    with path.open() as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()

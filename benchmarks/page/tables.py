"""The tables that the results page is made of, and means with their spread."""

import csv
import statistics
from pathlib import Path

HERE = Path(__file__).parents[1]  # benchmarks
SWEPT = HERE.parent / "notebooks" / "experiments" / "results"


def read(name, folder=HERE):
    """The rows of `NAME.csv` in a folder; none while it is not there."""
    path = folder / f"{name}.csv"
    if not path.exists():
        return []
    with path.open() as file:
        return list(csv.DictReader(file))


def accuracy_rows(study):
    """The rows of one study in `accuracy.csv`."""
    return [row for row in read("accuracy") if row["study"] == study]


def rows_of_study(name):
    """The rows of a table in `notebooks/experiments/results`; none while it is not there."""
    return read(name, SWEPT)


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


def mean_and_std(row, name, times):
    """A mean of a table with its standard deviation, where there are any."""
    if not row[name]:
        return "–"
    std = f" ± {times * float(row[f'{name} std']):.1f}" if row[f"{name} std"] else ""
    return f"{times * float(row[name]):.1f}{std}"

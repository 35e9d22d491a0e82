"""Put the report's eleven rows, run again, beside the report's own figures.

    for name in report-tables report-tables-seeds; do
        .venv/bin/simclr sweep run notebooks/experiments/specs/$name.yaml --workers 2 \\
            --data cifar10-images.zip
    done
    .venv/bin/python benchmarks/postmortem.py RUNS_OF_THE_RESNET_101 --factors readout \\
        --out notebooks/experiments/results/postmortem-deep.csv
    .venv/bin/python benchmarks/report_tables.py runs/sweeps/report-tables*/table.csv

Reads the tables of these sweeps, of the deeper encoders (without any named: those that come with
the kit); what `postmortem.py` wrote of the ResNet-50, and of the ResNet-101 with another
classifier; and `report-figures.csv`, which is what the report says. Writes `report-rows.csv`, a row
for each of the report's, and a figure. It runs nothing: seconds. A table that is not there yet is
left out, and so is what it would tell.
"""

import argparse
import csv
import statistics
import sys
import textwrap
from pathlib import Path

from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter

from simclr_lib.quiet import import_keras

HERE = Path(__file__).parent
RESULTS = HERE.parent / "notebooks" / "experiments" / "results"
SWEEPS = [RESULTS / f"{name}.csv" for name in ("report-tables", "report-tables-seeds")]
POSTMORTEMS = [RESULTS / f"{name}.csv" for name in ("postmortem", "postmortem-deep")]
MEASURES = ("train", "test", "linear", "random encoder", "raw pixels", "minutes")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "tables", type=Path, nargs="*", default=SWEEPS, help="table.csv of the sweeps"
    )
    parser.add_argument(
        "--postmortems", type=Path, nargs="+", default=POSTMORTEMS, help="what postmortem.py wrote"
    )
    parser.add_argument("--out", type=Path, default=RESULTS / "report-rows.csv")
    parser.add_argument("--figure", type=Path, default=HERE / "figures" / "report_tables.png")
    options = parser.parse_args()
    runs = [row for table in options.tables for row in read(table) if row["state"] == "done"]
    if not runs:
        sys.exit("None of the tables holds a finished run: run the sweeps first, see --help.")
    questioned = [row for table in options.postmortems for row in read(table)]
    rows = []
    for told in read(RESULTS / "report-figures.csv"):
        swept = [measures_of(run, told) for run in runs if run["arm"] == told["arm"]]
        rows.append(beside(told, swept or measures_in_postmortem(questioned, told)))
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, options.figure)
    print(f"{options.out}\n{options.figure}")


def measures_of(run, told):
    """What a sweep's run of a row of the report's has found, under the names of `MEASURES`."""
    classifier = f"classifier ({told['classifier_hidden'].replace(',', ', ')})"
    columns = (
        f"{classifier} train",
        f"{classifier} test",
        "SimCLR linear",
        "random encoder linear",
        "raw pixels linear",
        "minutes",
    )
    return {name: run.get(column) for name, column in zip(MEASURES, columns, strict=True)}


def measures_in_postmortem(rows, told):
    """The same, of finished runs that were questioned: a dict a seed.

    Rows that differ by their classifier alone are asked of one training.
    """
    hidden, epochs = told["classifier_hidden"].replace(",", ", "), told["classifier_epochs"]
    levels = (f"classifier ({hidden})", f"({hidden}), rate 0.001, {epochs} epochs")
    if epochs != "10":  # the recipe's, by which the readout was trained
        levels = levels[1:]
    found = {}
    for row in rows:
        if told["encoder"] != f"ResNet-{row['encoder_depth']}":
            continue
        if any(row[column] != told[column] for column in ("batch_size", "steps")):
            continue
        if row["level"] in levels:
            found.setdefault(row["seed"], {}).update(train=row["train"], test=row["test"])
        if (row["factor"], row["level"]) == ("readout", "linear probe"):
            found.setdefault(row["seed"], {}).update(linear=row["test"])
    return [measures for measures in found.values() if "test" in measures]


def beside(told, runs):
    """A row of the report's, with the means and standard deviations of our runs of it."""
    row = {name: told[name] for name in told if name not in ("train", "test")}
    row |= {"report train": told["train"], "report test": told["test"], "runs": len(runs)}
    for name in MEASURES:
        values = [float(run[name]) for run in runs if run.get(name)]
        row[name] = round(statistics.mean(values), 4) if values else ""
        row[f"{name} std"] = round(statistics.stdev(values), 4) if len(values) > 1 else ""
    return row


def draw(rows, path):
    """Test accuracies, a group of bars a row: the report's classifier, ours, and a linear probe."""
    import_keras()
    from simclr_lib import plots

    title = "The report's rows, and the same runs here"
    figure = plots.new_figure(8.0, 1.6 + 0.55 * len(rows), title)
    ax = figure.subplots()
    described = []
    for name, (column, offset, looks) in {
        "the report's classifier": ("report test", -0.27, {"color": plots.VERMILION}),
        "the same classifier here": ("test", 0.0, {"color": plots.SKY, "hatch": "///"}),
        "linear probe here": ("linear", 0.27, {"color": "#c8ccd0"}),
    }.items():
        shown = [(y, row) for y, row in enumerate(rows) if row[column] != ""]
        shares = [float(row[column]) for _, row in shown]
        spreads = [row.get(f"{column} std") or 0 for _, row in shown]
        places = [y + offset for y, _ in shown]
        ax.barh(places, shares, 0.25, xerr=spreads, label=name, edgecolor=plots.INK, **looks)
        for place, share, std in zip(places, shares, spreads, strict=True):
            ax.annotate(
                plots.percent(share),
                (share + std, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
        told = (
            f"{row['arm']} {plots.percent(share)}"
            for (_, row), share in zip(shown, shares, strict=True)
        )
        described.append(f"{name}: {'; '.join(told)}")
    ax.axvline(0.1, color=plots.INK, linestyle="--", linewidth=1.2, label="chance")
    ax.set_yticks(range(len(rows)), [textwrap.fill(row["arm"], 22) for row in rows])
    ax.set(xlabel="test pictures right", xlim=(0, 0.6), ylim=(len(rows) - 0.4, -0.6))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=4, fontsize=9)
    figure.alt_text = f"{title}. Test pictures right, {'. '.join(described)}. Chance is 10 %."
    path.parent.mkdir(parents=True, exist_ok=True)
    plots.save(figure, path)


def read(path):
    """The rows of a table; none while it is not there."""
    if not path.exists():
        return []
    with path.open() as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()

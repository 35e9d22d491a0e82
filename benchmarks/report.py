"""Fill `RESULTS.md` and the README's tables from the CSV files beside this program.

.venv/bin/python benchmarks/report.py          writes them
.venv/bin/python benchmarks/report.py --check  says whether they are up to date
"""

import csv
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
README = HERE.parent / "README.md"

ROWS = ("SimCLR", "supervised from scratch", "random encoder", "raw pixels")


def main():
    made = {RESULTS: results_page(), README: filled_readme()}
    stale = [p.name for p, text in made.items() if not p.exists() or p.read_text() != text]
    if "--check" in sys.argv:
        sys.exit(f"Not up to date: {', '.join(stale)}; run benchmarks/report.py" if stale else 0)
    for path, text in made.items():
        path.write_text(text)


def accuracy_rows(study):
    """The rows of one study in `accuracy.csv`."""
    with (HERE / "accuracy.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["study"] == study]


def spread(values):
    """`mean ± standard deviation` of the numbers that are there, or a dash."""
    values = [float(value) for value in values if value]
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.1f} (one seed)"
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def percent(rows, column):
    """`mean ± standard deviation` of accuracies in percent."""
    return spread([100 * float(row[column]) for row in rows if row.get(column)])


def accuracy_table(study):
    """Every row of a run's table, over the seeds of the study's SimCLR arm."""
    rows = [row for row in accuracy_rows(study) if row["arm"] == "SimCLR"]
    lines = ["| test accuracy, % | linear probe | kNN |", "| --- | --- | --- |"]
    for name in ROWS:
        linear, knn = (percent(rows, f"{name} {kind}") for kind in ("linear", "knn"))
        if linear != "–":  # a baseline that no run of the study has trained
            lines.append(f"| {name} | {linear} | {knn} |")
    return "\n".join(lines)


def arms_table(study):
    """One row an arm: the linear probe and the kNN."""
    rows = accuracy_rows(study)
    lines = ["| views | linear probe, % | kNN, % |", "| --- | --- | --- |"]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        linear, knn = (percent(mine, f"SimCLR {kind}") for kind in ("linear", "knn"))
        lines.append(f"| {arm} | {linear} | {knn} |")
    return "\n".join(lines)


def tuning_table():
    """What was tried on the validation split, from `classroom_tuning.csv`."""
    with (HERE / "classroom_tuning.csv").open() as file:
        rows = list(csv.DictReader(file))
    lines = [f"| {' | '.join(rows[0])} |", f"|{' --- |' * len(rows[0])}"]
    return "\n".join(lines + [f"| {' | '.join(row.values())} |" for row in rows])


def setting(study):
    """One sentence: seeds, pictures, minutes, machine."""
    rows = [row for row in accuracy_rows(study) if row["arm"] == "SimCLR"]
    first = rows[0]
    minutes = min(float(row["minutes"]) for row in rows)
    return (
        f"{len(rows)} seeds, mean ± standard deviation; {int(first['train']):,} training and "
        f"{int(first['test']):,} test pictures; last epoch. The least disturbed training took "
        f"{minutes:.1f} minutes on {first['processor']}, {first['precision']}, "
        f"TensorFlow {first['tensorflow']}."
    )


def results_page():
    return f"""# Results

Made by `benchmarks/report.py` from the CSV files in this folder; each section names the command
that wrote its figures.

## The classroom recipe on CIFAR-10

JPEG copy of CIFAR-10, half the test set. {setting("classroom")}

    .venv/bin/python benchmarks/accuracy.py classroom --data cifar10-images.zip

{accuracy_table("classroom")}

### How the recipe was chosen

Each row is one run of `simclr run classroom --set evaluate_on=validation epochs=5`, seed 0,
with what the row says; a tenth of the training pictures, held out, decides.

{tuning_table()}

## The built-in shapes, and what the views are for

{setting("shapes")}

    .venv/bin/python benchmarks/accuracy.py shapes

{accuracy_table("shapes")}

{arms_table("shapes")}
"""


def filled_readme():
    """The README with its marked tables made anew."""
    text = README.read_text()
    tables = {
        "classroom": f"{accuracy_table('classroom')}\n\n{setting('classroom')}",
        "shapes": arms_table("shapes"),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name}: filled by benchmarks/report.py -->", f"<!-- end {name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{table}\n\n{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    main()

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
    stale = [path.name for path, text in made.items() if path.read_text() != text]
    if "--check" in sys.argv:
        sys.exit(f"Not up to date: {', '.join(stale)}; run benchmarks/report.py" if stale else 0)
    for path, text in made.items():
        path.write_text(text)


def accuracy_rows(study):
    """The rows of one study in `accuracy.csv`."""
    with (HERE / "accuracy.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["study"] == study]


def spread(values, form="{:.1f}"):
    """`mean ± standard deviation` of the numbers that are there, or a dash."""
    values = [float(value) for value in values if value]
    if not values:
        return "–"
    if len(values) == 1:
        return form.format(values[0]) + " (one seed)"
    return f"{form.format(statistics.mean(values))} ± {form.format(statistics.stdev(values))}"


def percent(rows, column):
    """`mean ± standard deviation` of accuracies in percent."""
    return spread([100 * float(row[column]) for row in rows if row.get(column)])


def accuracy_table(study):
    """Every row of a run's table, over the seeds of the study's SimCLR arm."""
    rows = [row for row in accuracy_rows(study) if row["arm"] == "SimCLR"]
    lines = ["| test accuracy, % | linear probe | kNN |", "| --- | --- | --- |"]
    for name in ROWS:
        linear, knn = (percent(rows, f"{name} {kind}") for kind in ("linear", "knn"))
        lines.append(f"| {name} | {linear} | {knn} |")
    return "\n".join(lines)


def arms_table(study):
    """One row an arm: the linear probe, and how long it trained."""
    rows = accuracy_rows(study)
    lines = ["| views | linear probe, % | minutes of training |", "| --- | --- | --- |"]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        minutes = spread([row["minutes"] for row in mine])
        lines.append(f"| {arm} | {percent(mine, 'SimCLR linear')} | {minutes} |")
    return "\n".join(lines)


def setting(study):
    """One sentence: seeds, pictures, minutes, machine."""
    rows = [row for row in accuracy_rows(study) if row["arm"] == "SimCLR"]
    first = rows[0]
    return (
        f"{len(rows)} seeds, mean ± standard deviation; {int(first['train']):,} training and "
        f"{int(first['test']):,} test pictures; {spread([r['minutes'] for r in rows])} minutes of "
        f"training; last epoch; {first['processor']}, {first['precision']}, "
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

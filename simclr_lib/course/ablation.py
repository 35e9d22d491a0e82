"""What lessons need of sweeps and studies: a short notebook, and the kit's large results."""

import csv
import json
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.sweeps.notebooks import NOTEBOOKS, experiment_notebook
from simclr_lib.sweeps.plan import make_plan
from simclr_lib.sweeps.spec import read_spec

# Most of a tiny run's time: the pictures of it, and the baselines, which are the same in each arm.
LEFT_OUT = ("views", "baselines", "pictures")
TEXTS = ("arm", "state", "precision", "backend", "folder", "error", "cell")
TEXTS += ("setup", "factor", "level", "change")  # of studies; a setup can look like a number


def write_short_experiment(path):
    """Write the notebook of a sweep's run without its baselines and its pictures.

    Args:
        path: of the notebook, which a spec can name as its `notebook:`.
    """
    content = json.loads(experiment_notebook().read_text(encoding="utf-8"))
    left_out = {*LEFT_OUT, *(f"about-{slug}" for slug in LEFT_OUT)}
    content["cells"] = [cell for cell in content["cells"] if cell["id"] not in left_out]
    Path(path).write_text(json.dumps(content, indent=1), encoding="utf-8")


def large_sweep(name):
    """The rows of a large sweep, or of another study, that the kit has computed.

    Args:
        name: such as "temperature".

    Returns:
        A list of dicts, as in the sweep's `table.csv`; numbers are numbers.

    Raises:
        UserError: there is none of that name.
    """
    return read_table(found(f"results/{name}.csv"))


def large_spec(name):
    """The spec of a large sweep, read and checked: a `sweeps.spec.Spec`."""
    return read_spec(found(f"specs/{name}.yaml"))


def recipes_of(spec):
    """`{arm: every field of its recipe}` of a spec, with the first seed."""
    runs = make_plan(spec).runs
    return {run.arm: run.parameters for run in runs if run.parameters["seed"] == spec.seeds[0]}


def read_table(path):
    """The rows of a table; of a sweep's, which has states, those of finished runs.

    Numbers are numbers; an empty cell is "".
    """
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("state", "done") == "done"]
    return [{name: value_of(name, text) for name, text in row.items()} for row in rows]


def value_of(name, text):
    if name in TEXTS:
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def by_arm(rows, column="SimCLR linear", arm="arm"):
    """`{arm: [percent for each seed, in the seeds' order]}` of a table.

    Args:
        rows: as of `read_table`, with a `seed`; those with an empty cell there are left out.
        column: which share is wanted.
        arm: the column that tells what is compared, as "level" or "change" of a study.
    """
    found = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        if row[column] != "":
            found.setdefault(row[arm], []).append(100 * row[column])
    return found


def found(name):
    for folder in (NOTEBOOKS, Path("experiments"), Path("notebooks", "experiments")):
        if (folder / name).exists():
            return folder / name
    raise UserError(f"There is no notebooks/experiments/{name} here: go to the kit's folder first.")

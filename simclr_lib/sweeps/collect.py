"""The table of a sweep: a row a run, made from done-files alone, and means over the seeds."""

import csv
import io
import os
import statistics
from pathlib import Path

from simclr_lib.files import write_atomically
from simclr_lib.recipes import OBJECTIVES
from simclr_lib.sweeps.folder import read

# Baselines of one seed that differ by no more than this are the same, measured again.
ALIKE = 0.002


def rows(folder, plan):
    """One dict a run, in the plan's order.

    Returns:
        Dicts with `state` ("done", "failed", "begun" or "waiting"), `arm`, `seed`, the fields
        that vary, and for runs that are done the accuracies (`"SimCLR linear"` and so on, shares),
        `minutes` (of training), `precision` and `backend` (that it was computed in),
        `wall_minutes` and `processor_minutes` (of the last start); for failed ones `cell` and
        `error`; `starts` and `folder`.
    """
    fields = list(dict.fromkeys(field for run in plan.runs for field in run.settings))
    found = []
    for run in plan.runs:
        files = folder.files(run)
        done, failed = read(files.done), read(files.failed)
        row = {"state": "waiting", "arm": run.arm, "seed": run.parameters["seed"]}
        row |= {field: run.parameters[field] for field in fields}
        row["starts"] = files.count_starts()
        row["folder"] = os.path.relpath(files.path, folder.path)
        if done is not None:
            row["state"] = "done"
            row |= found_by(done)
            row |= {name: done[name] for name in ("precision", "backend") if done.get(name)}
            row["wall_minutes"] = round(done["wall_seconds"] / 60, 2)
            row["processor_minutes"] = round(done["processor_seconds"] / 60, 2)
        elif failed is not None:
            row |= {"state": "failed", "cell": failed["cell"], "error": failed["error"]}
        elif row["starts"]:
            row["state"] = "begun"
        found.append(row)
    return found


def found_by(done):
    """What the record of a finished run has found, named as in the table."""
    found = {
        f"{name} {kind}": share
        for name, accuracies in done["accuracies"].items()
        for kind, share in accuracies.items()
    }
    if done["training_minutes"] is not None:
        found["minutes"] = round(done["training_minutes"], 3)
    return found


def write_table(path, table):
    """Write the rows as CSV, in one step."""
    text = io.StringIO()
    first = ("state", "arm", "seed")
    last = ("precision", "backend", "wall_minutes", "processor_minutes")
    last += ("starts", "cell", "error", "folder")
    names = dict.fromkeys(name for row in table for name in row)
    names = [*first, *(name for name in names if name not in first + last), *last]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    write_atomically(Path(path), lambda file: file.write(text.getvalue().encode()))


def measure(row, y):
    """What a plot shows of a row; None if it isn't there.

    `"linear"` and `"knn"` are those of what was trained without labels, never of a baseline;
    `"classifier"` is the small classifier on its h, whatever its hidden layers.
    """
    if y == "minutes":
        return row.get(y)
    if y == "classifier":
        found = [row[n] for n in row if n.startswith("classifier (") and n.endswith(" test")]
        return found[0] if found else None
    return next((row[f"{name} {y}"] for name in OBJECTIVES.values() if f"{name} {y}" in row), None)


def arms(table, plan, y):
    """Means over the seeds, one dict an arm, in the plan's order.

    Returns:
        Dicts with `arm`, `settings`, `values` (one a finished run), `mean` and `std` (sample
        standard deviation), which are None where no, or one, run is done, and `baselines`
        (`{name: {seed: share}}`, see `baselines`).
    """
    settings = {run.arm: run.settings for run in plan.runs}
    values = {arm: [] for arm in settings}
    beside = {arm: {} for arm in settings}
    for row in table:
        if row["state"] == "done" and measure(row, y) is not None:
            values[row["arm"]].append(measure(row, y))
            for name, share in baselines(row, y).items():
                beside[row["arm"]].setdefault(name, {})[row["seed"]] = share
    return [
        {
            "arm": arm,
            "settings": settings[arm],
            "values": found,
            "mean": statistics.mean(found) if found else None,
            "std": statistics.stdev(found) if len(found) > 1 else None,
            "baselines": beside[arm],
        }
        for arm, found in values.items()
    ]


def baseline_names(names):
    """Whose accuracies a row has, but for what the run itself has trained and its classifier."""
    found = [name.removesuffix(" linear") for name in names if name.endswith(" linear")]
    return [name for name in found if name not in OBJECTIVES.values()]


def baselines(row, y):
    """`{name: share}` of what a run's accuracy is to be compared with.

    No baseline has a small classifier: beside one, they show their linear probes.
    """
    if y == "minutes":
        return {}
    if y == "classifier":
        return {f"{name}, linear probe": row[f"{name} linear"] for name in baseline_names(row)}
    return {n: row[f"{n} {y}"] for n in baseline_names(row) if row.get(f"{n} {y}") is not None}


def levels(arms):
    """`{name: mean over the seeds}` of the baselines that are the same in every arm.

    The others depend on what the arms vary, as the untrained encoder does on its depth: a mean
    over the arms would be nobody's.
    """
    arms = [arm for arm in arms if arm["values"]]
    found = {}
    for name in dict.fromkeys(name for arm in arms for name in arm["baselines"]):
        seeds = {}
        for arm in arms:
            for seed, share in arm["baselines"].get(name, {}).items():
                seeds.setdefault(seed, []).append(share)
        everywhere = all(name in arm["baselines"] for arm in arms)
        if everywhere and all(max(shares) - min(shares) <= ALIKE for shares in seeds.values()):
            found[name] = statistics.mean(statistics.mean(shares) for shares in seeds.values())
    return found


def own_baselines(arms):
    """`{name: {arm: mean over the seeds}}` of the baselines that differ between the arms."""
    known = levels(arms)
    found = {}
    for arm in arms:
        for name, shares in arm["baselines"].items():
            if name not in known:
                found.setdefault(name, {})[arm["arm"]] = statistics.mean(shares.values())
    return found


def machines(folder, plan):
    """What the finished runs ran on: `[(description, number of runs)]`, most runs first."""
    count = {}
    for run in plan.runs:
        done = read(folder.files(run).done)
        if done is None or not done.get("machine"):
            continue
        machine, versions = done["machine"], done["versions"]
        packages = ", ".join(f"{name} {version}" for name, version in versions.items())
        what = (
            f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
            f"{machine['system']}; {done['backend']}, {done['precision']}; {packages}"
        )
        count[what] = count.get(what, 0) + 1
    return sorted(count.items(), key=lambda item: -item[1])


def classes(folder, plan):
    """The number of classes of the pictures, which sets the chance line; None if not known."""
    for run in plan.runs:
        data = (read(folder.files(run).done) or {}).get("data")
        if data:
            return len(data["class_names"])
    return None

"""Accuracies of the kit's recipes, how they were chosen, and what a longer training gives."""

import math
import statistics

from page.tables import accuracy_rows, percent, read, rows_of_study

ROWS = ("SimCLR", "supervised from scratch", "random encoder", "raw pixels")


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
    rows = read("classroom_tuning")
    lines = [f"| {' | '.join(rows[0])} |", f"|{' --- |' * len(rows[0])}"]
    best = max(rows, key=lambda row: float(row["linear probe, %"]))["trial"]
    lines += [f"| {' | '.join(row.values())} |" for row in rows]
    return "\n".join([*lines, "", f"The best by the linear probe: {best}."])


def sweeps_table(names):
    """What those of these sweeps of the classroom's encoder that are done found: a row an arm."""
    lines = ["| sweep | arm | linear probe, % | kNN, % |", "| --- | --- | --- | --- |"]
    for name in names:
        rows = [row for row in rows_of_study(name) if row["state"] == "done"]
        for arm in dict.fromkeys(row["arm"] for row in rows):
            mine = [row for row in rows if row["arm"] == arm]
            linear, knn = (percent(mine, f"SimCLR {kind}") for kind in ("linear", "knn"))
            lines.append(f"| {name} | {arm} | {linear} | {knn} |")
    return "\n".join(lines)


def setting(study):
    """One sentence: seeds, pictures, minutes, machine."""
    rows = [row for row in accuracy_rows(study) if row["arm"] == "SimCLR"]
    first = rows[0]
    minutes = sorted(float(row["minutes"]) for row in rows)
    took = " to ".join(dict.fromkeys(f"{m:.1f}" for m in (minutes[0], minutes[-1])))
    seeds = f"{len(rows)} seeds, mean ± standard deviation" if len(rows) > 1 else "One seed"
    return (
        f"{seeds}; {int(first['train']):,} training and {int(first['test']):,} test pictures; "
        f"last epoch. Training took {took} minutes on "
        f"{first['processor']}, {first['precision']}, TensorFlow {first['tensorflow']}."
    )


def hour_section():
    """What 42 epochs give; nothing before `accuracy.py hour` has run."""
    if not accuracy_rows("hour"):
        return ""
    return f"""### Trained six times as long

The same recipe for 42 epochs, with crops from a fifth of the area; the encoder comes with the kit.
Stopped once, and gone on with beside other work. {setting("hour")}

    .venv/bin/python benchmarks/accuracy.py hour --data cifar10-images.zip --seeds 0

{accuracy_table("hour")}

{hour_outlook()}

"""


def hour_outlook():
    """What the long training has gained on the short one, and how far 80 % is at that pace."""
    trainings = [
        [row for row in accuracy_rows(study) if row["arm"] == "SimCLR"]
        for study in ("classroom", "hour")
    ]
    epochs = [int(rows[0]["epochs"]) for rows in trainings]
    reached = [100 * statistics.mean(float(r["SimCLR linear"]) for r in t) for t in trainings]
    if reached[1] >= 80:
        return ""
    pace = (reached[1] - reached[0]) / math.log2(epochs[1] / epochs[0])
    wanted = epochs[1] * 2 ** ((80 - reached[1]) / pace)
    return f"""80 % in 60 minutes were wanted: **missed**. From {epochs[0]} to {epochs[1]} epochs,
each doubling of the training brought {pace:.1f} points (roughly: one seed, other crops); at that
pace, 80 % takes about {wanted:.0f} epochs."""

"""Other roads to features, and what labels are worth where they are few."""

import statistics
import textwrap

from page.tables import percent, read, rows_of_study

from simclr_lib.recipes import OBJECTIVES


def league_section():
    """Roads to features without labels, side by side; nothing while the sweep is not done."""
    rows = [row for row in rows_of_study("league") if row["state"] == "done"]
    if not rows:
        return ""
    found = {}
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        # A run is called by its objective: that of a memory bank is SimCLR's.
        (method,) = (name for name in OBJECTIVES.values() if mine[0].get(f"{name} linear"))
        found[arm] = [percent(mine, f"{method} {kind}") for kind in ("linear", "knn")]
    for name in ("supervised from scratch", "random encoder", "raw pixels"):
        found[name] = [percent(rows, f"{name} {kind}") for kind in ("linear", "knn")]
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in found.items()]
    table = "\n".join(["| | linear probe, % | kNN, % |", "| --- | --- | --- |", *lines])
    return f"""## Roads to features without labels

The same encoder, views and number of views: pairs compared within the batch (SimCLR), with a memory
bank of earlier features (instance discrimination), or drawn again by an autoencoder; and a
supervised training on all labels, judged by its own classifier. Six epochs of 15,000 pictures of
CIFAR-10, so compare rows, not other people's figures; the settings are SimCLR's own. Test pictures,
three seeds, mean ± standard deviation.

    .venv/bin/simclr sweep run notebooks/experiments/specs/league.yaml --data PICTURES.zip

{table}

"""


def few_labels_section():
    """What labels are worth, from `label_efficiency.csv`; nothing while that is not there."""
    rows = read("label_efficiency")
    if not rows:
        return ""
    final = [row for row in rows if row["evaluate_on"] == "test"]
    fractions = sorted({float(row["fraction"]) for row in final})
    lines = [
        textwrap.fill(
            "Three ways to use the labels of a share of CIFAR-10's training pictures, and one "
            f"encoder each of {len({row['pretraining_seed'] for row in final})} seeds, pretrained "
            "by the classroom recipe for two epochs. Fine-tuning starts from the linear probe. "
            "Training from scratch has its steps, and as many more as make up for the views of the "
            "pretraining; its own views are crops and mirrors. Test pictures, mean ± standard "
            "deviation over encoders and draws of the labels together; the learning rates were "
            "chosen on validation pictures, with a tenth of the labels.",
            100,
        ),
        "",
        "    .venv/bin/python benchmarks/label_efficiency.py --help    # all commands, in order",
        "",
        f"| | steps | learning rate |{''.join(f' {f:.0%} of the labels |' for f in fractions)}",
        f"|{' --- |' * (3 + len(fractions))}",
    ]
    means = {}
    for method in ("linear probe", "fine-tuned", "supervised from scratch"):
        mine = [row for row in final if row["method"] == method]
        shares = [[r for r in mine if float(r["fraction"]) == fraction] for fraction in fractions]
        cells = " | ".join(percent(share, "accuracy") for share in shares)
        means[method] = [statistics.mean(float(r["accuracy"]) for r in share) for share in shares]
        steps = f"{int(mine[0]['steps']):,}" if int(mine[0]["steps"]) else ""
        lines.append(f"| {method} | {steps} | {mine[0]['rate']} | {cells} |")
    best = (
        f"{max(means, key=lambda method: means[method][place])} with {fraction:.0%}"
        for place, fraction in enumerate(fractions)
    )
    tried = {}
    for row in rows:
        if row["evaluate_on"] == "validation" and row["rate"]:
            tried.setdefault(row["method"], {})[float(row["rate"])] = 100 * float(row["accuracy"])
    told = "; ".join(
        f"{method}, {', '.join(f'{rate:g}: {found:.1f} %' for rate, found in of_it.items())}"
        for method, of_it in tried.items()
    )
    edge = [method for method, of_it in tried.items() if max(of_it, key=of_it.get) == max(of_it)]
    if edge:
        told += f". The highest rate was the best of those tried for: {', '.join(edge)}"
    text = f"Best: {', '.join(best)}. Rates tried on validation pictures, one seed: {told}."
    lines += ["", textwrap.fill(text, 100)]
    lines += ["", "![Accuracy by the share of the labels](figures/label_efficiency.png)"]
    return "## Few labels\n\n" + "\n".join(lines) + "\n\n"

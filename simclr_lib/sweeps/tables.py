"""The report's tables and thumbnails, as HTML that needs nothing from anywhere."""

import base64
import html
import io

from PIL import Image

from simclr_lib.sweeps.collect import baseline_names, own_baselines

KINDS = ("linear", "knn")
NUMBERS = {"wall_minutes": "minutes in all", "processor_minutes": "core-minutes"}


def arm_table(arms, measure):
    """One row an arm: mean, standard deviation, how many runs, and the baselines of it alone."""
    body, own = [], own_baselines(arms)
    for arm in arms:
        mean = cell(arm["mean"], percent(arm["mean"], measure))
        std = cell(arm["std"], percent(arm["std"], measure))
        beside = [shares.get(arm["arm"]) for shares in own.values()]
        beside = "".join(cell(share, percent(share, measure)) for share in beside)
        body.append(f"<tr>{cell(arm['arm'])}{mean}{std}{cell(len(arm['values']))}{beside}</tr>")
    head = ("arm", f"{measure}, mean", "standard deviation", "runs", *own)
    return table("Mean over the seeds", head, body)


def run_table(rows):
    """One row a run, sortable, with links to its notebook; what was varied comes first."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    # Each run's baselines are in the CSV file, and above as means of the arms; here they would
    # push the rest off the page.
    skip = [f"{name} {kind}" for name in baseline_names(names) for kind in KINDS]
    names = [name for name in names if name not in ("folder", "cell", "error", *skip)]
    body = []
    for row in rows:
        cells = [cell(row.get(name), shown(name, row.get(name))) for name in names]
        cells.append(f"<td>{notebook_link(row)}</td>")
        body.append(f'<tr class="{row["state"]}">{"".join(cells)}</tr>')
    return table(
        "All runs", [*(NUMBERS.get(name, name) for name in names), "notebook"], body, "runs"
    )


def failure_table(rows):
    """One row a failed run: the cell, the last line of its error, and its notebook."""
    body = [
        f"<tr>{cell(row['arm'])}{cell(row['seed'])}{cell(row['cell'])}{cell(row['error'])}"
        f"<td>{notebook_link(row)}</td></tr>"
        for row in rows
        if row["state"] == "failed"
    ]
    return table("Failed runs", ("arm", "seed", "cell", "error", "notebook"), body)


def thumbnails(folder, plan, width=360):
    """The curves of every finished run, small, each with its label."""
    parts = []
    for run in plan.runs:
        files = folder.files(run)
        path = files.path / "figures" / "curves.png"
        if files.outcome != "done" or not path.exists():
            continue
        with Image.open(path) as picture:
            alt = picture.info.get("Description", f"Curves of {run.label}")
            small = picture.convert("RGB")
        small.thumbnail((width, width), Image.Resampling.LANCZOS)
        data = io.BytesIO()
        small.quantize(64).save(data, "PNG", optimize=True)
        source = base64.b64encode(data.getvalue()).decode()
        large = f"runs/{run.key}/figures/curves.png"
        parts.append(
            f'<figure><a href="{large}"><img src="data:image/png;base64,{source}" '
            f'alt="{html.escape(alt)}"></a>'
            f"<figcaption>{html.escape(run.label)}</figcaption></figure>"
        )
    return f'<div class="thumbnails">{"".join(parts)}</div>' if parts else ""


def table(caption, head, body, kind=""):
    cells = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    return (
        f'<table class="sortable {kind}"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{cells}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )


def cell(value, text=None):
    """A table cell; a number keeps its value for sorting."""
    if value is None:
        return "<td>–</td>"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"<td>{html.escape(str(value))}</td>"
    return f'<td class="number" data-value="{value!r}">{html.escape(text or f"{value:g}")}</td>'


def shown(name, value):
    """How a number of a run is written: accuracies in percent, minutes with one digit."""
    if not isinstance(value, float):
        return None
    if name.endswith((" linear", " knn", " test", " train")):
        return f"{100 * value:.1f} %"
    return f"{value:.1f}" if name.endswith("minutes") else None


def percent(value, measure):
    if value is None:
        return None
    return f"{value:.1f}" if measure == "minutes" else f"{100 * value:.1f} %"


def notebook_link(row):
    if row["state"] not in ("done", "failed") or row.get("cell") == "–":
        return "–"
    path = f"{row['folder']}/notebook.ipynb"
    label = html.escape(f"{row['arm']}, seed {row['seed']}")
    return f'<a href="{html.escape(path)}" aria-label="Notebook of {label}">notebook</a>'

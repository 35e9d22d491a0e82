"""How fast the kit is, beside its peers, and where the time goes."""

import json
import statistics

from page.tables import HERE, read

# The README's rows: what, `(part, case, quantity)`, and the sides that go by one name. Of these the
# best counts, for the kit and for its peers: each has a side for each dtype.
DTYPES = ("float32", "bfloat16")
STEP_SIDES = {side: [f"{side}, {dtype}" for dtype in DTYPES] for side in ("kit", "PyTorch loop")}
HEADLINES = (
    ("views of 32×32, on one core", ("views", "32×32", "views"), {}),
    ("views of 64×64 with blur, on one core", ("views", "64×64", "views"), {}),
    ("pretraining step, `classroom`", ("step", "classroom", "speed"), STEP_SIDES),
    ("pretraining step, ResNet-18", ("step", "ResNet-18", "speed"), STEP_SIDES),
    ("linear probe, 50,000 × 512", ("probe", "linear probe", "time"), {}),
    ("NT-Xent of 2,048 pairs", ("loss", "2,048 pairs", "time"), {"kit": ["kit, dense"]}),
)
PEERS = (
    "torchvision transforms",
    "Keras stock layers",
    "PyTorch loop",
    "scikit-learn",
    "lightly",
)
# A word on a part, and the quantity that it speaks of: where that was not measured, it is left out.
NOTES = {
    "step": (
        "the loop around the step",
        """
The kit's step is one compiled function, from a batch of uint8 pictures to the new weights. Beside
it Python picks the pictures of a batch (two batches ahead, in a thread of TensorFlow's), calls that
function, and looks at the loss: NaN, Ctrl-C, the display. "The loop around the step" is that loop
around a model that computes nothing, so it is the most that Python costs. XLA is left out on a
processor: see what the `classroom` would be through it.
""",
    ),
    "probe": (
        "loss",
        """
Both linear probes minimise the same convex function, the row "loss". Each round draws other
features; the difference in accuracy is the mean over the rounds, ± twice its standard error.
""",
    ),
}


def speed_book():
    """What `simclr bench` has written: `{part: {about, figures, bars}}`."""
    return json.loads((HERE / "speed.json").read_text())


def speed_figures(part):
    """`{(case, side, quantity): figure}` of one part."""
    figures = speed_book().get(part, {}).get("figures", [])
    return {(f["case"], f["side"], f["quantity"]): f for f in figures}


def best(part, case, quantity, sides):
    """The best median of some sides, least time or most of the rest: `(median, unit)`, or None."""
    figures = speed_figures(part)
    found = [figures.get((case, side, quantity)) for side in sides]
    medians = [(f["median"], f["unit"]) for f in found if f and f["median"] is not None]
    if not medians:
        return None
    return min(medians) if quantity == "time" else max(medians)


def speed_parts():
    """The parts of the README's rows, each once."""
    return dict.fromkeys(part for _, (part, *_), _ in HEADLINES if part in speed_book())


def speed_table():
    """The README's: the kit beside each peer, and how many times faster it is."""
    lines = ["| | the kit | beside | times faster |", "| --- | --- | --- | --- |"]
    for what, (part, case, quantity), groups in HEADLINES:
        kit = best(part, case, quantity, groups.get("kit", ["kit"]))
        for peer in PEERS:
            other = best(part, case, quantity, groups.get(peer, [peer]))
            if kit is None or other is None:
                continue
            ratio = other[0] / kit[0] if quantity == "time" else kit[0] / other[0]
            lines.append(f"| {what} | {amount(*kit)} | {peer}: {amount(*other)} | {ratio:.1f} |")
    return "\n".join(lines)


def amount(value, unit):
    """A number with its unit, for a table: `27,000 pictures/s`."""
    if value is None:
        return "–"
    if unit == "s" and value < 1:
        value, unit = 1000 * value, "ms"
    if unit == "share":
        value, unit = 100 * value, "%"
    digits = float(f"{value:.3g}")
    return f"{digits:,.0f} {unit}" if abs(digits) >= 100 else f"{digits:g} {unit}".strip()


def speed_setting(*parts):
    """Rounds, machine, versions, and how busy the machine was: a sentence for parts alike."""
    book, alike = speed_book(), {}
    for part in parts:
        about = book[part]["about"]
        versions = {k: v for k, v in about["versions"].items() if k in ("keras", "tensorflow-cpu")}
        versions |= about["peers"]
        sentence = (
            f"Medians of {about['rounds']} rounds, kit and peers in turn; "
            f"{about['machine']['processor']}, {about['machine']['cores']} cores; "
            f"{', '.join(f'{name} {version}' for name, version in versions.items())}. "
            "Cores busy in the minute before, the benchmark's own work included: "
        )
        alike.setdefault(sentence, {})[part] = about.get("load", "not known")
    told = []
    for sentence, loads in alike.items():
        each = (f"{load} ({part})" if len(parts) > 1 else load for part, load in loads.items())
        told.append(f"{sentence}{', '.join(map(str, each))}.")
    return " ".join(told)


def speed_section(part):
    """All figures of one part, and what they are held to."""
    book = speed_book()[part]
    lines = ["| | side | | median | quartiles |", "| --- | --- | --- | --- | --- |"]
    for f in book["figures"]:
        low, high = f["quartiles"]
        spread = f["note"] or f"{amount(low, f['unit'])} – {amount(high, f['unit'])}"
        row = (f["case"], f["side"], f["quantity"], amount(f["median"], f["unit"]), spread)
        lines.append(f"| {' | '.join(row)} |")
    bars = [bar for bar in book["bars"] if bar["value"] is not None]
    if bars:
        lines += ["", "| | found | round by round | wanted | |", "| --- | --- | --- | --- | --- |"]
    for bar in bars:
        sign = "≥" if bar["at_least"] else "≤"
        wanted = "" if bar["limit"] is None else f"{sign} {bar['limit']:g} {bar['unit']}".strip()
        reached = {True: "reached", False: "**missed**", None: ""}[bar["reached"]]
        found = amount(bar["value"], bar["unit"])
        if bar.get("chance"):
            found += f" ± {bar['chance']:.2g}"
        cells = (bar["name"], found, each_round(bar), wanted, reached)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def each_round(bar):
    """The median of a bar's ratios, each taken within one round, the least and the most."""
    rounds = bar.get("rounds")
    if not rounds:
        return ""
    middle, least, most = statistics.median(rounds), min(rounds), max(rounds)
    return f"{middle:.3g} ({least:.3g} – {most:.3g})"


def note(part):
    """The word on a part, if its figures are there."""
    quantity, text = NOTES.get(part, ("", ""))
    return text if any(f["quantity"] == quantity for f in speed_book()[part]["figures"]) else ""


def speed_sections():
    titles = {
        "views": "Views",
        "step": "A whole pretraining step",
        "loss": "NT-Xent, value and gradient",
        "probe": "Linear probe and kNN",
        "start": "Seconds until something happens",
    }
    return "\n\n".join(
        f"### {title}\n\n{speed_setting(part)}\n{note(part)}\n{speed_section(part)}"
        for part, title in titles.items()
        if part in speed_book()
    )


def profile_section():
    """The shares of a step's time, from `step_profile.csv`; a word where there is none."""
    command = "    .venv/bin/python benchmarks/step_profile.py"
    rows = read("step_profile")
    if not rows:
        return f"Not measured yet.\n\n{command}"
    told = (
        "What TensorFlow's profiler saw. Operations run side by side, so that their times add up\n"
        "to more than the step takes; the shares are of their sum. What is no convolution waits\n"
        "for memory more than it computes: the faster a machine's gemm, the larger its share of a\n"
        "step, and the smaller the share of the gemm rate that a whole step can reach."
    )
    lines = [told, "", command]
    for encoder in dict.fromkeys(row["encoder"] for row in rows):
        lines += ["", f"| {encoder}, bfloat16 | ms | share |", "| --- | --- | --- |"]
        for row in (row for row in rows if row["encoder"] == encoder):
            share = f"{float(row['share']):.1%}" if row["share"] else ""
            lines.append(f"| {row['kind']} | {row['milliseconds']} | {share} |")
    return "\n".join(lines)


def sweep_section():
    """What a sweep adds to a run, from `sweep_overhead.csv`; nothing while that is not measured."""
    rows = read("sweep_overhead")
    if not rows:
        return ""
    columns = {
        "warm_seconds": "in a warm process",
        "sweep_seconds": "in a sweep",
        "overhead_seconds": "more",
        "import_seconds": "of that, imports",
        "process_and_kernel_seconds": "process, kernel, notebook",
    }
    lines = [f"| seconds | {' | '.join(columns.values())} |", f"|{' --- |' * (len(columns) + 1)}"]
    lines += [
        f"| run {number} | {' | '.join(row[name] for name in columns)} |"
        for number, row in enumerate(rows, 1)
    ]
    text = "\n".join(lines)
    return f"""
## What a sweep adds to a run

One tiny run by `experiment.run` in a process that is warm, and as a sweep runs it, in turn; on
{rows[0]["processor"]}.

    .venv/bin/python benchmarks/sweep_overhead.py

{text}
"""

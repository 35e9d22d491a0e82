"""All measurements, one part after the other; what is finished is written down at once."""

import importlib
import json
import sys
from pathlib import Path

import psutil

from simclr_lib import machine
from simclr_lib.bench import PARTS
from simclr_lib.bench.environment import default_folder, peers_python, peers_versions
from simclr_lib.bench.figures import Found
from simclr_lib.bench.session import Session
from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically


def bench(parts, out, *, rounds=5, quick=False, peers=None, without_peers=False, say=print):
    """Measure parts of the kit beside its peers, and write the figures to a file.

    Parts that the file holds from earlier stay, but for those measured now: each remembers the
    machine and the versions it was measured with. Stopped, the finished parts are there.

    Args:
        parts: names in `PARTS`; none: all.
        out: the JSON file.
        rounds: how often each side is measured.
        quick: tiny sizes that show that everything works; the figures mean nothing.
        peers: folder of the peers' environment; None: in the cache. It is made if need be.
        without_peers: measure the kit alone, and what it needs in any case.
        say: is told the results, a line at a time.

    Raises:
        UserError: an unknown part, a file that can't be read, a side that failed.
    """
    parts = parts or list(PARTS)
    for part in parts:
        if part not in PARTS:
            raise UserError(f"there is no part {part!r} to measure; there are: {', '.join(PARTS)}.")
    out = Path(out)
    book = read(out)
    needed = not without_peers and {"views", "step", "loss"} & set(parts)
    python = peers_python(peers or default_folder(), tell) if needed else None
    modules = {part: importlib.import_module(f"simclr_lib.bench.{part}") for part in parts}
    cases = {part: modules[part].cases(quick) for part in parts}
    work = sum(case.seconds(rounds) for part in parts for case in cases[part])
    session = Session(rounds, quick, python, work)
    for part in parts:
        found_by = about(rounds, quick, python)
        figures = []
        try:
            for case in cases[part]:
                figures += modules[part].measure(case, session, figures)
        finally:
            session.clear()
        bars = [] if quick else modules[part].bars(Found(figures))
        book[part] = {
            "about": found_by,
            "figures": [figure.record() for figure in figures],
            "bars": [bar.record() for bar in bars],
        }
        out.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: book[name] for name in PARTS if name in book}, indent=1)
        write_atomically(out, lambda file, text=text: file.write(f"{text}\n".encode()))
        say(page(part, figures, bars))
    say(f"Written to {out}.")


def about(rounds, quick, python):
    """What the figures of a part hold for; `load`: cores that were busy just before."""
    return {
        "rounds": rounds,
        "quick": quick,
        "load": round(psutil.getloadavg()[0], 1),
        "machine": machine.description(),
        "versions": machine.versions(),
        "peers": peers_versions(python),
    }


def read(file):
    """What a results file holds: `{part: ...}`; empty where there is none."""
    if not file.exists():
        return {}
    try:
        book = json.loads(file.read_text())
        return {part: found for part, found in book.items() if part in PARTS}
    except (ValueError, AttributeError, OSError) as error:
        raise UserError(
            f"{file} is not a results file of simclr bench: choose another --out."
        ) from error


def page(part, figures, bars):
    """The figures and bars of one part, for a person."""
    lines = [f"{part}: {PARTS[part]}"]
    for figure in figures:
        name = f"  {figure.case}, {figure.side}, {figure.quantity}"
        if figure.values:
            low, high = figure.quartiles
            seen = f"{figure.median:,.4g} {figure.unit} ({low:,.4g} – {high:,.4g})"
        else:
            seen = figure.note
        lines.append(f"{name:64} {seen}")
    marks = {True: "✓", False: "✗", None: "–"}
    for bar in bars:
        if bar.value is not None:
            limit = "" if bar.limit is None else f" ({'≥' if bar.at_least else '≤'} {bar.limit:g})"
            line = f"{marks[bar.reached]} {bar.name:62} {bar.value:.3g} {bar.unit}{limit}"
            if bar.rounds:
                line += f"; by round {min(bar.rounds):.3g} – {max(bar.rounds):.3g}"
            lines.append(line)
    return "\n".join(lines) + "\n"


def tell(line):
    print(line, file=sys.stderr, flush=True)

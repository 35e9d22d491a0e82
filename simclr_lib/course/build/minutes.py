"""How long each lesson takes by itself: measured while building, quoted in its text."""

import csv
import io
import math

from simclr_lib.files import write_atomically

COLUMNS = ("lesson", "profile", "minutes", "machine")
PLACEHOLDERS = {"{minutes}": "full", "{smoke_minutes}": "smoke"}


def read_minutes(path):
    """`{(lesson, profile): minutes}` of a CSV file; empty where there is none."""
    return {key: float(row["minutes"]) for key, row in read_rows(path).items()}


def read_rows(path):
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["lesson"], row["profile"]): row for row in csv.DictReader(file)}


def record_minutes(path, lesson, profile, minutes, machine, busy=False):
    """Write what was measured, unless it says what is there already.

    A figure within a quarter of the recorded one, or within five seconds, is no news: building
    again on the same machine changes no file. A slower one from a busy machine says nothing.

    Args:
        path: of the CSV file, with the columns lesson, profile, minutes, machine.
        lesson, profile: what was executed.
        minutes: wall clock, start of the kernel included.
        machine: a few words that say on what it was measured.
        busy: whether the machine had other work meanwhile.
    """
    rows = read_rows(path)
    if (lesson, profile) in rows:
        recorded = float(rows[lesson, profile]["minutes"])
        if abs(minutes - recorded) <= max(recorded / 4, 5 / 60) or (busy and minutes > recorded):
            return
    rows[lesson, profile] = dict(
        zip(COLUMNS, (lesson, profile, f"{minutes:.2f}", machine), strict=True)
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[key] for key in sorted(rows))
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))


def fill_minutes(source, lesson, minutes):
    """Put measured times in the place of `{minutes}` (full) and `{smoke_minutes}`."""
    for placeholder, profile in PLACEHOLDERS.items():
        if placeholder in source:
            source = source.replace(placeholder, in_words(minutes.get((lesson, profile))))
    return source


def missing_minutes(lesson, minutes):
    """The profiles whose time a lesson quotes though it was never measured."""
    text = "\n".join(cell.source for cell in lesson.cells)
    return [
        profile
        for placeholder, profile in PLACEHOLDERS.items()
        if placeholder in text and (lesson.name, profile) not in minutes
    ]


def in_words(minutes):
    """Rounded up: to five seconds, and from 90 seconds on to half a minute."""
    if minutes is None:
        return "(not measured yet)"
    seconds = 60 * minutes
    if seconds <= 90:
        return f"{5 * math.ceil(seconds / 5)} seconds"
    halves = math.ceil(seconds / 30)
    return f"{halves / 2:g} minutes"

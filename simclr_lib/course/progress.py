"""What a learner has done: a small file of their own, and a table of it.

The file is `.simclr-progress.json` in the user's home folder (the environment variable
SIMCLR_PROGRESS names another), so that it is the same for a notebook and for the command, in
whatever folder they run, and stays when the kit is fetched anew. It holds no answers, only counts
and a fingerprint of the last one.
"""

import contextlib
import csv
import hashlib
import json
import os
import time
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically

NAME = ".simclr-progress.json"
FIELDS = ["attempts", "passed", "hints", "solution_seen", "last_mistakes", "passed_at"]
BLANK = {
    "attempts": 0,
    "passed": False,
    "hints": 0,
    "solution_seen": False,
    "last_mistakes": [],
    "passed_at": "",
    "last_answer": "",
}


def place() -> Path:
    """Where this user's progress is kept."""
    chosen = os.environ.get("SIMCLR_PROGRESS")
    return Path(chosen).expanduser() if chosen else Path.home() / NAME


def of_exercise(exercise_id: str) -> dict:
    """What is known of one exercise: the fields of `BLANK`."""
    with contextlib.suppress(OSError, ValueError):
        return {**BLANK, **read(place()).get(exercise_id, {})}
    return dict(BLANK)


def record_check(exercise_id, answer, passed, mistakes) -> str:
    """Count an attempt; the same answer again is not a new one.

    Returns:
        A line to be shown where something is wrong with the file, else "".
    """

    def change(entry):
        print_of_answer = fingerprint(answer)
        if print_of_answer != entry["last_answer"]:
            entry["attempts"] += 1
        entry["last_answer"] = print_of_answer
        entry["last_mistakes"] = list(mistakes)
        if passed and not entry["passed"]:
            entry["passed"] = True
            entry["passed_at"] = time.strftime("%Y-%m-%dT%H:%M:%S")

    return update(exercise_id, change)


def record_hint(exercise_id) -> str:
    return update(exercise_id, lambda entry: entry.update(hints=entry["hints"] + 1))


def record_solution(exercise_id) -> str:
    return update(exercise_id, lambda entry: entry.update(solution_seen=True))


def update(exercise_id, change) -> str:
    """Apply `change` to the entry of an exercise; never raises.

    Returns:
        A line about the file, or "".
    """
    path, note = place(), ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            try:
                entries = read(path)
            except ValueError:
                aside = set_aside(path)
                note = (
                    f"The progress file was damaged: it is kept as {aside.name}, a new one began."
                )
                entries = {}
            entry = {**BLANK, **entries.get(exercise_id, {})}
            change(entry)
            text = json.dumps(
                {"version": 1, "exercises": {**entries, exercise_id: entry}}, indent=1
            )
            write_atomically(path, lambda file: file.write(text.encode()))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        note = (
            f"Your progress could not be saved ({reason}); SIMCLR_PROGRESS can name another file."
        )
    return note


def read(path) -> dict:
    """The entries of a progress file, by exercise; none where there is no file.

    Raises:
        ValueError: the file holds something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    content = json.loads(text)
    if not isinstance(content, dict) or not isinstance(content.get("exercises"), dict):
        raise ValueError("not a progress file")
    for entry in content["exercises"].values():
        if not isinstance(entry, dict):
            raise ValueError("not a progress file")
        for field, value in entry.items():
            if field in BLANK and type(value) is not type(BLANK[field]):
                raise ValueError(f"{field} is {value!r}")
    return content["exercises"]


def set_aside(path):
    """Give a damaged file another name, one that is free."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    os.replace(path, aside)
    return aside


@contextlib.contextmanager
def locked(path):
    """Hold a lock, so that two kernels do not overwrite what the other has just written.

    Where the system cannot lock (some network folders), it goes on without.
    """
    with open(path.with_name(f"{path.name}.lock"), "a+b") as file:
        with contextlib.suppress(OSError):
            if os.name == "nt":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # tries for ten seconds
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fingerprint(answer) -> str:
    """The same for a function that only its comments and spaces have changed in."""
    code = getattr(answer, "__code__", None)
    return hashlib.sha256(repr(_content(code) if code else answer).encode()).hexdigest()[:16]


def _content(code):
    constants = [_content(c) if hasattr(c, "co_code") else repr(c) for c in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, constants


# -- Tables ----------------------------------------------------------------------------------------


def table() -> str:
    """The learner's progress, lesson by lesson."""
    from simclr_lib.course.exercises import all_exercises

    try:
        entries = read(place())
    except (OSError, ValueError):
        raise UserError(f"the progress file {place()} cannot be read: rename it.") from None
    lessons = {}
    for exercise in all_exercises():
        entry = {**BLANK, **entries.get(exercise.id, {})}
        lessons.setdefault(exercise.lesson, []).append((exercise, entry))
    wide = max((len(e.id) for rows in lessons.values() for e, _ in rows), default=8)
    lines = [f"{'':2}{'exercise':{wide}}  attempts  about"]
    for lesson, rows in lessons.items():
        passed = sum(entry["passed"] for _, entry in rows)
        lines += ["", f"{lesson}: {passed} of {len(rows)} passed"]
        for exercise, entry in rows:
            mark = "✓" if entry["passed"] else "✗" if entry["attempts"] else "–"
            lines.append(f"{mark} {exercise.id:{wide}}  {entry['attempts']:8}  {exercise.title}")
    lines += ["", "✓ visible checks passed, ✗ not yet, – not started", f"Kept in {place()}"]
    return "\n".join(lines)


def export(folder, to) -> tuple[int, list[str]]:
    """Write a class's progress into a CSV: one row a student and exercise.

    Args:
        folder: holds one progress file a student: `NAME.json`, or any `.json` file in a folder
            `NAME`.
        to: the CSV file.

    Returns:
        How many students, and a line for each file that could not be read.

    Raises:
        UserError: no such folder, or no progress file in it.
    """
    from simclr_lib.course.exercises import all_exercises

    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"no folder {str(folder)!r}: give the one with the students' files.")
    files = {file.stem: file for file in sorted(folder.glob("*.json"))}
    for file in sorted(folder.glob("*/*.json")):
        student = file.parent.name
        files[f"{student}/{file.stem}" if student in files else student] = file
    if not files:
        raise UserError(f"no progress file in {str(folder)!r}: NAME.json, or NAME/{NAME}.")

    faults, rows = [], []
    for student, file in files.items():
        try:
            entries = read(file)
        except (OSError, ValueError):
            faults.append(f"{file} is not a progress file: left out.")
            continue
        for exercise in all_exercises():
            entry = {**BLANK, **entries.get(exercise.id, {})}
            entry["last_mistakes"] = "; ".join(map(str, entry["last_mistakes"]))
            row = [entry[field] for field in FIELDS]
            rows.append([student, exercise.lesson, exercise.id, *row])

    with open(to, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["student", "lesson", "exercise", *FIELDS])
        writer.writerows(rows)
    return len(files) - len(faults), faults

"""Build the lessons' notebooks from their one source, `solutions/NN_slug.py`.

`solutions/NN_slug.ipynb` is the whole lesson, executed; `notebooks/NN_slug.ipynb` is the students'
lesson. Neither is edited by hand.
"""

from pathlib import Path

import psutil
from tqdm import tqdm

from simclr_lib import machine
from simclr_lib.course.build.execution import execute
from simclr_lib.course.build.faults import SOURCES, find_faults, leaks, stub_faults
from simclr_lib.course.build.minutes import read_minutes, record_minutes
from simclr_lib.course.build.notebooks import (
    instructors_notebook,
    solution_notebook,
    students_notebook,
    to_bytes,
)
from simclr_lib.course.build.source import read_lesson
from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically

__all__ = ["build", "build_for_instructors", "find_faults", "find_lessons", "kit_folder"]

DATASET = "shapes"  # what committed outputs are of: drawn by code, so everyone has it
BUSY = 20  # per cent of the processor that others use before a lesson starts
ASSIGNMENT = "simclr"
GRADER_CONFIG = """c = get_config()
c.CourseDirectory.course_id = "simclr"
c.ClearSolutions.code_stub = {"python": "return NOT_STARTED"}
c.ClearSolutions.enforce_metadata = False
"""


def kit_folder():
    """The folder that holds `solutions/`: beside the installed package, or here.

    Raises:
        UserError: neither does.
    """
    for place in (Path(__file__).resolve().parents[3], Path.cwd()):
        if (place / "solutions").is_dir():
            return place
    raise UserError("there is no folder `solutions` here: go to the kit's folder first.")


def find_lessons(root, wanted=()):
    """The sources of some lessons, in order.

    Args:
        root: the kit's folder.
        wanted: numbers ("03") or names ("03_nt_xent"); none: all lessons.

    Returns:
        A list of paths.

    Raises:
        UserError: a lesson is not there.
    """
    there = sorted((root / "solutions").glob(SOURCES))
    found = []
    for word in wanted:
        matches = [path for path in there if Path(word).stem in (path.stem, path.stem[:2])]
        if not matches:
            names = ", ".join(path.stem for path in there)
            raise UserError(f"There is no lesson {word!r}; there are: {names}.")
        found += matches
    return sorted(set(found)) if wanted else there


def build(root, wanted=(), *, profile="full", students_only=False, say=print):
    """Make the notebooks of some lessons.

    Stopped at any moment, every notebook is whole: the old one or the new one.

    Args:
        root: the kit's folder.
        wanted: see `find_lessons`.
        profile: "full" (minutes) or "smoke" (seconds), for the execution.
        students_only: leave out the execution.
        say: function that is told, a line at a time, what was made.

    Raises:
        UserError: a source has a fault, a cell fails, or a solution would leak to students.
    """
    solutions, notebooks = root / "solutions", root / "notebooks"
    times = solutions / "minutes.csv"
    lessons = [read_lesson(path) for path in find_lessons(root, wanted)]
    for lesson in lessons:
        made = students_notebook(lesson, {})
        for fault in (*stub_faults(made), *leaks(lesson, made)):
            raise UserError(f"solutions/{lesson.name}.py: {fault}.")
    for lesson in lessons:
        if not students_only:
            busy = psutil.cpu_percent(interval=1) > BUSY
            executed, minutes = run(lesson, profile)
            record_minutes(times, lesson.name, profile, minutes, machine_in_words(), busy)
            for cell, fresh in zip(
                executed.cells, solution_notebook(lesson, read_minutes(times)).cells, strict=True
            ):
                cell.source = fresh.source  # now with the minutes
            write(solutions / f"{lesson.name}.ipynb", executed)
            note = "; the machine was busy" if busy else ""
            say(
                f"solutions/{lesson.name}.ipynb: {minutes:.1f} minutes ({profile}, {DATASET}{note})"
            )
        write(notebooks / f"{lesson.name}.ipynb", students_notebook(lesson, read_minutes(times)))
        say(f"notebooks/{lesson.name}.ipynb")


def build_for_instructors(root, course, say=print):
    """Make an nbgrader course: the lessons as one assignment, and a config if there is none.

    Args:
        root: the kit's folder.
        course: the course's folder; `source/simclr/` is made in it.
        say: function that is told what was made.
    """
    course = Path(course)
    folder = course / "source" / ASSIGNMENT
    folder.mkdir(parents=True, exist_ok=True)
    minutes = read_minutes(root / "solutions" / "minutes.csv")
    for path in find_lessons(root):
        lesson = read_lesson(path)
        write(folder / f"{lesson.name}.ipynb", instructors_notebook(lesson, minutes))
        say(f"{folder / lesson.name}.ipynb")
    config = course / "nbgrader_config.py"
    if not config.exists():
        write_atomically(config, lambda file: file.write(GRADER_CONFIG.encode()))
        say(str(config))
    say(f"Next, in {course}: nbgrader generate_assignment {ASSIGNMENT}")


def run(lesson, profile):
    """Execute a lesson with a bar in the terminal: `(notebook, minutes)`."""
    notebook = solution_notebook(lesson, {})
    count = sum(cell.kind == "code" for cell in lesson.cells)
    form = "{desc} |{bar:20}| cell {n_fmt} of {total_fmt}, {elapsed}, {remaining} left"
    with tqdm(total=count, desc=f"{lesson.name} ({profile})", bar_format=form, disable=None) as bar:
        try:
            settings = {"profile": profile, "dataset": DATASET}
            executed, seconds = execute(notebook, settings, bar.update)
        except UserError as error:
            raise UserError(f"solutions/{lesson.name}.py: {error}") from error
    executed.metadata["simclr"] = {"profile": profile, "dataset": DATASET}
    return executed, seconds / 60


def machine_in_words():
    return f"{machine.processor()}, {machine.cores()} cores"


def write(path, notebook):
    path.parent.mkdir(exist_ok=True)
    content = to_bytes(notebook)
    write_atomically(path, lambda file: file.write(content))

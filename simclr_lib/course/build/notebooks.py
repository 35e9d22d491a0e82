"""Make the notebooks of a lesson: with solutions, for students, and for instructors.

Each is a pure function of the source and of the measured minutes: the same bytes every time.
"""

import nbformat

from simclr_lib.course.build.minutes import fill_minutes
from simclr_lib.course.build.source import BEGIN, END

STUB = "return NOT_STARTED"
HIDDEN_TEST = "### BEGIN HIDDEN TESTS\nassert {report}.passed\n### END HIDDEN TESTS"
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def solution_notebook(lesson, minutes):
    """The whole lesson, not executed.

    Args:
        lesson: a `Lesson`.
        minutes: `{(lesson, profile): minutes}`, what the text quotes.

    Returns:
        An `nbformat` notebook.
    """
    return join(
        lesson, [(cell, fill_minutes(cell.source, lesson.name, minutes)) for cell in lesson.cells]
    )


def students_notebook(lesson, minutes):
    """The lesson with empty exercises and without the commentary that gives answers away.

    Exercises and the cells that check them carry nbgrader's metadata. Arguments and result as
    for `solution_notebook`.
    """
    cells = [
        (cell, without_solutions(fill_minutes(cell.source, lesson.name, minutes)))
        for cell in lesson.cells
        if "commentary" not in cell.tags
    ]
    return join(lesson, cells, graded=True)


def instructors_notebook(lesson, minutes):
    """The students' lesson with its solutions, and with hidden tests: nbgrader's source.

    Arguments and result as for `solution_notebook`.
    """
    cells = []
    for cell in lesson.cells:
        if "commentary" in cell.tags:
            continue
        source = fill_minutes(cell.source, lesson.name, minutes)
        if cell.checks:
            report, _ = cell.checks
            source += "\n" + HIDDEN_TEST.format(report=report)
        cells.append((cell, source))
    return join(lesson, cells, graded=True)


def without_solutions(source):
    """Put `return NOT_STARTED` in the place of each solution region, as deep as its mark."""
    lines, hiding = [], False
    for line in source.splitlines():
        if line.strip() == BEGIN:
            lines.append(line.replace(BEGIN, STUB))
            hiding = True
        elif line.strip() == END:
            hiding = False
        elif not hiding:
            lines.append(line)
    return "\n".join(lines)


def join(lesson, cells, graded=False):
    """A notebook of `(cell, its text)`; with nbgrader's metadata if `graded`."""
    made = []
    for cell, source in cells:
        metadata = {"tags": list(cell.tags)} if cell.tags else {}
        if graded and (cell.is_exercise or cell.checks):
            metadata["nbgrader"] = grading(cell)
        new = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
        made.append(new[cell.kind](source, id=cell.slug, metadata=metadata))
    return nbformat.v4.new_notebook(cells=made, metadata=METADATA)


def grading(cell):
    """nbgrader's metadata of an exercise, or of the cell that checks one."""
    graded = cell.checks is not None
    points = {"points": cell.points} if graded else {}
    return {
        "grade": graded,
        "grade_id": cell.slug,
        "locked": graded,
        **points,
        "schema_version": 3,
        "solution": not graded,
        "task": False,
    }


def to_bytes(notebook):
    """The file's content: keys in order, text as it is, one newline at the end."""
    nbformat.validate(notebook)
    return f"{nbformat.writes(notebook)}\n".encode()

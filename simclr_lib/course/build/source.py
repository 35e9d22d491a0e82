"""Read a lesson's source: `solutions/NN_slug.py`, in jupytext's percent format.

Each cell begins with a line such as `# %% slug=draw-views tags=["parameters"]`, or, for text,
`# %% [markdown] slug=why-colour`. The slug becomes the cell's id, so ids never change by
themselves. What a learner writes stands between nbgrader's marks `### BEGIN SOLUTION` and
`### END SOLUTION`, indented as the function's body.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from simclr_lib.errors import UserError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_SLUG = 64  # what the notebook format allows as a cell's id
KNOWN = {"slug", "tags", "points"}


@dataclass(frozen=True)
class Cell:
    """One cell of a lesson.

    Attributes:
        slug: its name, unique in the lesson.
        kind: "markdown" or "code".
        source: its text.
        tags: such as "parameters", "commentary", "nbval-check-output".
        points: what passing is worth to an instructor, for a cell that checks an exercise.
    """

    slug: str
    kind: str
    source: str
    tags: tuple[str, ...] = ()
    points: int = 1

    @property
    def is_exercise(self):
        """Whether a learner has something to write here."""
        return self.kind == "code" and BEGIN in self.source

    @property
    def checks(self):
        """`(report, exercise)` of `report = check("nt_xent", nt_xent)`; None without a check."""
        if self.kind == "markdown":
            return None
        for statement in ast.parse(self.source).body:
            match statement:
                case ast.Assign(
                    targets=[ast.Name(id=report)],
                    value=ast.Call(
                        func=ast.Name(id="check"), args=[ast.Constant(value=str(exercise)), *_]
                    ),
                ):
                    return report, exercise
        return None


@dataclass(frozen=True)
class Lesson:
    """A lesson's source.

    Attributes:
        name: such as "03_nt_xent".
        cells: its `Cell`s in order.
    """

    name: str
    cells: tuple[Cell, ...]


def read_lesson(path):
    """Read one lesson.

    Args:
        path: of `NN_slug.py`.

    Returns:
        A `Lesson` whose slugs are unique, whose code parses, and whose solution marks pair up.

    Raises:
        UserError: one of these is not so; the line names the file and the cell.
    """
    import jupytext

    path = Path(path)
    text = path.read_text(encoding="utf-8")
    cells, seen = [], "the beginning"
    for raw in jupytext.reads(text, fmt={"extension": ".py", "format_name": "percent"}).cells:
        try:
            cell = make_cell(raw)
            if cell.slug in {earlier.slug for earlier in cells}:
                raise ValueError(f"the slug {cell.slug!r} is taken by an earlier cell")
            validate(cell)
        except SyntaxError as error:
            line = (error.text or "").strip()
            raise UserError(f"{path}, cell {cell.slug!r}: {error.msg}: {line!r}.") from error
        except ValueError as error:
            raise UserError(f"{path}, the cell after {seen}: {error}.") from error
        seen = repr(cell.slug)
        cells.append(cell)
    if not cells:
        raise UserError(f"{path} has no cells: begin one with `# %% [markdown] slug=title`.")
    return Lesson(path.stem, tuple(cells))


def make_cell(raw):
    """Turn what jupytext read into a `Cell`; a ValueError says what its first line lacks."""
    options = dict(raw.metadata)
    options.pop("lines_to_next_cell", None)  # blank lines, which jupytext counts
    # A slug without quotes is no JSON: jupytext hands such words on as they are.
    for word in options.pop("incorrectly_encoded_metadata", "").split():
        name, _, value = word.partition("=")
        options[name] = value
    if unknown := ", ".join(options.keys() - KNOWN):
        raise ValueError(f"its first line says {unknown}, which means nothing here")
    slug = str(options.get("slug", ""))
    if not SLUG.fullmatch(slug) or len(slug) > LONGEST_SLUG:
        raise ValueError(
            f"its slug is {slug!r}; it needs one of lower-case letters, digits and hyphens"
        )
    if raw.cell_type not in ("markdown", "code"):
        raise ValueError(f"{slug!r} is a {raw.cell_type} cell; there are text and code here")
    return Cell(
        slug, raw.cell_type, raw.source, tuple(options.get("tags", ())), options.get("points", 1)
    )


def validate(cell):
    """Raise a ValueError or SyntaxError for code that can't become a learner's notebook."""
    marks = [line.strip() for line in cell.source.splitlines() if line.strip() in (BEGIN, END)]
    if marks != [BEGIN, END] * (len(marks) // 2):
        raise ValueError(f"in {cell.slug!r} {BEGIN!r} and {END!r} do not alternate")
    if cell.kind == "markdown" and marks:
        raise ValueError(f"{cell.slug!r} is text and has solution marks")
    if cell.kind == "code":
        compile(cell.source, cell.slug, "exec")
        calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
        names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
        if "check" in names and not cell.checks:
            raise ValueError(f"{cell.slug!r} checks otherwise than `report = check('id', answer)`")


def solution_regions(source):
    """The texts between the solution marks of a cell, one string a region."""
    regions, lines = [], None
    for line in source.splitlines():
        if line.strip() == BEGIN:
            lines = []
        elif line.strip() == END:
            regions.append("\n".join(lines))
            lines = None
        elif lines is not None:
            lines.append(line)
    return regions

"""Find what is wrong with the built notebooks: one line a fault, nothing is executed."""

import io
import keyword
import textwrap
import tokenize

import nbformat

from simclr_lib.course.build.minutes import missing_minutes, read_minutes
from simclr_lib.course.build.notebooks import solution_notebook, students_notebook, to_bytes
from simclr_lib.course.build.source import read_lesson, solution_regions
from simclr_lib.errors import UserError

SOURCES = "[0-9][0-9]_*.py"
TELLING = 5
BRACKETS_AND_MARKS = set("()[]{},:;.") | {"=", "->", "..."}
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def find_faults(root):
    """Yield a line for each fault of the notebooks under `root`.

    Args:
        root: the kit's folder, with `solutions/` and `notebooks/`.
    """
    minutes = read_minutes(root / "solutions" / "minutes.csv")
    names = set()
    for path in sorted((root / "solutions").glob(SOURCES)):
        names.add(path.stem)
        try:
            lesson = read_lesson(path)
        except UserError as error:
            yield str(error)
            continue
        yield from students_faults(lesson, minutes, root / "notebooks")
        yield from solution_faults(lesson, minutes, root / "solutions")
        for profile in missing_minutes(lesson, minutes):
            yield (
                f"solutions/minutes.csv lacks {lesson.name} ({profile}): "
                f"run `simclr build {lesson.name[:2]} --profile {profile}`."
            )
    for path in sorted((root / "solutions").glob("*.ipynb")):
        if path.stem not in names:
            yield f"solutions/{path.name} has no source {path.stem}.py: delete it."


def students_faults(lesson, minutes, folder):
    """Yield what is wrong with a students' notebook: stale, not parsing, or telling too much."""
    name = f"notebooks/{lesson.name}.ipynb"
    made = students_notebook(lesson, minutes)
    yield from (f"{name}: {fault}" for fault in stub_faults(made))
    yield from (f"{name}: {fault}" for fault in leaks(lesson, made))
    path = folder / f"{lesson.name}.ipynb"
    if not path.exists():
        yield f"{name} is missing: run `simclr build {lesson.name[:2]} --students`."
    elif path.read_bytes() != to_bytes(made):
        yield f"{name} is stale: run `simclr build {lesson.name[:2]} --students`."


def solution_faults(lesson, minutes, folder):
    """Yield what is wrong with an executed notebook: stale, or without all its outputs."""
    name = f"solutions/{lesson.name}.ipynb"
    again = f"run `simclr build {lesson.name[:2]}`."
    path = folder / f"{lesson.name}.ipynb"
    if not path.exists():
        yield f"{name} is missing: {again}"
        return
    try:
        executed = nbformat.read(path, as_version=4)
    except Exception as error:
        yield f"{name} is damaged ({type(error).__name__}): {again}"
        return
    if to_bytes(without_outputs(executed)) != to_bytes(solution_notebook(lesson, minutes)):
        yield f"{name} is stale: {again}"
        return
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield f"{name} is not executed from top to bottom: {again}"
    checking = {cell.slug for cell in lesson.cells if cell.checks}
    for cell in code:
        if not cell.outputs and cell.id in checking:
            yield f"{name}: the outputs of cell {cell.id!r} are missing: {again}"
    profile = executed.metadata.get("simclr", {}).get("profile")
    if profile != "full":
        yield f"{name} holds outputs of the profile {profile!r}, not 'full': {again}"


def without_outputs(notebook):
    """A copy with nothing that execution adds."""
    bare = nbformat.from_dict(notebook)
    bare.metadata.pop("simclr", None)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return bare


def stub_faults(notebook):
    """Yield the code cells that are no valid Python once their solutions are gone."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            try:
                compile(cell.source, cell.id, "exec")
            except SyntaxError as error:
                yield f"cell {cell.id!r} does not parse without its solution: {error.msg}"


def leaks(lesson, notebook):
    """Yield the telling lines of solutions that stand in a students' notebook all the same.

    Lines are compared as tokens, so spaces, comments and line breaks within brackets make no
    difference. A line is telling if it has at least five names, numbers, texts and operators,
    not counting keywords, brackets, dots and the assignment, and does not open a block: `return x`,
    `for i in range(n):` and `n = len(z)` tell nothing. What is assigned or returned counts, under
    whichever name: the part after `=` or `return` is looked for in code and text alike.
    """
    haystacks = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = [" ".join(tokens) for tokens in logical_lines(cell.source)]
        else:
            lines = [" ".join(loose_tokens(cell.source))]
        haystacks[cell.id] = [f" {line} " for line in lines]
    for cell in lesson.cells:
        for region in solution_regions(cell.source) if cell.is_exercise else ():
            for tokens in logical_lines(region):
                if not is_telling(tokens):
                    continue
                needle = f" {' '.join(what_is_said(tokens))} "
                for place, lines in haystacks.items():
                    if any(needle in line for line in lines):
                        yield f"cell {place!r} gives away {needle.strip()!r} of {cell.slug!r}"


def is_telling(tokens):
    """Whether a line of a solution is worth hiding; `leaks` says how that is decided."""
    said = [
        token
        for token in tokens
        if token not in BRACKETS_AND_MARKS and not keyword.iskeyword(token)
    ]
    return len(said) >= TELLING and tokens[-1] != ":"


def what_is_said(tokens):
    """The part of a line after `return`, or after the first `=` outside brackets."""
    if tokens[0] == "return":
        return tokens[1:]
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token in "([{") - (token in ")]}")
        if token == "=" and depth == 0:
            return tokens[place + 1 :]
    return tokens


def logical_lines(source):
    """Yield the tokens of each statement line, without comments."""
    tokens = []
    for token in tokenize.generate_tokens(io.StringIO(textwrap.dedent(source)).readline):
        if token.type == tokenize.NEWLINE and tokens:
            yield tokens
            tokens = []
        elif token.type not in LAYOUT:
            tokens.append(token.string)


def loose_tokens(text):
    """The tokens of a text that need not be Python, a line at a time as far as they go."""
    for line in text.replace("`", " ").splitlines():
        try:
            for token in tokenize.generate_tokens(io.StringIO(line.strip()).readline):
                if token.type not in LAYOUT:
                    yield token.string
        except (tokenize.TokenError, SyntaxError):
            continue

"""`hint` and `solution`: help in steps, from a nudge to the whole."""

import ast
import difflib
import html
import inspect
import textwrap

from simclr_lib.course import checking, exercises, progress
from simclr_lib.course.report import card, show_text
from simclr_lib.errors import UserError

HONEST_ATTEMPTS = 3

given = {}  # exercise id → (what the last check found, how many hints were given for that)


def hint(exercise_id: str):
    """Show the next hint of an exercise: three steps, the first for what the last check found.

    When a check finds something else, the steps begin anew.
    """
    exercise = find_or_tell(exercise_id)
    if exercise is None:
        return
    _, report = checking.last.get(exercise.id, (None, None))
    found = report.mistakes if report else ()
    steps = list(exercise.hints)
    if report and report.mistakes:
        steps[0] = report.hint
    before, count = given.get(exercise.id, (found, 0))
    count = count + 1 if before == found else 1
    given[exercise.id] = found, count
    if count > len(steps):
        show_text(
            f"There are no more hints for {exercise.id}:"
            f' solution("{exercise.id}") shows a solution.'
        )
        return
    note = progress.record_hint(exercise.id)
    text = f"Hint {count} of {len(steps)} for {exercise.id}: {steps[count - 1]}"
    show_text(f"{text}\n{note}" if note else text)


def solution(exercise_id: str, now: bool = False):
    """Show a solution, as a difference against the answer that was last checked.

    Args:
        exercise_id: the exercise's name.
        now: True shows it at once; otherwise it takes three honest attempts (different answers
            that were checked) or a passed check.
    """
    exercise = find_or_tell(exercise_id)
    if exercise is None:
        return
    done = progress.of_exercise(exercise.id)
    left = HONEST_ATTEMPTS - done["attempts"]
    if left > 0 and not done["passed"] and not now:
        tries = "attempt" if left == 1 else "attempts"
        show_text(
            f"The solution of {exercise.id} comes after {left} more {tries};"
            f' hint("{exercise.id}") helps on. To see it all the same:'
            f' solution("{exercise.id}", now=True)'
        )
        return
    progress.record_solution(exercise.id)
    answer, _ = checking.last.get(exercise.id, (None, None))
    right = source_of(exercise.right[0], exercise.id)
    mine = source_of(answer, exercise.id) if answer is not None else None
    if mine is None or getattr(answer, "kits_own", None):
        title = f"A solution of {exercise.id}:"
        marked = [(" ", line) for line in right]
    else:
        title = f"From your {exercise.id} (−) to a solution (+); there are others:"
        marked = difference(mine, right)
    as_text = "\n".join([title, *(f"{mark} {line}".rstrip() for mark, line in marked)])
    show_text(as_text, card([html.escape(title), listing(marked)]))


def find_or_tell(exercise_id):
    try:
        return exercises.find(exercise_id)
    except UserError as error:
        show_text(f"✗ {error}")
        return None


def source_of(function, name):
    """The lines of a function without its docstring, called `name`; None where unknown."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return None
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        return None
    lines = source.splitlines()
    first = definition.body[0]
    if ast.get_docstring(definition, clean=False) is not None:
        del lines[first.lineno - 1 : first.end_lineno]
    head = definition.lineno - 1  # below decorators
    lines[head] = lines[head].replace(f"def {definition.name}(", f"def {name}(", 1)
    return [line.rstrip() for line in lines[head:] if line.strip()]


def difference(mine, right):
    """(mark, line): " " in both, "−" only in mine, "+" only in the right one."""
    marked = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, mine, right).get_opcodes():
        if kind == "equal":
            marked += [(" ", line) for line in mine[i:j]]
        else:
            marked += [("−", line) for line in mine[i:j]] + [("+", line) for line in right[k:m]]
    return marked


def listing(marked):
    words = {"−": ("del", "yours"), "+": ("ins", "solution")}
    rows = []
    for mark, line in marked:
        line = html.escape(f"{mark} {line}")
        if mark in words:
            tag, title = words[mark]
            line = f'<{tag} style="text-decoration:none" title="{title}">{line}</{tag}>'
        rows.append(f"<strong>{line}</strong>" if mark == "+" else line)  # not by colour
    style = (
        "font-family:var(--jp-code-font-family, monospace);white-space:pre-wrap;"
        "color:inherit;background:transparent;line-height:1.35;margin:0"
    )
    return f'<pre style="{style}">{chr(10).join(rows)}</pre>'

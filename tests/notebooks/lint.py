"""Rules that a lesson keeps for readers who do not see it, and for all who read it late at night.

Each rule is a function of a `Lesson` that yields a sentence for each place where it is broken.
"""

import ast
import re
import tokenize
from io import StringIO

LONGEST_CELL = 20  # lines of code; blank lines, comments and docstrings aside
EMPTY_WORDS = {"here", "this", "link", "this link", "click here", "this page", "page", "read more"}
EMPTY_WORDS |= {"more", "there", "paper", "source", "see"}
DRAWING = {"plots", "plt", "pyplot", "ax", "axes", "fig", "figure"}  # what figures are made with
NO_FIGURES = {"set_style", "embed_in_plane", "save"}  # functions of plots that give none


def one_title(lesson):
    titles = [text for level, text in headings(lesson) if level == 1]
    if len(titles) != 1:
        yield f"{len(titles)} headings of the first level: {titles}"
    first = next(iter(headings(lesson)), None)
    if first and first[0] != 1:
        yield f"the first heading is {first[1]!r}, of level {first[0]}"


def headings_in_order(lesson):
    """A heading is at most one level below the one before."""
    before = 0
    for level, text in headings(lesson):
        if level > before + 1:
            yield f"the heading {text!r} skips a level"
        before = level


def pictures_have_words(lesson):
    for cell in text_cells(lesson):
        for alt in re.findall(r"!\[([^\]]*)\]", cell.source):
            if len(alt.split()) < 3:
                yield f"{cell.slug}: a picture has {alt!r} for those who do not see it"
        for tag in re.findall(r"<img\b[^>]*>", cell.source):
            if not re.search(r"""\balt=(["'])(\S+\s+){2,}\S+.*?\1""", tag):
                yield f"{cell.slug}: {tag} has no alternative text"


def figures_go_through_show(lesson):
    """A cell that draws calls `show(figure, alt=…)`; without `alt` for the kit's own figures."""
    for cell in code_cells(lesson):
        tree = ast.parse(cell.source)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        in_functions = {
            call
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
        }
        names = [dotted(call.func) for call in calls]
        if any(name in ("plt.show", "pyplot.show", "fig.show", "figure.show") for name in names):
            yield f"{cell.slug}: show(figure, alt=…) instead of {'plt.show()'}"
        shown = [call for call in calls if dotted(call.func) == "show"]
        for call in shown:
            alt = next((word.value for word in call.keywords if word.arg == "alt"), None)
            if isinstance(alt, ast.Constant) and len(str(alt.value).split()) < 4:
                yield f"{cell.slug}: alt={alt.value!r} says too little"
            if alt is None and not is_the_kits_figure(call, tree):
                yield f"{cell.slug}: show(…) lacks alt=…"
        for call in calls:
            root, _, function = dotted(call.func).partition(".")
            draws = root in DRAWING and function and function not in NO_FIGURES
            if draws and not shown and call not in in_functions:
                yield f"{cell.slug}: {root}.{function} draws, and nothing is shown with show()"
                break


def links_say_where_they_go(lesson):
    for cell in text_cells(lesson):
        prose = re.sub(r"`[^`]*`", "", cell.source)
        for text in re.findall(r"(?<!!)\[([^\]]+)\]\(", prose):
            if text.strip().lower() in EMPTY_WORDS or text.startswith("http"):
                yield f"{cell.slug}: the link {text!r} does not say where it goes"
        for address in re.findall(r"(?<![(<\w])https?://\S+", prose):
            yield f"{cell.slug}: the bare address {address} needs a link with words"


def prose_before_code(lesson):
    """Text stands before each code cell; a check may follow its exercise at once."""
    before = None
    for cell in lesson.cells:
        follows_exercise = cell.kind == "code" and cell.checks and before and before.is_exercise
        if cell.kind == "code" and not follows_exercise:
            if before is None or before.kind == "code":
                yield f"{cell.slug}: a code cell without a sentence before it"
            elif not re.search(r"\w[.:?!…]", prose_of(before)):
                yield f"{cell.slug}: {before.slug} before it holds no sentence"
            elif "commentary" in before.tags and "commentary" not in cell.tags:
                yield f"{cell.slug}: students do not get the text before it, a commentary"
        before = cell


def short_cells(lesson):
    for cell in code_cells(lesson):
        count = lines_of_code(cell.source)
        if count > LONGEST_CELL:
            yield f"{cell.slug}: {count} lines of code; {LONGEST_CELL} are enough for a cell"


def exercises_are_checked(lesson):
    """The function of an exercise is checked, and what goes on is `report.function`."""
    checked = {cell.checks[1]: cell for cell in code_cells(lesson) if cell.checks}
    for cell in code_cells(lesson):
        if cell.is_exercise:
            tree = ast.parse(cell.source)
            names = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
            if not set(names) & checked.keys():
                yield f"{cell.slug}: no cell checks {names}"
    for name, cell in checked.items():
        if not re.search(rf"^{name} = {cell.checks[0]}\.function$", cell.source, re.MULTILINE):
            yield f"{cell.slug}: {name} = {cell.checks[0]}.function is missing"
        if "nbval-check-output" not in cell.tags:
            yield f'{cell.slug}: a verdict is compared: tags=["nbval-check-output"] is missing'


def minutes_are_told(lesson):
    first = lesson.cells[0].source
    for placeholder in ("{minutes}", "{smoke_minutes}"):
        if placeholder not in first:
            yield f"the first cell does not quote {placeholder}"


RULES = (
    one_title,
    headings_in_order,
    pictures_have_words,
    figures_go_through_show,
    links_say_where_they_go,
    prose_before_code,
    short_cells,
    exercises_are_checked,
    minutes_are_told,
)


def text_cells(lesson):
    return [cell for cell in lesson.cells if cell.kind == "markdown"]


def code_cells(lesson):
    return [cell for cell in lesson.cells if cell.kind == "code"]


def headings(lesson):
    """`(level, text)` of each heading, those in code blocks left out."""
    for cell in text_cells(lesson):
        prose = re.sub(r"^```.*?^```", "", cell.source, flags=re.MULTILINE | re.DOTALL)
        for marks, text in re.findall(r"^(#{1,6}) +(.+)$", prose, re.MULTILINE):
            yield len(marks), text
        for level, text in re.findall(r"<h([1-6])[^>]*>(.*?)</h", prose):
            yield int(level), text


def prose_of(cell):
    """A text cell without its headings."""
    return re.sub(r"^#.*$", "", cell.source, flags=re.MULTILINE)


def dotted(node):
    """`plt.show` of the call `plt.show()`; "" for what is no plain name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (root := dotted(node.value)):
        return f"{root}.{node.attr}"
    return ""


def is_the_kits_figure(call, tree):
    """Whether what is shown was made by a function of `plots`, or of one `…_picture`."""
    shown = call.args[0] if call.args else None
    if isinstance(shown, ast.Name):
        values = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and dotted(node.targets[0]) == shown.id
        ]
        shown = values[-1] if values else None
    if not isinstance(shown, ast.Call):
        return False
    name = dotted(shown.func)
    return name.startswith("plots.") or name.endswith("_picture")


def lines_of_code(source):
    """How many lines hold code."""
    held = set()
    before = None
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type in skipped:
            continue
        is_docstring = token.type == tokenize.STRING and before in (None, tokenize.NEWLINE)
        if token.type not in (tokenize.NEWLINE, tokenize.ENDMARKER) and not is_docstring:
            held.update(range(token.start[0], token.end[0] + 1))
        before = token.type
    return len(held)

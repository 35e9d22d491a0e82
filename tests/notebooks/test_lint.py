"""Lessons keep the rules of lint.py, and each rule notices when it is broken."""

import papermill
import pytest
from lint import RULES, lines_of_code
from papermill.iorw import load_notebook_node
from papermill.utils import any_tagged_cell

from simclr_lib.course.build.source import Cell, Lesson, read_lesson
from simclr_lib.doctor import KIT

SOURCES = sorted((KIT / "solutions").glob("[0-9][0-9]_*.py"))
by_lesson = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


@by_lesson
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_lesson_keeps_the_rule(source, rule):
    assert list(rule(read_lesson(source))) == []


def text(source, slug="text", tags=()):
    return Cell(slug, "markdown", source, tags)


def code(source, slug="code", tags=()):
    return Cell(slug, "code", source, tags)


EXERCISE = code("def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION", "f")
CHECK = code('report = check("f", f)\nf = report.function', "f-check", ("nbval-check-output",))
FLAWLESS = Lesson(
    "99_flawless",
    (
        text(
            "# Title\n\nIt takes {minutes}, or {smoke_minutes}. See [NumPy's manual](https://x.y)."
        ),
        code("x = 1"),
        text("## Part\n\n![a cat on a mat](cat.png) sits. `[here](x)` is code."),
        EXERCISE,
        CHECK,
        text("### Detail\n\nNow draw it:"),
        code('ax = figure.subplots()\nshow(figure, alt="a line that rises slowly")'),
        text("And once more."),
        code("show(plots.view_grid(x, x, x))"),
        text("By itself this draws nothing."),
        code("def draw(ax):\n    ax.plot(1)"),
    ),
)
BROKEN = {
    "one_title": [text("# Second")],
    "headings_in_order": [text("##### Deep")],
    "pictures_have_words": [text("![](cat.png)"), text('<img src="cat.png">')],
    "figures_go_through_show": [
        code("plt.plot(x)"),
        code("plt.plot(x)\nplt.show()"),
        code("ax.imshow(x)"),
        code("plots.view_grid(x, x, x)"),
        code("show(figure)"),
        code('show(figure, alt="figure")'),
    ],
    "links_say_where_they_go": [
        text("Look [here](https://x.y)."),
        text("Look at https://x.y now."),
        text("Look at [https://x.y](https://x.y)."),
    ],
    "prose_before_code": [code("y = 1")],
    "short_cells": [code("\n".join(f"x{i} = {i}" for i in range(21)))],
    "exercises_are_checked": [
        code("def g(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"),
        code('report = check("g", g)', tags=("nbval-check-output",)),
        code('report = check("f", f)\nf = report.function'),
    ],
}


def test_a_flawless_lesson_is_not_blamed():
    for rule in RULES:
        assert list(rule(FLAWLESS)) == [], rule.__name__


@pytest.mark.parametrize(
    ("name", "flaw"), [(name, flaw) for name, flaws in BROKEN.items() for flaw in flaws]
)
def test_a_rule_notices_when_it_is_broken(name, flaw):
    rule = next(rule for rule in RULES if rule.__name__ == name)
    assert list(rule(Lesson("99_flawed", (*FLAWLESS.cells, flaw))))


def test_missing_minutes_are_noticed():
    rule = RULES[-1]
    assert len(list(rule(Lesson("99_flawed", FLAWLESS.cells[1:])))) == 2


def test_a_heading_alone_and_a_commentary_are_no_prose_before_code():
    rule = next(rule for rule in RULES if rule.__name__ == "prose_before_code")
    for before in (text("## Heading"), text("It is three.", tags=("commentary",))):
        assert list(rule(Lesson("99_flawed", (before, code("x = 1")))))


def test_only_lines_of_code_count():
    source = '"""Docstring,\ntwo lines."""\n\n# comment\nx = """a\nb"""\nprint(\n    x\n)\n'
    assert lines_of_code(source) == 5
    assert lines_of_code('def f():\n    """One.\n\n    Two.\n    """\n    return 1') == 2


@by_lesson
@pytest.mark.parametrize("folder", ["solutions", "notebooks"])
def test_papermill_finds_typed_parameters_with_words(source, folder):
    path = KIT / folder / f"{source.stem}.ipynb"
    assert any_tagged_cell(load_notebook_node(str(path)), "parameters")
    found = papermill.inspect_notebook(str(path))
    assert {"profile", "dataset", "seed"} <= found.keys()
    types = {name: parameter["inferred_type_name"] for name, parameter in found.items()}
    assert (types["profile"], types["dataset"], types["seed"]) == ("str", "str", "int")
    for name, parameter in found.items():
        assert parameter["inferred_type_name"] in ("str", "int", "float", "bool"), name
        assert parameter["help"], name

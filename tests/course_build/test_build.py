"""The builder: from one source to the notebooks, and what it refuses."""

import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from simclr_lib import cli
from simclr_lib.course import build as builder
from simclr_lib.course.build import execution, minutes
from simclr_lib.course.build.faults import is_telling, leaks, logical_lines, what_is_said
from simclr_lib.course.build.notebooks import (
    instructors_notebook,
    solution_notebook,
    students_notebook,
    without_solutions,
)
from simclr_lib.course.build.source import Cell, Lesson, read_lesson, solution_regions
from simclr_lib.errors import UserError

SOURCE = '''# %% [markdown] slug=title
# # A tiny lesson
#
# It takes {minutes}; {smoke_minutes} in the smoke profile.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" or "smoke"
dataset: str = "auto"  # which pictures
seed: int = 0  # any number

# %% slug=setup
import random
from types import SimpleNamespace

NOT_STARTED = None


def check(name, answer):
    passed = answer(3) == 9
    print(f"{name}: {passed}, {profile}, {dataset}")
    return SimpleNamespace(passed=passed, function=answer)


# %% [markdown] slug=square-text
# ## Square
#
# Write the square of a number.

# %% slug=square
def square(x):
    """Square a number."""
    ### BEGIN SOLUTION
    total = sum(x for _ in range(x))  # that many times
    return total
    ### END SOLUTION

# %% slug=square-check points=2
report = check("square", square)
square = report.function

# %% [markdown] slug=answer tags=["commentary"]
# It is nine.

# %% slug=draw
random.seed(seed)
print(random.random())
'''


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """A kit of one tiny lesson, in the working directory."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "07_tiny.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def simclr(kit, monkeypatch, capsys):
    """`simclr` in this process, for that kit: words → (exit code, stdout, stderr)."""
    monkeypatch.setattr(builder, "kit_folder", lambda: kit)

    def call(*words):
        return cli.main(list(words)), *capsys.readouterr()

    return call


def lesson_of(source, tmp_path):
    path = tmp_path / "07_tiny.py"
    path.write_text(source)
    return read_lesson(path)


def cell_of(notebook, slug):
    return next(cell for cell in notebook.cells if cell.id == slug)


# --- from source to notebooks


def test_ids_are_slugs_and_no_version_or_time_is_kept(kit):
    lesson = read_lesson(kit / "solutions" / "07_tiny.py")
    made = solution_notebook(lesson, {})
    assert [cell.id for cell in made.cells] == [cell.slug for cell in lesson.cells]
    assert set(made.metadata) == {"kernelspec", "language_info"}
    assert made.metadata.language_info == {"name": "python"}
    assert all(set(cell.metadata) <= {"tags"} for cell in made.cells)


def test_students_get_stubs_and_no_commentary(kit):
    lesson = read_lesson(kit / "solutions" / "07_tiny.py")
    made = students_notebook(lesson, {})
    stub = 'def square(x):\n    """Square a number."""\n    return NOT_STARTED'
    assert cell_of(made, "square").source == stub
    assert "answer" not in [cell.id for cell in made.cells]
    assert len(made.cells) == len(lesson.cells) - 1
    assert cell_of(made, "square").metadata.nbgrader == {
        "grade": False,
        "grade_id": "square",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    assert cell_of(made, "square-check").metadata.nbgrader == {
        "grade": True,
        "grade_id": "square-check",
        "locked": True,
        "points": 2,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    assert "nbgrader" not in cell_of(made, "draw").metadata


def test_instructors_get_solutions_and_hidden_tests(kit):
    made = instructors_notebook(read_lesson(kit / "solutions" / "07_tiny.py"), {})
    assert "### BEGIN SOLUTION" in cell_of(made, "square").source
    hidden = "### BEGIN HIDDEN TESTS\nassert report.passed\n### END HIDDEN TESTS"
    assert cell_of(made, "square-check").source.endswith(hidden)


def test_each_region_becomes_a_stub_as_deep_as_its_mark():
    source = (
        "class Layer:\n    def call(self, x):\n        ### BEGIN SOLUTION\n        y = x\n"
        "        return y\n        ### END SOLUTION\n\n    def twice(self, x):\n"
        "        ### BEGIN SOLUTION\n        return 2 * x\n        ### END SOLUTION"
    )
    assert without_solutions(source) == (
        "class Layer:\n    def call(self, x):\n        return NOT_STARTED\n\n"
        "    def twice(self, x):\n        return NOT_STARTED"
    )
    assert solution_regions(source) == ["        y = x\n        return y", "        return 2 * x"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("slug=square-text", "", "the cell after 'setup': its slug is ''"),
        ("slug=square-text", "slug=Square", "its slug is 'Square'"),
        ("slug=square-text", "slug=setup", "the slug 'setup' is taken"),
        ("slug=square-text", "slug=a b=c", "its first line says b"),
        ("    ### END SOLUTION\n", "", "do not alternate"),
        ("    ### BEGIN SOLUTION\n", "", "do not alternate"),
        ("    total =", "    total ==== 3", "cell 'square': invalid syntax"),
        ('report = check("', '_, report = check("', "'square-check' checks otherwise than"),
        ("# Write", "# ### BEGIN SOLUTION\n# ### END SOLUTION\n#", "is text and has solution"),
        (SOURCE, "", "has no cells"),
    ],
)
def test_a_faulty_source_is_refused_in_one_line(simclr, kit, old, new, said):
    path = kit / "solutions" / "07_tiny.py"
    path.write_text(SOURCE.replace(old, new, 1))
    for words in (["build", "--students"], ["build"]):
        code, output, errors = simclr(*words)
        assert (code, output) == (2, "")
        assert errors.count("\n") == 1 and "07_tiny.py" in errors
        assert said in errors
    assert not (kit / "notebooks").exists()
    code, output, _ = simclr("build", "--check")
    assert code == 1 and said in output


# --- what must not reach students


@pytest.mark.parametrize(
    ("line", "telling"),
    [
        ("return x", False),
        ("n = len(z)", False),
        ("for i in range(2 * n):", False),
        ("z = z / lengths", False),
        ("return 2 * batch_size - 2", True),
        ("z = z / norm(z, axis=1)", True),
        ("return log(sum(exp(z))) - z[0]", True),
        ("if x and y and z and a and b:", False),
    ],
)
def test_which_lines_of_a_solution_tell_something(line, telling):
    body = "\n    pass" if line.endswith(":") else ""
    assert is_telling(next(logical_lines(line + body))) == telling


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return a + b", "a + b"),
        ("y = f(a, key=b)", "f ( a , key = b )"),
        ("y[i] = a  # why", "a"),
        ("f(\n  a)", "f ( a )"),
        ("f(key=b)", "f ( key = b )"),
    ],
)
def test_what_a_line_says_does_not_depend_on_the_name_it_gets(line, said):
    assert " ".join(what_is_said(next(logical_lines(line)))) == said


@pytest.mark.parametrize(
    ("kind", "source", "leaks_out"),
    [
        ("code", "again = sum( x  for _ in\n  range(x))", True),
        ("code", "print(1 + sum(x for _ in range(x)))", True),
        ("markdown", "Take `sum(x for _ in range(x))`, then it's done.", True),
        ("markdown", "Add x up, x times: don't multiply.", False),
        ("code", "total = 3\nprint(total)", False),
        ("code", "def f(total):\n    return total", False),
    ],
)
def test_a_telling_line_elsewhere_is_a_leak(kit, kind, source, leaks_out):
    lesson = read_lesson(kit / "solutions" / "07_tiny.py")
    lesson = Lesson(lesson.name, (*lesson.cells, Cell("more", kind, source)))
    found = list(leaks(lesson, students_notebook(lesson, {})))
    assert len(found) == leaks_out
    assert all("cell 'more' gives away 'sum ( x" in line for line in found)


def test_a_leak_in_commentary_is_none_and_a_real_one_stops_the_build(simclr, kit):
    path = kit / "solutions" / "07_tiny.py"
    given_away = "It is `sum(x for _ in range(x))`."
    path.write_text(SOURCE.replace("It is nine.", given_away))
    assert simclr("build", "--students")[0] == 0
    path.write_text(SOURCE.replace("Write the square of a number.", given_away))
    code, _, errors = simclr("build", "--students")
    assert code == 2
    assert "07_tiny.py: cell 'square-text' gives away" in errors
    assert "gives away" in simclr("build", "--check")[1]


# --- execution


def test_a_built_kit_has_no_faults_and_is_the_same_when_built_again(simclr, kit):
    assert simclr("build", "--profile", "smoke")[0] == 0
    code, output, _ = simclr("build", "--check")
    assert code == 1
    assert output.count("\n") == 2  # smoke outputs, and no minutes of the full profile
    assert "holds outputs of the profile 'smoke'" in output
    assert "minutes.csv lacks 07_tiny (full)" in output

    assert simclr("build", "07")[0] == 0
    assert simclr("build", "--check")[:2] == (0, "The notebooks are what their sources say.\n")
    solution = nbformat.read(kit / "solutions" / "07_tiny.ipynb", as_version=4)
    assert cell_of(solution, "square-check").outputs[0].text == "square: True, full, shapes\n"
    assert cell_of(solution, "parameters").source.splitlines()[-1] == "seed: int = 0  # any number"
    assert "takes 5 seconds; 5 seconds in" in cell_of(solution, "title").source

    before = {path: path.read_bytes() for path in kit.rglob("*") if path.is_file()}
    assert simclr("build", "07_tiny")[0] == 0
    assert {path: path.read_bytes() for path in kit.rglob("*") if path.is_file()} == before

    (kit / "notebooks" / "07_tiny.ipynb").unlink()
    assert (
        "07_tiny.ipynb is missing: run `simclr build 07 --students`"
        in simclr("build", "--check")[1]
    )
    assert simclr("build", "--students")[0] == 0
    assert {path: path.read_bytes() for path in kit.rglob("*") if path.is_file()} == before

    source = kit / "solutions" / "07_tiny.py"
    source.write_text(SOURCE.replace("## Square", "## The square"))
    code, output, _ = simclr("build", "--check")
    assert code == 1
    assert "notebooks/07_tiny.ipynb is stale: run `simclr build 07 --students`" in output
    assert "solutions/07_tiny.ipynb is stale: run `simclr build 07`" in output
    source.write_text(SOURCE)

    cell_of(solution, "square-check").outputs = []
    cell_of(solution, "draw").execution_count = None
    nbformat.write(solution, kit / "solutions" / "07_tiny.ipynb")
    nbformat.write(solution, kit / "solutions" / "08_gone.ipynb")
    code, output, _ = simclr("build", "--check")
    assert code == 1
    assert "the outputs of cell 'square-check' are missing" in output
    assert "not executed from top to bottom" in output
    assert "solutions/08_gone.ipynb has no source 08_gone.py" in output


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 / 0", "cell 'draw' failed with ZeroDivisionError: division by zero"),
        # A kernel reads its own standard error in a thread that needs a moment.
        (
            "import os, time; _ = os.write(2, b'W0000 slow op'); time.sleep(2)",
            "wrote to stderr: 'W0000 slow op'",
        ),
        ("import warnings; warnings.warn('old')", "cell 'draw' wrote to stderr"),
        ("object()", "shows a memory address, 'at 0x"),
        ("import os; os.getcwd()", "shows a path of this machine"),
        ("import os; os.kill(os.getpid(), 9)", "the kernel died"),
    ],
)
def test_what_must_not_be_kept_stops_the_build(simclr, kit, line, said):
    path = kit / "solutions" / "07_tiny.py"
    path.write_text(SOURCE.replace("print(random.random())", line))
    code, _, errors = simclr("build")
    assert code == 2
    assert said in errors.splitlines()[-1]
    assert errors.splitlines()[-1].startswith("simclr: solutions/07_tiny.py: ")
    assert [path.name for path in kit.rglob("*.ipynb")] == []


def test_progress_lines_and_widgets_are_not_kept():
    stream, display = (
        lambda name, text: nbformat.v4.new_output("stream", name=name, text=text),
        lambda data: nbformat.v4.new_output("display_data", data=data),
    )
    kept = execution.clean_outputs(
        [
            stream("stdout", "a\n"),
            stream("stdout", "b\n\nPretraining:  50%, 0.1 min left, loss 4.2\n60% left\n"),
            stream("stdout", "Momentum 0.9: 100%, 0.0 min left, loss 3.50 (chance 5.54)\n"),
            stream("stderr", "Pretraining:  50%, 0.1 min left, loss 4.2\n"),
            stream("stderr", "\rPretraining  10% |##   | 00:01, 00:09 left\rWarning: slow\n"),
            display({execution.WIDGET: {}, "text/plain": "IntSlider()"}),
            display({"text/plain": "figure"}),
        ]
    )
    assert [output.get("text") for output in kept] == [
        "a\nb\n\n60% left\n",
        "Warning: slow\n",
        None,
    ]
    assert kept[2].data == {"text/plain": "figure"}


def test_settings_need_a_cell_that_has_them(kit):
    lesson = read_lesson(kit / "solutions" / "07_tiny.py")
    with pytest.raises(UserError, match="does not set speed"):
        execution.execute(solution_notebook(lesson, {}), {"speed": 1})
    lesson = Lesson("x", lesson.cells[:1])
    with pytest.raises(UserError, match="no cell is tagged 'parameters'"):
        execution.execute(solution_notebook(lesson, {}), {"profile": "smoke"})


@pytest.mark.skipif(os.name == "nt", reason="no POSIX signals")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_build_leaves_what_was_there_and_no_kernel(kit, stop):
    marker = kit / "kernel"
    source = f"import os, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    (kit / "solutions" / "07_tiny.py").write_text(SOURCE.replace("import random", source, 1))
    (kit / "notebooks").mkdir()
    (kit / "notebooks" / "07_tiny.ipynb").write_text("precious")
    code = (
        "import sys; from pathlib import Path; from simclr_lib import cli;"
        "from simclr_lib.course import build; build.kit_folder = Path.cwd; sys.exit(cli.main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "build"], stderr=subprocess.PIPE, cwd=kit, text=True
    )
    while not (marker.exists() and marker.read_text()):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    process.send_signal(stop)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "Stopped. Every notebook is whole, old or new."
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), 0)
    notebooks = {path: path.read_text() for path in kit.rglob("*.ipynb*")}
    assert notebooks == {kit / "notebooks" / "07_tiny.ipynb": "precious"}


# --- words and minutes


def test_lessons_are_found_by_number_or_name(simclr, kit):
    for word in ("07", "07_tiny", "solutions/07_tiny.py"):
        assert builder.find_lessons(kit, [word]) == [kit / "solutions" / "07_tiny.py"]
    code, _, errors = simclr("build", "08")
    assert code == 2
    assert "There is no lesson '08'; there are: 07_tiny." in errors


def test_without_a_folder_of_solutions_it_says_where_to_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builder, "__file__", str(tmp_path / "a" / "b" / "c" / "d.py"))
    with pytest.raises(UserError, match="no folder `solutions` here"):
        builder.kit_folder()


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (None, "(not measured yet)"),
        (0.01, "5 seconds"),
        (0.7, "45 seconds"),
        (1.5, "90 seconds"),
        (1.6, "2 minutes"),
        (2.1, "2.5 minutes"),
    ],
)
def test_minutes_in_words_are_rounded_up(measured, words):
    assert minutes.in_words(measured) == words


def test_minutes_are_recorded_when_they_are_news(tmp_path):
    path = tmp_path / "minutes.csv"
    for measured, recorded in ((2.0, 2.0), (2.4, 2.0), (1.6, 2.0), (2.6, 2.6), (0.1, 0.1)):
        minutes.record_minutes(path, "07_tiny", "full", measured, "two cores")
        assert minutes.read_minutes(path) == {("07_tiny", "full"): recorded}
    minutes.record_minutes(path, "03_other", "smoke", 0.7, "two cores")
    minutes.record_minutes(path, "03_other", "smoke", 0.5, "two cores", busy=True)
    minutes.record_minutes(path, "03_other", "smoke", 2.0, "two cores", busy=True)
    lines = path.read_text().splitlines()
    assert lines[0] == "lesson,profile,minutes,machine"
    assert lines[1:] == ["03_other,smoke,0.50,two cores", "07_tiny,full,0.10,two cores"]


def test_an_nbgrader_course_is_made_and_a_config_is_kept(simclr, kit):
    code, output, _ = simclr("build", "--instructors", "course")
    assert code == 0
    assert "nbgrader generate_assignment simclr" in output
    made = nbformat.read(kit / "course" / "source" / "simclr" / "07_tiny.ipynb", as_version=4)
    assert "HIDDEN" in cell_of(made, "square-check").source
    config = kit / "course" / "nbgrader_config.py"
    assert "return NOT_STARTED" in config.read_text()
    config.write_text("mine")
    assert simclr("build", "--instructors", "course")[0] == 0
    assert config.read_text() == "mine"

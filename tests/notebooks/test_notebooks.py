"""Every notebook runs: solutions, students' notebooks untouched, and with wrong answers."""

import copy

import nbformat
import numpy as np
import pytest
from PIL import Image
from run_notebook import in_smoke, run

from simclr_lib.course import exercises
from simclr_lib.course.build.faults import find_faults
from simclr_lib.course.build.source import read_lesson
from simclr_lib.doctor import KIT

LESSONS = sorted(path.stem for path in (KIT / "solutions").glob("[0-9][0-9]_*.py"))
# One notebook in `make test`; a minute each for the others.
solutions = [pytest.param(name, marks=[pytest.mark.slow] * (name[:2] != "00")) for name in LESSONS]


def read(folder, name):
    return nbformat.read(KIT / folder / f"{name}.ipynb", as_version=4)


def checks_of(name):
    """`{slug of the checking cell: exercise}`."""
    cells = read_lesson(KIT / "solutions" / f"{name}.py").cells
    return {cell.slug: cell.checks[1] for cell in cells if cell.kind == "code" and cell.checks}


def test_the_notebooks_are_what_their_sources_say():
    assert list(find_faults(KIT)) == []


@pytest.mark.parametrize("name", solutions)
def test_a_solution_passes_all_checks_and_repeats_its_outputs(name, tmp_path):
    outcome = run(in_smoke(read("solutions", name)), tmp_path)
    assert outcome.passed, outcome.log
    assert outcome.faults() == []
    for slug, exercise in checks_of(name).items():
        assert outcome.text(slug).startswith(f"✓ {exercise} "), outcome.text(slug)


def answered_wrongly(notebook, name):
    """A copy with the first catalogued mistake of each exercise in the exercise's cell."""
    wrong = copy.deepcopy(notebook)
    ids = set(checks_of(name).values())
    for cell in wrong.cells:
        cell.id += "-wrong"
        if cell.metadata.get("nbgrader", {}).get("solution"):
            exercise = next(id for id in ids if f"def {id}(" in cell.source)
            cell.source = (
                "from simclr_lib.course import exercises\n"
                f'{exercise} = exercises.find("{exercise}").mistakes[0].answer'
            )
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_a_students_notebook_runs_untouched_and_with_every_answer_wrong(name, tmp_path):
    """From top to bottom untouched, then in the same kernel with a mistake in each exercise.

    Each check hands on the kit's own function, so one wrong answer does not hide another.
    """
    untouched = read("notebooks", name)
    both = in_smoke(untouched)
    both.cells += in_smoke(answered_wrongly(untouched, name)).cells
    outcome = run(both, tmp_path)
    assert outcome.passed, outcome.log
    assert outcome.faults() == []
    for slug, exercise in checks_of(name).items():
        goes_on = f"Until this passes, the lesson goes on with the kit's own {exercise}."
        before, after = outcome.text(slug), outcome.text(f"{slug}-wrong")
        assert before.startswith(f"– {exercise} "), before
        assert after.startswith(f"✗ {exercise} "), after
        assert goes_on in before and goes_on in after
        assert exercises.find(exercise).mistakes[0].diagnosis in after


def draw_stripes(folder, seed):
    """Fill a folder with pictures of stripes in random colours; their width is the class."""
    rng = np.random.default_rng(seed)
    for part, count in (("train", 64), ("test", 32)):
        for width, name in enumerate(("fine", "narrow", "wide", "broad"), 1):
            place = folder / part / name
            place.mkdir(parents=True)
            striped = np.arange(32 * 32).reshape(32, 32, 1) // width % 2
            for number in range(count):
                colors = rng.integers(0, 256, (2, 3), dtype="uint8")
                Image.fromarray(np.where(striped, *colors)).save(place / f"{number}.png")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["03_nt_xent", "05_linear_evaluation"])
def test_a_lesson_trains_an_encoder_for_pictures_that_the_kit_has_none_for(name, tmp_path):
    """One after the other in the same place: two folders of as many pictures, and another seed."""
    lesson = read("solutions", name)
    here = tmp_path / "lesson"
    here.mkdir()
    for number, pictures in enumerate(("wallpaper", "curtains")):
        draw_stripes(tmp_path / pictures, seed=number)
    for number, (pictures, seed) in enumerate([("wallpaper", 0), ("curtains", 0), ("curtains", 1)]):
        outcome = run(in_smoke(lesson, dataset=str(tmp_path / pictures), seed=seed), here)
        assert outcome.passed, outcome.log
        assert outcome.faults() == []
        assert f"Data: {pictures}, 256 pictures" in outcome.text("setup")
        assert len(list(here.glob("runs/*/encoder.keras"))) == number + 1  # each has its own


def test_what_is_wrong_with_a_notebook_is_seen(tmp_path):
    cells = {
        "parameters": 'profile: str = "full"\ndataset: str = "auto"',
        "injected": "print(profile, dataset)",
        # A kernel reads its own standard error in a thread that needs a moment.
        "descriptor": 'import os, time\n_ = os.write(2, b"a warning from C++")\ntime.sleep(2)',
        "progress": 'import sys\nprint("Pretraining:  50%, 0.1 min left", file=sys.stderr)',
        "same": "print(6 * 7)",
        "other": "print(6 * 7)",
        "error": "1 / 0",
    }
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id=id) for id, source in cells.items()],
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
    )
    notebook.cells[0].metadata.tags = ["parameters"]
    for cell in notebook.cells[4:6]:
        cell.metadata.tags, cell.execution_count = ["nbval-check-output"], 1
        text = {"same": "42\n", "other": "54\n"}[cell.id]
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    outcome = run(in_smoke(notebook), tmp_path)
    assert not outcome.passed
    assert "2 failed, 6 passed" in outcome.log, outcome.log
    assert outcome.text("injected") == "smoke shapes\n"
    assert outcome.faults() == [
        "descriptor wrote to stderr: 'a warning from C++'",
        "error failed with ZeroDivisionError: division by zero",
    ]

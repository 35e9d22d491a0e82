"""Lessons as a learner sees them: in JupyterLab, in a real browser."""

import inspect
import re

import nbformat
import pytest
from jupyter_lab import CHROMIUM
from open_notebook import opened
from PIL import Image
from run_notebook import in_smoke

from simclr_lib.course import exercises
from simclr_lib.doctor import KIT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


def right_answer(exercise_id):
    """The source of a right answer, under the name that the learner's function has."""
    source = inspect.getsource(exercises.find(exercise_id).right[0])
    return re.sub(r"^def \w+\(", f"def {exercise_id}(", source)


def lesson_in_smoke(name, tmp_path):
    """A copy of a lesson for the smoke profile, and a folder for JupyterLab's settings."""
    folder, settings = tmp_path / "lessons", tmp_path / "settings"
    folder.mkdir()
    settings.mkdir()
    lesson = nbformat.read(KIT / "notebooks" / f"{name}.ipynb", as_version=4)
    nbformat.write(in_smoke(lesson), folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb", settings


def test_a_learner_runs_the_first_lesson_and_solves_its_exercise(tmp_path):
    with opened(*lesson_in_smoke("00_start_here", tmp_path)) as notebook:
        notebook.run_all()
        code = [cell for cell in notebook.cells() if cell["cell_type"] == "code"]
        assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
        outputs = [output for cell in code for output in cell["outputs"]]
        assert all(output["output_type"] != "error" for output in outputs)
        assert all(output.get("name") != "stderr" for output in outputs)
        assert "not started" in notebook.text("count-negatives-check")

        notebook.type_into("count-negatives", right_answer("count_negatives"))
        notebook.run_selected()
        notebook.select("count-negatives-check")
        notebook.run_selected()
        assert "visible checks passed" in notebook.text("count-negatives-check")
        notebook.page.get_by_text("visible checks passed").wait_for()

        for theme in ("Light", "Dark"):
            notebook.theme(f"JupyterLab {theme}")
            for cell in ("title", "idea", "count-negatives-check", "bars", "neighbours"):
                notebook.select(cell)
                notebook.screenshot(tmp_path / f"{cell}-{theme.lower()}.png")
    for picture in tmp_path.glob("*.png"):
        assert len(Image.open(picture).convert("RGB").getcolors(2**24)) > 50  # not blank
    light = Image.open(tmp_path / "title-light.png").convert("L").resize((1, 1)).getpixel((0, 0))
    dark = Image.open(tmp_path / "title-dark.png").convert("L").resize((1, 1)).getpixel((0, 0))
    assert light > 180 and dark < 80


def test_the_explorer_draws_another_view_when_a_slider_moves(tmp_path):
    with opened(*lesson_in_smoke("01_augmentations", tmp_path)) as notebook:
        notebook.run_all()
        notebook.select("sliders")
        picture = notebook.page.locator(".jp-Cell.jp-mod-active .jp-OutputArea-output img").first
        before = picture.get_attribute("src")
        readout = notebook.move_slider("sliders", "brightness", steps=4)
        assert float(readout) == pytest.approx(1.2)
        notebook.page.wait_for_function(
            "([image, before]) => !image.isConnected || image.src !== before",
            arg=[picture.element_handle(), before],
        )
        assert picture.get_attribute("src") != before
        assert len(picture.get_attribute("alt")) > 20
        notebook.screenshot(tmp_path / "explorer.png")

"""An instructor releases the lessons and grades what comes back, with nbgrader."""

import csv
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import nbformat
import pytest

from simclr_lib.course import build as builder
from simclr_lib.doctor import KIT

LESSON = "00_start_here"
EXTRAS = tomllib.loads((KIT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
# The grade of each student, of 1 point.
STUDENTS = {"ada": 1.0, "bob": 0.0}


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory):
    """`nbgrader` in an environment of its own, which also sees this one's packages."""
    folder = tmp_path_factory.mktemp("nbgrader")
    venv.create(folder / "env", with_pip=False, symlinks=os.name != "nt")
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    own = Path(subprocess.check_output([python, "-c", PURELIB], text=True).strip())
    ours = subprocess.check_output([sys.executable, "-c", PURELIB], text=True).strip()
    # Our packages come last, and their .pth files (of the kit itself) count.
    (own / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    install += ["-c", KIT / "constraints.txt", *EXTRAS["instructors"]]
    done = subprocess.run(install, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    def call(*words, cwd):
        environment = {**os.environ, "HOME": str(folder), "JUPYTER_DATA_DIR": str(folder / "data")}
        environment["JUPYTER_CONFIG_DIR"] = str(folder / "config")
        # It calls `alembic`, as from an activated environment.
        environment["PATH"] = os.pathsep.join([str(python.parent), os.environ["PATH"]])
        environment["SIMCLR_PROGRESS"] = str(folder / "progress.json")
        command = [python, "-m", "nbgrader", *words]
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return call


PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))"


def code_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return {cell.id: cell.source for cell in cells if cell.cell_type == "code"}


@pytest.mark.slow
def test_a_filled_notebook_gets_its_points_and_an_untouched_one_none(nbgrader, tmp_path):
    course = tmp_path / "course"
    builder.build_for_instructors(KIT, course, say=lambda line: None)
    for path in (course / "source" / "simclr").iterdir():
        if path.stem != LESSON:
            path.unlink()  # one lesson shows it
    nbgrader("generate_assignment", "simclr", cwd=course)
    released = course / "release" / "simclr" / f"{LESSON}.ipynb"
    assert code_of(released) == code_of(KIT / "notebooks" / f"{LESSON}.ipynb")

    for student in STUDENTS:
        folder = course / "submitted" / student / "simclr"
        folder.mkdir(parents=True)
        shutil.copy(released, folder)
        notebook = nbformat.read(folder / released.name, as_version=4)
        for cell in notebook.cells:
            if cell.id == "count-negatives" and STUDENTS[student]:
                cell.source = cell.source.replace("return NOT_STARTED", "return 2 * batch_size - 2")
            if "parameters" in cell.metadata.get("tags", []):
                cell.source = cell.source.replace('"full"', '"smoke"', 1)
        nbformat.write(notebook, folder / released.name)
    nbgrader("autograde", "simclr", cwd=course)
    nbgrader("export", "--to", "grades.csv", cwd=course)
    with (course / "grades.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["student_id"]: float(row["raw_score"]) for row in rows} == STUDENTS
    assert {float(row["max_score"]) for row in rows} == {1.0}

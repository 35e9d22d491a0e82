"""The two notebooks: made from their sources, in step with `Recipe`, and the same road as `run`."""

import ast
import dataclasses
import json
import subprocess

import nbformat
import papermill
import pytest
from sweep_tools import SIMCLR, killing, sweep, table, wait_for

from simclr_lib import experiment
from simclr_lib.recipes import Recipe, get_recipe
from simclr_lib.sweeps import notebooks

REMAKE = "python -m simclr_lib.sweeps.notebooks"


@pytest.mark.parametrize("name", ["experiment", "report"])
def test_a_notebook_is_what_its_source_makes(name):
    made = notebooks.build(name)
    assert (notebooks.NOTEBOOKS / f"{name}.ipynb").read_text() == made, REMAKE
    cells = nbformat.reads(made, 4).cells
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1


def test_the_parameters_are_the_fields_of_a_recipe_with_the_values_of_the_demo():
    path = notebooks.NOTEBOOKS / "experiment.ipynb"
    found = papermill.inspect_notebook(str(path))
    fields = {field.name: field.type for field in dataclasses.fields(Recipe)}
    assert list(found) == [*fields, "run_dir"], REMAKE
    demo = get_recipe("demo")
    for name, kind in fields.items():
        assert ast.literal_eval(found[name]["default"]) == getattr(demo, name), REMAKE
        told = found[name]["inferred_type_name"]
        assert told == ("Optional[int]" if kind == int | None else kind.__name__)


def test_every_figure_of_the_road_is_in_the_notebook():
    text = (notebooks.SOURCES / "experiment.py").read_text()
    for name in ("views", "curves", "accuracies", "neighbours", "features", "confusion"):
        assert f'"{name}"' in text


SPEC = """\
recipe: smoke
set: {train_limit: 128, epochs: 1, warmup_epochs: 0, supervised_baseline: false, knn_every: 0}
grid: {temperature: [0.3]}
"""


@pytest.mark.slow
def test_a_run_killed_after_its_results_is_published_and_not_trained_again(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    kill = killing(tmp_path, ["before notebook.ipynb"])
    process = subprocess.Popen([SIMCLR, "sweep", "run", "spec.yaml"], cwd=tmp_path, env=kill)
    try:
        (written,) = wait_for(lambda: list(tmp_path.glob("runs/*/*/*/*/results.json")), 300)
        folder = written.parent
        before = {path: path.stat() for path in (written, *folder.glob("*.keras"))}
        results = written.read_bytes()
        process.wait(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0
    assert not list((tmp_path / "orders").iterdir()), "nobody was killed"
    assert json.loads((folder / "done.json").read_text())["starts"] == 2
    assert written.read_bytes() == results
    for path, stat in before.items():
        assert path.stat().st_mtime_ns == stat.st_mtime_ns, f"{path.name} was written twice"
    shown = nbformat.read(folder / "notebook.ipynb", 4).cells
    outputs = json.dumps([cell.get("outputs") for cell in shown])
    assert "nothing is trained" in outputs and outputs.count('"alt"') == 6
    accuracies = json.loads(results)["accuracies"]
    assert table(folder.parents[1]) == {folder.name: accuracies}


@pytest.mark.slow
def test_the_notebook_finds_what_experiment_run_finds(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    sweep("run", "spec.yaml", "--out", "out", cwd=tmp_path)
    (run,) = (tmp_path / "out" / "runs").iterdir()
    settings = json.loads((run / "config.json").read_text())["recipe"]
    name = settings.pop("name")
    results = experiment.run(get_recipe(name, settings), tmp_path / "plain")
    assert table(tmp_path / "out") == {run.name: results.accuracies}
    for part in ("config.json", "encoder.keras", "head.keras", "metrics.csv"):
        assert (run / part).exists() and (tmp_path / "plain" / part).exists()
    figures = {path.name for path in (tmp_path / "plain" / "figures").iterdir()}
    assert {path.name for path in (run / "figures").iterdir()} == figures
    shown = nbformat.read(run / "notebook.ipynb", 4).cells
    pictures = [
        output.metadata["image/png"]["alt"]
        for cell in shown
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 6 and all(pictures)

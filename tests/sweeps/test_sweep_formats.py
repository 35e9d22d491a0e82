"""What `precision: auto` is, is asked once a sweep: no two of its runs can answer differently."""

import csv
import json
from pathlib import Path

import pytest
from sweep_tools import LIGHT, PARAMETERS, RESULTS, ROAD, notebook_of, sweep, write_spec

from simclr_lib import precision
from simclr_lib.errors import UserError
from simclr_lib.sweeps import number_format
from simclr_lib.sweeps.plan import key_of, make_plan
from simclr_lib.sweeps.spec import read_spec

FORMATS = ("float32", "mixed_bfloat16")
SAY = "(folder / 'config.json').write_text(json.dumps({'precision': precision, 'backend': 'any'}))"
SPEC = LIGHT.split("grid:")[0] + "grid: {temperature: [0.1, 0.2, 0.3]}\n"


def write_asking_spec(folder, text):
    """A spec whose notebook tells in its config what number format it was given."""
    spec = write_spec(folder, text)
    parameters = PARAMETERS + 'precision: str = "auto"\n'
    (folder / "light.ipynb").write_text(notebook_of(ROAD, SAY, RESULTS, parameters=parameters))
    return spec


def table(out):
    with (out / "table.csv").open() as file:
        return list(csv.DictReader(file))


def given(out):
    """The number format that each run was handed."""
    return [
        json.loads((out / row["folder"] / "config.json").read_text())["precision"]
        for row in table(out)
    ]


@pytest.mark.slow
def test_runs_get_the_format_that_their_sweep_has_settled_and_keep_it(tmp_path):
    spec, out = write_asking_spec(tmp_path, SPEC), tmp_path / "out"
    answer = sweep("run", spec, "--out", out, cwd=tmp_path)
    assert answer.stdout.count("Asked once a sweep.") == 1
    plan = json.loads((out / "sweep.json").read_text())
    first = plan["runs"][0]["precision"]
    assert first in FORMATS and given(out) == [first] * 3
    assert [(row["precision"], row["backend"]) for row in table(out)] == [(first, "any")] * 3
    # The name of a run does not hang on it.
    for run in plan["runs"]:
        assert run["parameters"]["precision"] == "auto"
        assert run["key"] == key_of(run["parameters"])

    # A run that is left takes what the plan says, even where another would be measured now.
    other = FORMATS[1 - FORMATS.index(first)]
    for run in plan["runs"]:
        run["precision"] = other
    (out / "sweep.json").write_text(json.dumps(plan))
    last = out / table(out)[-1]["folder"]
    for name in ("done.json", "results.json"):
        (last / name).unlink()
    answer = sweep("run", spec, "--out", out, cwd=tmp_path)
    assert "Asked" not in answer.stdout
    assert given(out) == [first, first, other]
    assert [row["precision"] for row in table(out)] == [first, first, other]


def test_an_encoder_is_measured_once_and_a_format_that_is_asked_for_never(tmp_path, monkeypatch):
    text = "recipe: smoke\ngrid: {encoder_width: [8, 12], temperature: [0.1, 0.2]}\nseeds: [0, 1]\n"
    runs = make_plan(read_spec(write_spec(tmp_path, text))).runs
    asked = []

    def measured(recipe):
        asked.append(recipe.encoder_width)
        return FORMATS[recipe.encoder_width == 12]

    monkeypatch.setattr(precision, "choose_precision", measured)
    chosen = number_format.choose({run.key: run.parameters for run in runs})
    assert asked == [8, 12]
    assert [chosen[run.key] for run in runs] == [FORMATS[0]] * 2 + [FORMATS[1]] * 2 + [
        FORMATS[0]
    ] * 2 + [FORMATS[1]] * 2

    text = "recipe: smoke\nlist: [{precision: float32}, {precision: auto}]\n"
    runs = make_plan(read_spec(write_spec(tmp_path, text))).runs
    assert [run.precision for run in runs] == ["float32", None]


def test_a_measurement_that_dies_is_told_in_one_line(tmp_path, monkeypatch):
    def dies(module, job, log, stopped):
        Path(log).write_text("a lot\nImportError: no Keras\n")
        return 1

    monkeypatch.setattr(number_format, "run_process", dies)
    with pytest.raises(UserError, match="its last line: ImportError: no Keras") as error:
        number_format.measure({"folder": str(tmp_path), "runs": {}}, lambda: False)
    assert "\n" not in str(error.value)

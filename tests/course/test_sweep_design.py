"""What the check of a designed sweep knows, held against the kit's own sweeps."""

import nbformat
import numpy as np
import pytest
import yaml

from simclr_lib.course.ablation import (
    by_arm,
    large_spec,
    large_sweep,
    read_table,
    recipes_of,
    write_short_experiment,
)
from simclr_lib.course.exercises.lesson06 import SOUND, confounders
from simclr_lib.course.sweep_design import complaints, minutes_of, read_design
from simclr_lib.doctor import KIT
from simclr_lib.errors import UserError
from simclr_lib.sweeps.notebooks import parameters_of

SPECS = KIT / "notebooks" / "experiments" / "specs"


def test_a_sound_design_has_no_complaints_as_dict_or_text():
    assert complaints(SOUND) == []
    assert complaints(yaml.safe_dump(SOUND)) == []


@pytest.mark.parametrize("name", ["temperature", "leave-one-out", "batch-size"])
def test_the_kits_own_sweeps_are_sound(name):
    assert complaints((SPECS / f"{name}.yaml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("nothing", [None, 3, "", "a: [", [], {}, {1: 2}, {"recipe": ["demo"]}])
def test_what_is_no_spec_is_told_and_never_raises(nothing):
    assert len(complaints(nothing)) == 1


def test_a_misspelt_field_gets_the_nearest_name():
    (_, sentence), *_ = complaints(SOUND | {"grid": {"temperatur": [0.1, 0.2]}})
    assert "did you mean 'temperature'?" in sentence


def test_a_list_of_two_fields_needs_a_way_of_single_steps_or_words():
    arms = [{"batch_size": 64, "epochs": 4}, {"batch_size": 128, "epochs": 8}]
    design = {key: value for key, value in SOUND.items() if key != "grid"} | {"list": arms}
    assert [words for words, _ in complaints(design)] == ["two things at once"]
    assert complaints(design | {"about": "Do batch_size and epochs together do any good?"}) == []
    assert complaints(design | {"list": [*arms, {"batch_size": 64, "epochs": 8}]}) == []


def test_the_rough_minutes_are_right_within_a_factor_of_two():
    rows = large_sweep("temperature")
    recipes = recipes_of(large_spec("temperature")).values()
    measured = np.mean([row["wall_minutes"] for row in rows])
    assert 0.5 < np.mean([minutes_of(recipe) for recipe in recipes]) / measured < 2


def test_a_large_sweep_has_its_arms_with_all_seeds():
    runs = by_arm(large_sweep("temperature"))
    assert list(runs) == list(recipes_of(large_spec("temperature")))
    assert {len(values) for values in runs.values()} == {3}
    with pytest.raises(UserError, match=r"no notebooks/experiments/results/nothing\.csv"):
        large_sweep("nothing")


def test_the_kits_specs_change_what_they_say():
    temperatures = list(recipes_of(large_spec("temperature")).values())
    batches = list(recipes_of(large_spec("batch-size")).values())
    assert confounders(temperatures, "temperature") == []
    assert confounders(batches, "batch_size") == ["learning_rate"]
    assert len(read_design((SPECS / "batch-size.yaml").read_text())[1].runs) == 18


def test_runs_that_have_failed_are_left_out(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("state,arm,seed,SimCLR linear\ndone,a,1,0.5\nfailed,a,0,\ndone,a,0,0.25\n")
    assert by_arm(read_table(table)) == {"a": [25.0, 50.0]}


def test_a_study_without_states_is_read_whole_and_its_words_stay_words(tmp_path):
    """A hash may look like a number, and a measure that a level lacks is an empty cell."""
    table = tmp_path / "study.csv"
    table.write_text(
        "setup,seed,factor,level,linear,test\n"
        "12e456789012,1,readout,24,0.5,\n"
        "12e456789012,0,readout,24,0.25,\n"
        "12e456789012,0,readout,probe,,0.125\n"
    )
    rows = read_table(table)
    assert rows[0]["setup"] == "12e456789012" and rows[0]["test"] == ""
    assert by_arm(rows, "linear", "level") == {"24": [25.0, 50.0]}
    assert by_arm(rows, "test", "level") == {"probe": [12.5]}


def test_the_short_experiment_takes_what_the_long_one_takes(tmp_path):
    short, long = tmp_path / "short.ipynb", KIT / "notebooks" / "experiments" / "experiment.ipynb"
    write_short_experiment(short)
    assert parameters_of(short) == parameters_of(long)
    cells = nbformat.read(short, as_version=4).cells
    assert {"data", "training", "evaluation", "results"} <= {cell.id for cell in cells}
    assert len(nbformat.read(long, as_version=4).cells) - len(cells) == 6

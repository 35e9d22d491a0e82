"""The report's recipes, end to end in seconds: its encoders made narrow, its steps few."""

import csv
import json

import pytest

from simclr_lib import experiment
from simclr_lib.recipes import get_recipe

TINY = {
    "data": "shapes",
    "train_limit": 40,
    "test_limit": 20,
    "encoder_width": 4,
    "head_hidden": 16,
    "batch_size": 16,
    "epochs": 2,
    "steps_per_epoch": 5,  # of 2 that the pictures fill
    "classifier_epochs": 2,
    "precision": "float32",
}


def assert_complete(results, classifier):
    """The rows, the table, and the epochs of five steps that the folder tells."""
    found = results.accuracies[classifier]
    assert set(found) == {"test", "train"} and all(0 <= share <= 1 for share in found.values())
    assert set(results.accuracies) == {"SimCLR", classifier, "random encoder", "raw pixels"}
    head, simclr, small, *_ = results.table().splitlines()
    assert head.split()[-4:] == ["linear", "kNN", "test", "train"]
    assert simclr.split()[-2:] == ["–", "–"]
    assert small.startswith(classifier) and small.split()[-4:-2] == ["–", "–"]
    assert small.split()[-2:] == [f"{100 * found[kind]:.1f}" for kind in ("test", "train")]
    with (results.run_dir / "metrics.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    saved = json.loads((results.run_dir / "results.json").read_text())
    assert saved["accuracies"] == results.accuracies


@pytest.mark.parametrize("depth", [8, pytest.param(50, marks=pytest.mark.slow)])
def test_the_report_s_set_up_runs_to_its_table(tmp_path, depth):
    recipe = get_recipe("report-resnet50", TINY | {"encoder_depth": depth})
    results = experiment.run(recipe, tmp_path / "run", say=lambda line: None)
    assert_complete(results, "classifier (20, 20)")
    again = experiment.run(results.recipe, tmp_path / "run", say=lambda line: None)
    assert again == results


@pytest.mark.slow
@pytest.mark.parametrize("depth", [101, 152])
def test_so_do_the_deeper_ones_with_the_other_classifier(tmp_path, depth):
    recipe = get_recipe(f"report-resnet{depth}", TINY | {"classifier_hidden": "24,24"})
    results = experiment.run(recipe, tmp_path / "run", say=lambda line: None)
    assert_complete(results, "classifier (24, 24)")

"""The waterfall's plan: one change a bar, each with as much arithmetic as the report's run."""

import importlib.util
from dataclasses import asdict
from pathlib import Path

import pytest

from simclr_lib.recipes import get_recipe

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "waterfall.py"


@pytest.fixture(scope="module")
def waterfall():
    spec = importlib.util.spec_from_file_location("waterfall", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_cost_of_an_encoder_is_what_a_hand_counts(waterfall):
    recipe = get_recipe("smoke", {"view_size": 16, "encoder_width": 8, "stem": "cifar"})
    stem = 16 * 16 * 9 * 3 * 8
    first = 2 * 16 * 16 * 9 * 8 * 8
    second = 8 * 8 * (9 * 8 * 16 + 9 * 16 * 16 + 8 * 16)
    third = 4 * 4 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32)
    assert waterfall.cost(recipe) == stem + first + second + third


@pytest.mark.slow
def test_all_bars_have_the_budget_of_the_report_and_end_at_the_kit_s_recipe(waterfall):
    bars = waterfall.planned()
    assert [name for name, *_ in bars] == [name for name, *_ in waterfall.CHANGES]
    report = get_recipe("report-resnet50")
    first = bars[0][1]
    assert (first["steps_per_epoch"], first["epochs"]) == (100, 3)
    budget = 300 * report.batch_size * waterfall.cost(report)
    for _, settings, _ in bars:
        recipe = get_recipe("report-resnet50", settings)
        spent = recipe.epochs * recipe.steps_per_epoch * recipe.batch_size * waterfall.cost(recipe)
        assert spent == pytest.approx(budget, rel=0.02)
    classroom, last = asdict(get_recipe("classroom")), asdict(recipe)
    differ = {key for key in last if last[key] != classroom[key]}
    assert differ == {
        "name",
        "data",
        "epochs",
        "steps_per_epoch",
        "warmup_epochs",
        "classifier_hidden",
        "knn_every",
        "supervised_baseline",
    }


def test_bars_of_one_run_share_its_folder(waterfall):
    bars = [("a", {"x": 1}, None), ("b", {"x": 1}, None), ("c d", {"x": 2}, None)]
    names = [waterfall.folder_of(bars, settings) for _, settings, _ in bars]
    assert names == ["00-a", "00-a", "02-c-d"]

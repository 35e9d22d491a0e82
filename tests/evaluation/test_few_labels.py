"""The contest of few labels: fair draws, a fair start, and rows that can be gone on with."""

import csv
import importlib.util
import sys
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pytest

from simclr_lib import experiment
from simclr_lib.datasets import Dataset
from simclr_lib.errors import UserError
from simclr_lib.evaluation import few_labels, linear_probe
from simclr_lib.recipes import get_recipe
from simclr_lib.run_folder import RunFolder

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "label_efficiency.py"
LABELS = np.repeat([0, 1, 2], [100, 40, 3])


def colored(count, seed):
    """Noise, in which the class brightens one colour channel."""
    images = np.random.default_rng(seed).integers(0, 120, (count, 8, 8, 3), "uint8")
    labels = np.arange(count) % 3
    images[np.arange(count), :, :, labels] += 120
    return images, labels.astype("int64")


DATA = Dataset(*colored(60, 0), *colored(30, 1), class_names=("r", "g", "b"), name="colors")


def network():
    """An encoder that compiles in no time."""
    look = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(16, "relu")]
    return keras.Sequential([keras.Input((8, 8, 3)), *look])


def contest(**options):
    keras.utils.set_random_seed(0)
    encoder, untrained, views = network(), network(), keras.layers.Rescaling(1 / 255)
    options = {
        "fractions": (0.1, 1.0),
        "steps": 60,
        "batch_size": 16,
        "scratch_rate": 0.02,
    } | options
    before = [model.get_weights() for model in (encoder, untrained)]
    rows = list(few_labels.label_efficiency(encoder, untrained, views, DATA, **options))
    for model, weights in zip((encoder, untrained), before, strict=True):
        for ours, theirs in zip(model.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    return rows


def test_a_draw_has_its_share_of_each_class_and_at_least_one():
    for fraction, counts in ((0.01, [1, 1, 1]), (0.1, [10, 4, 1]), (1.0, [100, 40, 3])):
        chosen = few_labels.label_subset(LABELS, fraction, seed=0)
        assert np.bincount(LABELS[chosen]).tolist() == counts
        assert len(set(chosen.tolist())) == len(chosen)


def test_a_draw_is_seeded_and_lies_within_larger_ones():
    chosen = few_labels.label_subset(LABELS, 0.1, seed=3)
    assert np.array_equal(chosen, few_labels.label_subset(LABELS, 0.1, seed=3))
    assert not np.array_equal(chosen, few_labels.label_subset(LABELS, 0.1, seed=4))
    assert set(few_labels.label_subset(LABELS, 0.03, seed=3)) < set(chosen)


def test_batches_go_round_the_chosen_pictures_and_no_others():
    chosen = np.arange(7, 31)
    batches = few_labels.LabelledBatches(DATA.train_images, DATA.train_labels, chosen, 6, 9, 0)
    assert len(batches) == 9
    for i in range(9):
        images, labels = batches[i]
        np.testing.assert_array_equal(images.mean(axis=(1, 2)).argmax(axis=1), labels)
    assert sorted(batches.order[:24]) == sorted(batches.order[24:48]) == chosen.tolist()
    few = few_labels.LabelledBatches(DATA.train_images, DATA.train_labels, chosen, 100, 3, 0)
    assert [len(few[i][1]) for i in range(3)] == [24, 24, 24]


def test_the_probe_s_weights_serve_features_as_they_come():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    h = (5 + rng.normal(size=(90, 4)) * [1, 10, 0.1, 0] + y[:, None] * [1, 0, 0.1, 0]).astype("f4")
    kernel, bias = few_labels.probe_weights(h, y, 3)
    predicted = np.argmax(h @ kernel + bias, axis=1)
    assert np.mean(predicted == y) == linear_probe(h, y, h, y).accuracy


def test_fine_tuning_starts_where_the_probe_is():
    rows = contest(steps=1, fine_tuning_rate=1e-9, fractions=(1.0,))
    probe, tuned, _ = rows
    assert tuned["accuracy"] == pytest.approx(probe["accuracy"], abs=1 / 30)


def test_each_contestant_gives_a_row_and_learns():
    rows = contest()
    assert [(row["method"], row["fraction"]) for row in rows] == [
        (method, fraction) for fraction in (0.1, 1.0) for method in few_labels.METHODS
    ]
    assert [row["pictures"] for row in rows] == [6, 6, 6, 60, 60, 60]
    assert [row["steps"] for row in rows] == [0, 60, 60] * 2
    assert min(row["accuracy"] for row in rows[3:]) > 0.6  # chance is a third


def test_what_is_known_is_left_out():
    known = [(method, 0.1) for method in few_labels.METHODS] + [("linear probe", 1.0)]
    (row,) = contest(skip={*known, ("supervised from scratch", 1.0)}, steps=2)
    assert (row["method"], row["fraction"]) == ("fine-tuned", 1.0)
    assert contest(skip={(m, f) for m in few_labels.METHODS for f in (0.1, 1.0)}) == []


def test_training_from_scratch_may_take_more_steps_and_another_optimizer():
    options = {"fractions": (1.0,), "steps": 3, "optimizer": "muon", "weight_decay": 0.0}
    rows = contest(scratch_steps=7, **options)
    assert [row["steps"] for row in rows] == [0, 3, 7]
    assert [row["steps"] for row in contest(**options)] == [0, 3, 3]


def test_a_loss_that_becomes_nan_is_told():
    with pytest.raises(UserError, match="became NaN at a peak learning rate of nan"):
        contest(scratch_rate=float("nan"), steps=2)


# --- the program


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("label_efficiency", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    """`settings` → the folder of a run, with what the program reads: its config, an encoder."""

    def make(**settings):
        folder = RunFolder(tmp_path_factory.mktemp("run"))
        recipe = get_recipe("smoke", {"train_limit": 160, "encoder_width": 4} | settings)
        data = experiment.describe(experiment.load_data(recipe))
        folder.claim({"recipe": asdict(recipe), "data": data, "precision": "float32"})
        folder.save_model(experiment.build_encoder(recipe, "float32"), folder.encoder)
        return folder.path

    return make


@pytest.fixture
def start(program, tmp_path, monkeypatch, capsys):
    """`*words` → the rows of the table after the program, and the lines that it printed on rows."""

    def run(*words):
        out = ["--out", str(tmp_path / "t.csv"), "--figure", str(tmp_path / "f.png")]
        words = ["x", *map(str, words), "--steps", "2", *out]
        monkeypatch.setattr(sys, "argv", words)
        program.main()
        with (tmp_path / "t.csv").open() as file:
            rows = list(csv.DictReader(file))
        return rows, [line for line in capsys.readouterr().out.splitlines() if ", seed " in line]

    return run


RATES = ("--fine-tuning-rates", "0.001", "--scratch-rates", "0.003")


@pytest.mark.slow
def test_the_program_fills_its_table_and_goes_on_where_it_was(finished_run, start, tmp_path):
    run = finished_run()
    words = (run, "--seeds", "0", *RATES)
    rows, _ = start(*words)
    assert len(rows) == 9 and (tmp_path / "f.png").exists()
    assert {row["method"] for row in rows} == set(few_labels.METHODS)
    assert {row["pictures"] for row in rows} == {"10", "20", "160"}

    lines = (tmp_path / "t.csv").read_text().splitlines()
    (tmp_path / "t.csv").write_text("\n".join(lines[:8] + lines[9:]) + "\n")
    rows, told = start(*words)
    assert (len(rows), len(told)) == (9, 1)


@pytest.mark.slow
def test_other_rates_and_other_runs_have_rows_of_their_own(finished_run, start):
    few = ("--fractions", "0.1", "--seeds", "0")
    run = finished_run()
    rows, told = start(run, *few, *RATES)
    assert len(rows) == len(told) == 3
    rows, told = start(run, *few, "--fine-tuning-rates", "0.01", "--scratch-rates", "0.003")
    assert (len(rows), len(told)) == (4, 1)
    assert {row["rate"] for row in rows} == {"", "0.001", "0.003", "0.01"}
    rows, told = start(run, *few, *RATES, "--batch-size", "8")
    assert (len(rows), len(told)) == (6, 2)
    for number, settings in enumerate(({"seed": 1}, {"loss": "sogclr"})):
        rows, told = start(finished_run(**settings), *few, *RATES)
        assert (len(rows), len(told)) == (9 + 3 * number, 3)
    assert len({row["setup"] for row in rows}) == 2  # a seed is no other setup
    assert {row["pretraining_seed"] for row in rows} == {"0", "1"}


@pytest.mark.slow
def test_rates_are_chosen_on_validation_and_several_runs_draw_each_for_itself(finished_run, start):
    runs = [finished_run(seed=seed) for seed in (0, 1)]
    few = ("--fractions", "0.1")
    with pytest.raises(SystemExit, match="tells no learning rate for 'fine-tuned'"):
        start(*runs, *few)
    trials = ("--fine-tuning-rates", "1e-9", "0.01", "--scratch-rates", "0.003")
    with pytest.raises(SystemExit, match="Several learning rates are compared on validation"):
        start(*runs, *few, *trials)
    rows, _ = start(runs[0], *few, *trials, "--validation", "--seeds", "0")
    assert {row["evaluate_on"] for row in rows} == {"validation"} and len(rows) == 4

    rows, _ = start(*runs, *few)
    rows = [row for row in rows if row["evaluate_on"] == "test"]
    pairs = sorted((row["pretraining_seed"], row["seed"]) for row in rows)
    assert pairs == [("0", "0")] * 3 + [("1", "1")] * 3
    tried = {"1e-09", "0.01"}
    assert {row["rate"] for row in rows if row["method"] == "fine-tuned"} < tried
    # 2 epochs of 2 batches of 64, 2 views of each: 4 steps of 128 views beside the 2.
    steps = {"linear probe": "0", "fine-tuned": "2", "supervised from scratch": "6"}
    assert {row["method"]: row["steps"] for row in rows} == steps


def test_runs_of_two_setups_are_refused_and_what_is_no_run(finished_run, start, tmp_path):
    run, other = finished_run(), finished_run(temperature=0.3)
    with pytest.raises(SystemExit, match="differ in more than their seed"):
        start(run, other, *RATES)
    with pytest.raises(SystemExit, match="is no finished run"):
        start(tmp_path, *RATES)


def test_the_best_rate_is_that_of_the_highest_mean_on_validation(program, tmp_path):
    table = tmp_path / "t.csv"
    trials = [
        ("a", "validation", "0.1", 0.5),
        ("a", "validation", "0.1", 0.7),
        ("a", "validation", "0.3", 0.65),
        ("a", "test", "0.5", 0.9),
        ("b", "validation", "0.7", 0.9),
    ]
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["setup", "evaluate_on", "method", "rate", "accuracy"])
        writer.writerows([s, part, "fine-tuned", rate, share] for s, part, rate, share in trials)
    assert program.best_rate(table, "a", "fine-tuned") == 0.3
    with pytest.raises(UserError, match="tells no learning rate for 'supervised from scratch'"):
        program.best_rate(table, "a", "supervised from scratch")

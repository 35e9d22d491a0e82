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


def test_a_loss_that_becomes_nan_is_told():
    with pytest.raises(UserError, match="became NaN at a peak learning rate of nan"):
        contest(scratch_rate=float("nan"), steps=2)


# --- the program


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    """What the program reads of a run: its config, and an encoder."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    recipe = get_recipe("smoke", {"train_limit": 160, "encoder_width": 4})
    data = experiment.describe(experiment.load_data(recipe))
    folder.claim({"recipe": asdict(recipe), "data": data, "precision": "float32"})
    folder.save_model(experiment.build_encoder(recipe, "float32"), folder.encoder)
    return folder.path


@pytest.mark.slow
def test_the_program_fills_its_table_and_goes_on_where_it_was(
    finished_run, tmp_path, monkeypatch, capsys
):
    spec = importlib.util.spec_from_file_location("label_efficiency", PROGRAM)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)

    def start(*more):
        out = ["--out", str(tmp_path / "t.csv"), "--figure", str(tmp_path / "f.png")]
        words = ["x", str(finished_run), "--steps", "2", "--seeds", "0", *out, *more]
        monkeypatch.setattr(sys, "argv", words)
        program.main()
        with (tmp_path / "t.csv").open() as file:
            return list(csv.DictReader(file))

    rows = start()
    assert len(rows) == 9 and (tmp_path / "f.png").exists()
    assert {row["method"] for row in rows} == set(few_labels.METHODS)
    assert {row["pictures"] for row in rows} == {"10", "20", "160"}
    capsys.readouterr()

    lines = (tmp_path / "t.csv").read_text().splitlines()
    (tmp_path / "t.csv").write_text("\n".join(lines[:8] + lines[9:]) + "\n")
    assert len(start()) == 9
    assert capsys.readouterr().out.count("seed 0") == 1
    (finished_run / "config.json").rename(finished_run / "hidden.json")
    with pytest.raises(SystemExit, match="is no finished run"):
        start()
    (finished_run / "hidden.json").rename(finished_run / "config.json")

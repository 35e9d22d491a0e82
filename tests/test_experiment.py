"""The whole road on one tiny run: what it leaves behind, and what it refuses."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from simclr_lib import experiment
from simclr_lib.errors import UserError
from simclr_lib.recipes import get_recipe

FIGURES = {"views", "curves", "accuracies", "neighbours", "features", "confusion"}


@pytest.fixture(scope="module")
def recipe():
    return get_recipe("smoke", {"epochs": 1, "warmup_epochs": 0.5})


@pytest.fixture(scope="module")
def results(recipe, tmp_path_factory):
    return experiment.run(recipe, tmp_path_factory.mktemp("run"), say=lambda line: None)


def test_accuracies_stand_beside_their_baselines(results):
    names = {"SimCLR", "random encoder", "raw pixels", "supervised from scratch"}
    assert set(results.accuracies) == names
    assert all(name in results.table() for name in names)
    for found in results.accuracies.values():
        for accuracy in found.values():
            pictures = accuracy * results.pictures["test"]
            assert 0 <= accuracy <= 1 and pictures == pytest.approx(round(pictures))


def test_every_figure_is_a_picture(results):
    figures = list((results.run_dir / "figures").iterdir())
    assert {path.stem for path in figures} == FIGURES
    for path in figures:
        with Image.open(path) as picture:
            assert min(picture.size) > 300 and picture.info["Description"]


def test_config_tells_all_that_decided_the_run(results, recipe):
    config = json.loads((results.run_dir / "config.json").read_text())
    assert config["recipe"] == asdict(recipe)
    assert {"keras", "numpy", "python"} <= set(config["versions"])
    assert config["data"]["train"] == 320 and len(config["data"]["checksum"]) == 8
    assert config["precision"] in ("float32", "mixed_bfloat16")


def test_a_finished_run_is_not_run_again(results, recipe):
    before = {path: path.stat().st_mtime_ns for path in results.run_dir.rglob("*.*")}
    again = experiment.run(recipe, results.run_dir, say=lambda line: None)
    assert again == results
    assert {path: path.stat().st_mtime_ns for path in results.run_dir.rglob("*.*")} == before


def test_a_folder_of_another_recipe_is_refused(results, recipe):
    with pytest.raises(UserError, match=r"temperature is 0\.2 there and 0\.5 here"):
        experiment.run(replace(recipe, temperature=0.5), results.run_dir)


def test_other_pictures_under_the_same_name_are_refused(results, recipe, monkeypatch):
    loaded = experiment.load_data(recipe)
    painted = loaded.train_images.copy()
    painted[7, 3, 3] ^= 255
    other = replace(loaded, train_images=painted)
    monkeypatch.setattr(experiment, "load_dataset", lambda *args, **options: other)
    with pytest.raises(UserError, match="checksum is"):
        experiment.run(recipe, results.run_dir)


def test_validation_pictures_come_from_the_training_part_and_leave_it(recipe):
    whole = experiment.load_data(recipe)
    split = experiment.load_data(replace(recipe, evaluate_on="validation"))
    assert len(split.test_images) == 30 and len(split.train_images) == 290  # 3 of 32 a class
    assert np.all(np.bincount(split.test_labels) == np.bincount(split.test_labels)[0])

    def known(pictures):
        return {picture.tobytes() for picture in pictures}

    assert known(split.test_images) | known(split.train_images) == known(whole.train_images)
    assert not known(split.test_images) & known(split.train_images)
    assert not known(split.test_images) & known(whole.test_images)


def test_the_evaluation_reads_as_many_labels_of_each_class_as_the_recipe_says(recipe):
    few, more = (replace(recipe, labels_per_class=count) for count in (2, 5))
    dataset = experiment.load_data(few)
    chosen = experiment.labelled(few, dataset)
    assert np.bincount(dataset.train_labels[chosen]).tolist() == [2] * 10
    assert set(chosen) < set(experiment.labelled(more, dataset))
    assert set(chosen) != set(experiment.labelled(replace(few, seed=1), dataset))
    assert len(dataset.train_labels[experiment.labelled(recipe, dataset)]) == 320
    with pytest.raises(UserError, match="labels_per_class is 33, and a class of shapes has 32"):
        experiment.load_data(replace(recipe, labels_per_class=33))


def test_every_row_of_a_run_with_few_labels_sees_those_and_training_sees_no_less(
    recipe, results, tmp_path, monkeypatch
):
    seen, trained = [], []
    probe, fit = experiment.linear_probe, experiment.fit_epochs

    def watched_probe(train_h, train_y, *rest):
        seen.append(np.bincount(train_y).tolist())
        return probe(train_h, train_y, *rest)

    def watched_fit(model, images, **options):
        views = options["batch_size"] * options["steps_per_epoch"] * options["epochs"]
        trained.append((len(images), views))
        return fit(model, images, **options)

    monkeypatch.setattr(experiment, "linear_probe", watched_probe)
    monkeypatch.setattr(experiment, "fit_epochs", watched_fit)
    few = replace(recipe, labels_per_class=2)
    found = experiment.run(few, tmp_path / "few", say=lambda line: None)
    assert seen == [[2] * 10] * 3  # SimCLR, the untrained encoder, raw pixels
    assert trained == [(320, 320), (20, 640)]  # without labels, and with those there are
    assert found.accuracies.keys() == results.accuracies.keys()
    assert {path.stem for path in (tmp_path / "few" / "figures").iterdir()} == FIGURES


def test_the_monitor_asks_about_other_pictures_than_those_that_vote(recipe):
    look, bank = experiment.monitor_split(experiment.load_data(recipe), seed=0)
    assert not set(look) & set(bank)
    assert len(look) + len(bank) == 320


def test_raw_pixels_are_averaged_where_they_would_not_fit(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (30, 10, 10, 3), "uint8")
    assert experiment.pixel_side(images) == 10
    whole = experiment.pixel_rows(images, 10)
    np.testing.assert_array_equal(whole, images.reshape(30, 300))
    monkeypatch.setattr(experiment, "PIXELS_AT_MOST", 30 * 8 * 8 * 3)
    assert experiment.pixel_side(images) == 5
    rows = experiment.pixel_rows(images, 5)
    assert (rows.shape, rows.dtype) == ((30, 75), np.uint8)
    mean = images[7, 2:4, 6:8, 1].mean()
    assert rows[7].reshape(5, 5, 3)[1, 3, 1] == round(mean)
    odd = experiment.pixel_rows(images, 3)  # three squares of 3×3, the rest is left out
    assert odd[0].reshape(3, 3, 3)[2, 2, 0] == round(images[0, 6:9, 6:9, 0].mean())

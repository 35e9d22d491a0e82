"""Tiny runs to examine: one that learns, and one with the report's faults."""

import json
import shutil

import keras
import pytest

from simclr_lib import experiment
from simclr_lib.postmortem.record import read_record
from simclr_lib.recipes import get_recipe

# Learns what it can in seconds: by 1,000 steps of a few narrow layers.
HEALTHY = {
    "train_limit": 640,
    "test_limit": 200,
    "view_size": 16,
    "encoder_width": 16,  # of 8, features lie along two directions: with some seeds, fewer
    "batch_size": 32,
    "epochs": 10,
    "steps_per_epoch": 100,
    "knn_every": 0,
    "precision": "float32",
    "supervised_baseline": False,
}

# The report's set-up, narrow: few steps, momentum 0.99, ImageNet's stem, a tiny classifier.
REPORT = {
    "data": "shapes",
    "encoder_depth": 8,
    "train_limit": 200,
    "test_limit": 100,
    "encoder_width": 4,
    "head_hidden": 16,
    "batch_size": 16,
    "epochs": 1,
    "steps_per_epoch": 20,
    "knn_every": 0,
    "classifier_epochs": 2,
    "precision": "float32",
}


@pytest.fixture(scope="session")
def healthy(made):
    """The folder of a run without a fault; copy it before you touch it."""
    return made(get_recipe("smoke", HEALTHY))


@pytest.fixture(scope="session")
def report(made):
    """The folder of a run as the report's."""
    return made(get_recipe("report-resnet50", REPORT))


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """`recipe` → the folder of its run, without the figures, which would take most of the time."""

    def make(recipe):
        folder = tmp_path_factory.mktemp("runs") / recipe.name
        with pytest.MonkeyPatch.context() as patch:
            for name in ("draw_views", "draw_results"):
                patch.setattr(experiment, name, lambda *arguments: None)
            experiment.run(recipe, folder, say=lambda line: None)
        return folder

    return make


@pytest.fixture
def altered(healthy, tmp_path):
    """`change(encoder)` → the record of a copy of the healthy run whose encoder is changed.

    The function changes it in place, or returns another.
    """

    def alter(change=lambda encoder: None, **recipe):
        folder = shutil.copytree(healthy, tmp_path / "altered")
        encoder = keras.models.load_model(folder / "encoder.keras")
        (change(encoder) or encoder).save(folder / "encoder.keras")
        config = json.loads((folder / "config.json").read_text())
        config["recipe"] |= recipe
        (folder / "config.json").write_text(json.dumps(config))
        return read_record(folder)

    return alter

"""Lesson 05 takes CIFAR-10 where Keras has it: here pictures of our own in CIFAR-10's place."""

import pickle

import numpy as np
import pytest
import run_notebook
from test_notebooks import checks_of, read

from simclr_lib import pretrained
from simclr_lib.datasets import cifar10

LESSON = "05_linear_evaluation"


def write_batches(folder):
    """Noise, in which the class moves a bright bar; 80 pictures a batch, 150 in the test part."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in (*cifar10.TRAIN_BATCHES, cifar10.TEST_BATCH):
        labels = np.arange(150 if name == cifar10.TEST_BATCH else 80) % 10
        images = rng.integers(0, 120, (len(labels), 3, 32, 32), "uint8")
        for image, label in zip(images, labels, strict=True):
            image[:, :, 3 * label : 3 * label + 3] += 120
        batch = {"data": images.reshape(len(images), -1), "labels": labels.tolist()}
        (folder / name).write_bytes(pickle.dumps(batch, 2))


@pytest.mark.slow
def test_lesson_05_judges_an_encoder_of_cifar10(tmp_path, monkeypatch):
    write_batches(tmp_path / "keras" / "datasets" / cifar10.FOLDER)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(run_notebook, "SMOKE", {"profile": "smoke", "dataset": "auto"})
    folder = tmp_path / "lesson"
    folder.mkdir()
    outcome = run_notebook.run(run_notebook.in_smoke(read("solutions", LESSON)), folder)
    assert outcome.passed, outcome.log
    assert outcome.faults() == []
    assert outcome.text("setup").startswith("Data: cifar10, 256 pictures")
    kits = "cifar10" in pretrained.available()
    source = "the kit's pretrained encoder" if kits else "runs/lesson05-cifar10-smoke-0-"
    assert outcome.text("load").splitlines()[-1].startswith(f"Encoder: {source}")
    for slug, exercise in checks_of(LESSON).items():
        assert outcome.text(slug).startswith(f"✓ {exercise} "), outcome.text(slug)

"""The folder of a run: what it keeps, in which order it comes to disk."""

import dataclasses

import keras
import pytest
from disk_order import needs_proc, order_of

from simclr_lib.recipes import get_recipe
from simclr_lib.run_folder import Results, RunFolder

HISTORY = [
    {"epoch": 1, "seconds": 1.5, "loss": 3.25},
    {"epoch": 2, "seconds": 3.0, "loss": 1 / 3, "knn_accuracy": 0.5},
]


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


@pytest.fixture
def results(folder):
    return Results(
        recipe=get_recipe("smoke"),
        accuracies={"SimCLR": {"linear": 0.5, "knn": 0.25}},
        per_class={"disc": 0.5},
        pictures={"train": 320, "test": 100},
        training_minutes=0.1,
        warnings=["slow"],
        run_dir=folder.path,
    )


def test_the_history_is_read_as_it_was_written(folder):
    folder.write_metrics(HISTORY)
    assert folder.read_metrics() == HISTORY
    assert isinstance(folder.read_metrics()[0]["epoch"], int)


def test_the_first_results_stay_and_end_what_only_a_stopped_run_needs(folder, results):
    folder.checkpoint.touch()
    folder.finish(results)
    assert folder.finished() == results and not folder.checkpoint.exists()
    written = folder.results.stat()
    # Killed just after its results, a run that is looked at again does not write them again.
    folder.checkpoint.touch()
    folder.finish(dataclasses.replace(results, training_minutes=0.2))
    assert folder.results.stat().st_mtime_ns == written.st_mtime_ns
    assert folder.finished() == results and not folder.checkpoint.exists()


@needs_proc
def test_results_come_to_disk_after_all_that_they_stand_for(folder, results, monkeypatch):
    seen = order_of(monkeypatch)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    folder.save_model(model, folder.encoder)
    saved = seen.index(("name", folder.encoder))
    assert seen[:saved] == [("disk", folder.path / "partial-encoder.keras")]
    assert seen[saved + 1] == ("disk", folder.path)

    (folder.figures / "curves.png").write_text("a picture")
    folder.checkpoint.touch()
    folder.finish(results)
    named = seen.index(("name", folder.results))
    for path in (folder.encoder, folder.figures / "curves.png", folder.figures):
        assert ("disk", path) in seen[saved:named]
    assert ("disk", folder.path) in seen[named:]


@needs_proc
def test_a_new_folder_is_on_disk_in_the_one_above_it(tmp_path, monkeypatch):
    seen = order_of(monkeypatch)
    RunFolder(tmp_path / "runs" / "one")
    folders = [path for _, path in seen]
    assert set(folders) == {tmp_path, tmp_path / "runs", tmp_path / "runs" / "one"}

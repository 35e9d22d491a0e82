"""The folder of a run: what it keeps, in which order it comes to disk."""

import dataclasses

import pytest

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

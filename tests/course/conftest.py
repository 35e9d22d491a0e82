"""Progress of its own for every test, and a small exercise to try the checks on."""

import numpy as np
import pytest

from simclr_lib.course import checking, exercises, hints
from simclr_lib.course.exercise import Exercise, mistake


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    file = tmp_path / "progress.json"
    monkeypatch.setenv("SIMCLR_PROGRESS", str(file))
    monkeypatch.setattr(checking, "last", {})
    monkeypatch.setattr(hints, "given", {})
    return file


def mean_by_numpy(values, weight=1.0):
    """The kit's."""
    return weight * np.mean(values)


@mistake("This is the sum.", hint="Divide.")
def sum_not_mean(values, weight=1.0):
    return weight * np.sum(values)


@mistake("This is the last divided by the first, more or less.", hint="Add them all.")
def weight_ignored(values, weight=1.0):
    return np.mean(values)


@mistake("The weight is not used at all.", hint="Use it.")
def weight_is_one(values, weight=1.0):
    return np.mean(values)


def lies_between(answer):
    mean = answer(np.array([1.0, 3.0]), 1.0)
    if not 1 <= mean <= 3:
        return f"The mean of 1 and 3 lies between them; yours is {mean:.3g}."
    return None


@pytest.fixture
def average(monkeypatch):
    """An exercise of two probes; two of its mistakes cannot be told apart."""
    exercise = Exercise(
        id="average",
        lesson="03_nt_xent",
        title="a mean",
        minutes=1,
        difficulty=1,
        reference=mean_by_numpy,
        probes=[(np.array([1.0, 2.0, 4.0]), 2.0), (np.array([-1.0, 5.0]), 0.5)],
        ladder=[lies_between],
        mistakes=[sum_not_mean, weight_ignored, weight_is_one],
        hints=("First.", "Second.", "Third."),
        right=[mean_by_numpy],
        seconds=0.5,
    )
    monkeypatch.setattr(exercises, "all_exercises", lambda: [exercise])
    return exercise

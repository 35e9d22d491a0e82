"""Runs that are killed at any moment, run again, and end as if nothing had happened."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from simclr_lib import fast_layers  # noqa: F401 (what encoder.keras is made of)

SETTINGS = ("train_limit=640", "epochs=12", "knn_every=3", "supervised_baseline=false")
EPOCHS = 12


def start(folder, *settings):
    """A training that takes some seconds once it has begun."""
    return subprocess.Popen(
        [Path(sys.executable).with_name("simclr"), "run", "smoke", "--out", folder, "--set"]
        + [*SETTINGS, *settings],
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder):
    process = start(folder)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output + errors


def wait_until(process, happened, seconds=120):
    """Wait for `happened()`; false if the process ended before."""
    deadline = time.monotonic() + seconds
    while not happened():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run does not get there"
        time.sleep(0.001)
    return True


def weights(folder):
    parts = [keras.models.load_model(folder / f"{part}.keras") for part in ("encoder", "head")]
    return [array for part in parts for array in part.get_weights()]


def losses(folder):
    with (folder / "metrics.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def assert_same(folder, reference):
    for ours, theirs in zip(weights(folder), weights(reference), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # Sums over the same steps, added up in other portions.
    np.testing.assert_allclose(losses(folder), losses(reference), rtol=1e-5)
    assert len(losses(folder)) == EPOCHS


# --- moments to kill at: each waits for its own, and is false if the run ended before


def while_a_checkpoint_is_written(process, folder, chance):
    return wait_until(process, (folder / ".checkpoint.npz.partial").exists)


def between_two_checkpoints(process, folder, chance):
    checkpoint = folder / "checkpoint.npz"

    def stamp():
        return checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0

    for _ in range(chance.randint(1, 3)):
        before = stamp()
        if not wait_until(process, lambda before=before: stamp() != before):
            return False
    time.sleep(chance.uniform(0, 0.5))
    return True


def at_any_time(process, folder, chance):
    end = time.monotonic() + chance.uniform(0, 25)
    return wait_until(process, lambda: time.monotonic() > end)


def kill_and_resume(folder, moments, seed):
    """SIGKILL the run at each moment, then let it finish; gives the number of kills that hit."""
    chance, hits = random.Random(seed), 0
    for moment in moments:
        process = start(folder)
        moment(process, folder, chance)
        process.kill()
        process.communicate()
        hits += process.returncode == -signal.SIGKILL
        assert process.returncode in (-signal.SIGKILL, 0)
    finish(folder)
    return hits


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish(folder)
    return folder


def test_a_run_that_was_killed_twice_ends_in_the_same_bits(reference, tmp_path):
    moments = [between_two_checkpoints, while_a_checkpoint_is_written]
    assert kill_and_resume(tmp_path / "run", moments, seed=0) == 2
    assert_same(tmp_path / "run", reference)
    left = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert left == sorted(path.name for path in reference.iterdir())


@pytest.mark.slow
def test_a_run_that_was_killed_ten_times_ends_in_the_same_bits(reference, tmp_path):
    kinds = [at_any_time, between_two_checkpoints, while_a_checkpoint_is_written]
    moments = [at_any_time, *random.Random(1).choices(kinds, k=9)]
    assert kill_and_resume(tmp_path / "run", moments, seed=2) == 10
    assert_same(tmp_path / "run", reference)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_so_in_one_line_and_goes_on(reference, tmp_path, stop):
    folder = tmp_path / "run"
    process = start(folder)
    assert wait_until(process, (folder / "checkpoint.npz").exists)
    process.send_signal(stop)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1].startswith("Stopped after ")
    assert errors.splitlines()[-1].endswith("The same command goes on from the last checkpoint.")
    assert "Traceback" not in errors
    assert "Error" not in errors
    if stop == signal.SIGINT:
        assert "going on from step" in finish(folder)
        assert_same(folder, reference)

"""Runs that are killed at any moment, run again, and end as if nothing had happened."""

import csv
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from simclr_lib import fast_layers  # noqa: F401 (what encoder.keras is made of)

SETTINGS = "train_limit=640 knn_every=3 supervised_baseline=false"  # ten steps an epoch
PATIENCE = 600  # seconds; some 20 are usual


@pytest.fixture
def running():
    """`start`, and the end of whatever a failed test leaves running."""
    started = []
    yield lambda folder, epochs: started.append(start(folder, epochs)) or started[-1]
    for process in started:
        kill(process)


def start(folder, epochs):
    """A training that takes a moment once it has begun."""
    simclr = Path(sys.executable).with_name("simclr")
    return subprocess.Popen(
        [simclr, "run", "smoke", "--out", folder, "--set", *SETTINGS.split(), f"epochs={epochs}"],
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder, epochs):
    process = start(folder, epochs)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return output + errors


def wait_until(process, happened):
    """Wait for `happened()`; false if the process ended before."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run does not get there"
        time.sleep(0.002)
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
    assert len(losses(folder)) == len(losses(reference))


# --- moments to kill at: each waits for its own, and is false if the run ended before


def while_starting(process, folder, chance):
    end = time.monotonic() + chance.uniform(0, 5)
    return wait_until(process, lambda: time.monotonic() > end)


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
    time.sleep(chance.uniform(0, 0.2))
    return True


def kill(process):
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.long
def test_a_run_that_was_stopped_three_times_ends_in_the_same_bits(tmp_path, running):
    # Long enough that Ctrl-C reaches a busy machine's process before its end.
    folder, reference, epochs = tmp_path / "run", tmp_path / "undisturbed", 30
    chance = random.Random(0)
    finish(reference, epochs)

    process = running(folder, epochs)
    assert while_a_checkpoint_is_written(process, folder, chance)
    assert kill(process)

    process = running(folder, epochs)
    assert between_two_checkpoints(process, folder, chance)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    last = errors.splitlines()[-1]
    assert re.fullmatch("Stopped after [0-9]+ epochs. The same command goes on .*", last), errors
    told = ("Pretraining: ", "Warning: ", "Stopped ")
    assert all(line.startswith(told) for line in errors.splitlines()), errors

    process = running(folder, epochs)
    assert between_two_checkpoints(process, folder, chance)
    assert kill(process)

    assert "going on from step" in finish(folder, epochs)
    assert_same(folder, reference)
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted(path.name for path in reference.iterdir())


@pytest.mark.slow
def test_a_run_that_was_killed_ten_times_ends_in_the_same_bits(tmp_path, running):
    # Long enough that ten kills come before its end on a fast machine too.
    folder, reference, epochs = tmp_path / "run", tmp_path / "undisturbed", 60
    chance = random.Random(1)
    moments = [while_starting, between_two_checkpoints, while_a_checkpoint_is_written]
    for i in range(10):
        process = running(folder, epochs)
        reached = moments[i % 3](process, folder, chance)
        assert kill(process) and reached, f"the run ended before kill {i + 1}"
    finish(folder, epochs)
    finish(reference, epochs)
    assert_same(folder, reference)

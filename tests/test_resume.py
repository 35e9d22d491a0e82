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

SETTINGS = "train_limit=640 epochs=12 knn_every=3 supervised_baseline=false"
EPOCHS = 12
PATIENCE = 600  # seconds; some 20 are usual


@pytest.fixture
def running():
    """`start`, and the end of whatever a failed test leaves running."""
    started = []
    yield lambda folder: started.append(start(folder)) or started[-1]
    for process in started:
        kill(process)


def start(folder):
    """A training that takes some seconds once it has begun."""
    simclr = Path(sys.executable).with_name("simclr")
    return subprocess.Popen(
        [simclr, "run", "smoke", "--out", folder, "--set", *SETTINGS.split()],
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder):
    process = start(folder)
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


def kill(process):
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish(folder)
    return folder


def test_a_run_that_was_stopped_three_times_ends_in_the_same_bits(reference, tmp_path, running):
    folder, chance = tmp_path / "run", random.Random(0)

    process = running(folder)
    assert while_a_checkpoint_is_written(process, folder, chance)
    assert kill(process)

    process = running(folder)
    assert between_two_checkpoints(process, folder, chance)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    last = errors.splitlines()[-1]
    assert re.fullmatch("Stopped after [0-9]+ epochs. The same command goes on .*", last), errors
    told = ("Pretraining: ", "Warning: ", "Stopped ")
    assert all(line.startswith(told) for line in errors.splitlines()), errors

    process = running(folder)
    assert between_two_checkpoints(process, folder, chance)
    assert kill(process)

    assert "going on from step" in finish(folder)
    assert_same(folder, reference)
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted(path.name for path in reference.iterdir())


@pytest.mark.slow
def test_a_run_that_was_killed_ten_times_ends_in_the_same_bits(reference, tmp_path, running):
    folder, chance = tmp_path / "run", random.Random(1)
    moments = [at_any_time, between_two_checkpoints, while_a_checkpoint_is_written]
    kills = 0
    for _ in range(30):
        process = running(folder)
        chance.choice(moments)(process, folder, chance)
        kills += kill(process)
        if kills == 10 or process.returncode == 0:
            break
    assert kills == 10
    finish(folder)
    assert_same(folder, reference)

"""On JAX the whole road runs where TensorFlow can't be imported, and never asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="the road of JAX")

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            print("TensorFlow was asked for", file=sys.stderr)
            raise ImportError("no TensorFlow on this machine")

sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture
def machine(tmp_path):
    """Words of an environment in which any import of TensorFlow fails, and says so."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    return os.environ | {"PYTHONPATH": str(tmp_path)}


def test_the_blocker_blocks(machine):
    done = subprocess.run(
        [sys.executable, "-c", "import tensorflow"], env=machine, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "TensorFlow was asked for" in done.stderr


def test_smoke_runs_to_its_end(machine, tmp_path):
    simclr = Path(sys.executable).with_name("simclr")
    command = [simclr, "run", "smoke", "--out", "run"]
    done = subprocess.run(command, cwd=tmp_path, env=machine, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "supervised from scratch" in done.stdout
    assert (tmp_path / "run" / "results.json").exists()
    assert "TensorFlow was asked for" not in done.stderr

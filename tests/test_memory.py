"""What row blocks and gradient caching save and change, each measured in a process of its own."""

import importlib.util
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "memory.py"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for its marks")


@pytest.fixture(scope="module")
def measure():
    """`(kind, **settings)` → the row that the program measures."""
    spec = importlib.util.spec_from_file_location("memory", PROGRAM)
    memory = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(memory)
    return lambda kind, **settings: memory.in_own_process(kind=kind, settings=settings)


@pytest.fixture
def megabytes(measure):
    return lambda kind, **settings: measure(kind, **settings)["megabytes"]


def test_a_cached_gradient_of_the_classroom_is_that_of_the_whole_batch(measure):
    chunks = {"gradient_cache_chunk": 8, "loss_block_rows": 16}
    row = measure("gradient", batch_size=32, **chunks)
    assert 0 < row["difference"] < 1e-4


@pytest.mark.slow
def test_in_training_batch_norm_sees_chunks_and_the_gradient_is_another(measure):
    differences = [
        measure("normalised", batch_size=32, gradient_cache_chunk=chunk)["difference"]
        for chunk in (32, 16, 4)
    ]
    assert differences[0] < 1e-4  # one chunk: the batch
    assert 0.01 < differences[1] < differences[2] < 1


def test_row_blocks_need_a_fraction_of_the_whole_matrix(megabytes):
    whole = megabytes("loss", batch_size=4096)
    blocks = megabytes("loss", batch_size=4096, loss_block_rows=128)
    assert whole > 2 * 8192**2 * 4 / 1e6  # the similarities, and their softmax
    assert blocks < whole / 2


@pytest.mark.slow
def test_a_cached_batch_of_four_times_the_pictures_needs_the_memory_of_one(megabytes):
    one = megabytes("step", batch_size=256)
    four = {"batch_size": 1024, "gradient_cache_chunk": 128, "loss_block_rows": 256}
    assert megabytes("step", **four) < 1.3 * one

"""The profile of a step: real operations are seen, and their times are shared out."""

import importlib.util
from pathlib import Path

import keras
import pytest

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "step_profile.py"


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("step_profile", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's profiler")
def test_the_profiler_sees_the_operations_of_a_compiled_function(program):
    import tensorflow as tf

    images, kernel = tf.ones((8, 12, 12, 16)), tf.ones((3, 3, 16, 16))
    work = tf.function(lambda: tf.nn.relu(tf.nn.conv2d(images, kernel, 1, "SAME")[:, ::2] - 1))
    work()
    kinds = {program.kind_of(type_) for type_, *_ in program.profiled(work)}
    assert "convolutions, forward" in kinds
    assert all(start <= end for _, start, end in program.profiled(work))


def test_shares_are_of_the_operations_time_and_idle_time_is_told(program):
    # Two at once, then a second of nothing, then one; over two steps.
    spans = [("Conv2D", 0, 2), ("Relu", 1, 2), ("Conv2DBackpropInput", 3, 4)]
    rows = {row["kind"]: row for row in program.account(spans, 2)}
    assert rows["convolutions, forward"]["milliseconds"] == 1000
    assert rows["convolutions, forward"]["share"] == 0.5
    assert rows["convolutions, gradients"]["share"] == 0.25
    assert rows["while no operation ran"]["milliseconds"] == 500
    assert rows[program.CLOCK]["milliseconds"] == 2000


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("PadWithConv2D", "convolutions, gradients"),
        ("Conv2DBackpropFilter", "convolutions, gradients"),
        ("FusedConv2D", "convolutions, forward"),
        ("FusedBatchNormGradV3", "BatchNorm, with the ReLU that it takes in"),
        ("BatchMatMulV2", "matrix products (head, loss, Muon, views)"),
        ("StridedSliceGrad", "turning, cutting, casting of arrays"),
        ("ArgMax", "everything else"),
    ],
)
def test_a_type_has_its_row(program, type_, kind):
    assert program.kind_of(type_) == kind

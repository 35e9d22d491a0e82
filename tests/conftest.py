"""What all tests share: a quiet start of Keras, and gradients on either backend."""

import functools
import signal

import numpy as np
import pytest

from simclr_lib.quiet import import_keras

keras = import_keras()
BACKEND = keras.backend.backend()

# A shell's background jobs ignore Ctrl-C, and hand that down: the tests that send it need it heard.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header():
    return f"keras {keras.__version__} on {BACKEND}"


@pytest.fixture
def compiled():
    """`function` → the same; on JAX as one program, where each operation would compile alone."""
    return jit if BACKEND == "jax" else lambda function: function


@pytest.fixture
def value_and_gradients():
    """`(function, *arrays, **rest)` → the scalar it gives, and its gradient by each array."""

    def tensorflow(function, *arrays, **rest):
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors, **rest)
        return value.numpy(), [slope.numpy() for slope in tape.gradient(value, tensors)]

    def jax(function, *arrays, **rest):
        value, slopes = jit(function, gradients=len(arrays))(*arrays, **rest)
        return np.asarray(value), [np.asarray(slope) for slope in slopes]

    return {"tensorflow": tensorflow, "jax": jax}[BACKEND]


@functools.cache
def jit(function, gradients=0):
    import jax

    if gradients:
        function = jax.value_and_grad(function, tuple(range(gradients)))
    return jax.jit(function)

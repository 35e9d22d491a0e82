"""What all tests share: a quiet start of Keras, and gradients on either backend."""

import numpy as np
import pytest

from simclr_lib.quiet import import_keras

keras = import_keras()
BACKEND = keras.backend.backend()


def pytest_report_header():
    return f"keras {keras.__version__} on {BACKEND}"


@pytest.fixture
def value_and_gradients():
    """`(function, *arrays)` → the scalar `function(*arrays)`, and its gradient by each array."""

    def tensorflow(function, *arrays):
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        return value.numpy(), [slope.numpy() for slope in tape.gradient(value, tensors)]

    def jax(function, *arrays):
        import jax

        both = jax.jit(jax.value_and_grad(function, tuple(range(len(arrays)))))
        value, slopes = both(*map(jax.numpy.asarray, arrays))
        return np.asarray(value), [np.asarray(slope) for slope in slopes]

    return {"tensorflow": tensorflow, "jax": jax}[BACKEND]

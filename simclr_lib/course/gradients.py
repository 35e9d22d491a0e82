"""The gradient of a function of arrays, on whichever backend Keras runs on."""

import numpy as np

from simclr_lib.quiet import import_keras


def value_and_gradients(function, *arrays):
    """Compute a scalar function, and its gradient by each of its arguments.

    Args:
        function: of as many arguments as there are arrays, written in `keras.ops`; gives a scalar.
        *arrays: where to compute it.

    Returns:
        `(value, gradient, gradient, …)`, as NumPy arrays; zeros where no gradient comes through.
    """
    keras = import_keras()
    arrays = [np.asarray(array, "float32") for array in arrays]
    if keras.backend.backend() == "jax":
        import jax

        by_all = tuple(range(len(arrays)))
        value, gradients = jax.value_and_grad(function, argnums=by_all)(
            *map(jax.numpy.array, arrays)
        )
    else:
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = tf.convert_to_tensor(function(*tensors))
        gradients = tape.gradient(value, tensors, unconnected_gradients="zero")
    return tuple(np.asarray(array) for array in (value, *gradients))

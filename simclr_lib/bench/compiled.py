"""Functions as the backend compiles them inside a training step, and their gradients."""

import keras


def compiled(function):
    """Compile a function of arrays.

    TensorFlow is called directly, and so is JAX: Keras compiles models only.
    """
    if keras.backend.backend() == "jax":
        import jax

        run = jax.jit(function)
        return lambda *arrays: jax.block_until_ready(run(*arrays))
    import tensorflow as tf

    return tf.function(function)


def value_and_gradient(function):
    """Compile `function(*arrays)` → scalar into one that gives it and its gradients."""
    if keras.backend.backend() == "jax":
        import jax

        def both(*arrays):
            return jax.value_and_grad(function, tuple(range(len(arrays))))(*arrays)

        return compiled(both)
    import tensorflow as tf

    def taped(*arrays):
        with tf.GradientTape() as tape:
            tape.watch(arrays)
            value = function(*arrays)
        return value, tape.gradient(value, arrays)

    return compiled(taped)

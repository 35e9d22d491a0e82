"""Gradient caching: the gradient of a big batch in the memory of a small one (Gao et al., 2021).

NT-Xent needs the z of the whole batch at once, but no activation of the encoder. So a step goes
through the batch twice, a chunk of pictures at a time:

1. views → z, chunk by chunk; every activation is dropped at once;
2. the loss of all z, and its slope ∂loss/∂z: small, so it is kept;
3. views → z again, chunk by chunk, and back from each chunk's part of ∂loss/∂z to the weights; the
   chunks' gradients are added up.

By the chain rule the sum is the gradient of the whole batch: a third more arithmetic buys a batch
of any size (arXiv 2101.06983, section 3). The second pass begins with the state that the first one
began with: the same random numbers give the same views, and the running statistics of BatchNorm
move once. BatchNorm itself sees a chunk where it would have seen the batch; with it the gradient
is that of a network whose normalisation works on chunks.

TensorFlow and JAX go about loops and gradients so differently that each has a step of its own.
"""

import keras

from simclr_lib.errors import UserError
from simclr_lib.pretraining.devices import devices_in_step


def train_step(model, *arguments):
    """One training step of a `SimCLR`, a chunk of pictures at a time.

    Args:
        model: a compiled `SimCLR` with a `gradient_cache_chunk`.
        arguments: what Keras gives a `train_step`: `data`, and before it on JAX the state.

    Returns:
        What Keras wants back: the logs, and after them on JAX the state.

    Raises:
        UserError: the chunk does not divide the batch, or TensorFlow trains on several devices.
    """
    return {"tensorflow": tensorflow_step, "jax": jax_step}[keras.backend.backend()](
        model, *arguments
    )


def tensorflow_step(model, data):
    import tensorflow as tf

    if devices_in_step() > 1:
        raise UserError(
            "gradient_cache_chunk works on one device with TensorFlow: leave it out, or take "
            "KERAS_BACKEND=jax."
        )
    chunk, dims = model.gradient_cache_chunk, model.head.output_shape[-1]
    images, positions, _ = keras.utils.unpack_x_y_sample_weight(data)
    pictures, sides = images.shape[0], images.shape[1:]
    if pictures is not None:
        check_chunk(pictures, chunk)
    else:  # known only while the step runs
        pictures = tf.shape(images)[0]
        tf.debugging.assert_equal(pictures % chunk, 0, "gradient_cache_chunk must divide the batch")
    chunks = pictures // chunk
    images = tf.reshape(images, (chunks, chunk, *sides))

    def for_each_chunk(body, *start):
        return tf.while_loop(
            lambda index, *_: index < chunks,
            lambda index, *carry: (index + 1, *body(index, *carry)),
            (0, *start),
            parallel_iterations=1,  # more would be begun at once, and each holds its memory
        )[1:]

    weights = [variable.value for variable in model.trainable_variables]
    state = [variable.value for variable in model.non_trainable_variables]
    before = [tf.identity(value) for value in state]

    def embed(index, parts):
        z = model(images[index], training=True)
        return (parts.write(index, tf.reshape(z, (2, chunk, dims))),)

    parts = tf.TensorArray("float32", chunks, element_shape=(2, chunk, dims))
    z = for_each_chunk(embed, parts)[0].stack()
    # (chunks, views, chunk, D) → (2N, D): first views above second views, as the model gives them.
    z = tf.reshape(tf.transpose(z, (1, 0, 2, 3)), (2 * pictures, dims))

    # Before the loss: what a loss remembers of the batch is to stay.
    for variable, value in zip(state, before, strict=True):
        variable.assign(value)

    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = model.compute_loss(y=positions, y_pred=z)
        scaled = model.optimizer.scale_loss(loss)
    slope = tf.reshape(tape.gradient(scaled, z), (2, chunks, chunk, dims))

    def add_gradient(index, *sums):
        with tf.GradientTape() as tape:
            z = model(images[index], training=True)
        reached = tf.reshape(slope[:, index], (2 * chunk, dims))
        parts = tape.gradient(z, weights, reached, unconnected_gradients="zero")
        return [total + part for total, part in zip(sums, parts, strict=True)]

    gradients = for_each_chunk(add_gradient, *[tf.zeros_like(weight) for weight in weights])
    model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return logs_with(model, loss, pictures)


def jax_step(model, state, data):
    import jax
    from jax import lax
    from jax import numpy as jnp

    weights, before, optimizer, metrics = state
    chunk, dims = model.gradient_cache_chunk, model.head.output_shape[-1]
    images, positions, _ = keras.utils.unpack_x_y_sample_weight(data)
    pictures = len(images)
    check_chunk(pictures, chunk)
    chunks = pictures // chunk
    images = images.reshape(chunks, chunk, *images.shape[1:])

    def embed(weights, state, index):
        z, state = model.stateless_call(weights, state, images[index], training=True)
        return z.reshape(2, chunk, dims), state

    def keep(index, carry):
        z, state = carry
        part, state = embed(weights, state, index)
        return z.at[:, index].set(part), state

    z, _ = lax.fori_loop(0, chunks, keep, (jnp.zeros((2, chunks, chunk, dims)), before))

    def scaled_loss(z):
        loss, (_, remembered, new_metrics) = model.stateless_compute_loss(
            weights, before, metrics, y=positions, y_pred=z.reshape(2 * pictures, dims)
        )
        with keras.StatelessScope(zip(model.optimizer.variables, optimizer, strict=True)):
            return model.optimizer.scale_loss(loss), (loss, remembered, new_metrics)

    # `again`: the state before the views, but for what the loss remembers of the batch.
    slope, (loss, again, metrics) = jax.grad(scaled_loss, has_aux=True)(z)

    def add_gradient(index, carry):
        sums, state = carry
        _, pull_back, state = jax.vjp(
            lambda weights: embed(weights, state, index), weights, has_aux=True
        )
        (parts,) = pull_back(slope[:, index])
        return jax.tree.map(jnp.add, sums, parts), state

    start = jax.tree.map(jnp.zeros_like, weights), again
    gradients, after = lax.fori_loop(0, chunks, add_gradient, start)
    weights, optimizer = model.optimizer.stateless_apply(optimizer, gradients, weights)
    with keras.StatelessScope(zip(model.metrics_variables, metrics, strict=True)) as scope:
        logs = logs_with(model, loss, pictures)
    metrics = [scope.get_current_value(variable) for variable in model.metrics_variables]
    return logs, (weights, after, optimizer, metrics)


def check_chunk(pictures, chunk):
    """Raise a `UserError` unless the chunk divides the pictures of a batch."""
    if pictures % chunk:
        raise UserError(
            f"A batch of {pictures} pictures can't be cut into chunks of {chunk}: choose a "
            "gradient_cache_chunk that divides batch_size."
        )


def logs_with(model, loss, pictures):
    """Count a batch's loss in the mean that the logs tell, and give the logs."""
    for metric in model.metrics:
        if metric.name == "loss":
            metric.update_state(loss, sample_weight=pictures)
    return model.get_metrics_result()

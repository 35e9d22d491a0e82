"""One batch on more than one device: what the loss needs from the others.

Under a `tf.distribute` strategy each device computes with rows of its own, and knows of the others
only what it asks for: hence TensorFlow is called here. On JAX under `keras.distribution` an array
has the rows of all devices, and there is nothing to do.
"""

import keras


def devices_in_step():
    """How many devices hold a part of the batch that this code does not see: 1 is this one."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    # Outside of a step, as when a model is built, a batch is whole.
    if tf.distribute.in_cross_replica_context():
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync


def gather_over_devices(z):
    """Put the rows of all devices together, so that each anchor meets the negatives of all.

    The gradient goes back to the device that a row came from, added up over the devices.

    Args:
        z: `(n, D)`, this device's projections.

    Returns:
        `(devices × n, D)`, in the order of the devices; the same on each.
    """
    if devices_in_step() == 1:
        return z
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_gather(z, axis=0)

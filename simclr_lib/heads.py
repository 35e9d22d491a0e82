"""The projection head: from the features h, which are kept, to z, which only the loss sees."""

import keras
from keras import layers as keras_layers


def projection_head(input_dim, hidden_dim, output_dim=128, layers=2, *, dtype=None):
    """Build the head g of SimCLR (Chen et al., 2020, section 4.2).

    Args:
        input_dim: d, the length of the features h.
        hidden_dim: units of each hidden layer.
        output_dim: D, the length of z. With `layers=0` it has no effect: z is h.
        layers: how many dense layers, with ReLU between them: 0 none, 1 linear, 2 the paper's.
        dtype: a Keras dtype policy such as `"mixed_bfloat16"`; None takes the global one.

    Returns:
        A `keras.Model`: `h (B, d)` → `z (B, D)`, float32.

    Raises:
        ValueError: a negative number of layers.
    """
    if layers < 0:
        raise ValueError(f"layers must be 0 or more; got {layers}.")
    h = keras.Input((input_dim,), name="h")
    z = h
    for index in range(layers - 1):
        z = keras_layers.Dense(
            hidden_dim,
            activation="relu",
            kernel_initializer="he_normal",
            dtype=dtype,
            name=f"hidden{index + 1}",
        )(z)
    if layers > 0:
        z = keras_layers.Dense(output_dim, dtype=dtype, name="projection")(z)
    z = keras_layers.Activation("linear", dtype="float32", name="z")(z)
    return keras.Model(h, z, name="head")

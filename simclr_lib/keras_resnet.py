"""Keras' own ResNet as an encoder: the network that its published ImageNet weights belong to.

It is not the network of `encoders.py`: its convolutions have biases, the stride of a bottleneck
lies on its first 1×1 convolution, ε is 1.001e-5, and it wants blue before red, around 0, on a
scale of 255. Weights of the one would mean something else in the other, so they are not mapped.
"""

import keras
from keras import ops

from simclr_lib import fast_layers
from simclr_lib.encoder_weights import holds_keras_resnet

DEPTHS = (50, 101, 152)
MEAN_BGR = (103.939, 116.779, 123.68)  # of ImageNet's training pictures, 0 to 255


def begins_with_keras_resnet(encoder_weights):
    """Whether a recipe's `encoder_weights` belong to Keras' ResNet, and not to the kit's."""
    if encoder_weights == "none":
        return False
    return encoder_weights == "imagenet" or holds_keras_resnet(encoder_weights)


@keras.saving.register_keras_serializable("simclr")
class CaffeColors(keras.layers.Layer):
    """Views in [0, 1], red first → what Keras' ResNets were trained on: 0 to 255, blue first,
    less the mean of ImageNet (`keras.applications.resnet.preprocess_input` does the same)."""

    def call(self, views):
        return ops.flip(255.0 * views, axis=-1) - ops.convert_to_tensor(MEAN_BGR, views.dtype)


def keras_resnet(depth, *, batch_norm_momentum=0.99, synchronized=False, dtype=None):
    """Build Keras' ResNet-50, -101 or -152 without its classifier: views in, features h out.

    Args:
        depth: 50, 101 or 152. The width is 64 and the stem ImageNet's.
        batch_norm_momentum, synchronized, dtype: see `encoders.resnet`.

    Returns:
        A `keras.Model` with random weights: float views `(B, height, width, 3)` in [0, 1] →
        `h (B, 2048)`, float32.

    Raises:
        ValueError: another depth.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth must be one of {', '.join(map(str, DEPTHS))}; got {depth!r}.")
    applications = keras.applications
    build = {50: applications.ResNet50, 101: applications.ResNet101, 152: applications.ResNet152}
    views = keras.Input((None, None, 3), name="views")
    pictures = CaffeColors(name="caffe_colors")(views)
    network = build[depth](
        include_top=False, weights=None, input_tensor=pictures, pooling="avg", name=f"resnet{depth}"
    )

    def as_wanted(layer):
        """The same layer with the number format and the BatchNorm that were asked for."""
        config = layer.get_config()
        ends = layer.name in ("caffe_colors", "avg_pool")
        if ends or dtype is not None:
            config["dtype"] = "float32" if ends else dtype
        if isinstance(layer, keras.layers.BatchNormalization):
            config |= {"momentum": batch_norm_momentum, "synchronized": synchronized}
            return fast_layers.BatchNormalization.from_config(config)
        return type(layer).from_config(config)

    clone = keras.models.clone_model(network, clone_function=as_wanted)
    return keras.Model(clone.inputs[0], clone.outputs[0], name=network.name)

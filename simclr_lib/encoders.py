"""Encoders: residual networks (He et al., 2016) that turn a view into its features h."""

import keras
from keras import layers

from simclr_lib import fast_layers

BLOCKS = {  # depth: (kind of block, blocks in each stage)
    8: ("basic", (1, 1, 1)),
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
STEMS = ("cifar", "strided", "imagenet")


def resnet(
    depth,
    *,
    width=64,
    stem="cifar",
    image_size=None,
    batch_norm_momentum=0.9,
    synchronized=False,
    dtype=None,
):
    """Build a residual network without its classifier: views in, features h out.

    Args:
        depth: 8, 18, 34 (basic blocks), 50, 101 or 152 (bottleneck blocks).
        width: channels of the first stage; each later stage has twice as many.
        stem: what comes before the first stage.
            `"cifar"`: a 3×3 convolution, full resolution (SimCLR paper, appendix B.9).
            `"strided"`: a 4×4 convolution with stride 2, a quarter of the arithmetic: for laptops.
            `"imagenet"`: a 7×7 convolution and a 3×3 pooling, stride 2 each, for large pictures.
        image_size: side of the views in pixels; None takes any, so that an encoder can be trained
            on small views and used on large pictures.
        batch_norm_momentum: how much of the running statistics each step keeps, in [0, 1). Keras'
            own default, 0.99, needs about 500 steps before inference can be trusted.
        synchronized: whether BatchNorm takes its statistics over the batches of all devices, see
            `fast_layers.BatchNormalization`.
        dtype: a Keras dtype policy such as `"mixed_bfloat16"`; None takes the global one.

    Returns:
        A `keras.Model`: float views `(B, height, width, 3)` in [0, 1] → `h (B, d)`, float32,
        where d is `width` × 2^(stages − 1), and four times that for bottleneck blocks.

    Raises:
        ValueError: a depth or stem that is not in the lists above.
    """
    if depth not in BLOCKS:
        raise ValueError(f"depth must be one of {', '.join(map(str, BLOCKS))}; got {depth!r}.")
    if stem not in STEMS:
        raise ValueError(f"stem must be one of {', '.join(STEMS)}; got {stem!r}.")
    kind, stages = BLOCKS[depth]
    parts = Parts(batch_norm_momentum, synchronized, dtype)
    views = keras.Input((image_size, image_size, 3), name="views")
    x = parts.stem(views, width, stem)
    for stage, blocks in enumerate(stages, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            build_block = parts.basic_block if kind == "basic" else parts.bottleneck_block
            x = build_block(x, width * 2 ** (stage - 1), stride, f"stage{stage}_block{block}")
    h = layers.GlobalAveragePooling2D(dtype="float32", name="h")(x)
    return keras.Model(views, h, name=f"resnet{depth}")


class Parts:
    """The parts of a residual network, all with the same kind of BatchNorm and dtype policy."""

    def __init__(self, batch_norm_momentum, synchronized, dtype):
        self.momentum, self.synchronized, self.dtype = batch_norm_momentum, synchronized, dtype

    def convolution(self, x, filters, size, stride, name):
        """A convolution without bias (the normalisation has one), and its BatchNorm."""
        x = fast_layers.Conv2D(
            filters,
            size,
            stride,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=self.dtype,
            name=f"{name}_convolution",
        )(x)
        return fast_layers.BatchNormalization(
            momentum=self.momentum,
            epsilon=1e-5,
            synchronized=self.synchronized,
            dtype=self.dtype,
            name=f"{name}_norm",
        )(x)

    def relu(self, x, name):
        return layers.ReLU(dtype=self.dtype, name=f"{name}_relu")(x)

    def stem(self, x, width, stem):
        """Lift three colour channels to `width` channels."""
        size, stride = {"cifar": (3, 1), "strided": (4, 2), "imagenet": (7, 2)}[stem]
        x = self.relu(self.convolution(x, width, size, stride, "stem"), "stem")
        if stem == "imagenet":
            x = layers.MaxPooling2D(3, 2, "same", dtype=self.dtype, name="stem_pool")(x)
        return x

    def basic_block(self, x, filters, stride, name):
        """Two 3×3 convolutions beside a shortcut."""
        y = self.relu(self.convolution(x, filters, 3, stride, f"{name}_1"), f"{name}_1")
        y = self.convolution(y, filters, 3, 1, f"{name}_2")
        return self.join(x, y, stride, name)

    def bottleneck_block(self, x, filters, stride, name):
        """A 1×1 convolution down, a 3×3 one, and a 1×1 one up, beside a shortcut."""
        y = self.relu(self.convolution(x, filters, 1, 1, f"{name}_1"), f"{name}_1")
        y = self.relu(self.convolution(y, filters, 3, stride, f"{name}_2"), f"{name}_2")
        y = self.convolution(y, 4 * filters, 1, 1, f"{name}_3")
        return self.join(x, y, stride, name)

    def join(self, x, y, stride, name):
        """Add the shortcut; where the shape changes, it is a 1×1 convolution."""
        if stride != 1 or x.shape[-1] != y.shape[-1]:
            x = self.convolution(x, y.shape[-1], 1, stride, f"{name}_shortcut")
        return self.relu(layers.Add(dtype=self.dtype, name=f"{name}_add")([x, y]), name)

"""Keras' convolution and BatchNorm, with the kernels that are fast on a processor's cores.

Both compute what Keras' own layers do; on backends other than TensorFlow they are Keras' own.
TensorFlow is called directly because Keras has no way to ask for these kernels:

- BatchNorm in one fused operation instead of a dozen, with bfloat16 in and out;
- every second pixel, for a 1×1 kernel with a stride, in a tenth of the time;
- the gradient of a 3×3 kernel on small feature maps, written as a forward convolution: oneDNN runs
  that one 2 to 5 times faster in bfloat16 than its own gradient (`simclr bench` measures it).
"""

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# Up to this side of the output map the forward convolution wins (measured from 3 to 16).
SMALL_MAP = 6


@keras.saving.register_keras_serializable("simclr")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the last axis, as one fused operation.

    `synchronized=True` takes the statistics over the batches of all devices of a `tf.distribute`
    strategy, by Keras' own slower operations. On JAX an array has the rows of all devices, and the
    statistics are theirs in any case.
    """

    def __init__(self, *args, synchronized=False, **kwargs):
        # Keras refuses the word on other backends, where it would change nothing.
        synchronized = synchronized and keras.backend.backend() == "tensorflow"
        super().__init__(*args, synchronized=synchronized, **kwargs)

    def call(self, inputs, training=None, mask=None):
        fusible = keras.backend.standardize_dtype(inputs.dtype) in ("float32", "bfloat16")
        if keras.backend.backend() != "tensorflow" or len(inputs.shape) != 4 or not fusible:
            return super().call(inputs, training=training, mask=mask)
        if self.synchronized and tf.distribute.get_strategy().num_replicas_in_sync > 1:
            return super().call(inputs, training=training, mask=mask)
        use_batch = bool(training) and self.trainable
        statistics = (
            {}
            if use_batch
            else {
                "mean": tf.convert_to_tensor(self.moving_mean),
                "variance": tf.convert_to_tensor(self.moving_variance),
            }
        )
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            tf.convert_to_tensor(self.gamma),
            tf.convert_to_tensor(self.beta),
            epsilon=self.epsilon,
            is_training=use_batch,
            **statistics,
        )
        if use_batch:
            # The operation gives the unbiased variance; Keras keeps the plain mean of squares.
            values = tf.cast(tf.size(inputs) // inputs.shape[-1], "float32")
            variance *= (values - 1) / values
            for moving, batch in (
                (self.moving_mean, mean),
                (self.moving_variance, variance),
            ):
                moving.assign(moving * self.momentum + batch * (1 - self.momentum))
        return outputs


@keras.saving.register_keras_serializable("simclr")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`; a 3×3 kernel's gradient takes the faster road, with padding "same"."""

    def convolution_op(self, inputs, kernel):
        stride = self.strides[0]
        plain = self.padding == "same" and self.dilation_rate == (1, 1) and self.groups == 1
        if plain and self.kernel_size == (1, 1) and self.data_format == "channels_last":
            # A 1×1 kernel with a stride looks at every stride-th pixel alone.
            if self.strides != (1, 1):
                inputs = every_nth_pixel(inputs, stride)
            return keras.ops.conv(inputs, kernel, padding="same", data_format="channels_last")
        small = None not in inputs.shape[1:3] and max(inputs.shape[1:3]) <= SMALL_MAP * stride
        if (
            keras.backend.backend() == "tensorflow"
            and keras.backend.standardize_dtype(inputs.dtype) == "bfloat16"
            and self.kernel_size == (3, 3)
            and self.strides in ((1, 1), (2, 2))
            and plain
            and small
        ):
            return convolution_on_small_maps(inputs, tf.convert_to_tensor(kernel), stride)
        return super().convolution_op(inputs, kernel)


def every_nth_pixel(inputs, n):
    """The pixels of every n-th row and column, from the first on: `inputs[:, ::n, ::n]`.

    Args:
        inputs: `(N, H, W, C)`.
        n: of both axes.

    Returns:
        `(N, ⌈H ÷ n⌉, ⌈W ÷ n⌉, C)`.
    """
    _, rows, columns, channels = inputs.shape
    whole = None not in (rows, columns) and rows % n == 0 and columns % n == 0
    if keras.backend.backend() != "tensorflow" or not whole:
        # The mean of windows of one pixel; TensorFlow's `[:, ::n, ::n]` runs on a single core.
        return keras.ops.average_pool(inputs, 1, n, padding="valid", data_format="channels_last")
    rows, columns = rows // n, columns // n

    @tf.custom_gradient
    def pick(inputs):
        def gradient(slope):
            spread = tf.reshape(slope, (-1, rows, 1, columns, 1, channels))
            between = (0, n - 1)
            spread = tf.pad(spread, [(0, 0), (0, 0), between, (0, 0), between, (0, 0)])
            return tf.reshape(spread, (-1, n * rows, n * columns, channels))

        # n rows in one, and n pixels side by side as one of n × C channels: the first ones stay.
        blocks = tf.reshape(inputs, (-1, n, columns, n * channels))
        return tf.reshape(blocks[:, :1, :, :channels], (-1, rows, columns, channels)), gradient

    return pick(inputs)


def convolution_on_small_maps(inputs, kernel, stride):
    """A convolution with padding "same" whose kernel gradient is a forward convolution.

    The gradient of kernel[i, j] sums inputs[n, y·stride + i, x·stride + j] · slope[n, y, x] over
    n, y and x. Read the batch axis n as channels, and it is the convolution of the inputs with
    the slope as a kernel, dilated by the stride.

    Args:
        inputs: `(N, H, W, C)`, with H and W known.
        kernel: `(k, k, C, D)`.
        stride: of both axes.
    """
    size = kernel.shape[0]
    margins = [same_padding(side, size, stride) for side in inputs.shape[1:3]]

    @tf.custom_gradient
    def convolve(inputs, kernel):
        def gradient(slope):
            to_inputs = tf.compat.v1.nn.conv2d_backprop_input(
                tf.shape(inputs), kernel, slope, [1, stride, stride, 1], "SAME"
            )
            channels_first = tf.pad(tf.transpose(inputs, (3, 1, 2, 0)), [(0, 0), *margins, (0, 0)])
            to_kernel = tf.nn.conv2d(
                channels_first, tf.transpose(slope, (1, 2, 0, 3)), 1, "VALID", dilations=stride
            )
            return to_inputs, tf.transpose(to_kernel, (1, 2, 0, 3))

        return tf.nn.conv2d(inputs, kernel, stride, "SAME"), gradient

    return convolve(inputs, kernel)


def same_padding(side, size, stride):
    """Zeros before and after one side that padding "same" adds."""
    total = max((-(-side // stride) - 1) * stride + size - side, 0)
    return total // 2, total - total // 2

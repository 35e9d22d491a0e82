"""The fast layers compute what Keras' own do: outputs, gradients, running statistics."""

import keras
import numpy as np
import pytest

from simclr_lib import fast_layers
from simclr_lib.encoders import resnet

ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="elsewhere these layers are Keras' own"
)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def step(layer, inputs, **options):
    """Outputs of a layer, and the gradient of a weighted sum of them by inputs and weights."""
    slope = noise(*layer.compute_output_shape(inputs.shape), seed=99)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        inputs = tf.constant(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, **options)
            total = tf.reduce_sum(tf.cast(outputs, "float32") * slope)
        gradients = tape.gradient(total, [inputs, *(v.value for v in layer.trainable_variables)])
    else:
        import jax

        def total(inputs, weights):
            outputs, state = layer.stateless_call(
                weights, [v.value for v in layer.non_trainable_variables], inputs, **options
            )
            return (outputs.astype("float32") * slope).sum(), (outputs, state)

        compute = jax.jit(jax.grad(total, (0, 1), has_aux=True))
        (by_inputs, by_weights), (outputs, state) = compute(
            inputs, [v.value for v in layer.trainable_variables]
        )
        gradients = [by_inputs, *by_weights]
        for variable, value in zip(layer.non_trainable_variables, state, strict=True):
            variable.assign(value)
    return [np.asarray(array).astype("float32") for array in (outputs, *gradients)]


def twins(ours, theirs, shape):
    """Give both layers the same weights, none of them trivial; variances are positive."""
    for layer in (ours, theirs):
        layer.build(shape)
        layer.set_weights(
            [0.5 + np.abs(noise(*v.shape, seed=i)) for i, v in enumerate(layer.weights)]
        )
    return ours, theirs


def assert_close(found, expected, tolerance):
    for ours, theirs in zip(found, expected, strict=True):
        assert np.linalg.norm(ours - theirs) <= tolerance * np.linalg.norm(theirs) + 1e-6


# BatchNorm

SHAPES = [(4, 5, 5, 3), (8, 4, 6, 2), (16, 1, 1, 4), (2, 3, 2, 1), (8, 6)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_normalisation_equals_keras(shape, training):
    ours, theirs = twins(
        fast_layers.BatchNormalization(momentum=0.8, epsilon=1e-3),
        keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3),
        shape,
    )
    for seed in range(2):  # the second step starts from other running statistics
        inputs = 3 * noise(*shape, seed=seed) + 1
        assert_close(
            step(ours, inputs, training=training), step(theirs, inputs, training=training), 1e-4
        )
        assert_close(ours.get_weights(), theirs.get_weights(), 1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_normalisation_in_half_precision_is_near_float32(training):
    shape = (8, 4, 4, 3)
    ours, theirs = twins(
        fast_layers.BatchNormalization(dtype="mixed_bfloat16"),
        keras.layers.BatchNormalization(dtype="float32"),
        shape,
    )
    inputs = 3 * noise(*shape) + 1
    assert_close(
        step(ours, inputs, training=training), step(theirs, inputs, training=training), 0.02
    )
    assert_close(ours.get_weights(), theirs.get_weights(), 0.01)
    assert keras.backend.standardize_dtype(ours(inputs).dtype) == "bfloat16"


def test_frozen_normalisation_uses_and_keeps_its_running_statistics():
    shape = (4, 5, 5, 3)
    layer, _ = twins(fast_layers.BatchNormalization(), keras.layers.BatchNormalization(), shape)
    layer.trainable = False
    gamma, beta, mean, variance = (variable.numpy() for variable in layer.weights)
    outputs = np.asarray(layer(noise(*shape), training=True))
    expected = (noise(*shape) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), mean)
    np.testing.assert_array_equal(layer.moving_variance.numpy(), variance)


@ON_TENSORFLOW
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_normalisation_is_one_fused_operation(monkeypatch, dtype):
    import tensorflow as tf

    calls = []
    fused = tf.compat.v1.nn.fused_batch_norm
    monkeypatch.setattr(
        tf.compat.v1.nn, "fused_batch_norm", lambda *a, **k: calls.append(1) or fused(*a, **k)
    )
    fast_layers.BatchNormalization(dtype=dtype)(noise(4, 5, 5, 3), training=True)
    assert len(calls) == 1


# Convolution


@pytest.fixture
def small_map_calls(monkeypatch):
    """A list that grows by one at each convolution that takes the road for small maps."""
    calls = []
    convolve = fast_layers.convolution_on_small_maps
    monkeypatch.setattr(
        fast_layers,
        "convolution_on_small_maps",
        lambda *arguments: calls.append(1) or convolve(*arguments),
    )
    return calls


@ON_TENSORFLOW
@pytest.mark.parametrize("size", [3, 5, 2])
@pytest.mark.parametrize(
    ("side", "stride"),
    [((6, 6), 1), ((5, 3), 1), ((1, 1), 1), ((12, 12), 2), ((11, 8), 2), ((2, 2), 2), ((1, 3), 2)],
)
def test_the_small_map_convolution_is_exact_in_float32(side, stride, size):
    import tensorflow as tf

    inputs, kernel = tf.constant(noise(5, *side, 3)), tf.constant(noise(size, size, 3, 4, seed=1))
    results = []
    for convolve in (
        fast_layers.convolution_on_small_maps,
        lambda inputs, kernel, stride: tf.nn.conv2d(inputs, kernel, stride, "SAME"),
    ):
        with tf.GradientTape() as tape:
            tape.watch([inputs, kernel])
            outputs = convolve(inputs, kernel, stride)
            total = tf.reduce_sum(outputs * noise(*outputs.shape, seed=2))
        results.append([outputs.numpy(), *map(np.asarray, tape.gradient(total, [inputs, kernel]))])
    assert_close(*results, 1e-5)


@pytest.mark.parametrize(
    ("side", "stride"), [((6, 6), 1), ((5, 3), 1), ((12, 12), 2), ((11, 8), 2), ((8, 8), 1)]
)
def test_convolution_in_half_precision_is_near_float32(small_map_calls, side, stride):
    shape, options = (5, *side, 3), {"padding": "same", "use_bias": False}
    ours, theirs = twins(
        fast_layers.Conv2D(4, 3, stride, **options, dtype="mixed_bfloat16"),
        keras.layers.Conv2D(4, 3, stride, **options, dtype="float32"),
        shape,
    )
    # 3 %: on processors without bfloat16 TensorFlow's own gradient by a kernel adds up in bfloat16.
    assert_close(step(ours, noise(*shape)), step(theirs, noise(*shape)), 0.03)
    small = max(side) <= 6 * stride and keras.backend.backend() == "tensorflow"
    assert len(small_map_calls) == small


ORDINARY = {"filters": 4, "kernel_size": 3, "padding": "same", "dtype": "mixed_bfloat16"}


@pytest.mark.parametrize(
    ("side", "other"),
    [
        (7, {}),
        (13, {"strides": 2}),
        (6, {"dtype": "float32"}),
        (6, {"kernel_size": 1}),
        (6, {"kernel_size": 1, "strides": 2}),
        (6, {"padding": "valid"}),
        (6, {"strides": 4}),
        (6, {"strides": (1, 2)}),
        (6, {"dilation_rate": 2}),
        (6, {"groups": 2}),
    ],
    ids=str,
)
def test_any_other_convolution_is_keras_own(small_map_calls, side, other):
    shape = (5, side, side, 2)
    ours, theirs = twins(
        fast_layers.Conv2D(**ORDINARY | other), keras.layers.Conv2D(**ORDINARY | other), shape
    )
    assert_close(step(ours, noise(*shape)), step(theirs, noise(*shape)), 1e-6)
    assert small_map_calls == []


@ON_TENSORFLOW
def test_an_encoder_for_any_size_takes_the_fast_road_where_maps_are_small(small_map_calls):
    encoder = resnet(8, width=4, dtype="mixed_bfloat16")
    assert small_map_calls == []  # sizes are not known yet
    encoder(noise(2, 12, 12, 3))
    # Maps of 12, 6 and 3: the first convolution of the second stage is the first small one.
    assert len(small_map_calls) == 4


@pytest.mark.parametrize("side", [6, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_kernel_of_one_pixel_skips_what_its_stride_skips(value_and_gradients, side, stride):
    chance = np.random.default_rng(0)
    images = chance.normal(size=(2, side, side, 3)).astype("float32")
    kernel = chance.normal(size=(1, 1, 3, 4)).astype("float32")
    found = []
    for kind in (fast_layers.Conv2D, keras.layers.Conv2D):
        layer = kind(4, 1, stride, padding="same", use_bias=False)
        found.append(
            value_and_gradients(
                lambda x, w, layer=layer: keras.ops.sum(keras.ops.sin(layer.convolution_op(x, w))),
                images,
                kernel,
            )
        )
    (value, slopes), (expected, expected_slopes) = found
    assert value == pytest.approx(expected, rel=1e-5)
    for slope, expected_slope in zip(slopes, expected_slopes, strict=True):
        np.testing.assert_allclose(slope, expected_slope, rtol=1e-4, atol=1e-5)

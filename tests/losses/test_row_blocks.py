"""What is computed by row blocks is the same: value, gradient and accuracy, whatever the block."""

import keras
import numpy as np
import pytest

from simclr_lib.losses import contrastive_accuracy, nt_xent

PICTURES, DIMS = 37, 16


def value_and_gradient(z_a, z_b, **options):
    if keras.backend.backend() == "jax":
        import jax

        value, slopes = jax.value_and_grad(lambda *z: nt_xent(*z, 0.2, **options), (0, 1))(z_a, z_b)
    else:
        import tensorflow as tf

        z = [tf.constant(z_a), tf.constant(z_b)]
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = 3 * nt_xent(*z, 0.2, **options) / 3  # a slope that is not 1 comes in
        slopes = tape.gradient(value, z)
    return float(value), np.concatenate([np.asarray(s) for s in slopes])


def views(noise=1.0, shape=(PICTURES, DIMS)):
    draws = np.random.default_rng(0)
    z_a = draws.normal(size=shape).astype("float32")
    return z_a, (z_a + noise * draws.normal(size=z_a.shape)).astype("float32")


@pytest.mark.parametrize("block_rows", [1, 8, 37, 74, 100])
def test_blocks_of_any_size_equal_the_whole_matrix(block_rows):
    z_a, z_b = views()
    value, gradient = value_and_gradient(z_a, z_b)
    blocked, blocked_gradient = value_and_gradient(z_a, z_b, block_rows=block_rows)
    assert blocked == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(
        blocked_gradient, gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max()
    )


@pytest.mark.parametrize("noise", [1.0, 10.0])  # views that are close, and next to strangers
def test_a_batch_of_2048_pairs_is_the_same_to_a_hundred_thousandth(noise):
    z_a, z_b = views(noise, (2048, 128))
    value, gradient = value_and_gradient(z_a, z_b)
    blocked, blocked_gradient = value_and_gradient(z_a, z_b, block_rows=256)
    assert blocked == pytest.approx(value, rel=1e-5)
    assert np.abs(blocked_gradient - gradient).max() <= 1e-5 * np.abs(gradient).max()
    assert np.linalg.norm(blocked_gradient - gradient) <= 1e-5 * np.linalg.norm(gradient)


@pytest.mark.parametrize("block_rows", [1, 8, 37, 74, 100])
@pytest.mark.parametrize("noise", [0.0, 1.0, 2.0])
def test_the_accuracy_is_the_same(block_rows, noise):
    z_a, z_b = views(noise)
    expected = float(contrastive_accuracy(z_a, z_b))
    assert expected == 1 if noise == 0 else 0.1 < expected < 1
    assert float(contrastive_accuracy(z_a, z_b, block_rows=block_rows)) == expected


def test_of_equally_similar_views_both_take_the_first():
    z = np.ones((PICTURES, DIMS), "float32")
    expected = float(contrastive_accuracy(z, z))
    assert 0 < expected < 0.1  # the first view of all is the positive of one anchor
    assert float(contrastive_accuracy(z, z, block_rows=8)) == expected


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="JAX always knows the shape")
def test_a_number_of_rows_that_is_known_only_later_will_do():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, DIMS))] * 2)
    def both(z_a, z_b):
        return nt_xent(z_a, z_b, block_rows=8), contrastive_accuracy(z_a, z_b, block_rows=8)

    z = views()
    expected = float(nt_xent(*z)), float(contrastive_accuracy(*z))
    assert [float(found) for found in both(*z)] == pytest.approx(expected, rel=1e-5)

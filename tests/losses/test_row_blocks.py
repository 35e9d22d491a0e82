"""The row-blocked loss is the dense one: same value, same gradient, whatever the block."""

import keras
import numpy as np
import pytest

from simclr_lib.losses import nt_xent

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


@pytest.mark.parametrize("block_rows", [1, 8, 37, 74, 100])
def test_blocks_of_any_size_equal_the_whole_matrix(block_rows):
    draws = np.random.default_rng(0)
    z_a = draws.normal(size=(PICTURES, DIMS)).astype("float32")
    z_b = (z_a + draws.normal(size=(PICTURES, DIMS))).astype("float32")
    value, gradient = value_and_gradient(z_a, z_b)
    blocked, blocked_gradient = value_and_gradient(z_a, z_b, block_rows=block_rows)
    assert blocked == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(
        blocked_gradient, gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max()
    )

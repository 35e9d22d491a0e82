"""Value and gradient of a function of arrays, whatever backend Keras runs on."""

import numpy as np
from keras import ops

from simclr_lib.course.gradients import value_and_gradients

A, B = np.array([1.0, 2.0]), np.array([3.0, 4.0])


def test_value_and_gradient_by_each_argument():
    value, by_a, by_b = value_and_gradients(lambda a, b: ops.sum(a**2 * b), A, B)
    assert value == 19
    np.testing.assert_allclose(by_a, 2 * A * B)
    np.testing.assert_allclose(by_b, A**2)
    assert {type(array) for array in (value, by_a, by_b)} == {np.ndarray}


def test_where_no_gradient_comes_through_it_is_zero():
    value, by_a, by_b = value_and_gradients(lambda a, b: ops.sum(ops.stop_gradient(a) * b), A, B)
    assert value == 11
    np.testing.assert_array_equal(by_a, [0, 0])
    np.testing.assert_allclose(by_b, A)
    _, by_a, by_b = value_and_gradients(lambda a, b: ops.sum(a), A, B)
    np.testing.assert_array_equal((by_a, by_b), ([1, 1], [0, 0]))

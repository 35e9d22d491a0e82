"""Optimisers: LARS to the digit, the schedule at its corners, and who is spared from decay."""

import keras
import numpy as np
import pytest

from simclr_lib.optimizers import LARS, SGD, Muon, build_optimizer, warmup_cosine

KERNEL = np.array([[3.0, -1.0], [0.5, 2.0], [-2.0, 1.0]], "float32")
BIAS = np.array([0.5, -1.5], "float32")


def variables(*values):
    return [keras.Variable(value) for value in values]


def steps(optimizer, weights, *gradients):
    """Take one step a list of gradients; give the weights after the last."""
    for gradient in gradients:
        tensors = [keras.ops.convert_to_tensor(np.float32(g)) for g in gradient]
        optimizer.apply(tensors, weights)
    return [weight.numpy() for weight in weights]


# LARS


def test_two_steps_of_lars_by_hand():
    rate, momentum, decay, trust = 0.5, 0.9, 0.01, 0.002
    gradients = [(KERNEL[::-1] * 0.3, BIAS * 0.7), (KERNEL**2, BIAS + 1)]
    found = steps(LARS(rate, momentum, decay, trust), variables(KERNEL, BIAS), *gradients)

    kernel, bias = KERNEL.astype("float64"), BIAS.astype("float64")
    kernel_velocity, bias_velocity = 0, 0
    for kernel_gradient, bias_gradient in gradients:
        direction = kernel_gradient + decay * kernel
        local_rate = trust * np.linalg.norm(kernel) / np.linalg.norm(direction)
        kernel_velocity = momentum * kernel_velocity + rate * local_rate * direction
        bias_velocity = momentum * bias_velocity + rate * bias_gradient
        kernel, bias = kernel - kernel_velocity, bias - bias_velocity
    np.testing.assert_allclose(found[0], kernel, rtol=1e-6)
    np.testing.assert_allclose(found[1], bias, rtol=1e-6)


@pytest.mark.parametrize("size", [1e-6, 1, 1e6])
def test_a_kernel_s_first_step_is_a_share_of_its_length_whatever_the_gradient(size):
    (after,) = steps(LARS(0.5, weight_decay=0), variables(KERNEL), [size * KERNEL[::-1]])
    share = np.linalg.norm(after - KERNEL) / np.linalg.norm(KERNEL)
    assert share == pytest.approx(0.5 * 1e-3, rel=1e-3)


def test_the_ratio_is_of_the_whole_kernel_also_with_four_axes():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype("float32")
    (after,) = steps(LARS(1.0, weight_decay=0), variables(kernel), [np.cos(kernel)])
    expected = 1e-3 * np.linalg.norm(kernel) / np.linalg.norm(np.cos(kernel)) * np.cos(kernel)
    np.testing.assert_allclose(kernel - after, expected, rtol=1e-3, atol=1e-6)


def test_a_kernel_of_zeros_can_leave_zero():
    (after,) = steps(LARS(0.5), variables(0 * KERNEL), [KERNEL])
    np.testing.assert_allclose(after, -0.5 * KERNEL, rtol=1e-6)


def test_no_gradient_and_no_decay_leave_the_kernel():
    (after,) = steps(LARS(0.5, weight_decay=0), variables(KERNEL), [0 * KERNEL])
    np.testing.assert_array_equal(after, KERNEL)


def test_lars_survives_serialisation():
    schedule = keras.optimizers.schedules.CosineDecay(0.3, 50)
    optimizer = LARS(schedule, momentum=0.8, weight_decay=0.03, trust=0.01)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, LARS)
    gradients = [(KERNEL[::-1],), (KERNEL**2,)]
    first, second = (steps(each, variables(KERNEL), *gradients) for each in (optimizer, again))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, steps(LARS(schedule), variables(KERNEL), *gradients))


# Muon


@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (3, 3, 2, 4), (1, 1, 4, 9)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_muon_steps_along_the_gradient_s_singular_vectors_all_alike(shape, dtype):
    chance = np.random.default_rng(0)
    kernel = chance.normal(size=shape).astype("float32")
    rows, columns = np.prod(shape[:-1]), shape[-1]
    left, _, right = np.linalg.svd(chance.normal(size=(rows, columns)), full_matrices=False)
    values = np.geomspace(1, 0.05, min(rows, columns))
    gradient = ((left * values) @ right).reshape(shape)
    optimizer = Muon(0.01, dtype, weight_decay=None)
    (after,) = steps(optimizer, variables(kernel), [gradient])
    step = (kernel - after).reshape(rows, columns) / (0.01 * 0.2 * max(rows, columns) ** 0.5)
    found = left.T @ step @ right.T
    # The polynomial of the paper levels to about 1, not to 1 exactly.
    assert np.all((np.diag(found) > 0.5) & (np.diag(found) < 1.4))
    np.testing.assert_allclose(found, np.diag(np.diag(found)), atol=0.05)


def test_muon_moves_a_bias_as_adam_does():
    weights = variables(BIAS)
    (after,) = steps(build_optimizer("muon", 0.1, 0.05, weights), weights, [BIAS])
    np.testing.assert_allclose(after, BIAS - 0.1 * np.sign(BIAS), rtol=1e-5)


def test_muon_survives_serialisation():
    optimizer = Muon(0.3, "bfloat16", momentum=0.8)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, Muon)
    assert (again.matrix_dtype, again.momentum) == ("bfloat16", 0.8)


# Warmup and cosine


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0), (5, 0.1), (10, 0.2), (30, 0.2 * (1 + 2**-0.5) / 2), (50, 0.1), (90, 0), (200, 0)],
)
def test_warmup_cosine_rises_in_a_line_and_falls_along_half_a_cosine(step, rate):
    assert float(warmup_cosine(0.2, 90, 10)(step)) == pytest.approx(rate, abs=1e-7)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.2), (45, 0.1), (90, 0)])
def test_without_warmup_the_peak_comes_first(step, rate):
    assert float(warmup_cosine(0.2, 90)(step)) == pytest.approx(rate, abs=1e-7)


@pytest.mark.parametrize("warmup", [-1, 90, 100])
def test_a_warmup_that_leaves_no_step_is_refused(warmup):
    with pytest.raises(ValueError, match=f"warmup_steps must be from 0 to 89; got {warmup}"):
        warmup_cosine(0.2, 90, warmup)


# Who is spared


@pytest.mark.parametrize("name", ["adamw", "muon", "sgd", "lars"])
def test_only_weights_with_two_axes_or_more_decay(name):
    weights = variables(KERNEL, BIAS, 2.0, np.ones((3, 3, 2, 4)))
    before = [weight.numpy() for weight in weights]
    optimizer = build_optimizer(name, 0.1, 0.05, weights)
    kernel, bias, scalar, filters = steps(optimizer, weights, [0 * value for value in before])
    np.testing.assert_array_equal(bias, before[1])
    np.testing.assert_array_equal(scalar, before[2])
    for after, start in ((kernel, before[0]), (filters, before[3])):
        assert np.all(np.abs(after) < np.abs(start))
        # The same share of every weight.
        np.testing.assert_allclose(after / start, (after / start).flat[0], rtol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_decay_takes_the_stated_share_beside_the_gradient(name):
    weights = variables(KERNEL)
    (after,) = steps(build_optimizer(name, 0.1, 0.05, weights), weights, [0 * KERNEL])
    np.testing.assert_allclose(after, KERNEL * (1 - 0.1 * 0.05), rtol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "muon", "sgd", "lars"])
def test_no_decay_and_no_gradient_change_nothing(name):
    weights = variables(KERNEL, BIAS)
    kernel, bias = steps(build_optimizer(name, 0.1, 0, weights), weights, [0 * KERNEL, 0 * BIAS])
    np.testing.assert_array_equal(kernel, KERNEL)
    np.testing.assert_array_equal(bias, BIAS)


@pytest.mark.parametrize(
    "options",
    [
        {"momentum": 0.9},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"momentum": 0.0},
        {"momentum": 0.8, "nesterov": True},
    ],
    ids=str,
)
def test_sgd_steps_as_keras_does(options):
    rate = keras.optimizers.schedules.CosineDecay(0.3, 4)
    gradients = [(KERNEL[::-1], BIAS), (KERNEL**2, BIAS + 1), (KERNEL, -BIAS)]
    ours, theirs = (
        steps(kind(rate, **options), variables(KERNEL, BIAS), *gradients)
        for kind in (SGD, keras.optimizers.SGD)
    )
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_sgd_keeps_nine_tenths_of_its_last_step():
    weights = variables(BIAS)
    optimizer = build_optimizer("sgd", 0.1, 0, weights)
    (after,) = steps(optimizer, weights, [BIAS * 0 + 1], [BIAS * 0])
    np.testing.assert_allclose(after, BIAS - 0.1 - 0.09, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", keras.optimizers.AdamW),
        ("adam", keras.optimizers.Adam),
        ("sgd", keras.optimizers.SGD),
    ],
)
def test_the_name_says_which_optimiser(name, kind):
    assert isinstance(build_optimizer(name, 0.1, 0.05, variables(KERNEL)), kind)


def test_adam_without_decay_takes_steps_of_its_rate():
    weights = variables(KERNEL)
    (after,) = steps(build_optimizer("adam", 0.1, 0, weights), weights, [np.sign(KERNEL)])
    np.testing.assert_allclose(after, KERNEL - 0.1 * np.sign(KERNEL), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "adam", "muon", "sgd", "lars"])
def test_a_schedule_sets_the_rate_of_each_step(name):
    weights = variables(KERNEL, BIAS)
    optimizer = build_optimizer(name, warmup_cosine(0.2, 10, 2), 0.05, weights)
    rates = []
    for _ in range(4):
        rates.append(float(optimizer.learning_rate))
        steps(optimizer, weights, [KERNEL, BIAS])
    expected = [0, 0.1, 0.2, 0.2 * (1 + np.cos(np.pi / 8)) / 2]
    np.testing.assert_allclose(rates, expected, atol=1e-6)

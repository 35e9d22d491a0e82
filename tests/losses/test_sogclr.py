"""SogCLR against a float64 reference of its own, closed forms, and a memory worked out by hand."""

import math

import numpy as np
import pytest
from keras import ops

from simclr_lib.losses import SogCLR, sogclr
from simclr_lib.losses.sogclr import NEVER_SEEN, cosine_gamma, moving_average

TEMPERATURES = [0.01, 0.1, 0.5, 2.0]


def views(pictures, dims=16, noise=1.0, seed=0):
    """Projections of two views, alike but for the noise, of any length."""
    rng = np.random.default_rng([seed, pictures])
    picture = rng.normal(size=(pictures, dims))
    z = [picture + noise * rng.normal(size=(pictures, dims)) for _ in range(2)]
    return [(rng.uniform(0.1, 10, (pictures, 1)) * view).astype("float32") for view in z]


def memory(pictures, temperature, seed=0):
    """log u of pictures that were seen before, but for each third."""
    rng = np.random.default_rng([seed, pictures])
    log_u = rng.normal(size=pictures) + 0.3 / temperature
    log_u[::3] = NEVER_SEEN
    return log_u.astype("float32")


def by_loops(z_a, z_b, log_u, temperature, gamma):
    """Loss, new u and weights, an anchor at a time, with u itself: float64 has room for it."""
    z = np.concatenate([z_a, z_b]).astype("float64")
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    pictures, total = len(z_a), 0.0
    u, weights = np.zeros(2 * pictures), np.zeros((2 * pictures, 2 * pictures))
    for anchor in range(2 * pictures):
        picture = anchor % pictures
        others = [k for k in range(2 * pictures) if k % pictures != picture]
        s = np.array([z[anchor] @ z[k] for k in others])
        g = np.mean(np.exp(s / temperature))
        seen = log_u[picture] != np.float32(NEVER_SEEN)
        u[anchor] = g
        if seen:
            u[anchor] = (1 - gamma) * math.exp(log_u[picture]) + gamma * g
        p = np.exp(s / temperature) / u[anchor]
        positive = (anchor + pictures) % (2 * pictures)
        total += np.mean(p * s) - z[anchor] @ z[positive]
        weights[anchor, others] = p / len(others)
        weights[anchor, positive] = -1
    return total / (2 * pictures), (u[:pictures] + u[pictures:]) / 2, weights


def slopes_by_hand(z_a, z_b, weights):
    """The gradient of the mean of weights · similarities, the weights held still."""
    z = np.concatenate([z_a, z_b]).astype("float64")
    length = np.linalg.norm(z, axis=1, keepdims=True)
    unit = z / length
    slope = (weights + weights.T) @ unit / len(z)
    slope = (slope - np.sum(slope * unit, axis=1, keepdims=True) * unit) / length
    return np.split(slope, 2)


def decoupled(z_a, z_b, temperature):
    """The decoupled contrastive loss: NT-Xent without the positive in the sum, in float64."""
    z = np.concatenate([z_a, z_b]).astype("float64")
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    logits = z @ z.T / temperature
    anchors = np.arange(len(z))
    positives = (anchors + len(z_a)) % len(z)
    positive = logits[anchors, positives]
    logits[anchors, anchors] = logits[anchors, positives] = -np.inf
    highest = logits.max(axis=1)
    sums = np.sum(np.exp(logits - highest[:, None]), axis=1)
    return np.mean(np.log(sums) + highest - positive)


def differences(function, z_a, z_b):
    """The gradient by both arguments, from differences."""
    slopes = []
    for which in (0, 1):
        slope = np.zeros(z_a.shape)
        for entry in np.ndindex(*z_a.shape):
            z = [z_a.astype("float64"), z_b.astype("float64")]
            step = 1e-5 * np.linalg.norm(z[which][entry[0]])
            z[which][entry] += step
            higher = function(*z)
            z[which][entry] -= 2 * step
            slope[entry] = (higher - function(*z)) / (2 * step)
        slopes.append(slope)
    return slopes


def relative_error(found, expected):
    found, expected = np.asarray(found, "float64"), np.asarray(expected)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def loss_alone(z_a, z_b, log_u, temperature, gamma):
    return sogclr(z_a, z_b, log_u, temperature, gamma)[0]


@pytest.fixture
def evaluate(compiled):
    """Loss and new log u as NumPy arrays."""

    def evaluate(z_a, z_b, log_u, temperature, gamma):
        arrays = [ops.convert_to_tensor(array) for array in (z_a, z_b, log_u)]
        loss, log_u = compiled(sogclr)(*arrays, temperature, gamma)
        return float(loss), np.asarray(log_u)

    return evaluate


@pytest.mark.parametrize("gamma", [0.1, 0.9, 1.0])
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 3, 8, 64])
def test_value_and_memory_equal_the_loops(evaluate, pictures, temperature, gamma):
    z, log_u = views(pictures), memory(pictures, temperature)
    loss, new = evaluate(*z, log_u, temperature, gamma)
    expected, u, _ = by_loops(*z, log_u, temperature, gamma)
    assert loss == pytest.approx(expected, rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(new, np.log(u), rtol=1e-5, atol=1e-4)
    assert new.dtype == "float32"


@pytest.mark.parametrize("gamma", [0.1, 0.9, 1.0])
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 8, 64])
def test_the_weights_take_no_gradient(value_and_gradients, pictures, temperature, gamma):
    z, log_u = views(pictures), memory(pictures, temperature)
    _, slopes = value_and_gradients(
        loss_alone, *z, log_u=log_u, temperature=temperature, gamma=gamma
    )
    _, _, weights = by_loops(*z, log_u, temperature, gamma)
    # At τ = 0.01 a similarity's last bit is 1e-5 of its weight.
    assert relative_error(slopes, slopes_by_hand(*z, weights)) < max(2e-5, 1e-6 / temperature)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("seen", [True, False])
def test_with_gamma_1_the_gradient_is_that_of_the_decoupled_loss(
    value_and_gradients, temperature, seen
):
    z = views(5, dims=4)
    log_u = np.full(5, 3.0 if seen else NEVER_SEEN, "float32")
    _, slopes = value_and_gradients(loss_alone, *z, log_u=log_u, temperature=temperature, gamma=1.0)
    expected = differences(lambda *z: decoupled(*z, temperature), *z)
    assert relative_error(slopes, np.multiply(temperature, expected)) < 1e-4


def test_a_picture_seen_for_the_first_time_has_gamma_1(evaluate):
    z, log_u = views(6), np.full(6, NEVER_SEEN, "float32")
    first, forgetful = (evaluate(*z, log_u, 0.1, gamma) for gamma in (0.3, 1.0))
    assert first[0] == forgetful[0]
    np.testing.assert_array_equal(first[1], forgetful[1])


def test_what_is_remembered_changes_the_weights(value_and_gradients):
    z = views(6)
    lower, higher = (
        value_and_gradients(
            loss_alone, *z, log_u=np.full(6, log_u, "float32"), temperature=0.2, gamma=0.5
        )[1]
        for log_u in (0.0, 8.0)
    )
    assert relative_error(lower, higher) > 0.1


def test_pictures_that_all_look_alike_give_0(evaluate):
    z = np.tile([3.0, -4.0, 12.0], (8, 1)).astype("float32")
    for temperature in TEMPERATURES:
        for log_u in (NEVER_SEEN, 1 / temperature):  # what such pictures would have left
            loss, new = evaluate(z, z, np.full(8, log_u, "float32"), temperature, 0.9)
            assert loss == pytest.approx(0, abs=2e-6 + 1e-6 / temperature)
            np.testing.assert_allclose(new, 1 / temperature, rtol=1e-5)


def test_the_loss_falls_as_the_views_of_a_picture_come_together(evaluate):
    unseen = np.full(32, NEVER_SEEN, "float32")
    losses = [evaluate(*views(32, noise=n), unseen, 0.2, 0.9)[0] for n in (10, 1, 0.3, 0.1)]
    assert np.all(np.diff(losses) < -0.01)


@pytest.mark.parametrize("log_u", [NEVER_SEEN, -100.0, 0.0, 100.0])
@pytest.mark.parametrize("damage", ["none", "duplicates", "zero row", "all zero", "opposite"])
def test_value_gradient_and_memory_are_finite_at_a_small_temperature(
    value_and_gradients, evaluate, damage, log_u
):
    """Whether the memory is of the smallest similarity, −1, or of the largest, 1."""
    z_a, z_b = views(8)
    if damage == "duplicates":
        z_a[:], z_b[:4] = z_a[0], z_a[0]
    elif damage == "zero row":
        z_a[3] = 0
    elif damage == "all zero":
        z_a[:], z_b[:] = 0, 0
    elif damage == "opposite":
        z_a[:], z_b[:] = z_a[0], -z_a[0]
    log_u = np.full(8, log_u, "float32")
    loss, slopes = value_and_gradients(
        loss_alone, z_a, z_b, log_u=log_u, temperature=0.01, gamma=0.5
    )
    _, new = evaluate(z_a, z_b, log_u, 0.01, 0.5)
    assert np.isfinite(loss) and np.all(np.isfinite(slopes)) and np.all(np.isfinite(new))
    assert np.all(new > NEVER_SEEN / 2)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_computed_in_float32(compiled, dtype):
    z_a, z_b = (ops.cast(z, dtype) for z in views(16))
    rounded = [np.asarray(ops.cast(z, "float32")) for z in (z_a, z_b)]
    log_u = memory(16, 0.05)
    loss, new = compiled(sogclr)(z_a, z_b, ops.convert_to_tensor(log_u), 0.05, 0.9)
    expected, u, _ = by_loops(*rounded, log_u, 0.05, 0.9)
    assert ops.dtype(loss) == ops.dtype(new) == "float32"
    assert float(loss) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(new, np.log(u), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("gamma", [0.01, 0.5, 1.0])
def test_the_moving_average_of_logarithms_is_that_of_the_numbers(gamma):
    u, g = np.array([1e-3, 1.0, 7.0], "float32"), np.array([2.0, 1.0, 1e-4], "float32")
    found = np.asarray(moving_average(np.log(u), np.log(g), gamma))
    np.testing.assert_allclose(np.exp(found), (1 - gamma) * u + gamma * g, rtol=1e-5)


def test_gamma_falls_along_half_a_cosine_and_stays():
    found = [float(cosine_gamma(step, 100, 0.2)) for step in (0, 25, 50, 75, 100, 250)]
    expected = [1.0, 0.2 + 0.4 * (1 + 0.5**0.5), 0.6, 0.2 + 0.4 * (1 - 0.5**0.5), 0.2, 0.2]
    assert found == pytest.approx(expected, rel=1e-5)


# Six pictures, two epochs of two batches, τ = 1, γ = ¼. All views lie along two axes, so every
# similarity is 1, 0 or −1 and each g can be worked out with a pencil.
RIGHT, LEFT, UP = [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]
STEPS = [  # positions, first views, second views
    ([0, 1, 2], [RIGHT, RIGHT, LEFT], [RIGHT, RIGHT, LEFT]),
    ([3, 4, 5], [RIGHT, UP, RIGHT], [RIGHT, UP, RIGHT]),
    ([5, 0, 3], [RIGHT, UP, LEFT], [RIGHT, UP, LEFT]),
    ([1, 2, 4], [RIGHT, RIGHT, RIGHT], [LEFT, RIGHT, RIGHT]),
]
E, COSH = math.e, (math.e + 1 / math.e) / 2
FIRST = [COSH, COSH, 1 / E, (1 + E) / 2, 1.0, (1 + E) / 2]
# Picture 1's two views differ: g is e and 1 ÷ e, and the mean is kept.
SECOND = [1.0, COSH, (3 * E + 1 / E) / 4, (1 + 1 / E) / 2, (3 * E + 1 / E) / 4, (1 + 1 / E) / 2]


def test_the_memory_after_two_epochs_of_six_pictures_by_hand():
    loss = SogCLR(6, gamma=0.25)
    for positions, z_a, z_b in STEPS[:2]:
        loss(np.array(z_a), np.array(z_b), np.array(positions), temperature=1.0)
    np.testing.assert_allclose(np.exp(loss.log_u.numpy()), FIRST, rtol=1e-5)
    for positions, z_a, z_b in STEPS[2:]:
        loss(np.array(z_a), np.array(z_b), np.array(positions), temperature=1.0)
    expected = 0.75 * np.array(FIRST) + 0.25 * np.array(SECOND)
    np.testing.assert_allclose(np.exp(loss.log_u.numpy()), expected, rtol=1e-5)
    assert int(loss.step.numpy()) == 4


def test_pictures_that_were_not_in_the_batch_are_remembered_as_before():
    loss = SogCLR(9)
    loss(*views(3), np.array([7, 0, 4]), temperature=0.1)
    assert np.flatnonzero(loss.log_u.numpy() > NEVER_SEEN / 2).tolist() == [0, 4, 7]


def test_the_schedule_counts_the_steps():
    z, positions = views(4), np.arange(4)
    scheduled = SogCLR(4, gamma=0.1, decay_steps=2)
    known = np.full(4, NEVER_SEEN, "float32")
    for step, gamma in enumerate([1.0, 0.55, 0.1, 0.1]):
        z = views(4, seed=step)
        scheduled(*z, positions, temperature=0.2)
        known = np.log(by_loops(*z, known, 0.2, gamma)[1]).astype("float32")
        np.testing.assert_allclose(scheduled.log_u.numpy(), known, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gamma", [0, -0.1, 1.1])
def test_a_gamma_out_of_range_is_refused(gamma):
    with pytest.raises(ValueError, match=f"gamma must be above 0 and at most 1; got {gamma}"):
        SogCLR(4, gamma=gamma)

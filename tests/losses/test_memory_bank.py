"""The memory bank against a float64 reference of its own, closed forms, and draws that resume."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from simclr_lib.losses import MemoryBank, memory_bank_loss
from simclr_lib.losses.memory_bank import remember

TEMPERATURES = [0.01, 0.1, 0.5, 2.0]


def projections(pictures, dims=8, seed=0):
    """Projections of two views, alike but for some noise, of any length."""
    rng = np.random.default_rng([seed, pictures])
    picture = rng.normal(size=(pictures, dims))
    z = [picture + rng.normal(size=(pictures, dims)) for _ in range(2)]
    return [(rng.uniform(0.1, 10, (pictures, 1)) * view).astype("float32") for view in z]


def unit(z):
    z = np.asarray(z, "float64")
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def from_the_bank(pictures, negatives, dims=8, seed=0):
    """The pictures' entries, none for each third; others, of which a fifth are a picture's own."""
    rng = np.random.default_rng([seed, negatives])
    remembered = unit(rng.normal(size=(pictures, dims))).astype("float32")
    remembered[1::3] = 0
    drawn = unit(rng.normal(size=(negatives, dims))).astype("float32")
    drawn[1::4] = 0
    return remembered, drawn, rng.random((pictures, negatives)) < 0.2


def by_loops(z_a, z_b, remembered, drawn, own, temperature):
    """The loss and its gradient, an anchor at a time."""
    z = np.stack([unit(z_a), unit(z_b)])
    drawn, slopes, total = drawn.astype("float64"), np.zeros(z.shape), 0.0
    for view in (0, 1):
        for picture in range(len(z_a)):
            anchor, positive = z[view, picture], remembered[picture].astype("float64")
            seen = np.any(positive != 0)
            if not seen:
                positive = z[1 - view, picture]
            kept = drawn[~own[picture]]
            logits = np.array([anchor @ positive, *(kept @ anchor)]) / temperature
            highest = logits.max()
            weights = np.exp(logits - highest)
            total += math.log(weights.sum()) + highest - logits[0]
            share = weights / weights.sum()
            slopes[view, picture] += (share[0] - 1) * positive + share[1:] @ kept
            if not seen:
                slopes[1 - view, picture] += (share[0] - 1) * anchor
    anchors = 2 * len(z_a)
    slopes /= anchors * temperature
    slopes -= np.sum(slopes * z, axis=-1, keepdims=True) * z
    return total / anchors, slopes / np.linalg.norm([z_a, z_b], axis=-1, keepdims=True)


def relative_error(found, expected):
    found, expected = np.asarray(found, "float64"), np.asarray(expected)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize(("pictures", "negatives"), [(1, 1), (3, 5), (16, 200)])
def test_value_and_gradient_equal_the_loops(value_and_gradients, pictures, negatives, temperature):
    z = projections(pictures)
    remembered, drawn, own = from_the_bank(pictures, negatives)
    loss, slopes = value_and_gradients(
        memory_bank_loss,
        *z,
        remembered=remembered,
        drawn=drawn,
        own=own,
        temperature=temperature,
    )
    expected, expected_slopes = by_loops(*z, remembered, drawn, own, temperature)
    assert loss.dtype == "float32"
    assert loss == pytest.approx(expected, rel=1e-5, abs=1e-6 / temperature)
    if np.linalg.norm(expected_slopes) > 1e-6:  # else there is nothing left to learn
        assert relative_error(slopes, expected_slopes) < max(2e-5, 1e-6 / temperature)


def test_the_reference_gradient_is_that_of_the_reference_loss():
    z_a, z_b = (z.astype("float64") for z in projections(3, dims=4))
    bank = from_the_bank(3, 5, dims=4)
    _, (by_hand, _) = by_loops(z_a, z_b, *bank, 0.5)
    differences = np.zeros_like(z_a)
    for entry in np.ndindex(*z_a.shape):
        step = np.zeros_like(z_a)
        step[entry] = 1e-5 * np.linalg.norm(z_a[entry[0]])
        rise = by_loops(z_a + step, z_b, *bank, 0.5)[0]
        rise -= by_loops(z_a - step, z_b, *bank, 0.5)[0]
        differences[entry] = rise / (2 * step[entry])
    assert relative_error(by_hand, differences) < 1e-5


def test_when_all_is_alike_the_loss_is_that_of_guessing():
    z = np.tile([3.0, -4.0, 12.0], (4, 1)).astype("float32")
    entries = np.tile(unit(z[:1]), (30, 1)).astype("float32")
    loss = memory_bank_loss(z, z, entries[:4], entries, np.zeros((4, 30), bool), 0.1)
    assert float(loss) == pytest.approx(math.log(31), rel=1e-5)


def test_a_picture_s_own_entry_is_no_negative():
    z = projections(3)
    remembered, drawn, _ = from_the_bank(3, 6)
    own = np.zeros((3, 6), bool)
    own[:, 2] = True
    loss = memory_bank_loss(*z, remembered, drawn, own, 0.1)
    others = np.delete(drawn, 2, axis=0)
    without = memory_bank_loss(*z, remembered, others, np.zeros((3, 5), bool), 0.1)
    assert float(loss) == pytest.approx(float(without), rel=1e-5)
    assert float(memory_bank_loss(*z, remembered, drawn, np.ones((3, 6), bool), 0.1)) == 0


def test_the_other_view_counts_at_the_first_visit_only(value_and_gradients):
    z_a, z_b = projections(2)
    bank = {
        "remembered": np.stack([unit(z_a[0]), np.zeros(8)]).astype("float32"),
        "drawn": np.zeros((1, 8), "float32"),
        "own": np.zeros((2, 1), bool),
    }
    slopes = [
        value_and_gradients(memory_bank_loss, first, z_b, **bank)[1][1]
        for first in (z_a, z_a + np.float32(0.5))
    ]
    changed = np.abs(slopes[1] - slopes[0]).max(axis=1) > 1e-6
    assert changed.tolist() == [False, True]


@pytest.mark.parametrize("damage", ["duplicates", "zero row", "all zero"])
def test_value_and_gradient_are_finite_at_a_small_temperature(value_and_gradients, damage):
    z_a, z_b = projections(8)
    remembered, drawn, own = from_the_bank(8, 20)
    if damage == "duplicates":
        z_a[:], drawn[:] = z_a[0], unit(z_a[0])
    elif damage == "zero row":
        z_a[3] = 0
    else:
        z_a[:], z_b[:] = 0, 0
    loss, slopes = value_and_gradients(
        memory_bank_loss,
        z_a,
        z_b,
        remembered=remembered,
        drawn=drawn,
        own=own,
        temperature=0.01,
    )
    assert np.isfinite(loss) and np.all(np.isfinite(slopes))


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_an_entry_moves_towards_the_middle_of_the_views(momentum):
    z = projections(5)
    remembered, _, _ = from_the_bank(5, 5)
    found = np.asarray(remember(remembered, *z, momentum))
    middle = unit(unit(z[0]) + unit(z[1]))
    expected = unit(momentum * remembered.astype("float64") + (1 - momentum) * middle)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found[1], middle[1], atol=1e-5)  # never seen: nothing to keep


def test_steps_by_hand():
    """The draws of a twin of the bank's generator, and the entries from before each step."""
    bank, twin = MemoryBank(6, 8, 12, 0.5, seed=3), keras.random.SeedGenerator(3)
    known = np.zeros((6, 8), "float32")
    for step, positions in enumerate(([4, 0, 5], [1, 4, 2], [5, 1, 0])):
        z, positions = projections(3, seed=step), np.array(positions)
        indices = np.asarray(keras.random.randint((12,), 0, 6, dtype="int32", seed=twin))
        own = positions[:, None] == indices
        expected, _ = by_loops(*z, known[positions], known[indices], own, 0.2)
        assert float(bank(*z, positions, temperature=0.2)) == pytest.approx(expected, rel=1e-5)
        known[positions] = np.asarray(remember(known[positions], *z, 0.5))
        np.testing.assert_allclose(bank.bank.numpy(), known, atol=1e-6)
    assert np.flatnonzero(np.all(known == 0, axis=1)).tolist() == [3]  # never seen


def test_the_seed_decides_the_draws():
    def steps(seed):
        bank = MemoryBank(50, 8, 4, 0.5, seed)
        bank.bank.assign(unit(np.random.default_rng(0).normal(size=(50, 8))))
        return [float(bank(*projections(3), np.arange(3), temperature=0.2)) for _ in range(3)]

    assert steps(1) == steps(1)
    assert len({*steps(1), *steps(2)}) == 6  # and each step has other negatives


def test_negatives_come_from_everywhere():
    bank = MemoryBank(40, 2, 4000)
    indices = np.asarray(
        keras.random.randint((4000,), 0, bank.pictures, dtype="int32", seed=bank.draws)
    )
    assert set(indices) == set(range(40))


@pytest.mark.parametrize("momentum", [-0.1, 1, 1.5])
def test_a_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(ValueError, match=f"momentum must be .*; got {momentum}"):
        MemoryBank(4, 2, momentum=momentum)


def test_half_precision_is_computed_in_float32(compiled):
    z = [ops.cast(view, "bfloat16") for view in projections(16)]
    bank = from_the_bank(16, 50)
    loss = compiled(memory_bank_loss)(*z, *bank, 0.1)
    rounded = [np.asarray(ops.cast(view, "float32")) for view in z]
    assert ops.dtype(loss) == "float32"
    assert float(loss) == pytest.approx(by_loops(*rounded, *bank, 0.1)[0], rel=1e-4)

"""NT-Xent against a float64 reference of its own, closed forms, and what must not matter."""

import math

import numpy as np
import pytest
from keras import ops
from keras.backend import backend

from simclr_lib.losses import chance_level, contrastive_accuracy, nt_xent

IN_FLOAT64 = pytest.mark.skipif(
    backend() == "jax", reason="Keras takes means in float32 on JAX, whatever it is given"
)
TEMPERATURES = [0.01, 0.1, 0.5, 1.0, 10.0]


def views(pictures, dims=16, noise=1.0, seed=0):
    """Projections of two views: alike, the more so the smaller the noise; of any length."""
    rng = np.random.default_rng([seed, pictures])
    picture = rng.normal(size=(pictures, dims))
    z = [picture + noise * rng.normal(size=(pictures, dims)) for _ in range(2)]
    return [(rng.uniform(0.1, 10, (pictures, 1)) * view).astype("float32") for view in z]


@pytest.fixture
def value(compiled):
    def value(z_a, z_b, temperature=0.5):
        z_a, z_b = ops.convert_to_tensor(z_a), ops.convert_to_tensor(z_b)
        return float(compiled(nt_xent)(z_a, z_b, temperature))

    return value


@pytest.fixture
def accuracy(compiled):
    def accuracy(z_a, z_b):
        return float(compiled(contrastive_accuracy)(z_a, z_b))

    return accuracy


def loss_by_loops(z_a, z_b, temperature):
    """Equation 1 of the paper, a pair at a time."""
    z = [row / math.sqrt(sum(row**2)) for row in np.concatenate([z_a, z_b]).astype("float64")]
    pictures, total = len(z_a), 0.0
    for anchor in range(2 * pictures):
        positive = (anchor + pictures) % (2 * pictures)
        logits = [z[anchor] @ z[k] / temperature for k in range(2 * pictures) if k != anchor]
        highest = max(logits)
        denominator = highest + math.log(math.fsum(math.exp(s - highest) for s in logits))
        total += denominator - z[anchor] @ z[positive] / temperature
    return total / (2 * pictures)


def loss_and_gradient(z_a, z_b, temperature):
    """The same in matrices, with the gradient derived by hand."""
    z = np.concatenate([z_a, z_b]).astype("float64")
    length = np.linalg.norm(z, axis=1, keepdims=True)
    unit = z / length
    logits = unit @ unit.T / temperature
    np.fill_diagonal(logits, -np.inf)
    highest = logits.max(axis=1, keepdims=True)
    weights = np.exp(logits - highest)
    total = weights.sum(axis=1, keepdims=True)
    anchors = np.arange(len(z))
    positives = (anchors + len(z_a)) % len(z)
    loss = np.mean(np.log(total[:, 0]) + highest[:, 0] - logits[anchors, positives])

    slope = weights / total
    slope[anchors, positives] -= 1
    slope = (slope + slope.T) @ unit / (len(z) * temperature)
    slope = (slope - np.sum(slope * unit, axis=1, keepdims=True) * unit) / length
    return loss, np.split(slope, 2)


def relative_error(found, expected):
    found, expected = np.asarray(found, "float64"), np.asarray(expected)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 3, 8])
def test_the_reference_gradient_is_that_of_the_loops(pictures, temperature):
    z_a, z_b = (z.astype("float64") for z in views(pictures, dims=4))
    _, (by_hand, _) = loss_and_gradient(z_a, z_b, temperature)
    differences = np.zeros_like(z_a)
    for entry in np.ndindex(*z_a.shape):
        step = np.zeros_like(z_a)
        step[entry] = 1e-5 * np.linalg.norm(z_a[entry[0]])
        rise = loss_by_loops(z_a + step, z_b, temperature)
        rise -= loss_by_loops(z_a - step, z_b, temperature)
        differences[entry] = rise / (2 * step[entry])
    assert relative_error(by_hand, differences) < 1e-5


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 3, 8, 64])
def test_value_equals_the_loops(value, pictures, temperature):
    z_a, z_b = views(pictures)
    assert value(z_a, z_b, temperature) == pytest.approx(
        loss_by_loops(z_a, z_b, temperature), rel=1e-5
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 3, 8, 64, 512])
def test_value_and_gradient_in_float32(value_and_gradients, pictures, temperature):
    z = views(pictures)
    loss, slopes = value_and_gradients(nt_xent, *z, temperature=temperature)
    expected, expected_slopes = loss_and_gradient(*z, temperature)
    assert loss.dtype == "float32"
    assert relative_error(loss, expected) < 1e-5  # reached: 3e-6 at τ = 0.01, else 7e-7
    assert relative_error(slopes, expected_slopes) < 1e-5  # reached: 2e-6, else 4e-7


@IN_FLOAT64
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 3, 8, 64, 512])
def test_value_and_gradient_in_float64(value_and_gradients, pictures, temperature):
    z = [view.astype("float64") for view in views(pictures)]
    loss, slopes = value_and_gradients(nt_xent, *z, temperature=temperature)
    expected, expected_slopes = loss_and_gradient(*z, temperature)
    assert loss.dtype == "float64"
    assert relative_error(loss, expected) < 1e-12
    assert relative_error(slopes, expected_slopes) < 1e-12


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 8, 512])
def test_equal_embeddings_sit_on_the_chance_level(value, pictures, temperature):
    z = np.tile([3.0, -4.0, 12.0], (pictures, 1)).astype("float32")
    assert value(z, z, temperature) == pytest.approx(chance_level(pictures), rel=1e-5)


@pytest.mark.parametrize("pictures", [1, 2, 512])
def test_the_chance_level_is_that_of_guessing_among_the_other_views(pictures):
    assert chance_level(pictures) == pytest.approx(-math.log(1 / (2 * pictures - 1)))


def orthogonal_loss(pictures, temperature):
    """ln(e^(1/τ) + 2N − 2) − 1/τ, written so that nothing cancels."""
    return math.log1p((2 * pictures - 2) * math.exp(-1 / temperature))


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 8, 64])
def test_orthogonal_pairs_have_a_closed_form(value, pictures, temperature):
    z = np.eye(pictures, dtype="float32")
    # The loss is a difference of numbers near 1/τ: float32 knows those to 1e-7 of themselves.
    assert value(z, z, temperature) == pytest.approx(
        orthogonal_loss(pictures, temperature), rel=1e-5, abs=2e-7 / temperature
    )


@IN_FLOAT64
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 8, 64])
def test_orthogonal_pairs_have_a_closed_form_in_float64(value, pictures, temperature):
    z = np.eye(pictures)
    assert value(z, z, temperature) == pytest.approx(
        orthogonal_loss(pictures, temperature), rel=1e-9, abs=1e-15 / temperature
    )


def test_the_length_of_a_projection_does_not_matter(value):
    z_a, z_b = views(8)
    lengths = np.geomspace(1e-3, 1e3, 8, dtype="float32")[:, None]
    assert value(z_a * lengths, z_b, 0.1) == pytest.approx(value(z_a, z_b, 0.1), rel=1e-5)


def test_the_order_of_the_pictures_does_not_matter(value):
    z_a, z_b = views(8)
    order = np.random.default_rng(0).permutation(8)
    assert value(z_a[order], z_b[order], 0.1) == pytest.approx(value(z_a, z_b, 0.1), rel=1e-5)


def test_the_two_views_may_change_places(value):
    z_a, z_b = views(8)
    assert value(z_b, z_a, 0.1) == pytest.approx(value(z_a, z_b, 0.1), rel=1e-5)


def test_which_view_goes_with_which_matters(value):
    z_a, z_b = views(8, noise=0.1)
    assert value(z_a, z_b[::-1]) > value(z_a, z_b) + 0.1


def test_the_temperature_matters(value):
    losses = [value(*views(8), temperature) for temperature in TEMPERATURES]
    assert len({round(loss, 3) for loss in losses}) == len(TEMPERATURES)


def test_the_loss_falls_as_the_views_of_a_picture_come_together(value):
    losses = [value(*views(32, noise=noise)) for noise in (10, 1, 0.3, 0.1)]
    assert np.all(np.diff(losses) < -0.01)


@pytest.mark.parametrize("damage", ["duplicates", "zero row", "all zero", "tiny", "huge"])
def test_value_and_gradient_are_finite_at_a_small_temperature(value_and_gradients, damage):
    z_a, z_b = views(8)
    if damage == "duplicates":
        z_a[:], z_b[:4] = z_a[0], z_a[0]
    elif damage == "zero row":
        z_a[3] = 0
    else:
        scale = np.float32({"all zero": 0, "tiny": 1e-30, "huge": 1e15}[damage])
        z_a, z_b = z_a * scale, z_b * scale
    loss, slopes = value_and_gradients(nt_xent, z_a, z_b, temperature=0.01)
    assert np.isfinite(loss)
    assert np.all(np.isfinite(slopes))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_computed_in_float32(compiled, dtype):
    z_a, z_b = (ops.cast(z, dtype) for z in views(64))
    rounded = [np.asarray(ops.cast(z, "float32")) for z in (z_a, z_b)]
    loss = compiled(nt_xent)(z_a, z_b, 0.05)
    assert ops.dtype(loss) == "float32"
    assert float(loss) == pytest.approx(loss_by_loops(*rounded, 0.05), rel=1e-5)


@pytest.mark.parametrize(
    ("z_a", "z_b", "share"),
    [
        ([[1, 0], [0, 1]], [[1, 0], [0, 1]], 1.0),
        ([[1, 0], [0, 1]], [[0, 1], [1, 0]], 0.0),
        ([[1, 0], [0, 9]], [[5, 1], [1, 2]], 1.0),  # by angle, not by length
        # Only the first view of picture 2 is nearer to another picture (0) than to its partner.
        ([[8, 0, 0], [0, 1, 0], [6, 0, 1]], [[9, 1, 0], [0, 1, 0], [0, 0, 1]], 5 / 6),
    ],
)
def test_contrastive_accuracy_by_hand(accuracy, z_a, z_b, share):
    z_a, z_b = np.array(z_a, "float32"), np.array(z_b, "float32")
    assert accuracy(z_a, z_b) == pytest.approx(share)


def test_contrastive_accuracy_of_noise_is_that_of_guessing(accuracy):
    z_a, z_b = np.random.default_rng(0).normal(size=(2, 256, 64)).astype("float32")
    assert accuracy(z_a, z_b) < 5 / (2 * 256 - 1)

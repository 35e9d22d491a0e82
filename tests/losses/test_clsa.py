"""CLSA's loss against a float64 reference of its own, closed forms, and who is not moved by it."""

import functools
import math

import numpy as np
import pytest
from keras import ops
from keras.backend import backend

from simclr_lib.losses import chance_level, clsa, distributional_loss, nt_xent

IN_FLOAT64 = pytest.mark.skipif(
    backend() == "jax", reason="Keras takes means in float32 on JAX, whatever it is given"
)
TEMPERATURES = [0.05, 0.2, 1.0]


def views(pictures, dims=16, seed=0):
    """Projections of two weak views and a strong one: the strong one is less like the others."""
    rng = np.random.default_rng([seed, pictures])
    picture = rng.normal(size=(pictures, dims))
    z = [picture + noise * rng.normal(size=(pictures, dims)) for noise in (1, 1, 2)]
    return [(rng.uniform(0.1, 10, (pictures, 1)) * view).astype("float32") for view in z]


@pytest.fixture
def value(compiled):
    def value(*z, temperature=0.2):
        z = [ops.convert_to_tensor(view) for view in z]
        return float(compiled(distributional_loss)(*z, temperature))

    return value


def unit(z):
    z = np.asarray(z, "float64")
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def softmax(numbers):
    weights = [math.exp(number - max(numbers)) for number in numbers]
    return [weight / math.fsum(weights) for weight in weights]


def distributions(z_a, z_b, z_strong, temperature):
    """`(key indices, P, Q)` of every query, a pair at a time."""
    weak = np.concatenate([unit(z_a), unit(z_b)])
    strong = unit(z_strong)
    for query in range(len(weak)):
        keys = [key for key in range(len(weak)) if key != query]
        picture = query % len(z_a)
        yield (
            keys,
            softmax([weak[query] @ weak[key] / temperature for key in keys]),
            softmax([strong[picture] @ weak[key] / temperature for key in keys]),
        )


def loss_by_loops(*z_and_temperature):
    entropies = [
        -math.fsum(p * math.log(q) for p, q in zip(P, Q, strict=True))
        for _, P, Q in distributions(*z_and_temperature)
    ]
    return math.fsum(entropies) / len(entropies)


def gradient_by_loops(z_a, z_b, z_strong, temperature):
    """By the strong projections, derived by hand: Q less P, times the keys."""
    weak = np.concatenate([unit(z_a), unit(z_b)])
    slope = np.zeros(np.shape(z_strong))
    for query, (keys, P, Q) in enumerate(distributions(z_a, z_b, z_strong, temperature)):
        picture = query % len(z_a)
        slope[picture] += (np.array(Q) - np.array(P)) @ weak[keys] / (temperature * len(weak))
    along = unit(z_strong)
    length = np.linalg.norm(np.asarray(z_strong, "float64"), axis=1, keepdims=True)
    return (slope - np.sum(slope * along, axis=1, keepdims=True) * along) / length


def relative_error(found, expected):
    return np.linalg.norm(np.asarray(found, "float64") - expected) / np.linalg.norm(expected)


def by_strong(z_a, z_b, temperature):
    """The loss as a function of the strong projections alone."""
    return functools.partial(strong_only, z_a=z_a, z_b=z_b, temperature=temperature)


def strong_only(z_strong, z_a, z_b, temperature):
    z_a, z_b = ops.convert_to_tensor(z_a), ops.convert_to_tensor(z_b)
    return distributional_loss(z_a, z_b, z_strong, temperature)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_reference_gradient_is_that_of_the_loops(temperature):
    z_a, z_b, z_strong = (z.astype("float64") for z in views(3, dims=4))
    differences = np.zeros_like(z_strong)
    for entry in np.ndindex(*z_strong.shape):
        step = np.zeros_like(z_strong)
        step[entry] = 1e-5 * np.linalg.norm(z_strong[entry[0]])
        rise = loss_by_loops(z_a, z_b, z_strong + step, temperature)
        rise -= loss_by_loops(z_a, z_b, z_strong - step, temperature)
        differences[entry] = rise / (2 * step[entry])
    by_hand = gradient_by_loops(z_a, z_b, z_strong, temperature)
    assert relative_error(by_hand, differences) < 1e-5


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 8, 33])
def test_value_and_gradient_in_float32(value_and_gradients, pictures, temperature):
    z_a, z_b, z_strong = views(pictures)
    loss, (slope,) = value_and_gradients(by_strong(z_a, z_b, temperature), z_strong)
    assert loss.dtype == "float32"
    expected = loss_by_loops(z_a, z_b, z_strong, temperature)
    assert relative_error(loss, expected) < 1e-5
    assert relative_error(slope, gradient_by_loops(z_a, z_b, z_strong, temperature)) < 1e-5


@IN_FLOAT64
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 8, 33])
def test_value_and_gradient_in_float64(value_and_gradients, pictures, temperature):
    z_a, z_b, z_strong = (z.astype("float64") for z in views(pictures))
    loss, (slope,) = value_and_gradients(by_strong(z_a, z_b, temperature), z_strong)
    assert loss.dtype == "float64"
    expected = loss_by_loops(z_a, z_b, z_strong, temperature)
    assert relative_error(loss, expected) < 1e-12
    assert relative_error(slope, gradient_by_loops(z_a, z_b, z_strong, temperature)) < 1e-11


@pytest.mark.parametrize("strong_weight", [1.0, 7.0])
def test_the_weak_views_are_moved_by_the_contrastive_loss_alone(value_and_gradients, strong_weight):
    z = views(8)
    _, (by_a, by_b) = value_and_gradients(nt_xent, *z[:2], temperature=0.3)
    _, found = value_and_gradients(clsa, *z, temperature=0.3, strong_weight=strong_weight)
    np.testing.assert_allclose(found[0], by_a, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found[1], by_b, rtol=1e-5, atol=1e-7)
    expected = strong_weight * gradient_by_loops(*z, 0.2)
    assert relative_error(found[2], expected) < 1e-5


@pytest.mark.parametrize("pictures", [2, 8])
def test_views_that_are_identical_leave_the_entropy(value, pictures):
    z = views(pictures)[0]
    entropies = [-math.fsum(p * math.log(p) for p in P) for _, P, _ in distributions(z, z, z, 0.2)]
    assert value(z, z, z) == pytest.approx(np.mean(entropies), rel=1e-5)


@pytest.mark.parametrize("pictures", [2, 8])
def test_a_strong_view_that_differs_costs_more_than_the_entropy(value, pictures):
    z_a, z_b, z_strong = views(pictures)
    entropies = [
        -math.fsum(p * math.log(p) for p in P) for _, P, _ in distributions(z_a, z_b, z_strong, 0.2)
    ]
    assert value(z_a, z_b, z_strong) > np.mean(entropies) + 0.01


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("pictures", [2, 64])
def test_keys_that_are_all_the_same_give_the_chance_level(value, pictures, temperature):
    z = np.tile([3.0, -4.0, 12.0], (pictures, 1)).astype("float32")
    strong = views(pictures, dims=3)[2]
    found = value(z, z, strong, temperature=temperature)
    assert found == pytest.approx(chance_level(pictures), rel=1e-5)


def test_a_strong_view_unlike_all_keys_gives_the_chance_level(value):
    """Q is uniform, and then P does not matter."""
    z_a, z_b, _ = (np.pad(z, ((0, 0), (0, 1))) for z in views(8))
    away = np.zeros_like(z_a)
    away[:, -1] = 2.0
    assert value(z_a, z_b, away) == pytest.approx(chance_level(8), rel=1e-5)


def test_two_orthogonal_pictures_have_a_closed_form(value):
    """Three keys a query: the positive at similarity 1, the other picture's views at 0."""
    z = np.eye(2, dtype="float32")
    strong = np.array([[1.0, 1.0], [1.0, 1.0]], "float32")  # as near to one as to the other
    p = math.exp(5) / (math.exp(5) + 2)
    assert value(z, z, strong) == pytest.approx(math.log(3), rel=1e-5)
    expected = -p * math.log(p) - (1 - p) * math.log((1 - p) / 2)
    assert value(z, z, z) == pytest.approx(expected, rel=1e-4)


def test_the_length_of_a_projection_does_not_matter(value):
    z_a, z_b, z_strong = views(8)
    assert value(z_a, 5 * z_b, z_strong / 7) == pytest.approx(value(z_a, z_b, z_strong), rel=1e-5)


def test_the_loss_is_the_sum_of_its_parts(value):
    z = [ops.convert_to_tensor(view) for view in views(8)]
    found = float(clsa(*z, 0.3, strong_weight=2.5, strong_temperature=0.1))
    parts = float(nt_xent(*z[:2], 0.3)), value(*z, temperature=0.1)
    assert found == pytest.approx(parts[0] + 2.5 * parts[1], rel=1e-5)


def test_any_contrastive_loss_will_do(value):
    z = [ops.convert_to_tensor(view) for view in views(8)]
    found = float(clsa(*z, 0.3, contrastive=lambda z_a, z_b, temperature: 10 * temperature))
    assert found == pytest.approx(3.0 + value(*z), rel=1e-5)


def test_views_far_apart_at_a_low_temperature_give_finite_numbers(value_and_gradients):
    z = np.eye(4, dtype="float32")
    loss, slopes = value_and_gradients(clsa, z, z, -z, temperature=0.01, strong_temperature=0.01)
    assert np.isfinite(loss) and np.isfinite(slopes).all()
    assert loss > 90  # the positive is 1 ÷ 0.01 below the others

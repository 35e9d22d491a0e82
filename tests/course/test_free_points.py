"""Points that are let go, and the loss that lesson 09 warns of."""

import numpy as np

from simclr_lib.course.free_points import let_go, nothing_held
from simclr_lib.course.gradients import value_and_gradients
from simclr_lib.losses import distributional_loss


def three_views(pictures=4, dims=3):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(pictures, dims)).astype("float32") for _ in range(3)]


def test_nothing_held_has_the_losses_value_and_moves_all_views():
    z = three_views()
    np.testing.assert_allclose(nothing_held(*z), distributional_loss(*z), rtol=1e-5)
    held, free = (value_and_gradients(loss, *z)[1:] for loss in (distributional_loss, nothing_held))
    assert not np.any(held[0]) and not np.any(held[1])
    assert all(np.linalg.norm(slope) > 1e-3 for slope in free)
    np.testing.assert_allclose(free[2], held[2], rtol=1e-4, atol=1e-6)


def test_points_go_downhill_and_stay_of_length_1():
    start = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in three_views()]
    paths = let_go(distributional_loss, start, 20)
    assert [path.shape for path in paths] == [(21, 4, 3)] * 3
    losses = [float(distributional_loss(*places)) for places in zip(*paths, strict=True)]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(np.linalg.norm(paths[2], axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(paths[0][-1], start[0], rtol=1e-5)

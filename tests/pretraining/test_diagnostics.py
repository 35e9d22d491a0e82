"""Warnings come when something is wrong, and only then."""

import numpy as np
import pytest

from simclr_lib.losses import chance_level
from simclr_lib.pretraining.diagnostics import (
    collapse_warning,
    is_constant,
    loss_warning,
    reconstruction_warning,
)

CHANCE = chance_level(256)


@pytest.mark.parametrize("steps", [100, 5000])
@pytest.mark.parametrize("loss", [CHANCE, 0.99 * CHANCE, 1.5 * CHANCE])
def test_a_loss_that_stays_on_its_chance_line_is_told(loss, steps):
    warning = loss_warning(loss, CHANCE, steps)
    assert f"{loss:.2f}" in warning and f"{CHANCE:.2f}" in warning and f"{steps} steps" in warning


@pytest.mark.parametrize("steps", [1, 99])
def test_the_first_steps_may_sit_on_it(steps):
    assert loss_warning(CHANCE, CHANCE, steps) is None


@pytest.mark.parametrize("loss", [0.0, 0.5 * CHANCE, 0.97 * CHANCE])
def test_a_loss_that_falls_is_not_worth_a_word(loss):
    assert loss_warning(loss, CHANCE, 5000) is None


def test_drawings_no_better_than_the_mean_picture_are_told():
    assert "0.0600 after 100 steps" in reconstruction_warning(0.06, 0.061, 100)
    assert reconstruction_warning(0.06, 0.061, 99) is None
    assert reconstruction_warning(0.05, 0.061, 5000) is None


def features(directions, dims=16, offset=1.0, count=300):
    """Features that vary evenly along so many directions, around a common point."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(dims, dims)))[0][:directions]
    return offset + rng.normal(size=(count, directions)) @ axes


@pytest.mark.parametrize("directions", [3, 16])
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_healthy_features_are_not_worth_a_word(directions, offset):
    assert collapse_warning(features(directions, offset=offset)) is None


@pytest.mark.parametrize("spread", [0, 1e-6, 0.005])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_constant_features_are_told(spread, scale):
    warning = collapse_warning((scale * (1 + spread * features(16, offset=0) / 4)).astype("f4"))
    assert "nearly the same features" in warning


def test_features_of_zero_are_constant():
    assert "nearly the same features" in collapse_warning(np.zeros((50, 4), "float32"))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_features_along_one_direction_are_told(scale):
    warning = collapse_warning((scale * features(1)).astype("float32"))
    assert "few directions" in warning and "effective rank 1.0 of 16" in warning


def test_a_little_noise_does_not_hide_the_one_direction():
    noisy = features(1) + 0.05 * features(16, offset=0)
    assert "few directions" in collapse_warning(noisy)


@pytest.mark.parametrize(
    "warning",
    [
        loss_warning(CHANCE, CHANCE, 200),
        collapse_warning(np.ones((9, 4))),
        collapse_warning(features(1)),
    ],
)
def test_each_warning_is_one_line_that_says_what_to_try(warning):
    assert "\n" not in warning
    assert "Try " in warning


def test_features_along_one_direction_are_not_constant():
    assert is_constant(1 + 0.001 * features(16, offset=0))
    assert "few directions" in collapse_warning(features(1)) and not is_constant(features(1))

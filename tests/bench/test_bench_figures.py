"""Figures, bars and what they are computed from."""

import numpy as np
import pytest

from simclr_lib.bench import loss, probe, step, views
from simclr_lib.bench.figures import Bar, Figure, Found
from simclr_lib.bench.probe import features
from simclr_lib.evaluation import knn_accuracy, linear_probe


def figure(case, side, quantity, *values):
    return Figure(case, side, quantity, "unit", values)


def test_a_figure_tells_its_median_and_quartiles():
    seen = figure("a", "kit", "speed", 5.0, 1.0, 3.0, 2.0, 4.0)
    assert seen.median == 3 and seen.quartiles == (2, 4)
    assert seen.record()["median"] == 3
    assert figure("a", "kit", "speed", 7.0).quartiles == (7, 7)
    assert figure("a", "kit", "speed").record()["median"] is None


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "reached"),
    [
        (12.0, 12, True, True),
        (11.9, 12, True, False),
        (1.2, 1.3, False, True),
        (1.4, 1.3, False, False),
        (None, 12, True, None),
        (5.0, None, True, None),
    ],
)
def test_a_bar_is_reached_or_missed_or_neither(value, limit, at_least, reached):
    assert Bar("speed", value, limit, at_least).reached is reached


@pytest.mark.parametrize(("at_least", "missed_by"), [(True, -0.2), (False, 0.2)])
def test_a_limit_within_what_chance_moves_a_mean_by_is_reached(at_least, missed_by):
    assert not Bar("accuracy", missed_by, 0, at_least).reached
    assert not Bar("accuracy", missed_by, 0, at_least, chance=0.1).reached
    assert Bar("accuracy", missed_by, 0, at_least, chance=0.3).reached


def test_chance_is_twice_the_standard_error_of_the_rounds():
    accuracies = {"kit": (0.80, 0.82, 0.84), probe.SKLEARN: (0.81, 0.82, 0.83)}
    found = Found(
        [figure(probe.PROBE, side, "accuracy", *values) for side, values in accuracies.items()]
    )
    (bar,) = (bar for bar in probe.bars(found) if bar.name.startswith("linear probe, accuracy"))
    assert bar.value == pytest.approx(0) and bar.rounds == pytest.approx((-1, 0, 1))
    assert bar.chance == pytest.approx(2 / 3**0.5)


def test_ratios_are_of_medians_and_absent_without_a_peer():
    found = Found(
        [
            figure("32×32", "kit", "views", 10.0, 30.0, 1000.0),
            figure("32×32", views.KERAS, "views", 2.0, 3.0, 4.0),
        ]
    )
    ratios = {bar.name: bar for bar in views.bars(found) if "32×32" in bar.name}
    torchvision, keras = ratios.values()
    assert torchvision.value is None and torchvision.reached is None
    assert keras.value == 10 and keras.reached


def test_a_ratio_tells_what_each_round_found_by_itself():
    kit, peer = ("a", "kit", "speed"), ("a", "peer", "speed")
    ours = figure(*kit, 8.0, 2.0, 9.0)
    bar = Found([ours, figure(*peer, 2.0, 2.0, 3.0)]).bar("how many times faster", kit, peer, 2)
    assert bar.value == 4 and bar.rounds == (4, 1, 3)
    assert bar.record()["rounds"] == [4, 1, 3]
    # Sides that were not measured in the same rounds have nothing to compare round by round.
    once = Found([ours, figure(*peer, 2.0)]).bar("how many times faster", kit, peer, 2)
    assert once.value == 4 and once.rounds == ()


def test_the_step_compares_each_side_in_its_faster_dtype():
    speeds = {
        "kit, float32": 50.0,
        "kit, bfloat16": 90.0,
        "PyTorch loop, float32": 60.0,
        "PyTorch loop, bfloat16": 40.0,
    }
    found = Found([figure("classroom", side, "speed", speed) for side, speed in speeds.items()])
    first = step.bars(found)[0]
    assert first.value == 1.5 and first.limit == 1.3 and first.reached


def test_the_share_of_gemm_is_of_the_fastest_product_seen():
    found = Found(
        [
            figure("ResNet-18", "kit, float32", "arithmetic", 90.0),
            figure("ResNet-18", "kit, float32", "gemm", 95.0),
            figure("ResNet-18", "PyTorch loop, float32", "gemm", 100.0),
        ]
    )
    (share,) = [b for b in step.bars(found) if "share of the gemm" in b.name and b.value]
    assert share.value == 90 and share.unit == "%" and share.reached


def test_a_loss_is_left_out_where_its_memory_would_not_do():
    seen = [figure("2,048 pairs", loss.DENSE, "memory", 300.0)]
    assert loss.expected_megabytes(loss.DENSE, 8192, seen) == 4800
    assert loss.expected_megabytes(loss.BROADCAST, 2048, []) > loss.MOST_MEGABYTES
    assert loss.expected_megabytes(loss.BLOCKED, 32768, []) < loss.MOST_MEGABYTES


def test_arithmetic_is_counted_as_by_hand():
    training = step.TrainingStep(step.recipe_of("smoke"), "float32", pictures=64)
    # 16×16 views, ResNet-8 of width 8 with a 4×4 stem of stride 2; pixels × weights.
    stem = 8 * 8 * (4 * 4 * 3 * 8)
    rest = 8 * 8 * 2 * (3 * 3 * 8 * 8)
    rest += 4 * 4 * (3 * 3 * 8 * 16 + 3 * 3 * 16 * 16 + 8 * 16)
    rest += 2 * 2 * (3 * 3 * 16 * 32 + 3 * 3 * 32 * 32 + 16 * 32)
    views_a_step = 2 * 64
    assert training.convolution_flops() == views_a_step * 2 * (2 * stem + 3 * rest)
    assert training.run(1) > 0 and training.data_and_views(0) > 0


def test_the_drawn_features_are_neither_easy_nor_hopeless():
    drawn = features(4_000, dims=128)
    arrays = [drawn[name] for name in ("train_h", "train_y", "test_h", "test_y")]
    assert arrays[0].dtype == np.float32 and len(arrays[2]) == 800
    assert 0.5 < linear_probe(*arrays).accuracy < 0.95
    assert 0.3 < knn_accuracy(*arrays) < 0.9

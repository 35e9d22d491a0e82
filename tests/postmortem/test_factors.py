"""One thing changed at a time: the fixed run stays, and the levels are what they say."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from simclr_lib.evaluation import extract_features
from simclr_lib.evaluation.linear_probe import linear_probe
from simclr_lib.postmortem import factors, norm_statistics
from simclr_lib.postmortem.fixed_run import FixedRun
from simclr_lib.postmortem.record import read_record


@pytest.fixture(scope="module")
def run(healthy):
    return FixedRun.of(read_record(healthy), train_limit=300, test_limit=100)


@pytest.fixture(autouse=True)
def unchanged(run):
    """No experiment may leave a trace in the encoder."""
    before = [np.asarray(weight).copy() for weight in run.encoder.weights]
    yield
    np.testing.assert_equal([np.asarray(weight).copy() for weight in run.encoder.weights], before)


def test_a_fixed_run_is_an_even_part_of_its_pictures(run):
    assert (len(run.dataset.train_images), len(run.dataset.test_images)) == (300, 100)
    assert np.ptp(np.bincount(run.dataset.train_labels)) == 0
    assert run.recipe.encoder_width == 16 and run.precision == "float32"


def test_statistics_of_a_healthy_run_cost_little(run):
    found = factors.batch_norm_statistics(run)
    assert list(found) == ["running", "of each batch", "re-estimated"]
    shares = [level["linear"] for level in found.values()]
    assert min(shares) > max(shares) - 0.15


def test_statistics_matter_to_a_classifier_as_much_as_they_are_wrong(run):
    """Running ones are the run's own readout; wrong ones spoil it, new ones do not mind."""
    found = factors.statistics_before_classifier(run)
    assert found["running"] == factors.classified(run, (20, 20))
    with norm_statistics.kept_statistics(run.encoder):
        for layer in run.encoder.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.moving_variance.assign(1e6 * layer.moving_variance)
        spoilt = factors.statistics_before_classifier(replace(run))  # without its cached features
    assert spoilt["re-estimated"] == pytest.approx(found["re-estimated"], abs=0.05)
    assert spoilt["running"]["test"] < found["running"]["test"] - 0.1


def test_the_baseline_is_of_the_same_pictures(run):
    (pixels,) = factors.baseline(run).values()
    train, test = (
        images.reshape(len(images), -1) / 255
        for images in (run.dataset.train_images, run.dataset.test_images)
    )
    by_hand = linear_probe(train, run.dataset.train_labels, test, run.dataset.test_labels)
    assert pixels["linear"] == pytest.approx(by_hand.accuracy, abs=0.03)


def test_readouts_are_told_with_and_without_standard_scale(run):
    found = factors.readout(run, epochs=2)
    assert len(found) == 5 and set(found["linear probe"]) == {"test"}
    for hidden in ("(20, 20)", "(24, 24)"):
        for level in (f"classifier {hidden}", f"classifier {hidden}, standardised"):
            assert set(found[level]) == {"test", "train"}


def test_one_readout_is_the_run_s_own(report):
    """Of two thirds of the pictures a classifier would get two thirds of the steps."""
    record = read_record(report)
    run = FixedRun.of(record, train_limit=130, test_limit=60)
    assert (len(run.everything.train_images), len(run.everything.test_images)) == (200, 100)
    found = factors.readout(run)
    of_the_run = record.accuracies["classifier (20, 20)"]
    assert found["classifier (20, 20)"] == pytest.approx(of_the_run, abs=0.011)
    assert found["linear probe"]["test"] == pytest.approx(record.linear("SimCLR"), abs=0.011)


def test_a_classifier_is_trained_at_other_rates_and_for_longer(report):
    """One learns what it is given by heart if it is given the time."""
    run = FixedRun.of(read_record(report))
    found = factors.optimization(run, rates=(1e-9, 1e-2), epochs=(1, 25))
    levels = [f"rate {rate}, {epochs} epochs" for rate in ("1e-09", "0.01") for epochs in (1, 25)]
    assert list(found) == [f"(20, 20), {level}" for level in levels]
    still, still_long, short, long = (found[level]["train"] for level in found)
    assert still == still_long
    assert long > max(short, still) + 0.1


def test_a_classifier_of_few_pictures_knows_its_own_and_no_others(report):
    run = FixedRun.of(read_record(report))
    (few,) = factors.labelled_pictures(run, counts=(20,), epochs=(400,)).values()
    assert few["train"] > few["test"] + 0.2
    every = factors.labelled_pictures(run, counts=(1000,), epochs=(1, 2))
    assert list(every) == [f"(20, 20), 1,000 pictures, {n} epochs" for n in (1, 2)]
    assert [*every.values()][1] == factors.readout(run)["classifier (20, 20)"]


def test_a_mistake_before_the_classifier_is_told_by_what_it_gets(report):
    run = FixedRun.of(read_record(report))
    found = factors.mistaken_features(run)
    assert found["none"] == factors.readout(run)["classifier (20, 20)"]
    wrong = [
        "z in place of h",
        "weights not loaded",
        "pictures ÷ 255 twice",
        "pictures not divided",
    ]
    assert list(found) == ["none", *wrong]
    for level in wrong:
        assert set(found[level]) == {"test", "train"} and found[level] != found["none"]


def test_h_is_what_the_run_was_evaluated_by_and_z_comes_behind_the_head(run):
    found = factors.place(run)
    assert found["h"] == factors.worth(factors.features_of(run))
    assert found["z"] != found["h"]


def test_pictures_on_another_scale_get_other_features(run):
    found = factors.input_scale(run)
    assert list(found) == ["÷ 255", "÷ 255 twice", "not divided"]
    assert found["÷ 255"] == factors.worth(factors.features_of(run))
    images = run.dataset.test_images[:20]
    once = extract_features(run.encoder, images)
    for factor in (1 / 255, 255.0):
        other = factors.features_at_scale(run.encoder, images, factor)
        assert not np.allclose(other, once, rtol=0.1)
    np.testing.assert_allclose(factors.features_at_scale(run.encoder, images, 1.0), once, rtol=1e-4)


def test_without_its_weights_a_run_is_worth_less(run):
    found = factors.weights(run)
    assert found["of the run"]["linear"] > found["not loaded"]["linear"]
    assert len(found) == 3


def test_directions_are_counted_for_each_kind_of_statistics(run):
    found = factors.collapse(run)
    dims = run.encoder.output_shape[-1]
    for measures in found.values():
        assert 0 < measures["spread"] <= 1
        assert 1 <= measures["effective rank"] <= dims


def test_a_table_has_a_line_a_level(run):
    for found in ({"h": {"linear": 0.5, "knn": 0.25}, "z": {"linear": 0.125}},):
        head, h, z = factors.table(found).splitlines()
        assert head.split() == ["linear", "knn"]
        assert (h.split(), z.split()) == (["h", "50.0%", "25.0%"], ["z", "12.5%", "–"])

"""Each fault that the files give away is found where it is, and nowhere else."""

from dataclasses import replace

import pytest

from simclr_lib.losses import chance_level
from simclr_lib.postmortem.checklist import examine_record
from simclr_lib.postmortem.record import read_record
from simclr_lib.recipes import PRESETS, hidden_layers

QUESTIONS = "training loss statistics stem rate views classifier baselines"


def findings(record):
    return {finding.name: finding for finding in examine_record(record)}


def faults(record):
    return {name for name, finding in findings(record).items() if finding.ok is False}


@pytest.fixture(scope="module")
def well(healthy):
    return read_record(healthy)


def changed(record, **settings):
    return replace(record, recipe=replace(record.recipe, **settings))


def with_accuracies(record, simclr, pixels, random=0.2):
    rows = {"SimCLR": simclr, "raw pixels": pixels, "random encoder": random}
    return replace(record, accuracies={row: {"linear": share} for row, share in rows.items()})


def test_a_healthy_run_has_no_fault(well):
    assert " ".join(findings(well)) == QUESTIONS
    assert faults(well) == set()
    assert all(finding.ok for finding in findings(well).values())
    assert not any(finding.remedy for finding in findings(well).values())


def test_the_report_s_set_up_has_the_report_s_faults(report):
    record = read_record(report)
    assert faults(record) >= {"training", "statistics", "stem"}
    found = findings(record)
    assert found["rate"].ok and found["views"].ok
    assert found["training"].value.startswith("20 steps of 16 pictures in 1 epochs")
    assert "81.8% of its first statistics are left after 20 steps" in found["statistics"].value
    assert "last feature map is 1×1" in found["stem"].value
    assert "linear probe of the same features has" in found["classifier"].value
    assert all(f.remedy for f in found.values() if f.ok is False)
    assert all("\n" not in f.value + f.remedy for f in found.values())


def test_a_short_training_is_a_fault_unless_it_has_learnt(well):
    short = replace(well, history=well.history[:9])
    short = changed(short, epochs=9)
    assert "training" in faults(with_accuracies(short, 0.25, 0.24))
    assert "training" not in faults(with_accuracies(short, 0.60, 0.24))
    assert "training" in faults(replace(short, accuracies={}))
    stopped = findings(changed(short, epochs=10))["training"]
    assert stopped.ok is None and "of 10: it is not finished" in stopped.value


@pytest.mark.parametrize(("share", "fault"), [(1.0, True), (0.99, True), (0.9, False)])
def test_a_loss_on_its_chance_line(well, share, fault):
    loss = share * chance_level(well.recipe.batch_size)
    record = replace(well, history=[*well.history[:-1], well.history[-1] | {"loss": loss}])
    assert ("loss" in faults(record)) is fault
    assert f"{loss:.2f}" in findings(record)["loss"].value


@pytest.mark.parametrize(
    ("momentum", "epochs", "fault"), [(0.99, 3, True), (0.99, 10, False), (0.9, 1, False)]
)
def test_statistics_that_have_not_arrived(well, momentum, epochs, fault):
    record = replace(well, history=well.history[:epochs])
    record = changed(record, batch_norm_momentum=momentum)
    assert ("statistics" in faults(record)) is fault
    if epochs == 3:
        assert "4.9% of its first statistics are left" in findings(record)["statistics"].value


@pytest.mark.parametrize(("size", "fault"), [(24, True), (32, True), (64, False), (224, False)])
def test_an_imagenet_stem_is_for_large_views(well, size, fault):
    assert ("stem" in faults(changed(well, stem="imagenet", view_size=size))) is fault
    assert "stem" not in faults(changed(well, stem="cifar", view_size=size))


@pytest.mark.parametrize(
    ("optimizer", "usual"), [("adam", 1e-3), ("adamw", 2e-3), ("sgd", 0.03), ("lars", 1.0)]
)
def test_a_learning_rate_far_from_the_usual(well, optimizer, usual):
    for times, fault in ((0.05, True), (0.2, False), (1, False), (5, False), (20, True)):
        record = changed(well, optimizer=optimizer, learning_rate=times * usual, batch_size=256)
        assert ("rate" in faults(record)) is fault, times
        if fault:
            assert findings(record)["rate"].remedy == f"learning_rate={usual:g}"


@pytest.mark.parametrize("name", PRESETS)
def test_the_kit_s_own_recipes_have_usual_rates_and_views(well, name):
    found = faults(replace(well, recipe=PRESETS[name]))
    assert not found & {"rate", "views", "classifier"}
    assert ("stem" in found) is name.startswith("report")


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"crop_min_area": 1.0}, "crop"), ({"color_strength": 0, "gray_probability": 0}, "colour")],
)
def test_views_that_give_the_answer_away(well, settings, word):
    record = changed(well, **settings)
    assert faults(record) == {"views"} and word in findings(record)["views"].value


@pytest.mark.parametrize(
    ("hidden", "share", "pictures", "fault"),
    [
        ("20,20", 0.2, 200, True),  # by 20 points, where two standard errors are 9
        ("20,20", 0.4, 200, False),  # what it is given it uses
        ("20,20", 0.35, 200, False),
        ("20,20", 0.35, 5000, True),  # 5 points, and 1.9
        ("20,20", 0.6, 200, False),
        ("512", 0.2, 200, True),  # width alone does not help
        ("512", 0.39, 200, False),
    ],
)
def test_a_classifier_is_judged_by_what_it_leaves_of_the_linear_probe(
    well, hidden, share, pictures, fault
):
    record = with_accuracies(well, simclr=0.4, pixels=0.1)
    record = changed(record, classifier_hidden=hidden)
    record.accuracies[f"classifier {hidden_layers(record.recipe)}"] = {"test": share}
    data = record.config["data"] | {"test": pictures}
    record = replace(record, config=record.config | {"data": data})
    assert faults(record) == ({"classifier"} if fault else set())
    told = findings(record)["classifier"].value
    assert told.endswith(f"{share:.1%}, where a linear probe of the same features has 40.0%")


def test_a_classifier_that_is_not_trained_yet_is_not_judged(well):
    finding = findings(changed(well, classifier_hidden="20,20"))["classifier"]
    assert finding.ok is None and "not known yet" in finding.value


@pytest.mark.parametrize("row", ["raw pixels, 16×16", "raw pixels"])
def test_pixels_of_a_smaller_size_are_a_baseline_too(well, row):
    shares = {"SimCLR": 0.1, "random encoder": 0.05, row: 0.12}
    record = replace(well, accuracies={name: {"linear": share} for name, share in shares.items()})
    assert faults(record) == {"baselines"}
    assert f"{row} 12.0%" in findings(record)["baselines"].value


@pytest.mark.parametrize(("simclr", "fault"), [(0.2, True), (0.39, True), (0.45, False)])
def test_less_than_raw_pixels(well, simclr, fault):
    record = with_accuracies(well, simclr, pixels=0.39)
    assert ("baselines" in faults(record)) is fault
    assert "raw pixels 39.0%" in findings(record)["baselines"].value


def test_what_is_not_known_is_no_fault(well):
    empty = replace(well, history=[], accuracies={})
    unknown = {name for name, finding in findings(empty).items() if finding.ok is None}
    assert unknown == {"training", "loss", "statistics", "baselines"}
    assert faults(empty) == set()

"""Recipes: text becomes values of the right type and range, and a mistake is named."""

import dataclasses
import math

import pytest

from simclr_lib import encoders
from simclr_lib.errors import UserError
from simclr_lib.recipes import (
    CHOICES,
    PRESETS,
    RANGES,
    Recipe,
    check,
    get_recipe,
    hidden_layers,
)

FREE = {
    "name",
    "data",
    "encoder_weights",
    "classifier_hidden",
    "supervised_baseline",
    "synchronized_batch_norm",
}  # any text, any path, yes or no


@pytest.mark.parametrize("name", ["smoke", "demo", "classroom", "cifar10-resnet18"])
def test_presets_have_their_names(name):
    assert get_recipe(name).name == name


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_passes_its_own_check(name):
    check(PRESETS[name])
    assert get_recipe(name) == PRESETS[name]


def test_every_field_is_checked_or_free_on_purpose():
    names = [field.name for field in dataclasses.fields(Recipe)]
    assert sorted([*CHOICES, *RANGES, *FREE]) == sorted(names)


def test_a_recipe_offers_what_the_encoders_have():
    assert set(CHOICES["encoder_depth"]) == set(encoders.BLOCKS)
    assert set(CHOICES["stem"]) == set(encoders.STEMS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("clasroom", "classroom"), ("Smoke", "smoke"), ("cifar10-resnet8", "cifar10-resnet18")],
)
def test_an_unknown_recipe_is_answered_with_the_nearest(typed, meant):
    with pytest.raises(UserError, match=f"no recipe '{typed}'; did you mean '{meant}'"):
        get_recipe(typed)


def test_a_recipe_like_no_other_is_answered_with_all():
    with pytest.raises(UserError, match="there are: smoke, demo, classroom, cifar10-resnet18"):
        get_recipe("xyz")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("temprature", "temperature"), ("batchsize", "batch_size"), ("lr", None), ("name", None)],
)
def test_an_unknown_field_is_answered_with_the_nearest(typed, meant):
    answer = f"did you mean '{meant}'" if meant else "there are: data, train_limit"
    with pytest.raises(UserError, match=f"no '{typed}'; {answer}"):
        get_recipe("smoke", {typed: 1})


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        ("train_limit", "none", None),
        ("train_limit", "None", None),
        ("train_limit", None, None),
        ("train_limit", "500", 500),
        ("batch_size", "64", 64),
        ("batch_size", "3.0", 3),
        ("batch_size", "1e2", 100),
        ("batch_size", 64.0, 64),
        ("learning_rate", "1e-3", 0.001),
        ("learning_rate", 1, 1.0),
        ("supervised_baseline", "true", True),
        ("supervised_baseline", "False", False),
        ("supervised_baseline", False, False),
        ("data", "none", "none"),
        ("data", "/some/folder", "/some/folder"),
        ("stem", "imagenet", "imagenet"),
        ("seed", "7", 7),
    ],
)
def test_text_becomes_the_field_s_type(field, given, value):
    found = getattr(get_recipe("smoke", {field: given}), field)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("field", "given", "wanted"),
    [
        ("batch_size", "abc", "a whole number"),
        ("batch_size", "", "a whole number"),
        ("batch_size", "3.5", "a whole number"),
        ("batch_size", "none", "a whole number"),
        ("batch_size", None, "a whole number"),
        ("batch_size", True, "a whole number"),
        ("batch_size", "nan", "a whole number"),
        ("batch_size", "inf", "a whole number"),
        ("train_limit", "many", "a whole number"),
        ("train_limit", False, "a whole number"),
        ("learning_rate", "abc", "a number"),
        ("learning_rate", "1,5", "a number"),
        ("learning_rate", True, "a number"),
        ("learning_rate", None, "a number"),
        ("learning_rate", [1], "a number"),
        ("supervised_baseline", "perhaps", "true or false"),
        ("supervised_baseline", "1", "true or false"),
        ("stem", True, "text"),
    ],
)
def test_a_value_of_another_type_is_refused(field, given, wanted):
    with pytest.raises(UserError) as refusal:
        get_recipe("smoke", {field: given})
    assert str(refusal.value) == f"{field} takes {wanted}; got {given!r}."


@pytest.mark.parametrize("field", CHOICES)
def test_another_choice_is_answered_with_the_known_ones(field):
    other = 7 if field == "encoder_depth" else "other"
    with pytest.raises(UserError) as refusal:
        get_recipe("smoke", {field: other})
    assert str(refusal.value).startswith(f"{field} must be one of {CHOICES[field][0]}, ")
    assert str(refusal.value).endswith(f"; got {other!r}.")


@pytest.mark.parametrize(("field", "limits"), RANGES.items())
def test_a_range_includes_its_ends_and_nothing_beyond(field, limits):
    low, high = limits
    whole = type(getattr(Recipe(), field)) is not float
    step = 1 if whole else 1e-6
    roomy = dataclasses.replace(Recipe(), epochs=10**6, warmup_epochs=0)

    check(dataclasses.replace(roomy, **{field: low}))
    with pytest.raises(UserError, match=f"{field} must be at least {low}"):
        check(dataclasses.replace(roomy, **{field: low - step}))
    if high is not None:
        check(dataclasses.replace(roomy, **{field: high}))
        with pytest.raises(UserError, match=f"{field} must be at most {high}"):
            check(dataclasses.replace(roomy, **{field: high + step}))


@pytest.mark.parametrize(
    "field", [field.name for field in dataclasses.fields(Recipe) if field.type is float]
)
def test_nan_is_refused_everywhere(field):
    with pytest.raises(UserError, match=field):
        get_recipe("smoke", {field: "nan"})
    with pytest.raises(UserError, match=field):
        check(dataclasses.replace(Recipe(), **{field: math.nan}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 1}, "batch_size must be at least 2 .*negatives.*; got 1"),
        ({"temperature": 0}, "temperature must be at least 0.001 .*divided.*; got 0"),
        ({"epochs": -3}, "epochs must be at least 1; got -3"),
        ({"epochs": 2, "warmup_epochs": 2}, r"warmup_epochs must be less than epochs \(2\)"),
        ({"warmup_epochs": "inf"}, "warmup_epochs must be less than epochs"),
        ({"optimizer": "adam"}, "adam has no weight decay: set weight_decay=0"),
        ({"classifier_hidden": "20;20"}, "sizes of its hidden layers, such as 20,20, or none"),
        ({"classifier_hidden": "20,0"}, "sizes of its hidden layers, such as 20,20, or none"),
        ({"classifier_hidden": ""}, "sizes of its hidden layers, such as 20,20, or none"),
        ({"encoder_weights": "imagenet"}, "imagenet takes encoder_depth 50 or 101 or 152; got 8"),
        (
            {"encoder_weights": "imagenet", "encoder_depth": 50, "encoder_width": 64},
            "imagenet takes stem imagenet; got strided",
        ),
    ],
)
def test_senseless_numbers_are_refused_with_the_reason(settings, message):
    with pytest.raises(UserError, match=message):
        get_recipe("smoke", settings)


def test_settings_change_nothing_but_what_they_name():
    changed = get_recipe("smoke", {"seed": 3, "temperature": "0.7"})
    assert changed == dataclasses.replace(PRESETS["smoke"], seed=3, temperature=0.7)


def test_a_recipe_can_not_be_changed_by_accident():
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_recipe("smoke").seed = 1


def test_a_chunk_that_does_not_divide_the_batch_is_refused():
    assert get_recipe("smoke", {"gradient_cache_chunk": "16"}).gradient_cache_chunk == 16
    with pytest.raises(UserError, match=r"gradient_cache_chunk must divide batch_size \(64\)"):
        get_recipe("smoke", {"gradient_cache_chunk": 48})


@pytest.mark.parametrize("loss", ["sogclr", "memory_bank", "clsa"])
def test_row_blocks_for_another_loss_are_refused(loss):
    with pytest.raises(UserError, match=f"loss_block_rows is for .* leave it out for {loss}"):
        get_recipe("smoke", {"loss": loss, "loss_block_rows": 32})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"views": "strong"}, "loss=clsa draws a strong view beside two weak ones: set views=weak"),
        ({"gradient_cache_chunk": 16}, "gradient_cache_chunk does not go with loss=clsa"),
    ],
)
def test_what_does_not_go_with_three_views_is_refused(settings, message):
    assert get_recipe("smoke", {"loss": "clsa"}).loss == "clsa"
    get_recipe("smoke", settings)
    with pytest.raises(UserError, match=message):
        get_recipe("smoke", settings | {"loss": "clsa"})


@pytest.mark.parametrize(
    ("given", "sizes"),
    [("none", None), ("20,20", (20, 20)), ("(24, 24)", (24, 24)), ("20", (20,)), ([8, 9], (8, 9))],
)
def test_hidden_layers_are_read_from_text(given, sizes):
    assert hidden_layers(get_recipe("smoke", {"classifier_hidden": given})) == sizes


def test_the_report_s_recipes_are_one_set_up_at_three_depths():
    reports = [PRESETS[f"report-resnet{depth}"] for depth in (50, 101, 152)]
    for recipe, depth in zip(reports, (50, 101, 152), strict=True):
        assert recipe.encoder_depth == depth
        same = dataclasses.replace(recipe, name="report-resnet50", encoder_depth=50)
        assert same == reports[0]
    report = reports[0]
    assert (report.epochs, report.steps_per_epoch, report.optimizer) == (3, 100, "adam")
    assert (report.stem, report.view_size, report.batch_norm_momentum) == ("imagenet", 32, 0.99)
    assert hidden_layers(report) == (20, 20)
    for name in ("report-resnet50", "report-resnet152"):
        get_recipe(name, {"encoder_weights": "imagenet", "batch_size": 32})


@pytest.mark.parametrize("loss", ["sogclr", "memory_bank", "clsa"])
def test_a_contrastive_loss_for_an_autoencoder_is_refused(loss):
    with pytest.raises(UserError, match=f"loss={loss} compares pictures, and objective=recon"):
        get_recipe("smoke", {"objective": "reconstruction", "loss": loss})

"""The ladder: each rung fails in kind words, and nothing that an answer does gets out."""

import dataclasses
import functools
import math
import random
import sys

import keras
import numpy as np
import pytest
from keras import ops

import simclr_lib
from simclr_lib.course import NOT_STARTED, check, exercises
from simclr_lib.course.checking import examine
from simclr_lib.course.exercise import Exercise, mistake

ON_JAX = keras.backend.backend() == "jax"


def right(values, weight=1.0):
    return weight * sum(values) / len(values)


def test_a_right_answer_passes_and_is_handed_back(average):
    report = examine(average, right)
    assert report.passed
    assert report.function is right
    assert (report.stage, report.diagnosis, report.mistakes) == ("passed", "", ())


def stub(values, weight=1.0):
    """What the learner finds."""
    return NOT_STARTED


def only_documented(values, weight=1.0):
    """Nothing below."""


def raises_not_implemented(values, weight=1.0):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [stub, only_documented, raises_not_implemented, NOT_STARTED])
def test_not_started(average, answer):
    report = examine(average, answer)
    assert report.stage == "not started"
    assert report.function(np.array([1.0, 3.0]), 2.0) == 4


def test_the_kits_own_function_is_known_again(average):
    report = examine(average, examine(average, stub).function)
    assert report.stage == "not started"
    assert "Run the cell with your function again" in report.diagnosis
    assert "your function was not taken" in report.diagnosis


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda values: 1, "yours takes (values)"),
        (lambda v, weight: 1, "yours takes (v, weight)"),
        (lambda weight, values: 1, "in the order (weight, values)"),
        (lambda values, weight, more: 1, "yours takes (values, weight, more)"),
        (3.0, "a float, not a function"),
        ("average", "a str, not a function"),
    ],
)
def test_signature(average, answer, said):
    report = examine(average, answer)
    assert report.stage == "signature"
    assert said in report.diagnosis


def loops_for_ever(values, weight=1.0):
    while True:
        pass


def changes_its_argument(values, weight=1.0):
    values *= weight
    return values.mean()


def leaves(values, weight=1.0):
    sys.exit("bye")


def yields(values, weight=1.0):
    yield 1


def misspells(values, weight=1.0):
    return wieght * values.mean()  # noqa: F821


def shapes_that_do_not_fit(values, weight=1.0):
    return values + np.zeros((7, 5))


def uses_a_name_too_early(values, weight=1.0):
    total += sum(values)  # noqa: F821
    return weight * total


def layer_on_the_spot(values, weight=1.0):
    return keras.layers.ReLU(keras.Input((3,)))


def numpy_of_a_placeholder(values, weight=1.0):
    return np.mean(keras.Input((3,)))


def method_of_a_placeholder(values, weight=1.0):
    return keras.Input((3,)).mean()


def shape_that_is_a_number(values, weight=1.0):
    return keras.Input(6)


def place_of_another_shape(values, weight=1.0):
    result = np.zeros((2, 2))
    result[:] = np.ones((3, 3))
    return result


def math_of_an_array(values, weight=1.0):
    return math.exp(np.ones(3))


def a_range_squared(values, weight=1.0):
    return range(3) ** 2


def axes_as_a_range(values, weight=1.0):
    return np.ones((2, 2)).mean(axis=range(1))


def two_tensors_to_add(values, weight=1.0):
    return keras.layers.Add()(keras.Input((3,)), keras.Input((3,)))


def stops_where_the_weight_is_small(values, weight=1.0):
    if weight < 1:
        raise ZeroDivisionError("division by zero")
    return weight * np.mean(values)


def a_single_slash(values, weight=1.0):
    return values[len(values) / 2]


def shuffles_into_nothing(values, weight=1.0):
    return random.shuffle(list(values))[0]


def asks_if_of_an_array(values, weight=1.0):
    return values if values > 0 else weight


def asks_and_of_arrays(values, weight=1.0):
    return np.sum(values > 0 and values < 2)


def pieces_of_two_lengths(values, weight=1.0):
    return np.array([values, values[1:]])


def told_in_bold(values, weight=1.0):
    raise RuntimeError("\x1b[1mThis\x1b[0m is bold")


def shape_without_brackets(values, weight=1.0):
    return np.zeros(3, 3)


def decimals_into_whole_numbers(values, weight=1.0):
    whole = np.arange(3)
    whole /= 2
    return whole


def no_gradients(values, weight=1.0):
    keras.optimizers.SGD().apply([None], [keras.Variable(1.0)])


def gradient_of_a_statistic(values, weight=1.0):
    optimizer = keras.optimizers.SGD()
    optimizer.build([keras.Variable(1.0)])
    optimizer.apply([np.float32(1)], [keras.Variable(1.0)])


def uses_a_stub(values, weight=1.0):
    return weight * stub(values)


def interrupted(values, weight=1.0):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (loops_for_ever, f"not finished after {2 if ON_JAX else 0.5} seconds"),
        (changes_its_argument, "changes its argument `values` in place"),
        (leaves, "Leave out `exit()`"),
        (yields, "`yield`"),
        (misspells, "`return wieght * values.mean()  # noqa: F821` with NameError"),
        (misspells, "Is the name spelled right"),
        (shapes_that_do_not_fit, "The shapes do not fit"),
        (uses_a_name_too_early, "in a line above the one that gives it a value"),
        (layer_on_the_spot, "`layers.ReLU()(x)`"),
        (numpy_of_a_placeholder, "no numbers yet"),
        (method_of_a_placeholder, "no numbers yet"),
        (shape_that_is_a_number, "`keras.Input((6,))`"),
        (place_of_another_shape, "make it with the result's"),
        (math_of_an_array, "as `np.exp`"),
        (a_range_squared, "make an array"),
        (axes_as_a_range, "`axis=tuple(range(...))`"),
        (two_tensors_to_add, "`layers.Add()([x, y])`"),
        (stops_where_the_weight_is_small, "called with `values` of shape (2,), `weight` = 0.5"),
        (a_single_slash, "`//` a whole one"),
        (shuffles_into_nothing, "a call that works in place"),
        (asks_if_of_an_array, "`np.any(…)`"),
        (asks_and_of_arrays, "`(…) & (…)`"),
        (pieces_of_two_lengths, "`np.concatenate` puts"),
        (told_in_bold, "RuntimeError: This is bold."),
        (shape_without_brackets, "A shape has brackets of its own"),
        (decimals_into_whole_numbers, "`a = a / b`"),
        (uses_a_stub, "do that one first"),
        (interrupted, "You stopped it"),
    ],
)
def test_running(average, answer, said):
    report = examine(average, answer)
    assert report.stage == "runs"
    assert said in report.diagnosis


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (no_gradients, "make no NumPy array on the way"),
        (gradient_of_a_statistic, "`.trainable_variables`"),
    ],
)
def test_what_an_optimiser_refuses_is_explained(average, answer, said):
    patient = dataclasses.replace(average, seconds=60.0)  # Keras takes its time at first
    assert said in examine(patient, answer).diagnosis


def test_what_stops_in_a_property_is_told_with_its_arguments(average):
    def divides(values, weight=1.0):
        if 3 in values:
            raise ZeroDivisionError("division by zero")
        return weight * np.mean(values)

    said = examine(average, divides).diagnosis
    assert "called with `values` of shape (2,), `weight` = 1.0; with others it runs." in said


def test_what_stops_on_every_probe_is_told_without_arguments(average):
    assert "It was called with" not in examine(average, misspells).diagnosis


def test_the_learners_arrays_are_never_changed(average):
    before = average.probes[0][0].copy()
    examine(average, changes_its_argument)
    np.testing.assert_array_equal(average.probes[0][0], before)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "did you forget `return`?"),
        ([1.0], "a list"),
        ("1", "a str"),
        (np.ones(3), "shape (3,); wanted is a single number"),
        (1j, "dtype complex128"),
        (True, "True/False"),
        ((1.0, 2.0), "a tuple"),
        (np.array([1, "a"], dtype=object), "shape (2,)"),
    ],
)
def test_shape_and_type(average, value, said):
    report = examine(average, lambda values, weight: value)
    assert report.stage == "shape and dtype"
    assert said in report.diagnosis


class TorchLike:
    """What a PyTorch tensor that wants a gradient does."""

    def __init__(self, value, attached=True):
        self.value, self.attached = value, attached

    def detach(self):
        return TorchLike(self.value, False)

    def cpu(self):
        return self

    def __array__(self, *_, **__):
        if self.attached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return np.asarray(self.value)


@pytest.mark.parametrize(
    "kind",
    [float, np.float32, np.array, ops.convert_to_tensor, keras.Variable, TorchLike],
    ids=lambda kind: kind.__name__,
)
def test_numbers_of_any_kind_are_accepted(average, kind):
    assert examine(average, lambda values, weight: kind(right(values, weight))).passed


def test_half_precision_is_accepted_where_the_tolerance_allows(average):
    loose = dataclasses.replace(average, tolerance=0.01)
    assert examine(loose, lambda values, weight: ops.cast(right(values, weight), "bfloat16")).passed


def test_a_whole_number_may_stand_for_a_decimal_one():
    def box(area, aspect, down, across):
        height, width = min(1, (area / aspect) ** 0.5), min(1, (area * aspect) ** 0.5)
        return down * (1 - height), across * (1 - width), height, width

    assert examine(exercises.find("crop_box"), box).passed


def test_a_decimal_number_for_a_whole_one_is_told_how_to_round():
    report = examine(exercises.find("count_negatives"), lambda batch_size: 2 * batch_size / 1 - 2)
    assert "is a decimal number, 2.0; wanted is a whole one" in report.diagnosis


def test_the_value_of_several_that_is_not_as_wanted_is_counted():
    standardise = exercises.find("standardise")
    report = examine(standardise, lambda train_h, test_h: (train_h, 1.0))
    assert report.diagnosis.startswith("Value 2 of 2: Its result is a single number; wanted is an")
    report = examine(standardise, lambda train_h, test_h: 1.0)
    assert "wanted are 2 values: `return a, b`" in report.diagnosis


def test_a_property_tells_what_it_saw(average):
    report = examine(average, lambda values, weight: 1e6 * weight)
    assert (report.stage, report.mistakes) == ("properties", ())
    assert report.diagnosis == "The mean of 1 and 3 lies between them; yours is 1e+06."


def test_values_tell_where_they_differ(average):
    report = examine(average, lambda values, weight: weight * np.median(values))
    assert report.stage == "values"
    said = "For `values` of shape (3,), `weight` = 2.0, your result is 4; expected is 4.667."
    assert report.diagnosis == said


def test_what_is_observed_has_a_name(average):
    seen = dataclasses.replace(
        average,
        observe=lambda result, values, weight: (np.asarray(result), np.asarray(weight)),
        observed=("the mean", "the weight"),
        ladder=[],
    )
    report = examine(seen, lambda values, weight: weight * np.median(values))
    assert report.diagnosis.endswith("the mean differs: your result is 4; expected is 4.667.")


def test_a_known_mistake_is_named(average):
    report = examine(average, lambda values, weight: weight * sum(values))
    assert report.mistakes == ("sum not mean",)
    assert report.diagnosis == "This is the sum."
    assert report.seen.startswith("The mean of 1 and 3")
    assert report.hint == "Divide."


def test_two_mistakes_that_fit_alike_are_both_said(average):
    report = examine(average, lambda values, weight: np.mean(values))
    assert report.mistakes == ("weight ignored", "weight is one")
    assert "more or less." in report.diagnosis
    assert "not used at all." in report.diagnosis


def test_a_mistake_is_known_although_it_also_overflows():
    nt_xent = exercises.find("nt_xent")

    def with_itself_and_overflow(z_a, z_b, temperature=0.5):
        z = np.concatenate([z_a, z_b])
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        e = np.exp(z @ z.T / temperature)
        n = len(z_a)
        positive = np.concatenate([np.diag(e, n), np.diag(e, -n)])
        return np.mean(-np.log(positive / e.sum(axis=1)))

    report = examine(nt_xent, with_itself_and_overflow)
    assert report.mistakes == ("compared with itself",)


def by_another_name(z_a, z_b, temperature=0.5):
    from simclr_lib.losses import nt_xent as mine

    return mine(z_a, z_b, temperature)


@pytest.mark.parametrize("answer", ["the function", "a call", "a partial"])
def test_the_kits_own_work_does_not_count(answer):
    answers = {
        "the function": simclr_lib.nt_xent,
        "a call": by_another_name,
        "a partial": functools.partial(simclr_lib.nt_xent, block_rows=4),
    }
    report = examine(exercises.find("nt_xent"), answers[answer])
    assert report.stage == "own work"
    assert "the kit's own `nt_xent`" in report.diagnosis
    assert not report.passed


def test_prints_are_held_back_and_told(average, capsys):
    def prints(values, weight=1.0):
        print("here")
        print("there", file=sys.stderr)
        return right(values, weight)

    report = examine(average, prints)
    assert report.passed
    assert "prints" in " ".join(report.notes)
    assert capsys.readouterr() == ("", "")


def test_random_numbers_are_left_as_they_were(average):
    def draws(values, weight=1.0):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        return right(values, weight)

    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    examine(average, draws)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_a_check_without_the_function_is_told(average, capsys):
    assert check("average").stage == "no check"
    assert 'give it your function too, as in `check("average", average)`' in capsys.readouterr().out
    assert check(right).stage == "no check"
    assert "in quotation marks" in capsys.readouterr().out


def test_an_unknown_exercise_is_told_with_the_nearest(average, capsys):
    report = check("averaeg", right)
    assert report.function is right
    assert "did you mean 'average'?" in capsys.readouterr().out


def test_a_broken_property_does_not_get_out(average):
    broken = dataclasses.replace(average, ladder=[lambda answer: answer(np.ones(2), 1.0)[5]])
    assert examine(broken, right).stage == "properties"


def test_a_broken_exercise_does_not_get_out(average):
    broken = dataclasses.replace(average, reference="simclr_lib.losses:no_such_loss")
    report = examine(broken, right)
    assert (report.passed, report.stage) == (False, "no check")
    assert "no_such_loss" in report.diagnosis


# -- Exercises about models, and about chance ------------------------------------------------------


def dense(units):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation="relu")])


@mistake("No activation.", hint="Give it one.")
def no_activation(units):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])


def look_into(model, units):
    rng = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(rng.normal(size=variable.shape))
    return model(np.ones((2, 3), "float32")), len(model.weights)


LAYER = Exercise(
    id="dense",
    lesson="02",
    title="a layer",
    minutes=1,
    difficulty=1,
    reference=dense,
    probes=[(4,), (6,)],
    mistakes=[no_activation],
    hints=("a", "b", "c"),
    right=[dense],
    observe=look_into,
)


def test_an_exercise_may_ask_for_a_model():
    assert examine(LAYER, dense).passed
    assert examine(LAYER, no_activation.answer).mistakes == ("no activation",)
    assert "did you forget `return`" in examine(LAYER, lambda units: None).diagnosis
    report = examine(LAYER, eval("lambda units: units"))  # written elsewhere than `look_into`
    assert (report.stage, "cannot be used" in report.diagnosis) == ("shape and dtype", True)


def freeze(model):
    model.trainable = False


@mistake("Only the last layer.", hint="All of them.")
def last_layer_only(model):
    model.layers[-1].trainable = False


FREEZE = Exercise(
    id="freeze",
    lesson="05",
    title="freeze a model",
    minutes=1,
    difficulty=1,
    reference=freeze,
    probes=[lambda: (keras.Sequential([keras.Input((2,)), *map(keras.layers.Dense, (3, 4))]),)],
    mistakes=[last_layer_only],
    hints=("a", "b", "c"),
    right=[freeze],
    observe=lambda _, model: np.array(len(model.trainable_variables)),
    may_change_arguments=True,
)


def test_an_exercise_may_ask_for_a_change_of_its_argument():
    assert examine(FREEZE, freeze).passed
    assert examine(FREEZE, last_layer_only.answer).mistakes == ("last layer only",)
    assert examine(FREEZE, lambda model: None).stage == "values"


def flip(pictures):
    turned = np.random.default_rng().random(len(pictures)) < 0.5
    return np.where(turned[:, None, None], pictures[:, :, ::-1], pictures)


@mistake("All or none.", hint="One draw a picture.")
def one_draw(pictures):
    return pictures[:, :, ::-1] if np.random.default_rng().random() < 0.5 else pictures


@mistake("Never.", hint="Draw.")
def never(pictures):
    return pictures


def share_turned(answer):
    pictures = np.tile(np.arange(2.0), (500, 1, 1))
    return np.mean(answer(pictures)[:, 0, 0] == 1)


def differs_within_a_batch(answer):
    return None if 0 < share_turned(answer) < 1 else "All pictures of a batch are treated alike."


def turns_some(answer):
    return None if max(share_turned(answer) for _ in range(20)) > 0 else "No picture is turned."


FLIP = Exercise(
    id="flip",
    lesson="01",
    title="random flips",
    minutes=1,
    difficulty=1,
    reference=flip,
    probes=[(np.zeros((4, 3, 3)),)],
    ladder=[differs_within_a_batch, turns_some],
    mistakes=[one_draw, never],
    hints=("a", "b", "c"),
    right=[flip],
    stochastic=True,
)


def test_random_results_are_known_by_the_properties_they_break():
    assert examine(FLIP, flip).passed
    assert examine(FLIP, one_draw.answer).mistakes == ("one draw",)
    assert examine(FLIP, never.answer).mistakes == ("never",)
    assert examine(FLIP, lambda pictures: pictures[:1]).stage == "shape and dtype"


def test_an_exercise_may_diagnose_by_itself():
    own = dataclasses.replace(FLIP, diagnose=lambda answer: ["never"])
    assert examine(own, one_draw.answer).mistakes == ("never",)

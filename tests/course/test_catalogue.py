"""Every exercise: right answers pass, each catalogued mistake is caught and called by its name."""

import subprocess
import sys
import time

import pytest

from simclr_lib.course import exercises
from simclr_lib.course.checking import examine, results_of
from simclr_lib.course.guard import Failed

EXERCISES = exercises.all_exercises()
RIGHT = [(e, answer) for e in EXERCISES for answer in e.right]
WRONG = [(e, mistake) for e in EXERCISES for mistake in e.mistakes]


def named(pairs):
    return [
        pytest.param(e, x, id=f"{e.id}-{getattr(x, '__name__', None) or x.name}") for e, x in pairs
    ]


each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)


@pytest.mark.parametrize(("exercise", "answer"), named(RIGHT))
def test_a_right_answer_passes(exercise, answer):
    report = examine(exercise, answer)
    assert report.passed, str(report)
    assert report.function is answer


@pytest.mark.parametrize(("exercise", "answer"), named(RIGHT))
def test_a_check_takes_under_two_seconds(exercise, answer):
    examine(exercise, answer)  # the first imports, and compiles
    again = (seconds(examine, exercise, answer) for _ in range(3))
    assert any(taken < 2 for taken in again)


def seconds(function, *arguments):
    """The clock's, or the processor's where others keep it busy: what an idle machine needs."""
    clocks = time.monotonic, time.process_time
    began = [clock() for clock in clocks]
    function(*arguments)
    return min(clock() - start for clock, start in zip(clocks, began, strict=True))


@pytest.mark.parametrize(("exercise", "mistake"), named(WRONG))
def test_a_mistake_is_caught(exercise, mistake):
    report = examine(exercise, mistake.answer)
    assert not report.passed
    assert report.stage not in ("not started", "no check"), str(report)
    assert report.function is not mistake.answer


@pytest.mark.parametrize(("exercise", "mistake"), named(WRONG))
def test_a_mistake_runs(exercise, mistake):
    """One that stops on every probe would be seen in all answers that stop with such an error."""
    results = results_of(exercise, mistake.answer)
    assert not all(isinstance(result, Failed) for result in results), results


def test_the_catalogue_names_its_mistakes(capsys):
    """The mutation score of all exercises: caught, and named right or among those that fit."""
    caught, right, alone, missed = 0, 0, 0, []
    for exercise, mistake in WRONG:
        report = examine(exercise, mistake.answer)
        caught += not report.passed
        right += mistake.name in report.mistakes
        alone += report.mistakes == (mistake.name,)
        if mistake.name not in report.mistakes:
            missed.append(f"{exercise.id}: {mistake.name} taken for {report.mistakes or 'nothing'}")
    with capsys.disabled():
        print(
            f"\nMutation score over {len(EXERCISES)} exercises: {caught} of {len(WRONG)} wrong"
            f" answers caught, {right} named right ({alone} of them alone); {len(RIGHT)} right"
            " answers."
        )
    assert caught == len(WRONG)
    assert right >= 0.95 * len(WRONG), missed


@each_exercise
def test_an_exercise_is_complete(exercise):
    assert len(exercise.mistakes) >= 6
    assert len(exercise.right) >= 3
    assert len(exercise.hints) == 3
    assert exercise.probes
    assert exercise.difficulty in (1, 2, 3)
    names = [mistake.name for mistake in exercise.mistakes]
    assert len(set(names)) == len(names)
    assert all(mistake.diagnosis and mistake.hint for mistake in exercise.mistakes)
    assert exercise.lesson.startswith(module_of(exercise).removeprefix("lesson"))


def module_of(exercise):
    return next(name for name in exercises.modules() if exercise in exercises.of_module(name))


@each_exercise
def test_the_kits_own_function_is_right(exercise):
    report = examine(exercise, exercise.mistakes[0].answer)
    arguments = exercise.arguments(0)
    report.function(*arguments)  # it runs, as the lesson will
    assert report.function.kits_own == exercise.id


def test_ids_are_unique():
    ids = [exercise.id for exercise in EXERCISES]
    assert len(set(ids)) == len(ids)


def test_the_list_of_exercises_needs_no_framework():
    code = (
        "import sys; from simclr_lib.course import exercises; exercises.all_exercises();"
        "print(*{'keras', 'tensorflow', 'jax', 'matplotlib'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (answer.returncode, answer.stdout.split()) == (0, []), answer.stderr


def test_a_head_that_is_no_model_is_told():
    import keras

    def tensor(input_dim, hidden_dim, output_dim):
        h = keras.Input((input_dim,))
        return keras.layers.Dense(output_dim)(keras.layers.Dense(hidden_dim, "relu")(h))

    def two(input_dim, hidden_dim, output_dim):
        return keras.Input((input_dim,)), tensor(input_dim, hidden_dim, output_dim)

    report = examine(exercises.find("two_layer_head"), tensor)
    assert report.diagnosis.startswith("It returns z, a Keras tensor, where a model is wanted")
    report = examine(exercises.find("two_layer_head"), two)
    assert report.diagnosis.startswith("It returns a tuple, where a model is wanted")


def test_a_cost_of_one_number_is_told():
    report = examine(
        exercises.find("convolution_cost"),
        lambda side, channels, filters, kernel, stride: channels * filters * kernel**2,
    )
    assert "wanted are 2 values: `return a, b`" in report.diagnosis

"""Hints follow the diagnosis; the solution is a difference, and comes after honest attempts."""

import pytest

from simclr_lib.course import check, hint, progress, solution


def the_sum(values, weight=1.0):
    """Mine."""
    total = sum(values)
    return weight * total


def no_weight(values, weight=1.0):
    return sum(values) / len(values)


def far_off(values, weight=1.0):
    return 1e9


@pytest.fixture
def said(capsys):
    def call(function, *arguments, **keywords):
        capsys.readouterr()
        function(*arguments, **keywords)
        return capsys.readouterr().out

    return call


def test_general_hints_before_any_check(average, said):
    assert [said(hint, "average").split(": ")[1].strip() for _ in range(3)] == [
        "First.",
        "Second.",
        "Third.",
    ]
    assert "no more hints" in said(hint, "average")
    assert progress.of_exercise("average")["hints"] == 3


def test_the_first_hint_is_for_what_was_found(average, said):
    check("average", the_sum)
    assert said(hint, "average") == "Hint 1 of 3 for average: Divide.\n"
    assert said(hint, "average") == "Hint 2 of 3 for average: Second.\n"
    check("average", no_weight)  # another diagnosis
    assert said(hint, "average") == "Hint 1 of 3 for average: Add them all.\n"


def test_the_solution_waits_for_three_honest_attempts(average, said):
    for answer, left in [(the_sum, 2), (the_sum, 2), (no_weight, 1)]:
        check("average", answer)
        assert f"after {left} more attempt" in said(solution, "average")
    check("average", far_off)
    assert "+ " in said(solution, "average")
    assert progress.of_exercise("average")["solution_seen"]


def test_the_solution_is_a_difference(average, said):
    check("average", the_sum)
    assert said(solution, "average", now=True).splitlines() == [
        "From your average (−) to a solution (+); there are others:",
        "  def average(values, weight=1.0):",
        "−     total = sum(values)",
        "−     return weight * total",
        "+     return weight * np.mean(values)",
    ]


def test_the_solution_without_an_answer(average, said):
    assert said(solution, "average", now=True).splitlines() == [
        "A solution of average:",
        "  def average(values, weight=1.0):",
        "      return weight * np.mean(values)",
    ]


def test_a_passed_exercise_shows_its_solution(average, said):
    check("average", lambda values, weight: weight * sum(values) / len(values))
    assert "A solution of average" in said(solution, "average")


@pytest.mark.parametrize("function", [hint, solution])
def test_a_function_in_place_of_its_name(average, said, function):
    def average(values):
        """The learner's own."""

    assert 'put the exercise\'s name in quotation marks: "average"' in said(function, average)


@pytest.mark.parametrize("function", [hint, solution])
def test_an_unknown_exercise(average, said, function):
    assert "did you mean 'average'?" in said(function, "averag")

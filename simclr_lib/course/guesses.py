"""Predict, then run: a guess before an experiment, and what came out beside it."""

import contextlib

import numpy as np

from simclr_lib.course.report import card, marked_up, show_text

questions = {}  # asked so far: id → question


def predict(question_id: str, question: str, choices=None, answer=None):
    """Ask for a guess before an experiment; the learner writes it in place of `answer=None`.

    Args:
        question_id: a name that `compare_guess` takes up.
        question: one sentence.
        choices: what can be answered; None for a number.
        answer: the guess.

    Returns:
        The guess; None while there is none, or one that is not among the choices or no number.
    """
    questions[question_id] = question
    answer = taken(answer, choices)
    lines = [f"Guess first: {question}"]
    if choices is not None:
        lines.append(f"Choose one of: {', '.join(map(repr, choices))}.")
    if answer is None:
        lines.append("Write your guess in place of `None` and run this cell again.")
    elif choices is not None and answer not in choices:
        lines.append(f"{answer!r} is not among the choices.")
        answer = None
    elif choices is None and not is_number(answer):
        lines.append(f"{answer!r} is not a number: write one, without quotes and without a unit.")
        answer = None
    else:
        guess = f"{answer:.6g}" if isinstance(answer, float) else repr(answer)
        lines.append(f"Your guess: {guess}. The experiment will tell.")
    show_text("\n".join(lines).replace("`", ""), card(map(marked_up, lines)))
    return answer


def taken(answer, choices):
    """A guess as it was meant: "30 %" as 30, and 0.9 where '0.9' can be chosen."""
    if answer is not None and choices is not None:
        wanted = str(answer).strip().lower()
        return next((choice for choice in choices if str(choice).lower() == wanted), answer)
    if isinstance(answer, str):
        with contextlib.suppress(ValueError):
            return float(answer.strip().removesuffix("%").replace(",", "."))
    return answer


def compare_guess(question_id: str, guess, measured, unit: str = ""):
    """Show a guess beside what was measured.

    Args:
        question_id: as in `predict`.
        guess: what `predict` returned, or a literal; None: there is none.
        measured: the result; a number or a word.
        unit: of both, as "%" or "nats".
    """
    question = questions.get(question_id, question_id)
    result = f"measured: {worded(measured, unit)}"
    lines = [question]
    if guess is None:
        lines.append(f"No guess; {result}.")
    elif is_number(guess) and is_number(measured):
        apart = worded(abs(float(guess) - float(measured)), unit)
        lines.append(f"Your guess: {worded(guess, unit)}; {result}; {apart} apart.")
        if unit == "%" and 0 < guess < 1:
            lines.append(f"(Did you mean {100 * guess:.3g} %? Then write {100 * guess:.3g}.)")
    else:
        verdict = "as you guessed" if guess == measured else "not as you guessed"
        lines.append(f"Your guess: {worded(guess, unit)}; {result}: {verdict}.")
    show_text("\n".join(lines))


def worded(value, unit):
    text = f"{float(value):.3g}" if is_number(value) else str(value)
    return f"{text} {unit}".rstrip()


def is_number(value):
    return isinstance(value, (int, float, np.generic)) and not isinstance(value, (bool, np.bool_))

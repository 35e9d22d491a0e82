"""What an exercise is: a function to write, what it must do, and the mistakes that are known.

An exercise module, `exercises/lessonNN.py`, is written from top to bottom like this:

    @mistake("This is the sum: divide by how many there are.", hint="np.mean instead of np.sum.")
    def sum_not_mean(values):
        return np.sum(values)

    def as_loop(values): ...

    def stays_within_the_values(answer):
        mean = answer(np.array([1.0, 3.0]))
        if not 1 <= mean <= 3:
            return f"The mean of 1 and 3 lies between them; yours is {mean:.3g}."

    EXERCISES = [Exercise(id="average", ..., reference=as_loop, mistakes=[sum_not_mean, ...])]

Such a module imports no framework at its top (Keras within the functions that need it): the list
of exercises is also wanted where nothing is computed.
"""

import importlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass


class NotStarted:
    """The value of a function that nobody has written yet."""

    def __repr__(self):
        return "NOT_STARTED"

    def __reduce__(self):
        return "NOT_STARTED"  # stays the one and only when pickled or copied


NOT_STARTED = NotStarted()


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong answer that learners are known to give.

    Attributes:
        name: a few words, for tables.
        answer: the wrong function itself; a learner's answer with the same results made it too.
        diagnosis: what the learner reads: what their result is, and so what is wrong.
        hint: the first step towards mending it.
    """

    name: str
    answer: Callable
    diagnosis: str
    hint: str = ""


def mistake(diagnosis: str, *, hint: str = "", name: str = "") -> Callable[[Callable], Mistake]:
    """Turn the wrong function below it into a `Mistake`, by default named as the function."""

    def catalogue(answer):
        return Mistake(
            name or answer.__name__.strip("_").replace("_", " "), answer, diagnosis, hint
        )

    return catalogue


@dataclass(frozen=True, eq=False)
class Exercise:
    """A function that the learner writes.

    Attributes:
        id: the function's name.
        lesson: the lesson's name, as "03_nt_xent".
        title: a few words, for reports and tables.
        minutes: how long it takes, about.
        difficulty: 1 (warm-up) to 3 (hard).
        reference: a right answer, the function itself or, for one of the library's, its place as
            "simclr_lib.losses:nt_xent"; an answer that calls that one does not count.
        probes: what the function is tried on: tuples of arguments, or functions that make such a
            tuple anew for each call (for models, which a call may change).
        mistakes: at least six.
        hints: three steps, from a nudge to nearly all of it.
        right: at least three right answers in different styles; `solution` shows the first.
        ladder: properties, each a function of the answer that returns None, or a sentence about
            what is wrong. The answer it gets returns NumPy arrays whatever the learner computes
            with; any exception within it is told to the learner by itself.
        parameters: names in order; by default those of `reference` that have a place.
        tolerance: relative; of the largest number of the expected result.
        observe: `(result, *arguments)` → what to compare of a result (arrays, a tuple of them);
            by default the result itself. For a result that is a model, or a function that works
            by changing its arguments.
        observed: names of what `observe` gives as a tuple, for messages: "the loss" and so on.
        stochastic: results are drawn at random: they are compared in shape and dtype only, and a
            mistake is known by the properties that it breaks.
        diagnose: `(answer)` → names of the mistakes that fit, in place of the comparison.
        forbidden: places of more functions of the library that an answer may not call.
        may_change_arguments: True where changing an argument in place is what is asked for.
        seconds: how long the answer may compute in one check, all calls together (on JAX, which
            compiles, four times as long).
    """

    id: str
    lesson: str
    title: str
    minutes: int
    difficulty: int
    reference: Callable | str
    probes: Sequence[tuple | Callable[[], tuple]]
    mistakes: Sequence[Mistake]
    hints: tuple[str, str, str]
    right: Sequence[Callable]
    ladder: Sequence[Callable] = ()
    parameters: Sequence[str] = ()
    tolerance: float = 1e-3
    observe: Callable | None = None
    observed: Sequence[str] = ()
    stochastic: bool = False
    diagnose: Callable | None = None
    forbidden: Sequence[str] = ()
    may_change_arguments: bool = False
    seconds: float = 10.0

    def kit(self) -> Callable:
        """The function that the lesson goes on with until the learner's own passes."""
        return found_at(self.reference) if isinstance(self.reference, str) else self.reference

    def parameter_names(self) -> tuple[str, ...]:
        """Names of the arguments, in order."""
        if self.parameters:
            return tuple(self.parameters)
        parameters = inspect.signature(self.kit()).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

    def library_functions(self) -> list[Callable]:
        """What an answer may not call."""
        places = [self.reference] if isinstance(self.reference, str) else []
        return [found_at(place) for place in [*places, *self.forbidden]]

    def arguments(self, index: int) -> tuple:
        """The arguments of a probe, made anew where the exercise makes them."""
        probe = self.probes[index]
        return tuple(probe() if callable(probe) else probe)


def found_at(place: str) -> Callable:
    """What "package.module:name" names; Keras is started quietly first."""
    from simclr_lib.quiet import import_keras

    import_keras()
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)

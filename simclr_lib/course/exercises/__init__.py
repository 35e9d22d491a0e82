"""All exercises, found by name: one module a lesson."""

import difflib
import importlib
import pkgutil

from simclr_lib.course.exercise import Exercise
from simclr_lib.errors import UserError


def modules() -> list[str]:
    """The names of the modules that hold exercises, in the order of the lessons."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def of_module(name: str) -> list[Exercise]:
    return importlib.import_module(f"{__name__}.{name}").EXERCISES


def all_exercises() -> list[Exercise]:
    """Every exercise of the course, in order."""
    return [exercise for name in modules() for exercise in of_module(name)]


def find(exercise_id: str) -> Exercise:
    """The exercise of that id.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    known = {exercise.id: exercise for exercise in all_exercises()}
    if callable(exercise_id):
        name = getattr(exercise_id, "__name__", "")
        name = getattr(exercise_id, "kits_own", name if name in known else next(iter(known)))
        raise UserError(f'put the exercise\'s name in quotation marks: "{name}".')
    if exercise_id in known:
        return known[exercise_id]
    near = difflib.get_close_matches(str(exercise_id), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}."
    raise UserError(f"no exercise {exercise_id!r}: {hint}")

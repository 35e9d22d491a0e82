"""What the lessons call: exercises with checks, hints and solutions, guesses, and figures.

Each name below is imported when it is first used, so that `simclr progress` answers at once.
"""

import importlib

WHERE = {
    "NOT_STARTED": "exercise",
    "check": "checking",
    "hint": "hints",
    "solution": "hints",
    "lesson": "setting",
    "show": "figures",
    "predict": "guesses",
    "compare_guess": "guesses",
}

__all__ = list(WHERE)


def __getattr__(name):
    if name not in WHERE:
        raise AttributeError(f"module 'simclr_lib.course' has no attribute {name!r}")
    return getattr(importlib.import_module(f"simclr_lib.course.{WHERE[name]}"), name)


def __dir__():
    return sorted({*globals(), *WHERE})

"""`check`: climb the ladder with a learner's answer, and name the mistake where it stops."""

import functools
import inspect

import numpy as np

from simclr_lib.course import exercises, progress
from simclr_lib.course.exercise import NOT_STARTED, Exercise
from simclr_lib.course.guard import NOTHING_YET, Failed, Guard, a_thing, is_array, shape
from simclr_lib.course.report import Report
from simclr_lib.errors import UserError
from simclr_lib.quiet import import_keras

NOTHING_GIVEN = object()
JAX_COMPILES = 4  # times the seconds: it compiles each operation anew for each shape

last = {}  # exercise id → (answer, report) of the last check: what hints and solutions start from


def check(exercise_id: str, answer=NOTHING_GIVEN) -> Report:
    """Try a learner's function, and show what came out.

    It climbs: started? → signature → runs → shape and dtype → properties → values, and stops at
    the first rung that fails. The results are then compared with those of all known mistakes.
    Nothing the function does can stop the notebook: exceptions, endless loops, prints and changes
    of arguments are caught and told. "Visible checks passed" does not prove the function right.

    Args:
        exercise_id: the exercise's name, as in the lesson.
        answer: the learner's function.

    Returns:
        A `Report`; `.function` is the answer if it passed, else the kit's own function.
    """
    try:
        exercise = exercises.find(exercise_id)
        if answer is NOTHING_GIVEN:
            call = f'check("{exercise.id}", {exercise.id})'
            raise UserError(f"give it your function too, as in `{call}`.")
    except Exception as error:
        told = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        name = getattr(exercise_id, "__name__", str(exercise_id))
        report = Report(name, "?", "no check", answer, f"This check cannot run: {told}")
        report.show()
        return report
    report = examine(exercise, answer)
    if report.stage != "not started":
        note = progress.record_check(exercise.id, answer, report.passed, report.mistakes)
        if note:
            report = report.with_note(note)
    last[exercise.id] = answer, report
    report.show()
    return report


def examine(exercise: Exercise, answer) -> Report:
    """The report on an answer, neither shown nor recorded; never raises."""
    guard = Guard(answer, exercise.seconds, exercise.may_change_arguments)
    try:
        keras = import_keras()  # not within the answer's time, and never cut short
        if keras.backend.backend() == "jax":
            guard.allow(JAX_COMPILES * exercise.seconds)
        climb(exercise, answer, guard)
        return Report(exercise.id, exercise.title, "passed", answer, notes=notes(guard))
    except Failed as failed:
        stage, sentence, final = failed.stage, failed.sentence, failed.final
    except Exception as error:
        stage, final = "no check", True
        sentence = f"The check itself stopped with {type(error).__name__}: {error}."
    try:
        function = kits_own(exercise)
    except Exception:  # a broken exercise has none
        function = answer
    found = []
    if not final:
        try:
            found = fitting(exercise, guard)
        except Exception:  # the sentence of the ladder is left
            found = []
    hint = next((m.hint for m in found if m.hint), exercise.hints[0])
    return Report(
        exercise.id,
        exercise.title,
        stage,
        function,
        diagnosis=told(found) if found else sentence,
        seen=sentence if found else "",
        mistakes=tuple(m.name for m in found),
        hint=hint,
        notes=notes(guard),
    )


def told(mistakes):
    """The diagnosis; where several mistakes fit, all of them, for nothing tells which it is."""
    if len(mistakes) == 1:
        return mistakes[0].diagnosis
    all_told = " ".join(f"({i}) {m.diagnosis}" for i, m in enumerate(mistakes, 1))
    return f"{len(mistakes)} known mistakes give just these results, and it may be each: {all_told}"


def notes(guard):
    return ("It prints something; the check did not show it.",) if guard.printed else ()


def kits_own(exercise):
    """The kit's function, marked as such, so that it is known when it is checked by accident."""
    function = exercise.kit()
    if inspect.isclass(function):
        return function

    @functools.wraps(function)
    def kits(*arguments, **keywords):
        return function(*arguments, **keywords)

    kits.kits_own = exercise.id
    return kits


# -- The ladder ------------------------------------------------------------------------------------


def climb(exercise, answer, guard):
    """Raise `Failed` at the first rung that does not hold."""
    require_started(exercise, answer)
    require_signature(exercise, answer)
    results = [result_of(exercise, guard, index) for index in range(len(exercise.probes))]
    require_runs(exercise, results)
    wanted = results_of(exercise, exercise.kit())
    for index, (given, right) in enumerate(zip(results, wanted, strict=True)):
        fault = shape_fault(given, right, counted=exercise.observe is None)
        if fault:
            on = f" (for {described(exercise, index)})"
            raise Failed("shape and dtype", f"{fault}{on if len(results) > 1 else ''}")
    for rung in exercise.ladder:
        try:
            fault = broken(rung, guard)
        except Failed as failed:
            raise with_arguments(failed, exercise, guard.given) from failed
        if fault:
            raise Failed("properties", fault)
    if not exercise.stochastic:
        for index, (given, right) in enumerate(zip(results, wanted, strict=True)):
            if not same(given, right, exercise.tolerance):
                difference = value_fault(given, right, exercise.tolerance, exercise.observed)
                raise Failed("values", f"For {described(exercise, index)}, {difference}")
    library = exercise.library_functions()
    called = guard.calls(library, *exercise.arguments(0)) if library else []
    if called:
        raise Failed(
            "own work",
            f"The results are right, but they come from the kit's own `{called[0]}`, which your"
            " function calls. Write its steps yourself: what comes next builds on them.",
            True,
        )


def require_started(exercise, answer):
    if getattr(answer, "kits_own", None) == exercise.id:
        raise Failed(
            "not started",
            "This is the kit's own function, which an earlier check put in place. Run the cell with"
            " your function again, then this one. If that cell ends with an error, your function"
            " was not taken: mend the line that the error points at first.",
            True,
        )
    if answer is NOT_STARTED or has_empty_body(answer):
        raise Failed("not started", NOTHING_YET, True)


def has_empty_body(answer):
    code = getattr(answer, "__code__", None)
    if code is None or code.co_names:
        return False

    def empty():
        """Documented, as a stub is."""

    return code.co_code == empty.__code__.co_code and code.co_consts[-1] is None


def require_signature(exercise, answer):
    names = exercise.parameter_names()
    call = f"{exercise.id}({', '.join(names)})"
    if not callable(answer):
        raise Failed(
            "signature",
            f"This is {a_thing(answer)}, not a function: give `check` the function's name without"
            f' brackets, as in `check("{exercise.id}", {exercise.id})`.',
            True,
        )
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):  # some compiled functions do not tell
        return
    kinds = inspect.Parameter
    given = [
        p.name
        for p in signature.parameters.values()
        if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    fault = ""
    try:
        signature.bind(*names)
        signature.bind(**dict.fromkeys(names))
    except TypeError:
        fault = f"yours takes ({', '.join(signature.parameters)})"
    if not fault and given[: len(names)] != list(names)[: len(given)]:
        fault = f"yours takes them in the order ({', '.join(given)})"
    if fault:
        raise Failed("signature", f"The lesson calls `{call}`; {fault}.", True)


def require_runs(exercise, results):
    """Raise the first result that is a `Failed`; where others are none, with the arguments."""
    stopped = [index for index, result in enumerate(results) if isinstance(result, Failed)]
    if not stopped:
        return
    failed = results[stopped[0]]
    if len(stopped) < len(results):
        raise with_arguments(failed, exercise, exercise.arguments(stopped[0])) from failed
    raise failed


def with_arguments(failed, exercise, arguments):
    """The same failure with what it was called with, where it stopped and that is known."""
    sentence = failed.sentence
    if failed.stage == "runs" and not failed.final and arguments is not None:
        given = told_arguments(exercise.parameter_names(), arguments)
        sentence += f" It was called with {given}; with others it runs."
    return Failed(failed.stage, sentence, failed.final)


def broken(rung, guard):
    """What a property says of an answer: None, or a sentence."""
    try:
        return rung(guard)
    except Failed:
        raise
    except Exception as error:  # the property met a result that it does not know how to read
        return (
            f"A result could not be read ({type(error).__name__}: {' '.join(str(error).split())})."
        )


# -- Results ---------------------------------------------------------------------------------------


def result_of(exercise, guard, index):
    """What an answer gives on a probe: arrays, or a `Failed` where it stops with an exception."""
    arguments = exercise.arguments(index)
    try:
        if exercise.observe is None:
            return guard(*arguments)
        return guard.observed(exercise.observe, *arguments)
    except Failed as failed:
        if failed.final:
            raise
        return failed


@functools.cache
def results_of(exercise, function):
    """What a right or a catalogued wrong function gives on all probes."""
    guard = Guard(function, 60.0, may_change_arguments=True)
    return [result_of(exercise, guard, index) for index in range(len(exercise.probes))]


def same(given, right, tolerance):
    """Whether two results are equal, but for rounding; what is not finite is alike."""
    if isinstance(given, Failed) or isinstance(right, Failed):
        return (
            isinstance(given, Failed)
            and isinstance(right, Failed)
            and type(given.__cause__) is type(right.__cause__)
        )
    if isinstance(given, tuple) or isinstance(right, tuple):
        return (
            type(given) is type(right)
            and len(given) == len(right)
            and all(same(g, r, tolerance) for g, r in zip(given, right, strict=True))
        )
    if not is_array(given) or not is_array(right):
        return type(given) is type(right) and (is_opaque(given) or given == right)
    if np.shape(given) != np.shape(right):
        return False
    if given.dtype.kind not in "fiub" or right.dtype.kind not in "fiub":
        return np.array_equal(given, right)
    return bool(np.all(close(given, right, tolerance)))


def close(given, right, tolerance):
    given, right = np.asarray(given, "float64"), np.asarray(right, "float64")
    finite = np.abs(right[np.isfinite(right)])
    scale = max(finite.max(initial=0.0), 1e-3)
    near = np.isclose(given, right, rtol=tolerance, atol=tolerance * scale)
    return near | (~np.isfinite(given) & ~np.isfinite(right))


def is_opaque(value):
    """Models and the like, which `==` does not compare; an exercise's `observe` looks into them."""
    return type(value).__eq__ is object.__eq__


def shape_fault(given, right, counted=True):
    """What is wrong with the kind of a result, in a sentence; None if nothing is.

    Args:
        given, right: the result, and the expected one.
        counted: whether to say which value of a tuple it is.
    """
    if given is None and right is not None:
        return "It returns None: did you forget `return`?"
    if isinstance(right, tuple):
        if not isinstance(given, tuple):
            names = ", ".join("abcdefgh"[: len(right)])
            return f"It returns {a_thing(given)}; wanted are {len(right)} values: `return {names}`."
        if len(given) != len(right):
            return f"It returns {len(given)} values; wanted are {len(right)}."
        for place, (g, r) in enumerate(zip(given, right, strict=True), 1):
            if fault := shape_fault(g, r):
                return f"Value {place} of {len(right)}: {fault}" if counted else fault
        return None
    if not is_array(right):
        if isinstance(given, type(right)) or isinstance(right, type(given)):
            return None
        return f"It returns {a_thing(given)}; wanted is {a_thing(right)}."
    if isinstance(given, list):
        return "It returns a list: the lesson needs an array, `np.array(...)` makes one of it."
    if not is_array(given):
        return f"It returns {a_thing(given)}; wanted is {a_thing(right)}."
    if np.shape(given) != np.shape(right):
        if not np.ndim(given):
            return f"Its result is a single number; wanted is an array of shape {shape(right)}."
        wanted = shape(right) if np.ndim(right) else "a single number"
        return f"Its result has shape {shape(given)}; wanted is {wanted}."
    kind = {"f": "f", "i": "i", "u": "i", "b": "b"}
    kinds = kind.get(given.dtype.kind), kind.get(right.dtype.kind)
    if np.ndim(right) == 0 and kinds == ("i", "f"):
        return None  # as 1 from min(1, …): any sum goes on with it as with 1.0
    if np.ndim(right) == 0 and kinds == ("f", "i"):
        digits = 1 if float(given).is_integer() else 3
        return (
            f"Its result is a decimal number, {given:.{digits}f}; wanted is a whole one: `//` and"
            " `int(...)` round down to one, `math.ceil(...)` rounds up."
        )
    if kinds[0] != kinds[1]:
        return f"Its result holds {numbers(given)}; wanted are {numbers(right)}."
    return None


def value_fault(given, right, tolerance, names=()):
    """Where two results of one shape differ, in half a sentence; `names` are those of a tuple."""
    if isinstance(right, tuple):
        for place, (g, r) in enumerate(zip(given, right, strict=True)):
            if not same(g, r, tolerance):
                name = names[place] if names else f"value {place + 1} of the result"
                return f"{name} differs: {value_fault(g, r, tolerance)}"
    if not is_array(right):
        return f"your result is {given!r}; expected is {right!r}."
    if not np.all(np.isfinite(given)):
        return (
            "your result is not a finite number."
            if np.ndim(given) == 0
            else ("not all numbers of your result are finite.")
        )
    if np.ndim(right) == 0:
        return f"your result is {number(given)}; expected is {number(right)}."
    wrong = ~close(given, right, tolerance)
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    index = ", ".join(map(str, first))
    share = f"{np.count_nonzero(wrong)} of {wrong.size} numbers differ"
    return (
        f"{share}: the one at [{index}] is {number(given[first])}; expected is"
        f" {number(right[first])}."
    )


# -- Words -----------------------------------------------------------------------------------------


def described(exercise, index):
    """The arguments of a probe."""
    return told_arguments(exercise.parameter_names(), exercise.arguments(index))


def told_arguments(names, arguments):
    """Arguments by name: numbers as they are, arrays by their shape."""
    return ", ".join(
        f"`{name}` of shape {shape(value)}"
        if is_array(value) and np.ndim(value)
        else f"`{name}` = {value!r}"
        if isinstance(value, str)
        else f"`{name}` = {value}"
        if isinstance(value, (bool, int, float, np.generic, type(None)))
        else f"`{name}` ({a_thing(value)})"
        for name, value in zip(names, arguments, strict=False)
    )


def number(value):
    value = value.item()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def numbers(array):
    words = {"f": "decimal numbers", "i": "whole numbers", "u": "whole numbers", "b": "True/False"}
    return f"{words.get(array.dtype.kind, 'things')} (dtype {array.dtype})"


# -- Known mistakes --------------------------------------------------------------------------------


def fitting(exercise, guard):
    """The known mistakes that give what the answer gives.

    On every probe; failing that, on all those where the answer's result is finite, so that a
    mistake is known although the function also overflows.
    """
    if exercise.diagnose is not None:
        names = set(exercise.diagnose(guard))
        return [m for m in exercise.mistakes if m.name in names]
    if exercise.stochastic:
        pattern = broken_rungs(exercise, guard)
        return [m for m in exercise.mistakes if rungs_of(exercise, m.answer) == pattern]
    given = [result_of(exercise, guard, index) for index in range(len(exercise.probes))]
    fits = [m for m in exercise.mistakes if fits_on(exercise, m, given, range(len(given)))]
    if fits:
        return fits
    finite = [index for index, result in enumerate(given) if is_finite(result)]
    right = results_of(exercise, exercise.kit())
    telling = [i for i in finite if not same(given[i], right[i], exercise.tolerance)]
    if len(telling) < 2:
        return []
    return [m for m in exercise.mistakes if fits_on(exercise, m, given, finite)]


def fits_on(exercise, mistake, given, indices):
    known = results_of(exercise, mistake.answer)
    return all(same(given[index], known[index], exercise.tolerance) for index in indices)


def is_finite(result):
    if isinstance(result, tuple):
        return all(map(is_finite, result))
    numeric = is_array(result) and result.dtype.kind in "fiub"
    return bool(numeric and np.all(np.isfinite(result)))


def broken_rungs(exercise, guard):
    """Which properties an answer breaks, and how its results look: what tells random ones apart."""
    pattern = []
    for index in range(len(exercise.probes)):
        result = result_of(exercise, guard, index)
        failed = isinstance(result, Failed)
        wanted = results_of(exercise, exercise.kit())[index]
        pattern.append("failed" if failed else shape_fault(result, wanted))
    for rung in exercise.ladder:
        try:
            pattern.append(broken(rung, guard) is not None)
        except Failed:
            pattern.append("failed")
    return tuple(pattern)


@functools.cache
def rungs_of(exercise, function):
    return broken_rungs(exercise, Guard(function, 60.0, may_change_arguments=True))

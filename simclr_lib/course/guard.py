"""Call a learner's function so that nothing it does can harm the lesson, and tell what it did."""

import contextlib
import copy
import inspect
import io
import linecache
import random
import re
import sys
import time
import warnings

import numpy as np

from simclr_lib.course.exercise import NOT_STARTED
from simclr_lib.course.time_limit import TimeIsUp, time_limit

NOTHING_YET = "There is no answer yet: write it in place of `return NOT_STARTED`."


class Failed(Exception):
    """A rung of the ladder that does not hold.

    Attributes:
        stage: which rung.
        sentence: what the learner reads.
        final: the sentence says it all; no known mistake need be looked for.
    """

    def __init__(self, stage, sentence, final=False):
        super().__init__(sentence)
        self.stage, self.sentence, self.final = stage, sentence, final


class Guard:
    """A learner's function, made safe to call.

    It works on copies of its arguments, prints to nowhere, leaves the random numbers of Python
    and NumPy as they were, and is stopped when its time is up. Results come back as NumPy arrays
    where they are arrays of any kind. What goes wrong in it is raised as `Failed`.

    Args:
        answer: the learner's function.
        seconds: how long it may compute, all calls together.
        may_change_arguments: False makes a change of an argument in place a failure.

    Attributes:
        printed: whether it printed anything.
        given: the arguments of the last call, as far as they have a place; None where a property
            called the answer by itself.
    """

    def __init__(self, answer, seconds=10.0, may_change_arguments=False):
        self.answer = answer
        self.may_change_arguments = may_change_arguments
        self.printed, self.given = False, None
        self.allow(seconds)

    def allow(self, seconds):
        """Set how long the answer may compute, all calls from now on together."""
        self.seconds = self.seconds_left = seconds

    def __call__(self, *arguments, **keywords):
        self.given = arguments
        return self.guarded(self.answer, *arguments, **keywords)

    def observed(self, observe, *arguments):
        """What `observe(result, *arguments)` sees of a call, guarded as the call is."""

        def call_and_look(*given):
            result = self.answer(*given)
            if result is NOT_STARTED or (result is None and not self.may_change_arguments):
                return result
            try:
                return observe(result, *given)
            except Failed:
                raise
            except Exception as error:
                if line_of(error, self.answer):  # from a layer or function of the learner's own
                    raise
                what = " ".join(f"{type(error).__name__}: {error}".split())
                raise Failed(
                    "shape and dtype",
                    f"It returns {a_thing(result)} that cannot be used as the lesson does"
                    f" ({what[:200]}).",
                ) from error

        return self.run(call_and_look, *arguments)

    def run(self, function, *arguments, **keywords):
        """Call another function, one that uses the answer (`.answer`), with the same guard."""
        self.given = None
        return self.guarded(function, *arguments, **keywords)

    def guarded(self, function, *arguments, **keywords):
        """Call a function with all that a guard does."""
        given = copies((arguments, keywords))
        began = time.monotonic()
        paper = io.StringIO()
        try:
            with undisturbed(paper), time_limit(self.seconds_left):
                result = function(*given[0], **given[1])
                if inspect.isgenerator(result) or inspect.iscoroutine(result):
                    word = "yield" if inspect.isgenerator(result) else "async"
                    raise Failed("runs", f"It uses `{word}`: return the result instead.", True)
        except Failed:
            raise
        except TimeIsUp as error:
            raise Failed("runs", self._too_slow(error), True) from None
        except KeyboardInterrupt:
            raise Failed("runs", "You stopped it before it had finished.", True) from None
        except NotImplementedError as error:
            raise Failed("not started", NOTHING_YET, True) from error
        except BaseException as error:  # `exit()` too
            raise Failed("runs", explain(error, self.answer)) from error
        finally:
            self.seconds_left -= time.monotonic() - began
            self.printed |= bool(paper.getvalue().strip())
        if result is NOT_STARTED:
            raise Failed("not started", NOTHING_YET, True)
        if not self.may_change_arguments:
            self._require_unchanged(arguments, keywords, *given)
        return plain(result)

    def calls(self, functions, *arguments):
        """Names of those of `functions` that the answer calls, under whatever name it knows them.

        To be asked last: the answer has ended with these arguments before, so it needs no limit.
        """
        watched = {id(code_of(function)): function.__name__ for function in functions}
        called = set()

        def note(frame, event, _argument):
            if event == "call" and id(frame.f_code) in watched:
                called.add(watched[id(frame.f_code)])

        outer = sys.getprofile()
        with undisturbed(io.StringIO()), contextlib.suppress(Exception):
            sys.setprofile(note)
            try:
                self.answer(*copies(arguments))
            finally:
                sys.setprofile(outer)
        return sorted(called)

    def _too_slow(self, error):
        line = line_of(error, self.answer)
        at = f" It was at the line `{line}`." if line else ""
        return (
            f"It had not finished after {self.seconds:g} seconds, so it was stopped.{at}"
            " Is there a loop that never ends?"
        )

    def _require_unchanged(self, arguments, keywords, arguments_after, keywords_after):
        names = list(inspect.signature(self.answer).parameters)
        before, after = (
            [*arguments, *keywords.values()],
            [*arguments_after, *keywords_after.values()],
        )
        names = [*names[: len(arguments)], *keywords]
        for name, old, new in zip(names, before, after, strict=False):
            if not unchanged(old, new):
                raise Failed(
                    "runs",
                    f"It changes its argument `{name}` in place, so the caller's own numbers would"
                    f" change too. Work on a copy, as in `{name} = {name} / 2` rather than"
                    f" `{name} /= 2`.",
                    True,
                )


@contextlib.contextmanager
def undisturbed(paper):
    """Hold back what is printed and warned, and put the random numbers back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with (
            contextlib.redirect_stdout(paper),
            contextlib.redirect_stderr(paper),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def code_of(function):
    """The code that runs when a function, or a class, is called."""
    function = inspect.unwrap(function)
    function = function.__init__ if inspect.isclass(function) else function
    return getattr(function, "__code__", None)


def copies(value):
    """The same arguments with arrays of their own; models and the like are passed as they are."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: copies(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(copies(item) for item in value)
    return copy.deepcopy(value) if isinstance(value, np.random.Generator) else value


def unchanged(old, new):
    if isinstance(old, np.ndarray):
        number = old.dtype.kind in "fc"
        return old.shape == new.shape and np.array_equal(old, new, equal_nan=number)
    if type(old) in (list, tuple):
        return len(old) == len(new) and all(map(unchanged, old, new))
    if isinstance(old, dict):
        return old.keys() == new.keys() and all(unchanged(old[key], new[key]) for key in old)
    return True


def plain(result):
    """NumPy's version of numbers and of anyone's arrays; anything else as it is."""
    if isinstance(result, tuple):
        return tuple(map(plain, result))
    if isinstance(result, (bool, int, float, complex, np.generic)):
        return np.asarray(result)[()]
    if callable(result) or not hasattr(result, "__array__"):
        return result
    try:
        if hasattr(result, "detach"):  # PyTorch
            result = result.detach().cpu()
        if "bfloat16" in str(getattr(result, "dtype", "")):  # which NumPy does not know
            from keras import ops

            result = ops.cast(result, "float32")
        return np.asarray(result)[()]
    except Exception:  # such as a symbolic tensor, which has no numbers
        return result


def is_array(value):
    return isinstance(value, (np.ndarray, np.generic))


def a_thing(value):
    """A value by its kind."""
    if value is None:
        return "None"
    if is_array(value):
        return f"an array of shape {shape(value)}" if np.ndim(value) else "a single number"
    if inspect.isfunction(value):
        return "a function"
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def shape(value):
    return str(tuple(int(n) for n in np.shape(value)))


# -- What went wrong, in a sentence ----------------------------------------------------------------

# (exception, pattern in its message, what to do); the first that fits is said.
ADVICE = [
    (Exception, r"NotStarted", "A function that it uses is not started yet: do that one first."),
    (
        UnboundLocalError,
        r"",
        "Within the function it is used in a line above the one that gives it a value.",
    ),
    (
        Exception,
        r"KerasTensor cannot be used as a bool|Only input tensors may be passed|`data_format` arg",
        "A layer is made first and then called on a tensor, with two pairs of brackets:"
        " `layers.ReLU()(x)`.",
    ),
    (
        Exception,
        r"KerasTensor\b(?!.*is not callable)",
        "A KerasTensor has a shape and no numbers yet: give it to layers and to functions of"
        " `keras.ops`, not to NumPy's.",
    ),
    (
        ValueError,
        r"Cannot convert .* to a shape",
        "A shape is a tuple, even of one number: `keras.Input((6,))`, with the comma.",
    ),
    (
        ValueError,
        r"could not broadcast input array",
        "The array on the left was made with another shape: make it with the result's.",
    ),
    (
        TypeError,
        r"only (0-dimensional|length-1|size-1) arrays",
        "`math` reckons with single numbers: NumPy has the same functions for arrays, as `np.exp`.",
    ),
    (
        TypeError,
        r"unsupported operand .*'(range|list)'|can't multiply sequence",
        "Lists and ranges do not reckon number by number: make an array, as with `np.arange`.",
    ),
    (
        TypeError,
        r"'(range|list)' object cannot be interpreted as an integer",
        "Several axes are given as a tuple: `axis=tuple(range(...))`.",
    ),
    (NameError, r"", "Is the name spelled right, and has the cell that defines it been run?"),
    (
        ValueError,
        r"No gradients provided",
        "The tape saw no way from the weights to the loss: compute all of it, from the encoder on,"
        " within `with tf.GradientTape() as tape:`, and make no NumPy array on the way.",
    ),
    (
        ValueError,
        r"Unknown variable",
        "The optimiser knows the weights that are trained, `.trainable_variables`; BatchNorm's"
        " statistics are none of them.",
    ),
    (Exception, r"ways to split", "Is it the right axis? The pictures are counted along axis 0."),
    (
        ValueError,
        r"inhomogeneous",
        "Pieces of different lengths make no array: `np.concatenate` puts one below the other.",
    ),
    (
        ValueError,
        r"matmul|broadcast|shapes|align|dimension|Incompatible|size",
        "The shapes do not fit: write `print(a.shape, b.shape)` into the line before it and run"
        " your function on a small array.",
    ),
    (
        ValueError,
        r"truth value",
        "It asks `if`, `and` or `or` of a whole array: ask `np.all(…)` or `np.any(…)` of it, use"
        " `np.where`, compare single numbers, or write `(…) & (…)` for `and`.",
    ),
    (
        Exception,
        r"object is not callable",
        "Round brackets call a function; an element of an array takes square ones.",
    ),
    (
        TypeError,
        r"missing \d+ required|takes \d+ positional|unexpected keyword",
        "Count the arguments of the call in that line.",
    ),
    (
        TypeError,
        r"too many positional",
        "A layer that joins tensors takes them as one list: `layers.Add()([x, y])`.",
    ),
    (
        TypeError,
        r"Cannot interpret .* as a data type",
        "A shape has brackets of its own, as in `np.zeros((rows, columns))`.",
    ),
    (
        TypeError,
        r"Cannot cast ufunc",
        "An array of whole numbers cannot take decimal numbers in: write `a = a / b` rather than"
        " `a /= b`.",
    ),
    (
        TypeError,
        r"'NoneType' object",
        "Something in this line is None: a call that works in place, as `shuffle` and `sort` do,"
        " returns nothing.",
    ),
    (
        (TypeError, IndexError),
        r"integer",
        "A decimal number stands where a whole one is needed: `/` gives a decimal number even"
        " where it leaves no rest, `//` a whole one.",
    ),
    (
        AttributeError,
        r"EagerTensor|ArrayImpl|Tensor",
        "A framework's array lacks some of NumPy's methods: use a function of `keras.ops` instead,"
        " or `np.asarray` first.",
    ),
    (AttributeError, r"", "Look for a spelling mistake in the name after the dot."),
    (IndexError, r"", "An index is past the end: indices go from 0 to the length minus 1."),
    (ZeroDivisionError, r"", "Print what it divides by."),
    (RecursionError, r"", "The function calls itself without end."),
    (ImportError, r"", "Is the package's name spelled right?"),
    (MemoryError, r"", "An array is far too large: is there one axis too many in a broadcast?"),
    (
        Exception,
        r"same dtype|dtype|expected to be a \w+ tensor|data type",
        "Numbers of two types meet: convert one, for instance with `keras.ops.cast`.",
    ),
    (
        Exception,
        r"shape|Matrix size-incompatible|Dimensions must be equal",
        "The shapes do not fit: write `print(a.shape, b.shape)` into the line before it and run"
        " your function on a small array.",
    ),
    (SystemExit, r"", "Leave out `exit()`: it would end the notebook's Python."),
]


def explain(error, answer):
    """What a learner's function raised: where, what, and for common errors what to do."""
    line = line_of(error, answer)
    what = "" if isinstance(error, SystemExit) else " ".join(str(error).split())
    what = re.sub(r"\x1b\[[0-9;]*m", "", what)  # Keras makes some words bold
    what = re.sub(r"<tf\.Tensor.*?>|\{\{function_node.*?\}\}\s*", "", what)
    what = f"{what[:200]}…" if len(what) > 200 else what
    where = f"in the line `{line}`" if line else "while it ran"
    told = f"It stopped {where} with {type(error).__name__}{f': {what}' if what else ''}"
    told += "" if told.endswith((".", "!", "?", "…")) else "."
    for kind, pattern, advice in ADVICE:
        if isinstance(error, kind) and re.search(pattern, what):
            return f"{told} {advice}"
    return told


def line_of(error, answer):
    """The line of the learner's own code that an exception came from; "" where it is not known."""
    code = code_of(answer)
    if code is None:
        return ""
    line, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == code.co_filename:
            line = linecache.getline(code.co_filename, trace.tb_lineno).strip() or line
        trace = trace.tb_next
    return line

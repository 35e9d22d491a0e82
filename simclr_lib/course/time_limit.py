"""A time limit for code that someone else wrote."""

import contextlib
import ctypes
import signal
import sys
import threading
import time


class TimeIsUp(BaseException):
    """The time is up. Not an `Exception`: `except Exception` in a learner's loop lets it pass."""


AGAIN = 0.2  # seconds until it is raised again where a bare `except:` has swallowed it


@contextlib.contextmanager
def time_limit(seconds):
    """Raise `TimeIsUp` in the code within once `seconds` are over.

    On the main thread of a system with interval timers it interrupts sleeping and waiting too.
    Elsewhere (Windows, other threads) it interrupts Python code, but not a sleep. A single long
    operation of a compiled library ends before either takes effect.
    """
    on_main_thread = threading.current_thread() is threading.main_thread()
    clock = _alarm if on_main_thread and hasattr(signal, "setitimer") else _watcher
    begin, end = clock(seconds, caller=sys._getframe(2))
    begin()
    try:
        try:
            yield
        finally:
            end()
    finally:
        end()  # again: the time may have run out within the first `end`, and cut it short


def _alarm(seconds, caller):
    outer_tracer = sys.gettrace()
    rung = 0

    def ring(_number, frame):
        nonlocal rung
        rung += 1
        if rung > 1:  # the first was swallowed
            _raise_outside_try(frame, caller)
        raise TimeIsUp

    def begin():
        nonlocal outer_handler, outer_timer
        outer_handler = signal.signal(signal.SIGALRM, ring)
        outer_timer = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01), AGAIN)

    def end():
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, outer_handler)
        if sys.gettrace() is not outer_tracer:
            sys.settrace(outer_tracer)
        if outer_timer[0]:  # someone else's, such as a test's: it rings a little later
            signal.setitimer(signal.ITIMER_REAL, *outer_timer)

    outer_handler, outer_timer = signal.SIG_DFL, (0.0, 0.0)
    return begin, end


def _raise_outside_try(frame, caller):
    """Let the next line after the exception raise it again.

    That line is the first in the handler that swallows it, and so no longer within its `try`.
    """
    seen = False

    def trace(_frame, event, _argument):
        nonlocal seen
        if event == "exception":
            seen = True
        elif event == "line" and seen:
            raise TimeIsUp
        return trace

    while frame is not None and frame is not caller:
        frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(trace)


def _watcher(seconds, **_):
    thread = threading.get_ident()
    done = threading.Event()

    def watch():
        wait = seconds
        while not done.wait(wait):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread), ctypes.py_object(TimeIsUp)
            )
            wait = AGAIN

    watcher = threading.Thread(target=watch, daemon=True)

    def end():
        done.set()
        watcher.join()
        with contextlib.suppress(TimeIsUp):  # one that was sent but not yet raised is raised here
            for _ in range(3):
                time.sleep(0)

    return watcher.start, end

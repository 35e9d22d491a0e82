"""Code that does not end is stopped, on the main thread and on others."""

import signal
import threading
import time

import pytest

from simclr_lib.course import time_limit as module
from simclr_lib.course.time_limit import TimeIsUp, time_limit


def loop():
    while True:
        pass


def loop_that_catches_exceptions():
    while True:
        try:
            raise ValueError
        except Exception:
            pass


def loop_that_catches_everything():
    count = 0
    while True:
        try:  # noqa: SIM105
            count += 1
        except:  # noqa: E722
            pass


def sleep_that_catches_everything():
    while True:
        try:  # noqa: SIM105
            time.sleep(0.05)
        except:  # noqa: E722
            pass


def sleep():
    time.sleep(60)


def stopped_after(function, seconds=0.1):
    began = time.monotonic()
    with pytest.raises(TimeIsUp), time_limit(seconds):
        function()
    return time.monotonic() - began


@pytest.mark.parametrize(
    "function",
    [
        loop,
        loop_that_catches_exceptions,
        loop_that_catches_everything,
        sleep,
        sleep_that_catches_everything,
    ],
)
def test_what_does_not_end_is_stopped(function):
    assert stopped_after(function) < 5


def in_thread(function):
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(function()), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return outcome[0]


@pytest.mark.parametrize("function", [loop, loop_that_catches_exceptions])
def test_a_loop_on_another_thread_is_stopped(function):
    assert in_thread(lambda: stopped_after(function)) < 10


def test_without_interval_timers_a_loop_is_stopped(monkeypatch):
    monkeypatch.delattr(signal, "setitimer")  # as on Windows
    assert stopped_after(loop) < 10


@pytest.mark.parametrize("clock", ["alarm", "watcher"])
def test_nothing_is_left_behind(clock, monkeypatch):
    if clock == "watcher":
        monkeypatch.delattr(signal, "setitimer")
    handler, threads = signal.getsignal(signal.SIGALRM), threading.active_count()
    stopped_after(loop)
    with time_limit(0.1):
        pass
    assert signal.getsignal(signal.SIGALRM) is handler
    assert threading.active_count() == threads
    time.sleep(0.4)  # past the time: nothing more rings


def test_an_earlier_timer_goes_on():
    rung = []
    outer = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with time_limit(5):
            pass
        time.sleep(0.4)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, outer)
    assert rung == [1]


def test_what_ends_in_time_is_left_alone():
    with time_limit(5):
        value = sum(range(1000))
    assert value == 499500
    assert module.AGAIN < 1

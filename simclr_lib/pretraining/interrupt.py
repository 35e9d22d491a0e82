"""A Ctrl-C that is not lost.

Keras turns the numbers of a step into Python's under an `except` that also takes an interrupt
(`pythonify_logs`), and waiting for these numbers is where a training on JAX spends its time: most
interrupts fell in there, and the training went on.
"""

import signal
import threading


class Interrupts:
    """Remembers, within `with`, whether Ctrl-C was pressed; it also does what it always does."""

    def __enter__(self):
        self.pressed, self.before = False, None
        # Signals reach the main thread alone; whoever has turned Ctrl-C off has not asked for it.
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                self.before = handler
                signal.signal(signal.SIGINT, self.press)
        return self

    def press(self, number, frame):
        self.pressed = True
        self.before(number, frame)

    def __exit__(self, *exception):
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)

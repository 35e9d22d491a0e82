"""What every measured process does: get ready, then measure whenever it is asked to.

Imports nothing but the standard library: it runs in the peers' environment as well as in the kit's.
"""

import ctypes
import json
import os
import sys
import time


def serve(prepare):
    """Answer each line on stdin with one measurement, as a line of JSON, until stdin ends.

    Args:
        prepare: function of the settings (keywords, from the command line's JSON). It loads,
            compiles and warms up, and gives a function that measures once and gives a dict.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    measure = prepare(**json.loads(sys.argv[-1]))
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(measure()), file=answers, flush=True)


def repeat(call, seconds):
    """Call for about that long: seconds a call."""
    began, calls = time.perf_counter(), 0
    while True:
        call()
        calls += 1
        elapsed = time.perf_counter() - began
        if elapsed >= seconds:
            return elapsed / calls


class HighWater:
    """The most memory that this process held since `start`, beyond what it held then."""

    def start(self):
        try:
            with open("/proc/self/clear_refs", "w") as file:  # on Linux alone
                # What malloc keeps of earlier work, the kit's side more than others, is not "held".
                getattr(ctypes.CDLL(None), "malloc_trim", int)(0)
                file.write("5")  # the high-water mark starts anew
            self.before = self.read("VmRSS")
        except OSError:
            self.before = None

    def megabytes(self):
        """In MB (10⁶ bytes); None where the system does not tell."""
        return None if self.before is None else (self.read("VmHWM") - self.before) / 1e6

    @staticmethod
    def read(name):
        with open("/proc/self/status") as file:
            line = next(line for line in file if line.startswith(name))
        return int(line.split()[1]) * 1024

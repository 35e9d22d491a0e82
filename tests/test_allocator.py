"""malloc keeps what a step frees, and gives it back when asked."""

import subprocess
import sys

import pytest

from simclr_lib import allocator

pytestmark = pytest.mark.skipif(not allocator.has("mallopt"), reason="another malloc than glibc's")

# Each in a process of its own: malloc's settings hold for the whole of it.
STEPS = """
import resource, sys
import numpy as np
{prepare}
def step():
    return [np.ones(2**20) for _ in range(12)]  # 100 MB
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
GIVE_BACK = """
import numpy as np, psutil
from simclr_lib import allocator
allocator.keep_freed_memory()
def resident():
    return psutil.Process().memory_info().rss / 1e6
before = resident()
arrays = [np.ones(2**20) for _ in range(12)]
kept_alive = np.ones(2**20)  # lies above them
del arrays
kept = resident() - before
allocator.give_back_freed_memory()
print(kept, resident() - before)
"""


def printed(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


def test_a_step_takes_up_the_pages_that_the_last_one_freed():
    (plain,) = printed(STEPS.format(prepare=""))
    (kept,) = printed(
        STEPS.format(prepare="from simclr_lib.quiet import import_keras; import_keras()")
    )
    assert kept < plain / 10


def test_a_training_gives_back_what_it_no_longer_uses():
    kept, after = printed(GIVE_BACK)
    assert kept > 90
    assert after < 30

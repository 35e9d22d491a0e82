"""What one training step frees stays with the process for the next, where malloc is glibc's.

TensorFlow asks malloc for every array of a step anew. By default glibc takes large ones from the
system and gives them back at once, and the system clears each page again before it hands it out:
gigabytes a step, up to half of the processor's time. Elsewhere these functions do nothing.
"""

import ctypes
import sys

# From glibc's malloc.h; `man mallopt` tells what each does.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
LARGE = 32 * 2**20  # bytes, the most that glibc takes: whole data sets still go back at once


def keep_freed_memory():
    """Ask malloc to keep what is freed, in one pool for all threads, for what is asked for next."""
    if has("mallopt"):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(ARENA_MAX, 1)
        mallopt(MMAP_THRESHOLD, LARGE)
        mallopt(TRIM_THRESHOLD, -1)  # never
        mallopt(TOP_PAD, 64 * 2**20)


def give_back_freed_memory():
    """Give what is kept and not in use back to the system: after a training, for example."""
    if has("malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)


def has(function):
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), function)

"""Import Keras without the start-up lines that TensorFlow writes, and with memory set up for it."""

import contextlib
import logging
import os
import sys
import tempfile

from simclr_lib.allocator import keep_freed_memory


def import_keras():
    """Import Keras and its backend, and run a first operation, with stderr held back.

    TensorFlow's C++ side logs to file descriptor 2 before any of its settings are read, so the
    descriptor itself is turned away for that moment. When something fails, what was held back is
    shown, and the exception passes. Before that malloc is told to keep what a step frees: the
    threads that compute start with the import.

    Returns:
        The `keras` module.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    keep_freed_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Evaluating several encoders compiles several functions: no reason for a warning.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            import keras

            keras.ops.convert_to_numpy(keras.ops.ones(1) + 1)
            if keras.backend.backend() == "tensorflow":
                # In a notebook its logger has just set itself to tell everything.
                sys.modules["tensorflow"].get_logger().setLevel(logging.ERROR)
        except Exception:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    return keras


@contextlib.contextmanager
def without_tensorflow():
    """For this moment, a TensorFlow that is not imported yet is not to be found.

    When Keras saves a model it asks of each object whether it is one of TensorFlow's, and on any
    backend imports an installed TensorFlow for that: seconds, and its start-up lines. What can't be
    imported made no object. (Keras remembers the answer for the rest of the process.)
    """
    if "tensorflow" in sys.modules:
        yield
        return
    sys.modules["tensorflow"] = None  # Python's own way to say: do not look for it
    try:
        yield
    finally:
        del sys.modules["tensorflow"]

"""A pytest plugin for the process in which nbval runs a notebook: it writes down all outputs.

Kernels are started as they are outside pytest, so that what C++ code writes to stderr is seen.
"""

import json
import os
from pathlib import Path

import nbval.kernel

kept = []
start_new_kernel = nbval.kernel.start_new_kernel


def start_as_usual(**options):
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    return start_new_kernel(env=environment, **options)


nbval.kernel.start_new_kernel = start_as_usual


def pytest_runtest_teardown(item):
    kept.append({"id": item.cell.id, "outputs": item.test_outputs or []})


def pytest_sessionfinish():
    Path(os.environ["KEPT_OUTPUTS"]).write_text(json.dumps(kept))

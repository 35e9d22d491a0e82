"""A notebook that takes a moment, runs that are done, and the command, for the tests of sweeps."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

SIMCLR = Path(sys.executable).with_name("simclr")

# Real runs take half a minute of a core each: all of them only where somebody asks for it.
AN_HOUR = pytest.mark.skipif("SIMCLR_LONG_TESTS" not in os.environ, reason="SIMCLR_LONG_TESTS=1")

PARAMETERS = """\
temperature: float = 0.2
batch_size: int = 64
epochs: int = 1
seed: int = 0
run_dir: str = ""
"""

# What a sweep expects of a notebook: a results.json in run_dir. It can be told to fail by a file
# in the sweep folder, and takes as long as another one says.
ROAD = """\
import json, time
from pathlib import Path

folder = Path(run_dir)
orders = folder.parents[1]
seconds = orders / "seconds"
time.sleep(float(seconds.read_text()) if seconds.exists() else 0)
if (orders / "broken").exists() and temperature > 1:
    raise ValueError(f"a temperature of {temperature}\\nis too hot")
"""
RESULTS = """\
share = round((seed + 1) * temperature / 10 + batch_size / 1000, 4)
results = {"accuracies": {"SimCLR": {"linear": share, "knn": share / 2}}, "training_minutes": 0.1}
partial = folder / "results.partial"
partial.write_text(json.dumps(results))
partial.replace(folder / "results.json")
"""


def notebook_of(*cells, parameters=PARAMETERS):
    """A notebook with a `parameters` cell, unless that is None, and other cells of code."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "", "language": "python"}
    }
    if parameters is not None:
        metadata = {"tags": ["parameters"]}
        notebook.cells.append(nbformat.v4.new_code_cell(parameters, metadata=metadata))
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    return nbformat.writes(notebook)


def write_spec(folder, text):
    """Write a spec; the notebook that takes no time lies beside it."""
    (folder / "light.ipynb").write_text(notebook_of(ROAD, RESULTS))
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


# A system's own start of every Python process below it: it dies at a named write, once for each
# order in a folder: "before done.json" or "after done.json".
KILLER = """\
import os, signal

replace_for_real = os.replace

def replace(source, target, **more):
    name = os.path.basename(target)
    die_if_asked(f"before {name}")
    answer = replace_for_real(source, target, **more)
    die_if_asked(f"after {name}")
    return answer

def die_if_asked(moment):
    try:
        os.unlink(os.path.join(os.environ["KILL_ORDERS"], moment))
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)

os.replace = replace
"""


def killing(folder, moments):
    """An environment in which each moment, such as "before done.json", is some process' last."""
    orders, start = folder / "orders", folder / "start"
    for path in (orders, start):
        path.mkdir(exist_ok=True)
    for moment in moments:
        (orders / moment).touch()
    (start / "sitecustomize.py").write_text(KILLER)
    paths = os.pathsep.join(filter(None, [str(start), os.environ.get("PYTHONPATH")]))
    return os.environ | {"KILL_ORDERS": str(orders), "PYTHONPATH": paths}


LIGHT = """\
title: A light sweep
recipe: smoke
notebook: light.ipynb
grid:
  temperature: [0.2, 2]
  batch_size: [32, 64]
"""


def finish_run(folder, run, accuracy):
    files = folder.files(run)
    files.path.mkdir(parents=True)
    files.starts.write_text("now\n")
    accuracies = {
        "SimCLR": {"linear": accuracy, "knn": accuracy - 0.05},
        "random encoder": {"linear": 0.26, "knn": 0.2},
        "raw pixels": {"linear": 0.11, "knn": 0.1},
    }
    record = {
        "key": run.key,
        "wall_seconds": 90.0,
        "processor_seconds": 170.0,
        "starts": 1,
        "accuracies": accuracies,
        "training_minutes": 1.2,
        "warnings": [],
        "data": {"name": "shapes", "class_names": list("abcdefghij")},
        "precision": "float32",
        "backend": "tensorflow",
        "versions": {"python": "3.11", "keras": "3"},
        "machine": {"processor": "a", "cores": 2, "memory_gb": 8.0, "system": "Linux x86_64"},
    }
    files.write(files.done, record)


def sweep(*words, cwd, check=True, **options):
    """Run `simclr sweep` to its end."""
    answer = subprocess.run(
        [SIMCLR, "sweep", *map(str, words)], cwd=cwd, capture_output=True, text=True, **options
    )
    assert not check or answer.returncode == 0, answer.stdout + answer.stderr
    return answer


def states(out):
    """The states of a sweep's runs, as its table tells them."""
    with (out / "table.csv").open() as file:
        return [row["state"] for row in csv.DictReader(file)]


def table(out):
    """What the done-files of a sweep folder hold, but for times: `{key: accuracies}`."""
    found = {}
    for path in sorted(Path(out).glob("runs/*/done.json")):
        found[path.parent.name] = json.loads(path.read_text())["accuracies"]
    return found


def processes_of(out):
    """Processes, of a run or a kernel, that work in a sweep folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if "simclr_lib.sweeps" not in " ".join(process.cmdline()):
                continue
            files = [file.path for file in process.open_files()]
            if any(path.startswith(str(out)) for path in files):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for(happened, seconds=120):
    """Wait until `happened()`, and give what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)
    return found

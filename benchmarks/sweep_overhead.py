"""Measure what a sweep adds to a run: a process, a kernel, TensorFlow's import, a notebook.

    .venv/bin/python benchmarks/sweep_overhead.py

Runs one tiny recipe in a warm process by `experiment.run`, and as a sweep runs it, in turn; the
difference is the overhead. Writes `sweep_overhead.csv`. Leave the machine alone meanwhile.
"""

import argparse
import csv
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import nbformat
import psutil

from simclr_lib import machine
from simclr_lib.quiet import import_keras
from simclr_lib.recipes import get_recipe
from simclr_lib.sweeps.launch import launch
from simclr_lib.sweeps.notebooks import experiment_notebook

TABLE = Path(__file__).with_suffix(".csv")
SETTINGS = {
    "train_limit": 128,
    "epochs": 1,
    "warmup_epochs": 0,
    "supervised_baseline": False,
    "knn_every": 0,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    import_keras()
    from simclr_lib import experiment

    def quiet(line):
        pass

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        experiment.run(get_recipe("smoke", SETTINGS), folder / "cold", say=quiet)
        for seed in range(1, options.repeats + 1):
            recipe = get_recipe("smoke", SETTINGS | {"seed": seed})
            warm = timed(lambda r=recipe, s=seed: experiment.run(r, folder / f"{s}", say=quiet))
            row = {"seed": seed, "warm_seconds": warm[0], "warm_processor_seconds": warm[1]}
            row |= run_as_a_sweep_does(recipe, folder / f"sweep-{seed}")
            row["overhead_seconds"] = round(row["sweep_seconds"] - row["warm_seconds"], 2)
            row["load"] = round(os.getloadavg()[0], 1)
            row["processor"] = f"{machine.processor()}, {psutil.cpu_count()} cores"
            rows.append(row)
            print(rows[-1], flush=True)
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    overhead = statistics.median(row["overhead_seconds"] for row in rows)
    print(f"Overhead of a run: {overhead:.1f} seconds (median of {len(rows)}).")


def timed(function):
    """Wall clock and processor seconds of a call, in this process."""
    began, used = time.perf_counter(), time.process_time()
    function()
    return round(time.perf_counter() - began, 2), round(time.process_time() - used, 2)


def run_as_a_sweep_does(recipe, folder):
    job = {
        "folder": str(folder),
        "notebook": str(experiment_notebook()),
        "parameters": asdict(recipe),
        "cores": machine.cores(),
        "afresh": False,
    }
    began = time.perf_counter()
    outcome = launch(job, lambda: False)
    seconds = time.perf_counter() - began
    assert outcome == "done", (folder / "failed.json").read_text()
    done = json.loads((folder / "done.json").read_text())
    cells = nbformat.read(folder / "notebook.ipynb", 4).cells
    durations = {
        cell.id: cell.metadata.papermill.duration for cell in cells if cell.cell_type == "code"
    }
    return {
        "sweep_seconds": round(seconds, 2),
        "sweep_processor_seconds": done["processor_seconds"],
        "import_seconds": round(durations["recipe"], 2),
        "process_and_kernel_seconds": round(seconds - sum(durations.values()), 2),
    }


if __name__ == "__main__":
    main()

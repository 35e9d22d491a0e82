"""Run a notebook by nbval, in its smoke profile and in a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
from papermill.parameterize import parameterize_notebook

from simclr_lib.course.build.execution import clean_outputs, find_fault

SMOKE = {"profile": "smoke", "dataset": "shapes"}
CELL_TIMEOUT = 300  # seconds


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        passed: whether no cell raised, and the outputs to be compared were the stored ones.
        log: what nbval printed.
        outputs: `{cell id: its outputs}` in the order of the run.
        folder: where it ran.
    """

    passed: bool
    log: str
    outputs: dict
    folder: Path

    def faults(self):
        """Errors, warnings, addresses and paths of the machine in outputs: sentences."""
        found = {
            id: find_fault(clean_outputs(outs), str(self.folder))
            for id, outs in self.outputs.items()
        }
        return [f"{id} {fault}" for id, fault in found.items() if fault]

    def text(self, cell_id):
        """What a cell printed or displayed, as text."""
        return "\n".join(
            output.get("text", "") + output.get("data", {}).get("text/plain", "")
            for output in self.outputs[cell_id]
        )


def in_smoke(notebook, **others):
    """A copy with the parameters of a smoke run in a cell of their own, as papermill does it.

    Args:
        notebook: an `nbformat` notebook.
        others: parameters that differ, such as `dataset` or `seed`.
    """
    ready = nbformat.from_dict(notebook)
    ready.metadata["papermill"] = nbformat.from_dict({})
    for cell in ready.cells:
        cell.metadata.setdefault("tags", [])  # papermill looks at the tags of every cell
    return parameterize_notebook(ready, SMOKE | others)


def run(notebook, folder):
    """Run a notebook as it is.

    Args:
        notebook: an `nbformat` notebook.
        folder: where it runs; it may hold what an earlier run has left.

    Returns:
        An `Outcome`.
    """
    path, kept = folder / "notebook.ipynb", folder / "outputs.json"
    path.write_text(nbformat.writes(notebook))
    (folder / "pytest.ini").write_text("[pytest]\n")
    here = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {
        **os.environ,
        "PYTHONPATH": here,
        "KEPT_OUTPUTS": str(kept),
        "SIMCLR_PROGRESS": str(folder / "progress.json"),
    }
    command = [sys.executable, "-m", "pytest", "-p", "keep_outputs", "-p", "no:cacheprovider"]
    command += ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
    command += ["--color=no", "-q", "-c", str(folder / "pytest.ini"), str(path)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    outputs = json.loads(kept.read_text()) if kept.exists() else []
    return Outcome(
        passed=done.returncode == 0,
        log=done.stdout + done.stderr,
        outputs={cell["id"]: nbformat.from_dict(cell["outputs"]) for cell in outputs},
        folder=folder,
    )

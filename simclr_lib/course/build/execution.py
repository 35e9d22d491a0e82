"""Execute a notebook in a kernel of its own, and keep only outputs that are worth keeping."""

import ast
import copy
import os
import re
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from simclr_lib.errors import UserError

CELL_TIMEOUT = 1800  # seconds; no lesson takes ten minutes
# Progress with the time left is for whoever waits, not for whoever reads the notebook.
PROGRESS_LINE = re.compile(r".*\d+ ?%.*left.*|\s*")  # in stderr, which a lesson does not write
TRAINING_LINE = re.compile(r"^[^\n]+: +\d+%, [\d.]+ min left[^\n]*\n", re.MULTILINE)  # in stdout
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
INLINE_DATA = re.compile(r"data:[^\"']*")
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(notebook, settings, after_cell=lambda: None):
    """Run a notebook from top to bottom.

    It runs in an empty temporary folder, so that nothing in it can rely on where it lies.

    Args:
        notebook: an `nbformat` notebook with one cell tagged "parameters"; not changed.
        settings: `{name: value}` that take the place of parameters of that name.
        after_cell: called after each code cell.

    Returns:
        `(notebook with outputs, seconds)`: no timing, no widget state, no progress lines.

    Raises:
        UserError: a cell failed, wrote a warning, or left an address or a path of this machine in
            its output; or the notebook lacks a parameter.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    running = copy.deepcopy(notebook)
    set_parameters(running, settings)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            running,
            timeout=CELL_TIMEOUT,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],  # not the kernel's advice about its ports
            resources={"metadata": {"path": folder}},
            on_cell_executed=lambda **_: after_cell(),
        )
        try:
            run_all_cells(client, environment(folder))
        except CellExecutionError as error:
            slug = next(
                cell.id
                for cell in running.cells
                if any(output.output_type == "error" for output in cell.get("outputs", []))
            )
            raise UserError(f"cell {slug!r} failed with {error.ename}: {error.evalue}") from error
        except DeadKernelError as error:
            raise UserError("the kernel died; is the memory full?") from error
        seconds = time.perf_counter() - began
        done = copy.deepcopy(notebook)
        for cell, ran in zip(done.cells, running.cells, strict=True):
            if cell.cell_type == "code":
                cell.execution_count = ran.execution_count
                cell.outputs = clean_outputs(ran.outputs)
                if fault := find_fault(cell.outputs, folder):
                    raise UserError(f"cell {cell.id!r} {fault}.")
    return done, seconds


def run_all_cells(client, env):
    """Execute, in a thread: in the main thread nbclient would take Ctrl-C for itself."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.execute, env=env)
        try:
            running.result()
        except KeyboardInterrupt:
            while not running.done():
                if client.km is not None and client.km.has_kernel:
                    client.km.provisioner.process.kill()
                time.sleep(0.1)
            raise


def set_parameters(notebook, settings):
    """Add assignments to the cell tagged "parameters", in place."""
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            known = {
                node.target.id
                for node in ast.parse(cell.source).body
                if isinstance(node, ast.AnnAssign)
            }
            if missing := ", ".join(settings.keys() - known):
                raise UserError(f"the cell tagged 'parameters' does not set {missing}.")
            cell.source += "".join(f"\n{name} = {value!r}" for name, value in settings.items())
            return
    raise UserError("no cell is tagged 'parameters'.")


def environment(folder):
    """The kernel's environment: progress is kept in a folder that goes away.

    Under pytest a kernel would not show what C++ code writes to stderr.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {**kept, "SIMCLR_PROGRESS": os.path.join(folder, "progress.json")}


def clean_outputs(outputs):
    """Join streams, and drop progress lines and what needs a live widget."""
    cleaned = []
    for output in copy.deepcopy(outputs):
        if output.output_type == "stream":
            if output.name == "stderr":
                lines = re.split(r"[\r\n]+", output.text)
                output.text = "".join(
                    f"{line}\n" for line in lines if not PROGRESS_LINE.fullmatch(line)
                )
            else:
                output.text = TRAINING_LINE.sub("", output.text)
            if not output.text:
                continue
            last = cleaned[-1] if cleaned else None
            if last and last.output_type == "stream" and last.name == output.name:
                last.text += output.text
                continue
        elif WIDGET in output.get("data", {}):
            continue
        cleaned.append(output)
    return cleaned


def find_fault(outputs, folder):
    """What in the outputs must not be kept, in words that follow the cell's name; or None."""
    for output in outputs:
        if output.output_type == "error":
            return f"failed with {output.ename}: {output.evalue}"
        if output.output_type == "stream" and output.name == "stderr":
            return f"wrote to stderr: {output.text.splitlines()[0]!r}"
        data = output.get("data", {})
        text = output.get("text", "") + data.get("text/plain", "") + data.get("text/html", "")
        text = INLINE_DATA.sub("", text)
        if found := ADDRESS.search(text):
            return f"shows a memory address, {found[0]!r}"
        for path in (os.path.expanduser("~"), os.getcwd(), folder):
            if len(path) > 1 and re.search(rf"{re.escape(path)}(/|\b)", text):
                return f"shows a path of this machine, {path!r}"
    return None

"""Seconds until something happens: `simclr doctor`, the first training step, a first cell.

All are timed from outside, as a person with a watch would: a process is started, and what it
leaves behind is waited for.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from simclr_lib.bench.case import Case
from simclr_lib.bench.figures import Figure
from simclr_lib.errors import UserError

CELL = """from simclr_lib import load_dataset, resnet
pictures = load_dataset("shapes").test_images[:8]
resnet(8, stem="strided")(pictures / 255).shape"""


def cases(quick):
    names = ["simclr doctor"] if quick else list(WAYS)
    return [Case("start", name, 1, 12) for name in names]


def measure(case, session, earlier):
    answers = session.alternate(case, {"kit": session.kit("start", what=case.name)})
    seconds = [answer["seconds"] for answer in answers["kit"]]
    return [Figure(case.name, "kit", "time", "s", seconds)]


def bars(found):
    return []


def side(what, quick):
    def measure():
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            WAYS[what](Path(folder))
            return {"seconds": time.perf_counter() - began}

    return measure


def doctor(folder):
    # 1: it found a fault, such as too little memory; it has looked at everything all the same.
    done = subprocess.run([*SIMCLR, "doctor"], cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise UserError(f"simclr doctor ended with code {done.returncode}")


def first_training_step(folder):
    """With one batch an epoch, `metrics.csv` is there after the first step."""
    metrics = folder / "run" / "metrics.csv"
    settings = ["train_limit=64", "batch_size=64", "knn_every=0"]
    run = subprocess.Popen(
        [*SIMCLR, "run", "smoke", "--set", *settings, "--out", str(metrics.parent)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not metrics.exists():
            if run.poll() is not None:
                raise UserError(f"simclr run smoke ended with code {run.returncode}")
            time.sleep(0.01)
    finally:
        run.kill()
        run.wait()


def first_cell(folder):
    """A kernel starts, and runs a cell that loads pictures and calls an encoder."""
    from jupyter_client import KernelManager

    manager = KernelManager()
    manager.kernel_spec.argv[0] = sys.executable
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        reply = client.execute_interactive(CELL, timeout=300, output_hook=lambda message: None)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        raise UserError(f"the first cell failed: {reply['content']['evalue']}")


SIMCLR = [sys.executable, "-c", "import sys; from simclr_lib.cli import main; sys.exit(main())"]
WAYS = {
    "simclr doctor": doctor,
    "simclr run smoke, to the first step": first_training_step,
    "first notebook cell": first_cell,
}

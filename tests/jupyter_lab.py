"""A JupyterLab of the test's own, and the browser that looks at it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_FLAGS = [
    "--no-sandbox",  # chromium's own cannot run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def serving(command, folder, cwd, **environment):
    """What a running JupyterLab says about itself: url, token, root_dir.

    Args:
        command: what starts it, such as `simclr lab`.
        folder: for its settings, so that no one's own are read or written.
        cwd: where the command is run.
        environment: more variables for it and its kernels.
    """
    settings = {
        "ServerApp": {"open_browser": False, "allow_root": True},
        "LabApp": {"expose_app_in_browser": True},
    }
    (folder / "jupyter_lab_config.json").write_text(json.dumps(settings))
    places = ("CONFIG_DIR", "RUNTIME_DIR", "DATA_DIR")
    environment |= {f"JUPYTER_{place}": str(folder) for place in places}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(folder)
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(folder)
    log = folder / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            cwd=cwd,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while not (said := what_it_says(folder)):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield said
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself: reported above
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def what_it_says(folder):
    """The server's own file about itself; None as long as it is not whole."""
    for file in folder.glob("jpserver-*.json"):
        with contextlib.suppress(ValueError):
            return json.loads(file.read_text())
    return None

"""`make lab`, seen through a real browser."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
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


@pytest.fixture
def lab(tmp_path):
    """What a running `simclr lab` says about itself: url, token, root_dir."""
    settings = {
        "ServerApp": {"open_browser": False, "allow_root": True},
        "LabApp": {"expose_app_in_browser": True},
    }
    (tmp_path / "jupyter_lab_config.json").write_text(json.dumps(settings))
    places = ("CONFIG_DIR", "RUNTIME_DIR", "DATA_DIR")
    environment = {**os.environ, **{f"JUPYTER_{place}": str(tmp_path) for place in places}}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(tmp_path)
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(tmp_path)
    log = tmp_path / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [Path(sys.executable).with_name("simclr"), "lab"],
            cwd=NOTEBOOKS.parent,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := list(tmp_path.glob("jpserver-*.json"))):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield json.loads(found[0].read_text())
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself: reported above
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_jupyterlab_opens_on_the_notebooks(lab, tmp_path):
    assert Path(lab["root_dir"]) == NOTEBOOKS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(f"{lab['url']}lab?token={lab['token']}&reset")
        page.wait_for_selector(".jp-Launcher", timeout=60_000)
        page.wait_for_function("window.jupyterapp.restored.then(() => true)")
        names = page.locator(".jp-DirListing-itemText").all_inner_texts()
        page.screenshot(path=tmp_path / "lab.png")
        browser.close()
    visible = [entry.name for entry in NOTEBOOKS.iterdir() if entry.name[0] != "."]
    assert sorted(names) == sorted(visible)
    assert len(Image.open(tmp_path / "lab.png").convert("RGB").getcolors(2**24)) > 50  # not blank

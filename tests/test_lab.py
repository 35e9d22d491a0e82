"""`make lab`, seen through a real browser."""

import sys
from pathlib import Path

import pytest
from jupyter_lab import CHROMIUM, CHROMIUM_FLAGS, serving
from PIL import Image
from playwright.sync_api import sync_playwright

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture
def lab(tmp_path):
    """What a running `simclr lab` says about itself: url, token, root_dir."""
    command = [Path(sys.executable).with_name("simclr"), "lab"]
    with serving(command, tmp_path, cwd=NOTEBOOKS.parent) as server:
        yield server


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
        page.wait_for_timeout(3000)  # a question about news would come a moment later
        questions = page.locator(".Toastify__toast").all_inner_texts()
        page.screenshot(path=tmp_path / "lab.png")
        browser.close()
    assert questions == []
    visible = [entry.name for entry in NOTEBOOKS.iterdir() if entry.name[0] != "."]
    assert sorted(names) == sorted(visible)
    assert len(Image.open(tmp_path / "lab.png").convert("RGB").getcolors(2**24)) > 50  # not blank

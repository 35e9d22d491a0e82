"""A notebook in JupyterLab, driven through a real browser."""

import contextlib
import sys

from jupyter_lab import CHROMIUM, CHROMIUM_FLAGS, serving
from playwright.sync_api import sync_playwright

PANEL = "const app = window.jupyterapp, panel = app.shell.currentWidget;"
PATIENCE = 240_000  # milliseconds; a busy machine starts a kernel and Keras in a minute


@contextlib.contextmanager
def opened(path, settings_folder):
    """Serve the notebook's folder, and yield a `Notebook` of it with its kernel ready."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={path.parent}"]
    own = {"SIMCLR_PROGRESS": str(settings_folder / "progress.json")}
    with (
        serving(command, settings_folder, cwd=path.parent, **own) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE)
        tree = f"{server['url']}lab/workspaces/{path.stem}/tree/{path.name}"
        page.goto(f"{tree}?token={server['token']}&reset")
        page.wait_for_function("window.jupyterapp?.restored.then(() => true)")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.evaluate(f"async () => {{ {PANEL} await panel.sessionContext.ready; }}")
        yield Notebook(page)
        browser.close()


class Notebook:
    """What one can do with an opened notebook.

    Args:
        page: playwright's page, with the notebook in front.
    """

    def __init__(self, page):
        self.page = page

    def cells(self):
        """The cells as they are now, as in the file format."""
        return self.page.evaluate(f"() => {{ {PANEL} return panel.context.model.toJSON().cells; }}")

    def cell(self, cell_id):
        return next(cell for cell in self.cells() if cell["id"] == cell_id)

    def text(self, cell_id):
        """What a cell printed or displayed, as text."""
        return "\n".join(
            "".join(output.get("text", "")) + "".join(output.get("data", {}).get("text/plain", ""))
            for output in self.cell(cell_id)["outputs"]
        )

    def run_all(self):
        """Run all cells; the promise is kept on failure too, so look at the cells."""
        self.command("notebook:run-all-cells")

    def command(self, name, **arguments):
        self.page.evaluate(
            "([name, given]) => window.jupyterapp.commands.execute(name, given)", [name, arguments]
        )

    def select(self, cell_id):
        """Make a cell the active one and bring it into view."""
        self.page.evaluate(
            f"""async (id) => {{ {PANEL}
                const book = panel.content;
                book.activeCellIndex = book.widgets.findIndex(cell => cell.model.id === id);
                await book.scrollToItem(book.activeCellIndex, 'start');
            }}""",
            cell_id,
        )

    def type_into(self, cell_id, source):
        """Replace what is written in a cell, by keyboard."""
        self.select(cell_id)
        self.page.locator(".jp-Cell.jp-mod-active .cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)

    def run_selected(self):
        """Run the active cell and wait for its end."""
        self.command("notebook:run-cell")

    def move_slider(self, cell_id, label, steps):
        """Move the slider with that label, shown by a cell, by key presses; what it then says.

        Args:
            cell_id: the cell whose output holds the slider.
            label: the slider's description.
            steps: presses of the right arrow, or of the left one where negative.
        """
        self.select(cell_id)
        box = self.page.locator(".jp-Cell.jp-mod-active .widget-slider").filter(has_text=label)
        handle = box.locator(".noUi-handle").first
        handle.focus()
        for _ in range(abs(steps)):
            handle.press("ArrowRight" if steps > 0 else "ArrowLeft")
        return box.locator(".widget-readout").inner_text()

    def theme(self, name):
        """Change the theme: "JupyterLab Light" or "JupyterLab Dark"."""
        self.command("apputils:change-theme", theme=name)
        light = "true" if "Light" in name else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")

    def screenshot(self, path):
        self.page.wait_for_timeout(1000)  # outputs are laid out a moment after they arrive
        self.page.screenshot(path=path)

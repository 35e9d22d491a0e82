"""An executed notebook as one HTML page that opens without a network."""

import html
from pathlib import Path

from simclr_lib.files import write_atomically

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto;
  max-width: 70rem; padding: 0 1rem; }
h1, h2 { line-height: 1.2; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 0.9rem; margin: 1rem 0; display: block;
  overflow-x: auto; }
caption { text-align: left; font-weight: bold; padding: 0.3rem 0; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #ddd; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
table.runs td:nth-child(2) { white-space: nowrap; }
th { background: #f2f2f2; vertical-align: bottom; }
th button { font: inherit; font-weight: bold; background: none; border: 0; padding: 0;
  cursor: pointer; text-align: left; }
th[aria-sort=ascending] button::after { content: " ▲"; }
th[aria-sort=descending] button::after { content: " ▼"; }
tr.failed td { background: #fdeaea; }
tr.waiting td, tr.begun td { color: #666; }
.thumbnails { display: flex; flex-wrap: wrap; gap: 1rem; }
.thumbnails figure { margin: 0; width: 22rem; }
figcaption { font-size: 0.85rem; }
pre { white-space: pre-wrap; }
"""

# A click on a heading sorts by it, a second one the other way round.
SORT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) =>
        value(a).localeCompare(value(b), undefined, {numeric: true}) ||
        a.rowIndex - b.rowIndex);
      const numbers = rows.every((row) => !isNaN(value(row)) || value(row) === "–");
      if (numbers) rows.sort((a, b) => (parseFloat(value(a)) || 0) - (parseFloat(value(b)) || 0));
      body.append(...(up ? rows : rows.reverse()));
    };
  });
}
"""


def write_page(notebook, path, title):
    """Write what a notebook shows (prose and outputs, no code) as one file.

    nbconvert's own pages load MathJax and more from the network; its "basic" template makes the
    body alone, and the rest of the page is here.

    Args:
        notebook: an executed `nbformat` notebook.
        path: the HTML file.
        title: the page's title.
    """
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    body, _ = exporter.from_notebook_node(notebook)
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n<script>{SORT}</script>\n</body>\n</html>\n"
    )
    write_atomically(Path(path), lambda file: file.write(page.encode()))

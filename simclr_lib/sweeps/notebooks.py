"""The sweeps' two notebooks: made from percent sources, found, and asked for their parameters.

python -m simclr_lib.sweeps.notebooks        (writes notebooks/experiments/*.ipynb)
"""

import dataclasses
import hashlib
import inspect
import json
import logging
import re
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically
from simclr_lib.recipes import PRESETS, Recipe

KIT = Path(__file__).parents[2]
SOURCES = KIT / "solutions" / "experiments"
NOTEBOOKS = KIT / "notebooks" / "experiments"
DEFAULTS = PRESETS["demo"]  # what the notebook does when it is opened and run: two minutes


def experiment_notebook():
    """Path of the notebook that a sweep runs; UserError if this copy of the kit lacks it."""
    return find("experiment.ipynb")


def report_notebook():
    """Path of the notebook that makes the report."""
    return find("report.ipynb")


def find(name):
    for folder in (NOTEBOOKS, Path("notebooks", "experiments").absolute()):
        if (folder / name).exists():
            return folder / name
    raise UserError(f"There is no notebooks/experiments/{name} here: go to the kit's folder first.")


def parameters_of(notebook):
    """Names in a notebook's cell tagged `parameters`, as papermill reads them.

    Raises:
        UserError: it can't be read, or has no such cell.
    """
    import papermill
    from papermill.utils import find_first_tagged_cell_index

    logging.getLogger("papermill").setLevel(logging.ERROR)  # says what is raised here
    try:
        content = papermill.iorw.load_notebook_node(str(notebook))
        tagged = find_first_tagged_cell_index(content, "parameters") >= 0
        names = set(papermill.inspect_notebook(str(notebook), parameters={}))
    except OSError as error:
        raise UserError(f"The notebook {notebook} can't be read: {error.strerror}.") from error
    except Exception as error:  # nbformat and papermill raise a dozen kinds
        raise UserError(f"{notebook} is no whole notebook ({type(error).__name__}).") from error
    if not tagged:
        raise UserError(
            f"The notebook {notebook} has no cell tagged `parameters`: give the cell with its "
            "settings that tag."
        )
    return names


def code_hash(notebook):
    """What tells one notebook from another: a hash of its code, whatever its outputs."""
    import nbformat

    cells = nbformat.read(notebook, 4).cells
    code = [[cell.source, cell.metadata.get("tags")] for cell in cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()


def build(name):
    """Make one notebook from its source: text that is the same each time."""
    import nbformat

    from simclr_lib.course.build.notebooks import solution_notebook
    from simclr_lib.course.build.source import read_lesson

    return nbformat.writes(solution_notebook(read_lesson(SOURCES / f"{name}.py"), {})) + "\n"


def parameters_cell():
    """The experiment's parameters: every field of a `Recipe`, typed, with its comment."""
    comments = {}
    for line in inspect.getsource(Recipe).splitlines():
        if match := re.match(r"    (\w+): .*?  # (.*)", line):
            comments[match[1]] = match[2]
    lines = []
    for field in dataclasses.fields(Recipe):
        value = getattr(DEFAULTS, field.name)
        # papermill reads no annotation with a "|"; a quoted one needs no import.
        kind = '"Optional[int]"' if field.type == int | None else field.type.__name__
        comment = f"  # {comments[field.name]}" if field.name in comments else ""
        value = json.dumps(value) if isinstance(value, str) else repr(value)
        lines.append(f"{field.name}: {kind} = {value}{comment}")
    lines.append('run_dir: str = "runs/notebook"  # where everything is written')
    return "\n".join(lines)


def main():
    NOTEBOOKS.mkdir(parents=True, exist_ok=True)
    source = SOURCES / "experiment.py"
    cell = re.compile(r"(# %% slug=recipe-parameters.*?\n).*?(?=\n# %%)", re.DOTALL)
    text = cell.sub(lambda found: f"{found[1]}{parameters_cell()}\n", source.read_text())
    write_atomically(source, lambda file: file.write(text.encode()))
    for source in sorted(SOURCES.glob("*.py")):
        text = build(source.stem)
        target = NOTEBOOKS / f"{source.stem}.ipynb"
        write_atomically(target, lambda file, text=text: file.write(text.encode()))
        print(target)


if __name__ == "__main__":
    main()

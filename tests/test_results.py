"""What the README quotes is so: its figures are those of the results files, its example runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
REPORT = README.parent / "benchmarks" / "report.py"


def test_every_quoted_figure_is_filled_from_a_results_file():
    done = subprocess.run([sys.executable, REPORT, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_python_example_of_the_readme_runs():
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert "epochs=10" in example
    scope = {}
    exec(example.replace("epochs=10", "epochs=1"), scope)
    assert scope["model"].history.history["loss"][0] < 6.24  # ln(2 · 256 − 1)

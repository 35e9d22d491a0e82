"""The figures in the README and in RESULTS.md are those of the results files."""

import subprocess
import sys
from pathlib import Path

REPORT = Path(__file__).parents[1] / "benchmarks" / "report.py"


def test_every_quoted_figure_is_filled_from_a_results_file():
    done = subprocess.run([sys.executable, REPORT, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

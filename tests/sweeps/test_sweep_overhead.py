"""What a sweep adds to a run, as it was measured: no more than ten seconds."""

import csv
import statistics
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TABLE = BENCHMARKS / "sweep_overhead.csv"


@pytest.mark.skipif(not TABLE.exists(), reason="not measured: benchmarks/sweep_overhead.py does it")
def test_a_run_takes_no_more_than_ten_seconds_longer_in_a_sweep():
    with TABLE.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 3
    for row in rows:
        beyond = float(row["sweep_seconds"]) - float(row["warm_seconds"])
        assert float(row["overhead_seconds"]) == pytest.approx(beyond, abs=0.02)
    assert statistics.median(float(row["overhead_seconds"]) for row in rows) <= 10
    assert "## What a sweep adds to a run" in (BENCHMARKS / "RESULTS.md").read_text()

"""Sweeps killed again and again, and one of many runs whose process does not grow."""

import contextlib
import random
import subprocess
import time

import psutil
import pytest
from sweep_tools import AN_HOUR, LIGHT, SIMCLR, processes_of, sweep, table, wait_for, write_spec

# Two seconds of a kernel's time: many kills come while one starts or a record is written.
LIGHT_GRID = LIGHT.split("grid:")[0] + "grid: {temperature: [%s]}\nseeds: [0, 1, 2]\n"
REAL_GRID = """\
recipe: smoke
set: {train_limit: 128, epochs: 1, warmup_epochs: 0, supervised_baseline: false, knn_every: 0}
grid: {temperature: [%s]}
seeds: [0, 1, 2]
"""
TWO, EIGHT = "0.1, 0.2", "0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8"


def start(spec, out):
    return subprocess.Popen(
        [SIMCLR, "sweep", "run", spec, "--out", out, "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def in_flight(out):
    """Runs that have begun and are not done."""
    begun = {path.parent.name for path in out.glob("runs/*/starts.txt")}
    return begun - {path.parent.name for path in out.glob("runs/*/done.json")}


def workers_of(out, whose):
    """The runs' `"process"`es or `"kernel"`s."""
    found = []
    for process in processes_of(out):
        with contextlib.suppress(psutil.Error):
            if f"sweeps.{whose}" in " ".join(process.cmdline()):
                found.append(process)
    return found


def done_files(out):
    """`{key: what would change if a done-file were written again}`."""
    stats = {path.parent.name: path.stat() for path in out.glob("runs/*/done.json")}
    return {key: (stat.st_ino, stat.st_mtime_ns) for key, stat in stats.items()}


def starts(out):
    return {p.parent.name: p.read_text().splitlines() for p in out.glob("runs/*/starts.txt")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("grid", "runs", "kills"),
    [
        pytest.param(LIGHT_GRID % EIGHT, 24, 20, id="light"),
        pytest.param(REAL_GRID % TWO, 6, 5, id="real"),
        pytest.param(REAL_GRID % EIGHT, 24, 20, id="real-and-long", marks=AN_HOUR),
    ],
)
def test_a_sweep_that_is_killed_again_and_again_ends_with_the_same_table(
    tmp_path, grid, runs, kills
):
    spec = write_spec(tmp_path, grid)
    out, reference = tmp_path / "out", tmp_path / "undisturbed"
    for folder in (out, reference):
        folder.mkdir()
        (folder / "seconds").write_text("3")  # how long the light notebook takes
    began = time.monotonic()
    sweep("run", spec, "--out", reference, "--workers", 2, cwd=tmp_path)
    run_seconds = (time.monotonic() - began) / runs * 2  # two at once

    chance = random.Random(0)
    process, disturbed, done = start(spec, out), 0, {}
    try:
        for kill in range(kills):
            # The moments follow the sweep's progress, so that most kills find runs that are done.
            wait_for(lambda due=3 * runs // 4 * kill // kills: len(table(out)) >= due, seconds=900)
            while not workers_of(out, "kernel"):
                assert process.poll() is None, f"the sweep ended before kill {kill + 1}"
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 0.5) * run_seconds)
            whose = ("process", "kernel", "sweep")[kill % 3]
            disturbed += len(in_flight(out))
            done |= done_files(out)
            if whose == "sweep":
                left = processes_of(out)
                process.kill()
                process.wait()
                _, alive = psutil.wait_procs(left, timeout=30)
                assert not alive, "a killed sweep has left processes behind"
                process = start(spec, out)
            else:
                victims = workers_of(out, whose)
                with contextlib.suppress(psutil.NoSuchProcess, IndexError):  # its end came first
                    chance.choice(victims).kill()
        process.wait(timeout=1800)
    finally:
        process.kill()
        process.wait()
        wait_for(lambda: not processes_of(out), seconds=30)
    # Whatever is left undone by a death near the end is done now; nothing else is.
    sweep("run", spec, "--out", out, "--workers", 2, cwd=tmp_path)

    assert len(table(reference)) == runs
    assert table(out) == table(reference)
    # What was done at a kill was never written, or begun, again.
    assert len(done) >= runs // 2 and done.items() <= done_files(out).items()
    # Each run was begun once, but for those that were at work at a kill.
    begun = sum(len(lines) for lines in starts(out).values())
    assert runs + kills // 5 <= begun <= runs + disturbed  # some kills hit nothing that had begun
    for key, lines in starts(out).items():
        done = (out / "runs" / key / "done.json").stat().st_mtime
        last = time.mktime(time.strptime(lines[-1].split(".")[0], "%Y-%m-%dT%H:%M:%S"))
        assert last <= done, f"{key} was started again after it was done"


@pytest.mark.slow
@pytest.mark.parametrize("runs", [60, pytest.param(200, marks=AN_HOUR)])
def test_many_runs_do_not_make_the_sweep_grow(tmp_path, runs):
    text = LIGHT.split("grid:")[0] + "grid: {temperature: [0.2]}\n"
    spec = write_spec(tmp_path, text + f"seeds: {list(range(runs))}\n")
    out = tmp_path / "out"
    process = start(spec, out)
    memory = []
    try:
        me = psutil.Process(process.pid)
        while len(table(out)) < 20:
            assert process.poll() is None
            time.sleep(0.5)
        while process.poll() is None and len(table(out)) < runs - 1:  # then comes the report
            memory.append(me.memory_info().rss)
            time.sleep(0.5)
        process.wait(timeout=300)
    finally:
        process.kill()
        process.wait()
    assert len(table(out)) == runs and process.returncode == 0
    late = len(memory) // 4
    early, end = max(memory[:late]), max(memory[-late:])
    assert end < early + 5e6, (early, end)

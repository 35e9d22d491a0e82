"""What a power cut, a kill or a full disk can leave of a sweep, between any two of its writes."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from disk_order import needs_proc, order_of
from sweep_tools import (
    RESULTS,
    ROAD,
    SIMCLR,
    killing,
    notebook_of,
    processes_of,
    states,
    sweep,
    table,
    wait_for,
)

from simclr_lib.files import make_folder
from simclr_lib.sweeps import lock, process
from simclr_lib.sweeps.folder import RunFiles, SweepFolder

MOMENTS = ("before", "after")
PARAMETERS = {"temperature": 0.2, "batch_size": 32, "epochs": 1, "seed": 0}


@needs_proc
def test_a_done_file_comes_to_disk_after_all_that_the_run_has_left(tmp_path, monkeypatch):
    sweep = SweepFolder(tmp_path / "out")
    os.close(sweep.take_lock())
    (tmp_path / "light.ipynb").write_text(notebook_of(ROAD, RESULTS))
    files = RunFiles(sweep.path / "runs" / "one")
    seen = order_of(monkeypatch)
    make_folder(files.path)
    assert [path for _, path in seen] == [sweep.path / "runs", sweep.path]
    descriptor = lock.take(files.lock)
    job = {"notebook": str(tmp_path / "light.ipynb"), "parameters": PARAMETERS}
    process.execute(job, files, descriptor)
    os.close(descriptor)
    assert files.outcome == "done"
    named = seen.index(("name", files.done))
    left = {path for path in files.path.iterdir() if path != files.done}
    assert {files.notebook, files.starts, files.path / "results.json"} <= left
    assert {("disk", path) for path in left} <= set(seen[:named])
    assert seen[named + 1 :] == [("disk", files.path)]


def until_done(words, out, orders, env):
    """Give the same command until it is done and nobody is left to kill: its exit codes."""
    codes = []
    while not codes or codes[-1] or list(orders.iterdir()):
        assert len(codes) < 30, f"it does not get there: {codes}, {list(orders.iterdir())}"
        answer = subprocess.run([SIMCLR, "sweep", *words], env=env, capture_output=True, text=True)
        codes.append(answer.returncode)
        # Killed, or a run was killed three times and given up for now.
        assert answer.returncode in (0, 1, -signal.SIGKILL), answer.stderr
        wait_for(lambda: not processes_of(out))
    return codes


@pytest.mark.slow
def test_a_kill_at_any_named_write_costs_nothing_that_was_done(light, tmp_path):
    out, reference = tmp_path / "out", tmp_path / "undisturbed"
    sweep("run", light, "--out", reference, "--workers", 2, cwd=tmp_path)
    names = ("experiment.ipynb", "sweep.json", "results.json", "notebook.ipynb", "done.json")
    names += ("table.csv", "report.html")
    env = killing(tmp_path, [f"{moment} {name}" for name in names for moment in MOMENTS])
    words = ("run", light, "--out", out, "--workers", "2")
    codes = until_done(words, out, tmp_path / "orders", env)
    assert codes.count(-signal.SIGKILL) >= 8  # the sweep itself, at each write of its own
    assert table(out) == table(reference) and len(table(out)) == 4
    assert states(out) == ["done"] * 4
    assert (out / "report.html").exists()
    assert not list(out.rglob("*partial*")), "a half written file has stayed"


@pytest.mark.slow
def test_a_kill_at_any_write_of_a_failure_or_a_retry_loses_no_run(light, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "broken").touch()
    env = killing(tmp_path, ["before failed.json", "after failed.json"])
    answer = subprocess.run([SIMCLR, "sweep", "run", light, "--out", out], env=env)
    assert answer.returncode == 1 and not list((tmp_path / "orders").iterdir())
    assert states(out) == ["done", "done", "failed", "failed"]
    (out / "broken").unlink()
    env = killing(tmp_path, ["before retried.json", "after retried.json"])
    for _ in range(2):
        answer = subprocess.run([SIMCLR, "sweep", "retry", out], env=env)
        assert answer.returncode == -signal.SIGKILL
    sweep("retry", out, cwd=tmp_path)
    assert states(out) == ["done"] * 4


# In a name space of its own, where whoever runs this may mount: a disk of 8 MB that is filled up to
# so many kilobytes, further and further from full, and a sweep that is begun again on each.
SMALL_DISK = """\
import json, os, subprocess, sys
from pathlib import Path

disk, simclr, spec = Path(sys.argv[1]), *sys.argv[2:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=True)
found = []
for free in (0, 4, 8, 16, 28, 40, 60, 100, 200, None):
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    if free is not None:
        stat = os.statvfs(disk)
        filler.write_bytes(bytes(max(0, stat.f_bavail * stat.f_frsize - 1024 * free)))
    answer = subprocess.run(
        [simclr, "sweep", "run", spec, "--out", disk / "out"], capture_output=True, text=True
    )
    failed = [path.read_text() for path in disk.glob("out/runs/*/failed.json")]
    found.append([free, answer.returncode, answer.stderr, failed])
    print(json.dumps(found[-1]), flush=True)
subprocess.run(["cp", "-r", disk / "out", spec + ".out"], check=True)
"""


def may_mount():
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif("not may_mount()", reason="may not mount a small disk here")
def test_a_disk_that_is_really_full_ends_the_sweep_at_any_write_and_fails_no_run(light, tmp_path):
    reference, disk = tmp_path / "undisturbed", tmp_path / "disk"
    sweep("run", light, "--out", reference, "--workers", 2, cwd=tmp_path)
    disk.mkdir()
    words = ["unshare", "-rm", sys.executable, "-c", SMALL_DISK, disk, SIMCLR, light]
    answer = subprocess.run(words, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    attempts = [json.loads(line) for line in answer.stdout.splitlines()]
    for free, code, errors, failed in attempts:
        assert not failed, (free, failed)
        if code:
            assert code == 2 and errors.count("\n") == 1, (free, code, errors)
            assert errors.startswith("simclr: the disk is full: free some space"), (free, errors)
    codes = [code for _, code, _, _ in attempts]
    assert codes[-1] == 0 and codes.count(2) >= 5
    out = light.with_name("spec.yaml.out")
    assert table(out) == table(reference) and states(out) == ["done"] * 4
    assert not list(out.rglob("*partial*")), "a half written file has stayed"

"""The same sweep on a real Dask scheduler, with workers on loopback."""

import re
import signal
import subprocess
import sys

import psutil
import pytest
from sweep_tools import AN_HOUR, LIGHT, SIMCLR, processes_of, sweep, table, wait_for, write_spec

from simclr_lib.errors import UserError
from simclr_lib.sweeps.cluster import DaskWorkers, host_of

try:
    import distributed  # noqa: F401

    HAS_DASK = True
except ImportError:
    HAS_DASK = False

needs_dask = pytest.mark.skipif(not HAS_DASK, reason="needs the extra `dask`")

LIGHT_GRID = LIGHT.split("grid:")[0] + "grid: {temperature: [%s]}\nseeds: [%s]\n"
LIGHT_EIGHT = LIGHT_GRID % ("0.1, 0.2, 0.3, 0.4", "0, 1")
REAL_GRID = """\
recipe: smoke
set: {train_limit: 128, epochs: 1, warmup_epochs: 0, supervised_baseline: false, knn_every: 0}
grid: {temperature: [%s]}
seeds: [%s]
"""
SIX, TWENTY_FOUR = ("0.1, 0.2, 0.3", "0, 1"), ("0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8", "0, 1, 2")


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers of one thread: its address, and the workers' processes."""
    log = tmp_path / "scheduler.log"
    started = []

    def dask(*words, to):
        with to.open("w") as output:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", *words],
                    cwd=tmp_path,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )
        return started[-1]

    local = ("--host", "127.0.0.1", "--no-dashboard")
    dask("distributed.cli.dask_scheduler", *local, "--port", "0", to=log)
    found = wait_for(lambda: re.search(r"Scheduler at: +(tcp://127.0.0.1:\d+)", log.read_text()))
    address = found[1]
    words = ("distributed.cli.dask_worker", address, *local, "--nthreads", "1")
    workers = [dask(*words, to=tmp_path / f"worker{i}.log") for i in range(2)]
    wait_for(lambda: log.read_text().count("Register worker") == 2)
    yield address, workers
    for process in started:
        children = psutil.Process(process.pid).children(recursive=True)
        for victim in (process, *children):
            victim.kill()
        process.wait()


def start(spec, out, address):
    return subprocess.Popen(
        [SIMCLR, "sweep", "run", spec, "--out", out, "--scheduler", address],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@needs_dask
@pytest.mark.slow
@pytest.mark.parametrize(
    ("grid", "runs"),
    [
        pytest.param(LIGHT_GRID % TWENTY_FOUR, 24, id="light"),
        pytest.param(REAL_GRID % SIX, 6, id="real"),
        pytest.param(REAL_GRID % TWENTY_FOUR, 24, id="real-and-long", marks=AN_HOUR),
    ],
)
def test_a_cluster_whose_worker_is_killed_midway_ends_with_the_same_table(
    cluster, tmp_path, grid, runs
):
    address, workers = cluster
    spec = write_spec(tmp_path, grid)
    out, reference = tmp_path / "out", tmp_path / "local"
    sweep("run", spec, "--out", reference, "--workers", 2, cwd=tmp_path)
    process = start(spec, out, address)
    wait_for(lambda: len(table(out)) >= runs // 3 and len(processes_of(out)) >= 2, seconds=1800)
    # The worker itself; its nanny starts another.
    nanny = psutil.Process(workers[0].pid)
    victim = next(
        p for p in nanny.children(recursive=True) if "spawn_main" in " ".join(p.cmdline())
    )
    victim.kill()
    said, _ = process.communicate(timeout=3000)
    assert process.returncode == 0, said
    assert table(out) == table(reference) and len(table(out)) == runs
    wait_for(lambda: not processes_of(out), seconds=10)


@needs_dask
@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_ends_takes_its_runs_on_the_cluster_along(cluster, tmp_path, signum):
    address, _ = cluster
    spec, out = write_spec(tmp_path, LIGHT_EIGHT), tmp_path / "out"
    out.mkdir()
    (out / "seconds").write_text("100")
    process = start(spec, out, address)
    wait_for(lambda: sum(".kernel" in " ".join(p.cmdline()) for p in processes_of(out)) == 2)
    process.send_signal(signum)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == (-signum if signum == signal.SIGKILL else 130), said
    wait_for(lambda: not processes_of(out), seconds=30)
    (out / "seconds").write_text("0")
    answer = sweep("run", spec, "--out", out, "--scheduler", address, cwd=tmp_path)
    assert "8 of 8 runs done, 0 failed." in answer.stdout


@needs_dask
@pytest.mark.slow
def test_a_sweep_whose_scheduler_dies_says_so_and_goes_on_elsewhere(cluster, tmp_path):
    address, _ = cluster
    spec, out = write_spec(tmp_path, LIGHT_EIGHT), tmp_path / "out"
    process = start(spec, out, address)
    wait_for(lambda: len(table(out)) >= 2, seconds=600)
    port = int(address.rsplit(":", 1)[1])
    (scheduler,) = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.laddr.port == port and connection.status == psutil.CONN_LISTEN
    }
    psutil.Process(scheduler).kill()
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert said.splitlines()[-1].startswith("simclr: The cluster has lost this sweep"), said
    assert not list(out.glob("runs/*/failed.json"))
    wait_for(lambda: not processes_of(out), seconds=60)
    kept = table(out)
    answer = sweep("run", spec, "--out", out, "--workers", 2, cwd=tmp_path)
    assert "8 of 8 runs done, 0 failed." in answer.stdout
    assert kept.items() <= table(out).items()


@needs_dask
def test_a_scheduler_that_does_not_answer_is_named_at_once(light, tmp_path):
    answer = sweep("run", light, "--scheduler", "tcp://127.0.0.1:9", cwd=tmp_path, check=False)
    assert answer.returncode == 2
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("simclr: No Dask scheduler answers at tcp://127.0.0.1:9")
    assert answer.stderr.count("\n") == 1


def test_without_dask_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"simclr-course-kit\[dask\]"):
        DaskWorkers("tcp://127.0.0.1:9", tmp_path)


def test_workers_of_one_machine_share_its_cores():
    assert host_of("tcp://10.0.0.2:40331") == host_of("tcp://10.0.0.2:38001") == "10.0.0.2"

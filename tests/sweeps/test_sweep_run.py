"""`simclr sweep` from the command line, with a notebook that takes a moment."""

import errno
import json
import os
import signal
import subprocess
import time
from concurrent.futures import Future

import nbformat
import psutil
import pytest
from sweep_tools import (
    LIGHT,
    PARAMETERS,
    RESULTS,
    ROAD,
    SIMCLR,
    notebook_of,
    processes_of,
    states,
    sweep,
    table,
    wait_for,
    write_spec,
)

from simclr_lib import cli
from simclr_lib.errors import UserError
from simclr_lib.files import NO_SPACE
from simclr_lib.sweeps import execute, launch, lock
from simclr_lib.sweeps.folder import RunFiles


def test_a_sweep_ends_with_a_table_and_a_page_and_is_not_repeated(light, tmp_path):
    out = tmp_path / "out"
    answer = sweep("run", light, "--out", out, "--workers", 2, cwd=tmp_path)
    assert answer.stderr == ""
    ended = [line for line in answer.stdout.splitlines() if line.startswith("[")]
    assert sorted(line[:5] for line in ended) == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert "done     temperature 2, batch_size 64, seed 0     26.4%" in answer.stdout
    assert states(out) == ["done"] * 4
    assert (out / "report.html").exists() and "4 of 4 runs done, 0 failed." in answer.stdout
    for folder in (out / "runs").iterdir():
        notebook = nbformat.read(folder / "notebook.ipynb", 4)
        assert all(cell.execution_count for cell in notebook.cells)
        names = {path.name for path in folder.iterdir()}
        whole = {".lock", "done.json", "log.txt", "notebook.ipynb", "results.json", "starts.txt"}
        assert names == whole

    stamps = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/*")}
    assert sweep("run", light, "--out", out, cwd=tmp_path).stderr == ""
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/*")} == stamps

    lines = sweep("status", out, cwd=tmp_path).stdout.splitlines()
    assert [line[:4] for line in lines[:-1]] == ["done"] * 4
    assert lines[-1].startswith("A light sweep: 4 runs, 4 done, 0 failed.")


def test_a_run_that_fails_does_not_end_the_sweep_and_is_retried_alone(light, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "broken").touch()
    answer = sweep("run", light, "--out", out, "--workers", 2, cwd=tmp_path, check=False)
    assert answer.returncode == 1 and answer.stderr == ""
    assert states(out) == ["done", "done", "failed", "failed"]
    failed = [line for line in answer.stdout.splitlines() if "] failed" in line]
    assert len(failed) == 2
    assert all(
        line.endswith("cell 3: import json, time: ValueError: is too hot") for line in failed
    )
    page = (out / "report.html").read_text()
    assert "What failed" in page and "is too hot" in page and f"simclr sweep retry {out}" in page

    # Run again, failed runs are left alone; retry takes just those.
    assert sweep("run", light, "--out", out, cwd=tmp_path, check=False).returncode == 1
    starts = {path.parent.name: path.read_text() for path in out.glob("runs/*/starts.txt")}
    (out / "broken").unlink()
    sweep("retry", out, "--workers", 2, cwd=tmp_path)
    assert states(out) == ["done"] * 4
    again = {path.parent.name: path.read_text() for path in out.glob("runs/*/starts.txt")}
    assert sum(again[key] != starts[key] for key in again) == 2
    answer = sweep("retry", out, cwd=tmp_path, check=False)
    assert answer.returncode == 2 and answer.stderr.startswith("simclr: No run of ")


@pytest.mark.slow
def test_a_retry_that_is_killed_is_taken_up_by_the_same_command(light, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "broken").touch()
    sweep("run", light, "--out", out, "--workers", 2, cwd=tmp_path, check=False)
    (out / "seconds").write_text("60")
    (out / "broken").unlink()
    before = {path: path.read_text() for path in out.glob("runs/*/starts.txt")}
    process = subprocess.Popen(
        [SIMCLR, "sweep", "retry", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    (taken,) = wait_for(lambda: list(out.glob("runs/*/retried.json")))
    wait_for(lambda: (taken.parent / "starts.txt").exists())
    process.kill()
    process.wait()
    wait_for(lambda: not processes_of(out))
    # The one that waited has lost nothing; the one that was begun is no failure any more.
    sweep("report", out, cwd=tmp_path, check=False)
    assert sorted(states(out)) == ["begun", "done", "done", "failed"]
    (failed,) = out.glob("runs/*/failed.json")
    assert (failed.parent / "notebook.ipynb").exists()

    (out / "seconds").write_text("0")
    sweep("retry", out, "--workers", 2, cwd=tmp_path)
    assert states(out) == ["done"] * 4
    again = {path: path.read_text() for path in out.glob("runs/*/starts.txt")}
    assert sum(again[path] != before[path] for path in before) == 2
    answer = sweep("retry", out, cwd=tmp_path, check=False)
    assert answer.returncode == 2 and answer.stderr.startswith("simclr: No run of ")


def test_a_failed_run_is_not_cleared_while_something_of_it_is_alive(tmp_path):
    files = RunFiles(tmp_path / "run")
    files.path.mkdir()
    files.write(files.failed, {"cell": "3", "error": "hot"})
    files.notebook.touch()
    held = lock.take(files.lock)
    looks = iter([False, False, True])
    launch.clear_failed(files, lambda: next(looks))  # until the sweep is stopped
    assert files.outcome == "failed" and files.notebook.exists()
    os.close(held)
    launch.clear_failed(files, lambda: False)
    assert files.outcome is None and files.to_retry
    assert {path.name for path in files.path.iterdir()} == {".lock", "retried.json"}
    launch.clear_failed(files, lambda: False)  # a run that is begun keeps what it has
    assert files.to_retry


def start(spec, out, *words):
    return subprocess.Popen(
        [SIMCLR, "sweep", "run", spec, "--out", out, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def running(light, tmp_path):
    """A sweep whose runs take a minute, with two of them begun."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "seconds").write_text("60")
    process = start(light, out, "--workers", "2")
    wait_for(lambda: len(list(out.glob("runs/*/starts.txt"))) == 2)
    wait_for(lambda: sum("kernel" in " ".join(p.cmdline()) for p in processes_of(out)) == 2)
    yield process, out
    if process.poll() is None:
        process.kill()
    process.communicate()
    wait_for(lambda: not processes_of(out))


def test_a_second_sweep_on_one_folder_says_so_and_leaves(running, light, tmp_path):
    _, out = running
    answer = sweep("run", light, "--out", out, cwd=tmp_path, check=False)
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"simclr: Another sweep is at work in {out}")
    lines = sweep("status", out, cwd=tmp_path).stdout.splitlines()
    assert sorted(line[:5] for line in lines[:4]) == ["begun"] * 2 + ["waiti"] * 2


@pytest.mark.parametrize(
    "signum",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_a_sweep_that_is_stopped_leaves_no_process_behind(running, light, tmp_path, signum):
    process, out = running
    process.send_signal(signum)
    _, errors = process.communicate(timeout=30)
    if signum == signal.SIGKILL:
        assert process.returncode == -signum
    else:
        assert process.returncode == 130
        assert errors == "Stopped. What is done is kept; the same command goes on.\n"
    wait_for(lambda: not processes_of(out), seconds=5)
    (out / "seconds").write_text("0")
    sweep("run", light, "--out", out, "--workers", 2, cwd=tmp_path)
    assert states(out) == ["done"] * 4


@pytest.mark.parametrize("whose", ["process", "kernel"])
def test_a_run_that_is_killed_is_started_again_and_leaves_no_kernel(running, whose):
    process, out = running
    victim = next(p for p in processes_of(out) if f"sweeps.{whose}" in " ".join(p.cmdline()))
    (out / "seconds").write_text("0")
    victim.kill()
    key = wait_for(
        lambda: [p for p in out.glob("runs/*/starts.txt") if p.read_text().count("\n") > 1]
    )
    assert len(key) == 1
    wait_for(lambda: (key[0].parent / "done.json").exists())
    assert json.loads((key[0].parent / "done.json").read_text())["starts"] == 2
    assert process.poll() is None


@pytest.mark.slow
def test_a_run_that_keeps_dying_is_given_up_and_tried_again_by_the_next_sweep(tmp_path):
    spec = write_spec(tmp_path, LIGHT)
    deadly = "import os, signal\nif temperature > 1: os.kill(os.getpid(), signal.SIGKILL)"
    (tmp_path / "light.ipynb").write_text(notebook_of(deadly, ROAD, RESULTS))
    out = tmp_path / "out"
    answer = sweep("run", spec, "--out", out, "--workers", 2, cwd=tmp_path, check=False)
    assert answer.returncode == 1
    assert states(out) == ["done", "done", "failed", "failed"]
    assert answer.stdout.count("its process died 3 times") == 2
    (out / "experiment.ipynb").write_text(notebook_of(ROAD, RESULTS))
    sweep("run", spec, "--out", out, "--workers", 2, cwd=tmp_path)
    assert states(out) == ["done"] * 4


@pytest.mark.slow
def test_a_notebook_that_leaves_no_results_has_failed(light, tmp_path):
    (tmp_path / "light.ipynb").write_text(notebook_of(ROAD))
    out = tmp_path / "out"
    answer = sweep("run", light, "--out", out, "--workers", 2, cwd=tmp_path, check=False)
    assert answer.returncode == 1
    assert answer.stdout.count("the notebook left no results.json in run_dir") == 4


@pytest.mark.slow
@pytest.mark.parametrize("number", sorted(NO_SPACE))
def test_a_full_disk_or_quota_stops_the_sweep_and_fails_no_run(light, tmp_path, number):
    full = f"import os\nif temperature > 1: raise OSError({number}, os.strerror({number}))"
    (tmp_path / "light.ipynb").write_text(notebook_of(full, ROAD, RESULTS))
    out = tmp_path / "out"
    answer = sweep("run", light, "--out", out, cwd=tmp_path, check=False)
    assert answer.returncode == 2
    assert answer.stderr.startswith("simclr: the disk is full: free some space")
    assert not list(out.glob("runs/*/failed.json")) and len(table(out)) == 2
    (out / "experiment.ipynb").write_text(notebook_of(ROAD, RESULTS))
    sweep("run", light, "--out", out, cwd=tmp_path)
    assert states(out) == ["done"] * 4


@pytest.mark.slow
def test_a_half_written_record_counts_as_none(light, tmp_path):
    out = tmp_path / "out"
    sweep("run", light, "--out", out, "--workers", 2, cwd=tmp_path)
    before = table(out)
    record = next(out.glob("runs/*/done.json"))
    record.write_text(record.read_text()[:100])
    sweep("report", out, cwd=tmp_path)
    assert sorted(states(out)) == ["begun", "done", "done", "done"]
    sweep("run", light, "--out", out, cwd=tmp_path)
    assert table(out) == before


def test_a_folder_of_another_sweep_is_refused_and_left_alone(light, tmp_path):
    out = tmp_path / "out"
    sweep("run", light, "--out", out, "--workers", 2, cwd=tmp_path)
    plan = (out / "sweep.json").read_bytes()
    other = write_spec(tmp_path, LIGHT.replace("[32, 64]", "[32, 128, 256]"))
    answer = sweep("run", other, "--out", out, cwd=tmp_path, check=False)
    assert answer.returncode == 2
    told = f"simclr: {out} holds another sweep: 2 of its 4 runs are among the 6 asked for."
    assert answer.stderr.startswith(told)
    assert (out / "sweep.json").read_bytes() == plan


@pytest.mark.slow
def test_the_same_runs_of_another_notebook_are_another_sweep(light, tmp_path):
    out = tmp_path / "out"
    sweep("run", light, "--out", out, "--workers", 2, cwd=tmp_path)
    # Looked at and saved, it is the same notebook.
    saved = nbformat.read(light.with_name("light.ipynb"), 4)
    saved.cells[1].execution_count = 3
    nbformat.write(saved, tmp_path / "light.ipynb")
    assert "4 of 4 runs done" in sweep("run", light, "--out", out, cwd=tmp_path).stdout
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    (tmp_path / "light.ipynb").write_text(notebook_of(ROAD, "x = 1", RESULTS))
    answer = sweep("run", light, "--out", out, cwd=tmp_path, check=False)
    assert answer.returncode == 2 and answer.stderr.count("\n") == 1
    assert answer.stderr.startswith(f"simclr: {out} holds the same runs of another notebook")
    assert {path: path.read_bytes() for path in before} == before


def test_a_notebook_that_was_copied_before_a_kill_gives_way_to_the_one_asked_for(light, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    # All that a sweep leaves that was killed before it wrote its plan.
    (out / "experiment.ipynb").write_text(notebook_of("raise SystemError('a stranger')"))
    sweep("run", light, "--out", out, "--workers", 2, cwd=tmp_path)
    assert states(out) == ["done"] * 4
    assert (out / "experiment.ipynb").read_bytes() == (tmp_path / "light.ipynb").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "nothing.yaml"], "The spec nothing.yaml can't be read: No such file"),
        (["run", "."], ". is a folder: `simclr sweep run` takes a spec"),
        (["status", "nowhere"], "nowhere is no sweep folder"),
        (["report", "nowhere"], "nowhere is no sweep folder"),
        (["retry", "nowhere"], "nowhere is no sweep folder"),
        (["status", "nowhere", "--workers", "2"], "unknown: --workers 2"),
        (["run", "spec.yaml", "--data", "no.zip"], "spec.yaml: data: there is no folder or zip"),
        (["run", "data.yaml", "--data", "shapes"], "data.yaml, line 2: this spec compares data"),
        (["run", "spec.yaml", "--workers", "0"], "argument --workers: must be a whole number"),
        (["stop", "spec.yaml"], "argument ACTION: invalid choice: 'stop'"),
        ([], "the following arguments are required: ACTION"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(light, tmp_path, words, message):
    (tmp_path / "data.yaml").write_text("recipe: smoke\ngrid: {data: [shapes, cifar10]}\n")
    answer = sweep(*words, cwd=tmp_path, check=False)
    assert answer.returncode == 2
    assert message in answer.stderr and answer.stderr.count("\n") == 1
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("action", ["run", "status", "report", "retry"])
def test_every_action_has_help_with_an_example(capsys, action):
    with pytest.raises(SystemExit) as end:
        cli.main(["sweep", action, "--help"])
    assert end.value.code == 0
    assert f"example:\n  simclr sweep {action} " in capsys.readouterr().out


def test_the_command_line_names_the_pictures(tmp_path):
    parameters = PARAMETERS + 'data: str = ""\n'
    show = "import pathlib; pathlib.Path(run_dir, 'data').write_text(data)"
    spec = write_spec(tmp_path, LIGHT.split("grid:")[0] + "list: [{epochs: 2}]\n")
    (tmp_path / "light.ipynb").write_text(notebook_of(ROAD, show, RESULTS, parameters=parameters))
    (tmp_path / "pictures").mkdir()
    sweep("run", spec, "--data", "pictures", cwd=tmp_path)
    (told,) = tmp_path.glob("runs/sweeps/spec/runs/*/data")
    assert told.read_text() == str(tmp_path / "pictures")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (notebook_of(ROAD, parameters=None), "has no cell tagged `parameters`"),
        (notebook_of(ROAD, parameters="temperature = 1"), "has no parameter 'run_dir'"),
        (notebook_of(ROAD, parameters="run_dir = ''"), "line 5: the notebook"),
        ("{broken", "is no whole notebook"),
    ],
)
def test_a_notebook_that_takes_no_parameters_is_refused_at_once(light, tmp_path, content, message):
    (tmp_path / "light.ipynb").write_text(content)
    answer = sweep("run", light, "--out", tmp_path / "out", cwd=tmp_path, check=False)
    assert answer.returncode == 2
    assert message in answer.stderr and answer.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_run_gets_its_share_of_the_cores_and_no_more():
    given = launch.environment(3)
    assert {given[name] for name in launch.THREADS} == {"3"}
    assert given["PATH"] == os.environ["PATH"]


def test_a_job_whose_disk_is_full_is_not_tried_again(tmp_path, monkeypatch):
    tries = []
    monkeypatch.setattr(launch, "run_process", lambda *_: tries.append(1) or errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        launch.launch({"folder": str(tmp_path), "afresh": False}, lambda: False)
    assert len(tries) == 1


def test_a_cluster_that_lets_go_of_a_run_ends_the_sweep_and_fails_no_run(tmp_path):
    future = Future()
    future.cancel()  # Dask cancels all, with an error of this kind, when its scheduler is gone
    with pytest.raises(UserError, match="The cluster has lost this sweep"):
        execute.settle(future, RunFiles(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_process_that_cannot_be_started_fails_its_run_alone_and_is_tried_again(tmp_path):
    future = Future()
    future.set_exception(BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"))
    files = RunFiles(tmp_path / "run")
    execute.settle(future, files)
    record = json.loads(files.failed.read_text())
    assert record["died"] and "could not be started: BlockingIOError" in record["error"]

    future = Future()
    future.set_exception(OSError(errno.EDQUOT, "Disk quota exceeded"))
    files = RunFiles(tmp_path / "other")
    with pytest.raises(OSError, match="quota"):
        execute.settle(future, files)
    assert not files.path.exists()


def test_processes_are_gone_when_a_job_is_stopped(tmp_path):
    (tmp_path / "n.ipynb").write_text(notebook_of("import time; time.sleep(60)"))
    job = {
        "folder": str(tmp_path / "run"),
        "notebook": str(tmp_path / "n.ipynb"),
        "parameters": {},
        "cores": 1,
        "afresh": False,
    }
    end = time.monotonic() + 3
    assert launch.launch(job, lambda: time.monotonic() > end) == "stopped"
    # The kernel is killed by the death of its parent: a moment later on a busy machine.
    wait_for(lambda: not processes_of(tmp_path), seconds=10)
    assert not psutil.Process().children()

"""`simclr bench`: real sides in real processes, what is written down, and what can go wrong."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest

from simclr_lib import bench
from simclr_lib.bench import environment, suite, worker
from simclr_lib.errors import UserError

SIMCLR = [sys.executable, "-c", "import sys; from simclr_lib.cli import main; sys.exit(main())"]
ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="Keras' layers are measured on TensorFlow"
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMCLR_CACHE", str(tmp_path / "cache"))


@pytest.mark.long
def test_the_kit_alone_is_measured_and_earlier_parts_stay(tmp_path):
    out = tmp_path / "new" / "speed.json"
    said = []
    for part in ("probe", "loss"):
        suite.bench([part], out, rounds=2, quick=True, without_peers=True, say=said.append)
    book = json.loads(out.read_text())
    assert list(book) == ["loss", "probe"]
    assert {f["side"] for f in book["loss"]["figures"]} == {"kit, dense", loss_blocked()}
    compared = [f for f in book["loss"]["figures"] if "difference from dense" in f["quantity"]]
    assert len(compared) == 2 and all(0 <= f["median"] < 1e-5 for f in compared)
    probe = {(f["case"], f["side"], f["quantity"]): f for f in book["probe"]["figures"]}
    for side in ("kit", "scikit-learn"):  # the kit needs it, so it is always there
        assert len(probe["linear probe", side, "time"]["values"]) == 2
        assert probe["linear probe", side, "accuracy"]["median"] > 0.3
        assert probe["kNN", side, "time"]["median"] > 0
    about = book["probe"]["about"]
    assert about["quick"] and about["rounds"] == 2 and about["machine"]["cores"] >= 1
    assert about["peers"]["scikit-learn"] and "torch" not in about["peers"]
    assert book["probe"]["bars"] == []  # quick figures mean nothing
    assert any("linear probe, kit, time" in page for page in said)


def loss_blocked():
    from simclr_lib.bench import loss

    return loss.BLOCKED


@ON_TENSORFLOW
@pytest.mark.slow
def test_views_step_and_start_are_measured(tmp_path):
    out = tmp_path / "speed.json"
    suite.bench(["views", "step", "start"], out, rounds=1, quick=True, without_peers=True)
    book = json.loads(out.read_text())
    sides = {f["side"]: f["median"] for f in book["views"]["figures"]}
    assert set(sides) == {"kit", "kit, all cores", "Keras stock layers"}
    assert all(rate > 0 for rate in sides.values())
    found = {(f["side"], f["quantity"]): f["median"] for f in book["step"]["figures"]}
    assert found["kit, float32", "speed"] > 0 and 0 < found["kit, bfloat16", "data and views"] < 1
    assert found["kit through XLA, float32", "speed"] > 0
    assert found["kit, float32", "the loop around the step"] > 0
    assert book["start"]["figures"][0]["median"] > 0.1


@pytest.mark.slow
def test_ctrl_c_keeps_the_finished_parts_and_leaves_no_process(tmp_path):
    out = tmp_path / "speed.json"
    words = ["bench", "loss", "probe", "--quick", "--rounds", "3", "--without-peers"]
    running = subprocess.Popen(
        [*SIMCLR, *words, "--out", str(out)], stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    while not out.exists():
        assert running.poll() is None
        time.sleep(0.05)
    time.sleep(2)  # well into the second part
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert errors.endswith("Stopped. The finished parts are kept.\n"), errors
    assert list(json.loads(out.read_text())) == ["loss"]
    if Path("/proc").exists():
        assert not [line for line in command_lines() if str(tmp_path) in line]


def command_lines():
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue


@pytest.mark.parametrize(
    ("parts", "content", "said"),
    [
        (["speed"], None, "no part 'speed' to measure; there are: views, step, loss"),
        (["probe"], "not JSON", "is not a results file of simclr bench: choose another --out."),
        (["probe"], "[1, 2]", "is not a results file"),
    ],
)
def test_a_mistake_is_told_before_anything_is_measured(parts, content, said, tmp_path):
    out = tmp_path / "speed.json"
    if content is not None:
        out.write_text(content)
    with pytest.raises(UserError, match=said):
        suite.bench(parts, out)


def test_a_side_that_fails_says_why(tmp_path):
    script = tmp_path / "side.py"
    script.write_text("raise SystemExit('the peer is ill')")
    failing = worker.Worker([sys.executable, script], {})
    with pytest.raises(UserError, match="ended with code 1: the peer is ill"):
        failing.wait_until_ready()
    failing.close()


def test_a_side_answers_each_question_whatever_a_library_prints(tmp_path):
    script = tmp_path / "side.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(worker.PEERS)!r})\n"
        "from serving import serve\n"
        "def prepare(start):\n"
        "    counts = iter(range(start, 99))\n"
        "    print('noise')\n"
        "    return lambda: print('more noise') or {'count': next(counts)}\n"
        "serve(prepare)\n"
    )
    side = worker.Worker([sys.executable, script], {"start": 3})
    side.wait_until_ready()
    assert [side.measure() for _ in range(2)] == [{"count": 3}, {"count": 4}]
    side.close()
    assert side.process.returncode is not None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system decides alone")
@pytest.mark.parametrize("cores", [1, None])
def test_every_thread_of_a_side_stays_on_the_cores_that_it_was_given(cores):
    ours = os.sched_getaffinity(0)
    side = worker.Worker.kit("views", {"size": 32, "blur": 0.0, "quick": True}, cores)
    assert os.sched_getaffinity(0) == ours
    try:
        side.wait_until_ready()
        assert side.measure()["rate"] > 0
        threads = [int(entry.name) for entry in Path(f"/proc/{side.process.pid}/task").iterdir()]
        found = {thread: os.sched_getaffinity(thread) for thread in threads}
    finally:
        side.close()
    assert len(threads) > 2  # the framework has started its own
    allowed = set(sorted(ours)[:cores])
    assert all(its == allowed for its in found.values()), found


def test_without_a_way_to_install_the_peers_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    said = []
    assert environment.peers_python(tmp_path / "peers", said.append) is None
    assert len(said) == 2
    assert said[1].startswith("Going on without peers: they could not be installed (ERROR: ")
    assert not (tmp_path / "peers" / "installed.txt").exists()


def test_peers_know_nothing_of_the_kit():
    scripts = sorted(worker.PEERS.glob("*.py"))
    assert len(scripts) >= 5
    for script in scripts:
        tree = ast.parse(script.read_text())
        assert ast.get_docstring(tree), script
        imported = [
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        ]
        assert not [name for name in imported if name and name.startswith("simclr_lib")], script


def test_every_part_is_a_module_with_cases_for_a_quick_look():
    import importlib

    for part in bench.PARTS:
        module = importlib.import_module(f"simclr_lib.bench.{part}")
        quick, full = (module.cases(quick) for quick in (True, False))
        assert 1 <= len(quick) <= len(full)
        assert all(case.part == part and case.seconds(5) > 0 for case in quick + full)

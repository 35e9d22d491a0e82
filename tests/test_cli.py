"""The `simclr` command: what it does, and one clear line for whatever is wrong."""

import contextlib
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import asdict, fields
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from simclr_lib import cli, doctor, experiment
from simclr_lib.datasets import cifar10
from simclr_lib.errors import UserError
from simclr_lib.recipes import PRESETS, Recipe, get_recipe

COMMANDS = ("run", "data", "lab", "doctor", "progress", "build", "sweep", "bench")
SIMCLR = Path(sys.executable).with_name("simclr")

TOLD = ("Pretraining: ", "Supervised baseline: ", "Warning: ")  # while a run goes on

# Two steps an epoch: enough to stop in, and to go on from.
TINY = (
    "train_limit=130",
    "test_limit=40",
    "epochs=4",
    "head_layers=1",
    "supervised_baseline=false",
)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Every test in a folder of its own, with caches of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIMCLR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def simclr(capsys):
    """`simclr` in this process: words → (exit code, stdout, stderr)."""

    def call(*words):
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as stop:  # what argparse does
            code = stop.code
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def refusal(simclr):
    """Words → the one line that `simclr` says before it exits with 2."""

    def call(*words):
        code, _, errors = simclr(*words)
        assert code == 2, errors
        lines = [line for line in errors.splitlines() if not line.startswith(TOLD)]
        assert len(lines) == 1, errors
        assert lines[0].startswith("simclr: ")
        return lines[0]

    return call


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- bad words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "COMMAND"),
        ("rum smoke", "'rum'"),
        ("run", "RECIPE"),
        ("run smoke --bogus", "--bogus; see: simclr run --help"),
        ("run clasroom", "no recipe 'clasroom'; did you mean 'classroom'?"),
        ("run zzz", "there are: smoke, demo, classroom"),
        ("run smoke --set temprature=1", "no 'temprature'; did you mean 'temperature'?"),
        ("run smoke --set name=mine", "no 'name'"),
        ("run smoke --set batch_size=1", "batch_size must be at least 2 (a picture needs others"),
        ("run smoke --set temperature=0", "temperature must be at least 0.001"),
        ("run smoke --set temperature=nan", "temperature must be"),
        ("run smoke --set epochs=-1", "epochs must be at least 1"),
        ("run smoke --set epochs=many", "epochs takes a whole number; got 'many'"),
        ("run smoke --set epochs=2.5", "epochs takes a whole number"),
        ("run smoke --set supervised_baseline=maybe", "takes true or false"),
        ("run smoke --set optimizer=adagrad", "one of adamw, adam, muon, sgd, lars"),
        ("run smoke --set optimizer=adam", "adam has no weight decay: set weight_decay=0"),
        ("run smoke --set epochs=2 --set seed=-3", "seed must be at least 0"),
        ("run --set epochs=1 smoke", "RECIPE"),
        ("run smoke --set epochs", "--set takes key=value, after the recipe; got 'epochs'"),
        ("data imagenet", "'imagenet'"),
    ],
)
def test_bad_words_get_one_line_at_once(refusal, tmp_path, monkeypatch, words, said):
    monkeypatch.delattr(experiment, "run")  # never reached
    assert said in refusal(*words.split())
    assert contents(tmp_path) == {}


def test_bad_words_and_help_do_not_wait_for_keras():
    calls = [[], ["run", "smokee"], ["--help"], *([command, "--help"] for command in COMMANDS)]
    code = f"""
import contextlib, sys, time
from simclr_lib.cli import main
for words in {calls}:
    with contextlib.suppress(SystemExit):
        main(words)
print("took", time.process_time() < 2, not {{"keras", "tensorflow", "numpy"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("took True True\n"), done.stdout + done.stderr
    assert done.stdout.count("example:\n  simclr ") == 1 + len(COMMANDS)
    assert all(f"  {name} " in done.stdout for name in PRESETS)


def test_each_recipe_is_told_in_the_help():
    assert list(cli.ABOUT) == list(PRESETS)


# --- bad data


def write_tree(root, classes=("ant", "bee"), pictures=5):
    """A seeded class-per-folder tree of 16×16 noise."""
    rng = np.random.default_rng(0)
    for name in classes:
        (root / name).mkdir(parents=True)
        for i in range(pictures):
            noise = rng.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(noise).save(root / name / f"{i}.png")
    return root


def write_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def members_of(folder):
    return {str(path.relative_to(folder)): data for path, data in contents(folder).items()}


def missing(folder):
    return folder / "nowhere"


def no_images(folder):
    return write_zip(folder / "notes.zip", {"a/readme.txt": "hello", "b/readme.txt": "hello"})


def one_class(folder):
    write_tree(folder / "tree", ["ant"])
    return write_zip(folder / "one.zip", members_of(folder / "tree"))


def climbing(folder):
    members = members_of(write_tree(folder / "tree"))
    return write_zip(folder / "evil.zip", members | {"../../ant/9.png": members["ant/0.png"]})


def encrypted(folder):
    path = write_zip(folder / "secret.zip", members_of(write_tree(folder / "tree")))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag in the first entry of the directory
    path.write_bytes(data)
    return path


def truncated(folder):
    path = write_zip(folder / "short.zip", members_of(write_tree(folder / "tree")))
    path.write_bytes(path.read_bytes()[:-200])
    return path


def undecodable(folder):
    (write_tree(folder / "tree") / "bee" / "3.png").write_bytes(b"not a picture")
    return folder / "tree"


def one_picture(folder):
    tree = write_tree(folder / "tree")
    return write_tree(tree, ["lonely"], pictures=1)


def few_pictures(folder):
    return write_tree(folder / "tree")


def unknown_name(folder):
    return "cifar-10"


def not_fetched(folder):
    return "cifar10"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (missing, "nowhere"),
        (no_images, "notes.zip holds no JPEG, PNG or WebP picture"),
        (one_class, "only the class 'ant'"),
        (climbing, "'../../ant/9.png' climbs out"),
        (encrypted, "ant/0.png is encrypted"),
        (truncated, "short.zip is neither a folder nor a whole zip"),
        (undecodable, "bee/3.png"),
        (one_picture, "the class 'lonely' has one picture"),
        (few_pictures, "A batch of 64 needs as many training pictures and tree has 8"),
        (unknown_name, "did you mean 'cifar10'?"),
        (not_fetched, "run `simclr data cifar10`"),
    ],
)
def test_bad_data_gets_one_line_and_stays_as_it_is(refusal, tmp_path, make, said):
    path = make(tmp_path)
    before = contents(tmp_path)
    assert said in refusal("run", "smoke", "--data", path, "--out", tmp_path / "run")
    assert contents(tmp_path) == before


# --- run folders, and runs that stop


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run folder whose run was stopped in its third epoch; copy it before you touch it."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    looks = []

    def stop_at_the_third(*arguments, **options):
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt
        return knn_accuracy(*arguments, **options)

    knn_accuracy = experiment.knn_accuracy
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "knn_accuracy", stop_at_the_third)
        assert cli.main(["run", "smoke", "--out", str(folder), "--set", *TINY]) == 130
    return folder


def test_a_stopped_run_goes_on_to_its_results(simclr, stopped, tmp_path):
    run = shutil.copytree(stopped, tmp_path / "run")
    code, output, errors = simclr("run", "smoke", "--out", run, "--set", *TINY)
    assert code == 0
    assert "Pretraining: going on from step 4 of 8." in errors
    assert "random encoder" in output
    assert not (run / "checkpoint.npz").exists()


def test_a_checkpoint_that_is_cut_short_is_named(refusal, stopped, tmp_path):
    run = shutil.copytree(stopped, tmp_path / "run")
    checkpoint = run / "checkpoint.npz"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    before = contents(run)
    line = refusal("run", "smoke", "--out", run, "--set", *TINY)
    assert f"The checkpoint {checkpoint} is damaged" in line
    assert "delete it to start this run again" in line
    assert contents(run).keys() == before.keys()
    assert checkpoint.read_bytes() == before[checkpoint]


def test_a_config_that_is_cut_short_is_named(refusal, stopped, tmp_path):
    run = shutil.copytree(stopped, tmp_path / "run")
    (run / "config.json").write_text((run / "config.json").read_text()[:100])
    before = contents(run)
    assert "config.json is damaged" in refusal("run", "smoke", "--out", run, "--set", *TINY)
    assert contents(run) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", *TINY, "epochs=5", "seed=1"), "epochs is 4 there and 5 here"),
        (("--set", *TINY, "--data", "tree"), "name is 'shapes' there and 'tree' here"),
    ],
)
def test_another_run_in_the_folder_is_refused_by_the_first_difference(
    refusal, stopped, tmp_path, words, said
):
    write_tree(tmp_path / "tree", pictures=60)
    run = shutil.copytree(stopped, tmp_path / "run")
    before = contents(run)
    line = refusal("run", "smoke", "--out", run, *words)
    assert f"{run} holds another run" in line
    assert said in line
    assert contents(run) == before


@pytest.mark.parametrize("out", ["notes.txt", "notes.txt/run"])
def test_a_file_where_the_run_folder_should_be_is_named_and_kept(refusal, tmp_path, out):
    (tmp_path / "notes.txt").write_text("precious")
    assert f"The run folder {out} can't be used" in refusal("run", "smoke", "--out", out)
    assert contents(tmp_path) == {tmp_path / "notes.txt": b"precious"}


@contextlib.contextmanager
def without_privileges():
    """As a user who may not write everywhere: root may."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="no POSIX permissions")
@pytest.mark.parametrize("exists", [False, True])
def test_a_run_folder_without_permission_is_named(refusal, tmp_path, exists):
    locked = tmp_path / "locked"
    run = locked / "run"
    (run / "figures" if exists else locked).mkdir(parents=True)
    run.chmod(0o555) if exists else locked.chmod(0o555)
    with without_privileges():
        line = refusal("run", "smoke", "--out", run)
    assert "ermission" in line
    assert str(run) in line
    assert contents(locked) == {}


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user can't mount a small file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_costs_nothing_and_with_room_the_run_goes_on(
    simclr, refusal, stopped, small_disk
):
    run = shutil.copytree(stopped, small_disk / "run")
    before = contents(run)
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))

    for room in (0, 100_000):  # none at all; enough for a figure, but for no checkpoint
        os.truncate(filler.name, os.path.getsize(filler.name) - room)
        line = refusal("run", "smoke", "--out", run, "--set", *TINY)
        assert line.startswith("simclr: the disk is full: free some space")
        after = contents(run)
        assert after.keys() == before.keys()
        for name in ("checkpoint.npz", "config.json"):
            assert after[run / name] == before[run / name]

    os.remove(filler.name)
    code, _, errors = simclr("run", "smoke", "--out", run, "--set", *TINY)
    assert code == 0
    assert "going on from step 4" in errors


def test_a_loss_that_is_nan_stops_the_run_and_keeps_a_good_checkpoint(refusal, tmp_path):
    # Each step multiplies the kernels by 1 − 100 × 1: beyond float32 after some twenty.
    absurd = ("optimizer=sgd", "learning_rate=100", "weight_decay=1", "warmup_epochs=0")
    words = ("run", "smoke", "--out", "run", "--set", *TINY, "epochs=40", "knn_every=0", *absurd)
    line = refusal(*words)
    assert "The last good checkpoint is kept. Try a smaller learning rate" in line

    with np.load(tmp_path / "run" / "checkpoint.npz") as checkpoint:
        arrays = [checkpoint[name] for name in checkpoint.files if name != "progress"]
        steps = json.loads(str(checkpoint["progress"]))["step"]
    assert steps > 0
    assert all(np.isfinite(array).all() for array in arrays)
    assert refusal(*words) == line  # goes on from there, to the same end


def test_ctrl_c_and_a_polite_kill_are_told_in_one_line(simclr, monkeypatch):
    for stop in (signal.SIGINT, signal.SIGTERM):
        monkeypatch.setattr(experiment, "run", lambda *_, stop=stop: signal.raise_signal(stop))
        code, output, errors = simclr("run", "smoke")
        assert (code, output) == (130, "")
        assert errors == "Stopped before the first checkpoint. The same command starts again.\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("one\nthing"), 2, "simclr: one thing"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "simclr: the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 2, "simclr: the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "there"), 2, "permission (there)"),
        (MemoryError(), 2, "halve batch_size"),
        (type("ResourceExhaustedError", (Exception,), {})("OOM"), 2, "halve batch_size"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), 2, "halve batch_size"),
        (ImportError("No module named 'x'"), 2, "`simclr doctor`"),
        (ValueError("two\nlines"), 1, "unforeseen: ValueError: two lines; run again with --debug"),
    ],
)
def test_every_error_is_one_line_and_with_debug_a_traceback(simclr, monkeypatch, error, code, said):
    def fail(*_):
        raise error

    monkeypatch.setattr(experiment, "run", fail)
    found, output, errors = simclr("run", "smoke")
    assert (found, output) == (code, "")
    assert errors.count("\n") == 1
    assert said in errors
    for words in (("--debug", "run", "smoke"), ("run", "smoke", "--debug")):
        found, _, errors = simclr(*words)
        assert found == code
        assert errors.startswith("Traceback")


# --- what works


def test_settings_and_data_reach_the_recipe(simclr, monkeypatch):
    asked = []
    monkeypatch.setattr(experiment, "run", lambda *arguments: asked.append(arguments))
    words = "run demo --set epochs=3 seed=4 --data x.zip --set temperature=0.1"
    simclr(*words.split())
    simclr("run", "smoke", "--out", "elsewhere")
    changed = {"epochs": 3, "seed": 4, "data": "x.zip", "temperature": 0.1}
    assert asked == [
        (get_recipe("demo", changed), Path("runs/demo")),
        (get_recipe("smoke"), Path("elsewhere")),
    ]


def test_what_a_data_source_notices_is_a_note(simclr, tmp_path):
    tree = write_tree(tmp_path / "tree")
    (tree / "ant" / "notes.txt").write_text("ants")
    _, _, errors = simclr("run", "smoke", "--data", tree)
    assert errors.startswith(f"Note: {tree}: 1 files ignored")


def test_smoke_leaves_everything_and_the_second_time_only_tells(simclr, tmp_path, monkeypatch):
    done = subprocess.run([SIMCLR, "run", "smoke"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = ("accuracy, %", "SimCLR", "random encoder", "raw pixels", "supervised from scratch")
    lines = done.stdout.splitlines()
    assert lines[lines.index("") + 1].split()[-2:] == ["linear", "kNN"]
    assert all(any(line.startswith(row) for line in lines) for row in rows)
    assert re.search(r"Contrastive training took [0-9]+\.[0-9] minutes\.", done.stdout)
    assert all(line.startswith(TOLD) for line in done.stderr.splitlines()), done.stderr

    run = tmp_path / "runs" / "smoke"
    made = {str(path.relative_to(run)) for path in contents(run)}
    assert made >= {"config.json", "metrics.csv", "results.json", "encoder.keras", "head.keras"}
    assert f"Pictures: {Path('runs/smoke/figures')}" in done.stdout
    figures = ("views", "curves", "accuracies", "neighbours", "features", "confusion")
    assert {path.stem for path in (run / "figures").iterdir()} >= set(figures)
    for path in (run / "figures").iterdir():
        Image.open(path).load()

    config = json.loads((run / "config.json").read_text())
    assert set(config["recipe"]) == {field.name for field in fields(Recipe)}
    assert config["recipe"] == asdict(PRESETS["smoke"])
    assert config["recipe"]["seed"] == 0
    assert config["versions"]["keras"] == keras.version()
    assert {"python", "numpy", "simclr-course-kit"} <= set(config["versions"])

    before = contents(run)
    monkeypatch.delattr(experiment, "fit_epochs")  # nothing is trained again
    code, output, errors = simclr("run", "smoke")
    assert (code, errors) == (0, "")
    assert output.startswith("This run is finished")
    assert output.splitlines()[1:] == lines[lines.index("") :]
    assert contents(run) == before


def test_data_fetches_and_says_how_to_use_it(simclr, monkeypatch):
    monkeypatch.setattr(cifar10, "download", lambda target: target or Path("cache"))
    assert simclr("data", "cifar10")[1].endswith("simclr run classroom --data cifar10\n")
    assert simclr("data", "cifar10", "--to", "there")[1].endswith("--data there\n")


@pytest.mark.skipif(os.name == "nt", reason="there, a child process")
def test_lab_becomes_jupyterlab_on_the_notebooks(simclr, monkeypatch):
    called = []
    monkeypatch.setenv("PATH", os.environ["PATH"])  # put back afterwards: `lab` adds to it
    monkeypatch.setattr(os, "execv", lambda *arguments: called.append(arguments))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    simclr("lab", "--no-browser", "--port=9999")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    simclr("lab")
    command = [sys.executable, "-m", "jupyterlab"]
    command.append(f"--ServerApp.root_dir={Path(__file__).parents[1] / 'notebooks'}")
    assert called == [
        (sys.executable, [*command, "--no-browser", "--port=9999"]),
        (sys.executable, [*command, "--allow-root"]),
    ]


@pytest.mark.skipif(os.name == "nt", reason="there, a child process")
def test_a_terminal_in_jupyterlab_finds_simclr(simclr, monkeypatch):
    monkeypatch.setattr(os, "execv", lambda *arguments: None)
    monkeypatch.setenv("PATH", "/nowhere")
    assert shutil.which("simclr") is None
    simclr("lab")
    assert shutil.which("simclr") == str(SIMCLR)


def test_lab_without_notebooks_says_where_to_go(refusal, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "KIT", tmp_path)
    assert "no folder `notebooks`" in refusal("lab")


def test_doctor_prints_findings_and_its_exit_code_tells_of_faults(simclr, monkeypatch):
    well, hint = doctor.Finding("disk", "9 GB"), doctor.Finding("cifar10", "no", None, "fetch")
    ill = doctor.Finding("packages", "none", False, "install")
    monkeypatch.setattr(doctor, "examine", lambda: iter([well, hint]))
    assert simclr("doctor")[:2] == (
        0,
        "✓ disk        9 GB\n– cifar10     no\n              → fetch\n\nAll is well.\n",
    )
    monkeypatch.setattr(doctor, "examine", lambda: iter([well, ill]))
    code, output, _ = simclr("doctor")
    assert code == 1
    assert "✗ packages    none\n              → install\n" in output
    assert output.endswith("1 to mend: see ✗.\n")


@pytest.mark.skipif(os.name == "nt", reason="no such pipes there")
def test_a_reader_that_has_read_enough_is_no_error(tmp_path):
    here = os.environ | {"SIMCLR_PROGRESS": str(tmp_path / "progress.json")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([SIMCLR, "progress"], env=here, **pipes) as process:
        process.stdout.close()
        errors = process.stderr.read().decode()
    assert (process.returncode, errors) == (0, "")

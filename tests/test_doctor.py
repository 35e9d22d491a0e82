"""What `simclr doctor` sees, and the command it gives for what is wrong."""

import subprocess
import sys
from collections import namedtuple
from email.message import Message

import keras
import pytest

from simclr_lib import doctor, machine, quiet

CHECKS = "python packages processor memory disk folder notebooks shapes cifar10 keras"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def wanting(*requirements, python=">=3.11"):
    """The kit's metadata, with other wishes."""
    kit = Message()
    kit["Requires-Python"] = python
    for requirement in requirements:
        kit["Requires-Dist"] = requirement
    return lambda: kit


def test_a_machine_that_runs_the_tests_is_found_able_to():
    findings = {finding.name: finding for finding in doctor.examine()}
    assert " ".join(findings) == CHECKS
    for name in ("python", "disk", "folder", "notebooks", "shapes", "keras"):
        assert findings[name].ok, findings[name]
        assert not findings[name].remedy
    assert all(finding.remedy for finding in findings.values() if finding.ok is False)
    assert findings["shapes"].value.startswith("5,000 pictures drawn")
    assert f"on {keras.backend.backend()}, started in" in findings["keras"].value
    has_or_lacks = "has" if machine.has_bfloat16() else "lacks"
    assert f"the processor {has_or_lacks} bfloat16" in findings["keras"].value


def test_keras_is_started_last():
    code = """
import sys
from simclr_lib.doctor import examine
for finding in examine():
    if finding.name == "cifar10":
        break
print(*{"keras", "tensorflow", "jax"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(doctor, "metadata", wanting(python=">=3.99"))
    finding = doctor.python()
    assert not finding.ok
    assert finding.value.endswith("but the kit needs >=3.99")
    assert finding.remedy == "make clean env"


def test_packages_are_compared_with_what_the_kit_asks_for(monkeypatch):
    wishes = (
        "numpy>=1",
        "absent>=1",
        "keras>=99",
        "winonly>=1; sys_platform == 'nowhere'",
        "jaxonly>=1; extra == 'jax'",
    )
    monkeypatch.setattr(doctor, "metadata", wanting(*wishes))
    finding = doctor.packages()
    assert finding.ok is False
    assert finding.value == f"absent is missing; keras {keras.version()} is not >=99"
    assert "-m pip install" in finding.remedy
    assert str(doctor.KIT) in finding.remedy

    monkeypatch.setattr(doctor, "metadata", wanting("numpy>=1", wishes[3], wishes[4]))
    assert doctor.packages() == doctor.Finding("packages", "all 1 as needed")


@pytest.mark.parametrize("installed", ["tensorflow", "tensorflow-cpu"])
def test_either_tensorflow_serves(monkeypatch, installed):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(doctor, "metadata", wanting("tensorflow-cpu>=2.21,<3"))
    monkeypatch.setattr(doctor, "installed", {installed: "2.21.0"}.get)
    assert doctor.packages().ok
    monkeypatch.setattr(doctor, "installed", {}.get)
    assert doctor.packages().value == "tensorflow-cpu is missing"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert doctor.packages().ok
    assert doctor.install_command().endswith("[jax]'")


def test_little_memory(monkeypatch):
    monkeypatch.setattr(machine, "memory_gb", lambda: (8.0, 2.5))
    finding = doctor.memory()
    assert finding.ok is False
    assert finding.value == "2.5 of 8.0 GB free; 4 are comfortable"
    assert "batch_size" in finding.remedy


def test_a_disk_that_is_nearly_full(monkeypatch):
    usage = namedtuple("usage", "free")(2e8)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert doctor.disk().ok is False
    assert doctor.disk().value.startswith("0.2 GB free")


def test_a_folder_that_cannot_be_written_in(tmp_path):
    (tmp_path / "runs").write_text("a file in the way")
    finding = doctor.folder()
    assert finding.ok is False
    assert finding.value.startswith("cannot write in runs")
    assert finding.remedy == "cd ~"


def test_cifar10_where_it_is_and_where_it_is_not(tmp_path):
    assert doctor.cifar10().ok is None
    assert doctor.cifar10().remedy == "simclr data cifar10"
    batches = tmp_path / "keras" / "datasets" / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    (batches / "data_batch_1").touch()
    assert doctor.cifar10() == doctor.Finding("cifar10", str(batches))


def test_an_unknown_backend(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflwo")
    assert doctor.keras().ok is False
    assert doctor.keras().remedy == "unset KERAS_BACKEND"


def test_what_breaks_a_check_is_a_finding(monkeypatch):
    def broken():
        raise ImportError("DLL load failed\nwhile importing")

    broken.__name__ = "shapes"
    monkeypatch.setattr(doctor, "shapes", broken)
    monkeypatch.setattr(quiet, "import_keras", broken)
    findings = {finding.name: finding for finding in doctor.examine()}
    assert " ".join(findings) == CHECKS
    for name in ("shapes", "keras"):
        assert findings[name].ok is False
        assert findings[name].value == "ImportError: DLL load failed while importing"
        assert "-m pip install" in findings[name].remedy


def test_notebooks_beside_the_kit_or_here_or_nowhere(tmp_path, monkeypatch):
    assert doctor.notebooks_folder() == doctor.KIT / "notebooks"
    monkeypatch.setattr(doctor, "KIT", tmp_path / "site-packages")
    assert doctor.notebooks_folder() is None
    assert doctor.notebooks().ok is None
    (tmp_path / "notebooks").mkdir()
    assert doctor.notebooks_folder() == tmp_path / "notebooks"

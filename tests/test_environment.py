"""environment.yml, pyproject.toml, constraints.txt and the Makefile agree, and install."""

import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    extra: [Requirement(line) for line in lines]
    for extra, lines in PROJECT["optional-dependencies"].items()
}
ALL = [*RUNTIME, *chain.from_iterable(EXTRAS.values())]
SUPPORTED = SpecifierSet(PROJECT["requires-python"])
PINS = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1] != "#"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA_PACKAGES = [entry for entry in CONDA["dependencies"] if isinstance(entry, str)]
CONDA_PIP_LINES = next(entry for entry in CONDA["dependencies"] if isinstance(entry, dict))["pip"]


def pinned_versions():
    pins = [re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.!+]*)", line) for line in PINS]
    assert all(pins), "constraints.txt holds something else than name==version"
    return {canonicalize_name(pin[1]): pin[2] for pin in pins}


def test_conda_brings_a_supported_python_and_pip_and_nothing_else():
    python, pip = CONDA_PACKAGES
    version = re.fullmatch(r"python=(3\.\d+)", python).group(1)
    assert version in SUPPORTED
    assert pip == "pip"


def test_conda_installs_the_kit_from_its_own_folder_at_the_pinned_versions():
    assert CONDA_PIP_LINES == ["-c constraints.txt", "-e ."]


def test_makefile_looks_for_the_supported_pythons():
    makefile = (ROOT / "Makefile").read_text()
    candidates = re.search(r"^PYTHON \?= (.*)$", makefile, re.MULTILINE)[1].split()
    minors = [minor for minor in range(30, 0, -1) if f"3.{minor}" in SUPPORTED]
    assert candidates == [*(f"python3.{minor}" for minor in minors), "python3"]
    low, high = re.search(r"\(3, (\d+)\) <= sys.version_info < \(3, (\d+)\)", makefile).groups()
    assert SpecifierSet(f">=3.{low},<3.{high}") == SUPPORTED


@pytest.mark.parametrize("requirement", ALL, ids=lambda r: r.name)
def test_every_dependency_is_bounded_on_both_sides_and_pinned_within(requirement):
    assert sorted(spec.operator for spec in requirement.specifier) == ["<", ">="]
    version = pinned_versions().get(canonicalize_name(requirement.name))
    assert version, f"{requirement.name} has no pin: run `make constraints`"
    assert version in requirement.specifier


def test_no_dependency_and_no_pin_is_listed_twice():
    names = [requirement.name for requirement in ALL]
    assert len(names) == len(set(names))
    assert len(PINS) == len(pinned_versions())


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "x86_64", "tensorflow-cpu"),
        ("win32", "AMD64", "tensorflow-cpu"),
        ("linux", "aarch64", "tensorflow"),
        ("darwin", "arm64", "tensorflow"),
    ],
)
def test_each_machine_gets_the_one_tensorflow_made_for_it(system, machine, expected):
    here = {"sys_platform": system, "platform_machine": machine}
    tensorflows = [r for r in RUNTIME if r.name.startswith("tensorflow")]
    chosen = [r.name for r in tensorflows if r.marker.evaluate(here)]
    assert chosen == [expected]


def test_what_is_installed_is_what_pyproject_asks_for():
    for requirement in RUNTIME + EXTRAS["test"]:
        if requirement.marker is None or requirement.marker.evaluate():
            assert metadata.version(requirement.name) in requirement.specifier, requirement


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout: no list of files")
def test_no_tracked_file_says_where_packages_come_from():
    address = r"--(extra-)?(index-url|find-links)|trusted[-_]host|https?://[^ ]*/simple([/\" ]|$)"
    found = subprocess.run(
        ["git", "grep", "-nIE", "-e", address], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 1, found.stdout + found.stderr  # 1 is grep's "no line matches"


@pytest.mark.slow
def test_the_pip_part_of_environment_yml_installs_in_a_clean_environment(tmp_path):
    """As conda does it: a requirements file written beside environment.yml, pip run from there.

    Conda's own part, python and pip from conda-forge, is not run."""
    kit = tmp_path / "kit"
    shutil.copytree(ROOT / "simclr_lib", kit / "simclr_lib")
    for name in ("pyproject.toml", "constraints.txt", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, kit)
    (kit / "condaenv.txt").write_text("\n".join(CONDA_PIP_LINES))
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"

    def run(*arguments, cwd):
        done = subprocess.run([python, *arguments], cwd=cwd, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-m", "pip", "install", "--quiet", "-r", "condaenv.txt", cwd=kit)
    run("-m", "pip", "check", cwd=kit)
    imported = run("-c", "import simclr_lib; print(simclr_lib.__file__)", cwd=tmp_path)
    assert Path(imported.strip()) == kit / "simclr_lib" / "__init__.py"

"""Examine a machine and an installation: what is there, what is wrong, and what mends it."""

import importlib.metadata
import os
import platform
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path

KIT = Path(__file__).resolve().parents[1]
MEMORY_GB = 4
DISK_GB = 1


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes:
        name: what was looked at.
        value: what was seen.
        ok: True, False, or None for what is merely good to know.
        remedy: the one command that mends or improves it; empty where there is nothing to do.
    """

    name: str
    value: str
    ok: bool | None = True
    remedy: str = ""

    def __str__(self):
        mark = {True: "✓", False: "✗", None: "–"}[self.ok]
        line = f"{mark} {self.name:12}{self.value}"
        return f"{line}\n{'':14}→ {self.remedy}" if self.remedy else line


def examine() -> Iterator[Finding]:
    """Yield one `Finding` after the other, the quick ones first; never raises."""
    for look in (python, packages, cores, memory, disk, folder, notebooks, shapes, cifar10, keras):
        try:
            yield look()
        except Exception as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            yield Finding(look.__name__, what, False, install_command())


def python():
    wanted = metadata()["Requires-Python"]
    version = platform.python_version()
    if meets(version, wanted):
        return Finding("python", version)
    return Finding("python", f"{version}, but the kit needs {wanted}", False, "make clean env")


def packages():
    """Compare what is installed with what the kit's metadata asks for."""
    from packaging.requirements import Requirement

    needed = [Requirement(line) for line in metadata().get_all("Requires-Dist") or []]
    needed = [r for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    faults = []
    for requirement in needed:
        name = requirement.name
        if name.startswith("tensorflow"):
            if backend != "tensorflow":
                continue
            name = next(filter(installed, ("tensorflow-cpu", "tensorflow")), name)
        version = installed(name)
        if version is None:
            faults.append(f"{name} is missing")
        elif not meets(version, str(requirement.specifier)):
            faults.append(f"{name} {version} is not {requirement.specifier}")
    if faults:
        return Finding("packages", "; ".join(faults), False, install_command())
    return Finding("packages", f"all {len(needed)} as needed")


def cores():
    from simclr_lib import machine

    return Finding("processor", f"{machine.processor()}, {machine.cores()} cores", None)


def memory():
    from simclr_lib import machine

    total, free = machine.memory_gb()
    seen = f"{free:.1f} of {total:.1f} GB free"
    if free >= MEMORY_GB:
        return Finding("memory", seen)
    remedy = "close other programs, or: simclr run classroom --set batch_size=256"
    return Finding("memory", f"{seen}; {MEMORY_GB} are comfortable", False, remedy)


def disk():
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    if free >= DISK_GB:
        return Finding("disk", f"{free:.0f} GB free in this folder")
    return Finding(
        "disk", f"{free:.1f} GB free in this folder, {DISK_GB} is needed", False, "du -sh runs/*"
    )


def folder():
    """Write where `simclr run` would."""
    place = Path("runs") if Path("runs").exists() else Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
    except OSError as error:
        return Finding("folder", f"cannot write in {place} ({error.strerror})", False, "cd ~")
    return Finding("folder", f"can write in {place.resolve()}")


def notebooks():
    found = notebooks_folder()
    if found:
        return Finding("notebooks", str(found))
    return Finding("notebooks", "not here: `simclr lab` needs the kit's folder", None, f"cd {KIT}")


def shapes():
    from simclr_lib.datasets import load_dataset

    began = time.perf_counter()
    pictures = len(load_dataset("shapes").train_images)
    return Finding("shapes", f"{pictures:,} pictures drawn in {time.perf_counter() - began:.1f} s")


def cifar10():
    from simclr_lib.datasets import cifar10

    found = cifar10.find()
    if found:
        return Finding("cifar10", str(found))
    return Finding(
        "cifar10", "not fetched; not needed for the lessons", None, "simclr data cifar10"
    )


def keras():
    """Start the backend, multiply two matrices, and tell how a run would compute."""
    from simclr_lib import machine
    from simclr_lib.quiet import import_keras

    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend not in ("tensorflow", "jax"):
        seen = f"KERAS_BACKEND is {backend!r}, but the kit knows tensorflow and jax"
        return Finding("keras", seen, False, "unset KERAS_BACKEND")
    began = time.perf_counter()
    keras = import_keras()
    product = keras.ops.convert_to_numpy(keras.ops.ones((64, 64)) @ keras.ops.ones((64, 64)))
    took = time.perf_counter() - began
    backend = keras.backend.backend()
    seen = f"{keras.version()} on {backend}, started in {took:.0f} s"
    if not (product == 64).all():
        return Finding("keras", f"{seen}, but it multiplies wrongly", False, install_command())
    bfloat16 = (
        "has bfloat16, taken where it is faster" if machine.has_bfloat16() else "lacks bfloat16"
    )
    return Finding("keras", f"{seen}; the processor {bfloat16}")


def notebooks_folder():
    """The folder of the lessons: beside the installed package, or here; None if neither."""
    for place in (KIT, Path.cwd()):
        if (place / "notebooks").is_dir():
            return place / "notebooks"
    return None


def metadata():
    return importlib.metadata.metadata("simclr-course-kit")


def installed(name):
    """The version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except PackageNotFoundError:
        return None


def meets(version, wanted):
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(wanted).contains(version, prereleases=True)


def install_command():
    """The command that installs the kit anew at the versions it was tested with."""
    extra = "[jax]" if os.environ.get("KERAS_BACKEND") == "jax" else ""
    pins = ["-c", str(KIT / "constraints.txt")] if (KIT / "constraints.txt").exists() else []
    return shlex.join([sys.executable, "-m", "pip", "install", *pins, "-e", f"{KIT}{extra}"])

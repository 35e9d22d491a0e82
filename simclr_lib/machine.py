"""What this machine is: recorded with every run, and told by `simclr doctor`."""

import importlib.metadata
import os
import platform
from pathlib import Path

import psutil

PACKAGES = ("tensorflow", "tensorflow-cpu", "jax", "keras", "numpy", "scipy", "simclr-course-kit")


def cores():
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def memory_gb():
    """Memory of the machine, and how much of it is free, in GB (10⁹ bytes)."""
    memory = psutil.virtual_memory()
    return memory.total / 1e9, memory.available / 1e9


def processor():
    """The processor's name as the system gives it."""
    for line in cpuinfo():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def has_bfloat16():
    """Whether the processor multiplies bfloat16 numbers in hardware (known on Linux only)."""
    flags = next((line for line in cpuinfo() if line.startswith("flags")), "").split()
    return bool({"avx512_bf16", "amx_bf16"} & set(flags))


def cpuinfo():
    """Lines of Linux' description of the first processor; none elsewhere."""
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def versions():
    """Versions of Python and of the packages that results depend on; absent ones left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def description():
    """One dict of all that: JSON-able."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": cores(),
        "memory_gb": round(memory_gb()[0], 1),
        "bfloat16": has_bfloat16(),
    }

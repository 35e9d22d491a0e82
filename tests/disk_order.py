"""In which order things come to disk: what a power cut can leave."""

import os
from pathlib import Path

import pytest

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc/self/fd")


def order_of(monkeypatch):
    """A list that grows: `("disk", path)` as one comes to disk, `("name", path)` as it is named."""
    seen, sync, replace = [], os.fsync, os.replace

    def recorded_sync(descriptor):
        seen.append(("disk", Path(os.readlink(f"/proc/self/fd/{descriptor}"))))
        sync(descriptor)

    def recorded_replace(source, target, **more):
        replace(source, target, **more)
        seen.append(("name", Path(target)))

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    return seen

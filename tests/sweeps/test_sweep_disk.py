"""What a power cut, a kill or a full disk can leave of a sweep, between any two of its writes."""

import os

from disk_order import needs_proc, order_of
from sweep_tools import RESULTS, ROAD, notebook_of

from simclr_lib.files import make_folder
from simclr_lib.sweeps import lock, process
from simclr_lib.sweeps.folder import RunFiles, SweepFolder

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

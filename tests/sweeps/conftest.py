"""A light spec, and sweeps that are done, for the tests of sweeps."""

import pytest
from sweep_tools import LIGHT, finish_run, write_spec

from simclr_lib.sweeps.folder import SweepFolder
from simclr_lib.sweeps.plan import make_plan
from simclr_lib.sweeps.spec import read_spec


@pytest.fixture
def light(tmp_path):
    """The path of a spec of four runs that take a moment each."""
    return write_spec(tmp_path, LIGHT)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """`(spec text, accuracy of a run) → (SweepFolder, Plan)`, as if all runs had been done."""

    def finish(text, accuracy):
        tmp_path = tmp_path_factory.mktemp("finished")
        plan = make_plan(read_spec(write_spec(tmp_path, text)))
        folder = SweepFolder(tmp_path / "out")
        folder.path.mkdir()
        folder.begin(plan, tmp_path / "light.ipynb")
        for run in plan.runs:
            finish_run(folder, run, accuracy(run))
        return folder, plan

    return finish

"""The encoder of a run, asked: a fault made on purpose is found, and a healthy run has none."""

import functools
import shutil

import keras
import numpy as np
import pytest

from simclr_lib import cli, experiment
from simclr_lib.postmortem import factors
from simclr_lib.postmortem.examination import examine_run
from simclr_lib.postmortem.record import read_record
from simclr_lib.recipes import get_recipe

ASKED = {"weights", "features", "inference", "scale"}


def findings(record, **options):
    return {finding.name: finding for finding in examine_run(record, **options)}


def faults(record):
    return {name for name, finding in findings(record).items() if finding.ok is False}


def norms(encoder):
    return [n for n in encoder.layers if isinstance(n, keras.layers.BatchNormalization)]


def test_nothing_is_found_in_a_healthy_run(healthy):
    before = {path: path.stat().st_mtime_ns for path in healthy.rglob("*")}
    found = findings(read_record(healthy))
    assert set(found) >= ASKED
    assert all(finding.ok for finding in found.values()), [str(f) for f in found.values()]
    assert {path: path.stat().st_mtime_ns for path in healthy.rglob("*")} == before


def test_statistics_that_lag_are_found(altered):
    def lag(encoder):
        for norm in norms(encoder):
            norm.moving_mean.assign(norm.moving_mean + 100)  # below 0 after that: ReLU's zeros

    record = altered(lag)
    assert "inference" in faults(record)
    assert "reestimate_batch_norm" in findings(record)["inference"].remedy
    assert "not so with BatchNorm measured anew" in findings(record)["features"].value
    assert findings(record)["features"].remedy == findings(record)["inference"].remedy


def test_features_that_have_collapsed_are_found(altered):
    def collapse(encoder):
        norms(encoder)[-1].gamma.assign(0 * norms(encoder)[-1].gamma)
        norms(encoder)[-2].gamma.assign(0 * norms(encoder)[-2].gamma)
        norms(encoder)[-1].beta.assign(0 * norms(encoder)[-1].beta + 1)

    record = altered(collapse)
    assert "features" in faults(record)
    assert "nearly the same features" in findings(record)["features"].value
    assert "measured anew" not in findings(record)["features"].value


def test_weights_that_were_not_loaded_are_found(altered, healthy):
    recipe = read_record(healthy).recipe
    record = altered(lambda encoder: experiment.build_encoder(recipe, "float32"))
    assert "weights" in faults(record)
    assert "kernels by 0.0% of their length" in findings(record)["weights"].value


def test_an_encoder_of_another_recipe_is_found(altered):
    other = get_recipe("smoke", {"encoder_width": 4})
    record = altered(lambda encoder: experiment.build_encoder(other, "float32"))
    assert "another network" in findings(record)["weights"].value


def test_an_encoder_that_wants_other_numbers_is_found(altered):
    def rescale(encoder):
        views = keras.Input((None, None, 3))
        return keras.Model(views, encoder(keras.layers.Rescaling(1 / 255)(views)))

    record = altered(rescale)
    assert "scale" in faults(record)
    assert findings(record)["scale"].value.endswith("it was trained on another scale")
    assert "if not divided" in findings(record)["scale"].value


def test_a_loss_that_stays_on_its_line_and_weights_that_stay(made):
    """A learning rate of nearly nothing, and a temperature at which all similarities are one."""
    settings = {"train_limit": 32, "test_limit": 20, "encoder_width": 4, "batch_size": 16}
    settings |= {"epochs": 1, "steps_per_epoch": 120, "warmup_epochs": 0, "knn_every": 0}
    settings |= {"learning_rate": 1e-9, "temperature": 10, "supervised_baseline": False}
    settings |= {"precision": "float32"}
    record = read_record(made(get_recipe("smoke", settings)))
    assert faults(record) >= {"training", "loss", "rate", "weights"}


def test_without_its_pictures_a_run_is_told_by_its_files(healthy, altered, tmp_path):
    record = altered(data=str(tmp_path / "gone"))
    found = findings(record)
    assert found["pictures"].ok is None and "What needs them is left out" in found["pictures"].value
    assert "--data PATH" in found["pictures"].remedy
    assert found["weights"].ok and not ASKED - {"weights"} & set(found)
    assert set(found) > {"training", "loss", "statistics", "stem", "rate", "baselines"}
    assert set(findings(record, data="shapes")) >= ASKED


def test_other_pictures_under_the_same_name_are_told(altered):
    assert "other pictures" in findings(altered(seed=5))["pictures"].value


def test_without_its_encoder_a_run_is_told_by_its_files(healthy, tmp_path):
    folder = shutil.copytree(healthy, tmp_path / "run")
    (folder / "encoder.keras").unlink()
    found = findings(read_record(folder))
    assert found["encoder"].ok is None and not ASKED & set(found)
    (folder / "encoder.keras").write_text("damaged")
    assert "is damaged" in findings(read_record(folder))["encoder"].value


def test_another_backend_can_not_know_where_training_began(healthy, tmp_path):
    record = read_record(healthy)
    record.config["backend"] = "other"
    assert findings(record)["weights"].ok is None


# --- the command


@pytest.fixture
def simclr(capsys):
    def call(*words):
        code = cli.main([str(word) for word in words])
        return code, *capsys.readouterr()

    return call


def test_doctor_tells_of_a_healthy_run_and_of_an_ill_one(simclr, healthy, report):
    code, output, _ = simclr("doctor", healthy)
    assert code == 0 and "✗" not in output
    assert output.endswith("\nNothing found.\n")
    code, output, errors = simclr("doctor", report)
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert sum(line.startswith("✗") for line in lines) == int(lines[-1].split()[0]) >= 4
    assert lines[-1].endswith("to look into: see ✗.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("doctor", "nowhere"), "There is no folder nowhere"),
        (("doctor", "."), "it holds no config.json"),
        (("doctor", "--data", "shapes"), "--data and --factors go with a run folder"),
        (("doctor", "--factors"), "--data and --factors go with a run folder"),
    ],
)
def test_a_bad_folder_is_one_line_and_code_2(simclr, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    code, output, errors = simclr(*words)
    assert (code, output) == (2, "")
    assert said in errors and errors.count("\n") == 1


def test_doctor_prints_the_factors_of_a_run(simclr, report, monkeypatch):
    short = functools.partial(factors.optimization, rates=(0.01,), epochs=(1,))
    monkeypatch.setitem(factors.EXPERIMENTS, "training of the classifier", short)
    code, output, _ = simclr("doctor", report, "--factors")
    assert code == 0
    lines = ("BatchNorm statistics", "of each batch", "classifier (24, 24), standardised", "z")
    for line in (*lines, "(20, 20), rate 0.01, 1 epochs"):
        assert any(found.startswith(line) for found in output.splitlines()), line
    assert np.all([len(found) <= 100 for found in output.splitlines()])

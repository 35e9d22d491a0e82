"""The number format: asked for, measured once, remembered; never guessed where it was measured."""

import keras
import pytest

from simclr_lib import machine, precision
from simclr_lib.precision import choose_precision
from simclr_lib.recipes import get_recipe

SMOKE = get_recipe("smoke")
MEASURED = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="on JAX the device decides"
)


@pytest.fixture
def told(monkeypatch, tmp_path):
    """A machine with bfloat16, nothing measured yet; what was said."""
    monkeypatch.setenv("SIMCLR_CACHE", str(tmp_path))
    monkeypatch.setattr(machine, "has_bfloat16", lambda: True)
    return []


def measuring(monkeypatch, **rates):
    monkeypatch.setattr(precision, "pictures_per_second", lambda *_: rates)


def forbidden(*_):
    raise AssertionError("measured")


@pytest.mark.parametrize("wanted", ["float32", "mixed_bfloat16"])
def test_what_the_recipe_asks_for_is_taken_unmeasured(monkeypatch, told, wanted):
    monkeypatch.setattr(precision, "pictures_per_second", forbidden)
    assert choose_precision(get_recipe("smoke", {"precision": wanted})) == wanted


def test_a_processor_without_bfloat16_takes_float32_unmeasured(monkeypatch, told):
    monkeypatch.setattr(machine, "has_bfloat16", lambda: False)
    monkeypatch.setattr(precision, "pictures_per_second", forbidden)
    assert choose_precision(SMOKE) == "float32"


@MEASURED
@pytest.mark.parametrize("best", ["float32", "mixed_bfloat16"])
def test_the_faster_one_is_taken_told_and_remembered(monkeypatch, told, best):
    measuring(monkeypatch, **{"float32": 1000.0, "mixed_bfloat16": 900.0, best: 1234.5})
    assert choose_precision(SMOKE, told.append) == best
    assert len(told) == 1
    assert "1,23" in told[0]
    monkeypatch.setattr(precision, "pictures_per_second", forbidden)
    assert choose_precision(SMOKE, forbidden) == best


@MEASURED
@pytest.mark.parametrize("setting", ["encoder_width=12", "view_size=20", "stem=cifar"])
def test_another_encoder_is_measured_anew(monkeypatch, told, setting):
    measuring(monkeypatch, float32=2.0, mixed_bfloat16=1.0)
    assert choose_precision(SMOKE) == "float32"
    measuring(monkeypatch, float32=1.0, mixed_bfloat16=2.0)
    assert choose_precision(get_recipe("smoke", dict([setting.split("=")]))) == "mixed_bfloat16"


@MEASURED
def test_a_damaged_memory_costs_a_measurement(monkeypatch, told, tmp_path):
    measuring(monkeypatch, float32=2.0, mixed_bfloat16=1.0)
    choose_precision(SMOKE)
    (kept,) = tmp_path.iterdir()
    kept.write_text(kept.read_text()[:9])
    measuring(monkeypatch, float32=1.0, mixed_bfloat16=2.0)
    assert choose_precision(SMOKE) == "mixed_bfloat16"


@MEASURED
def test_a_read_only_home_is_no_error(monkeypatch, told, tmp_path):
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("SIMCLR_CACHE", str(file))
    measuring(monkeypatch, float32=2.0, mixed_bfloat16=1.0)
    assert choose_precision(SMOKE) == "float32"


@MEASURED
def test_the_real_measurement_measures_both(told):
    rates = precision.pictures_per_second({"depth": 8, "width": 4, "stem": "strided"}, 8)
    assert set(rates) == {"float32", "mixed_bfloat16"}
    assert all(rate > 1 for rate in rates.values())

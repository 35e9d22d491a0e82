"""The names that lessons and instructors rely on, with what they take."""

import importlib
import inspect
import subprocess
import sys

import pytest

import simclr_lib

CONTRACT = {
    "datasets.load_dataset": "(name_or_path, *, train_limit=None, test_limit=None, seed=0)",
    "augment.simclr_augmenter": "(image_size, *, crop_scale=(0.2, 1.0), color_strength=0.5,"
    " gray_probability=0.2, blur_probability=0.0)",
    "encoders.resnet": "(depth, *, width=64, stem='cifar', image_size=None)",
    "heads.projection_head": "(input_dim, hidden_dim, output_dim=128, layers=2)",
    "losses.nt_xent": "(z_a, z_b, temperature=0.5, *, block_rows=None)",
    "losses.chance_level": "(batch_size)",
    "pretraining.SimCLR": "(encoder, head, augmenter, temperature=0.5)",
    "evaluation.extract_features": "(encoder, images)",
    "evaluation.linear_probe": "(train_h, train_y, test_h, test_y)",
    "evaluation.knn_accuracy": "(train_h, train_y, test_h, test_y, k=200, temperature=0.1)",
    "recipes.get_recipe": "(name, settings=None)",
    "experiment.run": "(recipe, run_dir)",
}


def find(name):
    module, name = name.split(".")
    return getattr(importlib.import_module(f"simclr_lib.{module}"), name)


@pytest.mark.parametrize(("name", "signature"), CONTRACT.items())
def test_a_name_takes_what_was_promised(name, signature):
    promised = inspect.signature(eval(f"lambda {signature[1:-1]}: None")).parameters
    found = inspect.signature(find(name)).parameters
    # What was promised comes first, in its order; anything more can be left out.
    for (wanted, parameter), (given, actual) in zip(promised.items(), found.items(), strict=False):
        assert (given, actual.kind, actual.default) == (wanted, parameter.kind, parameter.default)
    for parameter in list(found.values())[len(promised) :]:
        variadic = parameter.kind is parameter.VAR_KEYWORD
        assert variadic or parameter.default is not parameter.empty
    assert len(found) >= len(promised)


def test_a_probe_result_holds_what_was_promised():
    result = find("evaluation.ProbeResult")
    assert list(inspect.signature(result).parameters) == ["accuracy", "per_class", "confusion"]


@pytest.mark.parametrize("name", simclr_lib.__all__)
def test_every_public_name_is_there_and_explained(name):
    found = getattr(simclr_lib, name)
    assert found.__name__ == name
    assert found.__doc__
    assert name in dir(simclr_lib)


def test_the_top_of_the_package_has_the_names_of_the_road():
    top = {name.split(".")[1] for name in CONTRACT}
    assert top <= set(simclr_lib.__all__)


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="'simclr_lib' has no attribute 'simclr'"):
        simclr_lib.simclr  # noqa: B018


def run_python(code):
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer


def test_importing_the_package_or_its_plain_names_brings_no_framework():
    code = (
        "import sys, simclr_lib; simclr_lib.get_recipe; simclr_lib.UserError;"
        "print(*{'keras', 'tensorflow', 'jax', 'matplotlib'} & set(sys.modules))"
    )
    assert run_python(code).stdout.split() == []


def test_the_first_use_of_keras_is_quiet():
    answer = run_python("import simclr_lib; print(round(simclr_lib.chance_level(512), 2))")
    assert (answer.stdout, answer.stderr) == ("6.93\n", "")

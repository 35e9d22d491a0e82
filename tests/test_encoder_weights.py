"""Weights from files of every kind that Keras writes, and one line for every wrong file."""

import h5py
import keras
import numpy as np
import pytest

from simclr_lib import experiment
from simclr_lib.encoder_weights import file_of, holds_keras_resnet, load_weights, read_layers
from simclr_lib.encoders import resnet
from simclr_lib.errors import UserError
from simclr_lib.recipes import get_recipe


def encoder(seed=0, depth=8, **options):
    """A small encoder of the kit's; every weight a random number, statistics too."""
    model = resnet(depth, width=4, **options)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.weights])
    return model


def assert_same_weights(model, expected):
    for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", [".keras", ".weights.h5", ".h5"])
def test_what_was_saved_is_loaded(tmp_path, kind):
    saved, path = encoder(1), tmp_path / f"encoder{kind}"
    write(saved, path)
    loaded = encoder(2)
    load_weights(loaded, str(path))
    assert_same_weights(loaded, saved)
    assert not holds_keras_resnet(str(path))


def write(model, path, rename=lambda name: name):
    """Save a model; `.h5` in the old form of the published weights, written by hand."""
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
    elif path.suffix == ".keras":
        model.save(path)
    else:
        with h5py.File(path, "w") as file:
            names = [layer.name for layer in model.layers]
            file.attrs["layer_names"] = [rename(name).encode() for name in names]
            for layer in model.layers:
                group = file.create_group(rename(layer.name))
                weights = [f"{layer.name}/{w.name}:0" for w in layer.weights]
                group.attrs["weight_names"] = [name.encode() for name in weights]
                for name, value in zip(weights, layer.get_weights(), strict=True):
                    group[name] = value


def test_in_the_old_form_other_names_are_matched_by_their_order(tmp_path):
    saved, path = encoder(1), tmp_path / "old.h5"
    write(saved, path, rename=lambda name: f"res_{name}")
    loaded = encoder(2)
    load_weights(loaded, str(path))
    assert_same_weights(loaded, saved)


def test_a_whole_model_in_keras_old_form_is_read_too(tmp_path):
    saved, path = encoder(1), tmp_path / "whole.h5"
    saved.save(path)
    loaded = encoder(2)
    load_weights(loaded, str(path))
    assert_same_weights(loaded, saved)


def test_keras_itself_reads_what_stands_for_the_published_file(tmp_path):
    saved, path = encoder(1), tmp_path / "old.h5"
    write(saved, path)
    loaded = encoder(2)
    loaded.load_weights(path)
    assert_same_weights(loaded, saved)


def test_names_too_many_for_one_attribute_are_read_from_its_pieces(tmp_path):
    saved, path = encoder(1), tmp_path / "pieces.h5"
    write(saved, path)
    with h5py.File(path, "a") as file:
        names = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:5], names[5:]
    loaded = encoder(2)
    load_weights(loaded, str(path))
    assert_same_weights(loaded, saved)


@pytest.mark.parametrize("kind", [".keras", ".weights.h5", ".h5"])
@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            {"stem": "imagenet"},
            r"'stem_convolution' has the shapes \[\(7, 7, 3, 4\)\] there and \[\(3, 3, 3, 4\)\]",
        ),
        ({"depth": 18}, "'stage1_block2_1_convolution' of the file is not in it"),
    ],
)
def test_a_file_of_another_network_is_told_by_the_first_layer(tmp_path, kind, other, said):
    path = tmp_path / f"other{kind}"
    write(encoder(**other), path)
    model = encoder(3)
    before = model.get_weights()
    with pytest.raises(UserError, match=said) as refusal:
        load_weights(model, str(path))
    assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_file_of_a_smaller_network_lacks_a_layer(tmp_path):
    path = tmp_path / "small.h5"
    write(encoder(), path)
    with pytest.raises(UserError, match="'stage1_block2_1_convolution' is not in the file"):
        load_weights(encoder(depth=18), str(path))


@pytest.mark.parametrize("name", ["notes.h5", "notes.weights.h5", "notes.keras"])
def test_what_holds_no_weights_is_refused(tmp_path, name):
    (tmp_path / name).write_text("no weights")
    with pytest.raises(UserError, match="can't be read as weights of Keras"):
        read_layers(tmp_path / name)


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(UserError, match=r"There is no file .*nowhere\.h5"):
        file_of(str(tmp_path / "nowhere.h5"), "resnet8")


def test_missing_imagenet_weights_say_where_they_come_from_and_go(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(UserError) as refusal:
        file_of("imagenet", "resnet101")
    line = str(refusal.value)
    name = "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert str(tmp_path / "models" / name) in line and "\n" not in line
    assert "keras.applications.ResNet101(include_top=False)" in line
    assert hasattr(keras.applications, "ResNet101")


# --- on the road

TINY = {"train_limit": 64, "test_limit": 20, "batch_size": 16, "steps_per_epoch": 2, "epochs": 1}
TINY |= {"data": "shapes", "view_size": 16, "precision": "float32", "knn_every": 0}


def test_training_begins_with_the_weights_of_another(tmp_path):
    settings = {"encoder_width": 4, "precision": "float32"}
    saved = encoder(1, stem="strided")
    write(saved, tmp_path / "encoder.keras")
    begun = {"encoder_weights": str(tmp_path / "encoder.keras")}
    recipe = get_recipe("smoke", settings | begun)
    assert_same_weights(experiment.starting_encoder(recipe, "float32"), saved)
    fresh = experiment.build_encoder(recipe, "float32")
    plain = experiment.build_encoder(get_recipe("smoke", settings), "float32")
    assert_same_weights(fresh, plain)  # the baseline stays a random one


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """A Keras home with a file that looks like the published one; its weights are random."""
    home = tmp_path_factory.mktemp("keras")
    model = keras.applications.ResNet50(weights=None, include_top=False)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, layer.gamma.shape) for _ in range(4)])
    path = home / "models" / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    path.parent.mkdir()
    write(model, path)
    return home, model


@pytest.mark.slow
def test_imagenet_weights_come_from_keras_cache_onto_the_road(imagenet, tmp_path, monkeypatch):
    home, model = imagenet
    monkeypatch.setenv("KERAS_HOME", str(home))
    settings = TINY | {"encoder_weights": "imagenet", "view_size": 32}
    recipe = get_recipe("report-resnet50", settings)
    assert_same_weights(experiment.starting_encoder(recipe, "float32"), model)
    assert not np.array_equal(
        experiment.build_encoder(recipe, "float32").get_weights()[0], model.get_weights()[0]
    )
    results = experiment.run(recipe, tmp_path / "run", say=lambda line: None)
    assert set(results.accuracies["weights as loaded"]) == {"linear", "knn"}
    rows = {"SimCLR", "classifier (20, 20)", "weights as loaded", "random encoder", "raw pixels"}
    assert set(results.accuracies) == rows


@pytest.mark.slow
def test_a_file_of_keras_resnet_asks_for_its_encoder(imagenet):
    (path,) = (imagenet[0] / "models").iterdir()
    assert holds_keras_resnet(str(path))
    wrong = get_recipe("smoke", {"encoder_weights": str(path)})
    with pytest.raises(UserError, match="takes encoder_depth 50 or 101 or 152; got 8"):
        experiment.build_encoder(wrong, "float32")
    deeper = get_recipe("report-resnet101", {"encoder_weights": str(path)})
    with pytest.raises(UserError, match=r"resnet101.*'conv4_block7_1_conv' is not"):
        experiment.starting_encoder(deeper, "float32")

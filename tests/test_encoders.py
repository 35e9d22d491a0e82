"""Encoders: the networks of the papers, to the parameter, and features that can be relied on."""

import keras
import numpy as np
import pytest

from simclr_lib.encoders import resnet

# Trainable parameters of torchvision's networks without their classifiers, by (depth, stem). The
# stem of the second is its CIFAR form, 3×3, as in most SimCLR code.
PUBLISHED = {
    (18, "imagenet"): 11_689_512 - 513_000,
    (18, "cifar"): 11_173_962 - 5_130,
    (34, "imagenet"): 21_797_672 - 513_000,
    (50, "imagenet"): 25_557_032 - 2_049_000,
    (101, "imagenet"): 44_549_160 - 2_049_000,
    (152, "imagenet"): 60_192_808 - 2_049_000,
}
STAGES = {
    8: (1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
DEPTHS = list(STAGES)


def parameters(depth, stem, width):
    """Count by the tables of He et al. (2016): kernels, and two numbers a normalised channel."""

    def layer(size, channels_in, channels_out):
        return size**2 * channels_in * channels_out + 2 * channels_out

    total = layer({"cifar": 3, "strided": 4, "imagenet": 7}[stem], 3, width)
    channels = width
    for stage, blocks in enumerate(STAGES[depth]):
        inner = width * 2**stage
        outer = inner if depth < 50 else 4 * inner
        for block in range(blocks):
            if depth < 50:
                total += layer(3, channels, inner) + layer(3, inner, inner)
            else:
                total += layer(1, channels, inner) + layer(3, inner, inner)
                total += layer(1, inner, outer)
            if channels != outer or (stage > 0 and block == 0):
                total += layer(1, channels, outer)
            channels = outer
    return total


def blueprint(*arguments, **options):
    """The network without its numbers: drawing those takes most of the time."""
    with keras.StatelessScope(initialize_variables=False):
        return resnet(*arguments, **options)


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, "float32")


@pytest.fixture(scope="module")
def small():
    """An untrained encoder whose running statistics are not those that it started with."""
    keras.utils.set_random_seed(0)
    encoder = resnet(8, width=4)
    for seed, variable in enumerate(encoder.non_trainable_variables):
        lowest = 0.5 if variable.name == "moving_variance" else -0.5
        variable.assign(lowest + noise(*variable.shape, seed=seed))
    features = encoder.predict_on_batch(noise(8, 12, 12, 3))
    assert np.mean(np.ptp(features, axis=0) > 0) > 0.7  # else the rest would hold of nothing
    return encoder


@pytest.mark.parametrize(("depth", "stem"), PUBLISHED)
def test_the_count_by_tables_is_the_published_one(depth, stem):
    assert parameters(depth, stem, width=64) == PUBLISHED[depth, stem]


@pytest.mark.parametrize(("depth", "stem"), PUBLISHED)
def test_the_networks_of_the_papers_have_the_published_number_of_parameters(depth, stem):
    assert trainable(blueprint(depth, stem=stem)) == PUBLISHED[depth, stem]


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_depth_has_its_parameters_and_feature_length(depth):
    encoder = blueprint(depth, width=4)
    assert trainable(encoder) == parameters(depth, "cifar", width=4)
    lengths = {8: 16, 18: 32, 34: 32, 50: 128, 101: 128, 152: 128}
    assert encoder.output_shape == (None, lengths[depth])


@pytest.mark.parametrize("stem", ["cifar", "strided", "imagenet"])
def test_every_stem_has_its_parameters(stem):
    assert trainable(blueprint(8, width=4, stem=stem)) == parameters(8, stem, width=4)


@pytest.mark.parametrize(
    ("stem", "sides"),
    [("cifar", [32, 16, 8, 4]), ("strided", [16, 8, 4, 2]), ("imagenet", [8, 4, 2, 1])],
)
@pytest.mark.parametrize("depth", [18, 50])
def test_maps_shrink_by_the_stem_and_by_half_a_stage(depth, stem, sides):
    encoder = blueprint(depth, width=4, stem=stem, image_size=32)
    kernel = 4 if depth == 50 else 1
    assert [
        encoder.get_layer(f"stage{stage}_block1_add").output.shape for stage in (1, 2, 3, 4)
    ] == [(None, side, side, kernel * 4 * 2**i) for i, side in enumerate(sides)]


def test_bottlenecks_shrink_in_their_3x3_convolution():
    convolutions = [
        layer
        for layer in blueprint(50, width=4).layers
        if isinstance(layer, keras.layers.Conv2D) and "shortcut" not in layer.name
    ]
    assert {layer.kernel_size for layer in convolutions if layer.strides == (2, 2)} == {(3, 3)}


def test_each_convolution_is_normalised_and_has_no_bias():
    layers = blueprint(18, width=4).layers
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert not any(layer.use_bias for layer in convolutions)
    assert len(norms) == len(convolutions) == 20


@pytest.mark.parametrize(("asked", "found"), [({}, 0.9), ({"batch_norm_momentum": 0.5}, 0.5)])
def test_the_batch_norm_momentum_is_the_same_everywhere(asked, found):
    layers = blueprint(50, width=4, **asked).layers
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {found}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 20}, r"depth must be one of 8, 18, 34, 50, 101, 152; got 20"),
        ({"depth": "18"}, r"depth must be one of .*; got '18'"),
        ({"depth": 18, "stem": "resnet"}, r"stem must be one of cifar, strided, imagenet; got 're"),
    ],
)
def test_an_unknown_choice_is_answered_with_the_known_ones(arguments, message):
    with pytest.raises(ValueError, match=message):
        resnet(**arguments)


@pytest.mark.parametrize("shape", [(8, 8), (12, 12), (33, 33), (24, 40)])
def test_pictures_may_have_any_size(small, shape):
    assert small.predict_on_batch(noise(8, *shape, 3)).shape == (8, 16)


def test_an_image_size_fixes_the_input():
    assert blueprint(8, width=4, image_size=24).input_shape == (None, 24, 24, 3)


def test_features_are_the_mean_over_the_map(small):
    inside = keras.Model(small.input, small.get_layer("h").input)
    images = noise(8, 12, 12, 3)
    maps = inside.predict_on_batch(images)
    np.testing.assert_allclose(small.predict_on_batch(images), maps.mean(axis=(1, 2)), atol=1e-5)


def test_in_inference_a_picture_does_not_depend_on_its_batch(small):
    images = noise(8, 12, 12, 3, seed=1)
    images[1:] *= 50  # so that the statistics of the batch would tell
    together = small.predict_on_batch(images)
    alone = small.predict_on_batch(images[:1])
    np.testing.assert_allclose(together[:1], alone, rtol=1e-4, atol=1e-5)


def test_inference_leaves_all_variables_and_training_moves_the_statistics(small):
    encoder = keras.models.clone_model(small)
    encoder.compile(keras.optimizers.SGD(0.0), loss="mse")
    start = [variable.numpy() for variable in encoder.variables]
    encoder.predict_on_batch(noise(8, 12, 12, 3))
    for before, after in zip(start, encoder.variables, strict=True):
        np.testing.assert_array_equal(before, after.numpy())

    start = [variable.numpy() for variable in encoder.non_trainable_variables]
    encoder.train_on_batch(noise(8, 12, 12, 3), np.zeros((8, 16)))
    for before, after in zip(start, encoder.non_trainable_variables, strict=True):
        assert np.abs(before - after.numpy()).max() > 1e-4


def test_the_same_seed_gives_the_same_weights():
    found = []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        found.append(resnet(8, width=4).trainable_variables[0].numpy())
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 0.01


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_saved_encoder_gives_identical_features(tmp_path, small, dtype):
    encoder = resnet(8, width=4, dtype=dtype)
    encoder.set_weights(small.get_weights())
    encoder.save(tmp_path / "encoder.keras")
    again = keras.models.load_model(tmp_path / "encoder.keras")
    images = noise(4, 12, 12, 3, seed=1)
    np.testing.assert_array_equal(again.predict_on_batch(images), encoder.predict_on_batch(images))


def test_half_precision_stays_near_float32(small):
    half = resnet(8, width=4, dtype="mixed_bfloat16")
    half.set_weights(small.get_weights())
    images = noise(8, 12, 12, 3, seed=1)
    expected, found = small.predict_on_batch(images), half.predict_on_batch(images)
    assert (found.dtype, half.trainable_variables[0].dtype) == ("float32", "float32")
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert 1e-5 < error < 0.03  # not exact: then it would not be half precision

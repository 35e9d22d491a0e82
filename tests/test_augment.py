"""Views: what is drawn follows the stated distributions, and what is drawn is what is done."""

import math
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from simclr_lib import augment
from simclr_lib.augment import ColorDistortion, RandomBlur, RandomResizedCrop, simclr_augmenter
from simclr_lib.from_recipe import build_augmenter
from simclr_lib.recipes import get_recipe

# One count for all: on JAX another shape is another compilation.
DRAWS = 2000
LUMA = np.array([0.299, 0.587, 0.114])
# The plane of colours at right angles to grey, for measuring saturation and hue.
CHROMA = np.array([[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def pictures(count=6, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), "uint8")


def blank():
    return np.zeros((DRAWS, 4, 4, 3), "float32")


def ramps(size=32):
    """Pictures whose red tells the column and whose green tells the row, as shares of the side."""
    centers = (np.arange(size, dtype="float32") + 0.5) / size
    columns, rows = np.meshgrid(centers, centers)
    return np.tile(np.stack([columns, rows, 0 * rows], axis=-1), (DRAWS, 1, 1, 1))


def assert_uniform(values, low, high):
    values = np.asarray(values, "float64")
    assert low - 1e-5 <= values.min() and values.max() <= high + 1e-5
    assert stats.kstest(values, "uniform", (low, high - low)).pvalue > 1e-3


def assert_share(found, expected, draws):
    """Within four standard deviations of a binomial share."""
    assert abs(found - expected) <= 4 * math.sqrt(expected * (1 - expected) / draws)


def assert_unrelated(*columns):
    relation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(relation).max() < 4 / math.sqrt(len(columns[0]))


# Crops: the boxes


def boxes(**options):
    crop = RandomResizedCrop(8, seed=1, **options)
    return [np.asarray(side, "float64") for side in crop.boxes(blank())]


def test_areas_and_proportions_are_drawn_evenly_and_apart():
    _, _, height, width = boxes(scale=(0.1, 0.5))  # too small to stick out of the picture
    assert_uniform(height * width, 0.1, 0.5)
    assert_uniform(np.log(width / height), math.log(3 / 4), math.log(4 / 3))
    assert_unrelated(height * width, np.log(width / height))


def test_places_are_drawn_evenly_and_apart():
    top, left, height, width = boxes(scale=(0.1, 0.5))
    down, across = top / (1 - height), left / (1 - width)
    assert_uniform(down, 0, 1)
    assert_uniform(across, 0, 1)
    assert_unrelated(down, across, height * width, width / height)


def test_boxes_stay_inside_the_picture_and_in_the_range_of_areas():
    top, left, height, width = boxes(scale=(0.2, 1.0))
    assert min(top.min(), left.min()) >= 0
    assert max((top + height).max(), (left + width).max()) <= 1 + 1e-6
    area = height * width
    assert area.min() >= 0.2 - 1e-6 and area.max() <= 1 + 1e-6
    # Up to 3/4 no proportion makes a box stick out, so nothing is narrowed.
    assert_uniform(area[area < 0.75], 0.2, 0.75)
    assert_share(np.mean(area < 0.75), 0.55 / 0.8, DRAWS)


def test_the_box_that_is_drawn_is_the_one_that_is_cut():
    top, left, height, width = boxes(scale=(0.2, 1.0))
    crop = RandomResizedCrop(8, scale=(0.2, 1.0), flip_probability=0, seed=1)
    views = np.asarray(crop(ramps()))
    # Pixel i of 8 shows the place (i + ½) / 8 of the box; those at the edge may lean inwards.
    middle = (np.arange(8) + 0.5)[1:-1] / 8
    np.testing.assert_allclose(
        views[:, 3, 1:-1, 0], left[:, None] + width[:, None] * middle, atol=4e-3
    )
    np.testing.assert_allclose(
        views[:, 1:-1, 3, 1], top[:, None] + height[:, None] * middle, atol=4e-3
    )


def test_each_picture_gets_its_own_box():
    views = np.asarray(RandomResizedCrop(8)(ramps()))
    assert len(np.unique(views.reshape(DRAWS, -1), axis=0)) == DRAWS


@pytest.mark.parametrize("probability", [0.0, 0.5, 0.9, 1.0])
def test_the_stated_share_is_mirrored(probability):
    crop = RandomResizedCrop(16, (1, 1), (1, 1), flip_probability=probability)
    images = ramps(16)
    views = np.asarray(crop(images))
    mirrored = np.isclose(views, images[:, :, ::-1], atol=1e-4).all(axis=(1, 2, 3))
    straight = np.isclose(views, images, atol=1e-4).all(axis=(1, 2, 3))
    assert np.all(mirrored ^ straight)
    assert_share(mirrored.mean(), probability, DRAWS)


def test_mirroring_has_nothing_to_do_with_the_box():
    views = np.asarray(RandomResizedCrop(8, scale=(0.1, 0.5))(ramps()))
    width = views[:, 3, 6, 0] - views[:, 3, 1, 0]
    assert_unrelated(width < 0, np.abs(width), views[:, 3, :, 0].mean(axis=1))


# Crops: the resampling


def test_the_whole_picture_at_its_own_size_stays_as_it_is():
    crop = RandomResizedCrop(16, (1, 1), (1, 1), flip_probability=0)
    images = pictures(DRAWS) / np.float32(255)
    np.testing.assert_allclose(crop(images), images, atol=1e-6)


@pytest.mark.parametrize("size_out", [5, 40])
@pytest.mark.parametrize(("start", "length"), [(0, 1), (0.3, 0.4), (0.9, -0.7), (0.5, 0.01)])
def test_weights_add_up_to_one_and_none_is_negative(start, length, size_out):
    start, length = (np.array([value], "float32") for value in (start, length))
    weights = np.asarray(augment.resampling_matrix(start, length, 16, size_out))
    assert weights.shape == (1, size_out, 16)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)
    assert weights.min() >= 0


@pytest.mark.parametrize("length", [1.0, -1.0])
def test_the_whole_side_at_its_own_size_is_the_identity(length):
    start = np.array([0.0 if length > 0 else 1.0], "float32")
    weights = augment.resampling_matrix(start, np.array([length], "float32"), 16, 16)
    expected = np.eye(16) if length > 0 else np.eye(16)[::-1]
    np.testing.assert_allclose(weights[0], expected, atol=1e-5)


def test_shrinking_averages_all_pixels():
    checkers = np.indices((32, 32)).sum(axis=0) % 2
    images = np.tile(checkers[None, :, :, None], (DRAWS, 1, 1, 3)).astype("float32")
    views = np.asarray(RandomResizedCrop(8, (1, 1), (1, 1), flip_probability=0)(images))
    np.testing.assert_allclose(views, 0.5, atol=0.02)


def test_magnifying_is_linear_between_pixels():
    images = np.zeros((1, 2, 2, 3), "float32")
    images[:, :, 1] = 1
    views = RandomResizedCrop(4, (1, 1), (1, 1), flip_probability=0)(images)
    np.testing.assert_allclose(views[0, 0, :, 0], [0, 0.25, 0.75, 1], atol=1e-6)


def test_pictures_need_not_be_square():
    assert RandomResizedCrop(8)(np.zeros((3, 20, 30, 3), "float32")).shape == (3, 8, 8, 3)


@pytest.mark.parametrize("scale", [(0, 1), (0.5, 0.2), (0.5, 1.1), (-0.1, 0.5)])
def test_a_senseless_scale_is_refused(scale):
    with pytest.raises(ValueError, match="scale"):
        RandomResizedCrop(8, scale)


# Colours: the factors


def factors(strength, **options):
    layer = ColorDistortion(strength, seed=5, **options)
    return [np.asarray(factor, "float64") for factor in layer.factors(blank())]


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0, 1.5])
def test_factors_are_drawn_evenly_from_the_stated_ranges(strength):
    brightness, contrast, saturation, hue = factors(strength, probability=1)
    for factor in (brightness, contrast, saturation):
        assert_uniform(factor, max(0, 1 - 0.8 * strength), 1 + 0.8 * strength)
    assert_uniform(hue / (2 * math.pi), -0.2 * strength, 0.2 * strength)
    assert_unrelated(brightness, contrast, saturation, hue)


def test_colors_change_in_the_stated_share_of_pictures_all_at_once():
    changed = np.array(factors(0.5)) != np.array([[1], [1], [1], [0]])
    assert np.all(changed == changed[0])
    assert_share(changed[0].mean(), 0.8, DRAWS)


def patches():
    """Pictures of two weak colours: strong changes reach neither black nor white."""
    image = np.full((4, 4, 3), [0.34, 0.30, 0.32], "float32")
    image[:2] = [0.36, 0.40, 0.35]
    return np.tile(image, (DRAWS, 1, 1, 1))


def test_the_factors_that_are_drawn_are_those_that_are_seen():
    drawn = factors(0.5)
    before = patches().astype("float64")
    after = np.asarray(ColorDistortion(0.5, gray_probability=0, seed=5)(patches()), "float64")
    assert after.min() > 0 and after.max() < 1  # nothing was clipped

    brightness = (after @ LUMA).mean(axis=(1, 2)) / (before @ LUMA).mean(axis=(1, 2))
    spread = np.ptp(after @ LUMA, axis=(1, 2)) / np.ptp(before @ LUMA, axis=(1, 2))
    contrast = spread / brightness
    chroma_before, chroma_after = (
        (image[:, 0, 0] @ CHROMA.T) @ [1, 1j] for image in (before, after)
    )
    turned = chroma_after / chroma_before
    saturation, hue = np.abs(turned) / spread, np.angle(turned)
    np.testing.assert_allclose([brightness, contrast, saturation], drawn[:3], rtol=1e-3)
    np.testing.assert_allclose(hue, drawn[3], atol=1e-3)


def test_brightness_and_contrast_are_done_in_this_order():
    """Contrast holds the mean luma of the picture as brightness has left it."""
    layer = ColorDistortion(1.0, gray_probability=0, probability=1, seed=2)
    brightness, contrast, _, _ = (np.asarray(f) for f in layer.factors(blank()))
    image = blank()
    image[:, :2], image[:, 2:] = 0.2, 0.4  # grey: saturation and hue have nothing to change
    after = ColorDistortion(1.0, gray_probability=0, probability=1, seed=2)(image)
    brighter = image * brightness[:, None, None, None]
    mean = brighter.mean(axis=(1, 2, 3), keepdims=True)
    expected = mean + contrast[:, None, None, None] * (brighter - mean)
    np.testing.assert_allclose(after, expected.clip(0, 1), atol=1e-5)


@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
def test_the_stated_share_is_grey(probability):
    layer = ColorDistortion(0.5, gray_probability=probability)
    views = np.asarray(layer(patches()))
    gray = np.ptp(views, axis=-1).max(axis=(1, 2)) < 1e-4
    # Saturation may be drawn near 0.6 at least, so what has no colour was turned to grey.
    assert_share(gray.mean(), probability, DRAWS)


def test_grey_keeps_the_luma():
    images = pictures(DRAWS, size=4) / np.float32(255)
    views = np.asarray(ColorDistortion(0, gray_probability=1)(images))
    np.testing.assert_allclose(views, np.tile((images @ LUMA)[..., None], 3), atol=1e-5)


def test_no_strength_and_no_grey_leave_the_colors():
    images = pictures(DRAWS, size=4) / np.float32(255)
    np.testing.assert_allclose(ColorDistortion(0, gray_probability=0)(images), images, atol=1e-6)


def test_each_picture_gets_its_own_colors():
    views = np.asarray(ColorDistortion(0.5, probability=1)(patches()))
    assert len(np.unique(views.reshape(DRAWS, -1), axis=0)) == DRAWS


def test_a_negative_strength_is_refused():
    with pytest.raises(ValueError, match="strength"):
        ColorDistortion(-0.1)


# Colours: the matrix


def color_matrix(saturation, hue):
    numbers = (ops.convert_to_tensor([value], "float32") for value in (saturation, hue))
    return np.asarray(augment.color_matrix(*numbers))[0]


@pytest.mark.parametrize("hue", [0, 2 * math.pi, -2 * math.pi])
def test_full_saturation_and_whole_turns_change_nothing(hue):
    np.testing.assert_allclose(color_matrix(1, hue), np.eye(3), atol=1e-5)


@pytest.mark.parametrize("hue", [0, 1, 3])
def test_no_saturation_gives_the_luma_in_all_channels(hue):
    np.testing.assert_allclose(color_matrix(0, hue), np.tile(LUMA, (3, 1)), atol=1e-5)


@pytest.mark.parametrize(("saturation", "hue"), [(0.5, 0), (1, 0.7), (1.8, -2)])
def test_luma_and_greys_stay_at_any_saturation_and_hue(saturation, hue):
    matrix = color_matrix(saturation, hue)
    np.testing.assert_allclose(LUMA @ matrix, LUMA, atol=1e-5)
    np.testing.assert_allclose(matrix @ np.ones(3), np.ones(3), atol=1e-5)


def test_turns_of_the_hue_add_up():
    np.testing.assert_allclose(
        color_matrix(1, 0.4) @ color_matrix(1, 0.5), color_matrix(1, 0.9), atol=1e-5
    )


# Blur


def blur_weights(sigma, size, kernel_share):
    return np.asarray(augment.blur_matrix(np.array([sigma], "float32"), size, kernel_share))[0]


@pytest.mark.parametrize("sigma", [1e-3, 0.1, 1, 2, 50])
def test_blur_weights_add_up_to_one_even_at_the_edge(sigma):
    weights = blur_weights(sigma, 65, 0.3)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)
    assert weights.min() >= 0


@pytest.mark.parametrize("sigma", [0.8, 1, 2, 4])
def test_blur_weights_have_the_stated_width(sigma):
    weights = blur_weights(sigma, 65, 1.0)[32]
    offset = np.arange(65) - 32
    assert weights @ offset == pytest.approx(0, abs=1e-5)
    assert weights @ offset**2 == pytest.approx(sigma**2, rel=0.01)


@pytest.mark.parametrize(("share", "reach"), [(0.1, 3), (0.5, 16), (0.001, 1)])
def test_the_kernel_covers_the_stated_share(share, reach):
    weights = blur_weights(50, 65, share)[32]
    assert np.flatnonzero(weights).tolist() == list(range(32 - reach, 32 + reach + 1))


def test_blur_keeps_a_picture_of_one_color():
    images = np.full((DRAWS, 16, 16, 3), [0.1, 0.5, 0.9], "float32")
    np.testing.assert_allclose(RandomBlur(1)(images), images, atol=1e-6)


def test_the_stated_share_is_blurred_and_the_rest_untouched():
    images = np.tile(pictures(1) / np.float32(255), (DRAWS, 1, 1, 1))
    views = np.asarray(RandomBlur(0.5, sigma=(0.5, 2))(images))
    changed = np.abs(views - images).max(axis=(1, 2, 3)) > 1e-4
    assert_share(changed.mean(), 0.5, DRAWS)
    np.testing.assert_array_equal(views[~changed], images[~changed])


def test_each_picture_gets_its_own_blur():
    images = np.tile(pictures(1) / np.float32(255), (DRAWS, 1, 1, 1))
    views = np.asarray(RandomBlur(1, sigma=(0.5, 2))(images))
    # A few of 2,000 sigmas may be the same to the last bit.
    assert len(np.unique(views.reshape(DRAWS, -1), axis=0)) > 0.98 * DRAWS


# All together

EVERYTHING = {"crop_scale": (0.2, 1), "color_strength": 1.0, "blur_probability": 0.5}


def test_views_have_the_asked_size_and_range():
    views = np.asarray(simclr_augmenter(16, **EVERYTHING)(pictures(size=20)))
    assert (views.shape, views.dtype) == ((6, 16, 16, 3), "float32")
    assert views.min() >= 0 and views.max() <= 1


def test_bytes_and_floats_give_the_same_views():
    images = pictures()
    from_bytes = simclr_augmenter(16, **EVERYTHING)(images)
    from_floats = simclr_augmenter(16, **EVERYTHING)(images / np.float32(255))
    np.testing.assert_allclose(from_bytes, from_floats, atol=1e-5)


def test_the_same_seed_gives_the_same_sequence_of_views():
    first, second = (simclr_augmenter(16, **EVERYTHING, seed=4) for _ in range(2))
    for _ in range(3):
        np.testing.assert_array_equal(first(pictures()), second(pictures()))


def test_another_seed_gives_other_views():
    first, second = (
        np.asarray(simclr_augmenter(16, **EVERYTHING, seed=seed)(pictures())) for seed in (4, 5)
    )
    assert np.abs(first - second).mean(axis=(1, 2, 3)).min() > 0.01


def test_each_call_draws_anew():
    augmenter = simclr_augmenter(16, **EVERYTHING)
    first, second = (np.asarray(augmenter(pictures())) for _ in range(2))
    assert np.abs(first - second).mean(axis=(1, 2, 3)).min() > 0.01


def test_randomness_is_not_frozen_when_the_call_is_compiled():
    model = keras.Sequential([simclr_augmenter(16, **EVERYTHING)])
    images = pictures() / np.float32(255)  # a Sequential makes floats of bytes as they are
    first, second = (np.asarray(model.predict_on_batch(images)) for _ in range(2))
    assert np.abs(first - second).mean(axis=(1, 2, 3)).min() > 0.01


def test_compiled_and_not_compiled_give_the_same_views():
    images = pictures() / np.float32(255)
    views = simclr_augmenter(16, seed=3)(images)
    compiled = keras.Sequential([simclr_augmenter(16, seed=3)]).predict_on_batch(images)
    np.testing.assert_allclose(views, compiled, atol=1e-5)


def test_the_same_picture_twice_in_a_batch_gets_two_views():
    views = np.asarray(simclr_augmenter(16)(np.tile(pictures(3), (2, 1, 1, 1))))
    assert np.abs(views[:3] - views[3:]).mean(axis=(1, 2, 3)).min() > 0.01


def test_with_everything_off_a_picture_stays_as_it_is():
    off = simclr_augmenter(
        16, crop_scale=(1, 1), color_strength=0, gray_probability=0, flip_probability=0
    )
    np.testing.assert_allclose(off(pictures()), pictures() / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("option", "operations"),
    [
        ({}, ["crop", "color"]),
        ({"color_strength": 0}, ["crop", "color"]),
        ({"gray_probability": 0}, ["crop", "color"]),
        ({"color_strength": 0, "gray_probability": 0}, ["crop"]),
        ({"blur_probability": 0.1}, ["crop", "color", "blur"]),
    ],
)
def test_operations_that_are_off_cost_nothing(option, operations):
    assert [layer.name for layer in simclr_augmenter(16, **option).operations] == operations


def test_every_option_reaches_its_operation():
    crop, color, blur = simclr_augmenter(
        16,
        crop_scale=(0.3, 0.9),
        color_strength=0.7,
        gray_probability=0.15,
        blur_probability=0.4,
        flip_probability=0.25,
    ).operations
    assert (crop.image_size, crop.scale, crop.flip_probability) == (16, (0.3, 0.9), 0.25)
    assert (color.strength, color.probability, color.gray_probability) == (0.7, 0.8, 0.15)
    assert (blur.probability, blur.sigma) == (0.4, (0.1, 2.0))


def test_operations_draw_from_streams_of_their_own():
    operations = simclr_augmenter(16, **EVERYTHING).operations
    numbers = [np.asarray(layer.uniform(blank(), 1)[0]) for layer in operations]
    assert_unrelated(*numbers)


@pytest.mark.parametrize("count", [1, 8, 9])
def test_one_draw_for_a_batch_is_one_for_each_of_its_halves(count):
    """The same picture many times: all first views are one, and so are all second ones."""
    same = np.repeat(pictures(1), count, axis=0)
    views = np.asarray(simclr_augmenter(16, **EVERYTHING, draws="batch")(same))
    first, second = np.split(views, [-(-count // 2)])
    np.testing.assert_allclose(first, first[:1].repeat(len(first), axis=0), atol=1e-6)
    np.testing.assert_allclose(second, second[:1].repeat(len(second), axis=0), atol=1e-6)
    if count > 1:
        assert np.abs(first[0] - second[0]).mean() > 0.01


def test_what_shares_a_draw_is_named():
    with pytest.raises(ValueError, match="got 'pictures'"):
        simclr_augmenter(16, draws="pictures")


@pytest.mark.parametrize("views", ["weak", "strong"])
def test_a_recipe_may_draw_once_for_a_batch(views):
    recipe = get_recipe("smoke", {"views": views})
    for draws, alike in (("picture", False), ("batch", True)):
        operations = build_augmenter(replace(recipe, view_draws=draws)).operations
        assert {operation.alike for operation in operations} == {alike}


def test_half_precision_elsewhere_leaves_the_views_in_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        views = simclr_augmenter(16, **EVERYTHING)(pictures())
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_array_equal(views, simclr_augmenter(16, **EVERYTHING)(pictures()))

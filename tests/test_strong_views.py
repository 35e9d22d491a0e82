"""Strong views: each operation beside Pillow's, and draws that follow what is stated."""

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image, ImageEnhance, ImageOps
from scipy import stats

from simclr_lib import strong_views
from simclr_lib.errors import UserError
from simclr_lib.from_recipe import build_augmenter, build_strong_augmenter
from simclr_lib.recipes import get_recipe
from simclr_lib.strong_views import OPERATIONS, StrongDistortion, distorted, strong_augmenter

SIZE = 64  # large enough that Pillow's whole steps in equalize hardly matter
STRENGTHS = range(1, 10)
MOVES = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
MIXES = ("contrast", "color", "brightness", "sharpness")
DRAWS = 2000


def pictures(count=6, size=16, seed=0):
    """Coarse patches with noise: no black, some light patches, and a single white pixel."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(40, 200, (count, 4, 4, 3))
    patches[:, 1, 2] = 242
    patches = patches.repeat(size // 4, axis=1).repeat(size // 4, axis=2)
    images = (patches + rng.integers(-10, 11, patches.shape)).astype("uint8")
    images[:, 0, 0] = 255
    return images


def blank(count=DRAWS):
    return np.zeros((count, 3, 4, 4), "float32")


# Beside Pillow


def by_pillow(name, picture, strength, sign):
    """What Pillow makes of a picture, with the magnitudes of the CLSA authors' code."""
    image, amount = Image.fromarray(picture), strength * sign
    kept = 0.05 + 0.09 * (10 - strength)
    affine = {
        "shear_x": (1, 0.03 * amount, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, 0.03 * amount, 1, 0),
        "translate_x": (1, 0, 0.03 * amount * SIZE, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, 0.03 * amount * SIZE),
    }
    if name in affine:
        changed = image.transform(image.size, Image.Transform.AFFINE, affine[name])
    elif name in MIXES:
        changed = getattr(ImageEnhance, name.capitalize())(image).enhance(kept)
    else:
        changed = {
            "rotate": lambda: image.rotate(3 * amount),
            "autocontrast": lambda: ImageOps.autocontrast(image),
            "invert": lambda: ImageOps.invert(image),
            "equalize": lambda: ImageOps.equalize(image),
            "solarize": lambda: ImageOps.solarize(image, 256 - 256 * strength // 10),
            "posterize": lambda: ImageOps.posterize(image, 4 + 4 * (10 - strength) // 10),
        }[name]()
    return np.asarray(changed, "float64")


@pytest.fixture(scope="module")
def all_operations():
    """`{name: (strengths, signs, ours, originals)}`, all of them from one batch, shuffled."""
    cases = [
        (index, strength, sign)
        for index in range(len(OPERATIONS))
        for strength in STRENGTHS
        for sign in (-1, 1)
    ]
    order = np.random.default_rng(1).permutation(len(cases))
    operation, strength, sign = np.array(cases)[order].T
    images = pictures(len(cases), SIZE)
    planes = np.transpose(images, (0, 3, 1, 2)).astype("float32") / np.float32(255)
    found = distorted(
        ops.convert_to_tensor(planes),
        ops.convert_to_tensor(operation.astype("int32")),
        ops.convert_to_tensor(strength.astype("float32")),
        ops.convert_to_tensor(sign.astype("float32")),
    )
    found = 255 * np.transpose(np.asarray(found, "float64"), (0, 2, 3, 1))
    return {
        name: tuple(array[operation == index] for array in (strength, sign, found, images))
        for index, name in enumerate(OPERATIONS)
    }


def differences(case, name):
    """Ours less Pillow's, in levels: `(18, SIZE, SIZE, 3)`."""
    strengths, signs, found, images = case
    pillows = [
        by_pillow(name, picture, strength, sign)
        for picture, strength, sign in zip(images, strengths, signs, strict=True)
    ]
    return found - np.stack(pillows)


@pytest.mark.parametrize("name", ["invert", "solarize", "posterize", "translate_x", "translate_y"])
def test_it_is_pillow_s_to_the_level(all_operations, name):
    np.testing.assert_allclose(differences(all_operations[name], name), 0, atol=1e-3)


@pytest.mark.parametrize("name", ["autocontrast", "equalize", *MIXES])
def test_it_is_pillow_s_but_for_rounding(all_operations, name):
    """Pillow rounds to whole levels, in a mix twice."""
    assert np.abs(differences(all_operations[name], name)).max() < 2.01


@pytest.mark.parametrize("name", ["shear_x", "shear_y", "rotate"])
def test_it_takes_the_pixels_that_pillow_takes(all_operations, name):
    """But where a place lies on the border of two pixels, and rounding decides."""
    moved = np.abs(differences(all_operations[name], name)).max(axis=-1) > 1e-3
    assert moved.mean() < 0.01


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_leaves_a_picture_as_it_is_or_its_range(all_operations, name):
    _, _, found, images = all_operations[name]
    assert np.abs(found - images).mean(axis=(1, 2, 3)).min() > 0.2
    assert found.min() >= -1e-3 and found.max() <= 255 + 1e-3


@pytest.mark.parametrize("name", [*MIXES, "solarize", "posterize"])
def test_a_higher_strength_goes_further(compiled, name):
    image = np.repeat(pictures(1), 9, axis=0)
    planes = np.transpose(image, (0, 3, 1, 2)).astype("float32") / np.float32(255)
    strength = ops.convert_to_tensor(np.arange(1, 10, dtype="float32"))
    operation = ops.full((9,), OPERATIONS.index(name), dtype="int32")
    found = compiled(distorted)(ops.convert_to_tensor(planes), operation, strength, ops.ones((9,)))
    distance = np.abs(np.asarray(found) - planes).mean(axis=(1, 2, 3))
    assert np.all(np.diff(distance) >= -1e-6) and distance[-1] > 1.5 * distance[0]


def test_a_channel_of_one_level_has_nothing_to_stretch_or_spread(compiled):
    planes = np.full((2, 3, 8, 8), 0.4, "float32")
    operation = np.array([OPERATIONS.index(name) for name in ("autocontrast", "equalize")], "int32")
    found = compiled(distorted)(
        ops.convert_to_tensor(planes), ops.convert_to_tensor(operation), *two_ones()
    )
    np.testing.assert_allclose(found, planes, atol=1e-6)


def two_ones():
    return ops.ones((2,)), ops.ones((2,))


def test_equalize_uses_all_levels_in_small_pictures_too(compiled):
    """Pillow turns a quarter of such a picture white."""
    planes = np.random.default_rng(0).integers(100, 156, (2, 3, 32, 32)).astype("float32") / 255
    operation = ops.full((2,), OPERATIONS.index("equalize"), dtype="int32")
    found = np.asarray(compiled(distorted)(ops.convert_to_tensor(planes), operation, *two_ones()))
    # Of 56 levels, each about 1 in 56 of the pixels.
    assert stats.kstest(found.ravel(), "uniform").statistic < 2 / 56
    assert (found > 0.999).mean() < 2.5 / 56


def test_a_picture_that_drew_nothing_stays_to_the_bit(compiled):
    planes = np.transpose(pictures(40), (0, 3, 1, 2)) / np.float32(255)
    operation = np.full(40, strong_views.NONE, "int32")
    operation[::3] = np.arange(14) % len(OPERATIONS)  # among pictures that drew something
    tensors = ops.convert_to_tensor(planes), ops.convert_to_tensor(operation)
    found = np.asarray(compiled(distorted)(*tensors, ops.full((40,), 9.0), ops.ones((40,))))
    np.testing.assert_array_equal(found[operation < 0], planes[operation < 0])
    changed = np.abs(found - planes).max(axis=(1, 2, 3)) > 1e-3
    np.testing.assert_array_equal(changed, operation >= 0)


@pytest.mark.parametrize(
    ("pictures", "count"), [(70, count) for count in (0, 1, 15, 16, 17, 64, 70)] + [(3, 2)]
)
def test_each_chosen_picture_is_changed_once(pictures, count):
    """Whether the last group is full or not, and in a batch that is smaller than a group."""
    chosen = np.zeros(pictures, bool)
    chosen[np.random.default_rng(count).permutation(pictures)[:count]] = True
    planes = np.arange(pictures, dtype="float32").reshape(-1, 1, 1, 1)

    def add_one(planes, chosen):
        return planes + ops.cast(chosen, "float32")[:, None, None, None]

    tensors = ops.convert_to_tensor(planes), ops.convert_to_tensor(chosen)
    found = strong_views.for_chosen(tensors[1], add_one, *tensors)
    np.testing.assert_array_equal(found, planes + chosen.reshape(-1, 1, 1, 1))


# The draws


@pytest.fixture(scope="module")
def drawn():
    return [np.asarray(array) for array in StrongDistortion(seed=3).drawn(blank())]


def assert_evenly(values, known):
    found = np.array([(values == value).sum() for value in known])
    assert found.sum() == values.size
    assert stats.chisquare(found).pvalue > 1e-3


def test_each_picture_draws_five_times(drawn):
    assert [array.shape for array in drawn] == [(5, DRAWS)] * 3


def test_half_of_the_draws_are_carried_out_whatever_the_round(drawn):
    applied = drawn[0] >= 0
    for share in applied.mean(axis=1):
        assert abs(share - 0.5) < 4 * 0.5 / DRAWS**0.5
    expected = DRAWS * stats.binom(5, 0.5).pmf(range(6))
    assert stats.chisquare(np.bincount(applied.sum(axis=0), minlength=6), expected).pvalue > 1e-3


def test_operations_strengths_and_signs_are_drawn_evenly(drawn):
    operation, strength, sign = drawn
    assert_evenly(operation[operation >= 0], range(14))
    assert_evenly(strength, STRENGTHS)
    assert_evenly(sign, (-1, 1))


def test_draws_have_nothing_to_do_with_each_other(drawn):
    operation, strength, sign = drawn
    rows = np.concatenate([operation >= 0, strength, sign])
    relation = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(relation).max() < 4.5 / DRAWS**0.5
    kept = operation >= 0
    assert abs(np.corrcoef(operation[kept], strength[kept])[0, 1]) < 4 / kept.sum() ** 0.5


def test_pictures_draw_for_themselves(drawn):
    assert len(np.unique(np.concatenate(drawn), axis=1).T) > 0.99 * DRAWS


@pytest.mark.parametrize(("strength", "known"), [((3, 5), (3, 4, 5)), ((8, 9), (8, 9))])
def test_strengths_keep_to_the_asked_range(strength, known):
    _, found, _ = StrongDistortion(strength=strength).drawn(blank())
    assert_evenly(np.asarray(found), known)


@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
def test_the_stated_share_is_carried_out(probability):
    operation, _, _ = StrongDistortion(probability=probability).drawn(blank())
    share, spread = np.mean(np.asarray(operation) >= 0), (probability * (1 - probability)) ** 0.5
    assert abs(share - probability) <= 4 * spread / (5 * DRAWS) ** 0.5


@pytest.mark.parametrize("strength", [(0, 9), (1, 10), (5, 3), (1.5, 9), (-1, 1)])
def test_a_senseless_strength_is_refused_in_a_line(strength):
    with pytest.raises(ValueError) as refusal:
        StrongDistortion(strength=strength)
    assert str(refusal.value) == (
        "strength must be two whole numbers, the smallest and the largest, from 1 to 9; "
        f"got {strength}."
    )


def test_a_recipe_says_how_far_strong_views_go_and_not_beyond_the_scale():
    for settings in ({"views": "strong"}, {"loss": "clsa"}):
        recipe = get_recipe("smoke", settings | {"strong_strength": 4})
        build = build_strong_augmenter if "loss" in settings else build_augmenter
        assert build(recipe).operations[-1].strength == (1, 4)
    assert get_recipe("smoke").strong_strength == strong_views.STRONGEST
    said = r"^strong_strength must be at most 9 \(the scale of CLSA's operations\); got 12\.$"
    with pytest.raises(UserError, match=said):
        get_recipe("smoke", {"strong_strength": 12})


def test_what_is_drawn_is_what_is_done_round_after_round(compiled):
    images = pictures() / np.float32(255)
    drawn = StrongDistortion(seed=7).drawn(images)
    planes = ops.convert_to_tensor(np.transpose(images, (0, 3, 1, 2)))
    for numbers in zip(*drawn, strict=True):
        planes = compiled(distorted)(planes, *numbers)
    expected = np.transpose(np.asarray(planes), (0, 2, 3, 1))
    np.testing.assert_allclose(StrongDistortion(seed=7)(images), expected, atol=1e-6)


# All together


def test_strong_views_are_weak_views_and_then_distortions():
    augmenter = strong_augmenter(16, crop_scale=(0.3, 1), blur_probability=0.5, rounds=2, seed=4)
    *weak, strong = augmenter.operations
    assert [layer.name for layer in weak] == ["crop", "color", "blur"]
    assert weak[0].scale == (0.3, 1) and strong.rounds == 2
    assert len({layer.seed for layer in augmenter.operations}) == 4


def test_views_have_the_asked_size_and_range():
    views = np.asarray(strong_augmenter(16, probability=1)(pictures(40, 20)))
    assert (views.shape, views.dtype) == ((40, 16, 16, 3), "float32")
    assert views.min() >= 0 and views.max() <= 1


def two_calls(seed):
    """Views of two calls, compiled once: on JAX every call that is not compiles anew."""
    model = keras.Sequential([strong_augmenter(16, seed=seed)])
    images = pictures() / np.float32(255)  # a Sequential makes floats of bytes as they are
    return [np.asarray(model.predict_on_batch(images)) for _ in range(2)]


@pytest.fixture(scope="module")
def views_of_seed_3():
    return two_calls(3)


def far_apart(views, others):
    return np.abs(views - others).mean(axis=(1, 2, 3)).min() > 0.01


def test_each_call_draws_anew(views_of_seed_3):
    assert far_apart(*views_of_seed_3)


def test_the_same_seed_gives_the_same_sequence_of_views(views_of_seed_3):
    np.testing.assert_array_equal(two_calls(3), views_of_seed_3)


def test_another_seed_gives_other_views(views_of_seed_3):
    assert far_apart(two_calls(4)[0], views_of_seed_3[0])


def test_compiled_and_not_compiled_give_the_same_views(views_of_seed_3):
    views = strong_augmenter(16, seed=3)(pictures() / np.float32(255))
    # A value on the edge of a level may fall to either side.
    assert np.isclose(views_of_seed_3[0], views, atol=1e-4).mean() > 0.99


def test_pictures_need_not_be_square(compiled):
    planes = np.random.default_rng(0).random((20, 3, 8, 12), "float32")
    operation = ops.convert_to_tensor(np.arange(20, dtype="int32") % 15)
    found = compiled(distorted)(
        ops.convert_to_tensor(planes), operation, ops.full((20,), 5.0), ops.ones((20,))
    )
    assert found.shape == (20, 3, 8, 12)

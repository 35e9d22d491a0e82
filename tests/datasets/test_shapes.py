"""The drawn pictures: what they promise, and that they teach what they are drawn to teach."""

import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from simclr_lib.datasets.shapes import SHAPES, draw_shapes


@pytest.fixture(scope="module")
def shapes():
    return draw_shapes()


def probe_accuracy(train_features, train_labels, test_features, test_labels):
    """Test accuracy of a multinomial logistic regression on standardised features."""
    scaler = StandardScaler().fit(train_features)
    # Stopped early: more iterations fit the training part closer, and the test part worse.
    probe = LogisticRegression(C=0.01, max_iter=20)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        probe.fit(scaler.transform(train_features), train_labels)
    return probe.score(scaler.transform(test_features), test_labels)


def random_crop_colours(images, rng, side=18):
    """Mean colour of one random crop a picture, `(N, 3)`."""
    top, left = rng.integers(0, images.shape[1] - side + 1, (2, len(images)))
    return np.stack(
        [
            picture[t : t + side, s : s + side].mean(axis=(0, 1))
            for picture, t, s in zip(images, top, left, strict=True)
        ]
    )


def test_has_the_stated_shapes_types_and_names(shapes):
    assert shapes.train_images.shape == (5000, 32, 32, 3)
    assert shapes.test_images.shape == (1000, 32, 32, 3)
    assert shapes.train_images.dtype == shapes.test_images.dtype == np.uint8
    assert shapes.train_labels.dtype == shapes.test_labels.dtype == np.int64
    assert shapes.name == "shapes"
    assert shapes.class_names == tuple(SHAPES)
    assert len(set(shapes.class_names)) == 10
    assert shapes.image_size == 32


def test_classes_are_equally_frequent_and_in_random_order(shapes):
    assert (np.bincount(shapes.train_labels) == 500).all()
    assert (np.bincount(shapes.test_labels) == 100).all()
    assert set(shapes.train_labels[:100]) == set(range(10))


def test_counts_that_ten_does_not_divide_differ_by_one_at_most():
    labels = draw_shapes(train_count=23, test_count=4).train_labels
    assert set(np.bincount(labels, minlength=10)) == {2, 3}


def test_same_seed_same_pictures_and_another_seed_others():
    first, again, other = (draw_shapes(60, 20, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.train_images, again.train_images)
    np.testing.assert_array_equal(first.train_labels, again.train_labels)
    np.testing.assert_array_equal(first.test_images, again.test_images)
    assert (first.train_images != other.train_images).mean() > 0.9
    assert (first.test_images != other.test_images).mean() > 0.9


def test_test_pictures_depend_on_neither_the_training_pictures_nor_their_number():
    few, many = draw_shapes(10, 20), draw_shapes(40, 20)
    np.testing.assert_array_equal(few.test_images, many.test_images)
    np.testing.assert_array_equal(few.test_labels, many.test_labels)
    assert (draw_shapes(20, 20).train_images != few.test_images).any()


def test_no_two_pictures_are_the_same(shapes):
    pictures = np.concatenate([shapes.train_images, shapes.test_images])
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


@pytest.mark.parametrize("image_size", [16, 64])
def test_other_sizes_show_the_same_pictures(image_size):
    usual = draw_shapes(30, 10).train_images.astype(float)
    sized = draw_shapes(30, 10, image_size=image_size).train_images.astype(float)
    assert sized.shape == (30, image_size, image_size, 3)
    coarse_usual, coarse_sized = (
        images.reshape(30, 8, images.shape[1] // 8, 8, images.shape[1] // 8, 3).mean(axis=(2, 4))
        for images in (usual, sized)
    )
    assert abs(coarse_usual - coarse_sized).mean() < 4


def test_is_drawn_in_under_three_seconds_of_one_core():
    def seconds():
        start = time.process_time()  # not the clock on the wall: other programs may be busy
        draw_shapes()
        return time.process_time() - start

    assert min(seconds() for _ in range(2)) < 3


def test_figures_stand_out_from_their_ground_in_grey(shapes):
    luma = shapes.test_images @ np.array([0.299, 0.587, 0.114])
    low, high = np.percentile(luma, [5, 95], axis=(1, 2))
    assert (high - low).min() > 40


def test_raw_pixels_hardly_tell_the_class(shapes):
    train, test = (
        (images.reshape(len(images), -1) / np.float32(255))
        for images in (shapes.train_images[:2000], shapes.test_images)
    )
    accuracy = probe_accuracy(train, shapes.train_labels[:2000], test, shapes.test_labels)
    assert accuracy <= 0.40


def test_mean_colour_says_nothing_about_the_class(shapes):
    colours = [images.mean(axis=(1, 2)) for images in (shapes.train_images, shapes.test_images)]
    accuracy = probe_accuracy(colours[0], shapes.train_labels, colours[1], shapes.test_labels)
    assert accuracy < 0.16


def test_crops_of_one_picture_can_be_matched_by_colour_alone(shapes):
    """The shortcut that colour distortion is there to close."""
    rng = np.random.default_rng(0)
    pictures = shapes.test_images[:256]
    one, other = (random_crop_colours(pictures, rng) for _ in range(2))
    distances = np.linalg.norm(one[:, None] - other[None], axis=-1)
    matched = (distances.argmin(axis=1) == np.arange(256)).mean()
    assert matched > 0.3  # chance: 0.004


def test_importing_it_loads_no_deep_learning_framework():
    code = "import simclr_lib.datasets.shapes, sys; print('keras' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"

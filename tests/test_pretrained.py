"""The encoders that come with the kit: they load, are small, and as good as their card says."""

import os
import re

import keras
import numpy as np
import pytest

from simclr_lib import pretrained
from simclr_lib.datasets import load_dataset
from simclr_lib.errors import UserError
from simclr_lib.evaluation import extract_features, linear_probe

NAMES = pretrained.available()
MEGABYTE = 1e6

each_encoder = pytest.mark.parametrize("name", NAMES)


def pictures_of(name):
    """The pictures that an encoder was trained and tested on, as many as its card says."""
    if name == "cifar10":
        source = os.environ.get("SIMCLR_CIFAR_ZIP", "")
        if not os.path.exists(source):
            pytest.skip("SIMCLR_CIFAR_ZIP not given")
    else:
        source = name
    counts = {
        limit: int(re.match(r"[\d,]+", pretrained.card(name)[row])[0].replace(",", ""))
        for limit, row in (("train_limit", "pictures"), ("test_limit", "tested on"))
    }
    data = load_dataset(source, **counts)
    assert [len(data.train_images), len(data.test_images)] == list(counts.values())
    return data


def test_the_kit_has_an_encoder_of_its_own_pictures():
    assert "shapes" in NAMES


@each_encoder
def test_an_encoder_loads_and_is_small(name):
    assert (pretrained.HERE / f"{name}.keras").stat().st_size <= 3 * MEGABYTE
    encoder, head = pretrained.pretrained_encoder(name), pretrained.pretrained_head(name)
    pictures = np.random.default_rng(0).random((3, 32, 32, 3), "float32")
    h = np.asarray(encoder(pictures, training=False))
    z = np.asarray(head(h, training=False))
    assert h.shape == (3, encoder.output_shape[-1]) and z.shape == (3, head.output_shape[-1])
    assert h.dtype == z.dtype == np.float32 and np.isfinite(h).all() and np.isfinite(z).all()
    assert h.std(axis=0).max() > 1e-3  # other pictures, other features
    assert {layer.compute_dtype for layer in encoder.layers} == {"float32"}


@each_encoder
def test_a_card_tells_what_a_lesson_quotes(name):
    assert pretrained.views_seen(name) > 0
    shown = (pretrained.HERE / "README.md").read_text()
    rows = pretrained.card(name)
    assert rows.pop("name") == name
    for row, text in rows.items():
        assert re.search(rf"^\| {re.escape(row)} \|.* {re.escape(text)} \|", shown, re.MULTILINE)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n != "shapes")) for n in NAMES]
)
def test_an_encoder_is_as_good_as_its_card_says(name):
    encoder, data = pretrained.pretrained_encoder(name), pictures_of(name)
    train_h, test_h = (
        extract_features(encoder, part) for part in (data.train_images, data.test_images)
    )
    accuracy = linear_probe(train_h, data.train_labels, test_h, data.test_labels).accuracy
    told = float(pretrained.card(name)["SimCLR, linear"].removesuffix(" %"))
    assert abs(100 * accuracy - told) <= 1


def test_what_is_measured_would_notice_another_encoder():
    """The same probe on the same network without its training is far from the card."""
    encoder, data = pretrained.pretrained_encoder("shapes"), pictures_of("shapes")
    untrained = keras.models.clone_model(encoder)
    train_h, test_h = (
        extract_features(untrained, part) for part in (data.train_images, data.test_images)
    )
    accuracy = linear_probe(train_h, data.train_labels, test_h, data.test_labels).accuracy
    assert accuracy < 0.5


def test_an_encoder_that_the_kit_has_not():
    with pytest.raises(UserError, match=r"no pretrained encoder 'flowers'.*shapes.*simclr run"):
        pretrained.pretrained_encoder("flowers")

"""SimCLR as a Keras model: pictures in, a loss that falls; no label anywhere."""

import keras
import numpy as np
import pytest

from simclr_lib.augment import simclr_augmenter
from simclr_lib.heads import projection_head
from simclr_lib.losses import chance_level, nt_xent
from simclr_lib.pretraining import SimCLR
from simclr_lib.pretraining.batches import ShuffledBatches


def pictures(count=16):
    """Each of a colour and a coarse pattern of its own."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 2, 2, 3), "uint8")
    return coarse.repeat(6, axis=1).repeat(6, axis=2)


def as_they_are():
    """Views that are the pictures themselves."""
    return keras.layers.Rescaling(1 / 255)


def flat_model(augmenter=None, **options):
    """A model of the smallest kind: one dense layer each for encoder and head."""
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.Flatten(), keras.layers.Dense(8)]
    )
    return SimCLR(encoder, projection_head(8, 0, 4, 1), augmenter or as_they_are(), **options)


def test_it_learns_an_easy_task_from_pictures_alone():
    """Crops of a picture agree in their mean colour, and that is all this encoder looks at."""
    keras.utils.set_random_seed(0)
    look = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(32, "relu")]
    encoder = keras.Sequential([keras.Input((6, 6, 3)), *look])
    crops = simclr_augmenter(6, color_strength=0, gray_probability=0)
    model = SimCLR(encoder, projection_head(32, 32, 8), crops)
    model.compile(keras.optimizers.Adam(0.02))
    colors = np.random.default_rng(0).integers(90, 166, (16, 1, 1, 3), "uint8")
    images = colors.repeat(8, axis=1).repeat(8, axis=2)
    history = model.fit(images, batch_size=16, epochs=60, verbose=0).history
    assert set(history) == {"loss", "contrastive_accuracy"}
    chance = chance_level(16)
    assert history["loss"][0] == pytest.approx(chance, rel=0.1)
    assert history["loss"][-1] < 0.7 * chance
    assert history["contrastive_accuracy"][-1] > 0.9


def test_batches_in_a_fixed_order_are_fitted_too():
    model = flat_model()
    model.compile("sgd")
    history = model.fit(ShuffledBatches(pictures(), 8, 0, 0), shuffle=False, verbose=0).history
    assert 0 < history["loss"][0] < 2 * chance_level(8)


def test_projections_are_all_first_views_then_all_second_views():
    model = flat_model()
    z = np.asarray(model(pictures(5)))
    expected = np.asarray(model.head(model.encoder(pictures(5) / np.float32(255))))
    assert z.shape == (10, 4)
    np.testing.assert_allclose(z, np.concatenate([expected, expected]), atol=1e-5)


def test_the_two_views_of_a_picture_differ():
    z_a, z_b = np.split(np.asarray(flat_model(simclr_augmenter(12))(pictures(5))), 2)
    assert np.abs(z_a - z_b).max(axis=1).min() > 0.01


@pytest.mark.parametrize("temperature", [0.1, 2.0])
def test_the_loss_is_nt_xent_at_the_given_temperature(temperature):
    model = flat_model(simclr_augmenter(12), temperature=temperature)
    z = model(pictures())
    found = float(model.compute_loss(y_pred=z))
    assert found == pytest.approx(float(nt_xent(*np.split(np.asarray(z), 2), temperature)))


def test_another_loss_can_take_its_place():
    model = flat_model(loss=lambda z_a, z_b, temperature: 3 * temperature, temperature=0.7)
    assert float(model.compute_loss(y_pred=model(pictures()))) == pytest.approx(2.1)


def test_row_blocks_reach_loss_and_accuracy():
    asked = []
    model = flat_model(
        simclr_augmenter(12),
        block_rows=5,
        loss=lambda *z, block_rows: asked.append(block_rows) or 1.0,
    )
    model.compute_loss(y_pred=model(pictures()))
    assert asked == [5]
    whole, blocks = (flat_model(simclr_augmenter(12), **rows) for rows in ({}, {"block_rows": 5}))
    for model in (whole, blocks):
        model.compile(keras.optimizers.SGD(0.1))
    expected = whole.fit(pictures(), batch_size=8, epochs=2, shuffle=False, verbose=0).history
    found = blocks.fit(pictures(), batch_size=8, epochs=2, shuffle=False, verbose=0).history
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert found["contrastive_accuracy"] == expected["contrastive_accuracy"]


def test_views_that_are_equal_are_always_found():
    model = flat_model()
    model.compile(keras.optimizers.SGD(0.0))
    logs = model.train_on_batch(pictures(), return_dict=True)
    assert logs["contrastive_accuracy"] == 1


def test_each_step_sees_other_views():
    model = flat_model(simclr_augmenter(12))
    model.compile(keras.optimizers.SGD(0.0))
    losses = model.fit(pictures(), batch_size=16, epochs=3, verbose=0).history["loss"]
    assert len(set(losses)) == 3


def test_a_step_moves_encoder_and_head():
    model = flat_model(simclr_augmenter(12))
    model.compile(keras.optimizers.SGD(0.1))
    before = model.encoder.get_weights()[0], model.head.get_weights()[0]
    model.train_on_batch(pictures())
    assert np.abs(model.encoder.get_weights()[0] - before[0]).max() > 1e-6
    assert np.abs(model.head.get_weights()[0] - before[1]).max() > 1e-6


@pytest.mark.parametrize("temperature", [0, -0.5])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match=f"temperature must be above 0; got {temperature}"):
        flat_model(temperature=temperature)

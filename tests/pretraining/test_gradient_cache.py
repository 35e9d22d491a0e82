"""Gradient caching: chunk by chunk, and yet the gradient of the whole batch."""

import keras
import numpy as np
import pytest

from simclr_lib import fast_layers
from simclr_lib.augment import simclr_augmenter
from simclr_lib.errors import UserError
from simclr_lib.heads import projection_head
from simclr_lib.losses import nt_xent
from simclr_lib.pretraining import SimCLR, fit_epochs
from simclr_lib.pretraining.batches import ShuffledBatches

PICTURES, CHUNK = 24, 8


def pictures(count=PICTURES):
    return np.random.default_rng(0).integers(0, 256, (count, 12, 12, 3), "uint8")


def normalisations(model):
    kind = keras.layers.BatchNormalization
    return [layer for layer in model.encoder.layers if isinstance(layer, kind)]


def trainer(chunk=None, frozen=True, views=None, **options):
    """A small network with normalisation, the same each time, whose steps have length 1."""
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((12, 12, 3))])
    for _ in range(2):
        encoder.add(fast_layers.Conv2D(4, 3, 2, use_bias=False))
        encoder.add(fast_layers.BatchNormalization())
        encoder.add(keras.layers.ReLU())
    encoder.add(keras.layers.Flatten())
    views = views or keras.layers.Rescaling(1 / 255)
    head = projection_head(encoder.output_shape[-1], 16, 8)
    model = SimCLR(encoder, head, views, 0.2, gradient_cache_chunk=chunk, **options)
    for layer in normalisations(model):
        layer.trainable = not frozen
    model(pictures())
    model.compile(keras.optimizers.SGD(1.0))
    return model


def gradient_of_a_step(model):
    """What a step of length 1 takes off the weights, and the logs."""
    before = [variable.numpy() for variable in model.trainable_variables]
    logs = model.train_on_batch(pictures(), return_dict=True)
    after = [variable.numpy() for variable in model.trainable_variables]
    return [old - new for old, new in zip(before, after, strict=True)], logs


def distance(found, expected):
    found, expected = (np.concatenate([a.ravel() for a in arrays]) for arrays in (found, expected))
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("chunk", [1, CHUNK, PICTURES])
def test_with_frozen_normalisation_the_gradient_is_that_of_the_whole_batch(chunk):
    expected, logs = gradient_of_a_step(trainer())
    found, cached_logs = gradient_of_a_step(trainer(chunk))
    assert distance(found, expected) < 1e-4
    assert cached_logs == pytest.approx(logs, rel=1e-5)


def test_with_normalisation_in_training_it_is_another_one():
    expected, _ = gradient_of_a_step(trainer(frozen=False))
    found, _ = gradient_of_a_step(trainer(CHUNK, frozen=False))
    whole, _ = gradient_of_a_step(trainer(PICTURES, frozen=False))
    assert distance(whole, expected) < 1e-4  # a chunk that is the batch changes nothing
    assert 0.01 < distance(found, expected) < 1


def test_running_statistics_move_once_a_chunk():
    model, by_hand = trainer(CHUNK, frozen=False), trainer(frozen=False)
    model.train_on_batch(pictures())
    for first in range(0, PICTURES, CHUNK):
        by_hand(pictures()[first : first + CHUNK], training=True)
    for ours, theirs in zip(normalisations(model), normalisations(by_hand), strict=True):
        np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=1e-4)


def test_both_passes_see_the_same_views():
    """Where they did not, the gradient would be that of no loss at all."""
    model = trainer(CHUNK, views=simclr_augmenter(12))
    # The views of one step, drawn beforehand by the twin of the augmenter.
    twin = simclr_augmenter(12)
    twin(np.concatenate([pictures()] * 2))  # as when the model was built
    parts = [
        np.split(np.asarray(twin(np.concatenate([part, part]))), 2)
        for part in np.split(pictures(), PICTURES // CHUNK)
    ]
    drawn = np.concatenate([np.concatenate(views) for views in zip(*parts, strict=True)])

    class Drawn(keras.layers.Layer):
        def call(self, images):
            return keras.ops.convert_to_tensor(drawn[: images.shape[0]])

    expected, logs = gradient_of_a_step(trainer(views=Drawn()))
    found, cached_logs = gradient_of_a_step(model)
    assert cached_logs == pytest.approx(logs, rel=1e-4)
    assert distance(found, expected) < 1e-4


def test_each_step_sees_other_views():
    model = trainer(CHUNK, views=simclr_augmenter(12))
    model.compile(keras.optimizers.SGD(0.0))
    history = model.fit(pictures(), batch_size=PICTURES, epochs=3, verbose=0).history
    assert set(history) == {"loss", "contrastive_accuracy"}
    assert len(set(history["loss"])) == 3


def test_a_whole_fit_equals_the_ordinary_one():
    """Through the batches of the loop, whose size TensorFlow learns only while it runs."""
    losses, weights = [], []
    for chunk in (None, 4):
        model = trainer(chunk, loss=nt_xent, block_rows=10)
        model.compile(keras.optimizers.SGD(0.1))
        batches = ShuffledBatches(pictures(), 12, 0, 0)
        history = [model.fit(batches, shuffle=False, verbose=0).history for _ in range(2)]
        losses.append([epoch["loss"][0] for epoch in history])
        weights.append(model.get_weights())
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert distance(weights[1], weights[0]) < 1e-4


def test_a_chunk_that_does_not_divide_the_batch_is_refused():
    with pytest.raises(UserError, match="batch of 24 pictures can't be cut into chunks of 7"):
        trainer(7).train_on_batch(pictures())


def test_a_fit_that_is_stopped_goes_on_to_the_same_bits(tmp_path):
    def fit(checkpoint, stop_at=None):
        def after_epoch(history):
            if len(history) == stop_at:
                raise KeyboardInterrupt

        model = trainer(4, frozen=False, views=simclr_augmenter(12), block_rows=10)
        model.compile(keras.optimizers.Adam(0.01))
        model.optimizer.build(model.trainable_variables)
        fit_epochs(
            model,
            pictures(),
            batch_size=12,
            epochs=3,
            seed=0,
            checkpoint=tmp_path / checkpoint,
            after_epoch=after_epoch,
        )
        return [*model.variables, *model.optimizer.variables]

    undisturbed = fit("undisturbed.npz")
    with pytest.raises(KeyboardInterrupt):
        fit("stopped.npz", stop_at=3)
    gone_on = fit("stopped.npz")
    for ours, theirs in zip(gone_on, undisturbed, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())

"""The autoencoder: it learns to draw, resumes in the same bits, and walks the whole road."""

import csv

import keras
import numpy as np
import pytest
from keras import ops

from simclr_lib import experiment, fast_layers  # noqa: F401 (what encoder.keras is made of)
from simclr_lib.augment import RandomView, simclr_augmenter
from simclr_lib.errors import UserError
from simclr_lib.evaluation import extract_features
from simclr_lib.optimizers import build_optimizer, warmup_cosine
from simclr_lib.pretraining import Autoencoder, fit_epochs, loop
from simclr_lib.pretraining.autoencoder import mean_picture_error, picture_decoder
from simclr_lib.recipes import get_recipe
from simclr_lib.run_folder import RunFolder

EPOCHS, STEPS, BATCH = 2, 11, 4
IMAGES = np.random.default_rng(0).integers(0, 256, (STEPS * BATCH, 8, 8, 3), "uint8")


class Dim(RandomView):
    """Views that take no time to compile: each picture made darker by a draw of its own."""

    def call(self, images):
        (light,) = self.uniform(images, 1)
        return ops.cast(images, "float32") / 255 * light[:, None, None, None]


def build(make_layers, seed=0):
    """A compiled model for views of 8×8, with BatchNorm in the decoder."""
    keras.utils.set_random_seed(seed)
    encoder = keras.Sequential([keras.Input((8, 8, 3)), *make_layers()])
    decoder = picture_decoder(encoder.output_shape[-1], 8, width=4)
    model = Autoencoder(encoder, decoder, Dim(seed))
    model(IMAGES[:2])
    schedule = warmup_cosine(0.01, EPOCHS * STEPS, STEPS)
    model.compile(build_optimizer("adamw", schedule, 0.01, model.trainable_variables))
    return model


def build_with_norm(seed=0):
    layers = keras.layers
    return build(lambda: (layers.Flatten(), layers.Dense(6), layers.BatchNormalization()), seed)


# --- the decoder


@pytest.mark.parametrize("side", [4, 7, 8, 16, 24, 25, 31, 32, 64])
def test_a_decoder_draws_pictures_of_any_side(side):
    decoder = picture_decoder(10, side, width=2)
    drawn = np.asarray(decoder(np.random.default_rng(0).normal(size=(3, 10)).astype("float32")))
    assert drawn.shape == (3, side, side, 3)
    assert drawn.dtype == np.float32
    assert drawn.min() >= 0 and drawn.max() <= 1


def test_a_side_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="image_size must be at least 4; got 3"):
        picture_decoder(10, 3)


def test_a_decoder_in_bfloat16_draws_in_float32():
    drawn = picture_decoder(10, 8, width=2, dtype="mixed_bfloat16")(np.ones((2, 10), "float32"))
    assert keras.backend.standardize_dtype(drawn.dtype) == "float32"


# --- the model


def test_it_sees_two_views_of_each_picture_and_compares_them_with_what_it_draws():
    encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])
    keras.utils.set_random_seed(0)
    model = Autoencoder(encoder, picture_decoder(3, 8, width=2), simclr_augmenter(8))
    views, drawn = np.asarray(model(IMAGES[:5]))
    assert views.shape == drawn.shape == (10, 8, 8, 3)
    assert np.abs(views[:5] - views[5:]).max(axis=(1, 2, 3)).min() > 0.01
    np.testing.assert_allclose(drawn, model.decoder(encoder(views)), atol=1e-5)
    loss = float(model.compute_loss(y_pred=np.stack([views, drawn])))
    assert loss == pytest.approx(np.mean((views.astype("f8") - drawn) ** 2), rel=1e-5)


def test_it_learns_to_draw_plain_colors_better_than_their_mean():
    colors = np.random.default_rng(0).integers(0, 256, (64, 1, 1, 3), "uint8")
    images = colors.repeat(8, axis=1).repeat(8, axis=2)
    model = build(lambda: [keras.layers.GlobalAveragePooling2D()])
    chance = mean_picture_error(model.augmenter(images))
    model.compile(keras.optimizers.Adam(0.02))
    history = model.fit(images, batch_size=16, epochs=25, verbose=0).history
    assert set(history) == {"loss"}
    assert history["loss"][0] > 0.3 * chance
    assert history["loss"][-1] < 0.3 * chance


def test_the_mean_picture_s_error_is_the_variance_of_the_pixels():
    views = np.random.default_rng(0).random((50, 4, 4, 3))
    error = np.mean((views - views.mean(axis=0)) ** 2)
    assert mean_picture_error(views) == pytest.approx(error, rel=1e-5)


def test_a_step_moves_encoder_and_decoder():
    model = build_with_norm()
    parts = model.encoder, model.decoder
    before = [part.get_weights()[0] for part in parts]
    model.compile(keras.optimizers.SGD(0.1))
    model.train_on_batch(IMAGES[:8])
    for part, weights in zip(parts, before, strict=True):
        assert np.abs(part.get_weights()[0] - weights).max() > 1e-7


class StopsAt:
    """Stands in for the progress bar, and stops the run at a step."""

    def __init__(self, stop_at):
        self.stop_at = stop_at

    def start(self, step):
        pass

    def step(self, step, logs):
        if step == self.stop_at:
            raise KeyboardInterrupt

    def close(self):
        pass


@pytest.mark.parametrize("stop_at", [9, STEPS + 3])
def test_stopped_and_resumed_it_ends_in_the_same_bits(tmp_path, monkeypatch, stop_at):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)  # a checkpoint after each step
    options = {"batch_size": BATCH, "epochs": EPOCHS, "seed": 4}
    undisturbed = build_with_norm()
    expected = fit_epochs(undisturbed, IMAGES, **options)

    options["checkpoint"] = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        fit_epochs(build_with_norm(), IMAGES, progress=StopsAt(stop_at), **options)
    model = build_with_norm(seed=99)  # nothing of its own beginning is to count
    history = fit_epochs(model, IMAGES, **options)
    assert [row["loss"] for row in history] == pytest.approx(
        [row["loss"] for row in expected], rel=1e-5
    )
    found, wanted = ([*m.variables, *m.optimizer.variables] for m in (model, undisturbed))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


# --- the road


SMOKE = {
    "objective": "reconstruction",
    "train_limit": 128,
    "test_limit": 40,
    "supervised_baseline": "false",
    "precision": "float32",
}


@pytest.mark.slow
def test_the_road_ends_in_a_row_named_autoencoder(tmp_path):
    recipe = get_recipe("smoke", SMOKE)
    results = experiment.run(recipe, tmp_path / "run", say=lambda line: None)
    assert list(results.accuracies) == ["autoencoder", "random encoder", "raw pixels"]
    assert "autoencoder" in results.table() and "SimCLR" not in results.table()
    assert set(results.accuracies["autoencoder"]) == {"linear", "knn"}
    with (tmp_path / "run/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(0 < float(row["loss"]) < 0.5 and row["knn_accuracy"] for row in rows)
    folder = RunFolder(tmp_path / "run")
    assert not folder.head.exists()
    encoder, decoder = map(keras.models.load_model, (folder.encoder, folder.decoder))
    h = extract_features(encoder, experiment.load_data(recipe).test_images)
    side = recipe.view_size
    assert decoder(h[:2]).shape == (2, side, side, 3)
    figures = {path.stem for path in folder.figures.iterdir()}
    assert figures == {"views", "curves", "accuracies", "neighbours", "features", "confusion"}
    assert experiment.run(recipe, tmp_path / "run", say=lambda line: None) == results


@pytest.mark.parametrize("key", ["gradient_cache_chunk", "loss_block_rows"])
def test_what_is_for_comparing_pictures_is_refused(key):
    with pytest.raises(UserError, match=f"{key} saves memory where pictures are compared"):
        get_recipe("smoke", {"objective": "reconstruction", key: 16})


def test_an_objective_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(UserError, match="must be one of contrastive, reconstruction; got 'gan'"):
        get_recipe("smoke", {"objective": "gan"})

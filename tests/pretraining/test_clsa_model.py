"""CLSA as a Keras model: three views of a picture, and the strong one follows the weak ones."""

import json

import keras
import numpy as np
import pytest

from simclr_lib import experiment
from simclr_lib.augment import simclr_augmenter
from simclr_lib.errors import UserError
from simclr_lib.heads import projection_head
from simclr_lib.losses import chance_level, clsa, nt_xent
from simclr_lib.pretraining import CLSA, SimCLR, fit_epochs
from simclr_lib.recipes import get_recipe
from simclr_lib.strong_views import strong_augmenter


def pictures(count=16):
    return np.random.default_rng(0).integers(0, 256, (count, 12, 12, 3), "uint8")


def as_they_are():
    return keras.layers.Rescaling(1 / 255)


def negatives():
    """Strong views that are drawn by no one: every picture's negative."""
    return keras.layers.Rescaling(-1 / 255, 1)


def parts():
    """Encoder and head of the smallest kind, the same each time."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(8), keras.layers.BatchNormalization()]
    return keras.Sequential([keras.Input((12, 12, 3)), *layers]), projection_head(8, 0, 4, 1)


def model(weak=None, strong=None, **options):
    return CLSA(*parts(), weak or as_they_are(), strong or negatives(), **options)


def test_projections_are_first_second_and_strong_views():
    clsa_model = model()
    z = np.asarray(clsa_model(pictures(5)))
    weak, strong = (
        np.asarray(clsa_model.head(clsa_model.encoder(images)))
        for images in (pictures(5) / np.float32(255), 1 - pictures(5) / np.float32(255))
    )
    assert z.shape == (15, 4)
    np.testing.assert_allclose(z, np.concatenate([weak, weak, strong]), atol=1e-5)


@pytest.mark.parametrize("strong_weight", [0.0, 1.0, 3.0])
def test_the_loss_is_clsa_s(strong_weight):
    found = model(
        simclr_augmenter(12), temperature=0.3, strong_weight=strong_weight, strong_temperature=0.1
    )
    z = found(pictures())
    expected = clsa(
        *np.split(np.asarray(z), 3), 0.3, strong_weight=strong_weight, strong_temperature=0.1
    )
    assert float(found.compute_loss(y_pred=z)) == pytest.approx(float(expected), rel=1e-5)


def test_the_history_tells_the_whole_loss_and_the_part_of_the_weak_views():
    found = model(simclr_augmenter(12), strong_weight=2.0)
    found.compile(keras.optimizers.SGD(0.0))
    logs = found.train_on_batch(pictures(), return_dict=True)
    assert set(logs) == {"loss", "contrastive_loss", "contrastive_accuracy"}
    assert 0 < logs["contrastive_loss"] < logs["loss"]


def test_another_contrastive_loss_can_take_its_place():
    found = model(loss=lambda z_a, z_b, temperature: 10 * temperature, strong_weight=0.0)
    assert float(found.compute_loss(y_pred=found(pictures()))) == pytest.approx(5.0)


def test_without_weight_it_moves_the_weights_as_simclr_does():
    """Also through BatchNorm: weak views meet strong ones nowhere but in the loss."""
    changes = []
    for build in (
        lambda: SimCLR(*parts(), simclr_augmenter(12)),
        lambda: model(simclr_augmenter(12), strong_weight=0.0),
    ):
        trained = build()
        trained.compile(keras.optimizers.SGD(1.0))
        before = trained.encoder.get_weights()[0]
        trained.train_on_batch(pictures())
        changes.append(trained.encoder.get_weights()[0] - before)
    assert np.abs(changes[0]).max() > 1e-5
    np.testing.assert_allclose(changes[1], changes[0], atol=1e-6)


def test_running_statistics_take_a_step_towards_the_strong_views_and_then_one_towards_the_weak():
    trained = model()
    trained.compile(keras.optimizers.SGD(0.0))
    norm = trained.encoder.layers[-1]
    inputs = keras.Model(trained.encoder.inputs[0], norm.input)
    weak, strong = (
        np.mean(inputs(images), axis=0)
        for images in (pictures() / np.float32(255), 1 - pictures() / np.float32(255))
    )
    trained.train_on_batch(pictures())
    step = 1 - norm.momentum
    expected = (1 - step) * step * strong + step * weak
    np.testing.assert_allclose(norm.moving_mean, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", ["block_rows", "gradient_cache_chunk"])
def test_what_is_for_two_views_is_refused(name):
    with pytest.raises(UserError, match=f"{name} is for two views, and CLSA has three"):
        model(**{name: 4})


@pytest.mark.parametrize("name", ["temperature", "strong_temperature"])
def test_a_temperature_that_is_not_positive_is_refused(name):
    with pytest.raises(ValueError, match=f"^{name} must be above 0; got 0"):
        model(**{name: 0})


def test_a_fit_that_is_stopped_goes_on_to_the_same_bits(tmp_path):
    def fit(checkpoint, stop_at=None):
        def after_epoch(history):
            if len(history) == stop_at:
                raise KeyboardInterrupt

        trained = model(simclr_augmenter(12), strong_augmenter(12, seed=1000))
        trained(pictures(2))
        trained.compile(keras.optimizers.Adam(0.01))
        trained.optimizer.build(trained.trainable_variables)
        fit_epochs(
            trained,
            pictures(24),
            batch_size=12,
            epochs=3,
            seed=0,
            checkpoint=tmp_path / checkpoint,
            after_epoch=after_epoch,
        )
        return [*trained.variables, *trained.optimizer.variables]

    undisturbed = fit("undisturbed.npz")
    with pytest.raises(KeyboardInterrupt):
        fit("stopped.npz", stop_at=3)
    for ours, theirs in zip(fit("stopped.npz"), undisturbed, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


TINY = {
    "train_limit": 64,
    "test_limit": 50,
    "batch_size": 32,
    "epochs": 1,
    "warmup_epochs": 0,
    "knn_every": 0,
    "supervised_baseline": False,
}


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "clsa", "strong_weight": 2.0},
        pytest.param({"views": "strong"}, marks=pytest.mark.slow),
    ],
)
def test_a_recipe_goes_the_whole_road(tmp_path, settings):
    recipe = get_recipe("smoke", TINY | settings)
    results = experiment.run(recipe, tmp_path, say=lambda line: None)
    assert 0 <= results.accuracies["SimCLR"]["linear"] <= 1
    saved = json.loads((tmp_path / "config.json").read_text())["recipe"]
    assert settings.items() <= saved.items()
    header, row = (tmp_path / "metrics.csv").read_text().splitlines()
    logs = dict(zip(header.split(","), row.split(","), strict=True))
    parts = 3 if "loss" in settings else 1
    assert experiment.chance_loss(recipe) == pytest.approx(parts * chance_level(32))
    assert float(logs["loss"]) == pytest.approx(parts * chance_level(32), rel=0.25)
    assert ("contrastive_loss" in logs) == ("loss" in settings)
    assert (tmp_path / "figures" / "views.png").exists()


def test_weak_and_strong_views_of_a_run_have_streams_of_their_own():
    recipe = get_recipe("smoke", {"loss": "clsa"})
    weak, strong = (
        build(recipe) for build in (experiment.build_augmenter, experiment.build_strong_augmenter)
    )
    numbers = [
        layer.uniform(np.zeros((500, 3, 4, 4)), 1)[0]
        for layer in (*weak.operations, *strong.operations)
    ]
    relation = np.corrcoef(np.asarray(numbers)) - np.eye(len(numbers))
    assert np.abs(relation).max() < 4.5 / 500**0.5


def test_the_supervised_baseline_keeps_to_crops_and_mirrors(monkeypatch):
    """Also where the contrastive views are strong."""
    asked = []

    def stop(recipe):
        asked.append(recipe)
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "build_augmenter", stop)
    recipe = get_recipe("smoke", {"views": "strong"})
    with pytest.raises(KeyboardInterrupt):
        experiment.train_supervised(recipe, "float32", experiment.load_data(recipe), None)
    assert (asked[0].views, asked[0].color_strength) == ("weak", 0)


def test_nt_xent_is_what_weak_views_are_compared_by():
    assert model().contrastive_loss is nt_xent

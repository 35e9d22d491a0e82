"""Losses that remember each picture: told which they see, kept in checkpoints, refused in time."""

import keras
import numpy as np
import pytest
from keras import ops

from simclr_lib import experiment
from simclr_lib.augment import RandomView
from simclr_lib.errors import UserError
from simclr_lib.from_recipe import build_loss, chance_loss
from simclr_lib.heads import projection_head
from simclr_lib.losses import MemoryBank, SogCLR, chance_level, nt_xent, sogclr
from simclr_lib.losses.memory_bank import remember
from simclr_lib.losses.sogclr import NEVER_SEEN
from simclr_lib.pretraining import SimCLR, fit_epochs, loop
from simclr_lib.pretraining.batches import ShuffledBatches
from simclr_lib.recipes import get_recipe

BATCH, STEPS, EPOCHS, DIMS = 4, 12, 3, 4
PICTURES = BATCH * STEPS + 2  # two of them wait for another epoch
IMAGES = np.random.default_rng(0).integers(0, 256, (PICTURES, 6, 6, 3), "uint8")
LOSSES = {
    "sogclr": lambda pictures, seed=0: SogCLR(pictures, 0.3, EPOCHS * STEPS // 2),
    "memory_bank": lambda pictures, seed=0: MemoryBank(pictures, DIMS, 16, 0.5, seed),
}
REMEMBERING = pytest.mark.parametrize("name", LOSSES)


class Dim(RandomView):
    """Views that take no time to compile: each picture made darker by a draw of its own."""

    def call(self, images):
        light, shift = self.uniform(images, 2)
        images = ops.cast(images, "float32") / 255 * light[:, None, None, None]
        return images + shift[:, None, None, None]


class Tint(RandomView):
    """Views whose colours are a little off, all pixels of a picture alike."""

    def call(self, images):
        tint = ops.stack(self.uniform(images, 3), axis=1) - 0.5
        return ops.cast(images, "float32") / 255 + 0.1 * tint[:, None, None, :]


def build(name, seed=0, views=None, rate=0.05, pictures=PICTURES, **options):
    keras.utils.set_random_seed(seed)
    encoder = keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(6)]
    )
    loss = LOSSES[name](pictures, seed) if name in LOSSES else nt_xent
    model = SimCLR(
        encoder, projection_head(6, 0, DIMS, 1), views or Dim(seed), 0.2, loss, **options
    )
    model(IMAGES[:BATCH])
    model.compile(keras.optimizers.SGD(rate, 0.9))
    model.optimizer.build(model.trainable_variables)
    return model


def fit(model, epochs=EPOCHS, images=IMAGES, **options):
    return fit_epochs(model, images, batch_size=BATCH, epochs=epochs, seed=4, **options)


def everything(model):
    return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]


def memory(model):
    """The variable that holds something for each picture."""
    (found,) = [v for v in model.non_trainable_variables if tuple(v.shape)[:1] == (PICTURES,)]
    return found.numpy()


def by_hand(name, model):
    """The memory after one epoch in which neither weights nor views changed."""
    z = np.split(np.asarray(model(IMAGES)), 2)
    order = ShuffledBatches(IMAGES, BATCH, 4, 0, labels=np.arange(PICTURES))
    known = memory(model).copy()
    for _, chosen in (order[i] for i in range(len(order))):
        z_a, z_b = (ops.convert_to_tensor(view[chosen]) for view in z)
        if name == "sogclr":
            _, new = sogclr(z_a, z_b, known[chosen], 0.2, 1.0)
        else:
            new = remember(known[chosen], z_a, z_b, 0.5)
        known[chosen] = np.asarray(new)
    return known


@REMEMBERING
def test_each_picture_is_remembered_in_its_own_place(name):
    model = build(name, views=keras.layers.Rescaling(1 / 255), rate=0.0)
    before, expected = memory(model), by_hand(name, model)
    fit(model, epochs=1)
    np.testing.assert_allclose(memory(model), expected, rtol=1e-4, atol=1e-5)
    # The two that filled no batch are as they were.
    untouched = np.all((memory(model) == before).reshape(PICTURES, -1), axis=1)
    assert np.sum(untouched) == 2


@REMEMBERING
def test_fit_alone_tells_the_places_too(name):
    model = build(name, rate=0.0)
    before = memory(model)
    history = model.fit(IMAGES[:], batch_size=PICTURES // 2, epochs=2, verbose=0).history
    assert set(history) == {"loss", "contrastive_accuracy"}
    assert np.all(memory(model) != before)


class StopsAt:
    """Stands in for the progress bar, and stops the run at a step."""

    def __init__(self, stop):
        self.stop, self.started = stop, None

    def start(self, step):
        self.started = step

    def step(self, step, logs):
        if step == self.stop:
            raise KeyboardInterrupt

    def close(self):
        pass


@REMEMBERING
def test_a_run_that_is_stopped_goes_on_to_the_same_bits(name, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)  # one after each step
    undisturbed, checkpoint = build(name), tmp_path / "checkpoint.npz"
    fit(undisturbed)

    # Within the first epoch, when not all were seen, and again within the second.
    for seed, stop in ((0, STEPS - 2), (99, 2 * STEPS - 2)):
        watch = StopsAt(stop)
        with pytest.raises(KeyboardInterrupt):
            fit(build(name, seed), checkpoint=checkpoint, progress=watch)
        assert (watch.started > 0) == (seed == 99)
    model = build(name, seed=99)  # nothing of its own beginning is to count
    fit(model, checkpoint=checkpoint)
    for ours, theirs in zip(everything(model), everything(undisturbed), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@REMEMBERING
def test_with_other_pictures_a_run_does_not_go_on_and_nothing_is_lost(name, tmp_path):
    checkpoint = tmp_path / "checkpoint.npz"
    fit(build(name), epochs=1, checkpoint=checkpoint)
    kept = checkpoint.read_bytes()
    fewer = build(name, pictures=PICTURES - BATCH)
    before = everything(fewer)
    with pytest.raises(UserError, match=r"training on 50 pictures, and here are 46: .*") as refusal:
        fit(fewer, images=IMAGES[:-BATCH], checkpoint=checkpoint)
    assert "\n" not in str(refusal.value)
    assert checkpoint.read_bytes() == kept
    for ours, theirs in zip(everything(fewer), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@REMEMBERING
def test_a_loss_for_another_number_of_pictures_is_refused(name):
    model = build(name, pictures=PICTURES + 1)
    for train in (fit, lambda model: model.fit(IMAGES, verbose=0)):
        with pytest.raises(UserError, match=r"remembers 51 pictures and is given 50: "):
            train(model)


@REMEMBERING
def test_a_batch_that_does_not_tell_its_places_is_refused(name):
    with pytest.raises(UserError, match="is not told which these are"):
        build(name).train_on_batch(IMAGES[:BATCH])


@REMEMBERING
def test_labels_are_not_taken_for_places(name):
    with pytest.raises(UserError, match="SimCLR reads no labels"):
        build(name).fit(IMAGES, np.zeros(PICTURES, "int32"))


@REMEMBERING
def test_row_blocks_are_refused(name):
    with pytest.raises(ValueError, match="block_rows is for NT-Xent alone"):
        build(name, block_rows=8)


def test_nt_xent_is_given_pictures_alone(monkeypatch):
    model, seen = build("nt_xent"), []

    def watched(x=None, y=None, y_pred=None, *rest, **named):
        seen.append(y)
        return ops.sum(y_pred)

    monkeypatch.setattr(model, "compute_loss", watched)
    fit(model, epochs=1)
    model.fit(IMAGES, batch_size=BATCH, verbose=0)
    assert seen and set(seen) == {None}


@REMEMBERING
def test_gradient_caching_remembers_the_same(name):
    expected, found = (
        build(name, views=keras.layers.Rescaling(1 / 255), gradient_cache_chunk=chunk)
        for chunk in (None, 2)
    )
    for model in (expected, found):
        fit(model, epochs=2)
    for ours, theirs in zip(everything(found), everything(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@REMEMBERING
def test_an_easy_task_is_learnt(name):
    """Views of a picture agree in their colours, and pictures differ in them."""
    keras.utils.set_random_seed(0)
    look = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(32, "relu")]
    encoder = keras.Sequential([keras.Input((6, 6, 3)), *look])
    colors = np.random.default_rng(0).integers(0, 256, (16, 1, 1, 3), "uint8")
    images = colors.repeat(6, axis=1).repeat(6, axis=2)
    loss = {"sogclr": SogCLR(16), "memory_bank": MemoryBank(16, 8, 64)}[name]
    model = SimCLR(encoder, projection_head(32, 32, 8), Tint(), 0.2, loss)
    model(images)
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(images, batch_size=8, epochs=60, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert history["contrastive_accuracy"][-1] > 0.9


def test_the_recipe_s_loss_is_built_for_its_run():
    recipe = get_recipe("smoke", {"epochs": 10, "sogclr_gamma": 0.4, "bank_negatives": 70})
    assert build_loss(recipe, 640, 32) is nt_xent
    settings = {"epochs": 10, "loss": "sogclr", "sogclr_gamma": 0.4}
    constant = build_loss(get_recipe("smoke", settings), 640, 32)
    assert (constant.pictures, constant.gamma, constant.decay_steps) == (640, 0.4, 0)
    settings["sogclr_gamma_schedule"] = "cosine"
    cosine = build_loss(get_recipe("smoke", settings), 640, 32)
    assert cosine.decay_steps == 10 * (640 // 64) // 2
    settings = {"loss": "memory_bank", "bank_negatives": 70, "bank_momentum": 0.2}
    bank = build_loss(get_recipe("smoke", settings), 640, 32)
    assert tuple(bank.bank.shape) == (640, 32)
    assert (bank.negatives, bank.momentum) == (70, 0.2)


@pytest.mark.parametrize("name", ["nt_xent", "sogclr", "memory_bank"])
def test_the_chance_level_is_what_a_constant_encoder_gets(name):
    recipe = get_recipe("smoke", {"loss": name, "temperature": 0.5})
    z = np.tile([3.0, -4.0, 12.0], (64, 1)).astype("float32")
    loss = build_loss(recipe, 100_000, 3)
    if name == "nt_xent":
        found = loss(z, z, 0.5)
    else:
        if name == "memory_bank":
            loss.bank.assign(np.tile(z[:1] / 13, (100_000, 1)))
        found = loss(z, z, np.arange(64), temperature=0.5)
    # A picture's own entry is drawn now and then, and is no negative.
    assert float(found) == pytest.approx(chance_loss(recipe), rel=1e-3, abs=1e-5)
    assert name != "nt_xent" or chance_loss(recipe) == chance_level(64)


@pytest.mark.slow
@REMEMBERING
def test_a_recipe_goes_all_the_way_by_one_key(name, tmp_path):
    settings = {
        "loss": name,
        "train_limit": 160,
        "batch_size": 32,
        "epochs": 2,
        "sogclr_gamma_schedule": "cosine",
        "bank_negatives": 64,
        "supervised_baseline": False,
        "knn_every": 0,
    }
    results = experiment.run(get_recipe("smoke", settings), tmp_path, say=lambda line: None)
    assert 0 < results.accuracies["SimCLR"]["linear"] <= 1
    losses = [line.split(",") for line in (tmp_path / "metrics.csv").read_text().splitlines()]
    assert len(losses) == 3
    assert (tmp_path / "figures" / "curves.png").exists()


def test_a_picture_never_seen_is_told_by_a_finite_number():
    """As all weights of a checkpoint have to be finite."""
    assert np.isfinite(np.float32(NEVER_SEEN))

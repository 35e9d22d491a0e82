"""The loop: stopped anywhere and run again, it ends in the same bits; NaN keeps the last good."""

import contextlib
import signal
import threading

import keras
import numpy as np
import pytest
from keras import ops

from simclr_lib.augment import RandomView
from simclr_lib.errors import UserError
from simclr_lib.heads import projection_head
from simclr_lib.optimizers import build_optimizer, warmup_cosine
from simclr_lib.pretraining import SimCLR, fit_epochs, loop
from simclr_lib.pretraining.checkpoint import load_checkpoint

EPOCHS, STEPS, BATCH = 3, 12, 5
FIRST = 8  # steps to the first checkpoint
IMAGES = np.random.default_rng(0).integers(0, 256, (STEPS * BATCH, 6, 6, 3), "uint8")


class Dim(RandomView):
    """Views that take no time to compile: each picture made darker by a draw of its own."""

    def call(self, images):
        (light,) = self.uniform(images, 1)
        return ops.cast(images, "float32") / 255 * light[:, None, None, None]


def build(seed=0, rate=None, optimizer="adamw"):
    """A model with all that must be restored: running statistics, views, an optimiser's state."""
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Flatten(), keras.layers.Dense(6), keras.layers.BatchNormalization()]
    encoder = keras.Sequential([keras.Input((6, 6, 3)), *layers])
    model = SimCLR(encoder, projection_head(6, 0, 4, 1), Dim(seed))
    model(IMAGES[:BATCH])
    rate = rate or warmup_cosine(0.05, EPOCHS * STEPS, STEPS)
    model.compile(build_optimizer(optimizer, rate, 0.01, model.trainable_variables))
    return model


def fit(model, epochs=EPOCHS, **options):
    return fit_epochs(model, IMAGES, batch_size=BATCH, epochs=epochs, seed=4, **options)


def everything(model):
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def assert_same_bits(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def assert_same_history(found, expected):
    """The same but for the seconds; sums over the same steps may be added in other portions."""
    assert [list(row) for row in found] == [list(row) for row in expected]
    for ours, theirs in zip(found, expected, strict=True):
        for name in set(ours) - {"seconds"}:
            assert ours[name] == pytest.approx(theirs[name], rel=1e-5)


class Watcher:
    """Stands in for the progress bar: notes what it is told, and stops the run at a step."""

    def __init__(self, stop_at=None):
        self.stop_at, self.started, self.steps, self.closed = stop_at, None, [], 0

    def start(self, step):
        self.started = step

    def step(self, step, logs):
        self.steps.append((step, float(logs["loss"])))
        if step == self.stop_at:
            raise KeyboardInterrupt

    def close(self):
        self.closed += 1


@pytest.fixture
def checkpoint(tmp_path):
    return tmp_path / "checkpoint.npz"


@pytest.fixture
def often(monkeypatch):
    """A checkpoint after each step, once the first few have told the pace."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)


@pytest.fixture(scope="module")
def undisturbed():
    """Variables and history of a run that nothing stopped."""
    model = build()
    history = fit(model)
    return everything(model), history


def test_ctrl_c_that_somebody_swallows_ends_the_step_all_the_same(checkpoint):
    class Swallower(Watcher):
        def step(self, step, logs):
            super().step(step, logs)
            if step == 3:
                with contextlib.suppress(KeyboardInterrupt):  # as Keras does
                    signal.raise_signal(signal.SIGINT)

    before, watcher = signal.getsignal(signal.SIGINT), Swallower()
    with pytest.raises(KeyboardInterrupt):
        fit(build(), checkpoint=checkpoint, progress=watcher)
    assert [step for step, _ in watcher.steps] == [1, 2, 3]
    assert signal.getsignal(signal.SIGINT) is before


def test_it_trains_in_a_thread_where_no_signal_can_be_caught():
    histories = []
    thread = threading.Thread(target=lambda: histories.append(fit(build(), epochs=1)))
    thread.start()
    thread.join()
    assert len(histories) == 1


@pytest.mark.parametrize("stop_at", [FIRST + 2, STEPS])
def test_stopped_at_a_step_and_resumed_it_ends_in_the_same_bits(
    checkpoint, often, undisturbed, stop_at
):
    stopped = Watcher(stop_at)
    with pytest.raises(KeyboardInterrupt):
        fit(build(), checkpoint=checkpoint, progress=stopped)
    assert stopped.closed == 1

    model, resumed = build(seed=99), Watcher()  # nothing of its own beginning is to count
    history = fit(model, checkpoint=checkpoint, progress=resumed)
    assert resumed.started == stop_at - 1
    assert [step for step, _ in resumed.steps] == list(range(stop_at, EPOCHS * STEPS + 1))
    assert_same_bits(everything(model), undisturbed[0])
    assert_same_history(history, undisturbed[1])


@pytest.mark.parametrize("steps_per_epoch", [9, 2 * STEPS + 3])
def test_an_epoch_of_other_length_resumes_in_the_same_bits(tmp_path, often, steps_per_epoch):
    """Shorter than the pictures, and more than twice as long."""
    options = {"epochs": 2, "steps_per_epoch": steps_per_epoch}
    reference = build()
    expected = fit(reference, **options)
    assert [row["epoch"] for row in expected] == [1, 2]
    assert int(reference.optimizer.iterations) == 2 * steps_per_epoch

    for stop_at in {FIRST + 1, steps_per_epoch, steps_per_epoch + 5}:
        checkpoint = tmp_path / f"{stop_at}.npz"
        with pytest.raises(KeyboardInterrupt):
            fit(build(), checkpoint=checkpoint, progress=Watcher(stop_at), **options)
        model = build(seed=99)
        history = fit(model, checkpoint=checkpoint, **options)
        assert_same_bits(everything(model), everything(reference))
        assert_same_history(history, expected)


def test_stopped_before_the_first_checkpoint_it_starts_again(checkpoint, undisturbed):
    with pytest.raises(KeyboardInterrupt):
        fit(build(), checkpoint=checkpoint, progress=Watcher(FIRST - 1))
    assert not checkpoint.exists()
    model = build()
    fit(model, checkpoint=checkpoint)
    assert_same_bits(everything(model), undisturbed[0])


def test_stopped_between_an_epoch_and_its_checkpoint_the_epoch_is_told_once_more(
    checkpoint, undisturbed
):
    def fails(history):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(build(), checkpoint=checkpoint, after_epoch=fails)
    told = []
    model = build(seed=99)
    history = fit(
        model, checkpoint=checkpoint, after_epoch=lambda rows: told.append(rows[-1]["epoch"])
    )
    assert told == [1, 2, 3]
    assert_same_bits(everything(model), undisturbed[0])
    assert_same_history(history, undisturbed[1])


def test_a_finished_run_is_given_back_without_a_step(checkpoint, undisturbed):
    fit(build(), checkpoint=checkpoint)
    model, watcher = build(seed=99), Watcher()
    history = fit(model, checkpoint=checkpoint, progress=watcher)
    assert (watcher.started, watcher.steps) == (EPOCHS * STEPS, [])
    assert_same_bits(everything(model), undisturbed[0])
    assert_same_history(history, undisturbed[1])


def test_epochs_count_from_the_very_beginning(checkpoint, undisturbed):
    assert len(fit(build(), epochs=1, checkpoint=checkpoint)) == 1
    model = build(seed=99)
    assert_same_history(fit(model, checkpoint=checkpoint), undisturbed[1])
    assert_same_bits(everything(model), undisturbed[0])


def test_the_history_has_a_row_an_epoch(undisturbed):
    _, history = undisturbed
    assert [row["epoch"] for row in history] == [1, 2, 3]
    names = ["epoch", "seconds", "learning_rate", "contrastive_accuracy", "loss"]
    assert all(sorted(row) == sorted(names) for row in history)
    assert 0 < history[0]["seconds"] < history[1]["seconds"] < history[2]["seconds"]
    assert [row["learning_rate"] for row in history] == pytest.approx([0.05, 0.025, 0], abs=1e-6)


def test_the_loss_of_an_epoch_is_the_mean_over_its_steps(checkpoint, often):
    watcher = Watcher()
    history = fit(build(), checkpoint=checkpoint, progress=watcher)
    # What is told is the mean since the last checkpoint: of eight steps, then of each alone.
    told = [loss for _, loss in watcher.steps]
    first = (FIRST * told[FIRST - 1] + sum(told[FIRST:STEPS])) / STEPS
    assert history[0]["loss"] == pytest.approx(first, rel=1e-5)
    assert history[1]["loss"] == pytest.approx(np.mean(told[STEPS : 2 * STEPS]), rel=1e-5)


def test_what_is_added_to_a_row_is_kept(checkpoint):
    def add(history):
        history[-1]["knn_accuracy"] = history[-1]["epoch"] / 10

    fit(build(), epochs=1, checkpoint=checkpoint, after_epoch=add)
    history = fit(build(), checkpoint=checkpoint)
    assert [row.get("knn_accuracy") for row in history] == [0.1, None, None]


def test_without_a_checkpoint_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(build(), epochs=1)
    assert list(tmp_path.iterdir()) == []


class BreaksAt(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is NaN from a step on: the weights are lost in that step."""

    def __init__(self, step):
        self.step = step

    def __call__(self, step):
        return ops.where(ops.cast(step, "int32") < self.step - 1, 0.01, np.nan)


@pytest.mark.parametrize(("seconds", "step"), [(0, STEPS + 3), (60, STEPS + 3), (60, 2 * STEPS)])
def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(
    checkpoint, monkeypatch, seconds, step
):
    """Whether the next loss tells it or, after the last step of a segment, the weights do."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", seconds)
    model, watcher = build(rate=BreaksAt(step), optimizer="sgd"), Watcher()
    with pytest.raises(
        loop.LossIsNaN, match=r"step [0-9]+\. The last good checkpoint is kept"
    ) as e:
        fit(model, checkpoint=checkpoint, progress=watcher)
    assert isinstance(e.value, UserError)
    assert "Try a smaller learning rate" in str(e.value) and "\n" not in str(e.value)
    assert watcher.closed == 1
    assert len(watcher.steps) in (step, step - 1)

    good = build()
    state = load_checkpoint(
        checkpoint, [*good.variables, *build(optimizer="sgd").optimizer.variables]
    )
    assert state["step"] == (step - 1 if seconds == 0 else STEPS)
    assert all(np.isfinite(variable.numpy()).all() for variable in good.variables)


def test_a_damaged_checkpoint_is_named_and_stays(checkpoint):
    checkpoint.write_bytes(b"damaged")
    with pytest.raises(UserError, match="damaged"):
        fit(build(), checkpoint=checkpoint)
    assert checkpoint.read_bytes() == b"damaged"


def test_columns_have_a_place_for_every_row():
    rows = [{"loss": 2, "knn": 0.1}, {"loss": 1}, {"loss": 0, "extra": 5}]
    assert loop.columns(rows) == {
        "loss": [2, 1, 0],
        "knn": [0.1, None, None],
        "extra": [None, None, 5],
    }

"""The pretraining loop: epochs of `fit` that can be stopped at any moment and go on."""

import math
import time
from pathlib import Path

import keras
import numpy as np

from simclr_lib.allocator import give_back_freed_memory
from simclr_lib.errors import UserError
from simclr_lib.pretraining.batches import ShuffledBatches
from simclr_lib.pretraining.checkpoint import load_checkpoint, save_checkpoint
from simclr_lib.pretraining.feed import fed
from simclr_lib.pretraining.interrupt import Interrupts

CHECKPOINT_SECONDS = 60  # what a kill costs at most

ADVICE = (
    ". The last good checkpoint is kept. Try a smaller learning rate, a larger temperature, or "
    "precision=float32, in a new run folder."
)


class LossIsNaN(UserError):
    """The loss is no longer a number."""


def fit_epochs(
    model,
    images,
    *,
    batch_size,
    epochs,
    seed,
    steps_per_epoch=None,
    checkpoint=None,
    labels=None,
    after_epoch=None,
    progress=None,
):
    """Train a compiled model, writing checkpoints; go on from `checkpoint` if it is there.

    The order of the pictures derives from (seed, epoch), and the views from counters that the
    checkpoint holds: on a CPU a run that was stopped ends in the same bits as one that was not.

    Args:
        model: a compiled and built `keras.Model` whose logs hold `loss`.
        images: uint8 `(N, H, W, 3)`.
        batch_size: pictures a step, at most N.
        epochs: epochs in all, those before a stop included.
        seed: decides the order of the pictures.
        steps_per_epoch: batches that count as an epoch, be they more or fewer than the pictures
            fill; None: as many as they fill.
        checkpoint: path of the file to write and to go on from; None keeps nothing.
        labels: `(N,)`, for a supervised model only.
        after_epoch: function that is given the history after each epoch; it may add to its last
            row.
        progress: a `Progress` that is told of every step; None is silent.

    Returns:
        The history: one dict an epoch with `epoch` (epochs done), `seconds` (so far, monitors
        and checkpoints included), `learning_rate`, the model's own logs and what `after_epoch`
        added.

    Raises:
        LossIsNaN: the loss became NaN. The checkpoint stays at the last good step.
        UserError: the checkpoint is damaged, of another model or of a training on another number
            of pictures, or the model's loss remembers another number.
    """
    steps_per_epoch = steps_per_epoch or len(images) // batch_size
    if labels is None and hasattr(model, "positions"):
        labels = model.positions(len(images))
    variables = [*model.variables, *model.optimizer.variables]
    state = {"step": 0, "seconds": 0.0, "sums": {}, "history": []}
    if checkpoint is not None and Path(checkpoint).exists():
        state = load_checkpoint(checkpoint, variables, len(images))
    state["pictures"] = len(images)

    watch = StepWatch(progress, state["step"])
    if progress is not None:
        progress.start(state["step"])
    began = time.perf_counter() - state["seconds"]  # as if there had been no stop
    pace = None  # seconds a step, once known
    try:
        while state["step"] < epochs * steps_per_epoch:
            epoch, first = divmod(state["step"], steps_per_epoch)
            # The first steps also compile; they tell nothing about the pace.
            count = 8 if pace is None else max(1, round(CHECKPOINT_SECONDS / pace))
            last = min(first + count, steps_per_epoch)
            batches = ShuffledBatches(images, batch_size, seed, epoch, first, last, labels)

            segment_began = time.perf_counter()
            logs = fit_segment(model, batches, watch)
            pace = (time.perf_counter() - segment_began) / len(batches)

            state["step"] += len(batches)
            if not all(np.isfinite(variable).all() for variable in variables):
                raise LossIsNaN(f"The weights are no longer finite at step {state['step']}{ADVICE}")
            state["seconds"] = time.perf_counter() - began
            for name, values in logs.items():
                state["sums"][name] = state["sums"].get(name, 0.0) + values[-1] * len(batches)
            if last == steps_per_epoch:
                row = {"epoch": epoch + 1, "seconds": state["seconds"]}
                row["learning_rate"] = float(
                    keras.ops.convert_to_numpy(model.optimizer.learning_rate)
                )
                row |= {name: total / steps_per_epoch for name, total in state["sums"].items()}
                state["history"].append(row)
                state["sums"] = {}
                if after_epoch is not None:
                    after_epoch(state["history"])
            if checkpoint is not None:
                save_checkpoint(checkpoint, variables, state)
    finally:
        if progress is not None:
            progress.close()
        give_back_freed_memory()
    return state["history"]


def fit_segment(model, batches, watch):
    """Train on some steps' batches: the history of Keras' `fit`.

    In each step Python has three things to do: `batches` picks the pictures, ahead of time and in
    a thread of its own; Keras calls the compiled function; `watch`, a `StepWatch`, looks at the
    loss. `simclr bench` measures what they cost together.
    """
    with Interrupts() as watch.interrupts:
        return model.fit(fed(batches), shuffle=False, verbose=0, callbacks=[watch]).history


class StepWatch(keras.callbacks.Callback):
    """Stops at Ctrl-C and at a loss that is NaN, and tells a `Progress` of every step."""

    def __init__(self, progress, step):
        super().__init__()
        self.progress, self.step = progress, step
        self.interrupts = None  # of the epochs at hand

    def on_train_batch_end(self, batch, logs=None):
        if self.interrupts.pressed:
            raise KeyboardInterrupt
        self.step += 1
        if not math.isfinite(logs["loss"]):
            raise LossIsNaN(f"The loss became {logs['loss']} at step {self.step}{ADVICE}")
        if self.progress is not None:
            self.progress.step(self.step, logs)


def columns(history):
    """Turn rows into columns for plotting: `{name: [value an epoch]}`, None where there is none."""
    names = dict.fromkeys(name for row in history for name in row)
    return {name: [row.get(name) for row in history] for name in names}

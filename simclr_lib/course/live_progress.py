"""One line below a notebook's cell that tells how far a training has come."""

import time

import keras

from simclr_lib.course.report import in_notebook


class LiveProgress(keras.callbacks.Callback):
    """A callback for `fit`: epochs done, time left, and the loss beside the loss of chance.

    Outside notebooks it is silent.

    The line that stays at the end holds no times, so that a notebook's output is the same
    whenever it is run.

    Args:
        chance: the loss of an encoder that has learnt nothing, see `losses.chance_level`.
    """

    SECONDS_BETWEEN_UPDATES = 0.5

    def __init__(self, chance):
        super().__init__()
        self.chance = chance

    def on_train_begin(self, logs=None):
        self.began, self.updated, self.done = time.monotonic(), 0.0, 0
        self.steps = None  # in all; known after the first epoch
        self.line = None
        if in_notebook():
            from IPython.display import display

            self.line = display({"text/plain": "Training starts …"}, raw=True, display_id=True)

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        now = time.monotonic()
        if self.steps is None or now - self.updated < self.SECONDS_BETWEEN_UPDATES:
            return
        self.updated = now
        left = (now - self.began) / self.done * (self.steps - self.done)
        self.tell(f"{self.done / self.steps:4.0%}, about {left:.0f} s left, {self.loss(logs)}")

    def on_epoch_end(self, epoch, logs=None):
        epochs = self.params["epochs"]
        self.steps = self.done // (epoch + 1) * epochs
        self.last = f"Epoch {epoch + 1} of {epochs}, {self.loss(logs)}"
        self.tell(self.last)

    def on_train_end(self, logs=None):
        self.tell(self.last)

    def loss(self, logs):
        return f"loss {logs['loss']:.2f} (chance {self.chance:.2f})"

    def tell(self, text):
        if self.line is not None:
            self.line.update({"text/plain": text}, raw=True)

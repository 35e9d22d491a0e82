"""The line below a training in a notebook."""

import IPython.display
import keras
import numpy as np

from simclr_lib.course import live_progress


class Line:
    """Stands for the display of a notebook's cell."""

    def __init__(self):
        self.texts = []

    def update(self, data, raw):
        self.texts.append(data["text/plain"])


def train(callback):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 2), "float32")
    return model.fit(x, x[:, :1], batch_size=2, epochs=3, verbose=0, callbacks=[callback])


def test_it_tells_epochs_time_left_and_chance_and_ends_without_times(monkeypatch):
    line = Line()
    monkeypatch.setattr(live_progress, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda *_, **__: line)
    monkeypatch.setattr(live_progress.LiveProgress, "SECONDS_BETWEEN_UPDATES", 0)
    history = train(live_progress.LiveProgress(chance=1.5))
    loss = history.history["loss"][-1]
    assert line.texts[0].startswith("Epoch 1 of 3, loss ")
    assert line.texts[1].startswith(" 42%, about ") and " s left, loss " in line.texts[1]
    assert line.texts[-1] == f"Epoch 3 of 3, loss {loss:.2f} (chance 1.50)"


def test_it_is_silent_outside_notebooks(capsys):
    train(live_progress.LiveProgress(chance=1.5))
    assert capsys.readouterr() == ("", "")

"""SimCLR as a Keras model: compile an optimiser, fit pictures."""

import keras
import numpy as np
from keras import ops

from simclr_lib.errors import UserError
from simclr_lib.losses import contrastive_accuracy, nt_xent
from simclr_lib.pretraining import gradient_cache
from simclr_lib.pretraining.devices import devices_in_step, gather_over_devices


class SimCLR(keras.Model):
    """Two views of each picture through one encoder and one head, and a loss that joins them.

    `compile(optimizer)` and `fit(images)` are all there is to it; no label is ever read.
    The history holds `loss` and `contrastive_accuracy`.

    Args:
        encoder: Keras model, views `(B, height, width, 3)` → `h (B, d)`.
        head: Keras model, `h` → `z (B, D)`.
        augmenter: Keras layer, pictures `(B, H, W, 3)` → one view of each.
        temperature: τ > 0 of the loss.
        loss: function `(z_a, z_b, temperature)` → scalar; or a loss that remembers the training
            set picture by picture, such as `losses.SogCLR`: a Keras layer
            `(z_a, z_b, positions, temperature=…)` → scalar with an attribute `pictures`, how
            many it remembers.
        block_rows: rows of the 2N × 2N similarities at a time, for loss and accuracy, see
            `nt_xent`; None: all at once. A loss of your own is given it by this name, unless it
            is None.
        gradient_cache_chunk: pictures at a time in encoder and head, for a batch that does not
            fit otherwise: see `gradient_cache`, also for what that means to BatchNorm. It must
            divide the batch. None: the batch goes through whole.
    """

    def __init__(
        self,
        encoder,
        head,
        augmenter,
        temperature=0.5,
        loss=nt_xent,
        *,
        block_rows=None,
        gradient_cache_chunk=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0; got {temperature}.")
        self.remembered = getattr(loss, "pictures", None)
        if self.remembered is not None and block_rows is not None:
            raise ValueError("block_rows is for NT-Xent alone: leave it out with another loss.")
        self.encoder, self.head, self.augmenter = encoder, head, augmenter
        self.temperature, self.contrastive_loss = temperature, loss
        self.blocks = {} if block_rows is None else {"block_rows": block_rows}
        self.gradient_cache_chunk = gradient_cache_chunk
        self.accuracy = keras.metrics.Mean(name="contrastive_accuracy")

    def call(self, images, training=False):
        """Pictures `(N, H, W, 3)` → projections `z (2N, D)`: first views, then second views."""
        views = self.augmenter(ops.concatenate([images, images], axis=0))
        return self.head(self.encoder(views, training=training), training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        z_a, z_b = map(gather_over_devices, ops.split(y_pred, 2, axis=0))
        self.accuracy.update_state(contrastive_accuracy(z_a, z_b, **self.blocks))
        if self.remembered is None:
            loss = self.contrastive_loss(z_a, z_b, self.temperature, **self.blocks)
        else:
            check_positions(y)
            loss = self.contrastive_loss(z_a, z_b, y, temperature=self.temperature)
        # Each device has the whole loss, and Keras adds up the losses and gradients of all.
        return loss / devices_in_step()

    def positions(self, count):
        """What stands beside `count` pictures in the batches: their positions, if the loss asks.

        Args:
            count: how many pictures the training set has.

        Returns:
            int32 `(count,)`; None for a loss that remembers no pictures.

        Raises:
            UserError: the loss remembers another number of pictures.
        """
        if self.remembered is None:
            return None
        if count != self.remembered:
            raise UserError(
                f"The loss remembers {self.remembered} pictures and is given {count}: build it "
                "for these, or train on those."
            )
        return np.arange(count, dtype="int32")

    def fit(self, x=None, y=None, *arguments, **options):
        """Keras' `fit`; a loss that remembers is told which of the pictures a batch holds."""
        if self.remembered is not None and hasattr(x, "shape"):
            if y is not None:
                raise UserError("SimCLR reads no labels: give fit the pictures alone.")
            y = self.positions(len(x))
        return super().fit(x, y, *arguments, **options)

    def train_step(self, *arguments):
        """One step on a batch: what Keras calls with `data`, on JAX with the state before it."""
        if self.gradient_cache_chunk is None:
            return super().train_step(*arguments)
        return gradient_cache.train_step(self, *arguments)


def check_positions(positions):
    """Raise a `UserError` unless a loss that remembers can be told which pictures it sees."""
    if positions is None:
        raise UserError(
            "The loss remembers pictures and is not told which these are: train with fit or "
            "fit_epochs, or give batches (pictures, positions)."
        )
    if devices_in_step() > 1:
        raise UserError(
            "A loss that remembers pictures works on one device with TensorFlow: take "
            "KERAS_BACKEND=jax, or nt_xent."
        )

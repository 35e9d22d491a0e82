"""CLSA as a Keras model: SimCLR with a third, strong view of each picture."""

import keras
from keras import ops

from simclr_lib.errors import UserError
from simclr_lib.losses import distributional_loss
from simclr_lib.pretraining.devices import devices_in_step, gather_over_devices
from simclr_lib.pretraining.model import SimCLR


class CLSA(SimCLR):
    """SimCLR on two weak views, and a strong view that is to be as similar to others as they are.

    The weak views go through encoder and head in one pass and the strong ones in another, as in the
    authors' code (maple-research-lab/CLSA), so that BatchNorm normalises each kind by itself:
    together, the strong views would change what becomes of the weak ones. Its running statistics
    take a step towards the strong views and then one towards the weak ones. All this is half as
    much work again as SimCLR. The history holds `loss`, the whole of it; `contrastive_loss`, the
    part of the weak views; and `contrastive_accuracy`.

    Args:
        encoder, head, augmenter, temperature: as for `SimCLR`; the augmenter makes the weak views.
        strong_augmenter: Keras layer, pictures → one strong view of each, see `strong_views`.
        strong_weight: α ≥ 0, see `losses.clsa`.
        strong_temperature: > 0, see `losses.distributional_loss`.
        options: `loss`, the contrastive one, and a name. `block_rows` and `gradient_cache_chunk`
            are for two views only.
    """

    def __init__(
        self,
        encoder,
        head,
        augmenter,
        strong_augmenter,
        temperature=0.5,
        *,
        strong_weight=1.0,
        strong_temperature=0.2,
        **options,
    ):
        for name in ("block_rows", "gradient_cache_chunk"):
            if options.get(name) is not None:
                raise UserError(f"{name} is for two views, and CLSA has three: leave it out.")
        super().__init__(encoder, head, augmenter, temperature, **options)
        if strong_temperature <= 0:
            raise ValueError(f"strong_temperature must be above 0; got {strong_temperature}.")
        self.strong_augmenter = strong_augmenter
        self.strong_weight, self.strong_temperature = strong_weight, strong_temperature
        self.contrastive_part = keras.metrics.Mean(name="contrastive_loss")

    def call(self, images, training=False):
        """Pictures `(N, H, W, 3)` → `z (3N, D)`: first views, second views, strong views."""
        strong = self.strong_augmenter(images)
        strong = self.head(self.encoder(strong, training=training), training=training)
        weak = super().call(images, training=training)
        return ops.concatenate([weak, strong], axis=0)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        z_a, z_b, z_strong = ops.split(y_pred, 3, axis=0)
        contrastive = super().compute_loss(y=y, y_pred=ops.concatenate([z_a, z_b], axis=0))
        self.contrastive_part.update_state(contrastive * devices_in_step())
        z_a, z_b, z_strong = map(gather_over_devices, (z_a, z_b, z_strong))
        strong = distributional_loss(z_a, z_b, z_strong, self.strong_temperature)
        return contrastive + self.strong_weight * strong / devices_in_step()

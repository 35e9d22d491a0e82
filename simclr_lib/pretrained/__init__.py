"""Encoders that come with the kit, for whom has not trained one yet; README.md is their card."""

import json
from pathlib import Path

from simclr_lib.errors import UserError

HERE = Path(__file__).parent


def pretrained_encoder(name):
    """Load an encoder that `benchmarks/pretrained.py` has trained without labels.

    Args:
        name: of the pictures that it was trained on, "shapes" or "cifar10".

    Returns:
        A `keras.Model` in float32: float pictures `(B, H, W, 3)` in [0, 1] → `h (B, d)`.

    Raises:
        UserError: the kit has no encoder of that name.
    """
    return _parts(name)[0]


def pretrained_head(name):
    """Load the projection head that was trained together with `pretrained_encoder(name)`.

    Returns:
        A `keras.Model` in float32: `h (B, d)` → `z (B, D)`.

    Raises:
        UserError: the kit has none of that name.
    """
    return _parts(name)[1]


def available():
    """Names of the encoders that the kit has."""
    return sorted(file.stem for file in HERE.glob("*.keras"))


def card(name):
    """What is known of an encoder of the kit: its column of README.md, `{row: text}`."""
    return json.loads((HERE / f"{name}.json").read_text())


def views_seen(name):
    """How many views that encoder was trained on; None if its card does not tell."""
    told = card(name).get("views seen")
    return None if told is None else int(told.replace(",", ""))


def _parts(name):
    """Encoder and head, which lie in one file as one model, `z = head(encoder(views))`."""
    if name not in available():
        raise UserError(
            f"The kit has no pretrained encoder {name!r} (it has: "
            f"{', '.join(available()) or 'none'}); train one: simclr run classroom --data PICTURES"
        )
    from simclr_lib.quiet import import_keras

    keras = import_keras()
    import simclr_lib.fast_layers  # noqa: F401 - makes its layers known to Keras

    model = keras.saving.load_model(HERE / f"{name}.keras", compile=False)
    return [layer for layer in model.layers if isinstance(layer, keras.Model)]

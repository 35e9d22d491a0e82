"""The number format that an encoder trains fastest in on this machine: measured, remembered."""

import hashlib
import json
import os
import statistics
import time
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np

from simclr_lib import machine
from simclr_lib.encoders import resnet
from simclr_lib.files import write_atomically

PICTURES, ROUNDS = 128, 5


def choose_precision(recipe, say=lambda line: None):
    """The Keras dtype policy to train a recipe's encoder with.

    What the recipe says; for `"auto"`, `mixed_bfloat16` (bfloat16 products, float32 weights and
    loss) on a GPU, and on a processor with bfloat16 instructions if a training step of this
    encoder is measured to be faster so. Elsewhere bfloat16 is emulated, several times slower than
    float32, and XLA does not use a processor's instructions to advantage: float32, unmeasured.

    The measurement takes some seconds, once for an encoder and a machine: it is kept below
    `$SIMCLR_CACHE`, or else `~/.cache/simclr-kit`.

    Args:
        recipe: a `Recipe`.
        say: is told, in a line, what was measured.
    """
    if recipe.precision != "auto":
        return recipe.precision
    if keras.backend.backend() == "jax":
        import jax

        return "float32" if jax.default_backend() == "cpu" else "mixed_bfloat16"
    if not machine.has_bfloat16():
        return "float32"
    encoder = {
        "depth": recipe.encoder_depth,
        "width": recipe.encoder_width,
        "stem": recipe.stem,
    }
    known = cache_file(encoder, recipe.view_size)
    with suppress(OSError, ValueError, KeyError):
        return json.loads(known.read_text())["precision"]
    rates = pictures_per_second(encoder, recipe.view_size)
    best = max(rates, key=rates.get)
    told = ", ".join(f"{rate:,.0f} in {precision}" for precision, rate in rates.items())
    say(f"Pictures a second through this encoder and back: {told}. Taken: {best}.")
    with suppress(OSError):  # a read-only home costs a measurement, no more
        known.parent.mkdir(parents=True, exist_ok=True)
        kept = {"precision": best, "pictures_per_second": rates}
        write_atomically(known, lambda file: file.write(json.dumps(kept).encode()))
    return best


def cache_file(encoder, view_size):
    """Where the choice for an encoder on this machine is kept."""
    what = [encoder, view_size, machine.processor(), machine.cores(), machine.versions()]
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    folder = os.environ.get("SIMCLR_CACHE") or Path.home() / ".cache" / "simclr-kit"
    return Path(folder) / f"precision-{key}.json"


def pictures_per_second(encoder, view_size):
    """`{policy: pictures a second}` of forward and backward passes, the policies in turn."""
    views = np.random.default_rng(0).random((PICTURES, view_size, view_size, 3), "float32")
    models = {}
    for precision in ("float32", "mixed_bfloat16"):
        model = keras.Sequential([keras.Input(views.shape[1:]), resnet(**encoder, dtype=precision)])
        model.compile(keras.optimizers.SGD(0.0), loss="mse")
        models[precision] = model
    target = np.zeros((PICTURES, model.output_shape[-1]), "float32")
    seconds = {precision: [] for precision in models}
    for i in range(1 + ROUNDS):
        for precision, model in models.items():
            began = time.perf_counter()
            model.train_on_batch(views, target)
            if i > 0:  # the first also compiles
                seconds[precision].append(time.perf_counter() - began)
    return {precision: PICTURES / statistics.median(s) for precision, s in seconds.items()}

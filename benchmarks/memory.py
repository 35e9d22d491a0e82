"""Measure what big batches need, and what they change; write it to `memory.csv` (on Linux).

    .venv/bin/python benchmarks/memory.py
    KERAS_BACKEND=jax .venv/bin/python benchmarks/memory.py

Takes some minutes. Each row comes from a process of its own. Steps and losses: the most memory that
was resident during the work, compilation included, less what was resident just before. Gradients:
how far the one that gradient caching puts together is from that of the whole batch, with BatchNorm
frozen and with BatchNorm in training, which then normalises by chunks.
"""

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

TABLE = Path(__file__).with_name("memory.csv")

# What a step is measured with: the classroom's encoder, batch by batch, whole and in chunks.
STEPS = [
    {"batch_size": 256},
    {"batch_size": 1024},
    {"batch_size": 1024, "gradient_cache_chunk": 128, "loss_block_rows": 64},
    {"batch_size": 4096, "gradient_cache_chunk": 128, "loss_block_rows": 64},
]
LOSSES = [  # of projections of length 128
    {"batch_size": 2048},
    {"batch_size": 2048, "loss_block_rows": 256},
    {"batch_size": 32768, "loss_block_rows": 256},
]
GRADIENTS = [{"batch_size": 256, "gradient_cache_chunk": 64, "loss_block_rows": 128}]
NORMALISED = [{"batch_size": 256, "gradient_cache_chunk": chunk} for chunk in (256, 128, 64, 32, 8)]

# What decides a row; the rest of it is what was found.
ASKED = ("backend", "measured", "batch_size", "gradient_cache_chunk", "loss_block_rows")
FOUND = ("megabytes", "seconds", "difference")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", metavar="JSON", help="measure one row here, and print it")
    asked = parser.parse_args().measure
    if asked:
        print(json.dumps(measure(**json.loads(asked))))
        return
    kinds = {"loss": LOSSES, "gradient": GRADIENTS, "normalised": NORMALISED, "step": STEPS}
    for kind, measured in kinds.items():
        for settings in measured:
            row = in_own_process(kind=kind, settings=settings)
            print(*(f"{name}={value}" for name, value in row.items()), flush=True)
            record(row)


def in_own_process(**asked):
    """Measure one row in a process that has done nothing else: a dict, see `measure`."""
    command = [sys.executable, __file__, "--measure", json.dumps(asked)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(kind, settings):
    """The memory and the time of two steps, or of a loss with its gradient; or a difference.

    Args:
        kind: `"step"`, `"loss"`, `"gradient"` (BatchNorm frozen) or `"normalised"` (in training).
        settings: fields of a recipe that differ from the classroom's.
    """
    from simclr_lib.allocator import give_back_freed_memory
    from simclr_lib.quiet import import_keras

    keras = import_keras()
    row = dict.fromkeys((*ASKED, *FOUND), "")
    row |= {"backend": keras.backend.backend(), "measured": kind} | settings
    if kind in ("gradient", "normalised"):
        difference = gradient_difference(settings, frozen=kind == "gradient")
        return row | {"difference": float(f"{difference:.2g}")}
    work = {"step": prepare_steps, "loss": prepare_loss}[kind](settings)
    give_back_freed_memory()  # else the work could use what was there before
    # Linux forgets the high-water mark of this process.
    Path("/proc/self/clear_refs").write_text("5")
    before, began = resident("VmRSS"), time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    megabytes = (resident("VmHWM") - before) / 1e6
    return row | {"megabytes": round(megabytes), "seconds": round(seconds, 1)}


def resident(name):
    """Bytes of this process in memory: `VmRSS` now, `VmHWM` at most so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    raise KeyError(name)


def prepare_steps(settings):
    """Two steps on noise, as in a run: a function."""
    from simclr_lib import experiment
    from simclr_lib.pretraining import fit_epochs
    from simclr_lib.recipes import get_recipe

    recipe = get_recipe("classroom", settings)
    images = noise(2 * recipe.batch_size)
    encoder = experiment.build_encoder(recipe, "float32")
    model = experiment.build_model(recipe, "float32", encoder, len(images))
    experiment.compile_for(recipe, "float32", model, images, recipe.epochs)
    return lambda: fit_epochs(model, images, batch_size=recipe.batch_size, epochs=1, seed=0)


def noise(pictures):
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (pictures, 32, 32, 3), "uint8")


def gradient_difference(settings, frozen):
    """How far gradient caching is from the gradient of the whole batch.

    Both begin with the same weights and see the same views: a first step of SGD with momentum
    leaves the gradient in its velocities, to the last bit.

    Args:
        settings: fields of a recipe that differ from the classroom's.
        frozen: whether BatchNorm is frozen. If not, pictures differ as pictures do (of noise, all
            chunks have the same statistics).

    Returns:
        |difference| ÷ |gradient|: frozen, of the weights where it is largest; else of all together.
    """
    import keras
    import numpy as np

    from simclr_lib import experiment
    from simclr_lib.datasets import load_dataset
    from simclr_lib.evaluation import reestimate_batch_norm
    from simclr_lib.recipes import get_recipe

    class TwoViews(keras.layers.Layer):
        """The same views each time: pictures as they are, then mirrored and darkened."""

        def call(self, images):
            first, second = keras.ops.split(keras.ops.cast(images, "float32") / 255, 2)
            return keras.ops.concatenate([first, 0.5 * second[:, :, ::-1]])

    count = settings["batch_size"]
    images = noise(count) if frozen else load_dataset("shapes", train_limit=count).train_images
    found = []
    for options in (settings, {"batch_size": count}):
        recipe = get_recipe("classroom", options)
        encoder = experiment.build_encoder(recipe, "float32")
        if frozen:
            reestimate_batch_norm(encoder, images)
            for layer in encoder.layers:
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.trainable = False
        model = experiment.build_model(recipe, "float32", encoder, len(images))
        model.augmenter = TwoViews()
        model.augmenter(images[:2])
        model(images[:2])
        model.compile(keras.optimizers.SGD(1.0, momentum=0.9))
        model.fit(images, batch_size=len(images), shuffle=False, verbose=0)
        found.append([np.ravel(velocity) for velocity in model.optimizer.momentums])
    if not frozen:
        found = [[np.concatenate(velocities)] for velocities in found]
    length = np.linalg.norm
    return max(length(ours - theirs) / length(theirs) for ours, theirs in zip(*found, strict=True))


def prepare_loss(settings):
    """NT-Xent of projections of length 128, with its gradient and the accuracy: a function."""
    import keras
    import numpy as np

    from simclr_lib.losses import contrastive_accuracy, nt_xent

    blocks = {"block_rows": settings.get("loss_block_rows")}
    shape = (settings["batch_size"], 128)
    z = [np.random.default_rng(seed).normal(size=shape).astype("float32") for seed in (0, 1)]

    if keras.backend.backend() == "jax":
        import jax

        @jax.jit
        def compute(*z):
            loss = jax.value_and_grad(lambda *z: nt_xent(*z, **blocks), (0, 1))(*z)
            return loss, contrastive_accuracy(*z, **blocks)

        z = [jax.numpy.asarray(view) for view in z]
        return lambda: jax.block_until_ready(compute(*z))
    import tensorflow as tf

    @tf.function
    def compute(*z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = nt_xent(*z, **blocks)
        return loss, tape.gradient(loss, z), contrastive_accuracy(*z, **blocks)

    z = [tf.constant(view) for view in z]
    return lambda: compute(*z)


def record(row):
    """Put a row into the table, in place of an older one of the same."""
    rows = list(csv.DictReader(TABLE.open())) if TABLE.exists() else []
    rows = [r for r in rows if any(r[name] != str(row[name]) for name in ASKED)] + [row]
    rows.sort(key=lambda r: [r["backend"], r["measured"]], reverse=True)
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, (*ASKED, *FOUND), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

"""Measure the memory of a training step and of its loss, and write it to `memory.csv` (on Linux).

    .venv/bin/python benchmarks/memory.py
    KERAS_BACKEND=jax .venv/bin/python benchmarks/memory.py

Takes some minutes. Each row comes from a process of its own: the most memory that was resident
during the step, compilation included, less what was resident just before.
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
    {"batch_size": 1024, "gradient_cache_chunk": 128, "loss_block_rows": 256},
    {"batch_size": 4096, "gradient_cache_chunk": 128, "loss_block_rows": 256},
]
LOSSES = [  # of projections of length 128
    {"batch_size": 2048},
    {"batch_size": 2048, "loss_block_rows": 256},
    {"batch_size": 32768, "loss_block_rows": 256},
]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", metavar="JSON", help="measure one row here, and print it")
    asked = parser.parse_args().measure
    if asked:
        print(json.dumps(measure(**json.loads(asked))))
        return
    for kind, measured in (("loss", LOSSES), ("step", STEPS)):
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
    """The memory and the time of two steps, or of a loss with its gradient.

    Args:
        kind: `"step"` or `"loss"`.
        settings: fields of a recipe that differ from the classroom's.
    """
    from simclr_lib.quiet import import_keras

    keras = import_keras()
    work = {"step": prepare_steps, "loss": prepare_loss}[kind](settings)
    # Linux forgets the high-water mark of this process.
    Path("/proc/self/clear_refs").write_text("5")
    before, began = resident("VmRSS"), time.perf_counter()
    work()
    return {
        "backend": keras.backend.backend(),
        "measured": kind,
        "batch_size": settings["batch_size"],
        "gradient_cache_chunk": settings.get("gradient_cache_chunk", ""),
        "loss_block_rows": settings.get("loss_block_rows", ""),
        "megabytes": round((resident("VmHWM") - before) / 1e6),
        "seconds": round(time.perf_counter() - began, 1),
    }


def resident(name):
    """Bytes of this process in memory: `VmRSS` now, `VmHWM` at most so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    raise KeyError(name)


def prepare_steps(settings):
    """Two steps on noise, as in a run: a function."""
    import numpy as np

    from simclr_lib import experiment
    from simclr_lib.heads import projection_head
    from simclr_lib.pretraining import SimCLR, fit_epochs
    from simclr_lib.recipes import get_recipe

    recipe = get_recipe("classroom", settings)
    shape = (2 * recipe.batch_size, 32, 32, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, "uint8")
    encoder = experiment.build_encoder(recipe, "float32")
    sizes = recipe.head_hidden, recipe.head_output, recipe.head_layers
    model = SimCLR(
        encoder,
        projection_head(encoder.output_shape[-1], *sizes),
        experiment.build_augmenter(recipe),
        recipe.temperature,
        block_rows=recipe.loss_block_rows,
        gradient_cache_chunk=recipe.gradient_cache_chunk,
    )
    experiment.compile_for(recipe, "float32", model, images, recipe.epochs)
    return lambda: fit_epochs(model, images, batch_size=recipe.batch_size, epochs=1, seed=0)


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
    names = list(row)
    same = names[:-2]  # all but what was found
    rows = [r for r in rows if any(r[name] != str(row[name]) for name in same)] + [row]
    rows.sort(key=lambda r: [r["backend"], r["measured"]], reverse=True)
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

r"""Train an encoder that comes with the kit, and write its card.

    .venv/bin/python benchmarks/pretrained.py shapes --recipe demo
    .venv/bin/python benchmarks/pretrained.py cifar10 --data cifar10-images.zip \
        --set epochs=42 crop_min_area=0.2 knn_every=10 --out runs/benchmarks/hour/SimCLR-0

The second takes up the run of `accuracy.py hour`, if that has been made, and trains nothing again.

It is a `simclr run` into runs/pretrained/NAME: a stopped one goes on where it was. Encoder and head
go to simclr_lib/pretrained/NAME.keras, about 1.5 bytes a weight. The card,
simclr_lib/pretrained/README.md, is put together from the NAME.json of all encoders there.
"""

import argparse
import io
import json
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np

from simclr_lib.cli import settings_of
from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically
from simclr_lib.quiet import import_keras
from simclr_lib.recipes import get_recipe

KIT = Path(__file__).parent.parent / "simclr_lib" / "pretrained"

CARD = """# The encoders in this folder

`simclr_lib.pretrained.pretrained_encoder(name)` loads one, `pretrained_head(name)` the head that
was trained with it. They were trained without labels by `benchmarks/pretrained.py`, and let a
lesson start in seconds; an encoder of your own, from `simclr run`, tells you more. Kernels are
stored with 8 significant bits and come back as 32-bit floats.

| | {names} |
| --- |{rules}
{rows}

What they are not good for: each has seen one kind of small pictures for a few minutes. The
features tell the classes of those pictures apart as well as the table says, and promise nothing for
other pictures, other sizes, or any use outside lessons. Settings were chosen on a validation part
of the training pictures; the accuracies are those of the last epoch on the test pictures.
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="name of the encoder: shapes, cifar10")
    parser.add_argument("--data", help="what `simclr run --data` takes (default: the name)")
    parser.add_argument("--recipe", default="classroom", help="(default: %(default)s)")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="fields of the recipe to change"
    )
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, help="run folder (default: runs/pretrained/NAME)")
    options = parser.parse_args()
    options.data = options.data or options.name
    keras = import_keras()
    from simclr_lib import experiment
    from simclr_lib.heads import projection_head

    try:
        changed = settings_of(options)
        recipe = get_recipe(
            options.recipe, {"seed": options.seed, "supervised_baseline": False} | changed
        )
        results = experiment.run(recipe, options.out or Path("runs/pretrained") / options.name)
    except UserError as error:
        sys.exit(str(error))
    config = json.loads((results.run_dir / "config.json").read_text())

    # Built anew in float32, as not every machine is quick with what this one has trained in.
    encoder = experiment.build_encoder(recipe, "float32")
    head = projection_head(
        encoder.output_shape[-1],
        recipe.head_hidden,
        recipe.head_output,
        recipe.head_layers,
        dtype="float32",
    )
    for part, file in ((encoder, "encoder.keras"), (head, "head.keras")):
        trained = keras.saving.load_model(results.run_dir / file, compile=False)
        part.set_weights(trained.get_weights())
    KIT.mkdir(exist_ok=True)
    path = KIT / f"{options.name}.keras"
    views = keras.Input((None, None, 3), name="views")
    keras.Model(views, head(encoder(views)), name=options.name).save(path)
    shrink(path)
    (KIT / f"{options.name}.json").write_text(
        json.dumps(described(options, recipe, results, config), indent=2) + "\n"
    )
    write_card()
    print(results.table())
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB; card: {KIT / 'README.md'}")


def shrink(path):
    """Store a `.keras` file's kernels as float16 with 8 significant bits, compressed.

    These are the bits that training in bfloat16 multiplies with. Keras reads them as float32.
    """
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    smaller = io.BytesIO()
    with (
        h5py.File(io.BytesIO(files["model.weights.h5"])) as old,
        h5py.File(smaller, "w") as new,
    ):

        def copy(name, item):
            if isinstance(item, h5py.Group):
                new.create_group(name)
            elif item.ndim < 2:
                new[name] = item[()]
            else:
                fraction, exponent = np.frexp(item[()])
                rounded = np.ldexp(np.round(fraction * 256) / 256, exponent).astype("float16")
                new.create_dataset(
                    name, data=rounded, compression="gzip", compression_opts=9, shuffle=True
                )
            new[name].attrs.update(item.attrs)

        old.visititems(copy)
        new.attrs.update(old.attrs)
    files["model.weights.h5"] = smaller.getvalue()

    def write(file):
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)

    write_atomically(path, write)


def described(options, recipe, results, config):
    """One encoder's column of the card."""
    from simclr_lib.from_recipe import views_seen

    data, machine = config["data"], config["machine"]
    figures = {
        f"{row}, {kind}": f"{100 * share:.1f} %"
        for row, found in results.accuracies.items()
        for kind, share in found.items()
    }
    return {
        "name": options.name,
        "pictures": f"{data['train']:,} of {data['name']}, {data['image_size']}×"
        f"{data['image_size']}, without labels",
        "recipe": ", ".join([recipe.name, *(options.set or [f"epochs={recipe.epochs}"])])
        + f", seed {recipe.seed}",
        "encoder": f"resnet({recipe.encoder_depth}, width={recipe.encoder_width}, "
        f"stem={recipe.stem!r})",
        "training": f"{results.training_minutes:.1f} minutes on {machine['processor']}, "
        f"{machine['cores']} cores, {config['precision']}",
        "views seen": f"{views_seen(recipe, data['train']):,}",
        **figures,
        "tested on": f"{data['test']:,} test pictures",
    }


def write_card():
    """Put README.md together from what is known of each encoder."""
    known = [json.loads(file.read_text()) for file in sorted(KIT.glob("*.json"))]
    rows = dict.fromkeys(key for encoder in known for key in encoder if key != "name")
    table = "\n".join(
        f"| {row} | {' | '.join(encoder.get(row, '–') for encoder in known)} |" for row in rows
    )
    names = " | ".join(encoder["name"] for encoder in known)
    text = CARD.format(names=names, rules=" --- |" * len(known), rows=table)
    write_atomically(KIT / "README.md", lambda file: file.write(text.encode()))


if __name__ == "__main__":
    main()

"""Weights from a file into an encoder, or one line that names the first layer that differs."""

import io
import os
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np

from simclr_lib.errors import UserError

TOP = "predictions"  # the classifier of ImageNet's classes, which an encoder leaves out


def load_weights(encoder, encoder_weights):
    """Set all weights and statistics of an encoder from a file.

    Args:
        encoder: Keras model whose layers have names.
        encoder_weights: `"imagenet"`, Keras' published weights from its cache (they are never
            fetched here), or the path of a `.h5`, `.weights.h5` or `.keras` file.

    Raises:
        UserError: the file is not there or can't be read, or it is of another network: then the
            first layer that differs is named.
    """
    path = file_of(encoder_weights, encoder.name)
    found = read_layers(path)
    wanted = {layer.name: layer for layer in encoder.layers if layer.weights}
    if not wanted.keys() & found.keys():  # names change with the years, the order does not
        found.pop(TOP, None)
        found = match_in_order(wanted, found)
    for name, layer in wanted.items():
        where = f"{path} is not of this network ({encoder.name}): the layer {name!r}"
        if name not in found:
            raise UserError(f"{where} is not in the file. {CHOOSE}")
        theirs, ours = ([tuple(a.shape) for a in arrays] for arrays in (found[name], layer.weights))
        if theirs != ours:
            raise UserError(f"{where} has the shapes {theirs} there and {ours} here. {CHOOSE}")
    more = sorted(found.keys() - wanted.keys() - {TOP}, key=by_number)
    if more:
        raise UserError(
            f"{path} is not of this network ({encoder.name}): the layer {more[0]!r} of the file is "
            f"not in it. {CHOOSE}"
        )
    for name, layer in wanted.items():
        layer.set_weights(found[name])


CHOOSE = "Choose another encoder_weights, or the encoder_depth, encoder_width and stem of the file."


def file_of(encoder_weights, network):
    """The path that a recipe's `encoder_weights` mean; UserError if there is no such file."""
    if encoder_weights == "imagenet":
        path = imagenet_file(network)
        if not path.exists():
            function = network.replace("resnet", "ResNet")
            raise UserError(
                f"There are no ImageNet weights at {path}: with a network, python -c 'import "
                f"keras; keras.applications.{function}(include_top=False)' fetches them; without "
                "one, put the file there from a machine that has it."
            )
        return path
    path = Path(encoder_weights).expanduser()
    if not path.is_file():
        raise UserError(
            f"There is no file {path}: encoder_weights takes a weights file, imagenet or none."
        )
    return path


def imagenet_file(network):
    """Where `keras.applications` keeps the published weights of a network such as `"resnet50"`."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return home / "models" / f"{network}_weights_tf_dim_ordering_tf_kernels_notop.h5"


def holds_keras_resnet(path):
    """Whether a weights file is of Keras' ResNet: its first 7×7 convolution has a bias."""
    return any(
        len(arrays) == 2 and arrays[0].shape == (7, 7, 3, 64)
        for arrays in read_layers(file_of(path, "")).values()
    )


def read_layers(path):
    """The weights in a file: `{layer name: [array, …]}`, in the file's order.

    It reads what `save_weights` and `save` of Keras write, now (`.weights.h5`, `.keras`) and
    formerly (`.h5`, the form of the published weights).
    """
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                source = io.BytesIO(archive.read("model.weights.h5"))
        else:
            source = path
        with h5py.File(source) as file:
            root = file.get("model_weights", file)  # where a whole model was saved in the old form
            layers = formerly(root) if attribute(root, "layer_names") else nowadays(root)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        what = " ".join(str(error).split())
        raise UserError(
            f"{path} can't be read as weights of Keras, .h5, .weights.h5 or .keras ({what})."
        ) from error
    if not layers:
        raise UserError(f"{path} holds no weights of layers: save a Keras model's anew.")
    return layers


def formerly(file):
    """Layers of the form that lists its names in attributes; the order is the network's."""
    layers = {}
    for name in attribute(file, "layer_names"):
        weights = attribute(file[name], "weight_names")
        if weights:
            layers[name] = [np.asarray(file[name][weight]) for weight in weights]
    return layers


def attribute(group, name):
    """A list of names; one that is too long for HDF5 is kept in pieces, `name0`, `name1`, …"""
    if name in group.attrs:
        pieces = [group.attrs[name]]
    else:
        pieces = []
        while f"{name}{len(pieces)}" in group.attrs:
            pieces.append(group.attrs[f"{name}{len(pieces)}"])
    return [n.decode() if isinstance(n, bytes) else str(n) for piece in pieces for n in piece]


def nowadays(file):
    """Layers of the form that keeps each one's variables, by number, in a group `vars`."""
    layers = {}

    def visit(path, group):
        if path.endswith("/vars") and len(group) and "optimizer" not in path:
            name = group.attrs.get("name", path.split("/")[-2])
            name = name.decode() if isinstance(name, bytes) else str(name)
            layers[name] = [np.asarray(group[key]) for key in sorted(group, key=int)]

    file.visititems(visit)
    return layers


def match_in_order(wanted, found):
    """Give the file's layers the network's names, first to first."""
    names = [*wanted, *list(found)[len(wanted) :]]
    return dict(zip(names, found.values(), strict=False))


def by_number(name):
    """Sorts block 2 before block 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]

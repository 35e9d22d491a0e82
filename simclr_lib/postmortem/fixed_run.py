"""A finished run to experiment on: its encoder, its head and its pictures, none of them changed."""

from dataclasses import dataclass, replace
from functools import cached_property

import keras

from simclr_lib import experiment
from simclr_lib.datasets import Dataset
from simclr_lib.datasets.stratify import limited
from simclr_lib.errors import UserError
from simclr_lib.recipes import Recipe


@dataclass(frozen=True)
class FixedRun:
    """What one-factor experiments start from.

    Attributes:
        recipe: what was run.
        precision: the number format that it was trained in.
        encoder, head: Keras models, views → h → z.
        dataset: its pictures, or an even choice of them.
        everything: all its pictures.
    """

    recipe: Recipe
    precision: str
    encoder: keras.Model
    head: keras.Model
    dataset: Dataset
    everything: Dataset

    @cached_property
    def features(self):
        """The features h of all its pictures, as they were when it was evaluated."""
        return experiment.Features.of(self.encoder, self.everything)

    @classmethod
    def of(cls, record, *, data=None, train_limit=10_000, test_limit=2_000):
        """Load a run.

        Args:
            record: see `record.read_record`.
            data: where its pictures are now, if not where they were.
            train_limit, test_limit: pictures in `dataset` at most, drawn evenly from the classes.

        Raises:
            UserError: its models or its pictures are not there.
        """
        everything = load_pictures(record, data)
        dataset = limited(everything, train_limit, test_limit, record.recipe.seed)
        models = [load_model(record.path / f"{name}.keras") for name in ("encoder", "head")]
        return cls(record.recipe, record.config["precision"], *models, dataset, everything)


def load_pictures(record, data=None):
    """The pictures of a run; UserError if they are gone, or others by now."""
    dataset = experiment.load_data(replace(record.recipe, data=data or record.recipe.data))
    if experiment.describe(dataset)["checksum"] != record.config["data"].get("checksum"):
        raise UserError(f"{dataset.name} holds other pictures than those of this run.")
    return dataset


def load_model(path):
    """A model of a run; UserError if it is not there or damaged."""
    if not path.exists():
        raise UserError(f"There is no {path}: its training has not ended.")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras, zipfile and HDF5 raise a dozen kinds
        what = " ".join(str(error).split())[:100]
        raise UserError(f"{path} is damaged ({what}): run again in another folder.") from error

"""The checklist on a whole run folder: its files first, then its encoder on its pictures."""

from dataclasses import replace

import keras
import numpy as np

from simclr_lib import experiment
from simclr_lib.doctor import Finding
from simclr_lib.errors import UserError
from simclr_lib.evaluation import extract_features, knn_accuracy
from simclr_lib.postmortem.checklist import (
    SURELY,
    error_of_difference,
    examine_record,
    split,
)
from simclr_lib.postmortem.fixed_run import load_model, load_pictures
from simclr_lib.postmortem.inputs import SCALES, features_at_scale
from simclr_lib.postmortem.norm_statistics import features_reestimated
from simclr_lib.pretraining.diagnostics import collapse_warning, is_constant

NEW_STATISTICS = "batch_norm_momentum=0.9; for this encoder, evaluation.reestimate_batch_norm"
LEAST_CHANGE = 0.01  # of the kernels' length: training moves them by a tenth and more


def examine_run(record, data=None):
    """Yield one `Finding` after the other, the quick ones first.

    The encoder is asked about training pictures alone; the test pictures stay out of it.

    Args:
        record: see `record.read_record`.
        data: where the run's pictures are now, if not where they were.
    """
    yield from examine_record(record)
    try:
        encoder = load_model(record.path / "encoder.keras")
    except UserError as error:
        yield Finding("encoder", f"{error} What needs it is left out.", None)
        return
    yield moved(record, encoder)
    try:
        dataset = load_pictures(record, data)
    except UserError as error:
        seen = f"not here: {str(error).rstrip('.')}. What needs them is left out"
        yield Finding("pictures", seen, None, f"simclr doctor {record.path} --data PATH")
        return
    yield from Asked(encoder, dataset, record.recipe.seed).findings()


def moved(record, encoder):
    """Compare the encoder's kernels with those that training began with."""
    backend = record.config.get("backend")
    if backend != keras.backend.backend():
        return Finding("weights", f"trained on {backend}: where they began is not known here", None)
    try:
        first = experiment.starting_encoder(record.recipe, record.config["precision"])
    except UserError as error:
        return Finding("weights", str(error).rstrip("."), None)
    ours, theirs = (kernels(model) for model in (encoder, first))
    if [kernel.shape for kernel in ours] != [kernel.shape for kernel in theirs]:
        seen = "encoder.keras is another network than config.json says"
        return Finding("weights", seen, False, "look for what has overwritten one of them")
    change = length([a - b for a, b in zip(ours, theirs, strict=True)]) / length(theirs)
    seen = f"training has changed the kernels by {change:.1%} of their length"
    if change >= LEAST_CHANGE:
        return Finding("weights", seen)
    return Finding(
        "weights",
        f"{seen}: encoder.keras is as good as untrained",
        False,
        "make sure that the trained encoder was saved; else a larger learning_rate",
    )


def kernels(model):
    return [np.asarray(weight).copy() for weight in model.weights if len(weight.shape) > 1]


def length(arrays):
    return float(np.sqrt(sum(np.sum(np.square(array, dtype="float64")) for array in arrays)))


class Asked:
    """An encoder asked about some training pictures by kNN: at most 1,000 ask, 4,000 vote.

    Args:
        encoder: Keras model, pictures → h.
        dataset: the run's.
        seed: of the choice.
    """

    def __init__(self, encoder, dataset, seed):
        look, bank = experiment.monitor_split(dataset, seed)
        chosen = np.concatenate([look, bank])
        self.encoder, self.asking = encoder, len(look)
        self.images, self.labels = dataset.train_images[chosen], dataset.train_labels[chosen]

    def findings(self):
        h = extract_features(self.encoder, self.images)
        renewed = features_reestimated(self.encoder, self.images, self.images[self.asking :])
        yield self.collapse(h, renewed)
        yield self.inference(h, renewed)
        yield self.scale(h)

    def accuracy(self, h):
        asked, voting = np.split(h, [self.asking])
        return knn_accuracy(voting, self.labels[self.asking :], asked, self.labels[: self.asking])

    def better(self, share, than):
        """Whether one accuracy is surely higher than the other."""
        return share - than > SURELY * error_of_difference(share, than, self.asking)

    def collapse(self, h, renewed):
        """Are the features of different pictures different? If not, by the statistics alone?"""
        warning = collapse_warning(h)
        if not warning:
            return Finding("features", "they differ")
        finding = split(warning, "features")
        if collapse_warning(renewed):
            return finding
        seen = f"{finding.value}; not so with BatchNorm measured anew"
        return replace(finding, value=seen, remedy=NEW_STATISTICS)

    def inference(self, h, renewed):
        """Do BatchNorm's running statistics cost accuracy?"""
        with_running, with_new = self.accuracy(h), self.accuracy(renewed)
        seen = f"kNN {with_running:.1%} as it is, {with_new:.1%} with BatchNorm measured anew"
        frozen = is_constant(h) and not is_constant(renewed)
        if frozen:
            seen += ", without which all pictures get nearly the same features"
        if not frozen and not self.better(with_new, with_running):
            return Finding("inference", seen)
        return Finding(
            "inference",
            f"{seen}: its running statistics lag behind the weights",
            False,
            NEW_STATISTICS,
        )

    def scale(self, h):
        """Would the encoder rather have its pictures on another scale?"""
        as_it_is = self.accuracy(h)
        others = {
            level: self.accuracy(features_at_scale(self.encoder, self.images, factor))
            for level, factor in SCALES.items()
            if factor != 1
        }
        best = max(others, key=others.get)
        seen = f"kNN {as_it_is:.1%} with pictures in [0, 1], {others[best]:.1%} if {best}"
        if not self.better(others[best], as_it_is):
            return Finding("scale", seen)
        return Finding(
            "scale",
            f"{seen}: it was trained on another scale",
            False,
            "divide by 255 in one place, the same for training and evaluation",
        )

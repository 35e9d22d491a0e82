"""The suspects, one experiment each: the same finished run, and one thing changed.

Each experiment takes a `FixedRun` and returns `{level: {measure: number}}`, one level as the run
was evaluated and the others changed: the form of `Results.accuracies`.
"""

import numpy as np

from simclr_lib import experiment
from simclr_lib.evaluation import extract_features, small_classifier
from simclr_lib.experiment import Features
from simclr_lib.postmortem.inputs import SCALES, features_at_scale
from simclr_lib.postmortem.norm_statistics import features_by_batch, features_reestimated
from simclr_lib.pretraining.diagnostics import spread_and_rank

HIDDEN = ((20, 20), (24, 24))


def batch_norm_statistics(run):
    """Running statistics, each batch's own, or measured anew: what the features are worth."""
    measured_on = run.dataset.train_images
    kinds = {
        "running": lambda images: extract_features(run.encoder, images),
        "of each batch": lambda images: features_by_batch(run.encoder, images),
        "re-estimated": lambda images: features_reestimated(run.encoder, images, measured_on),
    }
    return {level: worth(features_of(run, extract)) for level, extract in kinds.items()}


def readout(run, epochs=None):
    """The linear probe beside small classifiers, on features as they are and standardised.

    Args:
        run: a `FixedRun`.
        epochs: of the classifiers; None: what the recipe says.
    """
    features = features_of(run)
    found = {"linear probe": {"test": features.probe().accuracy}}
    for hidden in HIDDEN:
        for standardize in (False, True):
            result = small_classifier(
                features.train_h,
                features.train_y,
                features.test_h,
                features.test_y,
                hidden=hidden,
                epochs=epochs or run.recipe.classifier_epochs,
                batch_size=run.recipe.batch_size,
                standardize=standardize,
                seed=run.recipe.seed,
            )
            level = f"classifier {hidden}{', standardised' if standardize else ''}"
            found[level] = {"test": result.test_accuracy, "train": result.train_accuracy}
    return found


def place(run):
    """The features h, before the head, against its z."""
    h = features_of(run)
    z = Features(
        *(run.head.predict(part, batch_size=512, verbose=0) for part in (h.train_h, h.test_h)),
        h.train_y,
        h.test_y,
    )
    return {"h": worth(h), "z": worth(z)}


def input_scale(run):
    """Pictures in [0, 1] as in training, divided once too often, or not at all."""
    return {
        level: worth(
            features_of(
                run, lambda images, factor=factor: features_at_scale(run.encoder, images, factor)
            )
        )
        for level, factor in SCALES.items()
    }


def weights(run):
    """The encoder of the run, against one into which no weights were loaded."""
    untouched = experiment.build_encoder(run.recipe, run.precision)
    measured_on = run.dataset.train_images
    return {
        "of the run": worth(features_of(run)),
        "not loaded": worth(features_of(run, lambda images: extract_features(untouched, images))),
        "not loaded, statistics re-estimated": worth(
            features_of(run, lambda images: features_reestimated(untouched, images, measured_on))
        ),
    }


def collapse(run):
    """How far apart the features lie, and along how many directions: see `spread_and_rank`."""
    images = run.dataset.test_images
    features = {
        "running": extract_features(run.encoder, images),
        "of each batch": features_by_batch(run.encoder, images),
        "re-estimated": features_reestimated(run.encoder, images, run.dataset.train_images),
    }
    found = {}
    for level, h in features.items():
        spread, rank = spread_and_rank(h)
        found[level] = {"spread": float(spread), "effective rank": float(rank)}
    return found


EXPERIMENTS = {
    "BatchNorm statistics": batch_norm_statistics,
    "directions of the features": collapse,
    "readout": readout,
    "h or z": place,
    "scale of the pictures": input_scale,
    "weights": weights,
}


def features_of(run, extract=None):
    """Features of both parts of the run's pictures; `extract` takes pictures and gives features."""
    extract = extract or (lambda images: extract_features(run.encoder, images))
    dataset = run.dataset
    # As one: statistics of a batch are then those of both parts.
    h = extract(np.concatenate([dataset.train_images, dataset.test_images]))
    count = len(dataset.train_images)
    return Features(h[:count], h[count:], dataset.train_labels, dataset.test_labels)


def worth(features):
    """Accuracies of a linear probe and of the nearest neighbours."""
    return {"linear": features.probe().accuracy, "knn": features.knn()}


def table(found):
    """An experiment's levels as lines of text: shares in percent, effective ranks as they are."""
    names = list(dict.fromkeys(name for measures in found.values() for name in measures))
    lines = [f"{'':38}" + "".join(f"{name:>16}" for name in names)]
    for level, measures in found.items():
        cells = [
            "–"
            if name not in measures
            else f"{measures[name]:.1f}"
            if name == "effective rank"
            else f"{measures[name]:.1%}"
            for name in names
        ]
        lines.append(f"{level:38}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)

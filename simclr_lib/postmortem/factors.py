"""The suspects, one experiment each: the same finished run, and one thing changed.

Each experiment takes a `FixedRun` and returns `{level: {measure: number}}`, one level as the run
was evaluated and the others changed: the form of `Results.accuracies`. Linear probes and nearest
neighbours do with an even part of the pictures; classifiers, whose training is the question, get
all of them.
"""

from functools import partial

import numpy as np

from simclr_lib import experiment
from simclr_lib.datasets.stratify import balanced_subset
from simclr_lib.evaluation import extract_features, small_classifier
from simclr_lib.experiment import Features
from simclr_lib.postmortem.inputs import SCALES, features_at_scale
from simclr_lib.postmortem.norm_statistics import features_by_batch, features_reestimated
from simclr_lib.pretraining.diagnostics import spread_and_rank
from simclr_lib.recipes import hidden_layers

HIDDEN = ((20, 20), (24, 24))
RATES = (1e-4, 1e-3, 1e-2)
EPOCHS = (10, 50, 90)  # the report's
FEWER = (1_000, 5_000, 20_000)  # pictures


def batch_norm_statistics(run):
    """Running statistics, each batch's own, or measured anew: what the features are worth."""
    measured_on = run.dataset.train_images
    kinds = {
        "running": lambda images: extract_features(run.encoder, images),
        "of each batch": lambda images: features_by_batch(run.encoder, images),
        "re-estimated": lambda images: features_reestimated(run.encoder, images, measured_on),
    }
    return {level: worth(features_of(run, extract)) for level, extract in kinds.items()}


def statistics_before_classifier(run):
    """What the run's small classifier makes of features with statistics measured anew.

    A linear probe hardly minds how large features are, so it can acquit statistics that this
    reader cannot do with. All pictures take part, as of `readout`.
    """
    hidden, measured_on = hidden_layers(run.recipe) or HIDDEN[0], run.everything.train_images
    extract = partial(features_reestimated, run.encoder, measured_on=measured_on)
    renewed = features_of(run, extract, run.everything)
    kinds = {"running": run.features, "re-estimated": renewed}
    return {level: classified(run, hidden, features=found) for level, found in kinds.items()}


def readout(run, epochs=None):
    """The linear probe beside small classifiers, on features as they are and standardised.

    All pictures take part: with a part of them a classifier would get as much fewer steps, and
    how long it is trained is part of the question.

    Args:
        run: a `FixedRun`.
        epochs: of the classifiers; None: what the recipe says.
    """
    found = {"linear probe": {"test": run.features.probe().accuracy}}
    for hidden in HIDDEN:
        for standardize in (False, True):
            level = f"classifier {hidden}{', standardised' if standardize else ''}"
            found[level] = classified(run, hidden, epochs=epochs, standardize=standardize)
    return found


def optimization(run, rates=RATES, epochs=EPOCHS):
    """The run's small classifier, trained at other learning rates and for longer.

    Args:
        run: a `FixedRun`; all its pictures take part, see `readout`.
        rates: Adam's learning rates; a recipe's classifier has 0.001.
        epochs: lengths of the training.
    """
    hidden = hidden_layers(run.recipe) or HIDDEN[0]
    return {
        f"{hidden}, rate {rate:g}, {count} epochs": classified(
            run, hidden, epochs=count, learning_rate=rate
        )
        for rate in rates
        for count in epochs
    }


def labelled_pictures(run, counts=FEWER, epochs=(EPOCHS[0], EPOCHS[-1])):
    """The run's small classifier, trained on a part of the pictures: steps and overfitting.

    An epoch of few pictures has few steps, and what is learnt from few pictures need not hold for
    others. Both show in what it gets of its own training pictures beside the test ones.

    Args:
        run: a `FixedRun`.
        counts: pictures it learns from, evenly from the classes; more than there are: all.
        epochs: lengths of the training.
    """
    hidden = hidden_layers(run.recipe) or HIDDEN[0]
    every = run.features
    found = {}
    for count in counts:
        part = balanced_subset(every.train_y, count, run.recipe.seed)
        features = Features(every.train_h[part], every.test_h, every.train_y[part], every.test_y)
        for length in epochs:
            level = f"{hidden}, {count:,} pictures, {length} epochs"
            found[level] = classified(run, hidden, features=features, epochs=length)
    return found


def mistaken_features(run):
    """What the run's small classifier makes of the features that a mistake would give it.

    All pictures take part, so that its steps are those of the run.
    """
    hidden, dataset, h = hidden_layers(run.recipe) or HIDDEN[0], run.everything, run.features
    untouched = experiment.build_encoder(run.recipe, run.precision)
    mistaken = {
        "none": h,
        "z in place of h": behind_head(run, h),
        "weights not loaded": Features.of(untouched, dataset),
    }
    for level, factor in SCALES.items():
        if factor != 1:
            extract = partial(features_at_scale, run.encoder, factor=factor)
            mistaken[f"pictures {level}"] = features_of(run, extract, dataset)
    return {level: classified(run, hidden, features=found) for level, found in mistaken.items()}


def classified(run, hidden, *, features=None, epochs=None, **options):
    """A level of the readout: a small classifier as the run has it, but for what is said."""
    features = features or run.features
    result = small_classifier(
        features.train_h,
        features.train_y,
        features.test_h,
        features.test_y,
        hidden=hidden,
        epochs=epochs or run.recipe.classifier_epochs,
        batch_size=run.recipe.batch_size,
        seed=run.recipe.seed,
        **options,
    )
    return {"test": result.test_accuracy, "train": result.train_accuracy}


def place(run):
    """The features h, before the head, against its z."""
    h = features_of(run)
    return {"h": worth(h), "z": worth(behind_head(run, h))}


def behind_head(run, h):
    """The z of features h."""
    parts = (run.head.predict(part, batch_size=512, verbose=0) for part in (h.train_h, h.test_h))
    return Features(*parts, h.train_y, h.test_y)


def input_scale(run):
    """Pictures in [0, 1] as in training, divided once too often, or not at all."""
    return {
        level: worth(features_of(run, partial(features_at_scale, run.encoder, factor=factor)))
        for level, factor in SCALES.items()
    }


def baseline(run):
    """What raw pixels are worth: of the same pictures, since fewer make every reader worse."""
    dataset = run.dataset
    side = experiment.pixel_side(dataset.train_images)
    parts = (dataset.train_images, dataset.test_images)
    rows = (experiment.pixel_rows(part, side) for part in parts)
    return {"raw pixels": worth(Features(*rows, dataset.train_labels, dataset.test_labels))}


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
    "statistics before the classifier": statistics_before_classifier,
    "readout": readout,
    "training of the classifier": optimization,
    "pictures of the classifier": labelled_pictures,
    "mistake before the classifier": mistaken_features,
    "h or z": place,
    "scale of the pictures": input_scale,
    "weights": weights,
    "baseline": baseline,
}


def features_of(run, extract=None, dataset=None):
    """Features of both parts of a dataset, the run's even part of its pictures by default.

    `extract` takes pictures and gives features.
    """
    extract = extract or (lambda images: extract_features(run.encoder, images))
    dataset = dataset or run.dataset
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

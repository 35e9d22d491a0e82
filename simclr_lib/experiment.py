"""The whole road: pictures in, training without labels, a table of honest accuracies out."""

import zlib
from dataclasses import asdict, replace

import keras
import numpy as np

from simclr_lib import machine, plots
from simclr_lib.datasets import load_dataset
from simclr_lib.datasets.decoded_cache import subset
from simclr_lib.datasets.stratify import balanced_subset, split_mask
from simclr_lib.errors import UserError
from simclr_lib.evaluation import (
    ProbeResult,
    SupervisedClassifier,
    extract_features,
    knn_accuracy,
    linear_probe,
    nearest,
    reestimate_batch_norm,
    small_classifier,
)
from simclr_lib.from_recipe import (
    build_augmenter,
    build_encoder,
    build_model,
    build_strong_augmenter,
    chance_loss,
    compile_for,
    starting_encoder,
    steps_in_epoch,
)
from simclr_lib.precision import choose_precision
from simclr_lib.pretraining import fit_epochs
from simclr_lib.pretraining.autoencoder import mean_picture_error
from simclr_lib.pretraining.diagnostics import (
    collapse_warning,
    loss_warning,
    reconstruction_warning,
)
from simclr_lib.pretraining.loop import columns
from simclr_lib.pretraining.progress import Progress
from simclr_lib.recipes import OBJECTIVES, hidden_layers
from simclr_lib.run_folder import Results, RunFolder

PIXELS_AT_MOST = 160_000_000  # numbers of a training part as raw pixels: CIFAR-10 has 154 million


def run(recipe, run_dir, *, say=print):
    """Pretrain, evaluate, compare with the baselines, and leave everything in one folder.

    Stopped at any moment, the same call goes on; once finished, it gives the results it has.

    Args:
        recipe: a `Recipe`, see `recipes.get_recipe`.
        run_dir: the folder of the run. It will hold `config.json` (every parameter, seed and
            version), `metrics.csv` (a row an epoch), `encoder.keras`, `head.keras` (of an
            autoencoder `decoder.keras`), `results.json` and `figures/`.
        say: function that is told, a line at a time, what happens; `lambda line: None` for quiet.

    Returns:
        The `Results`.

    Raises:
        UserError: the data can't be read, the folder holds another run, or the loss became NaN.
    """
    folder = RunFolder(run_dir)
    dataset = load_data(recipe)
    config = folder.claim(
        {
            "recipe": asdict(recipe),
            "data": describe(dataset),
            "precision": choose_precision(recipe, say),
            "backend": keras.backend.backend(),
            "versions": machine.versions(),
            "machine": machine.description(),
        }
    )
    if results := folder.finished():
        say(f"This run is finished; {folder.path} holds its results.")
        return results
    precision = config["precision"]
    say(
        f"{dataset.name}: {len(dataset.train_images):,} training and "
        f"{len(dataset.test_images):,} {recipe.evaluate_on} pictures, "
        f"{dataset.image_size}×{dataset.image_size}; {keras.backend.backend()}, {precision}."
    )
    draw_views(recipe, dataset, folder)

    encoder, history, said = pretrain(recipe, precision, dataset, folder, say)
    say("Evaluating: linear probe, nearest neighbours, baselines.")
    features = Features.of(encoder, dataset, labelled(recipe, dataset))
    probe = features.probe()
    method = OBJECTIVES[recipe.objective]
    accuracies = {method: {"linear": probe.accuracy, "knn": features.knn()}}
    accuracies |= classifier(recipe, features)
    accuracies |= baselines(recipe, precision, dataset, folder)
    draw_results(dataset, features, probe, accuracies, history, recipe, folder)

    results = Results(
        recipe=recipe,
        accuracies=accuracies,
        per_class=dict(zip(dataset.class_names, probe.per_class.tolist(), strict=True)),
        pictures={"train": len(dataset.train_images), "test": len(dataset.test_images)},
        training_minutes=history[-1]["seconds"] / 60,
        warnings=said,
        run_dir=folder.path,
    )
    folder.finish(results)
    return results


def load_data(recipe):
    """Load the recipe's dataset, with a validation part in place of the test part if it says so."""
    dataset = load_dataset(
        recipe.data,
        train_limit=recipe.train_limit,
        test_limit=recipe.test_limit,
        seed=recipe.seed,
        image_size=recipe.image_size,
    )
    if recipe.evaluate_on == "validation":
        held_out = split_mask(dataset.train_labels, 0.1, recipe.seed)
        dataset = replace(
            dataset,
            train_images=subset(dataset.train_images, ~held_out),
            train_labels=dataset.train_labels[~held_out],
            test_images=subset(dataset.train_images, held_out),
            test_labels=dataset.train_labels[held_out],
        )
    if recipe.batch_size > len(dataset.train_images):
        raise UserError(
            f"A batch of {recipe.batch_size} needs as many training pictures and {dataset.name} "
            f"has {len(dataset.train_images)}: set batch_size to that or less."
        )
    fewest = np.bincount(dataset.train_labels).min()
    if recipe.labels_per_class is not None and recipe.labels_per_class > fewest:
        raise UserError(
            f"labels_per_class is {recipe.labels_per_class}, and a class of {dataset.name} has "
            f"{fewest} training pictures: set it to that or less."
        )
    return dataset


def labelled(recipe, dataset):
    """Which training pictures have a label for the evaluation: their indices, or a slice of all.

    As many of each class as the recipe says, drawn by its seed; fewer lie within more. Training
    without labels sees all pictures, and the online kNN, which is a monitor, all labels.
    """
    if recipe.labels_per_class is None:
        return slice(None)
    count = recipe.labels_per_class * len(dataset.class_names)
    return balanced_subset(dataset.train_labels, count, recipe.seed)


def describe(dataset):
    """What the pictures are, whatever their path: sizes, classes, and a checksum."""
    checksum = 0
    for part in (dataset.train_images, dataset.test_images):
        for first in range(0, len(part), 1024):
            checksum = zlib.crc32(np.ascontiguousarray(part[first : first + 1024]), checksum)
    return {
        "name": dataset.name,
        "train": len(dataset.train_images),
        "test": len(dataset.test_images),
        "image_size": dataset.image_size,
        "class_names": list(dataset.class_names),
        "checksum": f"{checksum:08x}",
    }


def mean_picture_loss(recipe, dataset):
    """The loss of an autoencoder that draws the mean of all views, whatever it is given."""
    look, _ = monitor_split(dataset, recipe.seed)
    return mean_picture_error(build_augmenter(recipe)(dataset.train_images[np.sort(look)]))


def pretrain(recipe, precision, dataset, folder, say):
    """Training without labels: `(encoder, history, what the diagnostics said)`.

    Labels are read by the online kNN alone, which looks at training pictures and changes nothing.
    """
    contrastive = recipe.objective == "contrastive"
    encoder = starting_encoder(recipe, precision)
    model = build_model(recipe, precision, encoder, len(dataset.train_images))
    compile_for(recipe, precision, model, dataset.train_images, recipe.epochs)

    chance = chance_loss(recipe) if contrastive else mean_picture_loss(recipe, dataset)
    warning_of = loss_warning if contrastive else reconstruction_warning
    steps_per_epoch = steps_in_epoch(recipe, len(dataset.train_images))
    progress = Progress("Pretraining", recipe.epochs * steps_per_epoch, chance)
    look, bank = monitor_split(dataset, recipe.seed)
    said = []

    def after_epoch(history):
        row = history[-1]
        warnings = [warning_of(row["loss"], chance, row["epoch"] * steps_per_epoch)]
        if recipe.knn_every and row["epoch"] % recipe.knn_every == 0:
            h = extract_features(encoder, dataset.train_images[np.concatenate([look, bank])])
            labels = dataset.train_labels
            row["knn_accuracy"] = knn_accuracy(
                h[len(look) :], labels[bank], h[: len(look)], labels[look]
            )
            progress.note = f"kNN {row['knn_accuracy']:.1%}"
            warnings.append(collapse_warning(h))
        for warning in filter(None, warnings):
            # The first words tell the symptom: each is told once.
            if not any(warning.split()[:3] == earlier.split()[:3] for earlier in said):
                said.append(warning)
                progress.say(f"Warning: {warning}")
        folder.write_metrics(history)

    history = fit_epochs(
        model,
        dataset.train_images,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        seed=recipe.seed,
        steps_per_epoch=steps_per_epoch,
        checkpoint=folder.checkpoint,
        after_epoch=after_epoch,
        progress=progress,
    )
    folder.save_model(encoder, folder.encoder)
    if contrastive:
        folder.save_model(model.head, folder.head)
    else:
        folder.save_model(model.decoder, folder.decoder)
    return encoder, history, said


def monitor_split(dataset, seed):
    """Training pictures for the online kNN: indices of at most 1,000 that ask, 4,000 that vote."""
    chosen = np.random.default_rng([seed, 1]).permutation(len(dataset.train_images))[:5000]
    return np.split(chosen, [len(chosen) // 5])


def classifier(recipe, features):
    """The recipe's small classifier on h: a row of the table, or none.

    It takes the features as they are, not standardised, as the report on which its recipe rests.
    """
    hidden = hidden_layers(recipe)
    if hidden is None:
        return {}
    found = small_classifier(
        features.train_h,
        features.train_y,
        features.test_h,
        features.test_y,
        hidden=hidden,
        epochs=recipe.classifier_epochs,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        show=True,
    )
    return {f"classifier {hidden}": {"test": found.test_accuracy, "train": found.train_accuracy}}


def baselines(recipe, precision, dataset, folder):
    """What raw pixels, the untrained encoder and supervised training reach: rows of the table."""
    chosen = labelled(recipe, dataset)
    side = pixel_side(dataset.train_images)
    pixels = Features(
        *(pixel_rows(part, side) for part in (dataset.train_images[chosen], dataset.test_images)),
        dataset.train_labels[chosen],
        dataset.test_labels,
    )
    raw = "raw pixels" if side == dataset.image_size else f"raw pixels, {side}×{side}"
    encoder = build_encoder(recipe, precision)
    reestimate_batch_norm(encoder, dataset.train_images)
    untrained = Features.of(encoder, dataset, chosen)
    rows = {
        "random encoder": {"linear": untrained.probe().accuracy, "knn": untrained.knn()},
        raw: {"linear": pixels.probe().accuracy, "knn": pixels.knn()},
    }
    if recipe.encoder_weights != "none":
        loaded = Features.of(starting_encoder(recipe, precision), dataset, chosen)
        rows["weights as loaded"] = {"linear": loaded.probe().accuracy, "knn": loaded.knn()}
    if recipe.supervised_baseline:
        rows["supervised from scratch"] = {
            "linear": train_supervised(recipe, precision, dataset, folder).accuracy
        }
    return rows


def pixel_side(images):
    """The side at which raw pixels are classified: halved until they fit a laptop's memory."""
    pictures, side, _, channels = images.shape
    while pictures * side**2 * channels > PIXELS_AT_MOST:
        side //= 2
    return side


def pixel_rows(images, side):
    """Pictures as rows of pixels: `(N, S, S, 3)` → uint8 `(N, side² · 3)`.

    A pixel of a smaller side is the mean of a square of them; the rest at the edge is left out.
    """
    if side == images.shape[1]:
        return np.reshape(images, (len(images), -1))
    step = images.shape[1] // side
    rows = np.empty((len(images), side * side * 3), np.uint8)
    for first in range(0, len(images), 1024):
        part = images[first : first + 1024, : side * step, : side * step]
        squares = np.reshape(part, (len(part), side, step, side, step, 3))
        rows[first : first + 1024] = np.rint(squares.mean(axis=(2, 4))).reshape(len(part), -1)
    return rows


def train_supervised(recipe, precision, dataset, folder):
    """Train the same encoder with labels, on as many views in as many minutes: `ProbeResult`.

    A contrastive step sends two views of each picture through the encoder, this one a single
    view: twice the epochs make the arithmetic equal. Views are crops and mirrors alone, as usual.
    Where labels are few, it sees the few pictures as often as makes up for the others.
    """
    views = replace(
        recipe, views="weak", color_strength=0.0, gray_probability=0.0, blur_probability=0.0
    )
    chosen = labelled(recipe, dataset)
    images, labels = dataset.train_images[chosen], dataset.train_labels[chosen]
    steps_per_epoch = steps_in_epoch(recipe, len(dataset.train_images))
    batch_size = min(recipe.batch_size, len(images))
    steps_per_epoch = round(steps_per_epoch * recipe.batch_size / batch_size)
    recipe = replace(recipe, batch_size=batch_size, steps_per_epoch=steps_per_epoch)
    encoder, classes = build_encoder(recipe, precision), len(dataset.class_names)
    model = SupervisedClassifier(encoder, build_augmenter(views), classes)
    compile_for(
        recipe,
        precision,
        model,
        images,
        2 * recipe.epochs,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    steps = 2 * recipe.epochs * steps_per_epoch
    fit_epochs(
        model,
        images,
        labels=labels,
        batch_size=batch_size,
        epochs=2 * recipe.epochs,
        seed=recipe.seed,
        steps_per_epoch=steps_per_epoch,
        checkpoint=folder.supervised_checkpoint,
        progress=Progress("Supervised baseline", steps, np.log(classes)),
    )
    logits = model.classifier(extract_features(encoder, dataset.test_images))
    predicted = np.argmax(np.asarray(logits), axis=1)
    return ProbeResult.of(predicted, dataset.test_labels, classes)


class Features:
    """Features of both parts of a dataset, with their labels.

    Args:
        train_h, test_h: `(N, d)` and `(M, d)`.
        train_y, test_y: `(N,)` and `(M,)`.
    """

    def __init__(self, train_h, test_h, train_y, test_y):
        self.train_h, self.test_h, self.train_y, self.test_y = train_h, test_h, train_y, test_y

    @classmethod
    def of(cls, encoder, dataset, chosen=slice(None)):
        """Those of a dataset, of its training part only the chosen pictures."""
        return cls(
            extract_features(encoder, dataset.train_images[chosen]),
            extract_features(encoder, dataset.test_images),
            dataset.train_labels[chosen],
            dataset.test_labels,
        )

    def probe(self):
        return linear_probe(self.train_h, self.train_y, self.test_h, self.test_y)

    def knn(self):
        return knn_accuracy(self.train_h, self.train_y, self.test_h, self.test_y)


def draw_views(recipe, dataset, folder):
    """Draw eight pictures, each with two views of the kind that the encoder will see.

    With `loss="clsa"` these are a weak one and a strong one.
    """
    pictures = dataset.train_images[:8]
    views = np.asarray(build_augmenter(recipe)(np.concatenate([pictures, pictures])))
    first, second = np.split(views, 2)
    title = "Each picture and its two views"
    if recipe.loss == "clsa":
        second = np.asarray(build_strong_augmenter(recipe)(pictures))
        title = "Each picture, a weak view and a strong one"
    plots.save(plots.view_grid(pictures, first, second, title), folder.figures / "views.png")


def draw_results(dataset, features, probe, accuracies, history, recipe, folder):
    """Draw curves, accuracies, neighbours, the map of the features, and the confusion matrix."""
    names, test_y = dataset.class_names, dataset.test_labels
    figures = {}
    if recipe.objective == "contrastive":
        figures["curves"] = plots.training_curves(
            columns(history),
            recipe.batch_size,
            chance=None if recipe.loss == "nt_xent" else chance_loss(recipe),
        )
    else:
        chance = mean_picture_loss(recipe, dataset)
        figures["curves"] = plots.reconstruction_curves(columns(history), chance)
    count = recipe.labels_per_class
    learnt = "" if count is None else f", {count} label{'s' * (count > 1)} a class"
    figures["accuracies"] = plots.accuracy_bars(
        [(row, found.get("linear", found.get("test"))) for row, found in accuracies.items()],
        f"Accuracy on {dataset.name}, {len(test_y):,} {recipe.evaluate_on} pictures{learnt}",
        classes=len(names),
        highlight=OBJECTIVES[recipe.objective],
    )
    # One test picture a class, at most ten.
    asked = np.unique(test_y, return_index=True)[1][:10]
    _, found = nearest(features.train_h, features.test_h[asked], k=min(6, len(features.train_h)))
    found = np.arange(len(dataset.train_labels))[labelled(recipe, dataset)][found]
    figures["neighbours"] = plots.neighbour_grid(
        dataset.test_images[asked],
        dataset.train_images[found],
        test_y[asked],
        dataset.train_labels[found],
        names,
    )
    shown = np.random.default_rng(recipe.seed).permutation(len(test_y))[:1500]
    points = plots.embed_in_plane(features.test_h[shown], recipe.seed)
    figures["features"] = plots.feature_map(points, test_y[shown], names)
    figures["confusion"] = plots.confusion_matrix(
        probe.confusion, names, "Linear probe: what is taken for what"
    )
    for name, figure in figures.items():
        plots.save(figure, folder.figures / f"{name}.png")

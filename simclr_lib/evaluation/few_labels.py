"""Label efficiency: what an encoder that learnt without labels is worth when labels are few.

Three contestants get the same labelled pictures, a share of each class, decided by a seed: a
linear probe on the frozen features; the encoder trained on with that probe on top (fine-tuning);
and the same network trained from random weights on views of the same kind, for as many steps or,
to be fair to it, for as many more as the pretraining took. It is the comparison of the SimCLR
paper's section 6 and table 7 (Chen et al., 2020). Fine-tuning starts from the probe, so that its
first steps do not throw away what is known (Kumar et al., 2022).
"""

import keras
import numpy as np

from simclr_lib.datasets.stratify import split_mask
from simclr_lib.errors import UserError
from simclr_lib.evaluation.features import extract_features
from simclr_lib.evaluation.linear_probe import ProbeResult, fit_linear, linear_probe
from simclr_lib.evaluation.supervised import SupervisedClassifier
from simclr_lib.optimizers import build_optimizer, warmup_cosine
from simclr_lib.pretraining.feed import fed

FRACTIONS = (0.01, 0.1, 1.0)
METHODS = ("linear probe", "fine-tuned", "supervised from scratch")


def label_subset(labels, fraction, seed):
    """Choose a share of each class, at least one picture of each.

    Args:
        labels: integers `(N,)`, from 0.
        fraction: share of a class, above 0 and up to 1; the number is rounded.
        seed: decides which. With one seed, a smaller share lies within every larger one.

    Returns:
        The chosen indices in rising order.
    """
    return np.flatnonzero(split_mask(labels, fraction, seed))


def label_efficiency(
    encoder,
    untrained,
    augmenter,
    dataset,
    *,
    fractions=FRACTIONS,
    seed=0,
    steps=1000,
    batch_size=128,
    scratch_steps=None,
    optimizer="adamw",
    weight_decay=1e-2,
    fine_tuning_rate=1e-3,
    scratch_rate=3e-3,
    skip=(),
    progress=None,
):
    """Hold the contest for one draw of the labels: one row after the other, as each is known.

    Args:
        encoder: the pretrained Keras model, pictures → `h (B, d)`. It stays as it is.
        untrained: the same network with random weights. It stays as it is.
        augmenter: Keras layer, pictures → views, for fine-tuning and training from scratch.
        dataset: the `Dataset`; the test part decides.
        fractions: shares of the training labels.
        seed: of the drawn labels and of the batches.
        steps: of each training; the same for every fraction, so that few pictures are seen often.
        batch_size: pictures a step; all of them where there are fewer.
        scratch_steps: of the training from scratch; None: `steps`.
        optimizer, weight_decay: of both trainings, see `optimizers.build_optimizer`.
        fine_tuning_rate, scratch_rate: peak learning rates, to be chosen on a validation part.
        skip: pairs (method, fraction) that are known already.
        progress: function (title, steps) → `Progress`; None is silent.

    Yields:
        Dicts with `method` (see `METHODS`), `fraction`, `pictures` (labels used), `seed`, `steps`
        (0 for the probe) and `accuracy`, a share of the test part.

    Raises:
        UserError: a loss became NaN.
    """
    wanted = [(m, f) for f in fractions for m in METHODS if (m, f) not in skip]
    frozen = any(method != METHODS[2] for method, _ in wanted)
    train_h = extract_features(encoder, dataset.train_images) if frozen else None
    test_h = extract_features(encoder, dataset.test_images) if frozen else None
    classes = len(dataset.class_names)
    for method, fraction in wanted:
        chosen = label_subset(dataset.train_labels, fraction, seed)
        labels = dataset.train_labels[chosen]
        if method == METHODS[0]:
            found = linear_probe(train_h[chosen], labels, test_h, dataset.test_labels)
        else:
            tuned = method == METHODS[1]
            count = steps if tuned else scratch_steps or steps
            model = SupervisedClassifier(
                copy_of(encoder if tuned else untrained), augmenter, classes
            )
            model(dataset.train_images[:2])
            if tuned:
                model.classifier.set_weights(probe_weights(train_h[chosen], labels, classes))
            watch = None if progress is None else progress(f"{method}, {fraction:.0%}", count)
            batches = LabelledBatches(
                dataset.train_images, dataset.train_labels, chosen, batch_size, count, seed
            )
            rate = fine_tuning_rate if tuned else scratch_rate
            train(model, batches, rate, watch, optimizer, weight_decay)
            logits = model.classifier(extract_features(model.encoder, dataset.test_images))
            predicted = np.argmax(np.asarray(logits), axis=1)
            found = ProbeResult.of(predicted, dataset.test_labels, classes)
        yield {
            "method": method,
            "fraction": fraction,
            "pictures": len(chosen),
            "seed": seed,
            "steps": 0 if method == METHODS[0] else count,
            "accuracy": found.accuracy,
        }


def copy_of(encoder):
    """A network of its own with the same weights."""
    copied = keras.models.clone_model(encoder)
    copied.set_weights(encoder.get_weights())
    return copied


def probe_weights(h, labels, classes):
    """Kernel `(d, K)` and bias `(K,)` of a linear probe, for features that aren't standardised."""
    mean, deviation, weights, bias = fit_linear(h, labels, classes)
    return [weights / deviation[:, None], bias - (mean / deviation) @ weights]


def train(model, batches, rate, progress=None, optimizer="adamw", weight_decay=1e-2):
    """Train a `SupervisedClassifier` on all batches, in one pass; warmup takes a tenth of it."""
    schedule = warmup_cosine(rate, len(batches), len(batches) // 10)
    model.compile(
        build_optimizer(
            optimizer,
            schedule,
            weight_decay,
            model.trainable_variables,
            matrix_dtype=model.encoder.compute_dtype,
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    told = [] if progress is None else [Told(progress)]
    try:
        history = model.fit(fed(batches), shuffle=False, verbose=0, callbacks=told).history
    finally:
        if progress is not None:
            progress.close()
    if not np.isfinite(history["loss"][-1]):
        raise UserError(f"The loss became NaN at a peak learning rate of {rate}: try a smaller one")


class Told(keras.callbacks.Callback):
    """Tells a `Progress` of every step."""

    def __init__(self, progress):
        super().__init__()
        self.progress = progress

    def on_train_begin(self, logs=None):
        self.progress.start(0)

    def on_train_batch_end(self, batch, logs=None):
        self.progress.step(batch + 1, logs)


class LabelledBatches(keras.utils.PyDataset):
    """A given number of steps over a few labelled pictures, round after round.

    Args:
        images, labels: of the whole training part; images may be memory-mapped.
        chosen: indices of the pictures to train with.
        batch_size: pictures a step, or all chosen ones where there are fewer.
        steps: how many batches.
        seed: decides their order.
    """

    def __init__(self, images, labels, chosen, batch_size, steps, seed):
        super().__init__()
        self.images, self.labels, self.steps = images, labels, steps
        self.batch_size = min(batch_size, len(chosen))
        rng, rounds = np.random.default_rng(seed), -(-steps * self.batch_size // len(chosen))
        self.order = np.concatenate([rng.permutation(chosen) for _ in range(rounds)])

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        first = index * self.batch_size
        rows = np.sort(self.order[first : first + self.batch_size])
        return self.images[rows], self.labels[rows]

"""Lesson 05: what frozen features are worth, and what spoils the measurement.

The linear probe on frozen features is how SimCLR is judged (Chen et al., 2020, section 2.3); the
weighted vote of the nearest neighbours is that of Wu et al. (2018), section 3.4.
"""

import functools

import numpy as np

from simclr_lib.course.exercise import Exercise, mistake

LESSON = "05_linear_evaluation"


def unit(h):
    return h / np.linalg.norm(h, axis=1, keepdims=True)


# -- Features of a frozen encoder ------------------------------------------------------------------


@functools.cache
def small_network():
    """A convolution, BatchNorm and pooling, with the weights and statistics it starts with."""
    from simclr_lib.quiet import import_keras

    keras = import_keras()
    views = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(6, 3, strides=2, use_bias=False, dtype="float32")(views)
    x = keras.layers.BatchNormalization(momentum=0.9, dtype="float32")(x)
    x = keras.layers.ReLU(dtype="float32")(x)
    model = keras.Model(views, keras.layers.GlobalAveragePooling2D(dtype="float32")(x))
    rng = np.random.default_rng(3)
    kernel, scale, shift, mean, variance = (rng.normal(size=w.shape) for w in model.weights)
    return model, [kernel, 1 + 0.1 * scale, 0.3 * shift, 0.3 * mean, 1 + variance**2]


def small_encoder():
    """The small network as it was before anybody touched it."""
    model, weights = small_network()
    model.trainable = True
    model.set_weights(weights)
    return model


def pictures(count, seed=0, side=10):
    """Pictures that differ in brightness and colour, so that batches differ in their statistics."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(20, 235, (count, 1, 1, 3))
    return np.clip(base + rng.normal(0, 40, (count, side, side, 3)), 0, 255).astype("uint8")


def features_by_batches(encoder, images, batch_size=256):
    features = []
    for first in range(0, len(images), batch_size):
        batch = images[first : first + batch_size].astype("float32") / 255
        features.append(np.asarray(encoder(batch, training=False)))
    return np.concatenate(features)


def features_into_an_array(encoder, images, batch_size=256):
    h = np.zeros((len(images), encoder.output_shape[-1]), "float32")
    done = 0
    while done < len(images):
        batch = np.float32(images[done : done + batch_size]) / np.float32(255)
        h[done : done + len(batch)] = encoder(batch, training=False)
        done += len(batch)
    return h


def features_by_predict(encoder, images, batch_size=256):
    return encoder.predict(images / np.float32(255), batch_size=batch_size, verbose=0)


def features_of_frozen_layers(encoder, images, batch_size=256):
    from keras import ops

    encoder.trainable = False
    starts = range(0, len(images), batch_size)
    batches = [ops.cast(images[i : i + batch_size], "float32") / 255 for i in starts]
    return ops.concatenate([encoder(batch) for batch in batches], axis=0)


def features_with(change, training=False):
    """The right loop with the pictures of each batch changed, or in training mode."""

    def features(encoder, images, batch_size=256):
        starts = range(0, len(images), batch_size)
        batches = [change(images[i : i + batch_size]) for i in starts]
        return np.concatenate([np.asarray(encoder(b, training=training)) for b in batches])

    return features


def scaled(batch):
    return batch.astype("float32") / 255


@mistake(
    "The encoder runs in training mode: BatchNorm uses the statistics of each batch, so a picture's"
    " features depend on its batch mates, and the running statistics move. That is no frozen"
    " encoder.",
    hint="encoder(batch, training=False).",
)
def training_mode(encoder, images, batch_size=256):
    return features_with(scaled, training=True)(encoder, images, batch_size)


@mistake(
    "Training mode on all pictures at once: BatchNorm uses their own statistics, and moves its"
    " running ones. The features then depend on which pictures are asked about.",
    hint="encoder(batch, training=False), batch by batch.",
)
def training_mode_at_once(encoder, images, batch_size=256):
    return np.asarray(encoder(scaled(images), training=True))


@mistake(
    "All pictures go through at once: thousands of large ones would not fit into memory.",
    hint="A loop over range(0, len(images), batch_size), and images[first : first + batch_size].",
)
def all_at_once(encoder, images, batch_size=256):
    return np.asarray(encoder(scaled(images), training=False))


@mistake(
    "The pictures go in as 0 to 255: the encoder was trained on 0 to 1.",
    hint="Divide the pictures, as float32, by 255.",
)
def pictures_not_scaled(encoder, images, batch_size=256):
    return features_with(lambda b: b.astype("float32"))(encoder, images, batch_size)


@mistake(
    "The pictures are divided by 255 twice: to the encoder they are all black.",
    hint="Divide once.",
)
def scaled_twice(encoder, images, batch_size=256):
    return features_with(lambda b: scaled(b) / 255)(encoder, images, batch_size)


@mistake(
    "The pictures go in as −1 to 1: this encoder was trained on 0 to 1.",
    hint="images / 255, and nothing subtracted.",
)
def scaled_to_minus_one(encoder, images, batch_size=256):
    return features_with(lambda b: scaled(b) * 2 - 1)(encoder, images, batch_size)


@mistake(
    "`//` divides whole numbers: every pixel below 255 became 0.",
    hint="A single slash: images / 255.",
)
def divided_as_whole_numbers(encoder, images, batch_size=256):
    return features_with(lambda b: (b // 255).astype("float32"))(encoder, images, batch_size)


@mistake(
    "The last pictures are missing: where the batch size does not divide their number, the rest is"
    " a batch too.",
    hint="range(0, len(images), batch_size) also has the start of the last, shorter batch.",
)
def last_batch_lost(encoder, images, batch_size=256):
    whole = len(images) // batch_size * batch_size
    return features_by_batches(encoder, images[:whole], batch_size)


@mistake(
    "You return the features of one batch only: collect those of all batches, and join them.",
    hint="Append each batch's features to a list; np.concatenate(list) after the loop.",
)
def last_batch_only(encoder, images, batch_size=256):
    first = (len(images) - 1) // batch_size * batch_size
    return features_by_batches(encoder, images[first:], batch_size)


@mistake(
    "You return the features of the first batch only: `return` stands within the loop.",
    hint="Move `return` out to the left, below the loop.",
)
def first_batch_only(encoder, images, batch_size=256):
    return features_by_batches(encoder, images[:batch_size], batch_size)


@mistake(
    "You give each feature vector length 1: the probe is to see h as the encoder gives it.",
    hint="Leave out the division by the length; nearest neighbours will do it for themselves.",
)
def made_unit_length(encoder, images, batch_size=256):
    return unit(features_by_batches(encoder, images, batch_size))


@mistake(
    "You average over the pictures: wanted is a row of features for each of them.",
    hint="The encoder has already averaged over the places in a picture. Nothing is left to do.",
)
def averaged_over_pictures(encoder, images, batch_size=256):
    return features_by_batches(encoder, images, batch_size).mean(axis=0)


def has_a_row_for_each_picture(answer):
    h = answer(small_encoder(), pictures(7), 3)
    if len(h) != 7:
        return f"For 7 pictures in batches of 3 you return {len(h)} rows of features, not 7."
    return None


def leaves_the_statistics_alone(answer):
    encoder = small_encoder()
    before = [np.array(w) for w in encoder.get_weights()]
    answer(encoder, pictures(9, seed=1), 4)
    after = encoder.get_weights()
    if any(not np.array_equal(b, a) for b, a in zip(before[3:], after[3:], strict=True)):
        return "After your function ran, BatchNorm's running statistics are others than before."
    if any(not np.array_equal(b, a) for b, a in zip(before, after, strict=True)):
        return "After your function ran, the encoder's weights are others than before."
    return None


def does_not_look_at_batch_mates(answer):
    asked, others = pictures(4, seed=2), pictures(8, seed=3) // 3
    alone = answer(small_encoder(), asked, 4)
    beside = answer(small_encoder(), np.concatenate([asked, others]), 12)[:4]
    if not np.allclose(alone, beside, rtol=1e-3, atol=1e-4):
        return "The features of a picture change with the other pictures in its batch."
    return None


def batch_size_is_only_for_speed(answer):
    asked = pictures(10, seed=4)
    small, large = (answer(small_encoder(), asked, size) for size in (3, 10))
    if small.shape != large.shape or not np.allclose(small, large, rtol=1e-3, atol=1e-4):
        return "The features change with batch_size, which is there for memory alone."
    return None


def takes_a_batch_at_a_time(answer):
    from simclr_lib.quiet import import_keras

    keras = import_keras()
    sizes = []

    class Watch(keras.layers.Layer):
        def call(self, batch):
            sizes.append(batch.shape[0])
            return batch

    encoder = keras.Sequential([keras.Input((None, None, 3)), Watch(), small_encoder()])
    encoder.compile(run_eagerly=True)  # so that `predict` shows its batches too
    sizes.clear()
    answer(encoder, pictures(9, seed=7), 4)
    most = max((size for size in sizes if size is not None), default=0)
    if most > 4:
        return (
            f"With batch_size=4 the encoder got {most} pictures in one call: thousands of large"
            " ones would not fit into memory. Give it batch_size at a time."
        )
    return None


FROZEN = Exercise(
    id="frozen_features",
    lesson=LESSON,
    title="features of a frozen encoder",
    minutes=8,
    difficulty=2,
    reference="simclr_lib.evaluation:extract_features",
    parameters=("encoder", "images", "batch_size"),
    probes=[
        lambda: (small_encoder(), pictures(11, seed=5), 4),
        lambda: (small_encoder(), pictures(6, seed=6), 6),
    ],
    ladder=[
        has_a_row_for_each_picture,
        leaves_the_statistics_alone,
        does_not_look_at_batch_mates,
        batch_size_is_only_for_speed,
        takes_a_batch_at_a_time,
    ],
    mistakes=[
        training_mode,
        training_mode_at_once,
        all_at_once,
        pictures_not_scaled,
        scaled_twice,
        scaled_to_minus_one,
        divided_as_whole_numbers,
        last_batch_lost,
        last_batch_only,
        first_batch_only,
        made_unit_length,
        averaged_over_pictures,
    ],
    hints=(
        "Go through the pictures in slices of batch_size, and collect each slice's features.",
        "Each slice: float32, divided by 255, then encoder(slice, training=False).",
        "Put np.asarray(encoder(batch, training=False)) into a list, and np.concatenate it at the"
        " end.",
    ),
    right=[
        features_by_batches,
        features_into_an_array,
        features_by_predict,
        features_of_frozen_layers,
    ],
    tolerance=2e-3,
    seconds=20,
)


# -- Standardising ---------------------------------------------------------------------------------


def two_parts(train=600, test=400, dims=4, seed=0, constant=False):
    """Features whose columns differ in scale and place, and a test part that lies elsewhere."""
    rng = np.random.default_rng(seed)
    place, scale = rng.normal(0, 5, dims), rng.uniform(0.05, 20, dims)
    train_h = place + scale * rng.normal(size=(train, dims))
    test_h = place + scale * (0.5 + 1.5 * rng.normal(size=(test, dims)))
    if constant:
        train_h[:, 1] = test_h[:, 1] = 2.5
    return train_h.astype("float32"), test_h.astype("float32")


def standardised(train_h, test_h):
    mean, deviation = train_h.mean(axis=0), train_h.std(axis=0)
    deviation = np.where(deviation < 1e-6, 1, deviation)
    return (train_h - mean) / deviation, (test_h - mean) / deviation


def standardised_by_columns(train_h, test_h):
    train_x, test_x = np.array(train_h, "float64"), np.array(test_h, "float64")
    for column in range(train_x.shape[1]):
        values = train_x[:, column].copy()
        middle, spread = np.mean(values), np.std(values, ddof=1)
        for part in (train_x, test_x):
            part[:, column] = (part[:, column] - middle) / (spread if spread > 1e-6 else 1)
    return train_x, test_x


def standardised_by_a_tiny_number(train_h, test_h):
    mean = np.mean(train_h, axis=0, keepdims=True, dtype="float64")
    variance = np.mean((train_h - mean) ** 2, axis=0, keepdims=True)
    factor = 1 / np.sqrt(variance + 1e-8)
    return tuple((part - mean) * factor for part in (train_h, test_h))


def standardised_in_keras(train_h, test_h):
    from keras import ops

    mean = ops.mean(train_h, axis=0)
    deviation = ops.maximum(ops.std(train_h, axis=0), 1e-5)
    return (train_h - mean) / deviation, (test_h - mean) / deviation


def by(mean, deviation, part):
    return (part - mean) / np.where(deviation < 1e-6, 1, deviation)


@mistake(
    "Your test part is standardised by its own mean and deviation: the test pictures helped to"
    " choose how they are measured, and a shift between the parts is hidden. Use the training"
    " part's numbers for both.",
    hint="mean and deviation come from train_h alone, and are used twice.",
)
def each_part_by_itself(train_h, test_h):
    return tuple(by(part.mean(axis=0), part.std(axis=0), part) for part in (train_h, test_h))


@mistake(
    "You take mean and deviation over both parts together: numbers of the test pictures leak into"
    " what the probe is trained on.",
    hint="mean and deviation come from train_h alone.",
)
def statistics_of_both(train_h, test_h):
    both = np.concatenate([train_h, test_h])
    return tuple(by(both.mean(axis=0), both.std(axis=0), part) for part in (train_h, test_h))


@mistake(
    "Your training part is right and the test part is left as it was: the probe would meet numbers"
    " of another size. The same two numbers are for both parts.",
    hint="(test_h − mean) / deviation, with the training part's mean and deviation.",
)
def test_part_left(train_h, test_h):
    return standardised(train_h, test_h)[0], test_h


@mistake(
    "The mean is not taken off: a standardised feature has mean 0.",
    hint="(h − mean) / deviation.",
)
def mean_left_in(train_h, test_h):
    return tuple(by(0, train_h.std(axis=0), part) for part in (train_h, test_h))


@mistake(
    "You take off the mean, but the features keep their different scales: divide by the deviation.",
    hint="(h − mean) / deviation.",
)
def scales_left_in(train_h, test_h):
    mean = train_h.mean(axis=0)
    return train_h - mean, test_h - mean


@mistake(
    "You divide by the variance: the deviation is its square root.",
    hint="np.std instead of np.var.",
)
def by_the_variance(train_h, test_h):
    mean, variance = train_h.mean(axis=0), train_h.var(axis=0)
    return tuple(by(mean, variance, part) for part in (train_h, test_h))


@mistake(
    "You use one mean and one deviation for the whole array: each feature (column) has its own.",
    hint="axis=0 in mean and std.",
)
def one_for_all(train_h, test_h):
    return tuple(by(train_h.mean(), train_h.std(), part) for part in (train_h, test_h))


@mistake(
    "You standardise each picture (row) by itself: it is each feature (column), over the pictures.",
    hint="axis=0 in mean and std.",
)
def rows_standardised(train_h, test_h):
    return tuple(
        by(part.mean(axis=1, keepdims=True), part.std(axis=1, keepdims=True), part)
        for part in (train_h, test_h)
    )


@mistake(
    "You stretch each feature to 0…1: wanted are mean 0 and deviation 1.",
    hint="Mean and standard deviation instead of minimum and maximum.",
)
def stretched_to_zero_one(train_h, test_h):
    low, high = train_h.min(axis=0), train_h.max(axis=0)
    return tuple(by(low, high - low, part) for part in (train_h, test_h))


@mistake(
    "A feature that never changes has deviation 0, and you divide by it. Encoders do have such"
    " features: ReLU leaves some of them at 0.",
    hint="Where the deviation is (nearly) 0, divide by 1.",
)
def divided_by_zero(train_h, test_h):
    mean, deviation = train_h.mean(axis=0), train_h.std(axis=0)
    return (train_h - mean) / deviation, (test_h - mean) / deviation


def training_part_is_standard(answer):
    train_x, _ = answer(*two_parts(seed=3))
    mean, deviation = train_x.mean(axis=0), train_x.std(axis=0)
    if np.abs(mean).max() > 0.01:
        return (
            "After standardising, each feature of the training part has mean 0; one of yours has"
            f" {mean[np.abs(mean).argmax()]:.3g}."
        )
    if np.abs(deviation - 1).max() > 0.01:
        return (
            "After standardising, each feature of the training part has deviation 1; one of yours"
            f" has {deviation[np.abs(deviation - 1).argmax()]:.3g}."
        )
    return None


def both_parts_are_treated_alike(answer):
    train_h, test_h = two_parts(seed=4)
    test_h[0] = train_h[0]
    train_x, test_x = answer(train_h, test_h)
    if not np.allclose(train_x[0], test_x[0], rtol=1e-2, atol=1e-3):
        return "A picture gets other numbers in the test part than in the training part."
    return None


def test_part_decides_nothing(answer):
    train_h, test_h = two_parts(seed=5)
    if not np.allclose(answer(train_h, test_h)[0], answer(train_h, 3 * test_h)[0], atol=1e-3):
        return "Other test pictures change the numbers of the training pictures."
    return None


def constant_features_stay_finite(answer):
    if not all(np.isfinite(part).all() for part in answer(*two_parts(seed=6, constant=True))):
        return "A feature that is the same in all pictures gives numbers that are not finite."
    return None


STANDARDISE = Exercise(
    id="standardise",
    lesson=LESSON,
    title="features of mean 0 and deviation 1, by the training part",
    minutes=5,
    difficulty=1,
    reference=standardised,
    probes=[
        two_parts(),
        two_parts(500, 700, 3, seed=1),
        two_parts(800, 300, 5, seed=2, constant=True),
    ],
    ladder=[
        training_part_is_standard,
        both_parts_are_treated_alike,
        test_part_decides_nothing,
        constant_features_stay_finite,
    ],
    mistakes=[
        each_part_by_itself,
        statistics_of_both,
        test_part_left,
        mean_left_in,
        scales_left_in,
        by_the_variance,
        one_for_all,
        rows_standardised,
        stretched_to_zero_one,
        divided_by_zero,
    ],
    hints=(
        "Two numbers for each feature: its mean and its deviation over the training pictures.",
        "train_h.mean(axis=0) and train_h.std(axis=0); then the same arithmetic for both parts.",
        "np.where(deviation < 1e-6, 1, deviation) saves you from dividing by 0; then return"
        " (train_h − mean) / deviation and (test_h − mean) / deviation.",
    ),
    right=[
        standardised,
        standardised_by_columns,
        standardised_by_a_tiny_number,
        standardised_in_keras,
    ],
    tolerance=3e-3,
)


# -- The probe's loss and slope --------------------------------------------------------------------


def probe_task(pictures=12, dims=4, classes=3, seed=0, penalty=0.1, size=1.0):
    """`(x, y, weights, bias, penalty)` for the probe's loss, of float64."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(pictures, dims))
    y = rng.integers(0, classes, pictures)
    return x, y, size * rng.normal(size=(dims, classes)), size * rng.normal(size=classes), penalty


def loss_as_matrix(x, y, weights, bias, penalty=1e-4):
    logits = x @ weights + bias
    logits = logits - logits.max(axis=1, keepdims=True)
    probability = np.exp(logits)
    probability /= probability.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    # The largest logit is 0, so the sum is at least 1: this logarithm is never of 0.
    log_sum = np.log(np.exp(logits).sum(axis=1))
    loss = np.mean(log_sum - logits[rows, y]) + penalty / 2 * np.sum(weights**2)
    slope = probability
    slope[rows, y] -= 1
    slope /= len(x)
    return loss, x.T @ slope + penalty * weights, slope.sum(axis=0)


def loss_by_loops(x, y, weights, bias, penalty=1e-4):
    loss, d_weights, d_bias = 0.0, np.zeros_like(weights), np.zeros_like(bias)
    for picture, label in zip(x, y, strict=True):
        scores = np.array([picture @ weights[:, c] + bias[c] for c in range(len(bias))])
        highest = max(scores)
        total = sum(np.exp(scores - highest))
        loss += highest + np.log(total) - scores[label]
        for c in range(len(bias)):
            error = np.exp(scores[c] - highest) / total - (1.0 if c == label else 0.0)
            d_weights[:, c] += error * picture
            d_bias[c] += error
    n = len(x)
    loss = loss / n + penalty * (weights * weights).sum() / 2
    return loss, d_weights / n + penalty * weights, d_bias / n


def loss_by_one_hot(x, y, weights, bias, penalty=1e-4):
    one_hot = np.eye(weights.shape[1])[y]
    logits = np.einsum("nd,dk->nk", x, weights) + bias[None]
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    error = np.exp(log_p) - one_hot
    loss = -(one_hot * log_p).sum() / len(y) + 0.5 * penalty * np.linalg.norm(weights) ** 2
    d_weights = np.einsum("nd,nk->dk", x, error) / len(y) + penalty * weights
    return loss, d_weights, error.mean(axis=0)


def loss_in_keras(x, y, weights, bias, penalty=1e-4):
    from keras import ops

    logits = ops.matmul(x, weights) + bias
    target = ops.one_hot(y, weights.shape[1], dtype=logits.dtype)
    entropy = ops.categorical_crossentropy(target, logits, from_logits=True)
    error = (ops.softmax(logits, axis=-1) - target) / x.shape[0]
    loss = ops.mean(entropy) + penalty / 2 * ops.sum(ops.square(weights))
    return loss, ops.matmul(ops.transpose(x), error) + penalty * weights, ops.sum(error, axis=0)


def parts_of_probe(x, y, weights, bias):
    """Log probabilities and the error (softmax − one-hot), each `(N, K)`, unaveraged."""
    logits = x @ weights + bias
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return log_p, np.exp(log_p) - np.eye(weights.shape[1])[y]


def rebuilt(x, y, weights, bias, penalty, *, loss=1.0, slope=1.0, in_loss=0.5, in_slope=1.0):
    """The right numbers with factors before the cross-entropy, its slope, and the penalties."""
    log_p, error = parts_of_probe(x, y, weights, bias)
    entropy = -np.mean(log_p[np.arange(len(y)), y])
    return (
        loss * entropy + in_loss * penalty * np.sum(weights**2),
        slope * x.T @ error / len(y) + in_slope * penalty * weights,
        slope * error.mean(axis=0),
    )


@mistake(
    "Loss and slope are sums over the pictures: wanted are means, so that the penalty weighs the"
    " same for any number of pictures.",
    hint="Divide both by len(x).",
)
def sums_for_means(x, y, weights, bias, penalty=1e-4):
    n = len(x)
    return rebuilt(x, y, weights, bias, penalty, loss=n, slope=n)


@mistake(
    "The loss is a mean over the pictures, but the slope is the sum: they do not belong together,"
    " and the optimiser will lose its way.",
    hint="Divide the slope by len(x) too.",
)
def slope_of_the_sum(x, y, weights, bias, penalty=1e-4):
    return rebuilt(x, y, weights, bias, penalty, slope=len(x))


@mistake(
    "Your slope has the wrong sign: it points to where the loss falls.",
    hint="The slope by the logits is softmax − one-hot, in that order.",
)
def slope_downhill(x, y, weights, bias, penalty=1e-4):
    return rebuilt(x, y, weights, bias, penalty, slope=-1)


@mistake(
    "The labels are missing from your slope: subtract 1 from the probability of the true class.",
    hint="probability[np.arange(len(x)), y] -= 1.",
)
def labels_missing_in_slope(x, y, weights, bias, penalty=1e-4):
    log_p, _ = parts_of_probe(x, y, weights, bias)
    loss, *_ = rebuilt(x, y, weights, bias, penalty)
    return loss, x.T @ np.exp(log_p) / len(x) + penalty * weights, np.exp(log_p).mean(axis=0)


@mistake(
    "The penalty is missing, from the loss and from the slope.",
    hint="λ/2 · Σ weights² to the loss, λ · weights to the slope by the weights.",
)
def no_penalty(x, y, weights, bias, penalty=1e-4):
    return rebuilt(x, y, weights, bias, penalty, in_loss=0, in_slope=0)


@mistake(
    "The penalty is in the loss, but its slope, λ · weights, is missing.",
    hint="Add penalty * weights to the slope by the weights.",
)
def no_penalty_in_slope(x, y, weights, bias, penalty=1e-4):
    return rebuilt(x, y, weights, bias, penalty, in_slope=0)


@mistake(
    "The penalty is in the slope, but not in the loss: λ/2 · Σ weights².",
    hint="Add penalty / 2 * np.sum(weights**2) to the loss.",
)
def no_penalty_in_loss(x, y, weights, bias, penalty=1e-4):
    return rebuilt(x, y, weights, bias, penalty, in_loss=0)


@mistake(
    "Your slope of the penalty is λ/2 · weights: the slope of a square brings a factor 2, so it is"
    " λ · weights.",
    hint="penalty * weights in the slope by the weights.",
)
def penalty_halved_in_slope(x, y, weights, bias, penalty=1e-4):
    return rebuilt(x, y, weights, bias, penalty, in_slope=0.5)


@mistake(
    "`p[:, y] -= 1` takes 1 off whole columns: wanted is one number in each row, that of the"
    " picture's own class.",
    hint="p[np.arange(len(x)), y] -= 1.",
)
def whole_columns(x, y, weights, bias, penalty=1e-4):
    log_p, _ = parts_of_probe(x, y, weights, bias)
    loss, *_ = rebuilt(x, y, weights, bias, penalty)
    error = np.exp(log_p)
    error[:, y] -= 1
    return loss, x.T @ error / len(x) + penalty * weights, error.mean(axis=0)


@mistake(
    "`p[y] -= 1` takes 1 off the rows whose numbers are the labels: wanted is one number in each"
    " row, that of the picture's own class.",
    hint="p[np.arange(len(x)), y] -= 1.",
)
def whole_rows(x, y, weights, bias, penalty=1e-4):
    log_p, _ = parts_of_probe(x, y, weights, bias)
    loss, *_ = rebuilt(x, y, weights, bias, penalty)
    error = np.exp(log_p)
    error[y] -= 1
    return loss, x.T @ error / len(x) + penalty * weights, error.mean(axis=0)


@mistake(
    "You divide the slope by the bias by N twice: G is divided by N already, so its rows are"
    " summed, not averaged.",
    hint="G.sum(axis=0).",
)
def bias_averaged_twice(x, y, weights, bias, penalty=1e-4):
    loss, d_weights, d_bias = rebuilt(x, y, weights, bias, penalty)
    return loss, d_weights, d_bias / len(x)


@mistake(
    "The slope is that of a mean, but the loss is the sum over the pictures: they do not belong"
    " together.",
    hint="entropy.mean().",
)
def loss_summed(x, y, weights, bias, penalty=1e-4):
    return rebuilt(x, y, weights, bias, penalty, loss=len(x))


@mistake(
    "Your loss has λ · Σ weights², and your slope belongs to λ/2 · Σ weights²: a factor 2 apart.",
    hint="penalty / 2 in the loss.",
)
def half_forgotten(x, y, weights, bias, penalty=1e-4):
    return rebuilt(x, y, weights, bias, penalty, in_loss=1)


@mistake(
    "The bias is penalised too: it only says how frequent a class is, and is left free.",
    hint="The penalty is on the weights alone, in loss and slope.",
)
def bias_penalised(x, y, weights, bias, penalty=1e-4):
    loss, d_weights, d_bias = rebuilt(x, y, weights, bias, penalty)
    return loss + penalty / 2 * np.sum(bias**2), d_weights, d_bias + penalty * bias


@mistake(
    "The bias is not used: logits are x @ weights + bias.",
    hint="Add bias to the product.",
)
def bias_forgotten(x, y, weights, bias, penalty=1e-4):
    return rebuilt(x, y, weights, 0 * bias, penalty)


@mistake(
    "For large logits the exponentials are too large for a computer's numbers, or all 0. Subtract"
    " from each row its own largest logit first (not the largest of all rows): the probabilities"
    " stay the same.",
    hint="logits − logits.max(axis=1, keepdims=True) before np.exp.",
)
def exponential_overflows(x, y, weights, bias, penalty=1e-4):
    e = np.exp(x @ weights + bias)
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[np.arange(len(y)), y])) + penalty / 2 * np.sum(weights**2)
    error = (p - np.eye(len(bias))[y]) / len(y)
    return loss, x.T @ error + penalty * weights, error.sum(axis=0)


@mistake(
    "You average the probabilities of the true classes: the loss is the mean of minus their"
    " logarithms.",
    hint="−np.log before np.mean.",
)
def probability_for_its_logarithm(x, y, weights, bias, penalty=1e-4):
    log_p, _ = parts_of_probe(x, y, weights, bias)
    _, d_weights, d_bias = rebuilt(x, y, weights, bias, penalty)
    loss = -np.mean(np.exp(log_p[np.arange(len(y)), y])) + penalty / 2 * np.sum(weights**2)
    return loss, d_weights, d_bias


@mistake(
    "Your softmax sums over the pictures: the probabilities of one picture's classes sum to 1.",
    hint="axis=1, with keepdims=True.",
)
def softmax_over_pictures(x, y, weights, bias, penalty=1e-4):
    logits = x @ weights + bias
    log_p = logits - np.logaddexp.reduce(logits, axis=0, keepdims=True)
    error = (np.exp(log_p) - np.eye(len(bias))[y]) / len(y)
    loss = -np.mean(log_p[np.arange(len(y)), y]) + penalty / 2 * np.sum(weights**2)
    return loss, x.T @ error + penalty * weights, error.sum(axis=0)


def zero_weights_know_nothing(answer):
    x, y, weights, bias, penalty = probe_task(classes=5, seed=5)
    loss, *_ = answer(x, y, 0 * weights, 0 * bias, penalty)
    if not abs(loss - np.log(5)) < 1e-3:
        return (
            "With all weights 0, each of 5 classes has probability 1/5: the loss is ln 5 ="
            f" {np.log(5):.3f}; yours is {loss:.3f}."
        )
    return None


def more_of_the_same_changes_nothing(answer):
    x, y, *others = probe_task(seed=6)
    once, twice = answer(x, y, *others), answer(np.tile(x, (2, 1)), np.tile(y, 2), *others)
    names = ("loss", "slope by the weights", "slope by the bias")
    for name, one, two in zip(names, once, twice, strict=True):
        if not np.allclose(one, two, rtol=1e-3, atol=1e-6):
            return f"With every picture given twice, your {name} changes; a mean does not."
    return None


def slope_foretells_the_loss(answer):
    task = probe_task(seed=7)
    x, y, weights, bias, penalty = task
    _, d_weights, d_bias = answer(*task)
    rng = np.random.default_rng(8)
    for name, value, slope in (("weights", weights, d_weights), ("bias", bias, d_bias)):
        step = 1e-4 * rng.normal(size=value.shape)
        sides = [
            answer(x, y, weights + s * step, bias, penalty)[0]
            if name == "weights"
            else answer(x, y, weights, bias + s * step, penalty)[0]
            for s in (1, -1)
        ]
        change, foretold = sides[0] - sides[1], 2 * np.sum(step * slope)
        if not abs(change - foretold) < 0.02 * abs(change) + 1e-7:
            return (
                f"A tiny step of the {name} changes your loss by {change:.3g}; your slope foretells"
                f" {foretold:.3g}."
            )
    return None


def is_finite_for_large_logits(answer):
    if not all(np.isfinite(part).all() for part in answer(*probe_task(seed=9, size=2000.0))):
        return "For logits of some thousands your results are not finite numbers."
    return None


PROBE = Exercise(
    id="probe_loss",
    lesson=LESSON,
    title="the linear probe's loss and its slope",
    minutes=20,
    difficulty=3,
    reference=loss_as_matrix,
    probes=[
        probe_task(),
        probe_task(20, 3, 5, seed=1, penalty=0.5),
        probe_task(9, 6, 2, seed=2, penalty=0.02),
        probe_task(10, 4, 3, seed=3, size=1000.0, penalty=1e-6),
    ],
    ladder=[
        zero_weights_know_nothing,
        more_of_the_same_changes_nothing,
        slope_foretells_the_loss,
        is_finite_for_large_logits,
    ],
    mistakes=[
        sums_for_means,
        slope_of_the_sum,
        slope_downhill,
        labels_missing_in_slope,
        no_penalty,
        no_penalty_in_slope,
        no_penalty_in_loss,
        half_forgotten,
        penalty_halved_in_slope,
        whole_columns,
        whole_rows,
        bias_averaged_twice,
        loss_summed,
        bias_penalised,
        bias_forgotten,
        exponential_overflows,
        probability_for_its_logarithm,
        softmax_over_pictures,
    ],
    hints=(
        "Logits x @ weights + bias; the loss of a picture is logsumexp(logits) − logit of its true"
        " class. The slope of that by the logits is softmax − one-hot.",
        "Divide softmax − one-hot by N and call it G, of shape (N, K). Then the slope by the"
        " weights is xᵀ G, and that by the bias sums G over the pictures.",
        "Add λ/2 · Σ weights² to the loss and λ · weights to the slope by the weights. Subtract"
        " each row's largest logit before exp.",
    ),
    right=[loss_as_matrix, loss_by_loops, loss_by_one_hot, loss_in_keras],
)


# -- Nearest neighbours ----------------------------------------------------------------------------


def neighbour_task(train=60, test=80, dims=5, classes=4, k=9, temperature=0.1, seed=0):
    """Overlapping classes of unequal size, with features of very different lengths."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, dims))
    share = np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()

    def part(count):
        labels = rng.choice(classes, count, p=share)
        h = centres[labels] + 0.8 * rng.normal(size=(count, dims))
        return h * rng.uniform(0.2, 4, (count, 1)), labels

    train_h, train_y = part(train)
    return train_h, train_y, part(test)[0], k, temperature


def vote_as_matrix(train_h, train_y, test_h, k=200, temperature=0.1):
    train_h = train_h / np.linalg.norm(train_h, axis=1, keepdims=True)
    test_h = test_h / np.linalg.norm(test_h, axis=1, keepdims=True)
    similarity = test_h @ train_h.T
    nearest = np.argsort(-similarity, axis=1)[:, :k]
    weight = np.exp(np.take_along_axis(similarity, nearest, axis=1) / temperature)
    votes = np.zeros((len(test_h), train_y.max() + 1))
    for rank in range(nearest.shape[1]):
        votes[np.arange(len(test_h)), train_y[nearest[:, rank]]] += weight[:, rank]
    return votes.argmax(axis=1)


def vote_by_loops(train_h, train_y, test_h, k=200, temperature=0.1):
    predicted = []
    for h in test_h:
        found = []
        for other, label in zip(train_h, train_y, strict=True):
            cosine = h @ other / np.sqrt(h @ h) / np.sqrt(other @ other)
            found.append((float(cosine), int(label)))
        votes = {}
        for cosine, label in sorted(found, reverse=True)[:k]:
            votes[label] = votes.get(label, 0) + np.exp((cosine - 1) / temperature)
        predicted.append(max(votes, key=votes.get))
    return np.array(predicted)


def vote_by_one_hot(train_h, train_y, test_h, k=200, temperature=0.1):
    similarity = unit(test_h) @ unit(train_h).T
    k = min(k, len(train_h))
    threshold = np.sort(similarity, axis=1)[:, -k][:, None]
    weight = np.where(similarity >= threshold, np.exp(similarity / temperature), 0)
    return np.argmax(weight @ np.eye(train_y.max() + 1)[train_y], axis=1)


def vote_in_keras(train_h, train_y, test_h, k=200, temperature=0.1):
    from keras import ops

    similarity = ops.matmul(
        ops.normalize(test_h, axis=-1), ops.transpose(ops.normalize(train_h, axis=-1))
    )
    value, index = ops.top_k(similarity, min(k, len(train_h)))
    votes = ops.one_hot(ops.take(train_y, index), int(max(train_y)) + 1)
    weight = ops.expand_dims(ops.exp(value / temperature), axis=-1)
    return ops.argmax(ops.sum(ops.cast(votes, weight.dtype) * weight, axis=1), axis=-1)


def counted(similarity, train_y, k, weigh):
    """The vote with any similarity `(M, N)` and weights of it."""
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    weight = weigh(np.take_along_axis(similarity, nearest, axis=1))
    votes = np.zeros((len(similarity), train_y.max() + 1))
    np.add.at(votes, (np.arange(len(similarity))[:, None], train_y[nearest]), weight)
    return votes.argmax(axis=1)


def cosines(train_h, test_h):
    return unit(test_h) @ unit(train_h).T


@mistake(
    "All k neighbours have the same vote in yours: weigh each by exp(cosine ÷ τ).",
    hint="Add np.exp(similarity / temperature) to the class of the neighbour, not 1.",
)
def plain_vote(train_h, train_y, test_h, k=200, temperature=0.1):
    return counted(cosines(train_h, test_h), train_y, k, np.ones_like)


@mistake(
    "The votes are weighed by the cosine itself, in which near and far neighbours hardly differ:"
    " it is exp(cosine ÷ τ).",
    hint="np.exp(similarity / temperature).",
)
def cosine_as_weight(train_h, train_y, test_h, k=200, temperature=0.1):
    return counted(cosines(train_h, test_h), train_y, k, lambda s: s)


@mistake(
    "The temperature changes nothing in yours: the weight is exp(cosine ÷ τ).",
    hint="Divide by `temperature` within the exponential.",
)
def vote_without_temperature(train_h, train_y, test_h, k=200, temperature=0.1):
    return counted(cosines(train_h, test_h), train_y, k, np.exp)


@mistake(
    "You multiply by the temperature: a small τ must make the nearest neighbours count more.",
    hint="Divide by `temperature` within the exponential.",
)
def vote_times_temperature(train_h, train_y, test_h, k=200, temperature=0.1):
    return counted(cosines(train_h, test_h), train_y, k, lambda s: np.exp(s * temperature))


@mistake(
    "You compare features as they are: a long feature vector then seems similar to everything."
    " Give each row length 1 first.",
    hint="Divide the rows of both parts by their lengths.",
)
def dot_products_compared(train_h, train_y, test_h, k=200, temperature=0.1):
    return counted(test_h @ train_h.T, train_y, k, lambda s: np.exp(s / temperature))


@mistake(
    "You divide by one length for the whole array: `np.linalg.norm` needs an axis, or long rows"
    " stay long.",
    hint="np.linalg.norm(h, axis=1, keepdims=True).",
)
def one_length_for_all(train_h, train_y, test_h, k=200, temperature=0.1):
    train_h, test_h = train_h / np.linalg.norm(train_h), test_h / np.linalg.norm(test_h)
    return counted(test_h @ train_h.T, train_y, k, lambda s: np.exp(s / temperature))


@mistake(
    "You give each feature (column) length 1: it is each picture's features (a row).",
    hint="np.linalg.norm(h, axis=1, keepdims=True).",
)
def columns_of_length_one(train_h, train_y, test_h, k=200, temperature=0.1):
    train_h = train_h / np.linalg.norm(train_h, axis=0)
    test_h = test_h / np.linalg.norm(test_h, axis=0)
    return counted(test_h @ train_h.T, train_y, k, lambda s: np.exp(s / temperature))


@mistake(
    "`votes[…] += weight` with whole arrays keeps one neighbour's weight where several have the"
    " same class: NumPy reads, adds and writes once.",
    hint="np.add.at(votes, (rows, classes), weights), or a loop over the neighbours.",
)
def last_of_each_class(train_h, train_y, test_h, k=200, temperature=0.1):
    similarity = cosines(train_h, test_h)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    weight = np.exp(np.take_along_axis(similarity, nearest, axis=1) / temperature)
    votes = np.zeros((len(test_h), train_y.max() + 1))
    votes[np.arange(len(test_h))[:, None], train_y[nearest]] += weight
    return votes.argmax(axis=1)


@mistake(
    "The weights are those of the first k training pictures, in the order of the set, not those of"
    " the neighbours.",
    hint="np.take_along_axis(similarity, nearest, axis=1) gives the neighbours' similarities.",
)
def weights_of_the_first(train_h, train_y, test_h, k=200, temperature=0.1):
    similarity = cosines(train_h, test_h)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    votes = np.zeros((len(test_h), train_y.max() + 1))
    for rank in range(nearest.shape[1]):
        weight = np.exp(similarity[:, rank] / temperature)
        votes[np.arange(len(test_h)), train_y[nearest[:, rank]]] += weight
    return votes.argmax(axis=1)


@mistake(
    "You measure Euclidean distances between features of different lengths: wanted is the cosine.",
    hint="Give each row length 1, then take dot products.",
)
def euclidean_neighbours(train_h, train_y, test_h, k=200, temperature=0.1):
    distance = np.linalg.norm(test_h[:, None] - train_h[None], axis=-1)
    return counted(
        -distance,
        train_y,
        k,
        lambda s: np.exp((s - s.max(axis=1, keepdims=True)) / temperature),
    )


@mistake(
    "You ask the k most different training pictures: sorting goes upwards.",
    hint="np.argsort(−similarity), or take the last k.",
)
def farthest_asked(train_h, train_y, test_h, k=200, temperature=0.1):
    similarity = cosines(train_h, test_h)
    return counted(-similarity, train_y, k, lambda s: np.exp(-s / temperature))


@mistake(
    "All training pictures vote in yours: only the k nearest do.",
    hint="Keep the first k of the sorted neighbours.",
)
def all_vote(train_h, train_y, test_h, k=200, temperature=0.1):
    similarity = cosines(train_h, test_h)
    return counted(similarity, train_y, len(train_h), lambda s: np.exp(s / temperature))


@mistake(
    "You give the class of the single nearest picture: k of them vote.",
    hint="Add up the weights of the k nearest by class, then take the largest sum.",
)
def only_the_nearest(train_h, train_y, test_h, k=200, temperature=0.1):
    return train_y[cosines(train_h, test_h).argmax(axis=1)]


@mistake(
    "You leave out the nearest neighbour. (That is right when a picture is searched among itself"
    " and others; test pictures are not in the training part.)",
    hint="[:, :k] of the sorted neighbours, not [:, 1:k + 1].",
)
def nearest_left_out(train_h, train_y, test_h, k=200, temperature=0.1):
    similarity = cosines(train_h, test_h)
    np.put_along_axis(similarity, similarity.argmax(axis=1)[:, None], -2, axis=1)
    return counted(similarity, train_y, k, lambda s: np.exp(s / temperature))


@mistake(
    "You return the number of a training picture: wanted is the class that gets most votes.",
    hint="train_y[…] of the neighbours tells their classes.",
)
def number_of_the_neighbour(train_h, train_y, test_h, k=200, temperature=0.1):
    return cosines(train_h, test_h).argmax(axis=1)


def knows_the_training_pictures(answer):
    train_h, train_y, *_ = neighbour_task(seed=4)
    if not np.array_equal(answer(train_h, train_y, train_h, 1, 0.1), train_y):
        return "With k = 1, each training picture is nearest to itself and gets its own class."
    return None


def length_of_features_does_not_matter(answer):
    train_h, train_y, test_h, k, temperature = neighbour_task(seed=5)
    longer = train_h * np.linspace(0.1, 9, len(train_h))[:, None]
    one = answer(train_h, train_y, test_h, k, temperature)
    if not np.array_equal(one, answer(longer, train_y, test_h, k, temperature)):
        return "Making training features longer changes your answers; a cosine stays the same."
    return None


def near_ones_count_more(answer):
    angle = np.array([0.0, 0.9, 1.0, 1.1])
    train_h = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    query = np.array([[1.0, 0.05]])
    y = np.array([0, 1, 1, 1])
    sharp, flat = (int(answer(train_h, y, query, 4, t)[0]) for t in (0.05, 5.0))
    if sharp != 0:
        return (
            "One neighbour at 3 degrees against three at 50 and more: at τ = 0.05 the near one"
            " wins; in yours it does not."
        )
    if flat != 1:
        return "At τ = 5 all neighbours count nearly alike, and three outvote one; not in yours."
    return None


KNN = Exercise(
    id="knn_predict",
    lesson=LESSON,
    title="a weighted vote of the nearest neighbours",
    minutes=12,
    difficulty=2,
    reference=vote_as_matrix,
    forbidden=["simclr_lib.evaluation:nearest"],
    probes=[
        neighbour_task(),
        neighbour_task(90, 120, 4, 5, 25, 0.2, seed=1),
        neighbour_task(70, 120, 3, 3, 15, 0.07, seed=2),
        neighbour_task(30, 60, 6, 3, 200, 0.5, seed=3),
    ],
    ladder=[
        knows_the_training_pictures,
        length_of_features_does_not_matter,
        near_ones_count_more,
    ],
    mistakes=[
        plain_vote,
        cosine_as_weight,
        vote_without_temperature,
        vote_times_temperature,
        dot_products_compared,
        one_length_for_all,
        columns_of_length_one,
        last_of_each_class,
        weights_of_the_first,
        euclidean_neighbours,
        farthest_asked,
        all_vote,
        only_the_nearest,
        nearest_left_out,
        number_of_the_neighbour,
    ],
    hints=(
        "Rows of length 1 on both sides: then one matrix product holds all cosines (M, N).",
        "np.argsort(−similarity, axis=1)[:, :k] are the nearest; np.take_along_axis gives their"
        " similarities.",
        "votes (M, K) starts at 0; add exp(similarity ÷ τ) of each neighbour to the column of its"
        " class, and return votes.argmax(axis=1).",
    ),
    right=[vote_as_matrix, vote_by_loops, vote_by_one_hot, vote_in_keras],
)


# -- The confusion matrix --------------------------------------------------------------------------


def answers_of_a_probe(count=40, classes=4, seed=0, unseen=False):
    """True and predicted classes with each kind of mistake; perhaps a last class never seen."""
    rng = np.random.default_rng(seed)
    seen = classes - unseen
    true = rng.integers(0, seen, count)
    predicted = np.where(rng.random(count) < 0.5, true, rng.integers(0, seen, count) ** 2 % seen)
    return true, predicted, classes


def counts_by_loop(true, predicted, classes):
    confusion = np.zeros((classes, classes), int)
    for t, p in zip(true, predicted, strict=True):
        confusion[t, p] += 1
    return confusion


def counts_at_once(true, predicted, classes):
    confusion = np.zeros((classes, classes), "int64")
    np.add.at(confusion, (true, predicted), 1)
    return confusion


def counts_by_bins(true, predicted, classes):
    return np.bincount(classes * true + predicted, minlength=classes**2).reshape(classes, classes)


def counts_by_product(true, predicted, classes):
    one_hot = np.eye(classes, dtype=int)
    return one_hot[true].T @ one_hot[predicted]


@mistake(
    "Rows and columns have changed places: a row is a true class, a column a predicted one.",
    hint="confusion[true, predicted].",
)
def turned(true, predicted, classes):
    return counts_by_loop(predicted, true, classes)


@mistake(
    "`confusion[true, predicted] += 1` with whole arrays adds 1 only once where a pair occurs many"
    " times: NumPy reads, adds and writes once.",
    hint="np.add.at(confusion, (true, predicted), 1), or a loop.",
)
def added_once(true, predicted, classes):
    confusion = np.zeros((classes, classes), int)
    confusion[true, predicted] += 1
    return confusion


@mistake(
    "`[[0] * K] * K` repeats one and the same row: what is counted in one is counted in all.",
    hint="np.zeros((classes, classes), int).",
)
def one_row_for_all(true, predicted, classes):
    return np.tile(counts_by_loop(true, predicted, classes).sum(axis=0), (classes, 1))


@mistake(
    "Only the mistakes are counted: right answers stand on the diagonal.",
    hint="Count every picture.",
)
def only_mistakes(true, predicted, classes):
    confusion = counts_by_loop(true, predicted, classes)
    return confusion - np.diag(np.diag(confusion))


@mistake(
    "Only right answers are counted: mistakes stand beside the diagonal.",
    hint="Count every picture at [its true class, its predicted class].",
)
def only_right_ones(true, predicted, classes):
    return np.diag(np.diag(counts_by_loop(true, predicted, classes)))


@mistake(
    "Your matrix is only as large as the classes that occur: a class without pictures has a row of"
    " zeros.",
    hint="np.zeros((classes, classes), int).",
)
def unseen_class_lost(true, predicted, classes):
    return counts_by_loop(true, predicted, max(true.max(), predicted.max()) + 1)


@mistake(
    "You return shares: wanted are counts, whole numbers.",
    hint="Leave out the division.",
)
def shares_for_counts(true, predicted, classes):
    confusion = counts_by_loop(true, predicted, classes)
    return confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)


@mistake(
    "You return one number for each class: wanted is a table, true class by predicted class.",
    hint="np.zeros((classes, classes), int), and count into it.",
)
def one_a_class(true, predicted, classes):
    return np.bincount(true[true == predicted], minlength=classes)


@mistake(
    "Both directions are counted for each picture: (a, b) and (b, a) are different mistakes.",
    hint="Add 1 at [true, predicted] only.",
)
def both_ways(true, predicted, classes):
    confusion = counts_by_loop(true, predicted, classes)
    return confusion + confusion.T


def every_picture_is_counted_once(answer):
    total = answer(*answers_of_a_probe(seed=5)).sum()
    if total != 40:
        return f"40 pictures must give counts that sum to 40; yours sum to {total:g}."
    return None


def a_row_is_a_true_class(answer):
    true, predicted, classes = answers_of_a_probe(seed=6)
    rows = answer(true, predicted, classes).sum(axis=1)
    if not np.array_equal(rows, np.bincount(true, minlength=classes)):
        return "Row i must sum to the number of pictures whose true class is i; yours does not."
    return None


CONFUSION = Exercise(
    id="confusion_counts",
    lesson=LESSON,
    title="which class is taken for which",
    minutes=4,
    difficulty=1,
    reference=counts_by_loop,
    probes=[
        answers_of_a_probe(),
        answers_of_a_probe(60, 3, seed=1),
        answers_of_a_probe(50, 5, seed=2, unseen=True),
    ],
    ladder=[every_picture_is_counted_once, a_row_is_a_true_class],
    mistakes=[
        turned,
        added_once,
        one_row_for_all,
        only_mistakes,
        only_right_ones,
        unseen_class_lost,
        shares_for_counts,
        one_a_class,
        both_ways,
    ],
    hints=(
        "A table of zeros, (classes, classes); each picture adds 1 to one of its places.",
        "The row is the picture's true class, the column the predicted one.",
        "for t, p in zip(true, predicted): confusion[t, p] += 1.",
    ),
    right=[counts_by_loop, counts_at_once, counts_by_bins, counts_by_product],
)


# -- A part of the labels --------------------------------------------------------------------------


def some_labels(counts=(100, 200, 300), seed=0):
    """Labels in random order, so many of each class."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(labels)


def subset_by_class(labels, fraction, seed=0):
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        count = max(1, round(fraction * len(own)))
        chosen.append(rng.choice(own, count, replace=False))
    return np.concatenate(chosen)


def subset_by_rank(labels, fraction, seed=0):
    order = np.random.default_rng(seed).permutation(len(labels))
    left = {c: max(1, round(fraction * n)) for c, n in enumerate(np.bincount(labels)) if n}
    chosen = []
    for index in order:
        if left[labels[index]] > 0:
            left[labels[index]] -= 1
            chosen.append(index)
    return np.sort(np.array(chosen))


def subset_by_shuffling(labels, fraction, seed=0):
    rng = np.random.default_rng(seed)
    key = rng.random(len(labels))
    parts = []
    for label in range(labels.max() + 1):
        own = np.nonzero(labels == label)[0]
        keep = int(np.maximum(1, np.rint(fraction * own.size)))
        parts += own[np.argsort(key[own])][:keep].tolist()
    return np.array(parts)


def subset_by_sklearn(labels, fraction, seed=0):
    if fraction == 1:
        return np.arange(len(labels))
    from sklearn.utils import resample

    counts = np.bincount(labels)
    return np.concatenate([
        resample(
            np.flatnonzero(labels == label),
            replace=False,
            n_samples=max(1, round(fraction * counts[label])),
            random_state=seed,
        )
        for label in range(len(counts))
    ])  # fmt: skip


@mistake(
    "You draw from all pictures at once: a small draw then misses classes, or has too many of"
    " some. Draw from each class by itself.",
    hint="Loop over the classes; np.flatnonzero(labels == label) are the pictures of one.",
)
def drawn_from_all(labels, fraction, seed=0):
    count = max(1, round(fraction * len(labels)))
    return np.random.default_rng(seed).choice(len(labels), count, replace=False)


@mistake(
    "You draw as many of every class: wanted is the same share of each, so that a frequent class"
    " stays frequent.",
    hint="The number to draw is fraction * len(own), for each class anew.",
)
def same_number_of_each(labels, fraction, seed=0):
    rng = np.random.default_rng(seed)
    kinds = np.unique(labels)
    count = max(1, round(fraction * len(labels) / len(kinds)))
    return np.concatenate([
        rng.choice(np.flatnonzero(labels == kind), count, replace=False) for kind in kinds
    ])  # fmt: skip


@mistake(
    "You return the pictures of the last class only: collect those of all classes.",
    hint="Append each class's draw to a list; np.concatenate(list) after the loop.",
)
def last_class_only(labels, fraction, seed=0):
    own = np.flatnonzero(labels == labels.max())
    count = max(1, round(fraction * len(own)))
    return np.random.default_rng(seed).choice(own, count, replace=False)


@mistake(
    "You take the first pictures of each class: files are often sorted, and another seed would"
    " give the same pictures. Draw them.",
    hint="rng.choice(own, count, replace=False) with rng = np.random.default_rng(seed).",
)
def first_of_each(labels, fraction, seed=0):
    chosen = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        chosen.append(own[: max(1, round(fraction * len(own)))])
    return np.concatenate(chosen)


@mistake(
    "Some pictures are drawn twice: draw without putting them back.",
    hint="replace=False in rng.choice.",
)
def drawn_with_replacement(labels, fraction, seed=0):
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        chosen.append(rng.choice(own, max(1, round(fraction * len(own))), replace=fraction < 1))
    return np.concatenate(chosen)


@mistake(
    "Your result changes from call to call with the same seed: nobody could repeat the experiment.",
    hint="np.random.default_rng(seed), with the argument.",
)
def seed_not_used(labels, fraction, seed=0):
    return subset_by_class(labels, fraction, np.random.default_rng().integers(2**32))


@mistake(
    "Every seed gives the same pictures: the error bar over seeds would hide how much the choice"
    " matters.",
    hint="np.random.default_rng(seed), with the argument in place of a number.",
)
def seed_fixed(labels, fraction, seed=0):
    return subset_by_class(labels, fraction, 0)


@mistake(
    "You return places within each class: wanted are places in `labels`, which the pictures share.",
    hint="Choose from np.flatnonzero(labels == label), not from range(count).",
)
def places_within_the_class(labels, fraction, seed=0):
    rng = np.random.default_rng(seed)
    sizes = np.bincount(labels)
    return np.concatenate([
        rng.choice(size, max(1, round(fraction * size)), replace=False) for size in sizes
    ])  # fmt: skip


@mistake(
    "You return the labels of the chosen pictures: wanted are their indices.",
    hint="Return the indices; labels[indices] gives the labels.",
)
def labels_for_indices(labels, fraction, seed=0):
    return labels[subset_by_class(labels, fraction, seed)]


@mistake(
    "You return a mask, True or False for each picture: wanted are indices.",
    hint="np.flatnonzero(mask).",
)
def a_mask(labels, fraction, seed=0):
    mask = np.zeros(len(labels), bool)
    mask[subset_by_class(labels, fraction, seed)] = True
    return mask


@mistake(
    "A rare class gets no picture at all: at least one of each class is wanted.",
    hint="max(1, round(fraction * count)).",
)
def rare_class_lost(labels, fraction, seed=0):
    rng = np.random.default_rng(seed)
    chosen = [np.zeros(0, int)]
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        chosen.append(rng.choice(own, round(fraction * len(own)), replace=False))
    return np.concatenate(chosen)


def each_class_has_its_share(answer):
    for seed in range(3):
        labels = some_labels(seed=seed)
        chosen = np.asarray(answer(labels, 0.1, seed), int)
        if chosen.min() < 0 or chosen.max() >= len(labels):
            return f"You return indices that do not exist among {len(labels)} pictures."
        given = np.bincount(labels[chosen], minlength=3).tolist()
        if given != [10, 20, 30]:
            return (
                "10 % of 100, 200 and 300 pictures of three classes are 10, 20 and 30; yours are"
                f" {', '.join(map(str, given))}."
            )
    return None


def no_picture_twice(answer):
    chosen = np.asarray(answer(some_labels(seed=4), 0.5, 1))
    if len(np.unique(chosen)) != len(chosen):
        return f"Among {len(chosen)} indices only {len(np.unique(chosen))} are different."
    return None


def same_seed_same_pictures(answer):
    labels = some_labels(seed=5)
    one, other = (np.sort(answer(labels, 0.1, 7)) for _ in range(2))
    if not np.array_equal(one, other):
        return "Called twice with the same seed, you return different pictures."
    return None


def other_seed_other_pictures(answer):
    labels = some_labels(seed=6)
    chosen = {tuple(np.sort(answer(labels, 0.1, seed)).tolist()) for seed in range(4)}
    if len(chosen) == 1:
        return "Four seeds give four times the same pictures."
    return None


def any_picture_may_be_drawn(answer):
    labels = some_labels(seed=7)
    own = np.flatnonzero(labels == 2)
    late = np.concatenate([np.intersect1d(answer(labels, 0.1, s), own[150:]) for s in range(20)])
    if not len(late):  # 300 late pictures in 600 draws: by chance this never happens
        return "In 20 draws the later half of a class was never chosen."
    return None


SUBSET = Exercise(
    id="label_subset",
    lesson=LESSON,
    title="a fair part of the labels",
    minutes=8,
    difficulty=2,
    reference=subset_by_class,
    probes=[
        (some_labels(), 0.1, 0),
        (some_labels((40, 3, 60), seed=1), 0.1, 1),
        (some_labels((20, 20), seed=2), 1.0, 2),
    ],
    ladder=[
        each_class_has_its_share,
        no_picture_twice,
        same_seed_same_pictures,
        other_seed_other_pictures,
        any_picture_may_be_drawn,
    ],
    mistakes=[
        drawn_from_all,
        same_number_of_each,
        last_class_only,
        first_of_each,
        drawn_with_replacement,
        seed_not_used,
        seed_fixed,
        places_within_the_class,
        labels_for_indices,
        a_mask,
        rare_class_lost,
    ],
    hints=(
        "One class at a time: which indices belong to it, and how many of them are wanted?",
        "own = np.flatnonzero(labels == label); count = max(1, round(fraction * len(own))).",
        "rng.choice(own, count, replace=False) for each class with one"
        " rng = np.random.default_rng(seed); join the pieces with np.concatenate.",
    ),
    right=[subset_by_class, subset_by_rank, subset_by_shuffling, subset_by_sklearn],
    stochastic=True,
)

EXERCISES = [FROZEN, STANDARDISE, PROBE, KNN, CONFUSION, SUBSET]

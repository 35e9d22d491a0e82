"""Lesson 04: pretraining, from a single step to a run that can be judged, stopped and resumed.

The step is that of Chen et al. (2020, algorithm 1); the learning rate, its scaling and LARS are
those of their section 2.2 (LARS: You et al., 2017; linear scaling: Goyal et al., 2017).
"""

import math
import os

import numpy as np

from simclr_lib.course.exercise import Exercise, mistake

LESSON = "04_pretraining"


# -- One step --------------------------------------------------------------------------------------


def step_by_tape(encoder, head, optimizer, view_a, view_b, temperature):
    import tensorflow as tf
    from keras import ops

    from simclr_lib import nt_xent

    weights = encoder.trainable_variables + head.trainable_variables
    with tf.GradientTape() as tape:
        views = ops.concatenate([view_a, view_b])
        z = head(encoder(views, training=True), training=True)
        z_a, z_b = ops.split(z, 2)
        loss = nt_xent(z_a, z_b, temperature)
    gradients = tape.gradient(loss, weights)
    optimizer.apply_gradients(zip(gradients, weights, strict=True))
    return float(loss)


def step_with_everything_in_one_network(encoder, head, optimizer, view_a, view_b, temperature):
    import keras
    import tensorflow as tf

    from simclr_lib import nt_xent

    network = keras.Sequential([encoder, head])
    with tf.GradientTape() as tape:
        z = network(np.concatenate([view_a, view_b]), training=True)
        loss = nt_xent(z[: len(view_a)], z[len(view_a) :], temperature)
    weights = network.trainable_variables
    optimizer.apply(tape.gradient(loss, weights), weights)
    return loss


def step_through_keras(encoder, head, optimizer, view_a, view_b, temperature):
    import keras
    from keras import ops

    from simclr_lib import nt_xent

    class Joined(keras.Model):
        def call(self, views, training=False):
            return head(encoder(views, training=training), training=training)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return nt_xent(*ops.split(y_pred, 2), temperature)

    model = Joined()
    model.encoder, model.head = encoder, head
    model.compile(optimizer, run_eagerly=True, jit_compile=False)
    return model.train_on_batch(np.concatenate([view_a, view_b]))


def step_with_a_loss_for_keras(encoder, head, optimizer, view_a, view_b, temperature):
    import keras
    from keras import ops

    from simclr_lib import nt_xent

    def loss_of(_, z):
        return nt_xent(*ops.split(z, 2), temperature)

    network = keras.Sequential([encoder, head])
    network.compile(optimizer, loss=loss_of, run_eagerly=True, jit_compile=False)
    views = np.concatenate([view_a, view_b])
    return network.train_on_batch(views, np.zeros(len(views)))


def descend(encoder, head, optimizer, loss_of, parts=("encoder", "head"), sign=1.0):
    """One step of some of the weights down the loss that `loss_of()` computes, on any backend."""
    import keras

    networks = {"encoder": encoder, "head": head}
    weights = [w for part in parts for w in networks[part].trainable_variables]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = loss_of()
        found = zip(tape.gradient(loss, weights), weights, strict=True)
        gradients = [keras.ops.zeros_like(w) if g is None else g for g, w in found]
    else:
        import jax

        state = encoder.non_trainable_variables

        def pure(values):
            with keras.StatelessScope(list(zip(weights, values, strict=True))) as scope:
                loss = loss_of()
            new = [scope.get_current_value(variable) for variable in state]
            return loss, [s.value if n is None else n for n, s in zip(new, state, strict=True)]

        start = [weight.value for weight in weights]
        (loss, new), gradients = jax.value_and_grad(pure, has_aux=True)(start)
        for variable, value in zip(state, new, strict=True):
            variable.assign(value)
    optimizer.apply([sign * g for g in gradients], weights)
    return float(loss)


def projections(encoder, head, view_a, view_b, training=True):
    """Both views in one pass: `(z_a, z_b)`."""
    from keras import ops

    z = head(encoder(ops.concatenate([view_a, view_b]), training=training), training=training)
    return ops.split(z, 2)


def training_step(encoder, head, optimizer, view_a, view_b, temperature):
    """One step of SimCLR, on any backend: the kit's own."""
    from simclr_lib import nt_xent

    def loss_of():
        return nt_xent(*projections(encoder, head, view_a, view_b), temperature)

    return descend(encoder, head, optimizer, loss_of)


@mistake(
    "The networks run in inference mode: BatchNorm uses its moving statistics and does not move"
    " them.",
    hint="encoder(views, training=True).",
)
def in_inference_mode(encoder, head, optimizer, view_a, view_b, temperature):
    from simclr_lib import nt_xent

    def loss_of():
        return nt_xent(*projections(encoder, head, view_a, view_b, training=False), temperature)

    return descend(encoder, head, optimizer, loss_of)


@mistake(
    "You send the two views through the encoder one after the other, so that BatchNorm normalises"
    " each by itself and its moving statistics move twice: put both views into one batch.",
    hint="ops.concatenate([view_a, view_b]) goes in, ops.split(z, 2) takes it apart again.",
)
def in_two_passes(encoder, head, optimizer, view_a, view_b, temperature):
    from simclr_lib import nt_xent

    def loss_of():
        z_a = head(encoder(view_a, training=True), training=True)
        z_b = head(encoder(view_b, training=True), training=True)
        return nt_xent(z_a, z_b, temperature)

    return descend(encoder, head, optimizer, loss_of)


@mistake(
    "Only the head learns: the encoder's weights get no update, and it is the encoder that we"
    " want.",
    hint="weights = encoder.trainable_variables + head.trainable_variables",
)
def head_alone(encoder, head, optimizer, view_a, view_b, temperature):
    from simclr_lib import nt_xent

    def loss_of():
        return nt_xent(*projections(encoder, head, view_a, view_b), temperature)

    return descend(encoder, head, optimizer, loss_of, ["head"])


@mistake(
    "Only the encoder learns: the head's weights get no update.",
    hint="weights = encoder.trainable_variables + head.trainable_variables",
)
def encoder_alone(encoder, head, optimizer, view_a, view_b, temperature):
    from simclr_lib import nt_xent

    def loss_of():
        return nt_xent(*projections(encoder, head, view_a, view_b), temperature)

    return descend(encoder, head, optimizer, loss_of, ["encoder"])


@mistake(
    "You compare the first view with itself: the second view has no part in the loss.",
    hint="nt_xent takes two different arrays, z_a and z_b.",
)
def first_view_twice(encoder, head, optimizer, view_a, view_b, temperature):
    from simclr_lib import nt_xent

    def loss_of():
        z_a, _ = projections(encoder, head, view_a, view_b)
        return nt_xent(z_a, z_a, temperature)

    return descend(encoder, head, optimizer, loss_of)


@mistake(
    "No gradient goes back through the second view: SimCLR learns from both.",
    hint="Compute both projections within the tape, and stop no gradient.",
)
def second_view_without_gradient(encoder, head, optimizer, view_a, view_b, temperature):
    from keras import ops

    from simclr_lib import nt_xent

    def loss_of():
        z_a, z_b = projections(encoder, head, view_a, view_b)
        return nt_xent(z_a, ops.stop_gradient(z_b), temperature)

    return descend(encoder, head, optimizer, loss_of)


@mistake(
    "The step goes uphill: the loss rises.",
    hint="Give the optimiser the gradient as it is; it subtracts it.",
)
def uphill(encoder, head, optimizer, view_a, view_b, temperature):
    from simclr_lib import nt_xent

    def loss_of():
        return nt_xent(*projections(encoder, head, view_a, view_b), temperature)

    return descend(encoder, head, optimizer, loss_of, sign=-1.0)


@mistake(
    "The loss looks at the features h: the head is left out, so that its weights get no gradient.",
    hint="z = head(encoder(views, training=True), training=True), and the loss of z.",
)
def head_left_out(encoder, head, optimizer, view_a, view_b, temperature):
    from keras import ops

    from simclr_lib import nt_xent

    def loss_of():
        h = encoder(ops.concatenate([view_a, view_b]), training=True)
        return nt_xent(*ops.split(h, 2), temperature)

    return descend(encoder, head, optimizer, loss_of)


@mistake(
    "You add the loss of (z_a, z_b) and that of (z_b, z_a): `nt_xent` already asks every view of"
    " both halves for its partner, so this is twice the loss.",
    hint="One call, nt_xent(z_a, z_b, temperature).",
)
def both_directions_added(encoder, head, optimizer, view_a, view_b, temperature):
    from simclr_lib import nt_xent

    def loss_of():
        return 2 * nt_xent(*projections(encoder, head, view_a, view_b), temperature)

    return descend(encoder, head, optimizer, loss_of)


@mistake(
    "The temperature is not handed on: the loss uses its default.",
    hint="nt_xent(z_a, z_b, temperature)",
)
def temperature_not_given(encoder, head, optimizer, view_a, view_b, temperature):
    return training_step(encoder, head, optimizer, view_a, view_b, 0.5)


@mistake(
    "The wrong rows are paired: after concatenating, the first half of z belongs to the first"
    " views and the second half to the second views.",
    hint="ops.split(z, 2) gives the halves; z[0::2] and z[1::2] are every other row.",
)
def every_other_row(encoder, head, optimizer, view_a, view_b, temperature):
    from keras import ops

    from simclr_lib import nt_xent

    def loss_of():
        z = ops.concatenate(projections(encoder, head, view_a, view_b))
        return nt_xent(z[0::2], z[1::2], temperature)

    return descend(encoder, head, optimizer, loss_of)


@mistake(
    "The loss and BatchNorm's statistics are right, but no weight moves: the optimiser is never"
    " called.",
    hint="optimizer.apply_gradients(zip(gradients, weights))",
)
def no_update(encoder, head, optimizer, view_a, view_b, temperature):
    from simclr_lib import nt_xent

    return float(nt_xent(*projections(encoder, head, view_a, view_b), temperature))


@mistake(
    "You return the loss after the step, from a second pass that also moves BatchNorm's statistics"
    " again: return the loss that the gradient was taken of.",
    hint="The value is there already, from within the tape.",
)
def loss_after_the_step(encoder, head, optimizer, view_a, view_b, temperature):
    from simclr_lib import nt_xent

    training_step(encoder, head, optimizer, view_a, view_b, temperature)
    return float(nt_xent(*projections(encoder, head, view_a, view_b), temperature))


@mistake(
    "One call makes two steps: apply the gradients once.",
    hint="Is the optimiser called in a loop, or once for each view?",
)
def two_steps(encoder, head, optimizer, view_a, view_b, temperature):
    loss = training_step(encoder, head, optimizer, view_a, view_b, temperature)
    training_step(encoder, head, optimizer, view_a, view_b, temperature)
    return loss


STEP_PICTURES = 6


def tiny_networks(seed=0):
    """An encoder with BatchNorm and a head, small enough to be checked in a moment."""
    import keras
    from keras import layers

    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, strides=2, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("tanh"),
            layers.GlobalAveragePooling2D(),
        ]
    )
    head = keras.Sequential([keras.Input((4,)), layers.Dense(5)])
    for network, part in ((encoder, 0), (head, 1)):
        values = start_of(network, seed, part)
        for weight, value in zip(network.trainable_variables, values, strict=True):
            weight.assign(value)
    return encoder, head


def start_of(network, seed, part):
    """The weights that `tiny_networks` begins with."""
    rng = np.random.default_rng([seed, part])
    return [rng.normal(0.3, 0.5, tuple(w.shape)) for w in network.trainable_variables]


def step_arguments(seed, temperature):
    import keras

    encoder, head = tiny_networks(seed)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(encoder.trainable_variables + head.trainable_variables)
    rng = np.random.default_rng([seed, 2])
    pictures = rng.uniform(size=(STEP_PICTURES, 8, 8, 3)).astype("float32")
    views = [np.clip(pictures + rng.normal(0, 0.2, pictures.shape), 0, 1) for _ in range(2)]
    view_a, view_b = (view.astype("float32") for view in views)
    return encoder, head, optimizer, view_a, view_b, temperature


def change_of(network, seed, part):
    """How far a step has moved the trainable weights, as one vector."""
    starts = start_of(network, seed, part)
    moved = [
        np.asarray(weight) - start.astype("float32")
        for weight, start in zip(network.trainable_variables, starts, strict=True)
    ]
    return np.concatenate([m.ravel() for m in moved])


def observe_step(loss, encoder, head, optimizer, view_a, view_b, temperature):
    """Loss, step of the encoder, step of the head, BatchNorm's moving statistics."""
    if isinstance(loss, (tuple, list, dict)):
        raise TypeError("wanted is the loss alone")
    seed = 0 if temperature == 0.2 else 1  # as in the probes
    statistics = np.concatenate([np.ravel(v) for v in encoder.non_trainable_variables])
    return (
        np.asarray(loss, "float32"),
        change_of(encoder, seed, 0),
        change_of(head, seed, 1),
        statistics,
    )


def statistics_move(answer):
    arguments = step_arguments(0, 0.2)
    answer(*arguments)
    if np.allclose(np.asarray(arguments[0].non_trainable_variables[0]), 0):
        return "BatchNorm's moving statistics are where they were: they move in training mode only."
    return None


def both_networks_learn(answer):
    arguments = step_arguments(0, 0.2)
    answer(*arguments)
    for name, network, part in zip(("encoder", "head"), arguments[:2], (0, 1), strict=True):
        if np.allclose(change_of(network, 0, part), 0, atol=1e-6):
            return f"The weights of the {name} are where they were."
    return None


def loss_falls_on_one_batch(answer):
    arguments = step_arguments(0, 0.2)
    losses = [float(answer(*arguments)) for _ in range(6)]
    if not losses[-1] < losses[0] - 1e-3:
        return (
            "Six steps on one and the same batch must lower its loss; yours goes from"
            f" {losses[0]:.3f} to {losses[-1]:.3f}."
        )
    return None


# The tape is TensorFlow's own; elsewhere the answers that go through Keras are left.
ON_TENSORFLOW = os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"

STEP = Exercise(
    id="training_step",
    lesson=LESSON,
    title="one step of SimCLR",
    minutes=15,
    difficulty=2,
    reference=training_step,
    probes=[lambda: step_arguments(0, 0.2), lambda: step_arguments(1, 0.7)],
    ladder=[statistics_move, both_networks_learn, loss_falls_on_one_batch],
    mistakes=[
        in_inference_mode,
        in_two_passes,
        head_alone,
        encoder_alone,
        first_view_twice,
        second_view_without_gradient,
        uphill,
        head_left_out,
        both_directions_added,
        temperature_not_given,
        every_other_row,
        no_update,
        loss_after_the_step,
        two_steps,
    ],
    hints=(
        "Four parts: both views in one batch, the loss of their projections, its gradient by all"
        " weights of both networks, and the optimiser's step.",
        "Within `with tf.GradientTape() as tape:` compute z of the concatenated views with"
        " training=True, split it, and take nt_xent of the halves.",
        "Then gradients = tape.gradient(loss, weights) and"
        " optimizer.apply_gradients(zip(gradients, weights)), with the weights of encoder and head"
        " in one list.",
    ),
    right=[
        *([step_by_tape, step_with_everything_in_one_network] if ON_TENSORFLOW else []),
        step_through_keras,
        step_with_a_loss_for_keras,
        training_step,
    ],
    observe=observe_step,
    observed=(
        "the loss",
        "the step of the encoder's weights",
        "the step of the head's weights",
        "the state of BatchNorm's moving statistics",
    ),
    seconds=30.0,
    parameters=("encoder", "head", "optimizer", "view_a", "view_b", "temperature"),
)


# -- Warmup and cosine -----------------------------------------------------------------------------


def rate_by_cases(step, peak, steps, warmup_steps):
    if step < warmup_steps:
        return peak * step / warmup_steps
    progress = (step - warmup_steps) / (steps - warmup_steps)
    return peak * (1 + math.cos(math.pi * progress)) / 2


def rate_by_minimum(step, peak, steps, warmup_steps):
    rise = step / max(warmup_steps, 1) if warmup_steps else 1.0
    fall = 0.5 + 0.5 * np.cos(np.pi * max(step - warmup_steps, 0) / (steps - warmup_steps))
    return peak * min(rise, 1.0) * fall


def rate_by_half_angle(step, peak, steps, warmup_steps):
    progress = np.clip((step - warmup_steps) / (steps - warmup_steps), 0, 1)
    fall = np.cos(np.pi / 2 * progress) ** 2  # the same curve: (1 + cos 2a) ÷ 2 = cos² a
    return np.where(step < warmup_steps, peak * step / max(warmup_steps, 1), peak * fall)


def rate_in_keras(step, peak, steps, warmup_steps):
    from keras import ops

    progress = (step - warmup_steps) / (steps - warmup_steps)
    fall = ops.cos(math.pi * ops.maximum(float(progress), 0.0))
    return peak * (step / warmup_steps if step < warmup_steps else (1 + fall) / 2)


@mistake(
    "There is no warmup: the rate starts at its peak.",
    hint="As long as step < warmup_steps, the rate is peak · step ÷ warmup_steps.",
)
def no_warmup(step, peak, steps, warmup_steps):
    return rate_by_cases(max(step, warmup_steps), peak, steps, warmup_steps)


@mistake(
    "Your cosine begins at step 0, so that it has fallen already when the warmup ends: it begins"
    " when the warmup is over.",
    hint="progress = (step − warmup_steps) ÷ (steps − warmup_steps)",
)
def cosine_from_the_start(step, peak, steps, warmup_steps):
    if step < warmup_steps:
        return peak * step / warmup_steps
    return peak * (1 + math.cos(math.pi * step / steps)) / 2


@mistake(
    "The cosine starts after the warmup, but still takes `steps` to fall: it does not reach 0 in"
    " the end.",
    hint="What is left for it are steps − warmup_steps.",
)
def cosine_too_long(step, peak, steps, warmup_steps):
    if step < warmup_steps:
        return peak * step / warmup_steps
    return peak * (1 + math.cos(math.pi * (step - warmup_steps) / steps)) / 2


@mistake(
    "You take the cosine as it is: it goes from 1 to −1, and so becomes a negative learning rate."
    " Add 1 and halve it.",
    hint="(1 + cos(π · progress)) ÷ 2 goes from 1 to 0.",
)
def cosine_below_zero(step, peak, steps, warmup_steps):
    if step < warmup_steps:
        return peak * step / warmup_steps
    return peak * math.cos(math.pi * (step - warmup_steps) / (steps - warmup_steps))


@mistake(
    "π is missing: cos(progress) only goes from 1 to 0.54, so the rate never gets near 0.",
    hint="math.cos(math.pi * progress): the progress of 0 to 1 becomes an angle of 0 to π.",
)
def pi_forgotten(step, peak, steps, warmup_steps):
    if step < warmup_steps:
        return peak * step / warmup_steps
    return peak * (1 + math.cos((step - warmup_steps) / (steps - warmup_steps))) / 2


@mistake(
    "Yours is a quarter of a wave, cos(π/2 · progress): it stays high too long and arrives at 0"
    " steeply. Wanted is half a wave, flat at both ends.",
    hint="(1 + cos(π · progress)) ÷ 2.",
)
def quarter_of_a_wave(step, peak, steps, warmup_steps):
    if step < warmup_steps:
        return peak * step / warmup_steps
    return peak * math.cos(math.pi / 2 * (step - warmup_steps) / (steps - warmup_steps))


@mistake(
    "Yours is a whole wave, cos(2π · progress): the rate is 0 in the middle and back at its peak"
    " in the end.",
    hint="π · progress, not 2π · progress.",
)
def whole_wave(step, peak, steps, warmup_steps):
    if step < warmup_steps:
        return peak * step / warmup_steps
    progress = (step - warmup_steps) / (steps - warmup_steps)
    return peak * (1 + math.cos(2 * math.pi * progress)) / 2


@mistake(
    "After the warmup the rate falls in a straight line: wanted is half a cosine.",
    hint="Put the progress, 0 to 1, into (1 + cos(π · progress)) ÷ 2.",
)
def straight_fall(step, peak, steps, warmup_steps):
    if step < warmup_steps:
        return peak * step / warmup_steps
    return peak * (1 - (step - warmup_steps) / (steps - warmup_steps))


@mistake(
    "After the warmup the rate stays at its peak: it has to fall to 0.",
    hint="(1 + cos(π · progress)) ÷ 2 is the share of the peak that is left.",
)
def never_falls(step, peak, steps, warmup_steps):
    return peak * min(1.0, step / max(warmup_steps, 1)) if warmup_steps else peak


@mistake(
    "Your warmup is one step ahead: at step 0 the rate is 0.",
    hint="step ÷ warmup_steps, not (step + 1) ÷ warmup_steps.",
)
def one_step_ahead(step, peak, steps, warmup_steps):
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return rate_by_cases(step, peak, steps, warmup_steps)


@mistake(
    "You return the share of the peak, 0 to 1: multiply by `peak`.",
    hint="The last thing to do is a product.",
)
def share_of_the_peak(step, peak, steps, warmup_steps):
    return rate_by_cases(step, 1.0, steps, warmup_steps)


@mistake(
    "The cosine is multiplied over the warmup too: within the warmup the rate is a straight line.",
    hint="One formula as long as step < warmup_steps, the other afterwards.",
)
def cosine_within_warmup(step, peak, steps, warmup_steps):
    rise = min(1.0, step / warmup_steps) if warmup_steps else 1.0
    return peak * rise * (1 + math.cos(math.pi * step / steps)) / 2


def warmup_starts_at_zero(answer):
    if not abs(answer(0, 2.0, 50, 10)) < 1e-3:
        return f"With a warmup the rate is 0 at step 0; yours is {answer(0, 2.0, 50, 10):.3g}."
    return None


def peak_after_warmup(answer):
    if not abs(answer(10, 2.0, 50, 10) - 2.0) < 1e-3:
        return (
            "When the warmup is over the rate is at its peak: 2 for peak=2; yours is"
            f" {answer(10, 2.0, 50, 10):.3g}."
        )
    return None


def nothing_left_at_the_end(answer):
    if not abs(answer(50, 2.0, 50, 10)) < 1e-3:
        return f"At the last step the rate is 0; yours is {answer(50, 2.0, 50, 10):.3g}."
    return None


def works_without_warmup(answer):
    if not abs(answer(0, 2.0, 50, 0) - 2.0) < 1e-3:
        return (
            "With warmup_steps=0 the rate begins at its peak, 2 for peak=2; yours is"
            f" {answer(0, 2.0, 50, 0):.3g}."
        )
    return None


RATE = Exercise(
    id="learning_rate_at",
    lesson=LESSON,
    title="warmup, then half a cosine",
    minutes=8,
    difficulty=1,
    reference=rate_by_cases,
    probes=[
        (0, 0.4, 60, 12),
        (6, 0.4, 60, 12),
        (12, 0.4, 60, 12),
        (24, 0.4, 60, 12),
        (36, 0.4, 60, 12),
        (57, 0.4, 60, 12),
        (10, 3.0, 40, 0),
    ],
    ladder=[
        warmup_starts_at_zero,
        peak_after_warmup,
        nothing_left_at_the_end,
        works_without_warmup,
    ],
    mistakes=[
        no_warmup,
        cosine_from_the_start,
        cosine_too_long,
        cosine_below_zero,
        pi_forgotten,
        quarter_of_a_wave,
        whole_wave,
        straight_fall,
        never_falls,
        one_step_ahead,
        share_of_the_peak,
        cosine_within_warmup,
    ],
    hints=(
        "Two cases: before warmup_steps a straight line from 0, afterwards a cosine.",
        "For the cosine you need the progress: 0 when the warmup ends, 1 at the last step.",
        "peak · (1 + cos(π · progress)) ÷ 2, with progress = (step − warmup_steps) ÷ (steps −"
        " warmup_steps).",
    ),
    right=[rate_by_cases, rate_by_minimum, rate_by_half_angle, rate_in_keras],
    observe=lambda result, *_: np.asarray(result, "float64"),  # the whole number 0 is fine too
    parameters=("step", "peak", "steps", "warmup_steps"),
)


# -- LARS ------------------------------------------------------------------------------------------


def ratio_by_norms(weight, gradient, weight_decay, trust):
    if weight.ndim <= 1:
        return 1.0
    weight_length = np.linalg.norm(weight)
    step_length = np.linalg.norm(gradient + weight_decay * weight)
    if weight_length == 0 or step_length == 0:
        return 1.0
    return trust * weight_length / step_length


def ratio_by_sums(weight, gradient, weight_decay, trust):
    step = gradient + weight_decay * weight
    squares_of_weight, squares_of_step = (weight**2).sum(), (step**2).sum()
    scaled = len(weight.shape) > 1 and squares_of_weight > 0 and squares_of_step > 0
    return float(trust * math.sqrt(squares_of_weight / squares_of_step)) if scaled else 1


def ratio_in_keras(weight, gradient, weight_decay, trust):
    from keras import ops

    weight, gradient = ops.convert_to_tensor(weight), ops.convert_to_tensor(gradient)
    if len(weight.shape) < 2:
        return ops.ones(())
    step = gradient + weight_decay * weight
    lengths = [ops.sqrt(ops.sum(ops.square(array))) for array in (weight, step)]
    known = ops.logical_and(lengths[0] > 0, lengths[1] > 0)
    return ops.where(known, trust * lengths[0] / ops.where(known, lengths[1], 1.0), 1.0)


@mistake(
    "You scale the steps of biases and BatchNorm too. They start at 0 or 1, not at random, and"
    " there are few of them: LARS leaves them alone.",
    hint="An array of one axis gets the factor 1: look at weight.ndim.",
)
def biases_scaled(weight, gradient, weight_decay, trust):
    return ratio_by_norms(weight.reshape(1, -1), gradient.reshape(1, -1), weight_decay, trust)


@mistake(
    "Your ratio is upside down: a long gradient must make the factor small.",
    hint="The weight's length is above, the step's below.",
)
def upside_down(weight, gradient, weight_decay, trust):
    if weight.ndim <= 1 or not weight.any():
        return 1.0
    step = gradient + weight_decay * weight
    return trust * np.linalg.norm(step) / np.linalg.norm(weight)


@mistake(
    "The factor `trust` is missing: the step would be as long as the weight itself.",
    hint="trust · weight's length ÷ step's length.",
)
def trust_forgotten(weight, gradient, weight_decay, trust):
    return ratio_by_norms(weight, gradient, weight_decay, 1.0)


@mistake(
    "You measure the gradient without the weight decay: the step is gradient + weight_decay ·"
    " weight.",
    hint="Add the decay before you measure.",
)
def decay_left_out(weight, gradient, weight_decay, trust):
    return ratio_by_norms(weight, gradient, 0.0, trust)


@mistake(
    "You add the lengths, ‖gradient‖ + decay · ‖weight‖, as the LARS paper writes it. Here, as in"
    " SimCLR's code, the decay is added to the gradient first, and the sum is measured.",
    hint="np.linalg.norm(gradient + weight_decay · weight).",
)
def lengths_added(weight, gradient, weight_decay, trust):
    if weight.ndim <= 1 or not weight.any():
        return 1.0
    length = np.linalg.norm(weight)
    return trust * length / (np.linalg.norm(gradient) + weight_decay * length)


@mistake(
    "You divide sums of squares: the length is the square root of the sum.",
    hint="np.linalg.norm takes the root.",
)
def roots_forgotten(weight, gradient, weight_decay, trust):
    ratio = ratio_by_norms(weight, gradient, weight_decay, 1.0)
    return ratio if weight.ndim <= 1 or not weight.any() else trust * ratio**2


@mistake(
    "With a 2 behind it, `np.linalg.norm` gives a matrix's largest singular value, and takes no"
    " array of more than two axes: leave the 2 out.",
    hint="np.linalg.norm(weight) is the root of the sum of all squares, for any shape.",
)
def norm_of_a_matrix(weight, gradient, weight_decay, trust):
    if weight.ndim <= 1 or not weight.any():
        return 1.0
    step = gradient + weight_decay * weight
    return trust * np.linalg.norm(weight, 2) / np.linalg.norm(step, 2)


@mistake(
    "You sum absolute values: a length is the root of the sum of squares.",
    hint="np.linalg.norm(weight), for an array of any shape.",
)
def absolute_values(weight, gradient, weight_decay, trust):
    if weight.ndim <= 1 or not weight.any():
        return 1.0
    return trust * np.abs(weight).sum() / np.abs(gradient + weight_decay * weight).sum()


@mistake(
    "Weights that are all 0 get the factor 0 and so could never move again: give them the"
    " factor 1.",
    hint="One `if` for a length of 0.",
)
def zeros_never_move(weight, gradient, weight_decay, trust):
    return ratio_by_norms(weight, gradient, weight_decay, trust) if weight.any() else 0.0


@mistake(
    "The factor never goes above 1 in yours. It may: a short gradient is made longer, too.",
    hint="No minimum with 1 (that is another method, LARC).",
)
def clipped(weight, gradient, weight_decay, trust):
    return min(1.0, ratio_by_norms(weight, gradient, weight_decay, trust))


@mistake(
    "Biases and BatchNorm get the factor 0 in yours, so that they would never learn: LARS leaves"
    " their steps as they are.",
    hint="To leave a step as it is, multiply it by 1.",
)
def biases_frozen(weight, gradient, weight_decay, trust):
    return ratio_by_norms(weight, gradient, weight_decay, trust) if weight.ndim > 1 else 0.0


def lars_arrays(*size, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=size) + 0.2).astype("float32"), (
        scale * (rng.normal(size=size) - 0.1)
    ).astype("float32")


def step_is_a_share_of_the_weight(answer):
    for scale in (0.01, 1.0, 100.0):
        weight, gradient = lars_arrays(4, 3, scale=scale)
        step = answer(weight, gradient, 0.0, 0.1) * np.linalg.norm(gradient)
        if not abs(step / np.linalg.norm(weight) - 0.1) < 1e-3:
            return (
                "However long the gradient is, factor · gradient must be `trust` times as long as"
                f" the weight: 0.1 with trust=0.1. With a gradient {scale:g} times as long yours is"
                f" {step / np.linalg.norm(weight):.3g} times."
            )
    return None


def leaves_vectors_alone(answer):
    weight, gradient = lars_arrays(5)
    if not abs(answer(weight, gradient, 0.1, 0.1) - 1) < 1e-6:
        return (
            "A bias (one axis) gets the factor 1; yours is"
            f" {answer(weight, gradient, 0.1, 0.1):.3g}."
        )
    return None


def zeros_get_one(answer):
    _, gradient = lars_arrays(4, 3)
    if not abs(answer(np.zeros_like(gradient), gradient, 0.1, 0.1) - 1) < 1e-6:
        return "Weights that are all 0 have length 0: give them the factor 1, or they never move."
    return None


TRUST = Exercise(
    id="trust_ratio",
    lesson=LESSON,
    title="the trust ratio of LARS",
    minutes=10,
    difficulty=2,
    reference=ratio_by_norms,
    probes=[
        (*lars_arrays(5, 3), 0.5, 0.1),
        (*lars_arrays(3, 3, 2, 4, seed=1, scale=20.0), 0.3, 0.01),
        (*lars_arrays(4, 4, seed=2, scale=0.01), 0.02, 0.2),
        (*lars_arrays(6, seed=3), 0.5, 0.1),
        (np.zeros((3, 2), "float32"), lars_arrays(3, 2, seed=4)[1], 0.5, 0.1),
    ],
    ladder=[step_is_a_share_of_the_weight, leaves_vectors_alone, zeros_get_one],
    mistakes=[
        biases_scaled,
        upside_down,
        trust_forgotten,
        decay_left_out,
        lengths_added,
        roots_forgotten,
        norm_of_a_matrix,
        absolute_values,
        zeros_never_move,
        clipped,
        biases_frozen,
    ],
    hints=(
        "First the exceptions: an array of one axis, and one that is all zeros, get the factor 1.",
        "The step is gradient + weight_decay · weight; measure its length and the weight's.",
        "trust · np.linalg.norm(weight) ÷ np.linalg.norm(step).",
    ),
    right=[ratio_by_norms, ratio_by_sums, ratio_in_keras],
    observe=lambda result, *_: np.asarray(result, "float64"),  # the whole number 1 is fine too
    parameters=("weight", "gradient", "weight_decay", "trust"),
)


# -- Learning rate and batch -----------------------------------------------------------------------


def scaled_by_cases(rate, batch_size, new_batch_size, rule):
    times = new_batch_size / batch_size
    return rate * times if rule == "linear" else rate * math.sqrt(times)


def scaled_by_power(rate, batch_size, new_batch_size, rule):
    return rate * (new_batch_size / batch_size) ** {"linear": 1.0, "sqrt": 0.5}[rule]


def scaled_by_match(rate, batch_size, new_batch_size, rule):
    match rule:
        case "linear":
            return rate / batch_size * new_batch_size
        case "sqrt":
            return rate / np.sqrt(batch_size) * np.sqrt(new_batch_size)
    raise ValueError(rule)


@mistake('Your "sqrt" gives what "linear" gives.', hint="math.sqrt(new_batch_size ÷ batch_size).")
def always_linear(rate, batch_size, new_batch_size, rule):
    return rate * new_batch_size / batch_size


@mistake('Your "linear" gives what "sqrt" gives.', hint="rate · new_batch_size ÷ batch_size.")
def always_sqrt(rate, batch_size, new_batch_size, rule):
    return rate * math.sqrt(new_batch_size / batch_size)


@mistake("The two rules are exchanged.", hint="With twice the batch, linear means twice the rate.")
def rules_exchanged(rate, batch_size, new_batch_size, rule):
    other = {"linear": "sqrt", "sqrt": "linear"}[rule]
    return scaled_by_cases(rate, batch_size, new_batch_size, other)


@mistake(
    "Yours gets smaller when the batch gets larger: a larger batch points more surely, and can"
    " take a larger step.",
    hint="new ÷ old, not old ÷ new.",
)
def smaller_for_larger(rate, batch_size, new_batch_size, rule):
    return scaled_by_cases(rate, new_batch_size, batch_size, rule)


@mistake(
    "You divide by 256 whatever the old batch was. That number is the old batch of a paper; here"
    " it is an argument.",
    hint="new_batch_size ÷ batch_size.",
)
def divided_by_256(rate, batch_size, new_batch_size, rule):
    return scaled_by_cases(rate, 256, new_batch_size, rule)


@mistake(
    "You return the factor: multiply the old rate by it.", hint="rate · factor is the new rate."
)
def factor_only(rate, batch_size, new_batch_size, rule):
    return scaled_by_cases(1.0, batch_size, new_batch_size, rule)


@mistake(
    'Your "sqrt" takes the root of the new rate, not of the ratio of the batches.',
    hint="rate · sqrt(ratio), not sqrt(rate · ratio).",
)
def root_of_the_rate(rate, batch_size, new_batch_size, rule):
    new = rate * new_batch_size / batch_size
    return new if rule == "linear" else math.sqrt(new)


@mistake('Your "sqrt" squares the ratio: take its root.', hint="The power is 0.5, not 2.")
def squared(rate, batch_size, new_batch_size, rule):
    return rate * (new_batch_size / batch_size) ** (1 if rule == "linear" else 2)


def same_batch_same_rate(answer):
    for rule in ("linear", "sqrt"):
        if not abs(answer(0.3, 64, 64, rule) - 0.3) < 1e-6:
            return f'With the batch as it was the rate stays too; with "{rule}" yours changes.'
    return None


def there_and_back(answer):
    for rule in ("linear", "sqrt"):
        back = answer(answer(0.3, 64, 200, rule), 200, 64, rule)
        if not abs(back - 0.3) < 1e-4:
            return f'From 64 to 200 and back to 64 the rate should be as before; not with "{rule}".'
    return None


SCALED = Exercise(
    id="scaled_rate",
    lesson=LESSON,
    title="the learning rate of another batch size",
    minutes=4,
    difficulty=1,
    reference=scaled_by_cases,
    probes=[
        (0.3, 128, 512, "linear"),
        (0.3, 128, 512, "sqrt"),
        (2.0, 64, 16, "linear"),
        (2.0, 64, 16, "sqrt"),
        (0.01, 100, 250, "sqrt"),
    ],
    ladder=[same_batch_same_rate, there_and_back],
    mistakes=[
        always_linear,
        always_sqrt,
        rules_exchanged,
        smaller_for_larger,
        divided_by_256,
        factor_only,
        root_of_the_rate,
        squared,
    ],
    hints=(
        "How many times as large as the old batch is the new one?",
        'For "linear" multiply the rate by that ratio, for "sqrt" by its square root.',
        "rate · new_batch_size ÷ batch_size, and rate · math.sqrt(new_batch_size ÷ batch_size).",
    ),
    right=[scaled_by_cases, scaled_by_power, scaled_by_match],
    parameters=("rate", "batch_size", "new_batch_size", "rule"),
)


# -- Diagnosis -------------------------------------------------------------------------------------


def diagnosis_by_cases(loss, chance, knn, knn_batch):
    if not np.all(np.isfinite(loss)):
        return "diverged"
    if loss[-1] >= 0.98 * chance:
        return "at chance"
    if knn_batch - knn[-1] > 0.05:
        return "stale statistics"
    if knn[-1] < knn[0] + 0.02:
        return "shortcut"
    return "healthy"


def diagnosis_by_table(loss, chance, knn, knn_batch):
    symptoms = {
        "diverged": any(not math.isfinite(value) for value in loss),
        "at chance": loss[-1] >= 0.98 * chance,
        "stale statistics": knn_batch > knn[-1] + 0.05,
        "shortcut": knn[-1] - knn[0] < 0.02,
        "healthy": True,
    }
    return next(name for name, seen in symptoms.items() if seen)


def diagnosis_from_the_end(loss, chance, knn, knn_batch):
    found = "healthy"
    if knn[-1] - knn[0] < 0.02:
        found = "shortcut"
    if knn_batch - knn[-1] > 0.05:
        found = "stale statistics"
    if loss[-1] / chance >= 0.98:
        found = "at chance"
    if np.isnan(np.sum(loss)) or np.isinf(np.sum(loss)):
        found = "diverged"
    return found


@mistake(
    "A loss that is not a number goes unnoticed: every comparison with NaN is false.",
    hint="Ask np.isfinite of all losses, before any other question.",
)
def nan_unnoticed(loss, chance, knn, knn_batch):
    return diagnosis_by_cases(np.nan_to_num(loss, nan=0.0), chance, knn, knn_batch)


@mistake(
    "You look for NaN in the last loss only: the log of a run may hold it anywhere.",
    hint="np.all(np.isfinite(loss)).",
)
def nan_at_the_end_only(loss, chance, knn, knn_batch):
    return diagnosis_by_cases(loss[-1:], chance, knn, knn_batch)


@mistake(
    "You judge the first epoch's loss: every run begins at chance. What counts is the last.",
    hint="loss[-1].",
)
def first_loss(loss, chance, knn, knn_batch):
    if np.all(np.isfinite(loss)) and loss[0] >= 0.98 * chance:
        return "at chance"
    return diagnosis_by_cases(np.where(np.isfinite(loss), 0.0, loss), chance, knn, knn_batch)


@mistake(
    "You call a loss at chance only where it is at or above the line: one that is a hair below has"
    " learnt nothing either. Leave a margin of 2 %.",
    hint="loss[-1] >= 0.98 · chance.",
)
def no_margin(loss, chance, knn, knn_batch):
    at_chance = loss[-1] >= chance
    return (
        diagnosis_by_cases(loss, math.inf if not at_chance else chance, knn, knn_batch)
        if (at_chance or not np.all(np.isfinite(loss)))
        else diagnosis_by_cases(np.zeros(1), chance, knn, knn_batch)
    )


@mistake(
    "You judge the mean of all losses: a run that fell and came back to chance has a low mean."
    " What counts is where it is now.",
    hint="loss[-1], not its mean.",
)
def mean_of_the_losses(loss, chance, knn, knn_batch):
    return diagnosis_by_cases(np.append(loss, np.mean(loss)), chance, knn, knn_batch)


@mistake(
    "The last row that fits wins in yours, because each `if` writes over what the one before has"
    " found: the first that fits is the answer.",
    hint="`return` at once, or `elif` in place of `if`.",
)
def last_row_wins(loss, chance, knn, knn_batch):
    found = "healthy"
    if not np.all(np.isfinite(loss)):
        found = "diverged"
    if loss[-1] >= 0.98 * chance:
        found = "at chance"
    if knn_batch - knn[-1] > 0.05:
        found = "stale statistics"
    if knn[-1] < knn[0] + 0.02:
        found = "shortcut"
    return found


@mistake(
    "You believe the loss alone: a loss that falls does not say that the features are good.",
    hint="Compare the last kNN accuracy with the first, that of the untrained encoder.",
)
def loss_alone(loss, chance, knn, knn_batch):
    found = diagnosis_by_cases(loss, chance, knn, knn_batch)
    return "healthy" if found in ("shortcut", "stale statistics") else found


@mistake(
    "You ask about the shortcut before the stale statistics, so that a good encoder with a bad"
    " reading is called a bad encoder.",
    hint="First ask whether kNN is better with the batch's own statistics.",
)
def shortcut_first(loss, chance, knn, knn_batch):
    found = diagnosis_by_cases(loss, chance, knn, knn_batch)
    worse = found == "stale statistics" and knn[-1] < knn[0] + 0.02
    return "shortcut" if worse else found


@mistake(
    "You compare the best kNN accuracy with the first: what counts is where the run is now.",
    hint="knn[-1], not max(knn).",
)
def best_epoch(loss, chance, knn, knn_batch):
    return diagnosis_by_cases(loss, chance, np.array([knn[0], np.max(knn)]), knn_batch)


@mistake(
    "You compare the last kNN accuracy with the one before: compare it with the first, that of the"
    " untrained encoder.",
    hint="knn[0] is the untrained encoder.",
)
def epoch_before(loss, chance, knn, knn_batch):
    return diagnosis_by_cases(loss, chance, knn[-2:], knn_batch)


@mistake(
    'You never say "stale statistics": knn_batch tells it.',
    hint="knn_batch much above knn[-1] means: the weights are good, the statistics are not.",
)
def batch_reading_ignored(loss, chance, knn, knn_batch):
    return diagnosis_by_cases(loss, chance, knn, knn[-1])


@mistake(
    "You ask about kNN before you look at the loss: a run that is at chance or diverged has bad"
    " features as well, and the loss says why.",
    hint="The order is: diverged, at chance, stale statistics, shortcut.",
)
def knn_before_loss(loss, chance, knn, knn_batch):
    found = diagnosis_by_cases(np.zeros(1), chance, knn, knn_batch)
    return found if found != "healthy" else diagnosis_by_cases(loss, chance, knn, knn_batch)


def healthy_is_healthy(answer):
    found = answer(np.array([5.0, 4.0, 3.5]), 5.5, np.array([0.2, 0.3, 0.4, 0.5]), 0.5)
    if found != "healthy":
        return (
            "A loss well below chance and a kNN accuracy that rises from 20 % to 50 % are"
            f' "healthy"; yours says {found!r}.'
        )
    return None


DIAGNOSE = Exercise(
    id="diagnose",
    lesson=LESSON,
    title="what is wrong with this run?",
    minutes=10,
    difficulty=2,
    reference=diagnosis_by_cases,
    probes=[
        (np.array([5.4, 4.6, 4.2]), 5.54, np.array([0.15, 0.2, 0.25, 0.3]), 0.31),
        (np.array([5.4, np.nan, np.nan]), 5.54, np.array([0.15, 0.16, 0.1, 0.1]), 0.1),
        (np.array([5.6, np.nan, 4.0]), 5.54, np.array([0.15, 0.3, 0.3, 0.3]), 0.3),
        (np.array([5.53, 5.5, 5.49]), 5.54, np.array([0.15, 0.15, 0.12, 0.1]), 0.11),
        (np.array([5.53, 5.56, 5.55]), 5.54, np.array([0.15, 0.15, 0.16, 0.19]), 0.19),
        (np.array([4.9, 4.4, 5.52]), 5.54, np.array([0.15, 0.2, 0.2, 0.1]), 0.1),
        (np.array([3.1, 1.2, 0.6]), 5.54, np.array([0.15, 0.13, 0.12, 0.12]), 0.12),
        (np.array([5.3, 4.4, 4.1]), 5.54, np.array([0.15, 0.12, 0.11, 0.1]), 0.3),
        (np.array([5.3, 4.4, 4.1]), 5.54, np.array([0.15, 0.2, 0.25, 0.3]), 0.6),
        (np.array([4.0, 2.5, 2.0]), 5.54, np.array([0.15, 0.3, 0.25, 0.16]), 0.16),
        (np.array([4.0, 2.5, 2.0]), 5.54, np.array([0.15, 0.1, 0.12, 0.16]), 0.16),
        (np.array([5.5, 4.9, 4.7]), 5.54, np.array([0.15, 0.2, 0.3, 0.3]), 0.3),
    ],
    ladder=[healthy_is_healthy],
    mistakes=[
        nan_unnoticed,
        nan_at_the_end_only,
        first_loss,
        no_margin,
        mean_of_the_losses,
        last_row_wins,
        loss_alone,
        shortcut_first,
        best_epoch,
        epoch_before,
        batch_reading_ignored,
        knn_before_loss,
    ],
    hints=(
        "Go through the table from top to bottom with one `if` a row, and return at the first that"
        " fits.",
        "The last values are loss[-1] and knn[-1]; knn[0] is the untrained encoder.",
        "not np.all(np.isfinite(loss)) · loss[-1] >= 0.98 · chance · knn_batch − knn[-1] > 0.05 ·"
        " knn[-1] < knn[0] + 0.02 · otherwise healthy.",
    ),
    right=[diagnosis_by_cases, diagnosis_by_table, diagnosis_from_the_end],
    parameters=("loss", "chance", "knn", "knn_batch"),
)


# -- An order that can be resumed ------------------------------------------------------------------


def batch_from_epoch_and_seed(step, pictures, batch_size, seed):
    steps_per_epoch = pictures // batch_size
    epoch, place = divmod(step, steps_per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(pictures)
    return order[place * batch_size : (place + 1) * batch_size]


def batch_by_shuffle(step, pictures, batch_size, seed):
    steps_per_epoch = pictures // batch_size
    order = list(range(pictures))
    np.random.RandomState([seed, step // steps_per_epoch]).shuffle(order)
    first = step % steps_per_epoch * batch_size
    return np.array(order[first : first + batch_size])


def batch_by_table(step, pictures, batch_size, seed):
    steps_per_epoch = pictures // batch_size
    rng = np.random.default_rng((7, seed, step // steps_per_epoch))
    order = np.argsort(rng.random(pictures))[: steps_per_epoch * batch_size]
    return order.reshape(steps_per_epoch, batch_size)[step % steps_per_epoch]


@mistake(
    "The pictures are never shuffled: each batch is a run of neighbours, the same in every epoch.",
    hint="Cut the batch out of a random permutation of all pictures.",
)
def never_shuffled(step, pictures, batch_size, seed):
    first = step % (pictures // batch_size) * batch_size
    return np.arange(first, first + batch_size)


@mistake(
    "Every epoch has the same order: a picture would meet the same negatives for ever.",
    hint="Let the epoch be part of the seed: np.random.default_rng([seed, epoch]).",
)
def one_order_for_all(step, pictures, batch_size, seed):
    first = step % (pictures // batch_size) * batch_size
    return np.random.default_rng(seed).permutation(pictures)[first : first + batch_size]


@mistake(
    "Asked twice for the same step, yours gives two different batches: a run that was stopped could"
    " not go on as if it had not been.",
    hint="The generator is made anew from numbers that you are given: default_rng([seed, epoch]).",
)
def another_each_time(step, pictures, batch_size, seed):
    first = step % (pictures // batch_size) * batch_size
    return np.random.default_rng().permutation(pictures)[first : first + batch_size]


@mistake(
    "You draw with replacement: a batch can hold a picture twice, and that picture would then be"
    " its own negative.",
    hint="A permutation holds each picture once.",
)
def with_replacement(step, pictures, batch_size, seed):
    return np.random.default_rng([seed, step]).integers(pictures, size=batch_size)


@mistake(
    "Each step draws by itself: within an epoch some pictures come twice and others never.",
    hint="One permutation for the whole epoch; step after step takes the next part of it.",
)
def each_step_by_itself(step, pictures, batch_size, seed):
    return np.random.default_rng([seed, step]).permutation(pictures)[:batch_size]


@mistake(
    "The batch begins at picture number `step` of the epoch's order: neighbouring batches share all"
    " but one picture.",
    hint="The first one is at place · batch_size.",
)
def one_picture_on(step, pictures, batch_size, seed):
    epoch, place = divmod(step, pictures // batch_size)
    order = np.random.default_rng([seed, epoch]).permutation(pictures)
    return np.resize(np.roll(order, -place), batch_size)


@mistake(
    "You count epochs by pictures, not by steps: the order changes after `pictures` steps only.",
    hint="An epoch has pictures // batch_size steps.",
)
def epochs_too_long(step, pictures, batch_size, seed):
    order = np.random.default_rng([seed, step // pictures]).permutation(pictures)
    first = step % (pictures // batch_size) * batch_size
    return order[first : first + batch_size]


@mistake("The seed changes nothing in yours.", hint="Give the generator the seed and the epoch.")
def seed_ignored(step, pictures, batch_size, seed):
    return batch_from_epoch_and_seed(step, pictures, batch_size, 0)


@mistake(
    "You add seed and epoch: the second epoch of seed 0 is then the first epoch of seed 1, and two"
    " runs that should be independent are not.",
    hint="A list keeps them apart: default_rng([seed, epoch]).",
)
def seed_plus_epoch(step, pictures, batch_size, seed):
    epoch, place = divmod(step, pictures // batch_size)
    order = np.random.default_rng(seed + epoch).permutation(pictures)
    return order[place * batch_size : (place + 1) * batch_size]


@mistake(
    "The last batch of an epoch is too short: pictures that do not fill a batch wait for another"
    " epoch, so that every batch has the same number of negatives.",
    hint="pictures // batch_size steps an epoch, rounded down.",
)
def short_last_batch(step, pictures, batch_size, seed):
    steps_per_epoch = math.ceil(pictures / batch_size)
    epoch, place = divmod(step, steps_per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(pictures)
    return order[place * batch_size : (place + 1) * batch_size]


def same_step_same_batch(answer):
    def twice():
        return [np.array(answer.answer(7, 40, 8, 3)) for _ in range(2)]

    first, second = answer.run(twice)
    if not np.array_equal(first, second):
        return "Asked twice for step 7, it gives two different batches: draw from the seed alone."
    return None


def no_picture_twice_in_a_batch(answer):
    for step in range(10):
        batch = answer(step, 40, 20, 0)
        if len(set(batch.tolist())) < 20:
            return "A batch of 20 pictures holds a picture twice."
    return None


def no_picture_twice_in_an_epoch(answer):
    seen = np.concatenate([answer(step, 40, 8, 0) for step in range(5)])
    if len(set(seen.tolist())) < 40:
        return (
            "The 5 batches of 8 of an epoch of 40 pictures should show each once; yours show"
            " some of them more than once."
        )
    return None


def shuffled(answer):
    batch = answer(0, 40, 20, 0)
    if np.array_equal(np.sort(batch), np.arange(20)):
        return "The first batch is the first pictures of the set: they are not shuffled."
    return None


def next_epoch_differs(answer):
    batches = [set(answer(step, 60, 20, 0).tolist()) for step in (0, 3, 6)]
    if batches[0] == batches[1] == batches[2]:
        return "The first batches of three epochs hold the same pictures: shuffle anew every epoch."
    return None


def much_later_epoch_differs(answer):
    batches = [set(answer(step, 60, 20, 0).tolist()) for step in (0, 300, 600)]
    if batches[0] == batches[1] == batches[2]:
        return "Even after a hundred epochs the first batch holds the same pictures."
    return None


def seeds_differ(answer):
    batches = [set(answer(0, 60, 20, seed).tolist()) for seed in (0, 1, 2)]
    if batches[0] == batches[1] == batches[2]:
        return "Three different seeds give the same first batch."
    return None


def seeds_do_not_follow_each_other(answer):
    if np.array_equal(answer(3, 60, 20, 0), answer(0, 60, 20, 1)) and not np.array_equal(
        answer(0, 60, 20, 0), answer(0, 60, 20, 1)
    ):
        return "The second epoch of seed 0 is the first epoch of seed 1: keep the two apart."
    return None


ORDER = Exercise(
    id="batch_at_step",
    lesson=LESSON,
    title="an order that a stopped run finds again",
    minutes=10,
    difficulty=2,
    reference=batch_from_epoch_and_seed,
    probes=[(0, 40, 8, 0), (4, 40, 8, 1), (2, 10, 4, 0), (17, 11, 3, 2)],
    ladder=[
        same_step_same_batch,
        no_picture_twice_in_a_batch,
        no_picture_twice_in_an_epoch,
        shuffled,
        next_epoch_differs,
        much_later_epoch_differs,
        seeds_differ,
        seeds_do_not_follow_each_other,
    ],
    mistakes=[
        never_shuffled,
        one_order_for_all,
        another_each_time,
        with_replacement,
        each_step_by_itself,
        one_picture_on,
        epochs_too_long,
        seed_ignored,
        seed_plus_epoch,
        short_last_batch,
    ],
    hints=(
        "Which epoch is this step in, and which batch of that epoch is it? divmod tells both.",
        "The order of an epoch is np.random.default_rng([seed, epoch]).permutation(pictures).",
        "The batch is order[place · batch_size : (place + 1) · batch_size].",
    ),
    right=[batch_from_epoch_and_seed, batch_by_shuffle, batch_by_table],
    stochastic=True,
    parameters=("step", "pictures", "batch_size", "seed"),
)

EXERCISES = [STEP, RATE, TRUST, SCALED, ORDER, DIAGNOSE]

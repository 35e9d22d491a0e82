"""What moves the weights: LARS, Muon, SGD, the warmup-cosine learning rate, who is spared decay.

TensorFlow is called directly for an operation that Keras does not offer: momentum's step in one.
"""

import math

import keras
from keras import ops

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


@keras.saving.register_keras_serializable("simclr")
class LARS(keras.optimizers.Optimizer):
    """Layer-wise adaptive rate scaling with momentum (You et al., 2017).

    Each kernel w with gradient g moves along g + decay · w, scaled so that one step changes it by
    learning rate × trust × its own length. Biases and BatchNorm parameters (one axis or none)
    take plain momentum steps without decay, as in SimCLR (Chen et al., 2020, section 2.2 and code).

    Args:
        learning_rate: a number or a schedule. CIFAR-10: 1.0 × batch ÷ 256, or 0.075 × √batch.
        momentum: share of the last step that is kept, in [0, 1).
        weight_decay: added to the gradient as `weight_decay × w` before scaling; ≥ 0.
        trust: η > 0, the length of a step over the length of the kernel at learning rate 1.
    """

    def __init__(
        self,
        learning_rate=1.0,
        momentum=0.9,
        weight_decay=1e-6,
        trust=1e-3,
        name="lars",
        **kwargs,
    ):
        # Keras would apply a decay of its own beside the scaling: it is not told of ours.
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum, self.kernel_decay, self.trust = momentum, weight_decay, trust

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        learning_rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        velocity = self.velocities[self._get_variable_index(variable)]
        if len(variable.shape) > 1:
            gradient = gradient + self.kernel_decay * variable
            weight_length, step_length = length(variable), length(gradient)
            known = ops.logical_and(weight_length > 0, step_length > 0)
            ratio = weight_length / ops.where(known, step_length, 1.0)
            learning_rate = learning_rate * ops.where(known, self.trust * ratio, 1.0)
        self.assign(velocity, self.momentum * velocity + learning_rate * gradient)
        self.assign_sub(variable, velocity)

    def get_config(self):
        return super().get_config() | {
            "momentum": self.momentum,
            "weight_decay": self.kernel_decay,
            "trust": self.trust,
        }


@keras.saving.register_keras_serializable("simclr")
class Muon(keras.optimizers.Muon):
    """`keras.optimizers.Muon` that takes a convolution's kernel for the matrix it is.

    Muon (Jordan et al., 2024) makes all singular values of a matrix' step alike, so that rare
    directions learn as fast as common ones. A kernel `(height, width, C, D)` maps height × width
    × C numbers to D: a matrix of that shape. Whatever has one axis takes Adam's steps.
    A learning rate that suits AdamW suits it too (Liu et al., 2025, section 2.2).

    Args:
        learning_rate: a number or a schedule.
        matrix_dtype: what the singular values are levelled in; `"bfloat16"` is exact enough, and
            faster where the processor has it.
        options: as of `keras.optimizers.Muon`.
    """

    def __init__(self, learning_rate=0.001, matrix_dtype="float32", **options):
        super().__init__(learning_rate, **options)
        self.matrix_dtype = matrix_dtype

    def _should_use_adamw(self, variable):
        return len(variable.shape) < 2

    def zeropower_via_newtonschulz5(self, x, steps):
        matrix = ops.cast(ops.reshape(x, (-1, x.shape[-1])), self.matrix_dtype)
        level = super().zeropower_via_newtonschulz5(matrix, steps)
        return ops.reshape(ops.cast(level, x.dtype), x.shape)

    def lr_adjust(self, x):
        return x * self.rms_rate * max(math.prod(x.shape[:-1]), x.shape[-1]) ** 0.5

    def get_config(self):
        return super().get_config() | {"matrix_dtype": self.matrix_dtype}


@keras.saving.register_keras_serializable("simclr")
class SGD(keras.optimizers.SGD):
    """`keras.optimizers.SGD` that passes over velocity and weights once a step, on TensorFlow.

    Without Nesterov's look ahead: v ← momentum · v − learning rate · g, then w ← w + v. Keras makes
    five operations of it; in a ResNet-18 that is some hundredths of the step.
    """

    def update_step(self, gradient, variable, learning_rate):
        fusible = keras.backend.backend() == "tensorflow" and self.momentum and not self.nesterov
        if not fusible or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=self.momentums[self._get_variable_index(variable)].value.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
            momentum=tf.cast(self.momentum, variable.dtype),
        )


def length(array):
    """The root of the sum of squares over all axes (`ops.norm` takes two at most on TensorFlow)."""
    return ops.sqrt(ops.sum(ops.square(array)))


def warmup_cosine(peak, steps, warmup_steps=0):
    """A learning rate that rises in a line to `peak` and falls along half a cosine to 0.

    Args:
        peak: the largest learning rate, > 0.
        steps: all training steps, warmup included.
        warmup_steps: steps of the rise, 0 ≤ warmup_steps < steps.

    Returns:
        A Keras learning rate schedule (SimCLR paper, section 2.2).
    """
    if not 0 <= warmup_steps < steps:
        raise ValueError(f"warmup_steps must be from 0 to {steps - 1}; got {warmup_steps}.")
    if warmup_steps == 0:
        return keras.optimizers.schedules.CosineDecay(peak, steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup_steps, warmup_target=peak, warmup_steps=warmup_steps
    )


def build_optimizer(name, learning_rate, weight_decay, variables, matrix_dtype="float32"):
    """Build the named optimiser, and spare biases and norms from its weight decay.

    Args:
        name: `"adamw"`, `"adam"` (which takes no decay), `"muon"`, `"sgd"` (momentum 0.9) or
            `"lars"`.
        learning_rate: a number or a schedule.
        weight_decay: ≥ 0; decoupled (each step takes learning rate × decay × w) but in LARS.
        variables: the weights to be trained. Those with at most one axis get no decay: told by
            their shape, because a pattern on names that matches nothing fails silently.
        matrix_dtype: see `Muon`; the others do not ask.
    """
    if name == "lars":
        optimizer = LARS(learning_rate, weight_decay=weight_decay)
    else:
        kinds = {
            "adamw": lambda: keras.optimizers.AdamW(learning_rate, weight_decay=weight_decay),
            "adam": lambda: keras.optimizers.Adam(learning_rate),
            "muon": lambda: Muon(
                learning_rate, matrix_dtype, weight_decay=weight_decay, adam_weight_decay=None
            ),
            "sgd": lambda: SGD(learning_rate, momentum=0.9, weight_decay=weight_decay),
        }
        optimizer = kinds[name]()
        optimizer.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) <= 1])
    optimizer.build(variables)
    return optimizer

"""Lesson 02: the encoder, the projection head, and BatchNorm, built part by part.

The residual block is that of He et al. (2016, section 3.3, "projection" shortcuts), the head that
of Chen et al. (2020, section 4.2), BatchNorm that of Ioffe and Szegedy (2015, algorithms 1 and 2).
"""

import functools
import math

import numpy as np

from simclr_lib.course.exercise import Exercise, mistake
from simclr_lib.course.guard import Failed, a_thing

LESSON = "02_encoder_and_head"


# -- The side of a feature map ---------------------------------------------------------------------


def side_by_cases(side, kernel, stride, padding):
    if padding == "same":
        return math.ceil(side / stride)
    return (side - kernel) // stride + 1


def side_by_counting(side, kernel, stride, padding):
    last = side - 1 if padding == "same" else side - kernel
    return len(range(0, last + 1, stride))


def side_by_rounding_up(side, kernel, stride, padding):
    room = {"same": side, "valid": side - kernel + 1}[padding]
    return -(-room // stride)


def side_by_trying(side, kernel, stride, padding):
    from keras import ops

    pixels, weights = ops.zeros((1, side, 1)), ops.zeros((kernel, 1, 1))
    return ops.conv(pixels, weights, strides=stride, padding=padding).shape[1]


@mistake(
    'With padding="same" you round down: the last pixels get a place of the kernel too, so it is'
    " rounded up.",
    hint="math.ceil(side / stride)",
)
def same_rounded_down(side, kernel, stride, padding):
    return side // stride if padding == "same" else side_by_cases(side, kernel, stride, padding)


@mistake(
    'With padding="valid" one place is missing: a kernel that just fits has one place, not none.',
    hint="(side − kernel) // stride + 1",
)
def one_place_missing(side, kernel, stride, padding):
    return side_by_cases(side, kernel, stride, padding) - (padding == "valid")


@mistake(
    'You reckon every padding as "same": without padding the kernel has to stay within the map.',
    hint='Ask `if padding == "same"`; else the first pixel of the kernel can be at 0 to side −'
    " kernel.",
)
def always_same(side, kernel, stride, padding):
    return math.ceil(side / stride)


@mistake(
    'You reckon every padding as "valid": with "same", zeros are put around the map, and only the'
    " stride makes it smaller.",
    hint='With "same" the kernel\'s size has no effect.',
)
def always_valid(side, kernel, stride, padding):
    return (side - kernel) // stride + 1


@mistake(
    "The stride changes nothing in yours: with stride 2 the kernel stops at every other pixel.",
    hint="Divide the number of places by the stride.",
)
def stride_ignored(side, kernel, stride, padding):
    return side_by_cases(side, kernel, 1, padding)


@mistake(
    'With padding="valid" you round up: a kernel that sticks out at the end has no place there.',
    hint="(side − kernel) // stride + 1; // rounds down.",
)
def valid_rounded_up(side, kernel, stride, padding):
    if padding == "same":
        return math.ceil(side / stride)
    return math.ceil((side - kernel) / stride) + 1


@mistake(
    'For "same" you put kernel // 2 zeros on *each* side, as PyTorch does. Keras puts just as many'
    " as are needed for side ÷ stride places, so a kernel of even size gives one place fewer than"
    " yours.",
    hint='With "same" the kernel\'s size has no effect: math.ceil(side / stride).',
)
def half_a_kernel_on_each_side(side, kernel, stride, padding):
    zeros = 2 * (kernel // 2) if padding == "same" else 0
    return (side + zeros - kernel) // stride + 1


@mistake(
    "You subtract the kernel after dividing by the stride: the kernel is measured in pixels of the"
    " old map.",
    hint="First side − kernel, then // stride, then + 1.",
)
def kernel_after_stride(side, kernel, stride, padding):
    if padding == "same":
        return math.ceil(side / stride)
    return side // stride - kernel + 1


@mistake(
    'With "same" the side stays as it is in yours, whatever the stride: that holds for stride 1'
    " only.",
    hint='With "same": math.ceil(side / stride).',
)
def stride_ignored_with_same(side, kernel, stride, padding):
    return side if padding == "same" else side_by_cases(side, kernel, stride, padding)


@mistake(
    "You round to the nearest whole number: with zeros around the map it is rounded up, without"
    " them down.",
    hint="math.ceil(side / stride) and (side − kernel) // stride + 1.",
)
def rounded_to_nearest(side, kernel, stride, padding):
    if padding == "same":
        return round(side / stride)
    return round((side - kernel) / stride) + 1


def stride_one_keeps_the_side(answer):
    if answer(9, 3, 1, "same") != 9:
        return (
            'With stride 1 and padding="same" the map keeps its side: 9 stays 9; yours says'
            f" {answer(9, 3, 1, 'same')}."
        )
    return None


def kernel_as_large_as_the_map(answer):
    if answer(7, 7, 1, "valid") != 1:
        return (
            "Without padding a kernel as large as the map has just one place; yours says"
            f" {answer(7, 7, 1, 'valid')}."
        )
    return None


SIDE = Exercise(
    id="output_side",
    lesson=LESSON,
    title="the side of a feature map",
    minutes=5,
    difficulty=1,
    reference=side_by_cases,
    probes=[
        (32, 3, 1, "same"),
        (32, 3, 1, "valid"),
        (32, 4, 2, "same"),
        (33, 7, 2, "same"),
        (33, 4, 3, "valid"),
        (10, 3, 2, "valid"),
        (15, 5, 4, "same"),
    ],
    ladder=[stride_one_keeps_the_side, kernel_as_large_as_the_map],
    mistakes=[
        same_rounded_down,
        one_place_missing,
        always_same,
        always_valid,
        stride_ignored,
        valid_rounded_up,
        half_a_kernel_on_each_side,
        kernel_after_stride,
        stride_ignored_with_same,
        rounded_to_nearest,
    ],
    hints=(
        "Count the places at which the kernel stops. Two cases: with zeros around the map and"
        " without.",
        'With "same" it stops at every stride-th pixel, the first one included. With "valid" its'
        " first pixel can be at 0, stride, 2 · stride, … up to side − kernel.",
        "math.ceil(side / stride) and (side − kernel) // stride + 1.",
    ),
    right=[side_by_cases, side_by_counting, side_by_rounding_up, side_by_trying],
)


# -- What a convolution costs ----------------------------------------------------------------------


def cost_by_formula(side, channels, filters, kernel, stride):
    weights = kernel * kernel * channels * filters
    places = math.ceil(side / stride) ** 2
    return weights, weights * places


def cost_by_loop(side, channels, filters, kernel, stride):
    weights = products = 0
    for _ in range(filters):
        one_filter = kernel**2 * channels
        weights += one_filter
        for _ in range(0, side, stride):
            products += one_filter * len(range(0, side, stride))
    return weights, products


def cost_with_numpy(side, channels, filters, kernel, stride):
    out = -(-side // stride)
    weights = np.prod([kernel, kernel, channels, filters])
    return weights, np.prod([weights, out, out])


def cost_by_keras(side, channels, filters, kernel, stride):
    from keras import layers

    layer = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)
    layer.build((None, side, side, channels))
    _, high, wide, _ = layer.compute_output_shape((1, side, side, channels))
    return layer.count_params(), layer.count_params() * high * wide


@mistake(
    "You count the places of the map that goes in: the kernel stops only as often as there are"
    " pixels in the map that comes out.",
    hint="places = math.ceil(side / stride) ** 2",
)
def places_of_the_input(side, channels, filters, kernel, stride):
    weights = kernel**2 * channels * filters
    return weights, weights * side**2


@mistake(
    "A kernel is a square: it has kernel · kernel weights for each pair of channels.",
    hint="kernel ** 2",
)
def kernel_is_a_line(side, channels, filters, kernel, stride):
    weights = kernel * channels * filters
    return weights, weights * math.ceil(side / stride) ** 2


@mistake(
    "You forget that each filter looks at *all* channels that come in.",
    hint="One filter has kernel · kernel · channels weights.",
)
def one_channel_in(side, channels, filters, kernel, stride):
    weights = kernel**2 * filters
    return weights, weights * math.ceil(side / stride) ** 2


@mistake(
    "You count a single filter: there are `filters` of them, each with weights of its own.",
    hint="kernel · kernel · channels · filters",
)
def one_filter(side, channels, filters, kernel, stride):
    weights = kernel**2 * channels
    return weights, weights * math.ceil(side / stride) ** 2


@mistake(
    "You count a row of places: the map has as many rows as columns.",
    hint="places = out_side · out_side",
)
def a_row_of_places(side, channels, filters, kernel, stride):
    weights = kernel**2 * channels * filters
    return weights, weights * math.ceil(side / stride)


@mistake(
    "You count multiplications and additions one by one: a multiply-add is both at once, so the"
    " number is half of yours.",
    hint="weights · places, without the factor 2.",
)
def twice_the_arithmetic(side, channels, filters, kernel, stride):
    weights, products = cost_by_formula(side, channels, filters, kernel, stride)
    return weights, 2 * products


@mistake(
    "You count a bias for each filter: these convolutions have none, for the BatchNorm after them"
    " has its own.",
    hint="Leave out `+ filters`.",
)
def with_biases(side, channels, filters, kernel, stride):
    weights = kernel**2 * channels * filters + filters
    return weights, weights * math.ceil(side / stride) ** 2


@mistake(
    "The two numbers are there, but in the other order: first the weights, then the multiply-adds.",
    hint="return weights, multiply_adds",
)
def in_the_other_order(side, channels, filters, kernel, stride):
    return cost_by_formula(side, channels, filters, kernel, stride)[::-1]


@mistake(
    "You round the side of the new map down: with padding it is rounded up.",
    hint="math.ceil(side / stride)",
)
def side_rounded_down(side, channels, filters, kernel, stride):
    weights = kernel**2 * channels * filters
    return weights, weights * (side // stride) ** 2


@mistake(
    'You reckon the new side without padding: here the padding is "same".',
    hint='output_side(side, kernel, stride, "same").',
)
def without_padding(side, channels, filters, kernel, stride):
    weights = kernel**2 * channels * filters
    return weights, weights * side_by_cases(side, kernel, stride, "valid") ** 2


@mistake(
    "The weights are right; your multiply-adds are those of a single filter.",
    hint="At each place all weights are used once: weights · places.",
)
def products_of_one_filter(side, channels, filters, kernel, stride):
    weights = kernel**2 * channels * filters
    return weights, kernel**2 * channels * math.ceil(side / stride) ** 2


def one_by_one(answer):
    weights, products = answer(1, 1, 1, 1, 1)
    if (weights, products) != (1, 1):
        return (
            "A 1×1 kernel from one channel to one, on a single pixel, has 1 weight and makes 1"
            f" multiply-add; yours says {weights} and {products}."
        )
    return None


def larger_pictures_need_no_more_weights(answer):
    small, large = answer(8, 3, 4, 3, 1), answer(16, 3, 4, 3, 1)
    if small[0] != large[0]:
        return (
            "A convolution has as many weights for large pictures as for small ones; yours has"
            f" {small[0]} for a side of 8 and {large[0]} for 16."
        )
    if large[1] != 4 * small[1]:
        return (
            "Twice the side is four times the pixels, and so four times the multiply-adds; yours go"
            f" from {small[1]} to {large[1]}."
        )
    return None


def observe_cost(result, *_):
    """Both numbers; what is no tuple or list, as it is."""
    if not isinstance(result, (tuple, list)):
        return np.asarray(result)
    return tuple(np.asarray(number) for number in result)


COST = Exercise(
    id="convolution_cost",
    lesson=LESSON,
    title="what a convolution costs",
    minutes=8,
    difficulty=1,
    reference=cost_by_formula,
    probes=[
        (32, 3, 64, 3, 1),
        (32, 3, 64, 7, 2),
        (15, 16, 32, 3, 2),
        (8, 64, 128, 1, 2),
        (5, 2, 3, 4, 3),
    ],
    ladder=[one_by_one, larger_pictures_need_no_more_weights],
    mistakes=[
        places_of_the_input,
        kernel_is_a_line,
        one_channel_in,
        one_filter,
        a_row_of_places,
        twice_the_arithmetic,
        with_biases,
        in_the_other_order,
        side_rounded_down,
        without_padding,
        products_of_one_filter,
    ],
    hints=(
        "First the weights: how many does one filter have, and how many filters are there?",
        "At each place of the new map every weight is used exactly once. How many places are"
        " there?",
        "weights = kernel² · channels · filters; multiply-adds = weights · (the new map's side)².",
    ),
    right=[cost_by_formula, cost_by_loop, cost_with_numpy, cost_by_keras],
    observe=observe_cost,
)


# -- Networks: the same weights for all answers, and what comes out --------------------------------


def weigh(model):
    """Set all weights of a model to numbers that follow from their shapes and names.

    Kernels of one shape differ, in the order from input to output. All BatchNorms of one width
    get the same numbers, so it does not matter in which order they were made.
    """
    seen = {}
    for variable in model.weights:
        name, size = variable.name, tuple(int(n) for n in variable.shape)
        if len(size) > 1:
            seen[size] = seen.get(size, 0) + 1
            rng = np.random.default_rng([*size, seen[size]])
            variable.assign(rng.normal(0, math.prod(size[:-1]) ** -0.5, size))
        elif size:
            rng = np.random.default_rng([*size, *name.encode()])
            always_positive = name in ("gamma", "moving_variance")
            low, high = (0.5, 1.5) if always_positive else (-0.6, 0.6)
            variable.assign(rng.uniform(low, high, size))


def trainable(model):
    return np.asarray(sum(math.prod(v.shape) for v in model.trainable_variables))


# -- The residual block ----------------------------------------------------------------------------


def make_block(
    x,
    filters,
    stride,
    momentum,
    *,
    between="relu",
    end="relu",
    strides=None,
    join="add",
    shortcut="where needed",
    shortcut_norm=True,
    shortcut_relu=False,
    norms=(True, True),
    relu_before_add=False,
    bias=False,
    kernel=3,
    shortcut_kernel=1,
    epsilon=1e-5,
):
    """The block, and what it becomes when one thing is changed."""
    from keras import layers

    def convolution(x, size, stride, norm=True):
        x = layers.Conv2D(filters, size, stride, padding="same", use_bias=bias)(x)
        return layers.BatchNormalization(momentum=momentum, epsilon=epsilon)(x) if norm else x

    first, second = strides or (stride, 1)
    y = convolution(x, kernel, first, norms[0])
    y = layers.Activation(between)(y)
    y = convolution(y, kernel, second, norms[1])
    if relu_before_add:
        y = layers.ReLU()(y)
    fits = {"stride": stride == 1, "channels": x.shape[-1] == filters}
    needed = {"always": True, "where needed": not all(fits.values())}
    needed |= {f"for {what}": not fit for what, fit in fits.items()}
    if needed.get(shortcut):
        x = convolution(x, shortcut_kernel, stride, shortcut_norm)
        x = layers.ReLU()(x) if shortcut_relu else x
    if shortcut == "none":
        joined = y
    else:
        joined = layers.Concatenate()([x, y]) if join == "concatenate" else layers.Add()([x, y])
    return layers.Activation(end)(joined)


def residual_block(x, filters, stride, momentum):
    """The basic block of He et al. (2016), a layer at a time."""
    return make_block(x, filters, stride, momentum)


def block_step_by_step(x, filters, stride, momentum):
    from keras import layers

    y = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization(momentum=momentum, epsilon=1e-5)(y)
    y = layers.ReLU()(y)
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization(momentum=momentum, epsilon=1e-5)(y)
    if stride != 1 or x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1, stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=momentum, epsilon=1e-5)(x)
    return layers.ReLU()(layers.Add()([x, y]))


def block_of_two_roads(x, filters, stride, momentum):
    import keras
    from keras import layers

    def norm():
        return layers.BatchNormalization(momentum=momentum, epsilon=1e-5)

    def convolution(size, stride):
        return layers.Conv2D(filters, size, stride, padding="same", use_bias=False)

    through = [convolution(3, stride), norm(), layers.ReLU(), convolution(3, 1), norm()]
    changes = stride > 1 or x.shape[-1] != filters
    around = [convolution(1, stride), norm()] if changes else [layers.Identity()]
    roads = keras.Sequential(through)(x), keras.Sequential(around)(x)
    return keras.ops.relu(roads[0] + roads[1])


def block_with_ops(x, filters, stride, momentum):
    from keras import layers, ops

    def step(x, size, stride):
        x = layers.Conv2D(filters, (size, size), stride, "same", use_bias=False)(x)
        return layers.BatchNormalization(-1, momentum, 1e-5)(x)

    y = step(ops.relu(step(x, 3, stride)), 3, 1)
    if y.shape[1:] != x.shape[1:]:
        x = step(x, 1, stride)
    return ops.maximum(ops.add(x, y), 0.0)


@mistake(
    "There is no shortcut: yours is two plain convolutions, one after the other.",
    hint="Keep x, and add it to what the second BatchNorm gives.",
)
def no_shortcut(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, shortcut="none")


@mistake(
    "Yours has a convolution on the shortcut even where x already has the right shape: there x is"
    " added as it is.",
    hint="Only if stride != 1 or x.shape[-1] != filters.",
)
def shortcut_always_a_convolution(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, shortcut="always")


@mistake(
    "The last ReLU is missing: after the addition negative numbers are left.",
    hint="ReLU comes after Add.",
)
def no_relu_at_the_end(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, end="linear")


@mistake(
    "The ReLU between the two convolutions is missing: two convolutions in a row can do no more"
    " than one.",
    hint="Convolution, BatchNorm, ReLU, convolution, BatchNorm.",
)
def no_relu_between(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, between="linear")


@mistake(
    "Your second ReLU comes before the addition, so that the block can only ever add, never"
    " subtract: it belongs after it.",
    hint="BatchNorm, then Add, then ReLU.",
)
def relu_before_the_addition(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, relu_before_add=True, end="linear")


@mistake(
    "There is a ReLU before the addition as well: the second convolution's branch ends with its"
    " BatchNorm, so that it can also subtract.",
    hint="Between the two convolutions one ReLU, after the addition the other.",
)
def relu_before_and_after(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, relu_before_add=True)


@mistake(
    "Your shortcut's convolution has no BatchNorm: each convolution of the block has one.",
    hint="The 1×1 convolution, then BatchNormalization, then Add.",
)
def shortcut_without_norm(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, shortcut_norm=False)


@mistake(
    "There is a ReLU on the shortcut: it goes straight into the addition.",
    hint="The shortcut is a 1×1 convolution and its BatchNorm, no more.",
)
def relu_on_the_shortcut(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, shortcut_relu=True)


@mistake(
    "You concatenate the two branches, which doubles the channels: a residual block adds them.",
    hint="layers.Add()([x, y])",
)
def concatenated(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, join="concatenate")


@mistake(
    "Your second convolution has the stride, the first has none: the size is right, but the first"
    " convolution then works on all pixels, at four times the cost.",
    hint="The stride goes into the first 3×3 convolution.",
)
def stride_in_the_second(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, strides=(1, stride))


@mistake(
    "Your convolutions have biases. They have no effect, for BatchNorm subtracts the mean:"
    " use_bias=False.",
    hint="layers.Conv2D(…, use_bias=False)",
)
def convolutions_with_bias(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, bias=True)


@mistake(
    "The BatchNorm after the second convolution is missing.",
    hint="Each convolution is followed by its BatchNormalization.",
)
def second_norm_missing(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, norms=(True, False))


@mistake(
    "Your BatchNorms do not get the momentum: they keep Keras' usual one, 0.99.",
    hint="layers.BatchNormalization(momentum=momentum, epsilon=1e-5)",
)
def usual_momentum(x, filters, stride, momentum):
    return make_block(x, filters, stride, 0.99)


@mistake(
    "Your two convolutions have 1×1 kernels, which see no neighbours: 3×3 is wanted.",
    hint='layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)',
)
def kernels_of_one_pixel(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, kernel=1)


@mistake(
    "Your BatchNorms do not get the epsilon: they keep Keras' usual one, 0.001. In a channel that"
    " hardly varies this can be seen.",
    hint="layers.BatchNormalization(momentum=momentum, epsilon=1e-5)",
)
def usual_epsilon(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, epsilon=1e-3)


@mistake(
    "Your BatchNorms keep Keras' usual settings: give them the momentum and the epsilon.",
    hint="layers.BatchNormalization(momentum=momentum, epsilon=1e-5)",
)
def usual_settings(x, filters, stride, momentum):
    return make_block(x, filters, stride, 0.99, epsilon=1e-3)


@mistake(
    "The convolution on your shortcut is as large as the others: it only has to make x fit, and a"
    " 1×1 kernel does that.",
    hint="layers.Conv2D(filters, 1, stride, use_bias=False)",
)
def large_shortcut_kernel(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, shortcut_kernel=3)


@mistake(
    "You add x as it is, also where it does not fit: with a stride, or with another number of"
    " channels, it goes through a 1×1 convolution first.",
    hint="if stride != 1 or x.shape[-1] != filters: a 1×1 convolution and a BatchNorm on x.",
)
def shortcut_never_fitted(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, shortcut="never fitted")


@mistake(
    "x also does not fit where only the *stride* differs from 1: the long road then comes back"
    " smaller.",
    hint="if stride != 1 or x.shape[-1] != filters.",
)
def shortcut_for_channels_only(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, shortcut="for channels")


@mistake(
    "x also does not fit where only the number of *channels* differs: the long road comes back"
    " with `filters` of them.",
    hint="if stride != 1 or x.shape[-1] != filters.",
)
def shortcut_for_stride_only(x, filters, stride, momentum):
    return make_block(x, filters, stride, momentum, shortcut="for stride")


def block_probe(side, channels, filters, stride, momentum):
    import keras

    return keras.Input((side, side, channels)), filters, stride, momentum


def observe_block(y, x, *_):
    """Shape, number of weights, output in both modes, what BatchNorm kept."""
    import keras

    model = keras.Model(x, y)
    weigh(model)
    rng = np.random.default_rng(5)
    maps = rng.uniform(0, 1, (3, *x.shape[1:])).astype("float32")
    resting = np.asarray(model(maps, training=False))
    training = np.asarray(model(maps, training=True))
    kept = [np.ravel(v) for v in model.non_trainable_variables if "seed" not in v.name]
    kept = np.sort(np.concatenate(kept)) if kept else np.zeros(0)
    return np.asarray(resting.shape), trainable(model), resting, training, kept


def hands_on_what_it_gets(answer):
    import keras

    def with_kernels_of_zero():
        x = keras.Input((5, 5, 4))
        model = keras.Model(x, answer.answer(x, 4, 1, 0.9))
        for variable in model.trainable_variables:
            if len(variable.shape) > 1:
                variable.assign(np.zeros(variable.shape))
        return np.asarray(model(MAPS, training=False))

    result = answer.run(with_kernels_of_zero)
    if np.shape(result) != MAPS.shape or not np.allclose(result, MAPS, atol=1e-3):
        return (
            "With all kernels at zero, stride 1 and as many filters as channels, the block must"
            " hand on what it gets (here: numbers above 0); yours does not."
        )
    return None


def never_below_zero(answer):
    import keras

    def lowest():
        x = keras.Input((5, 5, 4))
        model = keras.Model(x, answer.answer(x, 6, 2, 0.9))
        weigh(model)
        return np.min(np.asarray(model(MAPS, training=False)))

    if answer.run(lowest) < 0:
        return "The block ends with a ReLU, so no number below 0 can come out; yours gives some."
    return None


MAPS = np.random.default_rng(2).uniform(0, 1, (2, 5, 5, 4)).astype("float32")

BLOCK = Exercise(
    id="residual_block",
    lesson=LESSON,
    title="a residual block",
    minutes=15,
    difficulty=2,
    reference=residual_block,
    probes=[
        lambda: block_probe(6, 4, 4, 1, 0.9),
        lambda: block_probe(6, 4, 8, 2, 0.9),
        lambda: block_probe(5, 3, 5, 1, 0.5),
        lambda: block_probe(5, 3, 3, 2, 0.5),
    ],
    ladder=[hands_on_what_it_gets, never_below_zero],
    mistakes=[
        no_shortcut,
        shortcut_always_a_convolution,
        no_relu_at_the_end,
        no_relu_between,
        relu_before_the_addition,
        relu_before_and_after,
        shortcut_without_norm,
        relu_on_the_shortcut,
        concatenated,
        stride_in_the_second,
        convolutions_with_bias,
        second_norm_missing,
        usual_momentum,
        kernels_of_one_pixel,
        usual_epsilon,
        usual_settings,
        large_shortcut_kernel,
        shortcut_never_fitted,
        shortcut_for_channels_only,
        shortcut_for_stride_only,
    ],
    hints=(
        "Two roads lead from x to the addition. The long one: convolution, BatchNorm, ReLU,"
        " convolution, BatchNorm. The short one: x itself.",
        "Where stride != 1 or x.shape[-1] != filters, x does not fit: send it through a 1×1"
        " convolution with that stride and a BatchNorm first.",
        "y = Conv2D(filters, 3, stride, …)(x), BatchNorm, ReLU, Conv2D(filters, 3, …), BatchNorm;"
        " then ReLU()(Add()([x, y])), x after its 1×1 convolution where that is needed.",
    ),
    right=[block_step_by_step, residual_block, block_of_two_roads, block_with_ops],
    observe=observe_block,
    seconds=30.0,
)


# -- Global average pooling ------------------------------------------------------------------------


def pool_by_mean(feature_map):
    from keras import ops

    return ops.mean(feature_map, axis=(1, 2))


def pool_by_einsum(feature_map):
    from keras import ops

    places = ops.einsum("bhwc->bc", ops.ones_like(feature_map))
    return ops.einsum("bhwc->bc", feature_map) / places


def pool_by_layer(feature_map):
    from keras import layers

    return layers.GlobalAveragePooling2D()(feature_map)


def pool_in_two_steps(feature_map):
    from keras import ops

    rows = ops.mean(feature_map, axis=2)
    return ops.mean(rows, axis=1)


@mistake(
    "You add up where you should average: the same picture at twice the size would give four times"
    " the numbers.",
    hint="ops.mean instead of ops.sum.",
)
def sum_of_all_places(feature_map):
    from keras import ops

    return ops.sum(feature_map, axis=(1, 2))


@mistake(
    "You take the largest number of each channel: that is global *max* pooling.",
    hint="ops.mean instead of ops.max.",
)
def largest_of_all_places(feature_map):
    from keras import ops

    return ops.max(feature_map, axis=(1, 2))


@mistake(
    "You average over the channels and keep the places: it is the other way round.",
    hint="The axes are (picture, row, column, channel): axis=(1, 2) are the places.",
)
def mean_over_channels(feature_map):
    from keras import ops

    return ops.mean(feature_map, axis=-1)


@mistake(
    "You average over the batch as well: each picture keeps its own numbers.",
    hint="Axis 0 is the pictures: leave it alone.",
)
def mean_over_the_batch(feature_map):
    from keras import ops

    return ops.mean(feature_map, axis=(0, 1, 2))


@mistake(
    "You average over axes 0 and 1: axis 0 is the pictures, and the columns are axis 2.",
    hint="axis=(1, 2)",
)
def axes_from_zero(feature_map):
    from keras import ops

    return ops.mean(feature_map, axis=(0, 1))


@mistake(
    "You put all numbers of the map in a row, and nothing is averaged.",
    hint="One number for each channel: ops.mean over rows and columns.",
)
def flattened(feature_map):
    from keras import ops

    return ops.reshape(feature_map, (-1, math.prod(feature_map.shape[1:])))


@mistake(
    "You average over the rows only: the columns are still there.",
    hint="axis=(1, 2), both at once.",
)
def rows_only(feature_map):
    from keras import ops

    return ops.mean(feature_map, axis=1)


@mistake(
    "You divide by the side once: a map has rows · columns places.",
    hint="ops.mean divides by the right number.",
)
def divided_by_one_side(feature_map):
    from keras import ops

    return ops.sum(feature_map, axis=(1, 2)) / feature_map.shape[1]


@mistake(
    "You keep the two axes of the places, with length 1: wanted is an array (pictures, channels).",
    hint="Leave out keepdims=True.",
)
def axes_kept(feature_map):
    from keras import ops

    return ops.mean(feature_map, axis=(1, 2), keepdims=True)


@mistake(
    "The numbers are right, but they come from NumPy: it cannot become part of a network, which is"
    " built before there are any numbers. Use keras.ops.",
    hint="ops.mean(feature_map, axis=(1, 2)), with `from keras import ops`.",
)
def numpy_alone(feature_map):
    return np.mean(feature_map, axis=(1, 2))


@mistake(
    "You divide by the sides of the map, but a network that takes pictures of any size is built"
    " while they are still None.",
    hint="ops.mean counts the places itself, when there are some.",
)
def sides_must_be_known(feature_map):
    from keras import ops

    return ops.sum(feature_map, axis=(1, 2)) / (feature_map.shape[1] * feature_map.shape[2])


@mistake(
    "You average over axes 2 and 3, as where the channels stand first (PyTorch): here they stand"
    " last, and axes 1 and 2 are the places.",
    hint="axis=(1, 2)",
)
def axes_of_channels_first(feature_map):
    from keras import ops

    return ops.mean(feature_map, axis=(2, 3))


def observe_pooled(pooled, feature_map):
    """The numbers; of a tensor within a network, which has none yet, the shape."""
    import keras

    if isinstance(pooled, keras.KerasTensor):
        return np.asarray(keras.Model(feature_map, pooled).output_shape[1:])
    return np.asarray(keras.ops.convert_to_numpy(pooled))


def map_in_a_network(side):
    import keras

    return (keras.Input((side, side, 4)),)


def equal_places_keep_their_value(answer):
    pooled = answer(np.full((2, 3, 5, 4), 0.7, "float32"))
    if np.shape(pooled) == (2, 4) and not np.allclose(pooled, 0.7, atol=1e-3):
        return (
            "Where all places hold 0.7, their average is 0.7; yours is"
            f" {float(np.ravel(pooled)[0]):.3g}."
        )
    return None


POOL = Exercise(
    id="global_average_pool",
    lesson=LESSON,
    title="global average pooling",
    minutes=4,
    difficulty=1,
    reference=pool_by_mean,
    probes=[
        (np.random.default_rng(3).normal(0.5, 1, (3, 4, 4, 6)).astype("float32"),),
        (np.random.default_rng(4).normal(0.5, 1, (2, 3, 5, 4)).astype("float32"),),
        functools.partial(map_in_a_network, 5),
        functools.partial(map_in_a_network, None),
    ],
    ladder=[equal_places_keep_their_value],
    mistakes=[
        sum_of_all_places,
        largest_of_all_places,
        mean_over_channels,
        mean_over_the_batch,
        axes_from_zero,
        flattened,
        rows_only,
        divided_by_one_side,
        axes_kept,
        numpy_alone,
        sides_must_be_known,
        axes_of_channels_first,
    ],
    observe=observe_pooled,
    hints=(
        "One number for each picture and channel: the mean over all places of the map.",
        "The places are the rows and the columns, axes 1 and 2.",
        "ops.mean(feature_map, axis=(1, 2)).",
    ),
    right=[pool_by_mean, pool_by_einsum, pool_by_layer, pool_in_two_steps],
)


# -- The projection head ---------------------------------------------------------------------------


def make_head(
    sizes, *, between="relu", end="linear", bias=True, normalise=False, norm_between=False
):
    import keras
    from keras import layers

    h = keras.Input((sizes[0],))
    z = h
    for size in sizes[1:-1]:
        z = layers.Dense(size, use_bias=bias)(z)
        z = layers.BatchNormalization()(z) if norm_between else z
        z = layers.Activation(between)(z)
    z = layers.Dense(sizes[-1], activation=end, use_bias=bias)(z)
    if normalise:
        z = layers.UnitNormalization()(z)
    return keras.Model(h, z)


def head_as_function(input_dim, hidden_dim, output_dim):
    import keras
    from keras import layers

    h = keras.Input((input_dim,))
    hidden = layers.Dense(hidden_dim, activation="relu")(h)
    z = layers.Dense(output_dim)(hidden)
    return keras.Model(h, z)


def head_as_sequence(input_dim, hidden_dim, output_dim):
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((input_dim,)),
            layers.Dense(hidden_dim),
            layers.ReLU(),
            layers.Dense(output_dim),
        ]
    )


def head_as_class(input_dim, hidden_dim, output_dim):
    import keras
    from keras import layers, ops

    class Head(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = layers.Dense(hidden_dim)
            self.last = layers.Dense(output_dim)

        def call(self, h):
            return self.last(ops.maximum(self.hidden(h), 0.0))

    head = Head()
    head(np.zeros((1, input_dim), "float32"))
    return head


@mistake(
    "There is a ReLU at the end too: z could then never point into a direction with a negative"
    " number in it.",
    hint="The second Dense layer has no activation.",
)
def relu_at_the_end(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, hidden_dim, output_dim), end="relu")


@mistake(
    "There is no ReLU between the two layers: two linear layers in a row are one linear layer.",
    hint='layers.Dense(hidden_dim, activation="relu")',
)
def nothing_between(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, hidden_dim, output_dim), between="linear")


@mistake(
    "Yours is a single linear layer: the hidden layer is missing.",
    hint="Two Dense layers, hidden_dim and output_dim units, with ReLU between.",
)
def one_layer(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, output_dim))


@mistake(
    "You have two hidden layers: the head of this lesson has one.",
    hint="Two Dense layers in all.",
)
def two_hidden_layers(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, hidden_dim, hidden_dim, output_dim))


@mistake(
    "hidden_dim and output_dim are swapped.",
    hint="First Dense(hidden_dim), then Dense(output_dim).",
)
def sizes_swapped(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, output_dim, hidden_dim))


@mistake(
    "Your hidden layer has as many units as h is long: hidden_dim says how many it has.",
    hint='layers.Dense(hidden_dim, activation="relu")',
)
def hidden_as_long_as_h(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, input_dim, output_dim))


@mistake(
    "You scale z to length 1 in the head: the loss does that itself (lesson 03).",
    hint="End with the second Dense layer.",
)
def scaled_to_length_one(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, hidden_dim, output_dim), normalise=True)


@mistake(
    "There is a softmax at the end: that is for telling classes apart, and there are none here.",
    hint="The second Dense layer has no activation.",
)
def softmax_at_the_end(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, hidden_dim, output_dim), end="softmax")


@mistake(
    "Your layers have no biases: leave use_bias as it is, for no BatchNorm stands in for them.",
    hint="layers.Dense(hidden_dim, activation=…), without use_bias=False.",
)
def without_biases(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, hidden_dim, output_dim), bias=False)


@mistake(
    "There is a BatchNorm in your head. The paper's code has some there too; the head of this"
    " lesson is plain: two dense layers and a ReLU.",
    hint="Leave the BatchNormalization out.",
)
def norm_between(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, hidden_dim, output_dim), norm_between=True)


@mistake(
    "Between your layers stands a tanh: a ReLU is asked for.",
    hint='layers.Dense(hidden_dim, activation="relu")',
)
def tanh_between(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, hidden_dim, output_dim), between="tanh")


@mistake(
    "There is a third dense layer, as long as h: the head of this lesson has two in all.",
    hint="keras.Input says how long h is; it needs no layer of its own.",
)
def a_layer_for_the_input(input_dim, hidden_dim, output_dim):
    return make_head((input_dim, input_dim, hidden_dim, output_dim))


def observe_head(head, input_dim, hidden_dim, output_dim):
    """Shape of z, number of weights, and z itself."""
    if not callable(head):
        returned = "z, a Keras tensor" if hasattr(head, "shape") else a_thing(head)
        raise Failed(
            "shape and dtype",
            f"It returns {returned}, where a model is wanted: `return keras.Model(h, z)` makes one"
            " of the way from h, your `keras.Input`, to z.",
            True,
        )
    h = np.random.default_rng(6).normal(size=(5, input_dim)).astype("float32")
    head(h)  # a model that has no weights yet makes them now
    weigh(head)
    z = np.asarray(head(h, training=False))
    return np.asarray(z.shape), trainable(head), z


def z_takes_both_signs(answer):
    def signs():
        head = answer.answer(6, 20, 8)
        z = observe_head(head, 6, 20, 8)[2]
        return bool(z.min() < 0 < z.max())

    if not answer.run(signs):
        return "z must be able to point anywhere, so positive and negative numbers must come out."
    return None


def head_bends(answer):
    def bend():
        head = answer.answer(6, 20, 8)
        observe_head(head, 6, 20, 8)
        h = np.random.default_rng(7).normal(size=(4, 6)).astype("float32")
        here, there, middle = (np.asarray(head(x)) for x in (h, -h, 0 * h))
        return float(np.abs((here + there) / 2 - middle).max())

    if answer.run(bend) < 1e-3:
        return "Your head is linear: halfway between h and −h it gives the mean of their z."
    return None


HEAD = Exercise(
    id="two_layer_head",
    lesson=LESSON,
    title="the projection head",
    minutes=6,
    difficulty=1,
    reference=head_as_function,
    probes=[(6, 20, 8), (12, 5, 7)],
    ladder=[z_takes_both_signs, head_bends],
    mistakes=[
        relu_at_the_end,
        nothing_between,
        one_layer,
        two_hidden_layers,
        sizes_swapped,
        hidden_as_long_as_h,
        scaled_to_length_one,
        softmax_at_the_end,
        without_biases,
        norm_between,
        tanh_between,
        a_layer_for_the_input,
    ],
    hints=(
        "Two Dense layers, one after the other, and a ReLU between them.",
        'h = keras.Input((input_dim,)) begins; layers.Dense(hidden_dim, activation="relu")(h) is'
        " the first step.",
        "The last layer is layers.Dense(output_dim), without activation; return keras.Model(h, z).",
    ),
    right=[head_as_function, head_as_sequence, head_as_class],
    observe=observe_head,
    forbidden=["simclr_lib.heads:projection_head"],
)


# -- BatchNorm in its two modes --------------------------------------------------------------------

EPSILON = 1e-5


def norm_by_axes(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    if training:
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
        moving_mean = momentum * moving_mean + (1 - momentum) * mean
        moving_variance = momentum * moving_variance + (1 - momentum) * variance
    else:
        mean, variance = moving_mean, moving_variance
    y = scale * (x - mean) / np.sqrt(variance + EPSILON) + shift
    return y, moving_mean, moving_variance


def norm_by_rows(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    rows = x.reshape(-1, x.shape[-1])
    mean, variance = moving_mean, moving_variance
    if training:
        mean = rows.sum(axis=0) / len(rows)
        variance = ((rows - mean) ** 2).sum(axis=0) / len(rows)
        moving_mean = moving_mean + (1 - momentum) * (mean - moving_mean)
        moving_variance = moving_variance + (1 - momentum) * (variance - moving_variance)
    factor = scale / (variance + EPSILON) ** 0.5
    return (rows * factor + (shift - mean * factor)).reshape(x.shape), moving_mean, moving_variance


def norm_by_channels(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    y, means, variances = np.empty_like(x), moving_mean.copy(), moving_variance.copy()
    for channel in range(x.shape[-1]):
        values = x[..., channel]
        mean, variance = moving_mean[channel], moving_variance[channel]
        if training:
            mean, variance = np.mean(values), np.mean(values**2) - np.mean(values) ** 2
            means[channel] = momentum * means[channel] + (1 - momentum) * mean
            variances[channel] = momentum * variances[channel] + (1 - momentum) * variance
        standard = (values - mean) / np.sqrt(variance + EPSILON)
        y[..., channel] = scale[channel] * standard + shift[channel]
    return y, means, variances


def norm_in_keras(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    from keras import ops

    mean, variance = ops.convert_to_tensor(moving_mean), ops.convert_to_tensor(moving_variance)
    old = mean, variance
    if training:
        mean, variance = ops.moments(ops.convert_to_tensor(x), axes=list(range(x.ndim - 1)))
    y = scale * (x - mean) * ops.rsqrt(variance + EPSILON) + shift
    if not training:
        return y, *old
    kept = momentum * old[0] + (1 - momentum) * mean, momentum * old[1] + (1 - momentum) * variance
    return y, *kept


def changed_norm(**change):
    """BatchNorm with one thing changed."""

    def changed(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
        axes = change.get("axes", tuple(range(x.ndim - 1)))
        axes = axes(x) if callable(axes) else axes
        mean = x.mean(axis=axes, keepdims="axes" in change)
        variance = x.var(axis=axes, ddof=change.get("ddof", 0), keepdims="axes" in change)
        kept = moving_mean, moving_variance
        if training or change.get("always_moves"):
            m = 1 - momentum if change.get("swapped") else momentum
            width = x.shape[-1]
            means = np.broadcast_to(mean, x.shape).reshape(-1, width).mean(axis=0)
            spread = np.broadcast_to(variance, x.shape).reshape(-1, width).mean(axis=0)
            spread = np.sqrt(spread) if change.get("moves_deviation") else spread
            kept = m * moving_mean + (1 - m) * means, m * moving_variance + (1 - m) * spread
        if change.get("never_moves"):
            kept = moving_mean, moving_variance
        if change.get("always_moving") or (not training and not change.get("always_batch")):
            mean, variance = kept if change.get("after") else (moving_mean, moving_variance)
        elif change.get("after"):
            mean, variance = kept
        if change.get("epsilon") == "none":
            root = np.sqrt(variance)
        elif change.get("epsilon") == "outside":
            root = np.sqrt(variance) + EPSILON
        else:
            root = np.sqrt(variance + EPSILON)
        root = variance + EPSILON if change.get("no_root") else root
        y = (x - mean) / root
        if change.get("order") == "shift first":
            y = scale * (y + shift)
        elif change.get("order") != "none":
            y = scale * y + shift
        return y, *kept

    return changed


def each_picture_alone(x):
    return tuple(range(1, x.ndim - 1)) if x.ndim > 2 else (1,)


@mistake(
    "You normalise by the batch in inference mode too: there a picture's features would depend on"
    " its neighbours in the batch.",
    hint="With training=False, mean and variance are the moving ones.",
)
def batch_in_both_modes(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(always_batch=True)(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "You normalise by the moving statistics in training mode too: there the batch's own count.",
    hint="With training=True, mean and variance are those of x.",
)
def moving_in_both_modes(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(always_moving=True)(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "In training mode you normalise by the statistics after they have moved: use the batch's own,"
    " and move the others beside it.",
    hint="Keep `mean` and `moving_mean` apart.",
)
def normalised_by_what_moved(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(after=True)(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "Your moving statistics move in inference mode as well: looking at pictures must not change"
    " the network.",
    hint="Only `if training:`.",
)
def moves_in_inference(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(always_moves=True)(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "Your moving statistics never move: in training mode each call moves them a little.",
    hint="moving_mean = momentum · moving_mean + (1 − momentum) · mean",
)
def never_moves(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(never_moves=True)(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "The momentum is the wrong way round: it is the share that is *kept*. (In PyTorch it is the"
    " share of the new value, so 0.1 there is 0.9 here.)",
    hint="momentum · moving_mean + (1 − momentum) · mean",
)
def momentum_the_wrong_way(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(swapped=True)(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "You take mean and variance over the batch alone, for each place of the map by itself: a"
    " channel has one mean, over all pictures *and* all places.",
    hint="All axes but the last: tuple(range(x.ndim - 1)).",
)
def each_place_alone(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(axes=(0,))(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "You take mean and variance for each picture by itself: that is another normalisation. Here"
    " they go over the whole batch.",
    hint="All axes but the last, axis 0 included.",
)
def each_picture_by_itself(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(axes=each_picture_alone)(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "You divide by the variance: divide by its root, the standard deviation.",
    hint="np.sqrt(variance + 1e-5)",
)
def no_root(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(no_root=True)(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "The small 1e-5 is missing: a channel that is nearly the same everywhere is blown up too much,"
    " and one that is constant gives 0 ÷ 0.",
    hint="np.sqrt(variance + 1e-5)",
)
def no_epsilon(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(epsilon="none")(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "You add 1e-5 after the root: it belongs to the variance.",
    hint="np.sqrt(variance + 1e-5), not np.sqrt(variance) + 1e-5.",
)
def epsilon_outside_the_root(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(epsilon="outside")(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "You divide by n − 1 in the variance: BatchNorm takes the plain mean of the squares.",
    hint="np.var(x, axis=axes) as it is, without ddof=1.",
)
def divided_by_n_minus_one(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(ddof=1)(x, scale, shift, moving_mean, moving_variance, training, momentum)


@mistake(
    "Your moving variance takes in standard deviations: it moves towards the variance.",
    hint="The root is taken when it is used, not when it is kept.",
)
def keeps_the_deviation(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(moves_deviation=True)(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "Scale and shift are missing at the end.",
    hint="scale · (x − mean) ÷ √(variance + 1e-5) + shift",
)
def no_scale_and_shift(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(order="none")(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "You shift before you scale, so that the shift is scaled as well.",
    hint="First times scale, then plus shift.",
)
def shift_before_scale(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    return changed_norm(order="shift first")(
        x, scale, shift, moving_mean, moving_variance, training, momentum
    )


@mistake(
    "You take mean and variance over axis 0 alone, so each place of the map has its own, and so do"
    " your moving statistics: a channel has one, over all pictures *and* all places.",
    hint="All axes but the last: tuple(range(x.ndim - 1)).",
)
def axis_zero_alone(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    mean, variance = moving_mean, moving_variance
    if training:
        mean, variance = x.mean(axis=0), x.var(axis=0)
        moving_mean = momentum * moving_mean + (1 - momentum) * mean
        moving_variance = momentum * moving_variance + (1 - momentum) * variance
    y = scale * (x - mean) / np.sqrt(variance + EPSILON) + shift
    return y, moving_mean, moving_variance


@mistake(
    "You name the axes 0, 1 and 2: x may have fewer, as features (pictures, channels) do.",
    hint="All axes but the last, however many: tuple(range(x.ndim - 1)).",
)
def always_four_axes(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    if training:
        x.mean(axis=(0, 1, 2))
    return norm_by_axes(x, scale, shift, moving_mean, moving_variance, training, momentum)


@mistake(
    "You take one mean and one variance over everything: each channel has its own.",
    hint="All axes but the last: x.mean(axis=tuple(range(x.ndim - 1))).",
)
def channels_together(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    mean, variance = moving_mean, moving_variance
    if training:
        mean, variance = x.mean(), x.var()
        moving_mean = momentum * moving_mean + (1 - momentum) * mean
        moving_variance = momentum * moving_variance + (1 - momentum) * variance
    y = scale * (x - mean) / np.sqrt(variance + EPSILON) + shift
    return y, moving_mean, moving_variance


@mistake(
    "You take the standard deviation for the variance, and its root once more.",
    hint="x.var(axis=…), not x.std(axis=…).",
)
def deviation_for_variance(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    mean, variance = moving_mean, moving_variance
    if training:
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axis=axes), x.std(axis=axes)
        moving_mean = momentum * moving_mean + (1 - momentum) * mean
        moving_variance = momentum * moving_variance + (1 - momentum) * variance
    y = scale * (x - mean) / np.sqrt(variance + EPSILON) + shift
    return y, moving_mean, moving_variance


def norm_probe(shape, training, momentum, seed):
    rng = np.random.default_rng(seed)
    width = shape[-1]
    x = rng.normal(1.5, 1.2, shape)
    x[..., -1] = 0.4 + 0.003 * rng.normal(size=shape[:-1])  # so even that 1e-5 counts
    scale, shift = rng.uniform(0.5, 2, width), rng.normal(0, 1, width)
    moving_mean, moving_variance = rng.normal(0, 1, width), rng.uniform(0.5, 3, width)
    if not training:
        moving_variance[-1] = 2e-5
    return x, scale, shift, moving_mean, moving_variance, training, momentum


def inference_leaves_statistics_alone(answer):
    arguments = norm_probe((4, 3, 3, 2), False, 0.9, 5)
    _, mean, variance = answer(*arguments)
    if not (np.allclose(mean, arguments[3]) and np.allclose(variance, arguments[4])):
        return "In inference mode the moving statistics must stay as they are; yours move."
    return None


def inference_looks_at_each_picture_alone(answer):
    arguments = norm_probe((4, 3, 3, 2), False, 0.9, 5)
    together = answer(*arguments)[0][:1]
    alone = answer(arguments[0][:1], *arguments[1:])[0]
    if not np.allclose(together, alone, rtol=1e-3, atol=1e-3):
        return (
            "In inference mode a picture's result must not depend on the other pictures in the"
            " batch; yours does."
        )
    return None


def training_gives_mean_zero(answer):
    rng = np.random.default_rng(8)
    x = rng.normal(3, 2, (6, 4, 4, 2))
    zeros, ones = np.zeros(2), np.ones(2)
    y = answer(x, ones, zeros, zeros, ones, True, 0.9)[0]
    means, deviations = y.mean(axis=(0, 1, 2)), y.std(axis=(0, 1, 2))
    if not (np.allclose(means, 0, atol=1e-2) and np.allclose(deviations, 1, atol=1e-2)):
        return (
            "In training mode, with scale 1 and shift 0, each channel of the batch comes out with"
            f" mean 0 and deviation 1; your first has {means[0]:.3g} and {deviations[0]:.3g}."
        )
    return None


NORM = Exercise(
    id="batch_norm",
    lesson=LESSON,
    title="BatchNorm in its two modes",
    minutes=15,
    difficulty=3,
    reference=norm_by_axes,
    probes=[
        functools.partial(norm_probe, (4, 3, 3, 3), True, 0.9, 0),
        functools.partial(norm_probe, (4, 3, 3, 3), False, 0.9, 1),
        functools.partial(norm_probe, (6, 2), True, 0.7, 2),
        functools.partial(norm_probe, (5, 2), False, 0.7, 3),
    ],
    ladder=[
        inference_leaves_statistics_alone,
        inference_looks_at_each_picture_alone,
        training_gives_mean_zero,
    ],
    mistakes=[
        batch_in_both_modes,
        moving_in_both_modes,
        normalised_by_what_moved,
        moves_in_inference,
        never_moves,
        momentum_the_wrong_way,
        each_place_alone,
        each_picture_by_itself,
        no_root,
        no_epsilon,
        epsilon_outside_the_root,
        divided_by_n_minus_one,
        keeps_the_deviation,
        no_scale_and_shift,
        shift_before_scale,
        axis_zero_alone,
        always_four_axes,
        channels_together,
        deviation_for_variance,
    ],
    hints=(
        "Two cases. In training mode: mean and variance of x, and the moving ones take a step"
        " towards them. In inference mode: the moving ones, and nothing moves. The last formula is"
        " the same for both.",
        "Mean and variance go over all axes but the last: axes = tuple(range(x.ndim - 1)).",
        "moving = momentum · moving + (1 − momentum) · new, for both;"
        " y = scale · (x − mean) ÷ √(variance + 1e-5) + shift.",
    ),
    right=[norm_by_axes, norm_by_rows, norm_by_channels, norm_in_keras],
    parameters=(
        "x",
        "scale",
        "shift",
        "moving_mean",
        "moving_variance",
        "training",
        "momentum",
    ),
)


# -- How long moving statistics remember -----------------------------------------------------------


def steps_by_logarithm(momentum, share):
    return math.ceil(math.log(share) / math.log(momentum))


def steps_by_loop(momentum, share):
    steps, left = 0, 1.0
    while left > share:
        left *= momentum
        steps += 1
    return steps


def steps_with_numpy(momentum, share):
    left = momentum ** np.arange(10_001)
    return int(np.argmax(left <= share))


@mistake(
    "You round down: after that many steps a little more than `share` is still left.",
    hint="math.ceil instead of rounding down.",
)
def steps_rounded_down(momentum, share):
    return math.floor(math.log(share) / math.log(momentum))


@mistake(
    "You take away the same amount at every step, 1 − momentum of the *first* value: what is taken"
    " is a share of what is still left.",
    hint="After n steps momentumⁿ is left.",
)
def in_equal_steps(momentum, share):
    return math.ceil((1 - share) / (1 - momentum))


@mistake(
    "You answer 1 ÷ (1 − momentum), whatever share is asked for: by then about a third is still"
    " left.",
    hint="Solve momentumⁿ ≤ share for n.",
)
def one_over_what_is_new(momentum, share):
    return round(1 / (1 - momentum))


@mistake(
    "You treat the momentum as the share of the *new* value: here it is the share that is kept.",
    hint="Each step multiplies what is left by `momentum`, not by 1 − momentum.",
)
def momentum_is_new(momentum, share):
    return steps_by_loop(1 - momentum, share)


@mistake(
    "You look for the step at which `share` is *gone*: wanted is the step at which no more than"
    " `share` is left.",
    hint="momentumⁿ ≤ share, not 1 − momentumⁿ ≥ share.",
)
def share_is_gone(momentum, share):
    return steps_by_loop(momentum, 1 - share)


@mistake(
    "Your quotient is upside down.",
    hint="n = log(share) ÷ log(momentum)",
)
def quotient_upside_down(momentum, share):
    return math.ceil(math.log(momentum) / math.log(share))


@mistake(
    "You count one step too many: stop as soon as what is left is down to `share`.",
    hint="Count from 0; after step n, momentumⁿ is left.",
)
def one_step_more(momentum, share):
    return steps_by_logarithm(momentum, share) + 1


@mistake(
    "You round to the nearest whole number: where that is down, a little more than `share` is still"
    " left.",
    hint="math.ceil instead of round.",
)
def rounded_to_nearest_step(momentum, share):
    return round(math.log(share) / math.log(momentum))


@mistake(
    "You square what is left at every step: one step multiplies it by `momentum`.",
    hint="left = left · momentum; the momentum itself stays as it is.",
)
def squared_at_each_step(momentum, share):
    steps, left = 1, momentum
    while left > share:
        left, steps = left * left, steps + 1
    return steps


@mistake(
    "Your loop ends before its first step: it must go on while *more* than `share` is left.",
    hint="while left > share, with left = 1 at the start.",
)
def loop_never_begins(momentum, share):
    return 0


def two_halves(answer):
    if answer(0.5, 0.26) != 2:
        return (
            "With momentum 0.5, one step leaves a half and two leave a quarter, so it takes 2 steps"
            f" to get down to 0.26; yours says {answer(0.5, 0.26)}."
        )
    return None


FORGET = Exercise(
    id="steps_to_forget",
    lesson=LESSON,
    title="how long moving statistics remember",
    minutes=5,
    difficulty=1,
    reference=steps_by_logarithm,
    probes=[(0.9, 0.01), (0.99, 0.01), (0.99, 0.3), (0.999, 0.05), (0.6, 0.7)],
    ladder=[two_halves],
    mistakes=[
        steps_rounded_down,
        in_equal_steps,
        one_over_what_is_new,
        momentum_is_new,
        share_is_gone,
        quotient_upside_down,
        one_step_more,
        rounded_to_nearest_step,
        squared_at_each_step,
        loop_never_begins,
    ],
    hints=(
        "Each step keeps the share `momentum` of what was there. How much of the first value is"
        " left after one step, after two, after n?",
        "momentumⁿ is left. You look for the smallest whole n with momentumⁿ ≤ share; a loop will"
        " do.",
        "math.ceil(math.log(share) / math.log(momentum)).",
    ),
    right=[steps_by_logarithm, steps_by_loop, steps_with_numpy],
)

EXERCISES = [SIDE, COST, BLOCK, POOL, HEAD, NORM, FORGET]

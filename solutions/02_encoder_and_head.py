# %% [markdown] slug=title
# # Encoder and projection head: what h keeps and z gives up
#
# SimCLR trains two networks, one behind the other, and throws the second one away. You will build
# both from their smallest parts, count what they cost, and then find out by measurement why the
# second one is needed and why it must go. On the way you meet BatchNorm, the layer with two modes
# that can make a good encoder look like a bad one.
#
# **After it you can**
#
# - say how large each feature map of a network is, and what each convolution costs;
# - build a residual block, an encoder and a projection head, and say why they look as they do;
# - write BatchNorm in both modes, and tell when its statistics can be trusted;
# - explain, with numbers of your own, why features are taken from *h* and not from *z*.
#
# **It takes** about 100 minutes of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** views, anchors and positives (lesson 00) and
# what a view changes (lesson 01).

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson. Leave them as they are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" (minutes) or "smoke" (seconds, learns next to nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other random weights, other views

# %% [markdown] slug=setup-text
# The next cell loads the pictures, as numbers from 0 to 1 where a network is to see them.

# %% slug=setup
import numpy as np
from matplotlib import pyplot as plt

from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

setting = lesson(
    "02_encoder_and_head",
    profile=profile,
    dataset=dataset,
    seed=seed,
    train_limit=2000,
    test_limit=500,
)
data = setting.data
pictures = data.train_images[:256].astype("float32") / 255
side = pictures.shape[1]

# %% [markdown] slug=convolution-text
# ## A convolution looks for one thing everywhere
#
# A **kernel** is a small square of weights. It is laid on the picture, its weights are multiplied
# with the pixels below and added up: one number. Then it moves on. All these numbers together are
# a **feature map**: large where the picture looks like the kernel. Here are three kernels of
# 3×3 weights made by hand; a network finds its own.

# %% slug=convolution
import keras
from keras import layers, ops

kernels = {
    "left to right": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "top to bottom": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "lighter than around": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
}
picture = pictures[:1].mean(axis=-1, keepdims=True)  # in grey: one channel
weights = np.stack(list(kernels.values()), axis=-1)[:, :, None, :].astype("float32")
maps = np.asarray(ops.conv(picture, weights, padding="same"))[0]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.9), layout="constrained")
shown = [picture[0, :, :, 0], *np.moveaxis(maps, -1, 0)]
for ax, image, name in zip(axes, shown, ["the picture, in grey", *kernels], strict=True):
    ax.imshow(image, cmap="gray")
    ax.set(title=name, xticks=[], yticks=[], xlabel=f"{image.shape[1]} columns")
axes[0].set_ylabel(f"{side} rows")
figure.suptitle("One picture, three kernels, three feature maps")
show(figure, alt="A picture and three feature maps: upright edges, level edges, and outlines.")

# %% [markdown] slug=side-text
# ## How large is a feature map?
#
# One number for each place at which the kernel stops. With a **stride** of 2 it stops at every
# other pixel only. With the **padding** `"same"` zeros are put around the map, so that the kernel
# can stop at its very edge; with `"valid"` there are none, and the kernel has to stay within.
# How long is the side of the map that comes out? *(easy, about 5 minutes)*


# %% slug=output-side
def output_side(side, kernel, stride, padding):
    """The side of a feature map after a convolution.

    Args:
        side: of the map that goes in, in pixels.
        kernel: side of the kernel, at most `side`.
        stride: from one place of the kernel to the next, in pixels.
        padding: `"same"` or `"valid"`.

    Returns:
        A whole number.
    """
    ### BEGIN SOLUTION
    if padding == "same":
        return -(-side // stride)  # // rounds down, so this rounds up
    first_pixels = side - kernel
    return first_pixels // stride + 1
    ### END SOLUTION


# %% slug=output-side-check tags=["nbval-check-output"]
report = check("output_side", output_side)
output_side = report.function

# %% [markdown] slug=hints-text
# Stuck? There are three hints for every exercise, tied to your last mistake, and
# `solution("output_side")` after three attempts.

# %% slug=hints tags=["nbval-check-output"]
hint("output_side")

# %% [markdown] slug=stems-text
# ## The stem: how a network begins
#
# The first layers are called the **stem**. Networks for large pictures (ImageNet, 224×224 pixels)
# begin by throwing resolution away: a 7×7 convolution and a pooling, with stride 2 each. Then come
# four stages; each but the first halves the side again. What is left of *our* pictures?

# %% slug=stems-predict
from simclr_lib.course import compare_guess, predict

my_guess = predict(
    "last-side",
    "A picture of 32×32 pixels, the ImageNet stem and four stages: what is the last map's side?",
    answer=None,
)

# %% [markdown] slug=stems-run-text
# Your function knows. Each stem is a list of strides; every stage after the first has stride 2.

# %% slug=stems-run
stems = {  # name: (kernel, stride) of its layers, and the stages that follow
    "CIFAR stem": ([(3, 1)], 4),
    "strided stem, for laptops": ([(4, 2)], 3),
    "ImageNet stem": ([(7, 2), (3, 2)], 4),
}


def sides_of(stem, stages, side):
    """Sides of all feature maps, the picture's first."""
    steps = stem + [(3, 1)] + [(3, 2)] * (stages - 1)
    sides = [side]
    for kernel, stride in steps:
        sides.append(output_side(sides[-1], kernel, stride, "same"))
    return sides


compare_guess("last-side", my_guess, sides_of(*stems["ImageNet stem"], 32)[-1])

# %% [markdown] slug=stems-picture-text
# And here they are, drawn to scale.

# %% slug=stems-picture
figure, axes = plt.subplots(3, 1, figsize=(8, 6.2), layout="constrained", sharex=True)
told = []
for ax, (name, (stem, stages)) in zip(axes, stems.items(), strict=True):
    sides, x = sides_of(stem, stages, 32), 0
    for number, length in enumerate(sides):
        looks = {"facecolor": "#c8ccd0" if number == 0 else "#56B4E9", "edgecolor": "#222222"}
        ax.add_patch(plt.Rectangle((x, -length / 2), length, length, **looks))
        ax.text(x + length / 2, -17.5, str(length), ha="center", va="top")
        x += length + 9
    ax.set(title=name, ylim=(-24, 17), xlim=(-3, 190), aspect="equal", yticks=[], xticks=[])
    ax.spines[:].set_visible(False)
    told.append(f"{name}: {', '.join(map(str, sides))}")
axes[1].set_ylabel("side of the map, in pixels")
axes[2].set_xlabel("from the picture (grey) through stem and stages")
show(figure, alt=f"Sides of the feature maps. {'; '.join(told)}.")

# %% [markdown] slug=stems-commentary tags=["commentary"]
# With the ImageNet stem the last map of a 32×32 picture is a single pixel: whole stages work on
# next to nothing. The SimCLR paper therefore changes the stem for CIFAR-10 (appendix B.9): a 3×3
# convolution with stride 1, and no pooling. Our laptop stem is a compromise.

# %% [markdown] slug=cost-text
# ## What does a convolution cost?
#
# Two things: memory for its **parameters** (the weights), and time for its **multiply-adds**
# (multiply a weight with a number, and add it to the sum). A layer takes `channels` maps in and
# has `filters` filters; *each* filter has a kernel for every channel, and makes one map. At each
# place of the new map, all weights are used once. Padding is `"same"`, and there is no bias.
# *(easy, about 8 minutes)*


# %% slug=convolution-cost
def convolution_cost(side, channels, filters, kernel, stride):
    """Count what a convolution costs for one picture.

    Args:
        side: of the maps that go in.
        channels: maps that go in.
        filters: maps that come out.
        kernel: side of the kernel.
        stride: of the kernel.

    Returns:
        parameters, multiply_adds: whole numbers.
    """
    ### BEGIN SOLUTION
    parameters = filters * channels * kernel * kernel
    new_side = output_side(side, kernel, stride, "same")
    return parameters, parameters * new_side * new_side
    ### END SOLUTION


# %% slug=convolution-cost-check tags=["nbval-check-output"]
report = check("convolution_cost", convolution_cost)
convolution_cost = report.function

# %% [markdown] slug=budget-text
# Now a whole network, ResNet-18 with the CIFAR stem, as the library builds it. We ask each of its
# convolutions for its sizes, and your function for the cost.

# %% slug=budget
from simclr_lib import resnet


def budget(network):
    """`{part: [parameters, multiply-adds]}` of all convolutions."""
    costs = {}
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            _, side, _, channels = layer.input.shape
            sizes = layer.kernel_size[0], layer.strides[0]
            part = costs.setdefault(layer.name.split("_")[0], np.zeros(2, int))
            part += convolution_cost(side, channels, layer.filters, *sizes)
    return costs


resnet18 = resnet(18, stem="cifar", image_size=32)
costs = budget(resnet18)
parameters, multiply_adds = sum(costs.values())
print(f"ResNet-18: {parameters:,} weights in convolutions, {resnet18.count_params():,} numbers in")
print(f"all (the rest is BatchNorm's), {multiply_adds / 1e6:,.0f} million multiply-adds a picture")

# %% [markdown] slug=budget-picture-text
# Where are the weights, and where is the arithmetic? Guess before you look: early or late?

# %% slug=budget-picture
shares = np.array(list(costs.values())) / [parameters, multiply_adds]
figure, ax = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
place = np.arange(len(costs))
ax.bar(place - 0.2, 100 * shares[:, 0], 0.4, color="#56B4E9", edgecolor="#222222")
ax.bar(place + 0.2, 100 * shares[:, 1], 0.4, color="#D55E00", edgecolor="#222222", hatch="//")
ax.legend(["parameters", "multiply-adds"])
ax.set(xticks=place, xlabel="part of the network", ylabel="share of the whole, %")
ax.set_xticklabels(list(costs))
ax.set_title("ResNet-18 on 32×32 pixels: where it costs what")
told = [f"{n} {s[0]:.0%} and {s[1]:.0%}" for n, s in zip(costs, shares, strict=True)]
show(figure, alt=f"Shares of parameters and of multiply-adds: {'; '.join(told)}.")

# %% [markdown] slug=budget-stems-text
# What does the choice of the stem cost? The same ResNet-18, with each of the three stems.

# %% slug=budget-stems tags=["nbval-check-output"]
for stem in ("cifar", "strided", "imagenet"):
    total = sum(budget(resnet(18, stem=stem, image_size=32)).values())
    print(f"{stem:9}{total[0]:>12,} parameters {total[1] / 1e6:7.1f} million multiply-adds")

# %% [markdown] slug=budget-commentary tags=["commentary"]
# Each stage has maps of half the side (a quarter of the places) and twice the channels (four times
# the weights): so the arithmetic is spread about evenly, while most parameters sit in the
# last stage. The stem hardly changes the number of parameters, but decides about the arithmetic: it
# sets the side of all maps that follow. This is why a network can be slow with few parameters.

# %% [markdown] slug=block-text
# ## The residual block
#
# A deep network is a long chain of convolutions, and long chains are hard to train. The way out
# (He and others, 2015) is a **shortcut**: a block computes only what is to be *changed* about its
# input x, and adds it to x.
#
# ```text
#  x ──┬── 3×3 convolution ── BatchNorm ── ReLU ──┐
#      │   ┌──────────────────────────────────────┘
#      │   └── 3×3 convolution ── BatchNorm ──┐
#      │                                      + ── ReLU ──
#      └────────────── shortcut ──────────────┘
# ```
#
# - The first 3×3 convolution has the stride; both have padding `"same"` and no bias.
# - The shortcut is x itself. Only where that does not fit, with a stride or another number of
#   channels, x goes through a 1×1 convolution with that stride, and a BatchNorm.
# - BatchNorm: `layers.BatchNormalization(momentum=momentum, epsilon=1e-5)`; what the momentum
#   does, comes later.
#
# x is a Keras tensor, a map that has a shape and no numbers yet: each layer is called on it, as in
# `layers.ReLU()(x)`. *(medium, about 15 minutes)*


# %% slug=residual-block
def residual_block(x, filters, stride, momentum):
    """Two 3×3 convolutions beside a shortcut.

    Args:
        x: Keras tensor `(batch, side, side, channels)`; `x.shape[-1]` is the channels.
        filters: maps that come out.
        stride: of the first convolution, and of the shortcut.
        momentum: of every BatchNorm.

    Returns:
        Keras tensor `(batch, new side, new side, filters)`.
    """

    ### BEGIN SOLUTION
    def convolve(tensor, kernel, step):
        tensor = layers.Conv2D(filters, kernel, step, padding="same", use_bias=False)(tensor)
        return layers.BatchNormalization(momentum=momentum, epsilon=1e-5)(tensor)

    change = convolve(layers.ReLU()(convolve(x, 3, stride)), 3, 1)
    if stride != 1 or x.shape[-1] != filters:
        x = convolve(x, 1, stride)
    return layers.ReLU()(layers.Add()([x, change]))
    ### END SOLUTION


# %% slug=residual-block-check tags=["nbval-check-output"]
report = check("residual_block", residual_block)
residual_block = report.function

# %% [markdown] slug=deep-text
# ## What the shortcut is good for
#
# We walk in small steps from one picture to another, and watch what a network of random weights
# makes of it. Training follows slopes: if a small step of the input turns the output upside down,
# there is no slope to follow. Two networks of many blocks: one of yours, one of the same blocks
# with the shortcut cut. BatchNorm's statistics first settle on some pictures.

# %% slug=deep
DEPTHS = setting.pick(full=[1, 4, 16], smoke=[1, 3])
steps = setting.pick(full=80, smoke=12)


def plain_block(x, filters):
    """The same convolutions, one after the other, without a shortcut."""
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
    return x


def deep_network(with_shortcuts, width=16):
    """A network that gives the channels' means after each of `DEPTHS` blocks."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((side, side, 3))
    x = layers.Conv2D(width, 4, 2, padding="same")(image)
    means = []
    for depth in range(1, DEPTHS[-1] + 1):
        x = residual_block(x, width, 1, 0.9) if with_shortcuts else plain_block(x, width)
        if depth in DEPTHS:
            means.append(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, means)


# %% [markdown] slug=walk-text
# The walk itself: 0 is the first picture, 1 the second, and in between they are mixed.

# %% slug=walk
mix = np.linspace(0, 1, steps, dtype="float32")[:, None, None, None]
walk = (1 - mix) * pictures[0] + mix * pictures[1]
paths = {}
for name, with_shortcuts in (("plain", False), ("with shortcuts", True)):
    network = deep_network(with_shortcuts)
    for first in range(0, 30 * 32, 32):
        seen = pictures[np.arange(first, first + 32) % len(pictures)]
        network(seen, training=True)
    paths[name] = [np.asarray(out) for out in network(walk, training=False)]

# %% [markdown] slug=walk-picture-text
# One channel after a few and after many blocks, and, in the title of each plot, how much longer
# the path of *all* channels is than the straight line between its ends.

# %% slug=walk-picture
figure, axes = plt.subplots(2, len(DEPTHS), figsize=(9, 4.6), layout="constrained", sharex=True)
told = []
for row, (name, outs) in zip(axes, paths.items(), strict=True):
    for ax, depth, out in zip(row, DEPTHS, outs, strict=True):
        lengths = np.linalg.norm(np.diff(out, axis=0), axis=1)
        detour = lengths.sum() / np.linalg.norm(out[-1] - out[0])
        channel = out.std(axis=0).argmax()
        ax.plot(mix.ravel(), out[:, channel], color="#0072B2")
        ax.set_title(f"{name}, {depth} block{'s' * (depth > 1)}: ×{detour:.1f}", fontsize=11)
        told.append(f"{name} {depth} blocks, path {detour:.1f} times the straight line")
    row[0].set_ylabel("one channel's mean")
figure.supxlabel("from one picture (0) to another (1)")
show(figure, alt=f"Output along a walk between two pictures. {'; '.join(told)}.")

# %% [markdown] slug=walk-commentary tags=["commentary"]
# After one block both look alike; after a few the plain network's path already makes a detour.
# After many its output jumps to and fro from step to step: its slope here says nothing about its
# slope a little further. With shortcuts the input is carried through, every block adds its change,
# and the output stays smooth. Balduzzi and others (2017) call this the *shattered gradients*
# problem.

# %% [markdown] slug=pool-text
# ## One number for each channel
#
# At the end stands a small map with many channels. **Global average pooling** takes the mean of
# each channel over all places. What is left says *how much* of something is in the picture, not
# where; and its length does not depend on the picture's size, so an encoder trained on views of
# 24×24 pixels can look at pictures of 32×32.
#
# It becomes part of a network, so use `ops` (`keras.ops`), not NumPy. *(easy, about 4 minutes)*


# %% slug=global-average-pool
def global_average_pool(feature_map):
    """The mean of each channel over all places.

    Args:
        feature_map: `(batch, rows, columns, channels)`.

    Returns:
        `(batch, channels)`.
    """
    ### BEGIN SOLUTION
    return ops.mean(feature_map, axis=(1, 2))
    ### END SOLUTION


# %% slug=global-average-pool-check tags=["nbval-check-output"]
report = check("global_average_pool", global_average_pool)
global_average_pool = report.function

# %% [markdown] slug=encoder-text
# ## Your encoder
#
# All parts are there: the laptop stem, three stages of one block of yours, your pooling. What
# comes out is the **feature vector h**. The library's `resnet(8)` is the same network; so both
# must have equally many weights.

# %% slug=encoder
WIDTH = setting.pick(full=32, smoke=8)


def new_encoder(momentum):
    """Stem, three residual blocks, pooling: views of any size → h."""
    views = keras.Input((None, None, 3))
    x = layers.Conv2D(WIDTH, 4, 2, padding="same", use_bias=False)(views)
    x = layers.BatchNormalization(momentum=momentum, epsilon=1e-5)(x)
    x = layers.ReLU()(x)
    for filters, stride in ((WIDTH, 1), (2 * WIDTH, 2), (4 * WIDTH, 2)):
        x = residual_block(x, filters, stride, momentum)
    return keras.Model(views, global_average_pool(x))


encoder = new_encoder(momentum=0.9)
library = resnet(8, width=WIDTH, stem="strided")
print(f"yours: {encoder.count_params():,} numbers, the library's: {library.count_params():,}")
for size in (24, 32):
    print(f"views of {size}×{size} pixels → h {tuple(encoder(np.zeros((1, size, size, 3))).shape)}")

# %% [markdown] slug=head-text
# ## The projection head
#
# The loss does not look at h, but at **z**: h sent through a small network, the **projection
# head**. It has two dense layers with a ReLU between them: `hidden_dim` units, then `output_dim`
# without activation. Return a `keras.Model` from h to z. *(easy, about 6 minutes)*


# %% slug=two-layer-head
def two_layer_head(input_dim, hidden_dim, output_dim):
    """The projection head of SimCLR.

    Args:
        input_dim: length of h.
        hidden_dim: units of the hidden layer.
        output_dim: length of z.

    Returns:
        A Keras model: `h (batch, input_dim)` → `z (batch, output_dim)`.
    """
    ### BEGIN SOLUTION
    start = keras.Input((input_dim,))
    middle = layers.Dense(hidden_dim, activation="relu")(start)
    return keras.Model(start, layers.Dense(output_dim)(middle))
    ### END SOLUTION


# %% slug=two-layer-head-check tags=["nbval-check-output"]
report = check("two_layer_head", two_layer_head)
two_layer_head = report.function

# %% [markdown] slug=head-sizes-text
# Here z is as long as h, so that no comparison below can be put down to their lengths. (The paper
# has a z of 128 numbers beside an h of 2048, and finds that its length hardly matters.)

# %% slug=head-sizes
h_length = encoder.output_shape[-1]
head = two_layer_head(h_length, 2 * h_length, h_length)
z = head(encoder(pictures[:2]))
print(f"two views → h {(2, h_length)} → z {tuple(z.shape)}")
print(f"{encoder.count_params():,} numbers in the encoder, {head.count_params():,} in the head")

# %% [markdown] slug=norm-text
# ## BatchNorm, a layer with two modes
#
# After every convolution stands a BatchNorm. It brings each channel to mean 0 and deviation 1, and
# then to a scale and a shift that are learnt:
#
# $$y = \text{scale} \cdot \frac{x - \text{mean}}{\sqrt{\text{variance} + 0.00001}} + \text{shift}$$
#
# But *which* mean and variance?
#
# - **Training mode:** those of the batch at hand, for each channel over all pictures and all
#   places. Beside that, the layer keeps **moving statistics**, and each step moves them a little:
#   new = momentum · old + (1 − momentum) · batch.
# - **Inference mode:** the moving statistics, as they are. Nothing moves, and a picture's features
#   do not depend on its neighbours in the batch.
#
# Write it. (The variance is the mean of the squared distances, as NumPy's `var`.) *(hard, about 15
# minutes)*


# %% slug=batch-norm
def batch_norm(x, scale, shift, moving_mean, moving_variance, training, momentum=0.9):
    """Normalise each channel.

    Args:
        x: array `(…, channels)`; any number of axes before the last.
        scale, shift: `(channels,)`.
        moving_mean, moving_variance: `(channels,)`.
        training: True for training mode, False for inference mode.
        momentum: share of the moving statistics that a step keeps.

    Returns:
        y, moving_mean, moving_variance: y as x; the statistics as they are afterwards (new
        arrays: do not change those that you were given).
    """
    ### BEGIN SOLUTION
    mean, variance = moving_mean, moving_variance
    if training:
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
        moving_mean = momentum * moving_mean + (1 - momentum) * mean
        moving_variance = momentum * moving_variance + (1 - momentum) * variance
    standard = (x - mean) / np.sqrt(variance + 1e-5)
    return scale * standard + shift, moving_mean, moving_variance
    ### END SOLUTION


# %% slug=batch-norm-check tags=["nbval-check-output"]
report = check("batch_norm", batch_norm)
batch_norm = report.function

# %% [markdown] slug=moving-text
# Watch the statistics move. The pictures' own three channels stand for a layer: red, green, blue.
# Your function gets one batch after the other in training mode; the moving mean starts at 0, where
# it starts in every layer.

# %% slug=moving
STEPS = 150
one, zero = np.ones(3), np.zeros(3)
rng = np.random.default_rng(seed)
moving = {}
for momentum in (0.9, 0.99):
    mean, variance, moving[momentum] = zero, one, [0.0]
    for _ in range(STEPS):
        batch = pictures[rng.integers(len(pictures), size=32)]
        _, mean, variance = batch_norm(batch, one, zero, mean, variance, True, momentum)
        moving[momentum].append(mean[0])

# %% [markdown] slug=moving-picture-text
# The dashed line is what they are moving to: the mean of all pictures.

# %% slug=moving-picture
true_mean = pictures[..., 0].mean()
figure, ax = plt.subplots(figsize=(7, 3.3), layout="constrained")
for (momentum, values), looks in zip(moving.items(), ("-", "-."), strict=True):
    ax.plot(values, looks, linewidth=2, label=f"momentum {momentum}")
ax.axhline(true_mean, color="#222222", linestyle="--", label="mean of all pictures")
ax.set(xlabel="step", ylabel="moving mean of red", title="Moving statistics start far away")
ax.legend()
told = ", ".join(f"momentum {m} at {values[-1]:.2f}" for m, values in moving.items())
show(figure, alt=f"Two moving means rise from 0 to {true_mean:.2f}; after {STEPS} steps: {told}.")

# %% [markdown] slug=forget-text
# ## How long do they remember?
#
# The first value, 0 for the mean and 1 for the variance, has nothing to do with your pictures.
# Each step keeps the share `momentum` of what is there. After how many steps is no more than a
# given share of the first value left? *(easy, about 5 minutes)*

# %% slug=steps-to-forget
import math


def steps_to_forget(momentum, share):
    """Count the steps until at most `share` of the first moving statistics is left.

    Args:
        momentum: share that each step keeps, between 0 and 1.
        share: between 0 and 1.

    Returns:
        The smallest whole number of steps.
    """
    ### BEGIN SOLUTION
    return math.ceil(math.log(share) / math.log(momentum))
    ### END SOLUTION


# %% slug=steps-to-forget-check tags=["nbval-check-output"]
report = check("steps_to_forget", steps_to_forget)
steps_to_forget = report.function

# %% [markdown] slug=forget-table-text
# Beside each other: the usual momentum of Keras, 0.99, and that of this course, 0.9.

# %% slug=forget-table tags=["nbval-check-output"]
for momentum in (0.9, 0.99, 0.999):
    counts = [f"{share:.0%} left: {steps_to_forget(momentum, share)}" for share in (0.5, 0.05)]
    print(f"momentum {momentum}: steps until {', until '.join(counts)}")

# %% [markdown] slug=settle-text
# ## An encoder that is better than it looks
#
# Take your encoder, fresh, with random weights. Its statistics are those it was born with. Now let
# it *see* some pictures in training mode. No weight moves, nothing is learnt; only the moving
# statistics settle. Then we ask for the kNN accuracy of lesson 00, in inference mode, both times.

# %% slug=settle-predict
my_guess = predict(
    "settled",
    "How many percentage points does it change the kNN accuracy?",
    answer=None,
)

# %% [markdown] slug=settle-run-text
# Watch closely which mode each call has.

# %% slug=settle
from simclr_lib import extract_features, knn_accuracy


def knn_of_features(train_h, test_h):
    """Share of the test pictures whose 20 nearest training pictures vote for the right class."""
    return knn_accuracy(train_h, data.train_labels, test_h, data.test_labels, k=20)


def knn_of(encoder):
    """The same for an encoder, in inference mode."""
    train_h = extract_features(encoder, data.train_images)
    return knn_of_features(train_h, extract_features(encoder, data.test_images))


keras.utils.set_random_seed(seed)
encoder = new_encoder(momentum=0.9)
fresh = knn_of(encoder)
for first in range(0, 30 * 64, 64):
    seen = pictures[np.arange(first, first + 64) % len(pictures)]
    encoder(seen, training=True)  # moves the statistics, and only them
settled = knn_of(encoder)
compare_guess("settled", my_guess, 100 * (settled - fresh), unit="percentage points")

# %% [markdown] slug=settle-picture-text
# The pixels themselves, without any encoder, stand beside them.

# %% slug=settle-picture
from simclr_lib import plots

pixels = [images.reshape(len(images), -1) / 255 for images in (data.train_images, data.test_images)]
rows = [
    ("raw pixels", knn_of_features(*pixels)),
    ("random weights, as born", fresh),
    ("random weights, settled", settled),
]
title = f"kNN accuracy on {data.name}, nothing trained, seed {seed}"
show(plots.accuracy_bars(rows, title, classes=len(data.class_names), highlight=rows[2][0]))

# %% [markdown] slug=settle-commentary tags=["commentary"]
# The same weights, two readings. Whoever takes the encoder as born for "the untrained baseline"
# makes the baseline look worse than it is, and so the training look better. The fair one has
# settled statistics.

# %% [markdown] slug=stale-text
# ## Statistics that lag behind a training
#
# Now the trap in its usual form. We train the same SimCLR **twice**: same first weights, same
# views, same order of pictures. Only the momentum differs. In training mode BatchNorm normalises
# by the batch, so the momentum has no effect on the loss, the gradients or the weights: both runs
# compute the same. It only matters when we look, in inference mode.

# %% slug=stale-model
from simclr_lib import SimCLR, chance_level, simclr_augmenter
from simclr_lib.optimizers import build_optimizer
from simclr_lib.pretraining import fit_epochs
from simclr_lib.pretraining.progress import Progress

batch_size = setting.pick(full=128, smoke=64)
steps_per_epoch = len(data.train_images) // batch_size


def new_model(momentum):
    """A SimCLR model, always with the same first weights and the same views."""
    keras.utils.set_random_seed(seed)
    networks = new_encoder(momentum), two_layer_head(h_length, 2 * h_length, h_length)
    augmenter = simclr_augmenter(setting.pick(full=24, smoke=16), seed=seed)
    model = SimCLR(*networks, augmenter, temperature=0.3)
    model(data.train_images[:2])  # builds it
    model.compile(build_optimizer("adamw", 2e-3, 1e-2, model.trainable_variables))
    return model


# %% [markdown] slug=stale-look-text
# After some epochs we read the features in inference mode, and once more with the statistics of
# the batch at hand, in training mode. That moves the statistics, so they are put back afterwards.


# %% slug=stale-look
def batch_features(encoder, images):
    """h, normalised by the statistics of a batch of test pictures itself."""
    before = encoder.get_weights()
    parts = np.array_split(images.astype("float32") / 255, max(1, len(images) // 250))
    h = np.concatenate([np.asarray(encoder(part, training=True)) for part in parts])
    encoder.set_weights(before)
    return h


def train(momentum, epochs, look_after):
    """Train; return the model and `{steps: (kNN by moving statistics, kNN by the batch's)}`."""
    model, seen = new_model(momentum), {}

    def look(history):
        epoch = history[-1]["epoch"]
        if epoch in look_after:
            parts = [
                batch_features(model.encoder, i) for i in (data.train_images, data.test_images)
            ]
            seen[epoch * steps_per_epoch] = knn_of(model.encoder), knn_of_features(*parts)

    watch = Progress(f"Momentum {momentum}", epochs * steps_per_epoch, chance_level(batch_size))
    order = {"batch_size": batch_size, "epochs": epochs, "seed": seed}
    fit_epochs(model, data.train_images, after_epoch=look, progress=watch, **order)
    return model, seen


# %% [markdown] slug=stale-predict-text
# A guess first. After two epochs: which run's encoder looks better in inference mode?

# %% slug=stale-predict
my_guess = predict(
    "lagging",
    "Which momentum gives the better kNN accuracy after the first two epochs?",
    choices=["0.9", "0.99", "no difference: the weights are the same"],
    answer=None,
)

# %% [markdown] slug=stale-run-text
# First the short run with momentum 0.99, then the long one with 0.9: its encoder serves the rest
# of the lesson. These are the minutes of this lesson.

# %% slug=stale-run
looks = setting.pick(full=[1, 2, 4, 8], smoke=[1, 2])
LONG = setting.pick(full=20, smoke=2)
lagging, seen_99 = train(0.99, looks[-1], looks)
model, seen_90 = train(0.9, LONG, [*looks, LONG])
second = looks[1] * steps_per_epoch
better = "0.9" if seen_90[second][0] > seen_99[second][0] else "0.99"
compare_guess("lagging", my_guess, better)

# %% [markdown] slug=stale-picture-text
# Three readings of one and the same training.

# %% slug=stale-picture
when = [epoch * steps_per_epoch for epoch in looks]
readings = {
    "the batch's own statistics": [seen_90[step][1] for step in when],
    "moving, momentum 0.9": [seen_90[step][0] for step in when],
    "moving, momentum 0.99": [seen_99[step][0] for step in when],
}
figure, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
for (name, values), line in zip(readings.items(), ("D:", "o-", "s-."), strict=True):
    ax.plot(when, [100 * value for value in values], line, label=name)
chance = 100 / len(data.class_names)
ax.axhline(chance, color="#222222", linestyle="--", linewidth=1, label="chance")
ax.set(xlabel="training steps", ylabel="kNN accuracy, %", xticks=when)
ax.set_title(f"The same weights, read in three ways (seed {seed})")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
told = [f"{n}: {', '.join(f'{v:.1%}' for v in values)}" for n, values in readings.items()]
show(figure, alt=f"kNN after {', '.join(map(str, when))} steps. {'; '.join(told)}.")

# %% [markdown] slug=stale-share-text
# How much of the first statistics is still in there, at each look?

# %% slug=stale-share
for step in when:
    left = ", ".join(f"{momentum}: {momentum**step:6.1%}" for momentum in (0.9, 0.99))
    print(f"after {step:4} steps, left of the first statistics with momentum {left}")

# %% [markdown] slug=stale-commentary tags=["commentary"]
# With momentum 0.99 the readings of the first epochs are wrong, though the weights are the same as
# in the other run. The picture also tells how to find out: **read the features once more with the
# batch's own statistics**. If that is much better, the statistics are at fault, not the weights.
# The error grows from layer to layer, and this encoder is shallow: deeper ones suffer more. And it
# is not only the first values that linger: the weights change while training, so statistics that
# lag belong to weights that are gone.

# %% [markdown] slug=why-text
# ## Why keep h, and not z?
#
# The loss asks z for one thing: be the same for two views of a picture. So z should *forget* all
# that a view can change. But what a view changes may be worth knowing to somebody: a gardener
# wants the colour of a flower. Let us measure what is still there, in h and in z.
#
# The tool is a **linear probe**: a linear classifier, trained on frozen features, with labels. If
# it finds out from the features whether a picture was turned, the features know it. We change
# pictures ourselves, and ask each time what was done; and for the class, of course.

# %% slug=why-changes
from matplotlib.colors import rgb_to_hsv


def in_grey(images, draw):
    grey = images.mean(axis=-1, keepdims=True).repeat(3, axis=-1).astype("uint8")
    return np.where(draw[:, None, None, None] == 1, grey, images)


def darker(images, draw):
    return (images * np.array([0.5, 0.75, 1.0])[draw][:, None, None, None]).astype("uint8")


def enlarged(images, draw):
    quarter = images.shape[1] // 4
    middle = images[:, quarter:-quarter, quarter:-quarter]
    large = keras.ops.image.resize(middle.astype("float32"), images.shape[1:3])
    return np.where(draw[:, None, None, None] == 1, np.asarray(large), images).astype("uint8")


def turned(images, draw):
    return np.stack([np.rot90(image, k) for image, k in zip(images, draw, strict=True)])


# %% [markdown] slug=why-hue-text
# One more question needs no change: which of six sectors of the colour wheel is the picture's
# mean colour in? The other questions have as many answers as there are changes.


# %% slug=why-tasks
def hue_sector(images):
    """Sector of the colour wheel, 0 to 5, of the mean colour; strong colours count more."""
    hue, saturation, value = np.moveaxis(rgb_to_hsv(images / 255), -1, 0)
    arrows = saturation * value * np.exp(2j * np.pi * hue)
    return (np.angle(arrows.mean(axis=(1, 2))) / (2 * np.pi) % 1 * 6).astype(int) % 6


changes = {
    "grey or not": (in_grey, 2),
    "how dark": (darker, 3),
    "enlarged or not": (enlarged, 2),
    "turned how far": (turned, 4),
}


def asked(question, images, labels, rng):
    """Pictures and the right answers to a question about them."""
    if question in changes:
        change, answers = changes[question]
        draw = rng.integers(answers, size=len(images))
        return change(images, draw), draw
    return images, hue_sector(images) if question == "which hue" else labels


# %% [markdown] slug=why-predict-text
# From which one can *more* be read, on the whole? And is there a question where it is the other
# way round?

# %% slug=why-predict
my_guess = predict(
    "h-or-z",
    "In how many of the six questions does h do better than z?",
    answer=None,
)

# %% [markdown] slug=why-run-text
# For each question: change the pictures, compute h and z in inference mode, fit a linear probe to
# each on the training pictures, and test it on the test pictures.

# %% slug=why-run
from simclr_lib.evaluation import linear_probe

questions = ["which class", "which hue", *changes]


def readable(model, question):
    """Accuracy of a linear probe on h and on z."""
    rng = np.random.default_rng(seed)
    train = asked(question, data.train_images, data.train_labels, rng)
    test = asked(question, data.test_images, data.test_labels, rng)
    h = [extract_features(model.encoder, part[0]) for part in (train, test)]
    z = [np.asarray(model.head(features)) for features in h]
    return [linear_probe(f[0], train[1], f[1], test[1]).accuracy for f in (h, z)]


found = {question: readable(model, question) for question in questions}
compare_guess("h-or-z", my_guess, sum(h > z for h, z in found.values()))

# %% [markdown] slug=why-picture-text
# The short black lines are what always giving the most frequent answer would get.

# %% slug=why-picture
answers = {"which class": data.test_labels, "which hue": hue_sector(data.test_images)}
chances = [
    np.bincount(answers[q]).max() / len(data.test_labels) if q in answers else 1 / changes[q][1]
    for q in questions
]
place, both = np.arange(len(questions)), 100 * np.array(list(found.values()))
figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
ax.bar(place - 0.2, both[:, 0], 0.38, color="#56B4E9", edgecolor="#222222", label="h")
ax.bar(place + 0.2, both[:, 1], 0.38, color="#D55E00", edgecolor="#222222", hatch="//", label="z")
ax.hlines(100 * np.array(chances), place - 0.45, place + 0.45, color="black", lw=2, label="chance")
for x, (h, z) in zip(place, both, strict=True):
    ax.text(x - 0.2, h + 1, f"{h:.0f}", ha="center")
    ax.text(x + 0.2, z + 1, f"{z:.0f}", ha="center")
ax.set(xticks=place, ylabel="accuracy of a linear probe, %", ylim=(0, 112), xlabel="question")
ax.set_xticklabels([q.replace(" or ", "\nor ").replace(" how", "\nhow") for q in questions])
ax.set_title(f"What can be read from h and from z ({LONG} epochs, seed {seed})")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
told = [f"{q} {h:.0%} and {z:.0%}" for q, (h, z) in found.items()]
show(figure, alt=f"Accuracy of a linear probe on h and on z: {'; '.join(told)}.")

# %% [markdown] slug=why-untrained-text
# Is that the training's work, or would any two random layers lose as much? The fair comparison:
# the same two networks before training, with settled statistics. How many points does the head
# cost, before and after?

# %% slug=why-untrained
untrained = new_model(0.9)
for first in range(0, 30 * 64, 64):
    seen = pictures[np.arange(first, first + 64) % len(pictures)]
    untrained.encoder(seen, training=True)
for question in questions:
    (h, z), (h_after, z_after) = readable(untrained, question), found[question]
    print(f"{question:16} z − h, untrained: {100 * (z - h):+6.1f}", end="   ")
    print(f"trained: {100 * (z_after - h_after):+6.1f} points")

# %% [markdown] slug=why-commentary tags=["commentary"]
# **How to read this.** Look at each question by itself, and at the table first: only what the head
# costs *more* after the training than before has been given up for the loss's sake. Where h does
# better, the head has thrown something away that the encoder knows; where z does better, the head
# has put it into a form that a linear rule reads more easily. A fraction of a point is noise with
# so few test pictures. The SimCLR paper asks questions of this kind of a large network (table 3),
# and finds that z has lost most of what its views change, while h has kept it: the head can do the
# forgetting, so that the encoder need not. A short training of a small network shows the beginning
# of this, not the end.

# %% [markdown] slug=recap
# ## What you learnt
#
# - The side of a feature map follows from **stride and padding**; the stem decides about the sides
#   of all maps, and so about most of the arithmetic. For 32×32 pixels use the **CIFAR stem**.
# - Parameters sit in the late stages, multiply-adds everywhere.
# - A **residual block** adds a change to its input; deep networks stay smooth with it.
# - **Global average pooling** makes h as long as there are channels, for pictures of any size.
# - **BatchNorm** has two modes. Its moving statistics need steps to settle, about as many as the
#   momentum says; until then an encoder looks worse than it is. Use a momentum of **0.9**, and
#   when in doubt read once more with the batch's statistics.
# - The **head** takes the loss's demand to forget upon itself. **h** is kept, z is thrown away.
#
# **Try it:** give `train` a momentum of 0.999. After how many steps do you expect it to catch up?
# Ask `steps_to_forget`.

# %% [markdown] slug=next
# ## What comes next
#
# **Lesson 03** derives the loss that looks at z. Where the field went with heads: SimCLR v2 makes
# the head deeper and keeps its first layer, BYOL and SimSiam put a second one behind it; and
# BatchNorm is often replaced by normalisations that look at one picture alone and need no second
# mode.

# %% [markdown] slug=references
# ## References
#
# - K. He, X. Zhang, S. Ren, J. Sun (2015):
#   [Deep Residual Learning for Image Recognition](https://arxiv.org/abs/1512.03385).
#   The block; section 4.2 has networks for CIFAR-10.
# - D. Balduzzi and others (2017):
#   [The Shattered Gradients Problem: If resnets are the answer, then what is the
#   question?](https://arxiv.org/abs/1702.08591) The walk between two pictures.
# - S. Ioffe, C. Szegedy (2015):
#   [Batch Normalization](https://arxiv.org/abs/1502.03167). Its two modes.
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020):
#   [A Simple Framework for Contrastive Learning of Visual Representations](https://arxiv.org/abs/2002.05709).
#   Section 4.2 and table 3: what h keeps and z gives up; appendix B.9: the stem for CIFAR-10.
# - T. Chen, S. Kornblith, K. Swersky, M. Norouzi, G. Hinton (2020):
#   [Big Self-Supervised Models are Strong Semi-Supervised Learners](https://arxiv.org/abs/2006.10029).
#   SimCLR v2: deeper heads, kept in part.

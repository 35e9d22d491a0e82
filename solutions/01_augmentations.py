# %% [markdown] slug=title
# # Augmentations: what a view is made of
#
# Two random views of one picture are all that SimCLR learns from. Whatever differs between the two
# views, the encoder learns to overlook; whatever they share, it may use. So choosing the
# augmentations is choosing **what the encoder becomes blind to**. In this lesson you build each of
# them, and then watch what happens when one is left out.
#
# **After it you can**
#
# - build the random crop, the colour distortion, the grey and the blur, and join them to two views;
# - say for each operation what it makes the encoder blind to, and measure it;
# - explain the colour shortcut, and give it away with a histogram.
#
# **It takes** about 80 minutes of yours, exercises included, and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** lesson 00 (view, encoder, positive, negative)
# and NumPy: arrays, axes, broadcasting.

# %% [markdown] slug=settings-text
# ## Settings
#
# The three settings of every lesson. Leave them as they are the first time.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" (minutes) or "smoke" (seconds, learns next to nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other random views, another start

# %% [markdown] slug=setup-text
# The next cell loads the pictures. The built-in ones, *shapes*, are sheets of wrapping paper: one
# of ten shapes, repeated all over, in random colours. The shape is the class.

# %% slug=setup
import numpy as np
from matplotlib import pyplot as plt

from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

setting = lesson(
    "01_augmentations",
    profile=profile,
    dataset=dataset,
    seed=seed,
    train_limit=3000,
    test_limit=1000,
)
data = setting.data
pictures = data.train_images[:5] / 255.0  # float, in [0, 1]
picture = pictures[0]
side = data.image_size

# %% [markdown] slug=row-text
# One small tool for the whole lesson: it draws pictures in rows, with a name above each.


# %% slug=row
def picture_grid(rows, title):
    """Draw `{row name: [(picture, name), …]}`, one row below the other."""
    columns = max(map(len, rows.values()))
    size = (1.1 * columns + 0.6, 1.33 * len(rows) + 0.5)
    figure, axes = plt.subplots(
        len(rows), columns, figsize=size, layout="compressed", squeeze=False
    )
    figure.suptitle(title, fontsize=12, fontweight="bold")
    for line, (row_name, cells) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(row_name)
        for ax in line[len(cells) :]:
            ax.set_visible(False)
        for ax, (image, name) in zip(line, cells, strict=False):
            ax.imshow(np.clip(image, 0, 1))
            ax.set(xticks=[], yticks=[], title=name)
    return figure


# %% [markdown] slug=views-text
# ## A view is a question
#
# First the goal: the kit's own views, two of each picture. Before you read on, look at the columns
# one by one: what do the two views of a picture have in common, and what does *not* help to match
# them?

# %% slug=views
from simclr_lib import plots, simclr_augmenter

augmenter = simclr_augmenter(side, seed=seed)
kit_a, kit_b = np.asarray(augmenter(pictures)), np.asarray(augmenter(pictures))
show(plots.view_grid(pictures, kit_a, kit_b))

# %% [markdown] slug=views-words
# Place and size differ: the **crop** did that. Colours differ, and some are gone: **colour
# distortion** and **grey**. Some views are mirrored. To match them all the same, an encoder has
# to look at what survives, and that is the shape.

# %% [markdown] slug=crop-text
# ## The crop: where and how large
#
# A crop is a box. Its **area** is a share of the picture, drawn from 0.2 to 1; its **aspect** is
# width ÷ height, drawn between 3/4 and 4/3. All is measured in shares of the picture's side, so a
# whole picture is 1 high and 1 wide. Two more numbers between 0 and 1 place it. A box that is less
# high than the picture leaves some room: `down` says which share of it lies above the box. So does
# `across` for the room beside it, and the share that lies to its left.
#
# **Exercise:** from these four numbers, find the box. A side that would be longer than the picture
# becomes 1. *(easy, about 6 minutes)*


# %% slug=crop-box
def crop_box(area, aspect, down, across):
    """Find the box of a crop; everything in shares of the picture's side.

    Args:
        area: height · width of the box, 0 < area ≤ 1.
        aspect: width ÷ height of the box.
        down: 0 puts it at the top edge, 1 at the bottom edge.
        across: 0 puts it at the left edge, 1 at the right edge.

    Returns:
        `(top, left, height, width)`, four numbers. No side is longer than 1.
    """
    ### BEGIN SOLUTION
    height = min(np.sqrt(area / aspect), 1.0)
    width = min(np.sqrt(area * aspect), 1.0)
    return down * (1 - height), across * (1 - width), height, width
    ### END SOLUTION


# %% slug=crop-box-check tags=["nbval-check-output"]
report = check("crop_box", crop_box)
crop_box = report.function

# %% [markdown] slug=hints-text
# `crop_box` is now your own function if the checks pass, and the kit's until then. Stuck?
# `hint("crop_box")` in a cell of your own shows the next of three hints; that works for
# every exercise.

# %% [markdown] slug=draw-box-text
# Now draw boxes at random. The aspect is drawn evenly *in the logarithm*, so that 3/4 and 4/3, the
# same rectangle lying and standing, are equally likely.


# %% slug=draw-box
def random_box(rng, smallest=0.2):
    """Draw a box: area from `smallest` to 1, aspect between 3/4 and 4/3, anywhere inside."""
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    return crop_box(rng.uniform(smallest, 1), aspect, rng.random(), rng.random())


def outline(ax, box, name, style):
    """Draw a box with its name in the middle, black on white so that it shows everywhere."""
    top, left, height, width = box
    for line_width, colour in ((4, "white"), (2, "black")):
        patch = plt.Rectangle((left, top), width, height, fill=False, linestyle=style)
        patch.set(edgecolor=colour, linewidth=line_width)
        ax.add_patch(patch)
    ax.text(left + width / 2, top + height / 2, name, backgroundcolor="white", ha="center")


rng = np.random.default_rng(seed)
boxes = [random_box(rng) for _ in range(400)]

# %% [markdown] slug=boxes-text
# Left, the three smallest of the first ten boxes on a picture; right, the sides of all of them.
# Where does the right picture stop, and which of the rules above makes each of its edges?

# %% slug=boxes
heights, widths = np.array(boxes)[:, 2], np.array(boxes)[:, 3]
figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.3), layout="constrained")
figure.suptitle("Random boxes", fontsize=12, fontweight="bold")
left.imshow(picture, extent=(0, 1, 1, 0))
smallest = sorted(boxes[:10], key=lambda box: box[2] * box[3])[:3]
for box, name, style in zip(smallest, "ABC", ["-", "--", ":"], strict=True):
    outline(left, box, name, style)
left.set(title="three of them", xlabel="share of the width", ylabel="share of the height")
right.scatter(widths, heights, s=10, color="#0072B2")
right.set(title="sides of all of them", xlabel="width of the box", ylabel="height of the box")
right.set(xlim=(0, 1.05), ylim=(0, 1.05), aspect="equal")
sides = f"{len(boxes)} boxes, from {heights.min():.2f} to 1, in a wedge around equal sides"
show(figure, alt=f"Left: a picture with three random boxes. Right: widths and heights of {sides}.")

# %% [markdown] slug=resampling-text
# ## From a box back to a picture
#
# The encoder wants views of one size, so the box has to be **resampled**. Take one side first.
# New pixel $i$ covers `length · size_in ÷ size_out` old pixels; call that the *step*. Its centre,
# counted in old pixels from the picture's edge, lies at
#
# $$p_i = \text{start} \cdot \text{size\_in} + (i + \tfrac12) \cdot \text{step},$$
#
# and old pixel $j$ has its centre at $j + \tfrac12$. The new pixel is a weighted mean of the old
# ones near it. The weight falls off linearly with the distance and is 0 from the *reach* on. The
# reach is the step, but never less than one old pixel:
#
# $$w_{ij} = \max\left(0,\ 1 - \frac{|p_i - (j + \frac12)|}{\max(\text{step}, 1)}\right),
# \qquad\text{each row divided by its sum.}$$
#
# Why does the reach grow with the step? Because a new pixel that covers three old ones has to look
# at all three, or thin lines vanish.
#
# **Exercise:** write the matrix of these weights. *(hard, about 12 minutes)*


# %% slug=resampling-matrix
def resampling_matrix(start, length, size_in, size_out):
    """Weights that resample one side of a picture.

    Args:
        start: where the box begins, as a share of the side.
        length: how long it is, as a share of the side.
        size_in: pixels of the side before.
        size_out: pixels of the side after.

    Returns:
        `(size_out, size_in)`: row i holds the weights of the old pixels in new pixel i.
    """
    ### BEGIN SOLUTION
    step = length * size_in / size_out
    new = start * size_in + (np.arange(size_out) + 0.5) * step
    old = np.arange(size_in) + 0.5
    weights = np.maximum(0, 1 - np.abs(new[:, None] - old[None, :]) / max(step, 1))
    return weights / weights.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% slug=resampling-matrix-check tags=["nbval-check-output"]
report = check("resampling_matrix", resampling_matrix)
resampling_matrix = report.function

# %% [markdown] slug=matrices-text
# The matrix as a picture, three times. A row is a new pixel; the darker, the more of that old pixel
# it takes.

# %% slug=matrices
cases = {
    "the whole side, same size": (0.0, 1.0, 16, 16),
    "the middle half, enlarged": (0.25, 0.5, 16, 16),
    "the whole side, made smaller": (0.0, 1.0, 16, 6),
}
figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.7), layout="constrained")
figure.suptitle("Resampling is a matrix", fontsize=12, fontweight="bold")
for ax, (name, arguments) in zip(axes, cases.items(), strict=True):
    image = ax.imshow(resampling_matrix(*arguments), cmap="Greys", vmin=0, vmax=1, aspect="auto")
    ax.set(title=name, xlabel="old pixel", ylabel="new pixel")
figure.colorbar(image, ax=axes, label="weight")
show(
    figure,
    alt="Three matrices of weights. Same size: a diagonal. Enlarged: the diagonal covers "
    "the middle columns, two weights a row. Made smaller: each row spreads over several pixels.",
)

# %% [markdown] slug=resize-text
# A channel of a picture is a matrix too. One resampling matrix from the left mixes its rows, one
# from the right mixes its columns, and the whole crop is two matrix products for each channel.
#
# **Exercise:** apply both matrices to a picture. *(medium, about 6 minutes)*


# %% slug=resize
def resize(picture, down, across):
    """Resample both sides of a picture.

    Args:
        picture: `(H, W, 3)`.
        down: `(h, H)`, a resampling matrix for its rows.
        across: `(w, W)`, one for its columns.

    Returns:
        `(h, w, 3)`.
    """
    ### BEGIN SOLUTION
    channels = [down @ picture[:, :, channel] @ across.T for channel in range(3)]
    return np.stack(channels, axis=-1)
    ### END SOLUTION


# %% slug=resize-check tags=["nbval-check-output"]
report = check("resize", resize)
resize = report.function

# %% [markdown] slug=random-crop-text
# Together: draw a box, resample it, and mirror half of the crops. Mirroring is free: read the
# columns backwards.


# %% slug=random-crop
def crop(picture, box, size, mirror=False):
    """Cut a box out of a picture and resize it to `(size, size, 3)`."""
    top, left, height, width = box
    down = resampling_matrix(top, height, picture.shape[0], size)
    across = resampling_matrix(left, width, picture.shape[1], size)
    return resize(picture, down, across[:, ::-1] if mirror else across)


rng = np.random.default_rng(seed + 1)
rows = {
    f"picture {number + 1}": [(pictures[number], "whole")]
    + [(crop(pictures[number], random_box(rng), side), f"crop {k}") for k in range(1, 4)]
    for number in (0, 1)
}
show(
    picture_grid(rows, "Random crops: always a part, always the same size"),
    alt="Two pictures with three random crops each: parts of the sheet at different sizes.",
)

# %% [markdown] slug=crop-words
# Two crops of a picture show different parts of it, at different sizes. An encoder that recognises
# both as one picture is blind to **place and size**, and has to know the *whole* from a *part*.

# %% [markdown] slug=mirror-fault-text tags=["commentary"]
# Look closely at `across[:, ::-1]`: it turns the columns of the matrix, so it reads the *mirrored
# picture* at the box. The box is as random as before, so nothing is lost.

# %% [markdown] slug=color-text
# ## Colour: three factors
#
# Colour distortion multiplies, with factors around 1 (1 changes nothing):
#
# 1. **brightness**: every number times the factor;
# 2. **contrast**: away from, or towards, the mean luma of the brightened picture, one number;
# 3. **saturation**: away from, or towards, each pixel's own luma, which is its grey.
#
# **Luma** is how bright the eye finds a colour: it weighs red, green and blue by
# 0.299, 0.587 and 0.114. At the end, values below 0 become 0 and values above 1 become 1.
#
# **Exercise:** write the three steps and one clip. *(medium, about 10 minutes)*

# %% slug=adjust-color
LUMA = np.array([0.299, 0.587, 0.114])


def adjust_color(picture, brightness, contrast, saturation):
    """Change brightness, contrast and saturation of a picture.

    Args:
        picture: `(H, W, 3)` in [0, 1].
        brightness: factor ≥ 0; 0 gives black.
        contrast: factor ≥ 0; 0 gives one grey, the picture's mean luma.
        saturation: factor ≥ 0; 0 gives grey pixels.

    Returns:
        `(H, W, 3)` in [0, 1].
    """
    ### BEGIN SOLUTION
    picture = picture * brightness
    mean = (picture @ LUMA).mean()
    picture = mean + contrast * (picture - mean)
    gray = (picture @ LUMA)[..., None]
    return np.clip(gray + saturation * (picture - gray), 0, 1)
    ### END SOLUTION


# %% slug=adjust-color-check tags=["nbval-check-output"]
report = check("adjust_color", adjust_color)
adjust_color = report.function

# %% [markdown] slug=strips-text
# One factor a row, from 0 to 2, the other two at 1. At factor 1 you see the picture itself.

# %% slug=strips
factors = (0.0, 0.5, 1.0, 2.0)
rows = {}
for place, name in enumerate(["brightness", "contrast", "saturation"]):
    settings = np.ones((len(factors), 3))
    settings[:, place] = factors
    rows[name] = [
        (adjust_color(picture, *values), f"factor {factor:g}")
        for values, factor in zip(settings, factors, strict=True)
    ]
show(
    picture_grid(rows, "One factor at a time"),
    alt="A picture with brightness, contrast and saturation from 0 to 2: black to glaring, "
    "one grey to hard edges, grey to strong colours.",
)

# %% [markdown] slug=order-text
# Does the order matter? Each step turns a colour into *a matrix times the colour, plus an offset*.
# The next cell applies the steps in the opposite order, with mild factors and with strong ones.


# %% slug=order
def backwards(picture, brightness, contrast, saturation):
    """The same three steps, one call each, in the opposite order."""
    picture = adjust_color(picture, 1, 1, saturation)
    picture = adjust_color(picture, 1, contrast, 1)
    return adjust_color(picture, brightness, 1, 1)


for name, values in {"mild": (0.9, 0.9, 0.8), "strong": (0.5, 1.8, 2.0)}.items():
    apart = np.abs(adjust_color(picture, *values) - backwards(picture, *values)).max()
    print(f"{name} factors: the two orders differ by at most {apart:.3f}")

# %% [markdown] slug=order-words
# Without clipping the order makes no difference, so the kit folds all steps, and the turn of the
# hue too, into **one matrix for each picture, with a single clip at the end**. That is much faster.
# The paper's code clips after every step, and draws the order at random: there the order matters.
#
# **Hue** is the fourth change: it turns every colour around the colour wheel, red to yellow to
# green. Its matrix rotates the plane of colours in YIQ, a colour space whose first axis is luma.

# %% slug=hue
from simclr_lib.augment import color_matrix


def turn_hue(picture, turn):
    """Turn all colours by a share of the colour wheel, from −0.5 to 0.5."""
    matrix = np.asarray(color_matrix(np.float32([1]), np.float32([2 * np.pi * turn])))[0]
    return np.clip(picture @ matrix.T, 0, 1)


turns = (-0.5, -0.2, 0.0, 0.1, 0.2)
rows = {"hue": [(turn_hue(pictures[3], turn), f"{turn:+.2f} turns") for turn in turns]}
show(
    picture_grid(rows, "Hue: all colours turn around the wheel"),
    alt="A picture with its hue turned by five angles: the shapes stay, the colours change.",
)

# %% [markdown] slug=gray-text
# ## Grey: one draw for each picture
#
# Some views lose their colour altogether, with a probability of 0.2. From here on chance decides,
# and there is a classic mistake: drawing once for the whole *batch*. Then all pictures of a batch
# change alike, and the change no longer hides anything. **Each picture needs its own draw.**
#
# `rng` is a NumPy generator, as from `np.random.default_rng(seed)`: `rng.random(n)` gives n
# numbers, evenly from 0 to 1. Draw from it alone, so that one seed fixes everything.
#
# **Exercise:** turn each picture of a batch to grey with the given probability.
# *(medium, about 8 minutes)*


# %% slug=random-gray
def random_gray(pictures, probability, rng):
    """Turn some pictures to grey, each by a draw of its own.

    Args:
        pictures: `(B, H, W, 3)` in [0, 1].
        probability: of each picture to lose its colour.
        rng: `np.random.Generator` that all draws come from.

    Returns:
        `(B, H, W, 3)`: each picture as it was, or its luma in all three channels.
    """
    ### BEGIN SOLUTION
    gray = np.repeat((pictures @ LUMA)[..., None], 3, axis=-1)
    chosen = rng.random(len(pictures)) < probability
    return np.where(chosen[:, None, None, None], gray, pictures)
    ### END SOLUTION


# %% slug=random-gray-check tags=["nbval-check-output"]
report = check("random_gray", random_gray)
random_gray = report.function

# %% [markdown] slug=gray-rate-text
# A random function can't be checked against one right result; it is checked by its
# **distribution**. The check counts grey pictures and allows what chance allows. So does the next
# cell: the number of grey pictures in many batches of 100, beside the binomial distribution that
# it should follow.

# %% slug=gray-rate
rng = np.random.default_rng(seed)
batch = np.tile(pictures[:1, :2, :2], (100, 1, 1, 1))  # 2×2 pixels are enough to tell


def count_gray(images):
    """How many pictures have three equal channels all over."""
    return int(np.sum(np.ptp(images, axis=-1).max(axis=(1, 2)) < 1e-6))


counts = [count_gray(random_gray(batch, 0.2, rng)) for _ in range(1000)]

# %% [markdown] slug=gray-rate-picture-text
# Were there one draw for the whole batch, the bars would stand at 0 and at 100, and nowhere else.

# %% slug=gray-rate-picture
from scipy.stats import binom

numbers = np.arange(5, 38)
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
edges = np.arange(4.5, 38)
ax.hist(counts, edges, density=True, color="#56B4E9", edgecolor="#222222", label="1,000 batches")
ax.plot(numbers, binom.pmf(numbers, 100, 0.2), "o-", color="#D55E00", label="binomial")
ax.set(title="How many of 100 pictures turn grey", xlabel="grey pictures in a batch")
ax.set(ylabel="share of the batches")
ax.legend()
bell = f"a bell around {np.mean(counts):.1f}, on the binomial distribution with probability 0.2"
show(figure, alt=f"A histogram of grey pictures in a batch of 100: {bell}.")

# %% [markdown] slug=blur-text
# ## Blur: weights around a pixel
#
# A Gaussian blur replaces a pixel by a mean of its neighbourhood. A neighbour at distance $x$
# weighs $e^{-x^2 / 2\sigma^2}$, for $x$ from −radius to +radius, and the weights are scaled to add
# up to 1. The paper blurs half of its large views; at 32×32 there is little fine detail to remove,
# and the kit leaves blur out.
#
# **Exercise:** the weights. *(easy, about 5 minutes)*


# %% slug=gaussian-kernel
def gaussian_kernel(sigma, radius):
    """Weights of a Gaussian blur along one side.

    Args:
        sigma: standard deviation in pixels, > 0.
        radius: how many neighbours count on each side.

    Returns:
        `(2 * radius + 1,)`, adding up to 1.
    """
    ### BEGIN SOLUTION
    distance = np.arange(-radius, radius + 1)
    weights = np.exp(-(distance**2) / (2 * sigma**2))
    return weights / weights.sum()
    ### END SOLUTION


# %% slug=gaussian-kernel-check tags=["nbval-check-output"]
report = check("gaussian_kernel", gaussian_kernel)
gaussian_kernel = report.function

# %% [markdown] slug=blur-exercise-text
# The Gaussian is **separable**: blurring down and then across with these weights is the same as one
# blur with the square window of their products, at a fraction of the cost.
#
# **Exercise:** blur a picture in two passes. Beyond its edges, repeat the pixel at the border
# (`np.pad(…, mode="edge")`), so that the picture keeps its size. *(medium, about 8 minutes)*


# %% slug=blur
def blur(picture, kernel):
    """Blur a picture down and across.

    Args:
        picture: `(H, W, 3)`.
        kernel: `(2 * radius + 1,)`, symmetric weights that add up to 1.

    Returns:
        `(H, W, 3)`.
    """
    ### BEGIN SOLUTION
    radius = len(kernel) // 2
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    rows = sum(kernel[k] * padded[k : k + height] for k in range(len(kernel)))
    return sum(kernel[k] * rows[:, k : k + width] for k in range(len(kernel)))
    ### END SOLUTION


# %% slug=blur-check tags=["nbval-check-output"]
report = check("blur", blur)
blur = report.function

# %% [markdown] slug=blur-strip-text
# The wider the bell, the fewer details are left. The colours stay: blur makes an encoder blind to
# **fine texture**, not to colour.

# %% slug=blur-strip
sigmas = (0.5, 1.0, 2.0, 3.0)
rows = {"blur": [(pictures[4], "no blur")]}
rows["blur"] += [(blur(pictures[4], gaussian_kernel(s, 6)), f"σ = {s:g} pixels") for s in sigmas]
show(
    picture_grid(rows, "Blur: fine texture goes first"),
    alt="A picture and four blurs of it, from slight to strong: first the edges soften, then the "
    "shapes melt together.",
)

# %% [markdown] slug=two-views-text
# ## Two views
#
# Now join them. One view: crop, mirror with probability ½, distort the colours with probability
# 0.8, grey with probability 0.2. Brightness, contrast and saturation get factors from $1 - 0.8s$
# to $1 + 0.8s$, and the hue turns by up to $0.2s$ of the wheel; $s$ is the **strength** of the
# colour distortion, ½ for small pictures as in the paper.


# %% slug=one-view
def one_view(picture, rng, strength=0.5):
    """Draw one random view of a picture: crop, mirror, colour distortion, grey."""
    view = crop(picture, random_box(rng), picture.shape[0], mirror=rng.random() < 0.5)
    if rng.random() < 0.8:
        low, high = max(0, 1 - 0.8 * strength), 1 + 0.8 * strength
        view = adjust_color(view, *rng.uniform(low, high, 3))
        view = turn_hue(view, rng.uniform(-0.2, 0.2) * strength)
    return random_gray(view[None], 0.2, rng)[0]


# %% [markdown] slug=two-views-exercise-text
# A batch of B pictures becomes *two* batches of B views: row i of both comes from picture i, and
# nothing but chance tells them apart.
#
# **Exercise:** write it. `view(picture, rng)` draws one view of one picture, as `one_view` does.
# *(easy, about 6 minutes)*


# %% slug=two-views
def two_views(pictures, view, rng):
    """Draw two views of every picture, independently of each other.

    Args:
        pictures: `(B, H, W, 3)`.
        view: function `(picture, rng)` → one random view `(h, w, 3)` of one picture.
        rng: `np.random.Generator` that all draws come from.

    Returns:
        `(views_a, views_b)`, each `(B, h, w, 3)`; row i of both comes from picture i.
    """
    ### BEGIN SOLUTION
    views_a = np.stack([view(picture, rng) for picture in pictures])
    views_b = np.stack([view(picture, rng) for picture in pictures])
    return views_a, views_b
    ### END SOLUTION


# %% slug=two-views-check tags=["nbval-check-output"]
report = check("two_views", two_views)
two_views = report.function

# %% [markdown] slug=own-views-text
# Your views. Compare them with the kit's at the top: could you tell which are which?

# %% slug=own-views
views_a, views_b = two_views(pictures, one_view, np.random.default_rng(seed))
show(plots.view_grid(pictures, views_a, views_b, "Each picture and two views of your own making"))

# %% [markdown] slug=explorer-text
# ## Turn the knobs yourself
#
# First a fixed picture: one operation at a time. In JupyterLab, the two cells after it give
# you sliders to combine the operations with; elsewhere the fixed picture has to do.

# %% slug=explorer-picture
middle = crop_box(0.3, 1.0, 0.5, 0.5)
row = [
    (picture, "picture"),
    (crop(picture, middle, side), "area 0.3"),
    (adjust_color(picture, 0.5, 1, 1), "brightness ½"),
    (adjust_color(picture, 1, 1, 0), "saturation 0"),
    (turn_hue(picture, 0.2), "hue +0.2 turns"),
    (blur(picture, gaussian_kernel(1.5, 6)), "σ 1.5 pixels"),
]
sentence = (
    "A picture, and what one slider at a time does to it: crop, darker, grey, other hue, blur."
)
show(picture_grid({"explorer": row}, "One slider at a time"), alt=sentence)

# %% [markdown] slug=explorer-words
# With the sliders, search for the **strongest view in which you still recognise the shape**. A view
# beyond that teaches nothing: no encoder can match what is no longer there.

# %% slug=explorer
import ipywidgets as widgets
from IPython.display import display


def draw_view(area, down, across, brightness, contrast, saturation, hue, sigma):
    """Show a picture beside the view that the sliders ask for."""
    view = crop(picture, crop_box(area, 1.0, down, across), side)
    view = turn_hue(adjust_color(view, brightness, contrast, saturation), hue)
    view = blur(view, gaussian_kernel(sigma, 6))
    row = [(picture, "picture"), (view, "view")]
    show(
        picture_grid({"explorer": row}, "Your view"),
        alt="A picture, and the view that the sliders ask for.",
    )


# %% [markdown] slug=sliders-text
# A slider for each number: where it starts, its lowest and its highest value. The view is drawn
# anew when you let go of it.

# %% slug=sliders
start_lowest_highest = {
    "area": (0.5, 0.05, 1), "down": (0.5, 0, 1), "across": (0.5, 0, 1),
    "brightness": (1, 0, 2), "contrast": (1, 0, 2), "saturation": (1, 0, 2),
    "hue": (0, -0.5, 0.5), "sigma": (0.1, 0.1, 4),
}  # fmt: skip
fixed = {"step": 0.05, "continuous_update": False}
sliders = {
    name: widgets.FloatSlider(start, min=low, max=high, description=name, **fixed)
    for name, (start, low, high) in start_lowest_highest.items()
}
screen = widgets.interactive_output(draw_view, sliders)
display(widgets.HBox([widgets.VBox([*sliders.values()]), screen]))

# %% [markdown] slug=shortcut-text
# ## The colour shortcut
#
# Why distort the colours at all, when crops alone make views that look different enough? Look at
# the crops of one picture again: other shapes, other places, but *the same colours*. Colours can
# be counted without any idea of what is in the picture, by a **histogram**: cut [0, 1] into equal
# bins and count, for red, green and blue, which share of the pixels falls into each bin.
#
# **Exercise:** the colour histogram. *(easy, about 6 minutes)*


# %% slug=color-histogram
def color_histogram(picture, bins):
    """Count how often each shade of red, green and blue occurs.

    Args:
        picture: `(H, W, 3)` in [0, 1].
        bins: number of equal parts of [0, 1]; the value 1 belongs to the last.

    Returns:
        `(3, bins)`: for each channel, the share of the pixels in each bin; rows add up to 1.
    """
    ### BEGIN SOLUTION
    rows = [np.histogram(picture[..., c], bins=bins, range=(0, 1))[0] for c in range(3)]
    return np.array(rows) / picture[..., 0].size
    ### END SOLUTION


# %% slug=color-histogram-check tags=["nbval-check-output"]
report = check("color_histogram", color_histogram)
color_histogram = report.function

# %% [markdown] slug=histograms-text
# Two crops of one picture, and a crop of another. Below each, its histogram.

# %% slug=histograms
rng = np.random.default_rng(seed + 2)
crops = {
    "crop of picture 1": crop(pictures[0], random_box(rng), side),
    "another crop of picture 1": crop(pictures[0], random_box(rng), side),
    "crop of picture 2": crop(pictures[1], random_box(rng), side),
}
first, near, far = (color_histogram(image, 16) for image in crops.values())
print(f"Colours that differ, same picture: {np.abs(first - near).sum() / 6:.0%} of the pixels")
print(f"Colours that differ, two pictures: {np.abs(first - far).sum() / 6:.0%} of the pixels")

# %% [markdown] slug=histograms-picture-text
# And drawn: above, the crops; below, how often each shade of red, green and blue occurs.

# %% slug=histograms-picture
figure, axes = plt.subplots(2, 3, figsize=(7.2, 3.4), layout="constrained", sharex="row")
title = "A histogram forgets the shapes and keeps the colours"
figure.suptitle(title, fontsize=12, fontweight="bold")
for (top, bottom), (name, image) in zip(axes.T, crops.items(), strict=True):
    top.imshow(np.clip(image, 0, 1))
    top.set(title=name, xticks=[], yticks=[])
    for line, colour, style in zip(
        color_histogram(image, 16), "rgb", ("-", "--", ":"), strict=True
    ):
        bottom.plot((np.arange(16) + 0.5) / 16, line, color=colour, linestyle=style)
    bottom.set(xlabel="value of a pixel", ylabel="share of the pixels", ylim=(0, 1))
axes[1, 0].legend(["red", "green", "blue"])
sentence = "The two crops of picture 1 have nearly the same curves, the crop of picture 2 others."
show(figure, alt=f"Three crops and their histograms. {sentence}")

# %% [markdown] slug=matching-text
# Now let the histogram play the encoder's game. Take many pictures, two views of each, and for
# every first view find the second view with the *most similar histogram*. The encoder's task is
# solved where that is the view of the same picture. No training, no network, no idea of shapes.


# %% slug=matching
from simclr_lib.course import compare_guess, predict


def matched_by_histogram(views_a, views_b, bins=8):
    """Share of the first views whose nearest second view, by histogram, is their partner."""
    a, b = (np.stack([color_histogram(v, bins).ravel() for v in vs]) for vs in (views_a, views_b))
    apart = np.abs(a[:, None] - b[None]).sum(axis=-1)
    return np.mean(apart.argmin(axis=1) == np.arange(len(a)))


many = data.train_images[: setting.pick(full=256, smoke=64)]
my_guess = predict(
    "histogram",
    f"Views of {len(many)} pictures, only cropped: what percentage does the histogram match?",
    answer=None,
)

# %% [markdown] slug=matching-run-text
# The experiment, for four kinds of views.

# %% slug=matching-run
no_color = {"color_strength": 0.0, "gray_probability": 0.0}
kinds = {
    "crop only": no_color,
    "crop and grey": {"color_strength": 0.0},
    "crop and colour distortion": {"gray_probability": 0.0},
    "all of them": {},
}
found = {}
for name, options in kinds.items():
    augmenter = simclr_augmenter(24, seed=seed, **options)
    found[name] = matched_by_histogram(np.asarray(augmenter(many)), np.asarray(augmenter(many)))
compare_guess("histogram", my_guess, 100 * found["crop only"], unit="%")

# %% [markdown] slug=matching-bars-text
# And as a picture, beside the line of pure guessing.

# %% slug=matching-bars
figure, ax = plt.subplots(figsize=(8, 2.9), layout="constrained")
bars = ax.barh(list(found), [100 * share for share in found.values()], color="#56B4E9")
ax.bar_label(bars, fmt="%.1f %%", padding=3)
ax.axvline(100 / len(many), color="#222222", linestyle="--", label="guessing")
ax.invert_yaxis()
ax.set(title="The contrastive task, solved by a colour histogram", xlim=(0, 112))
ax.set(xlabel="first views matched with their partner, %", ylabel="views")
ax.legend(loc="lower right")
show(
    figure,
    alt="Share of views matched by histogram alone: "
    + ", ".join(f"{name} {share:.1%}" for name, share in found.items())
    + f"; guessing gives {1 / len(many):.1%}.",
)

# %% [markdown] slug=matching-commentary tags=["commentary"]
# With crops alone the histogram solves nearly the whole task: an encoder gets its reward for
# counting colours, and has no reason to look at anything else. Turning a fifth of the views grey
# spoils some of the game; distorting the colours spoils nearly all of it.

# %% [markdown] slug=histogram-class-text
# Does the histogram at least know something of the *classes*? Let the nearest training picture, by
# histogram, name the class of each test picture.


# %% slug=histogram-class
def histograms(images):
    return np.stack([color_histogram(image / 255, 8).ravel() for image in images])


known, asked = histograms(data.train_images), histograms(data.test_images)
nearest = [np.abs(known - one).sum(axis=1).argmin() for one in asked]
histogram_right = np.mean(data.train_labels[nearest] == data.test_labels)
print(
    f"Classes right by histogram: {histogram_right:.0%}; guessing: {1 / len(data.class_names):.0%}"
)

# %% [markdown] slug=left-out-text
# ## Leave one out
#
# Does a trained encoder really fall for it? Train four small encoders, the same but for their
# views: with all operations, and with colour, crop or mirror left out. Guess first.

# %% slug=left-out-guess
left_out_guess = predict(
    "left-out",
    "Which operation costs most, when the encoder is asked for the classes?",
    choices=["colour", "crop", "mirror"],
    answer=None,
)

# %% [markdown] slug=train-text
# A training as in lesson 00. It returns the encoder, and how often the right partner was ranked
# first in the last epoch. With no epoch at all the weights stay random, and the encoder only gets
# used to the pictures, as in lesson 00: else it would look worse than it is.

# %% slug=train
import keras

from simclr_lib import SimCLR, chance_level, projection_head, resnet
from simclr_lib.course.live_progress import LiveProgress
from simclr_lib.evaluation import reestimate_batch_norm

batch_size = setting.pick(full=128, smoke=64)


def train(views, epochs):
    """Train a small encoder on `views`; 0 epochs leave the weights that it was born with."""
    keras.utils.set_random_seed(seed)
    width = setting.pick(full=32, smoke=8)
    encoder = resnet(8, width=width, stem="strided", batch_norm_momentum=0.9)
    head = projection_head(encoder.output_shape[-1], hidden_dim=256, output_dim=64)
    if epochs == 0:
        reestimate_batch_norm(encoder, data.train_images)
        return encoder, None
    model = SimCLR(encoder, head, views, temperature=0.3)
    model.compile(keras.optimizers.AdamW(2e-3, weight_decay=1e-2))
    watch = LiveProgress(chance_level(batch_size))
    history = model.fit(
        data.train_images, batch_size=batch_size, epochs=epochs, callbacks=[watch], verbose=0
    )
    return encoder, history.history["contrastive_accuracy"][-1]


# %% [markdown] slug=trainings-text
# The four trainings, and an untrained encoder to compare with. This is the longest cell of the
# lesson.

# %% slug=trainings
left_out = {
    "untrained": {},
    "all operations": {},
    "without colour": no_color,
    "without crop": {"crop_scale": (1.0, 1.0)},
    "without mirror": {"flip_probability": 0.0},
}
encoders, matched = {}, {}
for name, options in left_out.items():
    epochs = 0 if name == "untrained" else setting.pick(full=10, smoke=1)
    views = simclr_augmenter(24, seed=seed, **options)
    encoders[name], matched[name] = train(views, epochs)

# %% [markdown] slug=features-text
# Two questions to each encoder. First its own game: how often did it find the partner? Then the one
# that we care for: how well do the features *h* tell the classes (k nearest neighbours, as in
# lesson 00)?

# %% slug=features
from simclr_lib import knn_accuracy


def features_of(encoder, pictures):
    """Features h of pictures in [0, 1]; `training=False` leaves the encoder as it is."""
    parts = np.split(np.asarray(pictures, "float32"), range(500, len(pictures), 500))
    return np.concatenate([encoder(part, training=False) for part in parts])


classes_right = {}
for name, encoder in encoders.items():
    train_h = features_of(encoder, data.train_images / 255.0)
    test_h = features_of(encoder, data.test_images / 255.0)
    classes_right[name] = knn_accuracy(train_h, data.train_labels, test_h, data.test_labels, k=20)
cost = {
    word: classes_right["all operations"] - classes_right[f"without {word}"]
    for word in ("colour", "crop", "mirror")
}
compare_guess("left-out", left_out_guess, max(cost, key=cost.get))

# %% [markdown] slug=left-out-bars-text
# Both answers side by side. Look for an encoder that is good at the left and bad at the right.

# %% slug=left-out-bars
figure, axes = plt.subplots(1, 2, figsize=(8.0, 3.0), layout="constrained", sharey=True)
title = f"Good at its own game, good at classes? (seed {seed})"
figure.suptitle(title, fontsize=12, fontweight="bold")
sides = {"what the training rewards": matched, "what we want": classes_right}
for ax, (side_title, shares) in zip(axes, sides.items(), strict=True):
    percent = [100 * (shares[name] or 0) for name in left_out]
    bars = ax.barh(list(left_out), percent, color="#56B4E9", edgecolor="#222222")
    texts = ["–" if shares[name] is None else f"{shares[name]:.0%}" for name in left_out]
    ax.bar_label(bars, texts, padding=3)
    ax.set(title=side_title, xlim=(0, 115))
axes[0].set(xlabel="partner ranked first, %", ylabel="views of the training")
axes[1].set(xlabel="classes right (kNN), %")
axes[1].axvline(100 / len(data.class_names), color="#222222", linestyle="--", label="guessing")
axes[1].legend(loc="upper right")
axes[0].invert_yaxis()
game = {n: "not trained" if share is None else f"{share:.0%}" for n, share in matched.items()}
told = [f"{n} {game[n]} and {classes_right[n]:.0%}" for n in left_out]
show(figure, alt=f"Partner ranked first, and classes right: {'; '.join(told)}.")

# %% [markdown] slug=left-out-commentary tags=["commentary"]
# Without colour distortion the encoder finds the partner nearly always, and yet knows the classes
# less well than an untrained one. **A low contrastive loss is no proof of good features**: it may
# be the sign of a shortcut. Without the crop the game is as easy, for nothing moves; but with the
# colours hidden, the shape is still part of the clue. Leaving out the mirror changes little here.
# (One seed: a difference of a few points may be chance. A later lesson compares over several.)

# %% [markdown] slug=blind-text
# ## Blind to what?
#
# Finally, measure the blindness itself. Change test pictures in *one* way, and compare the
# features before and after by their cosine. First the mean feature of all pictures is subtracted,
# so that two unrelated pictures have a cosine of about 0; then 1 means: the encoder does not
# notice the change.

# %% slug=changes
sample = data.test_images[:256] / 255.0
only_crop = simclr_augmenter(side, flip_probability=0, seed=seed, **no_color)
only_color = simclr_augmenter(
    side, crop_scale=(1, 1), flip_probability=0, gray_probability=0, seed=seed
)
kernel = gaussian_kernel(1.0, 3)
changes = {
    "cropped": np.asarray(only_crop(sample)),
    "colours distorted": np.asarray(only_color(sample)),
    "grey": random_gray(sample, 1.0, np.random.default_rng(seed)),
    "mirrored": sample[:, :, ::-1],
    "blurred": np.stack([blur(one, kernel) for one in sample]),
}

# %% [markdown] slug=blindness-text
# One number for each encoder and change: the mean cosine over the sample.


# %% slug=blindness
def sameness(encoder, before, after):
    """Mean cosine of the centred features of pictures before and after a change."""
    h, changed = features_of(encoder, before), features_of(encoder, after)
    h, changed = h - h.mean(axis=0), changed - h.mean(axis=0)
    lengths = np.linalg.norm(h, axis=1) * np.linalg.norm(changed, axis=1)
    return np.mean(np.sum(h * changed, axis=1) / np.maximum(lengths, 1e-9))


blindness = np.array(
    [
        [sameness(encoder, sample, after) for after in changes.values()]
        for encoder in encoders.values()
    ]
)

# %% [markdown] slug=blindness-map-text
# Read it row by row: which change does an encoder *notice* (small numbers) after its training has
# left that operation out?

# %% slug=blindness-map
figure, ax = plt.subplots(figsize=(7.0, 3.1), layout="constrained")
image = ax.imshow(blindness, cmap="Blues", vmin=0, vmax=1, aspect="auto")
for (row, column), value in np.ndenumerate(blindness):
    colour = "white" if value > 0.6 else "#222222"
    ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
ax.set_xticks(range(len(changes)), list(changes))
ax.set_yticks(range(len(encoders)), list(encoders))
ax.set(title="How alike are the features before and after a change? 1: blind to it")
ax.set(xlabel="change of the test pictures", ylabel="views of the training")
figure.colorbar(image, ax=ax, label="mean cosine")
told = [
    f"{name}: " + ", ".join(f"{c} {v:.2f}" for c, v in zip(changes, values, strict=True))
    for name, values in zip(encoders, blindness, strict=True)
]
show(figure, alt=f"Mean cosine of features before and after a change. {'; '.join(told)}.")

# %% [markdown] slug=blindness-commentary tags=["commentary"]
# Compare "all operations" with the untrained encoder: the training has made it blind to each of the
# changes. Then with the rows below it. Without colour in its views, the encoder notices a change of
# colour, and grey most of all; without the crop, it notices the crop. The mirror is the exception:
# most of the shapes look much the same in it, so whoever goes by the shape need not be taught.
#
# Whether blindness is good depends on the question: blindness to colour helps where the shape is
# the class, and would ruin an encoder that has to tell ripe fruit from unripe.

# %% [markdown] slug=recap
# ## What you have learnt
#
# - A view is a random crop, mirrored, with distorted colours, at times grey or blurred: resampling
#   is a matrix for each side, colour distortion a matrix for each picture.
# - Each picture and each view gets its own draw; random code is checked by its distribution.
# - What differs between two views, the encoder learns to overlook. What they share, it may use,
#   and it takes the easiest: **with colours kept, a histogram solves the task.**
# - A good contrastive accuracy can be the sign of a shortcut. Measure what you want, not only what
#   is rewarded.
#
# **Try next:** set `crop_scale=(0.02, 0.1)` in one of the trainings, or `color_strength=2.0`. When
# do views become too hard?
#
# ### Where the field went
#
# - Chen, Kornblith, Norouzi, Hinton (2020), *A Simple Framework for Contrastive Learning of Visual
#   Representations*: [SimCLR](https://arxiv.org/abs/2002.05709). Section 3.1 tries pairs of
#   operations; figure 6 shows the histograms.
# - Tian et al. (2020), *What Makes for Good Views for Contrastive Learning?*: the [InfoMin
#   principle](https://arxiv.org/abs/2005.10243). Views should share what the task needs, and
#   nothing else.
# - Xiao et al. (2021), *What Should Not Be Contrastive in Contrastive Learning*: how to
#   [keep what an augmentation would throw away](https://arxiv.org/abs/2008.05659).
# - Geirhos et al. (2020), *Shortcut Learning in Deep Neural Networks*:
#   [shortcuts far beyond colour](https://arxiv.org/abs/2004.07780).
# - Caron et al. (2020), *Unsupervised Learning of Visual Features by Contrasting Cluster
#   Assignments*: [SwAV](https://arxiv.org/abs/2006.09882) adds several small crops to the two.
#
# Next: lesson 02 builds the encoder that all this is shown to, and the projection head behind it.

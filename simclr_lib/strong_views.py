"""Strong views: a weak view that goes through five more operations, drawn from fourteen.

The fourteen are those of the CLSA paper (Wang & Qi, 2021, arXiv 2104.07713, on stronger
augmentations). How far each goes is from the authors' code (maple-research-lab/CLSA,
data_processing/RandAugment.py, which has "leave it as it is" in the place of invert): five rounds,
in each of which a picture draws an operation, a strength from 1 to 9 and a sign, and takes it with
probability ½. Each does what Pillow's function of that name does.

Every picture draws for itself, and yet there is no loop over pictures: those that drew an
operation of one family (colours, levels, equalize, sharpness, places) are gathered from the batch,
a fixed number at a time, and go through the whole family together, each with numbers that switch
off what it did not draw. So an operation costs no more than the pictures that drew it: all five
rounds take about five times as long as a weak view.
"""

import math

from keras import ops

from simclr_lib.augment import (
    LUMA,
    Augmenter,
    RandomView,
    simclr_augmenter,
    to_pictures,
    to_planes,
)

OPERATIONS = (
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "autocontrast",
    "invert",
    "equalize",
    "solarize",
    "posterize",
    "contrast",
    "color",
    "brightness",
    "sharpness",
)
NONE = -1  # of a picture that is left alone
AT_A_TIME = 16  # pictures

WHITE = 255  # the highest of the levels that Pillow counts in
WEAKEST, STRONGEST = 1, 9


def strong_augmenter(
    image_size,
    *,
    rounds=5,
    strength=(WEAKEST, STRONGEST),
    probability=0.5,
    draws="picture",
    seed=0,
    **weak,
):
    """CLSA's strong views: SimCLR's, and then five random operations.

    Args:
        image_size: side of the views in pixels.
        rounds, strength, probability: see `StrongDistortion`.
        draws: see `simclr_augmenter`.
        seed: the same seed gives the same sequence of views.
        weak: options of `simclr_augmenter`, which comes first.

    Returns:
        A Keras layer, as `simclr_augmenter` gives: pictures → one strong view of each.
    """
    operations = simclr_augmenter(image_size, seed=seed, **weak).operations
    distortion = StrongDistortion(rounds, strength, probability, seed=seed + 3, name="strong")
    return Augmenter([*operations, distortion], draws, name="strong_augmenter")


class StrongDistortion(RandomView):
    """A few operations one after the other, each drawn anew for each picture.

    Args:
        rounds: how many operations a picture draws.
        strength: smallest and largest strength, whole numbers from 1 to 9, all as likely.
        probability: share of the draws that are carried out.
    """

    def __init__(self, rounds=5, strength=(WEAKEST, STRONGEST), probability=0.5, **kwargs):
        super().__init__(**kwargs)
        low, high = strength
        if not (WEAKEST <= low <= high <= STRONGEST and low == int(low) and high == int(high)):
            raise ValueError(
                "strength must be two whole numbers, the smallest and the largest, from "
                f"{WEAKEST} to {STRONGEST}; got {tuple(strength)}."
            )
        self.rounds, self.strength, self.probability = rounds, (int(low), int(high)), probability

    def drawn(self, images):
        """Draw `(operation, strength, sign)`, each `(rounds, B)`.

        The operation is an index into `OPERATIONS`, or `NONE`; the sign is −1 or 1.
        """
        numbers = ops.stack(self.uniform(images, 4 * self.rounds))
        numbers = ops.reshape(numbers, (4, self.rounds, -1))
        operation, applied, strength, sign = (numbers[row] for row in range(4))
        operation = ops.cast(ops.floor(operation * len(OPERATIONS)), "int32")
        low, high = self.strength
        return (
            ops.where(applied < self.probability, operation, NONE),
            low + ops.floor(strength * (high - low + 1)),
            ops.where(sign < 0.5, -1.0, 1.0),
        )

    def change(self, planes):
        operation, strength, sign = self.drawn(planes)

        def one_round(index, planes):
            return distorted(planes, operation[index], strength[index], sign[index])

        return ops.fori_loop(0, self.rounds, one_round, planes)


def distorted(planes, operation, strength, sign):
    """Change each picture by its own operation.

    Args:
        planes: pictures as planes, `(B, 3, H, W)`, float in [0, 1].
        operation: `(B,)`, an index into `OPERATIONS`; any other number leaves the picture alone.
        strength: `(B,)`, from 1 to 9. The higher, the further from the original; autocontrast,
            invert and equalize know one strength only.
        sign: `(B,)`, −1 or 1: which way to shear, shift or turn; the others know one way only.

    Returns:
        Planes of the same shape and range.
    """
    for names, change in FAMILIES.items():
        planes = for_chosen(drew(operation, *names), change, planes, operation, strength, sign)
    return planes


def drew(operation, *names):
    """Which pictures drew one of the named operations: `(B,)` of truth values."""
    found = [operation == OPERATIONS.index(name) for name in names]
    return ops.any(ops.stack(found), axis=0)


def kept_share(strength):
    """How much of the original an enhancement keeps: from 0.86 at strength 1 to 0.14 at 9.

    The authors' code has the same nine shares the other way round: 0.05 + 0.09 × strength.
    """
    return 0.95 - 0.09 * strength


def column(values):
    """A number a picture, `(B,)`, ready to meet planes: `(B, 1, 1, 1)`."""
    return values[:, None, None, None]


def for_chosen(chosen, change, planes, *parameters):
    """Change the chosen pictures only, `AT_A_TIME`: what a picture did not draw costs nothing.

    Args:
        chosen: `(B,)` of truth values.
        change: function `(planes, *parameters)` → planes of the same shape, picture by picture.
            It must leave alone a picture that is not chosen: some fill up the last group.
        planes: `(B, 3, H, W)`.
        parameters: arrays `(B,)`.
    """
    pictures = ops.shape(planes)[0]
    order = ops.argsort(ops.where(chosen, 0, 1))  # the chosen ones come first
    count = ops.sum(ops.cast(chosen, "int32"))

    def body(first, result):
        # Past the end it starts anew. That does no harm: what is read is never what was written.
        rows = ops.take(order, (first + ops.arange(AT_A_TIME)) % pictures)
        group = [ops.take(array, rows, axis=0) for array in (planes, *parameters)]
        return first + AT_A_TIME, ops.scatter_update(result, rows[:, None], change(*group))

    return ops.while_loop(lambda first, _: first < count, body, (0, planes))[1]


# Colours


def recolored(planes, operation, strength, sign):
    """Contrast, color, brightness, invert and autocontrast: all are affine in a pixel's colour.

    The first three mix a picture with what it would be without: with the grey of its mean luma,
    with the luma of each pixel, and with black. Autocontrast stretches each channel so that it
    reaches from 0 to 1.
    """
    kept = kept_share(strength)
    luma = ops.sum(planes * ops.reshape(ops.convert_to_tensor(LUMA), (3, 1, 1)), 1, keepdims=True)
    mean = ops.mean(luma, axis=(2, 3), keepdims=True)
    darkest = ops.min(planes, axis=(2, 3), keepdims=True)
    reach = ops.max(planes, axis=(2, 3), keepdims=True) - darkest

    stretched = ops.logical_and(column(drew(operation, "autocontrast")), reach > 0)
    stretch = ops.where(stretched, 1 / ops.where(reach > 0, reach, 1.0), 1.0)
    scale = ops.where(drew(operation, "contrast", "color", "brightness"), kept, 1.0)
    scale = ops.where(drew(operation, "invert"), -1.0, scale)
    of_luma = ops.where(drew(operation, "color"), 1 - kept, 0.0)
    of_mean = ops.where(drew(operation, "contrast"), 1 - kept, 0.0)
    offset = ops.where(drew(operation, "invert"), 1.0, 0.0)

    offset = column(offset) + column(of_mean) * mean - ops.where(stretched, stretch * darkest, 0.0)
    return column(scale) * stretch * planes + column(of_luma) * luma + offset


# Levels


def relevelled(planes, operation, strength, sign):
    """Solarize and posterize."""
    planes = inverted_above(planes, solarize_threshold(operation, strength))
    return with_fewer_levels(planes, posterize_step(operation, strength))


def solarize_threshold(operation, strength):
    """The level from which on a picture is inverted: 231 at strength 1, 26 at 9; else none."""
    threshold = 256 - ops.floor(256 * strength / 10)
    return ops.where(drew(operation, "solarize"), threshold, math.inf)


def inverted_above(planes, threshold):
    """Turn values of at least `threshold (B,)`, in levels from 0 to 255, into their opposite."""
    # Half a level of tolerance: a level divided by 255 and multiplied again is not quite itself.
    return ops.where(WHITE * planes >= column(threshold) - 0.5, 1 - planes, planes)


def posterize_step(operation, strength):
    """How many levels become one: 2 at strengths 1 and 2, up to 16 at 8 and 9; else 0."""
    bits = 4 + ops.floor(4 * (10 - strength) / 10)  # the authors' code: 4 + ⌊4 · strength ÷ 10⌋
    return ops.where(drew(operation, "posterize"), ops.round(2.0 ** (8 - bits)), 0.0)


def with_fewer_levels(planes, step):
    """Lower each value to the next multiple of `step (B,)` levels; a step of 0 changes nothing."""
    step = column(step)
    levels = ops.floor(ops.round(WHITE * planes) / ops.maximum(step, 1.0)) * step
    return ops.where(step > 0, levels / WHITE, planes)


# Equalize


def spread_out(planes, operation, strength, sign):
    """Equalize, for those that drew it."""
    return ops.where(column(drew(operation, "equalize")), equalized(planes), planes)


def equalized(planes):
    """Spread the values of each channel evenly: a value becomes the share of darker pixels.

    The share is among the pixels that are not of the brightest level, so that this one becomes 1.
    Pillow rounds its step to whole pixels a level, which turns up to a quarter of a 32×32 picture
    white; here the step is exact.
    """
    levels = ops.cast(ops.round(WHITE * planes), "int32")
    channels = 3 * ops.shape(planes)[0]
    # A box for each level of each channel of each picture: 256 in a row, and row after row.
    rows = ops.reshape(256 * ops.arange(channels, dtype="int32"), (-1, 3, 1, 1))
    boxes = ops.reshape(levels + rows, (-1,))
    ones = ops.ones_like(boxes, dtype="float32")
    counts = ops.segment_sum(ones, boxes, num_segments=256 * channels)
    counts = ops.reshape(counts, (-1, 256))
    darker = ops.reshape(ops.cumsum(counts, axis=1) - counts, (-1,))
    darker = ops.reshape(ops.take(darker, boxes), ops.shape(planes))
    most = ops.max(darker, axis=(2, 3), keepdims=True)
    # A channel of one level has nothing to spread.
    return ops.where(most > 0, darker / ops.maximum(most, 1.0), planes)


# Sharpness


def softened(planes, operation, strength, sign):
    """Sharpness, in the direction of less."""
    return smoothed(planes, ops.where(drew(operation, "sharpness"), 1 - kept_share(strength), 0.0))


def smoothed(planes, share):
    """Mix each picture with a smoothed copy of itself.

    Smoothing is a mean over 3×3 pixels in which the middle counts five times; pixels at the edge
    stay.

    Args:
        planes: `(B, 3, H, W)`.
        share: share of the smoothed copy, `(B,)`.
    """
    down = planes[:, :, :-2] + planes[:, :, 1:-1] + planes[:, :, 2:]
    around = down[..., :-2] + down[..., 1:-1] + down[..., 2:]
    middle = planes[:, :, 1:-1, 1:-1]
    change = column(share) * ((around + 4 * middle) / 13 - middle)
    return planes + ops.pad(change, ((0, 0), (0, 0), (1, 1), (1, 1)))


# Places


def displaced(planes, operation, strength, sign):
    """Shear, translate and rotate."""
    return moved(planes, *where_from(operation, strength * sign, *planes.shape[2:]))


def where_from(operation, amount, rows, columns):
    """The affine map from a place in the new picture to the place in the old one.

    Shears hold the top left corner and move by 0.03 of the way per strength, 0.27 at most; shifts
    go as far in shares of the side; turns are about the middle, by 3° per strength.

    Args:
        operation: `(B,)`; pictures that drew nothing of the kind get the identity.
        amount: strength × sign, `(B,)`.
        rows, columns: size of the pictures.

    Returns:
        a, b, c, d, e, f, each `(B,)`: old x = a x + b y + c, old y = d x + e y + f, in pixels.
    """

    def if_drawn(name, value):
        return ops.where(drew(operation, name), value, 0.0)

    angle = if_drawn("rotate", math.radians(3) * amount)
    cosine, sine = ops.cos(angle), ops.sin(angle)
    middle_x, middle_y = columns / 2, rows / 2
    shift_x = middle_x - cosine * middle_x + sine * middle_y
    shift_y = middle_y - sine * middle_x - cosine * middle_y
    return (
        cosine,
        if_drawn("shear_x", 0.03 * amount) - sine,
        if_drawn("translate_x", 0.03 * columns * amount) + shift_x,
        if_drawn("shear_y", 0.03 * amount) + sine,
        cosine,
        if_drawn("translate_y", 0.03 * rows * amount) + shift_y,
    )


def moved(planes, a, b, c, d, e, f):
    """Fill each place with the nearest old pixel of where it came from; with black from outside."""
    rows, columns = planes.shape[2:]
    a, b, c, d, e, f = (value[:, None, None] for value in (a, b, c, d, e, f))
    y = (ops.arange(rows, dtype="float32") + 0.5)[:, None]
    x = ops.arange(columns, dtype="float32") + 0.5
    from_x, from_y = ops.floor(a * x + b * y + c), ops.floor(d * x + e * y + f)

    near_x, near_y = ops.clip(from_x, 0, columns - 1), ops.clip(from_y, 0, rows - 1)
    inside = ops.logical_and(near_x == from_x, near_y == from_y)
    first = ops.arange(ops.shape(planes)[0], dtype="int32") * (rows * columns)
    index = ops.cast(near_y * columns + near_x, "int32") + first[:, None, None]
    # Pixel by pixel: a colour is found once, and not each of its three numbers.
    colors = ops.take(ops.reshape(to_pictures(planes), (-1, 3)), index, axis=0)
    return ops.where(inside[:, None], to_planes(colors), 0.0)


FAMILIES = {
    ("contrast", "color", "brightness", "invert", "autocontrast"): recolored,
    ("solarize", "posterize"): relevelled,
    ("equalize",): spread_out,
    ("sharpness",): softened,
    ("shear_x", "shear_y", "translate_x", "translate_y", "rotate"): displaced,
}

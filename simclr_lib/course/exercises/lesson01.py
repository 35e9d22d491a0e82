"""Lesson 01: what a view is made of (Chen et al., 2020, section 3 and appendix A).

The operations are those of `simclr_lib.augment`, here for one picture in NumPy. The colour
histogram is the shortcut that the paper's figure 6 warns of.
"""

import math

import numpy as np

from simclr_lib.course.exercise import Exercise, mistake

LESSON = "01_augmentations"
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as in `simclr_lib.augment`


def picture(height, width, seed=0):
    """A random picture, `(height, width, 3)` in [0, 1], darker at the top than at the bottom."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0.2, 1.0, height)[:, None, None]
    return (rng.uniform(0, 1, (height, width, 3)) * slope).astype("float32")


# -- The box of a crop -----------------------------------------------------------------------------


def box_by_formula(area, aspect, down, across):
    height = min(math.sqrt(area / aspect), 1.0)
    width = min(math.sqrt(area * aspect), 1.0)
    return down * (1 - height), across * (1 - width), height, width


def box_with_numpy(area, aspect, down, across):
    sides = np.minimum(np.sqrt(area * np.array([1 / aspect, aspect])), 1)
    corner = np.array([down, across]) * (1 - sides)
    return (*corner, *sides)


def box_by_steps(area, aspect, down, across):
    width = (area * aspect) ** 0.5
    height = width / aspect
    if height > 1:
        height = 1.0
    if width > 1:
        width = 1.0
    room_below, room_right = 1 - height, 1 - width
    return room_below * down, room_right * across, height, width


def box_in_keras(area, aspect, down, across):
    from keras import ops

    height = ops.minimum(ops.sqrt(ops.convert_to_tensor(area / aspect, "float32")), 1.0)
    width = ops.minimum(ops.sqrt(ops.convert_to_tensor(area * aspect, "float32")), 1.0)
    return down * (1 - height), across * (1 - width), height, width


@mistake(
    "Your boxes are tall where they should be wide: the aspect is width ÷ height.",
    hint="A larger aspect makes the width larger and the height smaller.",
)
def aspect_turned_over(area, aspect, down, across):
    return box_by_formula(area, 1 / aspect, down, across)


@mistake(
    "The square root is missing: height times width must be the area.",
    hint="With aspect 1 and area ¼, both sides are ½, not ¼.",
)
def no_square_root(area, aspect, down, across):
    height, width = min(area / aspect, 1.0), min(area * aspect, 1.0)
    return down * (1 - height), across * (1 - width), height, width


@mistake(
    "The aspect is outside the square root: your width ÷ height is the aspect squared.",
    hint="width = √(area · aspect): both go under the root.",
)
def aspect_outside_the_root(area, aspect, down, across):
    height, width = min(math.sqrt(area) / aspect, 1.0), min(math.sqrt(area) * aspect, 1.0)
    return down * (1 - height), across * (1 - width), height, width


@mistake(
    "Only one side knows of the aspect, so the area comes out wrong: widening the box must make it"
    " lower.",
    hint="height = √(area ÷ aspect) and width = √(area · aspect).",
)
def aspect_on_one_side(area, aspect, down, across):
    height, width = math.sqrt(area), min(math.sqrt(area) * aspect, 1.0)
    return down * (1 - height), across * (1 - width), height, width


@mistake(
    "Your boxes stick out at the bottom and on the right: `down` and `across` are shares of the"
    " room that is left, not of the picture.",
    hint="The room above and below a box is 1 − height; `down` says how much of it is above.",
)
def corner_anywhere(area, aspect, down, across):
    _, _, height, width = box_by_formula(area, aspect, down, across)
    return down, across, height, width


@mistake(
    "You take `down` and `across` as the box's centre: a box near an edge would stick out.",
    hint="With down = 0 the box touches the top edge, with down = 1 the bottom edge.",
)
def placed_by_its_centre(area, aspect, down, across):
    _, _, height, width = box_by_formula(area, aspect, down, across)
    return down - height / 2, across - width / 2, height, width


@mistake(
    "A large flat (or tall) box becomes longer than the picture: narrow each side to 1 at most.",
    hint="min(…, 1.0) around each side, before the corner is placed.",
)
def not_narrowed(area, aspect, down, across):
    height, width = math.sqrt(area / aspect), math.sqrt(area * aspect)
    return down * (1 - height), across * (1 - width), height, width


@mistake(
    "The order differs: wanted are top, left, height, width.",
    hint="First down, then across: return top, left, height, width.",
)
def across_before_down(area, aspect, down, across):
    top, left, height, width = box_by_formula(area, aspect, down, across)
    return left, top, width, height


@mistake(
    "`down` and `across` are swapped: `down` moves the top edge.",
    hint="top = down · (1 − height).",
)
def corner_swapped(area, aspect, down, across):
    return box_by_formula(area, aspect, across, down)


@mistake(
    "You return the bottom and the right edge: wanted are height and width.",
    hint="Leave out the `top +` and `left +`.",
)
def edges_for_sides(area, aspect, down, across):
    top, left, height, width = box_by_formula(area, aspect, down, across)
    return top, left, top + height, left + width


@mistake(
    "You work out one side from the other after that one was narrowed to 1, so the box loses area"
    " twice: each side comes from area and aspect, and is narrowed by itself.",
    hint="√(area ÷ aspect) and √(area · aspect) first, then min(…, 1.0) around each.",
)
def width_from_the_narrowed_height(area, aspect, down, across):
    height = min(math.sqrt(area / aspect), 1.0)
    width = min(aspect * height, 1.0)
    return down * (1 - height), across * (1 - width), height, width


@mistake(
    "You work out one side from the other after that one was narrowed to 1, and the second side is"
    " not narrowed: each side comes from area and aspect, and is narrowed by itself.",
    hint="√(area ÷ aspect) and √(area · aspect) first, then min(…, 1.0) around each.",
)
def only_the_height_narrowed(area, aspect, down, across):
    height = min(math.sqrt(area / aspect), 1.0)
    width = aspect * height
    return down * (1 - height), across * (1 - width), height, width


@mistake(
    "You take `down` and `across` as shares of the box: they are shares of the room beside it,"
    " 1 − height and 1 − width.",
    hint="top = down · (1 − height), left = across · (1 − width).",
)
def share_of_the_box(area, aspect, down, across):
    _, _, height, width = box_by_formula(area, aspect, down, across)
    return down * height, across * width, height, width


@mistake(
    "The order differs: wanted are first the corner, top and left, then the sides.",
    hint="return top, left, height, width.",
)
def sides_before_the_corner(area, aspect, down, across):
    top, left, height, width = box_by_formula(area, aspect, down, across)
    return height, width, top, left


def keeps_its_area(answer):
    _, _, height, width = answer(0.36, 1.0, 0.0, 0.0)
    if abs(height * width - 0.36) > 1e-3:
        return (
            f"A box of area 0.36 and aspect 1 has height · width = {height * width:.3g} in yours."
        )
    return None


def stays_inside(answer):
    for down, across in ((0, 0), (1, 0), (0, 1), (1, 1)):
        top, left, height, width = answer(0.3, 1.2, float(down), float(across))
        if min(top, left) < -1e-4 or max(top + height, left + width) > 1 + 1e-4:
            return (
                f"For down = {down}, across = {across} the box of area 0.3 reaches from"
                f" {top:.2f} to {top + height:.2f} downwards and from {left:.2f} to"
                f" {left + width:.2f} across: the picture ends at 0 and 1."
            )
    return None


CROP_BOX = Exercise(
    id="crop_box",
    lesson=LESSON,
    title="the box of a crop",
    minutes=6,
    difficulty=1,
    reference=box_by_formula,
    probes=[
        (0.3, 1.0, 0.5, 0.25),
        (0.2, 1.3, 0.1, 0.9),
        (0.5, 0.8, 1.0, 0.0),
        (0.95, 1.3, 0.4, 0.6),
        (0.95, 0.75, 0.4, 0.6),
    ],
    ladder=[keeps_its_area, stays_inside],
    mistakes=[
        aspect_turned_over,
        no_square_root,
        aspect_outside_the_root,
        aspect_on_one_side,
        corner_anywhere,
        placed_by_its_centre,
        not_narrowed,
        across_before_down,
        corner_swapped,
        edges_for_sides,
        width_from_the_narrowed_height,
        only_the_height_narrowed,
        share_of_the_box,
        sides_before_the_corner,
    ],
    hints=(
        "Two equations: height · width = area, and width ÷ height = aspect. Solve for both sides.",
        "width = √(area · aspect), height = √(area ÷ aspect), each at most 1.",
        "1 − height is the room that is left; a share `down` of it lies above the box.",
    ),
    right=[box_by_formula, box_with_numpy, box_by_steps, box_in_keras],
)


# -- Resampling one side ---------------------------------------------------------------------------


def resampling_by_broadcast(start, length, size_in, size_out):
    step = length * size_in / size_out
    new = start * size_in + (np.arange(size_out) + 0.5) * step
    old = np.arange(size_in) + 0.5
    distance = np.abs(new[:, None] - old[None, :])
    weights = np.maximum(0, 1 - distance / max(step, 1))
    return weights / weights.sum(axis=1, keepdims=True)


def resampling_by_loops(start, length, size_in, size_out):
    matrix = np.zeros((size_out, size_in))
    step = length * size_in / size_out
    for i in range(size_out):
        centre = start * size_in + (i + 0.5) * step
        for j in range(size_in):
            matrix[i, j] = max(0.0, 1 - abs(centre - (j + 0.5)) / max(step, 1.0))
        matrix[i] /= sum(matrix[i])
    return matrix


def resampling_by_tents(start, length, size_in, size_out):
    reach = max(length * size_in / size_out, 1.0)
    rows = []
    for share in (np.arange(size_out) + 0.5) / size_out:
        place = (start + share * length) * size_in - 0.5
        row = np.interp(np.arange(size_in), [place - reach, place, place + reach], [0, 1, 0])
        rows.append(row / row.sum())
    return np.stack(rows)


def resampling_in_keras(start, length, size_in, size_out):
    from keras import ops

    step = length * size_in / size_out
    new = start * size_in + (ops.arange(size_out, dtype="float32") + 0.5) * step
    old = ops.arange(size_in, dtype="float32") + 0.5
    weights = ops.relu(1 - ops.abs(ops.expand_dims(new, 1) - old) / max(step, 1.0))
    return weights / ops.sum(weights, axis=1, keepdims=True)


def tents(new, old, reach):
    return np.maximum(0, 1 - np.abs(new[:, None] - old[None, :]) / reach)


def centres(start, length, size_in, size_out, half_new=0.5, half_old=0.5):
    """Where new and old pixels lie, in old pixels, and how many old ones a new one covers."""
    step = length * size_in / size_out
    new = start * size_in + (np.arange(size_out) + half_new) * step
    return new, np.arange(size_in) + half_old, step


@mistake(
    "Your rows do not add up to 1: near the edges, and where the picture shrinks, the new pixels"
    " come out too dark or too bright.",
    hint="Divide each row by its sum: axis=1, keepdims=True.",
)
def rows_not_normalised(start, length, size_in, size_out):
    new, old, step = centres(start, length, size_in, size_out)
    return tents(new, old, max(step, 1))


@mistake(
    "You divide by the columns' sums: it is each row, one new pixel, that adds up to 1.",
    hint="axis=1 sums along a row.",
)
def columns_normalised(start, length, size_in, size_out):
    new, old, step = centres(start, length, size_in, size_out)
    weights = tents(new, old, max(step, 1))
    return weights / np.maximum(weights.sum(axis=0, keepdims=True), 1e-6)


@mistake(
    "Your new pixel looks one old pixel far, also where it covers several: thin lines will fall"
    " between the new pixels.",
    hint="The reach is the step (old pixels in a new one), but at least 1.",
)
def reach_always_one(start, length, size_in, size_out):
    new, old, _ = centres(start, length, size_in, size_out)
    weights = tents(new, old, 1) + 1e-12
    return weights / weights.sum(axis=1, keepdims=True)


@mistake(
    "Where the picture grows your reach falls below 1 old pixel: you copy pixels instead of"
    " blending neighbours.",
    hint="max(step, 1): the reach is never less than one old pixel.",
)
def reach_below_one(start, length, size_in, size_out):
    new, old, step = centres(start, length, size_in, size_out)
    weights = tents(new, old, step) + 1e-12
    return weights / weights.sum(axis=1, keepdims=True)


@mistake(
    "You take the nearest old pixel only: wanted are weights that fall off linearly.",
    hint="np.maximum(0, 1 − distance ÷ reach) gives the weights before the division.",
)
def nearest_pixel_only(start, length, size_in, size_out):
    new, old, _ = centres(start, length, size_in, size_out)
    return np.eye(size_in)[np.abs(new[:, None] - old[None, :]).argmin(axis=1)]


@mistake(
    "You compare the pixels' left edges: a pixel's place is its centre, half a pixel further, in"
    " the old picture and in the new one.",
    hint="i + 0.5 new pixels, j + 0.5 old pixels.",
)
def edges_for_centres(start, length, size_in, size_out):
    new, old, step = centres(start, length, size_in, size_out, 0, 0)
    weights = tents(new, old, max(step, 1)) + 1e-12
    return weights / weights.sum(axis=1, keepdims=True)


@mistake(
    "The old pixels lack their half: old pixel j has its centre at j + ½.",
    hint="np.arange(size_in) + 0.5.",
)
def old_half_missing(start, length, size_in, size_out):
    new, old, step = centres(start, length, size_in, size_out, 0.5, 0)
    weights = tents(new, old, max(step, 1)) + 1e-12
    return weights / weights.sum(axis=1, keepdims=True)


@mistake(
    "The new pixels lack their half: new pixel i has its centre at i + ½.",
    hint="(np.arange(size_out) + 0.5) · step.",
)
def new_half_missing(start, length, size_in, size_out):
    new, old, step = centres(start, length, size_in, size_out, 0, 0.5)
    weights = tents(new, old, max(step, 1)) + 1e-12
    return weights / weights.sum(axis=1, keepdims=True)


@mistake(
    "Your matrix is turned over: a row is a new pixel, a column an old one.",
    hint="The new pixels go down: new[:, None] − old[None, :].",
)
def matrix_turned_over(start, length, size_in, size_out):
    return resampling_by_broadcast(start, length, size_in, size_out).T


@mistake(
    "`start` changes nothing in yours: every crop would begin at the edge.",
    hint="Add start · size_in to the places of the new pixels.",
)
def start_ignored(start, length, size_in, size_out):
    return resampling_by_broadcast(0.0, length, size_in, size_out)


@mistake(
    "`start` is a share of the side: you use it as a number of pixels.",
    hint="start · size_in pixels.",
)
def start_in_pixels(start, length, size_in, size_out):
    return resampling_by_broadcast(start / size_in, length, size_in, size_out)


@mistake(
    "`length` changes nothing in yours: nothing is ever enlarged.",
    hint="One new pixel covers length · size_in ÷ size_out old ones.",
)
def length_ignored(start, length, size_in, size_out):
    return resampling_by_broadcast(start, 1.0, size_in, size_out)


@mistake(
    "The weights of far pixels fall below 0 in yours, instead of stopping at 0.",
    hint="np.maximum(0, 1 − distance ÷ reach).",
)
def far_pixels_below_zero(start, length, size_in, size_out):
    new, old, step = centres(start, length, size_in, size_out)
    weights = 1 - np.abs(new[:, None] - old[None, :]) / max(step, 1)
    return weights / weights.sum(axis=1, keepdims=True)


@mistake(
    "Your distances have a sign, so that all old pixels on one side of the new one weigh in: a"
    " distance is |…|.",
    hint="np.abs(new[:, None] − old[None, :]).",
)
def distance_with_a_sign(start, length, size_in, size_out):
    new, old, step = centres(start, length, size_in, size_out)
    weights = np.maximum(0, 1 - (new[:, None] - old[None, :]) / max(step, 1))
    return weights / weights.sum(axis=1, keepdims=True)


@mistake(
    "Your reach is the step, but at *most* one old pixel: it is at *least* one.",
    hint="max(step, 1), not min(step, 1).",
)
def reach_at_most_one(start, length, size_in, size_out):
    new, old, step = centres(start, length, size_in, size_out)
    weights = tents(new, old, min(step, 1))
    return weights / weights.sum(axis=1, keepdims=True)


@mistake(
    "Your step is upside down: it counts the old pixels in a new one.",
    hint="step = length · size_in ÷ size_out.",
)
def step_upside_down(start, length, size_in, size_out):
    step = length * size_out / size_in
    new = start * size_in + (np.arange(size_out) + 0.5) * step
    weights = tents(new, np.arange(size_in) + 0.5, max(step, 1))
    return weights / weights.sum(axis=1, keepdims=True)


def whole_side_is_left_alone(answer):
    matrix = answer(0.0, 1.0, 6, 6)
    if not np.allclose(matrix, np.eye(6), atol=1e-3):
        return (
            "The whole side at its own size must give the identity matrix; your first row is"
            f" {np.round(matrix[0], 2).tolist()}."
        )
    return None


def keeps_a_grey_side(answer):
    sums = answer(0.1, 0.7, 10, 4).sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-3):
        return (
            "A side of equal pixels must stay as bright as it is, so each row adds up to 1; your"
            f" first adds up to {sums[0]:.3g}."
        )
    return None


def halves_are_averages(answer):
    matrix = answer(0.0, 1.0, 16, 8)
    if np.count_nonzero(matrix[3] > 0.05) < 3:
        return (
            "From 16 to 8 pixels, each new pixel must take in more than two old ones; the fourth"
            f" new pixel's weights are {np.round(matrix[3], 2).tolist()}."
        )
    return None


RESAMPLING = Exercise(
    id="resampling_matrix",
    lesson=LESSON,
    title="the matrix that resamples one side",
    minutes=12,
    difficulty=3,
    reference=resampling_by_broadcast,
    probes=[
        (0.0, 1.0, 6, 6),
        (0.25, 0.5, 8, 8),
        (0.1, 0.7, 10, 4),
        (0.3, 0.4, 10, 16),
        (0.0, 1.0, 12, 5),
    ],
    ladder=[whole_side_is_left_alone, keeps_a_grey_side, halves_are_averages],
    mistakes=[
        rows_not_normalised,
        columns_normalised,
        reach_always_one,
        reach_below_one,
        nearest_pixel_only,
        edges_for_centres,
        old_half_missing,
        new_half_missing,
        matrix_turned_over,
        start_ignored,
        start_in_pixels,
        length_ignored,
        far_pixels_below_zero,
        distance_with_a_sign,
        reach_at_most_one,
        step_upside_down,
    ],
    hints=(
        "First find where the centre of each new pixel lies, counted in old pixels.",
        "step = length · size_in ÷ size_out; the centres are start · size_in + (i + ½) · step.",
        "distance[i, j] = |centre of i − (j + ½)|; the weights are np.maximum(0, 1 − distance ÷"
        " max(step, 1)), each row divided by its sum.",
    ),
    right=[resampling_by_broadcast, resampling_by_loops, resampling_by_tents, resampling_in_keras],
)


# -- Both sides ------------------------------------------------------------------------------------


def resize_by_einsum(picture, down, across):
    return np.einsum("iy,jx,yxc->ijc", down, across, picture)


def resize_by_channel(picture, down, across):
    channels = [down @ picture[:, :, channel] @ across.T for channel in range(3)]
    return np.stack(channels, axis=-1)


def resize_in_two_steps(picture, down, across):
    low = np.tensordot(down, picture, axes=(1, 0))
    return np.tensordot(low, across, axes=(1, 1)).transpose(0, 2, 1)


def resize_by_loops(picture, down, across):
    result = np.zeros((len(down), len(across), 3))
    for i in range(len(down)):
        row = sum(weight * line for weight, line in zip(down[i], picture, strict=True))
        for j in range(len(across)):
            result[i, j] = across[j] @ row
    return result


def resize_in_keras(picture, down, across):
    from keras import ops

    planes = ops.transpose(picture, (2, 0, 1))
    planes = ops.matmul(ops.matmul(down, planes), ops.transpose(across))
    return ops.transpose(planes, (1, 2, 0))


@mistake(
    "`down` and `across` are swapped: `down` mixes rows (axis 0), `across` mixes columns (axis 1).",
    hint="For one channel: down @ channel @ across.T.",
)
def sides_swapped(picture, down, across):
    return resize_by_einsum(picture, across, down)


@mistake(
    "Only the rows are resampled: `across` is not used.",
    hint="After the rows, the columns: for one channel, … @ across.T.",
)
def rows_only(picture, down, across):
    return np.einsum("iy,yxc->ixc", down, picture)


@mistake(
    "Only the columns are resampled: `down` is not used.",
    hint="For one channel: down @ … mixes its rows.",
)
def columns_only(picture, down, across):
    return np.einsum("jx,yxc->yjc", across, picture)


@mistake(
    "Your result lies on its side: axis 0 must run down, axis 1 across.",
    hint="The result has shape (len(down), len(across), 3).",
)
def lies_on_its_side(picture, down, across):
    return resize_by_einsum(picture, down, across).transpose(1, 0, 2)


@mistake(
    "The colours are mixed into one: each channel is resampled by itself.",
    hint="Keep the last axis: np.einsum with c on both sides of the arrow.",
)
def channels_mixed(picture, down, across):
    gray = np.einsum("iy,jx,yxc->ij", down, across, picture) / 3
    return np.stack([gray] * 3, axis=-1)


@mistake(
    "Your result has its channels first: wanted is (height, width, 3).",
    hint="np.stack(channels, axis=-1), or end the einsum with ijc.",
)
def channels_first(picture, down, across):
    return resize_by_einsum(picture, down, across).transpose(2, 0, 1)


@mistake(
    "You use `down` for the columns as well.",
    hint="The second product takes across.",
)
def down_used_twice(picture, down, across):
    return resize_by_einsum(picture, down, down)


@mistake(
    "Your rows come out upside down.",
    hint="Row i of the result takes its weights from row i of `down`.",
)
def upside_down(picture, down, across):
    return resize_by_einsum(picture, down[::-1], across)


@mistake(
    "`across` is not turned over: a product from the right mixes columns when the old pixels run"
    " down the matrix, and in `across` they run along its rows.",
    hint="… @ across.T; in einsum's letters, jx for `across`.",
)
def across_not_transposed(picture, down, across):
    return np.stack([down @ picture[:, :, c] @ across for c in range(3)], axis=-1)


def weights(height, width, seed):
    """A matrix of random weights whose rows add up to 1."""
    matrix = np.random.default_rng(seed).uniform(0, 1, (height, width)) ** 3
    return matrix / matrix.sum(axis=1, keepdims=True)


def identities_change_nothing(answer):
    small = picture(4, 5)
    if not np.allclose(answer(small, np.eye(4), np.eye(5)), small, atol=1e-3):
        return "With two identity matrices the picture must stay as it is; yours changes it."
    return None


RESIZE = Exercise(
    id="resize",
    lesson=LESSON,
    title="both sides of a picture",
    minutes=6,
    difficulty=2,
    reference=resize_by_einsum,
    probes=[
        (picture(5, 5), weights(5, 5, 1), weights(5, 5, 2)),
        (picture(6, 6, 1), weights(4, 6, 3), weights(4, 6, 4)),
        (picture(6, 4, 2), weights(3, 6, 5), weights(5, 4, 6)),
    ],
    ladder=[identities_change_nothing],
    mistakes=[
        sides_swapped,
        rows_only,
        columns_only,
        lies_on_its_side,
        channels_mixed,
        channels_first,
        down_used_twice,
        upside_down,
        across_not_transposed,
    ],
    hints=(
        "A channel is a matrix: a product from the left mixes its rows, one from the right its"
        " columns.",
        "For one channel: down @ channel @ across.T. Do so for all three.",
        'One call does all: np.einsum("iy,jx,yxc->ijc", …) with the three arrays in that order.',
    ),
    right=[
        resize_by_einsum,
        resize_by_channel,
        resize_in_two_steps,
        resize_by_loops,
        resize_in_keras,
    ],
)


# -- Colour ----------------------------------------------------------------------------------------


def adjust_by_steps(picture, brightness, contrast, saturation):
    picture = picture * brightness
    mean = (picture @ LUMA).mean()
    picture = mean + contrast * (picture - mean)
    gray = (picture @ LUMA)[..., None]
    picture = gray + saturation * (picture - gray)
    return np.clip(picture, 0, 1)


def adjust_by_matrix(picture, brightness, contrast, saturation):
    to_gray = np.tile(LUMA, (3, 1))
    matrix = brightness * contrast * (saturation * np.eye(3) + (1 - saturation) * to_gray)
    offset = brightness * (1 - contrast) * np.mean(picture @ LUMA)
    return np.clip(picture @ matrix.T + offset, 0, 1)


def adjust_backwards(picture, brightness, contrast, saturation):
    def luma(p):
        return 0.299 * p[..., :1] + 0.587 * p[..., 1:2] + 0.114 * p[..., 2:]

    picture = saturation * picture + (1 - saturation) * luma(picture)
    picture = contrast * picture + (1 - contrast) * luma(picture).mean()
    return np.minimum(np.maximum(brightness * picture, 0), 1)


def adjust_by_pixels(picture, brightness, contrast, saturation):
    height, width, _ = picture.shape
    bright = [
        [[float(v) * brightness for v in picture[y, x]] for x in range(width)]
        for y in range(height)
    ]
    lumas = [[sum(w * v for w, v in zip(LUMA, p, strict=True)) for p in row] for row in bright]
    mean = sum(map(sum, lumas)) / (height * width)
    result = np.zeros((height, width, 3))
    for y in range(height):
        for x in range(width):
            gray = mean + contrast * (lumas[y][x] - mean)
            for c in range(3):
                value = mean + contrast * (bright[y][x][c] - mean)
                result[y, x, c] = min(1, max(0, gray + saturation * (value - gray)))
    return result


def adjust_in_keras(picture, brightness, contrast, saturation):
    from keras import ops

    luma = ops.convert_to_tensor(LUMA, "float32")
    picture = brightness * ops.convert_to_tensor(picture, "float32")
    mean = ops.mean(ops.sum(picture * luma, axis=-1))
    picture = mean + contrast * (picture - mean)
    gray = ops.sum(picture * luma, axis=-1, keepdims=True)
    return ops.clip(gray + saturation * (picture - gray), 0, 1)


def adjusted(
    picture, brightness, contrast, saturation, *, luma=LUMA, contrast_luma=LUMA, clip=True
):
    """The right steps, with other weights where a mistake has them."""
    picture = picture * brightness
    mean = (picture @ contrast_luma).mean()
    picture = mean + contrast * (picture - mean)
    gray = (picture @ luma)[..., None]
    picture = gray + saturation * (picture - gray)
    return np.clip(picture, 0, 1) if clip else picture


@mistake(
    "You add to the brightness: it is a factor, so black stays black.",
    hint="picture * brightness.",
)
def brightness_added(picture, brightness, contrast, saturation):
    return adjusted(picture + (brightness - 1), 1.0, contrast, saturation)


@mistake(
    "Your contrast pulls towards black, as a second brightness would: it pulls towards the mean"
    " luma of the picture.",
    hint="mean + contrast · (picture − mean).",
)
def contrast_around_black(picture, brightness, contrast, saturation):
    return adjusted(picture, brightness * contrast, 1.0, saturation)


@mistake(
    "Your contrast pulls towards the middle grey 0.5: it pulls towards this picture's own mean"
    " luma.",
    hint="mean = (picture @ LUMA).mean(), once the brightness is changed.",
)
def contrast_around_half(picture, brightness, contrast, saturation):
    picture = 0.5 + contrast * (picture * brightness - 0.5)
    return adjusted(picture, 1.0, 1.0, saturation)


@mistake(
    "Your contrast pulls each channel towards its own mean, which changes the tint: one number,"
    " the mean luma, serves all three.",
    hint="The mean is taken over the lumas of all pixels and is a single number.",
)
def contrast_by_channel(picture, brightness, contrast, saturation):
    picture = picture * brightness
    mean = picture.mean(axis=(0, 1))
    return adjusted(mean + contrast * (picture - mean), 1.0, 1.0, saturation)


@mistake(
    "Your contrast takes the mean before the brightness changed: the mean moves with it.",
    hint="Take the mean of the picture that you have just brightened.",
)
def mean_of_the_original(picture, brightness, contrast, saturation):
    mean = (picture @ LUMA).mean()
    return adjusted(mean + contrast * (picture * brightness - mean), 1.0, 1.0, saturation)


@mistake(
    "Your grey is the plain mean of red, green and blue: the eye finds green brightest, so weight"
    " them by LUMA.",
    hint="picture @ LUMA is the luma of every pixel.",
)
def plain_mean_for_luma(picture, brightness, contrast, saturation):
    third = np.full(3, 1 / 3)
    return adjusted(picture, brightness, contrast, saturation, luma=third, contrast_luma=third)


@mistake(
    "Your contrast pulls to the plain mean of all numbers: take the mean of the lumas.",
    hint="(picture @ LUMA).mean().",
)
def plain_mean_for_contrast(picture, brightness, contrast, saturation):
    third = np.full(3, 1 / 3)
    return adjusted(picture, brightness, contrast, saturation, contrast_luma=third)


@mistake(
    "Your saturation works the wrong way round: 0 must give grey and 1 must change nothing.",
    hint="gray + saturation · (picture − gray).",
)
def saturation_turned(picture, brightness, contrast, saturation):
    return adjusted(picture, brightness, contrast, 1 - saturation)


@mistake(
    "Your contrast works the wrong way round: 0 must give the mean and 1 must change nothing.",
    hint="mean + contrast · (picture − mean).",
)
def contrast_turned(picture, brightness, contrast, saturation):
    return adjusted(picture, brightness, 1 - contrast, saturation)


@mistake(
    "Your saturation pulls towards the mean luma of the whole picture: each pixel has a grey of its"
    " own.",
    hint="One luma a pixel: (picture @ LUMA)[..., None].",
)
def one_grey_for_all(picture, brightness, contrast, saturation):
    return adjusted(picture, brightness, contrast * saturation, 1.0)


@mistake(
    "Values leave [0, 1]: clip at the end.",
    hint="np.clip(picture, 0, 1) around the result.",
)
def not_clipped(picture, brightness, contrast, saturation):
    return adjusted(picture, brightness, contrast, saturation, clip=False)


@mistake(
    "You clip after every step, so that what was too bright for a moment is lost (the paper's code"
    " does so too): here one clip stands at the end, and the steps become one matrix.",
    hint="Clip once, in the last line.",
)
def clipped_after_each_step(picture, brightness, contrast, saturation):
    picture = adjusted(picture, brightness, 1.0, 1.0)
    picture = adjusted(picture, 1.0, contrast, 1.0)
    return adjusted(picture, 1.0, 1.0, saturation)


@mistake(
    "Only the brightness is changed: contrast and saturation do nothing in yours.",
    hint="After the brightness, the contrast: mean + contrast · (picture − mean).",
)
def brightness_only(picture, brightness, contrast, saturation):
    return adjusted(picture, brightness, 1.0, 1.0)


@mistake(
    "Brightness and contrast are changed; saturation does nothing in yours.",
    hint="gray + saturation · (picture − gray), with each pixel's own luma as gray.",
)
def saturation_forgotten(picture, brightness, contrast, saturation):
    return adjusted(picture, brightness, contrast, 1.0)


@mistake(
    "(picture * LUMA).mean() is a third of the mean luma, for it also divides by the three"
    " channels: add up the three products of a pixel first.",
    hint="(picture @ LUMA).mean().",
)
def mean_of_the_products(picture, brightness, contrast, saturation):
    return adjusted(picture, brightness, contrast, saturation, contrast_luma=LUMA / 3)


@mistake(
    "Your saturation pulls towards the luma from before the contrast changed: take each pixel's"
    " luma anew.",
    hint="Compute (picture @ LUMA)[..., None] after the contrast.",
)
def luma_from_before_the_contrast(picture, brightness, contrast, saturation):
    picture = picture * brightness
    luma = picture @ LUMA
    picture = luma.mean() + contrast * (picture - luma.mean())
    gray = luma[..., None]
    return np.clip(gray + saturation * (picture - gray), 0, 1)


@mistake(
    "You clip after the brightness as well, so that what was too bright for a moment is lost: one"
    " clip stands at the end.",
    hint="Clip once, in the last line.",
)
def clipped_after_the_brightness(picture, brightness, contrast, saturation):
    picture = np.clip(picture * brightness, 0, 1)
    return adjusted(picture, 1.0, contrast, saturation)


@mistake(
    "You add factor · (picture − pull) to the *picture*: it is added to the *pull*, or a factor of"
    " 1 would not leave the picture as it is.",
    hint="pull + factor · (picture − pull).",
)
def added_to_the_picture(picture, brightness, contrast, saturation):
    return adjusted(picture, brightness, 1 + contrast, 1 + saturation)


def ones_change_nothing(answer):
    small = picture(4, 5)
    if not np.allclose(answer(small, 1.0, 1.0, 1.0), small, atol=1e-3):
        return "With all three factors at 1 the picture must stay as it is; yours changes it."
    return None


def stays_in_range(answer):
    result = answer(picture(6, 6, 3), 1.8, 1.7, 1.9)
    if result.min() < -1e-6 or result.max() > 1 + 1e-6:
        return f"Your values reach from {result.min():.3g} to {result.max():.3g}: wanted is [0, 1]."
    return None


def no_contrast_is_flat(answer):
    spread = np.ptp(answer(picture(5, 5, 4), 0.8, 0.0, 1.0))
    if spread > 1e-3:
        return (
            "Without contrast (factor 0) all pixels are one grey; yours still differ by"
            f" {spread:.3g}."
        )
    return None


def no_saturation_is_grey(answer):
    spread = np.ptp(answer(picture(5, 5, 5), 0.8, 0.9, 0.0), axis=-1).max()
    if spread > 1e-3:
        return (
            "Without saturation (factor 0) the three channels are equal; yours differ by up to"
            f" {spread:.3g}."
        )
    return None


ADJUST_COLOR = Exercise(
    id="adjust_color",
    lesson=LESSON,
    title="brightness, contrast, saturation",
    minutes=10,
    difficulty=2,
    reference=adjust_by_steps,
    probes=[
        (picture(4, 5), 0.7, 1.0, 1.0),
        (picture(4, 5, 1), 1.0, 0.5, 1.0),
        (picture(5, 4, 2), 1.0, 1.0, 0.4),
        (picture(5, 5, 3), 0.8, 0.7, 0.6),
        (picture(6, 6, 4), 1.5, 0.5, 1.5),
        (picture(6, 6, 5), 1.4, 1.6, 0.3),
    ],
    ladder=[ones_change_nothing, stays_in_range, no_contrast_is_flat, no_saturation_is_grey],
    mistakes=[
        brightness_added,
        contrast_around_black,
        contrast_around_half,
        contrast_by_channel,
        mean_of_the_original,
        plain_mean_for_luma,
        plain_mean_for_contrast,
        saturation_turned,
        contrast_turned,
        one_grey_for_all,
        not_clipped,
        clipped_after_each_step,
        brightness_only,
        saturation_forgotten,
        mean_of_the_products,
        luma_from_before_the_contrast,
        clipped_after_the_brightness,
        added_to_the_picture,
    ],
    hints=(
        "Three lines, one a factor, and a clip. Brightness is a plain product.",
        "Contrast and saturation have one form: pull + factor · (picture − pull). What does each"
        " pull towards?",
        "Contrast pulls towards (picture @ LUMA).mean(), one number; saturation towards"
        " (picture @ LUMA)[..., None], one number a pixel.",
    ),
    right=[
        adjust_by_steps,
        adjust_by_matrix,
        adjust_backwards,
        adjust_by_pixels,
        adjust_in_keras,
    ],
)


# -- Grey, at random -------------------------------------------------------------------------------


def gray_by_where(pictures, probability, rng):
    gray = np.repeat((pictures @ LUMA)[..., None], 3, axis=-1)
    chosen = rng.random(len(pictures)) < probability
    return np.where(chosen[:, None, None, None], gray, pictures)


def gray_by_index(pictures, probability, rng):
    result = pictures.copy()
    chosen = rng.uniform(size=len(pictures)) < probability
    result[chosen] = (pictures[chosen] @ LUMA)[..., None]
    return result


def gray_by_loop(pictures, probability, rng):
    result = []
    for one in pictures:
        if rng.random() < probability:
            luma = 0.299 * one[..., 0] + 0.587 * one[..., 1] + 0.114 * one[..., 2]
            one = np.stack([luma, luma, luma], axis=-1)
        result.append(one)
    return np.stack(result)


def gray_by_binomial(pictures, probability, rng):
    from keras import ops

    keep = 1.0 - rng.binomial(1, probability, (len(pictures), 1, 1, 1)).astype("float32")
    luma = ops.sum(pictures * ops.convert_to_tensor(LUMA, "float32"), axis=-1, keepdims=True)
    return keep * pictures + (1 - keep) * luma


def grays(pictures, weights=LUMA):
    return np.repeat((pictures @ weights)[..., None], 3, axis=-1)


def put_together(pictures, chosen, gray):
    return np.where(np.reshape(chosen, (-1, 1, 1, 1)), gray, pictures)


@mistake(
    "One draw decides for the whole batch: all pictures turn grey, or none. Each picture needs its"
    " own.",
    hint="rng.random(len(pictures)) draws as many numbers as there are pictures.",
)
def one_draw_a_batch(pictures, probability, rng):
    return grays(pictures) if rng.random() < probability else pictures


@mistake(
    "You draw for every pixel: a picture turns grey as a whole, or stays as it is.",
    hint="One number a picture, shaped (B, 1, 1, 1) so that it meets all its pixels.",
)
def a_draw_a_pixel(pictures, probability, rng):
    chosen = rng.random(pictures.shape[:3]) < probability
    return np.where(chosen[..., None], grays(pictures), pictures)


@mistake(
    "You draw for every channel, so that some channels turn grey and others do not: that changes"
    " the tint.",
    hint="One number a picture, shaped (B, 1, 1, 1) so that it meets all three channels.",
)
def a_draw_a_channel(pictures, probability, rng):
    chosen = rng.random((len(pictures), 1, 1, 3)) < probability
    return np.where(chosen, grays(pictures), pictures)


@mistake(
    "The probability works the wrong way round: you keep the colour of that share.",
    hint="A uniform number in [0, 1) is below p with probability p: rng.random(…) < probability.",
)
def probability_turned(pictures, probability, rng):
    return put_together(pictures, rng.random(len(pictures)) >= probability, grays(pictures))


@mistake(
    "The probability is one half in yours, whatever the argument says.",
    hint="Compare the uniform numbers with `probability`.",
)
def always_one_half(pictures, probability, rng):
    return put_together(pictures, rng.random(len(pictures)) < 0.5, grays(pictures))


@mistake(
    "Your grey is the plain mean of red, green and blue: weight them by LUMA.",
    hint="pictures @ LUMA is the luma of every pixel.",
)
def plain_mean_as_grey(pictures, probability, rng):
    gray = grays(pictures, np.full(3, 1 / 3))
    return put_together(pictures, rng.random(len(pictures)) < probability, gray)


@mistake(
    "You make a generator with a fixed seed inside: the same pictures turn grey at every call, for"
    " the whole training.",
    hint="Draw from the `rng` that you are given; make no generator of your own.",
)
def seeded_inside(pictures, probability, rng):
    chosen = np.random.default_rng(0).random(len(pictures)) < probability
    return put_together(pictures, chosen, grays(pictures))


@mistake(
    "Your draws do not come from `rng`: the same seed no longer gives the same views, so no run can"
    " be repeated.",
    hint="rng.random(…) in place of np.random's functions.",
)
def draws_from_elsewhere(pictures, probability, rng):
    chosen = np.random.default_rng().random(len(pictures)) < probability
    return put_together(pictures, chosen, grays(pictures))


@mistake(
    "Always the first pictures of the batch turn grey: chance must choose them.",
    hint="One uniform number a picture, compared with the probability.",
)
def always_the_first(pictures, probability, rng):
    chosen = np.arange(len(pictures)) < probability * len(pictures)
    return put_together(pictures, chosen, grays(pictures))


@mistake(
    "Exactly the same number of pictures turns grey in every batch: with a draw of its own for each"
    " picture that number varies.",
    hint="One uniform number a picture, compared with the probability.",
)
def a_fixed_number(pictures, probability, rng):
    chosen = rng.permutation(len(pictures)) < round(probability * len(pictures))
    return put_together(pictures, chosen, grays(pictures))


@mistake(
    "Your result has one channel: the encoder expects three, all equal.",
    hint="np.repeat(gray[..., None], 3, axis=-1).",
)
def one_channel_left(pictures, probability, rng):
    return grays(pictures)[..., :1]


@mistake(
    "Every picture turns grey: `probability` of them should.",
    hint="np.where(chosen, gray, pictures) with one truth value a picture.",
)
def all_turn_grey(pictures, probability, rng):
    return grays(pictures)


@mistake(
    "You draw from NumPy's or Python's own random numbers, not from the `rng` that you are given:"
    " its seed then decides nothing, and no run can be repeated.",
    hint="rng.random(…) in place of np.random.random(…) or random.random().",
)
def drawn_beside_rng(pictures, probability, rng):
    chosen = np.random.random(len(pictures)) < probability  # noqa: NPY002
    return put_together(pictures, chosen, grays(pictures))


@mistake(
    "No picture ever turns grey. In a loop, `picture = …` only gives the name to something new, and"
    " leaves the array as it was.",
    hint="result = pictures.copy(), and in the loop result[i] = ….",
)
def none_turns_grey(pictures, probability, rng):
    return pictures.copy()


def coloured(count, seed=0):
    """Small pictures whose pixels are all far from grey, and whose three greys differ."""
    rng = np.random.default_rng([seed, 7])
    low, high = rng.uniform(0, 0.2, (count, 4, 4, 1)), rng.uniform(0.7, 1, (count, 4, 4, 2))
    return np.concatenate([high[..., :1], low, high[..., 1:]], axis=-1)


def is_grey(pictures):
    """One truth value a picture: all pixels have three equal channels."""
    return np.all(np.ptp(pictures, axis=-1) < 1e-3, axis=(1, 2))


def chosen_by(answer, count, probability, rng):
    """Which pictures turned grey."""
    return is_grey(answer(coloured(count), probability, rng))


def zero_keeps_all(answer):
    pictures = coloured(20)
    if not np.allclose(answer(pictures, 0.0, np.random.default_rng(1)), pictures, atol=1e-3):
        return "With probability 0 every picture keeps its colours; yours do not."
    return None


def one_turns_all(answer):
    if not np.all(chosen_by(answer, 20, 1.0, np.random.default_rng(2))):
        return "With probability 1 every picture turns grey; in yours some keep their colours."
    return None


def grey_is_the_luma(answer):
    pictures = coloured(20)
    result = answer(pictures, 1.0, np.random.default_rng(3))
    grey, luma = is_grey(result), pictures @ LUMA
    if not np.allclose(result[grey][..., 0], luma[grey], atol=1e-3):
        return (
            f"A pixel of luma {luma[grey][0, 0, 0]:.3g} becomes {result[grey][0, 0, 0, 0]:.3g} in"
            " yours: grey is the luma, three times."
        )
    return None


def whole_pictures_turn(answer):
    pictures = coloured(60)
    result = answer(pictures, 0.5, np.random.default_rng(4))
    kept = np.all(np.abs(result - pictures) < 1e-3, axis=(1, 2, 3))
    if not np.all(kept | is_grey(result)):
        return "A picture is grey in all its pixels or in none; some of yours are mixed."
    return None


def channels_turn_together(answer):
    pictures = coloured(60)
    result = answer(pictures, 0.5, np.random.default_rng(5))
    kept = np.all(np.abs(result - pictures) < 1e-3, axis=-1)
    if not np.all(kept | (np.ptp(result, axis=-1) < 1e-3)):
        return "A pixel that turns grey has three equal channels; some of yours do not."
    return None


def both_kinds_in_a_batch(answer):
    chosen = chosen_by(answer, 200, 0.5, np.random.default_rng(6))
    if chosen.all() or not chosen.any():
        word = "all" if chosen.all() else "none"
        return f"Of 200 pictures with probability 0.5, {word} turned grey."
    return None


def rate_is_right(answer):
    count, probability = 2000, 0.2
    grey = chosen_by(answer, count, probability, np.random.default_rng(7)).sum()
    # Six standard deviations of a binomial: a right answer fails once in 500 million seeds.
    slack = 6 * math.sqrt(count * probability * (1 - probability))
    if abs(grey - count * probability) > slack:
        return f"Of {count} pictures with probability {probability}, {grey} turned grey."
    return None


def a_higher_probability_turns_more(answer):
    low, high = (chosen_by(answer, 400, p, np.random.default_rng(12)).sum() for p in (0.1, 0.9))
    if high < low:
        return f"Of 400 pictures {low} turn grey with probability 0.1, and {high} with 0.9."
    return None


def another_seed_chooses_others(answer):
    first, second = (chosen_by(answer, 100, 0.5, np.random.default_rng(s)) for s in (13, 14))
    if first.any() and not first.all() and np.array_equal(first, second):
        return "Two generators with different seeds turn the same pictures grey."
    return None


def number_varies(answer):
    numbers = {
        int(chosen_by(answer, 50, 0.5, np.random.default_rng([8, batch])).sum())
        for batch in range(12)
    }
    if len(numbers) == 1:
        return f"In each of twelve batches of 50 pictures, {numbers.pop()} turn grey at p = 0.5."
    return None


def not_the_first(answer):
    chosen = chosen_by(answer, 100, 0.5, np.random.default_rng(9))
    if chosen.any() and not chosen.all() and chosen[: chosen.sum()].all():
        return f"The first {chosen.sum()} pictures of 100 turned grey, and no others."
    return None


def new_draws_every_call(answer):
    rng = np.random.default_rng(10)

    def twice(pictures):
        return answer.answer(pictures, 0.5, rng), answer.answer(pictures, 0.5, rng)

    first, second = answer.run(twice, coloured(100))
    if first.shape == second.shape and np.allclose(first, second):
        return "Two calls with one generator turn the same pictures grey: nothing new is drawn."
    return None


def seed_decides(answer):
    first, second = (chosen_by(answer, 100, 0.5, np.random.default_rng(11)) for _ in range(2))
    if not np.array_equal(first, second):
        return "Two generators with the same seed turn different pictures grey."
    return None


RANDOM_GRAY = Exercise(
    id="random_gray",
    lesson=LESSON,
    title="some pictures lose their colour",
    minutes=8,
    difficulty=2,
    reference=gray_by_where,
    probes=[
        lambda: (coloured(6), 0.3, np.random.default_rng(0)),
        lambda: (picture(5, 7)[None], 0.5, np.random.default_rng(1)),
    ],
    ladder=[
        zero_keeps_all,
        one_turns_all,
        grey_is_the_luma,
        channels_turn_together,
        whole_pictures_turn,
        both_kinds_in_a_batch,
        rate_is_right,
        a_higher_probability_turns_more,
        not_the_first,
        another_seed_chooses_others,
        number_varies,
        new_draws_every_call,
        seed_decides,
    ],
    stochastic=True,
    mistakes=[
        one_draw_a_batch,
        a_draw_a_pixel,
        a_draw_a_channel,
        probability_turned,
        always_one_half,
        plain_mean_as_grey,
        seeded_inside,
        draws_from_elsewhere,
        always_the_first,
        a_fixed_number,
        one_channel_left,
        all_turn_grey,
        drawn_beside_rng,
        none_turns_grey,
    ],
    hints=(
        "Make the grey version of all pictures first; then choose, picture by picture.",
        "chosen = rng.random(len(pictures)) < probability holds one truth value a picture.",
        "np.where(chosen[:, None, None, None], gray, pictures), where gray repeats the luma three"
        " times along the last axis.",
    ),
    right=[gray_by_where, gray_by_index, gray_by_loop, gray_by_binomial],
)


# -- Blur ------------------------------------------------------------------------------------------


def kernel_by_formula(sigma, radius):
    distance = np.arange(-radius, radius + 1)
    weights = np.exp(-(distance**2) / (2 * sigma**2))
    return weights / weights.sum()


def kernel_by_list(sigma, radius):
    weights = [math.exp(-0.5 * (x / sigma) ** 2) for x in range(-radius, radius + 1)]
    return np.array(weights) / sum(weights)


def kernel_by_half(sigma, radius):
    half = np.exp(-0.5 * np.square(np.arange(1, radius + 1) / sigma))
    kernel = np.concatenate([half[::-1], [1.0], half])
    return kernel / (1 + 2 * half.sum())


def kernel_in_keras(sigma, radius):
    from keras import ops

    distance = ops.arange(-radius, radius + 1, dtype="float32")
    return ops.softmax(-0.5 * ops.square(distance / sigma))


def gaussian(sigma, radius):
    return np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)


@mistake(
    "Your weights do not add up to 1: the picture would get brighter with every blur.",
    hint="Divide by the sum of the weights.",
)
def kernel_not_normalised(sigma, radius):
    return gaussian(sigma, radius)


@mistake(
    "You divide by √(2π)·σ, the area under the whole curve: these few samples of it do not add up"
    " to 1.",
    hint="Divide by the sum of the weights that you have.",
)
def divided_by_the_integral(sigma, radius):
    return gaussian(sigma, radius) / (math.sqrt(2 * math.pi) * sigma)


@mistake("σ is not squared in yours.", hint="exp(−x² ÷ (2σ²)).")
def sigma_not_squared(sigma, radius):
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma))
    return weights / weights.sum()


@mistake(
    "The 2 in exp(−x² ÷ (2σ²)) is missing: your bell is too narrow.",
    hint="Divide by 2σ², not by σ².",
)
def two_missing(sigma, radius):
    return kernel_by_formula(sigma / math.sqrt(2), radius)


@mistake(
    "The distance is not squared: your weights fall off as a peak with a kink, not as a bell.",
    hint="exp(−x² ÷ (2σ²)).",
)
def distance_not_squared(sigma, radius):
    weights = np.exp(-np.abs(np.arange(-radius, radius + 1)) / sigma)
    return weights / weights.sum()


@mistake(
    "Your kernel is one weight short on the right: from −radius to +radius there are"
    " 2 · radius + 1 pixels.",
    hint="np.arange leaves out its end: np.arange(-radius, radius + 1).",
)
def last_weight_missing(sigma, radius):
    weights = gaussian(sigma, radius)[:-1]
    return weights / weights.sum()


@mistake(
    "Your kernel holds the right half only: the blur would shift the picture.",
    hint="The distances run from −radius to +radius.",
)
def right_half_only(sigma, radius):
    weights = gaussian(sigma, radius)[radius:]
    return weights / weights.sum()


@mistake(
    "Your bell has its top at the first weight: distances are counted from the middle.",
    hint="np.arange(-radius, radius + 1): the middle one is 0.",
)
def top_at_the_edge(sigma, radius):
    weights = np.exp(-0.5 * (np.arange(2 * radius + 1) / sigma) ** 2)
    return weights / weights.sum()


@mistake("σ changes nothing in yours: all weights are equal.", hint="exp(−x² ÷ (2σ²)).")
def all_weights_equal(sigma, radius):
    return np.full(2 * radius + 1, 1 / (2 * radius + 1))


@mistake(
    "Your kernel is a matrix: wanted is the row of weights for one side, `blur` uses it twice.",
    hint="Leave out the outer product.",
)
def kernel_for_both_sides(sigma, radius):
    return np.outer(kernel_by_formula(sigma, radius), kernel_by_formula(sigma, radius))


@mistake(
    "You multiply by σ² where the formula divides: in Python, a / 2 * b is (a / 2) * b.",
    hint="Put the product in brackets: / (2 * sigma**2).",
)
def sigma_multiplied(sigma, radius):
    return kernel_by_formula(1 / sigma, radius)


@mistake(
    "Your weights grow with the distance: the minus is missing, or squared away, for (−x)² is x².",
    hint="exp(−x² ÷ (2σ²)); in Python, -(x**2).",
)
def minus_missing(sigma, radius):
    weights = 1 / gaussian(sigma, radius)
    return weights / weights.sum()


def kernel_adds_up(answer):
    total = answer(1.5, 3).sum()
    if abs(total - 1) > 1e-3:
        return f"The weights add up to 1, so that brightness stays; yours add up to {total:.3g}."
    return None


def middle_weighs_most(answer):
    kernel = answer(1.0, 2)
    if not (np.allclose(kernel, kernel[::-1], atol=1e-3) and kernel[2] > kernel[1] > kernel[0]):
        return (
            "The middle weighs most and both sides are alike; your kernel for σ = 1, radius 2 is"
            f" {np.round(kernel, 3).tolist()}."
        )
    return None


KERNEL = Exercise(
    id="gaussian_kernel",
    lesson=LESSON,
    title="the weights of a blur",
    minutes=5,
    difficulty=1,
    reference=kernel_by_formula,
    probes=[(0.7, 2), (1.5, 3), (2.0, 5)],
    ladder=[kernel_adds_up, middle_weighs_most],
    mistakes=[
        kernel_not_normalised,
        divided_by_the_integral,
        sigma_not_squared,
        two_missing,
        distance_not_squared,
        last_weight_missing,
        right_half_only,
        top_at_the_edge,
        all_weights_equal,
        kernel_for_both_sides,
        sigma_multiplied,
        minus_missing,
    ],
    hints=(
        "Write down the distances from the middle first: −radius, …, 0, …, radius.",
        "A pixel at distance x weighs exp(−x² ÷ (2σ²)).",
        "np.arange(-radius, radius + 1), the exponential, and a division by the sum.",
    ),
    right=[kernel_by_formula, kernel_by_list, kernel_by_half, kernel_in_keras],
)


def blur_by_shifts(picture, kernel):
    radius = len(kernel) // 2
    height, width, _ = picture.shape
    padded = np.pad(picture, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    rows = sum(kernel[k] * padded[k : k + height] for k in range(len(kernel)))
    return sum(kernel[k] * rows[:, k : k + width] for k in range(len(kernel)))


def blur_by_convolve(picture, kernel):
    radius = len(kernel) // 2

    def line(values):
        return np.convolve(np.pad(values, radius, mode="edge"), kernel, mode="valid")

    return np.apply_along_axis(line, 1, np.apply_along_axis(line, 0, picture))


def blur_by_indices(picture, kernel):
    radius = len(kernel) // 2
    for axis in (0, 1):
        size = picture.shape[axis]
        places = np.arange(size)[:, None] + np.arange(-radius, radius + 1)
        matrix = np.zeros((size, size))
        rows = np.repeat(np.arange(size), len(kernel))
        np.add.at(matrix, (rows, np.clip(places, 0, size - 1).ravel()), np.tile(kernel, size))
        picture = np.moveaxis(np.tensordot(matrix, picture, axes=(1, axis)), 0, axis)
    return picture


def blur_at_once(picture, kernel):
    radius = len(kernel) // 2
    height, width, _ = picture.shape
    window = np.outer(kernel, kernel)
    result = np.zeros(picture.shape)
    for y in range(height):
        for x in range(width):
            for dy in range(-radius, radius + 1):
                for dx in range(-radius, radius + 1):
                    pixel = picture[min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]
                    result[y, x] += window[dy + radius, dx + radius] * pixel
    return result


def blurred(picture, kernel, mode="edge", axes=(0, 1), shift=0):
    """The right steps, with another border, other axes, or a shift, where a mistake has them."""
    radius = len(kernel) // 2
    for axis in axes:
        size = picture.shape[axis]
        pad = [(0, 0)] * 3
        pad[axis] = (radius + shift, radius - shift)
        padded = np.pad(picture, pad, mode=mode)
        picture = sum(
            weight * np.take(padded, range(k, k + size), axis=axis)
            for k, weight in enumerate(kernel)
        )
    return picture


@mistake(
    "Only up and down is blurred: the same kernel goes across as well.",
    hint="Take the result of the first pass, and do the same along axis 1.",
)
def blurred_down_only(picture, kernel):
    return blurred(picture, kernel, axes=(0,))


@mistake(
    "Only across is blurred: the same kernel goes up and down as well.",
    hint="Take the result of the first pass, and do the same along axis 0.",
)
def blurred_across_only(picture, kernel):
    return blurred(picture, kernel, axes=(1,))


@mistake(
    "Beyond the border you take black, which darkens the edges: repeat the pixel at the border.",
    hint='np.pad(…, mode="edge").',
)
def black_beyond_the_border(picture, kernel):
    return blurred(picture, kernel, mode="constant")


@mistake(
    "Beyond the border you take the pixels of the opposite edge: repeat the pixel at the border.",
    hint='np.roll goes around; np.pad(…, mode="edge") and slices do not.',
)
def wraps_around(picture, kernel):
    return blurred(picture, kernel, mode="wrap")


@mistake(
    "Beyond the border you mirror the picture: here the pixel at the border is repeated.",
    hint='np.pad(…, mode="edge").',
)
def mirrored_at_the_border(picture, kernel):
    return blurred(picture, kernel, mode="reflect")


@mistake(
    "Your picture shrinks: without padding there are fewer places than pixels.",
    hint="Pad `radius` pixels at each edge first.",
)
def shrinks(picture, kernel):
    radius = len(kernel) // 2
    result = blurred(picture, kernel)
    return result[radius : len(result) - radius, radius : result.shape[1] - radius]


@mistake(
    "Your picture moves by a pixel: pad as much before as behind.",
    hint="radius = len(kernel) // 2 pixels at each edge.",
)
def moves_by_a_pixel(picture, kernel):
    return blurred(picture, kernel, shift=1)


@mistake(
    "The kernel is used twice in both directions: the blur is too strong.",
    hint="One pass down, one pass across.",
)
def blurred_twice(picture, kernel):
    return blurred(blurred(picture, kernel), kernel)


@mistake(
    "The channels are blurred into one another: colours bleed. Leave the last axis alone.",
    hint="Axes 0 and 1 only.",
)
def colours_blurred(picture, kernel):
    return blurred(picture, kernel, axes=(0, 1, 2))


@mistake(
    "The two passes are added up, or averaged, in yours: the second pass works on the result of the"
    " first.",
    hint="The second pass takes the first one's result in place of the picture.",
)
def passes_averaged(picture, kernel):
    return (blurred(picture, kernel, axes=(0,)) + blurred(picture, kernel, axes=(1,))) / 2


@mistake(
    "You pad the channels too: the last axis holds red, green and blue, and keeps its three.",
    hint='np.pad(picture, ((radius, radius), (radius, radius), (0, 0)), mode="edge").',
)
def channels_padded(picture, kernel):
    radius = len(kernel) // 2
    return np.pad(blurred(picture, kernel), ((0, 0), (0, 0), (radius, radius)), mode="edge")


@mistake(
    "Beyond the border you mirror the picture, the pixel at the border first: here that pixel is"
    " repeated, however far beyond.",
    hint='np.pad(…, mode="edge").',
)
def mirrored_with_the_border(picture, kernel):
    return blurred(picture, kernel, mode="symmetric")


def flat_stays_flat(answer):
    flat = np.full((5, 6, 3), 0.4)
    result = answer(flat, kernel_by_formula(1.0, 2))
    if np.shape(result) == flat.shape and not np.allclose(result, 0.4, atol=1e-3):
        return (
            "A picture of one grey stays as it is, up to its edges; your corner pixel goes from 0.4"
            f" to {result[0, 0, 0]:.3g}."
        )
    return None


def one_weight_changes_nothing(answer):
    small = picture(4, 5)
    if not np.allclose(answer(small, np.array([0.0, 1.0, 0.0])), small, atol=1e-3):
        return "With the kernel (0, 1, 0) the picture must stay as it is; yours changes it."
    return None


BLUR = Exercise(
    id="blur",
    lesson=LESSON,
    title="a blur in two passes",
    minutes=8,
    difficulty=2,
    reference=blur_by_shifts,
    probes=[
        (picture(7, 7), kernel_by_formula(1.0, 2)),
        (picture(6, 9, 1), kernel_by_formula(0.6, 1)),
        (picture(9, 8, 2), kernel_by_formula(2.0, 3)),
    ],
    ladder=[one_weight_changes_nothing, flat_stays_flat],
    mistakes=[
        blurred_down_only,
        blurred_across_only,
        black_beyond_the_border,
        wraps_around,
        mirrored_at_the_border,
        shrinks,
        moves_by_a_pixel,
        blurred_twice,
        colours_blurred,
        passes_averaged,
        channels_padded,
        mirrored_with_the_border,
    ],
    hints=(
        "Pad the picture, then add up shifted copies of it, each times its weight.",
        "padded[k : k + height] is the picture shifted by k − radius rows.",
        "Sum kernel[k] · padded[k : k + height] over k; then the same with columns of that result.",
    ),
    right=[blur_by_shifts, blur_by_convolve, blur_by_indices, blur_at_once],
)


# -- Two views -------------------------------------------------------------------------------------


def views_by_lists(pictures, view, rng):
    views_a = np.stack([view(picture, rng) for picture in pictures])
    views_b = np.stack([view(picture, rng) for picture in pictures])
    return views_a, views_b


def views_in_pairs(pictures, view, rng):
    pairs = [(view(picture, rng), view(picture, rng)) for picture in pictures]
    views_a, views_b = zip(*pairs, strict=True)
    return np.array(views_a), np.array(views_b)


def views_filled_in(pictures, view, rng):
    first = view(pictures[0], rng)
    views = np.empty((2, len(pictures), *first.shape), first.dtype)
    for which in range(2):
        for number, picture in enumerate(pictures):
            views[which, number] = view(picture, rng)
    return views[0], views[1]


def views_of_doubled(pictures, view, rng):
    both = [view(picture, rng) for picture in [*pictures, *pictures]]
    return np.stack(both[: len(pictures)]), np.stack(both[len(pictures) :])


@mistake(
    "Both views are the same: the second needs draws of its own, or there is nothing to learn.",
    hint="Call `view` twice for every picture.",
)
def the_same_view_twice(pictures, view, rng):
    views = np.stack([view(picture, rng) for picture in pictures])
    return views, views


@mistake(
    "One draw serves the whole batch: all pictures are cut and coloured alike. Each needs its own.",
    hint="Call `view` for one picture at a time, not for the batch.",
)
def one_draw_for_the_batch(pictures, view, rng):
    return view(pictures, rng), view(pictures, rng)


@mistake(
    "The second view is made from the first one: both are to be made from the picture.",
    hint="view(picture, rng) both times.",
)
def a_view_of_a_view(pictures, view, rng):
    views_a = np.stack([view(picture, rng) for picture in pictures])
    return views_a, np.stack([view(one, rng) for one in views_a])


@mistake(
    "The first view is the picture itself: both views are random.",
    hint="views_a, too, holds view(picture, rng) for every picture.",
)
def the_picture_as_a_view(pictures, view, rng):
    return pictures.copy(), np.stack([view(picture, rng) for picture in pictures])


@mistake(
    "You make a generator with a fixed seed inside: every call gives the same views, for the whole"
    " training.",
    hint="Hand the `rng` that you are given to `view`.",
)
def fixed_seed(pictures, view, rng):
    return views_by_lists(pictures, view, np.random.default_rng(0))


@mistake(
    "Your views do not depend on `rng`: the same seed no longer gives the same views.",
    hint="Hand the `rng` that you are given to `view`.",
)
def unseeded(pictures, view, rng):
    return views_by_lists(pictures, view, np.random.default_rng())


@mistake(
    "Each picture begins with a generator of the same seed: all pictures are cut and coloured"
    " alike, in every call.",
    hint="Hand on the `rng` that you are given; do not make a new one in the loop.",
)
def seeded_for_each_picture(pictures, view, rng):
    views_a = [view(picture, np.random.default_rng(0)) for picture in pictures]
    views_b = [view(picture, np.random.default_rng(1)) for picture in pictures]
    return np.stack(views_a), np.stack(views_b)


@mistake(
    "The two views of a picture stand one after the other, and then the list is cut in half: row i"
    " of views_a and row i of views_b must come from picture i.",
    hint="Two lists, one for the first views and one for the second.",
)
def pairs_cut_in_half(pictures, view, rng):
    views = [view(picture, rng) for picture in pictures for _ in range(2)]
    return np.stack(views[: len(pictures)]), np.stack(views[len(pictures) :])


@mistake(
    "The second views stand in another order than the first: row i of both must come from picture"
    " i.",
    hint="Do not shuffle or turn around one of the two.",
)
def another_order(pictures, view, rng):
    views_a, views_b = views_by_lists(pictures, view, rng)
    return views_a, views_b[::-1]


@mistake(
    "You make a single view: two of each picture are needed, `return views_a, views_b`.",
    hint="Call `view` twice for every picture.",
)
def a_single_view(pictures, view, rng):
    return np.stack([view(picture, rng) for picture in pictures])


@mistake(
    "The second view is the picture itself: both views are random.",
    hint="views_b, too, holds view(picture, rng) for every picture.",
)
def the_picture_as_second_view(pictures, view, rng):
    return np.stack([view(picture, rng) for picture in pictures]), pictures.copy()


def numbered(count):
    """Pictures that tell what happens to them: red holds a number, green is 0."""
    pictures = np.zeros((count, 4, 4, 3))
    pictures[..., 0] = np.arange(count)[:, None, None]
    return pictures


def telling_view(picture, rng):
    """Green counts the calls, blue holds the draw. Works on a batch too, with one draw for all."""
    view = picture.copy()
    view[..., 1] += 1
    view[..., 2] = rng.random()
    return view


def both(answer, count=12, seed=0):
    """Number, calls and draw of each view: two arrays `(count, 3)`."""
    views_a, views_b = answer(numbered(count), telling_view, np.random.default_rng(seed))
    return views_a[:, 0, 0], views_b[:, 0, 0]


def rows_belong_to_their_pictures(answer):
    for name, told in zip(("views_a", "views_b"), both(answer), strict=True):
        wrong = np.flatnonzero(told[:, 0] != np.arange(len(told)))
        if len(wrong):
            return (
                f"Row {wrong[0]} of {name} comes from picture {told[wrong[0], 0]:.0f}; it must come"
                f" from picture {wrong[0]}."
            )
    return None


def first_rows_belong(answer):
    first, _ = both(answer)
    if not np.array_equal(first[:, 0], np.arange(len(first))):
        return "The rows of views_a are not in the order of the pictures."
    return None


def pictures_are_viewed(answer):
    if any((told[:, 1] == 0).any() for told in both(answer)):
        return "Some of your views are pictures that `view` has never seen."
    return None


def pictures_are_viewed_once(answer):
    if any((told[:, 1] > 1).any() for told in both(answer)):
        return "Some of your views went through `view` twice."
    return None


def two_views_differ(answer):
    first, second = both(answer)
    if np.any(first[:, 2] == second[:, 2]):
        return "The two views of a picture share their random draw: they are the same."
    return None


def pictures_differ(answer):
    for told in both(answer):
        if told[:, 1].all() and len(np.unique(told[:, 2])) < len(told):
            return "Several pictures of a batch share one random draw."
    return None


def views_are_new_every_call(answer):
    rng = np.random.default_rng(3)

    def twice(pictures):
        return [answer.answer(pictures, telling_view, rng)[1] for _ in range(2)]

    first, second = answer.run(twice, numbered(6))
    if np.array_equal(np.asarray(first), np.asarray(second)):
        return "Two calls with the same generator give the same views: nothing new is drawn."
    return None


def views_follow_the_seed(answer):
    if not np.array_equal(both(answer, seed=4), both(answer, seed=4)):
        return "Two generators with the same seed give different views."
    return None


def small_view(picture, rng):
    """A view whose shape differs from the picture's: cut, and so smaller."""
    return picture[..., :3, :2, :] * rng.random()


TWO_VIEWS = Exercise(
    id="two_views",
    lesson=LESSON,
    title="two views of every picture",
    minutes=6,
    difficulty=1,
    reference=views_by_lists,
    probes=[
        lambda: (numbered(5), telling_view, np.random.default_rng(0)),
        lambda: (numbered(3), small_view, np.random.default_rng(1)),
    ],
    ladder=[
        first_rows_belong,
        rows_belong_to_their_pictures,
        pictures_are_viewed,
        pictures_are_viewed_once,
        two_views_differ,
        pictures_differ,
        views_are_new_every_call,
        views_follow_the_seed,
    ],
    stochastic=True,
    mistakes=[
        the_same_view_twice,
        one_draw_for_the_batch,
        a_view_of_a_view,
        the_picture_as_a_view,
        fixed_seed,
        unseeded,
        seeded_for_each_picture,
        pairs_cut_in_half,
        another_order,
        a_single_view,
        the_picture_as_second_view,
    ],
    hints=(
        "view(picture, rng) makes one view of one picture, and draws anew at every call.",
        "A list over the pictures gives the first views; the same list once more the second.",
        "np.stack turns a list of B pictures into one array of shape (B, height, width, 3).",
    ),
    right=[views_by_lists, views_in_pairs, views_filled_in, views_of_doubled],
)


# -- The colour histogram --------------------------------------------------------------------------


def histogram_by_bincount(picture, bins):
    places = np.minimum((picture * bins).astype(int), bins - 1)
    channels = [np.bincount(places[..., c].ravel(), minlength=bins) for c in range(3)]
    return np.stack(channels) / (picture.shape[0] * picture.shape[1])


def histogram_by_numpy(picture, bins):
    rows = [np.histogram(picture[..., c], bins=bins, range=(0, 1))[0] for c in range(3)]
    return np.array(rows) / picture[..., 0].size


def histogram_by_loop(picture, bins):
    histogram = np.zeros((3, bins))
    for pixel in picture.reshape(-1, 3):
        for channel, value in enumerate(pixel):
            histogram[channel, min(int(value * bins), bins - 1)] += 1
    return histogram / histogram.sum(axis=1, keepdims=True)


def histogram_by_comparison(picture, bins):
    places = np.clip(np.floor(picture.reshape(-1, 3) * bins), 0, bins - 1)
    return (places[:, :, None] == np.arange(bins)).mean(axis=0)


def histogram_in_keras(picture, bins):
    from keras import ops

    places = ops.cast(ops.floor(ops.convert_to_tensor(picture, "float32") * bins), "int32")
    return ops.mean(ops.one_hot(ops.clip(places, 0, bins - 1), bins), axis=(0, 1))


@mistake(
    "These are counts: wanted are shares, so that pictures of any size can be compared.",
    hint="Divide by the number of pixels, height · width.",
)
def counts_for_shares(picture, bins):
    return histogram_by_bincount(picture, bins) * picture[..., 0].size


@mistake(
    "The three channels add up to 1 together: each channel's row adds up to 1.",
    hint="Divide by height · width, not by the number of all values.",
)
def divided_by_all_values(picture, bins):
    return histogram_by_bincount(picture, bins) / 3


@mistake(
    "These are densities (density=True), shares divided by the width of a bin.",
    hint="Count, and divide by the number of pixels.",
)
def densities(picture, bins):
    return histogram_by_bincount(picture, bins) * bins


@mistake(
    "Your bins reach from the picture's darkest to its brightest value, so they differ from picture"
    " to picture: they reach from 0 to 1.",
    hint="np.histogram(…, range=(0, 1)).",
)
def bins_from_the_picture(picture, bins):
    rows = [np.histogram(picture[..., c], bins=bins)[0] for c in range(3)]
    return np.array(rows) / picture[..., 0].size


@mistake(
    "Pixels of value exactly 1 are lost: they belong to the last bin.",
    hint="np.minimum(…, bins − 1) after the rounding down.",
)
def brightest_lost(picture, bins):
    places = (picture * bins).astype(int)
    rows = [np.sum(places == b, axis=(0, 1)) for b in range(bins)]
    return np.stack(rows, axis=1) / picture[..., 0].size


@mistake(
    "You round to the nearest: bin k holds the values from k ÷ bins to (k + 1) ÷ bins, so round"
    " down.",
    hint="(picture * bins).astype(int) rounds down.",
)
def rounded_to_nearest(picture, bins):
    places = np.minimum(np.rint(picture * bins), bins - 1)
    return (places.reshape(-1, 3)[:, :, None] == np.arange(bins)).mean(axis=0)


@mistake(
    "Your histogram is turned over: a row for each channel, (3, bins).",
    hint="Transpose it.",
)
def channels_in_columns(picture, bins):
    return histogram_by_bincount(picture, bins).T


@mistake(
    "You count the brightness of the pixels, three times: each channel is counted by itself.",
    hint="picture[..., 0] is red, picture[..., 1] green, picture[..., 2] blue.",
)
def brightness_counted(picture, bins):
    gray = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    return histogram_by_bincount(gray, bins)


@mistake(
    "All channels are counted together: wanted is a row for each.",
    hint="One histogram for each of picture[..., 0], picture[..., 1], picture[..., 2].",
)
def channels_together(picture, bins):
    return histogram_by_bincount(picture, bins).mean(axis=0)


@mistake(
    "Your rows are running totals: wanted is what falls into each bin.",
    hint="Leave out the cumulative sum.",
)
def running_totals(picture, bins):
    return np.cumsum(histogram_by_bincount(picture, bins), axis=1)


@mistake(
    "Value 1 falls past the last bin: value · bins is `bins` there, and the last bin is bins − 1.",
    hint="min(int(value * bins), bins − 1).",
)
def past_the_last_bin(picture, bins):
    histogram = np.zeros((3, bins))
    for pixel in picture.reshape(-1, 3):
        for channel, value in enumerate(pixel):
            histogram[channel, int(value * bins)] += 1
    return histogram / (picture.shape[0] * picture.shape[1])


@mistake(
    "Your bins reach from 0 to 255: here the values lie in [0, 1].",
    hint="np.histogram(…, range=(0, 1)).",
)
def bins_to_255(picture, bins):
    return histogram_by_bincount(picture / 255, bins)


@mistake(
    "You count rows of the picture for channels: picture[0] is its first row, with all channels.",
    hint="picture[..., 0] is red, picture[..., 1] green, picture[..., 2] blue.",
)
def rows_for_channels(picture, bins):
    rows = [np.histogram(picture[c], bins=bins, range=(0, 1))[0] for c in range(3)]
    return np.array(rows) / picture[0].size


def rows_add_up(answer):
    sums = answer(picture(6, 5), 4).sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-3):
        return f"Each channel's shares add up to 1; your first row adds up to {sums[0]:.3g}."
    return None


def knows_pure_colours(answer):
    orange = np.tile(np.array([1.0, 0.55, 0.1]), (3, 3, 1))
    result = answer(orange, 4)
    if not np.allclose(result, np.eye(4)[[3, 2, 0]], atol=1e-3):
        return (
            "A picture of one orange (1, 0.55, 0.1) has all its pixels in the last bin of red, the"
            " third of green and the first of blue; your rows are"
            f" {np.round(result, 2).tolist()}."
        )
    return None


def place_does_not_matter(answer):
    small = picture(6, 5, 1)
    shuffled = small[::-1, ::-1].copy()
    if not np.allclose(answer(small, 4), answer(shuffled, 4), atol=1e-3):
        return "Turning the picture changes your histogram: it counts pixels, wherever they are."
    return None


def with_white(height, width, seed):
    """A random picture with some pixels at exactly 0 and 1."""
    values = np.clip(1.6 * picture(height, width, seed), 0, 1)
    values[0, 0] = 0
    return values


HISTOGRAM = Exercise(
    id="color_histogram",
    lesson=LESSON,
    title="which colours a picture has",
    minutes=6,
    difficulty=1,
    reference=histogram_by_bincount,
    probes=[
        (picture(6, 5), 4),
        (with_white(8, 8, 1), 8),
        (0.3 + 0.4 * picture(5, 7, 2), 5),
    ],
    ladder=[rows_add_up, knows_pure_colours, place_does_not_matter],
    mistakes=[
        counts_for_shares,
        divided_by_all_values,
        densities,
        bins_from_the_picture,
        brightest_lost,
        rounded_to_nearest,
        channels_in_columns,
        brightness_counted,
        channels_together,
        running_totals,
        past_the_last_bin,
        bins_to_255,
        rows_for_channels,
    ],
    hints=(
        "Value v falls into bin number v · bins, rounded down; value 1 goes into the last bin.",
        "np.histogram(channel, bins=bins, range=(0, 1))[0] counts; divide by the pixels.",
        "Do so for picture[..., 0], picture[..., 1] and picture[..., 2], and stack the three rows.",
    ),
    right=[
        histogram_by_bincount,
        histogram_by_numpy,
        histogram_by_loop,
        histogram_by_comparison,
        histogram_in_keras,
    ],
)

EXERCISES = [
    CROP_BOX,
    RESAMPLING,
    RESIZE,
    ADJUST_COLOR,
    RANDOM_GRAY,
    KERNEL,
    BLUR,
    TWO_VIEWS,
    HISTOGRAM,
]

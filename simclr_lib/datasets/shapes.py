"""`"shapes"`: ten classes of small pictures, drawn by NumPy, made to teach contrastive learning.

Each picture is a sheet of wrapping paper: one shape, repeated on a tilted lattice over a faint
texture. The shape is the class. All else (palette, texture, size, tilt, place, filled or outlined)
is drawn without a look at the class, so it says nothing about it, and is the same all over the
sheet, so two crops of one picture agree in it. That sets the trap which SimCLR's colour distortion
is there to avoid: the palette alone tells which two crops belong together, and an encoder that
matches colours has no need to learn shapes.

A shape is a function of `x` (to the right) and `y` (down): about the distance to its edge,
negative inside, positive outside. It fits the circle of radius 1, more or less.
"""

import numpy as np

from simclr_lib.datasets.dataset import Dataset


def draw_shapes(train_count=5000, test_count=1000, seed=0, image_size=32) -> Dataset:
    """Draw the dataset: classes equally frequent, in random order, the same for the same seed."""
    # Each part has random numbers of its own, so that the size of one never changes the other.
    train = _draw_part(train_count, image_size, np.random.default_rng([seed, 0]))
    test = _draw_part(test_count, image_size, np.random.default_rng([seed, 1]))
    return Dataset(*train, *test, class_names=tuple(SHAPES), name="shapes")


def _draw_part(count, size, rng):
    """Draw `count` pictures: uint8 `(count, size, size, 3)`, and their int64 labels."""
    labels = rng.permutation(np.arange(count, dtype=np.int64) % len(SHAPES))
    images = np.empty((count, size, size, 3), np.uint8)
    for label, shape in enumerate(SHAPES.values()):
        mine = labels == label
        images[mine] = _draw_class(shape, np.count_nonzero(mine), size, rng)
    return images, labels


def _draw_class(shape, count, size, rng):
    """Draw `count` pictures of one shape: uint8 `(count, size, size, 3)`."""

    def per_picture(low, high):
        """One number a picture, `(count, 1, 1)`: it meets pixel arrays by broadcasting."""
        return rng.uniform(low, high, (count, 1, 1)).astype(np.float32)

    # The sizes below are in pixels of a 32×32 picture; other sizes show the same, finer or coarser.
    pixels = size / 32
    across = (np.arange(size, dtype=np.float32) - (size - 1) / 2) / pixels
    x, y = across[None, None, :], across[None, :, None]

    ground, pattern, figure = _palette(per_picture)
    sheet = ground + (pattern - ground) * _texture(x, y, per_picture)[..., None]
    sheet += (figure - sheet) * _motif(shape, x, y, pixels, per_picture, rng)[..., None]
    return np.rint(255 * sheet).astype(np.uint8)


# -- What varies within a class ------------------------------------------------------------------


def _palette(per_picture):
    """Three colours that go together, each `(count, 1, 1, 3)` in [0, 1].

    Returns:
        ground, pattern and figure: neighbours on the colour wheel; two deep and one light, or two
        light and one deep, so that the figure stands out in grey as well.
    """
    hue, night = per_picture(0, 1), per_picture(0, 1) < 0.5

    def tints():
        light = per_picture(0.15, 0.5), per_picture(0.88, 1.0)
        deep = per_picture(0.55, 0.9), per_picture(0.3, 0.6)
        near = hue + per_picture(-0.06, 0.06)
        return _rgb(near, *light), _rgb(near, *deep)

    (light, deep), (other_light, other_deep) = tints(), tints()
    night = night[..., None]
    ground = np.where(night, deep, light)
    pattern = np.where(night, other_deep, other_light)
    return ground, pattern, np.where(night, other_light, other_deep)


def _rgb(hue, saturation, value):
    """Colours from hue (one turn is 1), saturation and value: `(..., 3)`, all in [0, 1]."""
    # Each channel is a trapezoid wave over the wheel; the three are a third of a turn apart.
    turn = (np.float32([5, 3, 1]) + 6 * hue[..., None]) % 6
    dip = np.clip(np.minimum(turn, 4 - turn), 0, 1)
    return value[..., None] * (1 - saturation[..., None] * dip)


def _texture(x, y, per_picture):
    """A faint slope, stripes or dots: how much of the pattern's colour shows, `(count, 32, 32)`."""
    u, v = _rotate(x, y, per_picture(-np.pi, np.pi))
    pace = 2 * np.pi / per_picture(5, 14)
    stripes = np.sin(pace * u + per_picture(-np.pi, np.pi))
    dots = stripes * np.sin(pace * v)
    kind = per_picture(0, 3).astype(int)
    return 0.5 + per_picture(0.1, 0.35) * np.choose(kind, [u / 23, stripes, dots])


def _motif(shape, x, y, pixels, per_picture, rng):
    """The shape on a lattice: how much of each pixel it covers, 0 to 1, `(count, 32, 32)`.

    Every pixel lies in one cell of the lattice and asks only the shape of that cell, which is
    small enough to stay inside: one evaluation a pixel, however many shapes there are.
    """
    cell = per_picture(12, 18)
    u, v = _rotate(x, y, np.radians(per_picture(-9, 9)))
    u, v = u / cell + per_picture(0, 1), v / cell + per_picture(0, 1)
    column, row = np.floor(u), np.floor(v)

    # Each shape has a small shift and turn of its own; the tables repeat after eight cells.
    here = np.arange(len(cell))[:, None, None], row.astype(int) % 8, column.astype(int) % 8
    tables = rng.uniform(-1, 1, (3, len(cell), 8, 8)).astype(np.float32)
    right, down, turn = (table[here] for table in tables)
    radius = per_picture(0.37, 0.46)
    room = 0.5 - radius
    u, v = u - column - 0.5 - room * right, v - row - 0.5 - room * down
    u, v = _rotate(u / radius, v / radius, np.radians(8 * turn))

    # Back to pixels, where an edge half a pixel away is one that cuts the pixel in two.
    scale = radius * cell * pixels
    distance = shape(u, v) * scale
    pen = np.maximum(0.12 * scale, 0.6)
    distance = np.where(per_picture(0, 1) < 0.3, abs(distance + pen) - pen, distance)
    return np.clip(0.5 - distance, 0, 1)


# -- The shapes ----------------------------------------------------------------------------------


def _circle(x, y):
    return np.hypot(x, y) - 0.85


def _fish(x, y):
    body = np.hypot(x + 0.25, abs(y) + 0.45) - 0.87
    tail = np.maximum(0.8 * abs(y) - 0.6 * (x - 0.3), x - 0.95)
    return np.minimum(body, tail)


def _triangle(x, y):
    return np.maximum(0.866 * abs(x) - 0.5 * y, y) - 0.48


def _star(x, y):
    # Folded like paper before the scissors' one straight cut: five tips become half a tip.
    angle, fifth = np.arctan2(x, -y), np.float32(2 * np.pi / 5)
    angle = abs(angle - fifth * np.round(angle / fifth))
    return np.hypot(x, y) * np.cos(angle - 1.2) - 0.362


def _cross(x, y):
    narrow, long = np.minimum(abs(x), abs(y)), np.maximum(abs(x), abs(y))
    return np.maximum(narrow - 0.27, long - 0.9)


def _moon(x, y):
    return np.maximum(np.hypot(x, y) - 0.92, 0.75 - np.hypot(x - 0.5, y))


def _heart(x, y):
    # Half a heart, its point at the origin: a disc above the slanted line, a wedge below it.
    side = abs(x) / 1.5
    up = (0.86 - y) / 1.5 - 0.35 * side
    disc = np.hypot(side - 0.25, up - 0.75) - 0.354
    middle = np.maximum(side + up, 0) / 2
    wedge = np.minimum(np.hypot(side, up - 1), np.hypot(side - middle, up - middle))
    return 1.3 * np.where(side + up > 1, disc, wedge * np.sign(side - up))


def _arrow(x, y):
    head = np.maximum(0.707 * (abs(x) - y - 0.95), y)
    shaft = np.maximum(abs(x) - 0.24, abs(y - 0.3) - 0.6)
    return np.minimum(head, shaft)


def _bolt(x, y):
    return np.minimum(_spike(x, y), _spike(-x, -y))


def _spike(x, y):
    """The upper half of a lightning bolt: a triangle that leans to the right."""
    left, right = 0.674 * -x - 0.739 * y, 0.998 * x + 0.058 * y
    return np.maximum(np.maximum(left - 0.396, right - 0.366), y - 0.12)


def _hourglass(x, y):
    return np.maximum(0.707 * (abs(x) - abs(y)) - 0.09, abs(y) - 0.75)


def _rotate(x, y, angle):
    """The coordinates of the same points on axes turned by `angle` radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return cos * x + sin * y, cos * y - sin * x


SHAPES = {
    "circle": _circle,
    "fish": _fish,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "moon": _moon,
    "heart": _heart,
    "arrow": _arrow,
    "bolt": _bolt,
    "hourglass": _hourglass,
}

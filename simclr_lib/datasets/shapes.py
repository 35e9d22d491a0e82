"""`"shapes"`: ten classes of small pictures, drawn by NumPy, made to teach contrastive learning.

Each picture is a piece of wrapping paper: one shape, repeated on a tilted lattice, over a faint
texture. Only the shape tells the class. Everything else (colours, texture, size, tilt, place, fill
or outline) is drawn without looking at the class, so it says nothing about it, but it is the same
all over one picture: two crops of a picture agree in all of it. That sets the trap that SimCLR's
colour distortion is there to avoid: the palette alone is enough to match two crops, and an encoder
that matches by colour has no need to learn shapes.

A shape is a signed distance: a function of `x` (right) and `y` (down) that is negative inside,
zero on the edge, positive outside, and fits the circle of radius 1 around the origin.
"""

import numpy as np

from simclr_lib.datasets.dataset import Dataset

# -- The ten shapes ------------------------------------------------------------------------------


def _circle(x, y):
    return np.hypot(x, y) - 0.85


def _square(x, y):
    return np.maximum(abs(x), abs(y)) - 0.68


def _triangle(x, y):
    return np.maximum(0.866 * abs(x) - 0.5 * y, y) - 0.48


def _star(x, y):
    along, across = _fold(x, y, 5)
    # The edge runs from a tip at (1, 0) to the notch between two tips, at radius 0.42, 36 degrees.
    notch = 0.42 * np.cos(np.pi / 5), 0.42 * np.sin(np.pi / 5)
    length = np.hypot(1 - notch[0], notch[1])
    return ((along - 1) * notch[1] + across * (1 - notch[0])) / length


def _cross(x, y):
    short, long = np.minimum(abs(x), abs(y)), np.maximum(abs(x), abs(y))
    return np.maximum(short - 0.27, long - 0.9)


def _moon(x, y):
    return np.maximum(np.hypot(x, y) - 0.92, 0.75 - np.hypot(x - 0.5, y))


def _heart(x, y):
    # Half a heart with its point at the origin: below the slanted line a wedge, above it a disc.
    side, up = abs(x) / 1.5, (0.75 - y) / 1.5
    lobe = np.hypot(side - 0.25, up - 0.75) - 0.354
    middle = 0.5 * np.maximum(side + up, 0)
    wedge = np.minimum(np.hypot(side, up - 1), np.hypot(side - middle, up - middle))
    return 1.5 * np.where(side + up > 1, lobe, wedge * np.sign(side - up))


def _arrow(x, y):
    head = np.maximum(0.707 * (abs(x) - y - 0.95), y - 0.0)
    shaft = np.maximum(abs(x) - 0.24, abs(y - 0.3) - 0.6)
    return np.minimum(head, shaft)


def _flower(x, y):
    return 0.85 * (np.hypot(x, y) - 0.68 - 0.2 * np.cos(6 * np.arctan2(x, -y)))


def _hourglass(x, y):
    return np.maximum(0.8 * (abs(x) - abs(y)) - 0.1, abs(y) - 0.75)


def _fold(x, y, sectors):
    """Fold the plane into half a sector, as one folds paper to cut a star; axis 0 points up."""
    angle = np.arctan2(x, -y)
    sector = np.float32(2 * np.pi / sectors)
    angle = abs(angle - sector * np.round(angle / sector))
    radius = np.hypot(x, y)
    return radius * np.cos(angle), radius * np.sin(angle)


SHAPES = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "moon": _moon,
    "heart": _heart,
    "arrow": _arrow,
    "flower": _flower,
    "hourglass": _hourglass,
}

# -- From distances to pictures ------------------------------------------------------------------


def draw_shapes(train_count=5000, test_count=1000, seed=0, image_size=32) -> Dataset:
    """Draw the dataset; the same arguments always give the same pictures."""
    train_images, train_labels = _draw_split(
        train_count, image_size, np.random.default_rng([seed, 0])
    )
    test_images, test_labels = _draw_split(test_count, image_size, np.random.default_rng([seed, 1]))
    return Dataset(
        train_images, train_labels, test_images, test_labels, tuple(SHAPES), name="shapes"
    )


def _draw_split(count, size, rng):
    labels = rng.permutation(np.arange(count) % len(SHAPES))
    images = np.empty((count, size, size, 3), np.uint8)
    for label, distance in enumerate(SHAPES.values()):
        mine = labels == label
        images[mine] = _draw_class(distance, mine.sum(), size, rng)
    return images, labels


import os

CELL = tuple(float(v) for v in os.environ.get("CELL", "11,24").split(","))
TILT = float(os.environ.get("TILT", "180"))
OUTL = float(os.environ.get("OUTL", "0.4"))
BGC = float(os.environ.get("BGC", "1"))


def _draw_class(distance, count, size, rng):
    def per_image(low, high):
        return rng.uniform(low, high, (count, 1, 1)).astype(np.float32)

    pixel = np.arange(size, dtype=np.float32) - (size - 1) / 2
    y, x = pixel[:, None], pixel[None, :]
    covered = _motif(distance, x, y, per_image, rng, size / 32)
    ground = _texture(x, y, per_image, rng, size / 32)
    bg, tex, fg = _palette(count, rng)
    colour = bg + (tex - bg) * ground[..., None]
    colour += (fg - colour) * covered[..., None]
    return np.rint(255 * colour).astype(np.uint8)


def _rotate(x, y, angle):
    c, s = np.cos(angle), np.sin(angle)
    return c * x + s * y, c * y - s * x


def _motif(distance, x, y, per_image, rng, zoom):
    cell = np.exp(per_image(np.log(CELL[0]), np.log(CELL[1]))) * zoom
    lat = np.deg2rad(float(os.environ.get("LAT", "30")))
    u, v = _rotate(x, y, per_image(-lat, lat))
    u, v = u / cell + per_image(0, 1), v / cell + per_image(0, 1)
    i, j = np.floor(u), np.floor(v)
    n = len(cell)
    pick = np.arange(n)[:, None, None], i.astype(int) % 8, j.astype(int) % 8
    radius = per_image(0.4, 0.48)
    jitter = 0.5 - radius
    jit = rng.uniform(-1, 1, (2, n, 8, 8)).astype(np.float32) * jitter
    base = np.deg2rad(float(os.environ.get("BASE", "0"))) * rng.uniform(-1, 1, (n, 1, 1))
    turn = (base + np.deg2rad(TILT) * rng.uniform(-1, 1, (n, 8, 8))).astype(np.float32)
    a, b = _rotate(u - i - 0.5 - jit[0][pick], v - j - 0.5 - jit[1][pick], turn[pick])
    d = distance(a / radius, b / radius) * radius * cell
    outlined = per_image(0, 1) < OUTL
    w = np.maximum(0.12 * radius * cell, 0.6 * zoom)
    d = np.where(outlined, abs(d + w) - w, d)
    return np.clip(0.5 - d, 0, 1)


def _texture(x, y, per_image, rng, zoom):
    wave = per_image(3, 12) * zoom
    u, v = _rotate(x, y, per_image(0, 2 * np.pi))
    pu, pv = per_image(0, 2 * np.pi), per_image(0, 2 * np.pi)
    k = 2 * np.pi / wave
    su, sv = np.sin(k * u + pu), np.sin(k * v + pv)
    kind = (per_image(0, 4)).astype(int)
    grad = np.clip(u / (16 * zoom), -1, 1)
    field = np.select([kind == 0, kind == 1, kind == 2], [grad, su, su * sv], (su + sv) / 2)
    return 0.5 + 0.5 * field * per_image(0.3, 1) * BGC


def _palette(count, rng):
    def u(low, high):
        return rng.uniform(low, high, count)

    hue = u(0, 1)
    night = rng.random(count) < 0.5
    light = hsv(hue, u(0.12, 0.55), u(0.86, 1.0))
    light2 = hsv(hue + u(-0.08, 0.08), u(0.12, 0.55), u(0.86, 1.0))
    deep = hsv(hue, u(0.5, 0.95), u(0.25, 0.6))
    deep2 = hsv(hue + u(-0.08, 0.08), u(0.5, 0.95), u(0.25, 0.6))
    n = night[:, None]
    bg = np.where(n, deep, light)
    tex = np.where(n, deep2, light2)
    fg = np.where(n, light2, deep2)
    return [c[:, None, None].astype(np.float32) for c in (bg, tex, fg)]


def hsv(h, s, v):
    k = (np.array([5, 3, 1]) + 6 * h[:, None]) % 6
    return v[:, None] * (1 - s[:, None] * np.clip(np.minimum(k, 4 - k), 0, 1))

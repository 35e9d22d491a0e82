"""One picture file, of any size and mode, to a square of RGB bytes."""

import io
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def shape_of(file: BinaryIO) -> tuple[int, int]:
    """Width and height, read from the header alone."""
    with Image.open(file, formats=FORMATS) as image:
        return image.size


def decode(data: bytes, side: int) -> tuple[np.ndarray, bool]:
    """Decode, turn upright, and bring to `side` × `side`: the centre square, resized.

    Args:
        data: contents of a JPEG, PNG or WebP file; what is transparent is laid over white.
        side: of the square, in pixels.

    Returns:
        uint8 array `(side, side, 3)`, and whether the picture had another size.
    """
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.size == (side, side):
            return np.asarray(_upright_rgb(image)), False
        image.draft("RGB", (2 * side, 2 * side))  # a large JPEG decodes at a fraction of its size
        square = ImageOps.fit(_upright_rgb(image), (side, side), Image.Resampling.BILINEAR)
        return np.asarray(square), True


def _upright_rgb(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16-bit grey
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")

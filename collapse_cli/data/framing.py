"""An image of any size -> a square of one size."""

from __future__ import annotations

import numpy
from PIL import Image, ImageOps

from collapse_cli.shapes import Framing

OTHERWISE = 64  # side of the square where no side was given, and images are not squares of one size


def framed(image: Image.Image, framing: Framing) -> numpy.ndarray:
    """An RGB image -> (3,side,side) uint8, as `Framing` says; framing.side is not 0."""
    return numpy.asarray(_square(image, framing)).transpose(2, 0, 1)


def unchanged(size: tuple[int, int], framing: Framing) -> bool:
    """Whether an image of this width and height is used pixel by pixel."""
    return size == (framing.side, framing.side) and framing.resized in (0, framing.side)


def _square(image: Image.Image, framing: Framing) -> Image.Image:
    side, shorter = framing.side, framing.resized or framing.side
    resample = Image.Resampling[framing.resample.upper()]
    if unchanged(image.size, framing):
        return image
    if framing.stretched:
        return image.resize((side, side), resample)
    if shorter == side:  # the middle square first: not a pixel beyond it is read
        return ImageOps.fit(image, (side, side), resample)
    scale = shorter / min(image.size)
    width, height = (shorter if length == min(image.size) else int(length * scale) for length in image.size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    return image.resize((width, height), resample).crop((left, top, left + side, top + side))

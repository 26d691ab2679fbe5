"""How an image of any size becomes a square, pixel for pixel as torchvision and transformers make it."""

from __future__ import annotations

import numpy
from PIL import Image, ImageOps

from collapse_cli.shapes import Framing

OTHERWISE = 64  # side of the square where no side was given, and images are not squares of one size


def framed(image: Image.Image, framing: Framing) -> numpy.ndarray:
    """An RGB image -> (3,side,side) uint8; (3,H,W) as it is where side is 0."""
    side, resample = framing.side, Image.Resampling[framing.resample.upper()]
    if framing.resized or framing.stretched:
        image = _cut(image.resize(_resized(image.size, framing), resample), side, framing.floored)
    elif side and image.size != (side, side):
        image = ImageOps.fit(image, (side, side), resample)
    return numpy.asarray(image).transpose(2, 0, 1)


def _resized(size: tuple[int, int], framing: Framing) -> tuple[int, int]:
    """Width and height of the whole image once it is resized; of the longer side, a part of a pixel is dropped."""
    shorter = framing.resized or framing.side
    if framing.stretched:
        return shorter, shorter
    width, height = size
    longer = int(shorter * max(size) / min(size))
    return (shorter, longer) if width <= height else (longer, shorter)


def _cut(image: Image.Image, side: int, floored: bool) -> Image.Image:
    """The middle square of an image; black is added where the image is smaller. side 0: the image."""
    if not side or image.size == (side, side):
        return image
    left, top = (_before(length - side, floored) for length in image.size)
    return image.crop((left, top, left + side, top + side))


def _before(surplus: int, floored: bool) -> int:
    """Pixels to be cut off before the middle, of `surplus` on both ends together; negative: to be added."""
    return int(surplus / 2) if floored or surplus < 0 else round(surplus / 2)


def unchanged(size: tuple[int, int], framing: Framing) -> bool:
    """Whether an image of this width and height is used pixel by pixel."""
    return size == (framing.side, framing.side) and framing.resized in (0, framing.side)

"""Grey images for a network that takes colour, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from collapse_cli.data_notes import DataNote
from collapse_cli.shapes import Images, Pixels

LUMA = (19595, 38470, 7471)  # ITU-R BT.601 in 1/65536: .299 R + .587 G + .114 B, as in Pillow's mode L
GREY, COLOUR = 1, 3


@dataclass(frozen=True)
class Converted:
    """A stream of images (N,C,H,W) uint8 whose channels are converted when they are read."""

    images: Pixels
    channels: int

    @property
    def held(self) -> bool:
        return self.images.held

    @property
    def shape(self) -> Sequence[int]:
        count, _, height, width = self.images.shape
        return count, self.channels, height, width

    def __getitem__(self, index: Tensor) -> Tensor:
        """index (B,) int64 -> (B,C,H,W) uint8."""
        return converted(self.images[index], self.channels)

    def ahead(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Of each part (b,) int64 the images (b,C,H,W) uint8, read ahead."""
        for pixels in self.images.ahead(parts):
            yield converted(pixels, self.channels)


def with_channels(images: Images, channels: int) -> Images:
    """The images with so many channels, and a note of it; as they are where there is no rule for it."""
    before = images.shape[0]
    if {before, channels} != {GREY, COLOUR}:
        return images
    pixels = images.pixels
    changed = converted(pixels, channels) if isinstance(pixels, Tensor) else Converted(pixels, channels)
    what = (
        "grey, and repeated on the three channels that the network takes"
        if channels == COLOUR
        else "converted to grey (luma of ITU-R BT.601), for the network takes one channel"
    )
    note = DataNote("changed", len(images), len(images), "images", what)
    return replace(images, pixels=changed, notes=(*images.notes, note))


def converted(pixels: Tensor, channels: int) -> Tensor:
    """(B,1,H,W) uint8 repeated to three channels, or (B,3,H,W) to luma, rounded to the nearest."""
    if channels == COLOUR:
        return pixels.expand(-1, COLOUR, -1, -1).contiguous()
    weighted = sum(weight * pixels[:, c].int() for c, weight in enumerate(LUMA))
    grey: Tensor = ((torch.as_tensor(weighted) + (1 << 15)) >> 16).to(torch.uint8)
    return grey.unsqueeze(1)

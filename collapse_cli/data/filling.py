"""Images that are decoded into memory while they are looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy
from PIL import Image

from collapse_cli.data import pixels
from collapse_cli.data.framing import framed, unchanged
from collapse_cli.data.pixels import Header
from collapse_cli.shapes import Framing


@dataclass
class Filling:
    """Decodes images into an array while they are looked at, as long as they have the size that was guessed."""

    output: numpy.ndarray  # (N,3,side,side) uint8
    framing: Framing
    background: str
    given: bool  # the side is no guess
    agreed: bool = True
    left: list[int] = field(default_factory=list)  # places whose white the whole set decides

    def take(self, place: int, image: Image.Image, about: Header) -> bool | None:
        if not self.given and not unchanged(about.size, self.framing):
            self.agreed = False
        late = about.mode == "F" or (about.whole and not about.bits)
        if late:
            self.left.append(place)
        if late or not self.agreed:
            return None
        colours, transparent = pixels.rgb(image, about, self.background, 1.0)
        self.output[place] = framed(colours, self.framing)
        return transparent

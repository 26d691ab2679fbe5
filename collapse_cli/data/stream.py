"""Images that are decoded whenever they are asked for, and not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy
import torch
from torch import Tensor

from collapse_cli.data import pixels
from collapse_cli.data.encoded import Broken, Encoded
from collapse_cli.data.framing import framed
from collapse_cli.data.survey import parallel
from collapse_cli.shapes import Framing


@dataclass(frozen=True)
class Stream:
    """Images (N,3,side,side) uint8 that are decoded by a few threads when asked for."""

    read: Callable[[int], Encoded]
    count: int
    framing: Framing
    background: str = "white"
    white: float = 1.0
    held = False

    @property
    def shape(self) -> Sequence[int]:
        return self.count, 3, self.framing.side, self.framing.side

    def __getitem__(self, index: Tensor) -> Tensor:
        """index (B,) int64 -> (B,3,side,side) uint8."""
        rows = index.tolist()
        output = numpy.empty((len(rows), *self.shape[1:]), numpy.uint8)
        for error in parallel(lambda place: self.into(output, place, rows[place]), range(len(rows))):
            if error:
                raise error
        return torch.from_numpy(output)

    def ahead(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Of each part (b,) int64 the images (b,3,side,side) uint8: read when they are asked for."""
        for part in parts:
            yield self[part]

    def into(self, output: numpy.ndarray, place: int, row: int) -> Broken | None:
        """Image `row` is written to output[place]; the error, by name, where it cannot be read."""
        try:
            with self.read(row).opened() as image:
                colours, _ = pixels.rgb(image, pixels.header(image), self.background, self.white)
                output[place] = framed(colours, self.framing)
        except Broken as error:
            return error
        return None

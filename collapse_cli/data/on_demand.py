"""Images that are decoded when they are asked for, once each, and then stay in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy
import torch
from torch import Tensor

from collapse_cli.data import cache
from collapse_cli.data.channels import Converted
from collapse_cli.shapes import Images, Pixels

WORTH = 512  # images, from which on what was decoded is kept for another time


@dataclass(frozen=True, eq=False)
class OnDemand:
    """Images (N,3,side,side) uint8 of a stream. name: of what is kept of them, empty where nothing is."""

    stream: Pixels
    name: str = ""
    held = True  # so that whatever is done to images in memory is done to these
    _taken: numpy.ndarray = field(init=False, repr=False)
    _output: numpy.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_taken", numpy.zeros(self.shape[0], bool))
        object.__setattr__(
            self, "_output", numpy.empty(self.shape, numpy.uint8)
        )  # takes memory when it is filled

    @property
    def shape(self) -> Sequence[int]:
        return self.stream.shape

    def __getitem__(self, index: Tensor) -> Tensor:
        """index (B,) int64 -> (B,3,side,side) uint8. Raises CollapseError for an image that cannot be read."""
        rows = index.cpu().numpy()
        missing = numpy.unique(rows[~self._taken[rows]])
        if len(missing):
            self._fill(missing, self.stream[torch.from_numpy(missing)].numpy())
        return torch.from_numpy(self._output[rows])

    def ahead(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Of each part (b,) int64 the images (b,3,side,side) uint8: decoded when they are asked for."""
        for part in parts:
            yield self[part]

    def prepare(self, index: Tensor) -> None:
        """Have the images `index` (n,) in memory: as they were kept when they were decoded before, else decoded, and kept."""
        rows = numpy.unique(index.cpu().numpy())
        rows = rows[~self._taken[rows]]
        if len(rows) < WORTH or not self.name:
            return
        name = f"{self.name}-{sha256(rows.astype('<i8').tobytes()).hexdigest()[:16]}.pixels"
        content, shape = cache.read(name), (len(rows), *self.shape[1:])
        if content is not None and len(content) == int(numpy.prod(shape)):
            self._fill(rows, numpy.frombuffer(content, numpy.uint8).reshape(shape))
            return
        decoded = self.stream[torch.from_numpy(rows)].numpy()
        self._fill(rows, decoded)
        cache.write(name, [decoded.tobytes()])

    def _fill(self, rows: numpy.ndarray, pixels: numpy.ndarray) -> None:
        self._output[rows] = pixels
        self._taken[rows] = True


def prepare(images: Images, index: Tensor) -> None:
    """Of images that are decoded when they are asked for: those that will be, all at once."""
    pixels = images.pixels
    while isinstance(pixels, Converted):
        pixels = pixels.images
    if isinstance(pixels, OnDemand):
        pixels.prepare(index)

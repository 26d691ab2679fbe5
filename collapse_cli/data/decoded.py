"""Encoded pictures -> uint8: all at once where they fit into memory, read when asked for where they do not."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Images, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

BUDGET = 4 << 30  # bytes of decoded pictures that are held in memory
LOOKED_AT = 64  # pictures whose size decides, where none is given
OTHERWISE = 64  # side of the square where those pictures disagree

Open = Callable[[int], "Image"]  # the i-th picture, as PIL opens it


@dataclass(frozen=True)
class Stream:
    """Pictures (N,3,side,side) uint8 that are decoded by a few threads when asked for."""

    read: Open
    count: int
    side: int

    @property
    def shape(self) -> Sequence[int]:
        return self.count, 3, self.side, self.side

    def __getitem__(self, index: Tensor) -> Tensor:
        """index (B,) int64 -> (B,3,side,side) uint8."""
        rows = index.tolist()
        pixels = torch.empty((len(rows), 3, self.side, self.side), dtype=torch.uint8)

        def decode(place: int) -> None:
            pixels[place] = _square(self.read(rows[place]), self.side)

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(decode, range(len(rows))))
        return pixels


def images(
    read: Open,
    size: int,
    labels: Sequence[int] | None,
    classes: tuple[str, ...],
    chosen: Sequence[int],
    name: str,
) -> Images:
    """Images of the pictures `chosen` of a source; labels of all of the source, or None; size 0 takes their own."""
    rows = list(chosen)
    if not rows:
        raise CollapseError(f"{name} has no pictures", "give a folder or file with pictures in it")
    stream = Stream(lambda i: read(rows[i]), len(rows), size or _own_size(read, rows))
    fits = len(rows) * 3 * stream.side**2 <= BUDGET
    pixels: Tensor | Pixels = stream[torch.arange(len(rows))] if fits else stream
    told = None if labels is None else torch.tensor([labels[i] for i in rows], dtype=torch.long)
    return Images(pixels, told, classes, name)


def cut(count: int, split: str) -> list[int]:
    """A source without splits of its own, cut 80 : 20 in an order that never changes; `all` is everything."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0)).tolist()
    first = round(count * 0.8)
    return sorted({"train": order[:first], "test": order[first:], "all": order}[split])


def _own_size(read: Open, rows: Sequence[int]) -> int:
    sizes = {read(i).size for i in rows[:LOOKED_AT]}
    width, height = next(iter(sizes))
    return width if len(sizes) == 1 and width == height else OTHERWISE


def _square(picture: Image, side: int) -> Tensor:
    """The middle square, resized, (3,side,side) uint8."""
    from PIL import ImageOps

    picture = picture.convert("RGB")
    if picture.size != (side, side):
        picture = ImageOps.fit(picture, (side, side))
    return torch.from_numpy(numpy.asarray(picture).copy()).permute(2, 0, 1)

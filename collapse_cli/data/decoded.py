"""Encoded pictures -> uint8: all at once where they fit into memory, read when asked for where they do not."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Images, Pixels

BUDGET = 4 << 30  # bytes of decoded pictures that are held in memory
LOOKED_AT = 64  # pictures whose size decides, where none is given
OTHERWISE = 64  # side of the square where those pictures disagree
PIECE = 64  # pictures that a thread decodes in one go: one by one, small pictures take twice as long


@dataclass(frozen=True)
class Encoded:
    """A picture as it is kept, a file or its bytes, and what an error calls it."""

    name: str
    content: Path | bytes

    @contextmanager
    def opened(self) -> Iterator[Image.Image]:
        """The picture, for as long as it is decoded. Raises CollapseError, by name, where it is damaged."""
        try:
            file = self.content if isinstance(self.content, Path) else io.BytesIO(self.content)
            with Image.open(file) as picture:
                yield picture
        except Exception as error:  # Pillow raises almost anything on a damaged file
            reason = "" if isinstance(error, UnidentifiedImageError) else f" ({error})"
            raise CollapseError(
                f"{self.name} cannot be read as a picture{reason}", "mend it or take it out"
            ) from None


@dataclass(frozen=True)
class Stream:
    """Pictures (N,3,side,side) uint8 that are decoded by a few threads when asked for."""

    read: Callable[[int], Encoded]
    count: int
    side: int

    @property
    def shape(self) -> Sequence[int]:
        return self.count, 3, self.side, self.side

    def __getitem__(self, index: Tensor) -> Tensor:
        """index (B,) int64 -> (B,3,side,side) uint8."""
        rows, cores = index.tolist(), os.cpu_count() or 1
        pixels = numpy.empty((len(rows), 3, self.side, self.side), numpy.uint8)
        piece = max(1, min(PIECE, len(rows) // cores))

        def decode(start: int) -> None:
            for place in range(start, min(start + piece, len(rows))):
                with self.read(rows[place]).opened() as picture:
                    pixels[place] = _square(picture, self.side)

        with ThreadPoolExecutor(cores) as threads:
            list(threads.map(decode, range(0, len(rows), piece)))
        return torch.from_numpy(pixels)


def images(
    read: Callable[[int], Encoded],
    side: int,
    labels: Sequence[int] | None,
    classes: tuple[str, ...],
    chosen: Sequence[int],
    name: str,
) -> Images:
    """Images of the pictures `chosen` of a source; labels of all of the source, or None."""
    if not chosen:
        raise CollapseError(f"{name} has no pictures", "give a folder or file with more pictures in it")
    stream = Stream(lambda i: read(chosen[i]), len(chosen), side)
    fits = len(chosen) * 3 * side**2 <= BUDGET
    pixels: Tensor | Pixels = stream[torch.arange(len(chosen))] if fits else stream
    told = None if labels is None else torch.tensor([labels[i] for i in chosen], dtype=torch.long)
    return Images(pixels, told, classes, name)


def own_side(first: Iterable[Encoded]) -> int:
    """The side of the first pictures of a whole source, the same for each of its splits; 64 if they disagree."""
    sizes = set()
    for encoded in first:
        with encoded.opened() as picture:
            sizes.add(picture.size)
    width, height = sizes.pop() if len(sizes) == 1 else (0, 1)
    return width if width == height else OTHERWISE


def _square(picture: Image.Image, side: int) -> numpy.ndarray:
    """The middle square, resized, (3,side,side) uint8. Alpha is dropped; 16-bit grey keeps its upper 8 bits."""
    if picture.mode.startswith("I;16"):  # Pillow would clip at 255: all white
        picture = Image.fromarray((numpy.asarray(picture) >> 8).astype(numpy.uint8))
    elif picture.mode == "P":  # Pillow warns where a palette has transparent colours
        picture = picture.convert("RGBA")
    picture = picture.convert("RGB")
    if picture.size != (side, side):
        picture = ImageOps.fit(picture, (side, side))
    return numpy.asarray(picture).transpose(2, 0, 1)

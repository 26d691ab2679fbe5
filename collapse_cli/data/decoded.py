"""Encoded images -> uint8: all at once where they fit into memory, read when asked for where they do not."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Images, Pixels

BUDGET = 4 << 30  # bytes of decoded images that are held in memory
LOOKED_AT = 64  # images whose size decides, where none is given
OTHERWISE = 64  # side of the square where those images disagree
_streams: ContextVar[bool] = ContextVar("streams", default=False)
PIECE = 64  # images that a thread decodes in one go: one by one, small images take twice as long


@dataclass(frozen=True)
class Encoded:
    """An image as it is kept, a file or its bytes, and what an error calls it."""

    name: str
    content: Path | bytes

    @contextmanager
    def opened(self) -> Iterator[Image.Image]:
        """The image, for as long as it is decoded. Raises CollapseError, by name, where it is damaged."""
        try:
            file = self.content if isinstance(self.content, Path) else io.BytesIO(self.content)
            with Image.open(file) as image:
                yield image
        except Exception as error:  # Pillow raises almost anything on a damaged file
            reason = "" if isinstance(error, UnidentifiedImageError) else f" ({error})"
            raise CollapseError(
                f"{self.name} cannot be read as an image{reason}", "repair the file or remove it"
            ) from None


@dataclass(frozen=True)
class Stream:
    """Images (N,3,side,side) uint8 that are decoded by a few threads when asked for."""

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
                with self.read(rows[place]).opened() as image:
                    pixels[place] = _square(image, self.side)

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
    """Images of the images `chosen` of a source; labels of all of the source, or None."""
    if not chosen:
        raise CollapseError(f"{name} has no images", "give a folder or file with more images in it")
    stream = Stream(lambda i: read(chosen[i]), len(chosen), side)
    fits = not _streams.get() and len(chosen) * 3 * side**2 <= BUDGET
    pixels: Tensor | Pixels = stream[torch.arange(len(chosen))] if fits else stream
    chosen_labels = None if labels is None else torch.tensor([labels[i] for i in chosen], dtype=torch.long)
    return Images(pixels, chosen_labels, classes, name)


@contextmanager
def as_streams() -> Iterator[None]:
    """Within it no image is decoded when it is loaded, however few they are: for whoever looks at each of them but once."""
    before = _streams.set(True)
    try:
        yield
    finally:
        _streams.reset(before)


def common_side(first: Iterable[Encoded]) -> int:
    """The side of the first images of a whole source, the same for each of its splits; 64 if they disagree."""
    sizes = set()
    for encoded in first:
        with suppress(CollapseError), encoded.opened() as image:  # a broken one is named where it is decoded
            sizes.add(image.size)
    width, height = sizes.pop() if len(sizes) == 1 else (0, 1)
    return width if width == height else OTHERWISE


def _square(image: Image.Image, side: int) -> numpy.ndarray:
    """The middle square, resized, (3,side,side) uint8. Alpha is dropped; 16-bit grey keeps its upper 8 bits."""
    if image.mode.startswith("I;16"):  # Pillow would clip at 255: all white
        image = Image.fromarray((numpy.asarray(image) >> 8).astype(numpy.uint8))
    elif image.mode == "P":  # Pillow warns where a palette has transparent colours
        image = image.convert("RGBA")
    image = image.convert("RGB")
    if image.size != (side, side):
        image = ImageOps.fit(image, (side, side))
    return numpy.asarray(image).transpose(2, 0, 1)

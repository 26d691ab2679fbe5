"""What files of images say of themselves before they are decoded, and which of them cannot be read at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from collapse_cli.data.decoded import Stream
from collapse_cli.data.encoded import Encoded
from collapse_cli.errors import CollapseError

CHUNK = 256  # images that are looked at together
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright


@dataclass(frozen=True)
class Header:
    """kind: JPEG, PNG …; size: width and height; mode: Pillow's; turned: EXIF says that it is to be shown otherwise than it is
    stored; alpha: it may be transparent; frames: of an animation or a file of several pages.
    """

    kind: str
    size: tuple[int, int]
    mode: str
    turned: bool
    alpha: bool
    frames: int


@dataclass(frozen=True)
class Chunk:
    """Images of a stream that were looked at: rows (n,), those of them that can be read, with their headers and their pixels
    (n,C,H,W); broken: the others by their row, and why.
    """

    rows: tuple[int, ...]
    headers: tuple[Header, ...]
    pixels: Tensor
    broken: dict[int, str]


def header(image: Image.Image) -> Header:
    """Of an image that is open and not decoded."""
    return Header(
        image.format or "",
        image.size,
        image.mode,
        image.getexif().get(ORIENTATION, 1) in range(2, 9),
        image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info,
        getattr(image, "n_frames", 1),  # Pillow has it of the kinds alone that may have several
    )


def surveyed(stream: Stream) -> Iterator[Chunk]:
    """All images of a stream, in order; no more than CHUNK of them are in memory."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        for start in range(0, stream.count, CHUNK):
            rows = range(start, min(start + CHUNK, stream.count))
            yield _chunk(stream, rows, list(threads.map(_header, map(stream.read, rows))))


def _header(encoded: Encoded) -> Header | str:
    """What it says of itself, or why it cannot be read."""
    try:
        with encoded.opened() as image:
            return header(image)
    except CollapseError as error:
        return error.message


def _chunk(stream: Stream, rows: Sequence[int], headers: Sequence[Header | str]) -> Chunk:
    """Where one of its images cannot be decoded, they are decoded one by one."""
    found = dict(zip(rows, headers, strict=True))
    broken = {row: header for row, header in found.items() if isinstance(header, str)}
    right = [row for row in rows if row not in broken]
    try:
        pixels = stream[torch.tensor(right, dtype=torch.long)]
    except CollapseError:
        broken |= {row: reason for row in right if (reason := _undecodable(stream, row))}
        right = [row for row in right if row not in broken]
        pixels = stream[torch.tensor(right, dtype=torch.long)]
    sound = (found[row] for row in right)
    return Chunk(tuple(right), tuple(each for each in sound if isinstance(each, Header)), pixels, broken)


def _undecodable(stream: Stream, row: int) -> str:
    try:
        stream[torch.tensor([row])]
    except CollapseError as error:
        return error.message
    return ""

"""What files of images say of themselves before they are decoded, and which of them cannot be read at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from collapse_cli.data import pixels
from collapse_cli.data.encoded import Encoded
from collapse_cli.data.stream import Stream
from collapse_cli.data.survey import parallel
from collapse_cli.errors import CollapseError


@dataclass(frozen=True)
class FileHeader:
    """kind: JPEG, PNG …; size: width and height; mode: Pillow's; turned: EXIF says that it is to be shown otherwise than it is
    stored; alpha: it may be transparent; frames: there are several, of an animation or of pages.
    """

    kind: str
    size: tuple[int, int]
    mode: str
    turned: bool
    alpha: bool
    frames: bool


@dataclass(frozen=True)
class Chunk:
    """Images of a stream that were looked at: rows (n,), those of them that can be read, with their headers and their pixels
    (n,C,H,W); broken: the others by their row, and why.
    """

    rows: tuple[int, ...]
    headers: tuple[FileHeader, ...]
    pixels: Tensor
    broken: dict[int, str]


def header(image: Image.Image) -> FileHeader:
    """Of an image that is open and not decoded."""
    about = pixels.header(image)
    return FileHeader(
        image.format or "", about.size, about.mode, about.turned, about.transparent, about.frames
    )


def surveyed(stream: Stream, rows: Sequence[int]) -> Chunk:
    """Some images of a stream, by their rows: headers first, then the pixels of those that have one."""
    return _chunk(stream, rows, list(parallel(_header, map(stream.read, rows))))


def _header(encoded: Encoded) -> FileHeader | str:
    """What it says of itself, or why it cannot be read."""
    try:
        with encoded.opened() as image:
            return header(image)
    except CollapseError as error:
        return error.message


def _chunk(stream: Stream, rows: Sequence[int], headers: Sequence[FileHeader | str]) -> Chunk:
    """Where one of its images cannot be decoded, they are decoded one by one."""
    found = dict(zip(rows, headers, strict=True))
    broken = {row: header for row, header in found.items() if isinstance(header, str)}
    right = [row for row in rows if row not in broken]
    try:
        decoded = stream[torch.tensor(right, dtype=torch.long)]
    except CollapseError:
        broken |= {row: reason for row in right if (reason := _undecodable(stream, row))}
        right = [row for row in right if row not in broken]
        decoded = stream[torch.tensor(right, dtype=torch.long)]
    sound = (found[row] for row in right)
    return Chunk(tuple(right), tuple(each for each in sound if isinstance(each, FileHeader)), decoded, broken)


def _undecodable(stream: Stream, row: int) -> str:
    try:
        stream[torch.tensor([row])]
    except CollapseError as error:
        return error.message
    return ""

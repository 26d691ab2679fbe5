"""Images as they are kept: which files are images, how one is opened, and why one cannot be."""

from __future__ import annotations

import io
import logging
import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from collapse_cli.errors import CollapseError
from collapse_cli.memory import memory
from collapse_cli.printable import printable

UNREAD = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}  # known by name, and decoded by no part of Pillow
USUAL = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # tried first
ALIASES = (".mpo",)  # opened by another format's plugin
PLUGINS = {
    "pillow_heif": "register_heif_opener"
}  # packages that teach Pillow a format, where they are installed
SIGNATURE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*", re.DOTALL)
SIGNED = 16  # bytes that may hold one
CHANNELS, COPIES = 4, 3  # bytes of a pixel; of an image while it is turned, composited and framed
SMALL = 1 << 20  # bytes, that every machine has
TAIL = 4096  # bytes in which a whole JPEG has its end marker
REMEDY = "repair or remove what cannot be read, or leave it out with --skip-broken"

logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its messages reach stderr as they are


@cache
def formats() -> tuple[str, ...]:
    """The formats that are read, by Pillow's names, the usual ones first."""
    Image.init()
    for package, register in PLUGINS.items():
        if find_spec(package):
            with suppress(Exception):  # a plugin that does not fit this Pillow is none
                getattr(import_module(package), register)()
    rest = sorted(set(Image.OPEN) - UNREAD - set(USUAL))
    return (*(name for name in USUAL if name in Image.OPEN), *rest)


@cache
def suffixes() -> frozenset[str]:
    """The endings of files that are read as images."""
    known = formats()
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in known) | set(
        ALIASES
    )


def is_image(file: Path) -> bool:
    """By its ending, or, where it has none, by its first bytes."""
    if ending := file.suffix.lower():
        return ending in suffixes()
    try:
        status = file.stat()
        if (
            not stat.S_ISREG(status.st_mode) or status.st_size < SIGNED
        ):  # the system's own say 0, and may wait
            return False
        with file.open("rb") as opened:
            return SIGNATURE.match(opened.read(SIGNED)) is not None
    except OSError:
        return False


class Broken(CollapseError):
    """An image that cannot be read, and why."""

    def __init__(self, name: str, reason: str) -> None:
        why = f" ({reason})" if reason else ""
        super().__init__(f"{name} cannot be read as an image{why}", REMEDY)
        self.name, self.reason = name, reason


@dataclass(frozen=True)
class Encoded:
    """An image as it is kept, a file or its bytes, and what an error calls it."""

    name: str
    content: Path | bytes

    @contextmanager
    def raw(self) -> Iterator[Image.Image]:
        """The image, for as long as it is decoded. Raises whatever Pillow raises."""
        if isinstance(self.content, Path):
            if not stat.S_ISREG(os.stat(self.content).st_mode):  # a pipe would never end
                raise ValueError("it is no ordinary file")
            file: Path | io.BytesIO = self.content
        else:
            file = io.BytesIO(self.content)
        with Image.open(file, formats=formats()) as image:
            refuse_beyond_memory(image)
            yield image

    @contextmanager
    def opened(self) -> Iterator[Image.Image]:
        """The image, for as long as it is decoded. Raises Broken where it is damaged."""
        try:
            with self.raw() as image:
                yield image
        except Exception as error:  # Pillow raises almost anything on a damaged file
            raise Broken(self.name, reason(error, self)) from None


def refuse_beyond_memory(image: Image.Image) -> None:
    """Raises ValueError for an image which, decoded by each of the threads at once, is more than the memory."""
    pixels = math.prod(image.size)
    if pixels * CHANNELS <= SMALL:  # to ask for the cores takes a tenth of the time that a small image does
        return
    cores = os.cpu_count() or 1
    most = memory() // (COPIES * cores)
    if pixels * CHANNELS > most:
        raise ValueError(
            f"it has {pixels:,} pixels, and here at most {most // CHANNELS:,} fit into memory, for each of {cores} threads"
        )


def reason(error: Exception, encoded: Encoded) -> str:
    """Why an image could not be read, in words; empty where it is no image at all."""
    if isinstance(error, Image.DecompressionBombError):
        pixels = re.search(r"\d+", str(error))
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        return f"it has {int(pixels[0]) if pixels else most:,} pixels, and at most {most:,} are read"
    if isinstance(error, FileNotFoundError):
        return "the file it links to is not there"
    if isinstance(error, UnidentifiedImageError):
        return "there is nothing in it" if _empty(encoded.content) else ""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable(text.splitlines()[0] if text else type(error).__name__)


def _empty(content: Path | bytes) -> bool:
    return not (content.stat().st_size if isinstance(content, Path) else content)


def cut_short(image: Image.Image) -> bool:
    """Whether the end of an opened PNG or JPEG seems to be missing. Leaves the file where it was."""
    file = getattr(image, "fp", None)
    if image.format not in ("PNG", "JPEG", "MPO") or file is None:
        return False
    place = file.tell()
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - TAIL))
    tail = file.read()
    file.seek(place)
    return (b"IEND" if image.format == "PNG" else b"\xff\xd9") not in tail

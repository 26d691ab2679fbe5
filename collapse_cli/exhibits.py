"""What a page shows beside its numbers: maps of the embeddings, and galleries of the images that they are of.

Both name images by their key in `Exhibits.thumbnails`; a key without a thumbnail stands for an image that is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

POINTS, THUMBNAILS = 1000, 200  # of a map, and of a page, at most


@dataclass(frozen=True)
class Thumbnail:
    """An image as a page shows it. png: its bytes; text: what it is, in words, as `image 17 of digits/train, class 3`."""

    png: bytes
    text: str


@dataclass(frozen=True)
class Map:
    """Embeddings of one space along two of its principal directions.

    points: (x, y) of each; classes: the name of the class of each, none without labels; images: the key of each; x, y: what the
    axes are, as `direction 1: 21 % of the variance`; note: a sentence on what is drawn, as how many of how many; reach: the
    frame is at least this far from its middle on every side, so that points that lie close together are seen to.
    """

    title: str
    x: str
    y: str
    points: tuple[tuple[float, float], ...]
    classes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    note: str = ""
    reach: float = 0.0


@dataclass(frozen=True)
class Neighbour:
    """An image beside another. caption: how similar it is; marked: it is what the gallery marks, as a false negative."""

    image: str
    caption: str
    marked: bool = False


@dataclass(frozen=True)
class Row:
    """An image and what stands beside it."""

    image: str
    caption: str
    others: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Gallery:
    """Rows of images. help: what is seen, in sentences; mark: what a marked image is, in words, empty where none can be."""

    title: str
    help: str
    rows: tuple[Row, ...]
    mark: str = ""


@dataclass(frozen=True)
class Exhibits:
    """All maps and galleries of a page."""

    maps: tuple[Map, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    thumbnails: Mapping[str, Thumbnail] = field(default_factory=dict)

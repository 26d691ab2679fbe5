"""Exhibits of a small set of images, and a page that has every kind of chart."""

from __future__ import annotations

import struct
import zlib

import pytest

from collapse_cli.exhibits import Exhibits, Gallery, Map, Neighbour, Row, Thumbnail


def png(grey: int) -> bytes:
    """An image of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(bytes([0, grey]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


@pytest.fixture
def shown() -> Exhibits:
    """Four images of three classes on a map, and two rows of a gallery in which one image stands twice."""
    keys = ("a", "b", "c", "d")
    thumbnails = {key: Thumbnail(png(60 * n), f"image {n} of digits/train") for n, key in enumerate(keys)}
    points = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    map_of_h = Map("Map of h", "direction 1", "direction 2", points, ("x", "y", "x", "z"), keys, "4 of 4")
    rows = (
        Row("a", "query", (Neighbour("b", "cosine 0.91", marked=True), Neighbour("c", "cosine 0.85"))),
        Row("d", "query", (Neighbour("b", "cosine 0.42"),)),
    )
    gallery = Gallery("Hardest negatives", "What is most similar.", rows, "false negative")
    return Exhibits((map_of_h,), (gallery,), thumbnails)

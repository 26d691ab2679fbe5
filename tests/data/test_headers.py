"""What files say of themselves before they are decoded, and the bad ones by name."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image

from collapse_cli.data.decoded import Stream
from collapse_cli.data.encoded import Encoded
from collapse_cli.data.headers import header, surveyed
from collapse_cli.shapes import Framing

SCENE = Image.effect_noise((12, 8), 40)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (lambda: encoded(SCENE, "PNG"), ("PNG", "L", False, False, False)),
        (lambda: encoded(SCENE.convert("RGBA"), "PNG"), ("PNG", "RGBA", False, True, False)),
        (lambda: encoded(SCENE.convert("P"), "PNG", transparency=3), ("PNG", "P", False, True, False)),
        (lambda: encoded(SCENE.convert("RGB"), "JPEG", exif=turned()), ("JPEG", "RGB", True, False, False)),
        (lambda: encoded(SCENE.convert("CMYK"), "JPEG"), ("JPEG", "CMYK", False, False, False)),
        (
            lambda: encoded(SCENE, "TIFF", save_all=True, append_images=[SCENE]),
            ("TIFF", "L", False, False, True),
        ),
    ],
)
def test_a_header(content: Callable[[], bytes], expected: tuple[str, str, bool, bool, bool]) -> None:
    with Image.open(io.BytesIO(content())) as image:
        seen = header(image)
    assert seen.size == (12, 8)
    assert (seen.kind, seen.mode, seen.turned, seen.alpha, seen.frames) == expected


def test_bad_images_are_named_and_the_others_decoded() -> None:
    """Of five the second is no image, and the fourth breaks off behind its header."""
    whole = encoded(Image.effect_noise((64, 64), 40), "PNG")
    contents = [whole, b"no image", whole, whole[: len(whole) // 2], whole]
    stream = Stream(lambda row: Encoded(f"image {row}", contents[row]), 5, Framing(16))
    chunk = surveyed(stream, range(5))
    assert chunk.rows == (0, 2, 4)
    assert sorted(chunk.broken) == [1, 3]
    assert all(why.startswith(f"image {row} cannot be read") for row, why in chunk.broken.items())
    assert torch.equal(chunk.pixels, stream[torch.tensor([0, 2, 4])])
    assert len(chunk.headers) == 3

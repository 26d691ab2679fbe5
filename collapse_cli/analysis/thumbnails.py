"""Images of a data set as a page shows them: small, few, each once, and each with a text that says which it is."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from collapse_cli.embedding import take
from collapse_cli.exhibits import THUMBNAILS, Thumbnail
from collapse_cli.metrics.class_names import class_names
from collapse_cli.shapes import Images

LEAST, MOST = 32, 48  # pixels of the longer side
COMPARED = 16  # images by which two data sets are told apart


class Thumbnails:
    """Those of one page, by their keys; `room` for so many more."""

    def __init__(self, most: int = THUMBNAILS) -> None:
        self.most, self.by_key = most, dict[str, Thumbnail]()
        self.sets = dict[int, str]()

    @property
    def room(self) -> int:
        return self.most - len(self.by_key)

    def key(self, images: Images, number: int) -> str:
        """Of one image: equal for equal data sets alone, whatever they are called."""
        if id(images) not in self.sets:
            self.sets[id(images)] = _identity(images)
        return f"{self.sets[id(images)]} {number}"

    def add(self, every: Sequence[tuple[str, Tensor, str]]) -> bool:
        """Key, pixels (C,H,W) and text of each; whether there was room for all of them, else none is added."""
        new = {key: (pixels, text) for key, pixels, text in every if key not in self.by_key}
        if len(new) > self.room:
            return False
        self.by_key |= {key: Thumbnail(png(pixels), text) for key, (pixels, text) in new.items()}
        return True

    def add_images(self, images: Images, index: Sequence[int]) -> bool:
        """The same of images of a data set, by their numbers there."""
        new = [number for number in dict.fromkeys(index) if self.key(images, number) not in self.by_key]
        if len(new) > self.room:
            return False
        pixels = take(images, torch.tensor(new, dtype=torch.int64), torch.device("cpu")) if new else ()
        return self.add([
            (self.key(images, number), each, text_of(images, number))
            for number, each in zip(new, pixels, strict=True)
        ])  # fmt: skip


def _identity(images: Images) -> str:
    """The name of a data set with a digest of some of its images, evenly chosen."""
    chosen = torch.linspace(0, len(images) - 1, min(COMPARED, len(images))).long()
    pixels = take(images, chosen, torch.device("cpu")).contiguous().numpy().tobytes()
    return f"{images.name} of {len(images)} {hashlib.sha256(pixels).hexdigest()[:16]}"


def text_of(images: Images, number: int) -> str:
    """`image 17 of digits/train, class 3`."""
    named = class_of(images, number)
    return f"image {number} of {images.name}" + (f", class {named}" if named else "")


def class_of(images: Images, number: int) -> str:
    """Its name, empty without labels."""
    return class_names([int(images.labels[number])], images.classes)[0] if images.labels is not None else ""


def caption(images: Images, number: int, words: str) -> str:
    """`class 3, cosine 0.93`, or the words alone without labels."""
    named = class_of(images, number)
    return f"class {named}, {words}" if named else words


def png(pixels: Tensor) -> bytes:
    """(C,H,W), uint8 or in [0,1] -> a PNG; grey of one channel, and of such as are no colours their mean."""
    whole = pixels.cpu().float() * (1 if pixels.dtype == torch.uint8 else 255)
    shown = whole if len(whole) in (1, 3) else whole.mean(dim=0, keepdim=True)
    array = shown.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
    image = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    longer = max(image.size)
    if longer < LEAST:
        image = image.resize(_scaled(image.size, _side(longer)), Image.Resampling.NEAREST)
    elif longer > MOST:
        image = image.resize(_scaled(image.size, MOST), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _side(longer: int) -> int:
    """Of a small image: the least whole multiple that is large enough, if it is not too large."""
    multiple = longer * math.ceil(LEAST / longer)
    return multiple if multiple <= MOST else LEAST


def _scaled(size: tuple[int, int], longer: int) -> tuple[int, int]:
    width, height = (max(round(side * longer / max(size)), 1) for side in size)
    return width, height

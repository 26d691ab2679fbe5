"""folder:PATH, pictures of any size in class folders, or flat and without labels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from collapse_cli.data import decoded, splits
from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Images

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")

Parts = tuple[str, ...]  # a picture's place below PATH: [split], [class], …, file


def load(path: Path, split: str, size: int) -> Images:
    """PATH/train and PATH/test (or val) where they are there; else everything, cut 80 : 20 by `splits.cut`.

    Folders below those are classes, numbered alike in every split; pictures beside class folders are left out.
    Raises CollapseError for a path that is no folder or has no pictures, and for a split that it does not have.
    """
    found = _listed(path)
    words = [_word(parts, _heads(found)) for parts in found]
    if any(words):
        found, words = zip(*((p[1:], w) for p, w in zip(found, words, strict=True) if w), strict=True)
    if classes := tuple(sorted(_heads(found), key=_natural)):
        kept = [i for i, parts in enumerate(found) if len(parts) > 1]
        found, words = [found[i] for i in kept], [words[i] for i in kept]
    numbers = {name: number for number, name in enumerate(classes)}
    labels = [numbers[parts[0]] for parts in found] if classes else None
    chosen = splits.take(words, split, path) if any(words) else splits.cut(len(found), split)

    def read(i: int) -> decoded.Encoded:
        file = path.joinpath(words[i], *found[i])
        return decoded.Encoded(str(file), file)

    side = size or decoded.own_side(read(i) for i in range(min(len(found), decoded.LOOKED_AT)))
    return decoded.images(read, side, labels, classes, chosen, f"{path.name}/{split}")


def _listed(path: Path) -> list[Parts]:
    """Where the pictures lie below `path`, in natural order; hidden files and folders are passed over."""
    if not path.is_dir():
        raise CollapseError(f"no folder {path}", "folder:PATH names a folder of pictures")
    found = sorted(_walk(path), key=lambda parts: [_natural(part) for part in parts])
    if not found:
        known = ", ".join(SUFFIXES)
        raise CollapseError(f"{path} has no pictures", f"known are {known}, in class folders or flat")
    return found


def _walk(path: Path) -> Iterator[Parts]:
    for folder, below, files in os.walk(path, followlinks=True):
        below[:] = [name for name in below if not name.startswith(".")]
        place = Path(folder).relative_to(path).parts
        shown = (name for name in files if not name.startswith("."))
        yield from ((*place, name) for name in shown if name.lower().endswith(SUFFIXES))


def _heads(found: list[Parts]) -> set[str]:
    return {parts[0] for parts in found if len(parts) > 1}


def _word(parts: Parts, heads: set[str]) -> str:
    """The split that a picture lies in; "" where the folders are no splits (CIFAR-100 has a class `train`)."""
    halves = "train" in heads and any(word in heads for word in splits.TEST)
    split = halves or heads <= set(splits.WORDS)
    return parts[0] if split and len(parts) > 1 and parts[0] in splits.WORDS else ""


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts 2 before 10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name)]

"""folder:PATH, pictures of any size in class folders, or flat and without labels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from collapse_cli.data import decoded
from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Images

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
SPLITS = {"train": ("train",), "test": ("test", "val", "valid", "validation"), "all": ()}


def load(path: Path, split: str, size: int) -> Images:
    """PATH/train and PATH/test (or val) where they are there; else everything, cut 80 : 20 by `decoded.cut`."""
    if not path.is_dir():
        raise CollapseError(f"no folder {path}", "folder:PATH names a folder of pictures")
    own = next((path / name for name in SPLITS[split] if (path / name).is_dir()), None)
    files = _files(own or path)
    if not files:
        raise CollapseError(
            f"{own or path} has no pictures", f"known are {', '.join(SUFFIXES)}, in class folders or flat"
        )
    top = [file.relative_to(own or path).parts for file in files]
    if split == "all" and (path / "train").is_dir():
        top = [parts[1:] for parts in top]
    labelled = all(len(parts) > 1 for parts in top)
    classes = tuple(sorted({parts[0] for parts in top}, key=_natural)) if labelled else ()
    labels = [classes.index(parts[0]) for parts in top] if labelled else None
    chosen = range(len(files)) if own else decoded.cut(len(files), split)
    return decoded.images(lambda i: _open(files[i]), size, labels, classes, chosen, f"{path.name}/{split}")


def _files(root: Path) -> list[Path]:
    found = (file for file in root.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    return sorted((f for f in found if not f.name.startswith(".")), key=lambda file: _natural(str(file)))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts 2 before 10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]


def _open(file: Path) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as picture:
            picture.load()
            return picture
    except (UnidentifiedImageError, OSError) as error:
        raise CollapseError(
            f"{file} cannot be read as a picture ({error})", "mend it or take it out"
        ) from None

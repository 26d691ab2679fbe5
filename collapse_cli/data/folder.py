"""folder:PATH, images of any size in class folders, or flat and without labels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from collapse_cli.class_labels import natural
from collapse_cli.data import decoded, splits, unlabelled
from collapse_cli.data.labelling import Labelled, Labelling
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")

Parts = tuple[str, ...]  # the folders below PATH that lead to an image, and its own name


@dataclass(frozen=True)
class Place:
    """An image, and what its folders say of it: its split and its class, "" where they say nothing."""

    file: Path
    split: str
    label: str


def load(path: Path, split: str, framing: Framing, files: ImageFiles, labelling: Labelling | None) -> Images:
    """PATH/train and PATH/test (or val) where they are there; else everything, cut 80 : 20 by `splits.cut`.

    Folders below those are classes, numbered alike in every split; images beside class folders are left out.
    Raises CollapseError for a path that is no folder or has no images, and for a split that it does not have.
    """
    every = _placed(path)
    places, aside = _used(every, labelling is None)
    names = [place.file.relative_to(path).as_posix() for place in places]
    labelled = labelling(names, len(places)) if labelling else _of_folders(path, places)
    words = [place.split for place in places]
    chosen = splits.take(words, split, path) if any(words) else splits.cut(len(places), split)
    chosen = labelled.among(chosen)

    def read(i: int) -> decoded.Encoded:
        return decoded.Encoded(str(places[i].file), places[i].file)

    side = framing.side or decoded.common_side(read(i) for i in range(min(len(places), decoded.LOOKED_AT)))
    images = decoded.images(read, side, labelled.numbers, labelled.classes, chosen, f"{path.name}/{split}")
    left_out = (*_aside(aside, len(every)), *splits.left_out(words, split, len(places)))
    notes = (*images.notes, *left_out, *labelled.remarks(split, words))
    return replace(images, files=tuple(names[i] for i in chosen), notes=notes)


def _of_folders(path: Path, places: list[Place]) -> Labelled:
    """The folder that an image lies in is its class; without class folders there are no labels."""
    classes = tuple(sorted({place.label for place in places} - {""}, key=natural))
    if not classes:
        return Labelled(notes=unlabelled.tables(path))
    numbers = {name: number for number, name in enumerate(classes)}
    empty = unlabelled.folders(path, {place.split for place in places} - {""}, classes)
    return Labelled([numbers[place.label] for place in places], classes, empty)


def _placed(path: Path) -> list[Place]:
    """Folders are splits where train and a test stand side by side, or nothing else does; else they are classes.

    So CIFAR-100's class `train` stays a class.
    """
    images = _listed(path)
    heads = {parts[0] for parts in images if len(parts) > 1}
    halves = "train" in heads and not heads.isdisjoint(splits.TEST)
    split = halves or (bool(heads) and heads <= set(splits.WORDS))
    return [_place(path, parts, split) for parts in images]


def _used(places: list[Place], by_folders: bool) -> tuple[list[Place], list[Place]]:
    """Those in folders of splits where there are any, and of those the ones in class folders; and those that lie beside.

    by_folders: classes are folders; else all images of the splits are used.
    """
    split = [place for place in places if place.split] or places
    used = [place for place in split if place.label and by_folders] or split
    files = {place.file for place in used}
    return used, [place for place in places if place.file not in files]


def _aside(places: list[Place], count: int) -> tuple[DataNote, ...]:
    """Images that lie beside the folders of splits or of classes, counted."""
    if not places:
        return ()
    what = "left out: beside the folders of splits or classes"
    remedy = "move them into a class folder to use them"
    examples = tuple(place.file.name for place in places)
    return (DataNote("left out", len(places), count, "images", what, remedy, examples),)


def _place(path: Path, parts: Parts, split: bool) -> Place:
    word = parts[0] if split and len(parts) > 1 and parts[0] in splits.WORDS else ""
    rest = parts[1:] if word else parts
    return Place(path.joinpath(*parts), word, rest[0] if len(rest) > 1 else "")


def _listed(path: Path) -> list[Parts]:
    """Where the images lie below `path`, in natural order; hidden files and folders are passed over."""
    if not path.is_dir():
        raise CollapseError(f"there is no folder {path}", "folder:PATH names a folder of images")
    images = sorted(_walk(path), key=lambda parts: [natural(part) for part in parts])
    if not images:
        formats = ", ".join(SUFFIXES)
        raise CollapseError(
            f"{path} has no images", f"these formats are read: {formats}, in class folders or in one folder"
        )
    return images


def _walk(path: Path) -> Iterator[Parts]:
    for folder, below, files in os.walk(path, followlinks=True):
        below[:] = [name for name in below if not name.startswith(".")]
        place = Path(folder).relative_to(path).parts
        shown = (name for name in files if not name.startswith("."))
        yield from ((*place, name) for name in shown if name.lower().endswith(SUFFIXES))

"""folder:PATH, images of any size in class folders, or flat and without labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from collapse_cli.class_labels import natural
from collapse_cli.data import decoded, encoded, splits, unlabelled
from collapse_cli.data.labelling import Labelled, Labelling
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.printable import printable
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images
from collapse_cli.walks import Parts, Walk, once

USUAL = ".png, .jpg, .webp, .gif, .bmp, .tiff"
KINDS = 4  # endings of other files that a note lists


@dataclass(frozen=True)
class Place:
    """An image, and what its folders say of it: its split and its class, "" where they say nothing."""

    file: Path
    split: str
    label: str


@dataclass(frozen=True)
class Listing:
    """The images of a folder that are used, in natural order, and what is said of the rest."""

    places: list[Place]
    notes: tuple[DataNote, ...]


def load(path: Path, split: str, framing: Framing, files: ImageFiles, labelling: Labelling | None) -> Images:
    """PATH/train and PATH/test (or val) where they are there; else everything, cut 80 : 20 by `splits.cut`.

    Folders below those are classes, numbered alike in every split; images beside class folders are left out.
    Raises CollapseError for a path that is no folder or has no images, for a split that it does not have, and for images that
    cannot be read, whatever their split.
    """
    listing = _listing(path, files, labelling is None)
    places = listing.places
    names = tuple(place.file.relative_to(path).as_posix() for place in places)
    labelled = labelling(names, len(places)) if labelling else _of_folders(path, places)
    words = [place.split for place in places]
    chosen = splits.take(words, split, path) if any(words) else splits.cut(len(places), split)
    name = f"{path.name}/{split}"
    chosen = labelled.among(chosen, name, files.labels)

    def read(i: int) -> encoded.Encoded:
        return encoded.Encoded(str(places[i].file), places[i].file)

    source = decoded.Source(name, read, len(places), names, stands_in=[place.file for place in places])
    images = decoded.images(source, chosen, labelled.numbers, labelled.classes, framing, files)
    unused = splits.left_out(words, split, len(places))
    notes = (*listing.notes, *unused, *images.notes, *labelled.remarks(split, words))
    return replace(images, notes=notes)


def holds_images(path: Path) -> bool:
    """Whether an image lies somewhere below a folder."""
    return any(encoded.is_image(path.joinpath(*parts)) for parts in Walk(path))


def _of_folders(path: Path, places: list[Place]) -> Labelled:
    """The folder that an image lies in is its class; without class folders there are no labels."""
    classes = tuple(sorted({place.label for place in places} - {""}, key=natural))
    if not classes:
        return Labelled(notes=unlabelled.tables(path))
    numbers = {name: number for number, name in enumerate(classes)}
    of_splits = {place.file.relative_to(path).parts[0] for place in places if place.split}
    empty = unlabelled.folders(path, of_splits, classes)
    return Labelled([numbers[place.label] for place in places], classes, empty)


def _listing(path: Path, files: ImageFiles, by_folders: bool) -> Listing:
    """Folders are splits where train and a test stand side by side, or nothing else does; else they are classes.

    So CIFAR-100's class `train` stays a class. by_folders: classes are folders; else all images of the splits are used.
    """
    images, others, walk = _listed(path, files)
    heads = {parts[0] for parts in images if len(parts) > 1}
    words = {splits.word(head) for head in heads}
    halves = "train" in words and not words.isdisjoint(splits.TEST)
    split = halves or (bool(heads) and "" not in words)
    every = [_place(path, parts, split) for parts in images]
    inside = [place for place in every if place.split] if split else every
    used = [place for place in inside if place.label and by_folders] or inside
    notes = [
        *_of_links(walk),
        *_twice(path, images, walk),
        *_other_kinds(others, len(images)),
        *_left_out(path, every, inside, "left out: beside the folders of the splits"),
        *_left_out(path, inside, used, "left out: beside the class folders"),
        *(_splits_not_classes(heads) if split and not any(place.label for place in inside) else ()),
    ]
    return Listing(used, tuple(notes))


def _splits_not_classes(heads: set[str]) -> Iterator[DataNote]:
    """Folders of splits without class folders in them might be classes of these names."""
    names = sorted((head for head in heads if splits.word(head)), key=natural)
    what = "taken for splits, not for classes, so the images have no labels"
    yield DataNote("chosen", len(names), len(heads), "folders", what, "", names)


def _other_kinds(others: list[Parts], images: int) -> Iterator[DataNote]:
    if others:
        what = f"left out: not of a kind that is read as an image ({_kinds(others)})"
        yield DataNote("left out", len(others), len(others) + images, "files", what)


def _kinds(files: list[Parts]) -> str:
    """How many files have each ending, the most frequent first."""
    kinds = Counter(Path(parts[-1]).suffix.lower() or "without an ending" for parts in files)
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    listed = [f"{count:,} {printable(kind)}" for kind, count in ordered[:KINDS]]
    return ", ".join(listed) + (" and others" if len(kinds) > KINDS else "")


def _of_links(walk: Walk) -> Iterator[DataNote]:
    """Folders that are not read, since they are read elsewhere or cannot be."""
    reasons = {
        "left out: links that lead back, or to a folder whose images are in the set already": walk.again,
        "left out: they cannot be opened, or are the operating system's": walk.closed,
    }
    total = walk.folders + len(walk.again) + len(walk.closed)
    for what, places in reasons.items():
        names = sorted(("/".join(parts) for parts in places), key=natural)
        if names:
            yield DataNote("left out", len(names), total, "folders", what, "", tuple(map(printable, names)))


def _twice(path: Path, images: list[Parts], walk: Walk) -> Iterator[DataNote]:
    """Images that are links to other images of the set: one image, which may so have two labels."""
    if not walk.links:
        return
    files = [path.joinpath(*parts) for parts in images]
    first = set(once(files))
    names = ["/".join(parts) for parts, file in zip(images, files, strict=True) if file not in first]
    if names:
        what = "links to other images of the set, and count again in the class of their folder"
        if len(names) == 1:
            what = "a link to another image of the set, and counts again in the class of its folder"
        yield DataNote("chosen", len(names), len(images), "images", what, "", tuple(map(printable, names)))


def _left_out(path: Path, before: list[Place], after: list[Place], what: str) -> Iterator[DataNote]:
    if len(after) < len(before):
        used = {place.file for place in after}
        names = [place.file.relative_to(path).as_posix() for place in before if place.file not in used]
        yield DataNote(
            "left out", len(names), len(before), "images", what, "move them into such a folder to use them",
            tuple(map(printable, names)),
        )  # fmt: skip


def _place(path: Path, parts: Parts, split: bool) -> Place:
    word = splits.word(parts[0]) if split and len(parts) > 1 else ""
    rest = parts[1:] if word else parts
    return Place(path.joinpath(*parts), word, rest[0] if len(rest) > 1 else "")


def _listed(path: Path, files: ImageFiles) -> tuple[list[Parts], list[Parts], Walk]:
    """Where images and other files lie below `path`, in natural order, and the walk that met them."""
    if not path.is_dir():
        raise CollapseError(f"there is no folder {path}", "folder:PATH names a folder of images")
    labels = Path(files.labels).expanduser().absolute() if files.labels else None
    images: list[Parts] = []
    others: list[Parts] = []
    walk = Walk(path)
    for parts in walk:
        file = path.joinpath(*parts)
        if encoded.is_image(file):
            images.append(parts)
        elif file.absolute() != labels:
            others.append(parts)
    if not images:
        raise CollapseError(
            f"{path} has no images" + (f", but files of other kinds: {_kinds(others)}" if others else ""),
            f"images are read from {USUAL} and whatever else Pillow opens, in class folders or in one folder",
        )
    return sorted(images, key=lambda parts: [natural(part) for part in parts]), others, walk

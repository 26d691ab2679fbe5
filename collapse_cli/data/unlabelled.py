"""What a folder of images has beside the images: tables of labels that nobody reads, class folders without an image."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from collapse_cli.class_labels import natural
from collapse_cli.data_notes import DataNote
from collapse_cli.printable import quoted
from collapse_cli.walks import folders_in

TABLES = (
    "metadata.csv",
    "metadata.jsonl",
    "metadata.parquet",
    "labels.csv",
    "labels.tsv",
    "train.csv",
    "labels.txt",
)
"""Files beside images that usually tell their labels, by the name that their file has."""


def tables(path: Path) -> tuple[DataNote, ...]:
    """A table of labels in a folder without class folders: labels are read from it where --labels names it."""
    present = [place for folder in _places(path) for name in TABLES if (place := folder / name).is_file()]
    if not present:
        return ()
    names = [place.relative_to(path).as_posix() for place in present]
    remedy = f"--labels {quoted(str(present[0]))} reads it"
    return (
        DataNote(
            "left out", len(present), len(present), "tables beside the images", "not read", remedy, names
        ),
    )


def _places(path: Path) -> list[Path]:
    return [path, *folders_in(path)]


def folders(path: Path, words: Iterable[str], classes: Collection[str]) -> tuple[DataNote, ...]:
    """Class folders, of no split if there are `words`, in which no image lies."""
    places = [path / word for word in words] or [path]
    names = {folder.name for place in places if place.is_dir() for folder in folders_in(place)}
    empty = sorted(names - set(classes), key=natural)
    if not empty:
        return ()
    what = "left out: no image lies in them"
    return (DataNote("left out", len(empty), len(empty) + len(classes), "class folders", what, "", empty),)

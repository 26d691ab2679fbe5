"""Names of files, as a table writes them -> the files: by path, by its last parts, with or without the ending."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

FILES = (
    *("file_name", "filename", "file", "image_path", "path", "filepath", "file_path", "image", "img", "image_file"),
    *("img_path", "fname", "image_name", "img_name", "name"),
)  # fmt: skip
"""Names, in small letters, of a column that says of which file a row is; other columns are looked at too."""

IDS = ("id", "image_id")
"""Names of a column that may say so too, or may count rows."""

Column = Sequence[Any]
MANY = 0.5  # of the names of a column are those of images: fewer may be so by chance
SEVERAL = -1


class Names:
    """N files by their paths below a folder.

    A name is that of a file where one of the two paths ends as the other: `a.png` and `cat/a.png`, `/data/cat/a.png` and
    `cat/a.png`, and not `dog/a.png` and `cat/a.png`. The whole path comes first:
    so `a.png` is not `cat/a.png` where there are both. Else a name that may be that of several files is that of none.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files

    @property
    def count(self) -> int:
        return len(self.files)

    @property
    def example(self) -> str:
        return self.files[0] if self.files else ""

    def place(self, name: Any) -> int | None:
        """Which of the files a name is of; None where it is of none, or may be of several."""
        place = self._find(name)
        return None if place == SEVERAL else place

    def several(self, name: Any) -> list[str]:
        """The files that a name may be of, where they are several."""
        if self._find(name) != SEVERAL:
            return []
        text = _plain(str(name))
        beginnings = set(_ends(text))
        return [
            file
            for file in self.files
            if any(path in beginnings or text in _ends(path) for path in _both(file))
        ]

    def share(self, cells: Sequence[Any]) -> float:
        """How many of the names are those of files, of as many as could be; a name of several is one of them."""
        places = {str(cell) if place == SEVERAL else place for cell in cells for place in [self._find(cell)]}
        return len(places - {None}) / max(min(len(cells), len(self.files)), 1)

    def _find(self, name: Any) -> int | None:
        if not isinstance(name, str | int) or not self.files:
            return None
        text = _plain(str(name))
        place = self._exact.get(text, self._whole.get(text, self._ends.get(text)))
        for part in _ends(text) if place is None else ():
            place = self._exact.get(part, self._whole.get(part))
            if place is not None:
                break
        return place

    @cached_property
    def _exact(self) -> dict[str, int]:
        """Whole paths."""
        return _places((_plain(file), i) for i, file in enumerate(self.files))

    @cached_property
    def _whole(self) -> dict[str, int]:
        """Whole paths, with and without the ending."""
        return _places((path, i) for i, file in enumerate(self.files) for path in _both(file))

    @cached_property
    def _ends(self) -> dict[str, int]:
        """What paths end with, with and without the ending."""
        return _places(
            (end, i) for i, file in enumerate(self.files) for path in _both(file) for end in _ends(path)
        )


def _places(pairs: Iterator[tuple[str, int]]) -> dict[str, int]:
    places: dict[str, int] = {}
    for name, place in pairs:
        places[name] = place if places.get(name, place) == place else SEVERAL
    return places


def _both(file: str) -> set[str]:
    path = PurePosixPath(_plain(file))
    return {str(path), str(path.with_suffix(""))} if path.name else {str(path)}


def _ends(path: str) -> Iterator[str]:
    """The path itself, then less and less of its beginning."""
    parts = path.split("/")
    for start in range(len(parts)):
        yield "/".join(parts[start:])


def _plain(name: str) -> str:
    return name.strip().replace("\\", "/").removeprefix("./").strip("/")


def may_name(name: str, cells: Column) -> bool:
    """Whether a column may hold names of files, as it is called, or as its cells look: numbers alone may count rows."""
    return name.lower() in (*FILES, *IDS) or not counts(cells)


def counts(cells: Column) -> bool:
    """Whether most cells are numbers, as of rows or of years."""
    return sum(map(_is_count, cells)) > MANY * len(cells)


def _is_count(cell: Any) -> bool:
    """Whether a cell is a number as rows are counted: without zeros before it, which names of files have."""
    text = str(cell).strip()
    return text.isdecimal() and (text == "0" or text[0] != "0")


def share(name: str, cells: Column, names: Names) -> float:
    """How many of the cells of a column are the names of files; none where it counts rows."""
    return names.share(cells) if may_name(name, cells) else 0.0

"""Names of files, as a table writes them -> the files: by path, by its last parts, with or without the ending."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

SEVERAL = -1


class Names:
    """N files by their paths below a folder.

    A name is that of a file where one of the two paths ends as the other: `a.png` and `cat/a.png`, `/data/cat/a.png` and
    `cat/a.png`, and not `dog/a.png` and `cat/a.png`. A name that may be that of several files is that of none.
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
        if not isinstance(name, str | int) or not self.files:
            return None
        text = _plain(str(name))
        place = self._ends.get(text)
        for part in _ends(text) if place is None else ():
            place = self._whole.get(part)
            if place is not None:
                break
        return None if place is None or place == SEVERAL else place

    def share(self, cells: Sequence[Any]) -> float:
        """How many of the names are those of files, of as many as could be."""
        places = {self.place(cell) for cell in cells} - {None}
        return len(places) / max(min(len(cells), len(self.files)), 1)

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

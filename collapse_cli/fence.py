"""Which folders may be read while somebody else chooses the paths, as an assistant does: without a fence everything may be.

Every path that is about to be opened is admitted first: as it is typed, and as a checkpoint or a project's settings name it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from collapse_cli.errors import CollapseError
from collapse_cli.printable import as_shown

LONG = 200  # letters of a path that is shown


@dataclass
class Fence:
    """Folders without links in their paths, and what to do about a path that lies elsewhere."""

    roots: tuple[str, ...]
    hint: str
    _admitted: set[str] = field(default_factory=set)

    def holds(self, path: str) -> bool:
        """Whether a path, with all of its links resolved, lies in one of the folders."""
        real = os.path.realpath(path)
        return any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in self.roots)

    def admit(self, path: str) -> None:
        """Raises CollapseError for a path that lies elsewhere, or is a folder with a link that leads elsewhere."""
        if not self.holds(path):
            raise CollapseError(f"{_shown(path)} lies outside of {self._places()}", self.hint)
        waiting = [path if os.path.isdir(path) else ""]
        if not os.path.lexists(path):  # as DIR/train, which is DIR/train-00000-of-00002.parquet
            folder, name = os.path.split(path)
            self._admit_links([e for e in _entries(folder or os.curdir) if e.name.startswith(name)])
        while waiting:
            if (place := waiting.pop()) and (real := os.path.realpath(place)) not in self._admitted:
                self._admitted.add(real)
                waiting += self._admit_links(_entries(place))

    def _admit_links(self, entries: Sequence[os.DirEntry[str]]) -> list[str]:
        """The folders among these, but for hidden ones, which nothing reads."""
        for entry in entries:
            hidden = entry.name.startswith(".") and _is_folder(entry)
            if entry.is_symlink() and not hidden and not self.holds(entry.path):
                raise CollapseError(f"{_shown(entry.path)} is a link out of {self._places()}", self.hint)
        return [entry.path for entry in entries if _is_folder(entry) and not entry.name.startswith(".")]

    def _places(self) -> str:
        return " and ".join(map(_shown, self.roots))


_fences: list[Fence] = []


def roots(folders: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Folders as a fence has them."""
    return tuple(dict.fromkeys(os.path.realpath(os.path.expanduser(folder)) for folder in folders))


@contextmanager
def within(fence: Fence) -> Iterator[None]:
    """Within it only what lies in these folders may be read."""
    _fences.append(fence)
    try:
        yield
    finally:
        _fences.pop()


def is_up() -> bool:
    """Whether there is a fence."""
    return bool(_fences)


def reaches(path: str | os.PathLike[str]) -> bool:
    """Whether a path lies within the fence, where there is one."""
    return not _fences or _fences[-1].holds(os.fspath(path))


def admit(name: str | os.PathLike[str]) -> None:
    """Raises CollapseError for a path, with or without its scheme (`folder:`) and its column (`#text`), beyond the fence."""
    if not _fences or not (given := os.fspath(name)):
        return
    for spelling in _spellings(given):
        try:
            _fences[-1].admit(spelling)
        except ValueError:  # a zero in it: whoever reads it says so
            continue
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise CollapseError(
                    f"{_shown(given)} cannot be read ({error.strerror})", "check the path"
                ) from None


def _spellings(given: str) -> set[str]:
    """Every path that a reader may take a name for."""
    parts = given.split(":")
    named = {":".join(parts[start:]) for start in range(len(parts))} - {""}
    named |= {before for name in named if (before := name.rpartition("#")[0])}
    with suppress(RuntimeError):
        named |= {os.path.expanduser(name) for name in named}
    return named


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        return list(entries)
    return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        return entry.is_dir()
    return False


def _shown(path: str) -> str:
    shown = as_shown(path)
    return shown if len(shown) <= LONG else f"{shown[:LONG]}…"

"""Folders and files below a folder, each once, whatever links lead to it.

A folder is taken where it really lies. A link is followed after all that lies below the folder itself was seen, and only to a
folder that was not seen yet and that does not lead back. So links in a circle end, and no link takes or doubles what is there.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from collapse_cli.class_labels import natural
from collapse_cli.errors import CollapseError
from collapse_cli.fence import admit
from collapse_cli.progress import say

Parts = tuple[str, ...]  # the folders that lead to a file or a folder, and its own name

OF_THE_SYSTEM = ("/proc", "/sys", "/dev")
"""Folders whose files are none: some have no end, and some wait for what never comes."""

SHARED_MEMORY = "/dev/shm"
SHOWN = 40  # letters of a path that is none, in a sentence
MANY = 100_000  # files after which a walk tells how far it is


@dataclass(frozen=True)
class _Place:
    """A folder to be read: where it is below the root, where it really lies, and where a link in it may not lead."""

    parts: Parts
    real: str
    above: frozenset[str]

    def inner(self, name: str) -> _Place:
        return _Place((*self.parts, name), os.path.join(self.real, name), self.above)


@dataclass
class Walk:
    """The files below `root`, as an iterator of their parts; what is hidden, with a dot before its name, is passed over.

    The rest is filled meanwhile. folders: how many were read; again: links to folders that are read elsewhere or lead back;
    closed: folders that cannot be opened, or are the system's; links: files that are links.
    """

    root: Path
    folders: int = 0
    files: int = 0
    again: list[Parts] = field(default_factory=list)
    closed: list[Parts] = field(default_factory=list)
    links: list[Parts] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def __iter__(self) -> Iterator[Parts]:
        """Raises CollapseError for a root that cannot be opened, or is the system's."""
        real = os.path.realpath(self.root)
        if of_the_system(real):
            raise CollapseError(
                f"{self.root} is a folder of the operating system, which contains no files of yours",
                "give a folder of your own",
            )
        level = [_Place((), real, _above(real))]
        self._claim(level[0])
        while level:  # what lies below the root, then what the links in it lead to, then the links in there …
            waiting: list[_Place] = []
            for place in level:
                yield from self._below(place, waiting)
            level = [place for place in map(self._followed, waiting) if place]

    def _below(self, start: _Place, links: list[_Place]) -> Iterator[Parts]:
        """Files below a folder and its real folders; links to folders are put aside, into `links`."""
        folders = [start]
        while folders:
            place = folders.pop()
            for entry in self._entries(place):
                inner = place.inner(entry.name)
                if not _is_folder(entry):
                    self._count(inner.parts, entry)
                    yield inner.parts
                elif entry.is_symlink():
                    links.append(inner)
                elif of_the_system(inner.real):
                    self.closed.append(inner.parts)
                elif self._claim(inner):
                    folders.append(inner)

    def _entries(self, place: _Place) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root.joinpath(*place.parts)) as entries:
                shown = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            if not place.parts:
                raise CollapseError(
                    f"{self.root} cannot be read ({error.strerror})", "give another folder"
                ) from None
            self.closed.append(place.parts)
            return []
        self.folders += 1
        return sorted(shown, key=lambda entry: natural(entry.name))

    def _followed(self, link: _Place) -> _Place | None:
        """The folder that a link leads to, which is then the link's; None where it is not to be read."""
        real = os.path.realpath(self.root.joinpath(*link.parts))
        place = _Place(link.parts, real, link.above | _above(real))
        if of_the_system(real):
            self.closed.append(link.parts)
        elif real in link.above:
            self.again.append(link.parts)
        elif self._claim(place):
            return place
        return None

    def _claim(self, place: _Place) -> bool:
        """Whether a folder is read for the first time."""
        try:
            status = os.stat(self.root.joinpath(*place.parts))
        except OSError:
            self.closed.append(place.parts)
            return False
        identity = (status.st_dev, status.st_ino)
        if identity in self._seen and identity[1]:
            self.again.append(place.parts)
            return False
        self._seen.add(identity)
        return True

    def _count(self, parts: Parts, entry: os.DirEntry[str]) -> None:
        self.files += 1
        if self.files % MANY == 0:
            say(f"{self.files:,} files below {self.root} so far")
        if entry.is_symlink():
            self.links.append(parts)


def refuse_impossible(name: str, called: str = "") -> None:
    """Raises CollapseError for a name, with or without its scheme (`folder:`), that is no path, or lies beyond a fence.

    called: as an option.
    """
    if not name:
        return
    shown = ascii(name)[1:-1]
    shown = f"{called} {shown if len(shown) <= SHOWN else shown[:SHOWN] + '…'}".strip()
    for path in {name, name.partition(":")[2] or name}:
        try:
            Path(path).expanduser()
            os.lstat(path)
        except ValueError:  # a zero in it, or letters that the system does not write
            raise CollapseError(f"{shown} has a letter that no path may have", "give a path") from None
        except RuntimeError:  # a ~ before the name of nobody
            raise CollapseError(
                f"{shown} begins with a user who has no home folder here", "give the whole path"
            ) from None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise CollapseError(
                    f"{shown} is too long for a path ({len(name):,} letters)",
                    "give a shorter one, or a link to it",
                ) from None
    admit(name)


def of_the_system(real: str) -> bool:
    """Whether a path without links in it is in a folder of the operating system's, in place of a disk's."""
    inside = any(real == place or real.startswith(f"{place}/") for place in OF_THE_SYSTEM)
    return inside and not (real == SHARED_MEMORY or real.startswith(f"{SHARED_MEMORY}/"))


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder in the order of their names, each once: links to one of them, or back, are left out.

    None where it cannot be opened.
    """
    try:
        inner = [each for each in sorted(folder.iterdir()) if not each.name.startswith(".") and _opens(each)]
    except OSError:
        return []
    return once(inner, _above(os.path.realpath(folder / "any")))


def once(paths: Iterable[Path], seen: Iterable[str] = ()) -> list[Path]:
    """Paths in their order without those that lead to the same as another; what is really there goes before links to it."""
    paths, taken = list(paths), set(seen)
    links = {path for path in paths if path.is_symlink()}
    parents = {parent: os.path.realpath(parent) for parent in {path.parent for path in paths}}
    chosen: set[Path] = set()
    for path in sorted(paths, key=lambda path: path in links):
        real = os.path.realpath(path) if path in links else os.path.join(parents[path.parent], path.name)
        if real not in taken:
            taken.add(real)
            chosen.add(path)
    return [path for path in paths if path in chosen]


def _above(real: str) -> frozenset[str]:
    return frozenset(map(str, PurePath(real).parents))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _opens(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False

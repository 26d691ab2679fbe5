"""Files that are never half-written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collapse_cli.errors import CollapseError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary neighbour of `path` that takes its name only when all went well.

    Raises CollapseError for a pipe, a socket or a device, also behind a link: the new file would take its place.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise CollapseError(
            f"cannot write {path}: it is a pipe, a socket or a device", "name an ordinary file"
        )
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise CollapseError(
            f"cannot write {path}: {error.strerror or error}", "free some space, or choose another place"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def refuse_unmakable(folder: Path, option: str) -> None:
    """Raises CollapseError where a folder, and those above it that are missing, cannot be made or written to."""
    there = next(above for above in (folder, *folder.absolute().parents) if above.exists())
    if not there.is_dir():
        raise CollapseError(f"{option} {folder} cannot be made: {there} is a file", "name another folder")
    if not os.access(there, os.W_OK):
        raise CollapseError(f"{option} {folder} cannot be made: {there} is read-only", "name another folder")

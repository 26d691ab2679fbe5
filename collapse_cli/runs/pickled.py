"""What torch.save wrote: held against its checksums, its storages and the budget, and read without running code of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import archives, declarations, reader, stand_ins, storages, zips
from collapse_cli.runs.reader import Unreadable

CONTAINERS = 1 << 20  # dicts and lists in one file
DEEP = 100  # of them inside of each other; one that holds itself has no end


def read(path: Path) -> Any:
    """On the CPU: tensors, plain types, what has a stand-in, and an `Inert` for each other object.

    Tensors of an archive stay on disk until they are used. Raises CollapseError.
    """
    length = reader.size(path)
    try:
        archive = zips.Archive(path) if zips.is_zip(path) else None
        if archive is not None:
            archive.refuse_damaged()
        else:  # of old files all is read at once
            reader.refuse_too_large(path, length)
        content = _content(path, length, archive)
    except CollapseError:
        raise
    except zips.Damaged as error:
        raise reader.damaged(path, str(error)) from None
    except Exception as error:  # a damaged file may trip its reader over anything
        raise Unreadable(path, reader.words(error)) from None
    declared = storages.declared(_tensors(content, path))
    if declared > length:  # a few numbers, repeated
        reader.refuse_too_large(path, declared)
    return content


def _content(path: Path, length: int, archive: zips.Archive | None) -> Any:
    """As torch reads it, and what torch refuses, perhaps for the objects in it, as `archives` does."""
    if archive is not None and archive.is_packed:  # torch would take packed bytes for numbers
        return archives.of_archive(archive, archives.mapped(path))
    try:
        declarations.refuse(path, length, archive)
        with torch.serialization.safe_globals([*stand_ins.allowed()]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=archive is not None)
    except Exception as error:  # so may a damaged pickle
        return _with_objects(path, archive, error)


def _with_objects(path: Path, archive: zips.Archive | None, error: Exception) -> Any:
    """Raises Unreadable for what is damaged."""
    try:
        return archives.of_archive(archive, archives.mapped(path)) if archive else archives.read(path)
    except Exception as other:
        refused = type(error).__name__ == "UnpicklingError"  # so torch says of what is whole as far as it got
        raise Unreadable(path, reader.words(other if refused else error)) from None


def _tensors(content: Any, path: Path) -> Iterator[Tensor]:
    """Every tensor in dicts and lists of dicts and lists. Raises Unreadable where they have no end."""
    waiting, seen = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Mapping | list | tuple):
            seen += 1
            if seen > CONTAINERS or depth > DEEP:
                raise Unreadable(
                    path,
                    f"it contains more than {CONTAINERS:,} dicts and lists, or {DEEP} inside of each other",
                )
            parts = value.values() if isinstance(value, Mapping) else value
            waiting += [
                (part, depth + 1) for part in parts if isinstance(part, Tensor | Mapping | list | tuple)
            ]

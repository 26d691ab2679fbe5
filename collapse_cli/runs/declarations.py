"""What the pickles of torch.save declare, held against the bytes that are there before torch makes anything of them.

torch's own reader makes a storage as large as a pickle says, and makes one larger where a tensor ends behind it: the numbers
there are then those of another tensor, or of nothing.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from collapse_cli.runs import storages, unpickled
from collapse_cli.runs.inert import Name
from collapse_cli.runs.keys import LONG, PARTS
from collapse_cli.runs.unpickled import Stream, Table, Unfit
from collapse_cli.runs.zips import Archive

PICKLES = 5  # with which a file of 2019 begins; torch reads no further than it can, either
STRIDED = re.compile(r"torch\._utils\._rebuild_(?:tensor|tensor_v2|tensor_v3|qtensor)")
OF_CLASS = "torch._tensor._rebuild_from_type_v2"
ALLOCATES = re.compile(r"torch\.(?:\w+\.)*(?:\w*Tensor|\w*Storage)|builtins\.bytearray")
"""What torch's reader calls with a number and gets as many bytes."""

QUANTISED = {"QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4}


@dataclass(frozen=True)
class Stored:
    """A storage as a pickle declares it; itemsize: of its numbers, 0 where that is not known."""

    size: int
    itemsize: int


@dataclass
class _Seen:
    """What the pickles of a file have declared so far. sizes: bytes of each storage in it, by key; None: not known yet."""

    sizes: Mapping[str, int] | None
    stored: dict[str, int] = field(default_factory=dict)
    parts: dict[int, tuple[int, Any]] = field(
        default_factory=dict
    )  # of tuples by id, with the tuple, so that it stays

    def table(self) -> Table:
        functions: dict[str, Callable[..., Any]] = {"torch.Size": _sizes}
        return Table(
            functions, storages.CONSTANTS, outside=self.outside, watch=self.watch, called=refuse_call
        )

    def watch(self, made: tuple[Any, ...]) -> None:
        """Raises ValueError for a tuple that is not `hashable`, used so or not: torch's reader hashes every name."""
        count = len(made) + sum(self.parts[id(part)][0] for part in made if id(part) in self.parts)
        if count > PARTS:
            raise ValueError(LONG)
        self.parts[id(made)] = count, made

    def outside(self, reference: Any) -> Any:
        """Raises ValueError for a storage that is larger than its bytes."""
        if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
            return reference[1] if isinstance(reference, tuple) and len(reference) > 1 else None
        kind, key, _, count = reference[1:5]
        name = kind.name if isinstance(kind, Name) else ""
        known = storages.TYPES.get(name)
        itemsize = known.itemsize if known else QUANTISED.get(name.rpartition(".")[2], 0)
        if type(count) is not int or count < 0:
            raise ValueError("a storage declares no number of elements")
        size = count * itemsize
        there = None if self.sizes is None else self.sizes.get(str(key))
        if there is not None and size > there:
            raise ValueError(f"a storage declares {storages.bytes_of(size)}, but there are {there:,}")
        self.stored[str(key)] = max(size, self.stored.get(str(key), 0))
        return Stored(size, itemsize)


def refuse(path: Path, length: int, archive: Archive | None) -> None:
    """Raises ValueError or another Exception where the pickles of a file declare what is not there.

    length: bytes of the file; archive: its parts, None for a file of 2019. So it is for a name that torch's reader, which
    hashes every name, might hash without end.
    """
    if archive is None:
        seen = _Seen(None)
        with path.open("rb") as file:
            for _ in range(PICKLES):
                _walk(file, seen)
        if (declared := sum(seen.stored.values())) > length:
            raise ValueError(
                f"its storages declare {storages.bytes_of(declared)}, but the file has {length:,}"
            )
        return
    sizes = {
        name.rpartition("/")[2]: member.file_size
        for name, member in archive.members.items()
        if "/data/" in name
    }
    for name in archive.members:  # torch may take any of them, in upper case as well
        if name.lower().endswith("data.pkl"):
            _walk(io.BytesIO(archive.read(name)), _Seen(sizes))


def _walk(stream: Stream, seen: _Seen) -> None:
    unpickled.read(stream, seen.table())


def refuse_call(name: str, arguments: tuple[Any, ...]) -> None:
    """Raises ValueError for a tensor that ends behind its storage, and for a call that allocates what it is told to."""
    if name == OF_CLASS and len(arguments) > 2 and isinstance(arguments[2], tuple):
        function = arguments[0]
        refuse_call(function.name if isinstance(function, Name) else "", arguments[2])
    elif STRIDED.fullmatch(name):
        storage, offset, sizes, strides, *others = arguments
        dtype = others[2] if name.endswith("_v3") and len(others) > 2 else None
        if isinstance(storage, Stored):
            itemsize = dtype.itemsize if isinstance(dtype, torch.dtype) else storage.itemsize
            storages.refuse_beyond(storage.size, itemsize, offset, sizes, strides)
    elif ALLOCATES.fullmatch(name) and any(isinstance(argument, int) for argument in arguments):
        raise ValueError("its pickle asks for memory instead of holding numbers")


def _sizes(sizes: Any = ()) -> tuple[Any, ...]:
    if not isinstance(sizes, list | tuple):
        raise Unfit("sizes")
    return tuple(sizes)

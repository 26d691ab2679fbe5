"""Files of torch.save that hold objects beside tensors: the tensors are read, and an `Inert` stands for each object.

Both formats are read here, the archive and that of 2019, for torch's own reader stops at the first name that it does not know.
Tensors of an archive stay on disk until they are used. Nothing is allocated by what a file declares.
"""

from __future__ import annotations

import io
import mmap
import zipfile
from pathlib import Path
from typing import Any, cast

import torch

from collapse_cli.runs import unpickled
from collapse_cli.runs.keys import LONG, PARTS
from collapse_cli.runs.storages import TYPES, table
from collapse_cli.runs.unpickled import Stream, Table

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # with which a file of 2019 begins
COUNT = 8  # bytes of the number of elements before each of its storages
ALIGNED = 8  # bytes at whose multiples numbers may be used in place


def read(
    path: Path, start: int = 0, length: int | None = None, content: torch.UntypedStorage | None = None
) -> Any:
    """What torch.save wrote into a file, or into `length` bytes of it. content: the file, where it is mapped already.

    Raises ValueError or another Exception where it cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        stop = len(whole) if length is None else start + length
        if not 0 <= start <= stop <= len(whole):
            raise ValueError("it ends before its last byte")
        if whole[start : start + 4] == b"PK\x03\x04":
            return _archive(path, whole, start, stop, content)
        whole.seek(start)
        return _of_2019(path, whole)


def refuse_long_tuples(path: Path) -> None:
    """Raises ValueError or another Exception where torch's reader, which hashes every name, might hash one without end."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            file.seek(0)
            for _ in range(5):  # as `_of_2019` reads them; torch reads no further than it can, either
                _refuse_long_tuples(file)
            return
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():  # torch may take any of them, in upper case as well
            if member.filename.lower().endswith("data.pkl"):
                _refuse_long_tuples(io.BytesIO(archive.read(member)))


def _refuse_long_tuples(stream: Stream) -> None:
    """Raises ValueError or another Exception where the next pickle makes a tuple that is not `hashable`, used so or not."""
    parts: dict[int, tuple[int, Any]] = {}  # by id, with the tuple itself, whose id is then not used again

    def watch(made: tuple[Any, ...]) -> None:
        count = len(made) + sum(parts[id(part)][0] for part in made if id(part) in parts)
        if count > PARTS:
            raise ValueError(LONG)
        parts[id(made)] = count, made

    unpickled.read(stream, Table(watch=watch))


def mapped(path: Path) -> torch.UntypedStorage:
    """A file in memory as far as it is used. What is changed there is not written."""
    return cast(torch.UntypedStorage, torch.UntypedStorage.from_file(str(path), False, path.stat().st_size))


def _nothing() -> torch.UntypedStorage:
    return torch.empty(0, dtype=torch.uint8).untyped_storage()


def _aligned(whole: torch.UntypedStorage, start: int, stop: int) -> torch.UntypedStorage:
    part: torch.UntypedStorage = whole[start:stop]
    return part if start % ALIGNED == 0 else part.clone()  # type: ignore[no-untyped-call]


def _archive(
    path: Path, whole: mmap.mmap, start: int, stop: int, content: torch.UntypedStorage | None
) -> Any:
    part: Any = path if (start, stop) == (0, len(whole)) else io.BytesIO(whole[start:stop])
    with zipfile.ZipFile(part) as archive:
        members = {member.filename: member for member in archive.infolist()}
        (entry,) = (name for name in members if name.endswith("data.pkl") and name.count("/") == 1)
        folder = entry.removesuffix("data.pkl")
        if folder + "constants.pkl" in members:
            raise ValueError("it is a TorchScript archive")
        if folder + "byteorder" in members and archive.read(folder + "byteorder") != b"little":
            raise ValueError("its numbers have the byte order of another machine")
        if sum(member.file_size for member in members.values()) > stop - start:
            raise ValueError("its parts declare more bytes than it has")
        bytes_of_file = mapped(path) if content is None else content

        def opened(key: str) -> torch.UntypedStorage:
            member = members[f"{folder}data/{key}"]
            if not member.file_size:
                return _nothing()
            if member.compress_type != zipfile.ZIP_STORED:
                return torch.frombuffer(bytearray(archive.read(member)), dtype=torch.uint8).untyped_storage()
            first = _begins(whole, start + member.header_offset)
            if first + member.file_size > stop:
                raise ValueError("a storage ends behind the file")
            return _aligned(bytes_of_file, first, first + member.file_size)

        with archive.open(entry) as stream:
            return unpickled.read(io.BytesIO(stream.read()), table(opened))


def _begins(whole: mmap.mmap, header: int) -> int:
    """Where the bytes of a member begin, behind its header, its name, and what else stands there."""
    if whole[header : header + 4] != b"PK\x03\x04":
        raise ValueError("a part of it has no header")
    lengths = (int.from_bytes(whole[header + place : header + place + 2], "little") for place in (26, 28))
    return header + 30 + sum(lengths)


def _of_2019(path: Path, whole: mmap.mmap) -> Any:
    """Three pickles about the format, that of the content, that of the keys of its storages, and these one after another.

    The content is read twice: where the storages lie is known only behind it.
    """
    plain = Table()
    magic, protocol, system = (unpickled.read(whole, plain) for _ in range(3))
    if (magic, protocol) != (MAGIC, PROTOCOL) or not system.get("little_endian", True):
        raise ValueError("it is no file of torch.save that is known")
    begins, sizes = whole.tell(), dict[str, int]()
    unpickled.read(whole, Table(outside=lambda reference: _declared(reference, sizes)))
    places, bytes_of_file = {}, mapped(path)
    for key in unpickled.read(whole, plain):
        first = whole.tell() + COUNT
        places[str(key)] = (first, first + sizes[str(key)])
        if places[str(key)][1] > len(whole):
            raise ValueError("a storage ends behind the file")
        whole.seek(places[str(key)][1])

    def opened(key: str) -> torch.UntypedStorage:
        first, last = places[key]
        return _aligned(bytes_of_file, first, last) if last > first else _nothing()

    whole.seek(begins)
    return unpickled.read(whole, table(opened))


def _declared(reference: Any, sizes: dict[str, int]) -> None:
    """Takes down how many bytes a storage declares."""
    if reference[0] == "storage":
        kind, key, _, count = reference[1:5]
        sizes[str(key)] = max(0, int(count)) * TYPES[kind.name].itemsize

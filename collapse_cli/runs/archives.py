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

from collapse_cli.runs import unpickled, zips
from collapse_cli.runs.storages import TYPES, table
from collapse_cli.runs.unpickled import Table

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # with which a file of 2019 begins
COUNT = 8  # bytes of the number of elements before each of its storages
ALIGNED = 8  # bytes at whose multiples numbers may be used in place


def read(
    path: Path, start: int = 0, length: int | None = None, content: torch.UntypedStorage | None = None
) -> Any:
    """What torch.save wrote into a file, or into `length` bytes of it. content: the file, where it is mapped already.

    Raises `zips.Damaged` where a checksum does not match, ValueError or another Exception where it cannot be read.
    """
    with path.open("rb") as file:
        file.seek(start)
        zipped = file.read(len(zips.SIGNATURE)) == zips.SIGNATURE
    if zipped:
        archive = zips.Archive(path, start, length)
        archive.refuse_damaged()
        return of_archive(archive, mapped(path) if content is None else content)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        whole.seek(start)
        return _of_2019(path, whole)


def mapped(path: Path) -> torch.UntypedStorage:
    """A file in memory as far as it is used. What is changed there is not written."""
    return cast(torch.UntypedStorage, torch.UntypedStorage.from_file(str(path), False, path.stat().st_size))


def _nothing() -> torch.UntypedStorage:
    return torch.empty(0, dtype=torch.uint8).untyped_storage()


def _aligned(whole: torch.UntypedStorage, start: int, stop: int) -> torch.UntypedStorage:
    part: torch.UntypedStorage = whole[start:stop]
    return part if start % ALIGNED == 0 else part.clone()  # type: ignore[no-untyped-call]


def of_archive(archive: zips.Archive, content: torch.UntypedStorage) -> Any:
    """What is in an archive. content: the file in which it lies, mapped."""
    members = archive.members
    (entry,) = (name for name in members if name.endswith("data.pkl") and name.count("/") == 1)
    folder = entry.removesuffix("data.pkl")
    if folder + "constants.pkl" in members:
        raise ValueError("it is a TorchScript archive")
    if folder + "byteorder" in members and archive.read(folder + "byteorder") != b"little":
        raise ValueError("its numbers have the byte order of another machine")

    def opened(key: str) -> torch.UntypedStorage:
        name = f"{folder}data/{key}"
        size = members[name].file_size
        if not size:
            return _nothing()
        if members[name].compress_type != zipfile.ZIP_STORED:
            return torch.frombuffer(bytearray(archive.read(name)), dtype=torch.uint8).untyped_storage()
        first = archive.begins(name)
        return _aligned(content, first, first + size)

    return unpickled.read(io.BytesIO(archive.read(entry)), table(opened))


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

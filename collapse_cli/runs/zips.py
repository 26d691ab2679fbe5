"""The parts of a zip as torch.save writes it, and whether they are as they were written. Nothing here needs torch.

torch.load checks no checksum, and zipfile checks also those that are none: torch writes 0 in their place after
`set_crc32_options(False)`, and for storages that `skip_data` leaves to be filled later. So 0 tells nothing. A true checksum
is 0 once in four thousand million parts, which then counts as unchecked.
"""

from __future__ import annotations

import mmap
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

SIGNATURE = b"PK\x03\x04"  # the first bytes of what torch.save writes since 2020, and of each part of it
FIXED, NAME, EXTRA = (
    30,
    26,
    28,
)  # bytes of the header of a part before its name; where the lengths of name and extra field stand
GZIP = b"\x1f\x8b"
DISTRIBUTED = ".distcp"  # the end of the names of files of torch.distributed.checkpoint
READ = "match, as far as they were read: states of an optimizer are not"
MATCH, NONE = "match", "none in this file, so damage to its numbers cannot be told"
AT_ONCE = 1 << 26  # bytes between two looks for Ctrl-C


class Damaged(ValueError):
    """A part whose bytes do not match its checksum; its name."""


class Map(mmap.mmap):
    """A file in memory that zipfile takes for one."""

    def seekable(self) -> bool:
        return True

    @property
    def as_file(self) -> IO[bytes]:
        return cast(IO[bytes], self)


class Archive:
    """A zip that is a file, or `length` bytes of one from `start` on: mapped, and read where it is used.

    packed: whether its parts may be larger than it, as those of a .npz.
    Raises ValueError or another Exception for what is none, for parts that are larger than it, and for two of one name.
    """

    def __init__(self, path: Path, start: int = 0, length: int | None = None, packed: bool = False) -> None:
        total = path.stat().st_size
        stop = total if length is None else start + length
        if not 0 <= start <= stop <= total:
            raise ValueError("it ends before its last byte")
        self.before = start - start % mmap.ALLOCATIONGRANULARITY  # of the file, in front of what is mapped
        with path.open("rb") as file:
            self.content = Map(file.fileno(), stop - self.before, access=mmap.ACCESS_READ, offset=self.before)
        first = start - self.before
        if self.content[first : first + len(SIGNATURE)] != SIGNATURE:
            raise zipfile.BadZipFile("it is no zip")
        try:
            with zipfile.ZipFile(self.content.as_file) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, ValueError):  # a map is sought beyond its ends
            raise ValueError("the list of its parts, at its end, is missing or damaged") from None
        self.members = {member.filename: member for member in members}
        declared = sum(member.file_size for member in members)
        if declared > stop - start and not packed:
            raise ValueError(f"its parts declare {declared:,} bytes, but the file has {stop - start:,}")
        if len(self.members) < len(members):
            raise ValueError("two of its parts have the same name")

    @property
    def is_packed(self) -> bool:
        """Whether a part is compressed, which torch.save never does."""
        return any(member.compress_type != zipfile.ZIP_STORED for member in self.members.values())

    @property
    def keeps_checksums(self) -> bool:
        return all(member.CRC for member in self.members.values() if member.file_size)

    def damaged(self) -> Iterator[str]:
        """The parts whose bytes do not match their checksums, by the names that torch gives them."""
        for name, member in self.members.items():
            packed = member.compress_type != zipfile.ZIP_STORED
            if (member.CRC and not packed and self._checksum(name) != member.CRC) or (
                packed and not self._unpacks(name)
            ):
                yield name.partition("/")[2] or name

    def refuse_damaged(self) -> None:
        """Raises Damaged for the first part that is not as it was written."""
        for name in self.damaged():
            raise Damaged(name)

    def begins(self, name: str) -> int:
        """Where in the file the bytes of a part begin, behind its header. Raises ValueError for what is no header of it."""
        member = self.members[name]
        first = member.header_offset
        header = self.content[first : first + FIXED]
        if header[: len(SIGNATURE)] != SIGNATURE:
            raise ValueError("a part of it has no header")
        lengths = (int.from_bytes(header[place : place + 2], "little") for place in (NAME, EXTRA))
        begins = first + FIXED + sum(lengths)
        if begins + member.file_size > len(self.content) and member.compress_type == zipfile.ZIP_STORED:
            raise ValueError("a storage ends behind the file")
        return self.before + begins

    def read(self, name: str) -> bytes:
        """The bytes of a part, unpacked."""
        member = self.members[name]
        if member.compress_type != zipfile.ZIP_STORED:
            with zipfile.ZipFile(self.content.as_file) as archive:
                return archive.read(name)
        first = self.begins(name) - self.before
        return self.content[first : first + member.file_size]

    def _unpacks(self, name: str) -> bool:
        try:
            self.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            return False
        return True

    def _checksum(self, name: str) -> int:
        first = self.begins(name) - self.before
        last, value = first + self.members[name].file_size, 0
        with memoryview(self.content) as view:
            for start in range(first, last, AT_ONCE):
                with view[start : min(start + AT_ONCE, last)] as part:
                    value = zlib.crc32(part, value)
        return value


def is_zip(path: Path) -> bool:
    """Whether torch takes a file for an archive: by its first bytes."""
    with suppress(OSError):  # neither a folder nor a bad disk is one
        if path.is_file():
            with path.open("rb") as file:
                return file.read(len(SIGNATURE)) == SIGNATURE
    return False


def checksums(*files: Path) -> str:
    """What reading files has shown, for `inspect`: that all of their parts match, or that nothing can tell."""
    if not files or not all(map(_keeps, files)):
        return NONE
    return READ if any(file.suffix == DISTRIBUTED for file in files) else MATCH


def _keeps(file: Path) -> bool:
    """Whether everything in a file stands under a checksum, which is compared whenever it is read."""
    with file.open("rb") as opened:
        start = opened.read(len(SIGNATURE))
    if start.startswith(GZIP):
        return True
    if file.suffix == DISTRIBUTED:  # archives one after another
        return start == SIGNATURE
    return start == SIGNATURE and Archive(file, packed=True).keeps_checksums

"""Text that may be packed by gzip: opened as bytes or as lines, and never more of it than fits into memory."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader

GZIP = ".gz"


class _Bounded(io.RawIOBase):
    """What a .gz unpacks to. Raises CollapseError once that is more than the memory."""

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.content = path, 0, gzip.open(path, "rb")  # noqa: SIM115

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        part = self.content.read(len(buffer))
        self.count += len(part)
        reader.refuse_too_large(self.path, self.count)
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self.content.close()
        super().close()


def suffix(path: Path) -> str:
    """The ending of a name that says what is in the file, in small letters: `.csv` of `A.CSV` and of `a.csv.gz`."""
    small = Path(path.name.lower())
    return Path(small.stem).suffix if small.suffix == GZIP else small.suffix


def packed(path: Path) -> bool:
    return path.suffix.lower() == GZIP


@contextmanager
def content(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a regular file, unpacked. Raises CollapseError for what is none, is damaged, or is more than the memory."""
    try:
        reader.refuse_too_large(path, reader.size(path))
        with io.BufferedReader(_Bounded(path), 1 << 20) if packed(path) else path.open("rb") as opened:
            yield cast(BinaryIO, opened)
    except reader.Unreadable as error:
        raise error.wanted_as("text", "save the file as UTF-8") from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise CollapseError(f"{path} cannot be unpacked ({error})", "copy or download it again") from None
    except (OSError, UnicodeError) as error:
        raise CollapseError(f"{path} cannot be read as text ({error})", "save the file as UTF-8") from None


@contextmanager
def lines(path: Path, errors: str = "strict") -> Iterator[io.TextIOWrapper]:
    """The same as text, line by line; a byte order mark is no part of it."""
    with content(path) as opened:
        yield io.TextIOWrapper(opened, encoding="utf-8-sig", errors=errors, newline="")

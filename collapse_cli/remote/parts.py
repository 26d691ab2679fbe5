"""A local file that is filled from elsewhere as its parts are asked for, each once; those that follow are read ahead."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

CHUNK = 4 << 20  # bytes that are read at once
AHEAD = 4  # chunks that are read while others are computed with

Read = Callable[[int, int], bytes]
"""start, stop -> these bytes."""


class Parts:
    """The file at `local`, of `size` bytes, none of which are there yet."""

    def __init__(self, read: Read, local: Path, size: int) -> None:
        self.read, self.local, self.size = read, local, size
        self._chunks: dict[int, Future[None]] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(AHEAD)
        with local.open("wb") as file:
            file.truncate(size)

    def need(self, start: int, stop: int, ahead: int = AHEAD) -> None:
        """Returns once the bytes from start to stop are there; reads so many chunks ahead."""
        first, last = max(start, 0) // CHUNK, (min(stop, self.size) - 1) // CHUNK
        end = min(last + ahead, (self.size - 1) // CHUNK)
        for number in range(first, last + 1):
            for following in range(number, min(number + AHEAD, end) + 1):
                self._begun(following)
            self._begun(number).result()

    def begin(self, start: int, stop: int) -> None:
        """Reads these bytes ahead."""
        for number in range(max(start, 0) // CHUNK, (min(stop, self.size) - 1) // CHUNK + 1):
            self._begun(number)

    def _begun(self, number: int) -> Future[None]:
        with self._lock:
            if number not in self._chunks:
                self._chunks[number] = self._threads.submit(self._fill, number)
            return self._chunks[number]

    def _fill(self, number: int) -> None:
        start = number * CHUNK
        content = self.read(start, min(start + CHUNK, self.size))
        with self.local.open("r+b") as file:
            file.seek(start)
            file.write(content)


_open: dict[Path, Parts] = {}


def opened(local: Path, parts: Parts) -> None:
    """From now on the file at `local` is filled by `parts`; its first chunk, where a header is, is there."""
    _open[local] = parts
    parts.need(0, 1, ahead=0)


def is_in_parts(local: Path) -> bool:
    """Whether a file may have parts that are not there yet."""
    return local in _open


def needed(local: Path, start: int = 0, stop: int | None = None) -> None:
    """Returns once these bytes of a file are there, which are all of one that is no stand-in."""
    if parts := _open.get(local):
        parts.need(start, parts.size if stop is None else stop)


def filled_in_parts(local: Path) -> None:
    """Returns once all of a file is there."""
    needed(local)


def footer(local: Path) -> None:
    """Returns once the footer of a parquet is there: its length stands in the eighth byte from the end."""
    if parts := _open.get(local):
        parts.need(parts.size - 8, parts.size, ahead=0)
        with local.open("rb") as file:
            file.seek(parts.size - 8)
            (length,) = struct.unpack("<I", file.read(4))
        parts.need(parts.size - 8 - length, parts.size, ahead=0)


def ranges(local: Path, wanted: list[tuple[int, int]], next_wanted: list[tuple[int, int]]) -> None:
    """Returns once these ranges are there, from start to stop each; the next ones are read ahead."""
    if parts := _open.get(local):
        for start, stop in wanted:
            parts.need(start, stop, ahead=0)
        for start, stop in next_wanted:
            parts.begin(start, stop)

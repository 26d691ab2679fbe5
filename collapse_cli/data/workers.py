"""Images that are read ahead by processes of their own, while somebody computes: in the same order, and the same bytes.

Each process decodes every so many-th batch into memory that it shares with this one. It has this one's signals ignored and ends
when this one lets go of it, however that comes about.
"""

from __future__ import annotations

import mmap
import multiprocessing
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.data.channels import Converted
from collapse_cli.data.encoded import Broken, formats
from collapse_cli.data.stream import Stream
from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Images

AHEAD = 2  # batches that each process may be ahead
PATIENCE = 5.0  # seconds after which a process that was let go is killed
IGNORED = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")  # which reach all processes of a terminal or a job


@dataclass(frozen=True)
class ReadAhead:
    """The images of a stream, of which those that are asked for in an order come from `workers` processes."""

    stream: Stream
    workers: int
    held = False

    @property
    def shape(self) -> Sequence[int]:
        return self.stream.shape

    def __getitem__(self, index: Tensor) -> Tensor:
        """index (B,) int64 -> (B,3,side,side) uint8, decoded here."""
        return self.stream[index]

    def ahead(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Of each part (b,) int64 the images (b,3,side,side) uint8, as `stream[part]` gives them.

        Raises CollapseError for an image that cannot be read, and where a process ends.
        """
        rows = [part.tolist() for part in parts]
        size = max(map(len, rows), default=0) * int(numpy.prod(self.shape[1:]))
        if not size:
            return
        readers = [_Reader(self.stream, size) for _ in range(min(self.workers, len(rows)))]
        try:
            for reader in readers:
                reader.start(readers)
            for number in range(AHEAD * len(readers)):
                _ask(readers, rows, number)
            for number, part in enumerate(rows):
                yield torch.from_numpy(readers[number % len(readers)].answer(number, len(part)))
                _ask(readers, rows, number + AHEAD * len(readers))
        finally:
            for reader in readers:
                reader.let_go()
            for reader in readers:
                reader.end()


def _ask(readers: Sequence[_Reader], rows: Sequence[list[int]], number: int) -> None:
    if number < len(rows):
        readers[number % len(readers)].ask(rows[number])


class _Reader:
    """One process, the pipe to it, and the memory that is shared with it: room for AHEAD batches of `size` bytes."""

    def __init__(self, stream: Stream, size: int) -> None:
        self.stream, self.size = stream, size
        self.shared = mmap.mmap(-1, AHEAD * size)
        self.here, self.there = multiprocessing.Pipe()
        self.process: BaseProcess | None = None
        self.asked = self.answered = 0

    def start(self, readers: Sequence[_Reader]) -> None:
        """readers: all, of whose pipes the new process keeps none but its own end: else nobody would see that one is closed."""
        self.process = multiprocessing.get_context("fork").Process(
            target=self._work, args=(readers,), daemon=True
        )
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ignored())  # until the new process ignores them
        try:
            with warnings.catch_warnings():  # this one has threads, which the new one does not use
                warnings.simplefilter("ignore", DeprecationWarning)
                self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.there.close()

    def ask(self, rows: list[int]) -> None:
        with suppress(OSError):  # that it has ended is said where its answer is awaited
            self.here.send((self.asked % AHEAD, rows))
        self.asked += 1

    def answer(self, number: int, count: int) -> numpy.ndarray:
        """The images of the batch that was asked for first, of those that are still to come."""
        try:
            broken: tuple[str, str] | None = self.here.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if broken:
            raise Broken(*broken)
        place, self.answered = self.answered % AHEAD, self.answered + 1
        return self._room(place, count).copy()

    def let_go(self) -> None:
        """It ends by itself when it finds the pipe closed."""
        self.here.close()

    def end(self) -> None:
        process = self.process
        if process is None or process.pid is None:
            return
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()

    def _ended(self) -> CollapseError:
        assert self.process is not None
        self.process.join(PATIENCE)
        code = self.process.exitcode or 0
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        return CollapseError(
            f"one of the processes that decode images has ended ({why}), perhaps for want of memory",
            "lower --workers, or leave it out: images are then decoded in the process that trains",
        )

    def _room(self, place: int, count: int) -> numpy.ndarray:
        """The memory of a batch, (count,3,side,side) uint8."""
        shape = (count, *self.stream.shape[1:])
        size = int(numpy.prod(shape))
        return numpy.frombuffer(self.shared, numpy.uint8, size, place * self.size).reshape(shape)

    def _work(self, readers: Sequence[_Reader]) -> None:
        """In the other process, until the pipe is closed: images are decoded one by one, and nothing else is done."""
        for number in _ignored():
            signal.signal(number, signal.SIG_IGN)
        for reader in readers:
            reader.here.close()
            if reader is not self:
                reader.there.close()
        with suppress(EOFError, OSError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            while True:
                place, rows = self.there.recv()
                self.there.send(self._decoded(place, rows))

    def _decoded(self, place: int, rows: list[int]) -> tuple[str, str] | None:
        """Nothing where all is well, else the name of an image that cannot be read, and why."""
        output = self._room(place, len(rows))
        for number, row in enumerate(rows):
            if error := self.stream.into(output, number, row):
                return error.name, error.reason
        return None


def _ignored() -> list[int]:
    return [getattr(signal, name) for name in IGNORED if hasattr(signal, name)]


def read_ahead(images: Images, workers: int) -> Images:
    """Those that are streamed, by `workers` processes; others as they are. Raises CollapseError where none can be forked."""
    if not workers or not images.streamed:
        return images
    if "fork" not in multiprocessing.get_all_start_methods():
        raise CollapseError(
            f"--workers {workers} needs a system that can fork a process, which this one cannot",
            "leave it out: images are then decoded by threads",
        )
    formats()  # once, for all processes
    return replace(images, pixels=_with_workers(images.pixels, workers))


def _with_workers(pixels: Any, workers: int) -> Any:
    if isinstance(pixels, Converted):
        return replace(pixels, images=_with_workers(pixels.images, workers))
    return ReadAhead(pixels, workers) if isinstance(pixels, Stream) else pixels

"""Rows in .npy files, one or a folder of them: mapped into memory, read a block at a time, and let go."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.remote import parts as remote_parts
from collapse_cli.runs import reader, shell
from collapse_cli.runs.remedies import refuse_shape, wanted

OTHERS = (".npz", ".pt", ".pth", ".safetensors", ".csv", ".tsv", ".parquet", ".h5", ".pkl", ".json", ".jsonl")
"""Files that may hold arrays and are not read from a folder of .npy."""

FLOATS = ("float16", "float32", "float64")  # what is measured as it is; all other numbers become float32


@dataclass(frozen=True)
class Shards:
    """Rows (N,D) of .npy files, one below the other: a `shapes.Rows`.

    starts: the first row of each file, and N; dtype: of the rows that come out; stored: of those in the files; assumed: what was
    made of them, in sentences.
    """

    files: tuple[Path, ...]
    starts: tuple[int, ...]
    width: int
    dtype: numpy.dtype
    stored: numpy.dtype
    assumed: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        return self.starts[-1], self.width

    def __len__(self) -> int:
        return self.starts[-1]

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        """A slice start:stop, or an index (b,) int64 in any order -> those rows (b,D)."""
        if isinstance(chosen, slice):
            parts = [self._read(file, rows) for file, rows in self._across(chosen)]
            if len(parts) == 1:
                return parts[0]
            return torch.cat(parts) if parts else self._empty(0)
        values = self._empty(len(chosen))
        owner = torch.bucketize(chosen.contiguous(), torch.tensor(self.starts[1:]), right=True)  # (b,)
        for file in sorted(set(owner.tolist())):
            here = owner == file
            values[here] = self._read(file, (chosen[here] - self.starts[file]).numpy())
        return values

    def _across(self, chosen: slice) -> Iterator[tuple[int, slice]]:
        """Which files hold the rows, and which rows of theirs these are."""
        start, stop, _ = chosen.indices(len(self))
        file = bisect_right(self.starts, start) - 1
        while start < stop:
            end = min(stop, self.starts[file + 1])
            yield file, slice(start - self.starts[file], end - self.starts[file])
            start, file = end, file + 1

    def _read(self, file: int, rows: slice | numpy.ndarray) -> Tensor:
        """A copy; the mapping, and with it the file's pages, is let go."""
        array = reader.mapped(self.files[file])
        if remote_parts.is_in_parts(self.files[file]):
            remote_parts.needed(self.files[file], *_bytes(array, rows))
        every = array.reshape(-1, self.width)
        return torch.from_numpy(numpy.array(every[rows], dtype=self.dtype, order="C"))

    def _empty(self, count: int) -> Tensor:
        return torch.from_numpy(numpy.empty((count, self.width), self.dtype))


def _bytes(array: numpy.ndarray, rows: slice | numpy.ndarray) -> tuple[int, int]:
    """From which to which byte of its file these rows of a mapped array are."""
    start = int(array.offset)  # type: ignore[attr-defined]
    if not array.flags.c_contiguous or array.ndim < 2:
        return start, start + array.nbytes
    ends = (rows.start or 0, rows.stop or 0) if isinstance(rows, slice) else (rows.min(), rows.max() + 1)
    size = array.nbytes // max(len(array), 1)
    return start + int(ends[0]) * size, start + int(ends[1]) * size


def opened(path: Path) -> Shards:
    """A .npy. Its header is read, rows are not. Raises CollapseError for what cannot be read, or holds no rows (N,D)."""
    array = mapped(path)
    if array.shape[:1] == (0,):
        raise CollapseError(
            f"{path} contains no embeddings", "embeddings must be numbers of shape (N, D) with N >= 2", code=3
        )
    if not fits(array.dtype, array.shape):
        refuse(path, array)
    assumed = (
        (f"its shape {array.shape} is read as {(len(array), width(array.shape))}",) if array.ndim > 2 else ()
    )
    return together((path,), assumed)


def together(files: Sequence[Path], assumed: tuple[str, ...] = ()) -> Shards:
    """Files of one width and type, none of them empty, one below the other; vectors (D,) are one row each."""
    arrays = [mapped(file) for file in files]
    rows = [1 if array.ndim == 1 else len(array) for array in arrays]
    first = arrays[0]
    starts = tuple(accumulate(rows, initial=0))
    return Shards(tuple(files), starts, width(first.shape), float_of(first.dtype), first.dtype, assumed)


def float_of(dtype: numpy.dtype) -> numpy.dtype:
    """The type, in this machine's byte order, that numbers of `dtype` are measured in."""
    native = dtype.newbyteorder("=")
    return native if native.name in FLOATS else numpy.dtype("float32")


def fits(dtype: numpy.dtype, shape: Sequence[int]) -> bool:
    """Whether an array holds rows of numbers (N,D), or (N,D) with axes of one."""
    return (
        len(shape) > 1
        and sum(size > 1 for size in shape[1:]) <= 1
        and 0 not in shape[1:]
        and dtype.kind in "fiub"
        and (len(shape) == 2 or width(shape) > 1)
    )


def width(shape: Sequence[int]) -> int:
    """D of rows (N,D), (N,1,D) or (N,D,1,1), or of a vector (D,)."""
    return math.prod(shape[1:]) if len(shape) > 1 else shape[0]


def mapped(file: Path) -> numpy.ndarray:
    """Raises CollapseError also for a file that ends before its last row."""
    try:
        return reader.mapped(file)
    except reader.Unreadable as error:
        trusted = shell.TRUST + shell.python(
            f"import numpy; x = numpy.load({shell.literal(file)}, allow_pickle=True); x = x.item() if x.ndim == 0 else x; "
            "numpy.savez('rows.npz', **(x if isinstance(x, dict) else {'embeddings': numpy.array(x.tolist())}))"
        )
        hint = trusted if error.reason == reader.OBJECTS else "save them with numpy.save"
        raise error.wanted_as("numpy embeddings", hint) from None


def refuse(file: Path, array: numpy.ndarray) -> None:
    """Raises CollapseError, with the remedy, for an array that is no rows."""
    refuse_shape(array.shape, array.dtype.name, str(file), file)
    raise CollapseError(f"{file} is {array.dtype} of shape {array.shape}", wanted(array.dtype.name, file))

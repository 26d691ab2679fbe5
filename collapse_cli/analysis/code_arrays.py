"""Arrays and lists of codes, from a file or from memory -> blocks of whole numbers in 0..K-1, by rows; one for each level."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.codebook_counts import Block

AT_ONCE = 1 << 20  # codes that are held at a time
LOOKED_AT = 1000  # rows by which a matrix is told to be one-hot
LARGEST = 2**63  # from which on there is no int64
EXACT = 2**53  # from which on floats skip whole numbers


@dataclass(frozen=True)
class CodeRows:
    """Codes by rows. read: rows start:stop -> codes (n,), of any type, and how many each of the rows has (r,).

    name: for sentences; rows: how many; widest: codes of the longest row; ignored: codes that are left out.
    """

    name: str
    read: Callable[[int, int], tuple[numpy.ndarray, numpy.ndarray]]
    rows: int
    widest: int
    ignored: tuple[int, ...] = ()

    def blocks(self, size: int) -> Iterator[Block]:
        """All of it, checked. Raises CollapseError for what is no code of a codebook of this size."""
        step = max(AT_ONCE // max(self.widest, 1), 1)
        for start in range(0, self.rows, step):
            codes, lengths = self.read(start, min(start + step, self.rows))
            whole = torch.from_numpy(_whole(codes, self.name, size))
            codes_left, lengths_left = self._without_ignored(whole, torch.from_numpy(lengths))
            if len(codes_left):
                self._refuse_strange(codes_left, size)
                yield codes_left, lengths_left

    def largest(self) -> int:
        """The largest code; -1 where there is none."""
        highest = -1
        for codes, _ in self.blocks(0):
            highest = max(highest, int(codes.max()))
        return highest

    def _without_ignored(self, codes: Tensor, lengths: Tensor) -> Block:
        """Less the codes to ignore, and the rows that have no others."""
        if ignored := [code for code in self.ignored if -LARGEST <= code < LARGEST]:
            stays = ~torch.isin(codes, torch.tensor(ignored))
            row = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
            codes, lengths = codes[stays], torch.bincount(row[stays], minlength=len(lengths))
        return codes, lengths[lengths > 0]

    def _refuse_strange(self, codes: Tensor, size: int) -> None:
        least, most = int(codes.min()), int(codes.max())
        if least < 0:
            raise CollapseError(
                f"{self.name} contains the code {least}, and codes count from 0",
                f"if {least} stands for padding, leave it out: --ignore {least}",
            )
        if size and most >= size:
            raise CollapseError(
                f"{self.name} contains the code {most:,}, but a codebook of {size:,} codes has the codes 0 to {size - 1:,}",
                f"give its size, at least --size {most + 1}; or leave the code out: --ignore {most}",
            )


@dataclass(frozen=True)
class Layout:
    """What is said of codes. sizes: K of all levels, or of each; none where it is not known, which is an error that names the
    largest code. levels: the last axis counts codebooks; tokens: the codes of one row are a group; ignored: what is left out."""

    sizes: tuple[int, ...]
    levels: bool = False
    tokens: bool = False
    ignored: tuple[int, ...] = ()


def code_rows(values: Any, name: str, layout: Layout) -> list[CodeRows]:
    """One set of codes for each level. Raises CollapseError for what are no codes, and for an array of several axes without a
    word on what these are."""
    levels, ignored = layout.levels, layout.ignored
    if isinstance(values, list | tuple):
        ragged = _listed(values, name)
        if isinstance(ragged, list):
            return [_of_lists(ragged, name, layout)]
        values = ragged
    array = _numpy(values)
    _refuse_type(array, name)
    _refuse_one_hot(array, name, binary=layout.sizes == (2,))
    if array.ndim == 0 or array.size == 0:
        raise CollapseError(f"{name} contains no codes", "give an array of whole numbers", code=3)
    _whole(
        numpy.asarray(array[:LOOKED_AT]).reshape(-1), name, 0
    )  # embeddings are no codes, whatever their axes are
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    _refuse_unclear(array, name, levels, layout.tokens)
    if not levels:
        return [_of_array(array, name, ignored)]
    return [
        _of_array(array[..., level], f"{name}, level {level + 1}", ignored)
        for level in range(array.shape[-1])
    ]


def _listed(values: Sequence[Any], name: str) -> numpy.ndarray | list[numpy.ndarray]:
    """Codes, or rows of codes: an array where all are equally long, else one for each row."""
    parts = [_numpy(part) if isinstance(part, Tensor) else part for part in values]
    if parts and any(
        isinstance(part, list | tuple | numpy.ndarray) and numpy.ndim(part) > 0
        for part in parts
        if part is not None
    ):
        rows = [_row(part, name) for part in parts]
        if len({row.shape for row in rows}) > 1:
            return [row.reshape(-1) for row in rows]
        return numpy.stack(rows)
    return _row(parts, name)


def _numpy(values: Any) -> numpy.ndarray:
    if not isinstance(values, Tensor):
        return numpy.asanyarray(values)
    values = values.detach().cpu().to_dense()
    wide: numpy.ndarray = (values.double() if values.is_floating_point() else values).numpy()
    return wide


def _row(part: Any, name: str) -> numpy.ndarray:
    try:
        return numpy.asarray(part)
    except ValueError:
        raise CollapseError(
            f"{name} contains lists of lists of unequal lengths", "give one list of codes for each row"
        ) from None


def _of_array(array: numpy.ndarray, name: str, ignored: tuple[int, ...]) -> CodeRows:
    """(N,) or (N, …): all that follows the first axis is one row."""
    width = math.prod(array.shape[1:])

    def read(start: int, stop: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        return numpy.ascontiguousarray(array[start:stop]).reshape(-1), numpy.full(stop - start, width)

    return CodeRows(name, read, len(array), width, ignored)


def _of_lists(rows: list[numpy.ndarray], name: str, layout: Layout) -> CodeRows:
    if layout.levels:
        raise CollapseError(
            f"{name} has rows of unequal lengths, so they are no levels",
            "leave out --levels, and give --tokens",
        )
    if not layout.tokens:
        raise CollapseError(
            f"{name} has several codes in a row",
            "give --tokens: the codes of one row are tokens of one codebook, and a group",
        )
    for row in rows:
        _refuse_type(row, name)

    def read(start: int, stop: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        return numpy.concatenate(rows[start:stop]), numpy.array([len(row) for row in rows[start:stop]])

    return CodeRows(name, read, len(rows), max(map(len, rows)), layout.ignored)


def _refuse_type(array: numpy.ndarray, name: str) -> None:
    if array.size and array.dtype.kind not in "iuf":
        what = "truth values" if array.dtype.kind == "b" else f"values of type {array.dtype}"
        remedy = (
            "if rows are one-hot, give the place of the one: rows.argmax(-1)"
            if array.dtype.kind == "b"
            else "give whole numbers"
        )
        raise CollapseError(f"{name} contains {what}, and codes are whole numbers", remedy)


def _refuse_one_hot(array: numpy.ndarray, name: str, binary: bool) -> None:
    """Raises CollapseError for rows of 0 and a single 1, more than two wide. binary: codes of 0 and 1 are what was said."""
    if array.ndim < 2 or array.shape[-1] < 3 or not array.size or binary:
        return
    some = numpy.asarray(array[:LOOKED_AT]).reshape(-1, array.shape[-1])
    one_hot = bool(((some == 0) | (some == 1)).all()) and bool((some.sum(axis=1) == 1).all())
    if one_hot and len(set(some.argmax(axis=1).tolist())) > 1:  # one place alone: levels that have collapsed
        raise CollapseError(
            f"{name} has one-hot rows of {array.shape[-1]:,} numbers, not codes",
            "give the place of the one: rows.argmax(-1)",
        )


def _refuse_unclear(array: numpy.ndarray, name: str, levels: bool, tokens: bool) -> None:
    """Raises CollapseError where the axes are not those that the options speak of."""
    shape = tuple(array.shape)
    if array.ndim == 1 and (levels or tokens):
        raise CollapseError(
            f"{name} has one code in each row, so {'--levels' if levels else '--tokens'} says nothing of it",
            "leave it out",
        )
    if array.ndim > 1 and not levels and not tokens:
        raise CollapseError(
            f"{name} is of shape {shape}, and {shape[-1]:,} codes of a row may be of one codebook or of {shape[-1]:,}",
            "give --tokens if they are tokens of one codebook, --levels if each column is a codebook of its own",
        )
    if levels and not tokens and array.ndim > 2:
        raise CollapseError(
            f"{name} is of shape {shape}: --levels alone takes (N, Q)",
            "give --levels --tokens: codebooks are the last axis, to which codes (N, Q, T) come by transpose(0, 2, 1)",
        )
    if levels and tokens and array.ndim < 3:
        raise CollapseError(
            f"{name} is of shape {shape}: it has levels or tokens, not both", "give --levels or --tokens"
        )


def _whole(codes: numpy.ndarray, name: str, size: int) -> numpy.ndarray:
    """int64. Raises CollapseError for what is no whole number, or is too large for one."""
    if codes.dtype.kind == "f":
        sound = numpy.isfinite(codes) & (codes == numpy.round(codes)) & (numpy.abs(codes) < EXACT)
        if not sound.all():
            raise CollapseError(
                f"{name} contains {float(codes[~sound][0]):.4g}, and codes are whole numbers",
                "give the place of the best: of logits rows.argmax(-1), of distances rows.argmin(-1)",
            )
    elif codes.dtype.kind == "u" and codes.dtype.itemsize == 8 and codes.size and int(codes.max()) >= LARGEST:
        raise CollapseError(
            f"{name} contains the code {int(codes.max())}, which is no code", "codes count from 0"
        )
    return numpy.array(codes, dtype=numpy.int64)

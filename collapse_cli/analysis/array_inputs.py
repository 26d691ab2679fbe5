"""Arrays of any library -> tensors on the CPU; labels of any kind -> classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import labels as stored
from collapse_cli.runs.remedies import refuse_shape
from collapse_cli.shapes import Embeddings


class Array(Protocol):
    """An array that numpy can read: numpy's own, and those of jax, tensorflow or pandas."""

    def __array__(self) -> Any: ...


Labels = str | os.PathLike[str] | Sequence[str] | Sequence[int] | Array | Tensor | None
"""Labels (N,): whole numbers or names, or the path of a file with one for each row."""


def tensor(array: Array | Tensor, name: str) -> Tensor:
    """The same numbers on the CPU without a gradient; memory is shared where torch can.

    Read-only, strided and byte-swapped arrays are copied. Raises CollapseError for lists and for what holds no real numbers.
    """
    if isinstance(array, Tensor):
        array = array.detach().cpu()
        return array.dequantize() if array.is_quantized else array
    values = _numbers(array, name)
    native = "f8" if values.dtype.itemsize > 8 else values.dtype.newbyteorder("=")
    return torch.from_numpy(numpy.require(values, native, ["C", "W"]))


def _numbers(array: Array, name: str) -> numpy.ndarray[Any, Any]:
    if isinstance(array, list | tuple):
        raise CollapseError(
            f"{name} is a {type(array).__name__}, not an array", "convert it with numpy.asarray(array)"
        )
    values = numpy.asarray(array)
    if values.dtype.kind not in "fiub":
        raise CollapseError(
            f"{name} is a {type(array).__name__} of {values.dtype}",
            "give an array or tensor of real numbers of shape (N, D), or a path",
        )
    return values


def embeddings(array: Array | Tensor, name: str) -> tuple[Embeddings, str]:
    """An array (N,D) as embeddings h of one space, and the type it had.

    float64 stays, half precision becomes float32, whole numbers float64; true and false are 1 and 0.
    Raises CollapseError for other shapes, none of N rows, and for what holds no real numbers.
    """
    rows = tensor(array, name)
    kind = str(rows.dtype).removeprefix("torch.")
    refuse_shape(rows.shape, kind, name)
    if rows.layout != torch.strided or rows.is_complex() or rows.ndim != 2 or 0 in rows.shape:
        raise CollapseError(
            f"{name} is {kind} of shape {tuple(rows.shape)}", "embeddings are real numbers of shape (N, D)"
        )
    if rows.dtype not in (torch.float32, torch.float64):
        rows = rows.float() if rows.is_floating_point() else rows.double()
    return Embeddings(rows, None, None, torch.arange(len(rows)), (), name), kind


def classes(labels: Labels, count: int, what: str = "labels") -> tuple[Tensor, tuple[str, ...]]:
    """Labels of `count` rows -> (N,) int64 in [0, C) and the names of the C classes. Raises CollapseError for others.

    what: they are called, labels or groups.
    """
    if isinstance(labels, str | os.PathLike):
        return stored.read(Path(labels), count, what)
    numbers, names = stored.numbered(_listed(labels), what, what)
    if len(numbers) != count:
        raise CollapseError(
            f"there are {len(numbers):,} {what} for {count:,} embeddings",
            f"give one {what[:-1]} for each embedding",
        )
    return numbers, names


def _listed(labels: Any) -> numpy.ndarray[Any, Any]:
    """As numpy has them; the names in an array of objects, as pandas keeps them, are read as text."""
    if isinstance(labels, Tensor):
        labels = labels.detach().cpu()
        return numpy.asarray(labels.float() if labels.is_floating_point() else labels)
    try:
        values = numpy.asarray(labels)
        return numpy.asarray(values.tolist()) if values.dtype.kind == "O" else values
    except ValueError:  # rows of several lengths
        raise CollapseError(
            f"labels are a {type(labels).__name__} whose parts differ in length",
            "labels must be whole numbers or names of shape (N,)",
        ) from None

"""One value of a file, as people save it -> a plain tensor on the CPU, or words; what cannot be one is handed back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.runs.reader import refuse_too_large
from collapse_cli.runs.shards import float_of

WIDE = (torch.uint16, torch.uint32, torch.uint64)  # with which torch does not calculate
PACKED = tuple(  # torch 2.11 and later have these
    kind for name in ("float4_e2m1fn_x2", "bits8", "bits16", "bits1x8", "bits2x4", "bits4x2")
    if isinstance(kind := getattr(torch, name, None), torch.dtype)
)  # fmt: skip
NARROW = ("int8", "uint8", "int16", "int32")  # kept as they are: a quantised file is told by its type


def sentences(value: Any) -> tuple[str, ...]:
    """What was made of rows as a file has them, in a sentence, where it is not the same."""
    if isinstance(value, list | tuple) and value and isinstance(value[0], Tensor | numpy.ndarray):
        kind = "each as one row" if value[0].ndim < 2 or len(value[0]) == 1 else "one below the other"
        equal = len(value) > 1 and value[0].ndim > 1 and len(value[0]) > 1 and len(value[0]) == len(value[-1])
        perhaps = "; if they are layers or views, save each alone" if equal else ""
        return (f"a list of {len(value):,} tensors, {kind}{perhaps}",)
    if not isinstance(value, Tensor):
        return ()
    kind = str(value.dtype).removeprefix("torch.")
    if value.is_quantized:
        return (f"{kind}, quantised, dequantised by its own scale",)
    if value.layout != torch.strided:
        return ("a sparse tensor, measured as a dense one",)
    return (
        (f"{kind}, measured as float32",) if value.is_floating_point() and value.element_size() == 1 else ()
    )


def plain(value: Any, path: Path) -> Any:
    """A tensor of what are numbers: of tensors, arrays of numpy, and lists of those or of numbers; all else as it is.

    No gradient, no Parameter, dense, dequantised. Raises CollapseError where that takes more than this machine's memory.
    """
    if isinstance(value, Tensor):
        return dense(value, path)
    if isinstance(value, numpy.ndarray):
        return of_numpy(value)
    if isinstance(value, list | tuple) and value:
        return _joined(value, path)
    return value


def is_unread(value: Tensor) -> bool:
    """Whether it has no numbers that torch calculates with: a shape alone, or a type that packs several into a byte."""
    return value.is_meta or value.dtype in PACKED


def dense(value: Tensor, path: Path) -> Tensor:
    """Strided, dequantised, of a type that has arithmetic. Raises CollapseError where that takes more than the budget."""
    value = value.detach()
    if is_unread(value):  # refused where it is wanted
        return value
    if value.is_quantized:
        refuse_too_large(path, 4 * value.numel())
        value = value.dequantize()
    if value.layout != torch.strided:
        entry = 8 * value.ndim + value.element_size()  # its place and its number, of which a copy is made
        refuse_too_large(path, value.numel() * value.element_size() + value._nnz() * entry)
        value = value.to_dense()
    if value.is_floating_point() and value.element_size() == 1:  # float8 has no arithmetic
        refuse_too_large(path, 4 * value.numel())
        value = value.float()
    if value.dtype in WIDE:
        refuse_too_large(path, 8 * value.numel())
        value = value.long()
    return value.resolve_conj().resolve_neg()


def of_numpy(array: numpy.ndarray) -> Any:
    """Numbers as a tensor in this machine's byte order, wide whole ones as int64; what is no number stays as it is."""
    kind, native = array.dtype.kind, array.dtype.newbyteorder("=")
    if kind == "b" or native.name in NARROW:
        return torch.from_numpy(numpy.array(array, native, order="C"))
    if kind in "iu":
        large = native.name == "uint64" and array.size > 0 and int(array.max()) > torch.iinfo(torch.int64).max
        return torch.from_numpy(numpy.array(array, "float64" if large else "int64"))
    if kind == "f":
        return torch.from_numpy(numpy.require(array, float_of(array.dtype), ["C", "W"]))
    if kind == "O" and all(isinstance(word, str) for word in array.flat):
        return numpy.array(array.tolist(), dtype=str)
    return array


def _joined(values: Sequence[Any], path: Path) -> Any:
    """Tensors of one width below one another: vectors (D,), batches (B,D) or (1,D); numbers, or lists of them, as a tensor."""
    if all(isinstance(value, Tensor | numpy.ndarray) for value in values):
        return joined([plain(value, path) for value in values], path)
    if all(isinstance(value, int | float) for value in values):
        return _numbers(values)
    if all(isinstance(value, list | tuple) for value in values):
        widths = {len(value) for value in values}
        real = all(isinstance(number, int | float) for value in values for number in value)
        return _numbers(values, torch.float64) if real and len(widths) == 1 else values
    return values


def _numbers(values: Sequence[Any], dtype: torch.dtype | None = None) -> Any:
    """As a tensor; handed back where a number is too large for one."""
    try:
        return torch.tensor(values, dtype=dtype)
    except (OverflowError, ValueError, RuntimeError):
        return values


def joined(values: Sequence[Any], path: Path) -> Any:
    """Tensors (D,), or batches (B,D), also with axes of one -> (N,D); what does not fit together is handed back.

    Batches are of one size, and the last may be smaller: tensors of many lengths may as well be sequences.
    """
    if not all(isinstance(value, Tensor) for value in values):
        return values
    parts = [value.unsqueeze(0) if value.ndim == 1 else squeezed(value) for value in values]
    sizes = [part.shape[0] if part.ndim else 0 for part in parts]
    batches = len(set(sizes[:-1])) < 2 and sizes[-1] <= sizes[0]
    if len({part.shape[1:] for part in parts}) > 1 or any(part.ndim < 2 for part in parts) or not batches:
        return torch.stack(list(values)) if all(value.ndim == 0 for value in values) else values
    refuse_too_large(path, sum(part.numel() * part.element_size() for part in parts))
    return torch.cat(parts)


def squeezed(value: Tensor) -> Tensor:
    """(N,1,D) and (N,D,1,1) as (N,D): axes of one beyond the first are left out where that leaves two."""
    rest = [size for size in value.shape[1:] if size != 1]
    return value.reshape(value.shape[0], rest[0]) if value.ndim > 2 and len(rest) == 1 else value

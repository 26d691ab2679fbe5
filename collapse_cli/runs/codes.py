"""Rows of whole numbers, which stand for others: what they are, and how they are unpacked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Rows, Unpacking

VALUES = {"binary": (0.0, 1.0), "signs": (-1.0, 1.0), "ternary": (-1.0, 0.0, 1.0)}
NAMES = {
    "binary": "binary codes, 0 and 1",
    "signs": "binary codes, -1 and 1",
    "ternary": "ternary codes, -1, 0 and 1",
    "whole numbers": "whole numbers",
}
SCALES = ("scale", "scales", "zero_point", "zero_points", "offset", "offsets", "ranges", "min", "max")
"""Names of what turns whole numbers back into those that they stand for."""

BYTES = ("int8", "uint8")
QUANTISED = ("qint", "quint")  # torch's own, which are read by their own scale
FEW = 16  # indices for each row: levels of a residual quantiser
LARGEST = 255  # of a whole number that a byte holds
STEP = 255  # from the least to the greatest of a quantised byte


@dataclass(frozen=True)
class Codes:
    """Rows that are whole numbers.

    kind: "binary" (0 and 1), "signs" (-1 and 1, also bits that were unpacked), "ternary" (-1, 0 and 1), else the type of the
    file, as "int8" or "uint8", or "whole numbers" in a file of fractions. unpacked: how they were turned into what they stand
    for, "bits" or "scale"; empty where they are measured as they are.
    """

    kind: str
    unpacked: str = ""

    @property
    def in_words(self) -> str:
        """What they are, for a sentence: `binary codes, 0 and 1`, `int8 numbers`."""
        return NAMES.get(self.kind, f"{self.kind} numbers")


def of(sample: Tensor, stored: str) -> Codes | None:
    """What a sample of rows (n,D) is, in a file of the type `stored`; None for fractions."""
    whole = is_whole(stored)
    if not whole and not torch.equal(sample, sample.round()):
        return None
    values = torch.unique(sample)
    kind = next((kind for kind, allowed in VALUES.items() if _are(values, allowed)), "")
    if kind or whole:
        return Codes(kind or stored)
    small = len(values) > 2 and float(values.abs().max()) <= LARGEST
    return Codes("whole numbers") if small else None


def _are(values: Tensor, allowed: Sequence[float]) -> bool:
    """Whether exactly these values occur."""
    return values.tolist() == list(allowed)


def recognise(sample: Tensor, stored: str, how: Unpacking) -> Codes | None:
    """What rows are of which a sample was read, and unpacked in this way if they are whole numbers."""
    if stored.startswith(QUANTISED):
        return Codes(stored, "scale")
    if how == "none" or not is_whole(stored):
        return of(sample, stored)
    return Codes("signs" if how == "bits" else stored, how)


def is_whole(stored: str) -> bool:
    """Whether a type is one of whole numbers."""
    return stored.removeprefix("u").startswith("int") or stored == "bool"


def are_indices(codes: Codes, rows: Tensor) -> bool:
    """Whether rows (n,D) may be indices into a codebook, 0 … K - 1: whole numbers that are never negative; of bytes and of a file
    of fractions only few for each row, for many such are quantised embeddings."""
    if codes.unpacked or codes.kind in VALUES or float(rows.min()) < 0:
        return False
    return rows.shape[1] <= FEW or not (codes.kind in BYTES or codes.kind == "whole numbers")


def sentences(codes: Codes | None, how: Unpacking, entries: Mapping[str, Any]) -> tuple[str, ...]:
    """How whole numbers were taken, in a sentence; that there is nothing to unpack, where it was asked for."""
    if codes is None:
        return () if how == "none" else ("nothing is unpacked, because the numbers are not whole numbers",)
    if codes.kind.startswith(QUANTISED):
        return ()
    if codes.unpacked == "bits":
        return ("packed bits, unpacked: 8 dimensions of -1 and 1 from each byte",)
    scales = [name for name in SCALES if name in entries]
    if codes.unpacked == "scale":
        by = (
            f"by {', '.join(scales)} of the file"
            if scales
            else "the file contains no scale, so one scale is used for all dimensions"
        )
        return (f"{codes.kind} codes, unpacked ({by})",)
    if codes.kind in BYTES:
        beside = f" by {', '.join(scales)} of the file" if scales else ""
        return (
            f"{codes.kind} codes, measured as they are; --unpack scale dequantises them{beside}, "
            "--unpack bits unpacks bits",
        )
    return (f"{NAMES.get(codes.kind, f'whole numbers ({codes.kind})')}, measured as they are",)


@dataclass(frozen=True)
class Unpacked:
    """Rows (N,D) that are turned block by block into what they stand for (N,width): a `shapes.Rows`.

    turn: rows (b,D) and the places (b,) of them in the file -> (b,width).
    """

    rows: Rows
    width: int
    turn: Callable[[Tensor, Tensor], Tensor]

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.shape[0], self.width

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        places = torch.arange(self.rows.shape[0])[chosen] if isinstance(chosen, slice) else chosen
        return self.turn(self.rows[chosen], places)


def unpacked(rows: Rows, stored: str, how: Unpacking, entries: Mapping[str, Any], path: Path) -> Rows:
    """Whole numbers as what they stand for, float32, read when they are asked for; fractions as they are.

    bits: 8 dimensions of -1 and 1 from each byte, as numpy.packbits packs them; int8 is uint8 less 128. scale: with what the
    file holds beside them, (x - zero_point) · scale, x · scale + offset, or ranges (2,D) of 255 steps; else int8 as it is,
    and uint8 less 128. Raises CollapseError for bits in what is no byte, and for scales that do not fit.
    """
    if how == "bits":
        if stored not in BYTES:
            raise CollapseError(
                f"{path} contains {stored}, but bits are packed in int8 or uint8",
                "use --unpack scale, or leave out --unpack",
            )
        shift = 128 if stored == "int8" else 0
        return Unpacked(rows, 8 * rows.shape[1], lambda block, _: _bits(block, shift))
    factor, added = _affine(entries, stored, (rows.shape[0], rows.shape[1]), path)
    return Unpacked(
        rows, rows.shape[1], lambda block, places: block.float() * _at(factor, places) + _at(added, places)
    )


def _bits(block: Tensor, shift: int) -> Tensor:
    """(b,D) -> (b,8D) of -1 and 1, the highest bit first."""
    numbers = (block.to(torch.int16) + shift).to(torch.uint8).numpy()
    return torch.from_numpy(numpy.unpackbits(numbers, axis=1).astype("float32")) * 2 - 1


def _affine(
    entries: Mapping[str, Any], stored: str, shape: tuple[int, int], path: Path
) -> tuple[Tensor, Tensor]:
    """What each number is multiplied by, and what is then added: (1,1), (1,D) or (N,1) each."""

    def parameter(*names: str) -> Tensor | None:
        name = next((name for name in names if name in entries), "")
        return _fitting(entries[name], name, shape, path) if name else None

    low, high = parameter("min"), parameter("max")
    if "ranges" in entries:
        low, high = (_fitting(part, "ranges", shape, path) for part in entries["ranges"])
    least = -128 if stored == "int8" else 0
    if low is not None and high is not None:
        step = (high - low) / STEP
        return step, low - least * step
    scale, zero = parameter("scale", "scales"), parameter("zero_point", "zero_points")
    offset = parameter("offset", "offsets")
    factor = torch.ones(1, 1) if scale is None else scale
    if offset is not None:
        return factor, offset
    middle = 128.0 if stored == "uint8" and scale is None else 0.0
    return factor, -factor * (torch.full((1, 1), middle) if zero is None else zero)


def _fitting(value: Any, name: str, shape: tuple[int, int], path: Path) -> Tensor:
    """One number, one for each dimension (D,) or one for each row (N,), to be multiplied with rows (N,D)."""
    if isinstance(value, Tensor) and tuple(value.shape) == (shape[0], 1):
        return value.float()
    numbers = (
        torch.as_tensor(value, dtype=torch.float32).squeeze()
        if isinstance(value, Tensor | int | float)
        else None
    )
    if numbers is not None and numbers.ndim == 0:
        return numbers.reshape(1, 1)
    if numbers is not None and numbers.shape == shape[1:]:
        return numbers.reshape(1, -1)
    if numbers is not None and numbers.shape == shape[:1]:
        return numbers.reshape(-1, 1)
    raise CollapseError(
        f"{name} of {path} does not fit embeddings of shape {shape}",
        "it must be one number, or one for each dimension or row",
    )


def _at(numbers: Tensor, places: Tensor) -> Tensor:
    return numbers[places] if numbers.shape[0] > 1 else numbers

"""Rows of embeddings (N,D) before they are measured: refused where they are broken, brought near 1, or to unit length."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError

LARGEST = 2**30  # bytes of one D x D matrix, of which a measurement holds several
PLAIN = 1e100  # between this and its inverse the squares of lengths neither overflow nor vanish
OUTWEIGHED = 1e6  # of the median distance: rows further out take digits from the distances of all others
SQUARED = 500  # numbers of 2^500 can be squared and summed, and those of 2^-500 beside them
LEVEL = 64  # between 2^-64 and 2^64 even eighth powers of numbers neither overflow nor vanish


def sound(rows: Tensor) -> Tensor:
    """The same rows (N,D), float64. Raises CollapseError for fewer than 2 and for any that is not finite."""
    refuse(broken(rows), len(rows))
    return rows.double()


def power(largest: float) -> int:
    """k, so that numbers times 2^k are near 1, of which the largest is given: 0 where it is between 2^-64 and 2^64 already.

    A power of two changes no digit, so that what does not depend on the scale is the same, to the last bit.
    """
    exponent = math.frexp(largest)[1]
    return 0 if largest == 0 or -LEVEL < exponent <= LEVEL else -exponent


def largest(rows: Tensor) -> float:
    """The largest absolute value in rows (N,D), 0 where there are none."""
    return max((abs(float(end)) for end in torch.aminmax(rows)), default=0.0) if rows.numel() else 0.0


def shifted(rows: Tensor, power: int) -> Tensor:
    """rows times 2^power, in steps, for float64 has no 2^1074; the same tensor for 0."""
    while power:
        step = max(min(power, 1000), -1000)
        rows, power = rows * 2.0**step, power - step
    return rows


def levelled(*sets: Tensor) -> tuple[list[Tensor], int]:
    """Finite sets (N,D) in float64, all times one power of two, and that power: squares of what is returned are plain numbers."""
    exact = [rows.double() for rows in sets]
    k = power(max((largest(rows) for rows in exact), default=0.0))
    return [shifted(rows, k) for rows in exact], k


def as_given(length: float, power: int) -> float:
    """A length of rows that are times 2^power, as it is of the rows themselves. Raises CollapseError where that overflows."""
    try:
        return math.ldexp(length, -power)
    except OverflowError:
        raise CollapseError(
            "the numbers are so large that float64 cannot hold their length",
            "divide all of them by one number first",
        ) from None


def exponents(rows: Tensor, dim: int) -> Tensor:
    """Of each column (dim 0) or row (dim 1) of (N,D): e, its largest number being in [2^(e-1), 2^e); 0 of zeros."""
    return torch.frexp(rows.double().abs().amax(dim=dim, keepdim=True)).exponent


def scaled_down(rows: Tensor, exponents: Tensor) -> Tensor:
    """rows (N,D) float64 / 2^exponents, in two steps, as `shifted`."""
    half = exponents // 2
    return torch.ldexp(torch.ldexp(rows, -half), half - exponents)


def centre(rows: Tensor) -> Tensor:
    """(D,) about which distances of rows (N,D) float64 lose least: their mean, or their median where a few rows lie so far out
    that the mean is nowhere near the others.
    """
    mean = rows.mean(dim=0)
    lengths = (rows - mean).abs().amax(dim=1)
    if not float(lengths.max()) > 8 * float(lengths.median()):
        return mean
    middle: Tensor = rows.median(dim=0).values
    lengths = (rows - middle).abs().amax(dim=1)
    outweighed = 0 < OUTWEIGHED * float(lengths.median()) < float(lengths.max())
    return middle if outweighed else mean


def broken(rows: Tensor) -> int:
    """How many rows of (N,D) hold nan or infinity."""
    if bool(torch.isfinite(rows.sum())):  # a quick look: any of them would be in the sum
        return 0
    return int((~torch.isfinite(rows)).any(dim=1).sum())


def refuse(broken: int, count: int) -> None:
    """Raises CollapseError where any of `count` rows is broken, or where there are fewer than 2."""
    if broken:
        raise CollapseError(
            f"{broken} of {count} embeddings contain nan or infinity",
            "a network that has diverged gives such embeddings, and so does float16 above "
            "65,504: leave them out (rows[numpy.isfinite(rows).all(1)]), or embed again in float32",
        )
    if count < 2:
        raise CollapseError(
            f"at least 2 embeddings are needed, and there are {count}", "give more embeddings", code=3
        )


def refuse_width(d: int) -> None:
    """Raises CollapseError for more dimensions than memory has room for the covariance of."""
    most = math.isqrt(LARGEST // 8)
    if d > most:
        raise CollapseError(
            f"{d:,} dimensions have a covariance of {8 * d * d / 2**30:.1f} GiB, and several are needed",
            f"measure a narrower layer, or a random projection of the embeddings to {most:,} dimensions at most",
        )


def unit(rows: Tensor) -> Tensor:
    """Rows (N,D) of length 1, float64, however short or long they were. Raises as `sound` does."""
    return directions(sound(rows))


def directions(rows: Tensor) -> Tensor:
    """Rows (N,D) float64, finite -> the same of length 1.

    Rows of zeros, as behind dead ReLUs, have no direction: all become the same axis, for they are one point.
    """
    lengths: Tensor = torch.linalg.vector_norm(rows, dim=1, keepdim=True)  # (N, 1)
    if bool(((lengths > 1 / PLAIN) & (lengths < PLAIN)).all()):
        return rows / lengths
    scaled = scaled_down(rows, exponents(rows, dim=1))
    scaled[:, 0] = torch.where((rows != 0).any(dim=1), scaled[:, 0], 1.0)
    lengths = scaled.norm(dim=1, keepdim=True)
    return scaled / lengths

"""How often each code of a codebook occurs, and in how many rows: counted block by block, in memory that K codes take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError

Block = tuple[Tensor, Tensor]
"""codes (n,) int64 in 0..K-1, those of one row beside one another, and how many of them each row has (r,) int64, at least 1."""

ALONE = 1.0  # draws that one draw counts for where rows have one code each


@dataclass(frozen=True)
class Counts:
    """counts (K,): draws of each code; rows_with (K,): rows in which it occurs; both int64. repetition: draws that count as one.

    rows: G; draws: N. repetition is the design effect of rows as groups, at least 1 (Rao and Scott 1981, doi:10.2307/2287815).
    """

    counts: Tensor
    rows_with: Tensor
    rows: int
    draws: int
    repetition: float = ALONE

    @property
    def size(self) -> int:
        return len(self.counts)

    @property
    def used(self) -> int:
        return int((self.counts > 0).sum())

    @property
    def effective(self) -> float:
        """The number of independent draws that tell as much as these: N over the repetition."""
        return self.draws / self.repetition

    @property
    def alone(self) -> bool:
        """Whether every row has one code."""
        return self.rows == self.draws


def counted(blocks: Iterable[Block], size: int) -> Counts:
    """Blocks of codes -> how often each of `size` codes occurs. Raises CollapseError (code 3) where there is none."""
    counts, rows_with, squares, crossed = torch.zeros(4, size, dtype=torch.float64)
    rows = squared_lengths = 0
    for codes, lengths in blocks:
        occurring = torch.bincount(codes, minlength=size)  # (K,)
        counts += occurring
        rows += len(lengths)
        squared_lengths += int((lengths**2).sum())
        if len(codes) == len(lengths):
            rows_with, squares, crossed = (part + occurring for part in (rows_with, squares, crossed))
            continue
        row, code, times = pairs(codes, lengths, size)
        rows_with += torch.bincount(code, minlength=size)
        squares += torch.bincount(code, times.double() ** 2, minlength=size)
        crossed += torch.bincount(code, times.double() * lengths[row], minlength=size)
    draws = int(counts.sum())
    if not draws:
        raise CollapseError("there are no codes", "give at least one code", code=3)
    repetition = ALONE
    if 1 < rows < draws:
        repetition = _repetition(counts, rows_with, squares, crossed, squared_lengths) * rows / (rows - 1)
    return Counts(counts.long(), rows_with.long(), rows, draws, max(repetition, ALONE))


def pairs(codes: Tensor, lengths: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Every code once for each row that it occurs in: the row, the code and how often (p,), in the order of rows."""
    row = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    keys, times = torch.unique(row * size + codes, return_counts=True)
    return keys // size, keys % size, times


def _repetition(
    counts: Tensor, rows_with: Tensor, squares: Tensor, crossed: Tensor, squared_lengths: int
) -> float:
    """How many times the variance of a share is that of independent draws: a mean over codes, which an entropy's bias asks for.

    Codes that occur in about as many rows (1, 2-3, 4-7 …) are taken together: the variance between rows of their counts,
    sum_g (m_gk - p_k T_g)^2, over N p_k (1 - p_k), each summed over these codes.
    """
    seen = counts > 0
    n, share = counts[seen], counts[seen] / counts.sum()
    between = squares[seen] - 2 * share * crossed[seen] + share**2 * squared_lengths
    level = rows_with[seen].log2().floor().long()
    codes, observed, expected = (
        torch.bincount(level, part) for part in (torch.ones_like(n), between, n * (1 - share))
    )
    filled = expected > 0
    ratio = observed[filled] / expected[filled]
    return float((codes[filled] * ratio).sum() / codes[filled].sum()) if bool(filled.any()) else ALONE

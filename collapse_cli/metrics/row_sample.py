"""Which rows stand for all: those with the smallest hash, so that any split into parts, merged in any order, keeps the same.

The hash is of the name and content of what a row lies in, and of its number there. The rows with the K smallest hashes of all are
among the K smallest of their part, whatever the parts: a sample without replacement that needs no second look.
"""

from __future__ import annotations

from hashlib import sha256

import torch
from torch import Tensor

SAMPLED = 2**15  # rows of a sample
NUMBERS = 2**24  # numbers in its rows: of wide rows fewer are held
ODD = (-7046029254386353131, -4658895280553007687)
POSITIVE = 2**63 - 1


def limit(widths: tuple[int, ...]) -> int:
    """How many rows are held of spaces of these widths: at least one more than dimensions, so that N <= D is held whole."""
    return min(SAMPLED, max(NUMBERS // sum(widths), max(widths) + 1))


def row_keys(identity: str, seed: int, first: int, count: int) -> Tensor:
    """(count,) int64 >= 0: the hashes of rows first, first + 1, … of what is called so."""
    start = int.from_bytes(sha256(f"{seed}\0{identity}".encode()).digest()[:8], "little", signed=True)
    number = torch.arange(first, first + count)
    return _mixed(_mixed(number * ODD[0] + start) + start) & POSITIVE


def content_keys(rows: Tensor) -> Tensor:
    """(b,) int64 >= 0 of rows (b,D) of one float type: the same for equal rows, whatever else is among them."""
    content = (rows + 0.0).contiguous().cpu()  # -0 becomes 0
    bytes_of_row = content.view(torch.uint8).reshape(len(rows), -1)
    missing = -bytes_of_row.shape[1] % 8
    words = torch.nn.functional.pad(bytes_of_row, (0, missing)).contiguous().view(torch.int64)  # (b, W)
    place = torch.arange(words.shape[1])
    shift, odd = _mixed(place * ODD[1] + 1), _mixed(place * ODD[0] + 2) | 1  # (W,) each
    mixed = words + shift
    mixed ^= (mixed >> 29) & (2**35 - 1)
    mixed *= ODD[0]
    mixed ^= (mixed >> 32) & (2**32 - 1)
    return _mixed((mixed * odd).sum(dim=1)) & POSITIVE


def _mixed(key: Tensor) -> Tensor:
    """Every bit of int64 depends on every other one (Stafford's finaliser)."""
    key = (key ^ ((key >> 30) & (2**34 - 1))) * ODD[1]
    key = (key ^ ((key >> 27) & (2**37 - 1))) * ODD[0]
    return key ^ ((key >> 31) & (2**33 - 1))


class Lowest:
    """Of keys (n,) with values (n,…) beside them: those with the smallest keys so far, `most` at most, in ascending order."""

    def __init__(self, most: int, keys: Tensor, *values: Tensor) -> None:
        self.most = most
        self.keys, self.values = keys, values

    def merged(self, other: Lowest) -> Lowest:
        """Those of both."""
        keys = torch.cat([self.keys, other.keys])
        order = keys.argsort(stable=True)[: self.most]
        values = [torch.cat(pair)[order] for pair in zip(self.values, other.values, strict=True)]
        return Lowest(self.most, keys[order], *values)

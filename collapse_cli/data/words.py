"""Texts as plain numbers, without any network: which words they contain."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 512  # places that words are hashed to


def word_counts(texts: Sequence[str]) -> Tensor:
    """(N,WIDTH) float64: how often each place's words are in each text, divided by the length of that row; texts without a word
    are 0. Two texts that share no word are at distance sqrt 2, but for words that share a place."""
    import torch

    counts = torch.zeros(len(texts), WIDTH, dtype=torch.float64)
    for row, text in zip(counts, texts, strict=True):
        places = [zlib.crc32(word.encode()) % WIDTH for word in re.findall(r"\w+", text.lower())]
        row += torch.bincount(torch.tensor(places, dtype=torch.int64), minlength=WIDTH)
    lengths: Tensor = counts.norm(dim=1, keepdim=True)
    return counts / lengths.clamp_min(1e-9)

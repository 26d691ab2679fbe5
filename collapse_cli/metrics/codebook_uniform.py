"""Codes that are drawn uniformly: what N draws of K codes show where nothing is wrong with a codebook. Closed forms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

REACH = 12.0  # standard deviations of a count, beyond which its probability is nothing


def unused(N: float, K: int) -> float:
    """Codes of K that N uniform draws are expected to leave out: K (1 - 1/K)^N."""
    return K * math.exp(N * math.log1p(-1 / K)) if K > 1 else 0.0


def needed(K: int, share: float) -> int:
    """Draws after which uniform codes are expected to leave out at most this share of K."""
    return math.ceil(math.log(share) / math.log1p(-1 / K))


def plug_in(N: float, K: int) -> float:
    """Expected plug-in entropy of N uniform draws in nats: log N - K/N sum_n P(n) n log n, n binomial (N, 1/K)."""
    counts, probability = _binomial(round(N), K)
    return math.log(N) - K / N * float((probability * torch.special.xlogy(counts, counts)).sum())


def usage(N: float, K: int) -> Tensor:
    """(K,) counts of the codes from the most to the least used, each the quantile at (rank - 1/2)/K of a binomial (N, 1/K)."""
    counts, probability = _binomial(round(N), K)
    below = probability.cumsum(0)  # P(count <= n)
    level = 1 - (torch.arange(K, dtype=torch.float64) + 0.5) / K
    return counts[torch.searchsorted(below, level).clamp(max=len(counts) - 1)]


def _binomial(N: int, K: int) -> tuple[Tensor, Tensor]:
    """Counts (n,) that may occur, and their probabilities (n,), which sum to 1."""
    mean, reach = N / K, REACH * math.sqrt(N / K + 1) + 40
    n = torch.arange(
        max(math.floor(mean - reach), 0), min(math.ceil(mean + reach), N) + 1, dtype=torch.float64
    )
    whole = torch.tensor(float(N), dtype=torch.float64)
    ways = torch.lgamma(whole + 1) - torch.lgamma(n + 1) - torch.lgamma(whole - n + 1)
    log = ways - n * math.log(K) + (N - n) * math.log1p(-1 / K)
    return n, torch.softmax(log, dim=0)

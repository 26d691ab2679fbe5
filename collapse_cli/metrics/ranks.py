"""How many directions a spectrum fills: functions of eigenvalues lambda alone, (..., D) >= 0 and descending.

Each formula stands once, as a logarithm or as a curve that has a slope everywhere (Tensor (...), of which `jackknife` asks
how it moves with lambda); the number itself is its value. A spectrum of zeros is one direction that holds everything.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

RELATIVE_FLOOR = 1e-2  # a dimension lives if its eigenvalue is above this share of the largest
PUBLISHED_FIT = (11, 100)  # directions through which alpha-ReQ's reference code lays its line
ACTIVE = 0.03  # of what each direction would hold if all held the same: a direction with less is empty
SHORT_FIT = 3  # the first direction where there are too few for those


def shares(values: Tensor) -> Tensor:
    """p = values / sum, (..., D); all of it in the first where all are 0."""
    total = values.sum(dim=-1, keepdim=True)
    alone = torch.zeros_like(values)
    alone[..., 0] = 1
    return torch.where(total > 0, values / torch.where(total > 0, total, 1.0), alone)


def entropy(values: Tensor) -> Tensor:
    """-sum p log p, p = values / sum, with 0 log 0 = 0 and no eps: the logarithm of Roy & Vetterli's (2007) effective rank."""
    terms: Tensor = torch.special.entr(shares(values))
    return terms.sum(dim=-1)


def log_participation(lam: Tensor) -> Tensor:
    """-log sum p^2: the logarithm of the participation ratio."""
    return -shares(lam).square().sum(dim=-1).log()


def log_stable(lam: Tensor) -> Tensor:
    """-log of the first direction's share: the logarithm of the stable rank."""
    return -shares(lam)[..., 0].log()


def log_roots(lam: Tensor) -> Tensor:
    """log sum sqrt(lambda): the logarithm of the trace of the root of a covariance."""
    return lam.sqrt().sum(dim=-1).log()


def log_abundance(lam: Tensor) -> Tensor:
    """log of sum sigma / largest sigma, sigma = sqrt(lambda): of information abundance (Guo et al. 2024, arXiv:2310.04400)."""
    return log_stable(lam.sqrt())


def wasserstein(log_roots: float, n: int, d: int) -> float:
    """2-Wasserstein distance of N(mean, C) to N(0, I/d), of unit rows (n,d); in [0, sqrt 2] (Fang et al. 2024, arXiv:2403.00642).

    |mean|^2 + 1 + tr C - 2 tr C^(1/2) / sqrt d, where |mean|^2 + tr C = 1 for rows of length 1 and C divided by n.
    log_roots: log tr of the root of the same covariance, divided by n - 1; -inf where all rows are one point.
    """
    overlap = math.exp(log_roots) * math.sqrt((n - 1) / (n * d))
    return math.sqrt(max(2 - 2 * overlap, 0.0))


def entropy_rank(values: Tensor) -> float:
    """exp(-sum p log p), p = values / sum, of values (D,) >= 0; in [1, number of values above 0]; 1 where all are 0."""
    return float(entropy(values).exp())


def participation_ratio(lam: Tensor) -> float:
    """(sum lambda)^2 / sum lambda^2, lambda (D,) >= 0; in [1, D], 1 where all are 0."""
    return float(log_participation(lam).exp())


def stable_rank(lam: Tensor) -> float:
    """sum lambda / max lambda = ||Z||_F^2 / ||Z||_2^2, lambda (D,) descending; in [1, D], 1 where all are 0."""
    return float(log_stable(lam).exp())


def alive(lam: Tensor) -> int:
    """How many of lambda (D,), descending, are above 1 % of the largest."""
    return int((lam > RELATIVE_FLOOR * lam[0]).sum())


def active(lam: Tensor) -> int:
    """How many of lambda (D,) hold more than ACTIVE of an equal share, sum lambda / D; 0 where there is no variance.

    Scale-free: a common offset shrinks the variance of unit rows without changing its shape. The scale is the sum and not the
    largest: one direction that outweighs all others does not empty them until it holds 97 % of the variance. A floor of noise
    that holds 1 % of the variance is not counted: with N >= 2 D sampling lifts it at most (1 + sqrt(1/2))^2 = 2.9 times.
    """
    return int((lam > ACTIVE * lam.mean()).sum())


def directions_for(share: float, lam: Tensor) -> int:
    """The fewest directions that hold this share of the variance, lambda (D,) descending; 0 where there is none."""
    return int((lam.cumsum(0) < share * lam.sum()).sum()) + int(lam[0] > 0)


def crossing(share: float, lam: Tensor) -> Tensor:
    """Where the variance held by the first k directions, drawn as a line, crosses this share; rounded up, `directions_for`.

    The step that it crosses is that of the first spectrum (…, D).
    """
    held = lam.cumsum(dim=-1) / lam.sum(dim=-1, keepdim=True)
    k = min(int((held.reshape(-1, held.shape[-1])[0] < share).sum()), held.shape[-1] - 1)
    below = held[..., k - 1] if k else torch.zeros_like(held[..., 0])
    return k + (share - below) / (held[..., k] - below)


def above(threshold: Tensor, lam: Tensor, noise: float) -> Tensor:
    """How many of lambda (..., D) > 0 are above the threshold (...), each by as much as it is surely so.

    noise: the standard deviation of log lambda, sqrt(2/N) for N Gaussian rows.
    """
    probabilities: Tensor = torch.special.ndtr((lam.log() - threshold.log().unsqueeze(-1)) / noise)
    return probabilities.sum(dim=-1)


def fit_range(positive: int) -> tuple[int, int] | None:
    """First and last direction, counted from 1, of the line through log lambda; None where fewer than 3 would be left.

    11 to 100, as published, where twice as many directions have variance; else 3 to half of them: beyond, sampling noise and
    rounding bend the line, and the first two are often outliers.
    """
    first, last = PUBLISHED_FIT if positive >= 2 * PUBLISHED_FIT[1] else (SHORT_FIT, positive // 2)
    return (first, last) if last >= first + 2 else None


def alpha(lam: Tensor, first: int, last: int) -> Tensor:
    """Exponent of lambda_j ~ j^-alpha (alpha-ReQ, Agrawal et al. 2022): minus the slope of log lambda_j on log j, first to last.

    Weighted by 1/j, so that every octave of j counts the same; without weights the last octave alone would be half of the fit.
    """
    slope, _, _ = _line(lam, first, last)
    return -slope


def misfit(lam: Tensor, first: int, last: int) -> Tensor:
    """1 - R^2 of that weighted line, in [0, 1]; 0 where all of those lambda are equal."""
    _, residual, total = _line(lam, first, last)
    return torch.where(total > 0, residual / torch.where(total > 0, total, 1.0), 0.0)


def _line(lam: Tensor, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
    """Slope, weighted squares left over, and weighted squares about the mean, of log lambda_j on log j."""
    j = torch.arange(first, last + 1, dtype=lam.dtype, device=lam.device)
    weight = 1 / j / (1 / j).sum()
    x = j.log() - (weight * j.log()).sum()
    y = lam[..., first - 1 : last].log()
    y = y - (weight * y).sum(dim=-1, keepdim=True)
    slope = (weight * x * y).sum(dim=-1) / (weight * x * x).sum()
    residual = (weight * (y - slope.unsqueeze(-1) * x).square()).sum(dim=-1)
    return slope, residual, (weight * y * y).sum(dim=-1)


def condition(lam: Tensor) -> float:
    """log10 of the largest over the smallest of lambda (D,); infinite where any is 0."""
    return math.inf if lam[-1] <= 0 else float((lam[0] / lam[-1]).log10())

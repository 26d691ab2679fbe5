"""Two sets in pairs, as images and their captions: do pairs meet, and do the two sets lie apart?

The gap is Liang et al.'s (2022, "Mind the Gap", arXiv:2203.02053): the distance between the means of the two sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.layout import Table
from collapse_cli.metrics.alignment import aligned, uniform
from collapse_cli.metrics.jackknife import FEW, of_mean
from collapse_cli.metrics.probe import wilson
from collapse_cli.metrics.rows import unit
from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured

SWAPS = 64  # times that the null of the gap is drawn
CANDIDATES = 2048  # rows among which a partner is looked for
BINS = 32  # of the cosines
TIE = 1e-9  # cosines closer than this are equal: float64's rounding, and more


@dataclass(frozen=True)
class Modality:
    """Two sets in pairs."""

    TABLE: ClassVar = Table(json_only=("pairs", "candidates"))  # N of the settings, or what is drawn of it

    pairs: int = number("pairs measured, N")
    alignment: float = number(
        "mean ||a_i - b_i||^2 over the pairs; low is well aligned, but 0 is also complete collapse",
        convention="squared distance of L2-normalised rows, 0 to 4", null="shuffled",
        better="low", headline=True, low=0,
    )  # fmt: skip
    pair_cosine: float = number(
        "mean cosine of a pair; null: of two embeddings that are no pair",
        label="cosine of a pair", null="shuffled", better="high", low=-1, high=1,
    )  # fmt: skip
    modality_gap: float = number(
        "distance between the means of the two sets (Liang et al. 2022); 0 where they occupy the "
        "same region, 2 at most",
        convention=("L2-normalised rows; swapped: the sides of each pair, at random; the interval holds well above that"),
        null="sides swapped", better="low", headline=True, low=0,
    )  # fmt: skip
    uniformity_first: float = number(
        "log of the mean exp(-2 ||a_i - a_j||^2) over all pairs i < j of the first set; 0 is complete collapse",
        label="uniformity, first", unit="nats", convention="L2-normalised rows, t = 2",
        null="lower bound for this d", better="low", headline=True, high=0,
    )  # fmt: skip
    uniformity_second: float = number(
        "log of the mean exp(-2 ||b_i - b_j||^2) over all pairs i < j of the second set", label="uniformity, second", unit="nats",
        convention="L2-normalised rows, t = 2", null="lower bound for this d", better="low", headline=True, high=0,
    )  # fmt: skip
    recall_first: float = number(
        "share of the first set's embeddings whose nearest embedding of the second set is their partner",
        label="recall@1, first", convention="by cosine", interval="Wilson 95 %", null="guessing",
        better="high", headline=True, low=0, high=1,
    )  # fmt: skip
    recall_second: float = number(
        "share of the second set's embeddings whose nearest embedding of the first set is their partner",
        label="recall@1, second", convention="by cosine", interval="Wilson 95 %", null="guessing",
        better="high", low=0, high=1,
    )  # fmt: skip
    candidates: int = number("embeddings among which the partner is looked for, sampled without replacement")
    cosines: Curve = curve(
        "share of the pairs by their cosine",
        label="cosine of a pair", x="cosine", y="share of pairs", null="shuffled", low=0, high=1,
    )  # fmt: skip


def modality(first: Tensor, second: Tensor, generator: Generator) -> Modality:
    """Rows (N,D) of two sets, row i of one belonging to row i of the other; raw ones are normalised here.

    generator (CPU): the swaps of the null and the candidates are drawn of it. Raises CollapseError for sets of different
    shapes, for rows that are not finite and, with code 3, for fewer than 2.
    """
    if first.shape != second.shape:
        raise CollapseError(
            f"embeddings of shape {tuple(first.shape)} and {tuple(second.shape)} are no pairs",
            "give two files of one shape",
        )
    first, second = unit(first), unit(second)
    chosen = torch.randperm(len(first), generator=generator)[:CANDIDATES]
    cosines = first[chosen] @ second[chosen].T  # (m, m)
    pair_cosines = (first * second).sum(dim=1)  # (N,)
    other = other_cosine(first, second)
    return Modality(
        pairs=len(first),
        alignment=aligned(first, second, null=2 - 2 * other),
        pair_cosine=_pair_cosine(pair_cosines, other),
        modality_gap=_gap(first - second, generator),
        uniformity_first=uniform(first),
        uniformity_second=uniform(second),
        recall_first=_recall(cosines),
        recall_second=_recall(cosines.T),
        candidates=len(chosen),
        cosines=_histogram(pair_cosines, cosines),
    )


def gap(first: Tensor, second: Tensor) -> float:
    """||mean a - mean b|| of unit rows (N,D) and (M,D) (Liang et al. 2022); in [0, 2]."""
    return float((first.mean(dim=0) - second.mean(dim=0)).norm())


def other_cosine(first: Tensor, second: Tensor) -> float:
    """Mean cosine of a_i and b_j, i != j, of unit rows (N,D) each, N >= 2.

    (<sum a, sum b> - sum_i <a_i, b_i>) / (N(N-1)): no pair of rows is formed.
    """
    n = len(first)
    every = first.sum(dim=0) @ second.sum(dim=0)
    return float((every - (first * second).sum()) / (n * (n - 1)))


def recall(cosines: Tensor) -> float:
    """Share of the rows of (m,m) that are largest on the diagonal; of k that are equally large, each is found 1/k times."""
    pair_cosines = cosines.diagonal()[:, None]  # (m, 1)
    nearest = cosines.amax(dim=1, keepdim=True) <= pair_cosines + TIE
    return float((nearest[:, 0].double() / (cosines >= pair_cosines - TIE).sum(dim=1)).mean())


def _recall(cosines: Tensor) -> Measured:
    share, count = recall(cosines.double()), len(cosines)
    return Measured(share, null=1 / count, interval=wilson(round(share * count), count))


def _pair_cosine(pair_cosines: Tensor, other: float) -> Measured:
    value = float(pair_cosines.mean())
    interval = None if len(pair_cosines) < FEW else of_mean(pair_cosines).around(value)
    return Measured(value, null=other, interval=interval and (max(interval[0], -1.0), min(interval[1], 1.0)))


def _gap(differences: Tensor, generator: Generator) -> Measured:
    """From a_i - b_i (N,D). Row i moves the gap by (a_i - b_i) along the direction in which the means lie apart.

    With the sides of each pair swapped at random the mean is one of signs: its square is alignment / N on average.
    """
    n, step = len(differences), differences.mean(dim=0)  # (D,)
    value = float(step.norm())
    signs = torch.randint(2, (SWAPS, n), generator=generator).to(differences).mul_(2).sub_(1)
    swapped = (signs @ differences / n).norm(dim=1).mean()
    if n < FEW:
        return Measured(value, null=float(swapped))
    low, high = of_mean(differences @ step / (value or 1.0)).around(value)
    return Measured(value, null=float(swapped), interval=(max(low, 0.0), min(high, 2.0)))


def _histogram(pair_cosines: Tensor, cosines: Tensor) -> Curve:
    """Shares of pair_cosines (N,) and of all other cosines in (m,m), in the same bins."""
    others = cosines[~torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)]
    every = torch.cat([pair_cosines, others])
    low, high = float(every.min()), float(every.max())
    reach = max(high - low, 0.01) / BINS
    place = [((part - low) / reach).long().clamp(0, BINS - 1) for part in (pair_cosines, others)]
    shares = [(bins.bincount(minlength=BINS) / len(bins)).tolist() for bins in place]
    return Curve(shares[0], x=[low + (k + 0.5) * reach for k in range(BINS)], null=shares[1])

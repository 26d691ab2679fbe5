"""Hubness: a few embeddings that are among the nearest neighbours of very many others, and many that are nobody's.

N_k(x), the k-occurrence of x, is in how many lists of k nearest neighbours x is; its mean is k whatever the embeddings
(Radovanovic et al. 2010, JMLR 11: 2487-2531). Of the lists of Q of N rows the moments of the k-occurrences of all N follow
without bias: a key's pairs of lists are to all its pairs as Q (Q - 1) is to N (N - 1), and its triples likewise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy
import torch
from torch import Generator, Tensor

from collapse_cli.metrics.jackknife import FEWEST, LEVEL
from collapse_cli.metrics.occurrences import Occurrences, occurrences
from collapse_cli.metrics.probe import wilson
from collapse_cli.results import number
from collapse_cli.shapes import Rows
from collapse_cli.values import Measured

K = 10
QUERIES = 4000
LEAST = 3 * K  # embeddings, with fewer of which nearly all are neighbours of all
TELLS = 4.0  # standard errors of their variance that k-occurrences must have, if their skewness is to be told from some queries
TOO_NARROW = 2.0
"""By how much the jackknife is widened: where hubs are few it falls short, as tests/benchmarks/retrieval.py measures."""
NO_VARIANCE = 1e-9  # of k: every key is in equally many lists


@dataclass(frozen=True)
class Hubness:
    """Hubness."""

    hub_skewness: float | None = number(
        "skewness of the k-occurrences, in how many lists of k nearest neighbours each embedding is (Radovanovic et al. 2010, "
        "JMLR 11); large: a few embeddings, hubs, are neighbours of very many; from a sample of queries without bias",
        label="skewness of k-occurrence", convention="cosine, k = 10, no self pairs", null="independent", better="low",
        headline=True,
    )  # fmt: skip
    anti_hubs: float = number(
        "share of the embeddings that are in no list of the queries: a search does not find them. Fewer queries leave more",
        label="anti-hubs", unit="share", convention="cosine, k = 10, no self pairs", null="independent", better="low",
        headline=True, low=0, high=1,
    )  # fmt: skip
    largest_hub: float = number(
        "share of the lists in which the most frequent embedding is",
        unit="share of lists", convention="cosine, k = 10, no self pairs", null="independent", better="low", headline=True,
        low=0, high=1,
    )  # fmt: skip
    queries: int = number("embeddings whose nearest neighbours were looked for", default=0)
    hub: int = 0  # the row of the most frequent embedding


def hubness(rows: Rows, generator: Generator, exact: bool = False) -> Hubness:
    """rows (N,D) of any lengths, N >= LEAST, beside lists that were drawn independently. exact: every row is a query.

    Isotropic rows have the null's hubness: by cosine no place on the sphere is nearer to others. Memory does not grow with N but
    for three numbers a row. Raises CollapseError for rows that are not finite.
    """
    n = rows.shape[0]
    some = torch.randperm(n, generator=generator)[: n if exact else QUERIES]
    return of_occurrences(occurrences(rows, some.sort().values, K))


def of_occurrences(seen: Occurrences) -> Hubness:
    """Of the k-occurrences of N keys."""
    n, q = len(seen.sums), seen.queries
    chance = seen.k / (n - 1)
    missed = int((seen.sums == 0).sum())
    null = (1 - chance) ** (q * (n - 1) / n)  # itself a query or not
    largest = float(seen.sums.max()) / q
    return Hubness(
        hub_skewness=skewness(seen),
        anti_hubs=Measured(missed / n, null, wilson(missed, n)),
        largest_hub=Measured(min(largest, 1.0), _largest_of(n, q, chance) / q),
        queries=q,
        hub=int(seen.sums.argmax()),
    )


def skewness(seen: Occurrences) -> Measured | None:
    """Of the k-occurrences of all N rows as queries; None where some queries do not tell it.

    Interval: the jackknife over keys, on the scale of asinh, for hubs are few and far out.
    """
    n, k = len(seen.sums), seen.k
    chance = k / (n - 1)
    null = (1 - 2 * chance) / math.sqrt((n - 1) * chance * (1 - chance))
    squares, cubes = _central(seen)
    variance, third = float(squares.mean()), float(cubes.mean())
    error = float(squares.std()) / math.sqrt(n)
    if seen.queries < n and not variance > TELLS * error:
        return None
    if not variance > NO_VARIANCE * k:
        return Measured(0.0, null)
    value = third / variance**1.5
    without = (cubes.sum() - cubes) / ((squares.sum() - squares) / (n - 1)).clamp_min(1e-12) ** 1.5 / (n - 1)
    low, high = _around(math.asinh(value), without.asinh())
    return Measured(value, null, (math.sinh(low), math.sinh(high)))


def _central(seen: Occurrences) -> tuple[Tensor, Tensor]:
    """(N_k - k)^2 and (N_k - k)^3 of each key (N,), or what has their expectation over the queries that were taken.

    With w of the lists of single queries, the sum of w squared is sum w^2 + sum over pairs w w'. Each pair that was seen stands
    for as many as there are pairs of all N rows over pairs of Q; triples likewise.
    """
    n, q, k = len(seen.sums), seen.queries, seen.k
    first, pair = n / q, n * (n - 1) / (q * (q - 1))
    triple = pair * (n - 2) / (q - 2)
    s, s2, s3 = seen.sums, seen.squares, seen.cubes
    mean = s * first
    square = s2 * first + (s * s - s2) * pair
    cube = s3 * first + 3 * (s * s2 - s3) * pair + (s**3 - 3 * s * s2 + 2 * s3) * triple
    return square - 2 * k * mean + k * k, cube - 3 * k * square + 3 * k * k * mean - k**3


def _around(value: float, without: Tensor) -> tuple[float, float]:
    """The interval of 95 % around a value, from what it is without each of the keys (N,)."""
    from scipy.special import stdtrit

    n, apart = len(without), without - without.mean()
    size = math.sqrt(float(apart.square().sum()) * (n - 1) / n)
    if not size > 0:
        return value, value
    heavy = float(apart.pow(4).mean() / apart.square().mean().square())
    degrees = max(2 * n / max(heavy - 1, 1e-9), FEWEST)
    width = TOO_NARROW * size * float(stdtrit(degrees, (1 + LEVEL) / 2))
    return value - width, value + width


def _largest_of(keys: int, queries: int, chance: float) -> float:
    """Expected largest of so many independent numbers, each Binomial(queries, chance): the sum over m of 1 - F(m)^keys."""
    from scipy.special import bdtr

    counts = numpy.arange(queries + 1)
    with numpy.errstate(divide="ignore"):
        return float((-numpy.expm1(keys * numpy.log(bdtr(counts, queries, chance)))).sum())

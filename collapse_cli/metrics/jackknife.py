"""How far a number would move with another sample of as many rows: the infinitesimal jackknife (Jaeckel 1972).

A number is a function of the rows' weights. How it answers to a little more weight on row i is that row's influence; the
mean square of the influences, over N, is the jackknife's variance. It needs slopes only, so no eigenvalue is computed twice,
and a sample of the rows will do: rows (n,D) with weights (n,), how many of all N each stands for, those at random first.

Two things must be put right, or isotropic rows have intervals twice as wide as they should be:

- The jackknife counts a part of the variance that comes from pairs of rows twice, from triples three times (Efron & Stein
  1981). At isotropy ranks have no slope and pairs are all there is. How two rows act together, measured on pairs, says how
  much of the variance that is.
- Where eigenvalues lie closer than sampling tells apart, their directions are arbitrary turns of one another. There the
  slopes are means over the neighbours.

What the interval covers is the expectation of the number at this N; ranks of few rows are biased, and their nulls as much.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

ROWS = 1024  # rows whose influences are measured
PAIRS = 128  # pairs of them
STEP = 1e-4  # of a row's weight, over which slopes are compared
FEW = 8  # rows, with fewer of which there is no interval
FEWEST = 4.0  # degrees of freedom, however heavy the tails
LEVEL = 0.95
FARTHEST = math.log(sys.float_info.max)

Spectral = Callable[[Tensor], Tensor]
"""Eigenvalues (..., D), descending, > 0 -> (...): differentiable."""


@dataclass(frozen=True)
class Error:
    """Standard error of a number, and the degrees of freedom of the t that goes with it."""

    size: float
    degrees: float

    def around(self, value: float) -> tuple[float, float]:
        """The interval of 95 % around value."""
        from scipy.special import stdtrit

        width = self.size * float(stdtrit(self.degrees, (1 + LEVEL) / 2))
        return value - width, value + width


def raised(exponent: float) -> float:
    """e^exponent: the end of an interval that was found on the scale of the logarithm. Infinite beyond float64."""
    return math.exp(exponent) if exponent < FARTHEST else math.inf


def of_eigenvalues(
    numbers: Sequence[Spectral], lam: Tensor, vectors: Tensor, rows: Tensor, weights: Tensor, centred: bool
) -> list[Error]:
    """Of numbers that are functions of eigenvalues lam (D,) > 0, descending, with vectors (D',D).

    rows (n,D') with weights (n,), about their mean where the eigenvalues are of a covariance (`centred`).
    """
    turned = rows @ vectors  # (n, D)
    pushes = turned.square() - lam  # what a row's weight does to every eigenvalue
    first, second = partners(len(rows), rows.device)  # (P,) each
    together = turned[first] * turned[second]  # (P, D): what two rows do to the angles between directions
    slopes, bends = derivatives(numbers, lam, pushes[first])
    mixing, angles = neighbours(lam, float(weights.sum()))
    slopes = slopes @ mixing.T
    moved = 2 * together * (together @ angles.T - float(centred))  # (P, D); two rows move the mean, too
    pairs = (bends * pushes[second][:, None]).sum(dim=2) + moved @ slopes.T  # (P, K)
    return [
        error_of(influences, weights, float(square), share_of_spectra)
        for influences, square in zip((pushes @ slopes.T).T, pairs.square().mean(dim=0), strict=True)
    ]


def of_variances(
    numbers: Sequence[Spectral], variances: Tensor, rows: Tensor, weights: Tensor
) -> list[Error]:
    """Of numbers that are functions of the columns' variances (D,) > 0; rows (n,D) with weights (n,), about their mean."""
    pushes = rows.square() - variances
    alike = len(rows) - int((weights < weights[0]).sum())  # those at random
    some = torch.linspace(0, alike - 1, min(PAIRS, alike)).long()  # (m,): in proportion if rows are sorted
    different = ~torch.eye(len(some), dtype=torch.bool, device=rows.device)
    slopes, bends = derivatives(numbers, variances, pushes[some])
    errors = []
    for k, slope in enumerate(slopes):
        pairs = bends[:, k] @ pushes[some].T - 2 * (rows[some] * slope) @ rows[some].T  # (m, m)
        square = float(pairs[different].square().mean())
        errors.append(error_of(pushes @ slope, weights, square, share_of_pairs))
    return errors


def of_pairs(influences: Tensor, square: float) -> Error:
    """Of a mean over pairs of rows: influences (N,) of all of them, and the mean square of what pairs do together.

    For a mean of k_ij, with r_i that of row i: influences 2 (r_i - mean), together 2 (k_ij - r_i - r_j + mean).
    """
    return error_of(influences, torch.ones_like(influences), square, share_of_pairs)


def of_mean(values: Tensor) -> Error:
    """Of the mean of independent values (N,), N >= 2."""
    return Error(float(values.std()) / len(values) ** 0.5, len(values) - 1)


def partners(n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Both places (P,) of P pairs of n rows: disjoint while there are enough, then other partners for the same."""
    turn = torch.arange(PAIRS, device=device)
    first = turn % n
    reach = PAIRS if n >= 2 * PAIRS else 1
    return first, (first + reach + (turn // n) % (n - 1)) % n


def derivatives(
    numbers: Sequence[Spectral], values: Tensor, pushes: Tensor, step: float = STEP
) -> tuple[Tensor, Tensor]:
    """Slopes (K,D) of K numbers at values (D,), and how they change (P,K,D) with each of the pushes (P,D)."""
    slopes: list[Tensor] = []
    with torch.inference_mode(False), torch.enable_grad():
        nearby = torch.cat([values[None], values + step * pushes]).requires_grad_()  # (1+P, D), all > 0
        for number in numbers:
            slopes += torch.autograd.grad(number(nearby).sum(), nearby)
    every = torch.stack(slopes, dim=1)  # (1+P, K, D)
    return every[0], (every[1:] - every[0]) / step


def neighbours(lam: Tensor, count: float) -> tuple[Tensor, Tensor]:
    """Of eigenvalues (D,) seen through `count` rows: weights (D,D) of the mean over those not told apart, and how far
    directions turn into one another, 1 / (lambda_k - lambda_l), which sampling bounds (D,D).
    """
    gaps, noise = lam[:, None] - lam, lam[:, None] * lam / count
    mixing = torch.exp(-gaps.square() / noise)
    return mixing / mixing.sum(dim=1, keepdim=True), gaps.sign() / (gaps.square() + 4 * noise).sqrt()


def error_of(influences: Tensor, weights: Tensor, square: float, share: Callable[[float], float]) -> Error:
    """From influences (n,) with weights (n,), and the mean square of what pairs do together.

    Degrees of freedom: those of a variance measured on values as heavy-tailed as these, some standing for many (Satterthwaite).
    """
    count = float(weights.sum())
    centred = influences - weights @ influences / count
    deviation = math.sqrt(float(weights @ centred.square()) / count)
    if not deviation > 0:
        return Error(0.0, FEWEST)
    ratio = square / (2 * count) / deviation**2  # variance of pairs, over the jackknife's
    fourth = (centred / deviation).pow(4)
    noise = (float(weights @ fourth) / count - 1) / count + float(
        (weights * (weights - 1)) @ fourth
    ) / count**2
    return Error(deviation * math.sqrt(share(ratio) / count), max(2 / max(noise, 1e-9), FEWEST))


def share_of_pairs(ratio: float) -> float:
    """What part of the jackknife's variance is true where no more than two rows act together, exactly known.

    All but the pairs' surplus; where pairs are all there is, 1/2: there the geometric mean of two estimates of their
    variance, the jackknife's half and their own.
    """
    return max(1 - ratio, math.sqrt(ratio / 2))


def share_of_spectra(ratio: float) -> float:
    """The same for functions of eigenvalues, where many rows act together.

    A statistic of order k alone has ratio (k - 1)/2 and the part 1/k. Below order 2 the exact part, for orders 1 and 2 mixed,
    would be 1 - ratio; since both estimates have noise, this stays above it and meets it at either end.
    """
    return 1 - 2 * ratio**2 if ratio < 0.5 else 1 / (1 + 2 * ratio)

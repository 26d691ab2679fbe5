"""What spectra look like where nothing is to be found: isotropic rows, isotropic rows through a ReLU, shuffled columns."""

from __future__ import annotations

import math

import numpy
import torch
from torch import Generator, Tensor

from collapse_cli.metrics.moments import BLOCK, Moments, Spread, moments
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.rows import directions, unit
from collapse_cli.shapes import Rows

DRAWN = 2**18  # up to so many numbers the rows themselves are drawn or shuffled; beyond, their scatter alone
PILOT = 4096  # rows from which the two moments of a rectified unit row are learnt
GRID = 2**13  # steps of the integral of the Marchenko-Pastur density


def never_negative(rows: Rows) -> bool:
    """Whether no entry of rows (N,D) is below 0, as behind a ReLU."""
    size = max(BLOCK // max(rows.shape[1], 1), 1)
    return all(bool((rows[start : start + size] >= 0).all()) for start in range(0, rows.shape[0], size))


def edges(gamma: float, variance: float = 1.0) -> tuple[float, float]:
    """Smallest and largest eigenvalue above 0 of the covariance of isotropic rows, gamma = D/N, as both grow.

    variance (1 -+ sqrt gamma)^2 (Marchenko & Pastur 1967); for gamma > 1 a share 1 - 1/gamma of all is 0 besides.
    """
    return variance * (1 - math.sqrt(gamma)) ** 2, variance * (1 + math.sqrt(gamma)) ** 2


def density(lam: Tensor, gamma: float, variance: float = 1.0) -> Tensor:
    """sqrt((high - lambda)(lambda - low)) / (2 pi gamma variance lambda) between the edges, else 0.

    Its integral is min(1, 1/gamma): the zeros of gamma > 1 are not in it.
    """
    low, high = edges(gamma, variance)
    inside = ((high - lam) * (lam - low)).clamp_min(0).sqrt()
    return torch.where(inside > 0, inside / (2 * math.pi * gamma * variance * lam), 0.0)


def quantiles(count: int, gamma: float, variance: float = 1.0) -> Tensor:
    """Where the law puts `count` eigenvalues (count,), descending: its quantiles at (k - 1/2) / count.

    With lambda = 1 + gamma + 2 sqrt(gamma) cos t the density becomes 2/pi sin^2 t / lambda, smooth also at gamma = 1.
    """
    t = torch.linspace(0, math.pi, GRID + 1, dtype=torch.float64)
    lam = 1 + gamma + 2 * math.sqrt(gamma) * t.cos()  # descending
    heights = torch.where(lam > 0, 2 / math.pi * t.sin().square() / lam.clamp_min(1e-300), 2 / math.pi)
    held = torch.cat([t.new_zeros(1), torch.cumulative_trapezoid(heights, t)])  # share above lambda
    levels = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    eigenvalues = torch.from_numpy(numpy.interp(levels.numpy(), held.numpy(), lam.numpy()))
    return variance * torch.where(levels < min(1, 1 / gamma), eigenvalues, 0.0)


def few(n: int, d: int) -> bool:
    """Whether rows (n,d) are drawn or shuffled themselves: they are few numbers, or fewer rows than dimensions."""
    return n * d <= DRAWN or n <= d


def isotropic_rows(n: int, d: int, generator: Generator, relu: bool = False) -> Tensor:
    """Rows (n,d) of independent normal numbers, or with `relu` of their positive parts; float64."""
    rows = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return rows.clamp_min(0) if relu else rows


def isotropic(n: int, d: int, generator: Generator, relu: bool = False) -> tuple[Spread, Spread]:
    """Moments of n rows of d independent normal numbers, of their positive parts with `relu`; and of the same at length 1.

    Where rows are many only their moments are drawn, at a cost of d^3: the scatter by Bartlett's decomposition, which is
    exact for raw rows. Unit rows are raw ones at another scale up to O(1/d), for the lengths of all rows agree to
    sqrt(1/2d); a ReLU makes the columns' law another, of which large matrices know mean and covariance alone.
    """
    if few(n, d):
        drawn = gather(isotropic_rows(n, d, generator, relu))
        return drawn.raw, drawn.on_sphere
    scatter, mean = (
        wishart(n - 1, d, generator),
        torch.randn(d, generator=generator, dtype=torch.float64) / n**0.5,
    )
    if relu:
        return _rectified(n, mean, scatter), _rectified_unit(n, mean, scatter, generator)
    raw = Moments(n, mean, scatter)
    shrink = 1 / float(raw.second_moment.trace())  # unit rows have a mean square of 1
    return raw, Moments(n, mean * shrink**0.5, scatter * shrink)


def wishart(n: int, d: int, generator: Generator) -> Tensor:
    """(d,d): the sum of x x^T over n rows x of d independent normal numbers, n >= 1.

    Bartlett: R^T R of an upper triangle of normal numbers, on its diagonal sqrt of chi^2 with n, n-1, … degrees of freedom.
    """
    height = min(n, d)
    triangle = torch.randn(height, d, generator=generator, dtype=torch.float64).triu()
    seed = int(torch.randint(2**62, (1,), generator=generator))
    squares = numpy.random.default_rng(seed).chisquare(n - numpy.arange(height))
    triangle.diagonal().copy_(torch.from_numpy(squares).sqrt())
    return triangle.T @ triangle


def shuffled(rows: Rows, on_sphere: Spread, generator: Generator, count: int | None = None) -> Tensor:
    """Covariance (D,D) of the unit rows after every column was shuffled on its own: the same marginals, no correlation.

    count: of as many independent rows, where these are worth fewer than they are.

    Where rows are many they are not read again: the correlations of shuffled columns have mean 0 and variance 1/(N-1), as
    those of independent normal columns do, and the variances stay what they are.
    """
    n, d = rows.shape
    if few(n, d) and count in (None, n):
        return moments(shuffle_columns(unit(rows[0:n]), generator)).covariance
    scatter = wishart((count or n) - 1, d, generator)
    deviation = (on_sphere.variances.clamp_min(0).cpu() / scatter.diagonal()).sqrt()  # (D,)
    return deviation[:, None] * scatter * deviation


def shuffle_columns(rows: Tensor, generator: Generator) -> Tensor:
    """rows (N,D) with every column in an order of its own."""
    order = torch.rand(rows.shape, generator=generator).argsort(dim=0)
    return rows.gather(0, order.to(rows.device))


def _rectified(n: int, mean: Tensor, scatter: Tensor) -> Moments:
    """Positive parts have mean 1/sqrt(2 pi) and variance 1/2 - 1/(2 pi)."""
    variance = 0.5 - 1 / (2 * math.pi)
    return Moments(n, (2 * math.pi) ** -0.5 + variance**0.5 * mean, variance * scatter)


def _rectified_unit(n: int, mean: Tensor, scatter: Tensor, generator: Generator) -> Moments:
    """All coordinates of a rectified unit row are alike, so that its covariance is a (I - P) + b P, P = 1 1^T / d."""
    d = len(mean)
    pilot = directions(torch.randn(PILOT, d, generator=generator, dtype=torch.float64).clamp_min(0))
    level = float(pilot.mean())
    along = float(pilot.sum(dim=1).var()) / d  # b
    across = max((1 - d * level**2 - along) / max(d - 1, 1), 0.0)  # a: the trace is 1 - |mean|^2
    grow = torch.full(
        (d, d), (along**0.5 - across**0.5) / d, dtype=torch.float64
    )  # the root of that covariance
    grow.diagonal().add_(across**0.5)
    return Moments(n, level + grow @ mean, grow @ scatter @ grow)

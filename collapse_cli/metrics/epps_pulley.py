"""How far embeddings are from an isotropic Gaussian, along all directions: the sliced Epps-Pulley statistic of SIGReg.

Along a direction a, the characteristic function of the numbers x = a.z is held against that of N(0, 1), exp(-t^2/2):
integral |mean exp(itx) - exp(-t^2/2)|^2 exp(-t^2/2) dt (Epps & Pulley 1983; Balestriero & LeCun 2025, arXiv:2511.08544, whose
code has this weight, 17 values of t up to 3, and random directions).
For N numbers that is sqrt(2 pi) mean_ij exp(-(x_i - x_j)^2 / 2) - 2 sqrt(pi) mean_i exp(-x_i^2 / 4) + sqrt(2 pi / 3).

Of rows of one length the mean over all directions has a closed form too. a.v of a random unit vector a has a square that is
|v|^2 times a Beta(1/2, (D - 1)/2), so that the mean of exp(-(a.v)^2 / 2) is Kummer's M(1/2, D/2, -|v|^2 / 2). No direction
is drawn, and turning the rows changes nothing.
"""

from __future__ import annotations

import math

import numpy
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from collapse_cli.metrics.jackknife import FEW, of_pairs
from collapse_cli.metrics.pairwise import Kernel, kernel_means
from collapse_cli.values import Measured

DEGREE = 20  # of the polynomial in the cosine that stands for M: right to 1e-9 for every D
AT_ONCE = 2**18  # numbers that it is evaluated of at once: a processor's cache holds them
PAIR = math.sqrt(2 * math.pi)  # integral of exp(-t^2 / 2)
CONSTANT = math.sqrt(2 * math.pi / 3)  # of exp(-3 t^2 / 2)


def epps_pulley(u: Tensor, null: float) -> Measured:
    """Unit rows (N,D), N >= 2, measured at length sqrt D -> the mean over directions, without self pairs; to PAIR + CONSTANT.

    0 is expected of rows that are N(0, I) along every direction, and a sample may fall below; one point has 1.06 for large D.
    As published it is times N, with self pairs: N S + PAIR (1 - mean kernel), to whose null 1.06 is expected.
    """
    n, d = u.shape
    means, square = kernel_means(u, distance_kernel(d))
    mean = float(means.mean())
    value = distance(mean, d)
    if n < FEW:
        return Measured(value, null)
    influences = 2 * PAIR * (means - mean)
    together = 4 * PAIR**2 * (square - mean**2) - 2 * float(influences.square().mean())
    return Measured(value, null, of_pairs(influences, max(together, 0.0)).around(value))


def uniform(d: int) -> float:
    """Of rows drawn uniformly on the sphere in R^d at length sqrt d, whose numbers are not quite Gaussian: of order 1/d^2.

    Gauss's quadrature with the weight (1 - c^2)^((d-3)/2) of a cosine c.
    """
    from scipy.special import roots_gegenbauer

    if d == 1:
        cosines, weights = numpy.array([-1.0, 1.0]), numpy.ones(2)
    else:
        cosines, weights = roots_gegenbauer(DEGREE, d / 2 - 1)
    mean = float(numpy.average(_kummer(d, d * (1 - cosines)), weights=weights))
    return max(distance(mean, d), 0.0)


def distance(mean: float, d: int) -> float:
    """From the mean of the kernel over pairs."""
    to_gaussian = float(
        _kummer(d, numpy.array(d / 4))
    )  # mean over directions of exp(-x^2 / 4), the same of all rows
    return PAIR * mean - 2 * math.sqrt(math.pi) * to_gaussian + CONSTANT


def distance_kernel(d: int) -> Kernel:
    """Mean over directions of exp(-(a.v)^2 / 2), v the difference of two rows of length sqrt d: |v|^2 = 2d (1 - cosine)."""
    nodes = chebyshev.chebpts1(DEGREE + 1)
    series = chebyshev.chebfit(nodes, _kummer(d, d * (1 - nodes)), DEGREE)
    terms = torch.from_numpy(chebyshev.cheb2poly(series)).flip(0)

    def kernel(distance: Tensor) -> Tensor:
        powers = terms.to(distance)
        cosines = distance.div_(2).add_(1)
        for part in torch.split(cosines, max(AT_ONCE // cosines.shape[1], 1)):
            value = torch.full_like(part, float(terms[0]))
            for term in powers[1:].unbind():
                torch.addcmul(term, value, part, out=value)
            part.copy_(value)
        return cosines

    return kernel


def _kummer(d: int, y: numpy.ndarray) -> numpy.ndarray:
    """M(1/2, d/2, -y), y >= 0; (1 + 2y/d)^(-1/2) for large d."""
    from scipy.special import hyp1f1

    values: numpy.ndarray = hyp1f1(0.5, d / 2, -y)
    return values

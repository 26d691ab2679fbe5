"""The Vendi score: how many distinct rows a set is worth (Friedman & Dieng 2023, arXiv:2210.02410)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.jackknife import FEW, Error, of_eigenvalues, raised
from collapse_cli.metrics.ranks import entropy, entropy_rank
from collapse_cli.metrics.rows import levelled, sound, unit

ROUNDING = 1e-12  # eigenvalues below this share of the largest are what float64 leaves of a zero


@dataclass(frozen=True)
class Distinct:
    """A Vendi score, in [1, N], and the standard error of its logarithm, where the rows can tell."""

    value: float
    error: Error | None

    @property
    def interval(self) -> tuple[float, float] | None:
        if self.error is None:
            return None
        low, high = self.error.around(math.log(self.value))
        return max(raised(low), 1.0), raised(high)


def vendi(rows: Tensor, width: float | None = None) -> float:
    """Effective number of distinct rows of (N,D), in [1, N]; it saturates at N, so compare sets of as many rows.

    Kernel: the cosine, or exp(-||a - b||^2 / (2 width^2)) where a width > 0 is given, which needs N x N numbers.
    """
    return distinct(rows, width).value


def vendi_of(kernel: Tensor) -> float:
    """exp of the entropy of the eigenvalues of kernel / N: similarities (N,N), with 1 on the diagonal."""
    return entropy_rank(torch.linalg.eigvalsh(kernel.double() / len(kernel)).clamp_min(0).flip(0))


def distinct(rows: Tensor, width: float | None = None) -> Distinct:
    """The score with its error: of the cosine only where there are more rows than dimensions.

    Rows stand for themselves in the kernel's own space, where their second moment has the kernel's eigenvalues.
    """
    n, d = rows.shape
    lam, turned = _cosine(unit(rows)) if width is None else _spread(gaussian(sound(rows), width))
    error = None
    if n > (max(d, FEW) if width is None else FEW):
        axes, once = torch.eye(len(lam)).to(turned), turned.new_ones(n)
        (error,) = of_eigenvalues([entropy], lam, axes, turned, once, centred=False)
    return Distinct(entropy_rank(lam), error)


def gaussian(rows: Tensor, width: float) -> Tensor:
    """(N,N): exp(-||a - b||^2 / (2 width^2)) of rows (N,D)."""
    (near,), k = levelled(rows)
    size = math.frexp(width)[1]
    width = math.ldexp(width, min(max(size + k, -1000), 1000) - size)
    squared = torch.cdist(near, near).square()
    return squared.div(-2).div(width).div(width).exp()


def _cosine(u: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (K,) > 0, descending, of the second moment of unit rows (N,D), and the rows along their vectors (N,K)."""
    if len(u) < u.shape[1]:
        return _spread(u @ u.T)
    lam, vectors = torch.linalg.eigh(u.T @ u / len(u))
    some = lam > ROUNDING * lam[-1]
    return lam[some].flip(0), (u @ vectors[:, some]).flip(1)


def _spread(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """The same of a kernel (N,N), in whose space rows have the coordinates sqrt(N lambda) times its vectors."""
    lam, vectors = torch.linalg.eigh(kernel / len(kernel))
    some = lam > ROUNDING * lam[-1]
    lam = lam[some].flip(0)
    return lam, vectors[:, some].flip(1) * (len(kernel) * lam).sqrt()

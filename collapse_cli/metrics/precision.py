"""Whether float32 products are exact enough for the numbers of a spectrum: where they are not, float64 it is.

E is the error of a scatter, of which E g is known for a few random g (`products`). In the basis V of eigenvectors, with
h = V^T g, the product h_k (V^T E g)_k has the mean (V^T E V)_kk over g, by which E moves the eigenvalue k, and varies by the size
of the whole row k. So every g tells of a movement that is about as large as the real one, and most often larger. All numbers are
computed again from eigenvalues that are moved by twice of it, and from scatters with all of the error along the mean, up and
down: they must stay the same in DIGITS digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from collapse_cli.metrics.eigenvalues import all_bases, eigenvalues
from collapse_cli.metrics.intervals import RAW, RAW_ABOUT_0, UNIT
from collapse_cli.metrics.moments import Gathered, Moments, Spread
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.products import bound, probes
from collapse_cli.metrics.ranks import fit_range
from collapse_cli.metrics.spectral_numbers import numbers, ray
from collapse_cli.shapes import Rows

WORK = 1e11  # N D^2 up to which products are float64
TALL = 32  # N / D from which the products cost more than the eigenvalues
PILOT = 8  # D rows from which it is decided whether float32 is tried
STEEP = 1e-7  # of the largest eigenvalue: where the smallest one is below, its digits need float64
DIGITS = 5  # significant, of a number
TWICE = 2.0

Bases = Mapping[str, tuple[Tensor, Tensor]]


def settled_pass(rows: Rows) -> tuple[Gathered, Bases]:
    """Of rows (N,D): what a pass leaves, copies counted, and the eigenvalues and vectors of the four matrices.

    Products are float32 where there are very many rows, and every number is the same to DIGITS digits whatever their error.
    """
    n, d = rows.shape
    if n * d * d <= WORK or n < TALL * d or not _promising(rows[0 : PILOT * d]):
        return _with_bases(gather(rows, counted=True))
    seen, bases = _with_bases(gather(rows, counted=True, exact=False))
    if settled(seen, bases):
        return seen, bases
    return _with_bases(replace(gather(rows), copies=seen.copies))


def product_error(seen: Gathered, bases: Bases) -> float | None:
    """Bound of the error of every eigenvalue, as a share of the largest of its covariance; None where products are float64."""
    if seen.moved is None:
        return None
    largest = (float(bases[name][0][0]) * (seen.raw.count - 1) for name in (RAW, UNIT))
    pairs = zip(seen.moved, largest, strict=True)
    return max(bound(moved) / most if most else 0.0 for moved, most in pairs)


def settled(seen: Gathered, bases: Bases) -> bool:
    """Whether the error of the products moves no number in a digit that counts."""
    if seen.moved is None:
        return True
    lam = {name: values for name, (values, _) in bases.items()}
    expected = _digits(lam, seen)
    g = torch.from_numpy(probes(len(seen.raw.mean)))
    along_mean = {sign: _along_mean(seen, sign) for sign in (1, -1)}
    for probe in range(g.shape[1]):
        moved = {
            name: TWICE * _movement(vectors, g[:, probe], _of(name, seen)[:, probe] / seen.raw.count)
            for name, (_, vectors) in bases.items()
        }
        for sign, beside in along_mean.items():
            values = {
                name: (lam[name] + sign * step).clamp_min(0).sort(descending=True).values
                for name, step in moved.items()
            }
            if _digits(values, beside) != expected:
                return False
    return True


def _along_mean(seen: Gathered, sign: int) -> Gathered:
    """With all of the error along the means: what varies there tells of rays, and may be far less than any eigenvalue."""
    assert seen.moved is not None
    raw, on_sphere = map(partial(_moved_along, sign), (seen.raw, seen.on_sphere), seen.moved)
    return replace(seen, raw=raw, on_sphere=on_sphere)


def _moved_along(sign: int, spread: Spread, moved: Tensor) -> Moments:
    mean = torch.nn.functional.normalize(spread.mean, dim=0, eps=1e-300)
    return Moments(spread.count, spread.mean, spread.scatter + sign * bound(moved) * torch.outer(mean, mean))


def _promising(rows: Tensor) -> bool:
    """Whether no direction of some rows has so little variance that float64 will be needed."""
    pilot = gather(rows)
    return all(_smallest(moments) >= STEEP for moments in (pilot.raw, pilot.on_sphere))


def _smallest(moments: Spread) -> float:
    """The smallest eigenvalue over the largest, of the columns that vary; 0 where none does."""
    varies = moments.scatter.diagonal() > 0
    if not bool(varies.any()):
        return 0.0
    lam = eigenvalues(moments.scatter[varies][:, varies])
    return float(lam[-1] / lam[0])


def _with_bases(seen: Gathered) -> tuple[Gathered, Bases]:
    return seen, all_bases(seen.raw, seen.on_sphere)


def _of(name: str, seen: Gathered) -> Tensor:
    assert seen.moved is not None
    return seen.moved[0 if name in (RAW, RAW_ABOUT_0) else 1]


def _movement(vectors: Tensor, g: Tensor, moved: Tensor) -> Tensor:
    """(D,): of each eigenvalue, as g (D,) and E g (D,) tell."""
    return (vectors.T @ g) * (vectors.T @ moved)


def _digits(lam: Mapping[str, Tensor], seen: Gathered) -> dict[str, str]:
    """Every number, to as many digits as count."""
    if not all(bool(torch.isfinite(values).all()) for values in lam.values()):
        return {}
    fit = fit_range(int((lam[RAW] > 0).sum()))
    worth = max(seen.copies.distinct, 2) if seen.copies else None
    values = numbers(lam, seen.on_sphere, fit, worth) | ray(seen.raw)
    return {name: f"{value:.{DIGITS}g}" for name, value in values.items()}

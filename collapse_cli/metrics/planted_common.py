"""Rows with a common part whose verdict is known: points, rays, offsets, massive coordinates, outliers, and networks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.planted import Draw, Scene, gaussian, low_rank
from collapse_cli.metrics.signs import Signs
from collapse_cli.metrics.thresholds import Status
from collapse_cli.values import Measured

SHAPES: dict[Status, float] = {"healthy": 1.0, "dimensional collapse": 0.25}
"""What is true of the shape -> the share of the directions that hold all variance."""

LEARNED = Signs(views=Measured(3.0), beside_initial=Measured(20.0))
FORGOTTEN = Signs(views=Measured(0.3), beside_initial=Measured(3.0))
"""What views say of a network that has learned, and of one that has not."""


def common_parts(d: int, generator: Generator) -> Iterator[Scene]:
    """In d dimensions; a row without its common part has length 1 on average."""
    axis = torch.nn.functional.normalize(torch.randn(d, generator=generator), dim=0)
    yield from _points(d, axis)
    for truth, share in SHAPES.items():
        lam = low_rank(d, share)
        for mean in (1.0, 1.5, 2.5):
            yield Scene("offset", truth, gaussian(lam, generator, mean))
        for mean in (6.0, 30.0, 1000.0):
            yield from _dominating(truth, gaussian(lam, generator, mean))
        yield Scene("massive coordinate", truth, partial(_shifted, gaussian(lam, generator), 1.5))
        yield Scene("massive coordinate", "inconclusive", partial(_shifted, gaussian(lam, generator), 300.0))
        for outliers in (0.05, 0.2):
            yield Scene("outliers", "inconclusive", partial(_mixed, gaussian(lam, generator), axis, outliers))
    yield Scene(
        "scale",
        "complete collapse",
        gaussian(low_rank(d, 1.0), generator),
        Signs(scale=1 / 300),
        whatever_n=True,
    )
    yield Scene("scale", "healthy", gaussian(low_rank(d, 1.0), generator), Signs(scale=1 / 10))


def _points(d: int, axis: Tensor) -> Iterator[Scene]:
    """Equal up to rounding, and rays along which only lengths vary."""
    for kind in (torch.float16, torch.float32):
        yield Scene("one point", "complete collapse", partial(_equal, axis.to(kind)), whatever_n=True)
    for width in (0.003, 0.02):
        yield Scene("ray", "complete collapse", partial(_ray, axis, width), whatever_n=True)
    yield Scene("ray at unit length", "inconclusive", partial(_unit, partial(_ray, axis, 0.02)))


def _dominating(truth: Status, draw: Draw) -> Iterator[Scene]:
    """Rows alone cannot tell; networks can: by what their views say, and by what their loss saw."""
    yield Scene("dominating offset", "inconclusive", draw)
    yield Scene("dominating offset", "inconclusive", partial(_unit, draw))
    yield Scene("offset of a network", truth, draw, LEARNED)
    yield Scene("offset of a network", truth, draw, Signs(trained=0.9))
    yield Scene("collapsed network", "inconclusive", draw, FORGOTTEN)
    yield Scene("collapsed network", "complete collapse", draw, Signs(trained=0.03), whatever_n=True)


def _equal(row: Tensor, n: int, chance: Generator) -> Tensor:
    """Copies of a row (d,), each number off by two units in its last place at most, or one of 16 bits."""
    most = 1 if row.dtype == torch.float16 else 2
    ulps = torch.randint(-most, most + 1, (n, len(row)), generator=chance)
    return (row.double() * (1 + ulps.double() * torch.finfo(row.dtype).eps)).to(row.dtype)


def _ray(axis: Tensor, width: float, n: int, chance: Generator) -> Tensor:
    """Lengths vary by a third, directions by `width`."""
    noise = torch.randn(n, len(axis), generator=chance) * (width / len(axis) ** 0.5)
    rows: Tensor = (axis + noise) * (torch.randn(n, 1, generator=chance) / 3).exp()
    return rows


def _unit(draw: Draw, n: int, chance: Generator) -> Tensor:
    rows: Tensor = torch.nn.functional.normalize(draw(n, chance), dim=1)
    return rows


def _shifted(draw: Draw, size: float, n: int, chance: Generator) -> Tensor:
    """One coordinate has a large constant."""
    rows = draw(n, chance)
    rows[:, 0] += size
    return rows


def _mixed(draw: Draw, axis: Tensor, share: float, n: int, chance: Generator) -> Tensor:
    """A tight cluster, and this share of other rows."""
    rows = draw(n, chance)
    rows[round(share * n) :] = axis + 0.03 * rows[round(share * n) :]
    return rows[torch.randperm(n, generator=chance)]

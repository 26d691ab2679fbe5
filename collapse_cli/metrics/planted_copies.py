"""Rows that are copies, groups, codes or zeros, whose verdict is known."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.planted import Draw, Scene, gaussian, low_rank
from collapse_cli.metrics.planted_common import SHAPES

REPEATS = 10
"""Copies of a row, and rows of a group."""


def copied(d: int, generator: Generator) -> Iterator[Scene]:
    """In d dimensions."""
    for truth, share in SHAPES.items():
        draw = gaussian(low_rank(d, share), generator)
        yield Scene("copies", truth, partial(_repeated, draw, 0.0), worth=1 / REPEATS)
        yield Scene("copies", truth, partial(_repeated, draw, 1e-7), worth=1 / REPEATS)
        for share_equal in (0.1, 0.4, 0.7):
            yield Scene(
                "one point among rows", truth, partial(_one_point, draw, share_equal), worth=1 - share_equal
            )
        yield Scene("zeros among rows", truth, partial(_zeros, draw, 0.6), worth=0.4)
        yield Scene("groups", truth, partial(_repeated, draw, 0.1), worth=1 / REPEATS, grouped=True)
        verdict = "inconclusive" if truth == "healthy" else truth
        yield Scene("integer codes", verdict, partial(_codes, draw), context=Context(codes="int8 numbers"))


def owners(n: int) -> Tensor:
    """(n,) which rows are of one group."""
    return torch.arange(n) // REPEATS


def _repeated(draw: Draw, noise: float, n: int, chance: Generator) -> Tensor:
    """Each row REPEATS times, up to noise of this length."""
    rows = draw(-(-n // REPEATS), chance).repeat_interleave(REPEATS, dim=0)[:n]
    apart: Tensor = rows + noise * rows.norm(dim=1, keepdim=True) * torch.nn.functional.normalize(
        torch.randn(rows.shape, generator=chance) @ _within(draw, chance), dim=1
    )
    return apart


def _within(draw: Draw, chance: Generator) -> Tensor:
    """(D,D): takes noise into the directions that the rows themselves have."""
    rows = draw(256, chance)
    return rows.T @ rows / 256


def _one_point(draw: Draw, share: float, n: int, chance: Generator) -> Tensor:
    """This share of the rows is one of them."""
    rows = draw(n, chance)
    rows[: round(share * n)] = rows[0].clone()
    return rows[torch.randperm(n, generator=chance)]


def _zeros(draw: Draw, share: float, n: int, chance: Generator) -> Tensor:
    rows = draw(n, chance)
    rows[: round(share * n)] = 0
    return rows[torch.randperm(n, generator=chance)]


def _codes(draw: Draw, n: int, chance: Generator) -> Tensor:
    """Bytes, of which 4 standard deviations are 127."""
    rows = draw(n, chance)
    return (rows * (127 / 4) / rows.std()).round().clamp(-127, 127)

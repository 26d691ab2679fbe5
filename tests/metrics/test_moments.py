"""Moments gathered in blocks are those of all rows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics import moments as room
from collapse_cli.metrics.moments import Moments, merge, moments


def rows(n: int, seed: int = 0, d: int = 5) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + seed


def equal(one: Moments, other: Moments) -> None:
    assert one.count == other.count
    torch.testing.assert_close(one.mean, other.mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(one.scatter, other.scatter, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("block", [1, 7, 49, 50, 51])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = moments(rows(50))
    monkeypatch.setattr(room, "BLOCK", block)
    equal(moments(rows(50)), whole)


def test_merging_is_associative_and_symmetric() -> None:
    a, b, c = (moments(rows(n, seed)) for n, seed in ((3, 1), (1, 2), (40, 3)))
    equal(merge(merge(a, b), c), merge(a, merge(b, c)))
    equal(merge(a, c), merge(c, a))


def test_slow_loop() -> None:
    z = rows(6)
    found, mean = moments(z), sum(z) / 6
    torch.testing.assert_close(found.covariance, sum(torch.outer(r - mean, r - mean) for r in z) / 5)
    torch.testing.assert_close(found.second_moment, sum(torch.outer(r, r) for r in z) / 6)


def test_a_far_offset_costs_no_digits() -> None:
    """Chan's update never subtracts squares: rows of variance 1 around 1e6 keep it to 1e-8, E[x^2] - E[x]^2 would not."""
    z = rows(20_000, d=2) / 3
    torch.testing.assert_close(moments(z + 1e6).covariance, torch.cov(z.T), rtol=1e-7, atol=1e-8)


def test_one_row_has_no_scatter() -> None:
    found = moments(rows(1))
    assert float(found.covariance.abs().max()) == 0
    torch.testing.assert_close(found.second_moment, torch.outer(rows(1)[0], rows(1)[0]))

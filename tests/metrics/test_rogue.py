"""Rogue dimensions: the mean over pairs by a slow loop, planted ones, the null by closed form, and the interval's coverage."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.findings import findings
from collapse_cli.metrics.moments import spread_of
from collapse_cli.metrics.rogue import contributions, largest_share, rogue
from collapse_cli.metrics.rows import directions
from collapse_cli.metrics.signs import NO_SIGNS
from collapse_cli.metrics.spectrum import Spectrum, spectrum


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=seeded(seed), dtype=torch.float64)


def measured(rows: Tensor) -> Spectrum:
    return spectrum(rows, seeded())


def test_contributions_are_the_slow_loop() -> None:
    """Timkey & van Schijndel's CC of each dimension: the mean of u_k u'_k over pairs; their sum is the mean cosine."""
    unit = directions(normal(12, 5) + torch.tensor([2.0, 0, 0, 0.5, 0]))
    pairs = [unit[i] * unit[j] for i in range(12) for j in range(12) if i != j]
    expected = torch.stack(pairs).mean(dim=0)
    assert torch.allclose(contributions(spread_of(unit)), expected, atol=1e-12)


def test_a_planted_rogue_dimension() -> None:
    """Unit variance in 64 dimensions, and 20 more in dimension 7: it makes all of the mean cosine but sampling noise.

    Without it what is left has no mean: the mean inner product over the mean squared length is 0. Half is made by one dimension.
    """
    result = measured(normal(3000, 64) + 20 * torch.eye(64)[7])
    assert result.top_dimension == 7
    assert result.dimensions_of_half == 1
    share, rest = result.top_dimension_share, result.mean_cosine_without_top
    assert share is not None
    assert rest is not None
    assert float(share) == pytest.approx(1, abs=1e-3)
    assert abs(rest) < 2e-3
    said = " ".join(findings(result, Context(), NO_SIGNS, "healthy"))
    assert "One dimension, 7 (from 0 on), makes" in said
    assert "by itself is no collapse" in said


def test_a_dimension_that_varies_most() -> None:
    """Independent normal rows, dimension 7 of 64 of 60 times the deviation: it carries 1 - E[sum of the others] of unit rows.

    Its mean is 0, so that no mean cosine tells of it.
    """
    rows = normal(3000, 64)
    rows[:, 7] *= 60
    result, unit = measured(rows), directions(rows)
    share = result.widest_dimension_share
    assert (result.widest_dimension, result.top_dimension) == (7, None)
    assert float(share or 0) == pytest.approx(float(unit[:, 7].var() / unit.var(dim=0).sum()))
    text = " ".join(findings(result, Context(), NO_SIGNS, "healthy"))
    assert "One dimension, 7 (from 0 on), carries 8" in text
    even = measured(normal(3000, 64))
    assert float(even.widest_dimension_share or 0) == pytest.approx(1 / 64, rel=0.1)
    assert "carries" not in " ".join(findings(even, Context(), NO_SIGNS, "healthy"))


def test_an_offset_that_all_share_has_no_rogue_dimension() -> None:
    """The same offset in each of 64 dimensions: a 64th each, half of them make half, and nothing is said of one dimension."""
    result = measured(normal(3000, 64) + 3.0)
    assert float(result.top_dimension_share or 0) == pytest.approx(1 / 64, rel=0.05)
    assert result.dimensions_of_half in (31, 32)
    assert "One dimension" not in " ".join(findings(result, Context(), NO_SIGNS, "healthy"))


def test_a_rogue_dimension_above_an_offset_is_no_excuse() -> None:
    """The others point one way, too: their own mean cosine is named, and no word says that this is no collapse."""
    result = measured(normal(3000, 64) + 5.0 + 60 * torch.eye(64)[3])
    said = " ".join(findings(result, Context(), NO_SIGNS, "healthy"))
    assert "the other dimensions have an offset, too" in said
    assert "no collapse" not in said


def test_without_a_mean_cosine_nothing_is_told() -> None:
    assert measured(normal(500, 16)).top_dimension is None
    assert rogue(spread_of(torch.ones(9, 1, dtype=torch.float64)), False, None) == {}


def test_the_null_is_that_of_a_random_direction() -> None:
    """Of two dimensions E max(z^2, z'^2) / 2 = (1 + 2/π) / 2; of 200 the mean of 4,000 random directions."""
    assert largest_share(2) == pytest.approx((1 + 2 / math.pi) / 2, abs=1e-4)
    random = normal(4000, 200).square()
    assert largest_share(200) == pytest.approx(
        float((random.amax(dim=1) / random.sum(dim=1)).mean()), rel=0.02
    )
    value = measured(normal(900, 200) + normal(1, 200, 1)).dimensions_of_half
    assert value is not None
    assert value.null == round(0.12357 * 200 + 0.9)  # type: ignore[attr-defined]
    assert abs(value - 25) < 8


def test_scales_and_order_change_nothing() -> None:
    rows = normal(400, 12) + torch.eye(12)[4] * 3
    again = measured(rows.flip(0) * 1e8)
    assert again.top_dimension == measured(rows).top_dimension
    assert float(again.top_dimension_share or 0) == pytest.approx(
        float(measured(rows).top_dimension_share or 0)
    )


def test_the_interval_of_the_widest_dimension_covers() -> None:
    """Of 100 sets of 300 rows, one dimension 3 times as wide as 11 others, 90 % or more hold the share in 200,000 rows."""

    def rows(n: int, seed: int) -> Tensor:
        return normal(n, 12, seed) * (1 + 2 * torch.eye(12)[4])

    truth = float(measured(rows(200_000, 999)).widest_dimension_share or 0)
    shares = [measured(rows(300, seed)).widest_dimension_share for seed in range(100)]
    assert sum(share.interval[0] <= truth <= share.interval[1] for share in shares) >= 90  # type: ignore[union-attr]


@pytest.mark.slow
def test_the_interval_covers() -> None:
    """Of 400 sets with rows of very unequal lengths 93 % hold the share in 400,000 rows."""

    def rows(n: int, seed: int) -> Tensor:
        return (normal(n, 12, seed) * torch.arange(1, 13) ** 0.3 + 1.0 + 3 * torch.eye(12)[4]) * normal(
            n, 1, ~seed & 999
        ).exp()

    truth = float(measured(rows(400_000, 999)).top_dimension_share or 0)
    found = [measured(rows(300, seed)).top_dimension_share for seed in range(400)]
    inside = sum(share.interval[0] <= truth <= share.interval[1] for share in found)  # type: ignore[union-attr]
    assert inside >= 372

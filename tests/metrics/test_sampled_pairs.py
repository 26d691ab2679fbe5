"""Uniformity and Epps-Pulley from pairs of sampled rows, held against all pairs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics import sampled_pairs as pairs
from collapse_cli.metrics.alignment import uniform, uniformity
from collapse_cli.metrics.epps_pulley import epps_pulley
from collapse_cli.metrics.rows import unit
from collapse_cli.metrics.sampled_pairs import mean_of_pairs


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is computed of all pairs because rows are few."""
    monkeypatch.setattr(pairs, "EXACT", 0)


def clusters(n: int, count: int, spread: float, generator: torch.Generator) -> Tensor:
    """Rows (n,16) of unequal clusters, the largest having a share of 1 / sum 1/k."""
    sizes = 1 / torch.arange(1, count + 1, dtype=torch.float64)
    classes = torch.multinomial(sizes, n, True, generator=generator)
    return torch.randn(count, 16, generator=generator)[classes] + spread * torch.randn(
        n, 16, generator=generator
    )


@pytest.mark.parametrize("rows", [512, 1023, 1024, 2600])
def test_all_pairs_of_a_ring_of_groups(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each group meets every other, it is the mean over all pairs, for an even and an odd number of groups."""
    monkeypatch.setattr(pairs, "MINOR", -1.0)  # never enough
    u = unit(torch.randn(rows, 5, generator=torch.Generator().manual_seed(0)))
    result = mean_of_pairs(u, lambda squared: squared.mul_(2).exp_())
    kept = rows // 512 * 512
    assert math.log(result.mean) == pytest.approx(uniformity(u[:kept]), rel=1e-12)
    assert (result.rows, result.pairs) == (kept, kept * (kept - 1) // 2)


@pytest.mark.parametrize(("count", "spread"), [(100, 0.1), (1000, 0.3), (1, 1.0), (10, 0.01)])
def test_within_three_standard_errors_of_all_pairs(count: int, spread: float, sampled: None) -> None:
    """2048 of 6000 rows, eight times: unequal clusters, tight and wide, and one cloud. The mean square of the error over its
    standard error is about 1 - 2048/6000, for the sample is of the 6000, and the standard error is of all rows that there could
    be. Eight of them have a mean square of chi^2 with 8 degrees of freedom over 8: between .1 and 3 in 999 of 1000.
    """
    generator = torch.Generator().manual_seed(count)
    rows = clusters(6000, count, spread, generator)
    u = unit(rows)
    true, far = uniformity(u), float(epps_pulley(u, 0.0))
    squares = []
    for _ in range(8):
        result = pairs.sampled_pairs(rows[torch.randperm(6000, generator=generator)[:2048]], 6000)
        away = (float(result.uniformity) - true) / result.uniformity_error
        further = (float(result.epps_pulley) - far) / result.epps_pulley_error
        assert max(abs(away), abs(further)) < 3
        squares.append(away**2)
    assert 0.05 < sum(squares) / 8 < 2


def test_no_more_pairs_than_needed(sampled: None) -> None:
    """Ten clusters of unequal sizes: what the rows leave unknown is by far the most, so that four neighbours of each group do."""
    rows = clusters(8192, 10, 0.3, torch.Generator().manual_seed(0))
    result = pairs.sampled_pairs(rows, 10**6)
    assert result.pairs == 8192 * (511 + 2 * 4 * 512) // 2
    assert result.sampled == 8192
    wide = torch.randn(8192, 64, generator=torch.Generator().manual_seed(0))
    close = pairs.sampled_pairs(
        wide, 10**6
    )  # isotropic: only pairs leave something unknown, and that is little
    assert close.pairs < 8192 * 8191 // 2
    assert close.uniformity_error < 5e-4


def test_few_rows_are_measured_by_all_pairs() -> None:
    """As alignment and isotropy measure them."""
    rows = clusters(500, 10, 0.3, torch.Generator().manual_seed(0))
    result = pairs.sampled_pairs(rows, 500)
    assert result.uniformity == uniform(unit(rows))
    assert (result.pairs, result.uniformity_error, result.epps_pulley_error) == (500 * 499 // 2, 0.0, 0.0)


def test_one_point_has_no_error(sampled: None) -> None:
    """Uniformity 0, Epps-Pulley 1.06 for large D, whichever pairs are computed."""
    result = pairs.sampled_pairs(torch.ones(2048, 256), 10**6)
    assert float(result.uniformity) == pytest.approx(0, abs=1e-6)
    assert (result.uniformity_error, result.epps_pulley_error) == (
        pytest.approx(0, abs=1e-6),
        pytest.approx(0, abs=1e-6),
    )
    assert float(result.epps_pulley) == pytest.approx(1.06, abs=0.01)

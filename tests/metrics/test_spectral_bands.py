"""The interval of every eigenvalue: against the plain jackknife, by repetition, of groups, and where there is none."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from collapse_cli.metric import metrics
from collapse_cli.metrics.eigenvalues import eigenvalues
from collapse_cli.metrics.moments import moments, without
from collapse_cli.metrics.rows import unit
from collapse_cli.metrics.spectrum import spectrum


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def falling(n: int, d: int, power: float, generator: torch.Generator) -> Tensor:
    """(n, d): lambda_j = j^-power."""
    fall = torch.arange(1, d + 1, dtype=torch.float64) ** (-power / 2)
    return torch.randn(n, d, generator=generator, dtype=torch.float64) * fall


def of(rows: Tensor, groups: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Eigenvalues (D,), and half of each interval on the scale of the logarithm (D,), about the eigenvalue itself."""
    curve = spectrum(rows, seeded(), groups=groups).eigenvalues
    assert curve.interval is not None
    low, high = (torch.tensor(end, dtype=torch.float64) for end in curve.interval)
    lam = torch.tensor(curve, dtype=torch.float64)
    torch.testing.assert_close((low * high).sqrt(), torch.where(low.isnan(), torch.nan, lam), equal_nan=True)
    return lam, (high / low).log() / 2


def test_separate_eigenvalues_have_the_plain_jackknifes_interval() -> None:
    """800 rows, lambda_j = j^-3: one row left out at a time, times N / (N - k) for what the larger directions took."""
    rows = falling(800, 6, 3, seeded())
    _, widths = of(rows)
    u = unit(rows)
    whole = moments(u)
    left = torch.stack(
        [eigenvalues(without(whole, moments(u[k : k + 1])).covariance).log() for k in range(800)]
    )
    errors = (799 / 800 * (left - left.mean(dim=0)).square().sum(dim=0)).sqrt()  # (6,)
    expected = errors * torch.tensor([math.sqrt(800 / (800 - k)) for k in range(1, 7)], dtype=torch.float64)
    torch.testing.assert_close(widths / 1.965, expected, rtol=0.03, atol=0)


@pytest.mark.parametrize(("power", "widest"), [(1.0, (1.3, 2.1, 1.4)), (0.0, (2.0, 2.7, 1.4))])
def test_intervals_cover_the_expectation_even_where_rows_are_few(
    power: float, widest: tuple[float, ...]
) -> None:
    """150 samples of 38 rows in 32 dimensions: the largest, the middle and the smallest eigenvalue are covered.

    Nominal 95 %, of 150 that is 88 % at the least. None is wider than so many times what it should be.
    """
    generator = seeded(1)
    found = [of(falling(38, 32, power, generator)) for _ in range(150)]
    lam, widths = (torch.stack(part)[:, [0, 15, 31]] for part in zip(*found, strict=True))
    off = (lam.log() - lam.mean(dim=0).log()).abs()
    assert ((off <= widths).double().mean(dim=0) >= 0.88).all()
    ratios = widths.mean(dim=0) / 1.96 / lam.log().std(dim=0)
    assert (ratios <= torch.tensor(widest)).all()


def test_four_times_the_rows_halve_it() -> None:
    """In the mean of six; also beyond 1,024 rows, of which a sample is looked at."""
    few, many = (of(falling(n, 6, 3, seeded(5)))[1] for n in (1000, 4000))
    assert float((few / many).mean()) == pytest.approx(2, rel=0.1)


def test_groups_of_equal_rows_count_once() -> None:
    """Each of 120 rows three times, as a group: the interval of 120 rows but for sqrt(120 / 119) and the degrees of the t."""
    rows = falling(120, 6, 2, seeded(3))
    alone, grouped = (
        of(rows)[1], of(rows.repeat_interleave(3, dim=0), torch.arange(120).repeat_interleave(3))[1]
    )  # fmt: skip
    torch.testing.assert_close(grouped, alone, rtol=0.03, atol=0)


def test_where_fewer_than_four_are_left_there_is_none() -> None:
    """34 rows: beside 30 directions four are left, beside 31 three. JSON has null there."""
    curve = metrics(spectrum(falling(34, 32, 1, seeded(7)), seeded()))["eigenvalues"]
    for end in curve["interval"]:
        assert [value is None for value in end] == [False] * 30 + [True] * 2


def test_directions_without_variance_have_none() -> None:
    rows = torch.cat([falling(60, 4, 1, seeded(8)), torch.zeros(60, 2, dtype=torch.float64)], dim=1)
    curve = metrics(spectrum(rows, seeded()))["eigenvalues"]
    assert curve["values"][4:] == [0, 0]
    for end in curve["interval"]:
        assert [value is None for value in end] == [False] * 4 + [True] * 2


@pytest.mark.parametrize("rows", [falling(32, 32, 1, seeded()), torch.ones(60, 4)])
def test_few_rows_and_equal_rows_have_none(rows: Tensor) -> None:
    """No more rows than dimensions; no variance."""
    assert "interval" not in metrics(spectrum(rows, seeded()))["eigenvalues"]

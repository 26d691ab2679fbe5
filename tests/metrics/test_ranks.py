"""Functions of eigenvalues against closed forms, scipy's entropy and numpy's weighted least squares."""

from __future__ import annotations

import math

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy
from torch import Tensor

from collapse_cli.metrics import ranks
from collapse_cli.metrics.ranks import (
    above,
    active,
    alive,
    alpha,
    condition,
    crossing,
    directions_for,
    entropy_rank,
    fit_range,
    misfit,
    participation_ratio,
    stable_rank,
)

spectra = st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=12).map(
    lambda values: torch.tensor(sorted(values, reverse=True), dtype=torch.float64)
)


def lam(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_equal_values_count_themselves_and_zeros_nothing() -> None:
    """2, 2, 2, 0, 0: no eps lifts the zeros, and every rank is 3."""
    values = lam(2, 2, 2, 0, 0)
    assert (entropy_rank(values), participation_ratio(values), stable_rank(values)) == pytest.approx(
        (3, 3, 3)
    )
    assert (alive(values), directions_for(0.9, values)) == (3, 3)


def test_no_variance_is_one_direction_that_holds_everything() -> None:
    nothing = torch.zeros(4, dtype=torch.float64)
    assert (entropy_rank(nothing), participation_ratio(nothing), stable_rank(nothing)) == (1, 1, 1)
    assert (alive(nothing), directions_for(0.9, nothing)) == (0, 0)


def test_active_is_above_a_share_of_the_mean() -> None:
    """D = 5, sum 1: active is above .03 / 5 = .006, exactly that is not. A common scale, as an offset gives, changes nothing.

    3 % of the largest would be .0296 and leave one.
    """
    values = lam(0.9821, 0.0061, 0.006, 0.0058, 0)
    assert (active(values), active(values / 2), active(torch.zeros(5))) == (2, 2, 0)


def test_the_condition_is_in_decades() -> None:
    """100 over .1 is 10^3; over nothing it has no end."""
    assert condition(lam(100, 1, 0.1)) == pytest.approx(3)
    assert condition(lam(100, 1, 0)) == math.inf


@settings(deadline=None)
@given(spectra)
def test_the_ranks_are_the_textbook_ones(values: Tensor) -> None:
    """scipy's entropy; (sum)^2 / sum of squares; sum / largest. In order: stable <= participation <= entropy <= number."""
    p = (values / values.sum()).numpy()
    found = entropy_rank(values), participation_ratio(values), stable_rank(values)
    assert found == pytest.approx((math.exp(scipy_entropy(p)), 1 / (p**2).sum(), 1 / p[0]), rel=1e-9)
    assert found[2] <= found[1] * (1 + 1e-9)
    assert found[1] <= found[0] * (1 + 1e-9)
    assert found[0] <= len(values) * (1 + 1e-9)


@settings(deadline=None)
@given(spectra)
def test_sigma_weighs_the_tail_more(values: Tensor) -> None:
    """p ~ sigma is flatter than p ~ sigma^2, its escort: the rank of sigma is never the smaller."""
    assert entropy_rank(values.sqrt()) >= entropy_rank(values) * (1 - 1e-9)


def test_huge_and_tiny_values_lose_nothing() -> None:
    for scale in (1e-300, 1e-160, 1e160, 1e300):
        assert participation_ratio(lam(3, 2, 1) * scale) == pytest.approx(36 / 14)


@settings(deadline=None)
@given(spectra, st.floats(0.01, 0.999))
def test_the_count_is_the_crossing_rounded_up(values: Tensor, share: float) -> None:
    found = float(crossing(share, values))
    assert directions_for(share, values) in (math.ceil(found - 1e-9), math.ceil(found + 1e-9))


def test_the_crossing_is_on_the_line() -> None:
    """Held .5, .75, 1: .6 is 2/5 of the way from the first to the second; of many spectra each has its own."""
    assert float(crossing(0.6, lam(2, 1, 1))) == pytest.approx(1.4)
    both = crossing(0.6, torch.stack([lam(2, 1, 1), lam(20, 11, 9)]))
    assert both.tolist() == pytest.approx([1.4, 1 + (0.6 - 0.5) / 0.275])


def test_above_counts_what_is_surely_above() -> None:
    """By 10 standard deviations of log lambda each: 2; one exactly at the threshold counts a half, one by 1 deviation .8413."""
    values = lam(math.e, math.e, 1 / math.e)
    assert float(above(torch.tensor(1.0, dtype=torch.float64), values, 0.1)) == pytest.approx(2, abs=1e-9)
    assert float(above(torch.tensor(math.e, dtype=torch.float64), values, 0.1)) == pytest.approx(1)
    assert float(above(torch.tensor(1.0).double(), lam(math.exp(0.5)), 0.5)) == pytest.approx(
        0.8413, abs=1e-4
    )


@pytest.mark.parametrize("exponent", [0.0, 0.7, 2.5])
def test_a_power_law_gives_its_exponent(exponent: float) -> None:
    values = torch.arange(1, 301, dtype=torch.float64) ** -exponent
    assert float(alpha(values, 11, 100)) == pytest.approx(exponent, abs=1e-12)
    assert float(misfit(values, 11, 100)) == pytest.approx(0, abs=1e-12)


def test_the_line_is_numpys_weighted_least_squares() -> None:
    """polyfit takes the root of the weights; R^2 = 1 - weighted squares left over / weighted squares about the mean."""
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(64, generator=generator, dtype=torch.float64).add(0.1).sort(descending=True).values
    j = numpy.arange(3, 33)
    x, y, w = numpy.log(j), values[2:32].log().numpy(), 1 / j
    slope, intercept = numpy.polyfit(x, y, 1, w=w**0.5)
    left = (w * (y - slope * x - intercept) ** 2).sum() / (w * (y - numpy.average(y, weights=w)) ** 2).sum()
    assert float(alpha(values, 3, 32)) == pytest.approx(-slope, rel=1e-9)
    assert float(misfit(values, 3, 32)) == pytest.approx(left, rel=1e-9)


@pytest.mark.parametrize(
    ("positive", "fit"), [(0, None), (9, None), (10, (3, 5)), (128, (3, 64)), (199, (3, 99)), (200, (11, 100)), (2048, (11, 100))]
)  # fmt: skip
def test_the_fit_is_the_published_one_where_it_fits(positive: int, fit: tuple[int, int] | None) -> None:
    assert fit_range(positive) == fit


@pytest.mark.parametrize("name", ["entropy", "log_participation", "log_stable"])
def test_many_spectra_at_once(name: str) -> None:
    """(2, 3, D) at once are each alone, and gradients flow where there are zeros elsewhere in the stack."""
    generator = torch.Generator().manual_seed(1)
    many = torch.rand(2, 3, 8, generator=generator, dtype=torch.float64).sort(descending=True).values
    found = getattr(ranks, name)(many)
    assert found.shape == (2, 3)
    assert float(found[1, 2]) == pytest.approx(float(getattr(ranks, name)(many[1, 2])))

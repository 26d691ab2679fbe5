"""The numbers of a spectrum by name, of moments and eigenvalues that are known beforehand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.copies import Copies
from collapse_cli.metrics.eigenvalues import basis, eigenvalues, explained
from collapse_cli.metrics.groups import Independent
from collapse_cli.metrics.intervals import RAW, RAW_ABOUT_0, UNIT, UNIT_ABOUT_0
from collapse_cli.metrics.moments import Moments
from collapse_cli.metrics.spectral_numbers import (
    counts,
    equal,
    measured,
    numbers,
    of_gaussian,
    over_range,
    ray,
    row_participation,
)
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.values import Measured


def row(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def moments(n: int, mean: Tensor, *variances: float) -> Moments:
    """With these variances along the axes, divided by N."""
    return Moments(n, mean, n * row(*variances).diag())


def test_every_number_of_known_eigenvalues() -> None:
    """Unit rows .6, .3, .1, 0 of mean cosine (101 x .25 - 1) / 100; raw 4, 1, 0, 0; about 0 9, 1, 0, 0 and .5, .5, 0, 0.

    The edge of four columns and 100 degrees is (1 + .2)^2 = 1.44 of the mean, .25: .36 is below .6 alone. Of 5 independent rows
    it is 4 of it, which none reaches.
    """
    lam = {
        UNIT: row(0.6, 0.3, 0.1, 0),
        RAW: row(4, 1, 0, 0),
        RAW_ABOUT_0: row(9, 1, 0, 0),
        UNIT_ABOUT_0: row(0.5, 0.5, 0, 0),
    }
    sphere = Moments(101, row(0.5, 0, 0, 0), 100 * row(0.36, 0.25, 0.16, 0).diag())
    h = lambda *p: math.exp(-sum(x * math.log(x) for x in p))  # noqa: E731
    found = numbers(lam, sphere, None)
    assert found == pytest.approx({
        "total_variance": 1, "std_sqrt_d": (0.6 + 0.5 + 0.4) / 4 * 2, "mean_cosine": (101 * 0.25 - 1) / 100,
        "effective_rank": h(0.6, 0.3, 0.1), "effective_rank_raw": h(0.8, 0.2), "effective_rank_sigma": h(2 / 3, 1 / 3),
        "rankme": h(0.75, 0.25), "vendi": 2, "participation_ratio": 1 / 0.46, "isoscore": (1 / 0.46 - 1) / 3,
        "stable_rank": 1.25, "top_share": 0.8, "dimensions_90": 2, "dimensions_95": 3, "dimensions_99": 3, "alive": 3,
        "active": 3, "above_edge": 1, "numerical_rank": 3, "row_participation": row_participation(sphere),
        "wasserstein": math.sqrt(2 - 2 * (0.6**0.5 + 0.3**0.5 + 0.1**0.5) * math.sqrt(100 / 404)),
        "information_abundance": 4 / 3,
    })  # fmt: skip
    assert numbers(lam, sphere, None, 5)["above_edge"] == 0
    fitted = numbers(lam | {RAW: row(1, 1 / 4, 1 / 9, 1 / 16)}, sphere, (1, 4))
    assert (fitted["alpha"], fitted["alpha_r2"]) == pytest.approx((2, 1))
    one = numbers(dict.fromkeys(lam, row(0.5)), moments(9, row(0.5), 0.5), None)
    assert one["isoscore"] == 0, "a single dimension has none to spread over"


def test_participation_of_rows() -> None:
    """(tr C)^2 over that and 4 m C m: 1/2 and 1/4 along two axes, a mean of .3 along the first: .5625 / (.5625 + 4 x .045)."""
    assert row_participation(moments(10, row(0.3, 0), 0.5, 0.25)) == pytest.approx(0.5625 / 0.7425)
    assert row_participation(moments(10, row(0.3, 0), 0.0, 0.0)) == 1
    assert [of_gaussian(ratio) for ratio in (1.0, 2.0, 98.0)] == pytest.approx([1 / 3, 1 / 2, 0.98])


@pytest.mark.parametrize(
    ("kind", "ulps"), [(torch.float32, 16), (torch.float64, 16), (torch.float16, 2), (torch.bfloat16, 2)]
)
def test_rows_are_equal_up_to_so_many_units_in_the_last_place(kind: torch.dtype, ulps: int) -> None:
    """Every coordinate, of its own size: 3 and -1/2."""
    eps = torch.finfo(kind).eps
    for times, same in ((1.0, True), (1.001, False)):
        deviations = [3 * ulps * eps, 0.5 * ulps * eps * times]
        raw = Moments(11, row(3, -0.5), 10 * row(*(d**2 for d in deviations)).diag() * (1 - 1e-9))
        assert equal(raw, kind) is same


def test_a_ray_by_hand() -> None:
    """Mean (3, 4), variances 2 and 1 divided by N - 1: 25 of 28 is its square, 34/25 of 3 lie along it; 625 / (81 + 256) axes."""
    found = ray(Moments(11, row(3, 4), 10 * row(2, 1).diag()))
    assert found["mean_length"] == pytest.approx((25 / 28) ** 0.5)
    assert found["ray_share"] == pytest.approx((9 * 2 + 16) / 25 / 3)
    assert found["ray_axes"] == pytest.approx(625 / 337)
    assert ray(Moments(11, row(0, 0), row(0, 0).diag())) == {"mean_length": 0, "ray_share": 0, "ray_axes": 1}
    assert ray(Moments(11, row(3, 4), row(0, 0).diag()))["mean_length"] == 1


@pytest.mark.parametrize(("size", "there"), [(2.0**-24, False), (1.01 * 2.0**-24, True)])
def test_the_mean_of_centred_rows_has_no_direction(size: float, there: bool) -> None:
    """Its square is 2^-48 of the variance or less: float32's rounding."""
    found = ray(Moments(11, row(size, 0), 10 * row(1, 0).diag()))
    assert (found["mean_length"] > 0, found["ray_share"] > 0) == (there, there)


def test_what_counts() -> None:
    """100 rows of which 25 are one point and 5 zero; a sketch that errs by 1 % may be 2 % off, and no more than there are."""
    worth = Independent(77.4, None, 9, 0.5)
    exact = counts(Copies(100, 80, 5, 25, 3), worth)
    kept = {name: value for name, value in exact.items() if name != "copies"}
    assert kept == {
        "distinct": 80, "largest_group": 0.25, "zero_rows": 0.05, "effective_samples": 77, "groups": 9, "icc": 0.5
    }  # fmt: skip
    assert not isinstance(exact["distinct"], Measured)
    assert counts(Copies(100, 80, 5, 25, 3, error=0.01), worth)["distinct"].interval == pytest.approx(
        (78.4, 81.6)
    )
    assert counts(Copies(100, 99, 5, 25, 3, error=0.01), worth)["distinct"].interval == pytest.approx(
        (97.02, 100)
    )
    assert counts(None, worth) == {}


def test_an_interval_reaches_to_its_value() -> None:
    found = measured(
        {"a": 3.0, "b": 3.0, "c": 3.0, "d": 3.0}, {"a": 9.0}, {"a": (1, 4), "b": (4, 5), "c": (1, 2)}
    )
    assert [found[name].interval for name in "abcd"] == [(1, 4), (3, 5), (1, 3), None]
    assert [found[name].null for name in "abcd"] == [9, None, None, None]


def test_the_first_of_several_within_their_range() -> None:
    found = over_range([2.0, 1.0, 4.0])
    assert (found, found.interval) == (2, (1, 4))  # type: ignore[union-attr]
    assert over_range([]) is None


def test_eigenvalues_below_the_rounding_of_the_largest_are_zero() -> None:
    """From 1e-12 of it on downwards, and what is negative; in any basis."""
    lam = eigenvalues(row(2, 2e-12 * 0.99, -1e-3, 2e-12 * 1.01, 1).diag())
    assert lam.tolist() == pytest.approx([2, 1, 2.02e-12, 0, 0], rel=1e-6, abs=0)
    found, vectors = basis(row(1, 3).diag())
    assert found.tolist() == [3, 1]
    assert vectors.abs().tolist() == [[0, 1], [1, 0]]
    assert explained(row(3, 1, 0)) == [0.75, 1, 1]
    assert explained(row(0, 0)) == [0, 0]


@pytest.mark.parametrize("name", ["effective_rank_initial", "icc", "groups", "alpha_from", "alpha_to"])
def test_what_was_not_asked_is_not_there(name: str) -> None:
    rows: Any = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    assert getattr(spectrum(rows, torch.Generator()), name) is None

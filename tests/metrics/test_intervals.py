"""Which numbers have an interval, from how many rows on, and where it ends: closed forms at the thresholds themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics import lidar, modality, vendi, view_ratio
from collapse_cli.metrics.alignment import measure
from collapse_cli.metrics.classes import classes
from collapse_cli.metrics.intervals import (
    RAW,
    RAW_ABOUT_0,
    UNIT,
    UNIT_ABOUT_0,
    _count,
    _distance,
    _rank,
    _sample,
    _table,
)
from collapse_cli.metrics.isotropy import isotropy
from collapse_cli.metrics.jackknife import ROWS
from collapse_cli.metrics.scatter import groups
from collapse_cli.metrics.spectrum import spectrum


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=seeded(seed), dtype=torch.float64)


def value(matrix: str, name: str, lam: list[float], n: float = 200, d: int = 4) -> float:
    """A number as its interval sees it, of eigenvalues in D dimensions through N rows."""
    return float(_table(matrix, n, d, (1, 3))[name][0](torch.tensor(lam, dtype=torch.float64)))


EDGE = (1 + math.sqrt(4 / 199)) ** 2 / 4  # of the sum of four
ONE = math.exp(0.1)  # a standard deviation of log lambda, of 200 rows: sqrt(2 / 200)


@pytest.mark.parametrize(
    ("name", "threshold", "sure"),
    [("alive", 0.01 * 1.0, 1.0), ("active", 0.03 / 4, None), ("above_edge", EDGE, None)],
)
def test_counts_rise_by_a_half_at_their_threshold(name: str, threshold: float, sure: float | None) -> None:
    """1 % of the largest; 3 % of an equal share of four; the edge of Marchenko and Pastur for 4 columns and 199 degrees.

    One standard deviation above it is .8413, one below .1587: sqrt(2/N) of the logarithm. The other eigenvalue makes the sum 1.
    """
    for times, share in ((1.0, 0.5), (ONE, 0.841345), (1 / ONE, 0.158655)):
        other = sure or 1 - times * threshold
        found = value("covariance of unit embeddings", name, [other, times * threshold])
        rest = value("covariance of unit embeddings", name, [other, 1e-200]) if sure is None else 1.0
        if name == "above_edge":  # the other one, which is 1 less it, is surely above
            rest = 1.0
        assert found - rest == pytest.approx(share, abs=2e-3), (name, times)


def test_shares_of_the_variance_are_crossed_on_a_line() -> None:
    """Of .8, .16, .04: 90 % is .1/.16 into the second, 95 % .15/.16, 99 % .03/.04 into the third."""
    found = [value(UNIT, f"dimensions_{share}", [0.8, 0.16, 0.04]) for share in (90, 95, 99)]
    assert found == pytest.approx([1 + 0.1 / 0.16, 1 + 0.15 / 0.16, 2 + 0.03 / 0.04])


def test_ranks_are_logarithms_of_their_matrix() -> None:
    """9, 1: p = .9, .1, of sigma .75, .25."""
    h = lambda *p: -sum(x * math.log(x) for x in p)  # noqa: E731
    assert value(UNIT, "effective_rank", [9, 1]) == pytest.approx(h(0.9, 0.1))
    assert value(UNIT, "participation_ratio", [9, 1]) == pytest.approx(-math.log(0.82))
    assert value(UNIT, "wasserstein", [9, 1]) == pytest.approx(math.log(4))
    assert value(RAW, "effective_rank_raw", [9, 1]) == pytest.approx(h(0.9, 0.1))
    assert value(RAW, "effective_rank_sigma", [9, 1]) == pytest.approx(h(0.75, 0.25))
    assert value(RAW, "stable_rank", [9, 1]) == pytest.approx(math.log(10 / 9))
    assert value(RAW, "alpha", [1, 1 / 4, 1 / 9]) == pytest.approx(2)
    assert value(RAW_ABOUT_0, "rankme", [9, 1]) == pytest.approx(h(0.75, 0.25))
    assert value(RAW_ABOUT_0, "information_abundance", [9, 1]) == pytest.approx(math.log(4 / 3))
    assert value(UNIT_ABOUT_0, "vendi", [9, 1]) == pytest.approx(h(0.9, 0.1))
    assert "alpha" not in _table(RAW, 200, 4, None)


def test_ends_are_within_what_a_number_can_be() -> None:
    """A rank from 1 to D; a count in whole steps from 0 to D; a distance, the smaller the larger the trace of the root."""
    assert _rank(4, math.log(0.5), math.log(9)) == (1, 4)
    assert _rank(4, math.log(2), math.log(3)) == pytest.approx((2, 3))
    assert _count(5, -0.2, 3.4) == (0, 4)
    assert _count(3, 1.0, 3.4) == (1, 3)
    low, high = _distance(100, 4, math.log(0.5), math.log(1.5))
    assert low == pytest.approx(math.sqrt(2 - 2 * 1.5 * math.sqrt(99 / 400)))
    assert high == pytest.approx(math.sqrt(2 - 2 * 0.5 * math.sqrt(99 / 400)))


@pytest.mark.parametrize(
    ("n", "d", "ranks", "spread"), [(7, 2, False, False), (8, 2, False, True), (9, 2, True, True)]
)
def test_more_than_eight_rows_have_intervals(n: int, d: int, ranks: bool, spread: bool) -> None:
    """Of ranks from nine on, of what knows the columns' variances alone from eight on."""
    found = spectrum(normal(n, d), seeded())
    assert (found.effective_rank.interval is not None) is ranks  # type: ignore[attr-defined]
    assert (found.isoscore.interval is not None) is ranks  # type: ignore[union-attr]
    assert (found.total_variance.interval is not None) is ranks  # type: ignore[attr-defined]
    assert (measure(normal(n, d)).std_sqrt_d.interval is not None) is spread  # type: ignore[attr-defined]


@pytest.mark.parametrize(("n", "ranks"), [(12, False), (13, True)])
def test_more_rows_than_dimensions_have_intervals(n: int, ranks: bool) -> None:
    assert (spectrum(normal(n, 12), seeded()).effective_rank.interval is not None) is ranks  # type: ignore[attr-defined]


@pytest.mark.parametrize(("n", "given"), [(7, False), (8, True)])
def test_eight_rows_of_classes_have_intervals(n: int, given: bool) -> None:
    found = classes(normal(n, 3), torch.arange(n) % 2, (), seeded())
    assert (found.cdnv.interval is not None) is given  # type: ignore[union-attr]


@pytest.mark.parametrize(("size", "given"), [(8, False), (9, True)])
def test_the_least_rank_has_an_interval_from_nine_rows_on(size: int, given: bool) -> None:
    """In two dimensions; in twelve it takes thirteen rows."""
    found = classes(normal(2 * size, 2), torch.arange(2 * size) % 2, (), seeded())
    assert (found.least_rank.interval is not None) is given  # type: ignore[attr-defined]
    wide = classes(normal(2 * size + 8, 12), torch.arange(2 * size + 8) % 2, (), seeded())
    assert (wide.least_rank.interval is not None) is given  # type: ignore[attr-defined]


@pytest.mark.parametrize("n", [ROWS - 1, ROWS, ROWS + 1, 3 * ROWS])
def test_a_sample_stands_for_all_rows(n: int) -> None:
    """All of few, each for itself; of many the longest for themselves, once, and the others for equal shares of the rest."""
    rows, longest = torch.arange(n)[:, None].float(), torch.tensor([n - 1, n - 2])
    some, weights = _sample(rows, longest, seeded())
    assert some.dtype == torch.float64
    assert len(some) == len(weights)
    assert sorted(some[some >= n - 2].tolist()) == [n - 2, n - 1]
    assert float(weights.sum()) == pytest.approx(n)
    if n <= ROWS:
        assert len(some.unique()) == n
        assert weights.tolist() == [1] * n
        assert some[:, 0].tolist() != list(range(n)), "in random order"
    else:
        assert some[-2:, 0].tolist() == [n - 1, n - 2]
        assert weights[-2:].tolist() == [1, 1]
        assert weights[:-2].unique().tolist() == pytest.approx([(n - 2) / (len(some) - 2)])
        assert ROWS - 3 <= len(some) <= ROWS, "one that was drawn may be among the longest"
        counts = torch.histc(some[:-2, 0], 8, 0, n)
        assert float(counts.max() - counts.min()) <= 4, "one of each of equal stretches"


def of_images(n: int) -> Any:
    views = normal(n, 2).repeat_interleave(3, 0) + 0.3 * normal(3 * n, 2, 1)
    return lidar.lidar(groups(views, torch.arange(n).repeat_interleave(3)), seeded())


FROM_EIGHT: dict[str, Callable[[int], Any]] = {
    "alignment": lambda n: measure(normal(n, 3), (normal(n, 3), normal(n, 3, 1))).alignment,
    "alignment of the loss": lambda n: (
        measure(normal(9, 3), loss_pairs=(normal(n, 3), normal(n, 3, 1))).loss_alignment
    ),
    "alignment of classes": lambda n: measure(normal(n, 3), labels=torch.arange(n) % 2).class_alignment,
    "uniformity": lambda n: measure(normal(n, 3)).uniformity,
    "gap of two sets": lambda n: modality.modality(normal(n, 3), normal(n, 3, 1), seeded()).modality_gap,
    "cosine of pairs": lambda n: modality.modality(normal(n, 3), normal(n, 3, 1), seeded()).pair_cosine,
    "ratio of views": lambda n: view_ratio.view_ratio((normal(n, 3), normal(n, 3, 1))),
    "epps-pulley": lambda n: isotropy(normal(n, 3), seeded()).epps_pulley,
    "mean cosine": lambda n: isotropy(normal(n, 3), seeded()).mean_cosine_centred,
    "lidar": lambda n: of_images(n).lidar,
    "augmentation": lambda n: of_images(n).augmentation,
    "overwhelmed": lambda n: of_images(n).overwhelmed,
}


@pytest.mark.parametrize("name", FROM_EIGHT)
def test_eight_rows_or_images_have_an_interval_and_seven_have_none(name: str) -> None:
    """It holds its value."""
    assert FROM_EIGHT[name](7).interval is None
    low, high = FROM_EIGHT[name](8).interval
    assert low <= FROM_EIGHT[name](8) <= high


def test_scores_of_distinct_rows_have_an_interval_from_nine_on() -> None:
    for width in (None, 1.0):
        assert [vendi.distinct(normal(n, 2), width).interval is not None for n in (8, 9)] == [False, True]

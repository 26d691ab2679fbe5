"""Shares of false negatives by rank: against sums by hand, by repetition, and where nothing is false."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.oracle_ranks import FEW, ByRank, cut
from collapse_cli.metrics.probe import wilson
from collapse_cli.values import Curve


def curve(false: Tensor, there: Tensor | None = None, blocks: int = 1) -> Curve:
    """Of keys (Q,K) by rank, all there where it is not said, in so many blocks of queries."""
    there = torch.ones_like(false) if there is None else there
    by_rank = ByRank(false.shape[1], false.device)
    for part, present in zip(false.tensor_split(blocks), there.tensor_split(blocks), strict=True):
        by_rank.add(part, present)
    return by_rank.curve(null=0.25)


def ends(found: Curve) -> list[tuple[float, float]]:
    assert found.interval is not None
    return list(zip(*found.interval, strict=True))


def test_one_key_of_each_query_is_a_share_of_independent_queries() -> None:
    """3 of 10: Wilson's interval of 3 of 10, but for 9 / 10 of a variance that is divided by 9."""
    false = torch.tensor([[True]] * 3 + [[False]] * 7)
    found = curve(false, blocks=3)
    assert (tuple(found), found.x, found.null) == (pytest.approx((0.3,)), (1,), (0.25,))
    assert ends(found)[0] == pytest.approx(wilson(2.7, 9))


def test_keys_of_one_query_count_once_where_they_are_alike() -> None:
    """200 ranks, more than there are pieces. All keys of a query are false, or none: as sure as at the first rank, no surer."""
    false = (torch.arange(40) < 10)[:, None].expand(40, 200)
    found = curve(false)
    assert len(found) == len(cut(200)) < 200
    assert tuple(found) == pytest.approx([0.25] * len(found))
    assert ends(found) == [pytest.approx(ends(found)[0])] * len(found)


def test_keys_that_are_not_there_are_not_counted() -> None:
    """The second rank of two queries of nine is empty: 2 false of 7 there. The third rank is empty everywhere: no interval."""
    false, there = torch.zeros(9, 3, dtype=torch.bool), torch.ones(9, 3, dtype=torch.bool)
    false[:2, 1], there[7:, 1], there[:, 2] = True, False, False
    found = curve(false, there)
    assert found[1] == pytest.approx(2 / 7)
    squares = 2 * (5 / 7) ** 2 + 5 * (2 / 7) ** 2
    variance = squares / 49 * 9 / 8
    alike = (2 / 7) * (5 / 7) / variance
    assert ends(found)[1] == pytest.approx(wilson(2 / 7 * alike, alike))
    assert all(map(math.isnan, ends(found)[2]))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_all_agree_the_interval_has_a_width(share: float) -> None:
    found = curve(torch.full((50, 1), bool(share)))
    assert ends(found)[0] == pytest.approx(wilson(share * 50, 50))


@pytest.mark.parametrize(("queries", "given"), [(FEW - 1, False), (FEW, True)])
def test_few_queries_have_none(queries: int, given: bool) -> None:
    assert (curve(torch.zeros(queries, 4, dtype=torch.bool)).interval is not None) is given


def test_intervals_cover_the_share_of_queries_that_differ() -> None:
    """Each query has a probability of its own, 0.05 or 0.35, at every rank. 300 samples of 60 queries, nominal 95 %."""
    generator = torch.Generator().manual_seed(0)
    inside = []
    for _ in range(300):
        p = torch.where(torch.rand(60, 1, generator=generator) < 0.5, 0.05, 0.35)
        found = curve(torch.rand(60, 150, generator=generator) < p)
        inside.append([low <= 0.2 <= high for low, high in ends(found)])
    covered = torch.tensor(inside).double().mean(dim=0)
    assert 0.92 <= float(covered.mean()) <= 0.98
    assert float(covered.min()) >= 0.89

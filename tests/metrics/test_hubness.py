"""Hubness: closed forms, the plain moments, moments of some queries that are unbiased, planted hubs, nulls and intervals."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.hubness import _largest_of, hubness, of_occurrences, skewness
from collapse_cli.metrics.occurrences import Occurrences, occurrences


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=seeded(seed), dtype=torch.float64)


def counted(counts: list[int], k: int) -> Occurrences:
    """Of whole numbers of lists, all N rows being queries."""
    sums = torch.tensor(counts, dtype=torch.float64)
    return Occurrences(sums, sums, sums, len(counts), k, 0)


def test_skewness_is_the_third_standardised_moment() -> None:
    """0, 0, 0, 8, mean 2: mean square 12, mean cube (3·-8 + 216)/4 = 48, skewness 48 / 12^1.5 = 2/√3."""
    assert float(skewness(counted([0, 0, 0, 8], 2)) or 0) == pytest.approx(2 / math.sqrt(3))


def test_uniform_lists_have_no_skewness() -> None:
    """Every key in exactly k lists: no variance, so 0; nobody is left out, and the largest is in k of N lists."""
    result = of_occurrences(counted([3] * 50, 3))
    assert (result.hub_skewness, float(result.anti_hubs)) == (0.0, 0.0)
    assert float(result.largest_hub) == pytest.approx(3 / 50)


def test_independent_lists_have_the_null() -> None:
    """N_k of lists drawn at random is Binomial(N - 1, k/(N - 1)), of skewness (1 - 2p)/√((N - 1)p(1 - p)): 20,000 keys."""
    n, k = 20_000, 10
    keys = torch.randint(0, n, (n * k,), generator=seeded())
    counts = torch.bincount(keys, minlength=n).double()
    value = skewness(Occurrences(counts, counts, counts, n, k, 0))
    assert value is not None
    assert value.null == pytest.approx((1 - 20 / (n - 1)) / math.sqrt(10 * (1 - 10 / (n - 1))))
    assert float(value) == pytest.approx(value.null, abs=0.06)


def test_isotropic_rows_have_the_null_of_independent_lists() -> None:
    """By cosine no place on the sphere is nearer to others: no hubs of their own, in however many dimensions."""
    result = hubness(normal(3000, 200), seeded(), exact=True)
    assert result.hub_skewness is not None
    low, high = result.hub_skewness.interval  # type: ignore[attr-defined]
    assert low < result.hub_skewness.null < high  # type: ignore[attr-defined]
    assert float(result.largest_hub) < 2 * (result.largest_hub.null or 0)  # type: ignore[attr-defined]


def test_an_offset_makes_hubs_and_centring_removes_them() -> None:
    rows = normal(2000, 100) + 1.0
    hubs, centred = (hubness(each, seeded()).hub_skewness for each in (rows, rows - rows.mean(dim=0)))
    assert hubs is not None
    assert centred is not None
    assert hubs.interval[0] > 1.4  # type: ignore[attr-defined]
    assert centred.interval[1] < 1.4  # type: ignore[attr-defined]


def test_a_planted_hub_is_named() -> None:
    """The centre of a cone is the nearest of nearly all: in N - 1 of the N lists, where k = 10 leaves room for it."""
    rows = normal(400, 60) + 2.0
    rows[123] = 2.0
    result = hubness(rows, seeded(), exact=True)
    assert result.hub == 123
    assert float(result.largest_hub) == pytest.approx(399 / 400)
    assert float(result.hub_skewness or 0) > 10


def test_moments_of_some_queries_are_unbiased() -> None:
    """Over all 252 choices of 5 of 10 queries, the moments that the skewness is made of are those of all ten, with ties."""
    from collapse_cli.metrics.hubness import _central

    rows, n = torch.tensor([[i // 2 % 3, i // 6, 1.0] for i in range(10)], dtype=torch.float64), 10
    exact = _central(occurrences(rows, torch.arange(n), 2))
    some = [_central(occurrences(rows, torch.tensor(q), 2)) for q in itertools.combinations(range(n), 5)]
    for power in (0, 1):
        mean = torch.stack([each[power] for each in some]).mean(dim=0)
        assert torch.allclose(mean, exact[power], atol=1e-9)


def test_too_few_queries_do_not_tell() -> None:
    """20 queries of 3,000 near-isotropic rows: the variance of their k-occurrences is that of noise."""
    rows = normal(3000, 50)
    assert skewness(occurrences(rows, torch.arange(20), 10)) is None


def test_expected_largest() -> None:
    """One key: the mean, 20 · .3. Two fair coins: at least one head has probability 3/4."""
    assert _largest_of(1, 20, 0.3) == pytest.approx(6)
    assert _largest_of(2, 1, 0.5) == pytest.approx(0.75)


def test_turns_and_scales_change_nothing() -> None:
    rows = normal(500, 20) + 0.5
    turned = rows @ torch.linalg.qr(normal(20, 20, 1)).Q * 1e6
    assert hubness(turned, seeded()) == hubness(rows, seeded())


@pytest.mark.slow
@pytest.mark.parametrize("queries", [500, 2000])
@pytest.mark.parametrize(("offset", "power"), [(0.0, 0.0), (0.7, 0.0), (0.3, 0.5), (2.0, 0.2)])
def test_intervals_cover(queries: int, offset: float, power: float) -> None:
    """95 % intervals hold the expectation at this N in 93 % of 100 sets or more, less two standard errors."""
    found = []
    for seed in range(100):
        rows = normal(2000, 80, seed) * torch.arange(1, 81) ** -power + offset
        some = torch.randperm(2000, generator=seeded(seed))[:queries]
        value = skewness(occurrences(rows, some, 10))
        found += [] if value is None else [value]
    assert len(found) > 90  # of few queries a very unequal variance is not always told
    mean = sum(map(float, found)) / len(found)
    inside = sum(value.interval[0] <= mean <= value.interval[1] for value in found if value.interval)
    assert inside >= 0.88 * len(found)

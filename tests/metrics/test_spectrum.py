"""Spectra against numpy's own covariance and SVD, closed forms, and planted collapses."""

from __future__ import annotations

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.moments import merge, moments
from collapse_cli.metrics.spectrum import Spectrum, entropy_rank, shuffle_columns, spectrum
from collapse_cli.metrics.verdict import verdict


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def measure(rows: torch.Tensor) -> Spectrum:
    return spectrum(rows, seeded(1))


def planted(n: int, d: int, rank: int) -> torch.Tensor:
    """(n, d): isotropic in a random subspace of that rank."""
    frame, _ = torch.linalg.qr(torch.randn(d, d, generator=seeded(5), dtype=torch.float64))
    return torch.randn(n, rank, generator=seeded(6), dtype=torch.float64) @ frame[:rank]


def exp_entropy(values: numpy.ndarray) -> float:
    p = values[values > 0] / values.sum()
    return float(numpy.exp(-(p * numpy.log(p)).sum()))


def test_every_number_has_an_independent_twin() -> None:
    """numpy.cov, numpy.linalg.svd and the formulas of the papers, on skewed rows with an offset."""
    rows = torch.randn(300, 20, generator=seeded()) * torch.arange(1, 21) + 3
    found, raw = measure(rows), rows.double().numpy()
    unit = raw / numpy.linalg.norm(raw, axis=1, keepdims=True)
    lam = numpy.sort(numpy.linalg.eigvalsh(numpy.cov(unit.T)))[::-1]
    lam_raw = numpy.linalg.svd(raw - raw.mean(0), compute_uv=False) ** 2 / 299
    expected = {
        "total_variance": lam.sum(),
        "std_sqrt_d": unit.std(axis=0, ddof=1).mean() * 20**0.5,
        "effective_rank": exp_entropy(lam),
        "effective_rank_raw": exp_entropy(lam_raw),
        "effective_rank_sigma": exp_entropy(lam_raw**0.5),
        "rankme": exp_entropy(numpy.linalg.svd(raw, compute_uv=False)),
        "vendi": exp_entropy(numpy.linalg.eigvalsh(unit @ unit.T / 300).clip(1e-14)),
        "participation_ratio": lam.sum() ** 2 / (lam**2).sum(),
        "stable_rank": lam_raw.sum() / lam_raw[0],
        "dimensions_90": 1 + (lam.cumsum() / lam.sum() < 0.9).sum(),
        "dimensions_99": 1 + (lam.cumsum() / lam.sum() < 0.99).sum(),
        "alive": (lam > lam[0] / 100).sum(),
    }
    assert {name: float(getattr(found, name)) for name in expected} == pytest.approx(expected, rel=1e-5)
    assert list(found.eigenvalues) == pytest.approx(lam.tolist(), rel=1e-5)


@pytest.mark.parametrize("rank", [1, 2, 8, 63])
def test_a_planted_rank_is_seen(rank: int) -> None:
    """An exact subspace: no more than `rank` eigenvalues are above 0, and no eps invents others."""
    found = measure(planted(4000, 64, rank))
    assert sum(value > 0 for value in found.eigenvalues) == rank
    assert rank - 0.6 * rank**2 / 4000 - 0.2 < found.rankme <= rank + 1e-9
    assert found.alive == rank
    assert found.rankme.null == pytest.approx(63.9, abs=0.15)


def test_a_line_has_rank_one() -> None:
    line = torch.linspace(-1, 2, 50).unsqueeze(1) * torch.ones(1, 9)
    found = measure(line.double())
    ranks = (found.effective_rank_raw, found.effective_rank_sigma, found.rankme, found.stable_rank)
    assert ranks == pytest.approx((1, 1, 1, 1), abs=1e-6)


def test_the_null_is_the_published_one() -> None:
    """N = 2000, D = 128, isotropic: RankMe 126.9, sigma^2-rank 123.8, participation ratio 1/(1/D + 1/N) = 120.3."""
    found = measure(planted(2000, 128, 4))
    assert found.rankme.null == pytest.approx(126.9, abs=0.1)
    assert found.effective_rank.null == pytest.approx(123.8, abs=0.3)
    assert found.participation_ratio.null == pytest.approx(1 / (1 / 128 + 1 / 2000), abs=0.6)


def test_a_collapsed_matrix_does_not_look_healthy() -> None:
    """One point and float32 rounding: the centred rank is that of noise, the guard and the verdict are not fooled."""
    rows = torch.ones(1000, 64) + 1e-7 * torch.randn(1000, 64, generator=seeded())
    found = measure(rows)
    assert found.effective_rank > 30
    assert found.total_variance < 1e-6
    assert found.rankme == pytest.approx(1, abs=1e-3)
    assert verdict(found).status == "complete collapse"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 100))
def test_turning_and_scaling_change_nothing(seed: int, scale: float) -> None:
    rows = torch.randn(60, 6, generator=seeded(seed), dtype=torch.float64) * torch.arange(1, 7)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=seeded(seed + 1), dtype=torch.float64))
    one, other = measure(rows), measure(scale * rows @ turn)
    for name in (
        "total_variance",
        "effective_rank",
        "effective_rank_sigma",
        "rankme",
        "vendi",
        "stable_rank",
    ):
        assert float(getattr(other, name)) == pytest.approx(float(getattr(one, name)), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=5), st.integers(0, 99))
def test_merged_moments_are_those_of_all_rows(sizes: list[int], seed: int) -> None:
    parts = [
        torch.randn(size, 4, generator=seeded(seed + i), dtype=torch.float64) + i
        for i, size in enumerate(sizes)
    ]
    merged = moments(parts[0])
    for part in parts[1:]:
        merged = merge(merged, moments(part))
    rows = torch.cat(parts)
    assert merged.count == len(rows)
    torch.testing.assert_close(merged.mean, rows.mean(0))
    if len(rows) > 1:
        torch.testing.assert_close(merged.covariance, torch.cov(rows.T))


def test_entropy_rank_of_equal_values_is_their_number() -> None:
    assert entropy_rank(torch.tensor([2.0, 2, 2, 0, 0])) == pytest.approx(3)
    assert entropy_rank(torch.zeros(4)) == 1


def test_shuffling_keeps_each_column() -> None:
    rows = torch.randn(30, 3, generator=seeded())
    shuffled = shuffle_columns(rows, seeded(1))
    torch.testing.assert_close(shuffled.sort(0).values, rows.sort(0).values)
    assert not torch.equal(shuffled, rows)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_broken_rows_are_counted(bad: float) -> None:
    rows = torch.randn(10, 4, generator=seeded())
    rows[[2, 5], 1] = bad
    with pytest.raises(CollapseError, match="2 of 10 rows"):
        measure(rows)
    with pytest.raises(CollapseError, match="at least 2 rows"):
        measure(rows[:1])


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        (planted(2000, 64, 64), "healthy"),
        (planted(2000, 64, 10), "dimensional collapse"),
        (planted(2000, 64, 64) + 200, "complete collapse"),
        (planted(64, 64, 64), "inconclusive"),
    ],
)
def test_verdicts(rows: torch.Tensor, status: str) -> None:
    assert verdict(measure(rows)).status == status


def test_the_verdict_is_monotone_in_rank() -> None:
    order = {"dimensional collapse": 0, "healthy": 1}
    found = [
        order[verdict(measure(normalize(planted(1000, 32, rank), dim=1))).status] for rank in range(1, 33)
    ]
    assert found == sorted(found)
    assert (found[0], found[14], found[15], found[-1]) == (0, 0, 1, 1), "half of 32 is the threshold"


@pytest.mark.parametrize("rank", [1, 3, 16])
def test_equal_singular_values_count_themselves(rank: int) -> None:
    """Rows +-e_k, k <= rank, equally often: unit rows of mean 0, and `rank` equal eigenvalues. Every rank is `rank`."""
    axes = torch.eye(16, dtype=torch.float64)[:rank].repeat(8, 1)
    found = measure(torch.cat([axes, -axes]))
    for name in (
        "effective_rank", "effective_rank_raw", "effective_rank_sigma", "rankme", "vendi",
        "participation_ratio", "stable_rank", "alive", "dimensions_99",
    ):  # fmt: skip
        assert float(getattr(found, name)) == pytest.approx(rank, rel=1e-9), name
    n = 16 * rank
    assert found.total_variance == pytest.approx(n / (n - 1)), "mean square 1, divided by N - 1"
    assert found.dimensions_90 == -(-9 * rank // 10), "the first k hold k / rank"


def test_fewer_rows_than_dimensions() -> None:
    """N points span N - 1 directions about their mean, and N about the origin; the zeros are exact."""
    found = measure(torch.randn(10, 40, generator=seeded()))
    assert sum(value > 0 for value in found.eigenvalues) == 9
    assert found.effective_rank <= 9
    assert 9 < found.rankme <= 10
    assert found.rankme.null <= 10
    assert verdict(found).status == "inconclusive"


def test_the_explained_share_ends_at_one() -> None:
    found = measure(planted(300, 12, 5))
    assert list(found.explained[4:]) == pytest.approx([1] * 8)
    assert list(found.explained) == sorted(found.explained)
    assert len(found.explained.null) == len(found.eigenvalues.null) == 12


def test_shuffled_columns_forget_a_line() -> None:
    """d copies of one column: rank 1; each shuffled on its own they are independent, and the rank is nearly d."""
    copies = torch.randn(4000, 1, generator=seeded(), dtype=torch.float64).repeat(1, 8)
    found = measure(copies)
    assert found.effective_rank == pytest.approx(1, abs=1e-6)
    assert found.effective_rank_shuffled == pytest.approx(8, abs=0.05)


def test_the_same_generator_gives_the_same_null() -> None:
    rows = planted(100, 8, 3)
    assert spectrum(rows, seeded(4)) == spectrum(rows, seeded(4))
    assert spectrum(rows, seeded(4)).rankme.null == spectrum(rows, seeded(4)).rankme.null


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0])
def test_rows_exactly_equal(value: float) -> None:
    """No variance at all: no direction lives, 90 % of nothing is held by no more than one, never by D + 1."""
    found = measure(torch.full((50, 4), value))
    assert (found.total_variance, found.std_sqrt_d, found.alive) == (0, 0, 0)
    assert (found.effective_rank, found.participation_ratio, found.stable_rank) == (1, 1, 1)
    assert verdict(found).status == "complete collapse"
    assert found.dimensions_90 <= 1
    assert found.dimensions_99 <= 1


@pytest.mark.parametrize("scale", [1e-20, 1e-14, 1e-8, 1e8, 1e25])
def test_very_short_and_very_long_rows_are_not_collapsed(scale: float) -> None:
    """A unit row does not know how long it was, whatever float32 can hold: no eps, no overflow of the squares."""
    rows = torch.randn(200, 8, generator=seeded())
    one, other = measure(rows), measure(rows * scale)
    assert other.total_variance == pytest.approx(float(one.total_variance), rel=1e-5)
    assert other.effective_rank == pytest.approx(float(one.effective_rank), rel=1e-5)
    assert verdict(other).status == "healthy"

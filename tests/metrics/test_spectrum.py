"""Spectra against numpy's own covariance and SVD, scikit-learn's PCA, closed forms, and planted collapses."""

from __future__ import annotations

import numpy
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy
from sklearn.decomposition import PCA
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.metric import metrics
from collapse_cli.metrics import intervals as room
from collapse_cli.metrics.alignment import uniformity
from collapse_cli.metrics.nulls import never_negative
from collapse_cli.metrics.spectrum import Spectrum, spectrum
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
        "mean_cosine": (unit @ unit.T).sum() / (300 * 299) - 1 / 299,
        "isoscore": isoscore(lam),
        "top_share": lam_raw[0] / lam_raw.sum(),
        "dimensions_95": 1 + (lam.cumsum() / lam.sum() < 0.95).sum(),
        "above_edge": (lam > (1 + (20 / 299) ** 0.5) ** 2 * lam.mean()).sum(),
        "numerical_rank": 20,
        "wasserstein": gaussian_distance(unit),
        "information_abundance": numpy.linalg.norm(raw, "nuc") / numpy.linalg.norm(raw, 2),
    }
    assert {name: float(getattr(found, name)) for name in expected} == pytest.approx(expected, rel=1e-5)
    assert list(found.eigenvalues) == pytest.approx(lam.tolist(), rel=1e-5)


def gaussian_distance(unit: numpy.ndarray) -> float:
    """As Fang et al. (2024) write it, with scipy's root of the covariance, which they divide by N."""
    mean, covariance = unit.mean(axis=0), numpy.cov(unit.T, bias=True)
    root = scipy.linalg.sqrtm(covariance)
    return float(
        (mean @ mean + 1 + numpy.trace(covariance) - 2 / unit.shape[1] ** 0.5 * numpy.trace(root).real) ** 0.5
    )


def test_the_distance_of_two_gaussians() -> None:
    """The general formula, |m - m'|^2 + tr(C + C' - 2 (C^1/2 C' C^1/2)^1/2), between the rows and N(0, I/D)."""
    rows = torch.randn(200, 6, generator=seeded(), dtype=torch.float64) * torch.arange(1, 7) + 2
    unit = normalize(rows, dim=1).numpy()
    mean, covariance, target = unit.mean(axis=0), numpy.cov(unit.T, bias=True), numpy.eye(6) / 6
    root = scipy.linalg.sqrtm(covariance)
    cross = scipy.linalg.sqrtm(root @ target @ root)
    expected = (mean @ mean + numpy.trace(covariance + target - 2 * cross).real) ** 0.5
    assert measure(rows).wasserstein == pytest.approx(expected, rel=1e-6)


def test_the_distance_sees_what_std_and_uniformity_do_not() -> None:
    """Rows on a 64-sphere in 128 dimensions, beside the whole sphere: std and uniformity differ by less than 2 %, the Wasserstein
    distance, sqrt(2 - 2 sqrt(1/2)) = .765 beside sampling's .057, by more than twelve times.
    """
    half, whole = (normalize(planted(10000, 128, rank), dim=1) for rank in (64, 128))
    one, other = measure(half), measure(whole)
    assert one.wasserstein == pytest.approx((2 - 2 * 0.5**0.5) ** 0.5, abs=0.005)
    assert one.wasserstein / other.wasserstein > 12
    assert other.wasserstein == pytest.approx(other.wasserstein.null, rel=0.05)
    assert one.std_sqrt_d == pytest.approx(float(other.std_sqrt_d), rel=0.02)
    assert uniformity(half[:2000]) == pytest.approx(uniformity(whole[:2000]), rel=0.02)


@pytest.mark.parametrize(("rows", "abundance"), [(torch.ones(50, 8), 1.0), (torch.zeros(50, 8), 1.0)])
def test_one_point_is_furthest(rows: torch.Tensor, abundance: float) -> None:
    """|mean| = 1 and no variance: sqrt(1 + 1). One direction holds the embeddings; of zeros, by convention."""
    found = measure(rows)
    assert (float(found.wasserstein), float(found.information_abundance)) == pytest.approx(
        (2**0.5, abundance)
    )


@pytest.mark.parametrize("rank", [1, 2, 16])
def test_the_distance_of_equal_dimensions_is_a_closed_form(rank: int) -> None:
    """Rows +-e_k, k <= rank of 16: tr C^(1/2) = rank / sqrt(rank), and so sqrt(2 - 2 sqrt(rank / 16)); 0 where all are used."""
    axes = torch.eye(16, dtype=torch.float64)[:rank].repeat(8, 1)
    found = measure(torch.cat([axes, -axes]))
    assert found.wasserstein == pytest.approx((2 - 2 * (rank / 16) ** 0.5) ** 0.5, abs=1e-7)
    assert found.information_abundance == pytest.approx(rank, rel=1e-9)


def isoscore(lam: numpy.ndarray) -> float:
    """As its authors write it: the eigenvalues at norm sqrt(d), their defect from all ones, and the share that leaves."""
    d = len(lam)
    defect = numpy.linalg.norm(d**0.5 * lam / numpy.linalg.norm(lam) - 1) / (2 * (d - d**0.5)) ** 0.5
    return ((d - defect**2 * (d - d**0.5)) ** 2 / d - 1) / (d - 1)


def test_scikit_learn_and_scipy_agree() -> None:
    """PCA of the rows, raw and unit, and scipy's entropy of its explained variances."""
    rows = torch.randn(200, 15, generator=seeded(), dtype=torch.float64) * torch.arange(1, 16) - 5
    found = measure(rows)
    raw, unit = PCA().fit(rows.numpy()), PCA().fit(normalize(rows, dim=1).numpy())
    assert list(found.eigenvalues) == pytest.approx(unit.explained_variance_.tolist(), rel=1e-9)
    assert list(found.explained) == pytest.approx(unit.explained_variance_ratio_.cumsum().tolist(), rel=1e-9)
    assert found.effective_rank == pytest.approx(numpy.exp(scipy_entropy(unit.explained_variance_)), rel=1e-9)
    assert found.effective_rank_sigma == pytest.approx(
        numpy.exp(scipy_entropy(raw.singular_values_)), rel=1e-9
    )
    assert found.stable_rank == pytest.approx(1 / raw.explained_variance_ratio_[0], rel=1e-9)


def test_the_exponent_is_that_of_the_raw_spectrum() -> None:
    """alpha-ReQ of rows whose lambda_j are 1/j up to sampling: numpy's fit of the measured ones; the range is said."""
    rows = torch.randn(5000, 60, generator=seeded()) * torch.arange(1, 61) ** -0.5
    found, j = measure(rows), numpy.arange(3, 31)
    lam = PCA().fit(rows.double().numpy()).explained_variance_[2:30]
    slope = numpy.polyfit(numpy.log(j), numpy.log(lam), 1, w=j**-0.5)[0]
    assert (found.alpha_from, found.alpha_to) == (3, 30)
    assert found.alpha == pytest.approx(-slope, rel=1e-6)
    assert found.alpha == pytest.approx(1, abs=0.05)
    assert found.alpha_r2 > 0.99
    assert measure(rows[:, :9]).alpha is None


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
        "wasserstein",
        "information_abundance",
    ):
        assert float(getattr(other, name)) == pytest.approx(float(getattr(one, name)), rel=1e-9)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_broken_rows_are_counted(bad: float) -> None:
    rows = torch.randn(10, 4, generator=seeded())
    rows[[2, 5], 1] = bad
    with pytest.raises(CollapseError, match="2 of 10 embeddings"):
        measure(rows)
    with pytest.raises(CollapseError, match="at least 2 embeddings"):
        measure(rows[:1])


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        (planted(2000, 64, 64), "healthy"),
        (planted(2000, 64, 10), "dimensional collapse"),
        (planted(2000, 64, 64) + 200, "inconclusive"),
        (planted(1, 64, 64).expand(2000, 64), "complete collapse"),
        (planted(64, 64, 64), "inconclusive"),
    ],
)
def test_verdicts(rows: torch.Tensor, status: str) -> None:
    assert verdict(measure(rows)).status == status


def test_the_verdict_is_monotone_in_rank() -> None:
    order = {"dimensional collapse": 0, "healthy": 1}
    found = [
        order[verdict(measure(normalize(planted(1000, 32, rank), dim=1))).status] for rank in range(2, 33)
    ]
    assert found == sorted(found)
    assert (found[0], found[13], found[14], found[-1]) == (0, 0, 1, 1), "half of 32 is the threshold"


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


def test_every_number_of_a_healthy_space_has_an_interval_around_it() -> None:
    """All but what is a null, a setting or a check; the derived ones are the intervals of what they are derived from."""
    found = measure(planted(500, 24, 24))
    free = {
        "effective_rank_shuffled",
        "alpha_r2",
        "alpha_from",
        "alpha_to",
        "numerical_rank",
        "rounding",
        "samples",
        "dimensions",
        "row_participation",
        "mean_length",
        "ray_share",
        "ray_axes",
        "distinct",
        "largest_group",
        "zero_rows",
        "effective_samples",
        "groups",
        "icc",
        "widest_dimension",
    }
    numbers = {name for name, one in metrics(found).items() if one["kind"] == "number"}
    spans = {name: getattr(found, name).interval for name in numbers - free}
    assert all(low <= getattr(found, name) <= high for name, (low, high) in spans.items())
    assert spans["isoscore"] == pytest.approx([(end - 1) / 23 for end in spans["participation_ratio"]])
    assert spans["top_share"] == pytest.approx([1 / end for end in reversed(spans["stable_rank"])])
    assert spans["mean_cosine"] == pytest.approx([1 - end for end in reversed(spans["total_variance"])])


def test_few_rows_have_no_intervals() -> None:
    """As many rows as dimensions, and seven: what another sample would give is not in them."""
    for rows in (planted(24, 24, 24), planted(7, 3, 3), torch.ones(50, 4)):
        assert metrics(measure(rows))["effective_rank"]["interval"] is None


def test_sorted_rows_have_the_same_intervals() -> None:
    """Ten classes one after the other, as in a folder of shards, or mixed: the same numbers, intervals alike within 20 %."""
    centres = torch.randn(10, 16, generator=seeded(1), dtype=torch.float64)
    rows = centres.repeat_interleave(300, 0) + 0.5 * torch.randn(
        3000, 16, generator=seeded(2), dtype=torch.float64
    )
    mixed = rows[torch.randperm(3000, generator=seeded(3))]
    for name in ("effective_rank", "rankme", "stable_rank", "std_sqrt_d", "total_variance", "alpha"):
        one, other = getattr(measure(rows), name), getattr(measure(mixed), name)
        assert one == pytest.approx(other, rel=1e-9)
        assert one.interval[1] - one.interval[0] == pytest.approx(
            other.interval[1] - other.interval[0], rel=0.2
        ), name


class Shards:
    """Rows in a file: slices and indices are read from it, and nothing else."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows, self.shape = rows, rows.shape

    def __getitem__(self, chosen: slice | torch.Tensor) -> torch.Tensor:
        return self.rows[chosen].clone()


def test_rows_in_files_measure_like_rows_in_memory() -> None:
    rows = planted(300, 12, 7).half()
    assert spectrum(Shards(rows), seeded(1)) == spectrum(rows, seeded(1))
    assert measure(rows).effective_rank == pytest.approx(float(measure(rows.double()).effective_rank))


def test_large_nulls_are_drawn_without_their_rows() -> None:
    """N x D above what is drawn: the nulls of the reference's table, N = 5000, D = 128; 1/(1/D + 1/N) = 124.8."""
    found = measure(planted(5000, 128, 4))
    assert found.participation_ratio.null == pytest.approx(1 / (1 / 128 + 1 / 5000), abs=0.5)
    assert found.vendi.null == pytest.approx(126.4, abs=0.5)
    assert (found.alive.null, found.total_variance.null) == (128, pytest.approx(1, abs=1e-3))


def test_a_relu_has_a_null_of_its_own() -> None:
    """Isotropic rows through a ReLU: mean cosine 1/pi, std·√D sqrt(1 - 1/pi) = .826, and the first of them all is the mean."""
    rows = torch.randn(2000, 64, generator=seeded()).clamp_min(0)
    assert never_negative(rows)
    assert not never_negative(rows - 1e-6)
    found = spectrum(rows, seeded(1), relu=True)
    assert found.mean_cosine.null == pytest.approx(1 / numpy.pi, abs=0.01)
    assert found.std_sqrt_d.null == pytest.approx((1 - 1 / numpy.pi) ** 0.5, abs=0.01)
    for name in ("effective_rank", "rankme", "vendi", "stable_rank", "std_sqrt_d"):
        value = getattr(found, name)
        assert float(value) == pytest.approx(value.null, rel=0.02), name
    assert spectrum(rows, seeded(1)).vendi.null > 1.5 * found.vendi


def test_the_untrained_network_stands_beside() -> None:
    before, after = planted(400, 16, 12), planted(500, 16, 5)
    found = spectrum(after, seeded(1), initial=[before])
    assert found.effective_rank_initial == pytest.approx(float(measure(before).effective_rank))
    assert list(found.eigenvalues.initial) == pytest.approx(list(measure(before).eigenvalues))
    assert "effective_rank_initial" not in metrics(measure(after))


@pytest.mark.parametrize("size", [1e-170, 1e170])
def test_float64_rows_may_be_of_any_length(size: float) -> None:
    one, other = measure(planted(300, 12, 7)), measure(planted(300, 12, 7) * size)
    for name in ("rankme", "stable_rank", "effective_rank_raw", "alive", "total_variance"):
        assert float(getattr(other, name)) == pytest.approx(float(getattr(one, name)), rel=1e-9), name
        assert getattr(other, name).interval == pytest.approx(getattr(one, name).interval, rel=1e-6), name


def test_outliers_are_in_the_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 of 6000 rows are 12 times as long: as wide as if the influence of all rows were measured, within 10 %.

    A sixth of them at random would miss most of the outliers, and those are most of the variance. Unit rows have none.
    """
    rows = torch.randn(6000, 10, generator=seeded(), dtype=torch.float64)
    rows[::300] *= 12
    sampled = measure(rows)
    monkeypatch.setattr(room, "ROWS", 10_000)
    every = measure(rows)
    for name in ("effective_rank_raw", "effective_rank_sigma", "rankme", "stable_rank"):
        one, other = getattr(sampled, name).interval, getattr(every, name).interval
        assert one[1] - one[0] == pytest.approx(other[1] - other[0], rel=0.1), name


def test_slopes_are_found_where_gradients_are_off() -> None:
    rows = planted(60, 5, 5)
    expected = measure(rows).rankme.interval
    with torch.inference_mode():
        assert measure(rows).rankme.interval == pytest.approx(expected)
    with torch.no_grad():
        assert measure(rows).rankme.interval == pytest.approx(expected)


def test_two_ways_to_the_mean_cosine_differ_by_rounding() -> None:
    """Total variance of unit rows is 1 less their mean cosine."""
    assert 0 <= measure(torch.randn(200, 6, generator=seeded()).double() + 1).rounding < 1e-12

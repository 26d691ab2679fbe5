"""What nothing looks like: the Marchenko-Pastur law against its integrals and a published table, draws against each other."""

from __future__ import annotations

import math

import numpy
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import ks_2samp

from collapse_cli.metrics import nulls as room
from collapse_cli.metrics.eigenvalues import eigenvalues
from collapse_cli.metrics.moments import moments
from collapse_cli.metrics.nulls import (
    density,
    edges,
    few,
    isotropic,
    never_negative,
    quantiles,
    shuffle_columns,
    shuffled,
    wishart,
)
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.ranks import entropy_rank, participation_ratio, stable_rank
from collapse_cli.metrics.rows import unit


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


GAMMAS = (0.0625, 0.4, 1.0, 2.5)


def below(value: float, gamma: float) -> float:
    """The share of eigenvalues above 0 that are above `value`, by scipy."""
    at = lambda lam: float(density(torch.tensor(lam, dtype=torch.float64), gamma))  # noqa: E731
    return quad(at, value, edges(gamma)[1], limit=200)[0]


@pytest.mark.parametrize("gamma", GAMMAS)
def test_the_density_holds_everything_but_the_zeros(gamma: float) -> None:
    """Mass min(1, 1/gamma) and mean 1, for the trace is that of the covariance."""
    low, high = edges(gamma)
    assert below(low, gamma) == pytest.approx(min(1, 1 / gamma), abs=1e-6)
    mean = quad(lambda lam: lam * float(density(torch.tensor(lam, dtype=torch.float64), gamma)), low, high)[0]
    assert mean == pytest.approx(1, abs=1e-6)
    outside = torch.tensor([low - 1e-3, high + 1e-3], dtype=torch.float64)
    assert density(outside, gamma).tolist() == [0, 0]


@pytest.mark.parametrize("gamma", GAMMAS)
def test_quantiles_cut_the_density_in_equal_parts(gamma: float) -> None:
    """(k - 1/2)/10 of all lies above the k-th of 10; those of the zeros are 0. In units of the variance."""
    found = quantiles(10, gamma)
    for k, value in enumerate(found.tolist()):
        wanted = (k + 0.5) / 10
        if wanted < min(1, 1 / gamma):
            assert below(value, gamma) == pytest.approx(wanted, abs=1e-5)
        else:
            assert value == 0
    torch.testing.assert_close(quantiles(10, gamma, 7.0), 7 * found)


@pytest.mark.parametrize(
    ("n", "d", "low", "high", "rankme", "erank", "participation", "nesum"),
    [
        (1000, 16, 0.763, 1.269, 16.0, 15.8, 15.7, 12.5),
        (2000, 128, 0.558, 1.570, 126.9, 123.8, 120.1, 81.6),
        (10000, 128, 0.787, 1.239, 127.8, 127.2, 126.4, 103.5),
        (5000, 512, 0.462, 1.742, 505.3, 486.2, 464.0, 294.8),
        (10000, 512, 0.599, 1.504, 508.8, 499.0, 487.0, 341.1),
        (10000, 2048, 0.300, 2.110, 1994.8, 1848.5, 1699.6, 971.8),
    ],
)
def test_the_tabulated_nulls(
    n: int, d: int, low: float, high: float, rankme: float, erank: float, participation: float, nesum: float
) -> None:
    """The reference's table of isotropic rows, measured on draws; here the law's own quantiles.

    The participation ratio is 1/(1/D + 1/N) in closed form. Draws have noise: 0.2 %, or 0.1; the largest eigenvalue is a
    little off the edge: 2 %.
    """
    gamma = d / n
    assert edges(gamma) == pytest.approx((low, high), abs=1e-3)
    lam = quantiles(d, gamma)
    assert entropy_rank(lam.sqrt()) == pytest.approx(rankme, rel=2e-3, abs=0.1)
    assert entropy_rank(lam) == pytest.approx(erank, rel=2e-3, abs=0.1)
    assert participation_ratio(lam) == pytest.approx(participation, rel=2e-3, abs=0.1)
    assert participation_ratio(lam) == pytest.approx(1 / (1 / d + 1 / n), rel=2e-3)
    assert d / edges(gamma)[1] == pytest.approx(nesum, rel=0.02)


def test_a_draw_follows_the_law() -> None:
    """D = 400, N = 1000: every eigenvalue within 0.05 of its quantile, the bulk's own spacing being 0.007."""
    lam = eigenvalues(wishart(1000, 400, seeded()) / 1000)
    assert float((lam - quantiles(400, 0.4)).abs().max()) < 0.05


@pytest.mark.parametrize(("n", "d"), [(9, 4), (4, 4), (3, 5)])
def test_bartlett_draws_what_rows_would(n: int, d: int) -> None:
    """400 draws each: the largest eigenvalue, the trace and an entry off the diagonal have the law of n drawn rows.

    Of fewer rows than columns the rank is n.
    """
    generator = seeded(3)
    ours = torch.stack([wishart(n, d, generator) for _ in range(400)])
    drawn = torch.randn(400, n, d, generator=generator, dtype=torch.float64)
    theirs = drawn.transpose(1, 2) @ drawn
    for look in (
        lambda w: torch.linalg.eigvalsh(w)[:, -1],
        lambda w: w.diagonal(dim1=1, dim2=2).sum(1),
        lambda w: w[:, 0, 1],
    ):
        assert ks_2samp(look(ours).numpy(), look(theirs).numpy()).pvalue > 0.01
    assert int(torch.linalg.matrix_rank(ours[0])) == min(n, d)


def numbers(pair: tuple) -> list[float]:
    """Effective rank, RankMe, Vendi, stable rank, total variance and the mean's length of both kinds of rows."""
    raw, on_sphere = pair
    lam, lam_raw = eigenvalues(on_sphere.covariance), eigenvalues(raw.covariance)
    return [
        entropy_rank(lam),
        entropy_rank(eigenvalues(raw.second_moment).sqrt()),
        entropy_rank(eigenvalues(on_sphere.second_moment)),
        stable_rank(lam_raw),
        float(lam.sum()),
        float(on_sphere.mean.square().sum()) + 1,
        float(raw.covariance.trace()),
    ]


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("n", "d"), [(3000, 48), (300, 96)])
def test_moments_alone_are_as_good_as_rows(
    n: int, d: int, relu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same numbers whether rows are drawn or their moments: within 3 %, unit rows too, which are so up to O(1/D)."""
    monkeypatch.setattr(room, "DRAWN", 10**9)
    rows = numbers(isotropic(n, d, seeded(1), relu))
    monkeypatch.setattr(room, "DRAWN", 0)
    assert numbers(isotropic(n, d, seeded(2), relu)) == pytest.approx(rows, rel=0.03)


def test_unit_rows_are_raw_ones_at_another_scale_up_to_one_over_d() -> None:
    """tr C^2 of isotropic unit rows is exactly (1 + (N-1)/D)/N, about 0; of Gaussian ones at trace 1 it is larger by 1/N."""
    n, d = 400, 30
    generator, found = seeded(5), []
    for _ in range(40):
        seen = gather(torch.randn(n, d, generator=generator, dtype=torch.float64))
        on_sphere, scaled = seen.on_sphere, seen.raw.second_moment / seen.raw.second_moment.trace()
        found.append(
            [
                float(on_sphere.second_moment.square().sum()),
                float(scaled.square().sum()),
                float(on_sphere.second_moment.trace()),
            ]
        )
    ours, theirs, trace = numpy.mean(found, axis=0)
    assert trace == pytest.approx(1)
    assert ours == pytest.approx((1 + (n - 1) / d) / n, rel=1e-3)
    assert theirs == pytest.approx(ours, rel=2 / d)


def test_a_relu_null_has_the_mean_cosine_of_rectified_rows() -> None:
    """E[r]^2 / E[r^2] = (1/2pi) / (1/2) = 1/pi = 0.318 in many dimensions, whichever way it is drawn."""
    _, on_sphere = isotropic(1000, 400, seeded(), relu=True)
    assert float(on_sphere.mean.square().sum()) == pytest.approx(1 / math.pi, abs=0.01)
    assert float(on_sphere.second_moment.trace()) == pytest.approx(1, abs=0.01)


def test_shuffling_keeps_each_column() -> None:
    rows = torch.randn(30, 3, generator=seeded())
    mixed = shuffle_columns(rows, seeded(1))
    torch.testing.assert_close(mixed.sort(0).values, rows.sort(0).values)
    assert not torch.equal(mixed, rows)


def test_shuffled_columns_need_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line plus columns of falling spread: what the shuffle gives, and what their variances and N alone give, within 1 %.

    The variances stay to the last digit, as in a shuffle; as N grows the rest tends to their entropy rank.
    """
    wide = torch.randn(2000, 24, generator=seeded(1)) * torch.linspace(2, 0.1, 24)
    rows = torch.randn(2000, 1, generator=seeded()) + wide
    on_sphere = gather(rows).on_sphere
    monkeypatch.setattr(room, "DRAWN", 10**9)
    drawn = shuffled(rows, on_sphere, seeded(2))
    monkeypatch.setattr(room, "DRAWN", 0)
    alone = shuffled(rows, on_sphere, seeded(3))
    torch.testing.assert_close(alone.diagonal(), moments(unit(rows)).covariance.diagonal())
    torch.testing.assert_close(drawn.diagonal(), alone.diagonal())
    ranks = [entropy_rank(eigenvalues(one)) for one in (drawn, alone)]
    assert ranks[0] == pytest.approx(ranks[1], rel=0.01)
    assert ranks[1] == pytest.approx(entropy_rank(alone.diagonal()), rel=0.02)


def test_the_same_generator_draws_the_same() -> None:
    one, other = (isotropic(5000, 64, seeded(4)) for _ in range(2))
    assert torch.equal(one[0].scatter, other[0].scatter)
    assert torch.equal(one[1].mean, other[1].mean)


@pytest.mark.parametrize(
    ("n", "d", "drawn"),
    [
        (512, 512, True),
        (513, 512, False),
        (2**17, 2, True),
        (2**17 + 1, 2, False),
        (1000, 1000, True),
        (1000, 999, False),
    ],
)
def test_few_numbers_are_drawn_themselves(n: int, d: int, drawn: bool) -> None:
    """2^18 of them, and no more rows than dimensions however many."""
    assert few(n, d) is drawn


def test_zero_is_not_negative() -> None:
    rows = torch.rand(50, 4)
    rows[3, 2] = 0
    assert never_negative(rows)
    rows[40, 1] = -1e-30
    assert not never_negative(rows)


def test_edges_and_density_have_the_unit_of_the_variance() -> None:
    """gamma 1/4: (1 -+ 1/2)^2 = 1/4 and 9/4; sqrt((9/4 - 1)(1 - 1/4)) / (pi/2) at 1; three times as wide, a third as high."""
    assert edges(0.25) == (0.25, 2.25)
    assert edges(0.25, 3.0) == (0.75, 6.75)
    height = math.sqrt(1.25 * 0.75) / (math.pi / 2)
    one, three = torch.tensor([1.0, 0.2, 2.3]).double(), torch.tensor([3.0, 0.6, 6.9]).double()
    assert density(one, 0.25).tolist() == pytest.approx([height, 0, 0])
    assert density(three, 0.25, 3.0).tolist() == pytest.approx([height / 3, 0, 0])

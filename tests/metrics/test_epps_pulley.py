"""The sliced Epps-Pulley distance: against the paper's loop over directions, exact means over directions, and closed forms."""

from __future__ import annotations

import math

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp0f1, hyp1f1
from torch import Tensor
from torch.nn.functional import normalize

from collapse_cli.metrics import epps_pulley as module
from collapse_cli.metrics import pairwise
from collapse_cli.metrics.epps_pulley import CONSTANT, PAIR, epps_pulley, uniform


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sphere(n: int, d: int, seed: int = 0, within: int | None = None) -> Tensor:
    """(n, d) float64: uniform on the unit sphere of a random subspace of `within` dimensions."""
    k = within or d
    frame, _ = torch.linalg.qr(torch.randn(d, d, generator=seeded(seed + 1), dtype=torch.float64))
    return normalize(torch.randn(n, k, generator=seeded(seed), dtype=torch.float64), dim=1) @ frame[:k]


def distance(u: Tensor) -> float:
    return float(epps_pulley(u, 0.0))


def published(u: Tensor, directions: Tensor) -> float:
    """As the paper has it, direction by direction (M,D): N times the integral, by the trapezoidal rule, self pairs and all."""
    t = torch.linspace(-8, 8, 401, dtype=torch.float64)
    window, total = torch.exp(-t.square() / 2), 0.0
    for direction in directions:
        angles = t[:, None] * (u.shape[1] ** 0.5 * u @ direction)  # (T, N)
        gap = (angles.cos().mean(dim=1) - window).square() + angles.sin().mean(dim=1).square()
        total += len(u) * float(torch.trapezoid(gap * window, t))
    return total / len(directions)


def from_published(statistic: float, u: Tensor) -> float:
    """The published one holds 1/N of pairs of a row with itself, whose kernel is 1."""
    n, d = u.shape
    rest = 2 * math.sqrt(math.pi) * float(hyp1f1(0.5, d / 2, -d / 4)) - CONSTANT
    kernel = (statistic / n + rest) / PAIR  # mean over all pairs, those of a row with itself too
    return PAIR * (n * kernel - 1) / (n - 1) - rest


def test_one_dimension_is_the_published_loop() -> None:
    """There is one direction, up to its sign: rows +1 and -1."""
    u = torch.tensor([[1.0]] * 7 + [[-1.0]] * 4, dtype=torch.float64)
    expected = from_published(published(u, torch.ones(1, 1, dtype=torch.float64)), u)
    assert distance(u) == pytest.approx(expected, rel=1e-9)


def test_two_dimensions_are_the_loop_over_all_angles() -> None:
    """The mean over directions of the plane is a smooth function's over a circle: equal steps give it to rounding."""
    u = sphere(40, 2) * torch.tensor([1.0, 0.5]) + 0.3
    u = normalize(u, dim=1)
    angles = torch.arange(64, dtype=torch.float64) * math.pi / 64
    expected = from_published(published(u, torch.stack([angles.cos(), angles.sin()], dim=1)), u)
    assert distance(u) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("d", [3, 16, 200])
def test_random_directions_have_it_as_their_mean(d: int) -> None:
    """512 random directions, as SIGReg draws them, give it up to their own spread: five standard errors."""
    u = normalize(sphere(60, d, within=max(d // 4, 1)) + 0.2 / d**0.5, dim=1)
    directions = normalize(torch.randn(512, d, generator=seeded(3), dtype=torch.float64), dim=1)
    each = torch.tensor([from_published(published(u, one[None]), u) for one in directions])
    assert abs(distance(u) - float(each.mean())) < 5 * float(each.std()) / 512**0.5


@pytest.mark.parametrize("d", [1, 2, 3, 10, 128])
def test_the_null_is_the_integral(d: int) -> None:
    """A coordinate of the sphere, at length sqrt d, has the characteristic function 0F1(; d/2; -d t^2 / 4)."""
    if d == 1:
        expected = quad(lambda t: (math.cos(t) - math.exp(-(t**2) / 2)) ** 2 * math.exp(-(t**2) / 2), -9, 9)
    else:
        expected = quad(
            lambda t: (hyp0f1(d / 2, -d * t**2 / 4) - math.exp(-(t**2) / 2)) ** 2 * math.exp(-(t**2) / 2),
            -9,
            9,
        )
    assert uniform(d) == pytest.approx(expected[0], rel=1e-5, abs=1e-9)


def test_isotropic_rows_are_expected_at_the_null() -> None:
    """200 samples of 30 Gaussian rows: without self pairs no sample size shows. N times, with them, has the published 1.06."""
    found = torch.tensor([distance(sphere(30, 8, seed)) for seed in range(200)])
    error = float(found.std()) / 200**0.5
    assert abs(float(found.mean()) - uniform(8)) < 5 * error
    kernel = (uniform(8) - CONSTANT + 2 * math.sqrt(math.pi) * float(hyp1f1(0.5, 4, -2))) / PAIR
    published_null = 30 * uniform(8) + PAIR * (1 - kernel)
    assert published_null == pytest.approx(PAIR - CONSTANT, abs=0.1), (
        "1.06 = √2π - √(2π/3), of Gaussian numbers"
    )


@pytest.mark.parametrize("k", [2, 8, 64])
def test_a_planted_rank_is_its_integral(k: int) -> None:
    """k of 128 dimensions: cosines have the density (1 - c^2)^((k-3)/2), over which Kummer's function is integrated."""

    def over_angles(kernel: bool) -> float:
        def integrand(angle: float) -> float:
            value = float(hyp1f1(0.5, 64, -128 * (1 - math.cos(angle)))) if kernel else 1.0
            return value * math.sin(angle) ** (k - 2)

        return float(quad(integrand, 0, math.pi, points=[math.pi / 2])[0])

    expected = (
        PAIR * over_angles(True) / over_angles(False)
        - 2 * math.sqrt(math.pi) * float(hyp1f1(0.5, 64, -32))
        + CONSTANT
    )
    found = epps_pulley(sphere(2000, 128, within=k), uniform(128))
    assert found.interval is not None
    assert found.interval[0] < expected < found.interval[1]
    assert found.interval[0] > 100 * uniform(128), "the lost rank is seen, also of half of the dimensions"


def test_one_point_is_furthest() -> None:
    """All pairs have the kernel 1; for large D, sqrt(2 pi) - 2 sqrt(pi) sqrt(2/3) + sqrt(2 pi / 3) = 1.059."""
    u = torch.zeros(20, 4096, dtype=torch.float64)
    u[:, 0] = 1
    found = epps_pulley(u, 0.0)
    assert float(found) == pytest.approx(PAIR - 2 * math.sqrt(2 * math.pi / 3) + CONSTANT, abs=2e-3)
    assert found.interval == pytest.approx((float(found), float(found)))


def test_an_offset_is_seen() -> None:
    """Half of the length in common: far above the null, and more than half of the dimensions would be."""
    u = normalize(sphere(500, 64) + torch.eye(64, dtype=torch.float64)[0], dim=1)
    assert distance(u) > 100 * uniform(64)
    assert distance(u) > distance(sphere(500, 64, within=32))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_turns_and_order_change_nothing(seed: int) -> None:
    u = normalize(sphere(40, 6, seed) + 0.2, dim=1)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=seeded(seed), dtype=torch.float64))
    again = (u @ turn)[torch.randperm(40, generator=seeded(seed))]
    assert distance(again) == pytest.approx(distance(u), rel=1e-9)


@pytest.mark.parametrize("tile", [(1, 1), (3, 7), (50, 9)])
def test_tiles_change_nothing(tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    u = normalize(sphere(50, 6) + 0.2, dim=1)
    whole = epps_pulley(u, 0.0)
    monkeypatch.setattr(pairwise, "TILE", tile)
    again = epps_pulley(u, 0.0)
    assert float(again) == pytest.approx(float(whole), rel=1e-12)
    assert again.interval == pytest.approx(whole.interval, rel=1e-9)


@pytest.mark.parametrize("kind", ["isotropic", "low rank", "offset"])
def test_intervals_cover(kind: str) -> None:
    """The mean of 300 samples of 80 rows lies in 90 % of their intervals, or more: at isotropy pairs are all there is."""
    found = []
    for seed in range(300):
        u = sphere(80, 12, 2 * seed) if kind != "low rank" else frame_of(4, seed)
        found.append(epps_pulley(normalize(u + 0.3, dim=1) if kind == "offset" else u, 0.0))
    mean = float(numpy.mean([float(one) for one in found]))
    inside = [one.interval is not None and one.interval[0] <= mean <= one.interval[1] for one in found]
    assert sum(inside) >= 270


def frame_of(k: int, seed: int) -> Tensor:
    """(80, 12): k of the dimensions, the same for every seed."""
    return sphere(80, k, 2 * seed) @ torch.eye(12, dtype=torch.float64)[:k]


def test_few_rows_have_no_interval() -> None:
    assert epps_pulley(sphere(7, 3), 0.0).interval is None


def test_the_interval_is_the_plain_jackknifes_where_rows_matter() -> None:
    """Rows about one point, some further off: leaving out one row at a time has the same standard error, to 10 %."""
    generator = torch.Generator().manual_seed(4)
    rows = torch.randn(120, 6, generator=generator) * torch.rand(120, 1, generator=generator) ** 2 * 2
    rows[:, 0] += 3
    u = normalize(rows.double(), dim=1)
    left = torch.tensor([float(epps_pulley(torch.cat([u[:k], u[k + 1 :]]), 0.0)) for k in range(120)])
    error = math.sqrt(119 / 120 * float((left - left.mean()).square().sum()))
    low, high = epps_pulley(u, 0.0).interval
    assert (high - low) / 2 / 1.98 == pytest.approx(error, rel=0.1)


def test_influences_are_about_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what pairs do beyond their rows would be too little."""
    seen: list[Tensor] = []
    true = module.of_pairs
    monkeypatch.setattr(
        module, "of_pairs", lambda influences, together: seen.append(influences) or true(influences, together)
    )
    epps_pulley(sphere(80, 6, 1), 0.0)
    assert float(seen[0].mean()) == pytest.approx(0, abs=1e-12)
    assert float(seen[0].abs().max()) > 1e-3

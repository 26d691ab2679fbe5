"""Mean cosine with and without centring: slow loops, the plain jackknife, invariances, nulls, and planted collapses."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metric import metrics
from collapse_cli.metrics.alignment import mean_cosine
from collapse_cli.metrics.isotropy import Isotropy, centred_cosine, expected_centred, isotropy
from collapse_cli.metrics.rows import directions


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=seeded(seed), dtype=torch.float64)


def skewed(n: int, d: int, seed: int = 0) -> Tensor:
    """(n, d): squares of normal numbers, whose directions about their mean do not balance."""
    return normal(n, d, seed).square() * torch.arange(1, d + 1) ** 0.5


def measure(rows: Tensor, relu: bool = False) -> Isotropy:
    return isotropy(rows, seeded(1), relu)


def slow(rows: Tensor) -> float:
    """Ethayarajh's (2019) anisotropy, pair by pair, of rows about their mean."""
    points = [[float(x) for x in row] for row in rows]
    mean = [sum(column) / len(points) for column in zip(*points, strict=True)]
    about = [[x - m for x, m in zip(point, mean, strict=True)] for point in points]
    total, pairs = 0.0, 0
    for i, one in enumerate(about):
        for other in about[:i]:
            lengths = math.sqrt(sum(x * x for x in one)) * math.sqrt(sum(x * x for x in other))
            total, pairs = total + sum(x * y for x, y in zip(one, other, strict=True)) / lengths, pairs + 1
    return total / pairs


def test_the_slow_loop() -> None:
    rows = skewed(30, 4)
    assert measure(rows).mean_cosine_centred == pytest.approx(slow(rows), rel=1e-9)
    assert measure(rows).mean_cosine_centred > -1 / 29 + 0.02, "and not what symmetric rows have"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), offset=st.floats(-1e4, 1e4), scale=st.floats(1e-2, 1e2))
def test_an_offset_a_scale_and_a_turn_change_nothing(seed: int, offset: float, scale: float) -> None:
    rows = skewed(20, 4, seed)
    turn, _ = torch.linalg.qr(normal(4, 4, seed + 1))
    before, after = centred_cosine(rows, 0.0), centred_cosine(scale * (rows + offset) @ turn, 0.0)
    assert float(after) == pytest.approx(float(before), rel=1e-6, abs=1e-8)
    assert after.interval == pytest.approx(before.interval, rel=1e-5, abs=1e-7)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), scale=st.floats(1e-2, 1e2))
def test_the_length_of_a_row_does_not_matter_to_the_distance(seed: int, scale: float) -> None:
    rows, lengths = (
        skewed(20, 4, seed) + 1,
        scale * (0.5 + torch.rand(20, 1, generator=seeded(seed)).double()),
    )
    one, other = measure(rows), measure(lengths * rows)
    assert float(other.epps_pulley) == pytest.approx(float(one.epps_pulley), rel=1e-9)


def test_an_offset_is_told_from_what_is_left() -> None:
    """A mean as long as 3 standard deviations of all rows: cosine 9/10 to O(1/D), and nothing once it is taken off."""
    rows = normal(2000, 64) + 3
    found = measure(rows)
    assert mean_cosine(directions(rows)) == pytest.approx(0.9, abs=0.01)
    assert found.epps_pulley > 0.5
    assert found.mean_cosine_centred == pytest.approx(-1 / 1999, abs=1e-4)


def test_a_collapse_to_two_unequal_clusters_is_seen_through_any_offset() -> None:
    """A share p of rows at one place, the others at another: about the mean, cosines are p^2 + q^2 - 2pq = (1 - 2p)^2."""
    rows = torch.zeros(1000, 8, dtype=torch.float64)
    rows[:100, 0] = 1
    pairs = 1000 * 999
    expected = (0.8**2 * 1000**2 - 1000) / pairs  # without self pairs
    assert measure(rows + 50).mean_cosine_centred == pytest.approx(expected, rel=1e-9)


def test_one_point_is_one_point() -> None:
    for rows in (torch.ones(20, 4), torch.zeros(20, 4)):
        found = measure(rows)
        assert float(found.mean_cosine_centred) == pytest.approx(1)


def test_the_null_of_isotropic_rows() -> None:
    """Deviations sum to 0, and were they of one length so would directions: not 0 is expected. 400 samples of 30, in D = 1,
    where u is a sign and (E r)^2 / E r^2 = 2 / pi, and in D = 6.
    """
    assert expected_centred(30, 1) == pytest.approx(-2 / math.pi / 29)
    for d in (1, 6):
        found = torch.tensor([float(centred_cosine(normal(30, d, seed), 0.0)) for seed in range(400)])
        assert abs(float(found.mean()) - expected_centred(30, d)) < 5 * float(found.std()) / 20
    assert metrics(measure(normal(30, 6)))["mean_cosine_centred"]["null"] == expected_centred(30, 6)


def test_the_null_of_rectified_rows() -> None:
    """Each number of positive parts is near its own null, which is far from that of rows of both signs."""
    found = metrics(measure(normal(3000, 64).clamp_min(0), relu=True))
    assert found["epps_pulley"]["null"] > 0.15
    for name, near in (("epps_pulley", 0.01), ("mean_cosine_centred", 5e-4)):
        assert found[name]["value"] == pytest.approx(found[name]["null"], abs=near), name


def test_the_interval_is_the_plain_jackknife_s() -> None:
    """400 skewed rows, one left out at a time and their mean with it: the same standard error within 5 %."""
    rows = skewed(400, 5)
    left = torch.tensor(
        [float(centred_cosine(torch.cat([rows[:i], rows[i + 1 :]]), 0.0)) for i in range(400)],
        dtype=torch.float64,
    )
    error = float((399 / 400 * (left - left.mean()).square().sum()).sqrt())
    low, high = centred_cosine(rows, 0.0).interval or (0.0, 0.0)
    assert (high - low) / 2 / 1.97 == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("kind", ["skewed", "isotropic"])
def test_intervals_cover(kind: str) -> None:
    """The mean of 300 samples of 100 rows lies in 90 % of their intervals, or more."""
    rows = [skewed(100, 6, seed) if kind == "skewed" else normal(100, 6, seed) for seed in range(300)]
    found = [centred_cosine(one, 0.0) for one in rows]
    mean = sum(map(float, found)) / 300
    assert (
        sum(one.interval is not None and one.interval[0] <= mean <= one.interval[1] for one in found) >= 270
    )


def test_a_ray_about_its_mean_is_a_line() -> None:
    """Lengths alone vary: about the mean, cosines are +1 and -1; skewed lengths do not balance."""
    lengths = torch.tensor([1.0, 1.0, 1.0, 9.0], dtype=torch.float64).repeat(25)[:, None]
    found = measure(lengths * torch.ones(1, 5, dtype=torch.float64))
    assert found.epps_pulley > 1
    assert found.mean_cosine_centred == pytest.approx((0.5**2 * 100**2 - 100) / (100 * 99))


def test_it_is_the_mean_cosine_of_the_directions() -> None:
    rows = skewed(60, 3)
    assert centred_cosine(rows, 0.0) == pytest.approx(mean_cosine(directions(rows - rows.mean(dim=0))))


def test_broken_rows_are_refused() -> None:
    with pytest.raises(CollapseError, match="1 of 2 embeddings"):
        measure(torch.tensor([[1.0, math.nan], [0.0, 1.0]]))
    with pytest.raises(CollapseError, match="at least 2 embeddings"):
        measure(torch.ones(1, 3))
    assert metrics(measure(normal(5, 3)))["mean_cosine_centred"]["interval"] is None

"""Dormant units: a slow loop from the paper, planted ones, feature maps, and intervals."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metric import metrics
from collapse_cli.metrics.dormant import Dormant, _room, dormant, share


def active(n: int, d: int, seed: int = 0) -> Tensor:
    """(n, d): normal numbers behind a ReLU."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64).clamp_min(0)


def slow(rows: Tensor, tau: float) -> float:
    """Sokar et al. (2023), definition 3.1: s_i = E|h_i| / (1/H sum_k E|h_k|), and the share with s_i <= tau."""
    units = range(rows.shape[1])
    mean = [sum(abs(float(row[i])) for row in rows) / len(rows) for i in units]
    layer = sum(mean) / len(mean)
    return sum(mean[i] / layer <= tau for i in units) / len(mean)


def shares(found: Dormant) -> tuple[float, float, float]:
    return float(found.dormant_0), float(found.dormant_0025), float(found.dormant_01)


def test_the_slow_loop() -> None:
    rows = active(40, 30) * torch.logspace(-3, 1, 30)
    rows[:, 3] = 0
    expected = tuple(slow(rows, tau) for tau in (0.0, 0.025, 0.1))
    assert shares(dormant(rows)) == expected
    assert 0 < expected[0] < expected[1] < expected[2] < 1, "the three are told apart"


def test_planted_dormant_units_are_seen() -> None:
    """64 units, 8 of them 0, 8 of a hundredth, 8 of a twentieth of the others' activity, which then is 64/40 of the mean."""
    rows = active(500, 64)
    rows[:, :8] = 0
    rows[:, 8:16] /= 100
    rows[:, 16:24] /= 20
    found = dormant(rows)
    assert shares(found) == (8 / 64, 16 / 64, 24 / 64)
    assert found.scores[0] == pytest.approx(64 / 40, rel=0.15)
    assert found.scores.null == (1,) * 64
    assert metrics(found)["dormant_0025"]["interval"] == [16 / 64, 16 / 64]


def test_none_is_dormant_of_isotropic_embeddings() -> None:
    for rows in (active(200, 32), torch.randn(200, 32, generator=torch.Generator().manual_seed(0))):
        assert shares(dormant(rows)) == (0, 0, 0)
        assert metrics(dormant(rows))["dormant_01"]["interval"] == [0, 0]


def test_a_dead_layer_is_dormant() -> None:
    assert shares(dormant(torch.zeros(20, 4))) == (1, 1, 1)


@given(seed=st.integers(0, 999), scale=st.floats(1e-3, 1e3))
def test_a_scale_signs_and_order_change_nothing(seed: int, scale: float) -> None:
    rows = active(20, 12, seed) * torch.logspace(-3, 1, 12)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    assert shares(dormant(-scale * rows[:, order])) == shares(dormant(rows))


def test_a_feature_map_is_a_unit() -> None:
    """(N,C,H,W): the mean over the map, too. One value of 60 that is not 0 has the score (1/60) / (121/240) = .033."""
    maps = torch.ones(10, 4, 2, 3)
    maps[:, 0] = 0
    maps[:, 1] = 0
    maps[0, 1, 0, 0] = 1
    found = dormant(maps)
    assert found.units == 4
    assert shares(found) == (0.25, 0.25, 0.5)
    assert list(found.scores) == pytest.approx([240 / 121, 240 / 121, 4 / 121, 0], rel=1e-6)


def test_the_interval_counts_what_cannot_be_told() -> None:
    """100 embeddings: a unit active for 1 of them may be dormant in another sample (its t is 1), one for 9 (3.1) not."""
    rows = torch.ones(100, 4, dtype=torch.float64)
    rows[:, :3] = 0
    rows[0, 1] = 1
    rows[:9, 2] = 1
    assert share(rows, 0.0).interval == (0.25, 0.5)
    assert share(rows[:7], 0.0).interval is None


def test_intervals_cover() -> None:
    """Scores spread evenly over tau on the scale of the logarithm: the share in all embeddings is within 95 % of 200 intervals,
    for each unit errs alone, and the ends add what each cannot refute.
    """
    inside, spread = 0, torch.logspace(-2.5, 0.5, 40)
    truth = float((spread / spread.mean() <= 0.1).double().mean())
    for seed in range(200):
        low, high = share(active(50, 40, seed) * spread, 0.1).interval or (math.nan, math.nan)
        inside += low <= truth <= high
    assert inside >= 190


def test_broken_activations_are_refused() -> None:
    with pytest.raises(CollapseError, match="nan or infinity"):
        dormant(torch.full((3, 2), math.nan))
    with pytest.raises(CollapseError, match="at least 2 embeddings"):
        dormant(torch.ones(1, 2))


def test_a_unit_at_the_threshold_is_dormant() -> None:
    """Means 1/8, 1 and 15/8 of a layer's mean of 1: at tau = 1/8 the first is, a little lower it is not."""
    rows = torch.tensor([[0.125, 1.0, 1.875]], dtype=torch.float64).expand(4, 3)
    assert [float(share(rows, tau)) for tau in (0.125, 0.1249, 1.0)] == pytest.approx([1 / 3, 0, 2 / 3])
    assert share(rows, 0.125).null == 0


@pytest.mark.parametrize(("n", "given"), [(7, False), (8, True)])
def test_eight_embeddings_have_an_interval(n: int, given: bool) -> None:
    assert (share(active(n, 5), 0.1).interval is not None) is given


@pytest.mark.parametrize(
    ("largest", "k"),
    [(2.0**-502, 501), (2.0**-501, 0), (1.0, 0), (2.0**899, 0), (2.0**900, -1), (2.0**1000, -101)],
)
def test_room_for_sums(largest: float, k: int) -> None:
    """Numbers from 2^-501 to 2^900 are left as they are; larger ones are brought there, smaller ones near 1."""
    assert _room(largest) == k

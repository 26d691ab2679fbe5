"""Pairs: the gap, its null and retrieval against known shifts, slow loops and symmetries."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.metric import metrics
from collapse_cli.metrics import modality as room
from collapse_cli.metrics.modality import Modality, gap, modality, other_cosine, recall
from collapse_cli.values import Measured


def rows(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def measured(first: Tensor, second: Tensor, seed: int = 0) -> Modality:
    return modality(first, second, torch.Generator().manual_seed(seed))


def null(value: float) -> float:
    assert isinstance(value, Measured)
    assert value.null is not None
    return value.null


def interval(value: float) -> tuple[float, float]:
    assert isinstance(value, Measured)
    assert value.interval is not None
    return value.interval


def test_two_circles_at_a_known_distance() -> None:
    """Unit rows (cos c · u, sin c) and (cos c · u, -sin c), u on a circle all the way round: means (0, ±sin c).

    Gap 2 sin c; a pair's rows differ by 2 sin c, so alignment is 4 sin^2 c and the cosine of a pair cos 2c; the mean
    of all is -sin^2 c, of which the pairs, 1 in N, are no part: -(N sin^2 c + cos 2c) / (N - 1). Within 2 sin c of its
    partner a row has no other where N points stand apart by more, 2 cos c sin(pi/N) at least.
    """
    n, c = 12, 0.1
    angle = torch.arange(n, dtype=torch.float64) * 2 * math.pi / n
    u = math.cos(c) * torch.stack([angle.cos(), angle.sin()], dim=1)
    up, down = (
        torch.cat([u, torch.full((n, 1), side * math.sin(c), dtype=torch.float64)], dim=1) for side in (1, -1)
    )
    found = measured(up * 5, down * 0.01)
    assert found.modality_gap == pytest.approx(2 * math.sin(c), abs=1e-12)
    assert found.alignment == pytest.approx(4 * math.sin(c) ** 2, abs=1e-12)
    assert found.pair_cosine == pytest.approx(math.cos(2 * c), abs=1e-12)
    expected = -(n * math.sin(c) ** 2 + math.cos(2 * c)) / (n - 1)
    assert null(found.pair_cosine) == pytest.approx(expected, abs=1e-12)
    assert null(found.alignment) == pytest.approx(2 - 2 * expected, abs=1e-12)
    assert (found.recall_first, found.recall_second, found.candidates) == (1, 1, 12)
    assert found.uniformity_first == pytest.approx(found.uniformity_second, abs=1e-12)


def test_the_same_set_twice() -> None:
    """No gap, also by chance: swapping equal sides changes nothing. Each row is its own nearest."""
    found = measured(rows(50, 6), rows(50, 6))
    assert (found.modality_gap, null(found.modality_gap), interval(found.modality_gap)) == (0, 0, (0, 0))
    assert (found.alignment, found.recall_first, found.recall_second) == (0, 1, 1)
    assert found.pair_cosine == pytest.approx(1, abs=1e-12)
    assert null(found.recall_first) == 1 / 50


def test_a_collapsed_space_finds_nobody() -> None:
    """All rows one point: perfect alignment, no gap, uniformity 0, and a partner that is one of N equal ones."""
    found = measured(torch.ones(40, 5), torch.ones(40, 5) * 3)
    assert (found.alignment, found.modality_gap) == pytest.approx((0, 0), abs=1e-12)
    assert (found.recall_first, found.recall_second) == pytest.approx((1 / 40, 1 / 40), abs=1e-12)
    assert found.uniformity_first == pytest.approx(0, abs=1e-12)


def test_opposite_points_are_the_widest_gap() -> None:
    found = measured(torch.ones(9, 4), -torch.ones(9, 4))
    assert (found.modality_gap, found.alignment, found.pair_cosine) == pytest.approx((2, 4, -1), abs=1e-12)
    assert max(interval(found.modality_gap)) <= 2


def test_the_mean_cosine_of_others_is_the_slow_loop() -> None:
    a, b = normalize(rows(7, 3), dim=1), normalize(rows(7, 3, 1), dim=1)
    pairs = [float(a[i] @ b[j]) for i in range(7) for j in range(7) if i != j]
    assert other_cosine(a, b) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


def test_the_interval_of_a_gap_by_hand() -> None:
    """a_i = e_1; b_i = e_1 and e_2 by turns, ten each: the means are (e_1 - e_2)/2 apart, a gap of sqrt(1/2).

    Along it the pairs differ by 0 or sqrt 2: standard deviation sqrt(1/2) sqrt(20/19), over sqrt 20, times the t of 19 degrees,
    2.0930: .3395.
    """
    axes = torch.eye(3, dtype=torch.float64)
    found = measured(axes[:1].repeat(20, 1), axes[torch.arange(20) % 2]).modality_gap
    half = 2.093024 * math.sqrt(0.5 * 20 / 19 / 20)
    assert found == pytest.approx(math.sqrt(0.5))
    assert interval(found) == pytest.approx((found - half, found + half), rel=1e-6)


def test_the_interval_of_a_gap_stays_within_0_and_2() -> None:
    """Eight pairs, the fewest with one, four of which differ by 2 and four by nothing; and eight by 2."""
    one = torch.ones(8, 1, dtype=torch.float64)
    some = interval(measured(one, torch.cat([one[:1], -one[:7]])).modality_gap)
    assert some[1] == 2
    assert interval(measured(one, torch.cat([-one[:1], one[:7]])).modality_gap)[0] == 0
    assert measured(one[:7], -one[:7]).modality_gap.interval is None


@pytest.mark.parametrize("n", [2, 9, 300])
def test_the_null_is_the_length_of_a_mean_of_signs(n: int) -> None:
    """E ||1/N sum s_i (a_i - b_i)||^2 = alignment / N exactly; the mean length of 64 draws is below its root, by no
    more than 1/(4d') in d' directions and 5 standard errors sqrt(1 / 2d' / 64): 2 % and 8 % in d = 16, 18 % at n = 2,
    where each length takes two values only.
    """
    found = measured(rows(n, 16), rows(n, 16, 1))
    assert null(found.modality_gap) == pytest.approx(
        math.sqrt(found.alignment / n), rel=0.2 if n == 2 else 0.1
    )


def test_independent_sets_of_one_law_have_the_gap_of_their_null() -> None:
    """Without a gap the value is one more draw of the null: their ratio is 1, give or take sqrt(1 / 2d) in each of 12 samples."""
    found = [measured(rows(200, 8, seed), rows(200, 8, seed + 50)).modality_gap for seed in range(12)]
    ratios = [gap / null(gap) for gap in found]
    assert sum(ratios) / 12 == pytest.approx(1, abs=5 * math.sqrt(1 / (2 * 8) / 12))


def test_the_interval_of_a_gap_holds() -> None:
    """Two clouds of variance 1.25 about ±c, in pairs: 40 samples of N = 200, and the gap of 200,000 rows as the truth.

    Of intervals of 95 % at least 32 hold it: fewer would come once in 3,000 times (binomial).
    """
    centre = torch.tensor([1.0, 0, 0, 0, 0, 0], dtype=torch.float64)
    true = gap(*(normalize(1.25**0.5 * rows(200_000, 6, 99) + side * centre, dim=1) for side in (1, -1)))
    held = 0
    for seed in range(40):
        shared = rows(200, 6, 1000 + seed)
        sides = (shared + 0.5 * rows(200, 6, 3 * seed + k) + side * centre for k, side in enumerate((1, -1)))
        low, high = interval(measured(*sides).modality_gap)
        held += low <= true <= high
    assert held >= 32


def test_a_turn_of_both_changes_nothing() -> None:
    a, b = rows(60, 5), rows(60, 5, 1) + 1
    turn = torch.linalg.qr(rows(5, 5, 2)).Q
    before, after = (metrics(found) for found in (measured(a, b), measured(a @ turn, b @ turn)))
    for name, metric in before.items():
        if metric["kind"] == "number":
            assert after[name]["value"] == pytest.approx(metric["value"], abs=1e-10), name
            assert after[name]["null"] == pytest.approx(metric["null"], abs=1e-10), name


def test_the_other_way_round() -> None:
    a, b = rows(60, 5), rows(60, 5, 1) + 1
    one, other = measured(a, b), measured(b, a)
    assert one.modality_gap == pytest.approx(other.modality_gap, abs=1e-12)
    assert (one.recall_first, one.uniformity_first) == pytest.approx(
        (other.recall_second, other.uniformity_second)
    )


def test_recall_shares_ties() -> None:
    """Row 0 finds its own; row 1 shares with one other: 1/2; row 2 has a better one: (1 + 1/2 + 0) / 3."""
    cosines = torch.tensor([[0.9, 0.1, 0.2], [0.5, 0.5, 0.1], [0.3, 0.4, 0.2]], dtype=torch.float64)
    assert recall(cosines) == pytest.approx(0.5, abs=1e-12)


def test_partners_are_sought_among_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CANDIDATES", 20)
    found = measured(rows(50, 30), rows(50, 30))
    assert (found.candidates, found.pairs, null(found.recall_first)) == (20, 50, 1 / 20)


def test_the_histogram_holds_every_pair() -> None:
    """Shares of pairs, and of the N(N-1) others; where all cosines are one, all are in one bin."""
    found = measured(rows(50, 6), rows(50, 6, 1)).cosines
    assert found.null is not None
    assert (sum(found), sum(found.null)) == pytest.approx((1, 1), abs=1e-6)
    assert found.x is not None
    assert -1 <= min(found.x) < max(found.x) <= 1
    equal = measured(torch.ones(5, 3), torch.ones(5, 3)).cosines
    assert max(equal) == 1
    assert equal.x is not None
    assert equal.x[-1] - equal.x[0] == pytest.approx(0.01 * 31 / 32)  # 32 bins of a hundredth in all


def test_bins_by_hand() -> None:
    """Pairs 0 and 1, others 1/2 twice: 32 bins of 1/32, pairs in the first and the last, others in the one that begins at 1/2."""
    cosines = torch.tensor([[0.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    found = room._histogram(cosines.diagonal(), cosines)
    assert found.x == pytest.approx([(2 * k + 1) / 64 for k in range(32)])
    assert [(k, share) for k, share in enumerate(found) if share] == [(0, 0.5), (31, 0.5)]
    assert [(k, share) for k, share in enumerate(found.null or ()) if share] == [(16, 1)]


def test_two_rows_and_fewer() -> None:
    found = measured(rows(2, 3), rows(2, 3, 1))
    assert found.pairs == 2
    assert isinstance(found.modality_gap, Measured)
    assert found.modality_gap.interval is None
    with pytest.raises(CollapseError) as caught:
        measured(rows(1, 3), rows(1, 3))
    assert caught.value.code == 3


@pytest.mark.parametrize("other", [rows(9, 3), rows(10, 4)], ids=["fewer", "wider"])
def test_sets_that_are_no_pairs(other: Tensor) -> None:
    with pytest.raises(CollapseError, match="no pairs"):
        measured(rows(10, 3), other)

"""k-occurrences: a slow loop, ties that share a place, planted hubs, invariances, and float32 beside float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import occurrences as module
from collapse_cli.metrics.occurrences import Occurrences, occurrences
from collapse_cli.metrics.rows import directions


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seen(rows: Tensor, k: int = 3, queries: Tensor | None = None) -> Occurrences:
    return occurrences(rows, torch.arange(len(rows)) if queries is None else queries, k)


def slow(rows: Tensor, k: int, queries: list[int]) -> list[float]:
    """Each query sorts all others by cosine."""
    unit = directions(rows).tolist()
    counts = [0.0] * len(unit)
    for query in queries:
        cosine = {
            j: sum(a * b for a, b in zip(unit[query], row, strict=True))
            for j, row in enumerate(unit)
            if j != query
        }
        for j in sorted(cosine, key=lambda j: -cosine[j])[:k]:
            counts[j] += 1
    return counts


@pytest.mark.parametrize("queries", [list(range(60)), [3, 17, 59]])
def test_the_slow_loop(queries: list[int]) -> None:
    rows = normal(60, 5) + 0.3
    result = seen(rows, 4, torch.tensor(queries))
    assert result.sums.tolist() == slow(rows, 4, queries)
    assert float(result.sums.sum()) == 4 * len(queries)


def test_a_planted_hub_is_in_every_list() -> None:
    """Rows e_i + 2 m, pairwise cosine 4/5, and m itself, whose cosine with each is 2/√5 = .894: the nearest of all of them."""
    axes = torch.eye(21, dtype=torch.float64)
    rows = torch.cat([axes[:20] + 2 * axes[20], axes[20:]])
    result = seen(rows, 1)
    assert float(result.sums[20]) == 20
    assert float(result.sums.sum()) == pytest.approx(21)
    shared = result.sums[
        :20
    ]  # the hub's own list: all others are equally near, so that each has a twentieth of it
    assert shared.tolist() == pytest.approx([1 / 20] * 20)


def test_equal_rows_share_all_places() -> None:
    """Of N equal rows each is in every list but its own with k / (N - 1): k in all, whatever the order."""
    result = seen(torch.ones(40, 6), 3)
    assert result.sums.tolist() == pytest.approx([3.0] * 40)
    assert result.exactly == 40


def test_rows_in_clusters_have_their_neighbours_there() -> None:
    """Tight clusters of 4, k = 3: every other row of the cluster, each in three lists, and nothing else."""
    rows = 10 * normal(5, 8).repeat_interleave(4, dim=0) + 0.01 * normal(20, 8, 1)
    assert seen(rows, 3).sums.tolist() == [3.0] * 20


def test_turns_scales_and_order_change_nothing() -> None:
    rows, order = normal(300, 12) + 0.4, torch.randperm(300, generator=torch.Generator().manual_seed(5))
    turn = torch.linalg.qr(normal(12, 12, 1)).Q
    lengths = normal(300, 1, 2).exp()
    before = seen(rows).sums
    assert torch.equal(seen(rows @ turn * lengths * 1e-5).sums, before)
    assert torch.equal(seen(rows[order]).sums, before[order])


def test_float32_in_tiles_is_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates by float32, of several tiles and blocks, with copies among the rows and all rows near one point."""
    rows = 1 + 1e-4 * normal(700, 9)
    rows[100:140] = rows[7]
    plain = seen(rows, 5)
    monkeypatch.setattr(module, "PRECISE", 0)
    monkeypatch.setattr(module, "CELLS", 9 * 96)
    monkeypatch.setattr(module, "BLOCK", 64)
    monkeypatch.setattr(module, "STRIP", 256)
    fast = seen(rows, 5)
    assert torch.allclose(fast.sums, plain.sums, rtol=0, atol=1e-12)
    assert torch.allclose(fast.cubes, plain.cubes, rtol=0, atol=1e-12)
    assert fast.exactly >= 41  # the copies, of which more are tied than there are candidates


def test_broken_rows_are_refused() -> None:
    rows = normal(50, 4)
    rows[20, 1] = torch.nan
    with pytest.raises(CollapseError, match="1 of 50"):
        seen(rows)

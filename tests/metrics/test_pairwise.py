"""Means over pairs: tiles, threads and float32 against all pairs at once in float64."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics import pairwise
from collapse_cli.metrics.alignment import measure
from collapse_cli.metrics.pairwise import PairMeans, kernel_means, pair_means
from collapse_cli.metrics.rows import unit

N, D, SCALE = 3000, 32, 2 * math.log2(math.e)  # 2^(-SCALE d^2) = exp(-2 d^2)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    count = torch.get_num_threads()
    yield
    torch.set_num_threads(count)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def all_at_once(u: Tensor) -> PairMeans:
    """The slow twin: differences of every two rows, none multiplied out."""
    values = torch.cdist(u, u, compute_mode="donot_use_mm_for_euclid_dist").square().mul(-2).exp()
    values.fill_diagonal_(0)
    n = len(u)
    return PairMeans(values.sum(dim=1) / (n - 1), float(values.square().sum()) / (n * (n - 1)))


def points(distance: float, centres: int) -> Tensor:
    """Clusters of equal size about `centres` random points, by turns."""
    return normal(centres, D, 1).repeat(N // centres, 1) + distance * normal(N, D)


PLANTED = {
    "sphere": normal(N, D),
    "two unequal clusters": torch.cat([normal(1, D, 1).repeat(N - 5, 1), normal(5, D)]),
    "half a point": torch.cat([normal(1, D, 1).repeat(N // 2, 1), normal(N // 2, D)]),
    "two opposite points": normal(1, D, 1).repeat(N, 1) * (-1) ** torch.arange(N)[:, None],
    "sorted clusters": normal(50, D, 1).repeat_interleave(N // 50, 0) + 0.3 * normal(N, D),
    "offset": normal(N, D) + 10 * normal(1, D, 1),
    **{f"ten points, {distance:g}": points(distance, 10) for distance in (1e-2, 1e-4, 1e-8, 0.0)},
    **{f"one point, {distance:g}": points(distance, 1) for distance in (1e-1, 1e-4, 1e-8)},
}


@pytest.mark.parametrize("name", PLANTED)
def test_float32_moves_no_digit_and_knows_how_much(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything would be multiplied in float32, if the rule did not forbid it: near a point, of copies, of two points.

    Of the interval, whose half-width has two digits at most, 1e-3 is less than half of the second. The slow twin knows
    distances d to 1e-16, of which the mean over pairs is as sure; float64 that is multiplied out knows d^2 to 1e-16.
    """
    u = unit(PLANTED[name])
    exact = all_at_once(u)
    monkeypatch.setattr(pairwise, "EXACT", 0)
    fast = pair_means(u, Tensor.exp2_, SCALE)
    mean, true = float(fast.of_rows.mean()), float(exact.of_rows.mean())
    assert abs(mean / true - 1) <= max(fast.rounding, 1e-14) <= 1e-7
    monkeypatch.undo()
    half_width = [float(measure(u).uniformity.interval[1] - measure(u).uniformity.interval[0]) / 2]
    monkeypatch.setattr(pairwise, "EXACT", 0)
    found = measure(u)
    assert (found.rounding is None) == (fast.rounding == 0)
    half_width += [float(found.uniformity.interval[1] - found.uniformity.interval[0]) / 2]
    assert half_width[1] == pytest.approx(half_width[0], rel=1e-3)
    assert abs(math.log(mean) - math.log(true)) <= 1e-3 * half_width[0] + 1e-15


def test_float32_is_taken_where_it_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a sphere and in clusters, and not of rows near one point, whose kernel hardly varies, nor of a few rows."""
    assert pair_means(unit(PLANTED["sphere"]), Tensor.exp2_, SCALE).rounding == 0
    monkeypatch.setattr(pairwise, "EXACT", 0)
    taken = {
        name: pair_means(unit(PLANTED[name]), Tensor.exp2_, SCALE).rounding > 0
        for name in ("sphere", "sorted clusters", "offset", "one point, 1e-08", "two opposite points")
    }
    assert list(taken.values()) == [True, True, False, False, False]


@pytest.mark.parametrize("exact", [0, 1e20])
def test_threads_and_repetitions_give_the_same_bits(exact: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairwise, "EXACT", exact)
    monkeypatch.setattr(pairwise, "TILE", (64, 128))
    u, results = unit(normal(700, 24)), []
    for threads in (1, 2, 5, 2):
        torch.set_num_threads(threads)
        results.append(pair_means(u, Tensor.exp2_, SCALE))
        assert torch.get_num_threads() == threads
    assert all(torch.equal(results[0].of_rows, other.of_rows) for other in results)
    assert len({(other.square, other.rounding) for other in results}) == 1


@pytest.mark.parametrize("n", [2, 3, 63, 64, 65, 129, 300])
def test_few_rows_are_all_pairs(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes at and beside those of tiles, with an error in a thread that comes out."""
    monkeypatch.setattr(pairwise, "TILE", (32, 64))
    torch.set_num_threads(2)
    u = unit(normal(n, 5))
    exact = all_at_once(u)
    for exactly in (0, 1e20):
        monkeypatch.setattr(pairwise, "EXACT", exactly)
        found = pair_means(u, Tensor.exp2_, SCALE)
        torch.testing.assert_close(found.of_rows, exact.of_rows, rtol=1e-12 if exactly else 1e-6, atol=0)
        assert found.square == pytest.approx(exact.square, rel=1e-12 if exactly else 1e-6)
    means, square = kernel_means(u, lambda distance: distance.mul_(2).exp_())
    torch.testing.assert_close(means, exact.of_rows, rtol=1e-12, atol=0)
    assert square == pytest.approx(exact.square, rel=1e-12)


def test_an_error_of_a_thread_comes_out() -> None:
    def broken(distance: Tensor) -> Tensor:
        raise ValueError("of the kernel")

    torch.set_num_threads(2)
    with pytest.raises(ValueError, match="of the kernel"):
        kernel_means(unit(normal(1000, 4)), broken)
    assert torch.get_num_threads() == 2

"""Moments gathered block by block are those of all rows, down to the last eigenvalue."""

from __future__ import annotations

from collections.abc import Callable

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import moments as room
from collapse_cli.metrics.moments import Gathering, Moments, merge, moments, without
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.scatter import groups


def rows(n: int, seed: int = 0, d: int = 5) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + seed


def equal(one: Moments, other: Moments) -> None:
    assert one.count == other.count
    torch.testing.assert_close(one.mean, other.mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(one.scatter, other.scatter, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("block", [1, 7, 49, 50, 51])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = moments(rows(50))
    monkeypatch.setattr(room, "BLOCK", 5 * block)
    equal(moments(rows(50)), whole)


@pytest.mark.parametrize("strip", [1, 4, 5, 6])
def test_strips_of_columns_change_nothing(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = moments(rows(50))
    monkeypatch.setattr(room, "STRIP", strip)
    equal(moments(rows(50)), whole)
    torch.testing.assert_close(whole.scatter, whole.scatter.T, rtol=0, atol=0)


def test_merging_is_associative_and_symmetric() -> None:
    a, b, c = (moments(rows(n, seed)) for n, seed in ((3, 1), (1, 2), (40, 3)))
    equal(merge(merge(a, b), c), merge(a, merge(b, c)))
    equal(merge(a, c), merge(c, a))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 99))
def test_leaving_out_undoes_merging(kept: int, left: int, seed: int) -> None:
    one, other = moments(rows(kept, seed)), moments(rows(left, seed + 1))
    found = without(merge(one, other), other)
    assert found.count == kept
    torch.testing.assert_close(found.mean, one.mean, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(found.scatter, one.scatter, rtol=1e-9, atol=1e-8)


def test_slow_loop() -> None:
    z = rows(6)
    found, mean = moments(z), sum(z) / 6
    torch.testing.assert_close(found.covariance, sum(torch.outer(r - mean, r - mean) for r in z) / 5)
    torch.testing.assert_close(found.second_moment, sum(torch.outer(r, r) for r in z) / 6)


def test_a_far_offset_costs_no_digits() -> None:
    """Chan's update never subtracts squares: rows of variance 1 around 1e6 keep it to 1e-8, E[x^2] - E[x]^2 would not."""
    z = rows(20_000, d=2) / 3
    torch.testing.assert_close(moments(z + 1e6).covariance, torch.cov(z.T), rtol=1e-7, atol=1e-8)


def test_one_row_has_no_scatter() -> None:
    found = moments(rows(1))
    assert float(found.covariance.abs().max()) == 0
    torch.testing.assert_close(found.second_moment, torch.outer(rows(1)[0], rows(1)[0]))


@pytest.mark.parametrize("value", [0.1, -7.3e5])
def test_equal_rows_have_exactly_no_scatter(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of copies of 0.1 is not 0.1 in binary; the first row is taken off before."""
    monkeypatch.setattr(room, "BLOCK", 3 * 7)
    found = moments(torch.full((50, 3), value, dtype=torch.float64))
    assert float(found.scatter.abs().max()) == 0
    assert float((found.mean - value).abs().max()) == 0


def exact(z: numpy.ndarray, centred: bool) -> numpy.ndarray:
    """Eigenvalues from the singular values of the whole matrix, centred in extended precision."""
    wide = z.astype(numpy.longdouble)
    around = (wide - wide.mean(axis=0) if centred else wide).astype(float)
    squares = numpy.linalg.svd(around, compute_uv=False) ** 2 / (max(len(z) - 1, 1) if centred else len(z))
    return numpy.pad(squares, (0, z.shape[1] - len(squares)))


@settings(max_examples=60, deadline=None)
@given(
    n=st.sampled_from([1, 2, 9, 63, 64, 65, 300]),
    d=st.sampled_from([1, 7, 40]),
    steep=st.sampled_from([0.0, 0.5, 2.0]),
    offset=st.sampled_from([0.0, 1.0, 1000.0]),
    scale=st.sampled_from([1e-30, 1.0, 1e12]),
    block=st.sampled_from([1, 63, 64, 65, 1000]),
    seed=st.integers(0, 99),
)
def test_every_eigenvalue_is_right_to_1e_12_of_the_largest(
    n: int, d: int, steep: float, offset: float, scale: float, block: int, seed: int
) -> None:
    """Spreads that fall as j^-steep, about a mean `offset` times as large as the first: the tail is there to the rounding."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "BLOCK", block * d)
        generator = torch.Generator().manual_seed(seed)
        fall = torch.arange(1, d + 1, dtype=torch.float64) ** -steep
        z = (torch.randn(n, d, generator=generator, dtype=torch.float64) * fall + offset) * scale
        found = moments(z)
    for matrix, centred in ((found.covariance, True), (found.second_moment, False)):
        lam, expected = torch.linalg.eigvalsh(matrix).flip(0).numpy(), exact(z.numpy(), centred)
        assert abs(lam - expected).max() <= 1e-12 * expected[0]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(5)), st.integers(0, 99))
def test_blocks_may_come_in_any_order(order: list[int], seed: int) -> None:
    """Blocks of very different means, as classes one after the other."""
    parts = [rows(10 + k, seed + k) + 100 * k for k in range(5)]
    gathering = Gathering(5, torch.device("cpu"))
    for k in order:
        gathering.add(parts[k])
    equal(gathering.moments(), moments(torch.cat(parts)))


@pytest.mark.parametrize("measure", [gather, moments, lambda rows: groups(rows, torch.arange(3) % 2)])
def test_more_dimensions_than_memory_has_room_for_are_refused(measure: Callable[[Tensor], object]) -> None:
    """8 D^2 bytes in 2^30 are D = 2^13.5 = 11,585; nothing of that size is made. So many rows are not few, either."""
    with pytest.raises(CollapseError, match=r"40,000 dimensions have a covariance of 11\.9 GiB") as caught:
        measure(torch.zeros(1, 1).expand(40_000, 40_000))
    assert "11,585" in caught.value.hint

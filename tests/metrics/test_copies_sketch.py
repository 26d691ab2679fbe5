"""The sketch: exact while it is small, within its error beyond, and the same in parts as in one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from collapse_cli.metrics.copies_sketch import Sketch, keys


def hashed(values: Tensor) -> Tensor:
    """Keys of whole numbers (N,)."""
    return keys(values.double()[:, None], 1.0, 0.0)


def sketch(values: Tensor, size: int, start: int = 0) -> Sketch:
    made = Sketch(size)
    for part in values.split(97):
        made.add(hashed(part), start)
        start += len(part)
    return made


def test_while_it_is_small_it_is_exact() -> None:
    values = torch.arange(1000).repeat(3)
    made = sketch(values, 1024)
    assert made.distinct() == (1000, 0.0)
    assert made.largest()[0] == 3
    assert made.largest()[1] < 1000


@pytest.mark.parametrize("distinct", [3000, 40_000, 200_000])
def test_beyond_it_is_within_four_standard_errors(distinct: int) -> None:
    made = sketch(torch.arange(distinct), 1024)
    found, error = made.distinct()
    assert 0.02 < error < 0.05
    assert abs(found / distinct - 1) < 4 * error
    assert len(made.kept) <= 1024


def test_what_is_frequent_is_kept_whatever_its_hash() -> None:
    """One value is a third of 30,000, and comes last; of each of the others there is one."""
    values = torch.cat([torch.arange(20_000), torch.full((10_000,), 123_456)])
    count, first = sketch(values, 512).largest()
    assert first <= 20_000 + 512
    assert 10_000 - 512 // 64 <= count <= 10_000


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=2, max_size=5), st.integers(0, 99))
def test_merged_it_is_that_of_all(sizes: list[int], seed: int) -> None:
    """Parts that share values: as many distinct ones as in one sketch, up to what is kept for being frequent."""
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randint(4000, (size,), generator=generator) for size in sizes]
    whole, merged, start = sketch(torch.cat(parts), 256), Sketch(256), 0
    for part in parts:
        merged.merge(sketch(part, 256, start))
        start += len(part)
    assert merged.seen == sum(sizes)
    one, other = whole.distinct(), merged.distinct()
    true = len(torch.unique(torch.cat(parts)))
    assert abs(other[0] - true) <= max(5 * other[1] * true, 0)
    assert abs(one[0] - true) <= 5 * one[1] * true
    if merged.level == whole.level == 0:
        assert one == other == (true, 0.0)
        assert merged.largest() == whole.largest()


def test_cells_are_told_apart_and_shifted() -> None:
    """A grid of 100,000 cells in four coordinates has as many keys; half a cell further, other numbers share one."""
    generator = torch.Generator().manual_seed(0)
    cells = torch.unique(torch.randint(-50, 50, (100_000, 4), generator=generator), dim=0).double()
    assert len(torch.unique(keys(cells, 1.0, 0.5))) == len(cells)
    near = torch.tensor([[0.9], [1.1]])
    assert len(torch.unique(keys(near, 1.0, 0.0))) == 2
    assert len(torch.unique(keys(near, 1.0, 0.5))) == 1

"""Copies, near copies, zeros: planted ones, a slow loop over all pairs, every float type, order and scale, and the other rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from collapse_cli.metrics import copies as room
from collapse_cli.metrics import copies_pairs
from collapse_cli.metrics.copies import Copies, counted, nearness
from collapse_cli.metrics.other_rows import others
from collapse_cli.metrics.passes import gather

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=seeded(seed))


def planted(n: int, distinct: int, d: int = 32, seed: int = 0) -> tuple[Tensor, Tensor]:
    """n rows of `distinct` ones, all of which are there, and which row each is."""
    which = torch.cat(
        [torch.arange(distinct), torch.randint(distinct, (n - distinct,), generator=seeded(seed))]
    )
    which = which[torch.randperm(n, generator=seeded(seed + 1))]
    return normal(distinct, d, seed)[which], which


def nudged(rows: Tensor, by: float, seed: int = 5) -> Tensor:
    """The same rows, each moved by `by` of its length in a direction of its own."""
    step = torch.randn(rows.shape, generator=seeded(seed), dtype=torch.float64)
    step = step / step.norm(dim=1, keepdim=True)
    return (rows.double() + by * rows.double().norm(dim=1, keepdim=True) * step).to(rows.dtype)


def same_groups(one: Tensor, other: Tensor) -> bool:
    """Whether owners (N,) put the same rows together."""
    return bool(torch.equal(one[:, None] == one, other[:, None] == other))


@pytest.mark.parametrize("kind", FLOATS)
def test_forty_distinct_of_three_thousand(kind: torch.dtype) -> None:
    rows, which = planted(3000, 40, 128)
    found = counted(rows.to(kind))
    assert (found.rows, found.distinct, found.error, found.zeros) == (3000, 40, 0.0, 0)
    assert found.largest == int(torch.bincount(which).max())
    assert found.owner is not None
    assert same_groups(found.owner, which)
    assert int((which == which[found.first]).sum()) == found.largest


@pytest.mark.parametrize("kind", FLOATS)
def test_rounding_in_the_last_place_makes_no_new_row(kind: torch.dtype) -> None:
    """Each number moved by a part of a unit in its last place: as another batch size or another device would."""
    rows, which = planted(2000, 50, 64)
    eps = torch.finfo(torch.float32 if kind == torch.float64 else kind).eps
    moved = rows.double() * (
        1 + 0.3 * eps * torch.randn(rows.shape, generator=seeded(3), dtype=torch.float64)
    )
    found = counted(moved.to(kind))
    assert found.distinct == 50
    assert found.owner is not None
    assert same_groups(found.owner, which)


@pytest.mark.parametrize("kind", FLOATS)
def test_rows_that_differ_are_all_counted(kind: torch.dtype) -> None:
    """Also about a common mean fifty times as long as their spread, of which near copies are told."""
    for rows in (normal(4000, 16), normal(4000, 64) + 50 * normal(1, 64, 9) / 8):
        found = counted(rows.to(kind))
        assert (found.distinct, found.largest, found.owner) == (4000, 1, None)


def test_what_is_near_ends_at_the_tolerance() -> None:
    """Ten copies each moved by a third of 16 eps are one row; moved by twice that they are ten."""
    rows = normal(30, 48).repeat(10, 1)
    assert counted(nudged(rows.double(), nearness(torch.float32) / 3)).distinct == 30
    assert counted(nudged(rows.double(), 2 * nearness(torch.float32))).distinct == 300


def test_a_longer_row_is_no_copy_of_a_shorter_one() -> None:
    """Unit rows are equal, rows are not; 0 and -0 are the same number."""
    rows = normal(20, 8)
    assert counted(torch.cat([rows, 1.01 * rows, rows])).distinct == 40
    assert counted(torch.cat([rows, torch.zeros(3, 8), -torch.zeros(2, 8)])).distinct == 21


def test_zeros_are_counted_and_are_one_point() -> None:
    """Tiny rows, whose squares float64 cannot hold, are not zero."""
    rows = torch.cat(
        [normal(100, 8).double(), torch.zeros(50, 8).double(), 1e-200 * normal(10, 8, 1).double()]
    )
    found = counted(rows)
    assert (found.zeros, found.largest, found.distinct, found.first) == (50, 50, 111, 100)


@pytest.mark.parametrize("name", ["SOME", "MANY"])
@pytest.mark.parametrize("some", [1, 2, 7, 4000])
def test_how_many_rows_are_looked_at_at_once_changes_nothing(
    some: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, which = planted(300, 40, 16)
    monkeypatch.setattr(copies_pairs, name, some)
    found = counted(rows.half())
    assert found.owner is not None
    assert same_groups(found.owner, which)


def slow(rows: Tensor, tolerance: float) -> int:
    """Every pair, and what hangs together."""
    owner = list(range(len(rows)))
    for i in range(len(rows)):
        for j in range(i):
            if (
                float((rows[i] - rows[j]).norm()) <= tolerance * float(rows[i].norm())
                and owner[i] != owner[j]
            ):
                owner = [owner[j] if one == owner[i] else one for one in owner]
    return len(set(owner))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.integers(0, 40), st.integers(1, 9), st.floats(0, 0.9), st.integers(0, 999))
def test_it_is_the_slow_loops_count(distinct: int, more: int, d: int, near: float, seed: int) -> None:
    """Copies moved by up to 0.45 of the tolerance, so that any two are nearer than it."""
    rows, _ = planted(distinct + more, distinct, d, seed)
    moved = nudged(rows.double(), near / 2 * nearness(torch.float64), seed)
    assert counted(moved).distinct == slow(moved, nearness(torch.float64))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.floats(-20, 20))
def test_order_and_scale_change_nothing(seed: int, power: float) -> None:
    rows, _ = planted(200, 30, 6, seed)
    rows = torch.cat([rows, torch.zeros(4, 6)])
    order = torch.randperm(204, generator=seeded(seed))
    one, other = counted(rows.double()), counted(10**power * rows[order].double())
    assert (one.distinct, one.largest, one.zeros) == (other.distinct, other.largest, other.zeros)
    assert one.owner is not None
    assert other.owner is not None
    assert same_groups(one.owner[order], other.owner)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = planted(500, 60, 16)
    whole = gather(rows, counted=True).copies
    monkeypatch.setattr("collapse_cli.metrics.moments.BLOCK", 16 * 7)
    parts = gather(rows, counted=True).copies
    assert whole is not None
    assert parts is not None
    assert whole.owner is not None
    assert parts.owner is not None
    assert torch.equal(whole.owner, parts.owner)
    assert whole.distinct == parts.distinct == 60


def test_where_all_rows_are_near_only_equal_ones_are_copies() -> None:
    """A common mean of a million spreads: float32 tells the rows apart, and so does the count."""
    rows = (normal(300, 16).double() + 1e6 * normal(1, 16, 7).double() / 4).repeat(2, 1)
    assert counted(rows).distinct == 300


def test_more_near_copies_than_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies_pairs, "VERIFIED", 16)
    rows, _ = planted(3000, 40, 32)
    assert counted(nudged(rows.double(), 0.4 * nearness(torch.float64))).distinct == 40


def test_a_sketch_of_many_rows_counts_equal_ones() -> None:
    """Beyond the limit: 4,000 distinct rows and one of them 1,500 times more; what is not exact says its error."""
    rows = normal(4000, 8).double()
    rows = torch.cat([rows, rows[7].expand(1500, 8)])
    counting = room.Counting(8, rows.device, limit=1000)
    for block in rows.split(300):
        counting.add(block, block / block.norm(dim=1, keepdim=True), block.norm(dim=1))
    found = counting.copies(rows)
    assert (found.rows, found.distinct, found.largest, found.first) == (5500, 4000, 1501, 7)
    assert found.owner is None
    assert counting.parts == []
    assert others(rows, found).shape == (3999, 8)


def test_the_others_are_all_but_the_point() -> None:
    """Half of the rows are one point up to rounding: the others are read by slice or place, as rows of a file are."""
    rows = normal(400, 16)
    rows[100:300] = nudged(rows[100:101].expand(200, 16), 1e-7)
    rest = others(rows, counted(rows))
    kept = torch.cat([rows[:100], rows[300:]])
    assert rest.shape == (200, 16)
    assert len(rest) == 200
    assert torch.equal(rest[50:150], kept[50:150])
    assert torch.equal(rest[torch.tensor([0, 199])], kept[[0, 199]])


def test_the_others_of_zeros() -> None:
    rows = torch.cat([torch.zeros(60, 4), normal(40, 4)])
    assert torch.equal(others(rows, counted(rows))[0:40], rows[60:])


def test_copies_of_files_are_found_in_place() -> None:
    """Rows that are not in memory are read again only to look at near copies: none here."""

    class Once:
        def __init__(self, rows: Tensor) -> None:
            self.rows, self.asked = rows, 0

        @property
        def shape(self) -> torch.Size:
            return self.rows.shape

        def __getitem__(self, chosen: slice | Tensor) -> Tensor:
            self.asked += len(self.rows[chosen])
            return self.rows[chosen]

    rows = Once(planted(600, 70, 16)[0])
    found = gather(rows, counted=True).copies
    assert isinstance(found, Copies)
    assert found.distinct == 70
    assert rows.asked <= 600 + 4


@pytest.mark.parametrize(("n", "exact"), [(1000, True), (1001, False)])
def test_up_to_the_limit_every_copy_is_found(n: int, exact: bool) -> None:
    """In the middle of a block; beyond it a sketch of equal rows remains."""
    rows = normal(n // 2, 4).double().repeat(3, 1)[:n]
    counting = room.Counting(4, rows.device, limit=1000)
    for block in rows.split(300):
        counting.add(block, block / block.norm(dim=1, keepdim=True), block.norm(dim=1))
    found = counting.copies(rows)
    assert (found.rows, found.distinct) == (n, n // 2)
    assert (found.owner is not None) is exact


@pytest.mark.parametrize("axis", ["direction", "length"])
def test_near_copies_are_told_where_rows_spread_over_sixteen_tolerances(axis: str) -> None:
    """50 rows and a copy of each a quarter of the tolerance aside: near copies, but where all lie within a few tolerances."""
    tolerance = nearness(torch.float64)
    for spread, distinct in ((400, 50), (10, 100)):
        way = torch.tensor([[-2.0, 1.0]] if axis == "direction" else [[1.0, 2.0]]).double() / 5**0.5
        steps = (torch.arange(50).double() - 25) / 15 * spread
        steps = torch.cat([steps, steps + 0.5])[:, None] * tolerance * 500**0.5 / 2
        assert counted(torch.tensor([[10.0, 20.0]]).double() + way * steps).distinct == distinct

"""A pass over rows leaves what all rows leave, however they are cut into blocks, parts and files, and in whatever order."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import copies, longest, passes
from collapse_cli.metrics.copies_sketch import Sketch
from collapse_cli.metrics.moments import Gathered, Moments, moments
from collapse_cli.metrics.passes import Pass, Products, gather
from collapse_cli.metrics.rows import unit

CPU = torch.device("cpu")


def rows(n: int, seed: int = 0, d: int = 5) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + seed


def equal(one: Moments, other: Moments, rtol: float = 1e-11) -> None:
    assert one.count == other.count
    torch.testing.assert_close(one.mean, other.mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(one.scatter, other.scatter, rtol=rtol, atol=1e-11)


class Shards:
    """Rows that lie in pieces, as files would; it remembers how many were ever asked for at once."""

    def __init__(self, *pieces: Tensor) -> None:
        self.whole = torch.cat(pieces)
        self.most = 0

    @property
    def shape(self) -> torch.Size:
        return self.whole.shape

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        found = self.whole[chosen]
        self.most = max(self.most, len(found))
        return found


@pytest.fixture(params=["blocks", "float64"])
def products(request: pytest.FixtureRequest) -> Products:
    """The way of few rows, and that of very many."""
    return cast(Products, request.param)


def classes() -> Tensor:
    """(190,5): unequal clusters, one after the other, far apart, with copies within and across them, and zeros."""
    parts = [rows(n, seed) + 100.0 * seed for seed, n in enumerate((60, 7, 90, 21))]
    return torch.cat([*parts, parts[0][:8], torch.zeros(4, 5)])


def same(one: Gathered, other: Gathered) -> None:
    equal(one.raw, other.raw)
    equal(one.on_sphere, other.on_sphere)
    assert one.power == other.power
    assert one.never_negative == other.never_negative
    assert set(one.longest.tolist()) == set(other.longest.tolist())
    assert told(one) == told(other)


def told(seen: Gathered) -> Any:
    copies = seen.copies
    assert copies
    owner = None if copies.owner is None else copies.owner.tolist()
    return copies.rows, copies.distinct, copies.zeros, copies.largest, copies.first, owner, copies.tolerance


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 189), max_size=5, unique=True).map(sorted),
    order=st.randoms(use_true_random=False),
    absolute=st.booleans(),
    products=st.sampled_from(["blocks", "float64"]),
)
def test_any_split_into_parts_in_any_order_is_one_pass(
    cuts: list[int], order: Any, absolute: bool, products: Products
) -> None:
    """Places are given from the start, or by the offset of a part that counted from 0 on."""
    z, ends = classes(), [0, *cuts, 190]
    parts = list(zip(ends[:-1], ends[1:], strict=True))
    order.shuffle(parts)
    whole = Pass(5, CPU, counted=True, products=products)
    for start, end in parts:
        part = Pass(5, CPU, counted=True, products=products)
        for at in range(start, end, 16):
            part.add(z[at : min(at + 16, end)], at if absolute else at - start)
        whole.merge(part, 0 if absolute else start)
    same(whole.gathered(z), gather(z, counted=True))


@pytest.mark.parametrize("sizes", [(1.0, 1e-200, 1e250), (1e250, 1e-200, 1.0), (1e-200, 1e-200, 1e-190)])
def test_parts_in_different_units_are_merged_in_that_of_the_largest(
    sizes: tuple[float, ...], products: Products
) -> None:
    z = torch.cat([rows(20, k) * size for k, size in enumerate(sizes)])
    whole = Pass(5, CPU, counted=True, products=products)
    for k in range(3):
        part = Pass(5, CPU, counted=True, products=products)
        part.add(z[20 * k : 20 * k + 20])
        whole.merge(part, 20 * k)
    same(whole.gathered(z), gather(z, counted=True))


@pytest.mark.parametrize("part", [0, 1])
def test_one_number_below_zero_is_seen_in_any_part(part: int) -> None:
    whole = Pass(5, CPU)
    for k in range(2):
        some, z = Pass(5, CPU), rows(10).abs()
        z[3, 3] *= -1 if k == part else 1
        some.add(z)
        whole.merge(some)
    assert not whole.gathered().never_negative
    assert gather(rows(10).abs()).never_negative


def test_merging_nothing_and_merging_into_nothing_change_nothing() -> None:
    z, nothing, whole = classes(), Pass(5, CPU, counted=True), Pass(5, CPU, counted=True)
    whole.add(z)
    whole.merge(Pass(5, CPU, counted=True))
    nothing.merge(whole)
    same(nothing.gathered(z), gather(z, counted=True))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("products", ["blocks", "float64", "float32"])
def test_equal_rows_of_many_parts_have_exactly_no_scatter(kind: torch.dtype, products: Products) -> None:
    whole = Pass(3, CPU, products=products)
    for _ in range(4):
        part = Pass(3, CPU, products=products)
        part.add(torch.full((7, 3), 0.1, dtype=kind))
        whole.merge(part)
    seen = whole.gathered()
    assert float(seen.raw.scatter.abs().max()) == 0
    assert float(seen.on_sphere.scatter.abs().max()) < 1e-30
    torch.testing.assert_close(seen.raw.mean, torch.full((3,), 0.1, dtype=kind).double(), rtol=0, atol=0)


def test_broken_rows_of_all_parts_are_counted(products: Products) -> None:
    whole = Pass(5, CPU, products=products)
    for k in range(3):
        part, z = Pass(5, CPU, products=products), rows(10, k)
        z[k, k] = torch.nan
        part.add(z)
        whole.merge(part)
    with pytest.raises(CollapseError, match="3 of 30 embeddings contain nan or infinity"):
        whole.gathered()


def test_without_the_rows_equal_ones_alone_are_copies() -> None:
    z = rows(300, d=48)
    near = torch.cat([z, z[:7], z[:20] * (1 + 2.0**-22)])
    whole = Pass(48, CPU, counted=True)
    whole.add(near)
    with_rows, alone = whole.gathered(near).copies, whole.gathered().copies
    assert with_rows
    assert alone
    assert (with_rows.distinct, alone.distinct) == (300, 320)


@pytest.mark.parametrize("limit", [0, 50, 120])
def test_sketches_of_parts_are_the_sketch_of_all(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a part is beyond the limit, or all of them together are: the places are those among all rows."""
    z, whole = classes(), copies.Counting(5, CPU, limit)
    for start in (100, 0):
        part, some = copies.Counting(5, CPU, limit), z[start : start + 100]
        part.add(some, unit(some), some.norm(dim=1))
        whole.merge(part, start)
    assert isinstance(whole.sketch, Sketch)
    found, expected = whole.copies(z), gather(z, counted=True).copies
    assert expected
    assert (found.distinct, found.zeros, found.largest) == (
        expected.distinct,
        expected.zeros,
        expected.largest,
    )
    assert found.first == 186


@pytest.mark.parametrize("kind", [torch.float16, torch.float32, torch.float64])
def test_shards_are_read_once_in_blocks(kind: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """float16 in, float64 inside: what is measured is what the file holds, and never more of it at once than a block."""
    pieces = [rows(n, n).to(kind) for n in (40, 1, 60)]
    shards = Shards(*pieces)
    monkeypatch.setattr(passes, "BLOCK", 5 * 16)
    found = gather(shards)
    assert shards.most == 16
    equal(found.raw, moments(torch.cat(pieces).double()))
    equal(found.on_sphere, moments(unit(torch.cat(pieces))))


def test_broken_rows_are_counted_over_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    z = rows(50)
    z[[3, 30, 49], 2] = torch.tensor([torch.nan, torch.inf, -torch.inf], dtype=torch.float64)
    monkeypatch.setattr(passes, "BLOCK", 5 * 8)
    with pytest.raises(CollapseError, match="3 of 50 embeddings contain nan or infinity"):
        gather(z)


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1e160, 1e300])
def test_rows_that_float64_cannot_square_are_measured_in_another_unit(size: float) -> None:
    """By a power of two, so that no digit changes: the eigenvalues are those of plain rows up to its square."""
    plain = rows(40)
    found = gather(plain * size)
    expected = moments(plain).scatter * (size * 2.0**found.power) ** 2
    torch.testing.assert_close(found.raw.scatter, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found.on_sphere.scatter, moments(unit(plain)).scatter, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
def test_smaller_types_keep_their_unit(kind: torch.dtype) -> None:
    assert gather((rows(3) * 1e-4).to(kind)).power == 0


@pytest.mark.parametrize("block", [1, 7, 60])
def test_the_longest_rows_are_remembered(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their places in all rows, however the blocks fall; all of them where they are few."""
    monkeypatch.setattr(passes, "BLOCK", 5 * block)
    z = rows(50)
    assert sorted(gather(z).longest.tolist()) == list(range(50))
    monkeypatch.setattr(longest, "LONGEST", 4)
    assert set(gather(z).longest.tolist()) == set(z.norm(dim=1).argsort()[-4:].tolist())


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_workers_leave_what_one_state_leaves(
    threads: int, kind: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more blocks than workers, with zeros, copies and a common part; two runs are equal to the last bit."""
    z = (classes() + 40).to(kind)
    expected = gather(z, counted=True)
    monkeypatch.setattr(passes, "SMALL", 0)
    monkeypatch.setattr(passes, "BLOCK", 5 * 16)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        one, other = gather(z, counted=True), gather(z, counted=True)
    finally:
        torch.set_num_threads(before)
    same(one, expected)
    assert torch.equal(one.raw.scatter, other.raw.scatter)
    assert torch.equal(one.on_sphere.mean, other.on_sphere.mean)

"""A state of rows: whatever the split and the order, the same answer; and the answer that a pass over all rows gives."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import row_sample, sampled_pairs, state_spectrum
from collapse_cli.metrics.distinct import HELD, Distinct
from collapse_cli.metrics.row_sample import content_keys, limit, row_keys
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.metrics.state import Growing, State, grown
from collapse_cli.values import Measured

D = 12
Named = tuple[str, Tensor]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of 1500 rows, so that 6000 are many."""
    monkeypatch.setattr(row_sample, "SAMPLED", 1500)


def clusters(n: int, spread: float = 0.3, d: int = D, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows (n,d) of 30 clusters of unequal sizes, sorted by cluster, about an offset; and their classes (n,)."""
    generator = torch.Generator().manual_seed(seed)
    sizes = 1 / torch.arange(1, 31, dtype=torch.float64)
    classes = torch.multinomial(sizes, n, True, generator=generator).sort().values
    centres = torch.randn(30, d, generator=generator) + 0.5
    return centres[classes] + spread * torch.randn(n, d, generator=generator), classes


def shards(rows: Tensor, sizes: Sequence[int]) -> list[Named]:
    return [(f"shard-{k}", part) for k, part in enumerate(torch.split(rows, list(sizes)))]


def state(parts: Sequence[Named], block: int = 700) -> State:
    """Of parts that follow each other, read block by block."""
    width = parts[0][1].shape[1]
    growing = Growing(width, parts[0][1].dtype, limit((width,)))
    for name, rows in parts:
        for start in range(0, len(rows), block):
            some = rows[start : start + block]
            growing.add(some, row_keys(name, 0, start, len(some)))
    return grown([growing])


def merged(states: Sequence[State]) -> State:
    return functools.reduce(State.merged, states)


def answer(one: State) -> Spectrum:
    return state_spectrum.spectrum_of(one, torch.Generator().manual_seed(0))


def numbers(result: Any) -> dict[str, float]:
    """Every number of a result, each end of its interval, and every value of its curves."""
    flat: dict[str, float] = {}
    for field in dataclasses.fields(result):
        value = getattr(result, field.name)
        if isinstance(value, Measured) and value.interval:
            flat |= {f"{field.name}.{k}": float(end) for k, end in enumerate(value.interval)}
        if isinstance(value, int | float):
            flat[field.name] = float(value)
    for name in ("eigenvalues", "explained"):
        curve = getattr(result, name, None)
        flat |= {f"{name}.{k}": each for k, each in enumerate(curve or ())}
        for end, values in enumerate((curve and curve.interval) or ()):
            flat |= {f"{name}.{end}.{k}": each for k, each in enumerate(values)}
    return flat


def same(first: Any, second: Any, relative: float = 1e-9) -> None:
    one, other = numbers(first), numbers(second)
    assert one.keys() == other.keys()
    absolute = {"rounding": 1e-12, "epps_pulley_error": 1e-12}  # what is 0 in exact arithmetic
    for name, value in one.items():
        assert other[name] == pytest.approx(
            value, rel=relative, abs=absolute.get(name, 1e-14), nan_ok=True
        ), name


SPLITS = ([6000], [1, 5999], [3000, 3000], [1] * 20 + [80, 900, 5000], [2999, 1, 1500, 1500])
SIZES = [1, 1, 1, 60, 137, 800, 1000, 1999, 2001]
CASES = {
    "clusters": lambda: clusters(6000)[0],
    "half": lambda: clusters(6000)[0].half(),
    "double": lambda: clusters(6000)[0].double(),
    "bfloat16": lambda: clusters(6000)[0].bfloat16(),
    "unit": lambda: torch.nn.functional.normalize(clusters(6000)[0]),
    "copies": lambda: clusters(1200)[0].repeat(5, 1),
    "one point": lambda: torch.cat([torch.ones(3500, D), clusters(2500)[0]]),
    "zeros": lambda: torch.cat([torch.zeros(1000, D), clusters(4000)[0], -torch.zeros(1000, D)]),
    "powers": lambda: torch.cat([clusters(3000)[0].double() * 1e200, clusters(3000, seed=1)[0].double()]),
    "tiny": lambda: torch.cat(
        [clusters(3000)[0].double() * 1e-200, clusters(3000, seed=1)[0].double() * 1e-190]
    ),
    "outliers": lambda: torch.cat([clusters(5999)[0], torch.full((1, D), 1e4)]),
    "relu": lambda: clusters(6000)[0].relu(),
    "few": lambda: clusters(700)[0],
}


@pytest.mark.parametrize("case", CASES)
def test_any_split_in_any_order_gives_the_same(case: str, small: None) -> None:
    """Nine shards of unequal sizes, sorted by class, in parts of one to eight shards; merged in any order, merged again."""
    rows = CASES[case]()
    scale = len(rows) / 6000
    sizes = [max(round(size * scale), 1) for size in SIZES[:-1]]
    named = shards(rows, [*sizes, len(rows) - sum(sizes)])
    whole = answer(state(named))
    order = named[:]
    random.Random(case).shuffle(order)
    for cuts, block in (((4,), 700), ((1, 2, 3, 4, 5, 6, 7, 8), 100), ((2, 7), 5000)):
        ends = [0, *cuts, len(order)]
        parts = [state(order[a:b], block) for a, b in itertools.pairwise(ends)]
        same(whole, answer(merged(parts)))
        same(whole, answer(merged(parts[::-1])))
    tree = merged([merged([state([one]) for one in order[:3]]), merged([state([one]) for one in order[3:]])])
    same(whole, answer(tree))
    pairs = [sampled_pairs.sampled_pairs(each.rows, each.count) for each in (state(named), tree)]
    same(*pairs)


@pytest.mark.parametrize("case", ["clusters", "half", "unit", "relu", "powers", "outliers"])
def test_it_is_the_answer_of_a_pass(case: str, small: None) -> None:
    """All numbers and nulls are those of a pass over all rows; intervals come from another sample of 1024 rows."""
    rows = CASES[case]()
    mine, theirs = (
        answer(state(shards(rows, [2000, 4000]))),
        spectrum(rows, torch.Generator().manual_seed(0), case == "relu"),
    )
    for field in dataclasses.fields(mine):
        value, other = getattr(mine, field.name), getattr(theirs, field.name)
        if isinstance(other, float) and field.name not in ("rounding", "effective_rank_shuffled"):
            assert float(value) == pytest.approx(float(other), rel=1e-9, abs=1e-12), field.name
            if isinstance(other, Measured):
                assert value.null == pytest.approx(other.null, rel=1e-9), field.name
    assert mine.effective_rank_shuffled == pytest.approx(
        theirs.effective_rank_shuffled, rel=0.01
    )  # drawn otherwise
    for k in range(2):
        assert mine.effective_rank.interval[k] == pytest.approx(theirs.effective_rank.interval[k], rel=0.05)


@pytest.mark.parametrize("case", ["half", "outliers", "powers", "zeros", "copies"])
def test_workers_give_the_same(case: str, small: None) -> None:
    """Three with blocks in turn, whose rows wait for their products, merged at the end; also one that has no rows at all."""
    rows = CASES[case]()
    workers = [Growing(D, rows.dtype, limit((D,)), many=True) for _ in range(4)]
    for number, start in enumerate(range(0, len(rows), 250)):
        some = rows[start : start + 250]
        workers[number % 3].add(some, row_keys("a", 0, start, len(some)))
    same(answer(state([("a", rows)])), answer(grown(workers)))


def test_all_rows_are_in_a_small_state() -> None:
    """So the answer is bit by bit that of the rows in the order of their keys."""
    rows = clusters(500)[0]
    one = state(shards(rows, [100, 400]))
    order = torch.cat([row_keys("shard-0", 0, 0, 100), row_keys("shard-1", 0, 0, 400)]).argsort()
    assert torch.equal(one.rows, rows[order])
    assert answer(one) == spectrum(rows[order], torch.Generator().manual_seed(0))


def test_parts_of_fewer_rows_than_dimensions() -> None:
    """Three parts of 30 rows in 64 dimensions; together there are 90, which is more."""
    rows = torch.randn(90, 64, generator=torch.Generator().manual_seed(0))
    parts = [state([each]) for each in shards(rows, [30, 30, 30])]
    same(answer(state(shards(rows, [30, 30, 30]))), answer(merged(parts)))
    assert answer(merged(parts)).numerical_rank == 64
    assert answer(parts[0]).numerical_rank == 29


def test_as_many_rows_are_held_as_dimensions_at_least() -> None:
    assert [limit((d,)) for d in (8, 512, 768, 4096, 11_000)] == [2**15, 2**15, 2**24 // 768, 4097, 11_001]
    assert limit((2048, 128)) == 2**24 // 2176


def test_a_planted_collapse_is_seen_after_merging(small: None) -> None:
    """Each part has its own 3 of 12 directions, and the whole has all; another whole has 3 in every part."""
    generator = torch.Generator().manual_seed(0)
    parts = [torch.zeros(2000, D) for _ in range(4)]
    for k, rows in enumerate(parts):
        rows[:, 3 * k : 3 * k + 3] = torch.randn(2000, 3, generator=generator)
    healthy = answer(merged([state([(str(k), rows)]) for k, rows in enumerate(parts)]))
    collapsed = answer(merged([state([(str(k), rows.roll(-3 * k, 1))]) for k, rows in enumerate(parts)]))
    assert (healthy.active, collapsed.active) == (12, 3)


def test_copies_across_parts(small: None) -> None:
    """1200 different rows, five times each: 6000, of which 1200 count. Seen also where the sketch is smaller than that."""
    rows = CASES["copies"]()
    parts = [state([(str(k), part)]) for k, part in enumerate(torch.split(rows, 1200))]
    result = answer(merged(parts))
    assert (result.distinct, result.effective_samples, result.largest_group) == (1200, 1200, 5 / 6000)
    assert result.zero_rows == 0


def test_one_point_and_zeros_are_counted(small: None) -> None:
    assert answer(state([("a", CASES["one point"]())])).largest_group == 3500 / 6000
    result = answer(state([("a", CASES["zeros"]())]))
    assert (result.zero_rows, result.largest_group) == (2000 / 6000, 2000 / 6000)


def test_the_sketch_of_distinct_rows() -> None:
    """200,000 different keys, each thrice: of the 65,536 smallest the estimate has a standard error of .4 %."""
    keys = torch.randint(2**63 - 1, (200_000,), generator=torch.Generator().manual_seed(0))
    once = Distinct.of(keys)
    thrice = once.merged(Distinct.of(keys.flip(0)[:77_777])).merged(Distinct.of(keys[:122_223])).merged(once)
    assert torch.equal(thrice.counts, torch.full((HELD,), 3))
    number, error = thrice.number(600_000)
    assert error == pytest.approx(1 / math.sqrt(HELD - 2))
    assert abs(number - 200_000) < 3 * error * 200_000
    assert once.number(200_000) == (200_000, 0.0)
    assert Distinct.of(keys[:500].repeat(2)).number(1000) == (500, 0.0)


def test_keys_are_of_the_content() -> None:
    """Rows of signs differ in single bits: 4096 different ones have 4096 keys. -0 is 0; other neighbours change nothing."""
    signs = 1 - 2 * ((torch.arange(4096)[:, None] >> torch.arange(12)) & 1)
    for kind in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        keys = content_keys(signs.to(kind))
        assert len(keys.unique()) == 4096
        assert torch.equal(content_keys(signs.to(kind)[7:8]), keys[7:8])
    assert torch.equal(content_keys(torch.zeros(1, 5)), content_keys(-torch.zeros(1, 5)))


def test_every_row_is_in_the_sample_as_often_as_another() -> None:
    """Keys of 100,000 rows: uniform on [0, 2^63), also of their neighbours, and others for another name, seed or number."""
    keys = row_keys("a", 0, 0, 100_000).double() / 2**63
    assert abs(float(keys.mean()) - 0.5) < 4 / math.sqrt(12 * 100_000)
    assert abs(float(torch.corrcoef(torch.stack([keys[1:], keys[:-1]]))[0, 1])) < 4 / math.sqrt(100_000)
    assert torch.equal(row_keys("a", 0, 30, 5), row_keys("a", 0, 0, 100)[30:35])
    different = torch.cat([row_keys("a", 0, 0, 9), row_keys("b", 0, 0, 9), row_keys("a", 1, 0, 9)])
    assert len(different.unique()) == 27


def test_rows_that_are_not_finite_are_refused() -> None:
    rows = clusters(100)[0]
    rows[3, 4] = torch.nan
    with pytest.raises(CollapseError, match="1 of 100 embeddings contain nan or infinity"):
        state([("a", rows)])
    with pytest.raises(CollapseError, match="at least 2 embeddings are needed"):
        answer(state([("a", rows[:1])]))

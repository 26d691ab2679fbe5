"""Use of a codebook: closed forms, enumerations, the paper's formula, invariances, planted codebooks."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import codebook_entropy, codebook_uniform
from collapse_cli.metrics.codebook import Codebook, codebook
from collapse_cli.metrics.codebook_counts import Block, Counts, counted
from collapse_cli.metrics.codebook_entropy import Unseen, entropy, plug_in
from collapse_cli.metrics.codebook_verdict import BOUNDS, verdict
from collapse_cli.values import Measured


def block(codes: Tensor) -> Block:
    """(N,) or rows (N,T) as one block."""
    rows = codes.reshape(len(codes), -1)
    return rows.reshape(-1), torch.full((len(rows),), rows.shape[1])


def used(codes: Tensor, K: int) -> Codebook:
    return codebook(lambda: [block(codes)], K)


def interval(value: float) -> tuple[float, float]:
    assert isinstance(value, Measured)
    assert value.interval is not None
    return value.interval


def null(value: float) -> float:
    assert isinstance(value, Measured)
    assert value.null is not None
    return value.null


def drawn(shares: Tensor, *shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(shares.double(), math.prod(shape), True, generator=generator).reshape(shape)


def zipf(K: int, power: float = 1.0) -> Tensor:
    return torch.arange(1, K + 1).double() ** -power


def test_codes_that_are_all_drawn_equally_often() -> None:
    """K codes, n times each: the entropy is log K, so the plug-in perplexity is K; the corrected one may not be more."""
    result = used(torch.arange(64).repeat(50), 64)
    assert float(result.plug_in) == pytest.approx(64)
    assert float(result.perplexity) == pytest.approx(64, rel=1e-3)
    assert interval(result.perplexity)[1] <= 64 + 1e-9
    assert (result.unused, result.dead, interval(result.dead)) == (0, 0, (0, 0))
    assert float(result.largest_share) == pytest.approx(1 / 64)


@pytest.mark.parametrize("m", [1, 2, 30])
def test_few_codes_in_equal_parts(m: int) -> None:
    """m codes of 512, 200 times each: plug-in perplexity m, all draws in m codes, and 512 - m that are not used."""
    result = used(torch.arange(m).repeat(200) * 17, 512)
    assert float(result.plug_in) == pytest.approx(m)
    assert float(result.perplexity) == pytest.approx(m, rel=0.01)
    assert result.codes_95 == math.ceil(0.95 * m)
    assert result.unused == 512 - m
    assert interval(result.dead)[1] == 512 - m


def test_uniform_nulls_are_those_of_all_sequences() -> None:
    """All 3^4 sequences of 4 draws of 3 codes are equally likely: mean entropy and mean number of unused codes by counting."""
    sequences = [Counter(each) for each in itertools.product(range(3), repeat=4)]
    entropies = [plug_in(torch.tensor([counts[code] for code in range(3)])) for counts in sequences]
    assert codebook_uniform.plug_in(4, 3) == pytest.approx(sum(entropies) / 81)
    assert codebook_uniform.unused(4, 3) == pytest.approx(sum(3 - len(counts) for counts in sequences) / 81)


def test_a_thousand_draws_of_a_thousand_codes() -> None:
    """K (1 - 1/K)^N = 367.7 unused, and a plug-in perplexity of 564, although the codes are uniform."""
    assert codebook_uniform.unused(1000, 1000) == pytest.approx(1000 * 0.999**1000)
    assert math.exp(codebook_uniform.plug_in(1000, 1000)) == pytest.approx(563.825, abs=1e-3)
    result = used(drawn(torch.ones(1000), 1000), 1000)
    assert float(result.plug_in) == pytest.approx(564, rel=0.05)
    assert float(result.perplexity) == pytest.approx(1000, rel=0.1)
    assert interval(result.perplexity)[1] == pytest.approx(1000)
    assert float(result.bias) == pytest.approx(float(result.plug_in) - float(result.perplexity))


def test_needed_is_the_first_number_of_draws() -> None:
    for K in (2, 10, 1000):
        n = codebook_uniform.needed(K, 0.05)
        assert codebook_uniform.unused(n, K) <= 0.05 * K < codebook_uniform.unused(n - 1, K)


def by_the_paper(counts: list[int]) -> float:
    """Chao, Wang and Jost 2013, eq. 7, as it is printed, summed term by term."""
    n, f1, f2 = sum(counts), counts.count(1), counts.count(2)
    A = 2 * f2 / ((n - 1) * f1 + 2 * f2)
    seen = sum(x / n * sum(1 / k for k in range(x, n)) for x in counts if 1 <= x <= n - 1)
    tail = -math.log(A) - sum((1 - A) ** r / r for r in range(1, n))
    return seen + f1 / n * (1 - A) ** (1 - n) * tail


def test_the_corrected_entropy_is_the_papers() -> None:
    """The bound by the number of unused codes does nothing where there are very many."""
    counts = [30, 12, 7, 5, 3, 2, 2, 2, 1, 1, 1, 1]
    codes = torch.cat([torch.full((n,), code) for code, n in enumerate(counts)])
    assert entropy(counted([block(codes)], 10**5), [block(codes)]).value == pytest.approx(
        by_the_paper(counts), abs=1e-8
    )


def test_without_a_row_is_counted_again(generator: torch.Generator) -> None:
    """What leaving out a row leaves of sum p (psi(N) - psi(n)) is what is counted of the other rows, at the same repetition."""
    codes = torch.randint(20, (12, 5), generator=generator)
    counts = counted([block(codes)], 20)
    unseen = Unseen(0, 0, 0.0)  # no tail
    ((change, _),) = codebook_entropy._by_row(counts, [block(codes)])
    fast = codebook_entropy._without(counts, unseen, 1.0, (0.0, 0.0), change)
    for row in range(12):
        rest = counted([block(codes[torch.arange(12) != row])], 20)
        slow = codebook_entropy._seen(Counts(rest.counts, rest.rows_with, 11, 55, counts.repetition))
        assert float(fast[row]) == pytest.approx(slow, abs=1e-12)


def test_rows_of_one_code_are_the_fast_way(generator: torch.Generator) -> None:
    """The error from classes of equally frequent codes is that of leaving out every row."""
    codes = drawn(zipf(100), 300)
    counts = counted([block(codes)], 100)
    unseen = Unseen.of(counts)
    share = codebook_entropy._share(unseen.once, unseen.twice, 300)
    fast = codebook_entropy._error(counts, unseen, share, [])
    rows = list(codebook_entropy._by_row(counts, [block(codes)]))
    slopes = codebook_entropy._slopes(unseen, 300, share)
    left = torch.cat([codebook_entropy._without(counts, unseen, share, slopes, each) for each, _ in rows])
    assert fast == pytest.approx(float((299 * left.var(correction=0)) ** 0.5), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(some.integers(0, 10**6), some.integers(2, 40), some.integers(1, 4))
def test_names_of_codes_and_the_order_of_rows_mean_nothing(seed: int, K: int, T: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(K, (30, T), generator=generator) % torch.randint(
        1, K + 1, (1,), generator=generator
    )
    other = torch.randperm(K, generator=generator)[codes][torch.randperm(30, generator=generator)]
    first, second = used(codes, K), used(other, K)
    for name in ("perplexity", "plug_in", "codes_95", "unused", "dead", "largest_share", "effective_draws"):
        assert float(getattr(first, name)) == pytest.approx(float(getattr(second, name)), rel=1e-9), name
    assert interval(first.perplexity) == pytest.approx(interval(second.perplexity), rel=1e-9)
    assert tuple(first.usage) == pytest.approx(tuple(second.usage))
    assert verdict(first).status == verdict(second).status


def test_blocks_add_up() -> None:
    codes = drawn(zipf(50), 400, 6)
    parts = [block(codes[:1]), block(codes[1:150]), block(codes[150:])]
    whole, divided = used(codes, 50), codebook(lambda: parts, 50)
    assert float(divided.perplexity) == pytest.approx(float(whole.perplexity), rel=1e-12)
    assert interval(divided.perplexity) == pytest.approx(interval(whole.perplexity), rel=1e-9)


def test_a_row_that_repeats_its_code_is_one_draw() -> None:
    """16 equal tokens in a row: the repetition is 16 G/(G - 1), so 399 of 6,400 draws count, and the numbers are those of 400."""
    codes = drawn(zipf(64), 400)
    alone, repeated = used(codes, 64), used(codes[:, None].repeat(1, 16), 64)
    assert float(repeated.effective_draws) == pytest.approx(399)
    assert float(repeated.perplexity) == pytest.approx(float(alone.perplexity), rel=0.01)
    assert verdict(repeated).status == verdict(alone).status
    low, high = (math.log(end) for end in interval(repeated.perplexity))
    narrow = [
        math.log(end) for end in interval(used(codes[:, None].repeat(1, 16).reshape(-1), 64).perplexity)
    ]
    assert high - low > 2.5 * (narrow[1] - narrow[0])


def test_tokens_that_are_independent_count_as_draws() -> None:
    result = used(drawn(torch.ones(64), 400, 16), 64)
    assert 0.9 * 6400 < float(result.effective_draws) <= 6400


PLANTED = {
    "uniform": torch.ones(256),
    "Zipf": zipf(256),
    "half dead": torch.arange(256) < 128,
    "half in one code": torch.ones(256) + 255.0 * (torch.arange(256) == 0),
    "95 % dead": torch.arange(256) < 13,
    "95 % dead, with leaks": 0.99 * (torch.arange(256) < 13) / 13 + 0.01 / 256,
    "one code": torch.arange(256) == 0,
    "nearly one code": torch.ones(256) + 24000.0 * (torch.arange(256) == 0),
}
COLLAPSED = {"95 % dead", "95 % dead, with leaks", "one code", "nearly one code"}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("T", [1, 16])
def test_planted_codebooks(name: str, T: int) -> None:
    """At 20 draws of each of 256 codes: the truth. At one draw of each uniform codes leave 37 % unused, and nothing is said."""
    shares = PLANTED[name].double()
    status = verdict(used(drawn(shares, 5120 // T, T, seed=1), 256)).status
    assert status == ("codebook collapse" if name in COLLAPSED else "healthy")
    few = verdict(used(drawn(shares, 256, seed=1), 256))
    assert few.status == "inconclusive"
    assert "Give 766 codes or more" in few.advice[0]


def test_truths_of_zipf() -> None:
    """Of 1,024 codes the perplexity of Zipf's law is 182 and 704 codes hold 95 %: what the verdict calls healthy."""
    p = zipf(1024) / zipf(1024).sum()
    assert math.exp(-float((p * p.log()).sum())) == pytest.approx(182.4, abs=0.1)
    assert int((p.cumsum(0) < 0.95).sum()) + 1 == 704


def test_few_rows_of_many_tokens_say_nothing() -> None:
    result = verdict(used(drawn(torch.ones(8), BOUNDS.groups - 1, 500), 8))
    assert result.status == "inconclusive"
    assert "20 rows are needed" in result.sentence


def test_dead_codes_of_the_interval() -> None:
    """128 of 256 codes are never drawn. With 100 draws of each other code none was drawn once, so the unseen mass is below 3 in
    12,800, .6 of a tenth of an equal share: no unused code has that. With 3 draws of each, any of them may be alive."""
    shares = PLANTED["half dead"].double()
    many, few = used(drawn(shares, 12800), 256), used(drawn(shares, 384), 256)
    assert (many.dead, interval(many.dead)) == (128, (128, 128))
    assert interval(few.dead)[0] == 0
    assert interval(few.dead)[1] == few.unused
    uniform = used(drawn(torch.ones(256), 768), 256)
    assert abs(uniform.dead) <= 6 < uniform.unused == pytest.approx(null(uniform.unused), abs=10)


@pytest.mark.parametrize(("name", "T"), [("nearly one code", 1), ("Zipf", 16)])
def test_intervals_cover(name: str, T: int) -> None:
    """Of 60 samples of 1,536 draws at least 53 have the true perplexity in their interval of 95 % (binomial: 99.5 %)."""
    p = PLANTED[name].double() / PLANTED[name].sum()
    true = math.exp(-float(torch.special.xlogy(p, p).sum()))
    ends = [interval(used(drawn(p, 1536 // T, T, seed=seed), 256).perplexity) for seed in range(60)]
    assert sum(low <= true <= high for low, high in ends) >= 53


def test_usage_is_sorted_beside_its_null() -> None:
    result = used(drawn(zipf(2000), 9000), 2000)
    assert result.usage.x is not None
    assert result.usage.null is not None
    assert len(result.usage) == len(result.usage.x) == len(result.usage.null) <= 260
    assert list(result.usage) == sorted(result.usage, reverse=True)
    assert (result.usage.x[0], result.usage.x[-1]) == (1, 2000)
    assert result.carried[-1] == pytest.approx(1)


def test_no_codes_and_no_codebook() -> None:
    with pytest.raises(CollapseError, match="no codes") as error:
        codebook(list, 8)
    assert error.value.code == 3
    with pytest.raises(CollapseError, match="a codebook of 1 codes"):
        used(torch.zeros(5, dtype=torch.int64), 1)
    alone = used(torch.tensor([3]), 8)
    assert interval(alone.perplexity) == (1, pytest.approx(8))
    assert verdict(alone).status == "inconclusive"

"""Numbers of layers that grow batch by batch: beside slow twins with whole matrices, and where they are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.eigenvalues import effective_rank
from collapse_cli.metrics.layer_numbers import Nulls, Numbers, numbers, typical
from collapse_cli.metrics.layer_profile import LayerOutputs, token_ranks
from collapse_cli.metrics.vendi import vendi


def seen_of(
    rows: Tensor, tokens: Tensor | None = None, batch: int = 37, mask: Tensor | None = None
) -> LayerOutputs:
    state = LayerOutputs(rows.shape[1])
    for start in range(0, len(rows), batch):
        part = slice(start, start + batch)
        state.add(
            rows[part],
            rows[part].abs(),
            torch.finfo(rows.dtype).eps,
            None if tokens is None else tokens[part],
            None if mask is None else mask[part],
        )
    return state


def measured(rows: Tensor, **given: Tensor) -> Numbers:
    return numbers(seen_of(rows, **given), Nulls(torch.Generator().manual_seed(0)))


def test_numbers_are_those_of_whole_matrices(generator: torch.Generator) -> None:
    """Effective rank of `eigenvalues`, exp(entropy) the Vendi score, mean cosine over all pairs, whatever the batches."""
    rows = torch.randn(900, 12, generator=generator) * torch.logspace(0, -1, 12) + 0.3
    unit = torch.nn.functional.normalize(rows.double(), dim=1)
    cosines = unit @ unit.T
    got = measured(rows)
    assert got.effective_rank == pytest.approx(effective_rank(unit))
    assert math.exp(got.entropy) == pytest.approx(float(vendi(rows)))
    assert got.mean_cosine == pytest.approx(float((cosines.sum() - 900) / (900 * 899)), abs=1e-9)
    for value in (got.effective_rank, got.entropy, got.mean_cosine):
        low, high = value.interval  # type: ignore[attr-defined]
        assert low < value < high


@pytest.mark.parametrize(("n", "d"), [(4000, 8), (3000, 32)])
def test_isotropic_data_have_all_directions(n: int, d: int, generator: torch.Generator) -> None:
    """ln D nats and D directions up to sampling, (D - 1)/2N nats for D of N (Miller-Madow), as has the null."""
    got = measured(torch.randn(n, d, generator=generator))
    assert got.entropy == pytest.approx(math.log(d), abs=2 * d / n)
    assert got.effective_rank == pytest.approx(d, rel=2 * d / n)
    assert got.effective_rank.null == pytest.approx(got.effective_rank, rel=0.01)  # type: ignore[attr-defined]


def test_intervals_hold_the_value_of_many_rows(generator: torch.Generator) -> None:
    """40 samples of 400 of one law: of their 95 % intervals at least 34 hold the value of 40,000 (in 99 % of cases)."""
    scale = torch.logspace(0, -0.7, 10)
    truth = measured(torch.randn(40_000, 10, generator=generator) * scale, batch=4000)  # type: ignore[arg-type]
    held = [0, 0, 0]
    for _ in range(40):
        got = measured(torch.randn(400, 10, generator=generator) * scale)
        for place, name in enumerate(("effective_rank", "entropy", "mean_cosine")):
            low, high = getattr(got, name).interval
            held[place] += low <= getattr(truth, name) <= high
    assert min(held) >= 34


def test_equal_rows_are_one_point() -> None:
    """Rank 1, entropy 0, mean cosine 1, all variance along the ray; rounding of float32 is no direction."""
    noise = 1 + 1e-7 * torch.rand(200, 16, generator=torch.Generator().manual_seed(0))
    for rows in (torch.ones(200, 16), noise, torch.zeros(200, 16)):
        got = measured(rows)
        assert (got.effective_rank, got.ray) == (1.0, 1.0)
        assert got.mean_cosine == pytest.approx(1)
        assert got.entropy == pytest.approx(0, abs=1e-9)


def test_a_planted_rank_and_dead_units(generator: torch.Generator) -> None:
    """Rows in a plane of 20 dimensions have rank 2 at most; 5 of 20 units that are 0 are a quarter dormant."""
    plane = torch.randn(500, 2, generator=generator) @ torch.randn(2, 20, generator=generator)
    assert 1 < measured(plane).effective_rank <= 2
    rows = torch.randn(500, 20, generator=generator)
    rows[:, :5] = 0
    got = measured(rows)
    assert got.dormant == 0.25
    assert got.dormant.interval == (0.25, 0.25)  # type: ignore[attr-defined]


def test_tokens_of_one_image(generator: torch.Generator) -> None:
    """Beside a loop over images; equal tokens have rank 1 and cosine 1, orthogonal ones rank T and cosine 0."""
    tokens = torch.randn(30, 6, 8, generator=generator).double()
    got = measured(tokens.mean(dim=1), tokens=tokens)
    unit = torch.nn.functional.normalize(tokens, dim=2)
    ranks, cosines = [], []
    for image in unit:
        p = torch.linalg.eigvalsh(image @ image.T / 6).clamp_min(1e-300)
        ranks.append(math.exp(-float((p * p.log()).sum())))
        cosines.append(float(((image @ image.T).sum() - 6) / 30))
    assert got.token_rank == pytest.approx(sum(ranks) / 30)
    assert got.token_cosine == pytest.approx(sum(cosines) / 30)
    assert float(token_ranks(torch.eye(6, 8).double()[None])) == pytest.approx(6)
    equal = tokens[:, :1].expand(30, 6, 8)
    alike = measured(equal.mean(dim=1), tokens=equal)
    assert (alike.token_rank, alike.token_cosine) == (pytest.approx(1), pytest.approx(1))


def test_tokens_that_are_not_there_do_not_count(generator: torch.Generator) -> None:
    """With a mask the numbers are those of shorter sequences."""
    tokens = torch.randn(20, 4, 8, generator=generator)
    longer = torch.cat([tokens, torch.ones(20, 3, 8)], dim=1)
    mask = torch.tensor([[1, 1, 1, 1, 0, 0, 0]]).expand(20, 7)
    plain = numbers(seen_of(tokens.mean(dim=1), tokens))
    masked = numbers(seen_of(tokens.mean(dim=1), longer, mask=mask))
    assert masked.token_rank == pytest.approx(plain.token_rank)
    assert masked.token_cosine == pytest.approx(plain.token_cosine)


def test_the_sample_is_bounded_and_spread_over_all_rows() -> None:
    """Of 10,000 rows in order, at most 2048 stay, every so many of them."""
    rows = torch.arange(10_000, dtype=torch.float64)[:, None].expand(-1, 2) * torch.tensor([1.0, 0.0]) + 1
    state = seen_of(rows, batch=333)
    kept = torch.cat(state.sample)
    assert 1024 <= len(kept) <= 2048
    assert sum(map(len, state.waiting)) < 1024
    places = (kept[:, 0] / kept[:, 1] - 1).round()
    assert places.max() > 9900
    assert places.diff().unique().numel() <= 2


def test_several_untrained_networks() -> None:
    """The geometric mean of ranks 2 and 8 is 4, with their range; other numbers have their mean."""
    first, second = (Numbers(rank, 1.0, rank / 10, 0.0, None, None, 0.0, 0.0) for rank in (2.0, 8.0))
    both = typical([first, second])
    assert both.effective_rank == pytest.approx(4)
    assert both.effective_rank.interval == (2, 8)  # type: ignore[attr-defined]
    assert both.mean_cosine == pytest.approx(0.5)
    assert both.token_rank is None


def test_broken_rows_are_counted() -> None:
    state = seen_of(torch.tensor([[1.0, math.nan], [1.0, 2.0]]), batch=1)
    assert (state.broken, state.count) == (1, 2)

"""MoCHi: what is mixed of what, for whom, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.methods.mochi import mix_hardest
from collapse_cli.settings import Mochi
from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def scene(
    generator: torch.Generator, queries: int = 6, keys: int = 20, dim: int = 64
) -> tuple[Tensor, Tensor]:
    """Unit rows; with d > K + 1 each mixed point tells, up to its length, what it was mixed of."""
    return tuple(normalize(torch.randn(n, dim, generator=generator), dim=1) for n in (queries, keys))  # type: ignore[return-value]


def shares(mixed: Tensor, keys: Tensor, query: Tensor) -> Tensor:
    """Mixed points (n,d) of one query -> the shares (n,K+1) of each key and of the query, that sum to 1."""
    basis = torch.cat([keys, query.unsqueeze(0)])  # (K+1, d)
    weights = torch.linalg.lstsq(basis.T, mixed.T).solution.T
    torch.testing.assert_close(weights @ basis, mixed, atol=1e-5, rtol=0)
    return weights / weights.sum(dim=1, keepdim=True)


def test_mixed_points_lie_between_the_querys_own_hardest(generator: torch.Generator) -> None:
    """s points: alpha n_i + (1-alpha) n_j of the own top N, i != j; s' points: beta q + (1-beta) n, beta < 1/2."""
    queries, keys = scene(generator)
    own = Mochi(hardest=5, pair_mixes=30, query_mixes=30)
    similarity = queries @ keys.T
    mixed = mix_hardest(queries, similarity, keys, own, generator)
    assert mixed.shape == (6, 60, 64)
    torch.testing.assert_close(mixed.norm(dim=2), torch.ones(6, 60))
    for b in range(6):
        weights = shares(mixed[b], keys, queries[b])
        used = weights > 1e-4
        assert set(used[:, :20].nonzero()[:, 1].tolist()) <= set(similarity[b].topk(5).indices.tolist())
        assert float(weights.min()) > -1e-4
        assert float(used[:30, :20].sum(dim=1).float().mean()) > 1.9, "two different ones"
        assert used[:30, :20].sum(dim=1).max() == 2
        assert float(weights[:30, 20].abs().max()) < 1e-4
        assert (used[30:, :20].sum(dim=1) == 1).all()
        assert float(weights[30:, 20].max()) < 0.5


def test_the_draws_are_even(generator: torch.Generator) -> None:
    """alpha ~ U(0,1), beta ~ U(0,1/2): means 1/2, 1/4 and variances 1/12, 1/48; each of N = 4 is in 2 of 4 pairs, 1 of 4 others.

    Within 4 sd of 3000 draws: a mean sd/sqrt(n), a share sqrt(p (1-p)/n); a uniform's variance sqrt(1/180 n) of its width^2.
    """
    queries, keys = scene(generator, 1)
    own = Mochi(hardest=4, pair_mixes=3000, query_mixes=3000)
    mixed = mix_hardest(queries, queries @ keys.T, keys, own, generator)
    weights = shares(mixed[0], keys, queries[0])
    top = (queries @ keys.T)[0].topk(4).indices
    used = (weights[:, top] > 1e-4).float()
    root = math.sqrt(3000)
    assert used[:3000].mean(0).tolist() == pytest.approx([1 / 2] * 4, abs=4 * math.sqrt(1 / 4) / root)
    assert used[3000:].mean(0).tolist() == pytest.approx([1 / 4] * 4, abs=4 * math.sqrt(3 / 16) / root)
    alpha = weights[:3000, top].gather(1, used[:3000].argmax(1, keepdim=True))
    beta = weights[3000:, 20]
    for drawn, width in ((alpha, 1.0), (beta, 0.5)):
        assert float(drawn.mean()) == pytest.approx(width / 2, abs=4 * width / math.sqrt(12) / root)
        assert float(drawn.var()) == pytest.approx(width**2 / 12, abs=4 * width**2 / math.sqrt(180) / root)


@pytest.mark.parametrize("left", [0, 1, 2, 3, 5, 6])
def test_what_is_no_negative_is_never_mixed(left: int, generator: torch.Generator) -> None:
    """Of each query's 20 keys `left` stay, the others are -inf, and the hardest N = 5 are taken of those that stay.

    With one, a pair is that key itself; with none the points are finite, for the loss to leave out.
    """
    queries, keys = scene(generator)
    stays = torch.rand(6, 20, generator=generator).argsort(1) < left  # (6, 20)
    similarity = (queries @ keys.T).masked_fill(~stays, -torch.inf)
    own = Mochi(hardest=5, pair_mixes=40, query_mixes=40)
    mixed = mix_hardest(queries, similarity, keys, own, generator)
    torch.testing.assert_close(mixed.norm(dim=2), torch.ones(6, 80))
    for b in range(6 if left else 0):
        weights = shares(mixed[b], keys, queries[b])
        used = (weights[:, :20] > 1e-4).any(dim=0).nonzero()[:, 0].tolist()
        assert sorted(used) == sorted(similarity[b].topk(min(left, 5)).indices.tolist())
        if left == 1:
            torch.testing.assert_close(mixed[b, :40], keys[used].expand(40, 64))


def test_mixed_points_carry_no_gradient_and_mixing_may_be_off(generator: torch.Generator) -> None:
    queries, keys = scene(generator, 2, 6, 4)
    queries.requires_grad_()
    for pair_mixes, query_mixes in ((3, 2), (0, 2), (3, 0), (0, 0)):
        own = Mochi(hardest=2, pair_mixes=pair_mixes, query_mixes=query_mixes)
        mixed = mix_hardest(queries, queries @ keys.T, keys, own, generator)
        assert mixed.shape == (2, pair_mixes + query_mixes, 4)
        assert not mixed.requires_grad


def test_more_hardest_than_keys_is_refused(build: Make) -> None:
    with pytest.raises(CollapseError, match="--hardest 11 is more than --queue 10"):
        build("mochi", hardest=11)
    build("mochi", hardest=10)


def test_chance(build: Make) -> None:
    method = build("mochi", queue=512, hardest=8, pair_mixes=64, query_mixes=32, mix_after=0.5)
    assert method.chance() == pytest.approx(math.log(513))
    method.after_step(0.5)
    assert method.chance() == pytest.approx(math.log(513 + 96))


def test_mochi_is_moco_until_it_mixes(build: Make, batch: Batch) -> None:
    moco, mochi = build("moco"), build("mochi", mix_after=0.1)
    assert torch.equal(mochi.loss(batch), moco.loss(batch))
    mochi.after_step(0.2)
    moco.after_step(0.2)
    assert float((mochi.loss(batch) - moco.loss(batch)).detach()) > 0.1, "more and harder negatives"


def test_before_the_warm_up_ends_nothing_is_drawn(build: Make, batch: Batch) -> None:
    method = build("mochi", mix_after=0.5)
    state = batch.generator.get_state()
    method.loss(batch)
    assert torch.equal(state, batch.generator.get_state())
    method.after_step(0.5)
    method.loss(batch)
    assert not torch.equal(state, batch.generator.get_state())


def by_hand(method: Any, batch: Batch, embed: Make) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries, keys (16,d), whether each key of the queue stays (16,K), and the mixed points (16,s+s',d), redrawn."""
    q = embed(method.encoder, method.projector, batch.first).detach()
    k = embed(method.key_encoder, method.key_projector, batch.second).detach()
    stays = torch.ones(16, method.own.queue, dtype=torch.bool)
    if method.own.mask_false_negatives:
        stays &= batch.labels.unsqueeze(1) != method.queue.labels
    state = batch.generator.get_state()
    similarity = (q @ method.queue.keys.T).masked_fill(~stays, -torch.inf)
    mixed = mix_hardest(q, similarity, method.queue.keys, method.own, batch.generator)
    batch.generator.set_state(state)
    return q, k, stays, mixed


@pytest.mark.parametrize(("first_class", "left"), [(3, (10, 0)), (10, (6, 4)), (14, (2, 8))])
@pytest.mark.parametrize("mask", [False, True])
def test_the_loss_is_the_slow_loop_over_queue_and_mixed(
    mask: bool,
    first_class: int,
    left: tuple[int, int],
    build: Make,
    embed: Make,
    slow_info_nce: Make,
    batch: Batch,
) -> None:
    """K + s + s' negatives; with the class oracle K less those of the class, N = 4 mixed of what was left.

    A queue of 10 holds the last of 16 images, the first few of class 0, the others of class 1: of 3 and 13 only class 1 is
    in it, so its queries have no negative at all, and none that is mixed either; of 10 and 6 it holds 4 and 6; of 14
    and 2 it holds 8 and 2, fewer than N.
    """
    own = {"pair_mixes": 3, "query_mixes": 2, "mix_after": 0.0, "temperature": 0.2}
    method = build("mochi", mask_false_negatives=mask, **own)
    batch = replace(batch, labels=(torch.arange(16) >= first_class).long())
    method.loss(batch)
    method.after_step(0.5)
    q, k, stays, mixed = by_hand(method, batch, embed)
    expected_left = [left[0] if b < first_class else left[1] for b in range(16)] if mask else [10] * 16
    assert stays.sum(dim=1).tolist() == expected_left
    negatives = [[*method.queue.keys[stays[b]], *(mixed[b] if stays[b].any() else [])] for b in range(16)]
    expected = slow_info_nce(q, k, negatives, 0.2)
    assert float(method.loss(batch).detach()) == pytest.approx(expected, rel=1e-5)
    assert method.chance() == pytest.approx(sum(math.log(1 + len(left)) for left in negatives) / 16)
    hardest = [
        max((float(q[b] @ n) for n in method.queue.keys[stays[b]]), default=-math.inf) for b in range(16)
    ]
    harder = [float(q[b] @ point) > hardest[b] for b in range(16) if stays[b].any() for point in mixed[b]]
    won = [float(q[b] @ k[b]) > hardest[b] for b in range(16)]
    said = method.diagnostics()
    assert said["mixes harder than all"] == pytest.approx(sum(harder) / len(harder))
    assert said["proxy accuracy"] == pytest.approx(sum(won) / 16), "of the queue alone"


def test_where_every_key_is_of_the_class_nothing_is_mixed(build: Make, batch: Batch) -> None:
    """Loss and chance are 0, no gradient, no nan; of mixes there is nothing to say."""
    method = build("mochi", mask_false_negatives=True, mix_after=0.0)
    alike = replace(batch, labels=torch.zeros(16).long())
    method.loss(alike)
    method.after_step(0.5)
    loss = method.loss(alike)
    loss.backward()
    assert (float(loss.detach()), method.chance()) == (0, 0)
    assert all(float(p.grad.abs().max()) == 0 for p in method.encoder.parameters())
    assert "mixes harder than all" not in method.diagnostics()


@pytest.mark.parametrize(("size", "hardest"), [(2, 2), (65536, 1024)])
def test_the_smallest_queue_and_the_papers(size: int, hardest: int, build: Make, batch: Batch) -> None:
    method = build("mochi", queue=size, hardest=hardest, pair_mixes=6, query_mixes=4, mix_after=0.0)
    method.loss(batch).backward()
    assert method.chance() == pytest.approx(math.log(1 + size + 10))
    method.after_step(0.5)
    assert method.queue.filled == min(16 / size, 1)
    assert sum(method.curves()["matching probability"][1]) < 1


def test_a_share_of_the_query_makes_a_negative_harder(build: Make, batch: Batch) -> None:
    """A step along the arc from n to q raises q.n, so with N = 2 no mix is easier than the second, and those of
    the hardest, half of the 16 * 50 draws, are harder than all: at least .5 less 4 sd of a share, sqrt(1/4 / 800).
    """
    method = build("mochi", hardest=2, pair_mixes=0, query_mixes=50, mix_after=0.0)
    method.loss(batch)
    second = method.contrasted[1].topk(2, dim=1).values[:, 1:]
    assert float((method.mixed[0] - second).min()) > -1e-6
    assert method.diagnostics()["mixes harder than all"] > 0.5 - 4 * math.sqrt(1 / 4 / 800)

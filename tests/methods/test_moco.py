"""MoCo and MoCHi against slow loops written from the papers."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch.nn.functional import normalize

from collapse_cli import methods
from collapse_cli.errors import CollapseError
from collapse_cli.methods.mochi import mix_hardest
from collapse_cli.settings import Mochi, resolve
from collapse_cli.shapes import Batch, DataShape

DATA = DataShape((1, 8, 8), 200, 3)


def build(name: str, **knobs: object) -> methods.Method:
    torch.manual_seed(0)
    small = {"encoder": "mlp", "dim": 8, "queue": 10, **knobs}
    return methods.build(resolve(name, small), DATA)


def embed(encoder: torch.nn.Module, projector: torch.nn.Module, views: torch.Tensor) -> torch.Tensor:
    return normalize(projector(encoder(views)), dim=1).detach()


def kept(method: methods.Method) -> dict[str, torch.Tensor]:
    """All that the checkpoint keeps, but batch norm's running statistics, which every forward pass in training moves."""
    return {k: v.clone() for k, v in method.state_dict().items() if "running" not in k and "tracked" not in k}


def test_moco_loss_is_algorithm_1(batch: Batch) -> None:
    """Each query against its own key and every key of the queue, as it was before this batch."""
    method = build("moco", temperature=0.2)
    q = embed(copy.deepcopy(method.encoder), method.projector, batch.first)
    k = embed(copy.deepcopy(method.key_encoder), method.key_projector, batch.second)
    losses = []
    for b in range(16):
        own = math.exp(float(q[b] @ k[b]) / 0.2)
        losses.append(
            -math.log(own / (own + sum(math.exp(float(q[b] @ n) / 0.2) for n in method.queue.keys)))
        )
    assert float(method.loss(batch).detach()) == pytest.approx(sum(losses) / 16, rel=1e-5)


@pytest.mark.parametrize("name", ["moco", "mochi"])
def test_a_loss_reads_and_a_step_writes(name: str, batch: Batch) -> None:
    method = build(name, hardest=4) if name == "mochi" else build(name)
    before = kept(method)
    loss = method.loss(batch)
    assert all(torch.equal(before[key], now) for key, now in kept(method).items())
    loss.backward()
    assert all(
        p.grad is None for part in (method.key_encoder, method.key_projector) for p in part.parameters()
    )
    assert all(p.grad is not None for part in (method.encoder, method.projector) for p in part.parameters())
    ((keys, _),) = method.fresh
    method.after_step(0.5)
    held = dict(zip(method.queue.index.tolist(), method.queue.keys, strict=True))
    assert sorted(held) == list(range(106, 116)), "of 16 keys the last 10 stay"
    assert all(torch.equal(held[i], keys[i - 100]) for i in held)
    assert method.queue.labels.tolist() == [(i - 100) % 3 for i in method.queue.index.tolist()]


def test_the_key_encoder_follows(batch: Batch) -> None:
    method = build("moco", momentum=0.75)
    with torch.no_grad():
        for p in method.encoder.parameters():
            p.add_(1.0)
    before = [p.clone() for p in method.key_encoder.parameters()]
    method.after_step(1.0)
    for was, now in zip(before, method.key_encoder.parameters(), strict=True):
        torch.testing.assert_close(now, was + 0.25)


def test_shuffled_keys_meet_other_statistics_and_come_back_in_order(batch: Batch) -> None:
    """With two parts, the even rows share one batch norm and the odd rows the other."""
    method = build("moco", bn_splits=2, shuffle_bn=True)
    expected = torch.empty(16, 8)
    for rows in (slice(0, None, 2), slice(1, None, 2)):
        expected[rows] = embed(whole(method.key_encoder), whole(method.key_projector), batch.second[rows])
    torch.testing.assert_close(method.keys(batch.second), expected)


def whole(network: torch.nn.Module) -> torch.nn.Module:
    """A copy whose batch norm sees what it is given at once."""
    network = copy.deepcopy(network)
    for module in network.modules():
        if hasattr(module, "parts"):
            module.parts = 1
    return network


def test_chance() -> None:
    assert build("moco", queue=512).chance() == pytest.approx(6.2403, abs=1e-4)
    method = build("mochi", queue=512, hardest=8, pair_mixes=64, query_mixes=32, mix_after=0.5)
    assert method.chance() == pytest.approx(math.log(513))
    method.after_step(0.5)
    assert method.chance() == pytest.approx(math.log(513 + 96))


def test_mochi_is_moco_until_it_mixes(batch: Batch) -> None:
    moco, mochi = build("moco"), build("mochi", hardest=4, mix_after=0.1)
    assert float(mochi.loss(batch)) == float(moco.loss(batch))
    mochi.after_step(0.2)
    moco.after_step(0.2)
    assert float(mochi.loss(batch)) > float(moco.loss(batch)) + 0.1, "more and harder negatives"


def test_mixed_points_lie_between_the_querys_own_hardest(generator: torch.Generator) -> None:
    """s points: alpha n_i + (1-alpha) n_j of the own top N, i != j; s' points: beta q + (1-beta) n, beta < 1/2.

    d > K + B, so the keys and queries are independent and the weights can be solved for, up to the renormalisation.
    """
    keys = normalize(torch.randn(20, 64, generator=generator), dim=1)
    queries = normalize(torch.randn(6, 64, generator=generator), dim=1)
    own = Mochi(hardest=5, pair_mixes=30, query_mixes=30)
    similarity = queries @ keys.T
    mixed = mix_hardest(queries, similarity, keys, own, generator)
    assert mixed.shape == (6, 60, 64)
    torch.testing.assert_close(mixed.norm(dim=2), torch.ones(6, 60))
    for b in range(6):
        basis = torch.cat([keys, queries[b : b + 1]])  # (21, 64)
        weights = torch.linalg.lstsq(basis.T, mixed[b].T).solution.T  # (60, 21)
        torch.testing.assert_close(weights @ basis, mixed[b], atol=1e-5, rtol=0)
        weights = weights / weights.sum(dim=1, keepdim=True)
        used = weights > 1e-4
        assert set(used[:, :20].nonzero()[:, 1].tolist()) <= set(similarity[b].topk(5).indices.tolist())
        assert float(weights.min()) > -1e-4
        assert used[:30, :20].sum(dim=1).max() == 2
        assert float(weights[:30, 20].abs().max()) < 1e-4
        assert (used[30:, :20].sum(dim=1) == 1).all()
        assert float(weights[30:, 20].max()) < 0.5


def test_more_hardest_than_keys_is_refused() -> None:
    with pytest.raises(CollapseError, match="--hardest 64 is more than --queue 10"):
        build("mochi")


@pytest.mark.parametrize("name", ["moco", "mochi"])
def test_queue_after_a_step_is_exactly_this_batch(name: str, batch: Batch) -> None:
    """K = B: seen before the keys enter, then replaced whole, in the batch's order."""
    method = build(name, queue=16, **({"hardest": 4} if name == "mochi" else {}))
    keys = embed(copy.deepcopy(method.key_encoder), method.key_projector, batch.second)
    method.loss(batch)
    assert method.queue.index.tolist() == [-1] * 16
    method.after_step(0.05)
    torch.testing.assert_close(method.queue.keys, keys)
    assert torch.equal(method.queue.index, batch.index)
    assert torch.equal(method.queue.labels, batch.labels)
    assert method.diagnostics()["queue filled"] == 1


def test_one_part_makes_shuffling_idle(batch: Batch) -> None:
    """A whole batch's statistics do not know the order: with one part the keys are bitwise those without shuffling."""
    plain, shuffled = build("moco"), build("moco", shuffle_bn=True)
    assert torch.equal(plain.keys(batch.second), shuffled.keys(batch.second))


def test_two_parts_shuffled_are_not_two_parts_in_order(batch: Batch) -> None:
    plain, shuffled = build("moco", bn_splits=2), build("moco", bn_splits=2, shuffle_bn=True)
    found, other = plain.keys(batch.second), shuffled.keys(batch.second)
    assert float((found - other).abs().max()) > 0.01
    halves = [
        embed(whole(plain.key_encoder), whole(plain.key_projector), half) for half in batch.second.chunk(2)
    ]
    torch.testing.assert_close(found, torch.cat(halves))


@pytest.mark.parametrize(("size", "splits"), [(16, 4), (15, 4), (9, 2)])
def test_shuffled_keys_come_back_in_order_for_any_size(
    size: int, splits: int, generator: torch.Generator
) -> None:
    """In eval mode no row depends on another, so shuffled or not the keys are the same rows in the same order."""
    views = torch.randn(size, 1, 8, 8, generator=generator)
    method = build("moco", bn_splits=splits, shuffle_bn=True).eval()
    torch.testing.assert_close(method.keys(views), embed(method.key_encoder, method.key_projector, views))


def test_proxy_accuracy_is_the_slow_count(batch: Batch) -> None:
    method = build("moco")
    q = embed(copy.deepcopy(method.encoder), method.projector, batch.first)
    k = embed(copy.deepcopy(method.key_encoder), method.key_projector, batch.second)
    method.loss(batch)
    won = sum(float(q[b] @ k[b]) > max(float(q[b] @ n) for n in method.queue.keys) for b in range(16))
    assert method.diagnostics()["proxy accuracy"] == pytest.approx(won / 16)


def test_mochi_loss_is_the_slow_loop_over_queue_and_mixed(batch: Batch) -> None:
    """K + s + s' negatives, the mixed ones redrawn here from the same generator."""
    method = build("mochi", hardest=4, pair_mixes=3, query_mixes=2, mix_after=0.0, temperature=0.2)
    q = embed(copy.deepcopy(method.encoder), method.projector, batch.first)
    k = embed(copy.deepcopy(method.key_encoder), method.key_projector, batch.second)
    state = batch.generator.get_state()
    mixed = mix_hardest(q, q @ method.queue.keys.T, method.queue.keys, method.own, batch.generator)
    batch.generator.set_state(state)
    losses = []
    for b in range(16):
        own = math.exp(float(q[b] @ k[b]) / 0.2)
        others = sum(math.exp(float(q[b] @ n) / 0.2) for n in [*method.queue.keys, *mixed[b]])
        losses.append(-math.log(own / (own + others)))
    assert float(method.loss(batch).detach()) == pytest.approx(sum(losses) / 16, rel=1e-5)
    assert method.chance() == pytest.approx(math.log(1 + 10 + 3 + 2))


def test_mixed_points_carry_no_gradient_and_mixing_may_be_off(generator: torch.Generator) -> None:
    queries = normalize(torch.randn(2, 4, generator=generator), dim=1).requires_grad_()
    keys = normalize(torch.randn(6, 4, generator=generator), dim=1)
    for pair_mixes, query_mixes in ((3, 2), (0, 2), (3, 0), (0, 0)):
        own = Mochi(hardest=2, pair_mixes=pair_mixes, query_mixes=query_mixes)
        mixed = mix_hardest(queries, queries @ keys.T, keys, own, generator)
        assert mixed.shape == (2, pair_mixes + query_mixes, 4)
        assert not mixed.requires_grad


def test_before_the_warm_up_ends_nothing_is_drawn(batch: Batch) -> None:
    method = build("mochi", hardest=4, mix_after=0.5)
    state = batch.generator.get_state()
    method.loss(batch)
    assert torch.equal(state, batch.generator.get_state())
    method.after_step(0.5)
    method.loss(batch)
    assert not torch.equal(state, batch.generator.get_state())

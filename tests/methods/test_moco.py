"""MoCo against slow loops written from the paper, its key encoders and its masks."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def queries_and_keys(method: Any, batch: Batch, embed: Make) -> tuple[Tensor, Tensor]:
    q = embed(method.encoder, method.projector, batch.first).detach()
    return q, embed(method.key_encoder, method.key_projector, batch.second).detach()


def test_moco_loss_is_algorithm_1(build: Make, embed: Make, slow_info_nce: Make, batch: Batch) -> None:
    """Each query against its own key and every key of the queue, as it was before this batch."""
    method = build("moco", temperature=0.2)
    q, k = queries_and_keys(method, batch, embed)
    expected = slow_info_nce(q, k, [method.queue.keys] * 16, 0.2)
    assert float(method.loss(batch).detach()) == pytest.approx(expected, rel=1e-5)


def test_a_step_writes(build: Make, batch: Batch) -> None:
    method = build("moco")
    method.loss(batch)
    ((keys, _),) = method.fresh
    method.after_step(0.5)
    held = dict(zip(method.queue.index.tolist(), method.queue.keys, strict=True))
    assert sorted(held) == list(range(106, 116)), "of 16 keys the last 10 stay"
    assert all(torch.equal(held[i], keys[i - 100]) for i in held)
    assert method.queue.labels.tolist() == [(i - 100) % 3 for i in method.queue.index.tolist()]


@pytest.mark.parametrize(
    ("schedule", "progress", "share"),
    [("constant", 1.0, 0.25), ("cosine", 0.0, 0.25), ("cosine", 0.5, 0.125), ("cosine", 1.0, 0.0)],
)
def test_the_key_encoder_follows(schedule: str, progress: float, share: float, build: Make) -> None:
    """m = .75: a quarter of the way in each step; along the cosine 1 - (1 - m)/2 at half time, and no step at the end."""
    method = build("moco", momentum=0.75, momentum_schedule=schedule)
    fast, slow = (
        [*a.parameters(), *b.parameters()]
        for a, b in ((method.encoder, method.projector), (method.key_encoder, method.key_projector))
    )
    before = [p.clone() for p in slow]
    with torch.no_grad():
        for p in fast:
            p.add_(1.0)
    method.after_step(progress)
    for was, now in zip(before, slow, strict=True):
        torch.testing.assert_close(now, was + share)


def test_shuffled_keys_meet_other_statistics_and_come_back_in_order(
    build: Make, embed: Make, batch: Batch
) -> None:
    """With two parts, the even rows share one batch norm and the odd rows the other."""
    method = build("moco", bn_splits=2, shuffle_bn=True)
    expected = torch.empty(16, 8)
    for rows in (slice(0, None, 2), slice(1, None, 2)):
        found = embed(whole(method.key_encoder), whole(method.key_projector), batch.second[rows])
        expected[rows] = found.detach()
    torch.testing.assert_close(method.keys(batch.second), expected)


def whole(network: nn.Module) -> nn.Module:
    """A copy whose batch norm sees what it is given at once."""
    network = copy.deepcopy(network)
    for module in network.modules():
        if hasattr(module, "parts"):
            module.parts = 1
    return network


def test_one_part_makes_shuffling_idle(build: Make, batch: Batch) -> None:
    """A whole batch's statistics do not know the order: with one part the keys are bitwise those without shuffling."""
    plain, shuffled = build("moco"), build("moco", shuffle_bn=True)
    assert torch.equal(plain.keys(batch.second), shuffled.keys(batch.second))


def test_two_parts_shuffled_are_not_two_parts_in_order(build: Make, embed: Make, batch: Batch) -> None:
    plain, shuffled = build("moco", bn_splits=2), build("moco", bn_splits=2, shuffle_bn=True)
    found, other = plain.keys(batch.second), shuffled.keys(batch.second)
    assert float((found - other).abs().max()) > 0.01
    halves = [
        embed(whole(plain.key_encoder), whole(plain.key_projector), half).detach()
        for half in batch.second.chunk(2)
    ]
    torch.testing.assert_close(found, torch.cat(halves))


@pytest.mark.parametrize(("size", "splits"), [(16, 4), (15, 4), (9, 2)])
def test_shuffled_keys_come_back_in_order_for_any_size(
    size: int, splits: int, build: Make, embed: Make, generator: torch.Generator
) -> None:
    """In eval mode no row depends on another, so shuffled or not the keys are the same rows in the same order."""
    views = torch.randn(size, 1, 8, 8, generator=generator)
    method = build("moco", bn_splits=splits, shuffle_bn=True).eval()
    expected = embed(method.key_encoder, method.key_projector, views).detach()
    torch.testing.assert_close(method.keys(views), expected)


def test_proxy_accuracy_is_the_slow_count(build: Make, embed: Make, batch: Batch) -> None:
    method = build("moco")
    q, k = queries_and_keys(method, batch, embed)
    method.loss(batch)
    won = sum(float(q[b] @ k[b]) > max(float(q[b] @ n) for n in method.queue.keys) for b in range(16))
    assert method.diagnostics()["proxy accuracy"] == pytest.approx(won / 16)


@pytest.mark.parametrize("name", ["moco", "mochi"])
def test_queue_after_a_step_is_exactly_this_batch(name: str, build: Make, embed: Make, batch: Batch) -> None:
    """K = B: seen before the keys enter, then replaced whole, in the batch's order."""
    method = build(name, queue=16)
    _, keys = queries_and_keys(method, batch, embed)
    method.loss(batch)
    assert method.queue.index.tolist() == [-1] * 16
    method.after_step(0.05)
    torch.testing.assert_close(method.queue.keys, keys)
    assert torch.equal(method.queue.index, batch.index)
    assert torch.equal(method.queue.labels, batch.labels)
    assert method.diagnostics()["queue filled"] == 1


@pytest.mark.parametrize("name", ["moco", "mochi"])
@pytest.mark.parametrize("kind", ["copy", "gradient"])
def test_without_a_slow_copy_keys_are_the_querys_own(
    name: str, kind: str, build: Make, embed: Make, apart: Make, batch: Batch
) -> None:
    """Loss and gradient are those of a loss written by hand; `copy` cuts the gradient at the keys, `gradient` does not."""
    method = build(name, key_encoder=kind, temperature=0.5)
    twin = copy.deepcopy(method)
    assert (method.key_encoder, method.key_projector) == (None, None)
    assert not any(key.startswith("key_") for key in method.state_dict())
    q = embed(twin.encoder, twin.projector, batch.first)
    k = embed(twin.encoder, twin.projector, batch.second)
    k = k.detach() if kind == "copy" else k
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ twin.queue.keys.T], 1) / 0.5
    by_hand, loss = cross_entropy(logits, torch.zeros(16).long()), method.loss(batch)
    torch.testing.assert_close(loss, by_hand)
    by_hand.backward()
    loss.backward()
    assert apart([p.grad for p in method.parameters()], [p.grad for p in twin.parameters()]) < 1e-4
    method.after_step(0.5)
    torch.testing.assert_close(method.queue.keys, k.detach()[-10:].roll(6, 0))  # 16 keys in a ring of 10
    assert not method.queue.keys.requires_grad


def test_the_kinds_of_keys_have_different_gradients(build: Make, apart: Make, batch: Batch) -> None:
    """The same loss at the start, where the slow copy is still equal; what differs is the way back."""
    kinds = [build("moco", key_encoder=kind) for kind in ("momentum", "copy", "gradient")]
    losses = [method.loss(batch) for method in kinds]
    for loss in losses:
        loss.backward()
    assert losses[0] == losses[1] == losses[2]
    momentum, same, through = ([p.grad for p in m.encoder.parameters()] for m in kinds)
    assert apart(momentum, same) == 0
    assert apart(momentum, through) > 0.1


@pytest.mark.parametrize("name", ["moco", "mochi"])
def test_symmetric_is_half_the_sum_and_pushes_both_views(
    name: str, build: Make, embed: Make, batch: Batch
) -> None:
    """2B keys: those of the second views, whose queries were the first views, then those of the first views."""
    method, one, other = (build(name, queue=40, symmetric=flag) for flag in (True, False, False))
    there, back = one.loss(batch), other.loss(replace(batch, first=batch.second, second=batch.first))
    torch.testing.assert_close(method.loss(batch), (there + back) / 2)
    views = (batch.second, batch.first)
    keys = torch.cat([embed(one.key_encoder, one.key_projector, view).detach() for view in views])
    method.after_step(0.05)
    torch.testing.assert_close(method.queue.keys[:32], keys)
    assert method.queue.index.tolist() == batch.index.tolist() * 2 + [-1] * 8
    assert method.queue.labels.tolist() == batch.labels.tolist() * 2 + [-1] * 8
    assert int(method.queue.seen) == 32


@pytest.mark.parametrize(
    "masks",
    [
        {"mask_own": True},
        {"mask_false_negatives": True},
        {"mask_random": 0.4},
        {"mask_own": True, "mask_false_negatives": True, "mask_random": 0.4},
        {},
    ],
    ids=str,
)
def test_masks_leave_out_what_they_say(
    masks: dict[str, Any], build: Make, embed: Make, slow_info_nce: Make, batch: Batch
) -> None:
    """A queue of 40 holds this very batch, the 16 of the one before, and 8 that are unknown. Labels 0 to 2 by turns.

    Own image: 1 of 40 each. Own class, the own image among them: 6, 5 or 5 of the batch, and as many of the other.
    """
    method = build("moco", queue=40, temperature=0.3, **masks)
    for index in (batch.index, batch.index - 50):
        method.loss(replace(batch, index=index))
        method.after_step(0.5)
    q, k = queries_and_keys(method, batch, embed)
    state = batch.generator.get_state()
    drawn = torch.rand(16, 40, generator=batch.generator) < masks.get("mask_random", 0)
    batch.generator.set_state(state)
    negatives = []
    for b in range(16):
        own = [bool(i == batch.index[b]) for i in method.queue.index]
        alike = [bool(c == batch.labels[b]) for c in method.queue.labels]
        assert (sum(own), sum(alike)) == (1, 12 if batch.labels[b] == 0 else 10)
        out = [
            (own[j] and "mask_own" in masks)
            or (alike[j] and "mask_false_negatives" in masks)
            or bool(drawn[b, j])
            for j in range(40)
        ]
        negatives.append([key for key, gone in zip(method.queue.keys, out, strict=True) if not gone])
    assert float(method.loss(batch).detach()) == pytest.approx(slow_info_nce(q, k, negatives, 0.3), rel=1e-5)
    chance = sum(math.log(1 + len(left)) for left in negatives) / 16
    assert method.chance() == pytest.approx(chance)
    won = [
        float(q[b] @ k[b]) > max((float(q[b] @ n) for n in left), default=-math.inf)
        for b, left in enumerate(negatives)
    ]
    assert method.diagnostics()["proxy accuracy"] == pytest.approx(sum(won) / 16)


def test_a_queue_of_nothing_but_false_negatives(build: Make, batch: Batch) -> None:
    """No negative is left: nothing to tell apart, loss and chance 0, no gradient, and no nan."""
    method = build("moco", mask_false_negatives=True)
    alike = replace(batch, labels=torch.zeros(16).long())
    method.loss(alike)
    method.after_step(0.5)
    loss = method.loss(alike)
    loss.backward()
    assert (float(loss.detach()), method.chance()) == (0, 0)
    assert all(float(p.grad.abs().max()) == 0 for p in method.encoder.parameters())
    assert method.curves()["matching probability"][1] == (0.0,) * 10


@pytest.mark.parametrize("size", [1, 65536])
def test_the_smallest_queue_and_the_papers(size: int, build: Make, embed: Make, batch: Batch) -> None:
    """K = 1 keeps the last key of 16; of 65536 the first 16 are new. log 2 and log 65537 are chance."""
    method = build("moco", queue=size)
    q, k = queries_and_keys(method, batch, embed)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ method.queue.keys.T], 1).double() / 0.2
    expected = float((logits.logsumexp(1) - logits[:, 0]).mean())
    assert float(method.loss(batch).detach()) == pytest.approx(expected, rel=1e-5)
    assert method.chance() == pytest.approx(math.log(1 + size))
    ((keys, _),) = method.fresh
    method.after_step(0.5)
    new = min(size, 16)
    torch.testing.assert_close(method.queue.keys[:new], keys[-new:])
    assert method.queue.filled == min(16 / size, 1)
    (ranks, p) = method.curves()["matching probability"]
    assert (ranks[0], len(ranks) <= 100) == (1.0, True)
    assert sum(p) < 1


def test_the_curve_is_the_queues_matching_probability(build: Make, embed: Make, batch: Batch) -> None:
    """10 ranks, one by one; over them p sums to 1 less that of the positive."""
    method = build("moco", temperature=0.4)
    q, k = queries_and_keys(method, batch, embed)
    method.loss(batch)
    ranks, p = method.curves()["matching probability"]
    logits = torch.cat([(q * k).sum(1, keepdim=True), (q @ method.queue.keys.T).sort(1).values.flip(1)], 1)
    expected = (logits.double() / 0.4).softmax(1).mean(0)[1:]
    assert ranks == tuple(float(r) for r in range(1, 11))
    assert p == pytest.approx(expected.tolist(), rel=1e-5)


def test_chance(build: Make) -> None:
    assert build("moco", queue=512).chance() == pytest.approx(6.2403, abs=1e-4)

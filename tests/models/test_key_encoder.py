"""The slow copy and the ring of keys."""

from __future__ import annotations

from collections import deque
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from collapse_cli.models.key_encoder import KeyQueue, follow, keys_of, momentum_at, slow_copy
from collapse_cli.settings import Byol, Keys, Mochi, Moco
from collapse_cli.shapes import Origin


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_follow_is_equation_2(momentum: float) -> None:
    fast = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    slow = slow_copy(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    fast[1].running_mean.fill_(7)
    before = [p.clone() for p in slow.parameters()]
    follow(slow, fast, momentum)
    for was, now, ours in zip(before, slow.parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(now, momentum * was + (1 - momentum) * ours)
        assert not now.requires_grad
    assert float(slow[1].running_mean.sum()) == 0, "batch statistics are each network's own"


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.lists(st.integers(1, 12), max_size=8))
def test_the_queue_is_a_deque(size: int, batches: list[int]) -> None:
    """Any batch size, larger than K and not dividing it too: the ring holds what a deque of length K would."""
    queue, slow = KeyQueue(size, 2), deque(maxlen=size)
    pushed = 0
    for count in batches:
        numbers = torch.arange(pushed, pushed + count)
        queue.push(torch.stack([numbers, -numbers], 1).float(), Origin(numbers, numbers % 3))
        slow.extend(numbers.tolist())
        pushed += count
    held = {
        int(i): (k.tolist(), int(c))
        for i, k, c in zip(queue.index, queue.keys, queue.labels, strict=True)
        if i >= 0
    }
    assert held == {i: ([float(i), float(-i)], i % 3) for i in slow}
    assert queue.filled == len(slow) / size


def test_a_new_queue_holds_random_unit_rows() -> None:
    torch.testing.assert_close(KeyQueue(50, 8).keys.norm(dim=1), torch.ones(50))
    assert KeyQueue(50, 8).filled == 0


def test_without_labels_they_are_unknown() -> None:
    queue = KeyQueue(4, 2)
    queue.push(torch.zeros(3, 2), Origin(torch.arange(3), None))
    assert queue.labels.tolist() == [-1, -1, -1, -1]


@pytest.mark.parametrize(("momentum", "like"), [(0.0, "fast"), (1.0, "slow")])
def test_the_ends_of_momentum_are_exact(momentum: float, like: str) -> None:
    """m = 0 copies and m = 1 freezes, to the bit; every buffer stays, statistics and step count."""
    nets = [nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)) for _ in range(2)]
    fast, slow = nets[0], slow_copy(nets[1])
    fast(torch.randn(8, 5))
    wanted = [p.detach().clone() for p in (fast if like == "fast" else slow).parameters()]
    buffers = [b.clone() for b in slow.buffers()]
    follow(slow, fast, momentum)
    assert all(torch.equal(p, w) for p, w in zip(slow.parameters(), wanted, strict=True))
    assert all(torch.equal(b, w) for b, w in zip(slow.buffers(), buffers, strict=True))
    assert not torch.equal(fast[1].running_mean, slow[1].running_mean)


def test_the_slow_copy_is_a_copy() -> None:
    fast = nn.Linear(2, 2)
    slow = slow_copy(fast)
    assert torch.equal(slow.weight, fast.weight)
    assert slow.weight.data_ptr() != fast.weight.data_ptr()
    assert (slow.weight.requires_grad, fast.weight.requires_grad) == (False, True)


def test_the_ring_wraps_in_place() -> None:
    """K = 5, pushed 3 + 3 + 7: key number n lies in slot n mod 5, and the slots not reached keep their keys."""
    queue = KeyQueue(5, 1)
    for numbers, slots in (
        (range(3), [0, 1, 2, -1, -1]), (range(3, 6), [5, 1, 2, 3, 4]), (range(6, 13), [10, 11, 12, 8, 9]),
    ):  # fmt: skip
        index = torch.tensor(numbers)
        queue.push(index[:, None].float(), Origin(index, index))
        assert queue.index.tolist() == slots
        assert queue.labels.tolist() == slots
        assert [k for k, i in zip(queue.keys[:, 0].tolist(), slots, strict=True) if i >= 0] == [
            i for i in slots if i >= 0
        ]
    assert int(queue.seen) == 13


def test_the_queue_keeps_copies_without_gradient() -> None:
    queue, keys = KeyQueue(4, 2), torch.ones(2, 2, requires_grad=True)
    queue.push(keys * 1, Origin(torch.arange(2), None))
    assert not queue.keys.requires_grad
    with torch.no_grad():
        keys.zero_()
    assert float(queue.keys[:2].sum()) == 4


@pytest.mark.parametrize("kind", [Moco, Mochi, Byol])
@pytest.mark.parametrize("m", [0.0, 0.9, 0.996, 1.0])
def test_momentum_along_the_cosine(kind: type, m: float) -> None:
    """BYOL: 1 - (1 - m)(cos(pi k/K) + 1)/2 is m at the start, (1 + m)/2 at half time and 1 at the end; a quarter in,
    cos(pi/4) = 1/sqrt 2 gives 1 - (1 - m)(2 + sqrt 2)/4."""
    cosine, constant = kind(momentum=m, momentum_schedule="cosine"), kind(momentum=m)
    found = [momentum_at(cosine, progress) for progress in (0, 0.25, 0.5, 1)]
    assert found == pytest.approx([m, 1 - (1 - m) * (2 + 2**0.5) / 4, (1 + m) / 2, 1], abs=1e-12)
    assert [momentum_at(constant, progress) for progress in (0, 0.25, 0.5, 1)] == [m] * 4


@pytest.mark.parametrize("kind", ["momentum", "copy", "gradient"])
def test_keys_carry_gradient_only_where_asked(kind: Literal["momentum", "copy", "gradient"]) -> None:
    """Unit rows of what the networks make of the views, whatever the kind."""
    encoder, projector = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), nn.Linear(3, 2)
    views = torch.randn(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    keys = keys_of(views, nn.Sequential(encoder, projector), Keys(key_encoder=kind))
    torch.testing.assert_close(keys, nn.functional.normalize(projector(encoder(views)), dim=1))
    assert keys.requires_grad is (kind == "gradient")


def test_a_ring_of_one_holds_the_last_key() -> None:
    queue = KeyQueue(1, 2)
    for last in (1, 3):
        index = torch.arange(last)
        queue.push(torch.stack([index, index + 1], 1).float(), Origin(index, index * 2))
        assert (queue.keys.tolist(), queue.index.tolist()) == ([[last - 1, last]], [last - 1])
        assert queue.labels.tolist() == [2 * (last - 1)]
        assert queue.filled == 1
    assert int(queue.seen) == 4


def test_the_papers_ring_wraps_after_256_batches_of_256() -> None:
    """K = 65536: number n lies in slot n mod K; after 257 batches the first 256 slots hold the last batch."""
    queue = KeyQueue(65536, 1)
    for step in range(257):
        index = torch.arange(256) + 256 * step
        queue.push(index[:, None].float(), Origin(index, None))
        if step == 127:
            assert queue.filled == 0.5
    slots = torch.arange(65536)
    assert torch.equal(queue.index, torch.where(slots < 256, slots + 65536, slots))
    assert torch.equal(queue.keys[:, 0], queue.index.float())
    assert queue.filled == 1

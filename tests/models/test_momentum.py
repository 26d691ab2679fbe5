"""The slow copy and the ring of keys."""

from __future__ import annotations

from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from collapse_cli.models.momentum import KeyQueue, follow, slow_copy
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

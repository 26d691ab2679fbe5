"""The slow copy and the ring of keys."""

from __future__ import annotations

from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from collapse_cli.models.momentum import KeyQueue, follow, slow_copy


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
        queue.push(torch.stack([numbers, -numbers], 1).float(), numbers % 3, numbers)
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
    queue.push(torch.zeros(3, 2), None, torch.arange(3))
    assert queue.labels.tolist() == [-1, -1, -1, -1]

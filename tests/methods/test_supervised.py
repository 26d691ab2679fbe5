"""Supervised: softmax over cosines with class weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import normalize

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def test_the_loss_is_the_slow_loop(build: Make, embed: Make, batch: Batch) -> None:
    """-log softmax of cos(z, w_y)/T of the first view alone; accuracy is how often the own class is nearest."""
    method = build("supervised", temperature=0.3)
    z = embed(method.encoder, method.projector, batch.first).detach()
    w = normalize(method.weights.detach(), dim=1)
    total, right = 0.0, 0
    for b in range(16):
        e = [math.exp(float(z[b] @ w[c]) / 0.3) for c in range(3)]
        total -= math.log(e[int(batch.labels[b])] / sum(e))
        right += e.index(max(e)) == int(batch.labels[b])
    assert float(method.loss(batch).detach()) == pytest.approx(total / 16, rel=1e-5)
    assert method.diagnostics() == {"accuracy": pytest.approx(right / 16)}
    assert method.chance() == pytest.approx(math.log(3))


def test_only_directions_count(build: Make, batch: Batch) -> None:
    """Longer class weights change nothing; and the second view is not looked at."""
    method = build("supervised")
    before = method.loss(batch)
    with torch.no_grad():
        method.weights.mul_(torch.tensor([[2.0], [5.0], [0.1]]))
    other = Batch(batch.first, batch.first * 0, batch.index, batch.labels, batch.generator)
    torch.testing.assert_close(method.loss(other), before)

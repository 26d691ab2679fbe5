"""Positive-only training: any constant map is perfect, and both views learn."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def test_a_constant_map_is_perfect(build: Make, batch: Batch) -> None:
    method = build("positive-only")
    with torch.no_grad():
        method.projector[-1].weight.zero_()
    assert float(method.loss(batch).detach()) < 1e-12
    assert method.chance() is None


def test_loss_and_gradient_are_two_minus_two_cosines(
    build: Make, embed: Make, apart: Make, batch: Batch
) -> None:
    """Through both views: neither is cut off."""
    method = build("positive-only")
    twin = copy.deepcopy(method)
    first, second = (embed(twin.encoder, twin.projector, view) for view in (batch.first, batch.second))
    expected, loss = 2 - 2 * (first * second).sum(dim=1).mean(), method.loss(batch)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    expected.backward()
    loss.backward()
    assert apart([p.grad for p in method.parameters()], [p.grad for p in twin.parameters()]) < 1e-4

"""Positive-only training: any constant map is perfect, and both views learn."""

from __future__ import annotations

import torch

from collapse_cli import methods
from collapse_cli.settings import resolve
from collapse_cli.shapes import Batch, DataShape


def test_a_constant_map_is_perfect(batch: Batch) -> None:
    method = methods.build(resolve("positive-only", {"encoder": "mlp"}), DataShape((1, 8, 8), 200, 3))
    with torch.no_grad():
        method.projector[-1].weight.zero_()
    assert float(method.loss(batch)) < 1e-12


def test_the_gradient_flows_through_both_views(batch: Batch) -> None:
    method = methods.build(resolve("positive-only", {"encoder": "mlp"}), DataShape((1, 8, 8), 200, 3))
    first, second = batch.first.requires_grad_(), batch.second.requires_grad_()
    method.loss(Batch(first, second, batch.index, None, batch.generator)).backward()
    assert float(first.grad.abs().sum()) > 1e-4
    assert float(second.grad.abs().sum()) > 1e-4
    assert method.chance() is None

"""Alignment and uniformity as the loss itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def test_the_loss_is_the_weighted_sum(build: Make, embed: Make, batch: Batch) -> None:
    """a mean ||u - u'||^2 + b (uniformity of one view + of the other)/2; the views are not pooled."""
    method = build("align-uniform", alignment=0.7, uniformity=1.3, t=3.0)
    first, second = (
        embed(method.encoder, method.projector, view).detach() for view in (batch.first, batch.second)
    )
    alignment = float((first - second).norm(dim=1).pow(2).mean())
    uniform = [float(torch.pdist(rows).pow(2).mul(-3).exp().mean().log()) for rows in (first, second)]
    uniformity = sum(uniform) / 2
    loss = float(method.loss(batch).detach())
    assert loss == pytest.approx(0.7 * alignment + 1.3 * uniformity, rel=1e-4)
    assert method.diagnostics() == pytest.approx({"alignment": alignment, "uniformity": uniformity}, rel=1e-4)


def test_collapse_has_no_way_out(build: Make, batch: Batch) -> None:
    """All rows equal: loss 0 = chance, and a gradient of exactly 0, not nan, though every distance is 0."""
    method = build("align-uniform")
    with torch.no_grad():
        method.projector[-1].weight.zero_()
    loss = method.loss(batch)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(method.chance(), abs=1e-6)
    assert all(float(p.grad.abs().max()) == 0 for p in method.encoder.parameters())

"""LeJEPA: Algorithm 2 by hand, directions of the batch's generator, and what collapsed embeddings cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def by_hand(views: list[np.ndarray], directions: np.ndarray, weight: float) -> tuple[float, float]:
    """Algorithms 1 and 2, over all 17 knots in [-5, 5] with complex numbers: views (B,d), unit directions (d,M).

    Returns the distance of all views from their mean and the mean statistic of a view, which is the mean over its directions.
    """
    t = np.linspace(-5, 5, 17)
    gaussian, statistics = np.exp(-(t**2) / 2), []
    for z in views:
        for direction in directions.T:
            apart = np.exp(1j * np.outer(z @ direction, t)).mean(axis=0) - gaussian
            statistics.append(len(z) * np.trapezoid(np.abs(apart) ** 2 * gaussian, t))
    centre = np.mean(views, axis=0)
    return float(np.mean([(z - centre) ** 2 for z in views])), float(np.mean(statistics))


@pytest.mark.parametrize("weight", [0.05, 0.5, 1.0])
def test_the_loss_is_algorithm_2(weight: float, build: Make, batch: Batch) -> None:
    """(1 - lambda) times the distance plus lambda times SIGReg, of z as the projector gives it and of the seed's directions."""
    method = build("lejepa", sigreg_weight=weight, slices=12)
    z = [
        method.projector(method.encoder(view)).detach().double().numpy()
        for view in (batch.first, batch.second)
    ]
    drawn = torch.randn(8, 12, generator=torch.Generator().manual_seed(4)).double().numpy()
    distance, statistic = by_hand(z, drawn / np.linalg.norm(drawn, axis=0), weight)
    found = method.loss(replace(batch, generator=torch.Generator().manual_seed(4)))
    assert float(found.detach()) == pytest.approx((1 - weight) * distance + weight * statistic, rel=1e-4)
    assert list(method.diagnostics().values()) == pytest.approx([distance, statistic], rel=1e-4)


def test_each_batch_has_directions_of_its_own(build: Make, batch: Batch) -> None:
    """Drawn from the generator that is handed in; both views have the same, and the next batch others."""
    method, generator = build("lejepa"), torch.Generator().manual_seed(4)
    first, second = (method.directions(generator, batch.first) for _ in range(2))
    assert first.shape == (8, 256)
    torch.testing.assert_close(first.norm(dim=0), torch.ones(256))
    assert not torch.equal(first, second)


def test_a_gradient_reaches_both_views(build: Make, batch: Batch) -> None:
    """There is neither a stop-gradient nor a slow copy: what the first view costs the encoder, the second costs it too."""
    method = build("lejepa")
    rows = [torch.randn(len(batch.first), 8, generator=torch.Generator().manual_seed(s)) for s in (1, 2)]
    views = [each.requires_grad_() for each in rows]
    method.queries = lambda which: views[int(which is batch.second)]
    method.loss(batch).backward()
    assert all(isinstance(each.grad, Tensor) and float(each.grad.norm()) > 0.01 for each in views)
    assert {name.split(".")[0] for name, _ in method.named_parameters()} == {"encoder", "projector"}


def test_collapsed_embeddings_cost_least_at_the_origin(build: Make, batch: Batch) -> None:
    """lambda B (sqrt(2 pi) - 2 sqrt(pi) + sqrt(2 pi / 3)) = .409 lambda B there, more anywhere else; that is `chance`."""
    method, losses = build("lejepa", sigreg_weight=0.5), []
    for at in (0.0, 0.3, 2.0):
        with torch.no_grad():
            method.projector[-1].weight.zero_()
            method.projector[-1].bias.fill_(at)
        losses.append(float(method.loss(batch).detach()))
    assert losses[0] == pytest.approx(method.chance(), rel=1e-5)
    assert losses[0] == pytest.approx(0.5 * len(batch.first) * 0.40893, rel=1e-4)
    assert losses == sorted(losses)

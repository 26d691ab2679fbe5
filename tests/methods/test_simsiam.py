"""SimSiam: the stop-gradient, the predictor, and the loss without either."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def by_hand(method: Any, batch: Batch, cut: bool) -> Tensor:
    """Algorithm 1: D(p1, z2)/2 + D(p2, z1)/2, D = -mean p.z of unit rows."""
    z1, z2 = (method.projector(method.encoder(view)) for view in (batch.first, batch.second))

    def distance(z: Tensor, target: Tensor) -> Tensor:
        p = normalize(method.predictor(z), dim=1)
        return -(p * normalize(target.detach() if cut else target, dim=1)).sum(dim=1).mean()

    return distance(z1, z2) / 2 + distance(z2, z1) / 2


@pytest.mark.parametrize("predictor", [True, False])
@pytest.mark.parametrize("stop", [True, False])
def test_loss_and_gradient_are_algorithm_1(
    stop: bool, predictor: bool, build: Make, apart: Make, batch: Batch
) -> None:
    """The same loss with and without the stop-gradient; what differs is the gradient, which the target's side gets or not."""
    method = build("simsiam", stop_gradient=stop, predictor=predictor)
    grads = []
    for cut in (stop, not stop):
        twin = copy.deepcopy(method)
        loss = by_hand(twin, batch, cut)
        loss.backward()
        torch.testing.assert_close(method.loss(batch), loss)
        grads.append([p.grad for p in twin.encoder.parameters()])
    method.loss(batch).backward()
    ours = [p.grad for p in method.encoder.parameters()]
    assert apart(ours, grads[0]) < 1e-4
    assert apart(ours, grads[1]) > 0.1


def test_equal_views_without_a_predictor_are_minus_one(build: Make, batch: Batch) -> None:
    method = build("simsiam", predictor=False)
    assert isinstance(method.predictor, nn.Identity)
    same = Batch(batch.first, batch.first, batch.index, None, batch.generator)
    assert float(method.loss(same).detach()) == pytest.approx(-1)
    assert method.chance() is None


def test_the_predictor_is_a_bottleneck_of_its_width(build: Make) -> None:
    """d - hidden - d, batch norm and ReLU between."""
    method = build("simsiam", predictor_hidden=5)
    kinds = [type(part).__name__ for part in method.predictor]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert [tuple(part.weight.shape) for part in (method.predictor[0], method.predictor[3])] == [
        (5, 8),
        (8, 5),
    ]
    assert build("simsiam", head_layers=0).predictor[0].weight.shape == (4, 128), "d is D without a projector"


def test_no_gradient_means_no_way_through_the_target_alone(build: Make, batch: Batch) -> None:
    """distance(rows, target) with rows that need no gradient: the stop-gradient leaves nothing but the predictor's."""
    method = build("simsiam")
    target = torch.randn(16, 8, generator=batch.generator, requires_grad=True)
    method.distance(torch.randn(16, 8, generator=batch.generator), target).backward()
    assert target.grad is None
    assert all(p.grad is not None for p in method.predictor.parameters())

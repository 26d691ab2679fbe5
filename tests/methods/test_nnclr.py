"""NNCLR: the loss against a slow loop written from the paper, the support set, and what gets no gradient."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def slow_nearest(row: Tensor, support: Tensor) -> Tensor:
    """argmin over q in Q of ||z - q||, one by one."""
    return min(support, key=lambda other: float((row - other).norm()))


def slow_side(embeddings: Tensor, predicted: Tensor, support: Tensor, temperature: float) -> float:
    """Mean over i of -log exp(NN(z_i, Q).p_i / tau) / sum_k exp(NN(z_i, Q).p_k / tau), one term at a time."""
    total = 0.0
    for i, row in enumerate(embeddings):
        neighbour = slow_nearest(row, support)
        terms = [math.exp(float(neighbour @ other) / temperature) for other in predicted]
        total -= math.log(terms[i] / sum(terms))
    return total / len(embeddings)


def embedded(method: Any, batch: Batch, embed: Make) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """z and p of both views, unit rows (B,d) each."""
    z, z_prime = (embed(method.encoder, method.projector, view) for view in (batch.first, batch.second))
    p, p_prime = (
        normalize(method.predictor(method.projector(method.encoder(view))), dim=1)
        for view in (batch.first, batch.second)
    )
    return z, z_prime, p, p_prime


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_loss_is_the_slow_loop(temperature: float, build: Make, embed: Make, batch: Batch) -> None:
    """Half the sum of both orders: NN(z) against the predictions from the other views, NN(z') against those of the first.

    From random vectors in the support set, then from those of a step before.
    """
    method = build("nnclr", temperature=temperature)
    for step in range(2):
        z, z_prime, p, p_prime = (part.detach() for part in embedded(method, batch, embed))
        support = method.support.keys.clone()
        there = slow_side(z, p_prime, support, temperature)
        back = slow_side(z_prime, p, support, temperature)
        loss = method.loss(replace(batch, index=batch.index + step))
        assert float(loss.detach()) == pytest.approx((there + back) / 2, rel=1e-5)
        method.after_step(0.5)


def test_no_gradient_passes_the_neighbour(build: Make, embed: Make, apart: Make, batch: Batch) -> None:
    """The gradient is that of a loss whose neighbours are constants: a view is taught by its prediction alone.

    With only the first side of the loss, the view whose neighbour is looked up gets no gradient at all.
    """
    method = build("nnclr")
    twin = copy.deepcopy(method)
    z, z_prime, p, p_prime = embedded(twin, batch, embed)
    sides = []
    for rows, predicted in ((z, p_prime), (z_prime, p)):
        neighbours = torch.stack([slow_nearest(row, twin.support.keys) for row in rows.detach()])
        logits = neighbours @ predicted.T / 0.1
        sides.append(-logits.log_softmax(dim=1).diagonal().mean())
    by_hand, loss = (sides[0] + sides[1]) / 2, method.loss(batch)
    torch.testing.assert_close(loss, by_hand)
    by_hand.backward()
    loss.backward()
    assert apart([w.grad for w in method.parameters()], [w.grad for w in twin.parameters()]) < 1e-4
    views, others = (torch.randn(16, 8, requires_grad=True) for _ in range(2))
    method.contrast(views, others).backward()
    assert views.grad is None
    assert float(others.grad.abs().max()) > 1e-4


def test_the_support_set_is_first_in_first_out(build: Make, embed: Make, batch: Batch) -> None:
    """20 places and batches of 16: after one 16 are in use, after two the first 12 have left, in the batch's order.

    Only embeddings of first views enter, and only after the step.
    """
    method = build("nnclr", queue=20)
    z = embed(method.encoder, method.projector, batch.first).detach()
    random = method.support.keys.clone()
    method.loss(batch)
    assert torch.equal(method.support.keys, random)
    assert method.diagnostics()["support set in use"] == 0
    method.after_step(0.5)
    torch.testing.assert_close(method.support.keys[:16], z)
    assert torch.equal(method.support.keys[16:], random[16:])
    assert method.diagnostics()["support set in use"] == pytest.approx(16 / 20)
    method.loss(replace(batch, index=batch.index + 50))
    method.after_step(1.0)
    ages = [*range(154, 166), *range(112, 116), *range(150, 154)]  # 116 to 131 would stand in a longer ring
    assert method.support.index.tolist() == ages
    assert method.diagnostics()["support set in use"] == 1


def test_the_neighbour_is_the_nearest(build: Make) -> None:
    """Planted: the axes are the support set, and a row's neighbour is the axis of its largest coordinate, whatever its length."""
    method = build("nnclr", queue=8)
    method.support.keys.copy_(torch.eye(8))
    rows = torch.eye(8)[[3, 3, 7, 0]] * torch.tensor([[5.0], [0.1], [1.0], [2.0]]) + 0.01
    assert torch.equal(method.nearest(rows), torch.eye(8)[[3, 3, 7, 0]])


def test_the_proxy_task_is_won_where_the_own_prediction_is_nearest(
    build: Make, embed: Make, batch: Batch
) -> None:
    """Of the last side, NN(z') against the predictions of the first views."""
    method = build("nnclr")
    _, z_prime, p, _ = (part.detach() for part in embedded(method, batch, embed))
    won = 0
    for i, row in enumerate(z_prime):
        similarity = p @ slow_nearest(row, method.support.keys)
        won += all(float(similarity[i]) > float(similarity[k]) for k in range(16) if k != i)
    method.loss(batch)
    assert method.diagnostics()["proxy accuracy"] == pytest.approx(won / 16)


def test_it_has_no_queue_of_negatives(build: Make, batch: Batch) -> None:
    """The support set has a size of its own and leaves chance alone: log(B), whatever K."""
    method = build("nnclr", queue=1000)
    assert (method.negatives, method.key_network, method.chance()) == (None, None, None)
    method.loss(batch)
    assert method.chance() == pytest.approx(math.log(16))

"""BYOL: the slow target, the predictor, and the loss without the stop-gradient."""

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


def by_hand(method: Any, batch: Batch) -> Tensor:
    """Half the sum over both orders of mean ||p - z'||^2, unit rows (BYOL, eq. 2); the target's rows as they come."""
    online = nn.Sequential(method.encoder, method.projector)
    target = online if method.target is None else method.target
    total = torch.zeros(())
    for views, others in ((batch.first, batch.second), (batch.second, batch.first)):
        p, z = normalize(method.predictor(online(views)), dim=1), normalize(target(others), dim=1)
        total = total + (p - z).square().sum(dim=1).mean() / 2
    return total


@pytest.mark.parametrize("predictor", [True, False])
@pytest.mark.parametrize("stop", [True, False])
def test_loss_and_gradient_are_those_by_hand(
    stop: bool, predictor: bool, build: Make, apart: Make, batch: Batch
) -> None:
    """The slow copy gets no gradient; without the stop-gradient there is none, and both sides of the online network get it."""
    method = build("byol", stop_gradient=stop, predictor=predictor)
    assert (method.target is None) is not stop
    assert any(key.startswith("target") for key in method.state_dict()) is stop
    with torch.no_grad():
        for p in method.projector.parameters():
            p.mul_(1.5)  # no longer the target's
    twin = copy.deepcopy(method)
    ours, theirs = method.loss(batch), by_hand(twin, batch)
    torch.testing.assert_close(ours, theirs)
    ours.backward()
    theirs.backward()
    assert all((p.grad is None) is not p.requires_grad for p in method.parameters())
    found, wanted = ([p.grad for p in one.parameters() if p.requires_grad] for one in (method, twin))
    assert apart(found, wanted) < 1e-4


def test_without_the_stop_gradient_the_gradient_is_another(build: Make, apart: Make, batch: Batch) -> None:
    """The same weights on both sides, so the same loss; the gradient through the target is what differs."""
    losses, grads = [], []
    for stop in (True, False):
        method = build("byol", stop_gradient=stop)
        losses.append(method.loss(batch))
        losses[-1].backward()
        grads.append([p.grad for p in method.encoder.parameters()])
    torch.testing.assert_close(*losses)
    assert apart(*grads) > 0.1


@pytest.mark.parametrize(
    ("schedule", "progress", "share"),
    [("constant", 1.0, 0.25), ("cosine", 0.0, 0.25), ("cosine", 0.5, 0.125), ("cosine", 1.0, 0.0)],
)
def test_the_target_follows(schedule: str, progress: float, share: float, build: Make) -> None:
    """tau = .75: a quarter of the way in each step, and along the cosine half of that at half time, none at the end."""
    method = build("byol", momentum=0.75, momentum_schedule=schedule)
    before = [p.clone() for p in method.target.parameters()]
    with torch.no_grad():
        for p in (*method.encoder.parameters(), *method.projector.parameters()):
            p.add_(1.0)
    method.after_step(progress)
    for was, now in zip(before, method.target.parameters(), strict=True):
        torch.testing.assert_close(now, was + share)


def test_the_target_has_batch_statistics_of_its_own(build: Make, batch: Batch) -> None:
    """It sees the views the online network sees, in the other order, and its running means end up near, not equal."""
    method = build("byol")
    method.loss(batch)
    ours, theirs = (part[2].running_mean for part in (method.encoder, method.target[0]))
    assert float(ours.abs().max()) > 0.01
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0.1)
    assert not torch.equal(ours, theirs)


def test_equal_views_without_a_predictor_are_nothing(build: Make, batch: Batch) -> None:
    method = build("byol", predictor=False)
    same = Batch(batch.first, batch.first, batch.index, None, batch.generator)
    assert float(method.loss(same).detach()) == pytest.approx(0, abs=1e-6)
    assert method.chance() is None

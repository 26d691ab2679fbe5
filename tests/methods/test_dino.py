"""DINO: the loss by hand, the center, the teacher, and the two collapses of section 5.3."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from collapse_cli.shapes import Batch, Pair

Make = Callable[..., Any]


def outputs(method: Any, views: Tensor, teacher: bool) -> list[list[float]]:
    """Cosines with the prototypes of the student or the teacher, (B,K), in train mode."""
    with torch.no_grad():
        z = method.target(views) if teacher else method.projector(method.encoder(views))
        weight = (method.target_prototypes if teacher else method.prototypes).weight
        cosines: list[list[float]] = (normalize(z, dim=1) @ normalize(weight, dim=1).T).double().tolist()
    return cosines


def softmax(row: list[float], temperature: float) -> list[float]:
    exponentials = [math.exp(each / temperature) for each in row]
    return [each / sum(exponentials) for each in exponentials]


def by_hand(method: Any, batch: Batch, tau_t: float, tau_s: float) -> float:
    """Half the sum over both orders of the mean of -P_t log P_s (eq. 1 and 2), P_t of the output less the center."""
    center, total = method.center.tolist(), 0.0
    for views, others in ((batch.first, batch.second), (batch.second, batch.first)):
        rows = zip(outputs(method, views, False), outputs(method, others, True), strict=True)
        for student, teacher in rows:
            p_s = softmax(student, tau_s)
            p_t = softmax([g - c for g, c in zip(teacher, center, strict=True)], tau_t)
            total -= sum(t * math.log(s) for t, s in zip(p_t, p_s, strict=True)) / 2
    return total / len(batch.first)


@pytest.mark.parametrize("centering", [True, False])
@pytest.mark.parametrize("sharpening", [True, False])
def test_the_loss_is_the_slow_loop(sharpening: bool, centering: bool, build: Make, batch: Batch) -> None:
    """Before and after a step that moves center and teacher; without sharpening the teacher has the student's temperature."""
    knobs = {"teacher_temperature": 0.05, "student_temperature": 0.2, "prototypes": 6, "momentum": 0.5}
    method = build("dino", centering=centering, sharpening=sharpening, **knobs)
    for _ in range(2):
        expected = by_hand(method, batch, 0.05 if sharpening else 0.2, 0.2)
        assert float(method.loss(batch).detach()) == pytest.approx(expected, rel=1e-4)
        with torch.no_grad():
            for parameter in (*method.projector.parameters(), *method.prototypes.parameters()):
                parameter.mul_(1.5).add_(0.1)
        method.after_step(0.5)


def test_the_center_is_a_moving_mean_of_the_teachers_outputs(build: Make, batch: Batch) -> None:
    """Eq. 4 with m = .75, of both views and of all batches of a step; it stays 0 without centering."""
    method = build("dino", center_momentum=0.75, prototypes=6, momentum=1.0)
    views = [torch.tensor(outputs(method, each, True)) for each in (batch.first, batch.second)]
    one = torch.cat(views).mean(dim=0).float()
    method.loss(batch)
    method.after_step(0.1)
    torch.testing.assert_close(method.center, one / 4)
    other = replace(batch, first=batch.second * 2, second=batch.first - 1, place=1)
    more = [torch.tensor(outputs(method, each, True)) for each in (other.first, other.second)]
    method.loss(batch)
    method.loss(other)
    method.after_step(0.2)
    both = torch.cat([*views, *more]).mean(dim=0).float()
    torch.testing.assert_close(method.center, 0.75 * one / 4 + both / 4)
    off = build("dino", centering=False)
    off.loss(batch)
    off.after_step(0.1)
    assert not off.center.any()
    assert "center" in off.state_dict()


def test_the_teacher_follows_with_its_prototypes(build: Make) -> None:
    method = build("dino", momentum=0.75)
    pairs = list(zip(method.target_prototypes.parameters(), method.prototypes.parameters(), strict=True))
    pairs += list(zip(method.target[1].parameters(), method.projector.parameters(), strict=True))
    before = [slow.clone() for slow, _ in pairs]
    with torch.no_grad():
        for _, fast in pairs:
            fast.add_(1.0)
    method.after_step(0.5)
    for was, (slow, _) in zip(before, pairs, strict=True):
        torch.testing.assert_close(slow, was + 0.25)


def test_the_two_collapses(build: Make, batch: Batch) -> None:
    """All outputs one prototype: entropy 0. All outputs uniform: entropy and loss log K. The divergence is 0 in both."""
    method = build("dino", prototypes=6, student_temperature=0.02, teacher_temperature=0.02)
    with torch.no_grad():
        for projector in (method.projector, method.target[1]):
            projector[-1].weight.zero_()
            projector[-1].bias.copy_(torch.eye(8)[0])
        for prototypes in (method.prototypes, method.target_prototypes):
            prototypes.weight.copy_(torch.eye(8)[:6])
    assert float(method.loss(batch).detach()) == pytest.approx(0, abs=1e-6)
    found = method.diagnostics()
    assert list(found.values()) == pytest.approx([0, 0, 1], abs=1e-6)
    with torch.no_grad():
        for prototypes in (method.prototypes, method.target_prototypes):
            prototypes.weight.fill_(1.0)
    assert float(method.loss(batch).detach()) == pytest.approx(math.log(6)) == method.chance()
    found = method.diagnostics()
    assert list(found) == ["H(P_t) / log K", "KL(P_t, P_s)", "prototypes used"]
    assert [found["H(P_t) / log K"], found["KL(P_t, P_s)"]] == pytest.approx([1, 0], abs=1e-6)
    assert method.compares == Pair("projection", "target")

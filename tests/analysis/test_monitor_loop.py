"""A monitor in a loop as a user writes it: SimSiam in plain torch, without labels, healthy and with the stop-gradient removed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

import collapse_cli as collapse
from collapse_cli.data import digits

STEPS = 200


def mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, width in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(before, width), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class SimSiam(nn.Module):
    """Chen & He 2021, arXiv:2011.10566: an encoder and projector, and a predictor."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = mlp(64, 256, 256)
        self.projector = nn.Sequential(
            nn.Linear(256, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64)
        )
        self.predictor = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 64))


def views() -> Iterator[tuple[Tensor, Tensor]]:
    """Two noisy views of 128 digits, step by step."""
    generator = torch.Generator().manual_seed(0)
    images = digits.load("train", None, False).pixels.flatten(1) / 255  # type: ignore[arg-type, union-attr]
    for _ in range(STEPS):
        batch = images[torch.randint(len(images), (128,), generator=generator)]
        yield tuple(batch + 0.2 * torch.randn(batch.shape, generator=generator) for _ in range(2))  # type: ignore[misc]


def trained(stop_gradient: bool, monitor: collapse.CollapseMonitor, steps: int = STEPS) -> float:
    """The loss of the last step."""
    torch.manual_seed(0)
    model = SimSiam()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    for x1, x2 in islice(views(), steps):
        h1, h2 = model.backbone(x1), model.backbone(x2)
        z1, z2 = model.projector(h1), model.projector(h2)
        t1, t2 = (z1.detach(), z2.detach()) if stop_gradient else (z1, z2)
        p1, p2 = model.predictor(z1), model.predictor(z2)
        loss = -(cosine_similarity(p1, t2).mean() + cosine_similarity(p2, t1).mean()) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        monitor.update(z1, z2, h1, loss=loss)
    return loss.item()


def test_a_healthy_training_is_not_warned_of() -> None:
    monitor = collapse.CollapseMonitor(every=10)
    with warnings.catch_warnings(action="error"):
        loss = trained(True, monitor)
    assert loss < -0.9
    assert monitor.compute().status == "healthy"


def test_without_the_stop_gradient_it_is() -> None:
    """The loss is as low as that of a healthy training; the embeddings tell."""
    monitor = collapse.CollapseMonitor(every=10)
    with pytest.warns(UserWarning, match="collapse at step"):
        loss = trained(False, monitor)
    assert loss < -0.95
    assert [warned.kind for warned in monitor.warned] == ["complete collapse"]
    result = monitor.compute()
    assert result.z.status == "complete collapse"
    assert "has come during this training" in str(result)


@pytest.mark.parametrize(("every", "steps"), [(50, 70), (10, 140)])
def test_a_collapse_that_no_warning_has_told_yet_is_not_healthy(every: int, steps: int) -> None:
    """The representation h keeps all its directions, and the first look is that of an untrained network."""
    monitor = collapse.CollapseMonitor(every=every)
    trained(False, monitor, steps)
    assert not monitor.warned
    result = monitor.compute()
    assert result.status == "inconclusive"
    assert "z has been near one point since step" in " ".join(str(result).split())

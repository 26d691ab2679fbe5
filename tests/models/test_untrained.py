"""Whether a network still stands at its initialisation: random ones of many kinds, and the least training that moves them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from collapse_cli.models.encoders import encoder
from collapse_cli.models.heads import head
from collapse_cli.models.untrained import EDGE, beyond_edge, looks_untrained


def plain(bias: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, 128, bias=bias), nn.ReLU(), nn.Linear(128, 32, bias=bias))


RANDOM: dict[str, Callable[[], Any]] = {
    "convnet": lambda: encoder("convnet", (1, 8, 8))[0],
    "mlp": lambda: encoder("mlp", (1, 8, 8))[0],
    "resnet20": lambda: encoder("resnet20", (3, 32, 32))[0],
    "head": lambda: head(128, 128, 64, 2, norm=False),
    "plain": plain,
    "without biases": lambda: plain(bias=False),
    "resnet18": lambda: models.resnet18(),
    "zero last norm": lambda: models.resnet18(zero_init_residual=True),
    "mobilenet": lambda: models.mobilenet_v3_small(),
    "layer norm": lambda: nn.TransformerEncoderLayer(64, 4, 128),
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", RANDOM)
def test_random_networks(name: str) -> None:
    assert "no weight matrix has a direction" in looks_untrained(RANDOM[name]())


@pytest.mark.parametrize("name", ["convnet", "mlp", "head", "plain", "without biases", "zero last norm"])
def test_a_few_steps_are_seen(name: str) -> None:
    """Ten steps of SGD at the usual rate towards one point, the collapse that has least to learn."""
    network = RANDOM[name]()
    images = {
        "convnet": (32, 1, 8, 8),
        "mlp": (32, 1, 8, 8),
        "head": (32, 128),
        "zero last norm": (4, 3, 32, 32),
    }
    views = torch.randn(images.get(name, (32, 64)))
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    for _ in range(10):
        optimizer.zero_grad()
        torch.autograd.backward((network(views) - 1).square().mean())
        optimizer.step()
    assert looks_untrained(network) == ""


def test_a_network_that_stands_still_looks_untrained() -> None:
    """Steps of 1e-6 of the weights' size move nothing."""
    network = plain()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(1e-7 * torch.randn_like(weight))
    assert looks_untrained(network)


@pytest.mark.parametrize("change", ["scale", "shift", "bias", "direction", "nan"])
def test_one_mark_is_enough(change: str) -> None:
    """A scale or shift by .01, a bias outside of torch's interval, a direction of twice the noise, a weight that is no number."""
    network = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 32))
    assert looks_untrained(network)
    first, norm, last = (network[place] for place in (0, 1, 3))
    with torch.no_grad():
        if change == "scale":
            norm.weight[3] += 0.01
        if change == "shift":
            norm.bias[3] -= 0.01
        if change == "bias":
            last.bias[0] = 2 / math.sqrt(128)
        if change == "direction":
            edge = first.weight.square().mean().sqrt() * (math.sqrt(128) + math.sqrt(64))
            first.weight += 2 * edge * torch.ones(128, 64) / math.sqrt(128 * 64)
        if change == "nan":
            first.weight[0, 0] = math.nan
    assert looks_untrained(network) == ""


def test_what_tells_nothing_says_nothing() -> None:
    """Gaussian weights without biases and norms may be anyone's; a network without weights is none."""
    bare = nn.Sequential(nn.Linear(64, 64, bias=False))
    nn.init.normal_(bare[0].weight, std=0.02)
    assert looks_untrained(bare) == looks_untrained(nn.ReLU()) == ""


@pytest.mark.parametrize(("m", "n"), [(300, 300), (100, 900), (2000, 600)])
def test_the_edge_is_marchenko_pasturs(m: int, n: int) -> None:
    """1 for independent entries. A rank-one part of 1.5 times the edge is seen, also in a block of a large matrix. The equal
    singular values of an orthogonal matrix, sqrt(max(m, n)) times their root mean square, stay below it.
    """
    noise = torch.randn(m, n)
    assert beyond_edge(noise) == pytest.approx(1, abs=0.03)
    edge = math.sqrt(m) + math.sqrt(n)
    spike = 1.5 * edge * torch.outer(torch.nn.functional.normalize(torch.randn(m), dim=0),
                                     torch.nn.functional.normalize(torch.randn(n), dim=0))  # fmt: skip
    assert beyond_edge(noise + spike) > EDGE + 0.1
    assert beyond_edge(nn.init.orthogonal_(torch.empty(m, n))) < 1
    assert beyond_edge(torch.zeros(m, n)) == beyond_edge(torch.ones(7, n)) == 0

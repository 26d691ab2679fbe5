"""Encoders, heads and batch norm in parts."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.alignment import mean_cosine
from collapse_cli.models.batch_norm import settle, split_batch_norm
from collapse_cli.models.encoders import encoder
from collapse_cli.models.heads import head


@pytest.mark.parametrize(
    ("name", "shape"), [("convnet", (1, 8, 8)), ("mlp", (1, 8, 8)), ("convnet", (3, 32, 32))]
)
def test_small_encoders(name: str, shape: tuple[int, int, int]) -> None:
    network, width = encoder(name, shape)
    assert network(torch.zeros(2, *shape)).shape == (2, width) == (2, 128)


@pytest.mark.parametrize(("stem", "side"), [("imagenet", 1), ("cifar", 4), ("cifar-pad2", 5)])
def test_stems(stem: str, side: int) -> None:
    """32 pixels through strides: 32/2/2 then /8 = 1; 32 then /8 = 4; padding 2 makes 34, then ceil(34/8) = 5."""
    network, width = encoder("resnet18", (3, 32, 32), stem)
    seen = []
    network.layer4.register_forward_hook(lambda _, __, out: seen.append(out.shape))
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, width) == (2, 512)
    assert tuple(seen[0][2:]) == (side, side)


def test_an_unknown_encoder_names_the_nearest() -> None:
    with pytest.raises(CollapseError, match="did you mean 'resnet18'"):
        encoder("resnet19", (3, 32, 32))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_heads(layers: int) -> None:
    network = head(10, 7, 4, layers, norm=True)
    assert network(torch.randn(5, 10)).shape == (5, 4)
    assert sum(isinstance(part, nn.Linear) for part in network) == layers
    assert sum(isinstance(part, nn.BatchNorm1d) for part in network) == layers - 1
    assert isinstance(network[-1], nn.Linear)
    assert isinstance(head(10, 7, 4, 0, norm=True), nn.Identity)


def test_split_batch_norm_sees_each_part_alone() -> None:
    whole = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    split = split_batch_norm(copy.deepcopy(whole), 2)
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(split(x), torch.cat([copy.deepcopy(whole)(part) for part in x.chunk(2)]))
    assert split_batch_norm(whole, 1) is whole


def test_settled_statistics_are_plain_averages() -> None:
    norm = nn.BatchNorm1d(2, momentum=0.1)
    parts = [torch.full((4, 2), float(k)) for k in (1, 2, 6)]
    settle(nn.Sequential(norm), parts)
    assert norm.running_mean.tolist() == [3, 3]
    assert norm.momentum == 0.1


def test_fresh_statistics_look_collapsed_and_settled_ones_do_not() -> None:
    """Measured on digits: an untrained network with fresh statistics has mean cosine 1.0, with settled ones far less."""
    torch.manual_seed(0)
    network, _ = encoder("convnet", (1, 8, 8))
    network = nn.Sequential(network, head(128, 128, 64, 2, norm=False)).eval()
    pictures = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    fresh = mean_cosine(nn.functional.normalize(network(pictures).detach(), dim=1))
    settle(network, [pictures])
    settled = mean_cosine(nn.functional.normalize(network(pictures).detach(), dim=1))
    assert fresh > 0.99
    assert settled < 0.9

"""The digest of a network: of its weights alone, and of all of them."""

from __future__ import annotations

import copy

import torch
from torch import nn

from collapse_cli.models.digest import digest


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3))


def test_a_copy_is_the_same_network_and_so_is_one_in_memory_of_another_order() -> None:
    """Of names, of modes and of how a tensor lies in memory nothing is left."""
    first = network()
    second = nn.Sequential(first, nn.Identity()).train(mode=False)
    assert digest(first) == digest(copy.deepcopy(first)) == digest(second)
    turned = copy.deepcopy(first)
    turned[3].weight.data = turned[3].weight.data.T.contiguous().T
    assert digest(turned) == digest(first)
    assert len(digest(first)) == 64


def test_every_weight_and_every_buffer_counts() -> None:
    first = digest(network())
    for name, tensor in network().state_dict().items():
        other = network()
        other.state_dict()[name].view(-1)[0] += 1
        assert digest(other) != first, name
        assert tensor.numel()


def test_shapes_and_types_count() -> None:
    """The same bytes as (2, 3) and as (3, 2) are two networks, and zeros of two types are too."""

    def holding(tensor: torch.Tensor) -> nn.Module:
        module = nn.Module()
        module.register_buffer("rows", tensor)
        return module

    rows = [
        torch.zeros(2, 3),
        torch.zeros(3, 2),
        torch.zeros(2, 3, dtype=torch.int32),
        torch.zeros(2, 3).half(),
    ]
    assert len({digest(holding(tensor)) for tensor in rows}) == 4
    assert digest(holding(torch.zeros(2, dtype=torch.bfloat16))) != digest(holding(torch.zeros(2).half()))

"""Layers and links read off networks: every layer in its order, and no link across what is not one map."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from collapse_cli.models.batch_norm import split_batch_norm
from collapse_cli.models.encoders import encoder
from collapse_cli.models.heads import FirstDimensions, head
from collapse_cli.models.layers import UNKNOWN, Layers, layers, named


def links(found: Layers) -> list[str]:
    return [f"{link.name}: {link.description}" for link in found.links]


def worn(norm: nn.Module) -> nn.Module:
    """Batch norm after some training."""
    generator = torch.Generator().manual_seed(0)
    for values in (norm.weight.data, norm.running_var):
        values.copy_(torch.rand(len(values), generator=generator) + 0.5)
    return norm


def test_layers_that_follow_each_other() -> None:
    network = nn.Sequential(
        nn.Linear(6, 5), nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Identity(), nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(),
        nn.Linear(3, 2),
    )  # fmt: skip
    found = layers(network)
    assert list(found.weights) == ["0", "1", "4", "7"]
    assert torch.equal(found.weights["4"], network[4].weight)
    assert links(found) == ["0 → 1: nothing", "1 → 4: batch norm", "4 → 7: batch norm, ReLU"]
    assert [link.linear for link in found.links] == [True, True, False]
    assert found.links[0].scale is None


@pytest.mark.parametrize("affine", [True, False])
def test_the_folded_scale_makes_one_linear_map(affine: bool) -> None:
    """W_2 diag(scale) W_1 is the Jacobian of the network in evaluation mode."""
    norm = worn(nn.BatchNorm1d(5)) if affine else nn.BatchNorm1d(5, affine=False)
    norm.running_var.mul_(3)
    network = nn.Sequential(nn.Linear(4, 5), norm, nn.Linear(5, 3))
    (link,) = layers(network).links
    assert link.scale is not None
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x)[0], torch.zeros(1, 4))[:, 0]
    folded = network[2].weight @ (link.scale.unsqueeze(1) * network[0].weight)
    torch.testing.assert_close(jacobian, folded)


def test_convolutions_pools_and_groups() -> None:
    """A pooling, a reshaping that mixes places with channels, and groups break the chain."""
    found = layers(encoder("convnet", (1, 8, 8))[0])
    assert list(found.weights) == ["0", "3", "6", "11"]
    assert links(found) == ["0 → 3: batch norm, ReLU", "3 → 6: batch norm, ReLU"]
    grouped = nn.Sequential(nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 2, 1))
    assert links(layers(grouped)) == ["1 → 2: nothing"]


def test_shortcuts_break_the_chain() -> None:
    """In a residual block the second convolution takes up the first; what leaves the block is a sum."""
    across = nn.Sequential(nn.Conv2d(4, 8, 1), nn.BatchNorm2d(8))
    found = layers(nn.Sequential(nn.Conv2d(3, 4, 3), BasicBlock(4, 8, 1, across), BasicBlock(8, 8)))
    assert list(found.weights) == ["0", "1.conv1", "1.conv2", "1.downsample.0", "2.conv1", "2.conv2"]
    assert [link.name for link in found.links] == [
        "0 → 1.conv1", "1.conv1 → conv2", "0 → 1.downsample.0", "2.conv1 → conv2",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["convnet", "mlp", "resnet8", "resnet18", "resnet50"])
def test_every_encoder_can_be_read(name: str) -> None:
    network, width = encoder(name, (3, 32, 32))
    both = nn.Sequential(split_batch_norm(network, 4), head(width, 32, 16, 2, norm=True))
    found = layers(both)
    wanted = [key for key, module in both.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    assert sorted(found.weights) == sorted(wanted)
    assert found.links[-1].name == "1.0 → 1.3"
    for link in found.links:
        assert len(found.weights[link.first]) == found.weights[link.second].shape[1]
    if name == "resnet50":
        assert (
            len(found.links) == 16 * 2 + 2 + 1
        )  # each block's three in a row; its stem and first shortcut; the head


def test_a_projector_without_weights() -> None:
    assert layers(nn.Sequential(nn.Linear(4, 4), FirstDimensions(2))).links == ()
    assert layers(nn.Identity()).weights == {}


def weights(**shapes: tuple[int, ...]) -> dict[str, Tensor]:
    return {name.replace("_", "."): torch.zeros(shape) for name, shape in shapes.items()}


def test_names_alone_tell_what_is_numbered_on() -> None:
    """conv1, conv2, conv3 of one block, and 0, 2 of one head, where the sizes fit; never across blocks."""
    found = named(
        weights(
            a_conv1=(4, 3, 3, 3), a_conv2=(8, 4, 3, 3), a_conv3=(16, 8, 1, 1), a_downsample_0=(16, 3, 1, 1),
            b_conv1=(4, 16, 1, 1), b_conv2=(4, 5, 3, 3), head_0=(9, 4), head_2=(7, 9),
        )
    )  # fmt: skip
    assert links(found) == [
        f"a.conv1 → conv2: {UNKNOWN}",
        f"a.conv2 → conv3: {UNKNOWN}",
        f"head.0 → head.2: {UNKNOWN}",
    ]
    assert not any(link.linear for link in found.links)


def test_flat_convolutions_are_folded_out() -> None:
    """(out, in·9) after `in` channels is (out, in, 9) of the same entries; 4 = 2x2 may be parallel layers, 18 is no square."""
    kernel = torch.arange(8 * 4 * 9.0).reshape(8, 4, 3, 3)
    found = named({"conv1": torch.zeros(4, 27), "conv2": kernel.flatten(1), "conv3": torch.zeros(5, 8 * 4)})
    assert links(found) == [f"conv1 → conv2: {UNKNOWN}"]
    assert torch.equal(found.weights["conv2"], kernel.flatten(2))
    assert named({"0": torch.zeros(4, 3), "2": torch.zeros(5, 4 * 18)}).links == ()


def test_parallel_layers_do_not_follow_each_other() -> None:
    square = {name: torch.zeros(4, 4) for name in ("q_proj", "k_proj", "v_proj", "out_proj")}
    assert named(square).links == ()
    assert named({"fc2": torch.zeros(4, 4), "fc1": torch.zeros(4, 4)}).links == ()

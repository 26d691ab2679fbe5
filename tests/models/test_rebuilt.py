"""Networks rebuilt from the shapes of their weights give the outputs of the original, bit by bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from collapse_cli.models import rebuilt
from collapse_cli.models.encoders import STEMS


def told_apart(network: nn.Module) -> Any:
    """From the meta device, with random weights and statistics."""
    network = network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for weight in network.state_dict().values():
        if weight.is_floating_point():
            noise = torch.rand(weight.shape, generator=generator)
            weight.copy_(0.5 + noise if weight.ndim == 1 else noise * 0.02 - 0.01)
    return network.eval().requires_grad_(False)


def blank(name: str) -> nn.Module:
    """torchvision's, on the meta device, without classifier."""
    with torch.device("meta"):
        network = models.get_model(name, weights=None)
        network.fc = nn.Identity()
    return network


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnext50_32x4d"])
def test_torchvisions_resnets(name: str) -> None:
    original = told_apart(blank(name))
    weights = original.state_dict()
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    network = rebuilt.filled(rebuilt.resnet(weights, "imagenet")[1], weights)
    assert torch.equal(network(images), original(images))


@pytest.mark.parametrize(
    "name", ["resnet34", "resnet101", "resnet152", "wide_resnet50_2", "wide_resnet101_2", "resnext101_32x8d", "resnext101_64x4d"]
)  # fmt: skip
def test_depth_block_width_and_groups_are_read_off_the_shapes(name: str) -> None:
    """The name is torchvision's own, and so are the shapes and what each convolution does."""
    original = blank(name)
    found, network = rebuilt.resnet(original.state_dict(), "imagenet")
    assert found == name
    theirs, ours = (
        {name: repr(layer) for name, layer in each.named_modules() if list(layer.parameters(recurse=False))}
        for each in (original, network)
    )
    assert ours == theirs


@pytest.mark.parametrize(("width", "name"), [(2, "resnet14w2"), (4, "resnet14w4"), (0.25, "resnet14w0.25")])
def test_wider_and_narrower(width: float, name: str) -> None:
    """SwAV's w2 and w4 multiply every width, stem and output too: h has 2048 w dimensions, unlike torchvision's wide ResNets.

    Every weight of a twice as wide block is 2 x 2 as large: 64 w planes in the first stage, 256 w given on.
    """
    planes = int(64 * width)
    shapes = {"conv1.weight": (planes, 3, 7, 7)}
    for stage in range(4):
        inward, own = planes if stage == 0 else planes * 4 << (stage - 1), planes << stage
        shapes |= {
            f"layer{stage + 1}.0.conv1.weight": (own, inward, 1, 1),
            f"layer{stage + 1}.0.conv2.weight": (own, own, 3, 3),
            f"layer{stage + 1}.0.conv3.weight": (own * 4, own, 1, 1),
            f"layer{stage + 1}.0.downsample.0.weight": (own * 4, inward, 1, 1),
        }
    weights = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    found, network = rebuilt.resnet(weights, "imagenet")
    assert found == name
    assert {k: tuple(network.state_dict()[k].shape) for k in shapes} == shapes
    assert network.eval()(torch.empty(1, 3, 64, 64, device="meta")).shape == (1, 2048 * width)


def test_a_missing_weight_is_never_made_up() -> None:
    weights = told_apart(blank("resnet18")).state_dict()
    network = rebuilt.resnet(weights, "imagenet")[1]
    with pytest.raises(RuntimeError, match=r"layer1\.0\.bn1\.running_var"):
        rebuilt.filled(
            network, {name: w for name, w in weights.items() if name != "layer1.0.bn1.running_var"}
        )
    with pytest.raises(KeyError, match="layer3"):
        rebuilt.resnet({name: w for name, w in weights.items() if "layer3" not in name}, "imagenet")


def test_stems() -> None:
    sides = {side: rebuilt.stems({"conv1.weight": torch.zeros(4, 3, side, side)}) for side in (1, 3, 5, 7)}
    assert {side: stems[:1] for side, stems in sides.items()} == {
        1: (),
        3: ("cifar",),
        5: (),
        7: ("imagenet",),
    }
    assert {*sides[3], *sides[7]} == set(STEMS)
    assert rebuilt.stems({}) == rebuilt.stems({"conv1.weight": torch.zeros(3, 3)}) == ()


def test_nothing_is_drawn() -> None:
    before = torch.get_rng_state()
    rebuilt.resnet(blank("resnet18").state_dict(), "imagenet")
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_drawn_anew() -> None:
    """Every layer's, the same for the same seed; the network itself and torch's own generator stay as they are."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 4))
    kept, state = (
        {name: weight.clone() for name, weight in network.state_dict().items()},
        torch.get_rng_state(),
    )
    one, again, other = (rebuilt.reinitialised(network, seed) for seed in (0, 0, 1))
    assert torch.equal(one[0].weight, again[0].weight)
    for layer in (0, 3):
        assert not torch.equal(one[layer].weight, network[layer].weight)
        assert not torch.equal(one[layer].weight, other[layer].weight)
    assert all(torch.equal(weight, kept[name]) for name, weight in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_attention_is_drawn_anew() -> None:
    """torch's own attention keeps its weights in one matrix that no layer owns: Xavier, in +-sqrt(6 / (D + 3D)), biases 0."""
    attention = nn.MultiheadAttention(16, 2)
    with torch.no_grad():
        for weight in attention.parameters():
            weight.fill_(7.0)
    fresh: Any = rebuilt.reinitialised(attention, 0)
    assert float(fresh.in_proj_weight.detach().abs().max()) <= (6 / 64) ** 0.5
    assert not fresh.in_proj_bias.any()
    assert not fresh.out_proj.bias.any()
    assert float(fresh.out_proj.weight.detach().abs().max()) <= 1 / 4

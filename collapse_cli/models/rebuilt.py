"""Networks rebuilt from the names and shapes of their weights. On the meta device: no weight is ever drawn."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from collapse_cli.models.encoders import STEMS, with_stem
from collapse_cli.shapes import StemName

if TYPE_CHECKING:
    from torchvision.models.resnet import ResNet

Weights = Mapping[str, Tensor]

BASIC, BOTTLENECK = 2, 3  # convolutions in a block


@runtime_checkable
class Initialised(Protocol):
    """What torch's layers have in common that draw their own weights."""

    def reset_parameters(self) -> None:
        """Draw the weights anew from torch's generator."""


def filled(network: nn.Module, weights: Weights) -> nn.Module:
    """The network with copies of these weights, as float32 and in eval mode. Raises RuntimeError where one is missing.

    But batch norm's count of batches, which old files lack and eval mode does not read: it starts anew.
    """
    names = network.state_dict()
    copied = {name: weights[name] for name in names if name in weights}
    counts = {name: torch.tensor(0) for name in names if name.endswith("num_batches_tracked")}
    whole = {  # copies: the given ones may lie in a file, which may change
        n: w.to(torch.float32 if w.is_floating_point() else w.dtype, copy=True)
        for n, w in {**copied, **counts}.items()
    }
    ordered = OrderedDict(whole)
    ordered._metadata = names._metadata  # type: ignore[attr-defined]  # versions of layers, as names and shapes are those of today
    network.load_state_dict(ordered, assign=True)
    return network.eval().requires_grad_(False)


def reinitialised(network: nn.Module, seed: int) -> nn.Module:
    """The same network on the CPU, its layers re-initialised as torch does it; what is no layer's (positions) stays."""
    fresh = copy.deepcopy(network).cpu()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for layer in reversed(list(fresh.modules())):  # attention draws again what a layer of its own drew
            if isinstance(layer, Initialised):
                layer.reset_parameters()
            elif isinstance(layer, nn.MultiheadAttention):
                layer._reset_parameters()
    return fresh


def stems(weights: Weights) -> tuple[StemName, ...]:
    """The stems that this conv1 may belong to: stride, padding and pooling leave no trace. None where it is no such one."""
    conv = weights.get("conv1.weight")
    if conv is None or conv.ndim != 4 or conv.shape[-1] != conv.shape[-2]:
        return ()
    return tuple(name for name, stem in STEMS.items() if stem.kernel == conv.shape[-1])


def resnet(weights: Weights, stem: str) -> tuple[str, nn.Module]:
    """The torchvision ResNet of these shapes without its classifier, and its name; any depth, width, and groups.

    Depth from the count of blocks, block from conv3, width from conv1 and layer1, groups from the 3x3 of a bottleneck.
    Four stages, or with a 3x3 conv1 three, as He et al. (2016, sec. 4.2) have them for CIFAR, where 16 is the usual width.
    Raises KeyError where a part of a ResNet is missing altogether.
    """
    from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

    size = BOTTLENECK if "layer1.0.conv3.weight" in weights else BASIC
    three = weights["conv1.weight"].shape[-1] == 3 and not any(n.startswith("layer4.") for n in weights)
    blocks = [_count(weights, f"layer{stage}.") for stage in ((1, 2, 3) if three else (1, 2, 3, 4))]
    across = weights["layer1.0.conv2.weight"].shape  # (inner width, its inputs by group, 3, 3)
    planes, groups, base = across[0], 1, 64
    if size == BOTTLENECK:
        planes, groups = weights["layer1.0.conv3.weight"].shape[0] // 4, across[0] // across[1]
        base = round(across[0] / groups * 64 / planes)
    with torch.device("meta"):
        network = ResNet(BasicBlock if size == BASIC else Bottleneck, [1] * 4, 1, False, groups, base)
        _restage(network, weights["conv1.weight"].shape[0], planes, blocks)
        network.fc = nn.Identity()
        with_stem(network, weights["conv1.weight"].shape[1], stem)
    return _name(size, blocks, groups, base, planes / (16 if three else 64)), network


def _count(weights: Weights, stage: str) -> int:
    """Blocks of a stage. Raises KeyError where there is none."""
    blocks = {name[len(stage) :].split(".")[0] for name in weights if name.startswith(stage)}
    if not blocks:
        raise KeyError(stage)
    return len(blocks)


def _restage(network: ResNet, stem: int, planes: int, blocks: list[int]) -> None:
    """The stages anew, `planes` wide in the first, after a stem of another width; a fourth that is not there does nothing."""
    network.inplanes = stem
    network.bn1 = nn.BatchNorm2d(stem)
    kind = type(network.layer1[0])
    for stage, count in enumerate(blocks):
        built = network._make_layer(kind, planes << stage, count, stride=1 if stage == 0 else 2)
        setattr(network, f"layer{stage + 1}", built)
    for stage in range(len(blocks), 4):
        setattr(network, f"layer{stage + 1}", nn.Identity())


def _name(size: int, blocks: list[int], groups: int, base: int, width: float) -> str:
    """As torchvision names them: resnet18, wide_resnet50_2, resnext50_32x4d; with the width where it is not 1: resnet50w2."""
    depth = sum(blocks) * size + 2
    name = f"resnet{depth}"
    if groups > 1:
        name = f"resnext{depth}_{groups}x{base}d"
    elif base != 64:
        name = f"wide_resnet{depth}_{base / 64:g}"
    return name if width == 1 else f"{name}w{width:g}"

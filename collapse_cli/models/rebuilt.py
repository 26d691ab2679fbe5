"""Networks rebuilt from the names and shapes of their weights. On the meta device: no weight is ever drawn."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from collapse_cli.models.encoders import STEMS
from collapse_cli.models.resnet import ResNet, Shape
from collapse_cli.shapes import StemName

Weights = Mapping[str, Tensor]


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
    """The ResNet of these shapes without its classifier, and its name by torchvision; any depth, width, and groups.

    Depth from the count of blocks, block from conv3, width from conv1 and layer1, groups from the 3x3 of a bottleneck.
    Four stages, or with a 3x3 conv1 three, as He et al. (2016, sec. 4.2) have them for CIFAR, where 16 is the usual width.
    Raises KeyError where a part of a ResNet is missing altogether.
    """
    conv1, bottleneck = weights["conv1.weight"].shape, "layer1.0.conv3.weight" in weights
    three = conv1[-1] == 3 and not any(name.startswith("layer4.") for name in weights)
    blocks = [_count(weights, f"layer{stage}.") for stage in ((1, 2, 3) if three else (1, 2, 3, 4))]
    inner, inputs, *_ = weights["layer1.0.conv2.weight"].shape
    planes, groups = inner, 1
    if bottleneck:
        planes, groups = weights["layer1.0.conv3.weight"].shape[0] // 4, inner // inputs
    shape = Shape(conv1[1], conv1[0], planes, blocks, bottleneck, groups, inner)
    with torch.device("meta"):
        network = ResNet(shape, next(form for name, form in STEMS.items() if name == stem))
    return _name(shape, planes / (16 if three else 64)), network


def width_of(weights: Weights) -> int:
    """D of the ResNet of these shapes: what the last convolution of its last block gives."""
    stage = max(name.split(".")[0] for name in weights if name.startswith("layer"))
    last = "conv3" if f"{stage}.0.conv3.weight" in weights else "conv2"
    return weights[f"{stage}.0.{last}.weight"].shape[0]


def _count(weights: Weights, stage: str) -> int:
    """Blocks of a stage. Raises KeyError where there is none."""
    blocks = {name[len(stage) :].split(".")[0] for name in weights if name.startswith(stage)}
    if not blocks:
        raise KeyError(stage)
    return len(blocks)


def _name(shape: Shape, width: float) -> str:
    """As torchvision names them: resnet18, wide_resnet50_2, resnext50_32x4d; with the width where it is not 1: resnet50w2."""
    depth = sum(shape.blocks) * (3 if shape.bottleneck else 2) + 2
    base = round(shape.inner / shape.groups * 64 / shape.planes)
    name = f"resnet{depth}"
    if shape.groups > 1:
        name = f"resnext{depth}_{shape.groups}x{base}d"
    elif base != 64:
        name = f"wide_resnet{depth}_{base / 64:g}"
    return name if width == 1 else f"{name}w{width:g}"

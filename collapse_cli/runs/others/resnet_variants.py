"""Networks that have the names of a ResNet and compute something else: each is refused by what it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.runs.shell import quoted

Weights = Mapping[str, Tensor]

BLOCK = r"^layer\d+\.\d+\."

BY_NAME: tuple[tuple[str, str, str], ...] = (
    (r"^conv1\.\d+\.", "is a ResNet with a stem of several convolutions (ResNet-C, -D or -T)", "resnet50d"),
    (BLOCK + r"(ca|sa|cbam)\.|ChannelGate|SpatialGate", "is a ResNet with attention over channels and places (CBAM)", ""),
    (BLOCK + r"(eca|se)\.conv\.weight$", "is a ResNet with attention over channels (ECA)", "ecaresnet50d"),
    (BLOCK + r"(se|se_module|se_layer|selayer)\.", "is a ResNet with squeeze-and-excitation (SE-ResNet)", "seresnet50"),
    (r"\.IN\.(weight|bias)$", "is a ResNet that mixes instance and batch norm (IBN)", ""),
    (r"\.filt$", "is a ResNet that blurs before it strides (anti-aliased)", ""),
    (BLOCK + r"convs\.\d+\.", "is a Res2Net", "res2net50_26w_4s"),
    (BLOCK + r"conv2\.(conv|fc1|bn0)\.", "is a ResNeSt", "resnest50d"),
    (BLOCK + r"conv2\.(paths|split_attn)\b", "is a ResNet with selective kernels (SK)", "skresnet18"),
)  # fmt: skip
"""A name that only this kind has, what it is, and a name of timm's that is of its kind."""


def refuse(weights: Weights, held: FileTensors) -> None:
    """Raises CollapseError where these weights have names of torchvision's ResNet and are of another network."""
    for sign, kind, example in BY_NAME:
        name = next((name for name in weights if re.search(sign, name)), None)
        if name is not None:
            raise _other(held.path, f"{kind}, as {name} tells", example)
    for is_of_kind, kind in BY_SHAPE:
        if is_of_kind(weights):
            raise _other(held.path, kind)
    if _lacks_statistics(weights):
        raise _other(
            held.path,
            "has norms without running statistics: they are group norms or layer norms, and the number of groups is not "
            "in the file, or statistics of batch norm that were not saved",
            "resnet50_gn, which has 32 groups" if _is_resnet50(weights) else "",
        )
    if _is_dilated(held):
        raise _other(
            held.path,
            "is a network for segmentation, whose ResNet may dilate its convolutions where others stride",
        )


def refuse_wide(weights: Weights, held: FileTensors) -> None:
    """A Wide ResNet of CIFAR (Zagoruyko & Komodakis 2016): public code has it with ReLU, and with a leaky one."""
    if "block1.layer.0.bn1.weight" not in weights:
        return
    blocks = len({name.split(".")[2] for name in weights if name.startswith("block1.layer.")})
    width = weights["block1.layer.0.conv1.weight"].shape[0] / 16
    raise _other(
        held.path,
        f"is a Wide ResNet of CIFAR, WRN-{6 * blocks + 4}-{width:g}: whether its activation is ReLU or LeakyReLU, and what "
        "comes before its first shortcut, is not in the file",
    )


def refuse_stem(weights: Weights, path: Path) -> None:
    """A first convolution of a size that no stem has."""
    conv = weights.get("conv1.weight")
    if conv is not None and conv.ndim == 4:
        high, wide = conv.shape[-2:]
        raise _other(
            path,
            f"has a conv1 of {high}x{wide}, whose stride, padding and pooling are not in the file: every --stem is of 3x3 or 7x7",
        )


def _other(path: Path, kind: str, example: str = "") -> CollapseError:
    """What it is, and how to go on: by a name that the package timm knows, or without a forward pass."""
    named = f"give its name in timm, such as --arch {example}; " if example else ""
    return CollapseError(f"{path} {kind}", f"{named}`collapse weights {quoted(path)}` needs no architecture")


def _is_preactivated(weights: Weights) -> bool:
    """Norms come before convolutions: a block's first is as wide as its input, and the stem has none."""
    first, norm = weights.get("layer2.0.conv1.weight"), weights.get("layer2.0.bn1.weight")
    if first is None or norm is None:
        return False
    return norm.shape[0] == first.shape[1] != first.shape[0] or "bn1.weight" not in weights


def _pads_shortcuts(weights: Weights) -> bool:
    """A stage that widens, and has no weights on its shortcut."""
    first = weights.get("layer2.0.conv1.weight")
    inner = "layer2.0.conv3.weight" in weights
    shortcut = any(name.startswith("layer2.0.downsample.") for name in weights)
    return first is not None and not inner and not shortcut and first.shape[0] != first.shape[1]


BY_SHAPE: tuple[tuple[Callable[[Weights], bool], str], ...] = (
    (
        _is_preactivated,
        "is a pre-activation ResNet: norms come before convolutions, and what comes before the pooling is not in the file",
    ),
    (
        _pads_shortcuts,
        "is a ResNet whose shortcuts have no weights (option A of He et al. 2016): where they stride and pad is not in the file",
    ),
)


def _lacks_statistics(weights: Weights) -> bool:
    return "bn1.weight" in weights and "bn1.running_mean" not in weights


def _is_resnet50(weights: Weights) -> bool:
    """By blocks and width."""
    blocks = [
        len({n.split(".")[1] for n in weights if n.startswith(f"layer{stage}.")}) for stage in (1, 2, 3, 4)
    ]
    last = weights.get("layer4.0.conv3.weight")
    return blocks == [3, 4, 6, 3] and last is not None and last.shape[0] == 2048


def _is_dilated(held: FileTensors) -> bool:
    """torchvision's FCN, DeepLab and LRASPP: the classifier convolves, or there are two."""
    return any(
        name.startswith(("aux_classifier.", "classifier.low_classifier."))
        or (name.startswith("classifier.") and tensor.ndim == 4)
        for name, tensor in held.tensors.items()
    )

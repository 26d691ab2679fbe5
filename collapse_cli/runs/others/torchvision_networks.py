"""torchvision's networks beside its ResNets, known by names, shapes and count of their weights; its own code computes them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.framings import NOTHING, StatedFraming
from collapse_cli.runs.others.layouts import BESIDE_TORCHVISION, HALF, IMAGENET
from collapse_cli.runs.others.reading import ImageForm, Question, Reading
from collapse_cli.runs.others.torchvision_table import FAMILIES, REGNET_SIGN, REGNETS, Family, cut
from collapse_cli.runs.shell import quoted
from collapse_cli.shapes import Framing, Normalisation

Weights = Mapping[str, Tensor]

HIDDEN = {"googlenet": HALF, "inception_v3": HALF}
"""Networks whose released weights go with a first step, which turns images normalised as usual into -1 … 1."""

OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
"""As the released files write `norm1` and `conv1`."""


def read(question: Question) -> Reading | None:
    """The network of these weights, or None. Raises CollapseError for one of a family's names, and of no size of it."""
    tensors = {OLD_DENSENET.sub(r"\1\2.", name): weight for name, weight in question.tensors.items()}
    if REGNET_SIGN in tensors:
        return _reading(*_regnet(tensors), tensors, question)
    for family in FAMILIES:
        weights = _named(tensors, family)
        if weights is not None:
            arch = family.networks.get(_size(weights, family))
            if arch is not None:
                network = _built(arch, weights)
                return _reading(arch, network, weights, question, family.fixed)
            if len(family.sign) > len("features.0.weight"):
                raise _no_such_size(family, question)
    return None


def _named(weights: Weights, family: Family) -> Weights | None:
    """The weights by torchvision's names, also of a network cut into a Sequential; None where they are of another family."""
    if family.sign in weights:
        return weights
    if not family.cuttable or cut(family.sign, family) not in weights:
        return None
    children = {str(n): child for n, child in zip(family.cuttable, family.parts, strict=True)}
    parted = {name: name.partition(".") for name in weights}
    return {".".join((children.get(a, a), b)) if dot else a: weights[n] for n, (a, dot, b) in parted.items()}


def _size(weights: Weights, family: Family) -> int:
    """Numbers before the classifier, without the positions of a ViT, of which there are more for larger images."""
    return sum(
        weight.numel()
        for name, weight in weights.items()
        if weight.is_floating_point()
        and name.split(".")[0] in family.parts
        and name != "encoder.pos_embedding"
    )


def _built(arch: str, weights: Weights) -> nn.Module:
    """torchvision's network, on the meta device."""
    from torchvision import models

    settings: dict[str, Any] = {}
    if arch in HIDDEN:
        settings = {"init_weights": False, "aux_logits": False}
    if arch.startswith("vit_"):
        settings = {"image_size": _side_of_vit(weights)}
    with torch.device("meta"):
        network: nn.Module = models.get_model(arch, weights=None, **settings)
    return network


def _side_of_vit(weights: Weights) -> int:
    """H = W of the images that the positions were learned for. The first is that of the class token."""
    patches: int = weights["encoder.pos_embedding"].shape[1] - 1
    return math.isqrt(patches) * weights["conv_proj.weight"].shape[-1]


def _regnet(weights: Weights) -> tuple[str, nn.Module]:
    """A RegNet of any size: blocks, widths, and widths of a group are those of the weights."""
    from torchvision.models.regnet import BlockParams, RegNet

    stages = [_stage(weights, number) for number in (1, 2, 3, 4)]
    depths, widths, groups = ([stage[part] for stage in stages] for part in range(3))
    squeezes = REGNET_SIGN.replace("f.a.0", "f.se.fc1") in weights
    parameters = BlockParams(depths, widths, groups, [1.0] * 4, [2] * 4, 0.25 if squeezes else None)
    with torch.device("meta"):
        network = RegNet(parameters)
    usual = f"regnet_{'y' if squeezes else 'x'}_{'-'.join(map(str, widths))}"
    return REGNETS.get((tuple(depths), widths[0]), usual), network


def _stage(weights: Weights, number: int) -> tuple[int, int, int]:
    """Blocks, width, and width of a group. Raises KeyError where the stage is not there."""
    before = f"trunk_output.block{number}."
    blocks = {name.removeprefix(before).split(".")[0] for name in weights if name.startswith(before)}
    width, group = weights[f"{before}block{number}-0.f.b.0.weight"].shape[:2]
    return len(blocks), width, group


def _reading(
    arch: str, network: nn.Module, weights: Weights, question: Question, fixed: bool = False
) -> Reading:
    """Without its last layer. Raises KeyError where a table of whole numbers, which shapes do not tell, is missing."""
    said = tuple(_without_last_layer(network, weights, question))
    for name, weight in network.state_dict().items():
        if not weight.is_floating_point() and not name.endswith("num_batches_tracked"):
            weights[name]
    side, usual, framed = _released(arch)
    if arch.startswith("vit_"):
        side = _side_of_vit(weights)
    normalisation = question.held.normalisation or question.layout.normalisation or usual
    images = ImageForm(3, side, normalisation, fixed=fixed, framed=framed)
    assumed = (*said, *_normalised(arch))
    return Reading(arch, network, weights, images, assumed, beside=BESIDE_TORCHVISION)


def _normalised(arch: str) -> Iterator[str]:
    if arch in HIDDEN:
        yield f"images normalised to -1 … 1, as for torchvision's released {arch} (--normalisation)"


def _released(arch: str) -> tuple[int, Normalisation, StatedFraming]:
    """Side, normalisation and framing of the images, as torchvision's released weights have them."""
    from torchvision import models

    try:
        form = models.get_model_weights(arch).DEFAULT.transforms()
    except ValueError:  # a RegNet of no usual size
        return 224, IMAGENET, NOTHING
    side, normalisation = form.crop_size[0], Normalisation(tuple(form.mean), tuple(form.std))
    framing = Framing(side, form.resize_size[0], False, form.interpolation.value)
    return side, HIDDEN.get(arch, normalisation), StatedFraming(framing, f"as torchvision's released {arch}")


def _without_last_layer(network: nn.Module, weights: Weights, question: Question) -> Iterator[str]:
    """The network gives what enters the last layer of its classifier; what is left open there is said.

    Raises CollapseError where the file's classifier takes another width than torchvision's, whose pooling is another then.
    """
    name, head = list(network.named_children())[-1]
    layers = list(head) if isinstance(head, nn.Sequential) else [head]
    linear = next((layer for layer in layers if isinstance(layer, nn.Linear)), None)
    takes = _takes(weights, f"{name}.")
    if linear is not None and takes not in (0, linear.in_features):
        raise CollapseError(
            f"{question.held.path} has the layers of torchvision's {type(network).__name__}, but its {name} takes {takes} "
            f"dimensions, and torchvision's {linear.in_features}: how it pools is not in the file",
            f"`collapse weights {quoted(question.held.path)}` needs no architecture",
        )
    before = nn.Sequential(*layers[:-1])
    path = {f"{name}.{n}": weight.shape for n, weight in before.state_dict().items()}
    there = all(n in weights and weights[n].shape == shape for n, shape in path.items())
    if there and isinstance(layers[-1], nn.Linear):
        setattr(network, name, before)
        words = f"h is what enters the last layer of the classifier, '{name}.'"
        yield words + (
            f"; the layers before it, {', '.join(_layers(path))}, are part of the encoder" if path else ""
        )
        return
    pools = (layer for layer in layers if isinstance(layer, nn.AdaptiveAvgPool2d | nn.Flatten))
    setattr(network, name, nn.Sequential(*pools))
    yield f"h is what enters the classifier, '{name}.'{_pooled(network)}" + (
        f"; its first layers, {', '.join(_layers(path))}, are not in the file" if path else ""
    )


def _pooled(network: nn.Module) -> str:
    """What a network says that keeps places apart."""
    sides = {part.output_size for part in network.children() if isinstance(part, nn.AdaptiveAvgPool2d)}
    wide = next((side for side in sides if isinstance(side, tuple) and side != (1, 1)), None)
    return f", pooled to {wide[0]}x{wide[1]} places as in torchvision" if wide else ""


def _layers(names: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in names))


def _takes(weights: Weights, head: str) -> int:
    """The dimensions that the first linear layer of a file's classifier takes; 0 where it has none."""
    matrices = sorted(name for name, weight in weights.items() if name.startswith(head) and weight.ndim == 2)
    return weights[matrices[0]].shape[1] if matrices else 0


def _no_such_size(family: Family, question: Question) -> CollapseError:
    path = question.held.path
    return CollapseError(
        f"{path} has the names of torchvision's {family.name}, but is none of its networks of three channels: "
        f"{', '.join(family.networks.values())}",
        f"`collapse weights {quoted(path)}` needs no architecture",
    )

"""ResNets of torchvision's shapes: the stem is what their weights leave open."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.models import rebuilt
from collapse_cli.runs.others.layouts import IMAGENET
from collapse_cli.runs.others.reading import ImageForm, Question, Reading

Weights = Mapping[str, Tensor]


def read(question: Question) -> Reading | None:
    """The ResNet of these weights, or None. Raises ValueError where its conv1 belongs to no stem."""
    weights = renamed(question.tensors)
    if weights is None:
        return None
    stem = stem_of(weights, question)
    arch, network = rebuilt.resnet(weights, stem)
    return Reading(
        arch, network, weights, images(weights, stem, question), (stem_in_words(stem, question),), stem
    )


def renamed(weights: Weights) -> Weights | None:
    """The same weights by torchvision's names; None where they are of no ResNet."""
    if "layer1.0.conv1.weight" not in weights:
        numbered = _numbered(weights)
        if numbered is None:
            return None
        weights = numbered
    return {name.replace(".shortcut.", ".downsample."): weight for name, weight in weights.items()}


def _numbered(weights: Weights) -> Weights | None:
    """A ResNet cut into a Sequential, so that its children have numbers: the first convolution, the first norm, four stages."""
    children = sorted({int(name.split(".")[0]) for name in weights if name.split(".")[0].isdigit()})
    convolutions = [n for n in children if f"{n}.weight" in weights and weights[f"{n}.weight"].ndim == 4]
    norms = [n for n in children if f"{n}.running_mean" in weights]
    stages = [n for n in children if f"{n}.0.conv1.weight" in weights]
    if len(convolutions) != 1 or len(norms) != 1 or len(stages) != 4:
        return None
    ours = dict(zip(stages, ("layer1", "layer2", "layer3", "layer4"), strict=True))
    ours |= {convolutions[0]: "conv1", norms[0]: "bn1"}
    return {
        re.sub(r"^\d+", lambda number: ours.get(int(number[0]), number[0]), name): weight
        for name, weight in weights.items()
    }


def stem_of(weights: Weights, question: Question) -> str:
    """The stem that was asked for, or the layout's own. Raises ValueError where conv1 belongs to none."""
    possible, asked = rebuilt.stems(weights), question.choices.stem
    if not possible:
        raise ValueError("no stem")
    if asked == "auto":
        return question.layout.stem if question.layout.stem in possible else possible[0]
    if asked not in possible:
        side = weights["conv1.weight"].shape[-1]
        raise CollapseError(
            f"--stem {asked} does not go with a conv1 of {side}x{side}", "use " + " or ".join(possible)
        )
    return asked


def images(weights: Weights, stem: str, question: Question) -> ImageForm:
    """Of the side and normalisation that are usual with a stem, unless the file tells otherwise."""
    side, usual = (224, IMAGENET) if stem == "imagenet" else (32, question.layout.small)
    normalisation = question.held.normalisation or question.layout.normalisation or usual
    return ImageForm(weights["conv1.weight"].shape[1], side, normalisation)


def stem_in_words(stem: str, question: Question) -> str:
    """How the stem was taken, and which option says otherwise."""
    if stem == "imagenet":
        return "conv1 7x7 with stride 2, padding 3 and pooling, as in torchvision"
    usual = "as usual" if question.layout.stem == "cifar" else f"as in {question.layout.name}"
    origin = usual if question.choices.stem == "auto" else "as given"
    padding = 2 if stem == "cifar-pad2" else 1
    return f"conv1 3x3 with stride 1, padding {padding} and no pooling, {origin} (--stem cifar or cifar-pad2)"

"""ResNets of torchvision's shapes: the stem is what their weights leave open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.models import rebuilt
from collapse_cli.models.encoders import RESNETS, STEMS
from collapse_cli.runs.others import framings, image_configs, resnet_variants
from collapse_cli.runs.others.framings import NOTHING, Told
from collapse_cli.runs.others.layouts import CIFAR, IMAGENET
from collapse_cli.runs.others.reading import ImageForm, Question, Reading
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.shapes import StemName

Weights = Mapping[str, Tensor]

USUAL_SIDES = {
    **dict.fromkeys(
        ("MoCo v1/v2", "MoCo v3", "SimSiam", "DirectCLR", "DirectCLR, final", "Barlow Twins", "DINO"), 224
    ),
    **dict.fromkeys(("SwAV/DeepCluster", "VISSL", "mmselfsup/mmpretrain", "Contrastive Clustering"), 224),
    "SimCLR, f and g": 32,
}
"""Layout -> the side of the images that its published code trains on."""


def read(question: Question) -> Reading | None:
    """The ResNet of these weights, or None. Raises CollapseError for what has its names and is another network."""
    resnet_variants.refuse_wide(question.tensors, question.held)
    weights = renamed(question.tensors)
    if weights is None or "attnpool.c_proj.weight" in weights:
        return None
    resnet_variants.refuse(weights, question.held)
    stem = stem_of(weights, question)
    arch, network = rebuilt.resnet(weights, stem)
    return Reading(
        arch,
        network,
        weights,
        images(weights, stem, question),
        tuple(in_words(weights, stem, question)),
        stem,
        width=rebuilt.width_of(weights),
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


def stem_of(weights: Weights, question: Question) -> StemName:
    """The stem that was asked for, or the layout's own. Raises CollapseError or ValueError where conv1 belongs to none."""
    possible, asked = rebuilt.stems(weights), question.choices.stem
    if not possible:
        resnet_variants.refuse_stem(weights, question.held.path)
        raise ValueError("no stem")
    if asked == "auto":
        return next((stem for stem in possible if stem == question.layout.stem), possible[0])
    if asked not in possible:
        side = weights["conv1.weight"].shape[-1]
        raise CollapseError(
            f"--stem {asked} does not go with a conv1 of {side}x{side}", "use " + " or ".join(possible)
        )
    return asked


def images(weights: Weights, stem: StemName, question: Question) -> ImageForm:
    """Of the side and normalisation that are usual with a stem, unless the file tells otherwise."""
    side, usual = (32, question.layout.small) if STEMS[stem].kernel == 3 else (224, IMAGENET)
    normalisation = question.held.normalisation or question.layout.normalisation or usual
    bare = STEMS[stem].kernel == 7 and question.layout.signs == ("",)
    framed = (
        Told(framings.NAMED["imagenet"], "as ResNets with this conv1 are usually evaluated")
        if bare
        else NOTHING
    )
    side = stated_side(question.held) or side
    return ImageForm(weights["conv1.weight"].shape[1], side, normalisation, framed=framed)


def stated_side(held: FileTensors) -> int:
    """H = W of the images, where a config.json of timm tells it, or 0."""
    return image_configs.input_side(held.facts)


def in_words(weights: Weights, stem: StemName, question: Question) -> Iterator[str]:
    """How the stem was taken, and where layout and stem imply images of different sides; with the option that says otherwise."""
    possible = rebuilt.stems(weights)
    if question.choices.stem != "auto":
        origin = "as given"
    elif stem == question.layout.stem != "cifar":
        origin = f"as in {question.layout.name}"
    else:
        origin = "as in torchvision" if stem == "imagenet" else "as usual"
    others = ", ".join(name for name in possible if name != stem)
    yield f"{STEMS[stem].words}, {origin} (--stem; its weights fit {others} too)"
    if "layer1.0.conv3.weight" in weights:
        yield "the stride of a block in its 3x3, as in torchvision; in its first 1x1 it would leave no trace"
    form, layout, arch = images(weights, stem, question), question.layout, question.held.arch
    if question.choices.size:
        return
    if STEMS[stem].kernel == 3 and arch in RESNETS:
        yield f"images of side {form.side}, as is usual with this conv1: the {arch} that the file names has one of 7x7 (--size)"
    usual = USUAL_SIDES.get(layout.name, 0)
    if usual not in (0, form.side):
        yield f"images of side {form.side}, as is usual with this conv1, but {layout.name} trains on {usual} (--size {usual})"
    elif form.side == 224 and form.normalisation.mean[:1] == CIFAR.mean[:1]:
        yield "images of side 224, as is usual with this conv1, but normalised as those of side 32 are (--size 32)"

"""Networks by the name of their architecture: a ResNet of torchvision, or a model of timm."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.models import encoders
from collapse_cli.runs.others import resnets
from collapse_cli.runs.others.reading import ImageForm, Question, Reading
from collapse_cli.shapes import Normalisation


def read(question: Question) -> Reading | None:
    """The network of the name that was asked for, or that the file tells; None where there is none, or it is not known."""
    arch = question.choices.arch or question.held.arch
    if not question.tensors or not arch:
        return None
    if arch in encoders.RESNETS:
        return _of_torchvision(arch, question)
    return _of_timm(arch, question)


def _of_torchvision(arch: str, question: Question) -> Reading:
    weights = resnets.renamed(question.tensors) or question.tensors
    stem = resnets.stem_of(weights, question)
    images = resnets.images(weights, stem, question)
    with torch.device("meta"):
        network, _ = encoders.resnet(arch, images.channels, stem)
    return Reading(arch, network, weights, images, (resnets.stem_in_words(stem, question),), stem)


def _of_timm(arch: str, question: Question) -> Reading | None:
    """timm's network without classifier; None where nobody asked for it and it cannot be had."""
    required = bool(question.choices.arch)
    try:
        import timm
    except ImportError:
        if required:
            raise CollapseError(
                f"the architecture '{arch}' needs the package timm", "pip install 'collapse-cli[timm]'"
            ) from None
        return None
    if not timm.is_model(arch):
        if required:
            names = [*encoders.RESNETS, *timm.list_models()]
            raise CollapseError(f"there is no architecture named '{arch}'", nearest(arch, names))
        return None
    with torch.random.fork_rng(devices=[]):
        network: nn.Module = timm.create_model(arch, pretrained=False, num_classes=0)
    config: Any = network.pretrained_cfg
    channels, side, _ = config["input_size"]
    normalisation = Normalisation(tuple(config["mean"]), tuple(config["std"]))
    fixed = "pos_embed" in question.tensors  # timm stretches none while it runs
    images = ImageForm(channels, side, question.held.normalisation or normalisation, fixed=fixed)
    return Reading(arch, network, question.tensors, images)

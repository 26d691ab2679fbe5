"""CLIP's ResNets, as OpenAI and open_clip name their weights."""

from __future__ import annotations

from collapse_cli.models import clip_resnet
from collapse_cli.runs.others.layouts import CLIP
from collapse_cli.runs.others.reading import ImageForm, Question, Reading


def read(question: Question) -> Reading | None:
    """The ResNet with attention pooling of these weights, or None."""
    weights = question.tensors
    if "attnpool.c_proj.weight" not in weights:
        return None
    arch, network = clip_resnet.clip_resnet(weights)
    normalisation = question.held.normalisation or question.layout.normalisation or CLIP
    side = clip_resnet.image_side(weights)
    images = ImageForm(weights["conv1.weight"].shape[1], side, normalisation, fixed=True)
    heads = weights["attnpool.q_proj.weight"].shape[0] // clip_resnet.HEAD
    assumed = (
        "h is what the attention pooling gives, which CLIP compares with its embedding of the text",
        f"{heads} heads of the attention pooling, {clip_resnet.HEAD} wide each, as in every published one",
    )
    width = weights["attnpool.c_proj.weight"].shape[0]
    return Reading(arch, network, weights, images, assumed, width=width)

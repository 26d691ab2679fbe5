"""Plain vision transformers, and the vision towers of CLIP: heads, activation and eps are what their weights leave open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.models import vit
from collapse_cli.runs.others.layouts import BESIDE_VIT, CLIP, IMAGENET
from collapse_cli.runs.others.reading import ImageForm, Question, Reading
from collapse_cli.runs.others.vit_names import Named, renamed


def read(question: Question) -> Reading | None:
    """The ViT of these weights, or None. Raises CollapseError where the number of its heads is not known or cannot be."""
    named = renamed(question.tensors)
    if named is None:
        return None
    form = _form(named, question)
    arch, network = vit.vit(named.weights, form)
    assumed = (
        f"{form.heads} attention heads (--heads)",
        f"{form.activation}, eps {form.eps:g} (--activation)",
    )
    return Reading(arch, network, named.weights, _images(named, question), assumed, beside=BESIDE_VIT)


def _images(named: Named, question: Question) -> ImageForm:
    _, channels, patch, _ = named.weights["patch_embed.proj.weight"].shape
    usual = CLIP if named.clip else IMAGENET
    normalisation = question.held.normalisation or question.layout.normalisation or usual
    return ImageForm(channels, vit.image_side(named.weights), normalisation, multiple=patch)


def _form(named: Named, question: Question) -> vit.Form:
    """What the weights of a ViT leave open: as asked for, as config.json says, or as usual for this layout and width."""
    choices, config = question.choices, _config(question)
    stated = str(config.get("hidden_act", "")).replace("_", "")
    openai = "input_resolution" in question.held.tensors  # which only OpenAI's own files hold
    activation = stated if stated in vit.ACTIVATIONS else "quickgelu" if openai else named.activation
    if choices.activation != "auto":
        activation = choices.activation
    return vit.Form(_heads(named.weights, question), activation, config.get("layer_norm_eps") or named.eps)


def _config(question: Question) -> Mapping[str, Any]:
    config: Mapping[str, Any] = question.held.facts.get("config") or {}
    tower: Mapping[str, Any] = config.get("vision_config", config)
    return tower


def _heads(weights: Mapping[str, Tensor], question: Question) -> int:
    """The number of attention heads. Raises CollapseError where it is not known or does not divide the width."""
    width = weights["patch_embed.proj.weight"].shape[0]
    usual = dict(question.layout.heads).get(width)
    stated = question.choices.heads or _config(question).get("num_attention_heads")
    heads = stated or usual or vit.heads_of(width)
    if width % heads:
        raise CollapseError(
            f"a ViT {width} wide cannot have {heads} heads", "choose another number of --heads"
        )
    return int(heads)

"""Plain vision transformers, and the towers of CLIP and SigLIP: layout or config.json tell what their weights leave open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.models import vit
from collapse_cli.models.positions import STRETCHES
from collapse_cli.runs.others import vit_config, vit_heads, vit_oddities
from collapse_cli.runs.others.layouts import BESIDE_VIT
from collapse_cli.runs.others.reading import ImageForm, Question, Reading
from collapse_cli.runs.others.vit_heads import Heads
from collapse_cli.runs.others.vit_names import DEIT, DINO, TIMM, TIMM_SIGLIP, Named, renamed

POOLS_IN_WORDS = {
    "class": "h is the class token behind the last norm; a mean of patches, if it was trained with one, leaves no trace",
    "mean": "h is the mean of the patches' tokens",
    "pair": "h is the mean of class and distillation token, as in timm",
    "attention": "",  # which the weights tell
}
TANH = {
    (768, 32, 256),
    (1024, 16, 512),
    (1152, 16, 256),
    (1152, 16, 384),
    (1152, 16, 512),
    (1536, 16, 256),
    (1536, 16, 384),
}
"""Width, patch and side of timm's SigLIPs with the approximate GELU; its others have the exact one."""


def read(question: Question) -> Reading | None:
    """The ViT of these weights, or None. Raises CollapseError for a ViT that is not read, or leaves its function open."""
    if not vit_oddities.is_transformer(question.tensors):
        return None
    reason = vit_oddities.of_names(question.tensors)
    if reason:
        raise _strange(question, reason)
    config = vit_config.of(question)
    named = renamed(question.tensors, str(config.get("model_type", "")), _has_decoder(question))
    if named is None:
        return None
    reason = vit_oddities.of_weights(named)
    if reason:
        raise _strange(question, reason)
    return _reading(named, question, config)


def _reading(named: Named, question: Question, config: Mapping[str, Any]) -> Reading:
    """Raises CollapseError where config.json contradicts the weights, or the number of heads is not known."""
    reason = vit_config.reason_against(question, config, named)
    if reason:
        raise CollapseError(
            f"{question.held.path} does not go with the config.json beside it: {reason}",
            "where config.json is not of this file, move the file into a folder of its own",
        )
    heads = vit_heads.heads(named, question, config)
    form = _form(named, heads, question, config)
    arch, network = vit.vit(named.weights, form)
    assumed = tuple(_assumed(named, heads, form, question))
    images, width = _images(named, question), named.weights["patch_embed.proj.weight"].shape[0]
    return Reading(arch, network, named.weights, images, assumed, beside=BESIDE_VIT, width=width)


def _has_decoder(question: Question) -> bool:
    """Whether a decoder lies beside the encoder, as masked autoencoders have it."""
    return any(
        name.startswith(("decoder_", "decoder.decoder_", "decoder.mask_token"))
        for name in question.held.tensors
    )


def _strange(question: Question, reason: str) -> CollapseError:
    return CollapseError(
        f"{question.held.path} is a vision transformer that differs from the plain ones, which alone are read: {reason}",
        "give timm's name of it with --arch; or compute its embeddings by its own code, and give them as a .npy file",
    )


def _images(named: Named, question: Question) -> ImageForm:
    _, channels, patch, _ = named.weights["patch_embed.proj.weight"].shape
    held, family = question.held, named.family
    layout = None if family is TIMM_SIGLIP else question.layout.normalisation
    return ImageForm(
        channels,
        vit.image_side(named.weights),
        held.normalisation or layout or family.normalisation,
        multiple=patch,
    )


def _form(named: Named, heads: Heads, question: Question, config: Mapping[str, Any]) -> vit.Form:
    """What the weights of a ViT leave open: as asked for, as config.json says, or as the code has it that named them."""
    family = named.family
    activation = vit_config.activation(config) or _usual_activation(named, question)
    if question.choices.activation != "auto":
        activation = question.choices.activation
    pool = vit_config.pool(config)
    if "dist_token" in named.weights:  # in whose pooling timm and transformers differ
        pool = "class" if family is DEIT else "pair"
    return vit.Form(
        heads.count, activation, vit_config.eps(config) or family.eps, _stretch(named, question), pool
    )


def _usual_activation(named: Named, question: Question) -> str:
    """QuickGELU in OpenAI's own files, which alone hold `input_resolution`, and where a name says so."""
    held = question.held
    name = held.facts.get("name")
    called = f"{held.arch} {name if isinstance(name, str) else ''}".lower()
    if "input_resolution" in held.tensors or "quickgelu" in called:
        return "quickgelu"
    width, _, patch, _ = named.weights["patch_embed.proj.weight"].shape
    approximate = named.family is TIMM_SIGLIP and (width, patch, vit.image_side(named.weights)) in TANH
    return "gelu_tanh" if approximate else named.family.activation


def _stretch(named: Named, question: Question) -> str:
    """Teacher and student of DINO and iBOT stretch positions their own way, also where the names are timm's."""
    if (
        named.family is TIMM
        and vit_heads.is_dino(question.held.tensors)
        and "register_tokens" not in named.weights
    ):
        return DINO.stretch
    return named.family.stretch


def _assumed(named: Named, heads: Heads, form: vit.Form, question: Question) -> Iterator[str]:
    yield str(heads)
    gated = vit.is_gated(named.weights)
    yield f"SwiGLU, eps {form.eps:g}" if gated else f"{form.activation}, eps {form.eps:g} (--activation)"
    pool = form.pool or vit.pool_of(named.weights)
    if POOLS_IN_WORDS[pool]:
        yield POOLS_IN_WORDS[pool]
    side = vit.image_side(named.weights)
    if question.choices.size not in (0, side):
        yield f"positions of images of {side} x {side} stretched, {STRETCHES[form.stretch]}"

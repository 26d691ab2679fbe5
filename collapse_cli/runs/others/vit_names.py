"""Names of the weights of vision transformers as other libraries write them -> timm's names, by which they are rebuilt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.runs.others.layouts import CLIP, HALF, IMAGENET
from collapse_cli.shapes import Normalisation

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Family:
    """What the names of a ViT's weights tell of the code behind them, and the weights themselves do not.

    activation, eps, stretch: as in models.vit.Form; normalisation: of its images; model_types: what its config.json may say;
    heads: the library's default where config.json leaves them out, 0 where there is none.
    """

    name: str
    activation: str = "gelu"
    eps: float = 1e-6
    stretch: str = "plain"
    normalisation: Normalisation = IMAGENET
    model_types: tuple[str, ...] = ()
    heads: int = 0


WRAPPED_BY_TRANSFORMERS = ("timm_wrapper",)
TIMM = Family("timm", stretch="antialias", model_types=WRAPPED_BY_TRANSFORMERS)
TIMM_CLIP = Family(
    "CLIP in timm", eps=1e-5, stretch="antialias", normalisation=CLIP, model_types=WRAPPED_BY_TRANSFORMERS
)
TIMM_SIGLIP = Family(
    "SigLIP in timm", stretch="antialias", normalisation=HALF, model_types=WRAPPED_BY_TRANSFORMERS
)
DINO = Family("DINO", stretch="factor", model_types=WRAPPED_BY_TRANSFORMERS)
OPEN_CLIP = Family("open_clip", eps=1e-5, stretch="antialias", normalisation=CLIP)
CLIPA = Family("CLIPA in open_clip", eps=1e-5, stretch="antialias")
"""Of open_clip's towers, those without a norm before the blocks."""
CLIP_TOWER = Family("CLIP", "quickgelu", 1e-5, "plain", CLIP, ("clip", "clip_vision_model"), 12)
SIGLIP_TOWER = Family("SigLIP", "gelu_tanh", 1e-6, "plain", HALF, ("siglip", "siglip_vision_model"), 12)
VIT = Family("ViT", "gelu", 1e-12, "plain", HALF, ("vit",), 12)
DEIT = Family("DeiT", "gelu", 1e-12, "plain", IMAGENET, ("deit",), 12)
VIT_MAE = Family("ViT-MAE", "gelu", 1e-12, "plain", IMAGENET, ("vit_mae",), 12)
VIT_MSN = Family("ViT-MSN", "gelu", 1e-6, "plain", IMAGENET, ("vit_msn",), 12)
I_JEPA = Family("I-JEPA", "gelu", 1e-12, "plain", IMAGENET, ("ijepa",), 12)
DINOV2 = Family("DINOv2", "gelu", 1e-6, "plain", IMAGENET, ("dinov2",), 12)
REGISTERS = Family(
    "DINOv2 with registers", "gelu", 1e-6, "antialias", IMAGENET, ("dinov2_with_registers",), 12
)
SAME_NAMES = (VIT, DEIT, VIT_MAE, VIT_MSN, I_JEPA, DINOV2, REGISTERS)
"""Those of transformers whose weights have the same names."""
OF_TRANSFORMERS = frozenset(
    name for family in (CLIP_TOWER, SIGLIP_TOWER, *SAME_NAMES) for name in family.model_types
)
"""What the config.json of networks says that are read without the library too, as the config has them."""

PATCHES = (
    "patch_embed.proj.weight",
    "embeddings.patch_embedding.weight",
    "embeddings.patch_embeddings.projection.weight",
)
"""What cuts an image into patches, in timm, in transformers' CLIP and SigLIP, and in its other ViTs."""


@dataclass(frozen=True)
class Named:
    """Weights by timm's names, and what the names that they had tell."""

    weights: Weights
    family: Family


def renamed(weights: Weights, model_type: str = "", decoder: bool = False) -> Named | None:
    """The same weights by timm's names; None where they are of no ViT. model_type: of config.json; decoder: it lies beside."""
    timm, tower, other = PATCHES
    if timm in weights:
        ours = _by_rules(weights, TIMMS, {"masked_embed": "mask_token"})
        return Named(ours, _of_timm(ours))
    if tower in weights:
        family = CLIP_TOWER if "embeddings.class_embedding" in weights else SIGLIP_TOWER
        return Named(_pooled(_of_tower(weights)), family)
    if other in weights:
        ours = _of_transformers(weights)
        return Named(ours, _named_alike(ours, model_type, decoder))
    if {"class_embedding", "conv1.weight", "transformer.resblocks.0.ln_1.weight"} <= weights.keys():
        tokens = {"class_embedding": "cls_token", "positional_embedding": "pos_embed"}
        ours = _by_rules(weights, OPEN_CLIPS, tokens)
        return Named(ours, OPEN_CLIP) if "norm_pre.weight" in ours else Named(_after_pooling(ours), CLIPA)
    return None


def _of_timm(weights: Weights) -> Family:
    """Which code, among those that name weights as timm does: DINOv2's without registers stretches positions its own way."""
    if "attn_pool.latent" in weights:
        return TIMM_SIGLIP
    if "norm_pre.weight" in weights:
        return TIMM_CLIP
    masked = "mask_token" in weights and "blocks.0.ls1.gamma" in weights
    return DINO if masked and "register_tokens" not in weights else TIMM


def _named_alike(weights: Weights, model_type: str, decoder: bool) -> Family:
    """Which of transformers' ViTs: as config.json says, else by the tokens and the layer scale."""
    stated = next((family for family in SAME_NAMES if model_type in family.model_types), None)
    signs = (
        (REGISTERS, "register_tokens" in weights),
        (DINOV2, "blocks.0.ls1.gamma" in weights),
        (DEIT, "dist_token" in weights),
        (I_JEPA, "cls_token" not in weights),
        (VIT_MAE, decoder),
    )
    return stated or next((family for family, sign in signs if sign), VIT)


TIMMS = (
    (
        r"^blocks\.\d+\.(\d+)\.",
        r"blocks.\1.",
    ),  # DINOv2 trains in chunks of blocks: the second number is the block's own
    (r"\.gamma_([12])$", r".ls\1.gamma"),  # DeiT III
)
TOWERS = (
    (r"^embeddings\.patch_embedding\.", "patch_embed.proj."),
    (r"^pre_layrnorm\.", "norm_pre."),  # so it is spelt
    (r"^post_layernorm\.", "norm."),
    (r"^encoder\.layers\.(\d+)\.layer_norm(\d)\.", r"blocks.\1.norm\2."),
    (r"^encoder\.layers\.(\d+)\.self_attn\.out_proj\.", r"blocks.\1.attn.proj."),
    (r"^encoder\.layers\.(\d+)\.mlp\.", r"blocks.\1.mlp."),
    (r"^head\.probe$", "attn_pool.latent"),
    (r"^head\.attention\.out_proj\.", "attn_pool.proj."),
    (r"^head\.layernorm\.", "attn_pool.norm."),
    (r"^head\.mlp\.", "attn_pool.mlp."),
)
TRANSFORMERS = (
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^layernorm\.", "norm."),
    (r"^encoder\.layer\.(\d+)\.(?:layernorm_before|norm1)\.", r"blocks.\1.norm1."),
    (r"^encoder\.layer\.(\d+)\.(?:layernorm_after|norm2)\.", r"blocks.\1.norm2."),
    (r"^encoder\.layer\.(\d+)\.attention\.output\.dense\.", r"blocks.\1.attn.proj."),
    (r"^encoder\.layer\.(\d+)\.intermediate\.dense\.", r"blocks.\1.mlp.fc1."),
    (r"^encoder\.layer\.(\d+)\.output\.dense\.", r"blocks.\1.mlp.fc2."),
    (r"^encoder\.layer\.(\d+)\.mlp\.weights_in\.", r"blocks.\1.mlp.w12."),
    (r"^encoder\.layer\.(\d+)\.mlp\.weights_out\.", r"blocks.\1.mlp.w3."),
    (r"^encoder\.layer\.(\d+)\.mlp\.", r"blocks.\1.mlp."),
    (r"^encoder\.layer\.(\d+)\.layer_scale(\d)\.lambda1$", r"blocks.\1.ls\2.gamma"),
)
OPEN_CLIPS = (
    (r"^conv1\.", "patch_embed.proj."),
    (r"^ln_pre\.", "norm_pre."),
    (r"^ln_post\.", "norm."),
    (r"^transformer\.resblocks\.(\d+)\.ln_(\d)\.", r"blocks.\1.norm\2."),
    (r"^transformer\.resblocks\.(\d+)\.attn\.in_proj_(\w+)$", r"blocks.\1.attn.qkv.\2"),
    (r"^transformer\.resblocks\.(\d+)\.attn\.out_proj\.", r"blocks.\1.attn.proj."),
    (r"^transformer\.resblocks\.(\d+)\.mlp\.c_fc\.", r"blocks.\1.mlp.fc1."),
    (r"^transformer\.resblocks\.(\d+)\.mlp\.c_proj\.", r"blocks.\1.mlp.fc2."),
    (r"^transformer\.resblocks\.(\d+)\.ls_(\d)\.", r"blocks.\1.ls\2."),
)


def _of_tower(weights: Weights) -> dict[str, Tensor]:
    """The vision tower of transformers' CLIP or SigLIP."""
    rest = {name: weight for name, weight in weights.items() if not name.endswith("position_ids")}
    joined = _joined(rest, r"encoder\.layers\.(\d+)\.self_attn\.(\w)_proj\.(weight|bias)", ("q", "k", "v"))
    tokens = {"embeddings.class_embedding": "cls_token", "embeddings.position_embedding.weight": "pos_embed"}
    return _by_rules(joined, TOWERS, tokens)


def _of_transformers(weights: Weights) -> dict[str, Tensor]:
    """A ViT, DeiT, ViT-MAE, I-JEPA or DINOv2 of transformers."""
    apart = r"encoder\.layer\.(\d+)\.attention\.attention\.(\w+)\.(weight|bias)"
    joined = _joined(weights, apart, ("query", "key", "value"))
    names = {
        "cls_token": "cls_token",
        "distillation_token": "dist_token",
        "register_tokens": "register_tokens",
        "mask_token": "mask_token",
        "position_embeddings": "pos_embed",
    }
    return _by_rules(joined, TRANSFORMERS, {f"embeddings.{theirs}": ours for theirs, ours in names.items()})


def _joined(weights: Weights, apart: str, words: tuple[str, str, str]) -> dict[str, Tensor]:
    """Queries, keys and values, which lie apart, become one matrix in the place of the queries; without all three they stay."""
    joined: dict[str, Tensor] = {}
    for name, weight in weights.items():
        match = re.fullmatch(apart, name)
        if match is None or match[2] not in words:
            joined[name] = weight
            continue
        parts = [f"{name[: match.start(2)]}{word}{name[match.end(2) :]}" for word in words]
        if not all(part in weights for part in parts):
            joined[name] = weight
        elif name == parts[0]:
            joined[f"blocks.{match[1]}.attn.qkv.{match[3]}"] = torch.cat([weights[part] for part in parts])
    return joined


def _pooled(weights: Weights) -> Weights:
    """Attention pooling as torch's MultiheadAttention holds it: the first third of its matrix is of the query."""
    split: dict[str, Tensor] = {}
    for name, weight in weights.items():
        match = re.fullmatch(r"head\.attention\.in_proj_(weight|bias)", name)
        if match is None or not weight.ndim:
            split[name] = weight
            continue
        width = weight.shape[0] // 3
        split |= {f"attn_pool.q.{match[1]}": weight[:width], f"attn_pool.kv.{match[1]}": weight[width:]}
    return split


def _after_pooling(weights: Weights) -> Weights:
    """CLIPA's last norm follows the mean of the patches."""
    return {re.sub(r"^norm\.", "fc_norm.", name): weight for name, weight in weights.items()}


def _by_rules(
    weights: Weights, rules: tuple[tuple[str, str], ...], tokens: Mapping[str, str]
) -> dict[str, Tensor]:
    """Every name by the rules, one after the other; a token (D,) -> (1,1,D), positions (n,D) -> (1,n,D)."""

    def ours(name: str) -> str:
        for pattern, by in rules:
            name = re.sub(pattern, by, name)
        return name

    shaped: dict[str, Callable[[Tensor], Tensor]] = {
        name: lambda w: w.reshape(1, -1, w.shape[-1]) for name in tokens
    }
    return {tokens.get(n, ours(n)): shaped[n](w) if n in shaped else w for n, w in weights.items()}

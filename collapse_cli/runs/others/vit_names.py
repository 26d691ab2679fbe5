"""Names of the weights of vision transformers as other libraries write them -> timm's names, by which they are rebuilt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Named:
    """Weights by timm's names; activation and eps, which they do not tell; clip: whether it was trained as CLIP is."""

    weights: Weights
    activation: str = "gelu"
    eps: float = 1e-6
    clip: bool = False


def renamed(weights: Weights) -> Named | None:
    """The same weights by timm's names; None where they are of no ViT."""
    if {"patch_embed.proj.weight", "pos_embed"} <= weights.keys():
        return Named(_unchunked(weights))
    if "embeddings.patch_embedding.weight" in weights:
        return Named(_of_hugging_face(weights), "quickgelu", 1e-5, clip=True)
    if {"class_embedding", "conv1.weight", "transformer.resblocks.0.ln_1.weight"} <= weights.keys():
        return Named(_of_open_clip(weights), "gelu", 1e-5, clip=True)
    return None


def _unchunked(weights: Weights) -> Weights:
    """DINOv2 trains in chunks of blocks, `blocks.0.3.`: the second number is the block's own."""
    return {re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", name): w for name, w in weights.items()}


HUGGING_FACE = (
    (r"^embeddings\.patch_embedding\.", "patch_embed.proj."),
    (r"^pre_layrnorm\.", "norm_pre."),  # so it is spelt
    (r"^post_layernorm\.", "norm."),
    (r"^encoder\.layers\.(\d+)\.layer_norm(\d)\.", r"blocks.\1.norm\2."),
    (r"^encoder\.layers\.(\d+)\.self_attn\.out_proj\.", r"blocks.\1.attn.proj."),
    (r"^encoder\.layers\.(\d+)\.mlp\.", r"blocks.\1.mlp."),
)
OPEN_CLIP = (
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


def _of_hugging_face(weights: Weights) -> Weights:
    """CLIP's vision tower as transformers names it; queries, keys and values become one matrix."""
    apart = r"encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.(weight|bias)"
    together = {
        re.sub(apart, r"blocks.\1.attn.qkv.\3", name): torch.cat(
            [weights[name.replace(".q_proj.", f".{letter}_proj.")] for letter in "qkv"]
        )
        for name in weights
        if ".self_attn.q_proj." in name
    }
    rest = {n: w for n, w in weights.items() if not re.fullmatch(apart, n) and not n.endswith("position_ids")}
    tokens = {"embeddings.class_embedding": "cls_token", "embeddings.position_embedding.weight": "pos_embed"}
    return _by_rules(rest, HUGGING_FACE, tokens) | together


def _of_open_clip(weights: Weights) -> Weights:
    """CLIP's vision tower as open_clip and OpenAI name it."""
    tokens = {"class_embedding": "cls_token", "positional_embedding": "pos_embed"}
    return _by_rules(weights, OPEN_CLIP, tokens)


def _by_rules(
    weights: Weights, rules: tuple[tuple[str, str], ...], tokens: Mapping[str, str]
) -> dict[str, Tensor]:
    """Every name by the first rule that fits it; token (D,) -> (1,1,D), positions (n,D) -> (1,n,D)."""

    def ours(name: str) -> str:
        fitting = (rule for rule in rules if re.search(rule[0], name))
        rule = next(fitting, None)
        return re.sub(*rule, name) if rule else name

    shaped: dict[str, Callable[[Tensor], Tensor]] = {
        name: lambda w: w.reshape(1, -1, w.shape[-1]) for name in tokens
    }
    return {tokens.get(n, ours(n)): shaped[n](w) if n in shaped else w for n, w in weights.items()}

"""Vision transformers that compute something else than a plain one, by the weights that only they have: none is read as one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from collapse_cli.models import vit
from collapse_cli.runs.others.vit_names import SIGLIP_TOWER, Named

Weights = Mapping[str, Tensor]

MARKS = (
    (r"lora_|adapter", "it has low-rank or other adapters beside its weights"),
    (r"(^|\.)rope(_|\.|$)|freqs_(cos|sin)|rope_embed|\.inv_freq$", "its positions are rotary"),
    (r"^embeddings\.patch_embeddings\.weight$", "its positions are rotary, as DINOv3's are"),
    (r"relative_position|rel_pos", "its attention has relative positions"),
    (r"\.[qk]_norm\.|\.qk_norm\.|\.(query|key)_norm\.", "its attention norms queries and keys"),
    (r"\.attn\.[qv]_bias$", "its attention has biases of queries and values alone, as BEiT's and EVA's"),
    (r"norm[12]_post|\.attn\.(inner_)?(norm|attn_ln)\.|\.mlp\.(norm|ffn_ln)\.", "its blocks have more norms than two"),
    (r"^blocks\.(\d+\.)+(attns|ffns|in_proj|in_norm)\b", "its blocks run attention and MLP in parallel"),
    (r"\.mlp\.fc1_[gx]\.", "its MLP has a gate whose activation the file does not tell"),
    (r"^blocks_token_only|\.attn\.proj_[lw]\.|\.attn\.temperature$", "its attention is that of CaiT or XCiT"),
    (r"^patch_embed\.(proj\.\d|backbone|conv|stem|norm)", "its patches come from several layers, not from one convolution"),
    (r"^attn_pool\.(query|ln_[qk]|attn\.|pos_embed)", "its pooling is CoCa's, or has positions"),
)  # fmt: skip
"""Names that mark such a network, and what it is."""

BLOCKS = re.compile(
    r"(blocks(\.\d+)+|encoder\.layers\.\d+\.self_attn|(encoder\.)?layer\.\d+|transformer\.resblocks\.\d+)\."
)
STEMS = re.compile(r"(patch_embed\.|embeddings\.patch_embeddings?\.|conv1\.weight)")


def is_transformer(weights: Weights) -> bool:
    """Whether these weights have the names of a ViT, of whatever kind: patches, and blocks of one width."""
    return any(map(BLOCKS.match, weights)) and any(map(STEMS.match, weights))


def of_names(weights: Weights) -> str:
    """What these weights, by the names that the file gives them, have that a plain ViT has not; or nothing."""
    matches = ((name, reason) for pattern, reason in MARKS for name in weights if re.search(pattern, name))
    name, reason = next(matches, ("", ""))
    return f"{reason} ({name})" if name else _of_patches(weights)


def _of_patches(weights: Weights) -> str:
    patches = next(
        (weight for name, weight in weights.items() if STEMS.match(name) and weight.ndim > 1), None
    )
    shape = () if patches is None else tuple(patches.shape)
    if len(shape) == 5:
        return f"it takes clips, not images: its patches are {' x '.join(map(str, shape[2:]))}"
    if len(shape) == 2:
        return "it takes patches that are cut beforehand (SigLIP 2 NaFlex)"
    return (
        ""
        if len(shape) != 4 or shape[2] == shape[3]
        else f"its patches are {shape[2]} x {shape[3]}, not square"
    )


def of_weights(named: Named) -> str:
    """What these weights, by timm's names, lack or have too much of for a plain ViT; or nothing."""
    weights = named.weights
    if "pos_embed" not in weights:
        return "there are no position embeddings where plain ones have them; its code computes them, or names them otherwise"
    if "cls_token" not in weights and "fc_norm.weight" in weights and "blocks.0.attn.qkv.bias" not in weights:
        return "it has the names of timm's vit_base_patch16_rpn_224, whose norms follow attention and MLP (--arch)"
    reasons = (_of_ends(weights), _of_gates(weights), _of_pooling(named), _of_tokens(weights))
    return next(filter(None, reasons), "")


def _of_ends(weights: Weights) -> str:
    norms = [name for name in ("norm", "fc_norm") if f"{name}.weight" in weights]
    if len(norms) == 1:
        return ""
    which = "both norm and fc_norm follow" if norms else "no norm follows"
    return f"{which} its blocks, so the file does not tell what its embedding is"


def _of_gates(weights: Weights) -> str:
    """timm's gated MLP has whatever activation its code gives it; but DINOv2's giant, which is told by its layer scale, SiLU."""
    inner, outer = (weights.get(f"blocks.0.mlp.{name}.weight") for name in ("fc1", "fc2"))
    if inner is None or outer is None or inner.ndim != 2 or inner.shape[0] != 2 * outer.shape[-1]:
        return ""
    if "blocks.0.ls1.gamma" in weights and inner.shape[1] == 1536:
        return ""
    return "its MLP has a gate whose activation the file does not tell (blocks.0.mlp.fc1)"


def _of_pooling(named: Named) -> str:
    weights = named.weights
    pooled, tokens = "attn_pool.latent" in weights, [name for name in vit.TOKENS if name in weights]
    if pooled and tokens:
        return (
            f"its attention pooling is beside {tokens[0]}, and the file does not tell which tokens it takes"
        )
    if pooled and weights["attn_pool.latent"].shape[1] != 1:
        return f"its attention pooling has {weights['attn_pool.latent'].shape[1]} queries"
    headless = named.family is SIGLIP_TOWER or "norm_pre.weight" in weights
    if headless and not pooled and "cls_token" not in weights:
        return "it has neither a class token nor a pooling head"
    return ""


def _of_tokens(weights: Weights) -> str:
    """Tokens and positions are (1,n,D), and the positions those of a square."""
    width = weights["patch_embed.proj.weight"].shape[0]
    for name in ("pos_embed", *vit.TOKENS):
        shape = tuple(weights[name].shape) if name in weights else (1, 1, width)
        single = name in ("cls_token", "dist_token")
        if len(shape) != 3 or shape[::2] != (1, width) or (single and shape[1] != 1):
            return f"its {name} has the shape {shape}"
    try:
        vit.grid_of(weights)
    except ValueError as error:
        return str(error)
    return ""

"""Vision transformers that compute something else than a plain one, by the weights that only they have: none is read as one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from torch import Tensor

from collapse_cli.models import vit

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


def of_weights(weights: Weights) -> str:
    """What these weights, by timm's names, lack or have too much of for a plain ViT; or nothing."""
    if "pos_embed" not in weights:
        return "the file has no position embeddings, which its code computes or learns elsewhere"
    norms = [name for name in ("norm", "fc_norm") if f"{name}.weight" in weights]
    if len(norms) != 1:
        which = "both norm and fc_norm follow" if norms else "no norm follows"
        return f"{which} its blocks, so the file does not tell what its embedding is"
    if "attn_pool.latent" in weights:
        return _of_pooling(weights)
    if "cls_token" not in weights and "norm_pre.weight" in weights:
        return "it has neither a class token nor a pooling head, as CLIP has it"
    return _of_positions(weights)


def _of_pooling(weights: Weights) -> str:
    if any(name in weights for name in vit.TOKENS):
        return "its attention pooling is beside other tokens than patches, and the file does not tell which it takes"
    latents = weights["attn_pool.latent"].shape[1]
    return f"its attention pooling has {latents} queries" if latents != 1 else _of_positions(weights)


def _of_positions(weights: Weights) -> str:
    count = weights["pos_embed"].shape[1]
    try:
        vit.grid_of(weights)
    except ValueError:
        nearest = math.isqrt(count)
        return f"its {count} positions are of no square grid of patches ({nearest} x {nearest} would be {nearest**2})"
    return ""

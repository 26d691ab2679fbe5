"""A plain vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929), with timm's names, rebuilt from its weights' shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from collapse_cli.models.positions import grid, stretched
from collapse_cli.models.vit_parts import AttentionPool, Block, Mlp, SwiGLU, mlp_of

Weights = Mapping[str, Tensor]

SIZES = {
    192: ("tiny", 12), 384: ("small", 12), 768: ("base", 12), 1024: ("large", 24), 1152: ("so400m", 27),
    1280: ("huge", 32), 1408: ("giant", 40), 1664: ("gigantic", 48),
}  # fmt: skip
"""Width -> the usual name and depth of such a ViT."""

TOKENS = ("cls_token", "dist_token", "reg_token", "register_tokens")
"""What may precede the patches, in this order; registers are reg_token in timm and register_tokens in DINOv2."""


@dataclass(frozen=True)
class Form:
    """What the weights do not tell: heads, activation, eps of the layer norms, how positions are stretched, and the pooling.

    pool: class, mean (of the patches), pair (mean of class and distillation token), attention; "" as the weights suggest.
    """

    heads: int
    activation: str = "gelu"
    eps: float = 1e-6
    stretch: str = "antialias"
    pool: str = ""


def pool_of(weights: Weights) -> str:
    """The pooling that the weights suggest: by attention, the mean where `fc_norm` is or no class token, else that token."""
    if "attn_pool.latent" in weights:
        return "attention"
    if "fc_norm.weight" in weights or "cls_token" not in weights:
        return "mean"
    return "pair" if "dist_token" in weights else "class"


def is_gated(weights: Weights) -> bool:
    """Whether the blocks have a SwiGLU, which leaves no choice of an activation."""
    with torch.device("meta"):
        return isinstance(mlp_of(weights, "blocks.0.mlp.", 1, "gelu"), SwiGLU)


def depth_of(weights: Weights) -> int:
    return len({name.split(".")[1] for name in weights if name.startswith("blocks.")})


def grid_of(weights: Weights) -> tuple[int, int]:
    """g of the g x g patches that have positions, and how many tokens before them have some too. ValueError: no square."""
    counts = [weights[name].shape[1] for name in TOKENS if name in weights]
    others = [0, *(sum(counts[:n]) for n in range(1, len(counts) + 1))]
    return grid(weights["pos_embed"].shape[1], others)


class VisionTransformer(nn.Module):
    """Images (B,C,H,W) -> h (B,D): what `pool` takes of the normed tokens. For images of another side positions are stretched."""

    def __init__(self, weights: Weights, form: Form) -> None:
        super().__init__()
        width, channels, side, _ = weights["patch_embed.proj.weight"].shape  # (D,C,p,p)
        patches = nn.Conv2d(channels, width, side, side, bias="patch_embed.proj.bias" in weights)
        self.patch_embed = nn.ModuleDict({"proj": patches})
        self.extra = tuple(name for name in TOKENS if name in weights)
        for name in self.extra:
            self.register_parameter(name, nn.Parameter(torch.empty(weights[name].shape)))
        self.pos_embed = nn.Parameter(torch.empty(weights["pos_embed"].shape))
        self.blocks = nn.Sequential(*(_block(weights, width, form) for _ in range(depth_of(weights))))
        self.norm_pre = _norm(weights, "norm_pre", width, form)
        self.norm = _norm(weights, "norm", width, form)
        self.fc_norm = _norm(weights, "fc_norm", width, form)
        self.attn_pool = _attention_pool(weights, width, form)
        _, self.placed = grid_of(weights)
        self.stretch, self.pool = form.stretch, form.pool or pool_of(weights)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch_embed["proj"](images)  # (B,D,h,w)
        tokens = self.norm(self.blocks(self.norm_pre(self._tokens(patches))))
        pooled: Tensor = self.fc_norm(self._pooled(tokens))
        return pooled

    def _pooled(self, tokens: Tensor) -> Tensor:
        """(B,N,D) -> (B,D)."""
        if self.attn_pool is not None:
            pooled: Tensor = self.attn_pool(tokens)
            return pooled
        if self.pool == "mean":
            return tokens[:, sum(token.shape[1] for token in self._extra()) :].mean(dim=1)
        return tokens[:, :2].mean(dim=1) if self.pool == "pair" else tokens[:, 0]

    def _extra(self) -> list[Tensor]:
        """Tokens (1,n,D) before those of the patches."""
        return [self.get_parameter(name) for name in self.extra]

    def _tokens(self, patches: Tensor) -> Tensor:
        """patches (B,D,h,w) -> tokens (B,N,D) with their positions, behind the class token and the registers."""
        height, width = patches.shape[-2:]
        positions = stretched(self.pos_embed[:, self.placed :], height, width, self.stretch)
        tokens = patches.flatten(2).transpose(1, 2) + positions
        extra = self._extra()
        before = torch.cat(extra, dim=1) if extra else tokens[:1, :0]
        unplaced = before.shape[1] - self.placed
        before = before + functional.pad(self.pos_embed[:, : self.placed], (0, 0, 0, unplaced))
        return torch.cat([before.expand(len(tokens), -1, -1), tokens], dim=1)


def _norm(weights: Weights, name: str, width: int, form: Form) -> nn.Module:
    return nn.LayerNorm(width, form.eps) if f"{name}.weight" in weights else nn.Identity()


def _block(weights: Weights, width: int, form: Form) -> Block:
    bias, scaled = "blocks.0.attn.qkv.bias" in weights, "blocks.0.ls1.gamma" in weights
    mlp = mlp_of(weights, "blocks.0.mlp.", width, form.activation)
    return Block(width, mlp, form.heads, form.eps, bias, scaled)


def _attention_pool(weights: Weights, width: int, form: Form) -> AttentionPool | None:
    if "attn_pool.latent" not in weights:
        return None
    mlp = Mlp(width, weights["attn_pool.mlp.fc1.weight"].shape[0], form.activation)
    return AttentionPool(width, mlp, form.heads, form.eps)


def vit(weights: Weights, form: Form) -> tuple[str, nn.Module]:
    """The ViT of these shapes, without weights, and its name. Raises KeyError where a part of a ViT is missing altogether."""
    width, _, side, _ = weights["patch_embed.proj.weight"].shape
    with torch.device("meta"):
        network = VisionTransformer(weights, form)
    size, usual = SIZES.get(width, ("", 0))
    depth = len(network.blocks)
    name = f"vit_{size}" if depth == usual else f"vit_{depth}x{width}"
    return f"{name}_patch{side}", network


def image_side(weights: Weights) -> int:
    """H = W of the images that the positions were learned for."""
    return grid_of(weights)[0] * weights["patch_embed.proj.weight"].shape[-1]

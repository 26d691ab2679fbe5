"""A plain vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929), with timm's names, rebuilt from its weights' shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from collapse_cli.errors import CollapseError

Weights = Mapping[str, Tensor]

SIZES = {192: "tiny", 384: "small", 768: "base", 1024: "large", 1280: "huge", 1408: "giant", 1664: "gigantic"}
HEADS = {1280: 16, 1408: 16, 1664: 16}  # of the widths whose heads are not 64 wide


class QuickGELU(nn.Module):
    """x sigmoid(1.702 x), with which CLIP was trained."""

    def forward(self, features: Tensor) -> Tensor:
        return features * torch.sigmoid(1.702 * features)


ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "quickgelu": QuickGELU}


@dataclass(frozen=True)
class Form:
    """What the weights do not tell: heads, activation, and the eps of the layer norms."""

    heads: int
    activation: str = "gelu"
    eps: float = 1e-6


def heads_of(width: int) -> int:
    """The usual number of heads of a ViT this wide. Raises CollapseError where there is no usual one."""
    if width in HEADS or width % 64 == 0:
        return HEADS.get(width, width // 64)
    raise CollapseError(
        f"the weights of a ViT of width {width} do not tell its number of attention heads",
        "give it with --heads N",
    )


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B,N,D) -> same."""
        batch, count, width = tokens.shape
        qkv = self.qkv(tokens).reshape(batch, count, 3, self.heads, width // self.heads)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4)  # (B,heads,N,D/heads) each
        attended = functional.scaled_dot_product_attention(queries, keys, values)
        mixed: Tensor = self.proj(attended.transpose(1, 2).reshape(batch, count, width))
        return mixed


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int, activation: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = ACTIVATIONS[activation]()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        projected: Tensor = self.fc2(self.act(self.fc1(tokens)))
        return projected


class LayerScale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


class Block(nn.Module):
    """Attention and MLP, each behind a layer norm and beside a shortcut."""

    def __init__(self, width: int, hidden: int, form: Form, bias: bool, scaled: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, form.eps)
        self.attn = Attention(width, form.heads, bias)
        self.ls1 = LayerScale(width) if scaled else nn.Identity()
        self.norm2 = nn.LayerNorm(width, form.eps)
        self.mlp = Mlp(width, hidden, form.activation)
        self.ls2 = LayerScale(width) if scaled else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        attended: Tensor = self.ls1(self.attn(self.norm1(tokens)))
        tokens = tokens + attended
        change: Tensor = self.ls2(self.mlp(self.norm2(tokens)))
        return tokens + change


class VisionTransformer(nn.Module):
    """Images (B,C,H,W) -> h (B,D): the normed class token; with `fc_norm`, or without that token, the mean of the patches.

    Images of another side than the positions were learned for stretch them, bicubically.
    """

    def __init__(self, weights: Weights, form: Form) -> None:
        super().__init__()
        width, channels, side, _ = weights["patch_embed.proj.weight"].shape  # (D,C,p,p)
        patches = nn.Conv2d(channels, width, side, side, bias="patch_embed.proj.bias" in weights)
        self.patch_embed = nn.ModuleDict({"proj": patches})
        self.cls_token = _token(weights, "cls_token")
        self.reg_token = _token(weights, "reg_token")  # timm's name
        self.register_tokens = _token(weights, "register_tokens")  # DINOv2's
        self.pos_embed = nn.Parameter(torch.empty(weights["pos_embed"].shape))
        hidden = weights["blocks.0.mlp.fc1.weight"].shape[0]
        bias, scaled = "blocks.0.attn.qkv.bias" in weights, "blocks.0.ls1.gamma" in weights
        depth = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
        self.blocks = nn.Sequential(*(Block(width, hidden, form, bias, scaled) for _ in range(depth)))
        self.norm_pre = _norm(weights, "norm_pre", width, form)
        self.norm = _norm(weights, "norm", width, form)
        self.fc_norm = _norm(weights, "fc_norm", width, form)
        self.mean = "fc_norm.weight" in weights or self.cls_token is None

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch_embed["proj"](images)  # (B,D,h,w)
        tokens = self.norm(self.blocks(self.norm_pre(self._tokens(patches))))
        before = sum(token.shape[1] for token in self._extra())
        pooled: Tensor = self.fc_norm(tokens[:, before:].mean(dim=1) if self.mean else tokens[:, 0])
        return pooled

    def _extra(self) -> list[Tensor]:
        """Tokens (1,n,D) before those of the patches."""
        return [t for t in (self.cls_token, self.reg_token, self.register_tokens) if t is not None]

    def _tokens(self, patches: Tensor) -> Tensor:
        """patches (B,D,h,w) -> tokens (B,N,D) with their positions, behind the class token and the registers."""
        placed = (
            self.pos_embed.shape[1] - _grid(self.pos_embed.shape[1]) ** 2
        )  # tokens that have positions too
        positions = _stretched(self.pos_embed[:, placed:], patches.shape[-2:])
        tokens = patches.flatten(2).transpose(1, 2) + positions
        extra = self._extra()
        before = torch.cat(extra, dim=1) if extra else tokens[:1, :0]
        position_of_extra = functional.pad(self.pos_embed[:, :placed], (0, 0, 0, before.shape[1] - placed))
        return torch.cat([(before + position_of_extra).expand(len(tokens), -1, -1), tokens], dim=1)


def _token(weights: Weights, name: str) -> nn.Parameter | None:
    return nn.Parameter(torch.empty(weights[name].shape)) if name in weights else None


def _norm(weights: Weights, name: str, width: int, form: Form) -> nn.Module:
    return nn.LayerNorm(width, form.eps) if f"{name}.weight" in weights else nn.Identity()


def _grid(positions: int) -> int:
    """Patches along a side: the largest square among the positions, the rest belongs to other tokens."""
    return math.isqrt(positions)


def _stretched(positions: Tensor, size: torch.Size) -> Tensor:
    """positions (1,g²,D) of a g x g grid -> (1,hw,D)."""
    side = math.isqrt(positions.shape[1])
    if (side, side) == tuple(size):
        return positions
    square = positions.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    wide = functional.interpolate(square, size=tuple(size), mode="bicubic", align_corners=False)
    return wide.flatten(2).transpose(1, 2)


def vit(weights: Weights, form: Form) -> tuple[str, nn.Module]:
    """The ViT of these shapes, without weights, and its name. Raises KeyError where a part of a ViT is missing altogether."""
    width, _, side, _ = weights["patch_embed.proj.weight"].shape
    with torch.device("meta"):
        network = VisionTransformer(weights, form)
    depth = len(network.blocks)
    usual = {"tiny": 12, "small": 12, "base": 12, "large": 24, "huge": 32, "giant": 40, "gigantic": 48}
    size = SIZES.get(width, "")
    name = f"vit_{size}" if depth == usual.get(size) else f"vit_{depth}x{width}"
    return f"{name}_patch{side}", network


def image_side(weights: Weights) -> int:
    """H = W of the images that the positions were learned for."""
    return _grid(weights["pos_embed"].shape[1]) * weights["patch_embed.proj.weight"].shape[-1]

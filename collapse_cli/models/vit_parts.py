"""The layers of vision transformers, with timm's names, on whatever device they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

Weights = Mapping[str, Tensor]


class QuickGELU(nn.Module):
    """x sigmoid(1.702 x), with which CLIP was trained."""

    def forward(self, features: Tensor) -> Tensor:
        return features * torch.sigmoid(1.702 * features)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "gelu_tanh": partial(nn.GELU, approximate="tanh"),
    "quickgelu": QuickGELU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
}


def attended(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """Softmax attention by heads: queries (B,Q,D), keys and values (B,N,D) -> (B,Q,D)."""
    q, k, v = (part.reshape(*part.shape[:2], heads, -1).transpose(1, 2) for part in (queries, keys, values))
    mixed = functional.scaled_dot_product_attention(q, k, v)  # (B,heads,Q,D/heads)
    return mixed.transpose(1, 2).flatten(2)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B,N,D) -> same."""
        queries, keys, values = self.qkv(tokens).chunk(3, dim=-1)
        projected: Tensor = self.proj(attended(queries, keys, values, self.heads))
        return projected


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int, activation: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = ACTIVATIONS[activation]()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        projected: Tensor = self.fc2(self.act(self.fc1(tokens)))
        return projected


class SwiGLU(nn.Module):
    """W3 (silu(a) b), where W12 x = (a, b) (Shazeer 2020, arXiv:2002.05202), with the names that the layers have in a file."""

    def __init__(self, width: int, hidden: int, inner: str, outer: str) -> None:
        super().__init__()
        self.inner, self.outer = inner, outer
        self.add_module(inner, nn.Linear(width, 2 * hidden))
        self.add_module(outer, nn.Linear(hidden, width))

    def forward(self, tokens: Tensor) -> Tensor:
        gate, value = self.get_submodule(self.inner)(tokens).chunk(2, dim=-1)
        projected: Tensor = self.get_submodule(self.outer)(functional.silu(gate) * value)
        return projected


def mlp_of(weights: Weights, before: str, width: int, activation: str) -> nn.Module:
    """The MLP whose weights' names begin so. Raises KeyError where there is none."""
    if f"{before}w12.weight" in weights:
        return SwiGLU(width, weights[f"{before}w3.weight"].shape[1], "w12", "w3")
    hidden, inward = weights[f"{before}fc1.weight"].shape[0], weights[f"{before}fc2.weight"].shape[1]
    if hidden == 2 * inward:  # both halves in fc1, as timm has it
        return SwiGLU(width, inward, "fc1", "fc2")
    return Mlp(width, hidden, activation)


class LayerScale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


class Block(nn.Module):
    """Attention and MLP, each behind a layer norm and beside a shortcut."""

    def __init__(self, width: int, mlp: nn.Module, heads: int, eps: float, bias: bool, scaled: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps)
        self.attn = Attention(width, heads, bias)
        self.ls1 = LayerScale(width) if scaled else nn.Identity()
        self.norm2 = nn.LayerNorm(width, eps)
        self.mlp = mlp
        self.ls2 = LayerScale(width) if scaled else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        change: Tensor = self.ls1(self.attn(self.norm1(tokens)))
        tokens = tokens + change
        change = self.ls2(self.mlp(self.norm2(tokens)))
        return tokens + change


class AttentionPool(nn.Module):
    """Tokens (B,N,D) -> (B,D): a learnt query attends to them, then an MLP beside a shortcut (Zhai et al., arXiv:2106.04560)."""

    def __init__(self, width: int, mlp: nn.Module, heads: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.latent = nn.Parameter(torch.empty(1, 1, width))
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps)
        self.mlp = mlp

    def forward(self, tokens: Tensor) -> Tensor:
        query = self.q(self.latent).expand(len(tokens), -1, -1)  # (B,1,D)
        keys, values = self.kv(tokens).chunk(2, dim=-1)
        pooled: Tensor = self.proj(attended(query, keys, values, self.heads))
        change: Tensor = self.mlp(self.norm(pooled))
        return (pooled + change)[:, 0]

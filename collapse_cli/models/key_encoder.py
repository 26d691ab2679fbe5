"""MoCo's parts: the slow copy of an encoder, the keys that it gives, and the queue of them."""

from __future__ import annotations

import copy
import math
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

from collapse_cli.settings import Keys, Slow
from collapse_cli.shapes import Origin


def slow_copy(network: nn.Module) -> nn.Module:
    """A copy that gradients never reach."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module, momentum: float) -> None:
    """theta_k <- m theta_k + (1 - m) theta_q (MoCo, eq. 2). Parameters only: batch statistics are each network's own.

    All of them at once, which is a few kernels on a GPU, and on a CPU the loop over them with the same bits.
    """
    theirs: list[Tensor] = list(slow.parameters())
    ours: list[Tensor] = list(fast.parameters())
    assert len(theirs) == len(ours)
    if theirs:  # torch takes no empty list, as two identities are
        torch._foreach_lerp_(theirs, ours, 1 - momentum)


def momentum_at(settings: Slow, progress: float) -> float:
    """m after this share of the training, in [0, 1]: constant, or 1 - (1 - m)(cos(pi progress) + 1)/2 (BYOL, sec. 3.2)."""
    if settings.momentum_schedule == "constant":
        return settings.momentum
    return 1 - (1 - settings.momentum) * (math.cos(math.pi * progress) + 1) / 2


def key_copies(
    encoder: nn.Module, projector: nn.Module, settings: Keys
) -> tuple[nn.Module | None, nn.Module | None]:
    """The slow copies f_k and g_k that give the keys; None where keys come from the query's own networks."""
    return (slow_copy(encoder), slow_copy(projector)) if settings.key_encoder == "momentum" else (None, None)


def joined(encoder: nn.Module | None, projector: nn.Module | None) -> nn.Module | None:
    """Both in a row, images (B,C,H,W) -> (B,d); None where either is."""
    return None if encoder is None or projector is None else nn.Sequential(encoder, projector)


def keys_of(views: Tensor, network: nn.Module, settings: Keys) -> Tensor:
    """views (B,C,H,W) -> k (B,d), unit rows of the network, with gradient only where settings.key_encoder says so.

    Shuffled, each part of a split batch norm meets rows of all parts of the queries' (MoCo, sec. 3.3).
    """
    order = torch.arange(len(views), device=views.device)
    if settings.shuffle_bn:
        order = (order % settings.bn_splits).argsort(stable=True)
    with nullcontext() if settings.key_encoder == "gradient" else torch.no_grad():
        keys = functional.normalize(network(views[order]), dim=1)
    return keys[order.argsort()]


class KeyQueue(nn.Module):
    """A ring of the last K keys, each with its label and its image's index (-1: not yet filled, unknown).

    keys (K,d) unit rows, at first random ones as in MoCo; labels (K,), index (K,) int64; seen: keys pushed so far.
    """

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.keys: Tensor
        self.labels: Tensor
        self.index: Tensor
        self.seen: Tensor
        self.register_buffer("keys", functional.normalize(torch.randn(size, dim), dim=1))
        self.register_buffer("labels", torch.full((size,), -1))
        self.register_buffer("index", torch.full((size,), -1))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    @property
    def origin(self) -> Origin:
        return Origin(self.index, self.labels)

    @property
    def filled(self) -> float:
        """Share of the ring that holds keys, in [0, 1]."""
        return min(int(self.seen) / len(self.keys), 1.0)

    @torch.no_grad()
    def push(self, keys: Tensor, origin: Origin) -> None:
        """The oldest B keys make room for keys (B,d); any B: of more than K, the last K stay."""
        size = len(self.keys)
        places = (self.seen + torch.arange(len(keys), device=keys.device))[-size:] % size
        self.keys[places] = keys[-size:].to(self.keys.dtype)
        self.labels[places] = -1 if origin.labels is None else origin.labels[-size:]
        self.index[places] = origin.index[-size:]
        self.seen += len(keys)

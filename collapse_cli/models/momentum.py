"""MoCo's two parts: the slow copy of an encoder, and the queue of its keys."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional


def slow_copy(network: nn.Module) -> nn.Module:
    """A copy that gradients never reach."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module, momentum: float) -> None:
    """theta_k <- m theta_k + (1 - m) theta_q (MoCo, eq. 2). Parameters only: batch statistics are each network's own."""
    for theirs, ours in zip(slow.parameters(), fast.parameters(), strict=True):
        theirs.lerp_(ours, 1 - momentum)


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
    def filled(self) -> float:
        """Share of the ring that holds keys, in [0, 1]."""
        return min(int(self.seen) / len(self.keys), 1.0)

    @torch.no_grad()
    def push(self, keys: Tensor, labels: Tensor | None, index: Tensor) -> None:
        """The oldest B keys make room for keys (B,d); any B: of more than K, the last K stay."""
        size = len(self.keys)
        places = (self.seen + torch.arange(len(keys), device=keys.device))[-size:] % size
        self.keys[places] = keys[-size:].to(self.keys.dtype)
        self.labels[places] = -1 if labels is None else labels[-size:]
        self.index[places] = index[-size:]
        self.seen += len(keys)

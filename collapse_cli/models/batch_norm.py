"""Batch norm that sees the batch in parts, as it would on several GPUs, and the statistics it keeps."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SplitBatchNorm(nn.Module):
    """A batch norm whose training statistics are those of each of `parts` consecutive pieces of the batch."""

    def __init__(self, whole: _BatchNorm, parts: int) -> None:
        super().__init__()
        self.whole = whole
        self.parts = parts

    def forward(self, features: Tensor) -> Tensor:
        """features (B,C,…) -> same. In eval mode the running statistics serve the whole batch."""
        if not self.training:
            normalised: Tensor = self.whole(features)
            return normalised
        return torch.cat([self.whole(piece) for piece in features.tensor_split(self.parts)])


def split_batch_norm(network: nn.Module, parts: int) -> nn.Module:
    """The network with every batch norm split; unchanged for one part."""
    if parts == 1:
        return network
    if isinstance(network, _BatchNorm):
        return SplitBatchNorm(network, parts)
    for name, child in network.named_children():
        setattr(network, name, split_batch_norm(child, parts))
    return network


@torch.no_grad()
def settle(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace the running statistics by the plain average over `batches` (B,C,H,W).

    Fresh statistics (mean 0, variance 1) make an untrained network look collapsed.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    kept = [norm.momentum for norm in norms]
    was_training = network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
    network.train()
    for batch in batches:
        network(batch)
    network.train(was_training)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum

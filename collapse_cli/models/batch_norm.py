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


def norms_of(network: nn.Module) -> list[_BatchNorm]:
    """Every batch norm that keeps running statistics, in the order of the network's parts."""
    norms = (module for module in network.modules() if isinstance(module, _BatchNorm))
    return [norm for norm in norms if norm.running_mean is not None]


def unsettled(norm: _BatchNorm) -> bool:
    """Whether the running statistics are the initial ones, mean 0 and variance 1: no batch was ever seen."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    return bool((mean == 0).all() and (variance == 1).all())


@torch.no_grad()
def settle(network: nn.Module, batches: Iterable[Tensor], like: nn.Module | None = None) -> None:
    """Replace the running statistics by the plain average over `batches` (B,C,H,W), B of 2 or more.

    Fresh statistics (mean 0, variance 1) make an untrained network look collapsed. like: a network of the same parts, whose
    unsettled norms stay unsettled here too, so that both normalise alike. Nothing but batch norm is in training mode.
    """
    norms = norms_of(network)
    if like is not None:
        norms = [norm for norm, other in zip(norms, norms_of(like), strict=True) if not unsettled(other)]
    modes = [(module, module.training) for module in network.modules()]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
        norm.training = True
    for module in network.modules():
        if isinstance(module, SplitBatchNorm):
            module.training = module.whole.training
    for batch in batches if norms else ():
        network(batch)
    for module, training in modes:
        module.training = training
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum

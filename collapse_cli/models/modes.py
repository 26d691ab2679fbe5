"""A network in eval mode for a while, and the network that torch.compile was given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluated(network: nn.Module) -> Iterator[None]:
    """In eval mode and without gradients within it; afterwards every part is in the mode that it had."""
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training


def uncompiled(network: nn.Module) -> nn.Module:
    """The module that torch.compile was given, whose layers call their hooks and share all weights; else the network itself."""
    dynamo = sys.modules.get("torch._dynamo")  # where it is not imported, nothing was compiled
    inner = (
        network._orig_mod if dynamo is not None and isinstance(network, dynamo.OptimizedModule) else network
    )
    assert isinstance(inner, nn.Module)
    return inner

"""Which network a network is, by its weights alone: another file, device or name of it changes nothing."""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def digest(network: nn.Module) -> str:
    """SHA-256, in hex, of all parameters and buffers in the network's order, with their shapes and types.

    Two epochs of one run have two of them; a run folder, its checkpoint and a copy of that have one.
    """
    whole = hashlib.sha256()
    for tensor in network.state_dict().values():
        plain = tensor.detach().cpu().contiguous()
        whole.update(f"{plain.dtype} {tuple(plain.shape)} ".encode())
        whole.update(plain.reshape(-1).view(torch.uint8).numpy())
    return whole.hexdigest()

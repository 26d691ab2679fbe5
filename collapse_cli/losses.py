"""Losses: functions of tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def info_nce(positive: Tensor, negative: Tensor, temperature: float, exclude: Tensor | None = None) -> Tensor:
    """InfoNCE: cross-entropy of picking the positive among 1+K candidates (MoCo, arXiv:1911.05722, eq. 1).

    positive (B,), negative (B,K): cosine similarities, in [-1, 1]; temperature > 0; exclude (B,K) bool: negatives
    left out of the denominator. Returns () in nats, >= 0; log(1+K) where all similarities are equal.
    """
    logits = torch.cat([positive.unsqueeze(1), negative], dim=1) / temperature  # (B, 1+K)
    if exclude is not None:
        logits[:, 1:] = logits[:, 1:].masked_fill(exclude, -torch.inf)
    return functional.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))


def attraction(first: Tensor, second: Tensor) -> Tensor:
    """Mean ||u - u'||^2 of unit rows first, second (B,d): the alignment loss (Wang & Isola 2020, alpha = 2). () in [0, 4]."""
    return (first - second).square().sum(dim=1).mean()

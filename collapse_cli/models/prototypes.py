"""Prototypes, that images are assigned to by the cosine of their embeddings, and balanced assignments."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class Prototypes(nn.Module):
    """z (B,d) -> cosines (B,K) with K learned vectors; a linear layer whose rows and inputs have unit length, without bias."""

    def __init__(self, count: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(normalize(torch.randn(count, dim), dim=1))

    def forward(self, z: Tensor) -> Tensor:
        return normalize(z, dim=1) @ normalize(self.weight, dim=1).T


@torch.no_grad()
def sinkhorn(scores: Tensor, epsilon: float, iterations: int) -> Tensor:
    """Codes (B,K) of scores (B,K): rows sum to 1, columns nearly to B/K (SwAV, arXiv:2006.09882, eq. 3 to 5).

    exp(scores / epsilon), whose columns and rows are scaled in turn, rows last. In logarithms, so that none overflows.
    """
    logs = scores.float() / epsilon  # (B, K)
    for _ in range(iterations):
        logs = logs - logs.logsumexp(dim=0)
        logs = logs - logs.logsumexp(dim=1, keepdim=True)
    return logs.exp()

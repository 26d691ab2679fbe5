"""Contrastive losses of raw, unnormalised vectors in Gram form, and the matrix X by which each moves a linear network.

Anchors z_i = W x_i and positives z'_i = W x'_i; s_ij is the similarity of anchor i and candidate j, s_ii that of the positive
pair, and alpha its softmax over j. Either loss, mean_i -log alpha_ii, has the gradient dL/dW = -W X with X of (d, d) symmetric
(Jing et al. 2022, arXiv:2110.09348, section 4), so that gradient flow moves W by dW/dt = W X. S networks train at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

TINY = 1e-300  # an alpha that float64 has lost


@dataclass(frozen=True)
class Contrast:
    """A loss: similarities (z, z') -> s (S, B, B); matrix (alpha, x, x') -> X (S, d, d); which views are augmented."""

    similarities: Callable[[Tensor, Tensor], Tensor]
    matrix: Callable[[Tensor, Tensor, Tensor], Tensor]
    clean_anchors: bool


def contrast(name: str, temperature: float) -> Contrast:
    """The loss of that name: `distance` is the paper's Eq. 2, `dot` the loss of its published code, with a temperature."""
    if name == "distance":
        return Contrast(distances, distance_matrix, clean_anchors=True)
    return Contrast(
        partial(dots, temperature=temperature), partial(dot_matrix, temperature=temperature), False
    )


def distances(anchors: Tensor, positives: Tensor) -> Tensor:
    """s_ij = -|z_i - z_j|^2 / 2 of other anchors, s_ii = -|z_i - z'_i|^2 / 2: (S, B, d) each -> (S, B, B). Eq. 2.

    |z_i|^2 / 2, which all candidates of an anchor share and a softmax does not see, is added to every row.
    """
    half = anchors.square().sum(-1, keepdim=True) / 2  # (S, B, 1)
    ones = torch.ones_like(half)
    similar = torch.cat([anchors, ones], -1) @ torch.cat([anchors, -half], -1).mT  # z_i . z_j - |z_j|^2 / 2
    of_positives = half.squeeze(-1) - (anchors - positives).square().sum(-1) / 2
    similar.diagonal(dim1=-2, dim2=-1).copy_(of_positives)
    return similar


def dots(anchors: Tensor, positives: Tensor, temperature: float) -> Tensor:
    """s_ij = z_i . z'_j / T: (S, B, d) each -> (S, B, B). Only the other view's vectors are candidates."""
    return anchors @ positives.mT / temperature


def loss(similarities: Tensor) -> Tensor:
    """s (S, B, B) -> mean_i -log alpha_ii (S,), in nats; log B where nothing is told apart."""
    return -similarities.log_softmax(-1).diagonal(dim1=-2, dim2=-1).mean(-1)


def loss_of(alpha: Tensor) -> Tensor:
    """The same of alpha (S, B, B) itself, which has lost what is below TINY: to be read, not to be differentiated."""
    return -alpha.diagonal(dim1=-2, dim2=-1).clamp_min(TINY).log().mean(-1)


def distance_matrix(alpha: Tensor, points: Tensor, positives: Tensor) -> Tensor:
    """X = (S_0 - S_1) / B of alpha (S, B, B), x and x' (S, B, d): spread of the data less spread by augmentation.

    S_0 = sum_ij alpha_ij (x_i - x_j)(x_i - x_j)^T, S_1 = sum_i (1 - alpha_ii)(x'_i - x_i)(x'_i - x_i)^T; the paper's loss is
    a sum over the batch and has no 1/B.
    """
    across = points.mT @ (alpha @ points)  # (S, d, d), sum_ij alpha_ij x_i x_j^T
    data = points.mT @ ((1 + alpha.sum(-2)).unsqueeze(-1) * points) - across - across.mT
    moved = positives - points
    left = 1 - alpha.diagonal(dim1=-2, dim2=-1)
    augmentation = moved.mT @ (left.unsqueeze(-1) * moved)
    return (data - augmentation) / points.shape[-2]


def dot_matrix(alpha: Tensor, points: Tensor, positives: Tensor, temperature: float) -> Tensor:
    """X = (M + M^T) / (B T), M = sum_ij (delta_ij - alpha_ij) x_i x'_j^T, of alpha (S, B, B), x and x' (S, B, d)."""
    across = points.mT @ (positives - alpha @ positives)
    return (across + across.mT) / (points.shape[-2] * temperature)

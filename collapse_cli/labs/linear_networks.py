"""S networks z = W_L … W_1 x as one tensor of weights (S, L, d, d) in float64: drawn, applied, and pulled at by a loss.

Networks with fewer layers than the deepest have the identity in place of the rest, and no ReLU there.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from collapse_cli.labs.linear_losses import Contrast, loss, loss_of

DECAY = 0.35  # of the published initialisation, whose singular values are exp(-0.35 k)
ROOT_MEAN_SQUARE = 0.5  # of the singular values of the others


@dataclass(frozen=True)
class Sweep:
    """What is varied: every noise with every number of layers and every seed, S networks in this order."""

    noises: tuple[float, ...]
    layers: tuple[int, ...]
    seeds: tuple[int, ...]

    @property
    def members(self) -> list[tuple[float, int, int]]:
        """(noise, layers, seed) of each of the S networks."""
        return list(itertools.product(self.noises, self.layers, self.seeds))

    def trained(self, short: int = 0) -> Tensor:
        """(S, L, 1, 1) bool: which layers are a network's own; `short`: all but so many of its last."""
        depths = torch.tensor([layers - short for _, layers, _ in self.members]).unsqueeze(1)
        return (torch.arange(max(self.layers)) < depths)[..., None, None]


@dataclass(frozen=True)
class Motion:
    """gradient of the loss (S, L, d, d); X (S, d, d), nan where there are ReLUs; loss (S,)."""

    gradient: Tensor
    matrix: Tensor
    loss: Tensor


def initial(kind: str, layers: int, width: int, generator: Generator) -> Tensor:
    """Layers (L, d, d), drawn one after the other, so that a deeper network begins with the layers of a shallower one.

    `decaying`: the singular vectors of a matrix of uniform entries, with singular values exp(-0.35 k), k = 0, 1 … (published
    code); `gaussian`: independent entries; `orthogonal`: all singular values .5, their root mean square in a Gaussian one too.
    """
    return torch.stack([_layer(kind, width, generator) for _ in range(layers)])


def _layer(kind: str, width: int, generator: Generator) -> Tensor:
    if kind == "decaying":
        u, _, vh = torch.linalg.svd(torch.rand(width, width, generator=generator, dtype=torch.float64))
        decaying: Tensor = u * torch.exp(-DECAY * torch.arange(width, dtype=torch.float64)) @ vh
        return decaying
    drawn = torch.randn(width, width, generator=generator, dtype=torch.float64)
    if kind == "gaussian":
        scale: float = ROOT_MEAN_SQUARE / width**0.5
        return drawn * scale
    q, r = torch.linalg.qr(drawn)
    signs = r.diagonal().sign()  # so that q is uniform over all orthogonal matrices
    orthogonal: Tensor = q * (ROOT_MEAN_SQUARE * signs)
    return orthogonal


def product(weights: Tensor) -> Tensor:
    """weights (…, L, d, d) -> W = W_L … W_1 (…, d, d)."""
    return _below(weights)[-1]


def forward(weights: Tensor, points: Tensor, bent: Tensor | None = None) -> Tensor:
    """weights (S, L, d, d), x (S, n, d) -> z (S, n, d); bent (S, L, 1, 1): after which layers there is a ReLU."""
    for layer in range(weights.shape[1]):
        points = points @ weights[:, layer].mT
        points = points if bent is None else torch.where(bent[:, layer], points.relu(), points)
    return points


def linear_motion(weights: Tensor, anchors: Tensor, positives: Tensor, contrast: Contrast) -> Motion:
    """By the paper's own equations: dL/dW = -W X of the product, and dL/dW_l = (W_L … W_l+1)^T dL/dW (W_l-1 … W_1)^T."""
    below = _below(weights)
    whole = below[-1]
    alpha = contrast.similarities(anchors @ whole.mT, positives @ whole.mT).softmax(-1)  # (S, B, B)
    matrix = contrast.matrix(alpha, anchors, positives)
    pull, layers = -whole @ matrix, []
    for layer in reversed(range(weights.shape[1])):  # pull: dL/dW taken through all layers above
        layers.append(pull @ below[layer].mT)
        pull = weights[:, layer].mT @ pull
    return Motion(torch.stack(layers[::-1], 1), matrix, loss_of(alpha))


def _below(weights: Tensor) -> list[Tensor]:
    """1, W_1, W_2 W_1 … W_L … W_1, each (…, d, d)."""
    identity = torch.eye(weights.shape[-1], dtype=weights.dtype).expand(
        weights.shape[:-3] + weights.shape[-2:]
    )
    return list(
        itertools.accumulate(weights.unbind(-3), lambda lower, layer: layer @ lower, initial=identity)
    )


def bent_motion(
    weights: Tensor, bent: Tensor | None, anchors: Tensor, positives: Tensor, contrast: Contrast
) -> Motion:
    """By automatic differentiation, for networks with ReLUs: no single X moves them."""
    weights = weights.detach().requires_grad_()
    views = (forward(weights, points, bent) for points in (anchors, positives))
    losses = loss(contrast.similarities(*views))
    (gradient,) = torch.autograd.grad(losses.sum(), weights)
    return Motion(gradient, torch.full_like(weights[:, 0], torch.nan).detach(), losses.detach())

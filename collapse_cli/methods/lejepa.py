"""LeJEPA: views agree, and their embeddings are an isotropic Gaussian (Balestriero & LeCun 2025, arXiv:2511.08544)."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import own_image, sigreg
from collapse_cli.models.networks import networks
from collapse_cli.settings import Lejepa, Model
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees

POINT = (
    math.sqrt(2 * math.pi) - 2 * math.sqrt(math.pi) + math.sqrt(2 * math.pi / 3)
)  # SIGReg of the origin, over B


class Method(nn.Module):
    """SIGReg alone prevents collapse: no negatives, no stop-gradient, no slow copy, no predictor. z is not normalised."""

    temperature = negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "rows"
    compares, left_out = VIEWS, staticmethod(own_image)

    def __init__(self, settings: Lejepa, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings, self.repels = settings, settings.sigreg_weight > 0
        self.encoder, self.projector, _, self.dim = networks(model, data.image)
        self.images = 0  # of the last batch, B
        self.terms: tuple[Tensor, Tensor] | None = None  # of it

    def loss(self, batch: Batch) -> Tensor:
        """(1 - lambda) times the mean squared distance of the views from their mean, and lambda times SIGReg of each view."""
        first = self.queries(batch.first)  # (B, d)
        second = self.positives(batch.second, batch.origin)  # (B, d)
        directions = self.directions(batch.generator, first)
        predicted = (
            first - second
        ).square().mean() / 4  # each view is half of the difference away from their mean
        gaussian = (sigreg(first, directions) + sigreg(second, directions)) / 2
        self.images, self.terms = len(first), (predicted.detach(), gaussian.detach())
        weight = self.settings.sigreg_weight
        return (1 - weight) * predicted + weight * gaussian

    def directions(self, generator: Generator, like: Tensor) -> Tensor:
        """Random unit columns (d, M), the same for both views."""
        drawn = torch.randn(self.dim, self.settings.slices, generator=generator, device=generator.device)
        return normalize(drawn.to(like), dim=0)

    def queries(self, views: Tensor) -> Tensor:
        z: Tensor = self.projector(self.encoder(views)).float()  # (B, d)
        return z

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float | None:
        """The least loss of equal embeddings, .41 lambda B: all at the origin. None where that is the least loss of all."""
        weight = self.settings.sigreg_weight
        return weight * POINT * self.images if weight and self.images else None

    def diagnostics(self) -> dict[str, float]:
        names = ("distance from the mean view", "SIGReg")
        return {name: float(term) for name, term in zip(names, self.terms or (), strict=False)}

    def curves(self) -> Curves:
        return {}

"""SwAV: each view predicts the code of the other, a balanced choice of prototypes (Caron et al. 2020, arXiv:2006.09882)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from collapse_cli.losses import own_image
from collapse_cli.models.networks import networks
from collapse_cli.models.prototypes import Prototypes, sinkhorn
from collapse_cli.settings import Model, Swav
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """Balanced codes prevent collapse: a batch is spread over all prototypes. No slow copy, no predictor, no queue."""

    temperature = negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares, left_out = VIEWS, staticmethod(own_image)

    def __init__(self, settings: Swav, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings, self.repels = settings, settings.sinkhorn
        self.encoder, self.projector, _, dim = networks(model, data.image)
        self.prototypes = Prototypes(settings.prototypes, dim)
        self.last: Tensor | None = None  # codes (2B, K) of the last batch

    def loss(self, batch: Batch) -> Tensor:
        first = self.prototypes(self.queries(batch.first)).float()  # (B, K), cosines
        second = self.prototypes(self.positives(batch.second, batch.origin)).float()  # (B, K)
        codes, others = self.codes(first), self.codes(second)  # (B, K) each
        self.last = torch.cat([codes, others])
        return (self.swapped(first, others) + self.swapped(second, codes)) / 2

    @torch.no_grad()
    def codes(self, scores: Tensor) -> Tensor:
        """Rows (B,K) that sum to 1, of cosines (B,K). No gradient."""
        own = self.settings
        if own.sinkhorn:
            return sinkhorn(scores, own.epsilon, own.iterations)
        return (scores / own.epsilon).softmax(dim=1)

    def swapped(self, scores: Tensor, codes: Tensor) -> Tensor:
        """Cross-entropy of the softmax over prototypes and the code of the other view, eq. 2, (B,K) each; () in nats."""
        return -(codes * (scores / self.settings.softmax_temperature).log_softmax(dim=1)).sum(dim=1).mean()

    def queries(self, views: Tensor) -> Tensor:
        """z, not normalised."""
        z: Tensor = self.projector(self.encoder(views))
        return z  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float:
        """log K: all prototypes are chosen alike."""
        return math.log(self.settings.prototypes)

    def diagnostics(self) -> dict[str, float]:
        if self.last is None:
            return {}
        entropy = float(torch.special.entr(self.last).sum(dim=1).mean())
        return {
            "H(Q) / log K": entropy / self.chance(),
            "prototypes used": float(len(torch.unique(self.last.argmax(dim=1)))),
        }

    def curves(self) -> Curves:
        return {}

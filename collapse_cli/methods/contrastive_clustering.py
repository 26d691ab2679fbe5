"""Contrastive Clustering: rows are instances, columns are clusters (Li et al. 2021, arXiv:2009.09687)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.losses import assignment_entropy, nt_xent, own_image
from collapse_cli.models.heads import head
from collapse_cli.models.networks import networks
from collapse_cli.settings import ContrastiveClustering, Model
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """The projector is the instance head g_I; beside it a cluster head g_C says to which of M clusters an image belongs."""

    repels = True
    negatives = key_network = classifier = None
    loss_sees: Sees = "directions"
    compares, left_out = VIEWS, staticmethod(own_image)

    def __init__(self, settings: ContrastiveClustering, model: Model, data: DataShape) -> None:
        super().__init__()
        clusters = settings.clusters or data.classes
        if clusters < 2:
            raise CollapseError(
                f"contrastive-clustering cannot make {clusters} clusters (the images have {data.classes} classes)",
                "give --clusters 2 or more",
            )
        self.settings, self.temperature = settings, settings.temperature
        self.encoder, self.projector, width, _ = networks(model, data.image)
        logits = head(width, model.head_hidden, clusters, layers=2, norm=model.head_norm)
        self.cluster_head = nn.Sequential(logits, nn.Softmax(dim=1))
        self.last: Tensor | None = None  # assignments (2B, M) of the last batch

    def loss(self, batch: Batch) -> Tensor:
        h, h_prime = self.encoder(batch.first), self.encoder(batch.second)  # (B, D)
        z, z_prime = (self.instances(features) for features in (h, h_prime))  # (B, d) each
        y, y_prime = (self.cluster_head(features).float() for features in (h, h_prime))  # (B, M) each
        self.last = torch.cat([y, y_prime]).detach()
        columns, columns_prime = (
            normalize(assignments.T, dim=1) for assignments in (y, y_prime)
        )  # (M, B) each
        loss = nt_xent(z, z_prime, self.temperature)
        loss = loss + nt_xent(columns, columns_prime, self.settings.cluster_temperature)
        return loss - assignment_entropy(y) - assignment_entropy(y_prime) if self.settings.entropy else loss

    def instances(self, features: Tensor) -> Tensor:
        """h (B,D) -> unit z (B,d)."""
        return normalize(self.projector(features), dim=1)

    def queries(self, views: Tensor) -> Tensor:
        """Of instances. Clusters are columns over a batch, and no pair of images."""
        return self.instances(self.encoder(views))

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float | None:
        """log(2B-1) + log(2M-1), less 2 log M with the entropy: all rows and all columns equal."""
        if self.last is None:
            return None
        views, clusters = self.last.shape
        even = 2 * math.log(clusters) if self.settings.entropy else 0.0
        return math.log(views - 1) + math.log(2 * clusters - 1) - even

    def diagnostics(self) -> dict[str, float]:
        if self.last is None:
            return {}
        used = len(torch.unique(self.last.argmax(dim=1)))
        evenness = float(assignment_entropy(self.last)) / math.log(self.last.shape[1])
        return {"clusters used": float(used), "H(Y) / log M": evenness}

    def curves(self) -> Curves:
        return {}

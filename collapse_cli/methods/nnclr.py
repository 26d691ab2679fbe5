"""NNCLR: the positive is the nearest neighbour in a support set (Dwibedi et al. 2021, arXiv:2104.14548, sec. 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import info_nce, own_image, proxy_accuracy, without
from collapse_cli.models.heads import head
from collapse_cli.models.key_encoder import KeyQueue
from collapse_cli.models.networks import networks
from collapse_cli.settings import Model, Nnclr
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Pair, Sees


class Method(nn.Module):
    """The nearest neighbour of one view picks the prediction from the other view among those of the whole batch.

    The support set Q holds candidates for the positive. The negatives are the other images of the batch.
    """

    repels = True
    negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares, left_out = Pair("neighbour", "prediction"), staticmethod(own_image)

    def __init__(self, settings: Nnclr, model: Model, data: DataShape) -> None:
        super().__init__()
        self.temperature = settings.temperature
        self.encoder, self.projector, _, dim = networks(model, data.image)
        self.predictor = head(dim, settings.predictor_hidden, dim, layers=2, norm=True)
        self.support = KeyQueue(settings.queue, dim)
        self.fresh: list[tuple[Tensor, Origin]] = []  # embeddings of this step's batches
        self.images = 0  # in it, B
        self.proxy_accuracy: Tensor | None = None

    def loss(self, batch: Batch) -> Tensor:
        first = self.projector(self.encoder(batch.first))  # (B, d)
        second = self.projector(self.encoder(batch.second))  # (B, d)
        self.fresh = self.fresh if batch.place else []
        self.fresh.append((normalize(first.detach(), dim=1), batch.origin))
        self.images = len(first)
        return (self.contrast(first, second) + self.contrast(second, first)) / 2

    def contrast(self, z: Tensor, others: Tensor) -> Tensor:
        """InfoNCE between NN(z_i, Q) and the prediction p_i from the other view, against p_k of the batch.

        z, others (B,d): embeddings of the two views. Returns () in nats, >= 0.
        """
        predicted = self.predicted(others)  # (B, d)
        across = self.nearest(z) @ predicted.T  # (B, B)
        itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
        self.proxy_accuracy = proxy_accuracy(across.diagonal(), without(across, itself), z.shape[1])
        return info_nce(across.diagonal(), across, self.temperature, itself)

    def queries(self, views: Tensor) -> Tensor:
        """Nearest neighbours of z in the support set. The loss finds them for the z that it has already."""
        return self.nearest(self.projector(self.encoder(views)))

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """Predictions from the other view."""
        return self.predicted(self.projector(self.encoder(views)))

    def predicted(self, z: Tensor) -> Tensor:
        """z (B,d) -> unit p (B,d)."""
        return normalize(self.predictor(z), dim=1)

    @torch.no_grad()
    def nearest(self, z: Tensor) -> Tensor:
        """NN(z, Q): for each row of z (B,d) the nearest unit row of the support set (B,d). No gradient reaches z."""
        similarity = normalize(z, dim=1) @ self.support.keys.T  # (B, K), largest where ||z - q|| is smallest
        return self.support.keys[similarity.argmax(dim=1)]

    def after_step(self, progress: float) -> None:
        """The first views' embeddings enter the support set, and the oldest leave it."""
        for embeddings, origin in self.fresh:
            self.support.push(embeddings, origin)

    def chance(self) -> float | None:
        """log(B): all similarities equal."""
        return math.log(self.images) if self.images else None

    def diagnostics(self) -> dict[str, float]:
        values = {"support set in use": self.support.filled}
        if self.proxy_accuracy is not None:
            values["proxy accuracy"] = float(self.proxy_accuracy)
        return values

    def curves(self) -> Curves:
        return {}

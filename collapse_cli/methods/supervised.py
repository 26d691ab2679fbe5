"""Supervised: cross-entropy on labels, the control that every label-free method is held against."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from collapse_cli.models.networks import networks
from collapse_cli.settings import Model, Supervised
from collapse_cli.shapes import Batch, Curves, DataShape, Sees


class Method(nn.Module):
    """One view, and the cosine of unit z with unit class weights, over T: z lies on the sphere as in the others."""

    repels = True
    negatives = key_network = cluster_head = None
    loss_sees: Sees = "directions"

    def __init__(self, settings: Supervised, model: Model, data: DataShape) -> None:
        super().__init__()
        self.temperature = settings.temperature
        self.encoder, self.projector, _, dim = networks(model, data.image)
        self.weights = nn.Parameter(torch.randn(data.classes, dim))  # (C, d)
        self.accuracy: Tensor | None = None

    def loss(self, batch: Batch) -> Tensor:
        assert batch.labels is not None
        z = normalize(self.projector(self.encoder(batch.first)), dim=1)  # (B, d)
        logits = z @ normalize(self.weights, dim=1).T / self.temperature  # (B, C)
        self.accuracy = (logits.argmax(dim=1) == batch.labels).float().mean()
        return cross_entropy(logits, batch.labels)

    @property
    def classifier(self) -> Tensor:
        return self.weights

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float:
        """log(C): all classes alike."""
        return math.log(len(self.weights))

    def diagnostics(self) -> dict[str, float]:
        return {} if self.accuracy is None else {"accuracy": float(self.accuracy)}

    def curves(self) -> Curves:
        return {}

"""Supervised: cross-entropy on labels, the control that every label-free method is held against."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from collapse_cli.losses import left_out
from collapse_cli.models.networks import networks
from collapse_cli.settings import Masks, Model, Supervised
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Pair, Sees


class Method(nn.Module):
    """One view, and the cosine of unit z with unit class weights, over T: z lies on the sphere as in the others."""

    repels = True
    negatives = key_network = cluster_head = None
    loss_sees: Sees = "directions"
    compares = Pair("projection", "class weight")

    def __init__(self, settings: Supervised, model: Model, data: DataShape) -> None:
        super().__init__()
        self.temperature = settings.temperature
        self.encoder, self.projector, _, dim = networks(model, data.image)
        self.weights = nn.Parameter(torch.randn(data.classes, dim))  # (C, d)
        self.accuracy: Tensor | None = None

    def loss(self, batch: Batch) -> Tensor:
        assert batch.labels is not None
        logits = self.queries(batch.first) @ self.unit_weights.T / self.temperature  # (B, C)
        self.accuracy = (logits.argmax(dim=1) == batch.labels).float().mean()
        return cross_entropy(logits, batch.labels)

    @property
    def classifier(self) -> Tensor:
        return self.weights

    @property
    def unit_weights(self) -> Tensor:
        return normalize(self.weights, dim=1)  # (C, d)

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.projector(self.encoder(views)), dim=1)  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The weights of the images' classes, whatever their other views are."""
        assert origin.labels is not None
        return self.unit_weights[origin.labels]  # (B, d)

    def left_out(self, queries: Origin, keys: Origin, generator: Generator) -> Tensor | None:
        """The weight of the query's own class: it is the positive."""
        return left_out(queries, keys, Masks(mask_false_negatives=True), generator)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float:
        """log(C): all classes alike."""
        return math.log(len(self.weights))

    def diagnostics(self) -> dict[str, float]:
        return {} if self.accuracy is None else {"accuracy": float(self.accuracy)}

    def curves(self) -> Curves:
        return {}

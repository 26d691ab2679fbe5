"""End to end: negatives of the same batch, gradient through both sides (SimCLR, arXiv:2002.05709; MoCo's mechanism (a))."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import chance, info_nce, left_out, proxy_accuracy, without
from collapse_cli.models.networks import networks
from collapse_cli.settings import EndToEnd, Model
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """One network sees both views; every other image of the batch is a negative, and the dictionary is the batch."""

    repels = True
    negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares = VIEWS

    def __init__(self, settings: EndToEnd, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings, self.temperature = settings, settings.temperature
        self.encoder, self.projector, _, _ = networks(model, data.image)
        self.excluded: Tensor | None = None  # of the last batch
        self.proxy_accuracy: Tensor | None = None

    def loss(self, batch: Batch) -> Tensor:
        first = self.queries(batch.first)  # (B, d)
        second = self.positives(batch.second, batch.origin)  # (B, d)
        positive, origin = (first * second).sum(dim=1), batch.origin  # (B,)
        if self.settings.negatives == "both-views":
            first = second = torch.cat([first, second])  # (2B, d)
            positive, origin = positive.repeat(2), origin.twice()
        across = first @ second.T  # (B, B) or (2B, 2B)
        exclude = self.excluded = self.left_out(origin, origin, batch.generator)
        assert exclude is not None  # the own image at least
        self.proxy_accuracy = proxy_accuracy(positive, without(across, exclude), first.shape[1])
        return info_nce(positive, across, self.temperature, exclude)

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.projector(self.encoder(views)), dim=1)  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def left_out(self, queries: Origin, keys: Origin, generator: Generator) -> Tensor | None:
        return left_out(queries, keys, self.settings, generator)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float | None:
        """log(2B-1) or log(B), less what is left out: all similarities equal."""
        return None if self.excluded is None else chance(len(self.excluded), self.excluded)

    def diagnostics(self) -> dict[str, float]:
        return {} if self.proxy_accuracy is None else {"proxy accuracy": float(self.proxy_accuracy)}

    def curves(self) -> Curves:
        return {}

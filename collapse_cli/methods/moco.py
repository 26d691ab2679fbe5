"""MoCo v1/v2: a queue of keys from a slowly moving encoder (He et al. 2020, arXiv:1911.05722, Algorithm 1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import info_nce
from collapse_cli.models.batch_norm import split_batch_norm
from collapse_cli.models.encoders import encoder
from collapse_cli.models.heads import head
from collapse_cli.models.momentum import KeyQueue, follow, slow_copy
from collapse_cli.settings import Moco, Model
from collapse_cli.shapes import Batch


class Method(nn.Module):
    """Queries f_q and keys f_k; the logits see the queue before the batch's own keys enter it."""

    def __init__(self, own: Moco, model: Model, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.own = own
        network, width = encoder(model.encoder, shape, model.stem)
        projector = head(width, model.head_hidden, model.dim, model.head_layers, model.head_norm)
        self.encoder = split_batch_norm(network, own.bn_splits)
        self.projector = split_batch_norm(projector, own.bn_splits)
        self.key_encoder = slow_copy(self.encoder)
        self.key_projector = slow_copy(self.projector)
        self.queue = KeyQueue(own.queue, model.dim if model.head_layers else width)
        self.fresh: tuple[Tensor, Tensor | None, Tensor] | None = None  # keys, labels, index of this batch
        self.proxy_accuracy: Tensor | float = math.nan

    def loss(self, batch: Batch) -> Tensor:
        queries = normalize(self.projector(self.encoder(batch.first)), dim=1)  # (B, d)
        keys = self.keys(batch.second)  # (B, d)
        positive = (queries * keys).sum(dim=1)  # (B,)
        negative = queries @ self.queue.keys.T  # (B, K)
        self.fresh = keys, batch.labels, batch.index
        self.proxy_accuracy = (positive > negative.amax(dim=1)).float().mean().detach()
        return info_nce(positive, negative, self.own.temperature)

    @torch.no_grad()
    def keys(self, views: Tensor) -> Tensor:
        """views (B,C,H,W) -> k (B,d), unit rows; shuffled, each part of the batch norm meets all parts of the queries'."""
        order = torch.arange(len(views), device=views.device)
        if self.own.shuffle_bn:
            order = (order % self.own.bn_splits).argsort(stable=True)
        keys = normalize(self.key_projector(self.key_encoder(views[order])), dim=1)
        return keys[order.argsort()]

    def after_step(self, progress: float) -> None:
        follow(self.key_encoder, self.encoder, self.own.momentum)
        follow(self.key_projector, self.projector, self.own.momentum)
        if self.fresh is not None:
            self.queue.push(*self.fresh)

    def chance(self) -> float:
        """log(K+1): all similarities equal."""
        return math.log(self.own.queue + 1)

    def diagnostics(self) -> dict[str, float]:
        return {"queue filled": self.queue.filled, "proxy accuracy": float(self.proxy_accuracy)}

"""MoCo v1/v2: a queue of keys from a slowly moving encoder (He et al. 2020, arXiv:1911.05722, Algorithm 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import chance, info_nce, left_out
from collapse_cli.metrics.oracle import matching_by_rank
from collapse_cli.models.batch_norm import split_batch_norm
from collapse_cli.models.momentum import KeyQueue, follow, keys_of, momentum_at, slow_copy
from collapse_cli.models.networks import networks
from collapse_cli.settings import Moco, Model
from collapse_cli.shapes import Batch, DataShape, Origin


class Method(nn.Module):
    """Queries f_q and keys f_k; the logits see the queue before the batch's own keys enter it."""

    def __init__(self, own: Moco, model: Model, data: DataShape) -> None:
        super().__init__()
        self.own = own
        network, projector, _, dim = networks(model, data.picture)
        self.encoder = split_batch_norm(network, own.bn_splits)
        self.projector = split_batch_norm(projector, own.bn_splits)
        slow = own.key_encoder == "momentum"
        self.key_encoder = slow_copy(self.encoder) if slow else None
        self.key_projector = slow_copy(self.projector) if slow else None
        self.queue = KeyQueue(own.queue, dim)
        self.fresh: list[tuple[Tensor, Origin]] = []  # keys of this batch
        self.positive: Tensor | None = None  # (B,), similarities of the last queries with their keys
        self.negative: Tensor | None = None  # (B, K), and with the queue
        self.excluded: list[Tensor] = []  # (B, K) each, what was left out of it for this batch

    def loss(self, batch: Batch) -> Tensor:
        self.fresh, self.excluded = [], []
        loss = self.contrast(batch.first, batch.second, batch)
        if self.own.symmetric:
            loss = (loss + self.contrast(batch.second, batch.first, batch)) / 2
        return loss

    def contrast(self, views: Tensor, others: Tensor, batch: Batch) -> Tensor:
        """Queries from `views`, their positive keys from `others`, (B,C,H,W) each -> ()."""
        queries = normalize(self.projector(self.encoder(views)), dim=1)  # (B, d)
        keys = self.keys(others)  # (B, d)
        positive = (queries * keys).sum(dim=1)  # (B,)
        negative = queries @ self.queue.keys.T  # (B, K)
        exclude = left_out(batch.origin, self.queue.origin, self.own, batch.generator, self.own.mask_own)
        self.watch(positive, negative, exclude)
        self.fresh.append((keys.detach(), batch.origin))
        return info_nce(positive, negative, self.own.temperature, exclude)

    def keys(self, views: Tensor) -> Tensor:
        """views (B,C,H,W) -> k (B,d), unit rows, from the key encoder, or from the query's own where there is none."""
        encoder = self.encoder if self.key_encoder is None else self.key_encoder
        projector = self.projector if self.key_projector is None else self.key_projector
        return keys_of(views, encoder, projector, self.own)

    def watch(self, positive: Tensor, negative: Tensor, exclude: Tensor | None) -> None:
        """Keep the similarities for the diagnostics, what is left out as -inf."""
        left = negative if exclude is None else negative.masked_fill(exclude, -torch.inf)
        self.positive, self.negative = positive.detach(), left.detach()
        self.excluded += [] if exclude is None else [exclude]

    def after_step(self, progress: float) -> None:
        if self.key_encoder is not None and self.key_projector is not None:
            momentum = momentum_at(self.own, progress)
            follow(self.key_encoder, self.encoder, momentum)
            follow(self.key_projector, self.projector, momentum)
        for keys, origin in self.fresh:
            self.queue.push(keys, origin)

    def chance(self) -> float:
        """log(K+1), less what is left out: all similarities equal."""
        return chance(self.own.queue, torch.cat(self.excluded) if self.excluded else None)

    def diagnostics(self) -> dict[str, float]:
        said = {"queue filled": self.queue.filled}
        if self.positive is not None and self.negative is not None:
            said["proxy accuracy"] = float((self.positive > self.negative.amax(dim=1)).float().mean())
        return said

    def curves(self) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
        if self.positive is None or self.negative is None:
            return {}
        return {"matching probability": matching_by_rank(self.positive, self.negative, self.own.temperature)}

"""MoCo v1/v2: a queue of keys from a slowly moving encoder (He et al. 2020, arXiv:1911.05722, Algorithm 1)."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import chance, info_nce, left_out, proxy_accuracy, without
from collapse_cli.metrics.oracle import matching_by_rank
from collapse_cli.models.batch_norm import split_batch_norm
from collapse_cli.models.key_encoder import KeyQueue, follow, joined, key_copies, keys_of, momentum_at
from collapse_cli.models.networks import networks
from collapse_cli.settings import Moco, Model
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Pair, Sees


class Method(nn.Module):
    """Queries f_q and keys f_k; the logits see the queue before the batch's own keys enter it."""

    repels = True
    cluster_head = classifier = None
    loss_sees: Sees = "directions"

    def __init__(self, settings: Moco, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings, self.temperature = settings, settings.temperature
        network, projector, _, dim = networks(model, data.image)
        self.encoder = split_batch_norm(network, settings.bn_splits)
        self.projector = split_batch_norm(projector, settings.bn_splits)
        self.key_encoder, self.key_projector = key_copies(self.encoder, self.projector, settings)
        self.queue = KeyQueue(settings.queue, dim)
        self.fresh: list[tuple[Tensor, Origin]] = []  # keys of this step's batches
        self.similarities: list[tuple[Tensor, Tensor]] = []  # (B,) of queries and keys, (B, K) and queue
        self.excluded: list[Tensor] = []  # (B, K) each, what was left out of it for this batch

    @property
    def negatives(self) -> KeyQueue:
        return self.queue

    @property
    def key_network(self) -> nn.Module | None:
        return joined(self.key_encoder, self.key_projector)

    @property
    def query_network(self) -> nn.Module:
        return nn.Sequential(self.encoder, self.projector)

    @property
    def compares(self) -> Pair:
        return Pair("projection", "projection" if self.key_network is None else "key")

    def loss(self, batch: Batch) -> Tensor:
        self.fresh = self.fresh if batch.place else []
        self.excluded, self.similarities = [], []
        loss = self.contrast(batch.first, batch.second, batch)
        if self.settings.symmetric:
            loss = (loss + self.contrast(batch.second, batch.first, batch)) / 2
        return loss

    def contrast(self, views: Tensor, others: Tensor, batch: Batch) -> Tensor:
        """Queries from `views`, their positive keys from `others`, (B,C,H,W) each -> ()."""
        queries = self.queries(views)  # (B, d)
        keys = self.positives(others, batch.origin)  # (B, d)
        positive = (queries * keys).sum(dim=1)  # (B,)
        negative = queries @ self.queue.keys.T  # (B, K)
        exclude = self.left_out(batch.origin, self.queue.origin, batch.generator)
        self.similarities.append((positive.detach(), without(negative, exclude).detach()))
        self.excluded += [] if exclude is None else [exclude]
        self.fresh.append((keys.detach(), batch.origin))
        return info_nce(positive, negative, self.temperature, exclude)

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.query_network(views), dim=1)  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The keys of the other views."""
        return self.keys(views)

    def left_out(self, queries: Origin, keys: Origin, generator: Generator) -> Tensor | None:
        return left_out(queries, keys, self.settings, generator, self.settings.mask_own)

    def keys(self, views: Tensor) -> Tensor:
        """views (B,C,H,W) -> k (B,d), unit rows, from the key encoder, or from the query's own where there is none."""
        network = self.query_network if self.key_network is None else self.key_network
        return keys_of(views, network, self.settings)

    def after_step(self, progress: float) -> None:
        if self.key_network is not None:
            follow(self.key_network, self.query_network, momentum_at(self.settings, progress))
        for keys, origin in self.fresh:
            self.queue.push(keys, origin)

    def chance(self) -> float:
        """log(K+1), less what is left out: all similarities equal."""
        return chance(self.settings.queue, torch.cat(self.excluded) if self.excluded else None)

    @property
    def contrasted(self) -> tuple[Tensor, Tensor]:
        """Similarities of all queries of the last batch, each view's where both are queries: positive (B,), negative (B,K)."""
        positive, negative = (torch.cat(parts) for parts in zip(*self.similarities, strict=True))
        return positive, negative

    def diagnostics(self) -> dict[str, float]:
        values = {"queue filled": self.queue.filled}
        if self.similarities:
            values["proxy accuracy"] = float(proxy_accuracy(*self.contrasted, self.queue.keys.shape[1]))
        return values

    def curves(self) -> Curves:
        if not self.similarities:
            return {}
        return {"matching probability": matching_by_rank(*self.contrasted, self.temperature)}

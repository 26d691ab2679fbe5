"""Whether the keys of a queue are consistent, young enough and told apart: what its negatives say of a collapse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from collapse_cli import embedding
from collapse_cli.metrics import causes
from collapse_cli.metrics.alignment import mean_cosine
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.causes_steps import FEW
from collapse_cli.metrics.oracle import Oracle, oracle
from collapse_cli.models.key_encoder import KeyQueue
from collapse_cli.root_causes import LOOKED_AT, Case, Trained
from collapse_cli.settings import Keys, Masks, Mochi

FINE = 16  # keys, with fewer of which a share of them says too little


def keys(case: Case, trained: Trained) -> list[Cause | None]:
    """Whether the keys of a queue are consistent, no longer random, and young enough."""
    queue = case.method.negatives
    if queue is None:
        return []
    size, momentum, steps = len(queue.keys), trained.momentum, trained.steps
    fast = causes.fast_keys(size, trained.keys_per_step, momentum)
    long = causes.long_queue(size, trained.keys_per_epoch, stale(case, queue))
    return [
        replace(fast, cure={**fast.cure, **_followed(trained)}),
        causes.slow_keys(momentum, steps) if steps >= FEW else None,
        replace(long, cure={**long.cure, **_mixed(trained, long.cure["queue"])}),
    ]


def _followed(trained: Trained) -> dict[str, Any]:
    """What a momentum needs in order to count: a key encoder that follows."""
    settings = trained.run.settings
    follows = not isinstance(settings, Keys) or settings.key_encoder == "momentum"
    return {} if follows else {"key_encoder": "momentum"}


def _mixed(trained: Trained, queue: int) -> dict[str, Any]:
    """MoCHi chooses its hardest negatives among the keys of the queue."""
    settings = trained.run.settings
    return {"hardest": queue} if isinstance(settings, Mochi) and settings.hardest > queue else {}


def stale(case: Case, queue: KeyQueue) -> float | None:
    """`causes.staleness` of the queue's keys. None where these are not the images that it was filled with."""
    network, size = case.method.key_network, len(queue.keys)
    age = (queue.seen - 1 - torch.arange(size, device=queue.keys.device)) % size  # (K,)
    young, old = ((queue.index >= 0) & chosen for chosen in (age < max(size // 10, 1), age >= size // 2))
    learned = case.trained is not None and case.trained.data == case.images.data_shape
    if not learned or network is None or not young.any() or not old.any():
        return None
    (youngest, today), (older, _) = (agreement(case, queue, network, chosen) for chosen in (young, old))
    return causes.staleness(older, youngest, mean_cosine(today))


@torch.no_grad()
def agreement(case: Case, queue: KeyQueue, network: nn.Module, chosen: Tensor) -> tuple[float, Tensor]:
    """Of the chosen (K,) bool keys: mean cosine with the network's clean keys (n,d) of the same images, and those."""
    places = chosen.nonzero().squeeze(1)[:LOOKED_AT]
    pixels = embedding.take(case.images, queue.index[places], queue.keys.device).float() / 255
    today = nn.functional.normalize(network.eval()(case.normalisation(pixels)), dim=1)
    return float((queue.keys[places] * today).sum(dim=1).mean()), today


def negatives(case: Case, trained: Trained) -> list[Cause]:
    """How the push of the queue's keys is shared out among them, and how much of it falls on the query's own class."""
    measured, temperature, settings = shared_out(case), case.method.temperature, trained.run.settings
    if measured is None or temperature is None:
        return []
    masked = isinstance(settings, Masks) and settings.mask_false_negatives
    candidates = []
    if (
        case.std_sqrt_d >= causes.SPREAD and measured.keys >= FINE
    ):  # else similarities are high for all, whatever T
        candidates.append(causes.even_negatives(measured.half_mass / measured.keys, temperature))
    if case.images.labels is not None and case.same_classes and not masked:
        candidates.append(causes.false_negatives(measured.mass, measured.share))
    return candidates


def shared_out(case: Case) -> Oracle | None:
    """Clean queries against the run's own queue of negatives."""
    queue, temperature = case.method.negatives, case.method.temperature
    if queue is None or temperature is None or not int(queue.seen):
        return None
    filled, rows = queue.index >= 0, nn.functional.normalize(case.space.float(), dim=1)
    labels = case.clean.labels if case.clean.labels is not None else torch.full((len(rows),), -1)
    return oracle(
        rows, queue.keys[filled].cpu().float(), labels, queue.labels[filled].cpu(), case.clean.index,
        queue.index[filled].cpu(), temperature,
    )  # fmt: skip

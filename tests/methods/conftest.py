"""What tests of methods share: small methods, and rows of theirs made by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli import methods
from collapse_cli.settings import resolve
from collapse_cli.shapes import DataShape

SMALL = {"encoder": "mlp", "dim": 8}
OWN: dict[str, dict[str, Any]] = {
    "moco": {"queue": 10},
    "mochi": {"queue": 10, "hardest": 4},
    "memory-bank": {"negatives": 12},
    "directclr": {"subvector": 8},
    "simsiam": {"predictor_hidden": 4},
    "byol": {"predictor_hidden": 16},
    "dino": {"prototypes": 12},
    "swav": {"prototypes": 12},
    "nnclr": {"queue": 20, "predictor_hidden": 16},
}


@pytest.fixture
def knobs() -> Callable[..., dict[str, Any]]:
    """The settings of a small method by name, under those given: an MLP, d = 8, few negatives."""
    return lambda name, **given: SMALL | OWN.get(name, {}) | given


@pytest.fixture
def build(knobs: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """A small method by name for 200 grey 8x8 images of 3 classes; classes=0: without labels."""

    def built(name: str, classes: int = 3, images: int = 200, **given: Any) -> Any:
        return methods.build(resolve(name, knobs(name, **given)), DataShape((1, 8, 8), images, classes))

    return built


@pytest.fixture
def embed() -> Callable[[nn.Module, nn.Module, Tensor], Tensor]:
    """Views (B,C,H,W) through an encoder and a projector, unit rows (B,d) with gradient."""
    return lambda encoder, projector, views: normalize(projector(encoder(views)), dim=1)


@pytest.fixture
def slow_info_nce() -> Callable[..., float]:
    """MoCo, eq. 1, one term at a time: queries, keys (B,d) and, for each query, the rows that are its negatives."""

    def slow(
        queries: Tensor, keys: Tensor, negatives: Sequence[Iterable[Tensor]], temperature: float
    ) -> float:
        total = 0.0
        for query, key, others in zip(queries.detach(), keys.detach(), negatives, strict=True):
            own = math.exp(float(query @ key) / temperature)
            below = own + sum(math.exp(float(query @ other.detach()) / temperature) for other in others)
            total -= math.log(own / below)
        return total / len(queries)

    return slow


@pytest.fixture
def apart() -> Callable[[Iterable[Tensor], Iterable[Tensor]], float]:
    """How far two gradients are from one another, over the length of the first."""

    def distance(ours: Iterable[Tensor], theirs: Iterable[Tensor]) -> float:
        one, other = (torch.cat([part.flatten() for part in parts]) for parts in (ours, theirs))
        return float((one - other).norm() / one.norm())

    return distance

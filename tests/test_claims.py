"""What the papers claim, measured on digits over three seeds. Minutes of training: run with `make claims`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import mean

import pytest
import torch
from torch.nn.functional import normalize

from collapse_cli import data, embedding
from collapse_cli.commands.train import fresh, settled
from collapse_cli.metrics.alignment import spread, uniformity
from collapse_cli.metrics.probe import few_labels
from collapse_cli.settings import resolve
from collapse_cli.training import train

SEEDS = (0, 1, 2)
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Outcome:
    std_sqrt_d: float
    uniformity: float
    few_labels: float


@cache
def outcome(method: str, seed: int, epochs: int) -> Outcome:
    """One run with the default settings: K=512, m=.99, T=.2, B=64, no batch norm in the projector."""
    images, test = data.load("digits", "train"), data.load("digits", "test")
    run = settled(resolve(method, {"seed": seed, "epochs": epochs}), images)
    kept = fresh(run, images, "cpu")
    for _ in train(kept.method, images, kept.normalisation, run.training, kept.state):
        pass
    found = embedding.embed(kept.method, images, kept.normalisation, torch.arange(len(images)))
    held = embedding.embed(kept.method, test, kept.normalisation, torch.arange(len(test)))
    z = normalize(found.projections, dim=1)
    probed = few_labels(
        found.representations, found.labels, held.representations, held.labels,
        torch.Generator().manual_seed(seed),
    )  # fmt: skip
    return Outcome(spread(z), uniformity(z), float(probed.accuracy))


def test_positive_only_collapses_completely() -> None:
    found = [outcome("positive-only", seed, 14).std_sqrt_d for seed in SEEDS]
    print("positive-only std·√d", found)
    assert max(found) < 0.05


def test_moco_spreads_and_serves_a_probe() -> None:
    found = [outcome("moco", seed, 40) for seed in SEEDS]
    print("moco", found)
    assert min(one.std_sqrt_d for one in found) > 0.9
    assert mean(one.few_labels for one in found) >= 0.91


def test_mochi_is_more_uniform_than_moco() -> None:
    pairs = [(outcome("mochi", seed, 40), outcome("moco", seed, 40)) for seed in SEEDS]
    print("mochi, moco", pairs)
    assert all(mochi.uniformity < moco.uniformity for mochi, moco in pairs)

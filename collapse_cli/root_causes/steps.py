"""How far training moved the weights of a network, and by what: its learning rate, its decay, its temperature, too few steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median
from typing import Any

from torch import Tensor, nn

from collapse_cli.metrics import causes_steps
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.rows import unit
from collapse_cli.metrics.weights import flat
from collapse_cli.root_causes import Case, Trained
from collapse_cli.schedule import learning_rate
from collapse_cli.settings import resolve

INTACT = 0.85
"""std·√d of z, from which nothing is lost to decay, whatever the weights' norms: they may fall while batch norm keeps the scale.
.0 to .67 at a weight decay of .1 and .3, .93 at .01."""

UNFINISHED = 0.45
"""std·√d of z, below which a run of few steps is said to pass through a collapse: .15 and .27 after 21 and 42 steps of MoCo on
digits; at initialisation .61."""


def _weights(network: nn.Module) -> Iterator[Tensor]:
    return (flat(parameter) for parameter in network.parameters() if parameter.ndim > 1)


def moved(case: Case) -> float | None:
    """||W - W_0||_F / ||W_0||_F of the encoder's median layer; None where it has none."""
    assert case.initial_weights is not None
    pairs = zip(_weights(case.method.encoder), _weights(case.initial_weights.encoder), strict=True)
    by = [float((now - before).norm() / before.norm()) for now, before in pairs]
    return median(by) if by else None


def unlearned(case: Case, trained: Trained) -> Cause | None:
    """Whether the network is at its initialisation. The cure: the method's usual rate, more steps, or ten times the rate."""
    distance = moved(case)
    if distance is None or not trained.steps:
        return None
    lr, usual = trained.run.training.lr, resolve(trained.run.method).training.lr
    cure: dict[str, Any] = {"lr": usual if lr < usual else 10 * lr}
    if lr >= usual and trained.steps < causes_steps.FEW:
        cure = {"epochs": enough(trained)}
    return causes_steps.nothing_learned(distance, lr, cure)


def enough(trained: Trained) -> int:
    """Epochs of so many steps as a training needs, and no fewer than are planned."""
    needed = math.ceil(causes_steps.ENOUGH * trained.epochs / trained.steps)
    return max(needed, trained.run.training.epochs)


def steps(case: Case, trained: Trained, few: bool) -> list[Cause | None]:
    """Weights that have run away, by their rate or by a low temperature; weights that have decayed.

    few: whether negatives are too few, as in a batch of four, whose gradients let weights grow at the usual rate.
    """
    grown, temperature = moved(case), case.method.temperature
    sharp = None
    if temperature is not None and case.initial is not None:
        sharp = causes_steps.low_temperature(similarity_spread(case.initial), temperature)
    fast = None
    explained = (sharp is not None and sharp.times >= 1) or (few and not case.is_a_point)  # at any rate
    if grown is not None and not explained:
        fast = causes_steps.large_steps(grown, trained.run.training.lr)
    return [sharp, fast, decay(case, trained)]


def similarity_spread(rows: Tensor) -> float:
    """Of embeddings (N,d): the standard deviation of one row's cosines to the others, its mean over rows."""
    unit_rows = unit(rows)[:512]  # (n, d)
    cosines = unit_rows @ unit_rows.T  # (n, n)
    n = len(cosines)
    others = cosines.flatten()[1:].view(n - 1, n + 1)[:, :-1].reshape(n, n - 1)  # without the diagonal
    return float(others.std(dim=1, correction=0).mean())


def decay(case: Case, trained: Trained) -> Cause | None:
    """What is left of the weights, and what decay alone would have left of them."""
    assert case.untrained is not None
    training = trained.run.training
    now, before = (
        [*_weights(method.encoder), *_weights(method.projector)] for method in (case.method, case.untrained)
    )
    scaled = (
        training.optimizer == "lars"
    )  # by the size of a layer over that of its gradients, which is not known any more
    if not before or not training.weight_decay or scaled or case.std_sqrt_d >= INTACT:
        return None
    left = median(float(w.norm() / first.norm()) for w, first in zip(now, before, strict=True))
    size = median(float(first.square().mean().sqrt()) for first in before)
    adam = training.optimizer == "adam"
    alone = causes_steps.decayed(training.weight_decay, rates(trained), adam, size)
    usual = resolve(trained.run.method).training.weight_decay
    milder = usual if usual < training.weight_decay else training.weight_decay / 10
    return causes_steps.strong_decay(left, alone, training.weight_decay, milder)


def rates(trained: Trained) -> float:
    """Sum of the learning rate over the steps done, over 1 - SGD's momentum, whose steps add up to so much more."""
    training = trained.run.training
    mean = math.fsum(
        learning_rate(training, (epoch + 0.5) / training.epochs, training.warmup / training.epochs)
        for epoch in range(trained.epochs)
    )
    longer = 1.0 if training.optimizer == "adam" else 1 - training.sgd_momentum
    return mean * trained.steps / max(trained.epochs, 1) / longer


def unfinished(case: Case, trained: Trained) -> Cause | None:
    """A collapse that training passes through. Asked where no other cause of it is found."""
    if not trained.steps or case.std_sqrt_d >= UNFINISHED:
        return None
    return causes_steps.few_steps(trained.steps, enough(trained))

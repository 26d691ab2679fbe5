"""How far training moved the weights, and what it was that moved them. Rules as in `metrics.causes`; W_0 at initialisation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from collapse_cli.metrics.causes import SOFT, Cause, over
from collapse_cli.values import Measured

GROWN = math.sqrt(2)
"""||W - W_0|| / ||W_0||, the median layer's: unrelated matrices of one norm are √2 apart; beyond it weights have grown."""

DECAYED = 0.3
"""||W|| / ||W_0||, the median layer's. Runs that do not fail end at 1.0 to 2.1; at a weight decay of .1 and .3 at 0."""

MOVED = 0.025
"""||W - W_0|| / ||W_0||, the median layer's. MoCo on digits: .0001 at a learning rate of 1e-6, .01 at 1e-4, whose ranks are those
of the initialisation; .07 at 1e-3, .2 after one epoch at .05, which learn."""

SHARP = 2.0
"""Standard deviation of the similarities at initialisation, over T: 21 at T = .005, 5.2 at .02, which collapse, 1.5 at .07, .5 at
.2. Of n Gaussian similarities with such a spread exp(s²) share the push as one; beyond 2 the nearest take all."""

FEW = 100.0
"""Steps. MoCo on digits passes through a collapse: std·√d of z is .15 after 21 steps, .27 after 42, .51 after 84."""

ENOUGH = 600  # steps that a cure aims at


def large_steps(grown: float, lr: float) -> Cause:
    """Weights have run away. grown: median over the encoder's layers of ||W - W_0||_F / ||W_0||_F."""
    sentence = (
        f"the median layer of the encoder has moved by {grown:.2g} times its initial norm, at "
        f"a learning rate of {lr:g}"
    )
    return over(
        "learning rate too high", "a point", "‖W−W₀‖/‖W₀‖", grown, GROWN, sentence, lr=float(f"{lr / 10:.3g}")
    )


def low_temperature(spread: float, temperature: float) -> Cause:
    """The softmax is a maximum: the nearest negatives take the push, 1/T times as strong (Wang & Liu 2021, arXiv:2012.09740).

    spread: standard deviation of one image's similarities to others, of the network at initialisation.
    """
    sentence = (
        f"similarities at initialisation have a standard deviation of {spread / temperature:.3g} "
        f"times T {temperature:g}, so the nearest negatives take all of the repulsion, and "
        f"gradients are {1 / temperature:.3g} times those of a cosine"
    )
    return over(
        "temperature too low", "a point", "std of similarities / T", spread / temperature, SHARP, sentence,
        temperature=2 * temperature if temperature >= SOFT else SOFT,
    )  # fmt: skip


def strong_decay(norm: float, explained: float, decay: float, milder: float) -> Cause:
    """Weights have decayed to nothing. norm: median over the layers of ||W|| / ||W_0||; explained: what decay alone leaves.

    The larger of both is the evidence: norms may fall for another reason, and a decay may be held off by the loss.
    """
    sentence = (
        f"{norm:.2g} of the initial norm of the median layer is left; weight decay {decay:g} "
        f"alone would leave {explained:.2g}"
    )
    left = max(norm, explained)
    return Cause(
        "weight decay too strong", "lost scale", "‖W‖/‖W₀‖", DECAYED / max(left, 1e-3), Measured(left, null=DECAYED), sentence,
        {"weight_decay": milder},
    )  # fmt: skip


def nothing_learned(moved: float, lr: float, cure: Mapping[str, Any]) -> Cause:
    """The network is at its initialisation. moved: median over the encoder's layers of ||W - W_0||_F / ||W_0||_F."""
    sentence = (
        f"the median layer of the encoder has moved by {moved:.1g} times its initial norm, at "
        f"a learning rate of {lr:g}: the network is still at its initialisation"
    )
    return Cause(
        "nothing was learned", "nothing learned", "‖W−W₀‖/‖W₀‖", MOVED / max(moved, 1e-6), Measured(moved, null=MOVED), sentence,
        cure,
    )  # fmt: skip


def few_steps(steps: int, epochs: int) -> Cause:
    """Training passes through a collapse, and stopped there. epochs: that would be enough."""
    sentence = (
        f"after {steps} steps z is still close to the single point that training passes "
        "through; the run is unfinished"
    )
    return Cause(
        "too few steps", "a point", "steps", FEW / max(steps, 1), Measured(float(steps), null=FEW), sentence, {"epochs": epochs}
    )  # fmt: skip


def decayed(decay: float, rates: float, adam: bool, size: float) -> float:
    """What weight decay alone leaves of a weight, in [0, 1].

    rates: sum of the learning rate over the steps, over 1 - momentum for SGD, which shrinks weights by exp(-rates·decay). Adam
    divides by the gradient's size: where the decay is most of it, a weight of root mean square `size` falls by the learning
    rate at every step.
    """
    return max(1 - rates / size, 0.0) if adam else math.exp(-rates * decay)

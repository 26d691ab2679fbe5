"""The rules by which what was measured on a run becomes a ranked list of causes, each with the settings that would cure it.

A rule compares one number with the threshold from which it is a cause, and says how many times over it is; causes are ranked by
that. Measured runs are on digits (`collapse claims causes`); K keys, B images a step, N images, m the key encoder's momentum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from collapse_cli.results import number
from collapse_cli.values import Measured

POINT = 0.25
"""std·√d of z, below which all images are at one point: runs on digits whose loss ends at its chance level end at .02 to .20."""

LOST = 0.5
"""Of the directions at initialisation: a product of linear layers that keeps fewer has lost its rank."""

SPREAD = 0.7
"""std·√d of z: what brings everything to a point is no cause where this is reached. Runs that do not fail end at .73 or more."""

RECOGNISED = 0.6
"""Views recognised: .5 by chance. In an untrained network .67 at strength 1, which learns, and .51 from 1.5 on, which do not."""

RENEWED = 0.5
"""(K/B)(1 - m), how often the key encoder renews itself while a key waits. .08 trains, .8 half collapses, 4 collapses. MoCo's own
is .26 (arXiv:1911.05722, sec. 4.1: K 65536, B 256, m .999); its m = 0, which fails, is 256."""

EPOCHS = 1.0
"""K over the keys of an epoch: from one on the queue holds older keys of most queries' own images, as negatives."""

INITIAL = 0.75
"""m^steps, what is left of the key encoder's random initialisation. At .57 (.999, 567 steps) a run is as good as at .003."""

EVEN = 0.25
"""Share of the keys that holds half the negatives' softmax mass; uniform: .5. Of Gaussian similarities it is Phi(-std/T): above a
quarter, T is more than 1.5 standard deviations. .06 at T = .2, .30 at T = 1."""

WRONG = 0.5
"""Share of the negatives' softmax mass on the query's own class: above it, more of the push is wrong than right."""

SOFT = 0.2  # temperature of runs that do not fail
TARGET = 0.1  # (K/B)(1 - m) that a cure aims at
MOMENTA = (0.9, 0.99, 0.999, 0.9999)


NAMES = (
    "nothing prevents collapse",
    "stop-gradient removed",
    "predictor removed",
    "stop-gradient and predictor removed",
    "uniformity too weak",
    "variance term too weak",
    "augmentation too strong",
    "key encoder too fast",
    "queue too long",
    "projector deep and linear",
    "weight decay too strong",
    "learning rate too high",
    "temperature too low",
    "temperature too high",
    "too few negatives",
    "too few steps",
    "nothing was learned",
    "key encoder too slow",
    "false negatives",
    "images that hardly differ",
    "labels of one class",
    "SIGReg too weak",
    "centering removed",
    "sharpening removed",
    "centering and sharpening removed",
    "Sinkhorn removed",
)
Effect = Literal["a point", "lost scale", "few dimensions", "nothing learned", "little learned"]


@dataclass(frozen=True)
class Cause:
    """Causes examined, the likeliest first; a cause is found from 1 times the threshold on."""

    name: str
    effect: Effect
    measured: str
    times: float = number(
        "the evidence as a multiple of the threshold; it is a cause from 1 on",
        label="× threshold", headline=True,
    )  # fmt: skip
    evidence: float = number("what was measured", label="evidence", null="threshold", headline=True)
    sentence: str = ""
    cure: Mapping[str, Any] = field(default_factory=dict)
    instead: str = ""  # the method that would be trained in place of the run's own

    @property
    def curable(self) -> bool:
        """Whether another training would be without it; the data are no setting."""
        return bool(self.cure or self.instead)

    def detected(self, std_sqrt_d: float) -> bool:
        """Whether the evidence suffices, and z of this std·√d shows the effect: what is spread was not brought to a point."""
        return self.times >= 1 and (self.effect != "a point" or std_sqrt_d < SPREAD)


def ranked(causes: Iterable[Cause | None], std_sqrt_d: float) -> list[Cause]:
    """Those that could be asked about (not None): first what collapses z, then what costs learning, then what is not found."""

    def place(cause: Cause) -> tuple[bool, bool, float]:
        detected = cause.detected(std_sqrt_d)
        return not detected, detected and cause.effect == "little learned", -cause.times

    return sorted((cause for cause in causes if cause), key=place)


def first(ranked: Sequence[Cause], std_sqrt_d: float) -> int:
    """The likeliest cause of collapse by its place in NAMES, from 1; 0: none found."""
    collapsing = (
        cause for cause in ranked if cause.detected(std_sqrt_d) and cause.effect != "little learned"
    )
    return next((NAMES.index(cause.name) + 1 for cause in collapsing), 0)


def over(
    name: str, effect: Effect, measured: str, value: float, threshold: float, sentence: str, **cure: Any
) -> Cause:
    """A cause whose evidence is a large value."""
    return Cause(name, effect, measured, value / threshold, Measured(value, null=threshold), sentence, cure)


def strong_augmentation(recognised: float, uncertain: float, strength: float, milder: float) -> Cause:
    """Nothing of the image is left in its views. recognised: in h, of the run's views; uncertain: its standard error.

    milder: a strength at which they are recognised. At the threshold 1 time, half as far above chance 2.
    """
    sentence = (
        f"at strength {strength:g} the other view of an image is distinguished from another "
        f"image's view in {recognised:.0%} of cases (chance level: 50 %)"
    )
    times = (RECOGNISED - 0.5) / max(recognised - 0.5, uncertain, 1e-6)
    return Cause(
        "augmentation too strong", "a point", "views recognised", times, Measured(recognised, null=RECOGNISED), sentence,
        {"strength": milder},
    )  # fmt: skip


def fast_keys(queue: int, batch: int, momentum: float) -> Cause:
    """Keys in the queue are another encoder's than the query's. batch: keys that each step brings."""
    waits = queue / batch  # steps
    slower = next((m for m in MOMENTA if waits * (1 - m) <= TARGET), MOMENTA[-1])
    renewal = 1 / (1 - momentum) if momentum < 1 else math.inf
    sentence = (
        f"a key waits {waits:.3g} steps in the queue, while the key encoder changes completely "
        f"within {renewal:.3g} steps"
    )
    renewed = waits * (1 - momentum)
    return over("key encoder too fast", "a point", "(K/B)(1−m)", renewed, RENEWED, sentence, momentum=slower)


def slow_keys(momentum: float, steps: int) -> Cause:
    """Keys are still those of a random network. steps: done so far."""
    left = momentum**steps
    faster = next((m for m in reversed(MOMENTA) if m**steps <= 0.1), MOMENTA[0])
    sentence = f"after {steps} steps {left:.0%} of the key encoder is still its random initialisation"
    return over("key encoder too slow", "little learned", "m^steps", left, INITIAL, sentence, momentum=faster)


def long_queue(queue: int, epoch: int, stale: float | None) -> Cause:
    """Keys are older than an epoch. epoch: keys of one; stale: see `staleness`; None where it could not be measured."""
    shorter = 2 ** max(math.floor(math.log2(max(epoch / 2, 1))), 1)
    sentence = (
        f"the queue holds {queue / epoch:.3g} epochs of keys, among them older keys of the query's own image"
    )
    if stale is not None:
        sentence += (
            f"; the older half of the keys has {max(1 - stale, 0):.0%} of the agreement that "
            "the youngest keys have with today's keys"
        )
    return over(
        "queue too long", "a point", "epochs in the queue", queue / epoch, EPOCHS, sentence, queue=shorter
    )


def staleness(older: float, youngest: float, others: float) -> float | None:
    """What the older half of a queue lacks of the youngest tenth's agreement with today's keys of the same images.

    Mean cosines: of both with today's keys, and of today's keys of different images. 0: as good as young; 1 and more: they say
    nothing of their image. None where today's keys hardly tell images apart either.
    """
    agreement = youngest - others
    return (youngest - older) / agreement if agreement > 0.05 else None


def deep_linear(layers: int, together: int, before: int, poorest: int) -> Cause:
    """A product of linear layers has lost rank that none of them has lost: implicit regularisation (arXiv:2110.09348, Theorem 3).

    Living directions of the product now and before training, and of its poorest layer.
    """
    sentence = (
        f"{layers} linear layers in a row together keep {together} directions ({before} at "
        f"initialisation); each layer alone keeps {poorest} or more"
    )
    cure = {"head_layers": 2, "head_activation": "relu"}
    return Cause(
        "projector deep and linear", "few dimensions", "surviving directions", LOST * before / max(together, 1),
        Measured(together, null=LOST * before), sentence, cure,
    )  # fmt: skip


def even_negatives(half_mass: float, temperature: float) -> Cause:
    """All negatives push alike: too little on the near ones. half_mass: share of the keys that holds half the softmax mass."""
    sentence = (
        f"at T {temperature:g} half of the repulsion comes from {half_mass:.0%} of the keys "
        "(50 % if all keys counted equally)"
    )
    return over(
        "temperature too high",
        "few dimensions",
        "keys with half of the repulsion",
        half_mass,
        EVEN,
        sentence,
        temperature=min(SOFT, temperature / 2),
    )


def false_negatives(mass: float, share: float) -> Cause:
    """The push falls on the query's own class (MoCHi, arXiv:2010.01028, sec. 3.2). It costs accuracy; the cure is an oracle's."""
    sentence = (
        f"{mass:.0%} of the repulsion comes from the query's own class, which has {share:.0%} "
        "of the keys; the cure reads labels, as an oracle"
    )
    return over(
        "false negatives",
        "little learned",
        "repulsion from the same class",
        mass,
        WRONG,
        sentence,
        mask_false_negatives=True,
    )

"""The learning signal of a run, beside its causes of collapse, and that of the cures tried."""

from __future__ import annotations

from dataclasses import dataclass

from collapse_cli.metrics.causes import POINT
from collapse_cli.results import curve, each, number
from collapse_cli.values import Curve

UNIT = "L2-normalised embeddings, centred"


@dataclass(frozen=True)
class Signal:
    """Learning signal."""

    std_sqrt_d: float = number(
        "std·√d of z, the space that the loss sees", label="std·√d of z", headline=True, low=0
    )
    effective_rank_h: float = number(
        "exp of the entropy of the eigenvalues of the covariance of h",
        label="effective rank of h",
        convention=UNIT,
        low=0,
    )
    effective_rank_z: float = number(
        "exp of the entropy of the eigenvalues of the covariance of z",
        label="effective rank of z",
        convention=UNIT,
        headline=True,
        low=0,
    )
    loss: float | None = number(
        "mean training loss of the last epoch", null="chance level", headline=True, default=None
    )
    steps: int | None = number("steps of training that are done", default=None)
    key_waits: float | None = number(
        "steps that a key waits in the queue, K/B", unit="steps", default=None, low=0
    )
    key_encoder: float | None = number(
        "steps after which the key encoder has changed completely, 1/(1 - m)", label="key encoder's time scale", unit="steps",
        default=None,
        low=0
    )  # fmt: skip
    queue_age: float | None = number(
        "length of the queue in epochs: K over the keys that an epoch of whole batches brings",
        label="queue", unit="epochs", default=None, low=0,
    )  # fmt: skip
    course: Curve | None = curve(
        "std·√d of z after each epoch", label="std·√d of z by epoch", x="epoch", y="std·√d", sketch=True,
        low=0, default=None
    )  # fmt: skip
    by_cause: dict[str, float] | None = each(
        "evidence as a multiple of the threshold; it is a cause from 1 on", of="cause", label="times the threshold",
        null="threshold", default=None,
    )  # fmt: skip
    losses: Curve | None = curve(
        "mean training loss of each epoch",
        label="loss by epoch",
        x="epoch",
        y="loss",
        null="chance level",
        default=None,
    )


RETURNED = 0.45
"""std·√d of z, from which a few epochs have brought it back from a point: MoCo on digits has .49 after two, .15 after one."""

HIGHER = 1.3
"""Times the run's own effective rank, from which a few epochs have given z more directions."""


@dataclass(frozen=True)
class Tried:
    """Changes tried, beside the run itself."""

    std_sqrt_d: float = number(
        "std·√d of z after the epochs of the trial", label="std·√d of z", null="the run", headline=True, low=0
    )
    effective_rank: float = number(
        "exp of the entropy of the eigenvalues of the covariance of z",
        label="effective rank of z",
        null="the run",
        headline=True,
        low=0,
    )
    below_chance: float | None = number(
        "how far the loss has fallen below its chance level, as a share of that level", label="loss below chance level",
        unit="share", null="the run", default=None
    )  # fmt: skip
    course: Curve = curve(
        "std·√d of z after each epoch", label="std·√d of z by epoch, with the change", x="epoch", y="std·√d", null="the run",
        sketch=True,
        low=0, default=Curve(()),
    )  # fmt: skip

    @property
    def helped(self) -> bool:
        """Whether z came back from the point at which the run's own stood after as many epochs, or has more directions."""
        std_of_run: float = getattr(self.std_sqrt_d, "null", 0.0)
        if std_of_run < POINT:
            return self.std_sqrt_d >= RETURNED
        return self.effective_rank >= HIGHER * getattr(self.effective_rank, "null", 0.0)

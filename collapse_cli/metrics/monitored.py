"""The course of a training as a monitor saw it, step by step: what its monitor.jsonl tells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.results import curve
from collapse_cli.values import Curve

FAR = 0.5  # of a chance level
OF_SETTINGS = (
    "ln(prototypes)",
    "ln(K+1)",
)  # names in `chance_levels` of levels that a setting gives, and no batch


@dataclass(frozen=True)
class Monitored:
    """Training, by the batches that the monitor looked at."""

    loss: Curve | None = curve(
        "loss of the batch", label="loss of the batch", x="step", y="loss", null="chance level"
    )
    variance: Curve | None = curve(
        "total variance of the unit embeddings of z less the mean of the first batch: near 1 they are spread out, 0 is complete "
        "collapse",
        label="variance of z", x="step", y="variance v", low=0,
    )  # fmt: skip
    rank_z: Curve | None = curve(
        "effective rank of those unit embeddings", label="rank of z", x="step", y="dimensions", low=0
    )
    rank_h: Curve | None = curve(
        "effective rank of the unit embeddings of the representation h",
        label="rank of h",
        x="step",
        y="dimensions",
        low=0,
    )
    scale: Curve | None = curve(
        "total variance of z as the network gives it: 0 is collapse of scale", label="scale of z", x="step",
        y="tr S", low=0, log="y",
    )  # fmt: skip
    view_alignment: Curve | None = curve(
        "mean squared distance of the two views of an image, of those unit embeddings", label="alignment of views", x="step",
        y="squared distance", low=0, high=4,
    )  # fmt: skip


FIELDS = {
    "loss": "loss",
    "variance": "variance",
    "rank_z": "effective_rank",
    "rank_h": "rank_h",
    "scale": "scale",
    "view_alignment": "alignment",
}
"""Field of the result -> field of a look."""


def monitored(looks: Sequence[Mapping[str, Any]], chance: Mapping[str, float]) -> Monitored:
    """From one mapping a look, with the fields of `looks.Look`; what no look has is left out.

    chance: levels of the loss by name.
    """
    curves = {name: _curve(looks, source) for name, source in FIELDS.items()}
    loss, level = curves["loss"], drawn_level(looks, chance)
    if loss is not None and level:
        curves["loss"] = Curve(
            loss, x=loss.x, null=[chance[level]] * len(loss), null_is=f"chance level {level}"
        )
    return Monitored(**curves)


def _curve(looks: Sequence[Mapping[str, Any]], field: str) -> Curve | None:
    """Over the steps at which the field was measured; gaps where it was not finite."""
    points = [(look["step"], look[field]) for look in looks if look.get(field) is not None]
    return Curve((value for _, value in points), x=(step for step, _ in points)) if points else None


def drawn_level(looks: Sequence[Mapping[str, Any]], chance: Mapping[str, float]) -> str:
    """Which chance level is drawn beside the loss: the last that the loss was equal to; else that of the queue or the prototypes,
    where the monitor was told of some; else the one nearest to the first loss.

    Empty where there is none, or the nearest is more than half of it away: such a loss is of another kind, as a distance is.
    """
    levels = {name: value for name, value in chance.items() if math.isfinite(value)}
    named = [look["chance_level"] for look in looks if look.get("chance_level") in levels]
    losses = [look["loss"] for look in looks if look.get("loss") is not None and math.isfinite(look["loss"])]
    if named or not losses or not levels:
        return named[-1] if named else ""
    if of_settings := [name for name in OF_SETTINGS if name in levels]:
        return of_settings[0]
    away, name = min((abs(level - losses[0]), name) for name, level in levels.items())
    return name if away <= FAR * levels[name] else ""

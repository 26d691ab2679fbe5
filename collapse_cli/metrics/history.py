"""The course of a training run, as its history.jsonl tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.results import Curve, curve


@dataclass(frozen=True)
class History:
    """Training, epoch by epoch."""

    loss: Curve = curve("mean training loss", x="epoch", y="loss", null="chance")
    std_sqrt_d: Curve = curve(
        "std·√d of the clean projections: 1 isotropic, 0 collapsed", label="std·√d", x="epoch", y="std·√d"
    )
    effective_rank: Curve = curve("effective rank of the clean projections", x="epoch", y="dimensions")
    mean_cosine: Curve = curve("mean cosine of two different pictures", x="epoch", y="cosine")


def history(lines: Sequence[Mapping[str, Any]]) -> History:
    """From one mapping an epoch, with the fields of `training.Epoch`."""
    epochs = [line["number"] for line in lines]
    chance = [line["chance"] for line in lines if line["chance"] is not None]
    columns = {
        name: [line[name] for line in lines] for name in ("std_sqrt_d", "effective_rank", "mean_cosine")
    }
    loss = Curve(
        (line["loss"] for line in lines), x=epochs, null=chance if len(chance) == len(epochs) else None
    )
    return History(loss, **{name: Curve(values, x=epochs) for name, values in columns.items()})

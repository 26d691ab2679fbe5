"""The course of a training run, as its history.jsonl tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.results import curve
from collapse_cli.values import Curve


@dataclass(frozen=True)
class History:
    """Training, epoch by epoch."""

    loss: Curve = curve("mean training loss", x="epoch", y="loss", null="chance level")
    std_sqrt_d: Curve = curve(
        "std·√d of the clean projections: 1 is isotropic, 0 is collapsed",
        label="std·√d",
        x="epoch",
        y="std·√d",
        low=0,
    )
    effective_rank: Curve = curve("effective rank of the clean projections", x="epoch", y="dimensions", low=0)
    mean_cosine: Curve = curve("mean cosine of two different images", x="epoch", y="cosine", low=-1, high=1)


@dataclass(frozen=True)
class Diagnostic:
    """What the method watches, of the last batch of each epoch."""

    value: Curve = curve("value in the last batch of the epoch", label="diagnostics of the method", x="epoch")


@dataclass(frozen=True)
class Matching:
    """Matching probabilities, of the last batch of an epoch."""

    matching: Curve = curve(
        "mean p = exp(q·n/T) / sum of the negative at each rank, with the positive in the sum "
        "(MoCHi, sec. 3): the weight of its gradient, which vanishes for most negatives in "
        "training",
        label="matching probability by rank", x="similarity rank of the negative", y="probability p", log="xy",
        low=0, high=1,
    )  # fmt: skip


SHOWN = 4  # epochs whose matching probabilities are drawn, spread evenly, the first and the last among them


def diagnostics(lines: Sequence[Mapping[str, Any]]) -> dict[str, Diagnostic]:
    """One curve over epochs for each number that the method watched, by its name."""
    names = dict.fromkeys(name for line in lines for name in line["extra"])
    watched = {name: [line for line in lines if name in line["extra"]] for name in names}
    return {
        name: Diagnostic(Curve((line["extra"][name] for line in some), x=(line["number"] for line in some)))
        for name, some in watched.items()
    }


def matching(lines: Sequence[Mapping[str, Any]]) -> dict[str, Matching]:
    """Matching probabilities of a few epochs, `epoch 1` …, where the method kept them."""
    epochs = [line for line in lines if "matching probability" in line.get("curves", {})]
    steps = max(min(SHOWN, len(epochs)) - 1, 1)
    chosen = dict.fromkeys(
        round(place * (len(epochs) - 1) / steps) for place in range(min(SHOWN, len(epochs)))
    )
    return {
        f"epoch {epochs[place]['number']}": Matching(Curve(p, x=ranks))
        for place in chosen
        for ranks, p in [epochs[place]["curves"]["matching probability"]]
    }


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

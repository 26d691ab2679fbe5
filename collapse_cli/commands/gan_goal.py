"""What a GAN of the lab is held against: a target, real samples, and those of a perfect sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from collapse_cli.results import entry
from collapse_cli.settings import Gan

if TYPE_CHECKING:
    from torch import Tensor

    from collapse_cli.labs.targets import Target


@dataclass(frozen=True)
class Goal:
    """A target, real samples (N,d) to compare with, and others (N',d) as a perfect sampler would give them."""

    target: Target
    real: Tensor
    perfect: Tensor


def goal(own: Gan) -> Goal:
    """Gaussians as the settings say, or the digits: learned from and compared with train, the test split being perfect."""
    import torch

    from collapse_cli import data
    from collapse_cli.embedding import take
    from collapse_cli.labs import targets
    from collapse_cli.labs.gan import SHOWN

    if own.target != "digits":
        made = {"ring": targets.ring, "grid": targets.grid}[own.target](std=own.std)
        generator = torch.Generator().manual_seed(0)
        return Goal(made, made.draw(SHOWN, generator), made.draw(SHOWN, generator))
    train, test = (data.load("digits", split) for split in ("train", "test"))
    real, perfect = (
        take(one, torch.arange(len(one)), torch.device("cpu")).flatten(1) / 255 for one in (train, test)
    )
    assert train.labels is not None
    return Goal(targets.pictures(real, train.labels), real, perfect)


def perfect(goal: Goal, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The numbers of a perfect sampler, measured in the same way, beside those of the trained ones."""
    from collapse_cli.metrics.modes import modes

    numbers = replace(modes(goal.perfect, goal.real, goal.target.anchors), by_share=None)
    shared = {
        k: v for k, v in entries[0]["settings"].items() if all(e["settings"].get(k) == v for e in entries)
    }
    return entry("perfect sampler", numbers, settings=shared)

"""One reading of a file, and how far its weights and the network's fit."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from collapse_cli.runs.others.layouts import BESIDE, Branch, Layout
from collapse_cli.runs.others.reading import Question, Reading


@dataclass(frozen=True)
class Candidate:
    """A reading, of which layout and branch, and how far it fits.

    weights: those of the file that the network uses; matched of `total`, which are the weights of the network and those of the
    file that no head or decoder beside it has, taken together; missing of the network; unexpected: of the file and not used.
    """

    layout: Layout
    branch: Branch
    reading: Reading
    weights: Mapping[str, Tensor]
    matched: int
    total: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.matched / self.total if self.total else 0.0

    @property
    def exact(self) -> bool:
        """Whether none can be better."""
        return self.share == 1 and self.reading.refusal is None

    @cached_property
    def width(self) -> int:
        """D of the representation h, without computing one."""
        images = self.reading.images
        network = copy.deepcopy(self.reading.network).to("meta").eval()
        image = torch.empty(1, images.channels, images.side, images.side, device="meta")
        return int(network(image).shape[1])


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """What stands under a prefix, without it. A name that is the prefix itself becomes `weight`."""
    stripped = {
        name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)
    }
    return {name or "weight": tensor for name, tensor in stripped.items()}


def scored(question: Question, reading: Reading) -> Candidate:
    """How far weights, which are no whole numbers, fit a network. What lies beside one does not count."""
    ours, theirs = (
        {name: weight.shape for name, weight in weights.items() if weight.is_floating_point()}
        for weights in (reading.network.state_dict(), reading.weights)
    )
    aside = (*BESIDE, *filter(None, question.choices.ignore.split(",")))
    unexpected = tuple(name for name in theirs if name not in ours and not name.startswith(aside))
    missing = tuple(_differing(name, ours, theirs) for name in ours if theirs.get(name) != ours[name])
    used = {name: reading.weights[name] for name in reading.network.state_dict() if name in reading.weights}
    matched, total = len(ours) - len(missing), len(ours) + len(unexpected)
    return Candidate(question.layout, question.branch, reading, used, matched, total, missing, unexpected)


def _differing(name: str, ours: Mapping[str, torch.Size], theirs: Mapping[str, torch.Size]) -> str:
    return f"{name} {tuple(theirs[name])} for {tuple(ours[name])}" if name in theirs else name

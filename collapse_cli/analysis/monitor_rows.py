"""The embeddings of the last batches that a monitor looked at: one batch alone cannot tell, and they must fit into memory.

They stay on the device that they come from: a copy there costs microseconds and waits for nothing, and 64 MB are little beside
a training; on the CPU they would be waited for at every look, and are needed only when somebody asks for a verdict.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

BYTES = 64 * 10**6  # of all embeddings that are held


@dataclass(frozen=True)
class KeptBatch:
    """Embeddings of one step by name, z, z2 and h, (b,D) each, in their own precision, with labels (b,) or None.

    seen: how many embeddings the batch had, of which these b are kept.
    """

    step: int
    spaces: Mapping[str, Tensor]
    labels: Tensor | None
    seen: int

    @classmethod
    def of(
        cls, step: int, spaces: Mapping[str, Tensor], labels: Tensor | None, room: int, seed: int
    ) -> KeptBatch:
        """A copy of a batch, or of a seeded sample of it where it takes more than `room` bytes; at least two embeddings."""
        count = len(spaces["z"])
        of_each = sum(rows.nbytes for rows in spaces.values()) // count or 1
        most = max(room // of_each, 2)
        if count <= most:
            copies = {name: rows.detach().clone() for name, rows in spaces.items()}
            return cls(step, copies, None if labels is None else labels.detach().clone(), count)
        places = _sample(count, most, f"{seed} {step}", spaces["z"].device)
        sampled_labels = None if labels is None else labels.detach()[places.to(labels.device)]
        sampled = {name: rows.detach()[places] for name, rows in spaces.items()}
        return cls(step, sampled, sampled_labels, count)

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> KeptBatch:
        """The batch whose `state` this is."""
        return cls(state["step"], state["spaces"], state["labels"], state["seen"])

    def __len__(self) -> int:
        return len(self.spaces["z"])

    @property
    def nbytes(self) -> int:
        return sum(rows.nbytes for rows in self.spaces.values())

    def moved(self) -> KeptBatch:
        """The same on the CPU."""
        labels = None if self.labels is None else self.labels.cpu()
        return KeptBatch(
            self.step, {name: rows.cpu() for name, rows in self.spaces.items()}, labels, self.seen
        )

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, on the CPU."""
        moved = self.moved()
        return {"step": moved.step, "spaces": dict(moved.spaces), "labels": moved.labels, "seen": moved.seen}


def _sample(count: int, most: int, seed: str, device: torch.device) -> Tensor:
    """(most,) places in [0, count), all different: start, start + stride …, of a seeded stride that has no factor in common.

    They are made where the embeddings lie: numbers that are copied to a device would be waited for.
    """
    drawn = random.Random(seed)
    start, stride = drawn.randrange(count), drawn.randrange(1, count)
    while math.gcd(stride, count) > 1:
        stride = drawn.randrange(1, count)
    return torch.arange(most, device=device).mul_(stride).add_(start).remainder_(count)


class KeptRows:
    """The last `window` batches, 64 MB in all."""

    def __init__(self, window: int, seed: int) -> None:
        self.window, self.seed = window, seed
        self.batches: list[KeptBatch] = []

    @property
    def room(self) -> int:
        """Bytes of one batch; there is room for the first batch of the training, too."""
        return BYTES // (self.window + 1)

    def add(self, step: int, spaces: Mapping[str, Tensor], labels: Tensor | None, thinned: int = 1) -> None:
        """thinned: how many times as many embeddings the batch had."""
        self.batches = self.batches[max(len(self.batches) + 1 - self.window, 0) :]
        batch = KeptBatch.of(step, spaces, labels, self.room, self.seed)
        self.batches.append(replace(batch, seen=thinned * batch.seen))

    def merge(self, others: Iterable[KeptBatch]) -> None:
        """With batches of another monitor: those of one step become one batch, as if one process had seen it whole."""
        by_step: dict[int, list[KeptBatch]] = {}
        for batch in (*self.batches, *others):
            by_step.setdefault(batch.step, []).append(batch)
        room = BYTES // (len(by_step) + 1)
        self.batches = [joined(by_step[step], room, self.seed) for step in sorted(by_step)]

    @property
    def nbytes(self) -> int:
        return sum(batch.nbytes for batch in self.batches)


def joined(parts: list[KeptBatch], room: int, seed: int) -> KeptBatch:
    """The batches of one step as one batch, with the spaces that all of them have, and labels where all have them."""
    names = [name for name in parts[0].spaces if all(name in part.spaces for part in parts)]
    if len(parts) > 1:
        parts = [part.moved() for part in parts]
    spaces = {name: torch.cat([part.spaces[name] for part in parts]) for name in names}
    labels = [part.labels for part in parts if part.labels is not None]
    every = torch.cat(labels) if len(labels) == len(parts) else None
    return replace(
        KeptBatch.of(parts[0].step, spaces, every, room, seed), seen=sum(part.seen for part in parts)
    )

"""Levels at which a contrastive loss stands still while it has learned nothing, or all embeddings are one point.

Among n candidates that look alike the cross-entropy is ln n nats, whatever the temperature: n is the number of keys that a loss
compares a query with. A loss at such a level is a sign, and no more: it passes through it, and a healthy one can start there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

NEAR = 1e-3  # nats


def chance_levels(batch: int, world: int = 1, queue: int = 0, prototypes: int = 0) -> dict[str, float]:
    """The levels in nats by name. batch: B images in each of `world` processes; queue: K negatives; prototypes or classes.

    ln B: InfoNCE among the keys of the batch, as CLIP's; ln(2B-1): SimCLR's, whose own view is no candidate; with B·world where
    the processes gather their keys; ln(K+1): MoCo's; ln(prototypes): DINO's and SwAV's. What there is nothing of has no level.
    """
    total = batch * world if world > 1 else 0
    candidates = {
        "ln B": batch,
        "ln(B·world)": total,
        "ln(2B-1)": 2 * batch - 1,
        "ln(2B·world-1)": 2 * total - 1,
        "ln(K+1)": queue + 1,
        "ln(prototypes)": prototypes,
    }
    return {name: math.log(count) for name, count in candidates.items() if count > 1}


def level_of(loss: float, levels: Mapping[str, float]) -> str | None:
    """The name of the level that a loss equals to 1e-3 nats, the nearest; None where it is at none."""
    near = {name: abs(loss - level) for name, level in levels.items() if abs(loss - level) <= NEAR}
    return min(near, key=near.__getitem__) if near else None

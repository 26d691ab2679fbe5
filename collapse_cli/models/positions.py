"""Learnt positions of patches on a square grid, and how each library stretches them for images of another side."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.nn import functional

STRETCHES = {
    "antialias": "bicubic with antialiasing",  # timm, open_clip, DINOv2 with registers
    "plain": "bicubic without antialiasing",  # transformers
    "factor": "bicubic by the factor (n + 0.1) / g from g to n patches",  # DINO, iBOT, DINOv2 without registers
}
"""How positions are stretched -> the same in words. The three differ by up to a tenth of the positions' size."""

OFFSET = 0.1  # by which DINO keeps a factor from losing a patch when it is rounded


def grid(count: int, others: Iterable[int] = (0, 1)) -> tuple[int, int]:
    """g of the g x g patches among `count` positions, and how many belong to other tokens: one of `others`.

    Raises ValueError where no such number leaves a square.
    """
    for placed in others:
        side = math.isqrt(max(count - placed, 0))
        if side and side**2 == count - placed:
            return side, placed
    raise ValueError(f"its {count} positions are of no square grid of patches")


def stretched(positions: Tensor, height: int, width: int, way: str) -> Tensor:
    """positions (1,g²,D) of a g x g grid -> (1,height·width,D)."""
    side, _ = grid(positions.shape[1], (0,))
    if (side, side) == (height, width):
        return positions
    square = positions.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    wanted: dict[str, Any] = {"size": (height, width)}
    if way == "factor":
        wanted = {"scale_factor": ((height + OFFSET) / side, (width + OFFSET) / side)}
    wide = functional.interpolate(square, mode="bicubic", antialias=way == "antialias", **wanted)
    return wide.flatten(2).transpose(1, 2)

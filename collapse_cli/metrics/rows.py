"""Rows of embeddings (N,D) before they are measured: refused where they are broken, brought to unit length."""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError


def sound(rows: Tensor) -> Tensor:
    """The same rows (N,D), float64. Raises CollapseError for fewer than 2 and for any that is not finite."""
    broken = int((~torch.isfinite(rows)).any(dim=1).sum())
    if broken:
        raise CollapseError(
            f"{broken} of {len(rows)} rows hold nan or infinity",
            "the network has diverged: lower --lr, or leave those rows out",
        )
    if len(rows) < 2:
        raise CollapseError(f"at least 2 rows are needed, this has {len(rows)}", "give more", code=3)
    return rows.double()


def unit(rows: Tensor) -> Tensor:
    """Rows (N,D) of length 1, float64, however short or long they were.

    Rows of zeros, as behind dead ReLUs, have no direction: all become the same axis, for they are one point.
    """
    rows = sound(rows)
    largest = rows.abs().amax(dim=1, keepdim=True)  # (N, 1)
    scaled = rows / torch.where(largest > 0, largest, 1.0)
    scaled[:, 0] = torch.where(largest[:, 0] > 0, scaled[:, 0], 1.0)
    return scaled / scaled.norm(dim=1, keepdim=True)

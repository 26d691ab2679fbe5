"""Numbers that a formula brings along, as tensors on a device: copied there once, since each copy makes the device wait."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """values (n,) with the type and on the device of another tensor. It is shared: nobody writes to it."""
    return _copied(values, like.dtype, like.device)


@lru_cache(maxsize=256)
def _copied(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    import torch

    with torch.inference_mode(
        False
    ):  # else the first who asks for it decides whether it may take part in a gradient
        return torch.tensor(values, dtype=dtype).to(device)

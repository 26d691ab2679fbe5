"""One random number per image, drawn from the generator that is passed in, and what is done with it."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    """(count,) float32, uniform in [low, high), on the generator's device."""
    return torch.rand(count, generator=generator, device=generator.device) * (high - low) + low


def coin(count: int, probability: float, generator: Generator) -> Tensor:
    """(count,) bool, each true with this probability; 0 is never, 1 and more is always."""
    return torch.rand(count, generator=generator, device=generator.device) < probability


def each(numbers: Tensor) -> Tensor:
    """(B,) -> (B,1,1,1): one number for all pixels of an image."""
    return numbers.view(-1, 1, 1, 1)


def choose(chosen: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    """The changed image where chosen (B,) is true, else the image itself; both exactly.

    A `lerp` is exact at both of its ends, and on a CPU five times as fast as `where`.
    """
    return torch.lerp(images, changed, each(chosen.to(images.dtype)))

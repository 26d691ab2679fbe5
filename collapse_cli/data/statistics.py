"""Mean and standard deviation of the pixels: what a run normalises by."""

from __future__ import annotations

import torch

from collapse_cli.shapes import Images, Normalisation

COUNTED = 10_000  # images looked at


def normalisation(images: Images) -> Normalisation:
    """Of each channel of pixels / 255, over at most 10,000 images, evenly spaced; std 1 where a channel never varies."""
    index = torch.linspace(0, len(images) - 1, min(len(images), COUNTED), dtype=torch.float64).long()
    device = images.pixels.device if isinstance(images.pixels, torch.Tensor) else "cpu"
    number, total, squares = 0, torch.zeros(()), torch.zeros(())
    for part in torch.split(index.to(device), 512):
        pixels = images.pixels[part].double() / 255  # (b,C,H,W)
        number += pixels.numel() // pixels.shape[1]
        total = total.to(pixels) + pixels.sum(dim=(0, 2, 3))
        squares = squares.to(pixels) + pixels.square().sum(dim=(0, 2, 3))
    mean = total / number  # (C,)
    std = (squares / number - mean.square()).clamp_min(0).sqrt()  # (C,)
    return Normalisation(tuple(mean.tolist()), tuple(torch.where(std > 1e-6, std, 1.0).tolist()))

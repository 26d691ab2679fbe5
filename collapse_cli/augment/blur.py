"""How sharp each image is: Gaussian blur."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from collapse_cli.augment.draws import choose, coin, each, uniform


def blur(images: Tensor, strength: float, generator: Generator, probability: float = 0.5) -> Tensor:
    """Each image (B,C,H,W) blurred with this probability, sigma uniform in [.1, 2] pixels.

    Sigma and probability are those of SimCLR (2002.05709, App. A) and MoCo v2 (2003.04297). Strength scales
    sigma; the probability stays. The kernel is SimCLR's, a tenth of the shorter side: 2 * radius + 1 taps,
    radius = side // 20, at least 1; 3 taps at 32 pixels, 9 at 96, 23 at 224. MoCo v2 blurs with Pillow, which
    does not cut the Gaussian off: small images are blurred more there.
    """
    if strength == 0:
        return images
    sigma = uniform(len(images), 0.1 * strength, 2 * strength, generator)
    chosen, radius = coin(len(images), probability, generator), max(1, min(images.shape[-2:]) // 20)
    return (some if images.device.type == "cpu" else all_but)(images, chosen, sigma, radius)


def some(images: Tensor, chosen: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Chosen (B,) images (B,C,H,W) smooth, the others as they are: none is smoothed in vain, and their number is counted."""
    rows, output = chosen.nonzero().squeeze(1), images.clone()
    output[rows] = smooth(images.index_select(0, rows), sigma[rows], radius)
    return output


def all_but(images: Tensor, chosen: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """The same bits without knowing how many are chosen, for which a device that is no CPU would have to wait."""
    return choose(chosen, smooth(images, sigma, radius), images)


def smooth(images: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Images (n,C,H,W) convolved with a Gaussian of sigma (n,) pixels, cut at ± radius and summing to 1.

    Separable, the border reflected: torchvision's `gaussian_blur` with kernel size 2 * radius + 1.
    """
    offsets = torch.arange(-radius, radius + 1, device=sigma.device)
    taps = torch.exp(-0.5 * (offsets / sigma.unsqueeze(1)) ** 2)  # (n, 2 * radius + 1)
    weights = [each(tap) for tap in (taps / taps.sum(1, keepdim=True)).unbind(1)]
    for axis, margin in ((3, (radius, radius, 0, 0)), (2, (0, 0, radius, radius))):
        if images.shape[axis] == 1:  # reflected, a single pixel is all its neighbours
            continue
        images = weighted(F.pad(images, margin, mode="reflect"), weights, axis)
    return images.clamp_(0, 1)


def weighted(padded: Tensor, weights: list[Tensor], axis: int) -> Tensor:
    """The sum over k of weights[k] (n,1,1,1) times padded images (n,C,H,W) moved by k along the axis."""
    size = padded.shape[axis] - len(weights) + 1
    total = padded.narrow(axis, 0, size) * weights[0]
    for k, weight in enumerate(weights[1:], start=1):
        total.addcmul_(padded.narrow(axis, k, size), weight)
    return total

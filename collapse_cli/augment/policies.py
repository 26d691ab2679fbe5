"""Policies that were searched with labels: AutoAugment and RandAugment, each image through torchvision's own.

Who learns without labels and augments with one of these has let labels in by the back door: the search kept
what helps a classifier. As strong augmentation they are a dial, and belong first in a recipe, before another
step has changed a value, for they work on bytes: an image they touch is rounded to 256 levels, wherever they
stand. torchvision draws from torch's global generator, which is lent to each image with a seed from ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Generator, Tensor

from collapse_cli.augment.draws import choose, coin
from collapse_cli.errors import CollapseError

Transform = Callable[[Tensor], Tensor]

SEEDS = 2**32  # torch's CPU generator reads no further bits of a seed


def autoaugment(images: Tensor, strength: float, generator: Generator, policy: str) -> Tensor:
    """Images (B,C,H,W) through AutoAugment's policy (1805.09501) for imagenet, cifar10 or svhn.

    One of 25 pairs of operations, each with its probability and magnitude, chosen for each image by itself.
    Strength is how often, see `applied`. Reads the nearest pixel; what comes in from outside is 0; images of
    fewer than 256 pixels are never equalized.
    """
    return applied(images, strength, generator, transform_of(policy))


def randaugment(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Images (B,C,H,W) through RandAugment (1909.13719): two of 14 operations, at magnitude 9 of 30.

    How many and how strong is what was searched; these are torchvision's defaults. Else as `autoaugment`.
    """
    return applied(images, strength, generator, transform_of("randaugment"))


@cache
def transform_of(policy: str) -> Transform:
    """torchvision's module for images (C,H,W) uint8. Imported only here: it takes a second."""
    from torchvision.transforms import AutoAugment, AutoAugmentPolicy, RandAugment

    transform: Transform = (
        RandAugment() if policy == "randaugment" else AutoAugment(AutoAugmentPolicy(policy))
    )
    return transform


def applied(images: Tensor, strength: float, generator: Generator, transform: Transform) -> Tensor:
    """Each image (B,C,H,W) float32 in [0,1] through a transform of bytes, `strength` times on average.

    That is floor(strength) times, and once more with probability strength - floor(strength), drawn for each
    image. From the same generator a higher strength goes on from what a lower one gave. An image that is not
    drawn keeps its bits, one that is comes out in 256 levels. Works on the CPU, wherever the images live, and
    a fifth as fast as the recipe moco_v2 at 32 x 32. Raises CollapseError unless C is 1 or 3.
    """
    if strength == 0:
        return images
    count, channels = images.shape[:2]
    if channels not in (1, 3):
        raise CollapseError(
            f"a learned policy cannot be applied to images of {channels} channels",
            hint=(
                "AutoAugment and RandAugment need 1 channel or 3; these recipes take any number: "
                "none, weak, digits"
            ),
        )
    times = int(strength) + coin(count, strength % 1, generator).long()  # (B,)
    seeds = torch.randint(SEEDS, (count,), generator=generator, device=generator.device)  # (B,)
    pixels = images.mul(255).round().to("cpu", torch.uint8)
    repeat_(pixels, times.tolist(), seeds.tolist(), transform)
    return choose(times > 0, pixels.to(images.device).float().div_(255), images)


def repeat_(pixels: Tensor, times: list[int], seeds: list[int], transform: Transform) -> None:
    """Each image of (B,C,H,W) uint8 so many times through transform, from its own seed; in place.

    `torch.manual_seed` would seed the GPUs' global generators, too.
    """
    with torch.random.fork_rng(devices=[]):
        for image, often, seed in zip(pixels, times, seeds, strict=True):
            torch.default_generator.manual_seed(seed)
            for _ in range(often):
                image.copy_(transform(image))

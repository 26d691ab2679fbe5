"""Which augmentations, in which order and amounts: the papers' recipes, by name.

Strength 0 leaves the images as they are, 1 is the published amount, and up to 3 is sane; it scales every
step of a recipe, each as its own docstring says. Recipes are joined by `+`, from left to right, all at the one
strength: `autoaugment_cifar10+moco_v2`. A learned policy belongs first, for it rounds to bytes what it touches.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor

from collapse_cli.augment.blur import blur
from collapse_cli.augment.color import contrast, grey, jitter, noise
from collapse_cli.augment.geometry import affine, cutout, flip, random_resized_crop, shift
from collapse_cli.augment.policies import autoaugment, randaugment
from collapse_cli.errors import CollapseError, nearest

Step = Callable[[Tensor, float, Generator], Tensor]

RECIPES: dict[str, str] = {
    "none": "the images as they are",
    "weak": "shift by up to 1/8 of the side; flip where there is colour (FixMatch)",
    "digits": "rotation, zoom, shear, shift, contrast, cutout, noise; no flip, a mirrored 2 is not a 2",
    "moco_v1": "crop of 20-100 %, grey, jitter of all images with strong hue, flip (1911.05722)",
    "moco_v2": "crop of 20-100 %, jitter of 4 in 5, grey, blur, flip (2003.04297)",
    "simclr": "crop of 8-100 %, flip, strong jitter of 4 in 5, grey, blur from 96 pixels on (2002.05709)",
    "autoaugment_imagenet": "policy searched with labels, on ImageNet: mostly colour (1805.09501)",
    "autoaugment_cifar10": "policy searched with labels, on CIFAR-10: mostly colour (1805.09501)",
    "autoaugment_svhn": "policy searched with labels, on SVHN: mostly shear and inversion (1805.09501)",
    "randaugment": "two of 14 operations, amounts searched with labels (1909.13719)",
}

LABELLED = ("autoaugment_imagenet", "autoaugment_cifar10", "autoaugment_svhn", "randaugment")


def augment(images: Tensor, recipe: str, strength: float, generator: Generator) -> Tensor:
    """Images (B,C,H,W), uint8 or float in [0,1], through a recipe, or several -> (B,C,H,W) float32 in [0,1].

    The generator lives where the images do, and is the only source of chance. Mean and standard deviation
    are left to the caller. Raises CollapseError for an unknown recipe or a strength below 0.
    """
    steps = steps_of(recipe)
    if not strength >= 0:
        raise CollapseError(
            f"augmentation strength cannot be {strength}", hint="0 is no augmentation, 1 the published amount"
        )
    images = images.float().div_(255) if images.dtype == torch.uint8 else images.float()
    for step in steps:
        images = step(images, strength, generator)
    return images


def steps_of(recipe: str) -> tuple[Step, ...]:
    """The steps of a recipe, or of several joined by `+`. Raises CollapseError where one has no such name."""
    parts = recipe.split("+")
    for part in parts:
        if part not in STEPS:
            where = f" in '{recipe}'" if len(parts) > 1 else ""
            raise CollapseError(
                f"there is no augmentation named '{part}'{where}", hint=nearest(part, list(RECIPES))
            )
    return tuple(step for part in parts for step in STEPS[part])


def searched_with_labels(recipe: str) -> bool:
    """Whether a part of the recipe was chosen by a classifier's accuracy: pre-training with it has seen labels."""
    return any(part in LABELLED for part in recipe.split("+"))


def flip_colour(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """`flip`, but for images of one channel, which may be writing."""
    return images if images.shape[1] == 1 else flip(images, strength, generator)


def blur_large(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """`blur` from 96 pixels (STL-10) on: SimCLR does not blur CIFAR's 32 (2002.05709, App. B.9)."""
    return blur(images, strength, generator) if min(images.shape[-2:]) >= 96 else images


STEPS: dict[str, tuple[Step, ...]] = {
    "none": (),
    "weak": (shift, flip_colour),
    "digits": (affine, contrast, cutout, noise),
    "moco_v1": (
        partial(random_resized_crop, low=0.2, mirrored=0.5),
        grey,
        partial(jitter, hue=0.4, probability=1.0),
    ),
    "moco_v2": (partial(random_resized_crop, low=0.2, mirrored=0.5), jitter, grey, blur),
    "simclr": (
        partial(random_resized_crop, mirrored=0.5),
        partial(jitter, brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2),
        grey,
        blur_large,
    ),
    "autoaugment_imagenet": (partial(autoaugment, policy="imagenet"),),
    "autoaugment_cifar10": (partial(autoaugment, policy="cifar10"),),
    "autoaugment_svhn": (partial(autoaugment, policy="svhn"),),
    "randaugment": (randaugment,),
}

"""How fast our augmentations are beside torchvision's and kornia's: python tests/benchmarks/augment.py

One core, one process, the contenders in turn, medians over the rounds. torchvision works as a DataLoader has
it work, on one image after the other, and gets the faster of its two kinds of input; its images are
already decoded and its batch is collated. kornia gets the batch, each image its own draws (only the order
of the four jitter operations is one for all of its batch). Everything ends in float32 in [0,1].
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial

import torch
import torchvision.transforms as v1
import torchvision.transforms.v2 as v2
from PIL import Image
from torch import Generator, Tensor, nn

from collapse_cli.augment import augment
from collapse_cli.augment.color import grey, jitter
from collapse_cli.augment.geometry import random_resized_crop

ROUNDS = 15
Contenders = dict[str, Callable[[], Tensor]]


def as_pillow(pixels: Tensor) -> list[Image.Image]:
    """(B,C,H,W) uint8 -> B images of Pillow, as data sets hand them to torchvision."""
    return [Image.fromarray(photo.permute(1, 2, 0).squeeze(2).numpy()) for photo in pixels]


def colour(pixels: Tensor) -> Contenders:
    """Crop of 20-100 %, flip, jitter (.4, .4, .4, .1) of 4 in 5, grey of 1 in 5: MoCo v2 without blur."""
    import kornia.augmentation as K

    side = pixels.shape[-1]
    pillow, generator = as_pillow(pixels), Generator().manual_seed(0)
    steps: list[Callable[[Tensor, float, Generator], Tensor]] = [
        partial(random_resized_crop, low=0.2, mirrored=0.5),
        jitter,
        grey,
    ]

    def theirs(t) -> list:  # type: ignore[no-untyped-def]
        shaking = t.RandomApply([t.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8)
        return [
            t.RandomResizedCrop(side, (0.2, 1)),
            t.RandomHorizontalFlip(),
            shaking,
            t.RandomGrayscale(0.2),
        ]

    def ours() -> Tensor:
        images = pixels.float().div_(255)
        for step in steps:
            images = step(images, 1.0, generator)
        return images

    photos = v1.Compose([*theirs(v1), v1.ToTensor()])
    tensors = v2.Compose([*theirs(v2), v2.ToDtype(torch.float32, scale=True)])
    whole = (
        K.RandomResizedCrop((side, side), (0.2, 1.0), cropping_mode="resample"),
        K.RandomHorizontalFlip(),
        K.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8),
        K.RandomGrayscale(p=0.2),
    )
    return {
        "collapse": ours,
        "torchvision v1, Pillow": lambda: torch.stack([photos(photo) for photo in pillow]),
        "torchvision v2, tensors": lambda: torch.stack([tensors(photo) for photo in pixels]),
        "kornia, nn.Sequential": lambda: nn.Sequential(*whole)(pixels.float().div_(255)),
        "kornia, AugmentationSequential": lambda: K.AugmentationSequential(
            *whole, data_keys=["input"], same_on_batch=False
        )(pixels.float().div_(255)),
    }


def digits(pixels: Tensor) -> Contenders:
    """The recipe `digits`: affine map, contrast, a hole of 2 pixels, noise."""
    import kornia.augmentation as K

    pillow, generator = as_pillow(pixels), Generator().manual_seed(0)
    hole = {"scale": (2 / 32, 2 / 32 + 1e-6), "ratio": (1.0, 1.0 + 1e-6)}
    affine = {"degrees": 15, "translate": (0.15, 0.15), "scale": (0.82, 1.22), "shear": 6}
    noise = v1.Lambda(lambda photo: (photo + 0.1 * torch.randn_like(photo)).clamp_(0, 1))
    bilinear = v1.InterpolationMode.BILINEAR

    def theirs(first, *convert) -> v1.Compose:  # type: ignore[no-untyped-def]
        move = first.RandomAffine(**affine, interpolation=bilinear)
        return v1.Compose(
            [move, first.ColorJitter(contrast=0.4), *convert, first.RandomErasing(p=1.0, **hole), noise]
        )

    photos = theirs(v1, v1.ToTensor())
    tensors = theirs(v2, v2.ToDtype(torch.float32, scale=True))
    whole = (
        K.RandomAffine(**affine, p=1.0),
        K.RandomContrast((0.6, 1.4), p=1.0),
        K.RandomErasing(p=1.0, **hole),
        K.RandomGaussianNoise(std=0.1, p=1.0),
    )
    return {
        "collapse": lambda: augment(pixels, "digits", 1.0, generator),
        "torchvision v1, Pillow": lambda: torch.stack([photos(photo) for photo in pillow]),
        "torchvision v2, tensors": lambda: torch.stack([tensors(photo) for photo in pixels]),
        "kornia, nn.Sequential": lambda: nn.Sequential(*whole)(pixels.float().div_(255)).clamp_(0, 1),
    }


def medians(contenders: Contenders) -> dict[str, float]:
    """Milliseconds per batch, each contender once per round after two rounds to warm up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS + 2):
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(spent[2:]) for name, spent in times.items()}


def table(title: str, contenders: Contenders) -> None:
    taken = medians(contenders)
    print(f"\n{title}\n{'':32s}{'ms/batch':>10s}{'x collapse':>12s}")
    for name, milliseconds in taken.items():
        print(f"{name:32s}{milliseconds:10.2f}{milliseconds / taken['collapse']:12.1f}")


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.empty(
        8_000_000
    )  # as a training step would: after it, malloc keeps freed batches instead of unmapping
    print(f"torch {torch.__version__}, 1 thread, median of {ROUNDS} interleaved rounds")
    table("colour, 256 x 3 x 32 x 32", colour(torch.randint(0, 256, (256, 3, 32, 32), dtype=torch.uint8)))
    table("digits, 256 x 1 x 8 x 8", digits(torch.randint(0, 256, (256, 1, 8, 8), dtype=torch.uint8)))


if __name__ == "__main__":
    main()

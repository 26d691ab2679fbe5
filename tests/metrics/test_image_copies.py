"""Copies among images: equal pixels by their hash, near ones by thumbnails, and never two that differ."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor

from collapse_cli import data
from collapse_cli.metrics.image_copies import digests, looks, owners, thumbnails
from collapse_cli.metrics.image_set import image_set


def natural(count: int, side: int = 32) -> Tensor:
    """(count,3,side,side) uint8: noise whose amplitude falls as 1/f, as that of photographs does; mean 128, deviation 50."""
    chance = torch.Generator().manual_seed(3)
    frequency = torch.fft.fftfreq(side)[:, None].square() + torch.fft.rfftfreq(side).square()
    spectrum = torch.randn(count, 3, side, side // 2 + 1, dtype=torch.complex64, generator=chance)
    waves = torch.fft.irfft2(spectrum / frequency.sqrt().clamp_min(1 / side), s=(side, side))
    waves = waves + 2 * waves.mean(dim=1, keepdim=True)  # colours go together
    return (128 + 50 * waves / waves.std(dim=(1, 2, 3), keepdim=True)).clamp(0, 255).byte()


def saved_again(images: Tensor, quality: int) -> Tensor:
    """Each image as JPEG makes it."""
    result = []
    for image in images:
        content = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(content, "JPEG", quality=quality)
        result.append(torch.from_numpy(numpy.array(Image.open(content))).permute(2, 0, 1))
    return torch.stack(result)


def groups(images: Tensor) -> Tensor:
    thumbs, colours = thumbnails(images)
    return looks(thumbs, colours, torch.zeros(len(images), dtype=torch.bool))


def test_copies_are_those_of_the_first_with_the_same_pixels() -> None:
    """a b a b c, of which c differs from a in the lowest bit of a single pixel."""
    a, b = natural(2)
    c = a.clone()
    c[2, 31, 31] ^= 1
    assert owners(digests(torch.stack([a, b, a, b, c]))).tolist() == [0, 1, 0, 1, 4]


def test_hashes_differ_wherever_a_byte_does() -> None:
    """3,072 images, each of which differs from a blank one in one byte, the 3,072 bytes in turn."""
    assert len(set(digests(torch.eye(3072).byte().view(-1, 3, 32, 32)).tolist())) == 3072


@pytest.mark.parametrize(
    "change",
    [
        lambda images: saved_again(images, 95),
        lambda images: saved_again(images, 85),
        lambda images: images.float().mul(0.9).byte(),
        lambda images: images.float().add(10).clamp(0, 255).byte(),
        lambda images: images.roll(0),
    ],
    ids=["JPEG 95", "JPEG 85", "a tenth darker", "10 levels brighter", "equal"],
)
def test_near_copies_are_found(change: Callable[[Tensor], Tensor]) -> None:
    """Each of 200 images and its changed copy are one of 200 groups."""
    images = natural(200)
    owner = groups(torch.cat([images, change(images)]))
    assert torch.equal(owner[:200], owner[200:])
    assert len(owner.unique()) == 200


def test_larger_images_may_be_saved_as_poorly_as_anyone_does() -> None:
    """At 64 x 64 a pixel of the thumbnail is 16 pixels: JPEG of quality 50 moves it by .05 of the contrast."""
    images = natural(100, 64)
    owner = groups(torch.cat([images, saved_again(images, 50)]))
    assert torch.equal(owner[:100], owner[100:])


@pytest.mark.parametrize("upscaled", [8, 28])
def test_different_digits_are_no_near_copies(upscaled: int) -> None:
    """1,797 scans, as they are and with sharp strokes at 28 x 28: the nearest two differ by .09 of their contrast."""
    pixels = data.load("digits", "all").pixels
    assert isinstance(pixels, Tensor)
    if upscaled > 8:
        large = torch.nn.functional.interpolate(pixels.float(), upscaled, mode="bicubic")
        pixels = ((large - 100) * 2.5).clamp(0, 255).byte()
    assert image_set(pixels).near_copies == 0


def test_different_images_are_no_near_copies() -> None:
    assert image_set(natural(3000)).near_copies == 0


def test_dots_at_different_places_are_different() -> None:
    """Nearly blank images: a faint dot of 4 x 4 pixels at 49 places differs by a few levels, and by all of its contrast."""
    images = torch.zeros(49, 1, 28, 28, dtype=torch.uint8)
    for place in range(49):
        row, column = 4 * (place // 7), 4 * (place % 7)
        images[place, 0, row : row + 4, column : column + 4] = 40
    assert image_set(images).looks == 49


def test_a_shape_in_other_colours_is_another_image() -> None:
    """Red, green and blue squares whose luma is equal."""
    images = torch.zeros(3, 3, 32, 32, dtype=torch.uint8)
    for channel, level in enumerate((98, 50, 255)):
        images[channel, channel, 8:24, 8:24] = level
    assert image_set(images).looks == 3


def test_a_chain_is_not_one_image() -> None:
    """100 frames of a slow fade from one image to another: each is near the next, the ends are not."""
    first, last = natural(2).double()
    frames = torch.stack([(first + (last - first) * step / 99).round().byte() for step in range(100)])
    result = image_set(frames)
    assert 8 <= result.looks <= 60


def test_the_order_of_images_changes_no_group() -> None:
    images = torch.cat([natural(300), saved_again(natural(300)[:150], 90)])
    order = torch.randperm(450, generator=torch.Generator().manual_seed(0))
    assert image_set(images).looks == image_set(images[order]).looks == 300


def test_many_images_are_hashed_in_a_second() -> None:
    """50,000 of 3 x 32 x 32; measured by the processor's clock, for others may be at work."""
    images = torch.randint(0, 256, (50_000, 3, 32, 32), dtype=torch.uint8)
    start = time.process_time()
    assert len(owners(digests(images)).unique()) == 50_000
    assert time.process_time() - start < 2  # 0.5 s, with room for slow processors

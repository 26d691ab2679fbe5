from __future__ import annotations

from typing import Any

import numpy
import pytest
from PIL import Image, ImageOps
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from collapse_cli.data.framing import framed
from collapse_cli.shapes import Framing

SIZES = [(61, 40), (40, 61), (33, 33), (97, 31), (32, 32), (35, 36), (20, 150), (16, 9)]


def photo(size: tuple[int, int]) -> Image.Image:
    """A smooth scene with a little noise, the same for the same size."""
    width, height = size
    drawn = numpy.random.default_rng(width * 1000 + height)
    y, x = numpy.mgrid[0:height, 0:width]
    waves = [128 + 90 * numpy.sin(x / (3 + c) + y / (5 - c)) for c in range(3)]
    pixels = numpy.stack(waves, axis=-1) + drawn.normal(0, 15, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8))


def chw(image: Image.Image) -> numpy.ndarray:
    return numpy.asarray(image).transpose(2, 0, 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resample", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"])
@pytest.mark.parametrize(("resized", "side"), [(32, 28), (37, 32), (32, 32), (35, 32), (16, 15)])
def test_resize_and_centre_crop_are_torchvisions(
    size: tuple[int, int], resample: Any, resized: int, side: int
) -> None:
    mode = InterpolationMode(resample)
    theirs = transforms.Compose([transforms.Resize(resized, mode), transforms.CenterCrop(side)])
    assert numpy.array_equal(
        framed(photo(size), Framing(side, resized, False, resample)), chw(theirs(photo(size)))
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("resized", "side"), [(0, 24), (24, 24), (29, 24)])
def test_stretched_images_keep_no_proportions(size: tuple[int, int], resized: int, side: int) -> None:
    both = (resized or side,) * 2
    theirs = transforms.Compose(
        [transforms.Resize(both, InterpolationMode.BICUBIC), transforms.CenterCrop(side)]
    )
    assert numpy.array_equal(framed(photo(size), Framing(side, resized, True)), chw(theirs(photo(size))))


@pytest.mark.parametrize("size", SIZES)
def test_without_a_resized_side_the_middle_square_is_cut_first(size: tuple[int, int]) -> None:
    """As data sets for training always were."""
    expected = ImageOps.fit(photo(size), (24, 24), Image.Resampling.BICUBIC)
    assert numpy.array_equal(framed(photo(size), Framing(24)), chw(expected))


def test_without_a_side_an_image_stays_as_it_is() -> None:
    assert numpy.array_equal(framed(photo((61, 40)), Framing()), chw(photo((61, 40))))


@pytest.mark.parametrize(("resized", "side"), [(16, 21), (16, 22)])
@pytest.mark.parametrize("floored", [False, True])
def test_black_surrounds_an_image_that_is_smaller_than_its_crop(
    resized: int, side: int, floored: bool
) -> None:
    theirs = transforms.Compose([transforms.Resize(resized), transforms.CenterCrop(side)])
    image = photo((18, 16))
    ours = framed(image, Framing(side, resized, False, "bilinear", floored))
    assert numpy.array_equal(ours, chw(theirs(image)))


def test_an_odd_surplus_is_cut_at_an_even_pixel_or_the_smaller_half_first() -> None:
    """20 columns of 17: 1.5 are too many on each side; torchvision rounds to 2, transformers drops to 1."""
    levels = numpy.arange(20, dtype=numpy.uint8)[None, :, None].repeat(17, axis=0).repeat(3, axis=2)
    even, floored = (
        framed(Image.fromarray(levels), Framing(17, 17, floored=f))[0, 0, 0] for f in (False, True)
    )
    assert (int(even), int(floored)) == (2, 1)


@pytest.mark.libraries
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resample", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("resize", "crop"),
    [
        ({"shortest_edge": 29}, 24),
        ({"shortest_edge": 24}, 24),
        ({"height": 29, "width": 29}, 24),
        ({"height": 24, "width": 24}, 0),
    ],
)
def test_processors_of_transformers_give_the_same_pixels(
    size: tuple[int, int], resample: int, resize: dict[str, int], crop: int
) -> None:
    transformers = pytest.importorskip("transformers")
    processor = transformers.CLIPImageProcessorPil(
        size=resize,
        do_center_crop=bool(crop),
        crop_size={"height": crop or 24, "width": crop or 24},
        resample=resample,
        do_normalize=False,
        do_rescale=False,
    )
    theirs = processor(photo(size))["pixel_values"][0]
    stretched = "height" in resize
    framing = Framing(
        crop or 24,
        next(iter(resize.values())),
        stretched,
        Image.Resampling(resample).name.lower(),
        floored=True,
    )
    assert numpy.array_equal(framed(photo(size), framing), numpy.asarray(theirs))

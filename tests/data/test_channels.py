from __future__ import annotations

import numpy
import torch
from PIL import Image

from collapse_cli.data.channels import Converted, converted, with_channels
from collapse_cli.shapes import Images


def test_luma_is_that_of_pillow() -> None:
    """Every level of each channel, and random colours."""
    pixels = torch.randint(
        0, 256, (3, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    luma = [numpy.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L")) for image in pixels]
    assert torch.equal(converted(pixels, 1), torch.from_numpy(numpy.stack(luma)).unsqueeze(1))


def test_grey_is_repeated_and_noted() -> None:
    pixels = torch.arange(8, dtype=torch.uint8).reshape(2, 1, 2, 2)
    images = with_channels(Images(pixels, None, (), "x"), 3)
    assert images.shape == (3, 2, 2)
    assert all(torch.equal(torch.as_tensor(images.pixels)[:, c], pixels[:, 0]) for c in range(3))
    assert [note.sentence for note in images.notes] == [
        "all 2 images are grey, and repeated on the three channels that the network takes"
    ]


def test_a_stream_is_converted_when_it_is_read() -> None:
    class Streamed:
        held = False
        shape = (4, 3, 2, 2)

        def __getitem__(self, index: torch.Tensor) -> torch.Tensor:
            return index.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)

    images = with_channels(Images(Streamed(), None, (), "x"), 1)
    assert isinstance(images.pixels, Converted)
    assert (images.streamed, images.shape) == (True, (1, 2, 2))
    assert images.pixels[torch.tensor([3, 1])][:, 0, 0, 0].tolist() == [3, 1]


def test_what_has_no_rule_stays() -> None:
    images = Images(torch.zeros(1, 2, 4, 4, dtype=torch.uint8), None, (), "x")
    assert with_channels(images, 3) is images
    assert with_channels(images, 2) is images

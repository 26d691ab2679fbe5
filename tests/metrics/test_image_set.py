"""Facts of a set of images, each where it is known beforehand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from collapse_cli.data.statistics import normalisation
from collapse_cli.metrics.image_set import Counting, image_set, shared
from collapse_cli.shapes import Images


def noise(count: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(seed)).byte()


class Streamed:
    """The same images, read when asked for; counts what was read."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels, self.most = pixels, 0

    @property
    def shape(self) -> Sequence[int]:
        return self.pixels.shape

    def __getitem__(self, index: Tensor) -> Tensor:
        self.most = max(self.most, len(index))
        return self.pixels[index]


def test_counts_of_a_planted_set() -> None:
    """5 of noise, 3 copies of the first, 2 black, 1 white, 1 grey: 8 distinct of 12, the largest group 4, 4 of one colour."""
    plain = torch.tensor([0, 0, 255, 90], dtype=torch.uint8).view(4, 1, 1, 1).expand(4, 3, 8, 8)
    images = noise(5)
    result = image_set(torch.cat([images, images[:1].repeat(3, 1, 1, 1), plain]))
    assert (result.images, result.distinct, result.copies, result.largest) == (12, 8, 4, 4)
    assert (result.looks, result.near_copies) == (8, 0)
    assert (result.constant, result.black, result.white) == (4, 2, 1)


def test_two_levels_are_still_one_colour() -> None:
    """As JPEG or a file of numbers in [0, 1] read as levels leaves them; three levels are not."""
    images = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    images[0, 0, :4], images[1, 0, :4] = 2, 3
    result = image_set(images)
    assert (result.constant, result.black) == (1, 1)


def test_images_of_one_colour_are_told_apart_by_it() -> None:
    """Grey of 0, 1, 100 and 101 levels: within 4 levels they are nearly the same."""
    levels = torch.tensor([0, 1, 100, 101], dtype=torch.uint8)
    result = image_set(levels.view(4, 1, 1, 1).expand(4, 1, 8, 8))
    assert (result.distinct, result.looks) == (4, 2)


def test_labels() -> None:
    """Classes 7 and 20 of 3 and 1 images; the two copies of the first image have both labels, and so contradict."""
    images = noise(3)
    result = image_set(torch.cat([images, images[:1]]), torch.tensor([7, 7, 7, 20]))
    assert (result.classes, result.largest_class, result.smallest_class, result.contradicting) == (2, 3, 1, 2)


@pytest.mark.parametrize(("images", "share"), [(noise(1).repeat(50, 1, 1, 1), 0.0), (noise(400), 1.0)])
def test_variance_between_images(images: Tensor, share: float) -> None:
    """0 of copies; of independent noise the mean image has 1/N of it, .0025 of 400."""
    assert image_set(images).between == pytest.approx(share, abs=0.01)


def test_blank_images_have_no_variance() -> None:
    assert image_set(torch.zeros(5, 1, 4, 4, dtype=torch.uint8)).between is None


def test_mean_and_deviation_are_those_of_the_normalisation() -> None:
    images = Images(noise(700), None, (), "noise")
    result, usual = image_set(images.pixels), normalisation(images)
    assert result.mean == pytest.approx(usual.mean, abs=1e-5)
    assert result.std == pytest.approx(usual.std, abs=1e-5)


def test_a_stream_is_read_in_chunks_with_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collapse_cli.metrics.image_set.CHUNK_BYTES", 100 * 192)
    pixels = torch.cat([noise(950), noise(50)])  # the last 50 are copies
    streamed = Streamed(pixels)
    one, other = image_set(streamed), image_set(pixels)
    assert streamed.most == 100
    assert (one.distinct, one.looks, one.between) == (other.distinct, other.looks, other.between)
    assert one.distinct == 950


def test_near_copies_are_looked_for_among_so_many() -> None:
    """Every image is hashed; thumbnails are those of 20 of 100, evenly spaced."""
    result = image_set(noise(100), compared=20)
    assert (result.distinct, result.compared, result.looks) == (100, 20, 20)


def test_two_images_many_times_are_two_however_few_are_compared() -> None:
    """Also where the first of each kind is not among those that are compared."""
    images = noise(2)[torch.arange(1000) % 2]
    result = image_set(images, compared=31)
    assert (result.distinct, result.looks) == (2, 2)


def test_shared_by_two_parts() -> None:
    """Of test images 0 1 5 6, the first two are in train."""
    images = torch.cat([noise(5), noise(7)[[0, 1, 5, 6]]])
    result = image_set(images)
    assert shared(result.owner, torch.arange(9) < 5) == 2


def test_fewer_may_come_than_were_announced() -> None:
    """As where some cannot be read; an empty chunk is nothing."""
    counting = Counting(50)
    counting.add(noise(0))
    counting.add(noise(30))
    assert counting.result().distinct == 30


@pytest.mark.parametrize(
    ("levels", "black", "white"), [((0, 2), 1, 0), ((1, 3), 0, 0), ((253, 255), 0, 1), ((252, 254), 0, 0)]
)
def test_black_and_white_are_within_two_levels(levels: tuple[int, int], black: int, white: int) -> None:
    """All of these are of one colour."""
    image = torch.tensor(levels, dtype=torch.uint8).view(1, 1, 1, 2).expand(1, 3, 2, 2)
    result = image_set(torch.cat([image, noise(1)[:, :, :2, :2]]))
    assert (result.constant, result.black, result.white) == (1, black, white)


def test_one_colour_is_one_in_every_channel() -> None:
    """Red of 200 with green of 0 is one colour; a channel that varies makes it none."""
    red = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    red[:, 0] = 200
    red[1, 2, 0, 0] = 9
    assert image_set(red).constant == 1


def test_unknown_labels_contradict_nobody_and_are_no_class() -> None:
    """Copies labelled 3 and -1, and 3 and 4; of images none of which has a label there is no class."""
    images = noise(2)[[0, 0, 1, 1]]
    result = image_set(images, torch.tensor([3, -1, 3, 4]))
    assert (result.classes, result.largest_class, result.smallest_class, result.contradicting) == (2, 2, 1, 2)
    none = image_set(images, torch.full((4,), -1))
    assert (none.classes, none.largest_class, none.smallest_class, none.contradicting) == (0, 0, 0, 0)


def test_what_is_learned_from_is_what_is_said_to_be() -> None:
    """Mean and deviation are those of the images to learn from, of levels 51 and 153; the others, of 255, are counted alone."""
    counting = Counting(6, learned=2)
    counting.add(torch.tensor([51, 153]).byte().view(2, 1, 1, 1).expand(2, 1, 2, 2))
    counting.add(torch.full((4, 1, 2, 2), 255, dtype=torch.uint8), learned=False)
    result = counting.result()
    assert (result.images, result.mean, result.std) == (6, pytest.approx((0.4,)), pytest.approx((0.2,)))
    assert result.between == pytest.approx(1), "each image is of one level"
    nothing = Counting(1, learned=0)
    nothing.add(noise(1), learned=False)
    assert (nothing.result().mean, nothing.result().between) == ((), None)


def test_a_channel_without_any_deviation_is_divided_by_one() -> None:
    images = noise(3)
    images[:, 1] = 77
    assert image_set(images).std[1] == 1
    assert image_set(images).mean[1] == pytest.approx(77 / 255)


def test_half_of_the_variance_between_images() -> None:
    """Images (0, 0) and (0, 200): the mean image (0, 100) has 2,500 of the 7,500 of variance; two thirds are between."""
    images = torch.tensor([[0, 0], [0, 200]]).byte().view(2, 1, 1, 2)
    assert image_set(images).between == pytest.approx(2 / 3)

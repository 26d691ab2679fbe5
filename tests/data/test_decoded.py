from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from collapse_cli.data import decoded
from collapse_cli.data.decoded import Source, Stream, common_side
from collapse_cli.data.encoded import Encoded
from collapse_cli.data.survey import Look
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images


def png(image: Image.Image, name: str = "it") -> Encoded:
    file = io.BytesIO()
    image.save(file, "PNG")
    return Encoded(name, file.getvalue())


def one(image: Image.Image, side: int) -> torch.Tensor:
    return Stream(lambda _: png(image), 1, Framing(side))[torch.tensor([0])][0]


def grey(level: int, size: tuple[int, int] = (4, 4)) -> Encoded:
    return png(Image.new("L", size, level))


def gathered(labels: list[int] | None, chosen: list[int], name: str = "x", **files: object) -> Images:
    """Of grey images whose level is their number."""
    source = Source(name, grey, 10)
    return decoded.images(source, chosen, labels, (), Framing(4), ImageFiles(**files))  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 300])
def test_every_place_gets_its_own_image(count: int) -> None:
    """Image i is grey of level i mod 251; drawn in a shuffled order with repeats, over sizes around a piece of work."""
    stream = Stream(lambda i: grey(i % 251), 500, Framing(4))
    index = torch.randint(500, (count,), generator=torch.Generator().manual_seed(count))
    pixels = stream[index]
    assert (pixels.shape, pixels.dtype) == ((count, 3, 4, 4), torch.uint8)
    assert torch.equal(pixels[:, 0, 0, 0].long(), index % 251)


def test_an_empty_index_gives_no_images() -> None:
    assert Stream(grey, 5, Framing(4))[torch.arange(0)].shape == (0, 3, 4, 4)


def test_several_threads_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two readers wait for one another: with a single thread the barrier would break."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    barrier = threading.Barrier(2, timeout=60)

    def read(i: int) -> Encoded:
        barrier.wait()
        return grey(i)

    assert Stream(read, 2, Framing(4))[torch.arange(2)][:, 0, 0, 0].tolist() == [0, 1]


def test_held_where_it_fits_and_streamed_one_byte_below(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 images of 3x4x4 bytes are 480: held at a budget of 480, streamed at 479, the same images."""
    found = []
    for budget in (480, 479):
        monkeypatch.setattr(decoded, "BUDGET", budget)
        found.append(gathered(list(range(10)), list(range(10))))
    held, streamed = found
    assert (held.streamed, streamed.streamed) == (False, True)
    assert tuple(held.pixels.shape) == tuple(streamed.pixels.shape) == (10, 3, 4, 4)
    assert (len(streamed), streamed.shape) == (10, (3, 4, 4))
    index = torch.tensor([9, 0, 3, 3])
    assert torch.equal(held.pixels[index], streamed.pixels[index])


def test_only_the_chosen_are_taken_with_their_labels() -> None:
    images = gathered([0, 10, 20, 30], [1, 3])
    assert torch.as_tensor(images.pixels)[:, 0, 0, 0].tolist() == [1, 3]
    assert images.labels is not None
    assert images.labels.tolist() == [10, 30]


def test_nothing_chosen_is_refused() -> None:
    with pytest.raises(CollapseError, match="x/test has no images"):
        gathered(None, [], "x/test")


@pytest.mark.parametrize(
    ("sizes", "side"),
    [([(9, 9)] * 3, 9), ([(9, 9), (8, 8)], 64), ([(9, 8)] * 3, 64), ([], 64)],
    ids=["agree", "disagree", "not square", "none"],
)
def test_own_side(sizes: list[tuple[int, int]], side: int) -> None:
    assert common_side(Look(size) for size in sizes) == side


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("L", 5, (5, 5, 5)),
        ("1", 1, (255, 255, 255)),
        ("LA", (5, 9), (246, 246, 246)),
        ("RGBA", (1, 2, 3, 0), (255, 255, 255)),
        ("RGBA", (1, 2, 3, 255), (1, 2, 3)),
        ("I;16", 0x1234, (0x12, 0x12, 0x12)),
    ],
)
def test_every_mode_becomes_rgb(mode: str, colour: object, expected: tuple[int, ...]) -> None:
    """Alpha is composited on white, 255 - 9 + 5 9 / 255 = 246.2; grey is three times itself, 16 bits keep the upper byte."""
    pixels = one(Image.new(mode, (4, 4), colour), 4)  # type: ignore[arg-type]
    assert torch.equal(pixels, torch.tensor(expected, dtype=torch.uint8)[:, None, None].expand(3, 4, 4))


def test_a_palette_with_transparent_colours_makes_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.info["transparency"] = b"\xff\x80"
    assert one(image, 4)[:, 0, 0].tolist() == [132, 137, 142]  # (128 c + 127 255) / 255
    assert not recwarn.list


def test_the_middle_square_is_kept() -> None:
    """12x4: columns 0-3 red, 4-7 green, 8-11 blue; the middle square is green alone. Turned by 90 degrees likewise."""
    stripes = numpy.zeros((4, 12, 3), numpy.uint8)
    for third in range(3):
        stripes[:, 4 * third : 4 * third + 4, third] = 255
    for image in (stripes, stripes.transpose(1, 0, 2)):
        pixels = one(Image.fromarray(image.copy()), 4)
        assert torch.equal(
            pixels, torch.tensor([0, 255, 0], dtype=torch.uint8)[:, None, None].expand(3, 4, 4)
        )


def test_rows_stay_rows() -> None:
    """An image of its own size is copied: [c, y, x] is what was painted at (x, y)."""
    painted = numpy.arange(48, dtype=numpy.uint8).reshape(4, 4, 3)
    assert torch.equal(one(Image.fromarray(painted), 4), torch.from_numpy(painted).permute(2, 0, 1))


def damaged() -> dict[str, bytes]:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(file, "PNG")
    whole = file.getvalue()
    return {
        "text": b"hello",
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "header": whole[:20] + b"\xff" * 60,
    }


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "header"])
def test_a_damaged_image_is_named(kind: str) -> None:
    with pytest.raises(CollapseError, match=r"^cats/3\.png cannot be read as an image") as caught:
        Stream(lambda _: Encoded("cats/3.png", damaged()[kind]), 1, Framing(4))[torch.tensor([0])]
    assert "object at 0x" not in str(caught.value)


def test_a_file_is_read_like_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(damaged_free := grey(77).content)  # type: ignore[arg-type]
    both = [Encoded("a", tmp_path / "a.png"), Encoded("a", damaged_free)]
    assert Stream(both.__getitem__, 2, Framing(4))[torch.arange(2)].unique().tolist() == [77]

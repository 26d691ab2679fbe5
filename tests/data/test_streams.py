"""Sets that are held in memory and sets that are read when asked for are the same to everyone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy
import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from collapse_cli import data
from collapse_cli.data import decoded
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Images


def paint(folder: Path) -> str:
    """40 images: of several sizes, modes and orientations, with alpha, two frames and fractions."""
    draw = numpy.random.default_rng(0)
    for i in range(40):
        file = folder / ("cat" if i % 2 else "dog") / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        samples = draw.integers(0, 256, (12 + i % 3, 12, 4), dtype=numpy.uint8)
        exif = Image.Exif()
        exif[274] = 1 + i % 8
        if i % 10 == 3:
            Image.fromarray(samples).save(file)
        elif i % 10 == 4:
            Image.fromarray(samples[..., 0].astype(numpy.float32) / 255).save(file.with_suffix(".tif"))
        elif i % 10 == 5:
            Image.fromarray(samples[..., 0].astype(numpy.uint16) << 8).save(file)
        elif i % 10 == 6:
            first = Image.fromarray(samples[..., 0])
            first.save(
                file.with_suffix(".gif"), save_all=True, append_images=[Image.fromarray(samples[..., 1])]
            )
        else:
            Image.fromarray(samples[..., :3]).save(file, exif=exif)
    return f"folder:{folder}"


def packed(folder: Path, file: Path) -> str:
    images = sorted(path for path in folder.rglob("*.*") if path.is_file())
    rows = [{"bytes": path.read_bytes()} for path in images]
    table = pyarrow.table({"image": rows, "label": [int(path.parent.name == "cat") for path in images]})
    parquet.write_table(table, file)
    return f"parquet:{file}"


def both(
    name: str, monkeypatch: pytest.MonkeyPatch, split: str = "train", **files: object
) -> tuple[Images, Images]:
    knobs = ImageFiles(**files)  # type: ignore[arg-type]
    held = data.load(name, split, files=knobs)
    with monkeypatch.context() as small:
        small.setattr(decoded, "BUDGET", 0)
        streamed = data.load(name, split, files=knobs)
    assert (held.streamed, streamed.streamed) == (False, True)
    return held, streamed


@pytest.mark.parametrize("kind", ["folder", "parquet"])
@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_pixels_labels_files_and_notes_are_the_same(
    kind: str, split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = paint(tmp_path / "set")
    if kind == "parquet":
        name = packed(tmp_path / "set", tmp_path / "set.parquet")
    held, streamed = both(name, monkeypatch, split)
    every = torch.arange(len(held))
    assert torch.equal(held.pixels[every], streamed.pixels[every])
    assert held.labels is not None
    assert streamed.labels is not None
    assert torch.equal(held.labels, streamed.labels)
    assert (held.files, held.classes, held.notes) == (streamed.files, streamed.classes, streamed.notes)
    if split == "all":
        changes = {note.what.split(" ")[0]: note.count for note in held.notes}
        assert changes == {"resized": 40, "turned": 21, "transparent": 4, "the": 4, "reduced": 4, "scaled": 4}


def test_a_broken_image_is_left_out_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cut short, one whose body alone is damaged, one that is no image: pixels, labels and files stay together."""
    name = paint(tmp_path)
    whole = (tmp_path / "cat/1.png").read_bytes()
    (tmp_path / "cat/1.png").write_bytes(whole[: len(whole) // 2])
    start = whole.index(b"IDAT") + 8
    (tmp_path / "cat/7.png").write_bytes(whole[:start] + bytes(40) + whole[start + 40 :])
    (tmp_path / "dog/0.png").write_text("hello")
    held, streamed = both(name, monkeypatch, "all", skip_broken=True)
    every = torch.arange(37)
    assert torch.equal(held.pixels[every], streamed.pixels[every])
    assert (held.files, held.notes) == (streamed.files, streamed.notes)
    assert not {"cat/1.png", "cat/7.png", "dog/0.png"} & set(held.files)
    assert held.labels is not None
    assert [held.classes[label] for label in held.labels] == [name.split("/")[0] for name in held.files]
    assert (held.notes[0].kind, held.notes[0].count, held.notes[0].total) == ("left out", 3, 40)


def test_a_damaged_body_met_in_a_stream_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its header and its end are whole, so that only decoding meets it."""
    file = io.BytesIO()
    Image.effect_noise((12, 12), 90).save(file, "PNG")
    whole = file.getvalue()
    start = whole.index(b"IDAT") + 8
    for i in range(4):
        (tmp_path / f"{i}.png").write_bytes(whole)
    (tmp_path / "2.png").write_bytes(whole[:start] + bytes(40) + whole[start + 40 :])
    monkeypatch.setattr(decoded, "BUDGET", 0)
    images = data.load(f"folder:{tmp_path}", "all")
    with pytest.raises(CollapseError, match=r"2\.png cannot be read as an image"):
        images.pixels[torch.arange(4)]

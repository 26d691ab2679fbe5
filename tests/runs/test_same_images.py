"""A run goes on with the images it was trained on, wherever they lie now, and with no others."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from collapse_cli import data
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.fingerprint import SAMPLED, Fingerprint, digest, sampled
from collapse_cli.runs import checkpoint, resuming, same_images
from collapse_cli.runs.record import Record
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images

Capture = pytest.CaptureFixture[str]
COUNT = 200


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 1000, 50_000])
def test_sampled_places(count: int) -> None:
    """All of few; of many 64, in order, no two of one part: the same on every machine, so that a run can move."""
    places = sampled(count)
    assert len(places) == len(set(places)) == min(count, SAMPLED)
    assert places == sorted(places)
    assert all(0 <= place < count for place in places)
    if count <= SAMPLED:
        assert places == list(range(count))
    if count == 1000:
        assert places[:4] == [0, 16, 32, 57], "earlier checkpoints hold digests of these"


def test_a_digest_keeps_its_parts_apart() -> None:
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"]) != digest([b"abc"])
    assert digest([]) == ""
    assert digest([b""]) != ""


def changed(pixels: torch.Tensor, place: int) -> torch.Tensor:
    other = pixels.clone()
    other[place, 0, 0, 0] ^= 1
    return other


def test_what_a_fingerprint_is_of(images: Images) -> None:
    """One pixel of an image that is sampled, one label of any, one name: each is seen. Where the images lie is not."""
    named = replace(images, files=tuple(f"c/{number}.png" for number in range(96)))
    before = same_images.fingerprint(named)
    assert same_images.changes(before, replace(named, name="elsewhere/train")) == []
    place = sampled(96)[7]
    assert same_images.changes(before, replace(named, pixels=changed(images.pixels, place))) == [  # type: ignore[arg-type]
        f"1 of the 64 images that were compared is not what it was: c/{place}.png"
    ]
    assert same_images.changes(before, replace(named, pixels=255 - images.pixels)) == [  # type: ignore[operator]
        f"64 of the 64 images that were compared are not what they were, the first of them c/{sampled(96)[0]}.png"
    ]
    assert images.labels is not None
    labels = images.labels.clone()
    labels[95] = 1
    assert same_images.changes(before, replace(named, labels=labels)) == ["its images have other labels"]
    other = replace(named, files=("c/other.png", *named.files[1:]), labels=labels)
    assert same_images.changes(before, other) == [
        "its images have other labels", "its files have other names, or another order",
    ]  # fmt: skip
    bare = same_images.fingerprint(images)
    assert (bare.names, bare.sizes) == ("", "")
    assert same_images.changes(bare, replace(images, pixels=changed(images.pixels, place))) == [  # type: ignore[arg-type]
        f"1 of the 64 images that were compared is not what it was: number {place + 1}"
    ]


def test_letters_that_another_system_spells_otherwise(images: Images) -> None:
    """An e with an accent is one letter on Linux and two on a Mac."""
    composed, split = (replace(images, files=(f"{name}.png",) * 96) for name in ("caf\u00e9", "cafe\u0301"))
    assert same_images.fingerprint(composed) == same_images.fingerprint(split)
    assert same_images.fingerprint(replace(images, files=("\udce9.png",) * 96)).names


def test_it_is_cheap() -> None:
    """50,000 colour images in memory."""
    pixels = torch.zeros(50_000, 3, 32, 32, dtype=torch.uint8)
    many = Images(pixels, torch.arange(50_000) % 10, tuple("abcdefghij"), "many")
    began = time.process_time()
    same_images.fingerprint(many)
    assert time.process_time() - began < 0.05


@pytest.mark.parametrize("fields", [[], 3, "x", {}, {"sampled": 3}, {"sampled": None}])
def test_a_damaged_fingerprint_is_a_damaged_checkpoint(fields: Any) -> None:
    with pytest.raises(TypeError):
        Fingerprint.read(fields)
    assert Fingerprint.read(None) is None


def draw(number: int) -> Image.Image:
    return Image.fromarray(numpy.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=numpy.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of noise, .png."""
    place = tmp_path_factory.mktemp("images") / "set"
    for number in range(COUNT):
        (place / f"c{number % 2}").mkdir(parents=True, exist_ok=True)
        draw(number).save(place / f"c{number % 2}" / f"{number}.png")
    return place


def loaded(place: Path, **files: Any) -> Images:
    return data.load(f"folder:{place}", "all", framing=Framing(8), files=ImageFiles(**files))


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """The images at another place, with other times."""
    place = Path(shutil.copytree(folder, tmp_path / "moved" / "set"))
    for file in place.rglob("*.png"):
        os.utime(file, (1, 1))
    return place


def renamed(place: Path) -> None:
    (place / "c0" / "0.png").rename(place / "c0" / "z.png")


def swapped(place: Path) -> None:
    """Two images of as many bytes change places: only their content tells."""
    first, *others = sorted((place / "c0").iterdir(), key=lambda file: file.stat().st_size)
    for one, other in zip([first, *others], others, strict=False):
        if one.stat().st_size == other.stat().st_size:
            texts = one.read_bytes(), other.read_bytes()
            one.write_bytes(texts[1])
            other.write_bytes(texts[0])


def lengthened(place: Path) -> None:
    """One byte more at the end of one image that is not among those compared."""
    names = loaded(place).files
    name = next(name for number, name in enumerate(names) if number not in sampled(COUNT))
    with (place / name).open("ab") as file:
        file.write(b"\0")


def moved(place: Path) -> None:
    """Two images change classes."""
    for one, other in (("c0/100.png", "c1/100.png"), ("c1/101.png", "c0/101.png")):
        (place / one).rename(place / other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (renamed, ["other names"]),
        (swapped, ["images that were compared"]),
        (lengthened, ["other sizes"]),
        (moved, ["other names"]),
    ],
)
def test_a_folder_is_known_again(
    change: Callable[[Path], None], words: list[str], folder: Path, copied: Path
) -> None:
    before = same_images.fingerprint(loaded(folder))
    assert same_images.changes(before, loaded(copied)) == []
    change(copied)
    told = same_images.changes(before, loaded(copied))
    assert len(told) == len(words)
    assert all(word in sentence for word, sentence in zip(words, told, strict=True))


def test_the_bytes_are_compared_and_not_what_a_decoder_makes_of_them(
    folder: Path, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine's decoder may round otherwise; nor does it matter whether images are in memory or streamed."""
    before = same_images.fingerprint(loaded(folder))
    rounded = loaded(copied)
    rounded = replace(rounded, pixels=rounded.pixels + 1)  # type: ignore[operator]
    assert same_images.changes(before, rounded) == []
    monkeypatch.setattr("collapse_cli.data.decoded.BUDGET", 0)
    streamed = loaded(copied)
    assert streamed.streamed
    assert same_images.changes(before, streamed) == []


def test_a_table_is_known_again(tmp_path: Path) -> None:
    """Written anew with other row groups and compression it is the same; with one image or label exchanged it is not."""
    names = [f"{number}.png" for number in range(100)]
    for number, name in enumerate(names):
        draw(number).save(tmp_path / name)
    texts, labels = [(tmp_path / name).read_bytes() for name in names], [number % 2 for number in range(100)]

    def table(texts: list[bytes], labels: list[int], **how: Any) -> Images:
        parquet.write_table(pyarrow.table({"image": texts, "label": labels}), tmp_path / "t.parquet", **how)
        return data.load(f"parquet:{tmp_path / 't.parquet'}", "all", framing=Framing(8))

    before = same_images.fingerprint(table(texts, labels))
    assert same_images.changes(before, table(texts, labels, row_group_size=7, compression="gzip")) == []
    place = sampled(100)[3]
    other = [*texts[:place], texts[place - 1], *texts[place + 1 :]]
    assert same_images.changes(before, table(other, labels)) == [
        f"1 of the 64 images that were compared is not what it was: number {place + 1}"
    ]
    assert same_images.changes(before, table(texts, [*labels[:50], 1, *labels[51:]])) == [
        "its images have other labels"
    ]


SMALL = ["--encoder", "mlp", "--dim", "8", "--batch", "64", "--queue", "64", "--epochs", "1", "-q"]


@pytest.fixture(scope="module")
def of_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of an epoch on the folder."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", "moco", "--dataset", f"folder:{folder}", *SMALL, "--out", str(out)]) == 0
    return out


@pytest.fixture
def restored(folder: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder, to be changed and put back."""
    shutil.copytree(folder, tmp_path / "before")
    yield folder
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "before", folder)


def test_resume_refuses_other_images_and_says_what_differs(
    of_folder: Path, restored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Nothing is changed; what the hint says to type trains anew; with the images as they were, the run goes on."""
    run = Path(shutil.copytree(of_folder, tmp_path / "run"))
    monkeypatch.chdir(tmp_path)
    renamed(restored)
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    resume = ["train", "--resume", "run", "--epochs", "2", "-q"]
    assert main(resume) == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert message == (
        f"collapse: folder:{restored} has changed since run was trained on it: its files have other names, or another order"
    )
    assert (
        hint
        == "  restore the data, or train again: collapse train moco --config run/settings.toml --out run-2"
    )
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before
    assert main([*hint.partition("again: collapse ")[2].split(), "-q"]) == 0
    (restored / "c0" / "z.png").rename(restored / "c0" / "0.png")
    assert main(resume) == 0


def test_a_checkpoint_of_an_earlier_version_warns_once(
    of_folder: Path, restored: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Its images may be others, unseen; the next checkpoint knows those it was written with."""
    run = Path(shutil.copytree(of_folder, tmp_path / "run"))
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    metadata = json.loads(content["metadata"])
    assert set(metadata.pop("fingerprint")) == {"names", "sizes", "labels", "sampled"}
    torch.save(content | {"metadata": json.dumps(metadata)}, run / "checkpoint.pt")
    assert checkpoint.load(run / "checkpoint.pt").fingerprint is None
    renamed(restored)
    capsys.readouterr()
    assert main(["train", "--resume", str(run), "--epochs", "2", "-q"]) == 0
    warned = capsys.readouterr().err.splitlines()
    assert len(warned) == 1
    assert warned[0].startswith("warning: the checkpoint is of an earlier version")
    assert main(["train", "--resume", str(run), "--epochs", "3", "-q"]) == 0
    assert capsys.readouterr().err == ""
    (restored / "c0" / "z.png").rename(restored / "c0" / "0.png")
    assert main(["train", "--resume", str(run), "--epochs", "4", "-q"]) == 2


def test_other_labels_of_a_named_set_are_refused(run: Path) -> None:
    record = Record(run)
    saved = resuming.resumable(record, "moco", {"epochs": 4})
    digits = data.load("digits", "train")
    same_images.refuse_other_images(record, saved, digits)
    assert same_images.unverified(saved) == []
    assert digits.labels is not None
    with pytest.raises(
        CollapseError, match=r"digits has changed since .* was trained on it: its images have other labels"
    ):
        same_images.refuse_other_images(record, saved, replace(digits, labels=digits.labels.flip(0)))

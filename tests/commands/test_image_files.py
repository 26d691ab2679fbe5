"""Images of every kind through the command line, as a process of its own: nothing but our own sentences reaches the user."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from PIL import Image


def odd(folder: Path) -> Path:
    """12 images at which Pillow warns: palettes with transparent colours, damaged EXIF, odd TIFF; and odd names."""
    draw = numpy.random.default_rng(0)
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    for i in range(12):
        image = Image.fromarray(draw.integers(0, 256, (9, 9, 3), dtype=numpy.uint8))
        place = folder / "ab"[i % 2]
        if i % 4 == 0:
            image.quantize(16).save(place / f"{i}.png", transparency=b"\x00\x80")
        elif i % 4 == 1:
            image.save(place / f"{i}.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff no tags")
        elif i % 4 == 2:
            image.save(place / f"a line\nand {i}.tif", tiffinfo={65000: "a tag of nobody", 305: "x" * 300})
        else:
            image.save(place / f"{i}\udcff.png")
    return folder


Collapse = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def collapse(warm: Path) -> Collapse:
    """A command -> how it ended, with every warning on; `new` where Python itself is to start for it."""

    def ended(*argv: str, new: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "collapse_cli"] if new else [str(warm)]
        shown = os.environ | {"PYTHONWARNINGS": "default"}
        return subprocess.run([*command, *argv], capture_output=True, text=True, check=False, env=shown)

    return ended


@pytest.mark.parametrize("size", ["1", "9"])
def test_no_warning_reaches_the_user_raw(size: str, tmp_path: Path, collapse: Collapse) -> None:
    """Also where images are single pixels, which blur, crops and convolutions have to bear."""
    folder, run = f"folder:{odd(tmp_path / 'set')}", str(tmp_path / "run")
    options = ["--epochs", "1", "--batch", "4", "--queue", "8", "--size", size, "--recipe", "moco_v2"]
    trained = collapse("train", "moco", "--dataset", folder, *options, "--out", run, new=size == "9")
    measured = collapse("spectrum", run, "--split", "all", new=size == "9")
    assert (trained.returncode, measured.returncode in (0, 3)) == (0, True), trained.stderr + measured.stderr
    for text in (trained.stderr, measured.stderr):
        assert "Warning" not in text
        assert "PIL" not in text


def test_broken_images_end_before_the_first_epoch_in_every_split(tmp_path: Path, collapse: Collapse) -> None:
    """The hint's option works as it stands there; a broken image in the part for testing counts as well."""
    folder = odd(tmp_path / "set")
    for i in range(5):  # some of them are held out
        (folder / "a" / f"broken{i}.png").write_text("no image")
    options = [
        "train",
        "moco",
        "--dataset",
        f"folder:{folder}",
        "--epochs",
        "1",
        "--batch",
        "4",
        "--queue",
        "8",
    ]
    ended = collapse(*options, "--out", str(tmp_path / "run"))
    assert ended.returncode == 2
    assert "5 of 17 images cannot be read" in ended.stderr
    assert not (tmp_path / "run" / "history.jsonl").exists()
    assert collapse(*options, "--out", str(tmp_path / "run"), "--skip-broken").returncode == 0

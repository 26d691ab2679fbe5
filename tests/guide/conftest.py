"""The reader's folder: what the pages of the guide speak of, once for each process of the tests."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy
import pytest
import torch
from PIL import Image

from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.cli import main


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of 3 epochs, embeddings with labels and a second view, images in class folders, a foreign checkpoint, codes."""
    folder, generator = tmp_path_factory.mktemp("reader"), numpy.random.default_rng(0)
    for method, name, *options in (
        ("moco", "mine", "--keep-every", "1"),
        ("end-to-end", "good"),
        ("positive-only", "collapsed"),
    ):
        run = str(folder / "runs" / name)
        assert main(["train", method, "--epochs", "3", "--out", run, "--quiet", *options]) == 0
    with_classes(folder, generator)
    for place in ("a", "b"):
        (folder / "images" / place).mkdir(parents=True)
        for number in range(20):
            pixels = generator.integers(0, 256, (32, 32, 3), dtype="uint8")
            Image.fromarray(pixels).save(folder / "images" / place / f"{number}.png")
    torch.manual_seed(0)
    from torchvision.models import resnet18

    torch.save(resnet18().state_dict(), folder / "theirs.pth")
    numpy.save(folder / "codes.npy", generator.integers(0, 512, 20_000))
    baseline = str(folder / "baseline.json")
    assert main(["check", str(folder / "runs" / "good"), "--save-baseline", baseline, "--quiet"]) == 0
    return folder


def with_classes(folder: Path, generator: numpy.random.Generator) -> None:
    """Embeddings (2000,64) of ten classes, whose means are as far apart as their members; second views of them; 200 videos."""
    classes = generator.integers(0, 10, 2000)
    samples = generator.standard_normal((10, 64))[classes] + generator.standard_normal((2000, 64))
    numpy.save(folder / "embeddings.npy", samples.astype("float32"))
    second = samples + 0.3 * generator.standard_normal((2000, 64))
    numpy.save(folder / "second.npy", second.astype("float32"))
    (folder / "labels.csv").write_text("label\n" + "\n".join(map(str, classes)) + "\n")
    videos = numpy.random.default_rng(1).integers(0, 200, 2000)
    (folder / "videos.csv").write_text("video_id\n" + "\n".join(map(str, videos)) + "\n")


@pytest.fixture
def reader(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the reader's folder, which is the current one: a page begins where no other page has been."""
    folder = tmp_path / "reader"
    shutil.copytree(prepared, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with patch.dict(CATALOGUE):  # what a page adds to it is undone
        yield folder

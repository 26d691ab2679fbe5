"""Small things that several tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from collapse_cli.shapes import Batch, Images
from tests.warm import warmed

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as in the background of a script; processes of the tests would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is kept to save time lies in a folder of the tests, also for the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("COLLAPSE_CACHE_DIR", str(folder))
        patch.setattr(os, "fsync", os.fstat)  # no power is lost in a test, and each waits for the disk
        yield folder


@pytest.fixture(scope="session")
def warm() -> Iterator[Path]:
    """A `collapse` for scripts, which starts in no time."""
    with warmed() as command:
        yield command


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def images(generator: torch.Generator) -> Images:
    """96 grey 8x8 images of noise, 3 classes."""
    pixels = torch.randint(0, 256, (96, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return Images(pixels, torch.arange(96) % 3, ("a", "b", "c"), "noise/train")


@pytest.fixture
def batch(generator: torch.Generator) -> Batch:
    """16 pairs of noise."""
    views = torch.randn(2, 16, 1, 8, 8, generator=generator)
    return Batch(views[0], views[1], torch.arange(16) + 100, torch.arange(16) % 3, generator)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two epochs of MoCo on digits; tests read it and do not change it."""
    from collapse_cli.cli import main

    folder = tmp_path_factory.mktemp("runs") / "moco"
    assert main(["train", "moco", "--epochs", "2", "--out", str(folder), "--quiet"]) == 0
    return folder

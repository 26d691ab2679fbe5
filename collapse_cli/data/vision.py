"""torchvision's data sets as Images."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Images
from collapse_cli.streams import unaltered

Opener = Callable[[str], Any]

SILENCE = 30  # seconds without a byte


def load(
    name: str, split: str, classes: tuple[str, ...], root: Path, download: bool, opened: Opener
) -> Images:
    """`opened(split)` gives torchvision's data set of `train` or `test`; `all` is one after the other."""
    parts = [
        _open(name, part, root, download, opened)
        for part in (("train", "test") if split == "all" else (split,))
    ]
    pixels = torch.cat([_pixels(part.data) for part in parts])
    labels = torch.cat([torch.as_tensor(_targets(part)).long() for part in parts])
    return Images(pixels, labels, classes, f"{name}/{split}")


def _open(name: str, split: str, root: Path, download: bool, opened: Opener) -> Any:
    try:
        with _unattended():
            return opened(split)
    except Exception as error:  # torchvision raises RuntimeError, OSError, URLError, AssertionError …
        if download:
            raise CollapseError(
                f"{name} could not be downloaded ({error})", f"put its files into {root} by hand"
            ) from None
        raise CollapseError(
            f"{name} is not in {root}, or its files are damaged",
            "--download fetches it, --data-dir names another folder; digits needs neither",
        ) from None


@contextmanager
def _unattended() -> Iterator[None]:
    """A server that falls silent is given up; torchvision's own bars go to stderr, and only to a terminal."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    with ExitStack() as stack:
        stack.callback(socket.setdefaulttimeout, before)
        shown = (
            unaltered(sys.stderr) if sys.stderr.isatty() else stack.enter_context(Path(os.devnull).open("w"))
        )
        stack.enter_context(redirect_stdout(shown))
        stack.enter_context(redirect_stderr(shown))
        yield


def _pixels(data: Any) -> torch.Tensor:
    """torchvision's (N,H,W), (N,H,W,C) or (N,C,H,W) -> (N,C,H,W) uint8."""
    pixels = torch.from_numpy(numpy.ascontiguousarray(data))
    if pixels.ndim == 3:
        return pixels.unsqueeze(1)
    return (
        pixels.permute(0, 3, 1, 2).contiguous()
        if pixels.shape[3] in (1, 3) and pixels.shape[1] > 3
        else pixels
    )


def _targets(dataset: Any) -> Any:
    return dataset.targets if hasattr(dataset, "targets") else dataset.labels

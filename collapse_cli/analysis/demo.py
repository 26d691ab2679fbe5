"""What the demo trains: a few short runs on real digits, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch

from collapse_cli import data
from collapse_cli.analysis.training import fresh
from collapse_cli.errors import CollapseError
from collapse_cli.runs import lifecycle
from collapse_cli.runs.record import Record
from collapse_cli.settings import Run
from collapse_cli.training import Epoch

Training = tuple[Record, Run, Iterator[Epoch]]


def train(folder: Path, runs: Iterable[Run], device: torch.device, argv: Sequence[str]) -> Iterator[Training]:
    """Each run on digits in a folder of its method's name, its epochs still to be trained by iterating over them.

    Raises CollapseError where there is something in the folder already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CollapseError(f"--out {folder} is not empty", "name a new folder")
    images = data.load("digits", "train").to(device)
    for run in runs:
        record, checkpoint = Record(folder / run.method), fresh(run, images, device)
        lifecycle.begin(record, checkpoint, argv)
        yield record, checkpoint.run, lifecycle.epochs(checkpoint, images, record)

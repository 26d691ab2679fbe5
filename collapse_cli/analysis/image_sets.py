"""The images that a training or a measurement asks for, with labels from a file where one was given."""

from __future__ import annotations

from collapse_cli import data
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images


def load(
    dataset: str, split: str, files: ImageFiles, data_dir: str | None, download: bool, framing: Framing
) -> Images:
    """The images of a split on the CPU. Raises CollapseError for a data set that is not there or cannot be read."""
    return data.load(
        dataset, split, data_dir=data_dir or None, download=download, framing=framing, files=files
    )

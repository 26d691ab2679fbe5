"""The monitor's numbers as curves of TensorBoard, and its warnings as texts there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self

from collapse_cli.errors import CollapseError
from collapse_cli.integrations.libraries import library
from collapse_cli.integrations.scalars import scalars


class TensorBoardSink:
    """A sink for `CollapseMonitor(sink=…)`; it closes the writer that it opened, and no other.

    folder: where event files are written. writer: or a SummaryWriter of yours, such as the `experiment` of a logger.
    prefix: in front of every tag.

    Raises CollapseError where tensorboard is not installed, and where not exactly one of folder and writer is given.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        writer: Any = None,
        prefix: str = "collapse/",
    ) -> None:
        if (folder is None) == (writer is None):
            raise CollapseError(
                "a sink for TensorBoard needs a folder or a writer, and not both",
                'for example TensorBoardSink("runs/mine")',
            )
        self.opened = writer is None
        self.writer = _writer(os.fspath(folder)) if folder is not None else writer
        self.prefix = prefix

    def __call__(self, record: Mapping[str, Any]) -> None:
        """One look of the monitor: a point of each curve, and a text where it warns."""
        step = int(record["step"])
        for tag, value in scalars(record, self.prefix).items():
            self.writer.add_scalar(tag, value, step)
        if record.get("warning"):
            self.writer.add_text(f"{self.prefix}warning", str(record["message"]), step)
            self.writer.flush()

    def close(self) -> None:
        """Writes what is left; a writer that was handed in stays open."""
        if self.opened:
            self.writer.close()
        else:
            self.writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _writer(folder: str) -> Any:
    return library("torch.utils.tensorboard", "tensorboard").SummaryWriter(folder)

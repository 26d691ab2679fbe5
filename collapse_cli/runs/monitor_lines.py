"""monitor.jsonl: what a monitor saw of a training, a line for each event, for whoever reads it while the training runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.files import append, refuse_unmakable, writing
from collapse_cli.printable import json_text
from collapse_cli.runs.shell import quoted

NAME = "monitor.jsonl"
SCHEMA = 1


def refuse_alone(folder: Path) -> None:
    """Raises CollapseError for the folder= of a monitor in somebody's own loop, which has neither a network nor embeddings."""
    if (folder / NAME).is_file() and not (folder / "settings.toml").exists():
        raise CollapseError(
            f"{folder} holds what a CollapseMonitor saw of a training, and neither a network nor embeddings",
            f"see it with: collapse watch {quoted(folder)}; to measure the network, give its checkpoint, or a file of embeddings",
        )


class MonitorLines:
    """The file in a folder. Each line is whole: it is written in one call, and a torn one before it is ended first.

    Lines have `schema`, `event` and `step`. begin: every, world, and the chance levels in nats by name. look: the fields of a
    `Look`, null for what is not finite or was not given, and chance_level, the name of the level that the loss is at, or null.
    warning: kind, message. end: status, complete, stopped or failed. A training that is resumed appends another begin.
    """

    def __init__(self, folder: Path) -> None:
        """Makes the folder. Raises CollapseError where it cannot be made or the file cannot be written."""
        self.path = folder / NAME
        refuse_unmakable(folder, "folder=")
        if self.path.exists() and not self.path.is_file():
            raise CollapseError(f"cannot write {self.path}: it is no ordinary file", "choose another folder=")
        with writing(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self.path.open("ab").close()

    def write(self, event: str, step: int, fields: Mapping[str, Any]) -> None:
        """One more line. Raises CollapseError for what the system refuses. It is not waited for the disk."""
        line = {"schema": SCHEMA, "event": event, "step": step, **fields}
        append(self.path, json_text(_finite(line), indent=None, ascii_only=True), on_disk=False)


def _finite(fields: Mapping[str, Any]) -> dict[str, Any]:
    """With null for numbers that JSON has no word for."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in fields.items()
    }

"""Drafts that a killed process left in a run folder: `.NAME.PID.part`, as `files.whole` calls them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from collapse_cli.runs.holder import alive

DRAFT = re.compile(r"\..+\.(\d+)\.part")
FOLDERS = ("", "epochs", "results", "plots")
WRITERS = re.compile(
    r"\.(settings\.toml|run\.json|history\.jsonl|monitor\.jsonl|checkpoint\.pt|\d+\.pt)\.\d+\.part"
)
"""Drafts of what a training alone writes. Those of answers may be a reader's, on another machine too."""
OLD = 60  # seconds after which a reader's draft is no longer being written


def is_draft(name: str) -> bool:
    return DRAFT.fullmatch(name) is not None


def sweep(folder: Path) -> None:
    """Remove the drafts of dead processes. To be called by the only writer of the folder, before it writes."""
    for draft in _drafts(folder):
        with suppress(OSError):
            if _is_stale(draft):
                draft.unlink()


def _drafts(folder: Path) -> Iterator[Path]:
    for place in (folder / name for name in FOLDERS):
        with suppress(OSError):
            yield from [path for path in place.iterdir() if is_draft(path.name)]


def _is_stale(draft: Path) -> bool:
    pid = int(draft.name.split(".")[-2])
    if pid != os.getpid() and alive(pid):
        return False
    return WRITERS.fullmatch(draft.name) is not None or time.time() - draft.stat().st_mtime > OLD

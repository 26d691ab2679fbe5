"""Files that views write: refused early."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from collapse_cli.errors import CollapseError


def check(path: Path, suffixes: Sequence[str], option: str) -> None:
    """Raise where `path` cannot become a file of one of these kinds."""
    known = " or ".join(f"{option} FILE{suffix}" for suffix in suffixes)
    if path.is_dir():
        raise CollapseError(
            f"{option} {path}: this is a directory", hint=f"name a file: {path / 'answer'}{suffixes[0]}"
        )
    if path.suffix.lower() not in suffixes:
        raise CollapseError(f"{option} {path}: unknown suffix '{path.suffix}'", hint=f"write {known}")
    if not path.parent.is_dir():
        raise CollapseError(f"{option} {path}: no such directory", hint=f"mkdir -p {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise CollapseError(
            f"{option} {path}: this directory cannot be written", hint="choose another directory"
        )

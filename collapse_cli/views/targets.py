"""Files and folders that a command is to write: refused before anything is measured."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from collapse_cli.errors import CollapseError
from collapse_cli.files import refuse_unmakable

GENERATED = re.compile(
    rb'<meta name="generator" content="collapse |<p class="soft">collapse [\w.+]+: <code>'
)  # in a page of ours, and in those of versions that did not write the first


LONGEST = 200  # bytes of an input's name in that of its page
ABOUT = re.compile(rb'<meta name="inputs" content="([0-9a-f]{16})">')


def page_of(inputs: Sequence[Path]) -> str:
    """What the page of inputs is called where nothing else is: `NAME.report.html` of one, `report.html` of several."""
    if len(inputs) > 1:
        return "report.html"
    path = Path(inputs[0].absolute().name.rpartition(":")[2])
    is_folder = inputs[0].is_dir()
    name = path.name if is_folder else path.name.removesuffix(".tar")
    stem = name if is_folder else Path(name).stem
    return f"{os.fsdecode(os.fsencode(stem)[:LONGEST])}.report.html"


def is_page(path: Path) -> bool:
    """Whether a file is a page that this tool wrote."""
    return GENERATED.search(_content(path)) is not None


def is_of_others(path: Path, paths: Sequence[str | Path]) -> bool:
    """Whether a page says that it is about other inputs than these."""
    about = ABOUT.search(_content(path))
    return about is not None and about[1].decode() != digest_of(paths)


def digest_of(paths: Sequence[str | Path]) -> str:
    """By which a page tells whether it is about these inputs, without a word of where they lie."""
    every = sorted({os.path.abspath(path) for path in paths})
    return hashlib.sha256("\0".join(every).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def check(path: Path, suffixes: Sequence[str], option: str) -> None:
    """Raise where `path` cannot become a file of one of these kinds."""
    usage = " or ".join(f"{option} FILE{suffix}" for suffix in suffixes)
    if path.is_dir():
        raise CollapseError(
            f"{option} {path}: this is a directory", hint=f"name a file: {path / 'answer'}{suffixes[0]}"
        )
    if path.suffix.lower() not in suffixes:
        raise CollapseError(f"{option} {path}: unknown suffix '{path.suffix}'", hint=f"write {usage}")
    if not path.parent.is_dir():
        raise CollapseError(f"{option} {path}: no such directory", hint=f"mkdir -p {path.parent}")
    if path.exists() and not os.access(path, os.W_OK):
        raise CollapseError(
            f"{option} {path}: this file cannot be written",
            hint="choose another name, or allow writing to it",
        )
    if not os.access(path.parent, os.W_OK):
        raise CollapseError(
            f"{option} {path}: this directory cannot be written", hint="choose another directory"
        )


def check_folder(path: Path, option: str) -> None:
    """Raise where `path` cannot become a new folder: something is in it, it is a file, or it cannot be made."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CollapseError(f"{option} {path} is not empty", "name a new folder")
    refuse_unmakable(path, option)

"""Lines for the shell, with the path of a file in them, that work as they are printed."""

from __future__ import annotations

import re
from dataclasses import fields
from itertools import chain
from pathlib import Path

from collapse_cli import printable
from collapse_cli.settings import ImageFiles, Training

TRUST = "where you trust it: "
SPECIAL = re.compile(r'([\\"$`])')  # what a shell reads between double quotes


def python(code: str) -> str:
    """`python -c "…"`, in which the shell changes nothing."""
    if "!" in code:  # which an interactive shell reads even between double quotes
        return f"python -c {printable.quoted(code)}"
    escaped = SPECIAL.sub(r"\\\1", code)
    return f'python -c "{escaped}"'


def quoted(path: Path | str) -> str:
    """A path as an argument; one that begins with a dash is no option."""
    return printable.quoted(f"./{path}" if str(path).startswith("-") else str(path))


def typed(files: ImageFiles, data_dir: str = "") -> list[str]:
    """The options, as words for the shell, that read images as these do; none where nothing differs from the usual."""
    words = []
    for each in fields(ImageFiles):
        value = getattr(files, each.name)
        if value != each.default:
            option = "--" + each.name.replace("_", "-")
            words += [option] if value is True else [option, quoted(value)]
    return [*words, *(["--data-dir", quoted(data_dir)] if data_dir else [])]


def fitting(count: int) -> list[str]:
    """The option, as words for the shell, of batches that so many images fill; none where they fill the usual ones."""
    return ["--batch", str(2 ** max(1, count.bit_length() - 1))] if count < Training.batch else []


def literal(path: Path | str) -> str:
    """A path as a word of Python."""
    return repr(str(path))


def unused(name: str) -> str:
    """A name for a new file in this folder: `weights.pt`, or `weights-2.pt` where that is there already."""
    path = Path(name)
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in range(2, 1000))
    return str(next((each for each in chain((path,), numbered) if not each.exists()), path))

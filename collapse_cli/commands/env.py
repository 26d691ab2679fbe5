"""collapse env: a block to paste into a bug report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from collapse_cli.commands.options import Listed, options
from collapse_cli.printable import everywhere, json_text
from collapse_cli.settings import fill, knob
from collapse_cli.streams import unaltered


@dataclass(frozen=True)
class Environment(Listed):
    """What is told of this installation."""

    licences: bool = knob(False, "every package that is used, and what those use, with version and licence")


@options(Output=Environment)
def env(typed: dict[str, Any]) -> None:
    """Versions, devices, threads and data folder: a block to paste into a bug report.

    Example: [bold]collapse env[/bold]

    Licences: [bold]collapse env --licences[/bold]
    """
    from collapse_cli.analysis import environment

    asked = fill(Environment, typed)
    block = environment.licences() if asked.licences else environment.versions()
    if asked.json:
        print(json_text(block), file=unaltered(sys.stdout))
    else:
        width = max(13, *(len(name) for name in block))
        for name, value in everywhere(block).items():
            sys.stdout.write(f"{name:<{width}} {_in_words(value)}\n")


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return " · ".join(text for text in value.values() if text)
    return ", ".join(value) if isinstance(value, list) else str(value)

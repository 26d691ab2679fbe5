"""collapse env: a block to paste into a bug report."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from collapse_cli.allocator import keep_freed_memory
from collapse_cli.commands.options import Listed, options
from collapse_cli.printable import everywhere, json_text
from collapse_cli.settings import fill, knob
from collapse_cli.streams import unaltered

PACKAGES = (
    "collapse-cli",
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "scikit-learn",
    "matplotlib",
    "typer",
    "rich",
)


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
    asked = fill(Environment, typed)
    block = _licences() if asked.licences else _versions()
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


def _versions() -> dict[str, Any]:
    import torch

    from collapse_cli import data

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        **{name: _version(name) for name in PACKAGES},
        "devices": ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])],
        "threads": torch.get_num_threads(),
        "freed memory": "kept for the next step" if keep_freed_memory() else "given back to the system",
        "data folder": _without_home(data.data_root(None)),
    }


def _licences() -> dict[str, dict[str, str]]:
    """Every package by name: version, licence, home."""
    import dataclasses

    from collapse_cli.runs.packages import packages

    return {
        each.name: {k: v for k, v in dataclasses.asdict(each).items() if k != "name"} for each in packages()
    }


def _without_home(folder: Path) -> str:
    """The folder, the user's own as ~: a bug report is read by others."""
    home = Path(os.path.expanduser("~"))  # of a user without one it stays a tilde
    return str(Path("~") / folder.relative_to(home)) if folder.is_relative_to(home) else str(folder)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

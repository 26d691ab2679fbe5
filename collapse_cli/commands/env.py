"""collapse env: a block to paste into a bug report."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from collapse_cli.commands.options import Listed, options
from collapse_cli.printable import everywhere, json_text
from collapse_cli.settings import fill
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


@options(Output=Listed)
def env(typed: dict[str, Any]) -> None:
    """Versions, devices, threads and data folder: a block to paste into a bug report.

    Example: [bold]collapse env[/bold]
    """
    import torch

    from collapse_cli import data

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    block = {
        "python": platform.python_version(),
        "system": platform.platform(),
        **{name: _version(name) for name in PACKAGES},
        "devices": ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])],
        "threads": torch.get_num_threads(),
        "data folder": str(data.data_root(None)),
    }
    if fill(Listed, typed).json:
        print(json_text(block), file=unaltered(sys.stdout))
    else:
        for name, value in everywhere(block).items():
            sys.stdout.write(f"{name:<13} {', '.join(value) if isinstance(value, list) else value}\n")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

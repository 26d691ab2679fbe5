"""What is told of an installation: versions, devices, threads, licences, and where data sets lie."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from collapse_cli.allocator import keep_freed_memory

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


def versions() -> dict[str, Any]:
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


def licences() -> dict[str, dict[str, str]]:
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

"""What is asked for before torch is loaded, so that nobody waits for a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.runs.outline import holds_weights, outline

NO_WEIGHTS = (".npy", ".npz", ".json")  # files that hold none, as their names say


def refuse_without_images(arguments: Iterable[Any]) -> None:
    """Raises CollapseError where a path among the arguments is another library's checkpoint, for no --dataset names images.

    Seen are files that torch wrote since 2020, and safetensors; others are recognised once they are read.
    """
    for path in _files(arguments):
        content = outline(path)
        if content is not None and "collapse_format" not in content and holds_weights(content):
            raise CollapseError(
                f"{path} holds the weights of a network, which needs images to be measured on",
                f"name them with --dataset; what it is: collapse inspect {path}; its weights alone: collapse weights {path}",
            )


def _files(arguments: Iterable[Any]) -> Iterator[Path]:
    for value in arguments:
        if isinstance(value, list | tuple):
            yield from _files(value)
        elif isinstance(value, Path) and value.suffix not in NO_WEIGHTS and value.is_file():
            yield value

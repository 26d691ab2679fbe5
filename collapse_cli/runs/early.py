"""What is asked for before torch is loaded, so that nobody waits for a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.runs import text_encoders, weight_folders
from collapse_cli.runs.others.transformers_table import takes
from collapse_cli.runs.outline import holds_weights, outline
from collapse_cli.runs.shell import quoted
from collapse_cli.runs.weight_folders import read_json

NO_WEIGHTS = (".npy", ".npz", ".json")  # files that hold none, as their names say


def refuse_without_images(arguments: Iterable[Any]) -> None:
    """Raises CollapseError where a path among the arguments is another library's network, for no --dataset names images.

    Seen are files that torch wrote since 2020, and safetensors; others are recognised once they are read.
    """
    for path in _files(arguments):
        if path.is_dir():
            _refuse_folder(path)
            continue
        content = outline(path)
        if content is not None and "collapse_format" not in content and holds_weights(content):
            raise CollapseError(
                f"{path} holds the weights of a network, which needs images to be measured on",
                f"name them with --dataset NAME; what it is: {_alone(path)}",
            )


def _refuse_folder(folder: Path) -> None:
    """A folder of a config and weights, which nothing but data can be put through."""
    texts = text_encoders.is_at(folder)
    named = "--dataset text:FILE" if texts else "--dataset NAME"
    if not texts and takes(read_json(folder / "config.json")) in ("texts", "sounds"):
        return  # whoever reads it says what it takes
    raise CollapseError(
        f"{folder} holds the weights of a network, which needs {'texts' if texts else 'images'} to be measured on",
        f"name them with {named}; what it is: {_alone(folder)}",
    )


def _alone(path: Path) -> str:
    return f"collapse inspect {quoted(path)}; its weights alone: collapse weights {quoted(path)}"


def _files(arguments: Iterable[Any]) -> Iterator[Path]:
    for value in arguments:
        if isinstance(value, list | tuple):
            yield from _files(value)
        elif isinstance(value, Path) and (_may_hold_weights(value) or weight_folders.is_at(value)):
            yield value


def _may_hold_weights(path: Path) -> bool:
    return path.suffix not in NO_WEIGHTS and path.is_file()

"""Arrays by name in one file, .npz, .pt or .safetensors: read without running code, numbers as tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.refusals import LEARNT, are_rows
from collapse_cli.runs.reader import Unreadable
from collapse_cli.runs.shards import float_of
from collapse_cli.runs.source import Source

ROWS, BARE = "representations", "rows"
"""The name of our own files, and what a lone tensor is called."""


def read(place: Path | Source) -> dict[str, Any]:
    """What stands in the file, by name. Raises CollapseError for what cannot be read or is not there."""
    source = Source.at(place)
    try:
        content = source.content
    except Unreadable as error:
        raise _as_embeddings(source.path, error) from None
    if not isinstance(content, Mapping):
        return {BARE: content}
    if source.path.suffix == ".npz":
        return {name: tensor(array) for name, array in content.items()}
    return {str(name): value for name, value in content.items()}


def are_embeddings(place: Path | Source) -> bool:
    """Whether a torch or safetensors file holds rows and not weights, as its names and shapes tell.

    A lone tensor, anything with an array `representations`, or a few arrays of one length, none of which is named as weights are.
    """
    try:
        content = read(place)
    except CollapseError:
        return False
    found = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    learnt = any(name.endswith(LEARNT) for name in found)
    return ROWS in found or BARE in found or (len(found) == len(content) and not learnt and are_rows(found))


def tensor(array: numpy.ndarray) -> Any:
    """Numbers as a tensor in this machine's byte order, whole ones as int64; what is no number stays as it is."""
    if array.dtype.kind in "iu":
        return torch.from_numpy(array.astype("int64"))
    return (
        torch.from_numpy(array.astype(float_of(array.dtype), copy=False))
        if array.dtype.kind == "f"
        else array
    )


def _as_embeddings(path: Path, error: Unreadable) -> CollapseError:
    """The same error, with the remedy for embeddings."""
    if path.suffix == ".npz":
        return error.wanted_as("numpy embeddings", "save them with numpy.savez")
    hint = "only tensors and plain types are read; save them with torch.save"
    return error.wanted_as("torch embeddings", hint, error.reason.splitlines()[0][:120])

"""Arrays by name in one file, .npz, .pt or .safetensors: read without running code, numbers as tensors."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others import tensors
from collapse_cli.runs.others.refusals import LEARNT, are_rows
from collapse_cli.runs.shards import float_of

ROWS, BARE = "representations", "rows"
"""The name of our own files, and what a lone tensor is called."""


def read(path: Path) -> dict[str, Any]:
    """What stands in the file, by name. Raises CollapseError for what cannot be read or is not there."""
    return _npz(path) if path.suffix == ".npz" else _content(path)


def are_embeddings(path: Path) -> bool:
    """Whether a torch or safetensors file holds rows and not weights, as its names and shapes tell.

    A lone tensor, anything with an array `representations`, or a few arrays of one length, none of which is named as weights are.
    """
    try:
        content = _content(path)
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


def _npz(path: Path) -> dict[str, Any]:
    try:
        with numpy.load(path, allow_pickle=False) as found:
            return {name: tensor(found[name]) for name in found.files}
    except FileNotFoundError:
        raise CollapseError(f"no file {path}", "check the path") from None
    except (ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise CollapseError(
            f"{path} cannot be read as numpy embeddings ({error})", "save them with numpy.savez"
        ) from None


def _content(path: Path) -> dict[str, Any]:
    """Of a torch or safetensors file; its tensors stay on disk until they are used, where the file allows it."""
    if path.suffix == ".safetensors":
        return dict(tensors.read_safetensors(path))
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except FileNotFoundError:
        raise CollapseError(f"no file {path}", "check the path") from None
    except Exception as error:  # a damaged pickle may trip its reader over anything
        first = str(error).strip().splitlines()
        raise CollapseError(
            f"{path} cannot be read as torch embeddings ({first[0][:120] if first else type(error).__name__})",
            "only tensors and plain types are read; save them with torch.save",
        ) from None
    if isinstance(content, Mapping):
        return {str(name): value for name, value in content.items()}
    return {BARE: content}

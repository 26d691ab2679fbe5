"""Embeddings on disk: .npz as `collapse embed` writes it, and .npy, one matrix of rows."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.shapes import Embeddings


@dataclass(frozen=True)
class Kept:
    """The clean embeddings of N pictures and, where they were kept, those of two augmented views of the same pictures."""

    clean: Embeddings
    views: tuple[Embeddings, Embeddings] | None
    temperature: float | None


def save(path: Path, kept: Kept) -> None:
    """An .npz: representations, projections, labels, index, classes, source; first_… and second_… for the views."""
    clean = kept.clean
    arrays: dict[str, Any] = {
        **_arrays("", clean),
        "classes": numpy.array(clean.classes, dtype=str),
        "source": numpy.array(clean.source),
    }
    for name, view in zip(("first_", "second_"), kept.views or (), strict=False):
        arrays |= _arrays(name, view)
    if kept.temperature is not None:
        arrays["temperature"] = numpy.array(kept.temperature)
    with whole(path) as draft, draft.open("wb") as file:
        numpy.savez(file, **arrays)


def load(path: Path) -> Kept:
    """Embeddings from an .npz of ours or an .npy of rows (N,D). Raises CollapseError for anything else."""
    try:
        found = numpy.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise CollapseError(f"no file {path}", "check the path") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise CollapseError(
            f"{path} cannot be read as numpy embeddings ({error})", "save them with numpy.save"
        ) from None
    if isinstance(found, numpy.ndarray):
        return Kept(_bare(found, path), None, None)
    try:
        arrays = dict(found)
    except (ValueError, zipfile.BadZipFile) as error:
        raise CollapseError(
            f"{path} cannot be read as numpy embeddings ({error})", "write it with `collapse embed`"
        ) from None
    if "representations" not in arrays:
        raise CollapseError(
            f"{path} has no array 'representations', only {', '.join(arrays)}",
            "write it with `collapse embed`",
        )
    classes = tuple(str(name) for name in arrays.get("classes", ()))
    views = tuple(
        _read(arrays, part, classes) for part in ("first_", "second_") if f"{part}representations" in arrays
    )
    temperature = float(arrays["temperature"]) if "temperature" in arrays else None
    pair = (views[0], views[1]) if len(views) == 2 else None
    if pair and len(pair[0]) != len(pair[1]):
        raise CollapseError(
            f"{path} has {len(pair[0])} first and {len(pair[1])} second views",
            "write it with `collapse embed`",
        )
    return Kept(_read(arrays, "", classes), pair, temperature)


def _arrays(prefix: str, embeddings: Embeddings) -> dict[str, Tensor]:
    """One set of embeddings by array name: its rows, and which pictures of which class they are."""
    arrays = {
        "representations": embeddings.representations,
        "projections": embeddings.projections,
        "labels": embeddings.labels,
        "index": embeddings.index,
    }
    return {prefix + name: rows for name, rows in arrays.items() if rows is not None}


def _read(arrays: dict[str, numpy.ndarray], prefix: str, classes: tuple[str, ...]) -> Embeddings:
    rows = _rows(arrays[f"{prefix}representations"], prefix + "representations")
    projections = f"{prefix}projections"
    labels, index = (_column(arrays, prefix + name, len(rows)) for name in ("labels", "index"))
    found = Embeddings(
        rows,
        _rows(arrays[projections], projections) if projections in arrays else None,
        labels,
        torch.arange(len(rows)) if index is None else index,
        classes,
        str(arrays.get("source", "")),
    )
    if found.projections is not None and len(found.projections) != len(rows):
        raise CollapseError(
            f"{projections} has {len(found.projections)} rows, not {len(rows)}", "one for each picture"
        )
    return found


def _column(arrays: dict[str, numpy.ndarray], name: str, count: int) -> Tensor | None:
    """Whole numbers (N,), or None where there is no such array."""
    if name not in arrays:
        return None
    if arrays[name].dtype.kind not in "iu" or arrays[name].shape != (count,):
        raise CollapseError(
            f"{name} is {arrays[name].dtype} of shape {arrays[name].shape}",
            f"whole numbers of shape ({count},) are needed",
        )
    return torch.from_numpy(arrays[name]).long()


def _bare(array: numpy.ndarray, path: Path) -> Embeddings:
    rows = _rows(array, str(path))
    return Embeddings(rows, None, None, torch.arange(len(rows)), (), path.name)


def _rows(array: numpy.ndarray, name: str) -> Tensor:
    if array.ndim != 2 or not array.shape[1] or array.dtype.kind not in "fiu":
        raise CollapseError(
            f"{name} is {array.dtype} of shape {array.shape}", "embeddings are numbers of shape (N, D)"
        )
    return torch.from_numpy(
        array if array.dtype in (numpy.float32, numpy.float64) else array.astype(numpy.float32)
    )

"""Embeddings on disk: .npz as `collapse embed` writes it, and .npy, one matrix of rows."""

from __future__ import annotations

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
        **_spaces("", clean),
        "index": clean.index,
        "classes": numpy.array(clean.classes, dtype=str),
        "source": numpy.array(clean.source),
    }
    if clean.labels is not None:
        arrays["labels"] = clean.labels
    for name, view in zip(("first_", "second_"), kept.views or (), strict=False):
        arrays |= _spaces(name, view)
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
    except (ValueError, OSError, EOFError) as error:
        raise CollapseError(
            f"{path} cannot be read as numpy embeddings ({error})", "save them with numpy.save"
        ) from None
    if isinstance(found, numpy.ndarray):
        return Kept(_bare(found, path), None, None)
    arrays = dict(found)
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
    return Kept(_read(arrays, "", classes), pair, temperature)


def _spaces(prefix: str, embeddings: Embeddings) -> dict[str, Tensor]:
    spaces = {"representations": embeddings.representations, "projections": embeddings.projections}
    return {prefix + name: rows for name, rows in spaces.items() if rows is not None}


def _read(arrays: dict[str, numpy.ndarray], prefix: str, classes: tuple[str, ...]) -> Embeddings:
    def tensor(name: str) -> Tensor | None:
        return torch.from_numpy(arrays[name]) if name in arrays else None

    rows = _rows(arrays[f"{prefix}representations"], prefix + "representations")
    index = tensor("index")
    return Embeddings(
        rows, tensor(f"{prefix}projections"), tensor("labels"),
        torch.arange(len(rows)) if index is None else index, classes, str(arrays.get("source", "")),
    )  # fmt: skip


def _bare(array: numpy.ndarray, path: Path) -> Embeddings:
    rows = _rows(array, str(path))
    return Embeddings(rows, None, None, torch.arange(len(rows)), (), path.name)


def _rows(array: numpy.ndarray, name: str) -> Tensor:
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise CollapseError(
            f"{name} is {array.dtype} of shape {array.shape}", "embeddings are numbers of shape (N, D)"
        )
    return torch.from_numpy(
        array if array.dtype in (numpy.float32, numpy.float64) else array.astype(numpy.float32)
    )

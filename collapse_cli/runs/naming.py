"""What the arrays of a file are, whatever they are called: rows, labels, scales; the rest is set aside and named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.arrays import ARRAY, BARE, ROWS
from collapse_cli.runs.codes import SCALES
from collapse_cli.runs.others.rows import NAMED, PARAMETERS, are_vectors
from collapse_cli.runs.plain import squeezed
from collapse_cli.runs.reader import OBJECTS, Objects, Unreadable

OURS = re.compile(r"(first_|second_)?(representations|projections|labels|index)|classes|source|temperature")
"""Names that our own files have."""

LABELS = ("labels", "label", "targets", "target", "class_ids", "class_id", "classes", "y")
BESIDE = re.compile(
    r"label|target|class|^y$|logit|prob|score|pred|one_?hot|mask|box|coord|^ids?$|^ind(ex|ices)$|_ids?$|path",
    re.IGNORECASE,
)
"""Names of arrays (N,C) that stand beside rows and are none."""

SHOWN = 6


def named(found: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A file's arrays by the names of our own files, and what was assumed of it.

    Raises CollapseError where there are no rows (N,D), or several arrays that may be them.
    """
    if {"h", "z"} <= found.keys() and ROWS not in found:
        found = {{"h": ROWS, "z": "projections"}.get(name, name): value for name, value in found.items()}
    name, rows = _rows(found, path)
    given, said = rows.shape, []
    if name not in (ROWS, BARE):
        said.append(f"rows: the array {name}" if name in found else f"rows: {len(rows):,} vectors by their names")
    rows = squeezed(rows)
    if rows.shape != given:
        said.append(f"its shape {tuple(given)} is taken as {tuple(rows.shape)}")
    if name not in found:
        return {ROWS: rows}, tuple(said)
    kept = {ROWS if other == name else other: value for other, value in found.items()} | {ROWS: rows}
    label = _labels(kept, len(rows))
    if label not in ("", "labels"):
        kept["labels"] = kept.pop(label)
        said.append(f"labels: the array {label}")
    if label:
        kept["labels"] = _flat(kept["labels"])
    return kept, (*said, *_aside(kept))


def _rows(found: Mapping[str, Any], path: Path) -> tuple[str, Tensor]:
    """The only array that may be rows, and what it is called; a name that is not in the file for vectors by their names."""
    if ROWS in found:
        return ROWS, _usable(found[ROWS], ROWS, path)
    arrays = {name: value for name, value in found.items() if isinstance(value, Tensor)}
    shapes = {name: _shape(value) for name, value in arrays.items() if not PARAMETERS.search(name)}
    rows = [name for name, shape in shapes.items() if len(shape) == 2] or [
        name for name, shape in shapes.items() if len(shape) > 2
    ]
    rows = [name for name in rows if NAMED.search(name) or not BESIDE.search(name)] or rows
    if len(rows) > 1:
        said = ", ".join(f"{name} {shapes[name]}" for name in rows[:SHOWN])
        raise CollapseError(
            f"{path} holds several arrays of rows: {said}", f"call the one to measure {ROWS}, or save it alone"
        )
    if not rows and are_vectors(found):
        return "", torch.cat([value.reshape(1, -1) for value in found.values()])
    (name,) = rows or (list(found)[:1] if len(found) == 1 else [""])
    if not name:
        _refuse_none(found, path)
    return name, _usable(found[name], name, path)


def _refuse_none(found: Mapping[str, Any], path: Path) -> None:
    sets = [name for name, value in found.items() if isinstance(value, Mapping)]
    if sets:
        raise CollapseError(
            f"{path} holds several sets of rows: {', '.join(sets[:SHOWN])}",
            f"save each alone: torch.save(torch.load(PATH)['{sets[0]}'], '{sets[0]}.pt')",
        )
    ragged = next((name for name, value in found.items() if isinstance(value, Objects | list)), None)
    if ragged is not None:
        _usable(found[ragged], ragged, path)
    said = ", ".join(f"{name} {_shape(value)}" for name, value in found.items() if isinstance(value, ARRAY))
    raise CollapseError(
        f"{path} holds no rows of shape (N, D): {said or 'no array'}", f"save them as an array called {ROWS}"
    )


def _usable(value: Any, name: str, path: Path) -> Tensor:
    """The same. Raises CollapseError, with the remedy, for what is no array of real numbers."""
    if isinstance(value, Objects):
        hint = f"where you trust it: numpy.save('rows.npy', numpy.stack(list(numpy.load(PATH, allow_pickle=True)['{name}'])))"
        raise Unreadable(path, OBJECTS).wanted_as("numpy embeddings", hint)
    if isinstance(value, list | tuple):
        shapes = sorted({_shape(part) for part in value if isinstance(part, ARRAY)})
        raise CollapseError(
            f"{name} of {path} is a list of {len(value):,} tensors of {len(shapes)} shapes, as {shapes[0]} and {shapes[-1]}"
            if len(shapes) > 1 else f"{name} of {path} is a list, and no array of numbers",
            "give one vector for each sample, of one width: pool what is longer first, as x.mean(0)",
        )  # fmt: skip
    if isinstance(value, Tensor):
        refuse_shape(value.shape, str(value.dtype).removeprefix("torch."), f"{name} of {path}")
        return value
    kind = f"{value.dtype} of shape {_shape(value)}" if isinstance(value, ARRAY) else f"a {type(value).__name__}"
    raise CollapseError(f"{name} of {path} is {kind}", "embeddings are numbers of shape (N, D)")


def refuse_shape(shape: tuple[int, ...], kind: str, what: str) -> None:
    """Raises CollapseError, with the remedy, for an array that is no rows (N,D) and cannot be squeezed to them."""
    long = [size for size in shape[1:] if size != 1]
    said = f"{what} is {kind} of shape {tuple(shape)}"
    if kind.startswith("complex"):
        raise CollapseError(said, "measure its parts side by side: torch.view_as_real(x).flatten(1), or x.abs()")
    if len(shape) == 3 and len(long) == 2:
        pooled = "pool first: x.mean(1), or x[:, 0] where a class token comes first"
        raise CollapseError(
            f"{said}: a sequence for each sample", pooled if shape[0] > 1 else f"{pooled}; one sample alone has no rank"
        )
    if len(shape) == 4 and len(long) == 3:
        raise CollapseError(f"{said}: a map for each sample", "pool first: x.mean((2, 3)) where channels stand second")
    if len(shape) > 2 and len(long) != 1:
        raise CollapseError(said, "embeddings are numbers of shape (N, D): x.flatten(1) makes one vector of each sample")


def _labels(found: Mapping[str, Any], count: int) -> str:
    """The name of the labels of N rows, by our own name, else by another usual one; empty where there are none."""
    if "labels" in found:
        return "labels"
    return next((name for name in LABELS if name in found and _are_labels(found[name], count)), "")


def _are_labels(value: Any, count: int) -> bool:
    """Whether these are N whole numbers or words, also of shape (N,1)."""
    flat = _flat(value)
    if isinstance(flat, Tensor):
        return flat.shape == (count,) and not flat.is_floating_point() and flat.dtype != torch.bool and not flat.is_complex()
    if isinstance(flat, numpy.ndarray):
        return flat.shape == (count,) and flat.dtype.kind == "U"
    return isinstance(flat, list) and len(flat) == count and all(isinstance(word, str) for word in flat)


def _flat(value: Any) -> Any:
    return value[:, 0] if isinstance(value, ARRAY) and value.ndim == 2 and value.shape[1] == 1 else value


def _aside(found: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence on what is not used, of which the names of our own files and scales are no part."""
    rest = [name for name in found if not OURS.fullmatch(name) and name not in SCALES]
    more = f" and {len(rest) - SHOWN} more" if len(rest) > SHOWN else ""
    return (f"left out: {', '.join(rest[:SHOWN])}{more}",) if rest else ()


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, ARRAY) else ()

"""What the arrays of a file are, whatever they are called: rows, labels, scales; the rest is set aside and named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.runs import shell
from collapse_cli.runs.arrays import ARRAY, BARE, ROWS
from collapse_cli.runs.codes import SCALES
from collapse_cli.runs.inert import Inert
from collapse_cli.runs.others.array_names import NAMED, PARAMETERS, are_sequences, are_vectors
from collapse_cli.runs.plain import squeezed
from collapse_cli.runs.reader import OBJECTS, Objects, Unreadable
from collapse_cli.runs.remedies import refuse_shape, wanted

OURS = re.compile(
    r"(first_|second_)?(representations|projections|labels|index)|classes|source|temperature|network"
)
"""Names that our own files have."""

LABELS = ("labels", "label", "targets", "target", "class_ids", "class_id", "classes", "y")
BESIDE = re.compile(
    r"label|target|class|^y$|logit|prob|score|pred|one_?hot|mask|box|coord|^ids?$|^ind(ex|ices)$|_ids?$|path",
    re.IGNORECASE,
)
"""Names of arrays (N,C) that stand beside rows and are none."""

SHOWN = 6
EVERY = "what stands by name"


def named(
    entries: Mapping[str, Any], path: Path, selector: str = ""
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A file's arrays by the names of our own files, and what was assumed of it. selector: --column, the array of the rows.

    Raises CollapseError where there are no rows (N,D), or several arrays that may be them.
    """
    every = entries
    if selector:
        entries = _only(entries, selector, path)
    elif {"h", "z"} <= entries.keys() and ROWS not in entries:
        entries = {{"h": ROWS, "z": "projections"}.get(name, name): value for name, value in entries.items()}
    name, rows = (selector, _usable(entries[selector], selector, path)) if selector else _rows(entries, path)
    shape, assumptions = rows.shape, []
    if name not in (ROWS, BARE):
        assumptions.append(
            f"embeddings: the array {name}"
            if name in entries
            else f"embeddings: {len(rows):,} vectors by their names"
        )
    rows = squeezed(rows)
    if rows.shape != shape:
        assumptions.append(f"its shape {tuple(shape)} is read as {tuple(rows.shape)}")
    if name not in entries:
        return {ROWS: rows}, tuple(assumptions)
    renamed = {ROWS if other == name else other: value for other, value in entries.items()} | {ROWS: rows}
    label = _labels(renamed, len(rows))
    if label not in ("", "labels"):
        renamed["labels"] = renamed.pop(label)
        assumptions.append(f"labels: the array {label}")
    if label:
        renamed["labels"] = _flat(renamed["labels"])
    return renamed, (
        *assumptions,
        *_aside([*renamed, *(each for each in every if selector and each not in entries)]),
    )


def _only(entries: Mapping[str, Any], selector: str, path: Path) -> dict[str, Any]:
    """Without the other arrays of rows. Raises CollapseError where the one that is wanted is not there."""
    rows = [name for name, value in entries.items() if len(_shape(_flat(value))) > 1 or name == selector]
    if selector not in entries or len(_shape(entries[selector])) < 2:
        rows = [name for name in rows if name != selector]
        raise CollapseError(
            f"{path} has no array '{selector}' of shape (N, D)",
            nearest(selector, rows) if rows else "leave out --column",
        )
    return {name: value for name, value in entries.items() if name == selector or name not in rows}


def _rows(entries: Mapping[str, Any], path: Path) -> tuple[str, Tensor]:
    """The only array that may be rows, and what it is called; a name that is not in the file for vectors by their names."""
    if ROWS in entries:
        return ROWS, _usable(entries[ROWS], ROWS, path)
    if are_vectors(entries):
        return "", torch.cat([value.reshape(1, -1) for value in entries.values()])
    arrays = {name: value for name, value in entries.items() if isinstance(value, Tensor)}
    shapes = {name: _shape(value) for name, value in arrays.items() if not PARAMETERS.search(name)}
    rows = [name for name, shape in shapes.items() if len(shape) == 2] or [
        name for name, shape in shapes.items() if len(shape) > 2
    ]
    rows = [name for name in rows if NAMED.search(name) or not BESIDE.search(name)] or rows
    if len(rows) > 1 and are_sequences(entries):
        _usable(list(entries.values()), EVERY, path)
    if len(rows) > 1:
        listing = ", ".join(f"{name} {shapes[name]}" for name in rows[:SHOWN])
        raise CollapseError(
            f"{path} contains several arrays of embeddings: {listing}",
            f"add {' or '.join(f'--column {name}' for name in rows[:4])}; or name the array to "
            f"measure {ROWS}, or save it alone",
        )
    (name,) = rows or (list(entries)[:1] if len(entries) == 1 else [""])
    if not name:
        _refuse_none(entries, path)
    return name, _usable(entries[name], name, path)


def _refuse_none(entries: Mapping[str, Any], path: Path) -> None:
    sets = [name for name, value in entries.items() if isinstance(value, Mapping)]
    if sets:
        raise CollapseError(
            f"{path} contains several sets of embeddings: {', '.join(sets[:SHOWN])}",
            f"save each set alone: {_set_alone(path, sets[0])}",
        )
    ragged = next((name for name, value in entries.items() if isinstance(value, Objects | list)), None)
    if ragged is not None:
        _usable(entries[ragged], ragged, path)
    shapes = ", ".join(
        f"{name} {_shape(value)}" for name, value in entries.items() if isinstance(value, ARRAY)
    )
    raise CollapseError(
        f"{path} contains no embeddings of shape (N, D), only {shapes or 'no array'}",
        f"save the embeddings as an array named {ROWS}",
    )


def _usable(value: Any, name: str, path: Path) -> Tensor:
    """The same. Raises CollapseError, with the remedy, for what is no array of real numbers."""
    if isinstance(value, Objects):
        array = f"numpy.load({shell.literal(path)}, allow_pickle=True)[{name!r}]"
        hint = shell.TRUST + shell.python(f"import numpy; numpy.save('rows.npy', numpy.stack(list({array})))")
        raise Unreadable(path, OBJECTS).wanted_as("numpy embeddings", hint)
    if isinstance(value, list | tuple):
        _refuse_ragged([_shape(part) for part in value if isinstance(part, ARRAY)], name, path)
    if isinstance(value, Tensor):
        if value.is_meta:
            raise CollapseError(
                f"{name} of {path} has a shape but no numbers",
                "save it from the device it was computed on, not from the device meta",
            )
        kind = str(value.dtype).removeprefix("torch.")
        refuse_shape(value.shape, kind, f"{name} of {path}", path, name)
        if value.ndim < 2:
            problem = f"{name} of {path} is {kind} of shape {_shape(value)}"
            raise CollapseError(problem, wanted(kind, path))
        return value
    if isinstance(value, numpy.ndarray) and value.dtype.kind in "cV":
        refuse_shape(value.shape, value.dtype.name, f"{name} of {path}", path, name)
    kind = (
        f"{value.dtype} of shape {_shape(value)}"
        if isinstance(value, ARRAY)
        else f"a {value.name if isinstance(value, Inert) else type(value).__name__}"
    )
    raise CollapseError(f"{name} of {path} is {kind}", "embeddings must be numbers of shape (N, D)")


def _refuse_ragged(all_shapes: Sequence[tuple[int, ...]], name: str, path: Path) -> None:
    """Raises CollapseError for a list of arrays that do not fit together."""
    what, shapes = f"{name} of {path}", sorted(set(all_shapes))
    if len(shapes) < 2:
        raise CollapseError(f"{what} is a list without numbers", "embeddings must be numbers of shape (N, D)")
    one_width = len({shape[-1:] for shape in shapes}) == 1 and min(map(len, shapes)) > 1
    raise CollapseError(
        f"{what} is {len(all_shapes):,} tensors of {len(shapes)} shapes, for example {shapes[0]} and {shapes[-1]}",
        f"pool sequences first: {_pooled(path, name)}; where each row is a sample, torch.cat in place of torch.stack, and x in "
        "place of x.mean(0)"
        if one_width else "give vectors of one width; vectors of another width come from another network, or need padding",
    )  # fmt: skip


def _pooled(path: Path, name: str) -> str:
    """The line that saves the mean of each sequence in a list, or in a dict by name."""
    load = f"c = torch.load({shell.literal(path)}, map_location='cpu')"
    if path.suffix == ".safetensors":
        load = f"import safetensors.torch; c = safetensors.torch.load_file({shell.literal(path)})"
    inner = "" if name in (BARE, EVERY) else f"; c = c[{name!r}]"
    means = "[torch.as_tensor(x).float().mean(0) for x in (c.values() if isinstance(c, dict) else c)]"
    return shell.python(f"import torch; {load}{inner}; torch.save(torch.stack({means}), 'rows.pt')")


def _set_alone(path: Path, name: str) -> str:
    file = shell.unused(f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name) or 'set'}.pt")
    return shell.python(
        f"import torch; torch.save(torch.load({shell.literal(path)}, map_location='cpu')[{name!r}], {file!r})"
    )


def _labels(entries: Mapping[str, Any], count: int) -> str:
    """The name of the labels of N rows, by our own name, else by another usual one; empty where there are none."""
    if "labels" in entries:
        return "labels"
    return next((name for name in LABELS if name in entries and _are_labels(entries[name], count)), "")


def _are_labels(value: Any, count: int) -> bool:
    """Whether these are N whole numbers or words, also of shape (N,1)."""
    flat = _flat(value)
    if isinstance(flat, Tensor):
        return (
            flat.shape == (count,)
            and not flat.is_floating_point()
            and flat.dtype != torch.bool
            and not flat.is_complex()
        )
    if isinstance(flat, numpy.ndarray):
        return flat.shape == (count,) and flat.dtype.type is numpy.str_
    return isinstance(flat, list) and len(flat) == count and all(isinstance(word, str) for word in flat)


def _flat(value: Any) -> Any:
    return value[:, 0] if isinstance(value, ARRAY) and value.ndim == 2 and value.shape[1] == 1 else value


def _aside(names: Sequence[str]) -> tuple[str, ...]:
    """A sentence on what is not used, of which the names of our own files and scales are no part."""
    rest = [name for name in names if not OURS.fullmatch(name) and name not in SCALES]
    more = f" and {len(rest) - SHOWN} more" if len(rest) > SHOWN else ""
    return (f"left out: {', '.join(rest[:SHOWN])}{more}",) if rest else ()


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, ARRAY) else ()

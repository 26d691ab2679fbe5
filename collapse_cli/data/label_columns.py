"""Which column of a table of images is the labels, and their classes: declared in the schema, or the values that are there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import types

from collapse_cli import class_labels
from collapse_cli.data.image_columns import is_binary, is_listing
from collapse_cli.data.labelling import UNLABELLED, Labelled
from collapse_cli.data.shards import Shard
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.printable import quoted

USUAL = ("label", "labels", "fine_label")
NONE = "none"  # in place of the name of a column: the images without their labels
WITHOUT = f"--label-column {NONE} reads the images without labels"


@dataclass(frozen=True)
class Column:
    """names: of the classes that the schema declares, none where it declares none; notes: of the choice."""

    name: str
    names: tuple[str, ...] = ()
    notes: tuple[DataNote, ...] = ()


def choose(shards: Sequence[Shard], taken: Sequence[int], wanted: str) -> Column | None:
    """The column that was named; else `label`, `labels`, `fine_label`, or the first that the schema declares to be classes.

    It is one of the files taken, the first of them that has one; its classes may be declared in any file.
    """
    if wanted == NONE:
        return None
    name, shard = next(
        ((name, shards[i]) for i in taken if (name := wanted or _usual(shards[i]))), ("", shards[taken[0]])
    )
    if not name:
        return None
    names = next((names for each in shards if (names := _names(declared(each.schema), name))), ())
    others = [] if wanted else [each for each in candidates(shard.schema) if each != name]
    if not others:
        return Column(name, names)
    remedy = f"--label-column {quoted(others[0])} takes another"
    note = DataNote("chosen", 1, len(others) + 1, "columns of labels", "taken", remedy, [name])
    return Column(name, names, (note,))


def _usual(shard: Shard) -> str:
    """The column of a file that is taken without being named; empty where there is none."""
    columns, features = shard.schema.names, declared(shard.schema)
    classes = [name for name in columns if features.get(name, {}).get("_type") == "ClassLabel"]
    return next((usual for usual in USUAL if usual in columns), next(iter(classes), ""))


def candidates(schema: pyarrow.Schema) -> list[str]:
    """Columns that may be labels, by what the schema declares and by their names, the likelier ones first."""
    features = declared(schema)
    classes = [name for name in schema.names if features.get(name, {}).get("_type") == "ClassLabel"]
    fit = [field.name for field in schema if not _refusal(plain(field.type))]
    inner = [
        f"{field.name}.{part.name}"
        for field in schema
        if types.is_struct(field.type) and field.type.get_field_index("bytes") < 0
        for part in field.type
        if class_labels.likely([part.name]) and not _refusal(plain(part.type))
    ]
    return list(dict.fromkeys([*classes, *class_labels.likely(fit), *inner]))


def not_taken(schema: pyarrow.Schema) -> tuple[DataNote, ...]:
    """Columns that may be labels, none of which is called so that it is taken without being named."""
    names = candidates(schema)
    if not names:
        return ()
    remedy = f"--label-column {quoted(names[0])} takes it for the labels"
    return (
        DataNote("left out", len(names), len(schema.names), "columns", "not read as labels", remedy, names),
    )


def declared(schema: pyarrow.Schema) -> dict[str, dict[str, Any]]:
    """What `datasets` says of the columns, by name."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: kind for name, kind in features.items() if isinstance(kind, dict)}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def _names(features: Mapping[str, Mapping[str, Any]], column: str) -> tuple[str, ...]:
    """Of the classes of a column: a list, or numbers -> names, or how many there are."""
    feature = features.get(column, {})
    if feature.get("_type") not in (None, "ClassLabel"):
        return ()
    names, count = feature.get("names"), feature.get("num_classes")
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names, key=lambda key: class_labels.natural(str(key)))]
    if isinstance(names, list) and names:
        return _unlike([str(name) for name in names])
    return tuple(map(str, range(count))) if isinstance(count, int) and 0 < count < 1 << 20 else ()


def _unlike(names: Sequence[str]) -> tuple[str, ...]:
    """Names by which classes can be told apart: those that repeat have the number of their class behind them."""
    times = Counter(names)
    return tuple(f"{name} ({n})" if times[name] > 1 else name for n, name in enumerate(names))


def plain(kind: pyarrow.DataType) -> pyarrow.DataType:
    """The type of the values, where they are kept once in a dictionary, or as those of an extension."""
    kind = kind.storage_type if isinstance(kind, pyarrow.BaseExtensionType) else kind
    return kind.value_type if types.is_dictionary(kind) else kind


def _refusal(kind: pyarrow.DataType) -> str:
    """Why a column of this type holds no labels; empty where it may."""
    if is_listing(kind) or types.is_map(kind):
        return "a list of labels for each image, but an image has one class"
    if types.is_struct(kind) or types.is_union(kind):
        return "several values for each image, but an image has one class"
    if is_binary(kind) or types.is_temporal(kind):
        return f"values of type {kind}, which name no classes"
    return ""


def read(shards: Sequence[Shard], taken: Sequence[int], column: Column, path: Path) -> Labelled:
    """The labels of all rows of all files, and the classes of all; no labels where none of the files taken has one.

    The images of a file without the column have none. Raises CollapseError where no file has it, where some of the images of the
    files taken have none, or one that is no class.
    """
    if not any(shard.has(column.name) for shard in shards):
        shards[taken[0]].column(column.name)  # raises
    parts = [
        _values(shard, column.name) if shard.has(column.name) else [None] * shard.count for shard in shards
    ]
    present = [value for part in parts for value in part if not _is_hidden(value)]
    chosen = [value for i in taken for value in parts[i]]
    hidden = sum(map(_is_hidden, chosen))
    if hidden == len(chosen) or not present:
        lacking = not any(shards[i].has(column.name) for i in taken)
        what = (
            "in files of other splits alone, so the images have no labels"
            if lacking
            else "null or negative, so the images have no labels"
        )
        note = DataNote("left out", hidden, len(chosen), f"labels of the column {column.name}", what)
        return Labelled(notes=(*column.notes, note) if chosen else ())
    if hidden:
        raise _hidden(chosen, hidden, column.name, path, _labelled_split(shards, taken, parts))
    if column.names:
        numbers = _declared_numbers(parts, column, path)
        return Labelled(numbers, column.names, column.notes)
    numbers, names = class_labels.numbered(present, f"the column {column.name} of {path}")
    each = iter(numbers)
    whole = [UNLABELLED if _is_hidden(value) else next(each) for part in parts for value in part]
    return Labelled(whole, names, column.notes)


def _values(shard: Shard, name: str) -> list[Any]:
    values = shard.column(name)
    refusal = _refusal(plain(values.type))
    if refusal:
        others = [other for other in candidates(shard.schema) if other != name]
        more = f"; --label-column {quoted(others[0])} takes another column" if others else ""
        raise CollapseError(f"the column {name} of {shard.file} contains {refusal}", f"{WITHOUT}{more}")
    listed: list[Any] = values.to_pylist()
    if fraction := next((value for value in listed if _is_fraction(value)), None):
        raise CollapseError(
            f"the column {name} of {shard.file} contains numbers with fractions, such as {fraction:g}, which name no classes",
            f"{WITHOUT}; labels are whole numbers or names",
        )
    return listed


def _is_fraction(value: Any) -> bool:
    if isinstance(value, str | int) or class_labels.is_missing(value):
        return False
    try:
        return bool(value != int(value))
    except (ValueError, OverflowError):  # infinite
        return True


def _is_hidden(value: Any) -> bool:
    """Null, or a negative number, as -1 stands for a label that is withheld."""
    return class_labels.is_missing(value) or (not isinstance(value, str) and value < 0)


def _labelled_split(shards: Sequence[Shard], taken: Sequence[int], parts: Sequence[Sequence[Any]]) -> str:
    """The split all of whose images have labels, where another, taken with it, has none."""
    words = {shards[i].word for i in taken}
    full = [
        word
        for word in words
        if not any(_is_hidden(v) for i in taken if shards[i].word == word for v in parts[i])
    ]
    return "train" if "train" in full and len(words) > 1 else ""


def _hidden(chosen: Sequence[Any], count: int, column: str, path: Path, split: str) -> CollapseError:
    null = sum(map(class_labels.is_missing, chosen))
    kinds = [f"{null:,} null" if null else "", f"{count - null:,} negative, as -1" if count > null else ""]
    hint = f"--split {split} takes labelled images alone; " if split else ""
    return CollapseError(
        f"{count:,} of {len(chosen):,} images of {path} have no label in the column {column} "
        f"({' and '.join(filter(None, kinds))})",
        f"{hint}{WITHOUT}; --labels FILE gives them labels",
    )


def _declared_numbers(parts: Sequence[Sequence[Any]], column: Column, path: Path) -> list[int]:
    """Numbers of the classes that the schema declares, or their names."""
    places: dict[Any, int] = {name: number for number, name in enumerate(column.names)}
    places |= {number: number for number in range(len(column.names))}
    values = [value for part in parts for value in part]
    wrong = [value for value in values if not _is_hidden(value) and value not in places]
    if wrong:
        raise CollapseError(
            f"{len(wrong):,} of {len(values):,} images of {path} have a label that is none of the {len(column.names)} classes "
            f"that the schema declares for {column.name} (for example {wrong[0]})",
            f"{WITHOUT}; --labels FILE gives them others",
        )
    return [UNLABELLED if _is_hidden(value) else places[value] for value in values]


def starts(shards: Sequence[Shard]) -> list[int]:
    """The place of each file's first row among the rows of all."""
    return list(accumulate((shard.count for shard in shards), initial=0))

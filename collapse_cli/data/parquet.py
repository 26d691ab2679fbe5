"""parquet:PATH, the Hugging Face image layout: a struct column with `bytes`, a label column, class names in the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow
from pyarrow import compute, parquet, types

from collapse_cli.data import decoded, splits
from collapse_cli.data.encoded import Encoded
from collapse_cli.data.labelling import Labelling
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images

WINDOW = 1024  # rows of other shards that are read at once
IMAGES = ("img", "image")
LABELS = ("label", "labels", "fine_label")
NAMED = re.compile(rf"(?:^|[-_.])({'|'.join(splits.WORDS)})(?=[-_.]|$)")


def load(path: Path, split: str, framing: Framing, files: ImageFiles, labelling: Labelling | None) -> Images:
    """One file, cut 80 : 20, or a folder of shards whose names tell the split (cut likewise where none does).

    Labels are a column of integers, or None. A set that is streamed still holds its encoded bytes in memory.
    Raises CollapseError for what is no parquet, has no images or has labels without a class.
    """
    shards = _shards(path)
    words = [_word(shard) if path.is_dir() else "" for shard in shards]
    taken = splits.take(words, split, path) if any(words) else range(len(shards))
    schema = parquet.read_schema(shards[0])
    column, (label, classes) = _images(schema, shards[0]), _label(schema)
    encoded = _column([shards[i] for i in taken], column)
    images = compute.struct_field(encoded, "bytes")
    labels, classes = _numbered(shards, list(taken), label, classes) if label else (None, ())
    if labelling:
        labels, classes = labelling((), len(images))
    chosen = range(len(images)) if any(words) else splits.cut(len(images), split)

    def read(i: int) -> Encoded:
        return Encoded(f"row {i} of {path}", images[i].as_py() or b"")

    others = [shard for i, shard in enumerate(shards) if i not in set(taken)]
    source = decoded.Source(
        f"{path.name}/{split}", read, len(images), elsewhere=lambda: _rows(others, column)
    )
    loaded = decoded.images(source, chosen, labels, classes, framing, files)
    unused = () if any(words) else splits.unused([""] * len(images), len(chosen), split)
    return replace(loaded, notes=(*unused, *loaded.notes))


def _shards(path: Path) -> list[Path]:
    """The files at `path`, each of which opens as parquet."""
    shards = [path] if path.is_file() else sorted(path.glob("*.parquet"))
    if not shards:
        raise CollapseError(
            f"there is no parquet file at {path}", "parquet:PATH names a .parquet file or a folder of them"
        )
    for shard in shards:
        try:
            parquet.read_metadata(shard)
        except (pyarrow.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise CollapseError(
                f"{shard} cannot be read as parquet ({reason})", "give a .parquet file"
            ) from None
    return shards


def _word(shard: Path) -> str:
    match = NAMED.search(shard.stem)
    return match[1] if match else ""


def _column(shards: list[Path], name: str) -> pyarrow.ChunkedArray:
    try:
        tables = [parquet.read_table(shard, columns=[name]) for shard in shards]
        return pyarrow.concat_tables(tables).column(name)
    except (pyarrow.ArrowException, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise CollapseError(
            f"column {name} of {shards[0].parent} cannot be read ({reason})",
            "every shard must contain this column whole",
        ) from None


def _rows(shards: list[Path], column: str) -> Iterator[Encoded]:
    """The images of shards of another split, which are held to the same rules."""
    for shard in shards:
        rows = 0
        for batch in parquet.ParquetFile(shard).iter_batches(WINDOW, columns=[column]):
            contents = compute.struct_field(batch.column(0), "bytes")
            yield from (
                Encoded(f"row {rows + i} of {shard}", contents[i].as_py() or b"")
                for i in range(len(contents))
            )
            rows += len(contents)


def _images(schema: pyarrow.Schema, file: Path) -> str:
    """The column `img` or `image`, else the first, that is a struct with `bytes`."""
    fit = [f.name for f in schema if types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0]
    if not fit:
        raise CollapseError(
            f"{file} has no column of images",
            f"one column must be a struct with 'bytes'; the columns are: {', '.join(schema.names)}",
        )
    return next((name for name in IMAGES if name in fit), fit[0])


def _label(schema: pyarrow.Schema) -> tuple[str | None, tuple[str, ...]]:
    """The label column, by its name or as the first declared ClassLabel, and the class names declared for it."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        features = {name: kind for name, kind in features.items() if isinstance(kind, dict)}
    except (KeyError, TypeError, ValueError, AttributeError):
        features = {}
    whole = [field.name for field in schema if types.is_integer(field.type)]
    declared = [name for name in whole if features.get(name, {}).get("_type") == "ClassLabel"]
    label = next((name for name in (*LABELS, *declared) if name in whole), None)
    return label, tuple(features.get(label, {}).get("names") or ())


def _numbered(
    shards: list[Path], taken: list[int], label: str, classes: tuple[str, ...]
) -> tuple[list[int] | None, tuple[str, ...]]:
    """Labels of the shards taken, None if all are -1 (hidden); without names, classes are counted over all shards."""
    each = [_column([shard], label).fill_null(-1).to_pylist() for shard in shards]
    labels = [value for i in taken for value in each[i]]
    if all(value == -1 for value in labels):
        return None, ()
    names = classes or tuple(str(c) for c in range(1 + max(max(part, default=-1) for part in each)))
    if wrong := [value for value in labels if not 0 <= value < len(names)]:
        raise CollapseError(
            f"{len(wrong)} of {len(labels)} images have no class in the column {label} (for example {wrong[0]})",
            f"remove them, or number them from 0 to {len(names) - 1}",
        )
    return labels, names

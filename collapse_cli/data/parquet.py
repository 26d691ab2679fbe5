"""parquet:PATH, the Hugging Face image layout: a struct column with `bytes`, a label column, class names in the schema."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collapse_cli.data import decoded
from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Images

if TYPE_CHECKING:
    from PIL.Image import Image

SPLITS = {"train": ("train",), "test": ("test", "val", "validation"), "all": ("",)}
LABELS = ("label", "labels", "fine_label")


def load(path: Path, split: str, size: int) -> Images:
    """One file, or a folder of shards whose names begin with the split; without splits in the names, cut 80 : 20."""
    files, cut = _files(path, split)
    tables = [_table(file) for file in files]
    schema = tables[0].schema
    pictures, label = _picture_column(schema, files[0]), next((n for n in LABELS if n in schema.names), None)
    encoded = [value for table in tables for value in table.column(pictures).combine_chunks().field("bytes")]
    labels = [v for table in tables for v in table.column(label).to_pylist()] if label else None
    classes = _classes(schema, label) or tuple(str(c) for c in range(max(labels) + 1)) if labels else ()
    chosen = decoded.cut(len(encoded), split) if cut else range(len(encoded))
    return decoded.images(
        lambda i: _open(encoded[i].as_py(), i, path), size, labels, classes, chosen, f"{path.name}/{split}"
    )


def _files(path: Path, split: str) -> tuple[list[Path], bool]:
    """The files of the split, and whether they still have to be cut."""
    if path.is_file():
        return [path], True
    shards = sorted(path.glob("*.parquet"))
    if not shards:
        raise CollapseError(
            f"no parquet file at {path}", "parquet:PATH names a .parquet file or a folder of them"
        )
    own = [file for file in shards if file.name.startswith(SPLITS[split])]
    named = any(file.name.startswith(SPLITS["train"] + SPLITS["test"]) for file in shards)
    if named and not own:
        raise CollapseError(
            f"{path} has no shard of the split '{split}'", f"there are: {', '.join(f.name for f in shards)}"
        )
    return (own, False) if named else (shards, split != "all")


def _table(file: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.read_table(file)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise CollapseError(
            f"{file} cannot be read as parquet ({str(error).splitlines()[0]})", "give a .parquet file"
        ) from None


def _picture_column(schema: Any, file: Path) -> str:
    from pyarrow import types

    for field in schema:
        if types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
            return str(field.name)
    raise CollapseError(
        f"{file} has no picture column",
        f"one column must be a struct with 'bytes'; there are: {', '.join(schema.names)}",
    )


def _classes(schema: Any, label: str | None) -> tuple[str, ...]:
    """Class names from the schema's `huggingface` metadata, or none."""
    metadata = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = metadata.get("info", {}).get("features", {})
    return tuple(features.get(label, {}).get("names", ()))


def _open(encoded: bytes, row: int, path: Path) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(io.BytesIO(encoded))
        picture.load()
        return picture
    except (UnidentifiedImageError, OSError, TypeError) as error:
        raise CollapseError(
            f"row {row} of {path} is not a picture ({error})", "mend it or take it out"
        ) from None

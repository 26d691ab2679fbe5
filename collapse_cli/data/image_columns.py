"""Which column of a table is the images, and each image of it: bytes, bytes with a path, or the path of a file beside."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import pyarrow
from PIL import Image
from pyarrow import compute, types

from collapse_cli.data.encoded import Encoded
from collapse_cli.data.shards import Shard
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.fence import admit
from collapse_cli.printable import quoted

USUAL = ("img", "image", "jpg", "jpeg", "png", "webp", "photo", "pixel_values")
"""Names of a column of images, in small letters, of which the first that is there is taken."""

LOOKED_AT = 64  # rows of a column, of which the first that holds anything says what it is

Kind = Literal["struct", "bytes", "paths", "list", "numbers", "other"]


@dataclass(frozen=True)
class Chosen:
    """A column of images: its name, and what is to be said of the choice."""

    name: str
    notes: tuple[DataNote, ...] = ()


def choose(shard: Shard, wanted: str, path: Path) -> Chosen:
    """The column that was named, else the usual one of those that hold images. Raises CollapseError where there is none."""
    kinds = {field.name: kind_of(field.type) for field in shard.schema}
    if wanted:
        _refuse_unfit(shard.file, wanted, kinds)
        return Chosen(wanted)
    fit = [
        name
        for name, kind in kinds.items()
        if kind == "struct" or (kind == "bytes" and _decodes(shard, name))
    ]
    if not fit:
        raise _without_images(shard, kinds, path)
    name = next((name for usual in USUAL for name in fit if name.lower() == usual), fit[0])
    others = [other for other in fit if other != name]
    if not others:
        return Chosen(name)
    remedy = f"--image-column {quoted(others[0])} takes another"
    return Chosen(name, (DataNote("chosen", 1, len(fit), "columns of images", "taken", remedy, [name]),))


def kind_of(type_: pyarrow.DataType) -> Kind:
    """What a column may be; an extension's values are as they are stored."""
    kind = type_.storage_type if isinstance(type_, pyarrow.BaseExtensionType) else type_
    if types.is_struct(kind):
        return "struct" if kind.get_field_index("bytes") >= 0 else "other"
    if is_binary(kind):
        return "bytes"
    if is_text(kind):
        return "paths"
    if not is_listing(kind):
        return "other"
    inner = kind.value_type
    return "numbers" if types.is_floating(inner) or types.is_integer(inner) or is_listing(inner) else "list"


def is_listing(kind: pyarrow.DataType) -> bool:
    """Lists of anything."""
    small = types.is_list(kind) or types.is_fixed_size_list(kind) or types.is_list_view(kind)
    return bool(small or types.is_large_list(kind) or types.is_large_list_view(kind))


def is_text(kind: pyarrow.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_binary(kind: pyarrow.DataType) -> bool:
    fixed = types.is_fixed_size_binary(kind) and not types.is_decimal(kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind) or fixed)


def _decodes(shard: Shard, name: str) -> bool:
    """Whether the first value of a column of bytes begins as an image does: a hash, or a sound, is none."""
    for value in shard.first(name, LOOKED_AT):
        content = value.as_py()
        if content:
            try:
                with Image.open(io.BytesIO(content)):
                    return True
            except Exception:  # Pillow raises almost anything
                return False
    return False


def _refuse_unfit(file: Path, wanted: str, kinds: dict[str, Kind]) -> None:
    fit = [name for name, kind in kinds.items() if kind in ("struct", "bytes", "paths")]
    if wanted not in kinds:
        raise CollapseError(
            f"{file} has no column {wanted}; its columns are: {', '.join(kinds)}",
            nearest(wanted, fit or list(kinds)),
        )
    if kinds[wanted] == "list":
        raise _several_images(file, wanted)
    if wanted not in fit:
        raise CollapseError(
            f"the column {wanted} of {file} contains no images",
            "images are bytes, a struct with 'bytes', or paths of files; "
            + (f"give --image-column {quoted(fit[0])}" if fit else "no column of this file contains those"),
        )


def _several_images(file: Path, name: str) -> CollapseError:
    return CollapseError(
        f"the column {name} of {file} contains a list of images in each row",
        "write each image in a row of its own, with its label beside it",
    )


def _without_images(shard: Shard, kinds: dict[str, Kind], path: Path) -> CollapseError:
    """What the file holds instead, and what to type."""
    of_kind = {kind: [name for name, each in kinds.items() if each == kind] for kind in kinds.values()}
    if "list" in of_kind and any(_is_image_list(shard.schema.field(name).type) for name in of_kind["list"]):
        return _several_images(shard.file, of_kind["list"][0])
    words = f"{shard.file} has no column of images; its columns are: {', '.join(kinds) or 'none'}"
    files = [name for name in of_kind.get("paths", ()) if _is_path(shard, name)]
    if files:
        option = f"--image-column {quoted(files[0])}"
        return CollapseError(words, f"{option} reads the files that the column {files[0]} names")
    vectors = [name for name in of_kind.get("numbers", ()) if not _nested(shard.schema.field(name).type)]
    if vectors:
        return CollapseError(
            f"{shard.file} contains embeddings (the column {vectors[0]}), not images",
            f"give it as INPUT, not as a data set: collapse diagnose {quoted(str(path))}",
        )
    return CollapseError(words, "one column must be the bytes of image files, or a struct with 'bytes'")


def _nested(kind: pyarrow.DataType) -> bool:
    stored = kind.storage_type if isinstance(kind, pyarrow.BaseExtensionType) else kind
    return is_listing(stored.value_type)


def _is_image_list(kind: pyarrow.DataType) -> bool:
    return kind_of(kind.value_type) in ("struct", "bytes")


def _is_path(shard: Shard, name: str) -> bool:
    """Whether the first text of a column names a file, as its ending says."""
    endings = Image.registered_extensions()
    texts = [value.as_py() for value in shard.first(name, LOOKED_AT)]
    return any(Path(text).suffix.lower() in endings for text in texts if text)


@dataclass(frozen=True)
class Contents:
    """The images of some files of a table, one below the other."""

    shards: Sequence[Shard]
    parts: Sequence[tuple[Any, Any]]  # of each file: a column of bytes and one of paths, or None
    starts: Sequence[int]

    @classmethod
    def of(cls, shards: Sequence[Shard], name: str) -> Contents:
        """The bytes are in memory, or mapped into it, and the images are decoded when they are asked for."""
        parts = [_parts(shard, name) for shard in shards]
        return cls(shards, parts, list(accumulate((shard.count for shard in shards), initial=0)))

    @property
    def outside(self) -> bool:
        """Whether some images are in files of their own."""
        return any(content is None or content.null_count for content, _ in self.parts)

    def __len__(self) -> int:
        return self.starts[-1]

    def __getitem__(self, i: int) -> Encoded:
        part = bisect_right(self.starts, i) - 1
        row, of_part = i - self.starts[part], self.parts[part]
        content, place = (None if column is None else column[row].as_py() for column in of_part)
        return _encoded(self.shards[part].file, row, content, place)


def _parts(shard: Shard, name: str) -> tuple[Any, Any]:
    kind, column = (
        kind_of(shard.schema.field(name).type) if name in shard.schema.names else "other",
        shard.column(name),
    )
    if kind == "struct":
        named = column.type.get_field_index("path") >= 0
        return compute.struct_field(column, "bytes"), compute.struct_field(column, "path") if named else None
    if kind in ("bytes", "paths"):
        return (column, None) if kind == "bytes" else (None, column)
    raise CollapseError(
        f"the column {name} of {shard.file} contains no images", "every file must contain this column alike"
    )


def _encoded(file: Path, row: int, content: bytes | None, place: str | None) -> Encoded:
    """Bytes, else the file that the path names, below the folder of the table where it is not absolute."""
    if content is None and place:
        admit(file.parent / place)
        return Encoded(f"row {row} of {file}, the file {place},", file.parent / place)
    return Encoded(f"row {row} of {file}", content or b"")


def names_files(shard: Shard, name: str) -> bool:
    """Whether some images of a file are in files of their own."""
    content, _ = _parts(shard, name)
    return content is None or bool(content.null_count)


def in_order(shards: Sequence[Shard], name: str) -> Iterator[Encoded]:
    """All images of some files, a window of each in memory at a time."""
    for shard in shards:
        kind = kind_of(shard.schema.field(name).type) if name in shard.schema.names else "other"
        field = {"bytes": "bytes", "paths": "path"}.get(kind, "")
        for row, whole in enumerate(shard.values(name)):
            fields = {field: whole} if field else whole or {}
            yield _encoded(shard.file, row, fields.get("bytes"), fields.get("path"))


def names(shards: Sequence[Shard], column: str) -> list[str]:
    """The paths of all images, as the table has them; none where an image has none."""
    listed: list[str] = []
    for shard in shards:
        kind = kind_of(shard.schema.field(column).type) if column in shard.schema.names else "other"
        named = kind == "struct" and shard.schema.field(column).type.get_field_index("path") >= 0
        if not named and kind != "paths":
            return []
        listed += shard.column(f"{column}.path" if named else column).to_pylist()
    return [str(name) for name in listed] if all(listed) else []

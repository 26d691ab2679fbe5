"""text:FILE, one text on each line of a .txt, or a column of a .parquet, .csv, .tsv or .jsonl: text:FILE#COLUMN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from collapse_cli.class_labels import is_missing, numbered
from collapse_cli.data import splits
from collapse_cli.data.labelling import UNLABELLED, Labelled, Labelling
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.fence import admit
from collapse_cli.printable import quoted

if TYPE_CHECKING:
    import pyarrow

    from collapse_cli.shapes import Images

SCHEME = "text:"
USUAL = "text"
LABELS = ("label", "labels")


@dataclass(frozen=True)
class Texts:
    """texts: N of them; labels: N numbers of classes, none where there are no labels; name: where they came from.

    classes: the names of the classes; notes: how the labels were had.
    """

    texts: Sequence[str]
    labels: Sequence[int]
    name: str
    classes: tuple[str, ...] = ()
    notes: tuple[DataNote, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)


def load(path: Path, *_: object) -> Images:
    """Raises CollapseError: whoever asks for images is not helped by texts."""
    raise CollapseError(
        f"{SCHEME}{path} names texts, but this takes images",
        "name images: --dataset folder:PATH or parquet:PATH; texts are for folders that sentence-transformers saved",
    )


def texts(name: str, split: str, labelling: Labelling | None = None) -> Texts:
    """The texts of `text:FILE` or `text:FILE#COLUMN`, of a split that is cut 80 : 20; blank ones are left out.

    labelling: labels from elsewhere, one for each line or row, blank ones too.
    Raises CollapseError for what cannot be read, for a column that is not told, and where there are no texts.
    """
    path, column = _place(name.removeprefix(SCHEME))
    if not path.is_file():
        raise CollapseError(
            f"there is no file {path}", f"{SCHEME}FILE names a file with one text on each line"
        )
    ending = path.suffix.lower()
    labels: list[Any] = []
    values: list[Any] = []
    if ending in (".txt", ""):
        _refuse_column(path, column)
        values = _lines(path)
    elif ending in TABLES:
        values, labels = _cells(path, column)
    else:
        raise CollapseError(
            f"texts are not read from {path.name}",
            f"give a .txt with one text on each line, or a {', '.join(TABLES)} with a column '{USUAL}'",
        )
    whole = [n for n, value in enumerate(values) if isinstance(value, str) and value.strip()]
    if not whole:
        raise CollapseError(f"{path} has no texts", "write one text on each line")
    chosen = [whole[n] for n in splits.cut(len(whole), split)]
    labelled = labelling((), len(values)) if labelling else _labelled(labels, whole, path)
    name = f"{path.name}/{split}"
    chosen = labelled.among(chosen, name, "", "texts")
    numbers = [labelled.numbers[n] for n in chosen] if labelled.numbers else []
    strings = [values[n].strip() for n in chosen]
    return Texts(strings, numbers, name, labelled.classes, labelled.notes)


def _labelled(values: Sequence[Any], whole: Sequence[int], path: Path) -> Labelled:
    """The values of the column of labels beside whole texts; where all are missing or negative, there are no labels.

    Raises CollapseError where some are.
    """
    present = [values[n] for n in whole] if values else []
    hidden = sum(is_missing(value) or (not isinstance(value, str) and value < 0) for value in present)
    if hidden == len(present):
        what = "null or negative, so the texts have no labels"
        note = DataNote("left out", hidden, hidden, f"labels of {path}", what)
        return Labelled(notes=(note,) if hidden else ())
    if hidden:
        raise CollapseError(
            f"{hidden:,} of {len(present):,} texts of {path} have no label (empty, or a negative number such as -1)",
            "remove their rows, or give the column of labels another name to read the texts without them",
        )
    numbers, classes = numbered(present, f"the labels of {path}")
    each = dict(zip(whole, numbers, strict=True))
    return Labelled([each.get(n, UNLABELLED) for n in range(len(values))], classes)


def _place(name: str) -> tuple[Path, str]:
    """The file and the column; a # that belongs to the file's name stays."""
    path = Path(name).expanduser()
    before, sign, column = name.rpartition("#")
    return (path, "") if path.exists() or not sign else (Path(before).expanduser(), column)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise CollapseError(
            f"{path} cannot be read as text ({str(error)[:80]})", "save it as UTF-8, one text on each line"
        ) from None


def _refuse_column(path: Path, column: str) -> None:
    if column:
        raise CollapseError(f"{path} has no columns, so there is no '{column}'", f"give {SCHEME}{path}")


def _parquet(path: Path) -> pyarrow.Table:
    from pyarrow import parquet

    return parquet.read_table(path)


def _csv(path: Path) -> pyarrow.Table:
    from pyarrow import csv

    options = csv.ParseOptions(
        delimiter="," if path.suffix.lower() == ".csv" else "\t", newlines_in_values=True
    )
    return csv.read_csv(path, parse_options=options)


def _json(path: Path) -> pyarrow.Table:
    from pyarrow import json

    return json.read_json(path)


TABLES: Mapping[str, Callable[[Path], Any]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".tsv": _csv,
    ".jsonl": _json,
    ".ndjson": _json,
}
"""Endings of tables with a column of texts, and what reads each."""


def _cells(path: Path, column: str) -> tuple[list[Any], list[Any]]:
    """The cells of the column of texts, and the labels beside them."""
    import pyarrow
    from pyarrow import types

    admit(path)
    try:
        table = TABLES[path.suffix.lower()](path)
    except (pyarrow.ArrowException, OSError) as error:
        raise CollapseError(
            f"{path} cannot be read ({str(error).splitlines()[0][:100]})", "copy it again, or give a .txt"
        ) from None
    texts = [
        field.name
        for field in table.schema
        if types.is_string(field.type) or types.is_large_string(field.type)
    ]
    name = column or (USUAL if USUAL in texts else texts[0] if len(texts) == 1 else "")
    if name not in texts:
        _refuse_columns(path, column, texts, table.column_names)
    label = next(
        (n for n in LABELS if n in table.column_names and n != name and _may_be_labels(table, n)), ""
    )
    return table.column(name).to_pylist(), table.column(label).to_pylist() if label else []


def _may_be_labels(table: pyarrow.Table, name: str) -> bool:
    from pyarrow import types

    kind = table.schema.field(name).type
    kind = kind.value_type if types.is_dictionary(kind) else kind
    texts = types.is_string(kind) or types.is_large_string(kind)
    return bool(texts or types.is_integer(kind) or types.is_boolean(kind))


def _refuse_columns(path: Path, column: str, texts: Sequence[str], names: Sequence[str]) -> NoReturn:
    if column:
        words = f"{path} has no column of texts named '{column}', only {', '.join(names)}"
    elif texts:
        words = f"{path} has several columns of texts ({', '.join(texts)}) and none named '{USUAL}'"
    else:
        words = f"{path} has no column of texts, only {', '.join(names)}"
    raise CollapseError(
        words,
        f"name it: --dataset {quoted(f'{SCHEME}{path}#{texts[0]}')}"
        if texts
        else "give a .txt with one text on each line",
    )

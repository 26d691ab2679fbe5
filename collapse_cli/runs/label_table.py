"""Labels of images in a file: by the names of the images' files where a column holds them, else in the images' order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collapse_cli import class_labels
from collapse_cli.errors import CollapseError
from collapse_cli.printable import quoted
from collapse_cli.runs import label_columns, labels, row_order
from collapse_cli.runs.file_names import FILES, MANY, Column, Names, counts, share
from collapse_cli.runs.label_columns import LINES

TABLES = (".csv", ".tsv", *LINES, ".parquet")
KINDS = (*labels.KINDS, *LINES, ".parquet")


@dataclass(frozen=True)
class Joined:
    """values: N, None where an image has no label; column: what the labels are called, "" where nothing is.

    by: the column of the files' names, or "" where rows are in the order of the images; surplus: names that no image has.
    """

    values: list[Any]
    column: str = ""
    by: str = ""
    named: bool = False
    surplus: tuple[str, ...] = ()


def joined(
    path: Path, column: str, files: Sequence[str], count: int, source: str, unit: str = "images"
) -> Joined:
    """The labels of N = `count` images. column: --label-column; files: their names, or none; source: what the images are called.

    Raises CollapseError for what cannot be read, and where it is not clear which label an image has.
    """
    if path.suffix not in KINDS:
        raise CollapseError(
            f"--labels {path}: labels are not read from a file of this type",
            f"give a file of type {', '.join(KINDS)}",
        )
    names = Names(files)
    columns = label_columns.columns(path, names, column)
    if len(columns) > 1:
        label = _label(path, columns, column, names)
        by = _by(path, {name: cells for name, cells in columns.items() if name != label}, names, source)
        if by is not None:
            return _by_name(path, columns[label], columns[by], names, label, by)
        row_order.refuse_another_order(path, columns, label)
        cells = list(columns[label])
    elif columns:
        label, cells = next((name, list(cells)) for name, cells in columns.items())
        if column not in ("", label):
            raise labels.without_column(path, column, [label])
    else:
        label, cells = column, _plain(labels.listed(path, column=column))
    table = _by_order(path, cells, count, f"{source} has {count:,} {unit}", label)
    if source.startswith("folder:"):  # rows of a table have an order of their own
        _refuse_two_orders(path, files)
    return table


def _refuse_two_orders(path: Path, files: Sequence[str]) -> None:
    """Raises CollapseError where files that are sorted as texts are in another order: labels may be in either."""
    differ = [
        (n, *pair) for n, pair in enumerate(zip(files, sorted(files), strict=True), 1) if pair[0] != pair[1]
    ]
    if differ:
        n, natural, plain = differ[0]
        raise CollapseError(
            f"{path} has labels without names of files, and it is not clear in which order: image {n} is {natural} where "
            f"numbers count, and {plain} where names are sorted as texts",
            "give a .csv with the columns file_name,label, and the name of each image's file beside its label",
        )


def _plain(values: Any) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") else values)


def _label(path: Path, columns: Mapping[str, Column], column: str, names: Names) -> str:
    """The column of labels: as named, as labels are usually called, or the only one beside the names of files."""
    if column:
        if column not in columns:
            raise labels.without_column(path, column, list(columns))
        return column
    usual = [name for wanted in class_labels.COLUMNS for name in columns if name.lower() == wanted]
    if usual:
        return usual[0]
    first, *others = sorted(
        columns, key=lambda name: (name.lower() not in FILES, -share(name, columns[name], names))
    )
    if len(others) == 1 and (first.lower() in FILES or share(first, columns[first], names) >= MANY):
        return others[0]
    offered = class_labels.likely(columns) or others
    headed = list(columns) != [str(place) for place in range(1, len(columns) + 1)]
    raise CollapseError(
        f"{path}: it is not clear which of the columns {', '.join(list(columns)[:12])} has the labels",
        f"name it: --label-column {quoted(offered[0])}"
        if headed
        else "give the file a first line with the names of its columns, file_name and label",
    )


def _by(path: Path, columns: Mapping[str, Column], names: Names, source: str) -> str | None:
    """The column that names the images' files, None where there is none: a few names may be there by chance.

    Raises CollapseError where the column is there, but holds the names of other files.
    """
    if not names.count:
        return None
    shares = {name: share(name, cells, names) for name, cells in columns.items()}
    usual = [wanted for wanted in FILES if any(name.lower() == wanted for name in columns)]
    called = [name for wanted in usual for name in columns if name.lower() == wanted]
    best = max([*called, *columns], key=lambda name: shares[name])
    if shares[best] >= MANY or (best in called and shares[best] > 0):
        _refuse_counts(path, best, columns[best], names, source)
        return best
    if called:
        example = next((str(cell) for cell in columns[called[0]]), "")
        raise CollapseError(
            f"{path}: the column {called[0]} names no image of {source} (it has {example}; the images: {names.example})",
            "give the names of the files as they are below the folder, or leave out the column",
        )
    return None


def _refuse_counts(path: Path, name: str, cells: Column, names: Names, source: str) -> None:
    """Raises CollapseError for numbers, some of which name images: rows may be counted from 0, and images from 1."""
    other = [cell for cell in cells if names.place(cell) is None]
    for cell in other:
        _refuse_several(path, cell, names)
    if other and counts(cells):
        raise CollapseError(
            f"{path}: the column {name} has numbers, but {len(other):,} of {len(cells):,} ({other[0]}, …) name no image of "
            f"{source} (the images: {names.example}, …), so it is not clear whether they count rows",
            "write the names of the files with their endings, in a column file_name",
        )


def _by_name(path: Path, cells: Column, keys: Column, names: Names, label: str, by: str) -> Joined:
    values: list[Any] = [None] * names.count
    surplus: list[str] = []
    for key, value in zip(keys, cells, strict=True):
        place = names.place(key)
        if place is None:
            _refuse_several(path, key, names)
            surplus.append(str(key))
        elif values[place] is not None and values[place] != value:
            raise CollapseError(
                f"{path} gives {key} the labels {values[place]} and {value}, but an image has one class",
                "give each file one label",
            )
        elif not class_labels.is_missing(value):
            values[place] = value
    return Joined(values, label, by, True, tuple(surplus))


def _refuse_several(path: Path, key: Any, names: Names) -> None:
    """Raises CollapseError for a name that may be that of several images."""
    if files := names.several(key):
        raise CollapseError(
            f"{path}: {key} may be any of {len(files):,} images ({', '.join(files[:2])}{', …' if len(files) > 2 else ''})",
            "give the names of the files as they are below the folder, with their endings",
        )


def _by_order(path: Path, values: list[Any], count: int, source: str, label: str) -> Joined:
    heading = str(values[0]).lower() if values else ""
    if heading in class_labels.LIKELY and values[0] not in values[1:]:
        values = values[1:]
    if len(values) != count:
        raise CollapseError(
            f"{path} contains {len(values):,} labels, but {source}",
            "give one for each, of all splits, in order; or, for images, add a column file_name with the names of their files",
        )
    return Joined(values, label)

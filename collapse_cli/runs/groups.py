"""Groups of rows, as users, videos or documents: a file with one for each row, or a column of the embeddings' own file."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
from torch import Tensor

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.runs import arrays, labels, reader
from collapse_cli.runs.source import Source

PATHS = ("paths", "path", "files", "file", "filenames", "filename", "file_name", "image_path", "names")
"""What people call the array or column of the files that rows are of."""

COUNTER = re.compile(r"(.*?)[-_. ]*\d+$")
SHARED = 0.9  # of the files have others of their stem
FEWEST, MOST = 8, 0.5  # groups that are suggested, at most a share of the rows


def read(text: str, source: Source | None, count: int) -> Tensor:
    """(N,) int64 in [0, G): the group of each of N = `count` rows. text: a file with one for each, or a column of the source.

    Raises CollapseError for what is neither, and where there are not as many groups as rows.
    """
    if Path(text).is_file():
        return labels.read(Path(text), count, "groups")[0]
    found = {} if source is None else columns(source, (text,))
    if text not in found:
        raise _unknown(text, source)
    values = found[text]
    if len(values) != count:
        raise CollapseError(
            f"{text} has {len(values):,} groups, there are {count:,} rows", "give one group for each row"
        )
    return labels.numbered(_whole(values), text, "groups")[0]


def columns(source: Source, wanted: Sequence[str]) -> dict[str, Any]:
    """Those of the arrays or columns of a file that are there, by name: values (N,)."""
    path = source.path
    if path.is_dir() or path.suffix == ".npy":
        return {}
    if path.suffix == ".parquet":
        return _of_parquet(path, wanted)
    if path.suffix in (".csv", ".tsv"):
        return _of_text(path, wanted)
    content = arrays.read(source)
    return {name: content[name] for name in wanted if name in content}


def suggested(names: Sequence[str], labels: Sequence[int] | None = None) -> int | None:
    """How many groups the names of files suggest, stems of a counter: `video3_frame12.jpg`; None where they suggest none.

    Stems that are no more than the classes are no groups; neither is one stem for all, or a file of its own for each.
    """
    stems = [COUNTER.sub(r"\1", str(Path(str(name)).with_suffix(""))) for name in names]
    sizes = Counter(stems)
    classes = len(set(labels)) if labels is not None else 1
    shared = sum(size for size in sizes.values() if size > 1) >= SHARED * len(stems)
    enough = max(FEWEST, 2 * classes) <= len(sizes) <= MOST * len(stems)
    return len(sizes) if shared and enough else None


def _unknown(text: str, source: Source | None) -> CollapseError:
    if source is None:
        return CollapseError(
            f"--groups {text}: there is no such file", f"give {', '.join(labels.KINDS)} with one for each row"
        )
    return CollapseError(
        f"--groups {text}: there is no such file, and {source.path} has no column or array of that name",
        nearest(text, _names(source)) if _names(source) else "give a file with one group for each row",
    )


def _names(source: Source) -> list[str]:
    path = source.path
    if path.is_dir() or path.suffix == ".npy":
        return []
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return list(parquet.read_schema(path).names)
    if path.suffix in (".csv", ".tsv"):
        with path.open(encoding="utf-8-sig", newline="") as text:
            return next(csv.reader(text, delimiter=_delimiter(path)), [])
    return list(arrays.read(source))


def _of_parquet(path: Path, wanted: Sequence[str]) -> dict[str, Any]:
    from pyarrow import parquet

    reader.size(path)
    names = [name for name in wanted if name in parquet.read_schema(path).names]
    table = parquet.ParquetFile(path).read(names) if names else None
    return {name: table.column(name).to_pylist() for name in names} if table else {}


def _of_text(path: Path, wanted: Sequence[str]) -> dict[str, Any]:
    reader.refuse_too_large(path, reader.size(path))
    with path.open(encoding="utf-8-sig", newline="") as text:
        lines = csv.reader(text, delimiter=_delimiter(path))
        heading = [cell.strip() for cell in next(lines, [])]
        places = {name: heading.index(name) for name in wanted if name in heading}
        cells = (
            [[line[place].strip() for place in places.values()] for line in lines if line] if places else []
        )
    return {name: [line[n] for line in cells] for n, name in enumerate(places)}


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","


def _whole(values: Any) -> Any:
    """Whole numbers where all are, names else. Raises CollapseError for a row without a group."""
    if isinstance(values, Tensor | numpy.ndarray | Mapping):
        return values
    if any(value is None or value == "" for value in values):
        raise CollapseError("a row has no group", "give every row one")
    if all(isinstance(value, str) and labels.WHOLE.fullmatch(value) for value in values):
        return [int(value) for value in values]
    return (
        list(values) if all(isinstance(value, int) for value in values) else [str(value) for value in values]
    )

"""A table of every type of label, of a parquet column and of a file beside images: what is read, or the sentence that refuses it.

PYTHONPATH=. python tests/benchmarks/labels.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy
import pyarrow
import torch
from pyarrow import parquet

from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.runs import label_table
from tests.data.test_labels import READ, REFUSED, load, table, told
from tests.data.test_parquet import classes
from tests.runs.test_label_table import FILES, TABLES, written

WIDTH = 36


def shown(case: str, read: Callable[[], str]) -> None:
    try:
        answer = read()
    except CollapseError as error:
        answer = f"refused: {error.message} | {error.hint}"
    print(f"{case:<{WIDTH}} {answer}")


def of_column(values: pyarrow.Array, features: object, folder: Path) -> str:
    images = load(table(folder / "a.parquet", features, label=values))
    numbers, names = told(images)
    notes: tuple[DataNote, ...] = images.notes
    return f"labels {numbers}, classes {', '.join(names)}" + "".join(f"; {note.sentence}" for note in notes)


def of_file(path: Path) -> str:
    joined = label_table.joined(path, "", FILES, len(FILES), "folder:x")
    return (
        f"{joined.values} {f'by file name ({joined.by})' if joined.named else 'in the order of the images'}"
    )


def arrays(folder: Path) -> dict[str, Path]:
    """Files of arrays, and a table of parquet, for four images."""
    values = numpy.array(["x", "y", "x", "z"])
    paths = {kind: folder / f"l.{kind}" for kind in ("npy", "npz", "pt", "parquet")}
    numpy.save(paths["npy"], values)
    numpy.savez(paths["npz"], labels=values)
    torch.save(values.tolist(), paths["pt"])
    parquet.write_table(
        pyarrow.table({"file_name": FILES[::-1], "label": values[::-1].tolist()}), paths["parquet"]
    )
    return paths


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("-- columns of parquet")
        for case, values, *_ in READ:
            shown(case, lambda values=values: of_column(values, None, folder))  # type: ignore[misc]
        declared = {"label": classes("ant", "bee", "cat")}
        for case, values in {
            "ClassLabel": [1, 0, 1],
            "ClassLabel, 5 of 3": [0, 5, 1],
            "all hidden": [-1, -1, -1],
        }.items():
            shown(case, lambda values=values: of_column(pyarrow.array(values), declared, folder))  # type: ignore[misc]
        for case, values, _ in REFUSED:
            shown(case, lambda values=values: of_column(values, None, folder))  # type: ignore[misc]
        print("-- files beside four images,", ", ".join(FILES))
        for case in TABLES:
            shown(f"{case} (.{TABLES[case][0]})", lambda case=case: of_file(written(folder, case)))  # type: ignore[misc]
        for kind, path in arrays(folder).items():
            shown(f".{kind}", lambda path=path: of_file(path))  # type: ignore[misc]
        (folder / "short.txt").write_text("x\ny\n")
        shown("two labels for four images (.txt)", lambda: of_file(folder / "short.txt"))


if __name__ == "__main__":
    main()

"""Groups from a file or a column; and what names of files suggest."""

from __future__ import annotations

from pathlib import Path

import numpy
import pyarrow
import pytest
import torch
from pyarrow import parquet

from collapse_cli.errors import CollapseError
from collapse_cli.runs.groups import columns, read, suggested
from collapse_cli.runs.source import Source

USERS = ["bo", "al", "bo", "cy", "al", "bo"]
NUMBERS = [1, 0, 1, 2, 0, 1]


def table(folder: Path, kind: str) -> Path:
    """Six rows with a column `user`."""
    file, rows = folder / f"rows.{kind}", numpy.arange(12.0).reshape(6, 2)
    if kind == "parquet":
        parquet.write_table(pyarrow.table({"emb": rows.tolist(), "user": USERS}), file)
    elif kind == "csv":
        lines = [f"{a},{b},{user}" for (a, b), user in zip(rows, USERS, strict=True)]
        file.write_text("\n".join(["d0,d1, user", *lines]))
    else:
        numpy.savez(file, representations=rows, user=numpy.array(USERS))
    return file


@pytest.mark.parametrize("kind", ["parquet", "csv", "npz"])
def test_a_column(tmp_path: Path, kind: str) -> None:
    assert read("user", Source(table(tmp_path, kind)), 6).tolist() == NUMBERS


@pytest.mark.parametrize(
    ("name", "text"), [("g.txt", "bo\nal\nbo\ncy\nal\nbo\n"), ("g.csv", "who\n7\n3\n7\n9\n3\n7")]
)
def test_a_file_of_text_with_any_heading(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read(str(tmp_path / name), None, 6).tolist() == NUMBERS


def test_arrays(tmp_path: Path) -> None:
    numpy.save(tmp_path / "g.npy", numpy.array([5, 2, 5, 8, 2, 5]))
    torch.save({"groups": torch.tensor([5, 2, 5, 8, 2, 5]), "x": torch.zeros(1)}, tmp_path / "g.pt")
    for name in ("g.npy", "g.pt"):
        assert read(str(tmp_path / name), None, 6).tolist() == NUMBERS


def test_what_is_neither_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        CollapseError, match=r"no such file, and .* has no column or array of that name"
    ) as error:
        read("users", Source(table(tmp_path, "parquet")), 6)
    assert "user" in str(error.value.hint)
    with pytest.raises(CollapseError, match="there is no such file"):
        read("users", None, 6)
    (tmp_path / "short.txt").write_text("a\nb\n")
    with pytest.raises(CollapseError, match="holds 2 groups, there are 6 rows"):
        read(str(tmp_path / "short.txt"), None, 6)
    numpy.save(tmp_path / "real.npy", numpy.linspace(0, 1, 6))
    with pytest.raises(CollapseError, match="float64"):
        read(str(tmp_path / "real.npy"), None, 6)
    file = tmp_path / "gap.csv"
    file.write_text("d0,user\n1,a\n2,\n")
    with pytest.raises(CollapseError, match="a row has no group"):
        read("user", Source(file), 2)


def test_a_bare_array_has_no_columns(tmp_path: Path) -> None:
    numpy.save(tmp_path / "rows.npy", numpy.eye(3))
    assert columns(Source(tmp_path / "rows.npy"), ("paths",)) == {}


def test_names_with_a_stem_and_a_counter_suggest_groups() -> None:
    frames = [f"vid{video}/frame_{frame:03d}.jpg" for video in range(20) for frame in range(10)]
    assert suggested(frames) == 20
    assert suggested([f"user{user}-{n}.png" for user in range(12) for n in range(3)]) == 12


def test_what_suggests_none() -> None:
    """One stem for all; a file of its own for each; a stem for each class."""
    assert suggested([f"img_{n:05d}.png" for n in range(500)]) is None
    assert suggested([f"{n:x}f.png" for n in range(500)]) is None
    classes = [c for c in range(10) for _ in range(50)]
    assert suggested([f"class{c}/img_{n}.png" for n, c in enumerate(classes)], classes) is None
    assert suggested([]) is None

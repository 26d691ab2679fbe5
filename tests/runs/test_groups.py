"""Groups from a file or a column; and what names of files suggest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pyarrow
import pytest
import torch
from pyarrow import feather, parquet

from collapse_cli.errors import CollapseError
from collapse_cli.runs.embeddings import load
from collapse_cli.runs.groups import columns, read, suggested
from collapse_cli.runs.source import Source

USERS = ["bo", "al", "bo", "cy", "al", "bo"]
NUMBERS = [1, 0, 1, 2, 0, 1]


ROWS = numpy.random.default_rng(0).standard_normal((6, 2))


def table(folder: Path, kind: str) -> Path:
    """Six rows with a column `user`, which is no part of the rows."""
    file = folder / f"rows.{kind}"
    content = pyarrow.table({"emb": ROWS.tolist(), "user": USERS})
    if kind == "parquet":
        parquet.write_table(content, file)
    elif kind == "folder":
        file.mkdir()
        for part, start in enumerate((0, 4)):
            parquet.write_table(content[start : start + 4], file / f"part-{part}.parquet")
    elif kind == "feather":
        feather.write_feather(content, file)
    elif kind == "jsonl":
        file.write_text("".join(f"{json.dumps(row)}\n" for row in content.to_pylist()))
    elif kind in ("csv", "tsv", "txt"):
        lines = [["d0", "d1", "user"], *([a, b, user] for (a, b), user in zip(ROWS, USERS, strict=True))]
        file.write_text("\n".join(("," if kind == "csv" else "\t").join(map(str, line)) for line in lines))
    elif kind == "h5":
        with pytest.importorskip("h5py").File(file, "w") as opened:
            opened["emb"], opened["user"] = ROWS, USERS
    else:
        numpy.savez(file, representations=ROWS, user=numpy.array(USERS))
    return file


@pytest.mark.parametrize("kind", ["parquet", "folder", "feather", "jsonl", "csv", "tsv", "txt", "h5", "npz"])
def test_a_column(tmp_path: Path, kind: str) -> None:
    """The rule of the rows leaves it out, and it is found."""
    path = table(tmp_path, kind)
    assert load(path).every["h"].shape == (6, 2)
    assert read("user", Source(path), 6).tolist() == NUMBERS


def test_a_column_of_whole_numbers(tmp_path: Path) -> None:
    content = pyarrow.table({"emb": ROWS.tolist(), "user": NUMBERS})
    feather.write_feather(content, tmp_path / "e.feather")
    (tmp_path / "e.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in content.to_pylist()))
    for name in ("e.feather", "e.jsonl"):
        assert read("user", Source(tmp_path / name), 6).tolist() == NUMBERS


def test_what_a_column_cannot_be(tmp_path: Path) -> None:
    """Two of one name, values of several types, and names that only code can read."""
    (tmp_path / "e.csv").write_text("d0,d1,user,user\n1,2,a,b\n3,4,c,d\n")
    with pytest.raises(CollapseError, match="two columns are called 'user'"):
        read("user", Source(tmp_path / "e.csv"), 2)
    (tmp_path / "e.jsonl").write_text('{"e": [1, 2], "user": 1}\n{"e": [3, 4], "user": "a"}\n')
    with pytest.raises(CollapseError, match="cannot be read as lines of JSON"):
        read("user", Source(tmp_path / "e.jsonl"), 2)
    numpy.savez(tmp_path / "e.npz", representations=ROWS, user=numpy.array(USERS, dtype=object))
    with pytest.raises(CollapseError, match="Python objects"):
        read("user", Source(tmp_path / "e.npz"), 6)


def test_what_is_too_long_for_a_path_may_be_a_column(tmp_path: Path) -> None:
    """A name of 5,000 letters is asked of the file's columns; no path is that long."""
    long = "x" * 5000
    numpy.savez(tmp_path / "e.npz", embeddings=numpy.eye(4), **{long: numpy.arange(4) % 2})
    source = Source(tmp_path / "e.npz")
    assert read(long, source, 4).tolist() == [0, 1, 0, 1]
    with pytest.raises(CollapseError, match="no column or array of that name"):
        read(long + "y", source, 4)


def test_a_file_of_several_columns(tmp_path: Path) -> None:
    lines = [["photo", "group"], *(["x", user] for user in USERS)]
    (tmp_path / "g.tsv").write_text("\n".join("\t".join(line) for line in lines))
    assert read(str(tmp_path / "g.tsv"), None, 6).tolist() == NUMBERS
    (tmp_path / "g.tsv").write_text("photo\tuser\nx\ta\n")
    with pytest.raises(CollapseError, match="is called group"):
        read(str(tmp_path / "g.tsv"), None, 1)


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
    with pytest.raises(CollapseError, match="contains 2 groups, but there are 6 embeddings"):
        read(str(tmp_path / "short.txt"), None, 6)
    numpy.save(tmp_path / "real.npy", numpy.linspace(0, 1, 6))
    with pytest.raises(CollapseError, match="numbers with fractions as groups"):
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


@pytest.mark.parametrize("option", ["--groups", "--views-of"])
def test_the_option_that_was_typed_is_named(option: str) -> None:
    with pytest.raises(CollapseError, match=f"^{option} nobody: there is no such file"):
        read("nobody", None, 4, option)

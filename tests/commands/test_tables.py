"""Tables as INPUT: every measuring command takes --column, says what it made of the table, and is not fooled by other columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from pyarrow import csv, feather, parquet

import collapse_cli as collapse
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader, shards

Capture = pytest.CaptureFixture[str]
NAMES = ("e.csv", "e.parquet", "e.feather", "e.jsonl")
ROWS = numpy.random.default_rng(0).standard_normal((400, 6))
TABLE = {
    "item_id": numpy.arange(400),
    "timestamp": 1.7e9 + numpy.arange(400.0),
    **{f"emb_{n}": ROWS[:, n] for n in range(6)},
    "pos_0": ROWS[:, 0] * 1e6,
    "pos_1": ROWS[:, 1],
    "label": [("cat", "dog")[n % 2] for n in range(400)],
}


def write(path: Path, columns: dict[str, Any]) -> Path:
    table = pyarrow.table(columns)
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    elif path.suffix == ".parquet":
        parquet.write_table(table, path)
    elif path.suffix == ".feather":
        feather.write_feather(table, str(path))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    return path


def answered(capsys: Capture, *argv: str | Path) -> dict[str, Any]:
    assert main([*map(str, argv), "--json"]) in (0, 3)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def dimensions(capsys: Capture, path: Path, column: str) -> int:
    """D of the rows that --column names."""
    (entry,) = answered(capsys, "spectrum", path, "--column", column)["results"]
    return int(entry["metrics"]["dimensions"]["value"])


def refused(capsys: Capture, *argv: str | Path) -> str:
    """A sentence and a remedy on one line each."""
    assert main([*map(str, argv), "-q"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.strip().splitlines()) == 2
    return shown.err


def test_columns_beside_the_embedding_change_no_number(tmp_path: Path, capsys: Capture) -> None:
    """As coordinates, a time of 1.7e9 seconds would be a complete collapse. Every format has the numbers of the rows alone."""
    numpy.save(tmp_path / "e.npy", ROWS)
    alone = answered(capsys, "spectrum", tmp_path / "e.npy")["results"][0]["metrics"]
    for name in NAMES:
        document = answered(capsys, "spectrum", write(tmp_path / name, TABLE))
        assert document["results"][0]["metrics"] == alone, name
        assert document["inputs"][0]["assumed"] == [
            "embeddings: 6 columns, emb_0 to emb_5",
            "left out: item_id, timestamp, pos_0, pos_1",
        ]


@pytest.mark.parametrize("name", NAMES)
def test_every_measuring_command_takes_a_column(name: str, tmp_path: Path, capsys: Capture) -> None:
    path = write(tmp_path / name, TABLE)
    for command in ("spectrum", "alignment", "clusters", "classes", "probe", "oracle"):
        document = answered(capsys, command, path, "--column", "emb")
        assert document["inputs"][0]["column"] == "emb", command
    assert dimensions(capsys, path, "emb") == 6
    assert answered(capsys, "diagnose", path, "--column", "pos")["inputs"][0]["column"] == "pos"
    assert answered(capsys, "inspect", path)["h"] == [400, 6]
    assert main(["inspect", str(path), "--column", "pos", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["h"] == [400, 2]


def test_two_tables_are_compared_by_the_same_column(tmp_path: Path, capsys: Capture) -> None:
    first, second = (
        write(tmp_path / "a.csv", TABLE),
        write(tmp_path / "b.parquet", {**TABLE, "emb_0": ROWS[:, 1]}),
    )
    document = answered(capsys, "compare", first, second, "--column", "emb")
    assert [given["column"] for given in document["inputs"]] == ["emb", "emb"]
    numpy.save(tmp_path / "e.npy", ROWS)
    document = answered(capsys, "compare", first, tmp_path / "e.npy", "--column", "emb")
    assert [given.get("column") for given in document["inputs"]] == ["emb", None]
    argv = ["check", str(first), "--baseline", str(tmp_path / "e.npy"), "--column", "emb", "-q"]
    assert main(argv) == 0


def test_what_is_not_clear_is_refused_with_what_to_type(tmp_path: Path, capsys: Capture) -> None:
    path = write(tmp_path / "e.csv", {"x": ROWS[:, 0], "y": ROWS[:, 1], "user_id": numpy.arange(400)})
    for command in ("diagnose", "spectrum", "check", "inspect"):
        argv = [command, str(path), *([] if command == "inspect" else ["-q"])]
        assert main(argv) == 2
        shown = capsys.readouterr()
        assert "its columns of numbers are: x, y, user_id" in shown.err
        assert "add --column x,y,user_id" in shown.err
    assert dimensions(capsys, path, "x,y") == 2


def test_a_column_of_what_has_none(tmp_path: Path, run: Path, capsys: Capture) -> None:
    numpy.save(tmp_path / "e.npy", ROWS)
    assert "e.npy is not a table" in refused(capsys, "spectrum", tmp_path / "e.npy", "--column", "emb")
    assert f"{run} is not a table" in refused(capsys, "diagnose", run, "--column", "emb")
    assert "is not a table" in refused(capsys, "compare", tmp_path / "e.npy", run, "--column", "emb")


def test_a_column_names_an_array_of_an_npz(tmp_path: Path, capsys: Capture) -> None:
    numpy.savez(tmp_path / "e.npz", image=ROWS, text=ROWS[:, :2], ids=numpy.arange(400))
    assert "add --column image or --column text" in refused(capsys, "spectrum", tmp_path / "e.npz")
    assert dimensions(capsys, tmp_path / "e.npz", "text") == 2
    assert "no array 'texts'" in refused(capsys, "spectrum", tmp_path / "e.npz", "--column", "texts")


def test_from_python(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", TABLE)
    assert collapse.load(path).rows["h"].shape == (400, 6)
    assert collapse.load(path, column="pos").rows["h"].shape == (400, 2)
    assert float(collapse.spectrum(path, column="emb").effective_rank) > 5
    with pytest.raises(CollapseError, match="column= goes with the path of a table"):
        collapse.load(ROWS, column="emb")


def test_the_projectors_two_files(tmp_path: Path, capsys: Capture) -> None:
    """TensorBoard's vectors.tsv has no heading; metadata.tsv beside it has one where it has several columns."""
    numpy.savetxt(tmp_path / "vectors.tsv", ROWS, delimiter="\t")
    lines = [f"word {n}\t{n % 2}\n" for n in range(400)]
    (tmp_path / "metadata.tsv").write_text("word\tlabel\n" + "".join(lines))
    labels = ("--labels", tmp_path / "metadata.tsv")
    document = answered(capsys, "classes", tmp_path / "vectors.tsv", *labels)
    assert document["inputs"][0]["options"]["labels"]


def test_a_npy_larger_than_the_memory_is_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """19 MB where the memory is one: no more than a quarter is asked of the file at once, and all of it is measured."""
    numpy.save(
        tmp_path / "e.npy", numpy.random.default_rng(0).standard_normal((300_000, 16)).astype("float32")
    )
    monkeypatch.setattr(reader, "budget", lambda: 1 << 20)
    largest, read = 0, shards.Shards._read

    def counted(self: shards.Shards, file: int, rows: Any) -> torch.Tensor:
        nonlocal largest
        part = read(self, file, rows)
        largest = max(largest, part.numel() * part.element_size())
        return part

    monkeypatch.setattr(shards.Shards, "_read", counted)
    document = answered(capsys, "spectrum", tmp_path / "e.npy", "--samples", "1000")
    assert document["results"][0]["metrics"]["samples"]["value"] == 300_000
    assert 0 < largest <= 300_000 * 16

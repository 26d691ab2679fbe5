"""Files of Arrow, folders of `datasets`, folders of parquet: rows, splits, and files that lie about themselves."""

from __future__ import annotations

import decimal
import json
import os
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from pyarrow import feather, ipc, parquet

from collapse_cli.analysis.inputs import expanded
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrow_table, embeddings, reader
from collapse_cli.runs.blocks import Blocks
from collapse_cli.runs.source import Source

ROWS = numpy.random.default_rng(0).standard_normal((10, 4)).astype("float32")
TABLE = pyarrow.table(
    {"id": range(10), "embedding": list(ROWS), "label": list("abcabcabca"), "text": list("0123456789")}
)
MEGABYTE = 1 << 20


def stream(path: Path, table: pyarrow.Table = TABLE, **options: Any) -> Path:
    with ipc.new_stream(str(path), table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=3)
    return path


def file(path: Path, table: pyarrow.Table = TABLE, **options: Any) -> Path:
    with ipc.new_file(str(path), table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=3)
    return path


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
@pytest.mark.parametrize("write", [stream, file])
def test_a_file_and_a_stream(write: Any, compression: str | None, tmp_path: Path) -> None:
    found = arrow_table.read(write(tmp_path / "e.arrow", compression=compression))
    assert torch.equal(found.rows["rows"][:], torch.from_numpy(ROWS))
    assert (found.classes, found.aside) == (("a", "b", "c"), ("id", "text"))


def test_feather_of_both_versions(tmp_path: Path) -> None:
    feather.write_feather(TABLE, str(tmp_path / "e.feather"))
    assert arrow_table.read(tmp_path / "e.feather").rows["rows"].shape == (10, 4)
    (tmp_path / "e.feather").write_bytes(b"FEA1" + bytes(100))
    with pytest.raises(CollapseError, match="Feather file of version 1"):
        arrow_table.read(tmp_path / "e.feather")


KINDS: dict[str, Any] = {
    "large": pyarrow.large_list(pyarrow.float32()),
    "fixed": pyarrow.list_(pyarrow.float32(), 4),
    "half": pyarrow.list_(pyarrow.float16()),
    "view": pyarrow.list_view(pyarrow.float32()),
    "tensor": pyarrow.fixed_shape_tensor(pyarrow.float32(), [4]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_lists_of_every_kind(kind: str, tmp_path: Path) -> None:
    rows = ROWS.astype("float16") if kind == "half" else ROWS
    if kind == "tensor":
        array: Any = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(ROWS)
    else:
        array = pyarrow.array(list(rows), KINDS[kind])
    found = arrow_table.read(stream(tmp_path / "e.arrow", pyarrow.table({"e": array}))).rows["rows"]
    assert torch.equal(found[:], torch.from_numpy(rows))


def test_decimals_and_categories(tmp_path: Path) -> None:
    """Of a decimal column, and of labels that pandas keeps as a category."""
    numbers = pyarrow.array([decimal.Decimal("1.25"), decimal.Decimal("2.50"), None, decimal.Decimal("3.75")])
    labels = pyarrow.array(["b", "a", "b", "b"]).dictionary_encode()
    columns = {"x0": numbers, "x1": pyarrow.array([1, 2, 3, 4], pyarrow.int8()), "label": labels}
    found = arrow_table.read(stream(tmp_path / "e.arrow", pyarrow.table(columns)))
    rows = found.rows["rows"][:]
    assert (rows.dtype, rows[:, 1].tolist(), found.classes) == (torch.float64, [1, 2, 3, 4], ("a", "b"))
    assert rows[[0, 1, 3], 0].tolist() == [1.25, 2.5, 3.75]
    assert rows[2, 0].isnan()


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([[1.0, 2.0], [3.0]], "lists of (2 and 1|1 and 2) numbers"),
        ([[1.0, 2.0], None], "lists of 2 and none numbers"),
        (
            pyarrow.array([[1.0, 2.0], None], pyarrow.list_(pyarrow.float64(), 2)),
            "lists of 2 and none numbers",
        ),
        (pyarrow.array([[], []], pyarrow.list_(pyarrow.float64())), "lists of 0 numbers"),
        (pyarrow.array([[], []], pyarrow.list_(pyarrow.float64(), 0)), "lists of 0 numbers"),
        ([[[1.0], [2.0]], [[3.0], [4.0]]], "the column e contains lists of lists"),
        (pyarrow.array([], pyarrow.list_(pyarrow.float64())), "contains no embeddings"),
        ([["a"], ["b"]], "has no column of numbers; its columns are: e"),
        (pyarrow.nulls(3), "has no column of numbers; its columns are: e"),
        (pyarrow.array([b"\0\0\0\0"]), "has no column of numbers; its columns are: e"),
    ],
)
def test_what_does_not_fit(column: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=said) as caught:
        arrow_table.read(stream(tmp_path / "e.arrow", pyarrow.table({"e": column})))
    assert caught.value.hint


@pytest.mark.parametrize("write", [stream, file])
def test_a_torn_file(write: Any, tmp_path: Path) -> None:
    """Cut at every 97th byte: an error, or the whole rows of the batches that were not cut."""
    content = write(tmp_path / "whole.arrow").read_bytes()
    path = tmp_path / "e.arrow"
    for length in range(0, len(content) - 16, 97):
        path.write_bytes(content[:length])
        try:
            rows = arrow_table.read(path).rows["rows"][:]
        except CollapseError:
            continue
        assert torch.equal(rows, torch.from_numpy(ROWS)[: len(rows)])


def test_damaged_bytes_are_an_error_or_numbers(tmp_path: Path) -> None:
    """Bytes turned over one at a time: never a crash, and never rows of another width."""
    content = bytearray(stream(tmp_path / "whole.arrow", pyarrow.table({"e": list(ROWS)})).read_bytes())
    path, generator = tmp_path / "e.arrow", numpy.random.default_rng(0)
    for place in generator.choice(len(content), 150, replace=False):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            rows = arrow_table.read(path).rows["rows"]
        except CollapseError:
            continue
        assert rows.shape[1] * rows.shape[0] <= ROWS.size


def test_offsets_that_point_outside(tmp_path: Path) -> None:
    """A list that says it ends a million numbers behind the last: the offsets 0, 4, 8 become 0, 4, 1,000,004."""
    column = pyarrow.array(list(ROWS[:2]), pyarrow.list_(pyarrow.float32()))
    path = stream(tmp_path / "e.arrow", pyarrow.table({"e": column}))
    offsets = numpy.array([0, 4, 8], "<i4").tobytes()
    content = path.read_bytes()
    assert content.count(offsets) == 1
    path.write_bytes(content.replace(offsets, numpy.array([0, 4, 1_000_004], "<i4").tobytes()))
    with pytest.raises(CollapseError, match="cannot be read as Arrow"):
        arrow_table.read(path)


def test_rows_that_take_much_memory_are_read_a_batch_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 MB of rows where the memory is one: streamed, by slices and by places, the same as whole."""
    rows = numpy.random.default_rng(1).standard_normal((2048, 128))
    table = pyarrow.table({"e": pyarrow.FixedSizeListArray.from_arrays(rows.ravel(), 128)})
    paths = [tmp_path / "e.arrow", tmp_path / "e.parquet"]
    with ipc.new_file(str(paths[0]), table.schema) as writer:
        writer.write_table(table, max_chunksize=300)
    parquet.write_table(table, paths[1], row_group_size=300)
    monkeypatch.setattr(reader, "budget", lambda: MEGABYTE)
    places = torch.tensor([2047, 0, 299, 300, 1500, 0])
    for path in paths:
        found = Source(path).content.rows["rows"]
        assert isinstance(found, Blocks)
        assert found.shape == (2048, 128)
        assert torch.equal(found[295:1201], torch.from_numpy(rows[295:1201]))
        assert torch.equal(found[places], torch.from_numpy(rows)[places])
        assert found[5:5].shape == (0, 128)
        assert embeddings.load(path, samples=10).clean.representations.shape == (10, 128)


def test_a_compressed_stream_that_unpacks_to_more_than_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pyarrow.table({"e": pyarrow.FixedSizeListArray.from_arrays(numpy.zeros(1 << 20), 128)})
    with ipc.new_stream(
        str(tmp_path / "e.arrow"), table.schema, options=ipc.IpcWriteOptions(compression="zstd")
    ) as writer:
        writer.write_table(table)
    assert (tmp_path / "e.arrow").stat().st_size < 20_000
    monkeypatch.setattr(reader, "budget", lambda: MEGABYTE)
    with pytest.raises(CollapseError, match="files may take 1,048,576 bytes"):
        arrow_table.read(tmp_path / "e.arrow")


# Folders


def saved(folder: Path, split: str = "train") -> Path:
    """As `Dataset.save_to_disk` writes it, in two files."""
    folder.mkdir(parents=True)
    names = [f"data-0000{n}-of-00002.arrow" for n in range(2)]
    stream(folder / names[0], TABLE.slice(0, 6))
    stream(folder / names[1], TABLE.slice(6))
    state = {"_data_files": [{"filename": name} for name in names], "_split": split, "_fingerprint": "x"}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")
    return folder


def test_a_saved_data_set(tmp_path: Path) -> None:
    kept = embeddings.load(saved(tmp_path / "saved"))
    assert torch.equal(kept.clean.representations, torch.from_numpy(ROWS))
    assert kept.clean.classes == ("a", "b", "c")
    before = Source(tmp_path / "saved").sha256
    stream(tmp_path / "saved" / "data-00001-of-00002.arrow", TABLE.slice(5))
    assert Source(tmp_path / "saved").sha256 != before


def test_a_saved_dict_of_splits_names_them(tmp_path: Path) -> None:
    for split in ("train", "test"):
        saved(tmp_path / split, split)
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(CollapseError) as caught:
        embeddings.load(tmp_path)
    assert "contains the splits test, train" in caught.value.message
    assert str(tmp_path / "train") in caught.value.hint
    assert embeddings.load(tmp_path / "train").clean.representations.shape == (10, 4)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("{}", "is not what `Dataset.save_to_disk` writes"),
        ("[1", "is not what `Dataset.save_to_disk` writes"),
        ("[" * 100_000, "is not what `Dataset.save_to_disk` writes"),
        ('{"_data_files": []}', "names no files"),
        ('{"_data_files": [{"filename": "none.arrow"}]}', "no file"),
        ('{"_data_files": [{"filename": "../secret.arrow"}]}', "no file"),
    ],
)
def test_a_state_that_is_none(state: str, said: str, tmp_path: Path) -> None:
    """A name that leads out of the folder is looked for within it."""
    stream(tmp_path / "secret.arrow")
    (saved(tmp_path / "saved") / "state.json").write_text(state)
    with pytest.raises(CollapseError, match=said):
        embeddings.load(tmp_path / "saved")


def hub(folder: Path, *names: str) -> Path:
    (folder / "data").mkdir(parents=True)
    for place, name in enumerate(names):
        parquet.write_table(TABLE.slice(5 * place, 5), folder / "data" / f"{name}.parquet")
    return folder


@pytest.mark.parametrize("inside", ["", "data"])
def test_a_folder_of_parquet(inside: str, tmp_path: Path) -> None:
    """The layout of the Hugging Face hub, from its folder and from `data`; the sum of its names and contents."""
    hub(tmp_path / "set", "train-00000-of-00002", "train-00001-of-00002")
    kept = embeddings.load(tmp_path / "set" / inside)
    assert torch.equal(kept.clean.representations, torch.from_numpy(ROWS))
    assert kept.assumed == ("embeddings: the column embedding", "left out: id, text")
    assert len(Source(tmp_path / "set" / inside).sha256) == 64


def test_splits_in_a_folder_of_parquet(tmp_path: Path) -> None:
    hub(tmp_path, "train-00000-of-00001", "test-00000-of-00002")
    with pytest.raises(CollapseError, match="contains the splits test, train") as caught:
        embeddings.load(tmp_path)
    assert str(tmp_path / "data" / "train-00000-of-00001.parquet") in caught.value.hint
    parquet.write_table(TABLE.slice(2, 3), tmp_path / "data" / "test-00001-of-00002.parquet")
    found = embeddings.load(tmp_path / "data" / "test").clean.representations
    assert torch.equal(found, torch.from_numpy(ROWS[[5, 6, 7, 8, 9, 2, 3, 4]]))


def test_files_of_a_folder_that_differ(tmp_path: Path) -> None:
    hub(tmp_path, "a", "b")
    parquet.write_table(
        TABLE.rename_columns(["id", "vector", "label", "text"]), tmp_path / "data" / "b.parquet"
    )
    with pytest.raises(CollapseError, match=r"b.parquet has no column embedding"):
        embeddings.load(tmp_path)
    parquet.write_table(
        pyarrow.table({"embedding": [[1.0, 2.0]], "label": ["a"]}), tmp_path / "data" / "b.parquet"
    )
    with pytest.raises(CollapseError, match="lists of 4 and of 2 numbers"):
        embeddings.load(tmp_path)


def test_two_sets_of_clip_retrieval(tmp_path: Path) -> None:
    for name in ("img_emb", "text_emb"):
        (tmp_path / name).mkdir()
        numpy.save(tmp_path / name / f"{name}_0.npy", ROWS)
    (tmp_path / "metadata").mkdir()
    parquet.write_table(pyarrow.table({"caption": ["a"] * 10}), tmp_path / "metadata" / "metadata_0.parquet")
    assert [each.name for each in expanded([tmp_path], Measuring())] == ["img_emb", "text_emb"]
    assert embeddings.load(tmp_path / "img_emb").clean.representations.shape == (10, 4)


@pytest.mark.parametrize("name", ["e.arrow", "e.feather", "e.jsonl", "e.tsv", "e.vec", "e.csv.gz", "e.pq"])
def test_a_pipe_is_refused_and_not_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(CollapseError, match="is a pipe, a socket or a device, not a file"):
        embeddings.load(tmp_path / name)
    with pytest.raises(CollapseError, match="no file"):
        embeddings.load(tmp_path / f"none{name}")

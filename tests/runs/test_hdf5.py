"""HDF5 to rows: the only data set, one by its name, and files that point elsewhere or declare more than they hold."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import embeddings, hdf5, reader
from collapse_cli.runs.blocks import Blocks
from collapse_cli.runs.source import Source

h5py = pytest.importorskip("h5py")
ROWS = numpy.random.default_rng(0).standard_normal((10, 4)).astype("float32")
MEGABYTE = 1 << 20


def file(path: Path, **sets: Any) -> Path:
    with h5py.File(path, "w") as opened:
        for name, values in sets.items():
            opened[name.replace("__", "/")] = values
    return path


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", ">f4"])
@pytest.mark.parametrize("name", ["e.h5", "e.hdf5"])
def test_the_only_rows_of_a_file(name: str, dtype: str, tmp_path: Path) -> None:
    """Beside labels, and numbers of other shapes."""
    rows = (100 * ROWS).astype(dtype)
    path = file(tmp_path / name, a__b=rows, labels=numpy.arange(10) % 3, epoch=7, ids=numpy.arange(10))
    kept = embeddings.load(path)
    assert kept.clean.representations.tolist() == rows.tolist()
    assert kept.clean.classes == ("0", "1", "2")
    whole = ("whole numbers, measured as they are",) if dtype == "int32" else ()
    assert kept.assumed == ("embeddings: the data set a/b", "left out: epoch, ids", *whole)


def test_names_as_labels(tmp_path: Path) -> None:
    names = numpy.array([b"cat", b"dog"] * 5)
    assert hdf5.read(file(tmp_path / "e.h5", rows=ROWS, labels=names)).classes == ("cat", "dog")


def test_several_data_sets(tmp_path: Path) -> None:
    """The one whose name says so; where two do, --column."""
    path = file(tmp_path / "e.h5", image=ROWS, text=ROWS + 1)
    with pytest.raises(
        CollapseError, match=r"several data sets of embeddings: image \(10, 4\), text \(10, 4\)"
    ) as caught:
        hdf5.read(path)
    assert caught.value.hint == "add --column image or --column text"
    assert torch.equal(Source(path, "text").content.rows["rows"][:], torch.from_numpy(ROWS + 1))
    with pytest.raises(CollapseError, match="no data set 'texts'") as caught:
        hdf5.read(path, "texts")
    assert "text" in caught.value.hint
    assert hdf5.read(file(tmp_path / "f.h5", embedding=ROWS, bbox=ROWS)).aside == ("bbox",)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (numpy.zeros(4), r"no data set of shape \(N, D\): x \(4,\)"),
        (numpy.zeros((2, 2, 2)), r"no data set of shape \(N, D\): x \(2, 2, 2\)"),
        (numpy.zeros((0, 4)), "contains no embeddings"),
        (numpy.array([[b"a"]]), "no data set of shape"),
        (numpy.zeros((4, 4), complex), "no data set of shape"),
        (h5py.Empty("f"), "no data set"),
    ],
)
def test_what_does_not_fit(values: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=said):
        hdf5.read(file(tmp_path / "e.h5", x=values))


def test_numbers_that_lie_in_other_files_are_not_followed(tmp_path: Path) -> None:
    """External storage, links to another file and virtual data sets: read, they would open whatever path the file names."""
    other = file(tmp_path / "other.h5", rows=ROWS)
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "e.h5", "w") as opened:
        opened["link"] = h5py.ExternalLink(str(other), "rows")
        opened.create_dataset("outside", (10, 4), "f4", external=[(str(tmp_path / "pipe"), 0, 160)])
        layout = h5py.VirtualLayout((10, 4), "f4")
        layout[:] = h5py.VirtualSource(str(other), "rows", (10, 4))
        opened.create_virtual_dataset("virtual", layout)
    for wanted in ("", "link", "outside", "virtual"):
        with pytest.raises(CollapseError, match="no data set"):
            hdf5.read(tmp_path / "e.h5", wanted)


def test_rows_that_take_much_memory_are_read_a_part_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = numpy.random.default_rng(1).standard_normal((2048, 128))
    path = file(tmp_path / "e.h5", rows=rows)
    monkeypatch.setattr(reader, "budget", lambda: MEGABYTE)
    monkeypatch.setattr(hdf5, "PART", 100_000)
    found = hdf5.read(path).rows["rows"]
    assert isinstance(found, Blocks)
    assert torch.equal(found[90:1000], torch.from_numpy(rows[90:1000]))
    assert torch.equal(found[torch.tensor([2047, 3])], torch.from_numpy(rows[[2047, 3]]))


@pytest.mark.parametrize(
    "make",
    [
        lambda opened: opened.create_dataset("x", (4, 1 << 40), "f8", chunks=(1, 1 << 10)),
        lambda opened: opened.create_dataset("x", (1 << 20, 64), "f8", chunks=(1 << 18, 64)),
    ],
    ids=["a row", "a chunk"],
)
def test_what_declares_more_than_the_memory(
    make: Callable[[Any], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few KB that declare rows of 8 TB, and chunks of 128 MB."""
    with h5py.File(tmp_path / "e.h5", "w") as opened:
        make(opened)
    assert (tmp_path / "e.h5").stat().st_size < 10_000
    monkeypatch.setattr(reader, "budget", lambda: 64 * MEGABYTE)
    with pytest.raises(CollapseError, match="files may take 67,108,864 bytes"):
        hdf5.read(tmp_path / "e.h5")


def test_damaged_files(tmp_path: Path) -> None:
    content = file(tmp_path / "whole.h5", rows=ROWS, labels=numpy.arange(10)).read_bytes()
    path = tmp_path / "e.h5"
    for torn in (b"", b"hello", content[:-1], content[: len(content) // 2]):
        path.write_bytes(torn)
        with pytest.raises(CollapseError, match="cannot be read as HDF5"):
            hdf5.read(path)
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(CollapseError, match="is a pipe"):
        hdf5.read(tmp_path / "pipe.h5")
    with pytest.raises(CollapseError, match="no file"):
        hdf5.read(tmp_path / "none.h5")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(CollapseError, match="HDF5 is read by the package h5py") as caught:
        embeddings.load(tmp_path / "e.h5")
    assert caught.value.hint == "pip install 'collapse-cli[hdf5]'"

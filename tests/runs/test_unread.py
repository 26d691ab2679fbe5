"""Files that are not read are called by what they are, with lines that would make embeddings of them."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
import torch

from collapse_cli.analysis import inputs
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.errors import CollapseError
from collapse_cli.runs import conversions, unread
from collapse_cli.runs.source import Source

NAMES = [*conversions.PYTHON, *conversions.OTHERWISE, *unread.ALIKE]


@pytest.mark.parametrize("ending", NAMES)
def test_every_ending_is_called_by_its_name(ending: str, tmp_path: Path) -> None:
    """Not as a torch checkpoint that cannot be read; small letters or large."""
    for name in (f"e{ending}", f"E{ending.upper()}"):
        (tmp_path / name).write_bytes(b"hello, world")
        recognised = inputs.recognise(tmp_path / name)
        with pytest.raises(CollapseError, match="it is not read") as caught:
            _ = recognised.source.content
        assert caught.value.code == 2
        assert "torch" not in caught.value.message
        assert caught.value.hint


@pytest.mark.parametrize(
    "name", ["checkpoint_0199.pth.tar", "e.pkl", "e.dat", "model.ckpt", "e.db", "pytorch_model.bin"]
)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_wrote_is_read_whatever_its_name(name: str, zipped: bool, tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2, 2)}, tmp_path / name, _use_new_zipfile_serialization=zipped)
    assert torch.equal(Source(tmp_path / name).content["a"], torch.ones(2, 2))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("e.pt", b"\x93NUMPY\x01\x00", "is a NumPy file, which is read under a name that ends in .npy"),
        ("e", b"PAR1....", "is a parquet file, which is read under a name that ends in .parquet"),
        ("e.bin", b"ARROW1\0\0", "is an Arrow file, which is read under a name that ends in .arrow"),
        ("e.dat2", b"\x89HDF\r\n\x1a\n", "is an HDF5 file, which is read under a name that ends in .h5"),
        ("e.pth", b"SQLite format 3\0", "an SQLite database"),
        ("e.bin", b"3 2\nthe \0\0\0\0", "word2vec vectors in binary form"),
        ("i.index", b"IxF2\0\0\0\0", "a FAISS index"),
        ("flat", b"IxFI\0\0\0\0", "a FAISS index"),
        ("model.index", bytes(40) + unread.TENSORFLOW, "a TensorFlow checkpoint"),
        ("model.ckpt", bytes(40) + unread.TENSORFLOW, "a TensorFlow checkpoint"),
        ("model.ckpt.data-00000-of-00001", bytes(40), "a TensorFlow checkpoint"),
        ("e.npy.gz", gzip.compress(b"x", mtime=0), "is compressed, and only compressed text is read"),
        ("e.parquet.gz", gzip.compress(b"x", mtime=0), "is compressed, and only compressed text is read"),
    ],
)
def test_what_is_known_by_its_bytes(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CollapseError, match=said) as caught:
        _ = Source(tmp_path / name).content
    assert caught.value.hint


def test_an_archive_is_told_from_what_torch_writes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr("e.npy", b"x")
    with pytest.raises(CollapseError, match="an archive; it is not read"):
        _ = Source(tmp_path / "e.zip").content


@pytest.mark.parametrize(
    ("name", "inside", "said"),
    [
        ("e.zarr", "x", "a Zarr store"),
        ("e", "zarr.json", "a Zarr store"),
        ("e", "data.mdb", "an LMDB database"),
        ("e", "saved_model.pb", "a TensorFlow network"),
        ("e", "x", "a folder without a checkpoint.pt"),
    ],
)
def test_folders(name: str, inside: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / inside).write_bytes(b"x")
    with pytest.raises(CollapseError, match=said):
        inputs.recognise(tmp_path / name)


def test_json_that_is_no_answer(tmp_path: Path) -> None:
    """A list of objects, as pandas writes it by default."""
    rows = [[0.5, 1.0], [2.5, 3.0]]
    path = tmp_path / "e.json"
    path.write_text(json.dumps([{"id": n, "embedding": row} for n, row in enumerate(rows)]))
    with pytest.raises(CollapseError, match="is JSON but not an answer of collapse") as caught:
        inputs.load(path, Measuring())
    assert caught.value.hint.startswith("python -c ")
    path.write_text('{"schema": 2}')
    with pytest.raises(CollapseError, match="a saved answer"):
        inputs.load(path, Measuring())

"""What a file declares is held against the file and the memory before anything is allocated, and no file runs code."""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from numpy.lib import format as npy
from pyarrow import parquet

import collapse_cli
from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint, csv_table, embeddings, foreign, labels, npz, parquet_table, reader
from collapse_cli.runs.reader import Unreadable

PACKAGE = Path(collapse_cli.__file__).parent
DOORS = (
    "torch.load",
    "pickle",
    "numpy.load",
    "np.load",
    "open_memmap",
    "fromfile",
    "load_file",
    "safe_open",
    "read_array",
)
MEGABYTE = 1 << 20


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a megabyte of memory."""
    monkeypatch.setattr(reader, "budget", lambda: MEGABYTE)


def test_files_are_opened_by_the_reader_alone() -> None:
    """`pickletools` reads the operations of a pickle, and runs none."""
    opened, unpickled, doors = {}, [], {door.split(".")[-1] for door in DOORS}
    for path in sorted(PACKAGE.rglob("*.py")):
        nodes, name = list(ast.walk(ast.parse(path.read_text()))), str(path.relative_to(PACKAGE))
        called = [node.func for node in nodes if isinstance(node, ast.Call)]
        calls = [ast.unparse(func) for func in called if _last(func) in doors]
        if calls := sorted(call for call in calls if call.split(".")[-1] in DOORS or call in DOORS):
            opened[name] = calls
        imports = [ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        unpickled += [
            f"{name}: {line}" for line in imports if re.search(r"\bc?[pP]ickle(tools)?\b|open_memmap", line)
        ]
    assert opened == {
        "runs/reader.py": ["load_file", "npy.open_memmap"],
        "runs/npz.py": ["npy.read_array"],
        "runs/pickled.py": ["torch.load"],
    }
    assert unpickled == ["runs/unpickled.py: import pickletools"]


def _last(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


# Regular files only.

OPENERS: dict[str, Callable[[Path], Any]] = {
    "e.npy": embeddings.load,
    "e.npz": embeddings.load,
    "e.pt": embeddings.load,
    "e.safetensors": embeddings.load,
    "e.csv": embeddings.load,
    "e.parquet": embeddings.load,
    "checkpoint.pt": checkpoint.load,
    "c.pth": foreign.hold,
    "labels.txt": lambda path: labels.read(path, 2),
    "labels.npy": lambda path: labels.read(path, 2),
    "labels.pt": lambda path: labels.read(path, 2),
}


@pytest.mark.parametrize("name", OPENERS)
def test_a_pipe_is_refused_and_not_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(CollapseError, match="is a pipe, a socket or a device, not a file") as caught:
        OPENERS[name](tmp_path / name)
    assert caught.value.hint
    assert caught.value.code == 2


def test_a_device_is_refused() -> None:
    with pytest.raises(CollapseError, match="is a pipe, a socket or a device"):
        reader.read(Path(os.devnull))


@pytest.mark.parametrize("name", OPENERS)
def test_what_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="no file"):
        OPENERS[name](tmp_path / name)


# .npy


def header(shape: str, descr: str = "<f8", version: int = 1, pad: int = 0) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode() + b" " * pad + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return npy.MAGIC_PREFIX + bytes([version, 0]) + length + text


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("(3, 2)", "its header declares 48 bytes, but the file has 40"),
        (f"({1 << 40}, 512)", f"its header declares {1 << 52:,} bytes, but the file has 40"),
        (f"({1 << 33}, {1 << 33})", f"its header declares {1 << 69:,} bytes"),  # 2^66 is 0 in 64 bits
        (f"({10**30},)", "its header declares 8,0"),
        ("(-5, -1)", r"it is of shape \(-5, -1\)"),
        ("'x'", "shape is not valid"),
    ],
)
def test_a_header_that_declares_more_than_the_file_has(
    shape: str, said: str, version: int, tmp_path: Path
) -> None:
    (tmp_path / "e.npy").write_bytes(header(shape, version=version) + bytes(40))
    with pytest.raises(Unreadable, match=said):
        reader.array(tmp_path / "e.npy")
    with pytest.raises(CollapseError, match="cannot be read as numpy embeddings"):
        embeddings.load(tmp_path / "e.npy")
    with pytest.raises(CollapseError, match="cannot be read as labels"):
        labels.read(tmp_path / "e.npy", 3)


def test_a_header_that_fits_is_read(tmp_path: Path) -> None:
    (tmp_path / "e.npy").write_bytes(header("(5,)", version=2) + numpy.arange(5.0).tobytes())
    assert reader.array(tmp_path / "e.npy").tolist() == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("small")
def test_an_array_larger_than_the_memory_is_mapped_and_not_held(tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.ones((MEGABYTE // 8 + 1, 1)))
    assert reader.mapped(tmp_path / "e.npy").shape == (MEGABYTE // 8 + 1, 1)
    assert embeddings.load(tmp_path / "e.npy", samples=3).clean.representations.tolist() == [[1], [1], [1]]
    with pytest.raises(
        CollapseError, match="1,048,584 bytes of numbers, but files may take 1,048,576"
    ) as caught:
        reader.array(tmp_path / "e.npy")
    assert caught.value.code == 2


# .npz


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


@pytest.mark.usefixtures("small")
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two arrays of 600 KB pack to a few hundred bytes; one fits into a megabyte, two do not."""
    half = header("(75_000,)") + bytes(600_000)
    assert archive(tmp_path / "e.npz", a=half).stat().st_size < 2000
    assert reader.read(tmp_path / "e.npz")["a"].shape == (75_000,)
    archive(tmp_path / "e.npz", a=half, b=half)
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with pytest.raises(CollapseError, match="files may take 1,048,576 bytes of memory") as caught:
        embeddings.load(tmp_path / "e.npz")
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header(f"({1 << 40},)") + bytes(40), rf"a.npy declares {1 << 43:,} bytes, but it has 40"),
        (header("(4,)") + bytes(40), "a.npy declares 32 bytes, but it has 40"),
        (header("(4,)", "|O") + bytes(32), "Python objects"),
        (b"hello", "cannot be read as numpy embeddings"),
        (header("(5,)", version=2, pad=1 << 20) + bytes(40), "cannot be read as numpy embeddings"),
    ],
    ids=["larger", "smaller", "objects", "text", "a long header"],
)
def test_a_member_that_is_not_what_it_declares(content: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=said):
        embeddings.load(archive(tmp_path / "e.npz", a=content))


def test_an_npz_keeps_its_names_and_kinds(tmp_path: Path) -> None:
    wanted = {"a": numpy.arange(6).reshape(2, 3), "b": numpy.array(["x", "yz"]), "c": numpy.array(0.5)}
    for save in (numpy.savez, numpy.savez_compressed):
        save(tmp_path / "e.npz", **wanted)
        found = npz.arrays(tmp_path / "e.npz")
        assert list(found) == list(wanted)
        assert all(numpy.array_equal(found[name], array) for name, array in wanted.items())
        assert [array.dtype for array in found.values()] == [array.dtype for array in wanted.values()]


# torch


def test_parts_that_unpack_to_more_than_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of torch.save, packed again: 4 MB of zeros in a few KB."""
    torch.save({"a": torch.zeros(1 << 20)}, tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in plain.infolist():
            packed.writestr(member.filename, plain.read(member))
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(
        Unreadable, match=r"its parts declare 4,\d{3},\d{3} bytes, but the file has \d{1,2},?\d{3}"
    ):
        reader.read(tmp_path / "packed.pt")


@pytest.mark.usefixtures("small")
def test_an_old_file_is_read_into_memory_and_a_new_one_is_mapped(tmp_path: Path) -> None:
    rows = torch.ones(MEGABYTE // 4 + 1, 1)
    torch.save(rows, tmp_path / "new.pt")
    assert torch.equal(reader.read(tmp_path / "new.pt"), rows)
    torch.save(rows, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(CollapseError, match="files may take 1,048,576 bytes"):
        reader.read(tmp_path / "old.pt")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("zipped", [True, False])
def test_one_number_that_stands_for_many(zipped: bool, tmp_path: Path) -> None:
    """A tensor of stride 0: 262,144 numbers of four bytes are a megabyte, one more is too many."""
    for count in (MEGABYTE // 4, MEGABYTE // 4 + 1):
        content = {"a": [{"b": torch.ones(1).expand(count)}]}
        torch.save(content, tmp_path / "e.pt", _use_new_zipfile_serialization=zipped)
        if count * 4 <= MEGABYTE:
            assert reader.read(tmp_path / "e.pt")["a"][0]["b"].shape == (count,)
        else:
            with pytest.raises(CollapseError, match="1,048,580 bytes of numbers"):
                reader.read(tmp_path / "e.pt")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("zipped", [True, False])
def test_a_few_numbers_that_stand_for_many_tensors(zipped: bool, tmp_path: Path) -> None:
    """Each fits into the memory, and not all of them; tensors that share a storage as large as they are count once."""
    repeated, shared = torch.ones(1).expand(MEGABYTE // 8), torch.ones(MEGABYTE // 8)
    for content, fits in (([repeated, repeated], True), ([repeated] * 3, False), ([shared] * 5, True)):
        torch.save(content, tmp_path / "e.pt", _use_new_zipfile_serialization=zipped)
        if fits:
            assert len(reader.read(tmp_path / "e.pt")) == len(content)
        else:
            with pytest.raises(CollapseError, match="1,572,864 bytes of numbers"):
                reader.read(tmp_path / "e.pt")


def test_a_dict_that_holds_itself(tmp_path: Path) -> None:
    content: dict[str, Any] = {"weight": torch.ones(2, 2)}
    content["again"] = content
    torch.save(content, tmp_path / "e.pt")
    with pytest.raises(Unreadable, match="more than 1,048,576 dicts and lists"):
        reader.read(tmp_path / "e.pt")


def test_settings_in_a_namespace_are_read(tmp_path: Path) -> None:
    torch.save({"args": argparse.Namespace(arch="resnet50")}, tmp_path / "c.pt")
    assert reader.read(tmp_path / "c.pt")["args"].arch == "resnet50"


# safetensors


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        struct.pack("<Q", 1 << 40) + b"{}",
        struct.pack("<Q", 100) + b"{}",
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}},
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}},
        {"a": {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 16]}},
    ],
    ids=["empty", "length", "beyond", "short", "offsets", "shape", "backwards", "overflow"],
)
def test_safetensors_that_declare_more_than_they_have(content: Any, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    if isinstance(content, dict):
        text = json.dumps(content).encode()
        content = struct.pack("<Q", len(text)) + text + bytes(16)
    (tmp_path / "m.safetensors").write_bytes(content)
    with pytest.raises(CollapseError, match="cannot be read as safetensors"):
        reader.read(tmp_path / "m.safetensors")


# tables


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("lists", [True, False])
def test_a_parquet_of_equal_numbers_is_refused_by_its_counts(lists: bool, tmp_path: Path) -> None:
    """Of 70,000 rows of two doubles; 1.1 MB in memory, a few KB on disk."""
    column: dict[str, Any] = {"a0": numpy.zeros(70_000), "a1": numpy.zeros(70_000)}
    parquet.write_table(
        pyarrow.table(
            {"rows": pyarrow.FixedSizeListArray.from_arrays(numpy.zeros(140_000), 2)} if lists else column
        ),
        tmp_path / "e.parquet",
    )
    assert (tmp_path / "e.parquet").stat().st_size < 10_000
    with pytest.raises(CollapseError, match="1,120,000 bytes of numbers"):
        parquet_table.read(tmp_path / "e.parquet")


@pytest.mark.usefixtures("small")
def test_a_text_larger_than_the_memory(tmp_path: Path) -> None:
    for name, load in (("e.csv", csv_table.read), ("l.txt", lambda path: labels.read(path, 1))):
        (tmp_path / name).write_bytes(b"1\n" * (MEGABYTE // 2 + 1))
        with pytest.raises(CollapseError, match="1,048,578 bytes of numbers"):
            load(tmp_path / name)


def test_an_error_says_what_was_wanted() -> None:
    error = Unreadable(Path("e.npy"), "it is torn\nin two")
    other = error.wanted_as("labels", "save them again", "torn")
    assert str(error) == "e.npy cannot be read (it is torn\\nin two)\ncopy or download it again"
    assert str(other) == "e.npy cannot be read as labels (torn)\nsave them again"
    assert (other.reason, other.code) == (error.reason, 2)
    assert io.StringIO(str(other)).readline() == "e.npy cannot be read as labels (torn)\n"

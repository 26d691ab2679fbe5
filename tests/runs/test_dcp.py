"""Folders of torch.distributed.checkpoint are read as the checkpoints that they are, whole or in parts, and run no code."""

from __future__ import annotations

import io
import json
import os
import pickle
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed import checkpoint as distributed
from torch.distributed.checkpoint import filesystem, metadata

from collapse_cli import cli
from collapse_cli.analysis.inputs import Kind, recognise
from collapse_cli.errors import CollapseError
from collapse_cli.runs import dcp, foreign, reader
from collapse_cli.runs.others.tensors import hold
from collapse_cli.runs.source import Source
from tests.runs.test_foreign import narrow, told_apart

CHECK = torch.linspace(0, 1, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)


@pytest.fixture
def network() -> nn.Module:
    net = narrow()
    told_apart(net, 0)
    return net.eval()


def saved(content: dict[str, Any], folder: Path) -> Path:
    distributed.save(content, checkpoint_id=folder, no_dist=True)
    return folder


@pytest.mark.filterwarnings("ignore")
def test_what_one_process_saved(network: nn.Module, tmp_path: Path) -> None:
    """Under `model`, beside an optimizer, the epoch and settings; h is that of the network itself."""
    optimizer = torch.optim.Adam(network.parameters())
    content = {
        "model": network.state_dict(),
        "optim": optimizer.state_dict(),
        "epoch": 7,
        "args": {"lr": 0.1},
    }
    folder = saved(content, tmp_path / "a 'b'")
    assert recognise(folder).kind is Kind.FOREIGN
    held = hold(folder)
    assert held.epoch == 7
    assert held.where == "model"
    assert not [name for name in held.tensors if "optim" in name]
    theirs = foreign.load(folder)
    with torch.no_grad():
        assert torch.equal(theirs.encoder(CHECK), network(CHECK))


@pytest.mark.filterwarnings("ignore")
def test_wrappers_are_taken_off(network: nn.Module, tmp_path: Path) -> None:
    weights = {f"module._orig_mod.{name}": tensor for name, tensor in network.state_dict().items()}
    theirs = foreign.load(saved({"state_dict": weights}, tmp_path / "d"))
    with torch.no_grad():
        assert torch.equal(theirs.encoder(CHECK), network(CHECK))


@pytest.mark.filterwarnings("ignore")
def test_commands_take_the_folder(
    network: nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = network.state_dict()
    grey = {"conv1.weight": weights["conv1.weight"][:, :1].clone()}
    folder = saved({"model": weights | grey}, tmp_path / "step 10")
    assert cli.main(["inspect", str(folder), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert "representation" in json.dumps(about)
    assert cli.main(["weights", str(folder), "-q"]) == 0
    first = Source(folder).sha256
    (folder / "__0_0.distcp").write_bytes((folder / "__0_0.distcp").read_bytes() + b"x")
    assert Source(folder).sha256 != first


@pytest.mark.slow
def test_embeddings_of_the_folder_are_measured(network: nn.Module, tmp_path: Path) -> None:
    weights = network.state_dict()
    grey = {"conv1.weight": weights["conv1.weight"][:, :1].clone()}
    folder = saved({"model": weights | grey}, tmp_path / "step 10")
    assert cli.main(["spectrum", str(folder), "--dataset", "digits", "--samples", "50", "-q"]) in (0, 3)


Chunk = tuple[tuple[int, ...], torch.Tensor]


def written(folder: Path, tensors: dict[str, tuple[torch.Size, list[Chunk]]], paths: Any = None) -> Path:
    """A folder as several processes write it: one file for each part, which begins with bytes of something else."""
    folder.mkdir()
    declared, places = {}, {}
    for name, (size, chunks) in tensors.items():
        properties = metadata.TensorProperties(dtype=chunks[0][1].dtype)
        about = [metadata.ChunkStorageMetadata(torch.Size(o), c.shape) for o, c in chunks]
        declared[name] = metadata.TensorStorageMetadata(properties, size, about)
        for rank, (begins, chunk) in enumerate(chunks):
            file = folder / f"__{rank}_0.distcp"
            before = file.read_bytes() if file.exists() else b"beginning"
            stream = io.BytesIO()
            torch.save(chunk.clone(), stream)
            file.write_bytes(before + stream.getvalue())
            info = filesystem._StorageInfo(file.name, len(before), len(stream.getvalue()))
            places[metadata.MetadataIndex(name, begins)] = info
    whole = metadata.Metadata(declared, paths, places)
    (folder / ".metadata").write_bytes(pickle.dumps(whole))
    return folder


def in_two(tensor: torch.Tensor) -> tuple[torch.Size, list[Chunk]]:
    """By rows, the first part smaller."""
    if tensor.ndim == 0 or len(tensor) < 2:
        return tensor.shape, [((0,) * tensor.ndim, tensor)]
    cut, rest = len(tensor) // 3 or 1, (0,) * (tensor.ndim - 1)
    return tensor.shape, [((0, *rest), tensor[:cut]), ((cut, *rest), tensor[cut:])]


def test_parts_are_joined(network: nn.Module, tmp_path: Path) -> None:
    weights = {f"_fsdp_wrapped_module.{name}": tensor for name, tensor in network.state_dict().items()}
    paths = {f"model.{name}": ("model", name) for name in weights}
    folder = written(tmp_path / "d", {f"model.{n}": in_two(t) for n, t in weights.items()}, paths)
    read = dcp.read(folder)["model"]
    assert read.keys() == weights.keys()
    assert all(torch.equal(read[name], weights[name]) for name in weights)


def test_parts_in_both_directions(tmp_path: Path) -> None:
    """Four parts of a matrix, one of them empty of rows, in an order of their own."""
    matrix = torch.arange(35.0).reshape(5, 7)
    chunks = [
        ((2, 3), matrix[2:, 3:]),
        ((0, 0), matrix[:2, :3]),
        ((2, 0), matrix[2:, :3]),
        ((0, 3), matrix[:2, 3:]),
    ]
    folder = written(tmp_path / "d", {"fc.weight": (matrix.shape, chunks)})
    assert torch.equal(dcp.read(folder)["fc.weight"], matrix)


HALF = torch.zeros(2, 3)
WRONG: dict[str, tuple[list[Chunk], str]] = {
    "a part is missing": ([((0, 0), HALF)], "more or less than its parts"),
    "parts overlap": ([((0, 0), HALF), ((1, 0), HALF)], "overlap"),
    "outside": ([((0, 0), HALF), ((3, 0), HALF)], "outside of it"),
    "other axes": ([((0,), HALF[:, 0]), ((2, 0), HALF)], "other axes"),
    "less than nothing": ([((-1, 0), HALF), ((2, 0), HALF)], "outside of it"),
    "no part": ([], "0 parts"),
}


@pytest.mark.parametrize("case", WRONG)
def test_parts_that_are_not_the_whole_are_refused(case: str, tmp_path: Path) -> None:
    chunks, reason = WRONG[case]
    folder = written(tmp_path / "d", {"fc.weight": (torch.Size((4, 3)), chunks or [((0, 0), HALF)])})
    if not chunks:
        about = pickle.loads((folder / ".metadata").read_bytes())
        about.state_dict_metadata["fc.weight"].chunks = []
        (folder / ".metadata").write_bytes(pickle.dumps(about))
    with pytest.raises(CollapseError, match=reason) as caught:
        dcp.read(folder)
    assert f"format_utils dcp_to_torch {folder} weights.pt" in caught.value.hint


def changed(folder: Path, **fields: Any) -> Path:
    """The place of the first part, otherwise."""
    about = pickle.loads((folder / ".metadata").read_bytes())
    info = next(iter(about.storage_data.values()))
    vars(info).update(fields)
    (folder / ".metadata").write_bytes(pickle.dumps(about))
    return folder


@pytest.mark.parametrize(
    "fields",
    [
        {"offset": 1 << 50}, {"length": 1 << 50}, {"offset": -1}, {"relative_path": "../other.distcp"},
        {"relative_path": "/etc/passwd"}, {"relative_path": "missing.distcp"}, {"transform_descriptors": ["zstd"]},
        {"length": 8}, {"offset": 0},
    ],
    ids=str,
)  # fmt: skip
def test_places_that_are_not_there_are_refused(fields: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "other.distcp").write_bytes(b"x")
    folder = changed(written(tmp_path / "d", {"fc.weight": in_two(torch.ones(4, 3))}), **fields)
    with pytest.raises(CollapseError, match="cannot be read") as caught:
        dcp.read(folder)
    assert "dcp_to_torch" in caught.value.hint


def test_what_is_declared_is_held_against_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path / "d", {"fc.weight": in_two(torch.ones(4, 3))})
    monkeypatch.setattr(reader, "budget", lambda: 1 << 16)
    about = pickle.loads((folder / ".metadata").read_bytes())
    about.state_dict_metadata["fc.weight"].size = torch.Size((1 << 40, 3))
    (folder / ".metadata").write_bytes(pickle.dumps(about))
    with pytest.raises(CollapseError, match=r"more or less|bytes of memory"):
        dcp.read(folder)


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("evil",)


@pytest.mark.parametrize("content", [Evil(), {"state_dict_metadata": Evil()}, [], "x"])
def test_nothing_of_the_folder_is_run(content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / ".metadata").write_bytes(pickle.dumps(content))
    with pytest.raises(CollapseError, match="cannot be read"):
        dcp.read(Path("d"))
    assert not Path("evil").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04", pickle.dumps(metadata.Metadata({}))])
def test_a_damaged_folder(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ".metadata").write_bytes(content)
    with pytest.raises(CollapseError):
        foreign.load(tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_converter_works_as_typed(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is whole, so that torch reads what was refused here: its parts are said to be compressed."""
    monkeypatch.chdir(tmp_path)
    folder = changed(
        saved({"model": network.state_dict()}, tmp_path / "a 'b' $c"), transform_descriptors=["zstd"]
    )
    with pytest.raises(CollapseError) as caught:
        dcp.read(folder)
    command = caught.value.hint.partition(": ")[2]
    changed(folder, transform_descriptors=None)
    typed = command.replace("python", shlex.quote(sys.executable), 1)
    subprocess.run(typed, shell=True, check=True, capture_output=True)
    theirs = foreign.load(tmp_path / "weights.pt")
    with torch.no_grad():
        assert torch.equal(theirs.encoder(CHECK), network(CHECK))

"""A source is read once and hashed once, and what was made of it does not depend on the file any more."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint, embeddings, foreign, reader
from collapse_cli.runs.others.tensors import hold
from collapse_cli.runs.source import Source


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that torch reads."""
    seen: list[Path] = []
    load = torch.load

    def counted(path: Path, **settings: Any) -> Any:
        seen.append(path)
        return load(path, **settings)

    monkeypatch.setattr(torch, "load", counted)
    return seen


def resnet(seed: int = 0) -> nn.Module:
    from torchvision.models.resnet import BasicBlock, ResNet

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ResNet(BasicBlock, [1, 1, 1, 1])
    network.fc = nn.Identity()  # type: ignore[assignment]
    return network.eval()


def moco(path: Path) -> nn.Module:
    """A checkpoint of MoCo v1, z of 8 dimensions, with a queue of three keys (3,8), all ones; its network."""
    network = resnet()
    weights = {f"module.encoder_q.{name}": weight for name, weight in network.state_dict().items()}
    weights["module.encoder_q.fc.weight"] = torch.zeros(8, 512)
    torch.save({"state_dict": weights | {"module.queue": torch.ones(8, 3)}}, path)
    return network


def emptied(path: Path) -> None:
    """Overwrite a file in place with as many zeros."""
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())


def test_a_source_is_handed_back_as_it_is(tmp_path: Path) -> None:
    source = Source.at(tmp_path)
    assert Source.at(source) is source
    assert source == Source(tmp_path)


def test_our_checkpoint_is_recognised_and_loaded_in_one_read(run: Path, reads: list[Path]) -> None:
    source = Source(run / "checkpoint.pt")
    assert not embeddings.are_at(source)
    assert checkpoint.is_ours(source)
    assert checkpoint.load(source).state.epoch == 2
    assert reads == [run / "checkpoint.pt"]


def test_a_foreign_checkpoint_is_recognised_and_loaded_in_one_read(tmp_path: Path, reads: list[Path]) -> None:
    moco(tmp_path / "c.pth")
    source = Source(tmp_path / "c.pth")
    assert not embeddings.are_at(source)
    assert not checkpoint.is_ours(source)
    assert foreign.load(source).matched == foreign.load(source).total
    assert "layer1.0.conv1" in foreign.matrices(source)
    assert len(hold(source, averaged=False).tensors) == len(hold(source).tensors)
    assert reads == [tmp_path / "c.pth"]


def test_embeddings_are_recognised_and_loaded_in_one_read(tmp_path: Path, reads: list[Path]) -> None:
    torch.save({"features": torch.ones(4, 3)}, tmp_path / "e.pt")
    source = Source(tmp_path / "e.pt")
    assert embeddings.are_at(source)
    assert embeddings.load(source).clean.representations.tolist() == [[1, 1, 1]] * 4
    assert not checkpoint.is_ours(source)
    assert reads == [tmp_path / "e.pt"]


def test_what_cannot_be_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "e.pt").write_bytes(b"hello")
    reads, read = list[Path](), reader.read

    def counted(path: Path) -> Any:
        reads.append(path)
        return read(path)

    monkeypatch.setattr(reader, "read", counted)
    source = Source(tmp_path / "e.pt")
    assert not embeddings.are_at(source)
    assert not checkpoint.is_ours(source)
    for _ in range(2):
        with pytest.raises(CollapseError, match="cannot be read as a torch checkpoint"):
            foreign.load(source)
    assert reads == [tmp_path / "e.pt"]


def test_a_name_that_says_rows_is_no_checkpoint_and_is_not_read(tmp_path: Path) -> None:
    for name in ("e.npy", "e.npz", "e.csv", "e.parquet"):
        (tmp_path / name).write_bytes(b"hello")
        assert embeddings.are_at(tmp_path / name)
        assert not checkpoint.is_ours(tmp_path / name)
        with pytest.raises(CollapseError, match="cannot be read as a torch checkpoint"):
            checkpoint.load(tmp_path / name)


def test_a_run_outlives_its_file(run: Path, tmp_path: Path) -> None:
    """Weights, momenta and the generator, after the file was overwritten with zeros."""
    path = tmp_path / "checkpoint.pt"
    path.write_bytes((run / "checkpoint.pt").read_bytes())
    loaded = checkpoint.load(path)
    emptied(path)
    wanted = torch.load(run / "checkpoint.pt", weights_only=True)
    weights: Any = loaded.method.state_dict()  # type: ignore[attr-defined]
    assert all(torch.equal(weights[name], weight) for name, weight in wanted["method"].items())
    momenta = loaded.state.optimizer.state_dict()["state"]
    assert momenta
    for place, state in wanted["optimizer"]["state"].items():
        assert torch.equal(momenta[place]["momentum_buffer"], state["momentum_buffer"])
    assert torch.equal(loaded.state.generator.get_state(), wanted["generator"])


def test_training_on_does_not_change_what_was_read(run: Path) -> None:
    source = Source(run / "checkpoint.pt")
    before = {
        n: state["momentum_buffer"].clone() for n, state in source.content["optimizer"]["state"].items()
    }
    loaded = checkpoint.load(source)
    for state in loaded.state.optimizer.state.values():
        state["momentum_buffer"].zero_()
    for weight in loaded.method.state_dict().values():  # type: ignore[attr-defined]
        weight.zero_()
    after = source.content["optimizer"]["state"]
    assert all(torch.equal(after[n]["momentum_buffer"], momentum) for n, momentum in before.items())
    assert all(
        torch.equal(again, once)
        for again, once in zip(
            checkpoint.load(source).method.state_dict().values(),  # type: ignore[attr-defined]
            checkpoint.load(run / "checkpoint.pt").method.state_dict().values(),  # type: ignore[attr-defined]
            strict=True,
        )
    )


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_another_librarys_network_outlives_its_file(suffix: str, tmp_path: Path) -> None:
    network, path = moco(tmp_path / "c.pth"), tmp_path / f"c{suffix}"
    if suffix == ".safetensors":
        content = torch.load(tmp_path / "c.pth", weights_only=True)["state_dict"]
        pytest.importorskip("safetensors.torch").save_file(content, path)
    loaded = foreign.load(path)
    emptied(path)
    images: Tensor = torch.ones(1, 3, 32, 32)
    assert torch.equal(loaded.encoder(images), network(images))
    assert loaded.queue is not None
    assert torch.equal(loaded.queue, torch.ones(3, 8))


def test_a_file_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    source = Source(tmp_path / "x")
    assert source.sha256 == hashlib.sha256(b"hello").hexdigest()
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert source.sha256 == hashlib.sha256(b"hello").hexdigest()


def test_a_folder_is_hashed_by_the_names_and_contents_of_its_shards(tmp_path: Path) -> None:
    """sha256 of name, a zero byte, and the content's sha256, for every shard, 2 before 10; nothing else in the folder counts."""
    together = hashlib.sha256()
    for number in (2, 10):
        numpy.save(tmp_path / f"s{number}.npy", numpy.full((2, 3), number))
        content = (tmp_path / f"s{number}.npy").read_bytes()
        together.update(f"s{number}.npy".encode() + b"\0" + hashlib.sha256(content).digest())
    (tmp_path / "notes.txt").write_text("hello")
    assert Source(tmp_path).sha256 == together.hexdigest()
    assert Source(tmp_path).content.shape == (4, 3)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CollapseError, match="is a pipe, a socket or a device"):
        _ = Source(tmp_path / "pipe").sha256
    with pytest.raises(CollapseError, match="is a pipe, a socket or a device"):
        reader.read(tmp_path / "pipe")

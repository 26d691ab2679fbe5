"""Names and shapes in a file of torch.save or safetensors, read without torch and without running anything in it."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from collapse_cli.runs.outline import Shape, holds_weights, outline


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def test_names_and_shapes(tmp_path: Path) -> None:
    """Transposed, half, whole, shared and empty tensors, and parameters, as torch knows them."""
    weight = torch.zeros(3, 4)
    tensors = {
        "a": weight.T, "b": weight.half(), "c": torch.arange(5), "d": weight[0], "e": torch.zeros(0, 2),
        "f": torch.nn.Parameter(weight), "g": torch.tensor(1.0), "h": weight.bfloat16(),
    }  # fmt: skip
    path = saved(tmp_path / "x.pt", {"state": OrderedDict(tensors), "epoch": 4, "name": "x"})
    shapes = {name: Shape(tuple(tensor.shape)) for name, tensor in tensors.items()}
    assert outline(path) == {"state": shapes, "epoch": 4, "name": "x"}
    assert Shape((3, 4)).numbers == 12
    save_file({"a": weight, "c": torch.arange(5)}, tmp_path / "x.safetensors")
    assert outline(tmp_path / "x.safetensors") == {"a": Shape((3, 4)), "c": Shape((5,))}


def test_weights_are_told_from_rows(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    for number, content in enumerate(
        (network.state_dict(), {"state_dict": network.state_dict()}, {"a": {"b": network.state_dict()}})
    ):
        found = outline(saved(tmp_path / f"{number}.pt", content))
        assert found is not None
        assert holds_weights(found)
    rows = {"embeddings": torch.zeros(5, 2), "labels": torch.zeros(5), "sample.weight": torch.zeros(5)}
    found = outline(saved(tmp_path / "rows.pt", rows))
    assert found is not None
    assert not holds_weights(found)


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("evil",)


def test_nothing_of_a_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("evil.pt", "w") as archive:
        archive.writestr("evil/data.pkl", pickle.dumps({"fc.weight": Evil()}))
    content = outline(Path("evil.pt"))
    assert content is not None
    assert not holds_weights(content)
    assert not Path("evil").exists()


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A lone tensor, a file of 2019, text, half a file, and none."""
    saved(tmp_path / "lone.pt", torch.zeros(3, 4))
    torch.save({"fc.weight": torch.zeros(3, 4)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    whole = saved(tmp_path / "whole.pt", {"fc.weight": torch.zeros(3, 4)}).read_bytes()
    (tmp_path / "half.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.safetensors").write_text("hello, this is no header")
    for name in ("lone.pt", "old.pt", "half.pt", "text.safetensors", "none.pt"):
        assert outline(tmp_path / name) is None

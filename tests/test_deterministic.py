"""--deterministic: what torch is told on a GPU, what is refused there, and that a CPU needs none of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from collapse_cli.cli import main
from collapse_cli.deterministic import WORKSPACE, deterministic, ready
from collapse_cli.errors import CollapseError

GPU = torch.device("cuda")  # named only: nothing here needs one


def flags() -> tuple[bool, bool, bool]:
    cudnn = torch.backends.cudnn
    return torch.are_deterministic_algorithms_enabled(), cudnn.deterministic, cudnn.benchmark


def test_on_a_gpu_deterministic_algorithms_alone_and_then_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKSPACE, raising=False)
    before = flags()
    with deterministic(True, GPU):
        assert flags() == (True, True, False)
        assert os.environ[WORKSPACE] == ":4096:8"
    assert flags() == before


@pytest.mark.parametrize(("enabled", "device"), [(True, torch.device("cpu")), (False, GPU)])
def test_a_cpu_and_an_ordinary_training_are_left_alone(enabled: bool, device: torch.device) -> None:
    before = flags()
    with deterministic(enabled, device):
        assert flags() == before


def test_a_workspace_that_rules_it_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKSPACE, ":0:0")
    with pytest.raises(CollapseError, match="CUBLAS_WORKSPACE_CONFIG") as refused:
        ready(True, GPU)
    assert refused.value.hint == "unset CUBLAS_WORKSPACE_CONFIG"


def test_an_operation_without_a_deterministic_form_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torch words it; the flags are as before, and other errors pass."""
    monkeypatch.delenv(WORKSPACE, raising=False)
    before = flags()
    said = (
        "grid_sampler_2d_backward_cuda does not have a deterministic implementation, but you set "
        "'torch.use_deterministic_algorithms(True)'."
    )
    with (
        pytest.raises(CollapseError, match="grid_sampler_2d_backward_cuda has no deterministic form on cuda"),
        deterministic(True, GPU),
    ):
        raise RuntimeError(said)
    assert flags() == before
    with pytest.raises(RuntimeError, match="shapes"), deterministic(True, GPU):
        raise RuntimeError("shapes differ")


def test_it_changes_no_bit_on_a_cpu_and_is_recorded(tmp_path: Path) -> None:
    """A resumed run stays what it was."""
    command = ["train", "moco", "--epochs", "1", "--quiet", "--device", "cpu"]
    assert main([*command, "--out", str(tmp_path / "plain")]) == 0
    assert main([*command, "--out", str(tmp_path / "same"), "--deterministic"]) == 0
    plain, same = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("plain", "same")
    )
    assert plain.keys() == same.keys()
    tensors = [(plain["method"][name], same["method"][name]) for name in plain["method"]]
    assert all(torch.equal(first, second) for first, second in tensors)
    assert main(["train", "--resume", str(tmp_path / "same"), "--epochs", "2", "--quiet"]) == 0
    recorded = {name: json.loads((tmp_path / name / "run.json").read_text()) for name in ("plain", "same")}
    assert [recorded[name]["deterministic"] for name in ("plain", "same")] == [False, True]

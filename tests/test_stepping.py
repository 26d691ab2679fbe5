"""A step as it is computed on a GPU: compiled parts stand in and leave no trace, weights laid out for it keep their numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from collapse_cli import stepping
from collapse_cli.analysis.training import fresh
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.models.key_encoder import follow, slow_copy
from collapse_cli.runs import checkpoint
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.settings import resolve
from collapse_cli.shapes import Batch, Images
from collapse_cli.training import train

SMALL = {"encoder": "mlp", "dim": 8, "queue": 32, "batch": 16, "epochs": 2}


def begun(images: Images, **given: Any) -> Checkpoint:
    return fresh(resolve("moco", SMALL | given), images)


def losses(ready: Checkpoint, images: Images) -> list[float]:
    course = train(ready.method, images, ready.normalisation, ready.run.training, ready.state)
    return [epoch.loss for epoch in course]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`torch.compile` counts how often what it made is called, and compiles nothing."""
    called: list[str] = []

    def compiler(function: Callable[..., Any], **given: Any) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            called.append(type(getattr(function, "__self__", None)).__name__)
            return function(*args)

        return run

    monkeypatch.setattr(torch, "compile", compiler)
    return called


def test_compiled_parts_stand_in_within_a_step_and_nowhere_else(images: Images, calls: list[str]) -> None:
    """MoCo's four: encoder and projector of queries and of keys, in each of 6 steps of 2 epochs; none when it is measured."""
    plain, compiled = begun(images), begun(images, compile=True)
    calls.clear()  # of the sample that is tried first
    expected = losses(plain, images)
    assert calls == []
    assert losses(compiled, images) == expected
    assert calls == ["Sequential"] * 4 * 6 * 2
    ours, theirs = plain.method.state_dict(), compiled.method.state_dict()
    assert list(theirs) == list(ours)  # and no `_orig_mod`
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert all("forward" not in vars(part) for part in compiled.method.modules())


def test_a_step_that_fails_leaves_the_networks_as_they_were(images: Images, calls: list[str]) -> None:
    ready = begun(images, compile=True)
    method: Any = ready.method
    loss_of = stepping.ready(method, ready.run.training, ready.state.optimizer)
    broken = Batch(torch.zeros(3), torch.zeros(3), torch.arange(3), None, ready.state.generator)
    with pytest.raises((RuntimeError, IndexError)):
        loss_of(broken)
    assert all("forward" not in vars(part) for part in method.modules())


def test_where_nothing_can_be_compiled_it_is_said_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*args: Any, **given: Any) -> Any:
        raise RuntimeError("\nno C++ compiler was found\nmore")

    monkeypatch.setattr(torch, "compile", broken)
    assert main(["train", "moco", "--compile", "--epochs", "1", "--out", str(tmp_path / "run")]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert "torch cannot compile for cpu here (no C++ compiler was found)" in shown
    assert "train without --compile" in shown
    assert not (tmp_path / "run").exists()


def test_a_run_that_was_compiled_goes_on_without(
    images: Images, calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(tmp_path / "run")
    small = ["--encoder", "mlp", "--quiet"]
    assert main(["train", "moco", "--compile", "--epochs", "1", *small, "--out", folder]) == 0
    calls.clear()
    again = ["train", "moco", "--resume", folder, "--epochs", "2", "--set", "compile=false", "--quiet"]
    assert main(again) == 0
    assert calls == []


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_channels_last_changes_no_number(optimizer: str, images: Images, tmp_path: Path) -> None:
    """Not of the weights, nor of what the optimizer keeps; both are then laid out alike, and a checkpoint takes them back."""
    ready = begun(images, encoder="convnet", optimizer=optimizer, lr=1e-3, epochs=1)
    losses(ready, images)
    before = copy.deepcopy((ready.method.state_dict(), ready.state.optimizer.state_dict()["state"]))
    stepping.channels_last(ready.method, ready.state.optimizer)
    checkpoint.save(tmp_path / "c.pt", ready)
    loaded = checkpoint.load(tmp_path / "c.pt")
    last = [p for p in ready.state.parameters if p.dim() == 4]
    assert last
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in last)
    for parameter, kept in ready.state.optimizer.state.items():
        for value in kept.values():
            if isinstance(value, Tensor) and value.dim():
                assert value.stride() == parameter.stride()
    for state in (ready, loaded):
        weights, moments = state.method.state_dict(), state.state.optimizer.state_dict()["state"]
        assert all(torch.equal(weights[name], before[0][name]) for name in weights)
        assert all(
            torch.equal(moments[place][name], value) if isinstance(value, Tensor) else moments[place][name] == value
            for place, kept in before[1].items()
            for name, value in kept.items()
        )  # fmt: skip


def test_the_slow_copy_follows_as_the_loop_over_its_weights_does(generator: torch.Generator) -> None:
    """All at once and one by one: the same bits, for any momentum."""
    fast = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Linear(7, 3))
    slow = slow_copy(fast)
    with torch.no_grad():
        for weight in fast.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator))
    for momentum in (0.0, 0.3, 0.99, 1.0):
        expected = [
            theirs.lerp(ours, 1 - momentum)
            for theirs, ours in zip(slow.parameters(), fast.parameters(), strict=True)
        ]
        follow(slow, fast, momentum)
        assert all(
            torch.equal(theirs, other) for theirs, other in zip(slow.parameters(), expected, strict=True)
        )
    follow(nn.Identity(), nn.Identity(), 0.5)


@pytest.mark.slow
def test_a_compiled_training_is_the_same_up_to_rounding(images: Images, tmp_path: Path) -> None:
    """With a real compiler; half a minute. A checkpoint of it goes on without, and its weights are a plain run's to 1e-4."""
    plain = begun(images)
    try:
        compiled = begun(images, compile=True)
    except CollapseError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    assert losses(compiled, images) == pytest.approx(losses(plain, images), rel=1e-4)
    ours, theirs = plain.method.state_dict(), compiled.method.state_dict()
    for name in ours:
        torch.testing.assert_close(theirs[name], ours[name], rtol=1e-4, atol=1e-4)
    checkpoint.save(tmp_path / "c.pt", compiled)
    assert list(checkpoint.load(tmp_path / "c.pt").method.state_dict()) == list(ours)

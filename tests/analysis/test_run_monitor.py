"""The monitor of our own trainings: from which state it goes on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from collapse_cli.analysis.run_monitor import monitored
from collapse_cli.analysis.training import fresh
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.record import Record
from collapse_cli.settings import resolve
from collapse_cli.shapes import Images

State = dict[str, Any]


def begun(images: Images, name: str = "moco") -> Checkpoint:
    queue = {"queue": 64} if name == "moco" else {}
    return fresh(resolve(name, {"batch": 32, "encoder": "mlp", "dim": 8, **queue}), images)


@pytest.fixture
def saved(images: Images, tmp_path: Path) -> State:
    """The state of a monitor that has looked at steps 1 to 12 of a spread z, with a warning."""
    checkpoint = monitored(begun(images), Record(tmp_path), 1, print)
    generator = torch.Generator().manual_seed(0)
    assert checkpoint.observer is not None
    for _ in range(12):
        checkpoint.observer.update(torch.randn(32, 8, generator=generator))
    state = checkpoint.observer.state_dict(rows=False)
    return {**state, "warned": [["late loss of rank", 9, {"effective_rank": 2.0}]]}


def resumed(images: Images, folder: Path, observed: Any) -> State:
    """The state that a monitor begins with where 12 steps are done."""
    checkpoint = begun(images)
    checkpoint.state.taken = 12
    observer = monitored(replace(checkpoint, observed=observed), Record(folder), 1, print).observer
    assert observer is not None
    return observer.state_dict(rows=False)


def test_a_sound_state_is_gone_on_from(images: Images, tmp_path: Path, saved: State) -> None:
    state = resumed(images, tmp_path, saved)
    assert (state["step"], state["alarm"], state["warned"]) == (12, saved["alarm"], saved["warned"])
    assert torch.equal(state["origin"], saved["origin"])
    assert Record(tmp_path).facts()["collapse"][0]["kind"] == "late loss of rank"


def put(*names: Any, value: Any) -> Callable[[State], Any]:
    """Change what stands under these names."""

    def change(state: State) -> State:
        part = state
        for name in names[:-1]:
            part = part[name]
        part[names[-1]] = value
        return state

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda _: None, lambda _: 7, lambda _: [], lambda _: {}, lambda state: {**state, "more": 1},
        put("version", value=99), put("step", value=11), put("step", value="12"), put("alarm", value=None),
        put("alarm", "ranks", value=["x"] * 9), put("alarm", "first", value="x"), put("alarm", "since", value=[1]),
        put("alarm", "scale", value=None), put("alarm", "more", value=1), put("origin", value=[1.0]),
        put("origin", value=torch.full((8,), torch.nan)), put("origin", value=torch.zeros(8, 8)),
        put("origin", value=torch.zeros(8, dtype=torch.long)), put("origin", value=torch.zeros(7)),
        put("warned", value=[7]), put("warned", value=[["?", 1, {}]]), put("warned", 0, 2, value={"x": "y"}),
        put("rows", value=[1]), put("first", value={"step": 1}),
    ],
)  # fmt: skip
def test_a_state_that_no_monitor_gave_begins_anew_at_this_step(
    images: Images, tmp_path: Path, saved: State, change: Callable[[State], Any]
) -> None:
    """Of 12 steps it knows that they were done, and nothing else; the next look raises nothing."""
    state = resumed(images, tmp_path, change(copy.deepcopy(saved)))
    assert (state["step"], state["origin"], state["warned"], state["alarm"]["first"]) == (12, None, [], None)


def test_levels_are_those_of_the_run(images: Images, tmp_path: Path) -> None:
    """A queue of 64 keys has ln 65; three classes ln 3."""
    for name, level in (("moco", {"ln(K+1)": 65}), ("supervised", {"ln(prototypes)": 3})):
        checkpoint = monitored(begun(images, name), Record(tmp_path / name), 1, print)
        assert checkpoint.observer is not None
        checkpoint.observer.update(torch.randn(32, 8))
        line = (tmp_path / name / "monitor.jsonl").read_text().splitlines()[0]
        for key, count in level.items():
            assert f'"{key}": {torch.tensor(float(count), dtype=torch.float64).log().item()!r}'[:20] in line


def test_never_and_other_processes_have_none(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert monitored(begun(images), Record(tmp_path), 0, print).observer is None
    monkeypatch.setenv("RANK", "1")
    assert monitored(begun(images), Record(tmp_path), 1, print).observer is None

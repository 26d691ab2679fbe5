"""collapse train looks for collapse while it trains, as a CollapseMonitor in anybody's loop does."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from collapse_cli import stepping
from collapse_cli.cli import main
from collapse_cli.runs import checkpoint as checkpoints
from tests.processes import drawn

Capture = pytest.CaptureFixture[str]
COLLAPSING = ["train", "positive-only", "--epochs", "9", "--encoder", "mlp", "-q", "--out"]


def lines(folder: Path, *events: str) -> list[dict[str, Any]]:
    every = map(json.loads, (folder / "monitor.jsonl").read_text().splitlines())
    return [line for line in every if not events or line["event"] in events]


def collapse(folder: Path) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads((folder / "run.json").read_text())["collapse"]
    return told


def stopped_at(patch: pytest.MonkeyPatch, count: int) -> None:
    """Ctrl-C in the step after so many."""
    steps, step = iter(range(10**6)), stepping.accumulated

    def accumulated(*arguments: Any) -> Any:
        if next(steps) < count:
            return step(*arguments)
        raise KeyboardInterrupt

    patch.setattr(stepping, "accumulated", accumulated)


@pytest.fixture(scope="module")
def collapsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A training that collapses, and what it said on stderr. 9 epochs of 21 steps."""
    folder = tmp_path_factory.mktemp("runs") / "collapsed"
    with pytest.MonkeyPatch.context() as patch:
        told: list[str] = []
        patch.setattr("collapse_cli.commands.train.warn", told.extend)
        assert main([*COLLAPSING, str(folder)]) == 0
    return folder, "\n".join(told)


def test_a_collapse_is_told_once_recorded_and_stops_nothing(
    collapsed: tuple[Path, str], capsys: Capture
) -> None:
    """At step 1 and every tenth it looks; each kind of collapse is one warning, in monitor.jsonl, run.json and on stderr."""
    folder, told = collapsed
    begin, *rest = lines(folder)
    assert (begin["event"], begin["step"], begin["every"], begin["world"]) == ("begin", 0, 10, 1)
    assert [line["step"] for line in lines(folder, "look")] == [1, *range(10, 181, 10)]
    assert rest[-1] == {"schema": 1, "event": "end", "step": 189, "status": "complete"}
    warned = lines(folder, "warning")
    assert "complete collapse" in {line["kind"] for line in warned}
    assert collapse(folder) == [{name: line[name] for name in ("kind", "step", "message")} for line in warned]
    assert told.splitlines() == [line["message"] for line in warned]
    capsys.readouterr()
    assert main(["inspect", str(folder)]) == 0
    assert f"warned           {warned[0]['message'][:30]}" in capsys.readouterr().out
    look = lines(folder, "look")[-1]
    assert (look["samples"], look["dimensions"], look["finite"]) == (64, 64, True)
    assert all(isinstance(look[name], float) for name in ("alignment", "rank_h", "loss", "variance"))


def test_a_warning_is_a_line_on_stderr_under_quiet_too(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "r"
    assert main(["train", "positive-only", "--lr", "1e30", "--epochs", "1", "--out", str(out), "-q"]) == 2
    first, second, _ = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: Not finite at step 10.")
    assert second.startswith("collapse: the loss was nan")
    assert lines(out, "end") == [{"schema": 1, "event": "end", "step": 21, "status": "failed"}]
    assert [line["kind"] for line in collapse(out)] == ["not finite"]


def test_no_bit_changes_by_it(collapsed: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = collapsed
    assert main([*COLLAPSING, str(tmp_path / "alone"), "--monitor-every", "0"]) == 0
    assert not (tmp_path / "alone" / "monitor.jsonl").exists()
    assert "collapse" not in json.loads((tmp_path / "alone" / "run.json").read_text())
    ours, theirs = (torch.load(each / "checkpoint.pt") for each in (folder, tmp_path / "alone"))
    assert set(ours) - set(theirs) == {"observer"}
    assert torch.equal(ours["generator"], theirs["generator"])
    for part in ("method", "optimizer"):
        assert_equal(ours[part], theirs[part])


def assert_equal(ours: Any, theirs: Any) -> None:
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert_equal(ours[name], theirs[name])
    else:
        assert torch.equal(ours, theirs) if isinstance(ours, torch.Tensor) else ours == theirs


@pytest.mark.parametrize("after", [7, 115])
def test_a_resumed_run_decides_as_the_one_that_never_stopped(
    collapsed: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Stopped in its first epoch, and where a sign has held for some time; what was seen after the checkpoint is seen again."""
    folder, out = collapsed[0], tmp_path / "twice"
    with monkeypatch.context() as patch:
        stopped_at(patch, after)
        assert main([*COLLAPSING, str(out)]) == 130
    assert lines(out, "end") == [{"schema": 1, "event": "end", "step": after, "status": "stopped"}]
    assert main(["train", "positive-only", "--resume", str(out), "-q"]) == 0
    assert lines(out, "look", "warning") == lines(folder, "look", "warning")
    assert [line["status"] for line in lines(out, "end")] == ["complete"]
    assert collapse(out) == collapse(folder)


def test_a_run_saved_within_an_epoch_goes_on_so_too(
    collapsed: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved after every step by the clock: nothing of what was seen is lost."""
    folder, out = collapsed[0], tmp_path / "twice"
    with monkeypatch.context() as patch:
        stopped_at(patch, 33)
        assert main([*COLLAPSING, str(out), "--checkpoint-minutes", "1e-9"]) == 130
    seen = lines(out, "look", "warning")
    assert main(["train", "positive-only", "--resume", str(out), "-q"]) == 0
    assert lines(out, "look", "warning") == lines(folder, "look", "warning")
    assert lines(out, "look", "warning")[: len(seen)] == seen
    assert [line["status"] for line in lines(out, "end")] == ["stopped", "complete"]


def test_a_run_of_an_earlier_version_is_looked_at_from_where_it_goes_on(
    run: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Its checkpoint holds no state of a monitor: the first look is at step 50, and the alarm knows that it saw none before."""
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    content = torch.load(copy / "checkpoint.pt")
    del content["observer"]
    torch.save(content, copy / "checkpoint.pt")
    (copy / "monitor.jsonl").unlink()
    assert main(["train", "--resume", str(copy), "--epochs", "3", "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert [(line["event"], line["step"]) for line in lines(copy)] == [
        ("begin", 49), ("look", 50), ("look", 60), ("end", 63),
    ]  # fmt: skip
    assert torch.load(copy / "checkpoint.pt")["observer"]["alarm"]["first"] == 50


def test_a_checkpoint_without_looks_is_read_by_whoever_measures(run: Path) -> None:
    """What the monitor keeps is small: numbers and one row, no embeddings."""
    saved = checkpoints.load(run / "checkpoint.pt").observed
    assert saved["step"] == 42
    assert saved["rows"] == []
    assert saved["origin"].shape == (64,)


def test_tensorboard_has_the_looks_too(tmp_path: Path, capsys: Capture) -> None:
    """The points of a curve there are the looks of monitor.jsonl."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    out = tmp_path / "r"
    assert main(["train", "--epochs", "1", "--encoder", "mlp", "--tensorboard", "--out", str(out), "-q"]) == 0
    events = accumulator.EventAccumulator(str(out / "tensorboard")).Reload()
    points = [(event.step, event.value) for event in events.Scalars("collapse/variance")]
    looks = lines(out, "look")
    assert [step for step, _ in points] == [line["step"] for line in looks]
    assert [value for _, value in points] == pytest.approx([line["variance"] for line in looks], rel=1e-6)
    assert main(["train", "--out", str(out), "--overwrite", "--tensorboard", "--monitor-every", "0"]) == 2
    assert "nothing to write" in capsys.readouterr().err
    assert (out / "tensorboard").is_dir(), "nothing was deleted"


def test_without_tensorboard_it_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert main(["train", "--tensorboard", "--out", str(tmp_path / "r")]) == 2
    assert "pip install 'collapse-cli[tensorboard]'" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_on_a_terminal_a_warning_stands_above_the_live_table(tmp_path: Path) -> None:
    """In a pseudo-terminal: the line is there in plain letters, and what rich draws reaches the terminal as it is."""
    ours, theirs = pty.openpty()
    words = [
        "train",
        "positive-only",
        "--lr",
        "1e30",
        "--epochs",
        "1",
        "--encoder",
        "mlp",
        "--out",
        str(tmp_path / "r"),
    ]
    started = subprocess.Popen(
        [sys.executable, "-m", "collapse_cli", *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        text = drawn(ours).decode(errors="replace")
        assert started.wait(timeout=120) == 2
    finally:
        started.kill()
        os.close(ours)
    assert "warning: Not finite at step 10." in text
    assert "\\x1b" not in text, "no order to the terminal is shown as an escape"
    assert "\x1b[?25h" in text

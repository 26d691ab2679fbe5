"""`collapse train --steps`: how long it is, what its folder says, and how it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collapse_cli.cli import main
from collapse_cli.runs.record import Record

Capture = pytest.CaptureFixture[str]


def history(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_a_run_of_steps_ends_within_a_pass_and_goes_on(tmp_path: Path, capsys: Capture) -> None:
    """Digits are 1,347 images, 21 steps of 64: 30 steps are a pass and 9 steps more, 50 one pass of 20 beyond that."""
    out = tmp_path / "r"
    assert main(["train", "moco", "--steps", "30", "--warmup", ".5", "-q", "--out", str(out)]) == 0
    settings = Record(out).settings().training
    assert (settings.steps, settings.epochs) == (30, 2)
    assert [line["epochs"] for line in history(out)] == [2, 2]
    capsys.readouterr()
    assert main(["inspect", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epoch"] == 2
    assert main(["train", "--resume", str(out), "-q"]) == 2
    assert "has completed its 30 steps" in capsys.readouterr().err
    assert main(["train", "--resume", str(out), "-q", "--epochs", "5"]) == 2
    assert "only --steps can change" in capsys.readouterr().err
    assert main(["train", "--resume", str(out), "-q", "--steps", "50"]) == 0
    assert [line["number"] for line in history(out)] == [1, 2, 3]
    assert Record(out).settings().training.epochs == 3
    assert main(["causes", str(out), "--json"]) == 0


def test_both_lengths_are_refused(tmp_path: Path, capsys: Capture) -> None:
    assert main(["train", "moco", "--steps", "3", "--epochs", "1", "--out", str(tmp_path / "r")]) == 2
    assert "--epochs and --steps exclude each other" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_the_plan_of_accumulated_batches(tmp_path: Path, capsys: Capture) -> None:
    """1,347 images in steps of 4 batches of 64 are 5 steps, and 67 images are left."""
    line = ["train", "moco", "--accumulate", "4", "--epochs", "2", "--optimizer", "lars", "--dry-run"]
    assert main([*line, "--out", str(tmp_path / "r")]) == 0
    plan = capsys.readouterr().out
    for wanted in (
        "steps_per_epoch = 5",
        "steps = 10",
        "images_left_out_of_each_epoch = 67",
        'optimizer = "lars"',
    ):
        assert wanted in plan

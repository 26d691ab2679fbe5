"""How far a run got, as its folder and its checkpoint say it, and as every command that reads it says it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collapse_cli import training
from collapse_cli.analysis import glance
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.inspection import facts
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.cli import main
from collapse_cli.runs import lock
from collapse_cli.runs.foreign import Choices
from collapse_cli.runs.record import Record
from collapse_cli.stage import Stage

FEW = Measuring(samples=50)
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """A copy of a run of two epochs."""
    return Path(shutil.copytree(run, tmp_path / "run"))


def told(folder: Path, **changes: Any) -> None:
    """Change what run.json says."""
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Stage("done", 40, 40), ""),
        (Stage("unknown", 40, 40), ""),
        (Stage("interrupted", 12, 40), "after 12 of 40 epochs"),
        (Stage("running", 0, 40), "no epoch of 40 is completed"),
        (Stage("failed", 0, 40, "the loss was nan"), "no epoch of 40 is completed; the training failed: the loss was nan"),
        (Stage("failed", 12, 40), "after 12 of 40 epochs; the training failed"),
        (Stage("killed", 12, 40), "after 12 of 40 epochs; the training was killed"),
        (Stage("killed", 40, 40), ""),
    ],
)  # fmt: skip
def test_in_words(stage: Stage, said: str) -> None:
    assert stage.in_words == said


def test_a_run_that_is_done(run: Path) -> None:
    subject = load(run, FEW)
    assert subject.stage == Stage("done", 2, 2)
    assert (subject.facts["epoch"], subject.facts["epochs"], subject.facts["status"]) == (2, 2, "done")
    assert not any("epochs" in line for line in subject.story)


@pytest.mark.parametrize("damage", ["{torn", "[]", '{"status": 7}', '{"status": "lost"}', "\xff", None])
def test_a_run_json_that_is_missing_or_damaged(damage: str | None, copied: Path) -> None:
    """The checkpoint still says how far it got."""
    (copied / "run.json").unlink()
    if damage is not None:
        (copied / "run.json").write_text(damage, encoding="latin-1")
    assert load(copied, FEW).stage == Stage("unknown", 2, 2)
    assert len(load(copied, FEW).history()) == 2
    Record(copied).say(status="done")
    assert load(copied, FEW).stage == Stage("done", 2, 2)


def test_a_checkpoint_outside_of_its_folder(copied: Path, tmp_path: Path) -> None:
    """Nothing beside it is taken for its own: neither another run's folder, nor its own under another name."""
    told(copied, status="failed")
    alone = tmp_path / "alone" / "checkpoint.pt"
    alone.parent.mkdir()
    for place in (alone, copied / "best.pt"):
        shutil.copy(copied / "checkpoint.pt", place)
        assert load(place, FEW).stage == Stage("unknown", 2, 2)
    (alone.parent / "run.json").write_text('{"status": "failed"}')
    assert load(alone, FEW).stage == Stage("unknown", 2, 2)


def test_a_resumed_run_plans_more_than_its_checkpoint(copied: Path) -> None:
    """Until its next epoch is completed, the checkpoint holds the settings of before."""
    record = Record(copied)
    path = copied / "settings.toml"
    path.write_text(path.read_text().replace("epochs = 2\n", "epochs = 5\n"))
    record.say(status="running")
    with lock.claimed(copied):
        subject = load(copied, FEW)
        assert subject.stage == Stage("running", 2, 5)
        assert "  after 2 of 5 epochs" in subject.story
        path.write_text("torn [")
        assert load(copied, FEW).stage == Stage("running", 2, 2)


def test_a_run_whose_process_is_gone(copied: Path, capsys: Capture) -> None:
    """run.json says that it is running, and nothing holds its lock: it was killed, and every command says so.

    A folder without a lock is of an earlier version, which may be training still.
    """
    path = copied / "settings.toml"
    path.write_text(path.read_text().replace("epochs = 2\n", "epochs = 5\n"))
    told(copied, status="running")
    subject = load(copied, FEW)
    assert subject.stage == Stage("killed", 2, 5)
    assert "  after 2 of 5 epochs; the training was killed" in subject.story
    assert subject.facts["status"] == facts(copied, Choices())["status"] == "killed"
    assert glance.facts(copied) == facts(copied, Choices())
    assert main(["inspect", str(copied)]) == main(["diagnose", str(copied), "--samples", "200"]) == 0
    shown = capsys.readouterr().out
    assert "status           killed" in shown
    assert "the training was killed" in " ".join(shown.split())
    with lock.claimed(copied):
        assert facts(copied, Choices())["status"] == "running"
        assert glance.facts(copied) == facts(copied, Choices())
    (copied / ".lock").unlink()
    assert load(copied, FEW).stage == Stage("running", 2, 5)


def test_history_beyond_the_checkpoint_is_not_its_own(copied: Path) -> None:
    """A run killed between the line of an epoch and its checkpoint."""
    line = Record(copied).history()[-1] | {"number": 3, "loss": 99.0}
    with (copied / "history.jsonl").open("a") as lines:
        lines.write(json.dumps(line) + "\n")
    assert [one["number"] for one in load(copied, FEW).history()] == [1, 2]


Losses = Callable[[int], None]


@pytest.fixture
def lost_after(monkeypatch: pytest.MonkeyPatch) -> Losses:
    """Training whose loss is nan once so many epochs of 21 steps are done."""

    def lose(epochs: int) -> None:
        step, done = training.stepping.accumulated, []

        def stepped(*given: Any) -> Any:
            done.append(1)
            return step(*given) * (float("nan") if len(done) > 21 * epochs else 1)

        monkeypatch.setattr(training.stepping, "accumulated", stepped)

    return lose


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_run_that_diverges(epochs: int, lost_after: Losses, tmp_path: Path, capsys: Capture) -> None:
    """Its checkpoint is that of the last epoch whose loss was finite; resumed, it goes on from there and is done."""
    folder = tmp_path / "run"
    with pytest.MonkeyPatch.context():
        lost_after(epochs)
        assert main(["train", "moco", "--epochs", "3", "--out", str(folder), "-q"]) == 2
    assert "nan" in capsys.readouterr().err
    subject = load(folder, FEW)
    assert subject.stage == Stage("failed", epochs, 3, f"the loss was nan in epoch {epochs + 1}")
    assert any(line.strip() == subject.stage.in_words for line in subject.story)
    assert subject.training["stage"] == subject.stage
    assert facts(folder, Choices())["status"] == "failed"
    assert bool(subject.looks_untrained("z")) is (epochs == 0)


def test_any_error_is_a_failure_and_resuming_forgets_it(
    copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(training.stepping, "accumulated", broken)
    assert main(["train", "--resume", str(copied), "--epochs", "3", "-q"]) == 70
    assert load(copied, FEW).stage == Stage("failed", 2, 3, "ZeroDivisionError()")
    monkeypatch.undo()
    assert main(["train", "--resume", str(copied), "--epochs", "3", "-q"]) == 0
    assert load(copied, FEW).stage == Stage("done", 3, 3)
    capsys.readouterr()


def test_no_run_plans_no_epoch(tmp_path: Path, capsys: Capture) -> None:
    assert main(["train", "moco", "--epochs", "0", "--out", str(tmp_path / "run")]) == 2
    assert "--epochs cannot be 0" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_was_measured_before_a_run_failed_is_measured_again(copied: Path, capsys: Capture) -> None:
    """The checkpoint is the same, what is to be said of it is not."""
    argv = ["check", str(copied), "--samples", "200"]
    for status, words in (("done", "measured"), ("done", "read from"), ("failed", "measured")):
        told(copied, status=status)
        main(argv)
        assert words in capsys.readouterr().err

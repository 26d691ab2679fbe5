"""monitor.jsonl: whole lines of strict JSON, whatever happened before, and one clear error where it cannot be written."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch

import collapse_cli as collapse
from collapse_cli.errors import CollapseError
from collapse_cli.runs.monitor_lines import MonitorLines
from tests.analysis.test_monitor import fed


def lines(folder: Path) -> list[dict[str, Any]]:
    def refused(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    texts = (folder / "monitor.jsonl").read_text().splitlines()
    return [json.loads(text, parse_constant=refused) for text in texts]


def test_the_events_of_a_training(tmp_path: Path) -> None:
    """A batch of 32 whose loss is ln 32, the second time nan."""
    with collapse.CollapseMonitor(
        every=2, folder=tmp_path, on_collapse=lambda warned: None, queue=63, prototypes=10
    ) as m:
        fed(m, 1, loss=math.log(32) + 5e-4)
        fed(m, 1, loss=math.nan)
    begin, look, other, warning, end = lines(tmp_path)
    chance = {
        "ln B": math.log(32),
        "ln(2B-1)": math.log(63),
        "ln(K+1)": math.log(64),
        "ln(prototypes)": math.log(10),
    }
    assert begin == {
        "schema": 1,
        "event": "begin",
        "step": 0,
        "every": 2,
        "world": 1,
        "chance": pytest.approx(chance),
    }
    assert (look["event"], look["step"], look["chance_level"], look["alignment"]) == ("look", 1, "ln B", None)
    assert set(look) == {"schema", "event", "chance_level", *(vars(m.last_look) or {})}
    assert (other["step"], other["loss"], other["finite"], other["variance"]) == (2, None, False, None)
    assert warning["kind"] == "not finite"
    assert warning["message"].startswith("Not finite at step 2. ")
    assert end == {"schema": 1, "event": "end", "step": 2, "status": "complete"}


@pytest.mark.parametrize(
    ("error", "status"), [(None, "complete"), (ValueError, "failed"), (KeyboardInterrupt, "stopped")]
)
def test_how_it_ended(error: type[BaseException] | None, status: str, tmp_path: Path) -> None:
    model = torch.nn.Linear(4, 3)

    def work() -> None:
        with collapse.CollapseMonitor.watch(model, folder=tmp_path):
            model(torch.rand(8, 4))
            if error is not None:
                raise error

    if error is None:
        work()
    else:
        with pytest.raises(error):
            work()
    assert [line["event"] for line in lines(tmp_path)] == ["begin", "look", "end"]
    assert lines(tmp_path)[-1]["status"] == status


def test_a_training_that_goes_on_begins_again(tmp_path: Path) -> None:
    """After a line that was torn, which is ended first; steps go on."""
    one = collapse.CollapseMonitor(every=5, folder=tmp_path)
    fed(one, 7)
    with (tmp_path / "monitor.jsonl").open("a") as file:
        file.write('{"schema": 1, "ev')
    other = collapse.CollapseMonitor(every=5, folder=tmp_path)
    other.load_state_dict(one.state_dict())
    fed(other, 5)
    other.close("stopped")
    other.close()
    texts = (tmp_path / "monitor.jsonl").read_text().splitlines()
    assert texts.pop(3) == '{"schema": 1, "ev'
    events = [json.loads(text) for text in texts]
    assert [(each["event"], each["step"]) for each in events] == [
        ("begin", 0), ("look", 1), ("look", 5), ("begin", 9), ("look", 10), ("end", 12),
    ]  # fmt: skip
    assert events[-1]["status"] == "stopped"


def test_a_line_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads meanwhile sees no half of it, for it is appended in one call; and nobody waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda opened: pytest.fail("waits for the disk"))
    written = MonitorLines(tmp_path)
    written.write("look", 3, {"loss": math.inf, "scale": 1.5})
    assert (tmp_path / "monitor.jsonl").read_bytes() == (
        b'{"schema": 1, "event": "look", "step": 3, "loss": null, "scale": 1.5}\n'
    )


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CollapseError, match=r"folder=.* cannot be made"):
        collapse.CollapseMonitor(folder=tmp_path / "file")
    (tmp_path / "monitor.jsonl").mkdir()
    with pytest.raises(CollapseError, match="it is no ordinary file"):
        collapse.CollapseMonitor(folder=tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CollapseError, match="read-only"):
        collapse.CollapseMonitor(folder=tmp_path / "run")


def test_a_disk_that_fails_stops_no_training(tmp_path: Path) -> None:
    """It is told once, and the looks go on."""
    monitor = collapse.CollapseMonitor(every=1, folder=tmp_path)
    fed(monitor, 1)
    (tmp_path / "monitor.jsonl").unlink()
    (tmp_path / "monitor.jsonl").mkdir()
    with pytest.warns(UserWarning, match="nothing more of the training is recorded"):
        fed(monitor, 1)
    fed(monitor, 1)
    assert monitor.step == 3

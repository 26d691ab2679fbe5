"""In somebody's loop there is no run, no file and no option: what is advised, and what happens where it fails or ends early."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import collapse_cli as collapse
from collapse_cli.analysis.run_monitor import monitored
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.advice_loop import Held, in_a_loop
from collapse_cli.runs.record import Record
from collapse_cli.shapes import Images
from tests.analysis.test_monitor import fed, noise
from tests.analysis.test_monitor_judging import OFFSET, healthy, seen, text
from tests.analysis.test_run_monitor import begun
from tests.metrics.test_verdict import evidence


def narrow(step: int) -> torch.Tensor:
    """(64, 16): 3 of 16 directions, and a little of the others."""
    return noise(64, 16, seed=step) * torch.tensor([1.0] * 3 + [0.01] * 13)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda: seen(*(torch.ones(64, 16) for _ in range(9))), "Look at what repels embeddings"),
        (lambda: seen(*(healthy(s, OFFSET) for s in range(9)), after=0), "subtract the mean"),
        (lambda: seen(*(healthy(s, OFFSET * (s > 3)) for s in range(12))), "as z2="),
        (lambda: seen(*(healthy(s) for s in range(9))), "Ask again as the training goes on"),
        (lambda: seen(*(narrow(s) for s in range(9))), "give the representation, too, as h="),
    ],
    ids=["one point", "offset", "a common part", "healthy", "few dimensions"],
)  # fmt: skip
def test_what_is_advised_can_be_done_in_a_loop(result: Any, words: str) -> None:
    """No RUN and no INPUT to be typed, and no option of a command."""
    whole = result()
    verdicts = [entry.verdict for entry in whole if entry.verdict]
    said = " ".join(" ".join((v.sentence, *v.findings, *v.advice)) for v in verdicts)
    assert words in said
    assert not any(
        word in said + text(whole) for word in ("RUN", "INPUT", "--centre", "--second", "Measure more")
    )


def test_more_embeddings_are_more_batches() -> None:
    """33 active directions of 64, 31 to 35: of a small sample 640 are wanted, which 20 batches of 32 are."""
    open_spectrum = evidence(n=256, active=33, around=(31, 35))
    (advised,) = in_a_loop("inconclusive", open_spectrum, Context(loop=True), Held(32, 8, 8))
    assert advised.startswith("Give window=20, so that about 640 embeddings are judged")
    (advised,) = in_a_loop("inconclusive", open_spectrum, Context(loop=True), Held(32, 5, 8))
    assert advised.endswith("and 5 of 8 batches are there.")


def test_a_sink_that_fails_ends_no_training() -> None:
    """It is told once, and called again."""
    called = []

    def sink(numbers: dict[str, Any]) -> None:
        called.append(numbers["step"])
        raise ConnectionError("no\nnetwork")

    monitor = collapse.CollapseMonitor(every=1, sink=sink)
    with pytest.warns(UserWarning, match="The sink") as warned:
        fed(monitor, 5)
    assert called == [1, 2, 3, 4, 5]
    assert [str(each.message) for each in warned] == [
        "The sink of the monitor failed at step 1, and the training goes on: ConnectionError: no network"
    ]
    assert warned[0].filename.endswith("test_monitor.py")  # the line of the loop


def test_embeddings_without_numbers_are_refused() -> None:
    monitor = collapse.CollapseMonitor(every=1)
    monitor.update(torch.empty(32, 8, device="meta"))  # whose numbers are read at the next look
    with pytest.raises(CollapseError, match="z is on the meta device") as refused:
        monitor.update(torch.empty(32, 8, device="meta"))
    assert "on a CPU or a GPU" in refused.value.hint


def near_one_point(monitor: collapse.CollapseMonitor, steps: int, recovers: bool = False) -> None:
    """From the second step on all embeddings lie within .1 of where they moved to."""
    for step in range(steps):
        spread = 1.0 if step == 0 or (recovers and step > steps - 5) else 0.1
        monitor.update(spread * noise(32, 8, seed=step) + (5.0 if step else 0.0))


@pytest.mark.parametrize(
    ("steps", "recovers", "told"), [(60, False, True), (49, False, False), (60, True, False)]
)
def test_a_short_training_that_ends_near_one_point_is_told(steps: int, recovers: bool, told: bool) -> None:
    """None is warned of before step 150; at the end it is told what has held in the second half of 50 steps or more."""
    monitor = collapse.CollapseMonitor(every=1)
    near_one_point(monitor, steps, recovers)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        monitor.close()
        monitor.close()
    assert len(caught) == told
    remark = next(iter(monitor.compute().warnings))
    if told:
        assert str(caught[0].message) == remark
        assert remark.startswith(f"After {steps} steps no collapse at the start can be warned of yet.")
        assert "since step 2 " in remark
    else:
        assert f"The last look was at step {steps}, and warnings" in remark
        assert "begin after step 130" in remark


def test_a_longer_training_has_no_such_remark() -> None:
    monitor = collapse.CollapseMonitor(every=1)
    fed(monitor, 131)
    assert not any("warnings of a collapse of direction" in remark for remark in monitor.compute().warnings)


def chance(folder: Path) -> Any:
    """The levels that the first line of monitor.jsonl lists."""
    return json.loads((folder / "monitor.jsonl").read_text().splitlines()[0])["chance"]


def test_a_loss_without_a_chance_level_has_none(tmp_path: Path) -> None:
    """Neither in the file nor in the verdict, though the loss is ln 32."""
    monitor = collapse.CollapseMonitor(every=1, folder=tmp_path, contrastive=False)
    fed(monitor, 4, loss=math.log(32))
    assert chance(tmp_path) == {}
    assert "chance level" not in monitor.compute().table()


@pytest.mark.parametrize(
    ("method", "levels"), [("vicreg", False), ("barlow-twins", False), ("simsiam", False), ("moco", True)]
)
def test_runs_of_losses_without_a_chance_level_list_none(
    method: str, levels: bool, images: Images, tmp_path: Path
) -> None:
    observer = monitored(begun(images, method), Record(tmp_path), 1, print).observer
    assert observer is not None
    observer.update(noise(32, 8))
    assert bool(chance(tmp_path)) == levels

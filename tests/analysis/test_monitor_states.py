"""Looks of one state alone are judged together; and while z is near one point, nothing is called healthy."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import collapse_cli as collapse
from tests.analysis.test_monitor import noise
from tests.analysis.test_monitor_judging import text


def fallen(monitor: collapse.CollapseMonitor, steps: int, after: int, h: bool = False) -> None:
    """Spread out until step `after`; then all z lie within .1 of a point 5 from where they were, and h is spread out as ever."""
    for step in range(1, steps + 1):
        z = noise(64, 8, seed=step) if step <= after else 0.1 * noise(64, 8, seed=step) + 5.0
        monitor.update(z, h=noise(64, 12, seed=1000 + step) if h else None)


def judged(
    every: int, steps: int, after: int, h: bool = False
) -> tuple[collapse.CollapseMonitor, collapse.Result]:
    monitor = collapse.CollapseMonitor(every=every, on_collapse=lambda warned: None)
    fallen(monitor, steps, after, h)
    return monitor, monitor.compute()


@pytest.mark.parametrize("h", [False, True])
def test_the_start_is_not_pooled_with_a_collapse(h: bool) -> None:
    """Step 1 and step 50 of a training that collapses in between: 64 embeddings of the latter are judged, and none is healthy."""
    _, result = judged(50, 70, 10, h)
    assert result.status == "inconclusive"
    assert "64 embeddings of 1 batch, step 50" in text(result)
    assert "z has been near one point since step 50 " in text(result)
    assert "A collapse is called after 150 such steps; so far 0." in text(result)
    assert "look oftener from the first step on: every=10" in text(result)


@pytest.mark.parametrize("h", [False, True])
def test_a_collapse_that_is_waited_for_heads_the_answer(h: bool) -> None:
    """Low since step 20, and told after 150 steps, or later: till then neither space is healthy."""
    monitor, result = judged(10, 140, 10, h)
    assert not monitor.warned
    assert result.status == "inconclusive"
    assert "z has been near one point since step 20 " in text(result)
    assert "A collapse is called after 150 such steps; so far 120." in text(result)
    assert "every=10" not in text(result)
    monitor, result = judged(10, 200, 10, h)
    assert result.status == "complete collapse"


def test_it_is_waited_for_less_once_the_embeddings_had_spread() -> None:
    """After 200 steps of it the alarm is armed; that the scale has fallen, too, is told beside it."""
    _, result = judged(10, 240, 210)
    assert "since step 220 " in text(result)
    assert "after 80 such steps; so far 20" in text(result)


def test_looks_before_a_fall_are_left_out() -> None:
    """Six looks are spread out and two are not: the two are judged."""
    _, result = judged(10, 260, 240)
    assert result.status == "inconclusive"
    assert "128 embeddings of 2 batches, steps 250 to 260" in text(result)
    assert any("6 looks are left out, before step 250" in warning for warning in result.warnings)


def left(*batches: Tensor, h: list[Tensor] | None = None) -> int:
    """How many of these batches, with one before them, are judged."""
    monitor = collapse.CollapseMonitor(every=1, window=32, on_collapse=lambda warned: None)
    monitor._course.step = 100
    for step, z in enumerate(batches):
        monitor.update(z, h=h[step] if h else None)
    return int(monitor.compute().to_dict()["results"][0]["settings"]["batches"])


def test_which_looks_are_of_one_state() -> None:
    """A rank, a scale, or a rank of h that changes ends a state; 10 steps after the start, the start does."""
    wide, narrow = [noise(64, 16, seed=step) for step in range(8)], torch.tensor([1.0] * 4 + [0.01] * 12)
    assert left(*wide) == 8
    assert left(*(z * narrow if step > 4 else z for step, z in enumerate(wide))) == 3
    assert left(*(z * (0.1 if step > 4 else 1) for step, z in enumerate(wide))) == 3
    assert left(*(z * (0.5 if step > 4 else 1) for step, z in enumerate(wide))) == 8
    assert left(*wide, h=[z * narrow if step > 5 else z for step, z in enumerate(wide)]) == 2
    assert left(*(z[:8] * (0.1 if step > 4 else 1) for step, z in enumerate(wide))) == 8  # too few to say
    assert left(*wide, *wide[:3]) == 11
    assert left(*wide, *wide[:4]) == 11


def test_a_warning_is_made_of_sentences() -> None:
    """No variable of an example, and a full stop before what to ask."""
    with pytest.warns(UserWarning, match="collapse at step") as warned:
        fallen(collapse.CollapseMonitor(every=10), 200, 10)
    (said,) = [str(each.message) for each in warned]
    assert said.endswith(
        " What this means: collapse explain complete-collapse. Ask monitor.compute(), which judges the embeddings of the last "
        "batches, with its reasons."
    )

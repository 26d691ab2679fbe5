"""The alarm on looks that were recorded in real trainings on digits, of those that its constants were chosen on."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from collapse_cli.metrics.alarm import Alarm, Warned
from collapse_cli.metrics.looks import Look

TRACES = Path(__file__).with_name("alarm_traces.npz")  # tests/benchmarks/alarm_judge.py --keep
HEALTHY = (
    "moco, temperature .05",
    "mochi, lr .2",
    "mochi, lr .2 after a warm-up",
    "memory-bank, temperature .05",
    "byol, lr .1",
)
COLLAPSED = {
    "byol, stop-gradient removed after 200": ("complete collapse", 200),
    "simsiam, predictor removed after 200": ("complete collapse", 200),
    "positive-only": ("complete collapse", 0),
    "end-to-end, lengths penalised after 200": ("collapse of scale", 200),
    "memory-bank, two directions after 300": ("late loss of rank", 300),
}


def looks(name: str, every: int = 1) -> list[Look]:
    with numpy.load(TRACES) as kept:
        rows = kept[name].T.tolist()
    return [
        Look(step, 64, 64, True, scale, variance, top_share, 0.0, line_cosine, effective_rank)
        for step, (scale, variance, top_share, line_cosine, effective_rank) in enumerate(rows, 1)
        if step == 1 or step % every == 0
    ]


def warnings(seen: list[Look]) -> list[Warned]:
    alarm = Alarm()
    return [warned for look in seen if (warned := alarm.update(look))]


@pytest.mark.parametrize("every", [1, 10, 50])
@pytest.mark.parametrize("name", HEALTHY)
def test_a_hard_start_that_turns_out_well_is_silent(name: str, every: int) -> None:
    """Variance down to .002 and a line of .98 at step 20, which a look alone cannot distinguish from a collapse."""
    assert warnings(looks(name, every)) == []


@pytest.mark.parametrize("every", [1, 10, 50])
@pytest.mark.parametrize("name", COLLAPSED)
def test_a_planted_collapse_is_found_within_200_steps(name: str, every: int) -> None:
    kind, switch = COLLAPSED[name]
    first = warnings(looks(name, every))[0]
    assert first.kind == kind
    assert switch < first.step <= switch + 200


def test_a_monitor_that_begins_late_without_a_state_says_so() -> None:
    """From step 130 on the collapsed embeddings look as healthy ones do, for they are measured from where they are."""
    alarm = Alarm()
    for look in looks("positive-only")[130:]:
        alarm.update(look)
    assert "began at step 131" in alarm.unjudged()[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "given", "collapses"),
    [("positive-only", {"encoder": "mlp"}, True), ("moco", {"encoder": "mlp", "lr": 0.1}, False)],
)
def test_whole_trainings(method: str, given: dict[str, object], collapses: bool) -> None:
    """As tests/benchmarks/alarm.py records them, with a seed that it does not use: the verdict in eval mode is the alarm's."""
    from collapse_cli import data
    from tests.benchmarks.alarm import recorded
    from tests.benchmarks.alarm_judge import look
    from tests.benchmarks.alarm_scenes import Scene
    from tests.benchmarks.alarm_truth import collapsed

    images, held_out = (data.load("digits", split) for split in ("train", "test"))
    scene = Scene("start" if collapses else "healthy", method, dict(given), 220, 9000)
    traces, evaluations = recorded(scene, images, held_out, False)
    seen = warnings([look(row) for row in traces["plain"]])
    assert bool(collapsed(evaluations, 0, 220)) == collapses
    assert [warned.kind for warned in seen] == ["complete collapse"] * collapses

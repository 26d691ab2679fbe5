"""What can be said of a training that ends before an alarm can decide: no warning, and no silence that means anything.

A rule for the end of short trainings, tried on the recorded ones (tests/benchmarks/ALARM.md), cut off at step 50 to 149 and
looked at every step, every 10th and every 25th: it tells 75 to 86 of 88 that collapse at their start, and 0 to 5 of 380 healthy
ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from collapse_cli.metrics.alarm import Alarm
from collapse_cli.metrics.looks import Look

EARLY = 50  # steps, before which healthy trainings, too, have not left their start
STILL = 1.3  # times its lowest value: variance that is above rises


def earliest(alarm: Alarm) -> int:
    """The first step at which a collapse of direction or of rank can be warned of."""
    constants = alarm.constants
    armed = constants.spread_steps + min(constants.fallen_held, constants.line_held)
    return min(constants.start_held, armed, constants.rank_from + constants.rank_held)


def still_at_start(alarm: Alarm, last: Look) -> tuple[int, float] | None:
    """The step since which variance has been small, and what it is at the last look.

    None where it has not been small in all of the second half of at least EARLY steps, where it rises, or after a warning.
    """
    state = alarm.state
    since = state.since.get("low")
    if since is None or state.warned or last.step < EARLY or since > max(last.step // 2, 1):
        return None
    return None if last.variance > STILL * state.lowest["low"] else (since, last.variance)


@dataclass(frozen=True)
class NearOnePoint:
    """All embeddings have pointed almost one way, measured from the start, for `steps` steps since step `since`, and have a
    variance of `variance`; after `held` steps a collapse is warned of, or None where it has been warned of before."""

    since: int
    steps: int
    variance: float
    held: int | None


def near_one_point(alarm: Alarm, last: Look) -> NearOnePoint | None:
    """What the last look shows of it; None where its variance is not small. Where it rises, the time begins with this look."""
    constants, state = alarm.constants, alarm.state
    half = (last.step - (state.first or 0)) // 2
    name, bound, held = ("low", constants.start, max(constants.start_held, half))
    if alarm.armed:
        name, bound, held = "fallen", constants.fallen, constants.fallen_held
    if not last.variance < bound:
        return None
    since = state.since.get(name, last.step)
    known = "complete collapse" in state.warned
    return NearOnePoint(since, last.step - since, last.variance, None if known else held)

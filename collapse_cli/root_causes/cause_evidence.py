"""A network, and what is known of its training -> the evidence for every cause of its collapse that it can be asked about."""

from __future__ import annotations

from typing import Any

from collapse_cli.metrics import causes
from collapse_cli.metrics.augmentation import NORMAL_95
from collapse_cli.metrics.causes import Cause
from collapse_cli.root_causes import STRENGTHS, Case, Trained, steps
from collapse_cli.root_causes.forces import forces
from collapse_cli.root_causes.queues import keys, negatives


def diagnose(case: Case) -> list[Cause]:
    """Every cause that this network can be asked about, those found first."""
    asked: list[Cause | None] = [augmented(case)]
    if case.trained is not None:
        idle = steps.unlearned(case, case.trained)
        if idle is not None and idle.detected(case.std_sqrt_d):
            return [idle]  # all else is asked of what has learned
        asked += [idle, *learned(case, case.trained)]
    found = causes.ranked(asked, case.std_sqrt_d)
    if case.trained is not None and not causes.first(found, case.std_sqrt_d):
        found = causes.ranked([*found, steps.unfinished(case, case.trained)], case.std_sqrt_d)
    return found


def learned(case: Case, trained: Trained) -> list[Cause | None]:
    """The causes that a network with a training behind it is asked about."""
    apart = forces(case, trained)
    few = any(one is not None and one.effect == "few dimensions" and one.times >= 1 for one in apart)
    asked = [*apart, *steps.steps(case, trained, few), *keys(case, trained)]
    return asked if case.is_a_point else [*asked, deep(case), *negatives(case, trained)]


def augmented(case: Case) -> Cause:
    """What is left of an image in its views, before or after training, where more is."""
    best: Any = max([one.recognised for one in (case.now, case.before) if one], key=float)
    low, high = best.interval
    return causes.strong_augmentation(best, (high - low) / (2 * NORMAL_95), case.strength, milder(case))


def milder(case: Case) -> float:
    """The strongest augmentation below the run's own whose views are recognised before training, or now of another library's."""
    swept = zip(STRENGTHS, case.along_before or case.along, strict=True)
    mild = [at for at, one in swept if at < case.strength and one.recognised >= causes.RECOGNISED]
    return mild[-1] if mild else case.strength / 2


def deep(case: Case) -> Cause | None:
    """The projector's linear layers in a row: their product against each of them."""
    found: Any = case.chain
    if found is None:
        return None
    return causes.deep_linear(found.layers, int(found.together), int(found.together.null), int(found.poorest))

"""A network, and what is known of its training -> the evidence for every cause of its collapse that it can be asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collapse_cli.metrics import causes
from collapse_cli.metrics.augmentation import NORMAL_95
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.causes_images import few_images, one_class
from collapse_cli.metrics.image_words import fault
from collapse_cli.root_causes import STRENGTHS, Case, Trained, steps
from collapse_cli.root_causes.forces import forces
from collapse_cli.root_causes.queues import keys, negatives


def diagnose(case: Case) -> list[Cause]:
    """Every cause that this network can be asked about, those found first."""
    data = list(of_data(case))
    if fault(case.image_set):
        return data  # views of one image tell nothing of the augmentation, nor of anything else
    candidates: list[Cause | None] = [augmented(case)]
    if case.trained is not None:
        idle = steps.unlearned(case, case.trained)
        if idle is not None and idle.detected(case.std_sqrt_d):
            return [*data, idle]  # all else is asked of what has learned
        candidates += [idle, *learned(case, case.trained)]
    ranked = causes.ranked(candidates, case.std_sqrt_d)
    unexplained = case.status != "healthy" and not causes.first(ranked, case.std_sqrt_d)
    if case.trained is not None and unexplained:
        ranked = causes.ranked([*ranked, steps.unfinished(case, case.trained)], case.std_sqrt_d)
    return [*data, *ranked]


def of_data(case: Case) -> Iterator[Cause]:
    """The images and labels of the training as a cause; others, that are only measured, are none."""
    if case.learned_from:
        found = few_images(case.image_set, case.space.shape[1]), one_class(case.one_label)
        yield from (cause for cause in found if cause)


def learned(case: Case, trained: Trained) -> list[Cause | None]:
    """The causes that a network with a training behind it is asked about."""
    apart = forces(case, trained)
    few = any(cause is not None and cause.effect == "few dimensions" and cause.times >= 1 for cause in apart)
    candidates = [*apart, *steps.steps(case, trained, few), *keys(case, trained)]
    return candidates if case.is_a_point else [*candidates, deep(case), *negatives(case, trained)]


def augmented(case: Case) -> Cause:
    """What is left of an image in its views, before or after training, where more is."""
    best: Any = max(
        [augmentation.recognised for augmentation in (case.now, case.before) if augmentation], key=float
    )
    low, high = best.interval
    return causes.strong_augmentation(best, (high - low) / (2 * NORMAL_95), case.strength, milder(case))


def milder(case: Case) -> float:
    """The strongest augmentation below the run's own whose views are recognised before training, or now of another library's."""
    swept = zip(STRENGTHS, case.along_before or case.along, strict=True)
    mild = [
        at
        for at, augmentation in swept
        if at < case.strength and augmentation.recognised >= causes.RECOGNISED
    ]
    return mild[-1] if mild else case.strength / 2


def deep(case: Case) -> Cause | None:
    """The projector's linear layers in a row: their product against each of them."""
    chain: Any = case.chain
    if chain is None:
        return None
    return causes.deep_linear(chain.layers, int(chain.together), int(chain.together.null), int(chain.poorest))

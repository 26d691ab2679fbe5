"""A map of modes and quality over the balance of D and G."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from collapse_cli.commands.gan_goal import Goal
from collapse_cli.commands.gan_training import said
from collapse_cli.results import entry
from collapse_cli.settings import Gan

RATIOS, D_STEPS = (
    (0.2, 1.0, 2.0, 5.0, 10.0),
    (1, 2, 4),
)  # D's rate as a multiple of G's; its steps for each of G


def balanced(name: str, own: Gan, goal: Goal, seeds: Sequence[int], quiet: bool) -> dict[str, Any]:
    """Modes and quality at every balance of D and G. All rates and seeds are one training, for each number of D's steps."""
    from collapse_cli.labs.cures import chosen
    from collapse_cli.labs.gan import Lab
    from collapse_cli.metrics.modes import balance, best
    from collapse_cli.views.progress import steps

    cures, runs = chosen(name), [(ratio, seed) for ratio in RATIOS for seed in seeds]
    found = []
    with steps(name, len(D_STEPS), enabled=not quiet) as advance:
        for count in D_STEPS:
            mine = replace(own, d_steps=count)
            lab = Lab(goal.target, mine, cures, [seed for _, seed in runs], [ratio for ratio, _ in runs])
            (end,) = lab.train([own.steps])
            found.append(end.samples.unflatten(0, (len(RATIOS), len(seeds))))
            advance(1)
    whole = balance(found, goal.target.anchors, D_STEPS, RATIOS)
    settings = {
        key: value for key, value in said(own, cures, seeds).items() if key not in ("lr_ratio", "d_steps")
    }
    return entry(name, whole, settings=settings, verdict=best(whole, goal.target.anchors.count))

"""One cure of the GAN lab, trained with all seeds at once and measured along the way and at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from statistics import mean
from typing import TYPE_CHECKING, Any

from collapse_cli.commands.gan_goal import Goal
from collapse_cli.errors import CollapseError
from collapse_cli.results import Curve, Frames, entry
from collapse_cli.settings import Gan

if TYPE_CHECKING:
    from torch import Tensor

    from collapse_cli.labs.gan import Lab, Snapshot
    from collapse_cli.labs.targets import Target
    from collapse_cli.metrics.modes import Modes

POINTS, ALL = (32, 256), 26 * 256  # of each frame, the fewest and the most; of all frames together
SAID = ("target", "loss", "steps", "lr", "lr_ratio", "d_steps")  # settings that stand in every answer


def compared(
    name: str, own: Gan, goal: Goal, seeds: Sequence[int], frames: int, quiet: bool
) -> dict[str, Any]:
    """One cure, trained with all seeds at once and measured over them."""
    from collapse_cli.labs.cures import chosen
    from collapse_cli.labs.gan import Lab
    from collapse_cli.metrics.modes import modes, over, verdict

    cures = chosen(name)
    looks = sorted({round(own.steps * look / (frames - 1)) for look in range(frames)})
    began = time.perf_counter()
    snapshots = _trained(name, Lab(goal.target, own, cures, seeds), looks, seeds, quiet)
    took = time.perf_counter() - began
    anchors = goal.target.anchors
    perfect = modes(goal.perfect, goal.real, anchors)
    found = over([modes(one, goal.real, anchors) for one in snapshots[-1].samples], perfect)
    held, quality = _courses(snapshots, goal, perfect)
    whole = replace(
        found,
        held_course=held,
        quality_course=quality,
        cloud=_cloud(snapshots, goal.target),
        pictures=_pictures(snapshots[-1].samples[0]) if own.target == "digits" else None,
        seconds=took / len(seeds),
    )
    judged = verdict(whole, anchors.count, goal.target.perfect)
    return entry(name, whole, settings=said(own, cures, seeds), verdict=judged)


def _trained(name: str, lab: Lab, looks: Sequence[int], seeds: Sequence[int], quiet: bool) -> list[Snapshot]:
    """Every look along the training. Raises CollapseError where a run has diverged."""
    from collapse_cli.views.progress import steps

    snapshots = []
    with steps(name, len(looks), enabled=not quiet) as advance:
        for snapshot in lab.train(looks):
            for seed, samples in zip(seeds, snapshot.samples, strict=True):
                if not samples.isfinite().all():
                    raise CollapseError(
                        f"the GAN ({name}, seed {seed}) has diverged: after {snapshot.step} steps G gives nan or infinity",
                        "lower --lr or --lr-ratio",
                    )
            snapshots.append(snapshot)
            advance(1)
    return snapshots


def _courses(snapshots: Sequence[Snapshot], goal: Goal, perfect: Modes) -> tuple[Curve, Curve]:
    """Modes and quality over the steps, mean over seeds, beside what a perfect sampler keeps up."""
    from collapse_cli.metrics.modes import HELD, captured, high_quality

    anchors, at = goal.target.anchors, [one.step for one in snapshots]

    def course(measure: Callable[[Tensor], float], best: float) -> Curve:
        means = [mean(measure(samples) for samples in one.samples) for one in snapshots]
        return Curve(means, at, [best] * len(at))

    return (
        course(lambda one: captured(one, anchors, HELD), perfect.held),
        course(lambda one: high_quality(one, anchors), goal.target.perfect),
    )


def _cloud(snapshots: Sequence[Snapshot], target: Target) -> Frames:
    """Some samples of the first seed, the same z in every frame, in the plane that shows the target best."""
    from collapse_cli.labs.targets import centres, plane

    flat = plane(target)
    points = max(POINTS[0], min(POINTS[1], ALL // len(snapshots)))
    clouds = [(one.samples[0, :points] @ flat).round(decimals=3).tolist() for one in snapshots]
    return Frames(clouds, [one.step for one in snapshots], (centres(target) @ flat).tolist())


def _pictures(samples: Tensor) -> list[list[float]]:
    """The first 32 of samples (N,64) in four rows of eight: (4*9, 8*9) grey values from 0 to 1, nan between the pictures."""
    from torch.nn.functional import pad

    framed = pad(
        samples[:32].clamp(0, 1).unflatten(1, (8, 8)), (0, 1, 0, 1), value=float("nan")
    )  # (32, 9, 9)
    laid = framed.unflatten(0, (4, 8)).transpose(1, 2)  # (row, pixel row, column, pixel column)
    mosaic: list[list[float]] = laid.reshape(36, 72).round(decimals=3).tolist()
    return mosaic


def said(own: Gan, cures: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """The settings that matter to an answer: the main ones, those of its cures, and those that are not the defaults."""
    from collapse_cli.labs.cures import CURES
    from collapse_cli.labs.gan import SHOWN

    of_cures = {name for names in CURES.values() for name in names}
    usual, every = asdict(Gan()), asdict(own)
    main = {n: v for n, v in every.items() if n not in of_cures and (n in SAID or v != usual[n])}
    mine = {name: every[name] for one in cures for name in CURES[one]}
    return main | {"N": SHOWN, "seeds": len(seeds), "seed": seeds[0]} | ({"with": mine} if mine else {})

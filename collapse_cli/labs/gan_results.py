"""What is measured of a GAN of the lab: modes and quality along its training and at its end, and over the balance of D and G."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import mean

import torch
from torch import Tensor
from torch.nn.functional import pad

from collapse_cli.errors import CollapseError
from collapse_cli.labs.gan import SHOWN, GanLab, Snapshot
from collapse_cli.labs.gan_cures import chosen
from collapse_cli.labs.gan_targets import Target, centres, plane
from collapse_cli.metrics.modes import HELD, Balance, Modes, balance, captured, high_quality, modes, over
from collapse_cli.progress import Progress, silent
from collapse_cli.settings import Gan
from collapse_cli.values import Curve, Frames

POINTS, ALL = (32, 256), 26 * 256  # of each frame, the fewest and the most; of all frames together
RATIOS = (0.2, 1.0, 2.0, 5.0, 10.0)  # D's rate as a multiple of G's
D_STEPS = (1, 2, 4)  # its steps for each of G


@dataclass(frozen=True)
class Goal:
    """What a GAN is held against: a target, real samples (N,d), and others (N',d) as a perfect sampler would give them."""

    target: Target
    real: Tensor
    perfect: Tensor

    def perfect_modes(self) -> Modes:
        """The numbers of the perfect sampler, measured as those of a generator are."""
        return modes(self.perfect, self.real, self.target.anchors)


def drawn_goal(target: Target) -> Goal:
    """Real samples and those of a perfect sampler, drawn from the target itself."""
    generator = torch.Generator().manual_seed(0)
    return Goal(target, target.draw(SHOWN, generator), target.draw(SHOWN, generator))


def trained(
    cure: str, settings: Gan, goal: Goal, seeds: Sequence[int], frames: int, progress: Progress = silent
) -> Modes:
    """One cure, or several joined by +, trained with all seeds at once and measured over them, with `frames` looks on the way.

    Raises CollapseError for an unknown cure, and where a run has diverged.
    """
    frames = min(frames, settings.steps + 1)  # no step is looked at twice
    looks = sorted({round(settings.steps * look / (frames - 1)) for look in range(frames)})
    lab, began = GanLab(goal.target, settings, chosen(cure), seeds), time.perf_counter()
    snapshots = _watched(cure, lab, looks, seeds, progress)
    took = time.perf_counter() - began
    perfect, samples = goal.perfect_modes(), snapshots[-1].samples
    held, quality = _courses(snapshots, goal, perfect)
    return replace(
        over([modes(run, goal.real, goal.target.anchors) for run in samples], perfect),
        held_course=held,
        quality_course=quality,
        cloud=_cloud(snapshots, goal.target),
        images=_mosaic(samples[0]) if settings.target == "digits" else None,
        seconds=took / len(seeds),
    )


def balances(
    cure: str, settings: Gan, goal: Goal, seeds: Sequence[int], progress: Progress = silent
) -> Balance:
    """Modes and quality at every balance of D and G. All rates and seeds are one training, for each number of D's steps."""
    cures, runs = chosen(cure), [(ratio, seed) for ratio in RATIOS for seed in seeds]
    ends = []
    progress(cure, 0, len(D_STEPS))
    for count in D_STEPS:
        ratios, run_seeds = zip(*runs, strict=True)
        lab = GanLab(goal.target, replace(settings, d_steps=count), cures, run_seeds, ratios)
        (end,) = lab.train([settings.steps])
        ends.append(end.samples.reshape(len(RATIOS), len(seeds), *end.samples.shape[1:]))
        progress(cure, len(ends), len(D_STEPS))
    return balance(ends, goal.target.anchors, D_STEPS, RATIOS)


def _watched(
    cure: str, lab: GanLab, looks: Sequence[int], seeds: Sequence[int], progress: Progress
) -> list[Snapshot]:
    """Every look along the training. Raises CollapseError where a run has diverged."""
    snapshots: list[Snapshot] = []
    progress(cure, 0, len(looks))
    for snapshot in lab.train(looks):
        for seed, samples in zip(seeds, snapshot.samples, strict=True):
            if not samples.isfinite().all():
                raise CollapseError(
                    f"the GAN ({cure}, seed {seed}) has diverged: after {snapshot.step} steps G "
                    "returns nan or infinity",
                    "lower --lr or --lr-ratio",
                )
        snapshots.append(snapshot)
        progress(cure, len(snapshots), len(looks))
    return snapshots


def _courses(snapshots: Sequence[Snapshot], goal: Goal, perfect: Modes) -> tuple[Curve, Curve]:
    """Modes and quality over the steps, mean over seeds, beside what a perfect sampler keeps up."""
    anchors, at = goal.target.anchors, [snapshot.step for snapshot in snapshots]

    def course(measure: Callable[[Tensor], float], best: float) -> Curve:
        means = [mean(measure(samples) for samples in snapshot.samples) for snapshot in snapshots]
        return Curve(means, at, [best] * len(at))

    return (
        course(lambda samples: captured(samples, anchors, HELD), perfect.held),
        course(lambda samples: high_quality(samples, anchors), goal.target.perfect),
    )


def _cloud(snapshots: Sequence[Snapshot], target: Target) -> Frames:
    """Some samples of the first seed, the same z in every frame, in the plane that shows the target best."""
    flat = plane(target)
    points = max(POINTS[0], min(POINTS[1], ALL // len(snapshots)))
    clouds = [(snapshot.samples[0, :points] @ flat).round(decimals=3).tolist() for snapshot in snapshots]
    return Frames(clouds, [snapshot.step for snapshot in snapshots], (centres(target) @ flat).tolist())


def _mosaic(samples: Tensor) -> list[list[float]]:
    """The first 32 of samples (N,64) in four rows of eight: (4*9, 8*9) grey values from 0 to 1, nan between the images."""
    images = samples[:32].clamp(0, 1).reshape(32, 8, 8)
    framed = pad(images, (0, 1, 0, 1), value=float("nan"))  # (32, 9, 9)
    laid = framed.reshape(4, 8, 9, 9).transpose(1, 2)  # (row, pixel row, column, pixel column)
    mosaic: list[list[float]] = laid.reshape(36, 72).round(decimals=3).tolist()
    return mosaic

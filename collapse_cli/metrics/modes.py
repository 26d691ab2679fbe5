"""Mode collapse: how many modes of a known target a generator reaches, and how good its samples are. Neither says the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from collapse_cli.answers import Verdict
from collapse_cli.metrics.coverage_balls import prdc
from collapse_cli.metrics.rows import sound
from collapse_cli.metrics.vendi import vendi
from collapse_cli.results import curve, frames, matrix, number
from collapse_cli.values import Curve, Frames, Matrix, Measured

HELD = 0.01  # of all samples that a mode must hold to count as more than touched
PAIRED = 1000  # samples of each set that are compared pair by pair
TOLD_APART = 500  # samples of which the distinct ones are counted
PERFECT = "perfect sampler"
NEAREST = "every sample is counted at its nearest mode; uniform weights"
PAIRS = f"up to {PAIRED} real and {PAIRED} generated samples, Euclidean, k 5"


@dataclass(frozen=True)
class Anchors:
    """Where the modes are: rows (A,d), the mode of each (A,) in 0..M-1, and how near a good sample is to the nearest."""

    rows: Tensor
    modes: Tensor
    reach: float

    @property
    def count(self) -> int:
        return int(self.modes.max()) + 1


def nearest(generated: Tensor, anchors: Anchors) -> tuple[Tensor, Tensor]:
    """Samples (N,d) -> the mode of each one's nearest anchor (N,), and whether it lies strictly within reach (N,).

    Raises CollapseError for samples that are not finite.
    """
    distances = torch.cdist(sound(generated), anchors.rows.double()).min(dim=1)
    return anchors.modes[distances.indices], distances.values < anchors.reach


def captured(generated: Tensor, anchors: Anchors, share: float = 0.0) -> int:
    """Modes with a sample (N,d) within reach and, of all N, at least this share of them: 0..M."""
    mode, good = nearest(generated, anchors)
    held = torch.bincount(mode[good], minlength=anchors.count)  # (M,)
    return int(((held > 0) & (held >= share * len(generated))).sum())


def high_quality(generated: Tensor, anchors: Anchors) -> float:
    """Share of the samples (N,d) that lie within reach of an anchor; 98.9 % of a perfect sampler's lie within 3 std in 2-d."""
    return float(nearest(generated, anchors)[1].double().mean())


def shares(generated: Tensor, anchors: Anchors) -> Tensor:
    """(M,) the part of the samples (N,d) whose nearest anchor is of each mode; sums to 1."""
    mode, _ = nearest(generated, anchors)
    return torch.bincount(mode, minlength=anchors.count) / len(generated)


def reverse_kl(generated: Tensor, anchors: Anchors) -> float:
    """KL(shares || uniform) = log M - H(shares) in nats: 0 where all modes are equally often hit, log M for a single one."""
    part = shares(generated, anchors).double()
    return math.log(anchors.count) - float(-torch.special.xlogy(part, part).sum())


@dataclass(frozen=True)
class Modes:
    """Modes and quality of a generator, mean over seeds [lowest, highest]."""

    held: float = number(
        f"modes with at least {HELD:.0%} of all samples within reach", label="modes ≥ 1 %",
        headline=True, axis="x", better="high", low=0,
    )  # fmt: skip
    touched: float = number("modes with at least one sample within reach", label="modes ≥ 1 sample", low=0)
    near: float = number(
        "modes to which at least 1 % of all samples are nearer than to any other, within reach or not",
        label="modes near ≥ 1 %", low=0,
    )  # fmt: skip
    high_quality: float = number(
        "samples within reach of a mode: 3 standard deviations of a Gaussian; for images, as "
        "near as 95 % of the real ones are to another real one",
        unit="share", label="high quality", headline=True, axis="y", better="high", low=0, high=1,
    )  # fmt: skip
    reverse_kl: float = number(
        "KL(share of each mode || uniform), log M for a single mode", unit="nats", label="reverse KL", convention=NEAREST,
        headline=True, better="low", low=0,
    )  # fmt: skip
    precision: float = number(
        "share of generated samples in the ball of a real one", unit="share", convention=PAIRS, low=0, high=1
    )
    recall: float = number(
        "share of real samples in the ball of a generated one", unit="share", convention=PAIRS, low=0, high=1
    )
    density: float = number("real balls that a generated sample lies in, over k", convention=PAIRS, low=0)
    coverage: float = number(
        "share of real samples whose ball contains a generated one", unit="share", convention=PAIRS, better="high", low=0, high=1
    )  # fmt: skip
    vendi: float = number(
        "effective number of distinct samples", label="Vendi score", unit="samples",
        convention=f"up to {TOLD_APART} generated samples, Gaussian kernel as wide as a mode's reach", low=0,
    )  # fmt: skip
    by_share: Curve | None = curve(
        "share of the samples at each mode, from the largest to the smallest", x="mode, by share", y="share",
        label="shares of the modes", null=PERFECT, low=0, high=1, default=None,
    )  # fmt: skip
    held_course: Curve | None = curve(
        "modes with at least 1 % of the samples, over the training", x="step of G", y="modes",
        label="modes ≥ 1 % over time", null=PERFECT, low=0, default=None,
    )  # fmt: skip
    quality_course: Curve | None = curve(
        "share of high-quality samples, over the training", x="step of G", y="share",
        label="high quality over time", null=PERFECT, low=0, high=1, default=None,
    )  # fmt: skip
    cloud: Frames | None = frames(
        "samples of the first seed over the training, from the same z in every frame",
        at="step",
        label="samples",
        default=None,
    )
    images: Sequence[Sequence[float]] | None = matrix(
        "32 samples of the first seed as images of 8x8 pixels",
        rows="pixel", columns="pixel", low=0, high=1, default=None,
    )  # fmt: skip
    seconds: float | None = number(
        "wall time of a run, with all seeds trained together", unit="s", default=None, low=0
    )


def modes(generated: Tensor, real: Tensor, anchors: Anchors) -> Modes:
    """What one run's samples (N,d) come to, beside real ones (N',d)."""
    compared, part = prdc(real[:PAIRED], generated[:PAIRED]), shares(generated, anchors)
    return Modes(
        captured(generated, anchors, HELD),
        captured(generated, anchors),
        int((part >= HELD).sum()),
        high_quality(generated, anchors),
        reverse_kl(generated, anchors),
        compared.precision,
        compared.recall,
        compared.density,
        compared.coverage,
        vendi(generated[:TOLD_APART], anchors.reach),
        Curve(part.sort(descending=True).values.tolist()),
    )


def over(runs: Sequence[Modes], perfect: Modes) -> Modes:
    """The mean over runs of every number, its interval the lowest and the highest of them; curves beside a perfect sampler's."""
    return Modes(**{
        field.name: _over([getattr(run, field.name) for run in runs], getattr(perfect, field.name))
        for field in fields(Modes) if getattr(runs[0], field.name) is not None
    })  # fmt: skip


def _over(values: Sequence[Any], perfect: Any) -> Any:
    if isinstance(values[0], Curve):
        return Curve(map(mean, zip(*values, strict=True)), values[0].x, perfect)
    return Measured(mean(values), interval=(min(values), max(values)) if len(values) > 1 else None)


@dataclass(frozen=True)
class Balance:
    """Modes over the balance of D and G, mean over seeds."""

    held: Matrix = matrix(
        "modes with at least 1 % of all samples within reach", rows="steps of D for each step of G",
        columns="learning rate of D : of G",
        label="modes ≥ 1 %", low=0,
    )  # fmt: skip
    high_quality: Matrix = matrix(
        "share of the samples within reach of a mode", rows="steps of D for each step of G", columns="learning rate of D : of G",
        label="high quality", low=0, high=1,
    )  # fmt: skip


def balance(
    generated: Sequence[Tensor], anchors: Anchors, d_steps: Sequence[int], ratios: Sequence[float]
) -> Balance:
    """Of samples (ratios, seeds, N, d) for each number of D's steps; nan where a run has diverged."""

    def over_seeds(measure: Callable[[Tensor], float]) -> Matrix:
        rows = [[_sound_mean(measure, cell) for cell in row] for row in generated]
        return Matrix(rows, [f"{steps:g}" for steps in d_steps], [f"{ratio:g}" for ratio in ratios])

    return Balance(
        over_seeds(lambda samples: captured(samples, anchors, HELD)),
        over_seeds(lambda samples: high_quality(samples, anchors)),
    )


def _sound_mean(measure: Callable[[Tensor], float], runs: Tensor) -> float:
    """Over runs (S,N,d); nan if one of them is not finite."""
    return mean(measure(run) for run in runs) if bool(runs.isfinite().all()) else math.nan


MISSED = 0.95
"""Mode collapse where, in the mean over seeds, fewer than this part of the modes have 1 % of all samples near them."""

SHARP = 0.25
"""Blurred where no mode is missed, but fewer samples than this part of a perfect sampler's lie within reach of one."""


def verdict(reached: Modes, count: int, perfect: float) -> Verdict:
    """Of `count` modes, where `perfect` is a perfect sampler's share of good samples."""
    ideal = f"perfect sampler: {100 * perfect:.1f} %"
    good = f"{100 * reached.high_quality:.0f} % of the samples are of high quality ({ideal})"
    held = f"{reached.held:.3g} of {count} modes have at least 1 % of the samples"
    near = f"{reached.near:.3g} of {count} modes have at least 1 % of the samples near them, of high quality or not"
    if reached.near < MISSED * count:
        return Verdict("mode collapse", f"{held}; {good}", (f"{near}: fewer than {100 * MISSED:.0f} %",))
    if reached.high_quality < SHARP * perfect:
        return Verdict("blurred", f"every mode has samples near it; {good}", (held, near))
    return Verdict("all modes", f"{held}; {good}", (near,))


def best(by_setting: Balance, count: int) -> Verdict:
    """Where on the map most of `count` modes are reached, and with how many good samples; of equals the better ones."""
    assert by_setting.held.row_names is not None
    assert by_setting.held.column_names is not None
    cells = [
        (
            held,
            good,
            f"the learning rate of D {ratio} times that of G and {steps} steps of D for each step of G",
        )
        for steps, counts, shares in zip(
            by_setting.held.row_names, by_setting.held, by_setting.high_quality, strict=True
        )
        for ratio, held, good in zip(by_setting.held.column_names, counts, shares, strict=True)
        if math.isfinite(held)
    ]
    if not cells:
        return Verdict("mode collapse", "training has diverged for every setting", ())
    most, least = max(cells), min(cells)
    status: Any = "mode collapse" if most[0] < MISSED * count else "all modes"
    good = f"{100 * most[1]:.0f} % of the samples are of high quality"
    sentence = f"most modes, {most[0]:.3g} of {count}, with {most[2]}: {good}"
    return Verdict(status, sentence, (f"fewest modes, {least[0]:.3g} of {count}, with {least[2]}",))

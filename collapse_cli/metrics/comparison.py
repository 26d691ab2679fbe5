"""Repeated runs compared: means over seeds, differences with their t intervals, and which value is best.

A group is what differs in nothing but its seed; `Repeats` holds one number of each of its runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance
from typing import Literal

from collapse_cli.values import Measured

LEVEL = 0.95  # of the interval of one difference, and of several together where they are simultaneous
TIE = 1e-6  # relative: float32 carries no more, so smaller differences are none

Mark = Literal["apart", "value"]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Repeats:
    """One number of n runs, with the seed of each (None where there is none).

    interval: what a single run measured of its own uncertainty, if it did (a probe's test images).
    """

    values: tuple[float, ...]
    seeds: tuple[int | None, ...]
    interval: Interval | None = None

    @property
    def mean(self) -> float:
        """The one value as it is, so that a number which is the same in every run stays the same."""
        return self.values[0] if len(set(self.values)) == 1 else fmean(self.values)


@dataclass(frozen=True)
class Difference:
    """Mean of a group minus mean of the baseline.

    interval: by a t distribution, None with a single run on a side, and where no run differs from its repeats: a spread of 0 is
    luck.
    paired: by seed; agree: how many of the paired seeds differ with the sign of the mean, None where not paired.
    """

    value: float
    interval: Interval | None
    paired: bool
    agree: int | None


def repeated(group: Repeats) -> Measured:
    """Mean over seeds; interval: mean ± one standard deviation (n - 1 in its denominator), none for a single run."""
    if len(group.values) < 2:
        return Measured(group.mean)
    sd = stdev(group.values)
    return Measured(group.mean, interval=(group.mean - sd, group.mean + sd))


def difference(group: Repeats, baseline: Repeats, together: int = 1) -> Difference:
    """Paired where both have the same seeds, each once; else Welch's.

    together: so many intervals all hold in 95 % of cases or more, whatever the correlation of the numbers (Bonferroni). Far out
    Satterthwaite's degrees of freedom are too many where a few runs scatter more than the others: of several intervals
    together, each has those of the smaller group (Hsu 1938), which are never too many.
    """
    value, level = group.mean - baseline.mean, 1 - (1 - LEVEL) / together
    if not paired(group.seeds, baseline.seeds):
        error, freedom = _welch(group.values, baseline.values)
        least = min(len(group.values), len(baseline.values)) - 1
        return Difference(
            value, _interval(value, error, freedom if together == 1 else least, level), False, None
        )
    each = differences(group, baseline)
    error = stdev(each) / math.sqrt(len(each)) if len(each) > 1 else 0.0
    return Difference(value, _interval(value, error, len(each) - 1, level), True, _agree(each, value))


def paired(seeds: Sequence[int | None], others: Sequence[int | None]) -> bool:
    """Whether every run of either group has one partner of its own seed in the other."""
    once = len(set(seeds)) == len(seeds) == len(others)
    return once and None not in seeds and set(seeds) == set(others)


def differences(group: Repeats, baseline: Repeats) -> list[float]:
    """One for each seed, in the order of the group's."""
    partner = dict(zip(baseline.seeds, baseline.values, strict=True))
    return [value - partner[seed] for value, seed in zip(group.values, group.seeds, strict=True)]


def _agree(each: Sequence[float], mean: float) -> int:
    return sum((value > 0) == (mean > 0) and (value < 0) == (mean < 0) for value in each)


def _welch(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Standard error of the difference of means of unequal variances, and Satterthwaite's degrees of freedom."""
    if min(len(first), len(second)) < 2:
        return 0.0, 0.0
    errors = [variance(values) / len(values) for values in (first, second)]
    if not sum(errors):
        return 0.0, 0.0
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / (len(first) - 1) + errors[1] ** 2 / (len(second) - 1))
    return math.sqrt(sum(errors)), freedom


def _interval(value: float, error: float, freedom: float, level: float) -> Interval | None:
    from scipy.stats import t

    if not error:
        return None
    half = float(t.ppf((1 + level) / 2, freedom)) * error
    return value - half, value + half


def best(groups: Sequence[Repeats | None], better: Literal["high", "low"]) -> list[Mark | None]:
    """A mark for the best group, and for those that cannot be told from it; none at all where that would be every group.

    `apart`: every other group is told from the best by the 95 % interval of their difference. `value`: for one of them
    at least there is no such interval, and the value decides. Not ranked: None among the groups, and single runs where
    two groups or more are repeated.
    """
    several = sum(group is not None and len(group.values) > 1 for group in groups) > 1
    ranked = [group if group and (len(group.values) > 1 or not several) else None for group in groups]
    comparable = [group for group in ranked if group]
    if len(comparable) < 2:
        return [None] * len(groups)
    first = (max if better == "high" else min)(comparable, key=lambda group: group.mean)
    marks = [_mark(group, first) if group else None for group in ranked]
    mark: Mark = "value" if "value" in marks else "apart"
    return [
        mark if group and any(marks) and not by else None for group, by in zip(ranked, marks, strict=True)
    ]


def _mark(group: Repeats, first: Repeats) -> Mark | None:
    """By what a group is told from the best one, if it is."""
    if math.isclose(group.mean, first.mean, rel_tol=TIE):
        return None
    interval = difference(group, first).interval
    if interval is not None:
        return "apart" if interval[0] > 0 or interval[1] < 0 else None
    return None if _within(group, first) or _within(first, group) else "value"


def _within(group: Repeats, other: Repeats) -> bool:
    """Whether a group's value lies in what the other, a single run, says of its own uncertainty."""
    return other.interval is not None and other.interval[0] <= group.mean <= other.interval[1]

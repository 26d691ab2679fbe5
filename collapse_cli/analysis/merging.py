"""Answers about single inputs, merged: every metric by name and space, and groups of runs that differ in their seed alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.answers import Answer, Verdict
from collapse_cli.metric import Metric, changed
from collapse_cli.metrics.comparison import Repeats

NEAR = 0.02  # relative: nulls that differ less are one


@dataclass(frozen=True)
class Single:
    """One input, measured.

    metrics: as `by_name` names them; verdicts by space; measuring: the settings it was measured with; settings: those it
    was trained with but for the seed, empty where it was not trained by us.
    """

    facts: Mapping[str, Any]
    metrics: Mapping[str, Metric]
    verdicts: Mapping[str, Verdict]
    measuring: Mapping[str, Any]
    settings: Mapping[str, Any]
    seed: int | None


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but their seed, with their places among the inputs."""

    name: str
    runs: tuple[Single, ...]
    places: tuple[int, ...]

    @property
    def seeds(self) -> tuple[int | None, ...]:
        return tuple(run.seed for run in self.runs)

    @property
    def space(self) -> str:
        """The last one, which verdicts are on: z, or h where there is no projector."""
        return list(self.runs[0].verdicts or [space_of(key) for key in self.runs[0].metrics])[-1]

    def measured(self, key: str) -> list[Metric]:
        """A metric of every run; nothing where a run lacks it."""
        metrics = [run.metrics[key] for run in self.runs if key in run.metrics]
        return metrics if len(metrics) == len(self.runs) else []

    def repeats(self, key: str) -> Repeats | None:
        """Its values, if every run has a finite one; a single run's own interval with it."""
        metrics = self.measured(key)
        values = [metric["value"] for metric in metrics]
        if not values or None in values:
            return None
        single = metrics[0]["interval"] if len(values) == 1 else None
        interval = None if single is None or None in single else (single[0], single[1])
        return Repeats(tuple(values), self.seeds, interval)

    def null(self, key: str) -> float | None:
        """The null of a metric: the mean over the runs, if each says it."""
        return mean([metric["null"] for metric in self.measured(key)])

    def collapsed(self, space: str) -> bool:
        """Whether this space of any run is one point: then its numbers are rounding noise's, or good for nothing."""
        return any(
            run.verdicts[space].status == "complete collapse" for run in self.runs if space in run.verdicts
        )

    def spoiled_by(self, key: str) -> str:
        """The space whose complete collapse makes this metric say nothing; empty where there is none.

        That is its own space. Of numbers that count directions (their null is isotropic) it is any space, for random weights
        make many directions active.
        """
        space_of_key, counts = (
            space_of(key),
            self.runs[0].metrics[key].get("null_is", "").startswith("isotropic"),
        )
        spaces = [
            space_of_key,
            *(space for space in self.runs[0].verdicts if counts and space != space_of_key),
        ]
        return next((space for space in spaces if self.collapsed(space)), "")


def by_name(answers: Iterable[Answer]) -> dict[str, Metric]:
    """Every metric of one input by name and space, as `uniformity.z`; the spaces of a metric stand together.

    Where two answers have metrics of one name, the second's command stands in front: `alignment.std_sqrt_d.z`. A metric of
    no space, as of a whole network, bears its name alone; parts of the network, as its layers, are left out.
    """
    merged: dict[str, Metric] = {}
    for answer in answers:
        before, whole = set(merged), answer.entries[0].kind
        entries = [entry for entry in answer if entry.space or entry.kind == whole]
        for name in dict.fromkeys(name for entry in entries for name in entry.metrics):
            for entry in (entry for entry in entries if name in entry.metrics):
                key = f"{name}.{entry.space}" if entry.space else name
                metric = entry.metrics[name]
                merged[f"{answer.command}.{key}" if key in before else key] = _of_space(metric, entry.space)
    return merged


def _of_space(metric: Metric, space: str) -> Metric:
    """Its label says the space, and so does the name of a row that it shares with others of this space."""
    names: dict[str, Any] = {part: metric[part] for part in ("label", "together") if part in metric}
    return changed(metric, **{part: f"{name} · {space}" for part, name in names.items()}) if space else metric


def space_of(key: str) -> str:
    """`z` of `uniformity.z`; empty where there is none."""
    return key.rpartition(".")[2] if "." in key else ""


def mean(values: Sequence[float | None]) -> float | None:
    """None where one of them is not known."""
    present = [value for value in values if value is not None]
    return Repeats(tuple(present), ()).mean if len(present) == len(values) else None


def near(first: float | None, second: float | None) -> bool:
    """Whether two nulls are one: with other N or D the same value of a metric means another thing."""
    if first is None or second is None:
        return first == second
    return math.isclose(first, second, rel_tol=NEAR) or first == second

"""Answers about single runs, merged: every metric by name and space, groups of repeats side by side, and differences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.metrics.comparison import Mark, Repeats, best, difference, paired, repeated

Metric = dict[str, Any]
NEAR = 0.02  # relative: chances that differ less are one
FINDINGS = {"null_is", "better", "headline"}  # a number that knows one of these is no mere count


@dataclass(frozen=True)
class Single:
    """One input, measured.

    metrics: as `flat` names them; verdicts by space; measuring: the settings it was measured with; settings: those it
    was trained with but for the seed, empty where it was not trained by us.
    """

    facts: Mapping[str, Any]
    metrics: Mapping[str, Metric]
    verdicts: Mapping[str, Mapping[str, Any]]
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
        return list(self.runs[0].verdicts or [key.rpartition(".")[2] for key in self.runs[0].metrics])[-1]

    def measured(self, key: str) -> list[Metric]:
        """A metric of every run; nothing where a run lacks it."""
        found = [run.metrics[key] for run in self.runs if key in run.metrics]
        return found if len(found) == len(self.runs) else []

    def repeats(self, key: str) -> Repeats | None:
        """Its values, if every run has a finite one; a single run's own interval with it."""
        found = self.measured(key)
        values = [metric["value"] for metric in found]
        if not values or None in values:
            return None
        own = found[0]["interval"] if len(values) == 1 else None
        interval = None if own is None or None in own else (own[0], own[1])
        return Repeats(tuple(values), self.seeds, interval)

    def chance(self, key: str) -> float | None:
        """What chance gives for a metric: the mean over the runs, if each says it."""
        return _mean([metric["null"] for metric in self.measured(key)])

    def collapsed(self, space: str) -> bool:
        """Whether this space of any run is one point: then its numbers are rounding noise's, or good for nothing."""
        return any(
            run.verdicts[space]["status"] == "complete collapse" for run in self.runs if space in run.verdicts
        )


def flat(documents: Iterable[Mapping[str, Any]]) -> dict[str, Metric]:
    """Every metric of one run by name and space, as `uniformity.z`; the spaces of a metric stand together.

    Where two commands have metrics of one name, the second's command stands in front: `alignment.std_sqrt_d.z`.
    """
    found: dict[str, Metric] = {}
    for document in documents:
        results = document["results"]
        before = set(found)
        for key in dict.fromkeys(key for one in results for key in one["metrics"]):
            for one in results:
                if key in one["metrics"]:
                    name, metric = f"{key}.{space(one)}", one["metrics"][key]
                    name = f"{document['command']}.{name}" if name in before else name
                    found[name] = metric | {"label": f"{metric['label']} · {space(one)}"}
    return found


def of_input(documents: Iterable[Mapping[str, Any]], number: int) -> list[dict[str, Any]]:
    """What answers about several inputs say of one."""
    return [{**one, "results": [r for r in one["results"] if r["input"] == number]} for one in documents]


def space(one: Mapping[str, Any]) -> str:
    """`z` of a result that was measured of `run · z`."""
    return str(one["of"]).rpartition(" · ")[2]


def side_by_side(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """One result for each group: means over its runs, the best of each row marked, its curves, its verdict."""
    given = _given(groups)
    shown = {k: m for k, m in declared(groups).items() if m["kind"] == "number" or m.get("sketch")}
    keys = [key for key in shown if key not in given]
    marks = {key: _marks(key, groups) for key in keys}
    settings = _differing(groups)
    return [
        _entry(
            group,
            "Side by side",
            {key: _merged(group, key, marks[key][n]) for key in keys if group.measured(key)},
            {**settings[n], **_repeated(group), **group.runs[0].measuring, **_brief(given)},
            _verdict(group),
        )
        for n, group in enumerate(groups)
    ]


def declared(groups: Sequence[Group]) -> dict[str, Metric]:
    """Every metric that a whole group has, in order."""
    found: dict[str, Metric] = {}
    for group in groups:
        found |= {k: m for k, m in group.runs[0].metrics.items() if k not in found and group.measured(k)}
    return found


def _given(groups: Sequence[Group]) -> dict[str, Any]:
    """Numbers that are the same in every run and know neither chance nor better, as N and D: settings, not findings."""
    return {
        key: metric["value"]
        for key, metric in declared(groups).items()
        if metric["kind"] == "number" and not FINDINGS & set(metric) and not _varies(key, groups)
    }


def _brief(given: Mapping[str, Any]) -> dict[str, Any]:
    """Said once where all spaces agree: `rows` for `rows.h` and `rows.z`."""
    name = {key: key.split(".")[-2] for key in given}
    agreed = {name[key] for key in given if len({given[k] for k in given if name[k] == name[key]}) == 1}
    return {(name[key] if name[key] in agreed else key).replace("_", " "): given[key] for key in given}


def _marks(key: str, groups: Sequence[Group]) -> list[Mark | None]:
    """Which groups are best by this metric, where it can rank them.

    A space that has collapsed completely is never best, and nobody is where chance differs: with other N or D the same
    value means another thing.
    """
    better, of = declared(groups)[key].get("better"), key.rpartition(".")[2]
    if not better:
        return [None] * len(groups)
    ranked = [None if group.collapsed(of) else group.repeats(key) for group in groups]
    chances = [group.chance(key) for group, one in zip(groups, ranked, strict=True) if one]
    near = all(_near(chance, chances[0]) for chance in chances)
    return best(ranked if near else [None] * len(groups), better)


def _near(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isclose(one, other, rel_tol=NEAR))


def _merged(group: Group, key: str, mark: Mark | None) -> Metric:
    """A number's mean, with `runs`, the values that it is of; or the mean of curves."""
    found = group.measured(key)
    if found[0]["kind"] != "number":
        parts = ["values", "null", *(["before"] if all("before" in metric for metric in found) else [])]
        return found[0] | {part: _points([metric[part] for metric in found]) for part in parts}
    repeats = group.repeats(key)
    mean = repeated(repeats) if repeats else None
    merged = found[0] | {
        "value": repeats.mean if repeats else None,
        "null": group.chance(key),
        "interval": list(mean.interval) if mean is not None and mean.interval else None,
        "runs": [metric["value"] for metric in found],
        "convention": without_interval(found[0]["convention"]),
    }
    return merged | ({"best": mark} if mark else {})


def without_interval(convention: str) -> str:
    """A run's own interval gives way to that over the runs."""
    return "; ".join(part for part in convention.split("; ") if not part.startswith("interval"))


def _points(curves: Sequence[list[float | None] | None]) -> list[float | None] | None:
    """The mean of curves, point by point: runs of one group have the same settings, so the same points."""
    known = [curve for curve in curves if curve is not None]
    return [_mean(at) for at in zip(*known, strict=False)] if len(known) == len(curves) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return Repeats(tuple(known), ()).mean if len(known) == len(values) else None


def _differing(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """For each group the training settings in which groups that have them differ; the method stands in its name."""
    every = [group.runs[0].settings for group in groups]
    keys = dict.fromkeys(key for settings in every for key in settings if key != "method")
    telling = [key for key in keys if len({settings[key] for settings in every if key in settings}) > 1]
    return [{key: settings.get(key) for key in telling} for settings in every]


def _repeated(group: Group) -> dict[str, Any]:
    """How many runs the means are over, and of which seeds."""
    seeds = [seed for seed in group.seeds if seed is not None]
    return {"runs": len(group.runs)} | ({"seeds of the runs": seeds} if seeds else {})


def _verdict(group: Group) -> dict[str, Any] | None:
    """What is said of the last space of every run, if anything is; where they disagree, that."""
    of = group.space
    if not all(run.verdicts for run in group.runs):
        return None
    said = [run.verdicts[of] for run in group.runs]
    counts = Counter(one["status"] for one in said)
    status, sentence = next(iter(counts)), f"in {of} of all {len(said)} runs"
    if len(said) == 1:
        sentence = f"{said[0]['sentence']} in {of}"
    elif len(counts) > 1:
        each = ", ".join(f"{number} × {name}" for name, number in counts.items())
        status, sentence = "inconclusive", f"in {of} {each}"
    return {"status": status, "sentence": sentence, "reasons": []}


def differences(groups: Sequence[Group], baseline: Group) -> list[dict[str, Any]]:
    """One result for each other group: its means minus the baseline's. What is the same in all runs is left out."""
    numbers = [key for key, metric in declared(groups).items() if metric["kind"] == "number"]
    varying = [key for key in numbers if _varies(key, groups) and baseline.repeats(key)]
    return [_differences(group, baseline, varying) for group in groups if group is not baseline]


def _differences(group: Group, baseline: Group, keys: Sequence[str]) -> dict[str, Any]:
    metrics = {key: _difference(group, baseline, key) for key in keys if group.repeats(key)}
    return _entry(group, f"Difference from {baseline.name}", metrics, _by(group, baseline), None)


def _varies(key: str, groups: Sequence[Group]) -> bool:
    found = [group.repeats(key) for group in groups]
    return len({value for one in found if one for value in one.values}) > 1


def _difference(group: Group, baseline: Group, key: str) -> Metric:
    first, second = group.repeats(key), baseline.repeats(key)
    assert first is not None
    assert second is not None
    found = difference(first, second)
    metric = {name: said for name, said in group.measured(key)[0].items() if name not in ("null_is", "axis")}
    agree = {} if found.agree is None or len(group.runs) < 2 else {"agree": [found.agree, len(group.runs)]}
    interval = None if found.interval is None else list(found.interval)
    return metric | {"value": found.value, "null": None, "interval": interval, "convention": ""} | agree


def _by(group: Group, baseline: Group) -> dict[str, Any]:
    """How the intervals of differences came about."""
    sizes = len(group.runs), len(baseline.runs)
    by = "paired by seed" if paired(group.seeds, baseline.seeds) else "Welch"
    interval = f"95 % t, {by}" if min(sizes) > 1 else "none, a single run"
    return {"runs": sizes[0], "runs of the baseline": sizes[1], "interval": interval}


def _entry(
    group: Group,
    title: str,
    metrics: dict[str, Metric],
    settings: Mapping[str, Any],
    verdict: dict[str, Any] | None,
) -> dict[str, Any]:
    places = {"input": group.places[0], "inputs": list(group.places)}
    said = {"title": title, "settings": dict(settings), "metrics": metrics, "verdict": verdict}
    return {"of": group.name, **places, **said}

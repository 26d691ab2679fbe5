"""Which of these runs is better, and is that more than the luck of a seed? Groups of runs side by side, and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from collapse_cli.analysis.inputs import refuse_unfit
from collapse_cli.analysis.measured import Loaded
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.merging import Group, Single, by_name, space_of
from collapse_cli.analysis.portrait import Portrait, Save, portrait
from collapse_cli.analysis.sides import differences, side_by_side
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.progress import Progress, silent
from collapse_cli.results import Metric, changed, without
from collapse_cli.settings import flat

Axes = tuple[str, str]


def compare(
    inputs: Sequence[Loaded],
    measuring: Measuring,
    baseline: str = "",
    scatter: Axes | None = None,
    fresh: bool = False,
    progress: Progress = silent,
    save: Save | None = None,
) -> Answer:
    """Groups side by side, then the differences of each from the baseline: a group by its name, or one of its runs.

    scatter: two metrics that are to be drawn against each other, by default those that declare an axis.
    """
    if len(inputs) < 2:
        raise CollapseError(f"{inputs[0]} alone cannot be compared", "give two runs or more")
    if scatter and scatter[0] == scatter[1]:
        raise CollapseError(f"--scatter {scatter[0]} against itself", "name two metrics")
    refuse_unfit(measuring, inputs)
    portraits = [portrait(given, measuring, (), fresh, progress, save) for given in inputs]
    runs = [_single(measured) for measured in portraits]
    _refuse_twins(runs)
    groups = grouped(runs)
    sides = side_by_side(groups)
    sides = _with_axes(sides, scatter, max(group.space for group in groups))
    entries = [*sides, *differences(groups, _chosen(groups, baseline))]
    warnings = [line for measured in portraits for line in measured.warnings]
    return answer("compare", entries, [run.facts for run in runs], warnings)


def _single(measured: Portrait) -> Single:
    """`epochs` are those done, for a run may be unfinished."""
    facts, run = measured.facts, measured.run
    settings = {"method": run.method, **flat(run.tables()), "epochs": facts["epoch"]} if run else {}
    seed = settings.pop("seed", None)
    metrics, used = by_name(measured.answers), _measuring(measured.answers)
    return Single(facts, metrics, measured.verdicts, used, settings, seed)


def _measuring(answers: Sequence[Answer]) -> dict[str, Any]:
    """The settings of all answers, on their last space; where two differ, the second's command stands in front."""
    merged: dict[str, Any] = {}
    for each in answers:
        for key, value in each.entries[-1].settings.items():
            merged[key if merged.get(key, value) == value else f"{each.command} {key}"] = value
    return merged


def _refuse_twins(runs: Sequence[Single]) -> None:
    """A run that counts twice would make its group look surer than it is."""
    seen: dict[str, str] = {}
    for facts in (run.facts for run in runs):
        same = facts.get("sha256", facts["path"])
        if same in seen:
            raise CollapseError(f"{seen[same]} and {facts['path']} are the same", "give each run once")
        seen[same] = facts["path"]


def grouped(runs: Sequence[Single]) -> list[Group]:
    """Runs by their settings, in order of first appearance; what was not trained by us is a group of its own."""
    members: list[tuple[Mapping[str, Any], list[int]]] = []
    for place, run in enumerate(runs):
        same = next((places for settings, places in members if settings and settings == run.settings), None)
        if same is None:
            members.append((run.settings, [place]))
        else:
            same.append(place)
    names = group_names([settings for settings, _ in members])
    return [
        Group(name or str(runs[places[0]].facts["path"]), tuple(runs[p] for p in places), tuple(places))
        for name, (_, places) in zip(names, members, strict=True)
    ]


def group_names(every: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each group's settings: the method, and what sets it off from most groups of that method.

    Two groups differ in some setting, which most can have in one of them at most: no two names are the same. Empty for settings
    that are.
    """
    return [_group_name(settings, every) for settings in every]


def _group_name(settings: Mapping[str, Any], every: Sequence[Mapping[str, Any]]) -> str:
    same = [other for other in every if other.get("method") == settings.get("method")]
    unusual = [key for key in settings if 2 * sum(other[key] == settings[key] for other in same) <= len(same)]
    words = (_in_words(key, settings[key]) for key in unusual)
    return " ".join([str(settings["method"]), *words]) if settings else ""


def _in_words(key: str, value: Any) -> str:
    """Numbers need their name, words (a data set, a recipe) speak for themselves."""
    name = key.replace("_", " ")
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return (value or f"no {name}") if isinstance(value, str) else f"{name} {value:g}"


def _chosen(groups: Sequence[Group], wanted: str) -> Group:
    """The baseline: a group by its name, or by the path of one of its runs."""
    for group in groups:
        paths = [Path(run.facts["path"]) for run in group.runs]
        if not wanted or wanted == group.name or Path(wanted) in paths:
            return group
    names = [group.name for group in groups]
    raise CollapseError(f"--baseline {wanted}: there is no such group", nearest(wanted, names))


def _with_axes(sides: Sequence[Entry], scatter: Axes | None, space: str) -> list[Entry]:
    """The metrics of a scatter: those that were asked for, or those of this space that declare an axis."""
    numbers = [key for entry in sides for key, metric in entry.metrics.items() if metric["kind"] == "number"]
    for name in scatter or ():
        if name not in numbers:
            raise CollapseError(f"--scatter: no metric named '{name}'", nearest(name, numbers))
    chosen = dict(zip(scatter, "xy", strict=True)) if scatter else None

    def placed(key: str, metric: Metric) -> Metric:
        if metric["kind"] != "number":
            return metric
        of_space = metric.get("axis", "") if space_of(key) == space else ""
        axis = of_space if chosen is None else chosen.get(key, "")
        return changed(without(metric, "axis"), axis=axis) if axis else without(metric, "axis")

    return [
        entry.replace(result={key: placed(key, metric) for key, metric in entry.metrics.items()})
        for entry in sides
    ]

"""Which of these runs is better, and is that more than the luck of a seed? Groups of runs side by side, and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from collapse_cli.analysis import names
from collapse_cli.analysis.across import contrasts
from collapse_cli.analysis.across_words import short
from collapse_cli.analysis.inputs import Kind, Loaded, Recognised, expanded, recognise
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.merging import Group, Single, by_name, space_of
from collapse_cli.analysis.portrait import Portrait, Save, portrait
from collapse_cli.analysis.sides import SIDE, differences, side_by_side
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.metric import Metric, changed, without
from collapse_cli.progress import Progress, silent
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
    if scatter and scatter[0] == scatter[1]:
        raise CollapseError(f"--scatter {scatter[0]} against itself", "name two metrics")
    recognised = [
        recognise(input, measuring.column) if isinstance(input, Path) else input
        for input in expanded(inputs, measuring)
    ]
    _refuse_too_few(recognised)
    between = (
        contrasts([each for each in recognised if isinstance(each, Subject)])
        if _all_loaded(recognised)
        else []
    )
    portraits = [portrait(input, measuring, (), fresh, progress, save) for input in recognised]
    runs = [_single(measured) for measured in portraits]
    groups = grouped(runs)
    sides = side_by_side(groups)
    sides = _with_axes(sides, scatter, max(group.space for group in groups))
    between = between or _of_files(portraits)
    entries = [*sides, *differences(groups, _chosen(groups, baseline)), *between]
    return answer("compare", entries, [run.facts for run in runs], _warnings(portraits, groups))


def undecided(answer: Answer) -> bool:
    """Whether of no group of a comparison anything can be concluded."""
    return all(entry.status == "inconclusive" for entry in answer if entry.kind == SIDE)


def _all_loaded(inputs: Sequence[Recognised | Subject]) -> bool:
    """Whether all were loaded already, as one network on several data sets is."""
    return all(isinstance(each, Subject) for each in inputs)


def _of_files(portraits: Sequence[Portrait]) -> list[Entry]:
    """The contrasts between files of embeddings, which decide no verdict, once all are measured."""
    subjects = [measured.subject for measured in portraits]
    loaded = [subject for subject in subjects if subject is not None and subject.case is None]
    return contrasts(loaded) if len(loaded) == len(subjects) else []


def _single(measured: Portrait) -> Single:
    """`epochs` are those done, for a run may be unfinished."""
    facts, run = measured.facts, measured.run
    settings = {"method": run.method, **flat(run.tables()), "epochs": facts["epoch"]} if run else {}
    seed = settings.pop("seed", None)
    if settings and "dataset" in facts:
        settings["measured on"] = short(facts["dataset"])
    metrics, used = by_name(measured.answers), _measuring(measured.answers)
    return Single(facts, metrics, measured.verdicts, used, settings, seed)


def _measuring(answers: Sequence[Answer]) -> dict[str, Any]:
    """The settings of all answers, on their last space; where two differ, the second's command stands in front."""
    merged: dict[str, Any] = {}
    for each in answers:
        for key, value in each.entries[-1].settings.items():
            merged[key if merged.get(key, value) == value else f"{each.command} {key}"] = value
    return merged


def _refuse_too_few(inputs: Sequence[Recognised | Subject]) -> None:
    """A run that counts twice would make its group look surer than it is; refused before anything is measured."""
    if len(inputs) < 2:
        raise CollapseError(f"{_identity(inputs[0])[0]} alone cannot be compared", "give two runs or more")
    seen: dict[str, str] = {}
    for input in inputs:
        path, identity = _identity(input)
        if seen.get(identity) == path:
            raise CollapseError(f"{path} was given twice", "give each run once")
        if identity in seen:
            raise CollapseError(f"{seen[identity]} and {path} are the same", "give each run once")
        seen[identity] = path


def _identity(input: Recognised | Subject) -> tuple[str, str]:
    """The path of an input, and what is the same for two that are one."""
    if isinstance(input, Subject):
        path = str(input.facts["path"])
        on = input.facts.get("dataset", "")
        return f"{path} on {on}" if on else path, f"{input.facts.get('sha256', path)}{on}"
    path = str(input.path)
    return path, path if input.kind is Kind.PIXELS else input.source.sha256


def _warnings(portraits: Sequence[Portrait], groups: Sequence[Group]) -> list[str]:
    """What the answers about each input warn of; behind the name that it has here, where they call it otherwise."""
    called = {place: group.name for group in groups for place in group.places if not group.runs[0].settings}
    return [
        line if called.get(place, subject) == subject else f"{called[place]}: {line}"
        for place, measured in enumerate(portraits)
        for subject in [measured.entries[0].subject]
        for line in measured.warnings
    ]


def grouped(runs: Sequence[Single]) -> list[Group]:
    """Runs by their settings, in order of first appearance; what was not trained by us is a group of its own."""
    members: list[tuple[Mapping[str, Any], list[int]]] = []
    for place, run in enumerate(runs):
        same = next((places for settings, places in members if settings and settings == run.settings), None)
        if same is None:
            members.append((run.settings, [place]))
        else:
            same.append(place)
    firsts = [runs[places[0]].facts for _, places in members]
    called = names.of_groups([settings for settings, _ in members], firsts)
    return [
        Group(name, tuple(runs[p] for p in places), tuple(places))
        for name, (_, places) in zip(called, members, strict=True)
    ]


def _chosen(groups: Sequence[Group], baseline: str) -> Group:
    """The baseline: a group by its name, or by the path of one of its runs."""
    for group in groups:
        paths = [Path(run.facts["path"]) for run in group.runs]
        if not baseline or baseline == group.name or Path(baseline) in paths:
            return group
    every = [group.name for group in groups]
    raise CollapseError(f"--baseline {baseline}: there is no such group", nearest(baseline, every))


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

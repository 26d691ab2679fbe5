"""collapse compare: runs side by side, the best of each row marked, and differences with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.commands.answers import answer
from collapse_cli.commands.known import Known, known
from collapse_cli.commands.merging import Group, Single, differences, flat, side_by_side, space
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.settings import fill
from collapse_cli.settings import flat as flattened
from collapse_cli.views import Output, show


@options(Measuring=Measuring, Output=Shown)
def compare(
    inputs: Inputs,
    given: dict[str, Any],
    baseline: Annotated[
        str, typer.Option(help="group, or one of its runs, that differences are from; by default the first")
    ] = "",
    scatter: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="X Y", help="two metrics for --plot or --html, as alignment.z uniformity.z"),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="measure anew what the run folders hold already")
    ] = False,
) -> None:
    """Which of these runs is better, and is that more than the luck of a seed?

    Every metric side by side, the best of each row marked, and the differences from the first. Runs that differ in nothing
    but their seed are one group: its mean ± one standard deviation. What a run folder holds already is read, the rest
    is measured and kept. An INPUT may be an answer that was saved with --json.

    Example: [bold]collapse compare runs/moco-0 runs/moco-1 runs/mochi-0 runs/mochi-1 --plot compare.png[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    _refuse(inputs, scatter, output)
    found = [known(path, measuring, fresh, shown.quiet) for path in inputs]
    runs = [_single(one) for one in found]
    _refuse_twins(runs)
    groups = grouped(runs)
    sides = side_by_side(groups)
    _choose_axes(sides, scatter, max(group.space for group in groups))
    entries = [*sides, *differences(groups, _chosen(groups, baseline))]
    warnings = [said for one in found for said in one.warnings]
    show(answer("compare", entries, [run.facts for run in runs], warnings), output)
    if all(one["verdict"] and one["verdict"]["status"] == "inconclusive" for one in sides):
        raise typer.Exit(3)


def _refuse(inputs: Sequence[Path], scatter: tuple[str, str] | None, output: Output) -> None:
    if len(inputs) < 2:
        raise CollapseError(f"{inputs[0]} alone cannot be compared", "give two runs or more")
    if scatter and not (output.plot or output.html):
        raise CollapseError("--scatter is drawn in no table", "add --plot FILE.png or --html FILE.html")
    if scatter and scatter[0] == scatter[1]:
        raise CollapseError(f"--scatter {scatter[0]} against itself", "name two metrics")


def _single(one: Known) -> Single:
    """`epochs` are those done, for a run may be unfinished."""
    facts, documents, run = one.facts, one.documents, one.run
    settings = {"method": run.method, **flattened(run.tables()), "epochs": facts["epoch"]} if run else {}
    seed = settings.pop("seed", None)
    return Single(facts, flat(documents), _verdicts(documents), _measuring(documents), settings, seed)


def _verdicts(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    every = [one for document in documents for one in document["results"]]
    return {space(one): one["verdict"] for one in every if one["verdict"]}


def _measuring(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The settings of all answers, on their last space; where two differ, the second's command stands in front."""
    found: dict[str, Any] = {}
    for document in documents:
        for key, value in document["results"][-1]["settings"].items():
            found[key if found.get(key, value) == value else f"{document['command']} {key}"] = value
    return found


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
        same = next((found for settings, found in members if settings and settings == run.settings), None)
        if same is None:
            members.append((run.settings, [place]))
        else:
            same.append(place)
    names = named([settings for settings, _ in members])
    return [
        Group(name or str(runs[places[0]].facts["path"]), tuple(runs[p] for p in places), tuple(places))
        for name, (_, places) in zip(names, members, strict=True)
    ]


def named(every: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each group's settings: the method, and what sets it off from most groups of that method.

    Two groups differ in some setting, which most can have in one of them at most: no two names are the same.
    """
    return [_name(one, every) for one in every]


def _name(one: Mapping[str, Any], every: Sequence[Mapping[str, Any]]) -> str:
    """Empty for settings that are."""
    same = [other for other in every if other.get("method") == one.get("method")]
    unusual = [key for key in one if 2 * sum(other[key] == one[key] for other in same) <= len(same)]
    return " ".join([str(one["method"]), *(_said(key, one[key]) for key in unusual)]) if one else ""


def _said(key: str, value: Any) -> str:
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
    known = [group.name for group in groups]
    raise CollapseError(f"--baseline {wanted}: there is no such group", nearest(wanted, known))


def _choose_axes(sides: Sequence[dict[str, Any]], scatter: tuple[str, str] | None, space: str) -> None:
    """The metrics of a scatter: those that were asked for, or those of this space that declare an axis."""
    every = [(key, m) for one in sides for key, m in one["metrics"].items() if m["kind"] == "number"]
    for name in scatter or ():
        if name not in dict(every):
            raise CollapseError(f"--scatter: no metric named '{name}'", nearest(name, list(dict(every))))
    for key, metric in every:
        declared = metric.pop("axis", "")
        axes = {name: axis for axis, name in zip("xy", scatter or (), strict=False)}
        axis = axes.get(key, "") if scatter else declared if key.endswith(f".{space}") else ""
        metric |= {"axis": axis} if axis else {}

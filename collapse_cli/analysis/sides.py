"""Groups of runs -> entries: means side by side with the best of each row marked, and differences with their intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from collapse_cli.analysis import contrasts
from collapse_cli.analysis.contrasts import Together
from collapse_cli.analysis.merging import Group, mean, near, space_of
from collapse_cli.answers import Entry, Verdict, headline
from collapse_cli.metric import Metric, changed, without
from collapse_cli.metrics.comparison import Mark, best, difference, paired, repeated

SIDE = "side_by_side"  # the kind of a group's entry
FINDINGS = {"null_is", "better", "headline"}  # a number that declares one of these is no mere count
KEYS = (
    "effective_rank.h",
    "effective_rank.z",
    "linear.h",
    "active.h",
    "active.z",
    "std_sqrt_d.z",
    "alignment.z",
    "uniformity.z",
    "view_ratio.h",
    "knn.h",
)
"""What a short answer shows of each group: the metrics of its finding, how much of each space is used, what it is good for."""


def side_by_side(groups: Sequence[Group]) -> list[Entry]:
    """One entry for each group: means over its runs, the best of each row marked, its curves, its verdict."""
    shared = _shared(groups)
    shown = {k: m for k, m in declared(groups).items() if m["kind"] == "number" or m.get("sketch")}
    keys = [key for key in shown if key not in shared]
    marks = {key: _marks(key, groups) for key in keys}
    settings = _differing(groups)
    chosen = _key_numbers({key: shown[key] for key in keys})
    return [
        Entry(
            group.name,
            {key: _merged(group, key, marks[key][n]) for key in keys if group.measured(key)},
            input=group.places[0],
            inputs=group.places,
            settings={**settings[n], **_repeated(group), **group.runs[0].measuring, **_brief(shared)},
            verdict=_verdict(group),
            named_kind=SIDE,
            named_title="Side by side",
            answer=_alone(group) if len(groups) == 1 else "",
            key_numbers=tuple(key for key in chosen if group.measured(key)),
        )
        for n, group in enumerate(groups)
    ]


def _key_numbers(shown: Mapping[str, Metric]) -> list[str]:
    """Ten at most: those of `KEYS`, of h where nothing has a z; where none of them was measured, those that are headlines."""
    numbers = {key: metric for key, metric in shown.items() if metric["kind"] == "number"}
    projected = any(space_of(key) == "z" for key in numbers)
    keys = KEYS if projected else tuple(dict.fromkeys(f"{key.partition('.')[0]}.h" for key in KEYS))
    chosen = [key for key in keys if key in numbers]
    return chosen or [key for key, metric in numbers.items() if metric.get("headline")][: len(KEYS)]


def _alone(group: Group) -> str:
    """Of a comparison that has nothing to compare."""
    return (
        f"All {len(group.runs)} inputs are runs of {group.name} that differ in nothing but their seed, "
        "so there is no other group to compare them with."
    )


def declared(groups: Sequence[Group]) -> dict[str, Metric]:
    """Every metric that a whole group has, in order."""
    metrics: dict[str, Metric] = {}
    for group in groups:
        metrics |= {k: m for k, m in group.runs[0].metrics.items() if k not in metrics and group.measured(k)}
    return metrics


def _shared(groups: Sequence[Group]) -> dict[str, Any]:
    """Numbers that are the same in every run and declare neither null nor better, as N and D: settings, not findings."""
    return {
        key: metric["value"]
        for key, metric in declared(groups).items()
        if metric["kind"] == "number" and not FINDINGS & set(metric) and not _varies(key, groups)
    }


def _brief(shared: Mapping[str, Any]) -> dict[str, Any]:
    """Said once where all spaces agree: `samples` for `samples.h` and `samples.z`."""
    name = {key: key.split(".")[-2] if "." in key else key for key in shared}
    agreed = {name[key] for key in shared if len({shared[k] for k in shared if name[k] == name[key]}) == 1}
    return {(name[key] if name[key] in agreed else key).replace("_", " "): shared[key] for key in shared}


def _marks(key: str, groups: Sequence[Group]) -> list[Mark | None]:
    """Which groups are best by this metric, where it can rank them.

    A space that has collapsed completely is never best, nor are directions beside one, and nobody is where nulls differ: with
    other N or D the same value means another thing.
    """
    better = declared(groups)[key].get("better")
    if not better:
        return [None] * len(groups)
    ranked = [
        None if group.measured(key) and group.spoiled_by(key) else group.repeats(key) for group in groups
    ]
    nulls = [group.null(key) for group, repeats in zip(groups, ranked, strict=True) if repeats]
    alike = all(near(null, nulls[0]) for null in nulls)
    return best(ranked if alike else [None] * len(groups), better)


def _merged(group: Group, key: str, mark: Mark | None) -> Metric:
    """A number's mean, with `runs`, the values that it is of; or the mean of curves."""
    metrics = group.measured(key)
    if metrics[0]["kind"] != "number":
        parts = ["values", "null", *(["initial"] if all("initial" in metric for metric in metrics) else [])]
        means = {part: _points([dict(metric)[part] for metric in metrics], mean) for part in parts}
        ends = {"lowest": min, "highest": max} if len(metrics) > 1 else {}
        spread = {part: _points([metric["values"] for metric in metrics], end) for part, end in ends.items()}
        merged = without(metrics[0], "interval") if ends else metrics[0]  # the spread says more
        alike = all(metric.get("names") == merged.get("names") for metric in metrics)
        return changed(merged if alike else without(merged, "names"), **means, **spread)
    repeats = group.repeats(key)
    over_runs = repeated(repeats) if repeats else None
    merged = changed(
        metrics[0],
        value=repeats.mean if repeats else None,
        null=group.null(key),
        interval=list(over_runs.interval) if over_runs is not None and over_runs.interval else None,
        runs=[metric["value"] for metric in metrics],
    )
    merged = without(merged, "interval_is")  # a run's own interval gives way to that over the runs
    return changed(merged, best=mark) if mark else merged


def _points(
    curves: Sequence[Any], of: Callable[[Sequence[float]], float | None]
) -> list[float | None] | None:
    """Curves as one, point by point: runs of one group have the same settings, so the same points. None where one has none."""
    if any(curve is None for curve in curves):
        return None
    return [None if None in at else of(at) for at in zip(*curves, strict=False)]


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


def _verdict(group: Group) -> Verdict | None:
    """What is said of every run, by the space that each is judged by; where they disagree, that."""
    if not all(run.verdicts for run in group.runs):
        return None
    judged = [_headline(run.verdicts) for run in group.runs]
    spaces = "/".join(dict.fromkeys(space for space, _ in judged))
    counts = Counter(verdict.status for _, verdict in judged)
    status, sentence = (
        next(iter(counts)),
        f"The verdict on {spaces} of {'both' if len(judged) == 2 else f'all {len(judged)}'} runs.",
    )
    if len(judged) == 1:
        sentence = judged[0][1].sentence
    elif len(counts) > 1:
        each = ", ".join(f"{number} × {name}" for name, number in counts.items())
        status, sentence = "inconclusive", f"The verdicts on {spaces} differ: {each}."
    near = len(judged) == 1 and judged[0][1].borderline
    single = judged[0][1] if len(judged) == 1 else Verdict(status, sentence)
    return Verdict(status, sentence, borderline=near, findings=single.findings, lead=single.lead)


def _headline(verdicts: Mapping[str, Verdict]) -> tuple[str, Verdict]:
    """The space that a run is judged by, and its verdict."""
    space = headline({space: verdict.status for space, verdict in verdicts.items()})
    return space, verdicts[space]


def differences(groups: Sequence[Group], baseline: Group) -> list[Entry]:
    """One entry for each other group: its means minus the baseline's. What is the same in all runs is left out.

    Each opens with its finding, which is corrected over the metrics that were fixed beforehand and over the groups.
    """
    others = [group for group in groups if group is not baseline]
    numbers = [key for key, metric in declared(groups).items() if metric["kind"] == "number"]
    varying = [key for key in numbers if _varies(key, groups) and baseline.repeats(key)]
    together = contrasts.together(others, baseline)
    return [
        Entry(
            group.name,
            {key: _difference(group, baseline, key, together) for key in varying if group.repeats(key)},
            input=group.places[0],
            inputs=group.places,
            settings=_by(group, baseline) | together.settings,
            named_kind="difference",
            named_title=f"Difference from {baseline.name}",
            answer=contrasts.finding(group, baseline, together),
        )
        for group in others
    ]


def _varies(key: str, groups: Sequence[Group]) -> bool:
    every = [group.repeats(key) for group in groups]
    return len({value for repeats in every if repeats for value in repeats.values}) > 1


def _difference(group: Group, baseline: Group, key: str, together: Together) -> Metric:
    first, second = group.repeats(key), baseline.repeats(key)
    assert first is not None
    assert second is not None
    apart = difference(first, second)
    agree = {} if apart.agree is None or len(group.runs) < 2 else {"agree": [apart.agree, len(group.runs)]}
    interval = None if apart.interval is None else list(apart.interval)
    metric = without(group.measured(key)[0], "null_is", "interval_is", "axis")
    difference_of_means = changed(
        metric, value=apart.value, null=None, interval=interval, convention="", **agree
    )
    if key not in contrasts.FIXED:
        return difference_of_means
    wide = difference(first, second, together.intervals).interval
    return changed(difference_of_means, simultaneous=None if wide is None else list(wide))


def _by(group: Group, baseline: Group) -> dict[str, Any]:
    """How the intervals of differences came about."""
    sizes = len(group.runs), len(baseline.runs)
    by = "paired by seed" if paired(group.seeds, baseline.seeds) else "Welch"
    interval = f"95 % t, {by}" if min(sizes) > 1 else "none, a single run"
    return {"runs": sizes[0], "runs of the baseline": sizes[1], "interval": interval}

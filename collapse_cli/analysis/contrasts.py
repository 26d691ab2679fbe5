"""What sets a group of runs off from the baseline, in one sentence that is corrected over metrics fixed beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.analysis.merging import Group, near
from collapse_cli.figures import bracketed
from collapse_cli.metrics.comparison import TIE, Difference, difference
from collapse_cli.views.words import figures, titled

FIXED = {
    "effective_rank.h": "effective rank of h",
    "effective_rank.z": "effective rank of z",
    "linear.h": "linear accuracy of h",
}
"""The metrics that a finding is about, whatever the numbers are: by more of them, one would differ without a cause."""


@dataclass(frozen=True)
class Together:
    """Intervals that hold together: of so many of the fixed metrics, and of so many groups compared with the baseline."""

    metrics: int
    groups: int

    @property
    def intervals(self) -> int:
        """How many there are, at least 1."""
        return max(self.metrics * self.groups, 1)

    @property
    def settings(self) -> dict[str, Any]:
        """How the simultaneous intervals came about; nothing where there are none."""
        if not self.metrics * self.groups:
            return {}
        over = f"{_counted(self.metrics, 'metric')} and {_counted(self.groups, 'group')}"
        return {"simultaneous intervals": f"95 % for all together, over {over} (Bonferroni)"}


def together(others: Sequence[Group], baseline: Group) -> Together:
    """Of groups whose runs were repeated, and of the fixed metrics that they share with the baseline; no value decides."""
    repeated = [group for group in others if min(len(group.runs), len(baseline.runs)) > 1]
    shared = [key for key in FIXED if any(_shared(key, group, baseline) for group in repeated)]
    return Together(len(shared), len(repeated))


def finding(group: Group, baseline: Group, together: Together) -> str:
    """The sentence about a group beside the baseline: what is higher or lower, by how much, and what does not differ."""
    shared = [key for key in FIXED if _shared(key, group, baseline)]
    if not shared:
        names = " nor ".join(FIXED.values())
        return f"Neither {names} was measured of both {group.name} and {baseline.name}."
    collapsed = {key: where for key in shared if (where := _collapsed(key, group, baseline))}
    others = [key for key in shared if key not in collapsed]
    refusals = {key: why for key in others if (why := _refusal(key, group, baseline))}
    contrasts = {
        key: contrast
        for key in others
        if key not in refusals and (contrast := _contrast(key, group, baseline, together.intervals))
    }
    caution = _caution(group, baseline) if contrasts else []
    parts = [*_spoiled(collapsed), *_parts(contrasts, group, baseline), *_refused(refusals), *caution]
    sentence = "; ".join(parts) + "."
    return (
        sentence if collapsed or sentence.startswith(group.name) else titled(sentence)
    )  # a name stays as it is


def _shared(key: str, group: Group, baseline: Group) -> bool:
    return bool(group.measured(key) and baseline.measured(key))


def _collapsed(key: str, group: Group, baseline: Group) -> str:
    """Which group has collapsed completely in a space, so that a metric is not compared; empty where neither has."""
    spoiled = ((side.spoiled_by(key), side.name) for side in (group, baseline))
    return next((f"{name} has collapsed completely in {space}" for space, name in spoiled if space), "")


def _refusal(key: str, group: Group, baseline: Group) -> str:
    """Why else a metric of two groups is not compared; empty where it is."""
    for side in (group, baseline):
        if side.repeats(key) is None:
            return f"it is no finite number in a run of {side.name}"
    nulls = group.null(key), baseline.null(key)
    return "" if near(*nulls) else f"the nulls differ ({figures(nulls[0])} and {figures(nulls[1])})"


def _contrast(key: str, group: Group, baseline: Group, intervals: int) -> Difference | None:
    first, second = group.repeats(key), baseline.repeats(key)
    return None if first is None or second is None else difference(first, second, intervals)


def _parts(contrasts: dict[str, Difference], group: Group, baseline: Group) -> Iterator[str]:
    """What differs, what does not differ significantly, and what is the same."""
    single = min(len(group.runs), len(baseline.runs)) < 2
    same = [key for key, contrast in contrasts.items() if _tied(key, contrast, baseline)]
    apart = [
        key
        for key, contrast in contrasts.items()
        if key not in same and (single or contrast.interval is None or _excludes_zero(contrast))
    ]
    undecided = [FIXED[key] for key in contrasts if key not in same and key not in apart]
    if apart:
        than = [f" than {baseline.name}", *[""] * (len(apart) - 1)]
        clauses = [
            _clause(key, contrasts[key], len(group.runs), by) for key, by in zip(apart, than, strict=True)
        ]
        yield f"{group.name} has {_listed(clauses, ', and ')}"
    if undecided and apart:
        yield f"{_listed(undecided)} {'does' if len(undecided) == 1 else 'do'} not differ significantly"
    elif undecided:
        names = _listed(undecided, " or ")
        yield f"{group.name} and {baseline.name} do not differ significantly in {names} ({_sizes(group, baseline)})"
    if same:
        yield f"{_listed([FIXED[key] for key in same])} {'is' if len(same) == 1 else 'are'} the same in both"


def _tied(key: str, contrast: Difference, baseline: Group) -> bool:
    """Whether the difference is less than float32 carries."""
    repeats = baseline.repeats(key)
    assert repeats is not None
    return math.isclose(repeats.mean + contrast.value, repeats.mean, rel_tol=TIE)


def _excludes_zero(contrast: Difference) -> bool:
    return contrast.interval is not None and (contrast.interval[0] > 0 or contrast.interval[1] < 0)


def _clause(key: str, contrast: Difference, runs: int, than: str) -> str:
    """`a lower effective rank of z than moco, by 7.5 [3.2, 11.8] in 3 of 3 seeds`."""
    word, sign = ("higher", 1) if contrast.value > 0 else ("lower", -1)
    by = figures(abs(contrast.value))
    if contrast.interval is not None:
        low, high = sorted(sign * end for end in contrast.interval)
        by = bracketed(abs(contrast.value), (low, high))
    seeds = f" in {contrast.agree} of {runs} seeds" if contrast.agree is not None and runs > 1 else ""
    return f"a {word} {FIXED[key]}{than}, by {by}{seeds}"


def _caution(group: Group, baseline: Group) -> list[str]:
    """That single runs say nothing about others, where there are some, and of what."""
    few = min((group, baseline), key=lambda side: len(side.runs))
    if len(few.runs) > 1:
        return []
    trained = group.runs[0].settings and baseline.runs[0].settings
    each = "one seed each" if trained else "one input each"
    which = each if len(group.runs) == len(baseline.runs) else f"{few.name} is a single run"
    return [f"{which}, so nothing says that it would repeat"]


def _sizes(group: Group, baseline: Group) -> str:
    sizes = len(group.runs), len(baseline.runs)
    return f"{sizes[0]} runs each" if sizes[0] == sizes[1] else f"{sizes[0]} and {sizes[1]} runs"


def _spoiled(collapsed: dict[str, str]) -> Iterator[str]:
    """The gravest first: a space that is one point, whose ranks are those of noise."""
    for where in dict.fromkeys(collapsed.values()):
        names = [FIXED[key] for key in collapsed if collapsed[key] == where]
        yield f"{where}, so {_listed(names)} {'is' if len(names) == 1 else 'are'} not compared"


def _refused(refusals: dict[str, str]) -> Iterator[str]:
    """Metrics that are not compared, those with one reason together."""
    for why in dict.fromkeys(refusals.values()):
        names = [FIXED[key] for key in refusals if refusals[key] == why]
        yield f"{_listed(names)} {'is' if len(names) == 1 else 'are'} not compared, for {why}"


def _listed(names: Sequence[str], last: str = " and ") -> str:
    """`a, b and c`."""
    return f"{', '.join(names[:-1])}{last}{names[-1]}" if len(names) > 1 else names[0]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"

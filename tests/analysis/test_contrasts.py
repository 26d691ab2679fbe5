"""The finding of a comparison: groups with planted numbers, whose sentence is known."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from scipy import stats

from collapse_cli import cli
from collapse_cli.analysis.contrasts import Together, finding, together
from collapse_cli.analysis.merging import Group, Single
from collapse_cli.analysis.sides import KEYS, differences, side_by_side
from collapse_cli.answers import Verdict, answer
from collapse_cli.metric import Metric
from collapse_cli.views.document import document

SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())

HEALTHY, COLLAPSED = Verdict("healthy", "healthy"), Verdict("complete collapse", "a point")


def metric(value: float, null: float | None = 60.0) -> Metric:
    return {
        "kind": "number", "label": "a number", "help": "help", "unit": "", "convention": "",
        "value": value, "null": null, "interval": None, "better": "high",
    }  # fmt: skip


def planted(
    name: str, *, z: Verdict = HEALTHY, seeds: tuple[int, ...] = (), trained: bool = True, null: float = 60.0,
    **numbers: tuple[float, ...],
) -> Group:  # fmt: skip
    """A group of runs. numbers: their values, `rank_h` for the effective rank of h, `rank_z`, `linear`."""
    names = {"rank_h": "effective_rank.h", "rank_z": "effective_rank.z", "linear": "linear.h"}
    count = len(next(iter(numbers.values())))
    settings: dict[str, Any] = {"method": name} if trained else {}
    runs = [
        Single(
            {"path": f"{name}-{run}"},
            {names.get(key, key): metric(values[run], null) for key, values in numbers.items()},
            {"h": HEALTHY, "z": z}, {}, settings, (seeds or range(count))[run] if trained else None,
        )
        for run in range(count)
    ]  # fmt: skip
    return Group(name, tuple(runs), tuple(range(count)))


MOCO = planted("moco", rank_h=(18.0, 19.0, 18.5), rank_z=(3.0, 3.5, 3.2), linear=(0.95, 0.97, 0.96))


def said(group: Group, baseline: Group = MOCO) -> str:
    return finding(group, baseline, together([group], baseline))


def test_what_is_told_apart_is_said_with_its_simultaneous_interval() -> None:
    """Differences of the rank of z 28.0, 28.6, 28.3: mean 28.3, and t of two degrees at 1 - .05/6 is 7.65, times .3/sqrt(3)."""
    simsiam = planted(
        "simsiam", rank_h=(18.5, 18.2, 18.9), rank_z=(31.0, 32.1, 31.5), linear=(0.96, 0.96, 0.95)
    )
    half = stats.t.ppf(1 - 0.05 / 6, 2) * 0.3 / math.sqrt(3)
    assert said(simsiam) == (
        f"simsiam has a higher effective rank of z than moco, by 28.3 [{28.3 - half:.1f}, {28.3 + half:.1f}] in 3 of 3 seeds; "
        "effective rank of h and linear accuracy of h do not differ significantly."
    )


def test_two_that_are_told_apart_stand_together_and_a_lower_one_has_its_size() -> None:
    other = planted("byol", rank_h=(8.0, 9.1, 8.4), rank_z=(31.0, 32.1, 31.5), linear=(0.951, 0.969, 0.962))
    sentence = said(other)
    assert sentence.startswith("byol has a lower effective rank of h than moco, by 10.00 [")
    assert ", and a higher effective rank of z, by 28.3 [" in sentence
    low, high = (float(end) for end in sentence.partition("by 10.00 [")[2].partition("]")[0].split(", "))
    assert (low + high) / 2 == pytest.approx(10, abs=0.01)
    assert sentence.endswith("in 3 of 3 seeds; linear accuracy of h does not differ significantly.")


def test_nothing_is_told_apart() -> None:
    other = planted("byol", rank_h=(18.2, 18.8, 18.6), rank_z=(3.3, 3.1, 3.4), linear=(0.96, 0.96, 0.961))
    assert said(other) == (
        "byol and moco do not differ significantly in effective rank of h, effective rank of z or linear accuracy of h (3 "
        "runs each)."
    )


@pytest.mark.parametrize(("runs", "of_baseline", "sizes"), [(2, 3, "2 and 3 runs"), (3, 2, "3 and 2 runs")])
def test_what_is_not_told_apart_says_of_how_many_runs(runs: int, of_baseline: int, sizes: str) -> None:
    """10 and 12.5 have a mean of 11.25, with 11 it is 11.17: far less apart than the runs of either."""
    group, baseline = (
        planted(name, rank_h=(10.0, 12.5, 11.0)[:n]) for name, n in (("b", runs), ("a", of_baseline))
    )
    sentence = said(group, replace(baseline, runs=tuple(replace(run, seed=None) for run in baseline.runs)))
    assert sentence == f"b and a do not differ significantly in effective rank of h ({sizes})."


@pytest.mark.parametrize(
    ("trained", "baseline_runs", "caution"),
    [(True, 1, "one seed each"), (False, 1, "one input each"), (True, 3, "b is a single run")],
)
def test_single_runs_say_nothing_about_others(trained: bool, baseline_runs: int, caution: str) -> None:
    first = planted("a", trained=trained, rank_h=(10.0, 10.5, 11.0)[:baseline_runs])
    second = planted("b", trained=trained, rank_h=(12.5,))
    difference = {1: "2.5", 3: "2"}[baseline_runs]
    assert said(second, first) == (
        f"b has a higher effective rank of h than a, by {difference}; {caution}, so nothing says that it would repeat."
    )


def test_the_rank_of_a_collapsed_space_is_not_compared() -> None:
    """It is rounding noise's; h did not collapse."""
    group = planted("positive-only", z=COLLAPSED, rank_h=(18.0,), rank_z=(40.0,))
    baseline = planted("moco", rank_h=(18.0,), rank_z=(3.0,))
    assert said(group, baseline) == (
        "positive-only has collapsed completely in z, so effective rank of z is not compared; "
        "effective rank of h is the same in both; one seed each, so nothing says that it would repeat."
    )


def test_ranks_of_other_nulls_are_not_compared() -> None:
    """11 of 16 dimensions and 12 of 64."""
    group, baseline = planted("wide", null=62.0, rank_h=(12.0,)), planted("small", null=16.0, rank_h=(11.0,))
    assert said(group, baseline) == "Effective rank of h is not compared, for the nulls differ (62 and 16)."


def test_nothing_of_the_three_was_measured() -> None:
    group, baseline = planted("b", lidar=(1.0,)), planted("a", lidar=(2.0,))
    assert said(group, baseline) == (
        "Neither effective rank of h nor effective rank of z nor linear accuracy of h was measured of both b and a."
    )


def test_the_correction_counts_metrics_and_groups_and_no_values() -> None:
    """Three metrics and the two groups that were repeated; a single run has no interval and costs none."""
    repeated = [planted(name, rank_h=(1.0, 2.0), rank_z=(1.0, 2.0), linear=(0.5, 0.6)) for name in ("a", "b")]
    single = planted("c", rank_h=(1.0,), rank_z=(1.0,), linear=(0.5,))
    assert together([*repeated, single], MOCO) == Together(3, 2)
    assert together([*repeated, single], MOCO).settings == {
        "simultaneous intervals": "95 % for all together, over 3 metrics and 2 groups (Bonferroni)"
    }
    assert together([single], MOCO).settings == {}


def test_every_other_group_has_its_finding_and_its_intervals() -> None:
    """Over 3 metrics and 2 groups: t of two degrees of freedom at 1 - .05 / 12, beside the usual one at .975."""
    groups = [MOCO] + [
        planted(name, rank_h=(20.0, 22.0, 23.0), rank_z=(3.0, 4.0, 5.0), linear=(0.9, 0.91, 0.93))
        for name in ("a", "b")
    ]
    entries = differences(groups, MOCO)
    assert [entry.subject for entry in entries] == ["a", "b"]
    for entry in entries:
        assert entry.answer.startswith(f"{entry.subject} and moco do not differ significantly")
        assert {"effective_rank.h", "effective_rank.z", "linear.h"} <= set(entry.metrics)
        narrow, wide = (entry.metrics["effective_rank.h"][part] for part in ("interval", "simultaneous"))
        ratio = (wide[1] - wide[0]) / (narrow[1] - narrow[0])
        assert ratio == pytest.approx(stats.t.ppf(1 - 0.05 / 12, 2) / stats.t.ppf(0.975, 2))
    whole = json.loads(json.dumps(document(answer("compare", [*side_by_side(groups), *entries]))))
    jsonschema.validate(whole, SCHEMA)
    assert whole["results"][-1]["metrics"]["linear.h"]["simultaneous"] == list(
        entries[1].metrics["linear.h"]["simultaneous"]
    )


def test_ten_numbers_are_shown_and_of_h_where_there_is_no_z() -> None:
    both = dict.fromkeys((*KEYS, "rankme.h", "alignment.h", "std_sqrt_d.h"), (1.0, 2.0))
    (whole,) = side_by_side([planted("a", **both)])
    assert whole.key_numbers == KEYS
    assert len(KEYS) == 10
    of_h = {key: values for key, values in both.items() if key.endswith(".h")}
    (bare,) = side_by_side([planted("a", **of_h)])
    assert bare.key_numbers == (
        "effective_rank.h", "linear.h", "active.h", "std_sqrt_d.h", "alignment.h", "view_ratio.h", "knn.h",
    )  # fmt: skip


def test_one_group_has_nothing_beside_it() -> None:
    (entry,) = side_by_side([MOCO])
    assert entry.answer == (
        "All 3 inputs are runs of moco that differ in nothing but their seed, so there is no other group to compare them with."
    )
    assert side_by_side([MOCO, planted("a", rank_h=(1.0,))])[0].answer == ""

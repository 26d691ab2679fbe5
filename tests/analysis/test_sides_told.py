"""Groups side by side and a gate's checks, of planted numbers: marks, shared settings, verdicts, spaces, tolerances, bounds."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from collapse_cli.analysis import check_sentences, checks, compare, gate, merging, named, names, sides
from collapse_cli.analysis.checks import Baseline
from collapse_cli.analysis.merging import Group, Single, near
from collapse_cli.analysis.portrait import Portrait
from collapse_cli.analysis.terms import read
from collapse_cli.answers import Entry, Verdict, answer
from collapse_cli.errors import CollapseError
from collapse_cli.metric import Metric
from collapse_cli.metrics.requirements import parse
from collapse_cli.metrics.tolerances import Tolerance

HEALTHY, POINT = Verdict("healthy", "It is."), Verdict("complete collapse", "A point.")


def metric(value: Any, **parts: Any) -> Metric:
    whole: Any = {
        "kind": "number", "label": "a number", "help": "help", "unit": "", "convention": "",
        "value": value, "null": None, "interval": None,
    }  # fmt: skip
    return whole | parts


def group(*runs: dict[str, Metric], **parts: Any) -> Group:
    """Runs of these numbers. settings, verdicts: of every run."""
    given: dict[str, Any] = {"settings": {}, "verdicts": {"h": HEALTHY}, "measuring": {}} | parts
    every = tuple(
        Single({"path": f"a/{n}"}, numbers, given["verdicts"], given["measuring"], given["settings"], n)
        for n, numbers in enumerate(runs)
    )
    return Group(given.get("name", "a"), every, tuple(range(len(runs))))


def course(*values: float, **parts: Any) -> Metric:
    whole: Any = {"kind": "curve", "label": "a curve", "help": "help", "x": "place", "sketch": True}
    return whole | {"values": list(values), "at": None, "null": None} | parts


# --- side by side --------------------------------------------------------------------------------------------------------------


def test_what_is_the_same_in_all_runs_is_a_setting() -> None:
    """Unless it declares that it is a finding; spaces that agree share one name."""
    first = {
        "samples.h": metric(60), "samples.z": metric(60), "dimensions.h": metric(4), "dimensions.z": metric(2),
        "rank.h": metric(3.0, better="high"), "epochs": metric(7),
    }  # fmt: skip
    groups = [group(first), group(first | {"epochs": metric(8)})]
    assert sides._brief(sides._shared(groups)) == {"samples": 60, "dimensions.h": 4, "dimensions.z": 2}
    one, other = sides.side_by_side(groups)
    assert set(one.metrics) == {"rank.h", "epochs"}
    assert one.settings == {
        "runs": 1,
        "seeds of the runs": [0],
        "samples": 60,
        "dimensions.h": 4,
        "dimensions.z": 2,
    }
    assert other.metrics["epochs"]["value"] == 8


@pytest.mark.parametrize(
    ("runs", "spread"),
    [
        ([(1, 2)], {"interval": [[0, 0], [9, 9]]}),
        ([(1, 2), (3, 6)], {"lowest": [1, 2], "highest": [3, 6]}),
    ],
)
def test_the_interval_of_a_curve_gives_way_to_the_spread_of_its_runs(
    runs: list[Any], spread: dict[str, Any]
) -> None:
    """A single run has no spread, and its curve stays as uncertain as it is alone. Names of places stay."""
    inner = {"interval": [[0, 0], [9, 9]], "names": ["a", "b"]}
    (entry,) = sides.side_by_side([group(*({"rank.h": course(*values, **inner)} for values in runs))])
    means = [sum(at) / len(runs) for at in zip(*runs, strict=True)]
    assert entry.metrics["rank.h"] == course(*means, names=["a", "b"], **spread)


def test_names_of_places_stay_where_all_runs_agree() -> None:
    runs = [{"rank.h": course(1, 2, names=names)} for names in (["a", "b"], ["a", "c"])]
    (entry,) = sides.side_by_side([group(*runs)])
    assert "names" not in entry.metrics["rank.h"]
    assert entry.metrics["rank.h"]["values"] == [1, 2]


def marks(*groups: Group) -> list[Any]:
    return sides._marks("rank.h", groups)


def test_the_best_is_marked_where_numbers_mean_the_same() -> None:
    """Nulls less than 2 % apart are one; a null that is not known is like none that is."""

    def of(
        value: float, null: float | None = 10.0, better: str | None = "high", status: Verdict = HEALTHY
    ) -> Group:
        ranked = {"better": better} if better else {}
        return group({"rank.h": metric(value, null=null, **ranked)}, verdicts={"h": status})

    assert marks(of(1), of(2)) == [None, "value"]
    assert marks(of(1, better="low"), of(2, better="low")) == ["value", None]
    assert marks(of(1, better=None), of(2, better=None)) == [None, None]
    assert marks(of(1), of(2, null=10.2)) == [None, "value"]
    assert marks(of(1), of(2, null=10.21)) == [None, None]
    assert marks(of(1), of(2, null=None)) == [None, None]
    assert marks(of(9, status=POINT), of(1), of(2)) == [None, None, "value"]
    assert marks(of(9, null=99.0, status=POINT), of(1), of(2)) == [None, None, "value"]


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [(10.0, 10.0, True), (10.0, 9.8, True), (10.0, 9.79, False), (None, None, True), (None, 1.0, False),
     (0.0, 0.0, True), (0.0, 1e-9, False), (math.inf, math.inf, True)],
)  # fmt: skip
def test_nulls_are_one_up_to_two_percent(first: float | None, second: float | None, one: bool) -> None:
    assert near(first, second) is near(second, first) is one


def test_a_mean_over_runs_is_none_where_one_is_not_known() -> None:
    assert merging.mean([1.0, 3.0]) == 2.0
    assert merging.mean([1.0, None]) is None


def test_a_group_is_merged_number_by_number() -> None:
    """Of 1, 2, 6: mean 3, and a standard deviation of sqrt((4 + 1 + 9) / 2) = sqrt(7), which is the interval's half."""
    runs = [
        {"rank.h": metric(value, null=value + 10, interval_is="own", interval=[0, 9])}
        for value in (1.0, 2.0, 6.0)
    ]
    merged = sides._merged(group(*runs), "rank.h", "apart")
    half = math.sqrt(7)
    assert (merged["value"], merged["null"]) == (3.0, 13.0)
    assert merged["interval"] == pytest.approx([3 - half, 3 + half])
    assert "interval_is" not in merged
    assert (merged["best"], merged["runs"]) == ("apart", [1.0, 2.0, 6.0])
    alone = sides._merged(group(runs[0]), "rank.h", None)
    assert (alone["value"], alone.get("best")) == (1.0, None)
    unknown = sides._merged(group(runs[0], {"rank.h": metric(None)}), "rank.h", None)
    assert (unknown["value"], unknown["null"], unknown["interval"], unknown["runs"]) == (
        None,
        None,
        None,
        [1.0, None],
    )


def curve(*values: float | None, **parts: Any) -> dict[str, Metric]:
    whole: Any = {"kind": "curve", "label": "a curve", "values": list(values), "null": None} | parts
    return {"line.h": whole}


def test_curves_are_merged_point_by_point() -> None:
    """1, 5 and 3, 1: means 2 and 3, ends 1 to 3 and 1 to 5; of one run there is no spread, and a gap stays one."""
    both = sides._merged(group(curve(1, 5, initial=[4, 4]), curve(3, 1, initial=[0, 2])), "line.h", None)
    assert (both["values"], both["lowest"], both["highest"], both["null"], both["initial"]) == (
        [2, 3], [1, 1], [3, 5], None, [2, 3],
    )  # fmt: skip
    alone = sides._merged(group(curve(1, 5)), "line.h", None)
    assert alone["values"] == [1, 5]
    assert "lowest" not in alone
    assert "initial" not in alone
    gap = sides._merged(group(curve(1, None, initial=[1, 1]), curve(3, 1)), "line.h", None)
    assert (gap["values"], gap["lowest"]) == ([2, None], [1, None])
    assert gap.get("initial") == [1, 1]  # that of the first run, for the second has none to be averaged with


def test_settings_in_which_groups_differ_stand_beside_each() -> None:
    groups = [
        group({}, settings={"method": "a", "lr": 1, "batch": 8}),
        group({}, settings={"method": "b", "lr": 2, "batch": 8, "queue": 4}),
        group({}, settings={"method": "c", "lr": 1, "batch": 8, "queue": 5}),
    ]
    assert sides._differing(groups) == [
        {"lr": 1, "queue": None}, {"lr": 2, "queue": 4}, {"lr": 1, "queue": 5},
    ]  # fmt: skip


def of_verdicts(*statuses: Any, lead: str = "") -> Verdict | None:
    runs = tuple(
        Single({}, {}, {} if each is None else {"h": Verdict(each, f"Run {n}.", borderline=True, findings=("f",), lead=lead)},
               {}, {}, n)
        for n, each in enumerate(statuses)
    )  # fmt: skip
    return sides._verdict(Group("a", runs, tuple(range(len(runs)))))


def test_a_group_is_judged_as_all_of_its_runs_are() -> None:
    """A single run by its own sentence; runs that disagree are inconclusive; one without a verdict leaves none."""
    alone = of_verdicts("healthy", lead="About the others:")
    assert alone == Verdict("healthy", "Run 0.", borderline=True, findings=("f",), lead="About the others:")
    assert of_verdicts("healthy", "healthy") == Verdict("healthy", "The verdict on h of both runs.")
    assert of_verdicts("healthy", "healthy", "healthy") == Verdict(
        "healthy", "The verdict on h of all 3 runs."
    )
    differ = of_verdicts("healthy", "dimensional collapse", "healthy")
    assert differ == Verdict(
        "inconclusive", "The verdicts on h differ: 2 × healthy, 1 × dimensional collapse."
    )
    assert of_verdicts("healthy", None) is None


def test_a_headline_number_is_shown_where_none_of_the_usual_was_measured() -> None:
    """Ten of them at most, and no curve."""
    numbers = {f"n{k}.h": metric(k, headline=True) for k in range(12)} | curve(1, headline=True)
    assert sides._key_numbers(numbers) == [f"n{k}.h" for k in range(10)]
    assert sides._key_numbers({"a.h": metric(1), "active.h": metric(2)}) == ["active.h"]


def test_differences_say_how_their_intervals_came_about() -> None:
    """Paired by seed where both have the same seeds; a single run has none."""
    numbers = [{"linear.h": metric(value, better="high", null=0.1)} for value in (0.5, 0.6, 0.8)]
    first, second = group(*numbers, name="a"), group(*[{"linear.h": metric(0.9)}] * 3, name="b")
    (entry,) = sides.differences([first, second], first)
    assert entry.settings["interval"] == "95 % t, paired by seed"
    assert (entry.settings["runs"], entry.settings["runs of the baseline"]) == (3, 3)
    difference = entry.metrics["linear.h"]
    assert difference["value"] == pytest.approx(0.9 - 1.9 / 3)
    assert difference["agree"] == [3, 3]
    assert difference["null"] is None
    assert difference["simultaneous"] == pytest.approx(difference["interval"])
    (single,) = sides.differences([first, group(numbers[0], name="c")], first)
    assert single.settings["interval"] == "none, a single run"
    assert single.metrics["linear.h"]["interval"] is None
    (other,) = sides.differences([first, group(*numbers[:2], name="d")], first)
    assert other.settings["interval"] == "95 % t, Welch"
    assert sides.differences([first, group(*numbers, name="e")], first)[0].metrics["linear.h"]["value"] == 0


def test_what_a_collapse_spoils() -> None:
    """A number of the space itself, and one that counts directions of another: random weights make many of them active."""
    numbers = {
        "active.h": metric(3, null_is="isotropic"), "knn.h": metric(3, null_is="shuffled"), "knn.z": metric(1), "all": metric(1),
    }  # fmt: skip
    one = group(numbers, verdicts={"h": HEALTHY, "z": POINT})
    spoiled = {key: one.spoiled_by(key) for key in numbers}
    assert spoiled == {"active.h": "z", "knn.h": "", "knn.z": "z", "all": ""}
    assert group(numbers).spoiled_by("active.h") == ""
    assert one.space == "z"
    assert group({"a.head": metric(1)}, verdicts={}).space == "head"


def test_a_baseline_is_a_group_or_the_path_of_a_run() -> None:
    first, second = group({}, {}, name="moco"), group({}, name="vicreg")
    second = replace(second, runs=(replace(second.runs[0], facts={"path": "b/0"}),))
    for text, chosen in (("", first), ("moco", first), ("a/1", first), ("vicreg", second), ("b/0", second)):
        assert compare._chosen([first, second], text) is chosen
    with pytest.raises(CollapseError, match="there is no such group"):
        compare._chosen([first, second], "b/1")


def test_a_setting_of_two_answers_that_differ_is_told_by_the_command() -> None:
    """The settings are those of the last space of each answer."""

    def of(command: str, *settings: dict[str, Any]) -> Any:
        return answer(command, [Entry("a", {}, settings=each) for each in settings])

    merged = compare._measuring(
        [of("spectrum", {"N": 1}, {"N": 60, "seed": 0}), of("probe", {"N": 48, "seed": 0})]
    )
    assert merged == {"N": 60, "seed": 0, "probe N": 48}


@pytest.mark.parametrize(
    ("paths", "short"),
    [
        (["x/a/rows.npy", "x/b/rows.npy"], ["a", "b"]),
        (["x/a.npy"], ["a.npy"]),
        (["a/b/c", "d/b/c"], ["a", "d"]),
        (["a/b/c", "d/e/c"], ["b", "e"]),
        (["a/r", "b/s"], ["r", "s"]),
        (["r", "a/r"], ["r", "a/r"]),
        (["a/b", "c/b", "c/d"], ["a/b", "c/b", "d"]),
        ([], []),
    ],
)
def test_paths_are_called_by_what_tells_them_apart(paths: list[str], short: list[str]) -> None:
    assert names.of_paths(paths) == short


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"lr": 0.1}, "moco lr 0.1"), ({"recipe": ""}, "moco no recipe"), ({"mask_own": True}, "moco mask own"),
     ({"mask_own": False}, "moco no mask own"), ({"dataset": "digits"}, "moco digits")],
)  # fmt: skip
def test_a_group_is_called_by_what_is_unusual(settings: dict[str, Any], name: str) -> None:
    """What most groups of the method share is not said; of two that differ, each is."""
    (key,) = settings
    usual = {"method": "moco", key: "another"}
    assert names.group_names([usual, usual | settings, usual]) == ["moco", name, "moco"]
    assert names.group_names([{"method": "moco"} | settings]) == ["moco"]
    assert names.group_names([usual, usual | settings])[1] == name


# --- a gate --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "borderline", "by_this_space", "strict", "result"),
    [
        ("complete collapse", True, False, False, "fail"),
        ("complete collapse", True, True, True, "fail"),
        ("healthy", False, True, True, "pass"),
        ("healthy", True, True, True, "inconclusive"),
        ("healthy", True, False, True, "pass"),
        ("healthy", True, True, False, "pass"),
        ("inconclusive", False, True, False, "inconclusive"),
        ("inconclusive", False, True, True, "fail"),
        ("inconclusive", False, False, True, "fail"),
        ("dimensional collapse", False, True, False, "warn"),
        ("dimensional collapse", False, True, True, "fail"),
        ("dimensional collapse", True, True, True, "inconclusive"),
        ("dimensional collapse", False, False, False, "pass"),
        ("dimensional collapse", False, False, True, "warn"),
    ],
)
def test_what_a_verdict_means_for_a_gate(
    status: str, borderline: bool, by_this_space: bool, strict: bool, result: str
) -> None:
    """The rule of docs/gates, case by case: few dimensions of a projection are usual, and a borderline more may decide."""
    assert gate._result(Verdict(status, "", borderline=borderline), by_this_space, strict) == result


@pytest.mark.parametrize(
    ("counts", "status", "sentence"),
    [
        ({"pass": 1}, "passed", "1 check passed."),
        ({"pass": 2, "warn": 1}, "passed", "3 checks passed, 1 with a warning."),
        ({"fail": 1}, "failed", "1 of 1 check failed."),
        ({"fail": 1, "inconclusive": 2, "pass": 3, "warn": 4}, "failed",
         "1 of 10 checks failed, 2 undecided, 3 passed, 4 with a warning."),
        ({"inconclusive": 2, "pass": 1}, "inconclusive", "2 of 3 checks could not be decided, 1 passed."),
        ({"inconclusive": 1, "warn": 1}, "inconclusive",
         "1 of 2 checks could not be decided, 1 with a warning."),
    ],
)  # fmt: skip
def test_a_gate_counts_its_checks(counts: dict[str, int], status: str, sentence: str) -> None:
    every = dict.fromkeys(("pass", "fail", "inconclusive", "warn"), 0) | counts
    assert gate._sentence(every, sum(counts.values())) == (status, sentence)


def test_what_passes_says_what_else_there_is() -> None:
    def of(**parts: Any) -> Entry:
        return Entry("a", {}, "h", verdict=Verdict("healthy", "It is.", result="pass", **parts))

    assert list(gate._notes([of(borderline=True, lead="Led.")])) == ["h: healthy, borderline. It is."]
    assert list(gate._notes([of(lead="Led.", findings=("Found.",))])) == ["h: Led.", "h: Found."]
    failed = Entry("a", {}, "h", verdict=Verdict("healthy", "It is.", result="warn", lead="Led."))
    assert list(gate._notes([failed, Entry("a", {})])) == []


def portrait(
    numbers: dict[str, Metric], verdicts: dict[str, Verdict] | None = None, **parts: Any
) -> Portrait:
    """An answer that holds these numbers by name and space."""
    of_space: dict[str, dict[str, Metric]] = {}
    for key, each in numbers.items():
        name, _, space = key.rpartition(".")
        of_space.setdefault(space, {})[name] = each
    entries = [
        Entry("a", of_name, space, verdict=(verdicts or {}).get(space), named_kind="whole")
        for space, of_name in of_space.items()
    ]
    return Portrait({"path": "a"}, [answer("spectrum", entries)], **parts)


def baseline(**parts: Any) -> Baseline:
    return Baseline("base", portrait({"effective_rank.h": metric(20.0, better="high", **parts)}))


def beside(value: Any, allowed: str = "5%", **parts: Any) -> tuple[str, str]:
    """What becomes of the rank of h of an input beside 20 of the baseline."""
    here = {} if value is None else {"effective_rank.h": metric(value, better="high")}
    row = checks.compared(here, baseline(**parts), read([], [], [allowed], strict=False, baseline=True))
    required = row["effective_rank.h"]["required"]
    return required["result"], required["sentence"]


@pytest.mark.parametrize(
    ("value", "allowed", "result"),
    [(19.0, "5%", "pass"), (18.99, "5%", "fail"), (19.9, "0.1", "pass"), (19.89, "0.1", "fail"), (20.0, "0", "pass"),
     (19.99, "0", "fail"), (30.0, "0", "pass")],
)  # fmt: skip
def test_no_worse_than_the_baseline_less_the_tolerance(value: float, allowed: str, result: str) -> None:
    """5 % of 20 is 1, so 19 is the bound, which itself passes."""
    assert beside(value, allowed)[0] == result


def test_what_a_comparison_with_a_baseline_says() -> None:
    assert beside(18.0)[1] == "effective_rank.h 18 is below 19 (the baseline's 20 less 5%)"
    assert beside(19.0, "0")[1] == "effective_rank.h 19 is below 20 (the baseline's 20)"
    assert beside(None)[1].endswith("it was not measured here")
    assert beside(18.0, convention="of old") == (
        "inconclusive",
        "effective_rank.h 18 is not known to be at least 19 (the baseline's 20 less 5%): "
        "the baseline's is measured by another convention, of old",
    )
    result, sentence = beside(18.0, interval=[-1.0, 41.0])
    assert result == "pass"
    assert "so near 0 that 5% of it says nothing" in sentence
    assert "(the baseline's 20 less 1): " in beside(18.0, "1", interval=[-1.0, 41.0])[1]
    low = Baseline("base", portrait({"distance.h": metric(0.5, better="low")}))
    terms = read([], [], ["0.25"], strict=False, baseline=True)
    row = checks.compared({"distance.h": metric(0.875)}, low, terms)["distance.h"]
    assert (row["required"]["bound"], row["required"]["result"]) == (0.75, "fail")
    assert row["required"]["sentence"] == "distance.h 0.875 is above 0.75 (the baseline's 0.5 plus 0.25)"


def test_equal_at_every_digit_that_is_shown_but_not_equal() -> None:
    """19.99999 misses 20; both would be written 20, so eight digits are."""
    said = check_sentences.sentence("rank", metric(19.99999), ">=", 20.0, "fail")
    assert said == "rank 19.99999 is below 20"
    assert (
        check_sentences.sentence("rank", metric(19.0), ">=", 20.0, "pass") == "rank 19 cannot be told from 20"
    )
    assert check_sentences.sentence("rank", metric(20.0), ">=", 20.0, "pass") == "rank 20 is at least 20"
    assert check_sentences.sentence("rank", metric(21.0), "<", 20.0, "fail") == "rank 21 is not below 20"


@pytest.mark.parametrize(
    ("here", "there", "refused"),
    [
        ({"samples.h": 102}, {"samples.h": 100}, False),
        ({"samples.h": 103}, {"samples.h": 100}, True),
        ({"samples.h": 97}, {"samples.h": 100}, True),
        ({"samples.h": 98}, {"samples.h": 100}, False),
        ({"dimensions.h": 65}, {"dimensions.h": 64}, True),
        ({"dimensions.h": 64}, {"dimensions.h": 64}, False),
        ({"dimensions.z": 65}, {"dimensions.h": 64}, False),
        ({"active.h": 65}, {"active.h": 64}, False),
        ({"samples.h": None}, {"samples.h": 100}, False),
    ],
)
def test_sizes_that_decide_the_null(here: dict[str, Any], there: dict[str, Any], refused: bool) -> None:
    """Samples may be 2 % more or fewer, dimensions must be the same."""
    base = Baseline("base", portrait({key: metric(value) for key, value in there.items()}))
    measured = {key: metric(value) for key, value in here.items()}
    if not refused:
        checks.refuse_sizes(measured, base, "a")
        return
    with pytest.raises(CollapseError, match="they cannot be compared"):
        checks.refuse_sizes(measured, base, "a")


def row(result: str, of: str = "rank.h") -> Metric:
    return metric(1.0, required={"of": of, "result": result, "sentence": "It was so."})


def test_what_fails_stands_first_and_nothing_of_a_point_passes() -> None:
    rows = {"a": row("pass"), "b": row("inconclusive"), "c": row("fail"), "d": row("pass", "rank.z")}
    settled = checks.settled(rows, {"z"}, strict=False)
    assert {key: each["required"]["result"] for key, each in settled.items()} == {
        "c": "fail", "d": "fail", "b": "inconclusive", "a": "pass",
    }  # fmt: skip
    assert list(settled) == ["c", "d", "b", "a"]
    assert settled["d"]["required"]["sentence"] == "rank.z is void: z has collapsed completely"
    strict = checks.settled(rows, set(), strict=True)
    assert {key: each["required"]["result"] for key, each in strict.items()} == {
        "a": "pass", "b": "fail", "c": "fail", "d": "pass",
    }  # fmt: skip


def test_a_share_of_the_baseline_is_required() -> None:
    """95 % of 20 is 19."""
    for value, result in ((19.0, "pass"), (18.9, "fail")):
        required = checks.required(
            parse("effective_rank.h >= 95% of baseline"), metric(value, low=0), baseline()
        )
        assert required["required"]["result"] == result
        assert required["required"]["bound"] == 19
    other = checks.required(
        parse("effective_rank.h >= 95% of baseline"), metric(1.0, low=0), baseline(convention="of old")
    )
    assert other["required"]["result"] == "inconclusive"
    with pytest.raises(CollapseError, match="is no finite number"):
        checks.required(
            parse("effective_rank.h >= 95% of baseline"), metric(1.0, low=0),
            Baseline("base", portrait({"effective_rank.h": metric(None)})),
        )  # fmt: skip
    with pytest.raises(CollapseError, match="has collapsed completely"):
        checks.required(
            parse("effective_rank.h >= 95% of baseline"), metric(1.0, low=0),
            Baseline("base", portrait({"effective_rank.h": metric(1.0)}, {"h": POINT})),
        )  # fmt: skip
    with pytest.raises(CollapseError, match="this number has no null"):
        checks.required(parse("effective_rank.h >= 95% of null"), metric(1.0, low=0), None)


@pytest.mark.parametrize(
    ("names", "key", "covered"),
    [(["rank"], "rank.h", True), (["rank.h"], "rank.h", True), (["rank.z"], "rank.h", False), (["ran"], "rank.h", False),
     (["lost"], "lost", True)],
)  # fmt: skip
def test_a_name_covers_its_number_in_every_space(names: list[str], key: str, covered: bool) -> None:
    assert checks._covers(names, key) is covered


@pytest.mark.parametrize(
    ("name", "why", "remedy"),
    [
        ("rank.z", "its z has collapsed completely", "take a baseline that has not collapsed"),
        ("count", "this number is neither better high nor low", "give it a bound: require count >= NUMBER"),
        ("rank.h", "it is not among those that are compared", "name it in 'only' too"),
        ("nothing", "the baseline does not hold it", ""),
    ],
)
def test_why_a_number_is_not_compared(name: str, why: str, remedy: str) -> None:
    base = Baseline("base", portrait(
        {"rank.h": metric(1.0, better="high"), "rank.z": metric(1.0, better="high"), "count.h": metric(1)}, {"z": POINT},
    ))  # fmt: skip
    with pytest.raises(CollapseError) as caught:
        checks._refuse_uncompared("only", name, {}, base)
    assert why in caught.value.message
    assert remedy in caught.value.hint
    checks._refuse_uncompared("only", "rank", {"rank.h": metric(1.0)}, base)


def test_a_name_without_a_space_is_of_z_before_h_before_the_head() -> None:
    for spaces, chosen in (("hz", "z"), (("h", "head"), "h"), (("head",), "head")):
        measured = {f"rank.{space}": metric(1.0) for space in spaces}
        assert named.resolve("rank", measured, portrait(measured), "a") == f"rank.{chosen}"
    assert named.resolve("lost", {"lost": metric(1)}, portrait({}), "a") == "lost"
    assert named.resolve("rank.h", {"rank.h": metric(1), "rank.z": metric(1)}, portrait({}), "a") == "rank.h"


@pytest.mark.parametrize(
    ("name", "saved", "hint"),
    [
        ("linear", False, "--labels FILE"),
        ("alignment", False, "augmented pairs"),
        ("coverage", False, "--baseline"),
        ("linear", True, "a saved answer holds what its own command measured"),
        ("rnak.h", False, "rank.h"),
    ],
)
def test_what_a_number_that_was_not_measured_needs(name: str, saved: bool, hint: str) -> None:
    whole: Any = SimpleNamespace(saved=saved)
    assert hint in named.remedy(name, {"rank.h": metric(1.0)}, whole)


def test_a_warning_says_whose_it_is_where_it_is_not_of_all() -> None:
    of_both, of_one = (
        answer("spectrum", [], warnings=["Copies."]),
        answer("probe", [], warnings=["Copies.", "k is lowered."]),
    )
    assert Portrait({}, [of_both, of_one]).warnings == ["Copies.", "probe: k is lowered."]


def test_tolerances_are_read_with_their_defaults() -> None:
    """A requirement of the baseline alone compares no other number; without a baseline nothing is compared."""
    assert not read(["rank >= 95% of baseline"], [], [], strict=False, baseline=True).compares
    assert read(["rank >= 95% of baseline"], ["rank"], [], strict=False, baseline=True).compares
    assert read(["rank >= 95% of baseline"], [], ["5%"], strict=False, baseline=True).compares
    assert read(["rank >= 1"], [], [], strict=False, baseline=True).compares
    assert not read(["rank >= 1"], [], [], strict=False, baseline=False).compares
    assert read([], [], [], strict=False, baseline=True).tolerances.general == Tolerance(0.05, True)
    for terms in ((["rank >= 95% of baseline"], [], []), ([], ["rank"], []), ([], [], ["5%"])):
        with pytest.raises(CollapseError) as caught:
            read(*terms, strict=False, baseline=False)
        assert caught.value.hint == "add --baseline"


def test_a_single_run_has_its_own_interval_and_repeated_ones_have_none() -> None:
    """Of several, their scatter says more; an end that is not finite is none at all."""
    run = {"linear.h": metric(0.5, interval=[0.4, 0.6])}
    alone, both = group(run).repeats("linear.h"), group(run, run).repeats("linear.h")
    assert alone is not None
    assert both is not None
    assert (alone.interval, both.interval) == ((0.4, 0.6), None)
    open_ended = group({"linear.h": metric(0.5, interval=[0.4, None])}).repeats("linear.h")
    assert open_ended is not None
    assert open_ended.interval is None
    assert group({"linear.h": metric(None)}).repeats("linear.h") is None

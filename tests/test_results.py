"""Results: a declaration becomes plain dicts that any JSON reader takes."""

from __future__ import annotations

import copy
import json
import math
import pickle
from dataclasses import dataclass

import pytest

from collapse_cli.answers import SCHEMA, Verdict
from collapse_cli.metric import metrics
from collapse_cli.results import curve, each, lines, matrix, number
from collapse_cli.values import Curve, Matrix, Measured
from tests.documents import answer, entry


@dataclass(frozen=True)
class Everything:
    """One of each kind.

    And more text that no title needs.
    """

    share: float = number(
        "a share", unit="share", convention="centred", null="guessing", headline=True, axis="x"
    )
    count: int = number("a count", label="how many")
    course: Curve = curve("a course", x="epoch", y="loss", log="y", null="chance", sketch=True)
    of_class: dict[str, float] = each("by class", of="class", unit="nats")
    table: tuple[tuple[float, ...], ...] = matrix("a table", rows="true", columns="found")
    maybe: int | None = number("not always measured", default=None)
    plain: str = "not declared"


def made(**changes: object) -> Everything:
    values = {
        "share": Measured(0.5, null=0.25, interval=(0.4, 0.6)),
        "count": 7,
        "course": Curve((3, 2), x=(1, 10), null=(4, 4)),
        "of_class": {"a": 1.5, "b": math.inf},
        "table": ((1.0, math.nan), (0.0, 2.0)),
    }
    return Everything(**(values | changes))


def test_a_number() -> None:
    assert metrics(made())["share"] == {
        "kind": "number", "help": "a share", "label": "share", "unit": "share", "convention": "centred",
        "null_is": "guessing", "headline": True, "axis": "x", "value": 0.5, "null": 0.25, "interval": [0.4, 0.6],
    }  # fmt: skip


def test_a_plain_number_has_no_null_and_no_interval() -> None:
    """What was not said (no axis, no headline) is left out; unit, convention, null and interval are always there."""
    found = metrics(made())["count"]
    assert found == {
        "kind": "number", "help": "a count", "label": "how many",
        "unit": "", "convention": "", "value": 7, "null": None, "interval": None, "low": 0,
    }  # fmt: skip
    assert type(found["value"]) is int


@pytest.mark.parametrize("value", [Measured(7, null=64.0), 7.0])
def test_a_count_stays_a_whole_number(value: float) -> None:
    assert json.dumps(metrics(made(count=value))["count"]["value"]) == "7"
    assert json.dumps(metrics(made(maybe=value))["maybe"]["value"]) == "7", "also where it may be absent"


def test_limits_are_said_where_there_are_some() -> None:
    """A count is never negative; other numbers have the limits that are declared."""

    @dataclass(frozen=True)
    class Limited:
        """Limited."""

        share: float = number("between the two", low=0, high=1)
        bounded: float | None = number("at most 0", high=0)
        free: float = number("anything")
        counted: int | None = number("a count")
        few: int = number("a count of at most 3", high=3)

    found = metrics(Limited(0.5, -1.0, 7.0, 2, 3))
    ends = {name: (metric.get("low"), metric.get("high")) for name, metric in found.items()}
    assert ends == {
        "share": (0, 1), "bounded": (None, 0), "free": (None, None), "counted": (0, None), "few": (0, 3)
    }  # fmt: skip


def test_a_direction_is_said_where_there_is_one() -> None:
    @dataclass(frozen=True)
    class Ranked:
        """Ranked."""

        up: float = number("high is better", better="high")
        down: float = number("low is better", better="low")
        neither: float = number("no direction")

    found = metrics(Ranked(1.0, 2.0, 3.0))
    assert [found[name].get("better") for name in ("up", "down", "neither")] == ["high", "low", None]


def test_a_curve() -> None:
    found = metrics(made())["course"]
    assert (found["values"], found["at"], found["null"]) == ([3, 2], [1, 10], [4, 4])
    assert (found["x"], found["y"], found["log"], found["sketch"]) == ("epoch", "loss", "y", True)
    bare = metrics(made(course=Curve((1, math.nan))))["course"]
    assert (bare["values"], bare["at"], bare["null"]) == ([1, None], None, None)


def test_a_curve_has_an_interval_and_names_of_its_places() -> None:
    """Only where they are known: documents without them stay what they were. Ends that are no number are null."""
    curve = Curve((1, 2), interval=((0.5, math.nan), (2, 3)), names=("a", "b"))
    found = metrics(made(course=curve))["course"]
    assert (found["interval"], found["names"]) == ([[0.5, None], [2.0, 3.0]], ["a", "b"])
    assert not {"interval", "names"} & set(metrics(made(course=Curve((1, 2))))["course"])
    again = copy.deepcopy(curve)
    assert (again.names, again.interval[1]) == (("a", "b"), (2.0, 3.0))


def test_each_and_matrix() -> None:
    found = metrics(made())
    assert found["of_class"]["values"] == {"a": 1.5, "b": None}
    assert (found["of_class"]["of"], found["of_class"]["unit"]) == ("class", "nats")
    assert found["table"]["values"] == [[1, None], [0, 2]]
    assert metrics(made(of_class={3: 1.0}))["of_class"]["values"] == {"3": 1.0}


def test_values_by_name_hand_on_their_intervals() -> None:
    """Of those that have one; documents without any stay what they were."""
    values = {"a": Measured(0.5, interval=(0.25, math.inf)), "b": Measured(0.7), "c": 0.1}
    found = metrics(made(of_class=values))["of_class"]
    assert (found["values"], found["intervals"]) == ({"a": 0.5, "b": 0.7, "c": 0.1}, {"a": [0.25, None]})
    assert "intervals" not in metrics(made(of_class={"b": Measured(0.7), "c": 0.1}))["of_class"]


def test_values_by_name_hand_on_their_nulls() -> None:
    """Of those that have one, as an interval."""
    found = metrics(made(of_class={"a": Measured(2.0, null=1.0), "b": Measured(0.7)}))["of_class"]
    assert (found["values"], found["nulls"]) == ({"a": 2.0, "b": 0.7}, {"a": 1.0})
    assert "nulls" not in metrics(made(of_class={"b": 0.7}))["of_class"]


def test_a_value_may_say_that_its_null_is_another_than_its_field_declares() -> None:
    @dataclass(frozen=True)
    class Declared:
        """Declared."""

        rank: float = number("r", null="initial")
        course: Curve = curve("c", x="step", null="initial")

    same = metrics(Declared(Measured(2.0, null=3.0), Curve([1], null=[2])))
    other = metrics(
        Declared(Measured(2.0, null=3.0, null_is="random"), Curve([1], null=[2], null_is="random"))
    )
    assert [metric["null_is"] for metric in same.values()] == ["initial", "initial"]
    assert [metric["null_is"] for metric in other.values()] == ["random", "random"]


def test_lines_are_curves_by_name_in_order() -> None:
    @dataclass(frozen=True)
    class Family:
        """Family."""

        course: dict[str, Curve] = lines("many", of="direction", x="step", log="y", low=0)

    found = metrics(Family({"b": Curve((1, math.inf), x=(0, 5)), "a": Curve((3,), null=(4,))}))["course"]
    assert found == {
        "kind": "lines", "help": "many", "label": "course", "of": "direction", "x": "step", "log": "y", "low": 0,
        "values": {
            "b": {"values": [1, None], "at": [0, 5], "null": None}, "a": {"values": [3], "at": None, "null": [4]},
        },
    }  # fmt: skip
    assert list(found["values"]) == ["b", "a"]


def test_a_matrix_may_name_its_rows_and_columns() -> None:
    named = Matrix([(1, math.nan), (0.0, 2)], ["x", "y"], ["1", "2"])
    found = metrics(made(table=named))["table"]
    assert found["values"] == [[1, None], [0, 2]]
    assert (found["row_names"], found["column_names"]) == (["x", "y"], ["1", "2"])
    assert not {"row_names", "column_names"} & set(metrics(made(table=Matrix([(1, 2)])))["table"])


def test_what_was_not_measured_or_not_declared_is_left_out() -> None:
    assert list(metrics(made())) == ["share", "count", "course", "of_class", "table"]
    assert metrics(made(maybe=3))["maybe"]["value"] == 3


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_json_does_not_know_is_null(bad: float) -> None:
    found = metrics(made(share=Measured(bad, null=bad, interval=(0.0, bad)), count=bad))
    assert (found["share"]["value"], found["share"]["null"], found["share"]["interval"]) == (
        None, None, [0, None],
    )  # fmt: skip
    assert found["count"]["value"] is None


def test_measured_is_its_number_and_survives_a_copy() -> None:
    one = Measured(0.5, null=0.25, interval=(0.4, 0.6))
    assert one + 1 == 1.5
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert (other, other.null, other.interval) == (0.5, 0.25, (0.4, 0.6))
    line = copy.deepcopy(Curve((1, 2), x=(3, 4), null=(5, 6)))
    assert (tuple(line), line.x, line.null) == ((1, 2), (3, 4), (5, 6))


def test_an_answer_is_strict_json_and_reads_back() -> None:
    one = entry(
        "z", made(), input=1, settings={"seed": 0}, verdict=Verdict("healthy", "healthy: so", ("why",))
    )
    assert (one["of"], one["input"], one["title"]) == ("z", 1, "One of each kind")
    said = answer(
        "spectrum", [one, entry("h", made())], argv=["spectrum", "run"], version="0", inputs=[{"path": "run"}]
    )
    again = json.loads(json.dumps(said, allow_nan=False))
    assert again["results"][0]["verdict"] == {
        "status": "healthy", "sentence": "healthy: so", "reasons": ["why"], "advice": [], "thresholds": [], "commands": [],
        "borderline": False, "meaning": "", "findings": [], "lead": "",
    }  # fmt: skip
    assert again["results"][1]["verdict"] is None
    assert again["results"][1]["settings"] == {}
    assert again["results"][0]["metrics"] == metrics(made())
    assert (again["schema"], again["tool"], again["command"]) == (
        SCHEMA, {"name": "collapse", "version": "0"}, "spectrum",
    )  # fmt: skip
    assert (again["argv"], again["inputs"], again["warnings"]) == (["spectrum", "run"], [{"path": "run"}], [])


def test_a_curve_remembers_what_it_was_before_training() -> None:
    """Only where it is known: documents without it stay what they were."""
    known = metrics(made(course=Curve((1, 2), initial=(3, math.nan))))["course"]
    assert known["initial"] == [3.0, None]
    assert "initial" not in metrics(made(course=Curve((1, 2))))["course"]

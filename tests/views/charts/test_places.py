"""The places of results: a colour means the same thing in every chart of a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured
from collapse_cli.views.charts.chart import Curves, Scatter
from collapse_cli.views.charts.choose import charts
from tests.documents import answer, entry


@dataclass(frozen=True)
class First:
    """First."""

    along: Curve = curve("first", x="epoch", label="first")


@dataclass(frozen=True)
class Second:
    """Second."""

    along: Curve = curve("second", x="epoch", label="second")


@dataclass(frozen=True)
class Pair:
    """A pair of numbers."""

    across: float = number("x", axis="x", null="independent")
    up: float = number("y", axis="y", null="bound")


@dataclass(frozen=True)
class Alone:
    """A number."""

    times: float = number("times")


RISE, FALL = Curve([1, 2]), Curve([2, 1])


def looks(document: dict[str, Any]) -> list[list[tuple[str, int]]]:
    """(label, place) of every line of every chart."""
    drawn = [chart for chart in charts(document) if isinstance(chart, Curves)]
    return [[(line.label, line.place) for line in chart.lines] for chart in drawn]


def test_a_space_has_one_place_where_there_is_one_subject() -> None:
    """z is the second, also in a chart of z alone, as of a document that has no h."""
    both = [entry("a · h", First(RISE)), entry("a · z", First(FALL)), entry("a · z", Second(RISE))]
    assert looks(answer("x", both)) == [[("h", 0), ("z", 1)], [("z", 1)]]
    assert looks(answer("x", both[2:])) == [[("z", 1)]]
    assert looks(answer("x", [entry("a", First(RISE))])) == [[("a", 0)]]


def test_a_subject_has_one_place_in_all_groups() -> None:
    """b is the second in a chart without a too; `a` has its place with and without a space."""
    results = [
        entry("a · z", First(RISE)),
        entry("b", Second(FALL), input=1),
        entry("a", Second(RISE)),
    ]
    assert looks(answer("x", results)) == [[("a", 0)], [("b", 1), ("a", 0)]]


def test_results_of_several_subjects_and_spaces_have_places_of_their_own() -> None:
    """Two subjects take the places 0 and 1, so the four points take 2 to 5: no colour means two things."""
    named = [("a · h", 0), ("a · z", 0), ("b · h", 1), ("b · z", 1)]
    results = [entry(of, Pair(float(n), 1.0), input=place) for n, (of, place) in enumerate(named)]
    results += [entry("a · h", First(RISE)), entry("b · h", First(FALL), input=1)]
    document = answer("x", results)
    scatter = next(chart for chart in charts(document) if isinstance(chart, Scatter))
    assert [(p.label, p.place) for p in scatter.points] == [
        ("a · h", 2), ("a · z", 3), ("b · h", 4), ("b · z", 5)]  # fmt: skip
    assert looks(document) == [[("a", 0), ("b", 1)]]


def test_a_lone_result_is_called_by_its_subject_where_there_are_several() -> None:
    """`z` alone would not say whose."""
    results = [entry("a · h", First(RISE)), entry("b · h", First(FALL), input=1)]
    results.append(entry("b · z", Second(RISE), input=1))
    assert looks(answer("x", results))[1] == [("b", 1)]


def test_a_subject_that_is_not_drawn_takes_no_colour() -> None:
    """The second of three has a number alone, as a cause has: the third is the second of those that are drawn."""
    results = [entry("a", First(RISE)), entry("cause", Alone(3.0)), entry("b", First(FALL))]
    assert looks(answer("x", results)) == [[("a", 0), ("b", 1)]]


def test_inputs_of_one_base_name_are_told_apart() -> None:
    """Two files e.npy, in a and in b, with two spaces each: by their paths, and each in its place."""
    inputs = [{"path": "a/e.npy"}, {"path": "b/e.npy"}]
    results = [entry(f"e.npy · {s}", kind(c), input=n) for n, c in enumerate((RISE, FALL))
               for s, kind in (("h", First), ("z", Second))]  # fmt: skip
    lines = [("e.npy (a/e.npy)", 0), ("e.npy (b/e.npy)", 1)]
    assert looks(answer("x", results, inputs=inputs)) == [lines, lines]


def test_the_null_that_all_points_share_is_a_point() -> None:
    """Of two results with nulls at (2, -3.9) and (2, -3.88), which cover each other; the axes hold it."""
    points = [(0.5, -2.5), (0.7, -2.2)]
    results = [entry(f"a · {s}", Pair(Measured(x, 2.0, (x - 0.1, x + 0.1)), Measured(y, lower)))
               for s, (x, y), lower in zip("hz", points, (-3.9, -3.88), strict=True)]  # fmt: skip
    (chart,) = charts(answer("x", results))
    assert isinstance(chart, Scatter)
    assert (chart.null, chart.null_is) == ((2.0, -3.9), "independent and bound")
    assert [p.at for p in chart.points] == [(points[0],), (points[1],)]
    assert chart.points[0].intervals == (((0.4, 0.6), None),)
    assert (chart.x.scale.low, chart.x.scale.high) == (0.4, 2.0)
    assert (chart.y.scale.low, chart.y.scale.high) == (-3.9, -2.2)
    results[1] = entry("a · z", Pair(Measured(0.7, 2.0), Measured(-2.2, -3.7)))
    (other,) = charts(answer("x", results))
    assert isinstance(other, Scatter)
    assert (other.null, other.null_is) == (None, "")

"""What is drawn of a document: which results share axes, where these begin, and what is a sentence."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass

import pytest

from collapse_cli.results import curve, each, lines, matrix, number
from collapse_cli.values import Curve, Measured
from collapse_cli.views.charts.chart import Bars, Curves, Heat, Multiples, Scatter, Sentence
from collapse_cli.views.charts.choose import charts
from collapse_cli.views.charts.curves import MULTIPLES
from collapse_cli.views.charts.rows import ROWS
from tests.documents import answer, entry


def of(kind: str, name: str, field: object, *values: object, names: tuple[str, ...] = ()) -> dict:
    """A document with one field in each of its results."""
    result = make_dataclass(kind, [(name, object, field)], namespace={"__doc__": f"{kind}."}, frozen=True)
    called = names or tuple(f"run {n}" for n in range(len(values)))
    return answer("x", [entry(c, result(v)) for c, v in zip(called, values, strict=True)])


def along(apart: str = "dimensions", **more: object) -> object:
    return curve("eigenvalues", x="direction", y="λ", apart=apart, null="isotropic", **more)


def test_results_of_other_dimensions_have_axes_of_their_own() -> None:
    """h has 3 and z 2 directions: sharing x would compare the second of 3 with the last of 2."""
    h, z = charts(of("S", "e", along(), Curve([3, 2, 1]), Curve([2, 1]), names=("run · h", "run · z")))
    assert [h.title, z.title] == ["E of h", "E of z"]
    assert [line.label for line in h.lines] == ["h"]
    assert h.lines[0].x == (1, 2, 3)


def test_results_of_equal_dimensions_share_axes() -> None:
    (chart,) = charts(of("S", "e", along(), Curve([3, 2]), Curve([2, 1]), names=("a · h", "b · h")))
    assert [line.label for line in chart.lines] == ["a", "b"]


def test_an_input_has_its_colour_in_the_charts_of_all_spaces() -> None:
    """Of a·h, a·z, b·h, b·z the charts of h and of z show a in the first and b in the second place."""
    values = [Curve([3, 2, 1]), Curve([2, 1]), Curve([3, 1, 1]), Curve([1, 1])]
    h, z = charts(of("S", "e", along(), *values, names=("a · h", "a · z", "b · h", "b · z")))
    assert [(line.label, line.place) for line in h.lines] == [("a", 0), ("b", 1)]
    assert [(line.label, line.place) for line in z.lines] == [("a", 0), ("b", 1)]


def test_layers_are_small_multiples_of_one_range_and_one_colour() -> None:
    values = [Curve([1, 0.1]), Curve([8, 4]), Curve([2, 2])]
    (chart,) = charts(of("W", "s", along("result"), *values, names=("conv1", "conv2", "fc")))
    assert isinstance(chart, Multiples)
    assert [small.title for small in chart.charts] == ["conv1", "conv2", "fc"]
    assert {(small.y.scale.low, small.y.scale.high) for small in chart.charts} == {(0, 8)}
    assert {line.place for small in chart.charts for line in small.lines} == {0}


def test_very_many_layers_are_thinned_and_counted() -> None:
    names = tuple(f"layer {n}" for n in range(54))
    (chart,) = charts(of("W", "s", along("result"), *[Curve([1, 2])] * 54, names=names))
    assert len(chart.charts) == MULTIPLES
    assert (chart.charts[0].title, chart.charts[-1].title) == ("layer 0", "layer 53")
    assert chart.title == f"S ({MULTIPLES} of 54)"


@pytest.mark.parametrize(
    ("values", "limits", "expected"),
    [
        ([0.2, 0.9], {"low": 0, "high": 1}, (0, 1)),
        ([0.02, 0.1], {"low": 0, "high": 1}, (0, 0.1)),  # the limit is far: the values would be a flat line
        ([-0.9, 0.6], {"low": -1, "high": 1}, (-1, 1)),
        ([4.0, 6.0], {}, (0, 6)),
        ([-3.0, -2.0], {}, (-3, 0)),
        ([-3.0, 2.0], {}, (-3, 2)),
        ([0.3, 1.158], {"low": 0, "high": 1}, (0, 1.158)),  # beyond what it can be: an estimate
        ([-1.2, 0.6], {"low": -1, "high": 1}, (-1.2, 1)),
        ([1.0, 1.0], {"low": 0, "high": 1}, (0, 1)),
    ],
)
def test_an_axis_begins_where_a_reader_expects_it(values: list[float], limits: dict, expected: tuple) -> None:
    (chart,) = charts(of("C", "c", curve("c", x="epoch", **limits), Curve(values)))
    assert (chart.y.scale.low, chart.y.scale.high) == expected
    assert (chart.x.scale.low, chart.x.scale.high) == (1, 2)


def test_a_null_that_all_share_is_drawn_once() -> None:
    """10 % at 2 ranks and at 3 ranks is one line; another null has its own, with the name of its result."""
    field = curve("c", x="rank", null="all keys")
    same = [Curve([0.5, 0.4], null=[0.1, 0.1]), Curve([0.5, 0.4, 0.3], x=[1, 5, 9], null=[0.1, 0.1, 0.1])]
    (chart,) = charts(of("O", "c", field, *same))
    assert [line.label for line in chart.lines if line.role == "null"] == ["all keys"]
    (chart,) = charts(of("O", "c", field, same[0], Curve([0.5, 0.4], null=[0.2, 0.2])))
    assert [line.label for line in chart.lines if line.role == "null"] == [
        "all keys, run 0",
        "all keys, run 1",
    ]


def test_an_interval_is_a_band() -> None:
    value = Curve([3, 2], interval=([2.5, 1.5], [3.5, 2.5]))
    (chart,) = charts(of("S", "e", along(), value))
    (line,) = chart.lines
    assert (line.low, line.high, line.band) == ((2.5, 1.5), (3.5, 2.5), "95 % interval")
    assert chart.y.scale.high == 3.5


def test_names_stand_in_place_of_numbers() -> None:
    value = Curve([3, 2], x=[0, 1], names=["conv1", "fc"])
    (chart,) = charts(of("W", "r", curve("r", x="layer"), value))
    assert chart.x.names == ("conv1", "fc")


def test_what_was_at_initialisation_is_drawn_of_few_results() -> None:
    """Once where they began alike, as runs of one seed do."""
    first, second = Curve([3, 2], initial=[1, 1]), Curve([4, 3], initial=[2, 1])
    (chart,) = charts(of("S", "e", along(), first, first))
    initial = ("initial", "at initialisation")
    assert [(line.role, line.label) for line in chart.lines] == [
        initial,
        ("result", "run 0"),
        ("result", "run 1"),
    ]
    (chart,) = charts(of("S", "e", along(), first, second))
    assert [line.label for line in chart.lines] == ["run 0, initial", "run 1, initial", "run 0", "run 1"]
    (chart,) = charts(of("S", "e", along(), *[first] * 4))
    assert {line.role for line in chart.lines} == {"result"}


def test_equal_values_are_a_sentence() -> None:
    drawn = charts(of("C", "recall", each("recall", of="class"), {"a": 1.0, "b": 1.0}))
    assert drawn == [Sentence("Recall by class", "Recall by class: 1 for every class (2 in all).")]


def test_values_that_differ_beyond_the_third_digit_are_equal_to_a_reader() -> None:
    (chart,) = charts(of("C", "recall", each("recall", of="class"), {"a": 0.98712, "b": 0.98713}))
    assert isinstance(chart, Sentence)
    (chart,) = charts(of("C", "recall", each("recall", of="class"), {"a": 0.981, "b": 0.987}))
    assert isinstance(chart, Bars)


def test_of_many_rows_the_lowest_and_the_highest_are_drawn() -> None:
    """Of 100 classes with values 99, 98 … 0 the fifteen least and the fifteen largest, by size."""
    (chart,) = charts(of("C", "rank", each("rank", of="class"), {f"c{n}": float(99 - n) for n in range(100)}))
    assert chart.bars[0].values == (*map(float, range(15)), *map(float, range(85, 100)))
    assert (chart.more, len(chart.rows)) == (100 - ROWS, ROWS)
    assert chart.title == "Rank by class: the 15 lowest and 15 highest of 100"


def test_matrices_of_one_kind_share_their_colours() -> None:
    field = matrix("confusion", rows="cluster", columns="class")
    first, second = charts(of("M", "m", field, ((1.0, 2.0), (0.0, 3.0)), ((9.0, 0.0), (0.0, 1.0))))
    assert (first.low, first.high) == (second.low, second.high) == (0, 9)
    (signed,) = charts(of("M", "m", field, ((1.0, -3.0),)))
    assert (signed.low, signed.high, signed.diverging) == (-3, 3, True)


@dataclass(frozen=True)
class Probe:
    """Probes."""

    knn: float = number("k", label="kNN", null="guessing", headline=True, low=0, high=1)
    linear: float = number("l", label="linear", null="guessing", headline=True, low=0, high=1)
    classes: int = number("c", label="classes", headline=True)


def test_numbers_of_one_kind_share_a_chart_and_counts_are_a_sentence() -> None:
    results = [Probe(Measured(0.9 - n / 10, 0.1, (0.8, 0.95)), Measured(0.7, 0.1), 10) for n in range(2)]
    shown = answer("probe", [entry(f"run · {s}", r) for s, r in zip("hz", results, strict=True)])
    bars, sentence = charts(shown)
    assert isinstance(bars, Bars)
    assert bars.rows == ("KNN", "Linear")
    assert [(bar.label, bar.values) for bar in bars.bars] == [("h", (0.9, 0.7)), ("z", (0.8, 0.7))]
    assert bars.bars[0].intervals == ((0.8, 0.95), None)
    assert (bars.nulls, bars.null_is, bars.x.scale.high) == ((0.1, 0.1), "guessing", 1)
    assert sentence == Sentence("", "Classes: 10 (h), 10 (z).")


def test_families_of_several_results_are_multiples() -> None:
    field = lines("σ", of="direction", x="step")
    family = {"σ1": Curve([1, 2]), "σ2": Curve([0.5, 0.1])}
    (single,) = charts(of("L", "sigma", field, family))
    assert isinstance(single, Curves)
    assert not single.shades
    (chart,) = charts(of("L", "sigma", field, family, {f"σ{n}": Curve([n, 1]) for n in range(9)}))
    assert [(small.title, small.shades) for small in chart.charts] == [("run 0", False), ("run 1", True)]


def test_no_chart_is_drawn_twice() -> None:
    """Two kinds of results with the same curve, as the evidence and the spectrum have."""
    first = of("A", "e", along(), Curve([3, 2]))
    second = of("B", "e", along(), Curve([3, 2]))
    assert len(charts(first | {"results": first["results"] + second["results"]})) == 1


def test_a_scatter_needs_two_points(two: dict) -> None:
    drawn = [chart for chart in charts(two) if isinstance(chart, Scatter)]
    assert [[points.label for points in chart.points] for chart in drawn] == [["h", "z"]]
    two["results"] = two["results"][2:3]
    assert not [chart for chart in charts(two) if isinstance(chart, Scatter)]


def test_no_results_are_no_charts() -> None:
    assert charts(answer("x", [])) == []


def test_heat_values_that_are_no_numbers_are_gaps() -> None:
    (chart,) = charts(of("M", "m", matrix("m", rows="r", columns="c"), ((1.0, float("nan")),)))
    assert isinstance(chart, Heat)
    assert chart.values == ((1.0, None),)


def test_the_colours_of_a_matrix_hold_what_lies_beyond_its_limits() -> None:
    """A scale about 0 stays symmetric; limits far from all values are its ends."""
    field = matrix("m", rows="r", columns="c", low=-1, high=1)
    ends = [charts(of("M", "m", field, (row,)))[0] for row in ((0.034, -0.01), (0.5, -1.5), (0.2, 0.3))]
    assert [(chart.low, chart.high, chart.diverging) for chart in ends] == [
        (-1, 1, True), (-1.5, 1.5, True), (-1, 1, True)]  # fmt: skip
    (chart,) = charts(of("M", "m", matrix("m", rows="r", columns="c", low=0, high=1), ((0.2, 1.25),)))
    assert (chart.low, chart.high, chart.diverging) == (0, 1.25, False)


NAN = float("nan")


def test_a_result_without_a_value_is_told_and_not_drawn() -> None:
    field = curve("c", x="epoch", null="chance")
    lost = Curve([NAN, NAN], null=[NAN, NAN], initial=[NAN, NAN])
    (chart,) = charts(of("C", "c", field, Curve([1, 2]), lost))
    assert isinstance(chart, Curves)
    assert [line.label for line in chart.lines] == ["run 0"]
    assert chart.notes == ("no value of run 1",)


def test_where_no_result_has_a_value_a_sentence_says_so() -> None:
    field = curve("c", x="epoch")
    empty, lost = Curve(()), Curve([NAN])
    assert charts(of("C", "c", field, empty, lost)) == [Sentence("C", "C: no value of run 0, run 1.")]
    assert charts(of("C", "c", each("c", of="class"), {"a": NAN, "b": NAN})) == [
        Sentence("C by class", "C by class: no value (2 in all).")
    ]
    assert charts(of("C", "c", lines("c", of="layer", x="epoch"), {"a": lost})) == [
        Sentence("C", "C: no value.")
    ]


def test_what_is_empty_is_no_chart() -> None:
    assert charts(of("C", "c", each("c", of="class"), {}, {})) == []
    assert charts(of("M", "m", matrix("m", rows="r", columns="c"), (), ((), ()))) == []


def test_a_null_that_only_one_result_has_names_it() -> None:
    field = curve("c", x="epoch", null="chance")
    (chart,) = charts(of("C", "c", field, Curve([1, 2], null=[3, 3]), Curve([2, 1])))
    assert chart.lines[0].label == "chance, run 0"


def test_what_was_at_initialisation_belongs_to_all_or_names_its_result() -> None:
    """Shared by two it has the place of none; of one of two it has that one's name and place."""
    first, second = Curve([3, 2], initial=[1, 1]), Curve([4, 3])
    (shared,) = charts(of("S", "e", along(), first, first))
    assert [(line.label, line.place) for line in shared.lines[:1]] == [("at initialisation", -1)]
    (single,) = charts(of("S", "e", along(), second, first))
    assert [(line.label, line.place) for line in single.lines[:1]] == [("run 1, initial", 1)]
    (alone,) = charts(of("S", "e", along(), first))
    assert [(line.label, line.place) for line in alone.lines[:1]] == [("at initialisation", 0)]


def test_notes_say_what_bands_and_floors_are_and_where_curves_end() -> None:
    """Curves over 500 and 1,300 keys; 1e-13 lies below a thousandth of a billionth of 1."""
    field = curve("c", x="rank", log="y")
    wide = Curve([1, 0.5], x=[1, 500], interval=([0.9, 0.4], [1.1, 0.6]))
    (chart,) = charts(of("C", "c", field, wide, Curve([1, 1e-13], x=[1, 1300])))
    assert chart.notes == (
        "band: 95 % interval",
        "values below 1.1e-12 are drawn there",
        "Rank ends at 500 (run 0), 1,300 (run 1)",
    )
    (chart,) = charts(of("C", "c", curve("c", x="rank"), Curve([1, 2]), Curve([2, 1])))
    assert chart.notes == ()


def test_of_many_rows_those_that_tie_are_counted() -> None:
    """Of 40 classes 4 lie below 1; of 100 classes 60 are at 1, and of the other 40 the lowest and the highest are drawn."""
    few = {f"c{n}": min(1.0, 0.6 + n / 10) for n in range(40)}
    (chart,) = charts(of("C", "recall", each("recall", of="class"), few))
    assert chart.rows == ("c0", "c1", "c2", "c3")
    assert (chart.title, chart.gap, chart.more) == ("Recall by class: 4 of 40, 36 at 1", 0, 36)
    many = {f"c{n}": min(1.0, n / 40) for n in range(100)}
    (chart,) = charts(of("C", "recall", each("recall", of="class"), many))
    assert chart.title == "Recall by class: the 15 lowest and 15 highest of 100, 60 at 1"
    assert (chart.rows[14:16], chart.gap) == (("c14", "c25"), 15)


def test_rows_are_ranked_by_the_first_result_that_has_a_number() -> None:
    """Of 40 classes h has no number for one, which z has, and for two that nobody has; no class stands twice."""
    h = {f"c{n}": float(n) for n in range(40)} | {"c5": NAN, "c6": NAN, "c7": NAN}
    z = {f"c{n}": 0.0 for n in range(40)} | {"c5": 100.0, "c6": NAN, "c7": NAN}
    (chart,) = charts(of("C", "rank", each("rank", of="class"), h, z, names=("a · h", "a · z")))
    assert chart.rows[0] == "c0"
    assert chart.rows[-1] == "c5"
    assert len(set(chart.rows)) == len(chart.rows) == ROWS
    assert chart.title == "Rank by class: the 15 lowest and 15 highest of 40, 2 without a value"


def test_values_that_are_written_alike_are_about_that() -> None:
    (chart,) = charts(of("C", "rank", each("rank", of="class"), {"a": 23.106, "b": 23.146}))
    assert chart.text == "Rank by class: about 23.1 for every class (2 in all)."


def test_where_all_rows_tie_a_sentence_counts_them() -> None:
    """20 of 40 classes at 0, the others at 1: no class is worth a row."""
    (chart,) = charts(
        of("C", "recall", each("recall", of="class"), {f"c{n}": float(n > 19) for n in range(40)})
    )
    assert chart == Sentence("Recall by class", "Recall by class: 40 in all, 20 at 0, 20 at 1.")


def test_a_matrix_without_a_number_is_a_sentence_and_the_layers_without_one_are_counted() -> None:
    field = matrix("m", rows="r", columns="c")
    assert charts(of("M", "m", field, ((NAN,),))) == [Sentence("M", "M: no value.")]
    layers = [Curve([1, 2]), Curve([2, 1]), Curve([NAN, NAN])]
    (chart,) = charts(of("W", "s", along("result"), *layers, names=("conv1", "conv2", "fc")))
    assert isinstance(chart, Multiples)
    assert (chart.title, [small.title for small in chart.charts]) == ("S (2 of 3)", ["conv1", "conv2"])

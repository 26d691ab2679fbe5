"""Margins: signed by the relation, in shares of the bound; and a chart for each input that has checks."""

from __future__ import annotations

from collapse_cli.views.charts import margins
from collapse_cli.views.charts.choose import charts


def check(value: float | None, relation: str, bound: float, result: str = "pass", interval=None) -> dict:
    required = {"of": "a.z", "relation": relation, "bound": bound, "result": result, "sentence": "it is"}
    return {"kind": "number", "label": f"a.z {relation} {bound}", "help": "a", "unit": "", "convention": "",
            "value": value, "null": None, "interval": interval, "required": required}  # fmt: skip


def test_margins_are_shares_of_the_bound() -> None:
    """22 is a tenth beyond 20; -1.5 lacks a quarter of -2; of a bound of 0 the number itself remains."""
    assert margins.margin(check(22, ">=", 20), 22) == 0.1
    assert margins.margin(check(22, "<=", 20), 22) == -0.1
    assert margins.margin(check(-1.5, "<=", -2), -1.5) == -0.25
    assert margins.margin(check(0.3, ">", 0), 0.3) == 0.3
    assert margins.margin(check(None, ">", 0), None) is None


def test_a_row_has_its_margin_its_interval_in_order_and_its_words() -> None:
    """Of `<=` the upper end of the interval is the lower end of the margin: 18…21 about 20 is -5 %…+10 %."""
    chart = margins.chart(
        "Gate", [check(19, "<=", 20, "inconclusive", [18, 21]), check(None, ">", 1, "fail")]
    )
    first, second = chart.rows
    assert (first.margin, first.interval, first.text) == (0.05, (-0.05, 0.1), "inconclusive 19")
    assert (second.margin, second.interval, second.text) == (None, None, "FAIL –")


def test_what_lies_beyond_the_axis_stands_at_its_end() -> None:
    """8, 1 and -9 of at least 2 are +3, -1/2 and -5.5 of the bound; the axis reaches from -1 to 1."""
    checks = [check(8, ">=", 2, interval=[2.5, 9]), check(1, ">=", 2, "fail"), check(-9, ">=", 2, "fail")]
    chart = margins.chart("Gate", [*checks, check(None, ">", 1, "fail")])
    assert (chart.x.scale.low, chart.x.scale.high) == (-1, 1)
    assert [(row.margin, row.shown, row.beyond) for row in chart.rows] == [
        (3, 1, 1), (-0.5, -0.5, 0), (-5.5, -1, -1), (None, None, 0)]  # fmt: skip
    assert (chart.rows[0].interval, chart.rows[0].shown_interval) == ((0.25, 3.5), (0.25, 1))


def test_a_chart_for_each_input(one: dict) -> None:
    """With its name where there are several; a count such as `passed` is no chart beside them."""
    entry = {"of": "a", "subject": "a", "space": "", "input": 0, "kind": "requirements", "title": "Requirements",
             "settings": {}, "verdict": None}  # fmt: skip
    results = [
        entry | {"metrics": {"x": check(3, ">", 2)}},
        entry | {"of": "b", "subject": "b", "metrics": {"x": check(1, ">", 2)}},
    ]
    plain = {"kind": "number", "label": "passed", "help": "n", "unit": "", "convention": "", "value": 3, "null": None,
             "interval": None}  # fmt: skip
    results.append(entry | {"kind": "gate", "title": "Gate", "metrics": {"n": plain}})
    drawn = charts(one | {"results": results})
    assert [chart.title for chart in drawn] == ["Requirements · a", "Requirements · b"]
    assert [chart.title for chart in charts(one | {"results": results[:1]})] == ["Requirements"]

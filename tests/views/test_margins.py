"""Margins: signed by the relation, in shares of the bound; and a panel for each input that has checks."""

from __future__ import annotations

from matplotlib.figure import Figure

from collapse_cli.views import margins
from collapse_cli.views.panels import panels


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


def drawn(*found: dict) -> list[tuple[float, float, str]]:
    """x, y and marker of every point."""
    axes = Figure().add_subplot()
    margins.draw(axes, found)
    points = [line for line in axes.lines if line.get_marker() != "None"]
    return [(float(p.get_xdata()[0]), float(p.get_ydata()[0]), str(p.get_marker())) for p in points]


def test_a_point_for_each_check_and_arrows_for_what_is_far() -> None:
    """100 is four times its bound beyond it; what is not a number has a row without a point."""
    found = [
        check(22, ">=", 20),
        check(100, ">=", 20),
        check(-9, ">=", 2, "fail"),
        check(None, ">", 1, "inconclusive"),
    ]
    assert drawn(*found, check(19, ">=", 20, "inconclusive", [18, 21])) == [
        (0.1, 0, "o"), (1, 1, ">"), (-1, 2, "<"), (-0.05, 4, "s"),
    ]  # fmt: skip


def test_a_panel_for_each_input(one: dict) -> None:
    """With its name where there are several; other numbers are not drawn beside them."""
    entry = {
        "of": "a",
        "input": 0,
        "kind": "requirements",
        "title": "Requirements",
        "settings": {},
        "verdict": None,
    }
    results = [
        entry | {"metrics": {"x": check(3, ">", 2)}},
        entry | {"of": "b", "metrics": {"x": check(1, ">", 2)}},
    ]
    plain = {"kind": "number", "label": "n", "help": "n", "unit": "", "convention": "", "value": 1, "null": None,
             "interval": None}  # fmt: skip
    results.append(entry | {"kind": "gate", "title": "Gate", "metrics": {"n": plain}})
    found = panels(one | {"results": results})
    assert [panel.title for panel in found] == ["Requirements: a", "Requirements: b"]
    assert [panel.title for panel in panels(one | {"results": results[:1]})] == ["Requirements"]

"""Axes, names beside lines, and numbers with four digits."""

from __future__ import annotations

import pytest

from collapse_cli.views.charts.chart import Bar, Bars, Curves, Line, Multiples, Side
from collapse_cli.views.charts.sides import side
from collapse_cli.views.page import svg, svg_curves, svg_heat, svg_rows
from collapse_cli.views.page.digits import chosen, four
from collapse_cli.views.scale import Axis


def test_an_element_is_escaped():
    assert svg.text("<a> & b", 1.26, 2.0, data_tip='"x"') == (
        '<text x="1.3" y="2" data-tip="&#34;x&#34;">&lt;a&gt; &amp; b</text>'
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "–"), (float("nan"), "–"), (0.0, "0"), (1234.0, "1,234"), (0.123456, "0.1235"), (12345.6, "12,346"),
     (1e-5, "1e-5"), (2.34567e-7, "2.346e-7"), (1234567.0, "1.235e6"), (-0.5, "-0.5")],
)  # fmt: skip
def test_four_digits(value, written):
    assert four(value) == written


def test_places_are_even_and_both_ends_are_among_them():
    assert chosen(5, 9) == [0, 1, 2, 3, 4]
    assert chosen(101, 5) == [0, 25, 50, 75, 100]
    assert chosen(1000, 4, log=True) == [0, 9, 99, 999]


def test_ticks_of_a_linear_axis():
    assert [name for _, name in svg.ticks(Side("y", Axis(0, 1)), Axis(0, 1))] == [
        "0",
        "0.2",
        "0.4",
        "0.6",
        "0.8",
        "1",
    ]
    assert [value for value, _ in svg.ticks(Side("k", Axis(1, 3), whole=True), Axis(1, 3))] == [1, 2, 3]


def test_ticks_of_a_logarithmic_axis():
    assert [name for _, name in svg.ticks(Side("λ", Axis(1e-4, 1, True)), Axis(1e-4, 1, True))] == [
        "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰",
    ]  # fmt: skip
    assert [value for value, _ in svg.ticks(Side("k", Axis(1, 100, True)), Axis(1, 100, True))] == [
        1,
        10,
        100,
    ]


def test_a_logarithmic_axis_of_seven_decades_has_decades_alone():
    """Every second would be two of them."""
    scale = Axis(2e-6, 0.24, True)
    assert [name for _, name in svg.ticks(Side("λ", scale), scale)] == [
        "10⁻⁵",
        "10⁻⁴",
        "10⁻³",
        "10⁻²",
        "10⁻¹",
    ]


def test_names_keep_their_order_and_a_gap():
    assert svg.spread([50, 10, 51, 52], 10, 0, 100) == [50, 10, 60, 70]
    assert svg.spread([99, 98, 97], 10, 0, 100) == [100, 90, 80]


def curves(*lines: Line, log: str = "") -> Curves:
    xs, ys = [x for each in lines for x in each.x], [y for each in lines for y in each.y]
    return Curves("Title", side("k", xs, "x" in log, from_zero=False), side("v", ys, "y" in log), lines)


def test_a_line_passes_through_its_values():
    """A box of left 12 + a letter's width of three per tick: its ends are those of the line that spans both axes."""
    chart = curves(Line("a", (0.0, 1.0, 2.0), (0.0, None, 4.0)))
    plot = svg_curves.figure(chart).plots[0]
    left, top, width, height = plot.data["box"]
    assert f'd="M{left:.1f} {top + height:.1f}M{left + width:.1f} {top:.1f}"' in plot.svg  # a gap at None


def test_both_scales_where_all_values_allow_it():
    falling = Line("a", (1.0, 2.0), (0.1, 0.001))
    assert svg_curves.figure(curves(falling, log="y")).scales == ("y", "x")
    assert svg_curves.figure(curves(Line("a", (0.0, 1.0), (-1.0, 2.0)))).scales == ()


def test_scales_begin_with_that_of_the_chart():
    data = svg_curves.figure(curves(Line("a", (1.0, 2.0), (0.1, 0.001)), log="y")).plots[0].data
    assert data["y"]["scales"] == {"log": [0.001, 0.1], "linear": [0.0, 0.1]}


def test_an_interval_is_a_band_and_stands_in_the_table():
    line = Line("a", (1.0, 2.0), (2.0, 3.0), low=(1.0, 2.5), high=(3.0, 4.0), band="95 % interval")
    shown = svg_curves.figure(curves(line))
    assert 'class="band s0"' in shown.plots[0].svg
    assert [cell.value for _, cells in shown.table.rows for cell in cells] == ["2 [1, 3]", "3 [2.5, 4]"]


def test_each_line_is_named_where_it_ends():
    lines = [Line(f"line {k}", (1.0, 2.0), (1.0, 1.0 + k / 100), place=k) for k in range(12)]
    drawn = svg_curves.figure(curves(*lines)).plots[0].svg
    assert drawn.count('class="name"') == 12


def test_series_differ_without_colour():
    lines = [Line(f"{k}", (1.0, 2.0), (1.0, float(k)), place=k) for k in range(8)]
    keys = svg_curves.figure(curves(*lines)).legend
    assert len({key.swatch.split('d="')[2].split('"')[0] for key in keys}) == 8


def test_small_charts_share_a_table():
    charts = tuple(
        Curves(
            name,
            side("k", [1, 2], from_zero=False),
            side("v", [0, 2]),
            (Line("", (1.0, 2.0), (n, 2.0), place=n),),
        )
        for n, name in enumerate(("encoder.0", "encoder.1"))
    )
    shown = svg_curves.multiples(Multiples("Weights", charts))
    assert [plot.title for plot in shown.plots] == ["encoder.0", "encoder.1"]
    assert [label.text for label in shown.table.columns] == ["encoder.0", "encoder.1"]
    assert all(plot.data["x"]["scales"] == {"linear": [1, 2], "log": [1, 2]} for plot in shown.plots)


def test_a_bar_is_as_long_as_its_value():
    chart = Bars("B", ("r", "s"), (Bar("a", 0, (1.0, 0.5)),), side("v", [0.0, 1.0]))
    drawn = svg_rows.bars(chart).plots[0].svg
    widths = [
        float(part.split('width="')[1].split('"')[0]) for part in drawn.split("<rect")[1:] if "bar s0" in part
    ]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.11)


def test_the_colours_of_a_matrix_are_even():
    from collapse_cli.views.charts.chart import Heat

    chart = Heat("H", ((0.0, 0.5, 1.0),), side("r", [0]), side("c", [0, 1, 2]), 0.0, 1.0)
    assert [svg_heat.level(chart, value) for value in chart.values[0]] == [0, 6, 12]

"""A result as it is seen: a fragment of HTML in a notebook, a figure, panels on axes of the caller's."""

from __future__ import annotations

import base64
import re

import numpy
import pytest
from matplotlib.figure import Figure
from torch import nn

import collapse_cli as collapse
from collapse_cli.answers import Entry, answer

Z = numpy.random.default_rng(0).standard_normal((300, 8))


@pytest.fixture(scope="module")
def single() -> collapse.Result:
    return collapse.spectrum(Z)


class TestNotebook:
    """The fragment of HTML that a notebook shows."""

    def test_holds_the_verdict_the_table_and_a_png(self, single: collapse.Result) -> None:
        html = single._repr_html_()
        assert html.startswith("<p>✓ <b>healthy</b> — 8 of 8 dimensions are active (isotropic data: 8)")
        numbers = [m for m in single.entries[0].metrics.values() if m["kind"] == "number"]
        shown = [metric for metric in numbers if not metric.get("json_only")]
        rows = {metric.get("together") or metric["label"] for metric in shown}
        assert html.count("<tr>") == 1 + len(rows)
        assert (
            len(rows) == len(shown) - 4
        )  # three shares of the variance in one row, and three counts of embeddings
        encoded = re.findall(r"src='data:image/png;base64,([^']+)'", html)
        assert [base64.b64decode(image)[:4] for image in encoded] == [b"\x89PNG"]

    def test_escapes_names(self) -> None:
        evil = "<script>alert('1')</script>"
        html = collapse.diagnose(collapse.load(Z, name=evil), Z)._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;alert(&#x27;1&#x27;)" in html

    def test_of_many_has_a_row_for_each(self) -> None:
        html = collapse.diagnose(*[Z] * 5)._repr_html_()
        assert len(re.findall(r">array \d · h</th><td>", html)) == 5

    def test_of_layers_and_pairs(self) -> None:
        html = collapse.weights(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4)))._repr_html_()
        assert re.findall(r"<p><b>(.*?)</b></p>", html) == [
            "Layer weights",
            "Layers",
            "Alignment of adjacent layers",
        ]
        assert html.count("<table>") == html.count("</table>") == 3

    def test_of_nothing_that_can_be_drawn(self) -> None:
        result = collapse.Result(answer("empty", [Entry("nothing", {})]))
        assert "<img" not in result._repr_html_()


class TestPlot:
    """The matplotlib figure."""

    def test_of_its_own(self, single: collapse.Result) -> None:
        drawn = single.plot()
        assert isinstance(drawn, Figure)
        assert [axes.get_title("left") for axes in drawn.axes] == ["Eigenvalues", "Variance explained"]

    def test_on_given_axes(self) -> None:
        drawn = Figure()
        first, second = drawn.subplots(1, 2)
        assert collapse.spectrum(Z, 2 * Z).plot(second) is drawn
        assert not first.has_data()
        assert len(second.get_lines()[0].get_xdata()) == 8
        assert second.get_legend() is not None

    def test_on_axes_of_a_part_of_a_figure(self, single: collapse.Result) -> None:
        drawn = Figure()
        axes = drawn.subfigures(1, 2)[0].subplots()
        assert single.plot(axes) is drawn
        assert axes.has_data()

    def test_leaves_the_styles_of_the_caller(self, single: collapse.Result) -> None:
        import matplotlib

        before = dict(matplotlib.rcParams)
        single.plot(Figure().subplots())
        assert dict(matplotlib.rcParams) == before

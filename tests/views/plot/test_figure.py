"""Figures: what is drawn where, looked up in the Figure itself."""

import itertools
import re
from dataclasses import dataclass, make_dataclass, replace
from importlib import resources
from xml.etree import ElementTree

import matplotlib
import numpy
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from collapse_cli.errors import CollapseError
from collapse_cli.results import matrix
from collapse_cli.values import Matrix
from collapse_cli.views import plot, style
from collapse_cli.views.charts import looks
from collapse_cli.views.charts.chart import Bar, Bars, Curves, Heat, Line, Points, Scatter, Side
from collapse_cli.views.page import svg
from collapse_cli.views.plot import labels
from collapse_cli.views.plot.compose import compose
from collapse_cli.views.scale import Axis
from tests.documents import answer, entry


def axes(figure, title):
    (chosen,) = [each for each in figure.axes if each.get_title(loc="left").replace("\n", " ") == title]
    return chosen


def texts(drawn):
    return [text.get_text() for text in drawn.texts]


def curves_of(drawn):
    """The lines that are data: not the marks of labels, which lie beside the axes."""
    return [line for line in drawn.get_lines() if line.get_transform() == drawn.transData]


def test_one_axes_for_each_curve(one):
    figure = plot.figure(one)
    assert [a.get_title(loc="left") for a in figure.axes] == ["Eigenvalues", "Variance explained"]
    assert figure.get_suptitle() == "Spectrum and effective ranks — checkpoint.pt"


def test_a_curve_lies_over_its_null_and_each_is_named_where_it_ends(one):
    drawn = axes(plot.figure(one), "Variance explained")
    null, curve = curves_of(drawn)
    metric = one["results"][0]["metrics"]["explained"]
    assert list(curve.get_ydata()) == metric["values"]
    assert list(null.get_ydata()) == metric["null"]
    assert list(curve.get_xdata()) == list(range(1, 129))
    assert (null.get_color(), curve.get_linestyle()) == (style.NULL, "-")
    assert null.is_dashed()
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("Directions k", "Share of variance")
    assert (drawn.get_xscale(), drawn.get_yscale()) == ("linear", "linear")
    assert texts(drawn) == ["isotropic", "representations h"]


def test_labels_stand_at_the_height_of_their_lines(one):
    """Eigenvalues: the null ends far above the curve, and so does its label."""
    figure = plot.figure(one)
    drawn = axes(figure, "Eigenvalues")
    figure.canvas.draw()
    for label, line in zip(drawn.texts[1:], curves_of(drawn), strict=True):  # below the note on the floor
        box = label.get_window_extent()
        end = drawn.transData.transform((line.get_xdata()[-1], line.get_ydata()[-1]))[1]
        assert box.y0 - 2 <= end <= box.y1 + 2
        assert box.x0 > drawn.bbox.x1


def test_what_was_before_training_is_dotted(one):
    one["results"][0]["metrics"]["explained"]["initial"] = [0.5] * 64 + [1.0] * 64
    drawn = axes(plot.figure(one), "Variance explained")
    _, before, curve = curves_of(drawn)
    assert list(before.get_ydata())[63:65] == [0.5, 1.0]
    assert before.is_dashed()
    assert not curve.is_dashed()
    assert before.get_color() == curve.get_color()
    assert texts(drawn) == ["isotropic", "at initialisation", "representations h"]


def test_a_band_is_told_above_the_axes(one):
    """In the colour of its line; below the floor of a logarithmic axis the band lies on it."""
    metric = one["results"][0]["metrics"]["eigenvalues"]
    metric["interval"] = [[0.0 for _ in metric["values"]], [2 * value for value in metric["values"]]]
    drawn = axes(plot.figure(one), "Eigenvalues")
    (band,) = drawn.collections
    assert to_hex(band.get_facecolor()[0][:3]) == style.COLOURS[0]
    upper = band.get_paths()[0].vertices[:, 1].max()
    assert upper == pytest.approx(2 * max(metric["values"]))
    assert drawn.get_ylim()[1] > upper
    assert band.get_paths()[0].vertices[:, 1].min() > 0
    assert texts(drawn)[0].replace("\n", " ").startswith("band: 95 % interval; values below")


def test_a_collapsed_tail_lies_on_a_stated_floor(one):
    """The largest eigenvalue is 0.02: the axis reaches twelve decades down, and zeros lie there."""
    drawn = axes(plot.figure(one), "Eigenvalues")
    assert drawn.get_yscale() == "log"
    assert drawn.get_ylabel() == "Eigenvalue λ"
    assert texts(drawn)[0] == "values below 2e-14 are drawn there"
    assert min(curves_of(drawn)[1].get_ydata()) == pytest.approx(0.02e-12)


def test_results_share_axes_and_keep_their_colours_and_markers(two):
    figure = plot.figure(two)
    drawn = axes(figure, "False negatives by rank")
    assert drawn.get_xscale() == "log"
    _, h, z = curves_of(drawn)
    assert [line.get_color() for line in (h, z)] == list(style.COLOURS[:2])
    assert [line.get_marker() for line in (h, z)] == list(style.MARKERS[:2])
    assert texts(drawn) == ["random order", "h", "z"]


def test_each_is_bars_from_zero(two):
    drawn = axes(plot.figure(two), "Alignment of a class by class: the 15 lowest and 15 highest of 100")
    assert len(drawn.get_yticklabels()) == 30
    assert drawn.get_xlim()[0] == 0
    h, z = drawn.containers
    values = two["results"][3]["metrics"]["of_class"]["values"]
    rows = [label.get_text() for label in drawn.get_yticklabels()]
    assert [bar.get_width() for bar in z] == [values[row] for row in rows]
    assert h[0].get_y() + h[0].get_height() < z[0].get_y() + z[0].get_height()
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["h", "z"]


def test_each_of_many_results_is_dots(six):
    (drawn,) = [
        a for a in plot.figure(six).axes if a.get_title(loc="left").startswith("Alignment of a class")
    ]
    assert [line.get_marker() for line in curves_of(drawn)[:6]] == list(style.MARKERS[:6])
    assert not drawn.containers


def test_matrices_are_heat_maps_of_one_scale_with_a_number_in_each_cell(two):
    two["results"][4]["metrics"]["confusion"]["values"][0][0] = 5.0
    figure = plot.figure(two)
    drawn = axes(figure, "Confusion of z")
    (image,) = drawn.get_images()
    values = two["results"][5]["metrics"]["confusion"]["values"]
    assert image.get_array().tolist() == values
    assert image.colorbar is not None
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("Said class", "Class")
    assert texts(drawn) == [f"{value:.2f}" for row in values for value in row]
    assert {a.get_images()[0].get_clim() for a in figure.axes if a.get_images()} == {(0.0, 5.0)}


def test_a_matrix_with_values_below_zero_is_centred():
    kind = make_dataclass(
        "Signed", [("m", tuple, matrix("m", rows="r", columns="c"))], namespace={"__doc__": "Signed."}
    )
    shown = entry("h", kind(((1.0, -3.0), (float("nan"), 0.0))))
    drawn = plot.figure(answer("x", [shown], argv=[], version="0")).axes[0]
    (image,) = drawn.get_images()
    assert image.get_clim() == (-3.0, 3.0)
    assert image.get_cmap().name == style.DIVERGING
    assert texts(drawn) == ["1", "-3", "–", "0"]


def test_a_scatter_labels_every_point_and_no_label_covers_another(six):
    figure = plot.figure(six)
    drawn = axes(figure, "Alignment and uniformity")
    assert drawn.collections[0].get_offsets().tolist()[0] == [0.3124, -2.41]
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("Alignment (squared distance)", "Uniformity (nats)")
    figure.canvas.draw()
    assert sorted(text.get_text() for text in drawn.texts) == sorted(
        f"moco-queue-{2**k * 64}" for k in range(6)
    )
    boxes = [text.get_window_extent() for text in drawn.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_labels_of_near_points_move_apart(two):
    """Two points at nearly one place: the labels stand on different sides."""
    numbers = two["results"][3]["metrics"]
    for key in ("alignment", "uniformity"):
        numbers[key]["value"] = two["results"][2]["metrics"][key]["value"] + 1e-6
    figure = plot.figure(two)
    figure.canvas.draw()
    h, z = axes(figure, "Alignment and uniformity").texts
    assert not h.get_window_extent().overlaps(z.get_window_extent())


def test_every_run_of_a_group_is_a_point(groups):
    """In the colour and shape that the key names; no label floats at a mean where no run lies."""
    figure = plot.figure(groups)
    drawn = axes(figure, "Alignment and uniformity")
    first, second = drawn.collections
    assert first.get_offsets().tolist() == [[0.30, -2.41], [0.31, -2.40], [0.3272, -2.39]]
    assert second.get_offsets().tolist() == [[0.4124, -2.41]]
    assert [to_hex(dots.get_facecolor()[0]) for dots in (first, second)] == list(style.COLOURS[:2])
    assert not drawn.texts
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["a", "b"]
    assert [line.get_marker() for line in drawn.get_legend().get_lines()] == ["o", "s"]


def test_numbers_are_drawn_where_there_is_nothing_else(two):
    """Headlines as bars, those of one unit in one chart, with their null beside them."""
    two["results"] = two["results"][:2]
    for each in two["results"]:
        each["metrics"] = {k: m for k, m in each["metrics"].items() if m["kind"] == "number"}
        each["metrics"]["effective_rank"] |= {
            "interval": [each["metrics"]["effective_rank"]["value"] - 1, 50.0]
        }
    drawn = axes(plot.figure(two), "Effective rank")
    assert [bar.get_width() for bars in drawn.containers for bar in bars] == [46.93, 9.93]
    assert texts(drawn) == ["46.9", "9.93", "isotropic"]
    h, z, null = curves_of(drawn)[:3]
    assert list(h.get_xdata()) == [pytest.approx(45.93), 50.0]
    assert list(z.get_xdata()) == [pytest.approx(8.93), 50.0]
    assert list(null.get_xdata()) == [126.94, 126.94]
    assert null.is_dashed()


def _ticks(axes):
    """The tick labels that are seen: matplotlib keeps others outside the axes."""
    low, high = sorted(axes.get_ylim())
    return [
        label
        for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        if low <= place <= high
    ]


@pytest.mark.parametrize("width", [10.0, 3.3])
@pytest.mark.parametrize("name", ["one", "two", "six"])
def test_no_text_covers_another(name, width, request):
    """Titles, axis names, tick labels, labels of lines, keys and headline, as laid out, also in a paper's column."""
    figure = plot.figure(request.getfixturevalue(name), width)
    figure.canvas.draw()
    texts = [t for a in figure.axes for t in (a._left_title, a.xaxis.label, a.yaxis.label)]
    texts += [figure._suptitle, *(t for a in figure.axes for t in a.texts if a.get_images() == [])]
    texts += [t for a in figure.axes if a.get_legend() for t in a.get_legend().get_texts()]
    texts += [t for a in figure.axes for t in _ticks(a)]
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text() and t.get_visible()]
    assert len(boxes) > 10
    covered = [(a, b) for (a, p), (b, q) in itertools.combinations(boxes, 2) if p.overlaps(q)]
    assert covered == []
    assert all(p.x0 >= 0 and p.x1 <= figure.bbox.width for _, p in boxes)


def test_a_name_is_no_mathematics(two):
    two["results"][0]["subject"] = "$\\frac"
    two["results"][2]["subject"] = "_$a_1$"
    figure = plot.figure(two)
    figure.canvas.draw()
    assert r"\$\frac" in [text for drawn in figure.axes for text in texts(drawn)]


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_draw_writes_what_the_suffix_says(one, tmp_path, suffix, start):
    plot.draw(one, tmp_path / f"a{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes().startswith(start)
    assert len(list(tmp_path.iterdir())) == 1


def test_results_stay_apart_when_colours_run_out():
    assert len({tuple(style.marker(k).values()) for k in range(64)}) == 64


def test_plots_and_pages_have_the_same_colours_and_markers():
    """--s0 … --s7 of the page's light theme; the ninth result has the first colour and the second marker."""
    css = resources.files("collapse_cli.views.page").joinpath("page.css").read_text("utf-8")
    tones = re.findall(r"--s(\d): (#[0-9a-f]{6})", css)[:8]
    assert tones == [(str(n), colour) for n, colour in enumerate(looks.COLOURS)]
    assert (style.marker(8)["color"], style.marker(8)["marker"]) == ("#0072b2", "s")
    assert len(style.MARKERS) == len(looks.MARKERS) == len(svg.MARKERS)


def luminance(colour):
    """WCAG 2.1, relative luminance."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return numpy.dot(linear, (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("colour", [*style.COLOURS, style.NULL, *map(to_hex, style.shades(16))])
def test_every_line_stands_out_from_white_paper(colour):
    """A contrast of 3:1 or more, as WCAG 2.1 asks of what must be seen."""
    assert 1.05 / (luminance(colour) + 0.05) >= 3


def test_charts_of_an_odd_number_leave_no_hole(one):
    """Of three the last is as wide as the two above it."""
    metrics = one["results"][0]["metrics"]
    metrics["third"] = metrics["explained"] | {"label": "third", "values": metrics["explained"]["null"]}
    figure = plot.figure(one)
    figure.canvas.draw()
    first, second, third = figure.axes
    assert first.bbox.y1 == pytest.approx(second.bbox.y1)
    assert third.bbox.width > 2 * first.bbox.width


def test_layers_have_small_axes_of_their_own(one):
    result = one["results"][0]
    metric = result["metrics"]["explained"] | {"apart": "result"}
    layers = [
        result | {"of": f"conv{n}", "subject": f"conv{n}", "metrics": {"explained": metric}} for n in range(5)
    ]
    figure = plot.figure(one | {"results": layers})
    assert [a.get_title(loc="left") for a in figure.axes] == [f"conv{n}" for n in range(5)]
    assert {a.get_ylim() for a in figure.axes} == {(0.0, 1.04)}
    assert [len(curves_of(a)) for a in figure.axes] == [2] * 5


@pytest.mark.parametrize(
    ("heights", "apart", "expected"),
    [
        ([0.2, 0.8], 0.1, [0.2, 0.8]),
        ([0.5, 0.5], 0.1, [0.5, 0.6]),
        ([1.0, 1.0, 1.0], 0.1, [0.8, 0.9, 1.0]),
        ([0.9, 0.1, 0.92], 0.1, [0.9, 0.1, 1.0]),
        ([], 0.1, []),
    ],
)
def test_labels_move_no_farther_apart_than_they_must(heights, apart, expected):
    assert labels.spread(heights, apart) == pytest.approx(expected)


def test_an_answer_without_results_is_an_empty_figure():
    assert plot.figure(answer("x", [], argv=[], version="0")).axes == []


@dataclass(frozen=True)
class Cosines:
    """Cosines of two classes."""

    cosines: Matrix = matrix("cosines of class means", rows="class", columns="class", label="cosines")


def test_what_stands_in_a_dark_cell_is_light():
    """Of a diverging map both ends are dark and the middle is light; which is where dark letters are."""
    entries = [entry("run", Cosines(Matrix([[1, 0], [0.02, -1]], ["a", "b"], ["a", "b"])))]
    figure = plot.figure(answer("classes", entries, argv=[], version="1"))
    shown = {text.get_text(): text.get_color() for axes in figure.axes for text in axes.texts}
    assert shown == {"1": style.PAPER, "0": style.INK, "0.02": style.INK, "-1": style.PAPER}


def chart_axes(chart, width=3.3):
    """The axes of one chart alone, in a figure of this width, as they are laid out."""
    with matplotlib.rc_context(style.of_width(width)):
        figure = compose([chart], "", width)
        figure.canvas.draw()
    return figure.axes[0]


def bars_of(rows, *values, intervals=(), nulls=()):
    bars = tuple(Bar("hzw"[n], n, tuple(each), intervals) for n, each in enumerate(values))
    x = Side("Share", Axis(0.0, 1.0))
    return Bars("Recall by class", tuple(rows), bars, x, nulls, "guessing" if nulls else "")


def scatter_of(*at):
    side = Side("s", Axis(0.0, 1.0))
    return Scatter("Two numbers", side, side, tuple(Points(f"run {n}", n, (p,)) for n, p in enumerate(at)))


def distance(box, point):
    """From a box to a point, in pixels."""
    x, y = (max(low - p, 0.0, p - high) for low, p, high in zip(box.p0, point, box.p1, strict=True))
    return float(numpy.hypot(x, y))


@pytest.mark.parametrize("near", [0.006, 0.02, 0.05])
def test_a_label_is_nearest_to_its_own_point_or_has_a_leader_line(near):
    """Two points side by side, and one far away, which fixes the range."""
    points = [(0.5, 0.5), (0.5 + near, 0.5), (0.0, 0.0)]
    drawn = chart_axes(scatter_of(*points))
    assert len(drawn.texts) == 3
    at = drawn.transData.transform(points)
    for own, text in enumerate(sorted(drawn.texts, key=lambda text: text.get_text())):
        away = [distance(Text.get_window_extent(text), point) for point in at]
        assert text.arrow_patch is not None or away[own] == min(away)


def test_points_that_no_label_fits_beside_have_a_key():
    """Forty points in one small square: there is no room for forty names."""
    drawn = chart_axes(scatter_of(*((0.5 + n / 1000, 0.5 + n % 7 / 1000) for n in range(40))))
    assert not drawn.texts
    assert len(drawn.get_legend().get_texts()) == 40


def test_names_of_rows_take_no_more_than_half_of_the_width():
    """Eighty letters each, which differ in one of them: in two lines, and still different."""
    rows = [f"{'long ' * 8}{n} {'name ' * 7}end" for n in range(5)]
    drawn = chart_axes(bars_of(rows, [0.5] * 4 + [0.6]))
    shown = [label.get_text() for label in drawn.get_yticklabels()]
    assert drawn.bbox.width > 0.5 * drawn.figure.get_figure(root=True).bbox.width
    assert len(set(shown)) == 5


def test_numbers_of_a_matrix_fit_their_cells_or_are_not_there():
    """Measured as drawn: six columns hold `-12345`, thirty do not."""
    for across, there in ((6, True), (30, False)):
        values = tuple(tuple(-12345.0 for _ in range(across)) for _ in range(4))
        places = Side("r", Axis(0.0, 3.0)), Side("c", Axis(0.0, across - 1.0))
        drawn = chart_axes(Heat("M", values, *places, -20000.0, 20000.0))
        assert bool(drawn.texts) is there
        cell = drawn.bbox.width / across
        assert all(text.get_window_extent().width <= cell for text in drawn.texts)


def curves_with(count, label="line"):
    lines = tuple(Line(f"{label} {n}", (1.0, 2.0), (n / 10, 0.5), place=n) for n in range(count))
    return Curves("Loss", Side("x", Axis(1.0, 2.0)), Side("y", Axis(0.0, 5.0)), lines)


@pytest.mark.parametrize(
    ("count", "label", "key"), [(6, "line", False), (30, "line", True), (2, "a" * 30, True)]
)
def test_lines_whose_labels_do_not_fit_beside_them_have_a_key(count, label, key):
    """Few and short ones stand at the ends, whole, and none on another."""
    drawn = chart_axes(curves_with(count, label))
    boxes = [text.get_window_extent() for text in drawn.texts]
    assert (drawn.get_legend() is not None, len(boxes)) == (key, 0 if key else count)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    shown = drawn.get_legend().get_texts() if key else drawn.texts
    assert {text.get_text() for text in shown} == {f"{label} {n}" for n in range(count)}


def test_numbers_below_narrow_axes_do_not_touch():
    drawn = chart_axes(replace(curves_with(6), x=Side("x", Axis(0.0, 123456.0))), 2.0)
    low, high = drawn.get_xlim()
    seen = [t for at, t in zip(drawn.get_xticks(), drawn.get_xticklabels(), strict=True) if low <= at <= high]
    boxes = [text.get_window_extent() for text in seen]
    assert len(boxes) >= 2
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_long_title_takes_lines_within_the_figure():
    title = "Alignment of a class within its nearest neighbours by class: the 15 lowest and 15 highest of 100"
    drawn = chart_axes(replace(curves_with(1), title=title))
    assert drawn.get_title(loc="left").replace("\n", " ") == title
    assert drawn._left_title.get_window_extent().x1 <= drawn.figure.get_figure(root=True).bbox.width


def test_bars_that_stand_together_differ_in_grey():
    """Full, light, hatched; and whiskers are named once."""
    drawn = chart_axes(bars_of("ab", [0.1, 0.2], [0.3, 0.4], [0.5, 0.6], intervals=((0.0, 0.7), None)))
    first, second, third = (bars[0] for bars in drawn.containers)
    light = [luminance(bar.get_facecolor()[:3]) for bar in (first, second)]
    assert light[1] - light[0] > 0.3
    assert (first.get_hatch(), third.get_hatch()) == ("", style.HATCH)
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["h", "z", "w", "95 % interval"]


def test_dots_of_results_that_share_a_row_lie_apart():
    """Five equal values: five heights within the row."""
    chart = bars_of("ab", [0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
    chart = replace(chart, bars=tuple(Bar(f"r{n}", n, (0.5, 0.0)) for n in range(5)))
    drawn = chart_axes(chart)
    heights = [line.get_ydata()[0] for line in curves_of(drawn)[:5]]
    assert heights == pytest.approx([-0.32, -0.16, 0.0, 0.16, 0.32])
    assert drawn.get_xlim()[0] == pytest.approx(-0.02), "a marker at 0 is whole"


def test_a_chart_alone(one):
    """In small or large letters; words that no title has are told with the titles that there are."""
    figure = plot.figure(one, only="VARIANCE expl")
    assert [a.get_title(loc="left") for a in figure.axes] == ["Variance explained"]
    assert len(plot.figure(one, only="eigen, variance").axes) == 2
    with pytest.raises(CollapseError, match="'loss'") as raised:
        plot.figure(one, only="eigen,loss")
    assert raised.value.hint == "its charts: Eigenvalues; Variance explained"


def test_a_dollar_is_seen_as_it_is(one):
    """No backslash before it, in titles, and in the text of an SVG file."""
    one["inputs"][0]["path"] = "a$b$c.pt"
    figure = plot.figure(one)
    title = figure._suptitle
    assert title._preprocess_math(title.get_text()) == ("Spectrum and effective ranks — a$b$c.pt", False)


def test_svg_is_text_with_a_title_and_a_description_and_the_same_each_time(one, tmp_path):
    one["inputs"][0]["path"] = "<b>&$x$.pt"
    for name in "ab":
        plot.draw(one, tmp_path / f"{name}.svg", 3.3)
    shown = (tmp_path / "a.svg").read_text("utf-8")
    assert shown == (tmp_path / "b.svg").read_text("utf-8")
    root = ElementTree.fromstring(shown)
    name = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{name}title") == "Spectrum and effective ranks — <b>&$x$.pt"
    assert root.findtext(f"{name}desc") == "Eigenvalues. Variance explained."
    assert "Directions k" in [text.text for text in root.iter(f"{name}text")]
    assert "dc:date" not in shown


def test_a_pdf_has_a_title_and_no_date(one, tmp_path):
    plot.draw(one, tmp_path / "a.pdf", 3.3)
    shown = (tmp_path / "a.pdf").read_bytes()
    assert b"/Title" in shown
    assert b"CreationDate" not in shown


@pytest.mark.parametrize(("width", "dots"), [(3.3, 990), (10.0, 2000)])
def test_a_paper_column_has_300_dots_an_inch(one, tmp_path, width, dots):
    plot.draw(one, tmp_path / "a.png", width)
    assert Image.open(tmp_path / "a.png").width == dots


def test_on_axes_of_the_caller_labels_stand_inside(one):
    """Nothing of the chart lies right of the axes, where the figure may end."""
    figure = Figure((3, 2))
    drawn = figure.subplots()
    plot.on_axes(one, drawn)
    figure.canvas.draw()
    assert all(text.get_window_extent().x1 <= figure.bbox.width for text in drawn.texts)
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["isotropic", "representations h"]
    assert drawn.get_tightbbox().x1 <= figure.bbox.width

"""Figures: what is drawn where, looked up in the Figure itself."""

import itertools
import json
from dataclasses import dataclass, make_dataclass

import numpy
import pytest
from matplotlib.colors import to_hex

from collapse_cli.results import matrix
from collapse_cli.values import Matrix
from collapse_cli.views import plot, style
from tests.documents import answer, entry


def axes(figure, title):
    (found,) = [one for one in figure.axes if one.get_title(loc="left") == title]
    return found


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_one_axes_for_each_curve(one):
    figure = plot.figure(one)
    assert [a.get_title(loc="left") for a in figure.axes] == ["Eigenvalues", "Variance explained"]
    assert legend(figure) == ["isotropic"]
    assert figure.get_suptitle() == "Spectrum and effective ranks — runs/moco-digits-2025/checkpoint.pt"


def test_a_curve_lies_over_its_null(one):
    drawn = axes(plot.figure(one), "Variance explained")
    null, curve = drawn.get_lines()
    metric = one["results"][0]["metrics"]["explained"]
    assert list(curve.get_ydata()) == metric["values"]
    assert list(null.get_ydata()) == metric["null"]
    assert list(curve.get_xdata()) == list(range(1, 129))
    assert (null.get_linestyle(), null.get_color()) == ("--", style.NULL)
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("Directions k", "Share of variance")
    assert (drawn.get_xscale(), drawn.get_yscale()) == ("linear", "linear")


def test_what_was_before_training_is_dotted(one):
    one["results"][0]["metrics"]["explained"]["initial"] = [0.5, 1.0]
    figure = plot.figure(one)
    _, before, curve = axes(figure, "Variance explained").get_lines()
    assert (list(before.get_ydata()), before.get_linestyle()) == ([0.5, 1.0], ":")
    assert before.get_color() == curve.get_color()
    assert legend(figure) == ["at initialisation", "isotropic"]


def test_runs_of_a_group_are_a_band_which_the_legend_names_once(two):
    """Of both results, in their colours; below the floor of a logarithmic axis the band lies on it."""
    for result in two["results"][:2]:
        metric = result["metrics"]["eigenvalues"]
        metric |= {
            "lowest": [0.0 for _ in metric["values"]],
            "highest": [2 * value for value in metric["values"]],
        }
    figure = plot.figure(two)
    drawn = axes(figure, "Eigenvalues")
    assert [to_hex(band.get_facecolor()[0][:3]) for band in drawn.collections] == list(style.COLOURS[:2])
    upper = drawn.collections[0].get_paths()[0].vertices[:, 1].max()
    assert upper == pytest.approx(2 * max(two["results"][0]["metrics"]["eigenvalues"]["values"]))
    assert drawn.get_ylim()[1] > upper
    assert min(band.get_paths()[0].vertices[:, 1].min() for band in drawn.collections) > 0
    assert legend(figure) == ["h", "z", "from the lowest to the highest seed", "isotropic, random order"]


def test_a_collapsed_tail_lies_on_a_stated_floor(one):
    """The largest eigenvalue is 0.02: the axis reaches twelve decades down, and zeros lie there."""
    drawn = axes(plot.figure(one), "Eigenvalues")
    assert drawn.get_yscale() == "log"
    assert drawn.get_ylabel() == "Eigenvalue λ\n≤ 2e-14: drawn there"
    assert min(drawn.get_lines()[1].get_ydata()) == pytest.approx(0.02e-12)


def test_results_share_axes_and_keep_their_colours(two):
    figure = plot.figure(two)
    drawn = axes(figure, "False negatives by rank")
    assert drawn.get_xscale() == "log"
    assert [line.get_label() for line in drawn.get_lines()[1:]] == ["h", "z"]
    assert [line.get_color() for line in drawn.get_lines()[1:]] == list(style.COLOURS[:2])
    assert len(axes(figure, "Eigenvalues").get_lines()) == 4  # two curves, and a null for each width
    assert legend(figure) == ["h", "z", "isotropic, random order"]


def test_each_is_bars_and_says_what_is_left_out(two):
    drawn = axes(plot.figure(two), "Alignment of a class, by class (… 80 more)")
    assert [label.get_text() for label in drawn.get_yticklabels()] == [f"class {k}" for k in range(20)]
    h, z = drawn.containers
    values = two["results"][3]["metrics"]["of_class"]["values"]
    assert [bar.get_width() for bar in z] == [values[f"class {k}"] for k in range(20)]
    assert numpy.isnan([bar.get_width() for bar in h][10:]).all()
    assert h[0].get_y() + h[0].get_height() < z[0].get_y() + z[0].get_height()


def test_each_of_many_results_is_dots(six):
    drawn = axes(plot.figure(six), "Alignment of a class, by class (… 10 more)")
    assert [line.get_marker() for line in drawn.get_lines()] == ["o"] * 6
    assert not drawn.containers


def test_matrices_are_heat_maps_with_a_bar(two):
    figure = plot.figure(two)
    drawn = axes(figure, "Confusion · z")
    (image,) = drawn.get_images()
    assert image.get_array().tolist() == two["results"][5]["metrics"]["confusion"]["values"]
    assert image.colorbar is not None
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("Said class", "Class")


def test_a_matrix_with_values_below_zero_is_centred():
    kind = make_dataclass(
        "Signed", [("m", tuple, matrix("m", rows="r", columns="c"))], namespace={"__doc__": "Signed."}
    )
    one = entry("h", kind(((1.0, -3.0), (float("nan"), 0.0))))
    (image,) = plot.figure(answer("x", [one], argv=[], version="0")).axes[0].get_images()
    assert image.get_clim() == (-3.0, 3.0)
    assert image.get_cmap().name == style.DIVERGING


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
    """In the colour and shape that the legend names; no label floats at a mean where no run lies."""
    figure = plot.figure(groups)
    drawn = axes(figure, "Alignment and uniformity")
    first, second = drawn.collections
    assert first.get_offsets().tolist() == [[0.30, -2.41], [0.31, -2.40], [0.3272, -2.39]]
    assert second.get_offsets().tolist() == [[0.4124, -2.41]]
    assert [to_hex(dots.get_facecolor()[0]) for dots in (first, second)] == list(style.COLOURS[:2])
    assert not drawn.texts
    assert legend(figure) == ["a", "b"]
    assert [line.get_marker() for line in figure.legends[0].get_lines()] == ["o", "o"]


def test_one_result_has_no_scatter(two):
    two["results"] = two["results"][2:3]
    assert [a.get_title(loc="left") for a in plot.figure(two).axes] == ["Alignment of a class, by class"]


def test_numbers_are_drawn_where_there_is_nothing_else(two):
    """Headlines as bars, with their null beside them."""
    two["results"] = two["results"][:2]
    for one in two["results"]:
        one["metrics"] = {k: m for k, m in one["metrics"].items() if m["kind"] == "number"}
    figure = plot.figure(two)
    drawn = axes(figure, "Effective rank")
    assert [bar.get_width() for bars in drawn.containers for bar in bars] == [46.93, 9.93]
    assert [text.get_text() for text in drawn.texts] == ["46.9", "9.93"]
    assert drawn.collections[0].get_segments()[0][:, 0].tolist() == [126.94, 126.94]
    assert legend(figure) == ["isotropic"]


def _ticks(axes):
    """The tick labels that are seen: matplotlib keeps others outside the axes."""
    low, high = sorted(axes.get_ylim())
    return [
        label
        for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        if low <= place <= high
    ]


@pytest.mark.parametrize("name", ["one", "two", "six"])
def test_no_text_covers_another(name, request):
    """Titles, axis names, tick labels of the outer axes, legend and headline, as laid out."""
    figure = plot.figure(request.getfixturevalue(name))
    figure.canvas.draw()
    texts = [t for a in figure.axes for t in (a._left_title, a.xaxis.label, a.yaxis.label)]
    texts += [t for one in figure.legends for t in one.get_texts()] + [figure._suptitle]
    texts += [t for a in figure.axes for t in _ticks(a)]
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text() and t.get_visible()]
    assert len(boxes) > 10
    covered = [(a, b) for (a, p), (b, q) in itertools.combinations(boxes, 2) if p.overlaps(q)]
    assert covered == []
    assert all(p.x0 >= 0 and p.x1 <= figure.bbox.width for _, p in boxes)


def test_a_name_is_no_mathematics(two):
    two["results"][0]["of"] = "$\\frac"
    two["results"][2]["of"] = "_$a_1$"
    figure = plot.figure(two)
    figure.canvas.draw()
    assert r"\$\frac" in legend(figure)


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_draw_writes_what_the_suffix_says(one, tmp_path, suffix, start):
    plot.draw(one, tmp_path / f"a{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes().startswith(start)
    assert len(list(tmp_path.iterdir())) == 1


def test_drawings_are_one_svg_each_in_colours_of_the_page(two):
    found = plot.drawings(json.loads(json.dumps(two)))
    assert [title for title, _ in found][:3] == [
        "Eigenvalues",
        "Variance explained",
        "Alignment and uniformity",
    ]
    assert all(svg.startswith("<svg") and svg.rstrip().endswith("</svg>") for _, svg in found)
    assert all("var(--ink)" in svg and style.INK not in svg for _, svg in found)


def test_results_stay_apart_when_colours_run_out():
    looks = [(to_hex(style.line(k)["color"]), style.line(k)["linestyle"]) for k in range(18)]
    assert len(set(looks)) == 18
    assert len({tuple(style.marker(k).values()) for k in range(18)}) == 18


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
    said = {text.get_text(): text.get_color() for axes in figure.axes for text in axes.texts}
    assert said == {"1": style.PAPER, "0": style.INK, "0.02": style.INK, "-1": style.PAPER}

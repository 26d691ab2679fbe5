"""Families of curves and named matrices, as every view shows them."""

import io
import json
from dataclasses import dataclass
from importlib.resources import files

import numpy
import pytest
from jsonschema import Draft202012Validator
from matplotlib.colors import to_hex
from rich.console import Console

from collapse_cli.results import curve, lines, matrix
from collapse_cli.values import Curve, Matrix
from collapse_cli.views import plot, style, terminal
from collapse_cli.views.page import page
from tests.documents import answer, entry

SCHEMA = json.loads(files("collapse_cli.views").joinpath("schema.json").read_text())


@dataclass(frozen=True)
class Course:
    """Course."""

    sigma: dict[str, Curve] = lines(
        "singular values", of="direction", label="singular values", x="step", y="σ", log="y"
    )
    fates: Curve = curve("fates", x="said", y="came", dots=True)
    table: Matrix = matrix("alive", rows="noise", columns="layers", label="surviving dimensions")


def course(size: int = 3) -> Course:
    """Curve k is 10^-k, 10^-2k at steps 0 and 100."""
    family = {f"σ{k}": Curve((10.0**-k, 10.0 ** (-2 * k)), x=(0, 100)) for k in range(1, size + 1)}
    return Course(
        family, Curve((3, 1, 2), x=(0, 5, 2)), Matrix([(16, float("nan")), (8, 4.5)], ["0", "2"], ["1", "3"])
    )


def document(*sizes: int) -> dict:
    entries = [entry(f"run {n}", course(size)) for n, size in enumerate(sizes)]
    return answer("linear", entries, argv=[], version="0")


def axes(figure, title):
    (found,) = [one for one in figure.axes if one.get_title(loc="left") == title]
    return found


def read(shown: dict) -> str:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    terminal.show(shown, console)
    return console.file.getvalue()


def test_they_fit_the_schema():
    validator = Draft202012Validator(SCHEMA)
    shown = json.loads(json.dumps(document(3, 9)))
    assert list(validator.iter_errors(shown)) == []
    for broken in ({"σ1": [1.0]}, {"σ1": {"values": [1.0], "at": None}}, [1.0]):
        shown["results"][0]["metrics"]["sigma"]["values"] = broken
        assert not validator.is_valid(shown)
    shown = json.loads(json.dumps(document(3)))
    shown["results"][0]["metrics"]["table"]["row_names"] = [0, 2]
    assert not validator.is_valid(shown)


def test_a_few_curves_are_named_in_a_legend():
    drawn = axes(plot.figure(document(3)), "Singular values")
    assert [to_hex(one.get_color()) for one in drawn.get_lines()] == list(style.COLOURS[:3])
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["σ1", "σ2", "σ3"]
    assert drawn.get_lines()[1].get_ydata() == pytest.approx([1e-2, 1e-4])
    assert list(drawn.get_lines()[1].get_xdata()) == [0, 100]
    assert (drawn.get_yscale(), drawn.get_xlabel(), drawn.get_ylabel()) == ("log", "Step", "σ".title())


def test_of_many_the_first_and_the_last_are_named_where_they_end():
    drawn = axes(plot.figure(document(9)), "Singular values")
    assert drawn.get_legend() is None
    low, high = drawn.texts
    assert (high.get_text(), tuple(high.xy)) == ("σ1", pytest.approx((100, 1e-2)))
    assert (low.get_text(), low.get_va(), high.get_va()) == ("σ9", "top", "bottom"), (
        "apart, also where they end together"
    )
    bright = [sum(one.get_color()[:3]) for one in drawn.get_lines()]
    assert bright == sorted(bright), "from dark to light"


def test_each_result_has_its_own_axes():
    titles = [one.get_title(loc="left") for one in plot.figure(document(3, 9)).axes]
    assert {"Singular values · run 0", "Singular values · run 1"} <= set(titles)


def test_dots_are_not_joined():
    (line,) = axes(plot.figure(document(3)), "Fates").get_lines()
    assert (line.get_linestyle(), line.get_marker()) == ("None", "o")


def test_a_named_matrix_has_its_names_and_values_in_its_cells():
    drawn = axes(plot.figure(document(3)), "Surviving dimensions")
    assert [one.get_text() for one in drawn.get_yticklabels()] == ["0", "2"]
    assert [one.get_text() for one in drawn.get_xticklabels()] == ["1", "3"]
    assert [text.get_text() for text in drawn.texts] == ["16", "–", "8", "4.5"]
    dark, light = drawn.texts[3].get_color(), drawn.texts[0].get_color()
    assert (dark, light) == (style.PAPER, style.INK), "4.5 is the darkest of cells, 16 the brightest"


def test_large_matrices_have_no_numbers():
    shown = document(3)
    table = shown["results"][0]["metrics"]["table"]
    names = [str(n) for n in range(11)]
    table |= {"values": numpy.ones((11, 11)).tolist(), "row_names": names, "column_names": names}
    assert not axes(plot.figure(shown), "Surviving dimensions").texts


def test_the_terminal_sketches_one_family_and_counts_the_others():
    text = read(document(3))
    (row,) = [line for line in text.splitlines() if line.startswith("σ2 ")]
    assert row.endswith("0.01 … 1e-4")
    assert "curves, drawn by --plot" not in text
    for shown in (document(13), document(3, 3)):
        text = read(shown)
        assert (
            f"singular values: {len(shown['results'][0]['metrics']['sigma']['values'])} curves, drawn by --plot"
            in text
        )
        assert not [line for line in text.splitlines() if line.startswith("σ2 ")]


def test_the_terminal_shows_a_named_matrix_as_a_table():
    text = read(document(3))
    assert "surviving dimensions, noise × layers" in text
    assert [line.split() for line in text.splitlines() if line.startswith(("0 ", "2 "))] == [
        ["0", "16", "–"],
        ["2", "8", "4.50"],
    ]


def test_a_page_explains_them():
    text = page([document(9)], "Linear")
    assert "<dt>Singular values</dt><dd>Singular values</dd>" in text
    assert 'aria-label="Singular values.' in text

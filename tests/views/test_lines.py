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


def curves_of(drawn):
    return [line for line in drawn.get_lines() if line.get_transform() == drawn.transData]


def test_a_few_curves_are_named_where_they_end():
    drawn = axes(plot.figure(document(3)), "Singular values")
    assert [to_hex(line.get_color()) for line in curves_of(drawn)] == list(style.COLOURS[:3])
    assert [text.get_text() for text in drawn.texts] == ["σ1", "σ2", "σ3"]
    assert curves_of(drawn)[1].get_ydata() == pytest.approx([1e-2, 1e-4])
    assert list(curves_of(drawn)[1].get_xdata()) == [0, 100]
    assert (drawn.get_yscale(), drawn.get_xlabel(), drawn.get_ylabel()) == ("log", "Step", "σ".title())


def test_of_many_the_first_and_the_last_are_named():
    drawn = axes(plot.figure(document(9)), "Singular values")
    assert [text.get_text() for text in drawn.texts] == ["values below 1e-13 are drawn there", "σ1", "σ9"]
    bright = [sum(line.get_color()[:3]) for line in curves_of(drawn)]
    assert bright == sorted(bright), "from dark to light"


def test_each_result_has_its_own_axes():
    titles = [each.get_title(loc="left") for each in plot.figure(document(3, 9)).axes]
    assert {"run 0", "run 1"} <= set(titles)


def test_dots_are_not_joined():
    (line,) = curves_of(axes(plot.figure(document(3)), "Fates"))
    assert (line.get_linestyle(), line.get_marker()) == ("None", "o")


def test_a_named_matrix_has_its_names_and_values_in_its_cells():
    drawn = axes(plot.figure(document(3)), "Surviving dimensions")
    assert [each.get_text() for each in drawn.get_yticklabels()] == ["0", "2"]
    assert [each.get_text() for each in drawn.get_xticklabels()] == ["1", "3"]
    assert [text.get_text() for text in drawn.texts] == ["16", "–", "8", "4.50"]
    dark, light = drawn.texts[3].get_color(), drawn.texts[0].get_color()
    assert (dark, light) == (style.PAPER, style.INK), "4.5 is the darkest of cells, 16 the brightest"


@pytest.mark.parametrize(("size", "written"), [(30, 900), (60, 0)])
def test_cells_have_numbers_while_these_can_be_read(size, written):
    shown = document(3)
    table = shown["results"][0]["metrics"]["table"]
    names = [str(n) for n in range(size)]
    table |= {"values": numpy.ones((size, size)).tolist(), "row_names": names, "column_names": names}
    drawn = axes(plot.figure(shown), "Surviving dimensions")
    assert len(drawn.texts) == written
    assert len(drawn.get_yticklabels()) == 30


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

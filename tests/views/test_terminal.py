"""Tables, sketches and verdicts as a person reads them."""

import io
import json
from dataclasses import dataclass

import pytest
from rich.console import Console

from collapse_cli.results import matrix
from collapse_cli.values import Matrix
from collapse_cli.views import terminal
from collapse_cli.views.grid import Label
from tests.documents import answer, entry


def read(document, width=80, colour=False) -> str:
    """What a console of this width shows."""
    console = Console(
        file=io.StringIO(), width=width, highlight=False, force_terminal=colour, color_system="truecolor" if colour else None
    )  # fmt: skip
    terminal.show(document, console)
    return console.file.getvalue()


def line(text: str, start: str) -> str:
    """The one line that begins so, its blanks made one."""
    (found,) = [one for one in text.splitlines() if one.startswith(start)]
    return " ".join(found.split())


def test_one_result_says_value_interval_and_null(one):
    text = read(one)
    assert line(text, "effective rank") == "effective rank¹, dimensions 46.9 (isotropic 126.9)"
    assert line(text, "RankMe") == "RankMe², dimensions 41.5 (isotropic 118.2)"
    assert line(text, "std·√D") == "std·√D¹ 0.943 ± 0.030 (isotropic 0.9987)"


def test_settings_and_conventions_are_said_once(one):
    text = read(one)
    assert text.count("N 1797 · D 128 · centred yes · L2 yes · eps 0 · seed 0") == 1
    assert text.count("λ, centred, L2-normalised embeddings") == 1
    assert line(text, "² σ") == "² σ, not centred, raw embeddings"


def test_two_results_stand_side_by_side(two):
    text = read(two)
    assert line(text, "(isotropic)") == "(isotropic) h z null"
    assert line(text, "RankMe") == "RankMe², dimensions 41.5 8.22 (118.2)"
    assert line(text, "D ") == "D 128 64"


def test_each_is_cut_and_says_so(two):
    text = read(two)
    assert line(text, "class 9") == "class 9 0.2288 0.3288"
    assert line(text, "class 11") == "class 11 – 0.2300"
    assert "class 12" not in text
    assert "… 88 more in --json" in text


def test_a_matrix_is_mentioned(two):
    assert "confusion: a matrix, drawn by --plot" in read(two)


def test_many_results_get_a_row_each_with_headlines_only(six):
    text = read(six)
    rows = [" ".join(one.split()) for one in text.splitlines() if one.startswith("moco-queue-64 ")]
    assert rows[0] == "moco-queue-64 5.93 0.943 ± 0.030 0"
    assert rows[1].endswith("0.02 … 0")  # the sparkline's ends
    assert rows[2] == "moco-queue-64 0.3124 -2.41"
    assert [" ".join(one.split()) for one in text.splitlines() if one.startswith("null")] == [
        "null (126.9) (0.9987)",
        "null (-3.88)",
    ]
    assert "RankMe" not in text
    assert "… 1 more for each in --json" in text


def test_the_best_is_marked_bold_and_explained(groups):
    text = read(groups).split("Difference from a")[0]
    assert line(text, "alignment¹, squared") == "alignment¹, squared distance ● 0.312 ± 0.013 0.4124"
    assert line(text, "● best").startswith("● best: every other value differs from it significantly")
    assert "± one standard deviation over the runs of a group" in text
    assert "\x1b[1m● 0.312 ± 0.013" in read(groups, colour=True)


def test_a_difference_says_how_many_seeds_agree(groups):
    text = read(groups).split("Difference from a")[1]
    assert line(text, "alignment¹, squared") == "alignment¹, squared distance 0.100 ± 0.020 2/3"
    assert "k/n: k of n seeds" in text


def test_chance_stands_once_where_it_is_nearly_the_same(two):
    """Within 2 % of one another the least stands for all; a row beside the headlines may show both ends."""
    numbers = [one["metrics"] for one in two["results"][:2]]
    numbers[1]["effective_rank"]["null"] = 125.0
    numbers[1]["rankme"]["null"] = 59.1
    text = read(two)
    assert line(text, "effective rank") == "effective rank¹, dimensions 46.9 9.93 (125)"
    lines = [" ".join(one.split()) for one in text.splitlines()]
    row = lines.index("RankMe², dimensions 41.5 8.22 (59.1 …")
    assert lines[row + 1] == "118.2)"


def test_chance_stands_beside_each_value_where_it_differs(two):
    """A headline whose chance differs, as with another D: then all of a few results say their own."""
    two["results"][1]["metrics"]["effective_rank"]["null"] = 62.0
    text = read(two)
    assert line(text, "effective rank") == "effective rank¹, dimensions 46.9 (126.9) 9.93 (62)"
    assert line(text, "RankMe") == "RankMe², dimensions 41.5 (118.2) 8.22 (118.2)"


def test_of_many_results_each_metric_says_chance_in_its_own_way(six):
    six["results"][1]["metrics"]["effective_rank"]["null"] = 62.0
    rows = [" ".join(one.split()) for one in read(six).splitlines() if one.startswith("moco-queue-64 ")]
    assert rows[0] == "moco-queue-64 5.93 (126.9) 0.943 ± 0.030 0"
    chances = [" ".join(one.split()) for one in read(six).splitlines() if one.startswith("null")]
    assert chances == ["null (0.9987)", "null (-3.88)"]


def test_inputs_are_listed_up_to_a_dozen(one):
    one["inputs"] = [one["inputs"][0] | {"path": f"runs/{n}.pt"} for n in range(14)]
    text = read(one)
    assert "runs/11.pt" in text
    assert "runs/12.pt" not in text
    assert "… 2 more inputs in --json" in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", ["one", "two", "six", "groups"])
def test_no_line_is_wider_than_the_terminal(name, width, request):
    text = read(request.getfixturevalue(name), width)
    assert max(len(one.rstrip()) for one in text.splitlines()) <= width


def test_columns_that_do_not_fit_go_into_another_table(six):
    """Six columns of 16 letters beside names of 8: four fit in 80, all of them in 120."""
    assert [" ".join(o.split()) for o in read(six, 80).splitlines() if o.startswith("class 0")] == [
        "class 0 0.2000 0.2300 0.2600 0.2900",
        "class 0 0.3200 0.3500",
    ]
    assert line(read(six, 120), "class 0") == "class 0 0.2000 0.2300 0.2600 0.2900 0.3200 0.3500"


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("moco-queue-64", "1;32", "121 of 128 dimensions survive training"),
        ("moco-queue-128", "1;33", "12 of 128 dimensions survive training"),
        ("moco-queue-256", "1;31", "all images land on one point"),
        ("moco-queue-512", "1;2", "90 rows say too little about 128 dimensions"),
    ],
)
def test_verdicts_have_their_colours(six, name, code, sentence):
    assert f"\x1b[{code}m{name}: " in read(six, colour=True)
    (said,) = [one for one in read(six).splitlines() if f" {name}: " in one]
    assert sentence in said


def test_reasons_follow_their_sentence_at_the_end(one):
    assert [text.rstrip() for text in read(one).splitlines()[-2:]] == [
        "✓ healthy — 121 of 128 dimensions survive training",
        "  121 directions above 1 %",
    ]


def test_null_is_dim(one):
    assert "\x1b[2m(isotropic 126.9)" in read(one, colour=True)


def test_no_escape_where_stdout_is_no_terminal(two, capsys, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    terminal.show(two)
    out = capsys.readouterr().out
    assert "dimensional collapse" in out
    assert "\x1b" not in out


def test_no_colour_where_it_is_not_wanted(one, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in read(one, colour=True)
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[32m" in read(one, colour=True)


def test_a_saved_answer_shows_the_same(six):
    assert read(json.loads(json.dumps(six))) == read(six)


def test_an_escape_in_a_name_does_not_reach_the_terminal(two):
    two["results"][0]["of"] = "h\x1b]0;owned\x07"
    assert "\x1b" not in read(two)


def test_an_answer_without_results_shows_nothing():
    assert read(answer("x", [], argv=[], version="0")) == ""


@dataclass(frozen=True)
class Cosines:
    """Cosines of two classes."""

    cosines: Matrix = matrix("cosines of class means", rows="class", columns="class", label="cosines")


def test_matrices_of_several_results_say_whose_they_are():
    """Cosines with two decimals each, 1 and -0.5 too."""
    of = [Matrix([[1, c], [c, 1]], ["a", "b"], ["a", "b"]) for c in (-0.5, 0.123)]
    entries = [entry(f"run · {space}", Cosines(one)) for space, one in zip("hz", of, strict=True)]
    text = read(answer("classes", entries, argv=[], version="1"))
    assert "cosines of run · h, class × class" in text
    assert "cosines of run · z, class × class" in text
    assert [line(text.partition("run · z, ")[2], name) for name in "ab"] == ["a 1.00 0.12", "b 0.12 1.00"]
    assert "cosines, class × class" in read(answer("classes", entries[:1], argv=[], version="1"))


def test_of_very_many_numbers_only_headlines_are_shown(one):
    """41 plain ones more than a table holds: the headlines stay, and only their footnotes."""
    (result,) = one["results"]
    plain = {"kind": "number", "help": "", "unit": "", "value": 1.5, "null": None, "interval": None}
    more = {f"n{k}": plain | {"label": f"number {k}", "convention": "of many"} for k in range(41)}
    text = read(one | {"results": [result | {"metrics": result["metrics"] | more}]})
    assert line(text, "effective rank") == "effective rank¹, dimensions 46.9 (isotropic 126.9)"
    assert "number 7" not in text
    assert "of many" not in text
    assert "… 42 more for each in --json and --html" in text  # these and RankMe


def test_a_unit_that_the_name_says_is_not_said_again():
    assert Label("dimensions for 90 %", unit="dimensions").dim == ""
    assert Label("effective rank", unit="dimensions").dim == ", dimensions"

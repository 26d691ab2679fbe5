"""Tables, sketches and verdicts as a person reads them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
from rich.console import Console

from collapse_cli.layout import Table
from collapse_cli.results import matrix, number
from collapse_cli.values import Matrix, Measured
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
    assert line(text, "effective rank") == "effective rank¹, dimensions 46.9 (isotropic 127)"
    assert line(text, "RankMe") == "RankMe² 41.5 (isotropic 118)"  # its unit is that of the row above
    assert line(text, "std·√D") == "std·√D¹ 0.943 ± 0.030 (isotropic 0.999)"


def test_settings_and_conventions_are_said_once(one):
    text = read(one)
    assert text.count("N 1,797 · D 128 · centred yes · L2 yes · eps 0 · seed 0") == 1
    assert text.count("λ, centred, L2-normalised embeddings") == 1
    assert line(text, "¹ λ") == "¹ λ, centred, L2-normalised embeddings ² σ, not centred, raw embeddings"


def test_two_results_stand_side_by_side(two):
    text = read(two)
    assert line(text, "(null: isotropic)") == "(null: isotropic) h z null"
    assert line(text, "RankMe") == "RankMe² 41.5 8.22 (118)"
    assert line(text, "D ") == "D 128 64"


def test_each_is_cut_and_says_so(two):
    text = read(two)
    assert line(text, "class 9") == "class 9 0.229 0.329"
    assert line(text, "class 11") == "class 11 – 0.230"
    assert "class 12" not in text
    assert "… 88 more in --json" in text


def test_a_matrix_is_mentioned(two):
    assert "confusion: a matrix, drawn by --plot" in read(two)


def test_many_results_get_a_row_each_with_all_numbers(six):
    text = read(six)
    rows = [" ".join(one.split()) for one in text.splitlines() if one.startswith("moco-queue-64 ")]
    assert rows[0] == "moco-queue-64 5.93 4.62 0.943 ± 0.030 0"
    assert rows[1].endswith("0.02 … 0")  # the sparkline's ends
    assert rows[2] == "moco-queue-64 0.312 -2.41"
    assert [" ".join(one.split()) for one in text.splitlines() if one.startswith("null")] == [
        "null (127) (118) (0.999)",
        "null (-3.88)",
    ]


def test_very_many_results_show_headlines_and_say_so(six):
    """13 results: RankMe alone is no headline."""
    first = six["results"][0]
    text = read(six | {"results": [first | {"of": f"run {n}"} for n in range(13)]})
    row = next(one for one in text.splitlines() if one.startswith("run 12 "))
    assert " ".join(row.split()) == "run 12 5.93 0.943 ± 0.030"
    assert "RankMe" not in text
    assert "… 1 more for each in --json" in text


def test_the_best_is_marked_bold_and_explained(groups):
    text = read(groups).split("Difference from a")[0]
    assert line(text, "alignment¹, squared") == "alignment¹, squared distance ● 0.312 ± 0.013 0.412"
    assert line(text, "● best").startswith("● best: every other value differs from it significantly")
    assert "± one standard deviation over the runs of a group" in text
    assert "\x1b[1m● 0.312 ± 0.013" in read(groups, colour=True)


def test_a_difference_says_how_many_seeds_agree(groups):
    text = read(groups).split("Difference from a")[1]
    assert line(text, "alignment¹, squared") == "alignment¹, squared distance 0.100 ± 0.020 2/3"
    assert "k/n: k of n seeds" in text


def test_the_null_stands_once_where_it_is_nearly_the_same(two):
    """Within 2 % of one another the least stands for all; a row beside the headlines may show both ends."""
    numbers = [one["metrics"] for one in two["results"][:2]]
    numbers[1]["effective_rank"]["null"] = 125.0
    numbers[1]["rankme"]["null"] = 59.1
    text = read(two)
    assert line(text, "effective rank") == "effective rank¹, dimensions 46.9 9.93 (125)"
    assert line(text, "RankMe") == "RankMe² 41.5 8.22 (59.1 … 118)"


def test_the_null_stands_beside_each_value_where_it_differs(two):
    """A headline whose null differs, as with another D: then all of a few results say their own."""
    two["results"][1]["metrics"]["effective_rank"]["null"] = 62.0
    text = read(two)
    assert line(text, "effective rank") == "effective rank¹, dimensions 46.9 (127) 9.93 (62)"
    assert line(text, "RankMe") == "RankMe² 41.5 (118) 8.22 (118)"


def test_of_many_results_each_metric_says_the_null_in_its_own_way(six):
    six["results"][1]["metrics"]["effective_rank"]["null"] = 62.0
    rows = [" ".join(one.split()) for one in read(six).splitlines() if one.startswith("moco-queue-64 ")]
    assert rows[0] == "moco-queue-64 5.93 (127) 4.62 0.943 ± 0.030 0"
    nulls = [" ".join(one.split()) for one in read(six).splitlines() if one.startswith("null")]
    assert nulls == ["null (118) (0.999)", "null (-3.88)"]


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
    """Six columns of 13 to 15 letters and gaps of 2 beside names of 8: four fit in 80, all of them in 120."""
    assert [" ".join(o.split()) for o in read(six, 80).splitlines() if o.startswith("class 0")] == [
        "class 0 0.200 0.230 0.260 0.290",
        "class 0 0.320 0.350",
    ]
    assert line(read(six, 120), "class 0") == "class 0 0.200 0.230 0.260 0.290 0.320 0.350"


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


def test_the_verdict_comes_first_then_tables_sketches_and_settings(one):
    one["next"] = ["collapse report run"]
    one["results"][0]["verdict"] |= {"meaning": "It can be used.", "commands": ["collapse train"]}
    lines = [text.rstrip() for text in read(one).splitlines()]
    assert lines[:4] == [
        "✓ healthy — 121 of 128 dimensions survive training It can be used.",
        "  121 directions above 1 %",
        "→ collapse train",
        "",
    ]
    order = [
        lines.index(next(text for text in lines if text.startswith(start)))
        for start in ("Spectrum", "effective rank", "eigenvalues", "N 1,797", "¹ λ", "runs/moco", "Next: ")
    ]
    assert order == sorted(order)
    assert lines[-2:] == ["Next: collapse report run", "What this means: collapse explain spectrum"]


def test_where_there_is_no_verdict_the_answer_stands_in_its_place(two):
    two["results"][2]["answer"] = "Views are near: 0.31 of at most 4."
    head = [text.rstrip() for text in read(two).splitlines()[:7]]
    assert head[0] == "✓ h: healthy — 121 of 128 dimensions survive training"
    assert head[5:] == ["h: Views are near: 0.31 of at most 4.", ""]


def test_null_is_dim(one):
    assert "\x1b[2m(isotropic 127)" in read(one, colour=True)


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


def test_three_results_of_a_matrix_are_left_to_a_plot():
    entries = [entry(f"run {n}", Cosines(Matrix([[1, 0]], ["a"], ["a", "b"]))) for n in range(3)]
    text = read(answer("classes", entries, argv=[], version="1"))
    assert "cosines: a matrix, drawn by --plot" in text
    assert "1.00" not in text


@dataclass(frozen=True)
class Ranks:
    """Ranks."""

    TABLE: ClassVar = Table(
        order=("rank",), together={"for 90 / 99 %": ("ninety", "most")}, json_only=("rounding", "constant")
    )
    ninety: int = number("for 90 %", label="for 90 %", convention="λ", null="isotropic", headline=True)
    rounding: float = number("what was lost")
    rank: float = number("exp of the entropy", convention="λ", null="isotropic", headline=True)
    most: int = number("for 99 %", label="for 99 %", convention="λ", null="isotropic")
    constant: float | None = number("always 1", convention="of itself", default=None)


def ranks(ninety: int, most: int, rank: float, null: float) -> Ranks:
    """With an interval of the rank, and the same null of all."""
    interval = (rank - 0.52, rank + 0.52)
    return Ranks(Measured(ninety, null), 1e-16, Measured(rank, null, interval), Measured(most, null), 1.0)


def four() -> dict:
    """Two runs of two spaces."""
    entries = [
        entry(f"{run} · {space}", ranks(*numbers, null=128.0 if space == "h" else 64.0))
        for run, of in (
            ("moco", [(27, 90, 18.4), (3, 22, 3.07)]),
            ("simsiam", [(37, 98, 25.0), (22, 45, 19.2)]),
        )
        for space, numbers in zip("hz", of, strict=True)
    ]
    return answer("spectrum", entries, argv=[], version="1")


def test_a_space_of_all_inputs_stands_side_by_side():
    """At 60 letters a table for each space, with the null of the space; at 120 one for both."""
    rows = {width: [" ".join(o.split()) for o in read(four(), width).splitlines()] for width in (60, 120)}
    assert [text for text in rows[60] if text.startswith(("(null", "rank"))] == [
        "(null: isotropic) moco · h simsiam · h null · h", "rank¹ 18.40 ± 0.52 25.00 ± 0.52 (128)",
        "(null: isotropic) moco · z simsiam · z null · z", "rank¹ 3.07 ± 0.52 19.20 ± 0.52 (64)",
    ]  # fmt: skip
    assert [text for text in rows[120] if text.startswith(("(null", "rank"))] == [
        "(null: isotropic) moco · h simsiam · h null · h moco · z simsiam · z null · z",
        "rank¹ 18.40 ± 0.52 25.00 ± 0.52 (128) 3.07 ± 0.52 19.20 ± 0.52 (64)",
    ]


def test_a_block_that_does_not_fit_shares_no_table_with_another():
    """At 45 letters both values of a space fit, and not its null."""
    heads = [" ".join(one.split()) for one in read(four(), 45).splitlines() if "·" in one]
    assert heads == [
        "(null: isotropic) moco · h simsiam · h", "(null: isotropic) null · h",
        "(null: isotropic) moco · z simsiam · z", "(null: isotropic) null · z",
    ]  # fmt: skip


def test_related_numbers_share_a_row_and_what_nobody_decides_by_is_left_out():
    """Declared by the result: 90 and 99 % in one row with both nulls, the order, and what stays in the JSON."""
    text = read(four(), 120)
    assert line(text, "for 90") == "for 90 / 99 %¹ 27 / 90 37 / 98 (128 / 128) 3 / 22 22 / 45 (64 / 64)"
    assert text.index("rank¹") < text.index("for 90 / 99 %")
    assert "rounding" not in text
    assert "of itself" not in text
    assert four()["results"][0]["metrics"]["rounding"]["json_only"] is True


def test_numbers_of_a_row_that_are_all_equal_are_said_once():
    entries = [entry(run, ranks(5, 5, 2.5, 8.0)) for run in ("a", "b")]
    assert line(read(answer("x", entries, argv=[], version="1")), "for 90") == "for 90 / 99 %¹ 5 5 (8 / 8)"


def test_a_number_that_is_marked_shares_no_row():
    """The best of several is marked: then 90 and 99 % stand apart, with their intervals."""
    document = four()
    document["results"][0]["metrics"]["most"] |= {"best": "value", "interval": [88.0, 92.0]}
    text = read(document, 120)
    assert line(text, "for 99").startswith("for 99 %¹ ○ 90 ± 2 98 (128)")
    assert line(text, "for 90").startswith("for 90 %¹ 27 37 (128)")


def test_a_requirement_is_shown_whatever_the_table_says(one):
    """A gate on a number that tables leave out."""
    metric = one["results"][0]["metrics"]["rankme"]
    metric |= {"json_only": True}
    assert "RankMe" not in read(one)
    metric["required"] = {
        "of": "rankme",
        "relation": ">=",
        "bound": 40,
        "result": "pass",
        "sentence": "it is",
    }
    assert line(read(one), "RankMe") == "RankMe² ✓ pass 41.5 (>= 40)"


def test_names_are_folded_and_never_cut():
    """Two that differ in the middle alone, of 72 letters each: both are there as a whole, at a width of 80 too."""
    runs = [
        f"experiments-of-a-long-name-with-a-queue-of-{n}-and-an-end-that-is-the-same" for n in (1024, 4096)
    ]
    text = read(answer("x", [entry(run, ranks(5, 7, 2.5, 8.0)) for run in runs], argv=[], version="1"), 80)
    head = text[: text.index("───")]
    assert "…" not in text
    assert [head.count(part) for part in ("experiments-", "1024-", "4096-", "same")] == [2, 1, 1, 2]


def test_a_unit_that_the_name_says_is_not_said_again():
    assert Label("dimensions for 90 %", unit="dimensions").dim == ""
    assert Label("effective rank", unit="dimensions").dim == ", dimensions"

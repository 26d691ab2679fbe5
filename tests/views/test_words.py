"""Numbers in words."""

import pytest

from collapse_cli.views import words


@pytest.mark.parametrize(
    ("value", "text", "padded"),
    [
        (0.2, "0.2", "0.200"), (4.5, "4.5", "4.50"), (46.0, "46", "46"), (100, "100", "100"), (1000.0, "1,000", "1,000"),
        (2e-5, "2e-5", "2.00e-5"), (1.2e-5, "1.2e-5", "1.20e-5"), (120.4, "120", "120"), (9.997, "10", "10.0"),
        (None, "–", "–"), (True, "yes", "yes"),
    ],
)  # fmt: skip
def test_figures_of_settings_have_no_zeros_at_their_end(value, text, padded):
    """In tables they do; the rule for digits itself is tested in test_figures."""
    assert (words.figures(value), words.figures(value, pad=True)) == (text, padded)


def test_quantity_is_that_of_the_one_rule():
    assert words.quantity({"value": 0.4213, "interval": [0.3913, 0.4513]}) == "0.421 ± 0.030"
    assert words.quantity({"value": 0.5}) == "0.500"


def test_marks_are_explained_where_they_are():
    """± for means of several runs, ● and ○ for the best, k/n for signs."""
    plain = {"value": 1.0}
    assert words.legend([plain, plain | {"runs": [1.0]}]) == []
    assert words.legend([plain, plain | {"runs": [1.0, 2.0]}]) == [words.SPREAD]
    assert words.legend([plain | {"best": "value"}]) == [f"○ {words.BEST['value'][1]}", words.SHARED]
    assert words.legend([plain | {"agree": [2, 3]}, plain]) == [words.AGREE]


def test_verdict_says_its_status_once():
    one = {"status": "healthy", "sentence": "healthy: 9 of 9 live", "reasons": []}
    assert words.verdict(one) == ("✓", "healthy", "9 of 9 live")
    assert words.verdict(one | {"sentence": "9 of 9 live"}) == ("✓", "healthy", "9 of 9 live")


def test_source_is_short():
    one = {"path": "a.pt", "epoch": 3, "sha256": "ab" * 32, "matched": ["conv1"], "layout": "timm"}
    assert words.source(one) == "a.pt · epoch 3 · layout timm"


def test_a_terminal_obeys_nothing_in_a_name():
    assert words.in_words(["a\x1b[31mb\nc\udcff"]) == r"a\x1b[31mb\nc\udcff"


def test_shortened_keeps_both_ends():
    assert words.shortened("abcdefghij", 7) == "ab…ghij"
    assert words.shortened("abcdefg", 7) == "abcdefg"


def test_names_that_differ_still_differ_when_cut():
    """Cut in the middle; at the end where only heads differ; uncut where they differ in the middle alone."""
    assert words.apart(["run/abcdefgh/1.pt", "run/abcdefgh/2.pt"], 9) == ["run…/1.pt", "run…/2.pt"]
    assert words.apart(["1-abcdefghijkl-x", "2-abcdefghijkl-x"], 4) == ["1…-x", "2…-x"]
    same = ["aaaaaaa1aaaaaaa", "aaaaaaa2aaaaaaa"]
    assert words.apart(same, 5) == same
    assert words.apart(["abcdef", "abcdef"], 4) == ["a…ef", "a…ef"]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("effective rank of σ", 14, ["effective rank", "of σ"]),
        ("for 90 / 95 / 99 %", 9, ["for 90 /", "95 / 99 %"]),
        ("runs/moco-queue-128", 11, ["runs/moco-", "queue-128"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("few-label", 20, ["few-label"]),
        ("", 5, [""]),
    ],
)
def test_names_are_folded_at_their_joints(text, width, lines):
    assert words.folded(text, width) == lines


def test_notes_flow_and_keep_their_marks():
    """No line ends behind a footnote, nor between a number and its %."""
    notes = ["¹ λ, centred", "² σ, raw", "³ above 10 % of it"]
    assert words.flowing(notes, 40) == ["¹ λ, centred   ² σ, raw   ³ above 10 %", "of it"]
    assert words.flowing(notes, 26) == ["¹ λ, centred   ² σ, raw", "³ above 10 % of it"]
    assert words.flowing(notes, 13) == ["¹ λ, centred", "² σ, raw", "³ above 10 %", "of it"]
    assert words.flowing(notes, 11)[-2:] == ["³ above", "10 % of it"]

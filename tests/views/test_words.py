"""Numbers in words."""

import pytest

from collapse_cli.views import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (True, "yes"), (False, "no"), (1797, "1797"), (46.0, "46"), (0.0, "0"),
        (46.93, "46.9"), (126.94, "126.9"), (9.997, "10.0"), (1.2345, "1.23"), (1234.5, "1234"), (0.99961, "0.9996"),
        (0.2, "0.2"), (0.01234, "0.0123"), (-0.31239, "-0.3124"), (0.000123456, "1.23e-4"), (2.5e7, "2.5e7"),
    ],
)  # fmt: skip
def test_figures(value, text):
    assert words.figures(value) == text


def test_padded_figures_line_up():
    assert [words.figures(v, pad=True) for v in (0.2, 0.25, 0.2589)] == ["0.2000", "0.2500", "0.2589"]


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (0.4213, [0.3913, 0.4513], "0.421 ± 0.030"),
        (46.93, [44.93, 48.93], "46.9 ± 2.0"),
        (0.8721, [0.85, 0.88], "0.8721 [0.8500, 0.8800]"),
        (0.5, None, "0.5000"),
        (0.5, [None, None], "0.5000"),
        (None, [0.1, 0.2], "–"),
        (3, [3, 3], "3 ± 0"),
        (0.52927, [0.52833, 0.53021], "0.52927 ± 0.00094"),
        (0.0994063, [0.0993868, 0.0994258], "0.0994 ± 1.95e-5"),
    ],
)
def test_quantity(value, interval, text):
    assert words.quantity({"value": value, "interval": interval}) == text


def test_marks_are_explained_where_they_are():
    """± for means of several runs, ● and ○ for the best, k/n for signs."""
    plain = {"value": 1.0}
    assert words.legend([plain, plain | {"runs": [1.0]}]) == []
    assert words.legend([plain, plain | {"runs": [1.0, 2.0]}]) == [words.SPREAD]
    assert words.legend([plain | {"best": "value"}]) == [f"○ {words.BEST['value'][1]}", words.SHARED]
    assert words.legend([plain | {"agree": [2, 3]}, plain]) == [words.AGREE]


def test_verdict_says_its_status_once():
    one = {"status": "healthy", "sentence": "Healthy: 9 of 9 live", "reasons": []}
    assert words.verdict(one) == ("✓", "healthy", "9 of 9 live")
    assert words.verdict(one | {"sentence": "9 of 9 live"}) == ("✓", "healthy", "9 of 9 live")


def test_source_is_short():
    one = {"path": "a.pt", "epoch": 3, "sha256": "ab" * 32, "matched": ["conv1"], "layout": "timm"}
    assert words.source(one) == "a.pt · epoch 3 · layout timm"


def test_a_terminal_obeys_nothing_in_a_name():
    assert words.plain("a\x1b[31mb\nc\udcff") == "a\ufffd[31mb\ufffdc\ufffd"


def test_shortened_keeps_both_ends():
    assert words.shortened("abcdefghij", 7) == "ab…ghij"
    assert words.shortened("abcdefg", 7) == "abcdefg"


def test_a_count_and_its_error_are_whole() -> None:
    """15 [14, 16] as a count, 15.0 as a measurement of two digits."""
    assert words.quantity({"value": 15, "interval": [14.0, 16.0]}) == "15 ± 1"
    assert words.quantity({"value": 15.0, "interval": [14.0, 16.0]}) == "15.0 ± 1.0"
    assert words.quantity({"value": 95, "interval": [93.0, 96.0]}) == "95 [93, 96]"


def test_millions_that_were_counted_are_not_rounded() -> None:
    """The weights of a ResNet-18 without classifier and batch norm; as a measurement three digits do."""
    assert words.figures(11_166_912) == "11,166,912"
    assert words.figures(11_166_912.0) == "1.12e7"

"""The tables of planted cases in the guide are what the program computes now, and every page of metrics shows its image."""

from __future__ import annotations

import pytest

from collapse_cli.guide.pages import pages
from tests.guide import planted_pages
from tests.test_glossary import retired

METRICS = sorted(name.removeprefix("metrics/") for name in pages() if name.startswith("metrics/"))
WITH_TABLE = [name for name in planted_pages.names() if hasattr(planted_pages.module(name), "table")]
WITH_FIGURE = [name for name in planted_pages.names() if hasattr(planted_pages.module(name), "figure")]


@pytest.mark.parametrize("name", METRICS)
def test_every_page_of_metrics_has_planted_cases(name: str) -> None:
    assert name in WITH_TABLE
    assert name in WITH_FIGURE


@pytest.mark.parametrize("name", WITH_TABLE)
def test_a_table_is_what_the_program_computes(name: str) -> None:
    """`make guides` writes it."""
    now, table = planted_pages.module(name).table(), planted_pages.shown(name)
    assert table is not None
    assert planted_pages.different(table, now) == []
    assert retired(now) == []


@pytest.mark.parametrize("name", WITH_FIGURE)
def test_a_page_shows_its_image_and_says_what_is_seen(name: str) -> None:
    """It is small, and the same wherever it is drawn: letters are paths, and it tells no date."""
    image, page = planted_pages.image(name), planted_pages.page(name)
    depth = "../" * len(page.relative_to(planted_pages.GUIDE).parts[:-1])
    assert f"]({depth}images/{image.name})" in page.read_text()
    drawn = image.read_text()
    assert len(drawn) < planted_pages.LARGEST
    assert not [part for part in ("<text", "dc:date") if part in drawn]


@pytest.mark.parametrize(
    ("line", "other", "same"),
    [
        ("| rank 8 of 64 | 7.99 | 8 |", "| rank 8 of 64 | 8.01 | 8 |", True),
        ("| offset | 0.02 |", "| offset | 0.03 |", True),
        ("| offset | 0.02 |", "| offset | 0.04 |", False),
        ("| offset | 12 |", "| offset | 13 |", False),
        ("| offset | 1,000 |", "| offset | 1,010 |", True),
        ("| offset | 3e-09 |", "| offset | 4e-09 |", True),
        ("| offset | −0.20 |", "| offset | 0.20 |", False),
        ("| offset | 1 |", "| copies | 1 |", False),
    ],
)
def test_numbers_may_differ_in_their_last_place(line: str, other: str, same: bool) -> None:
    assert planted_pages.alike(line, other) is same

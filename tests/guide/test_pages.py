"""What the guide explains, and how a name is looked up."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from collapse_cli.analysis.catalogue import CATALOGUE, JUDGEMENTS
from collapse_cli.errors import CollapseError
from collapse_cli.guide.pages import explanations, pages, sections
from collapse_cli.metrics.alarm_kinds import Kind
from collapse_cli.metrics.causes import NAMES
from collapse_cli.views.words import MARKS
from tests.guide import command_reference, glossary_page, published

ROWS = CATALOGUE | JUDGEMENTS
STATUSES = [*MARKS, "borderline"]
LABELS = ["Formula", "Range", "Null", "Reading it", "When it lies", "Source"]
NUMBERS = [(row, name) for row, measurement in CATALOGUE.items() for name in measurement.numbers]


@pytest.mark.parametrize(("row", "number"), NUMBERS)
def test_every_number_is_explained_on_the_page_of_its_measurement(row: str, number: str) -> None:
    (section,) = explanations(f"{row}.{number}")
    assert section.page == f"metrics/{row}"


@pytest.mark.parametrize("row", sorted(CATALOGUE))
def test_a_section_of_a_metric_has_its_parts_in_their_order(row: str) -> None:
    """Or none of them, where it is of plain counts."""
    for section in sections():
        if section.page == f"metrics/{row}":
            labels = re.findall(r"^\*\*([^*]+)\.\*\*", section.text, flags=re.MULTILINE)
            assert labels in ([], LABELS), section.title


@pytest.mark.parametrize("name", [*STATUSES, *NAMES, *get_args(Kind), *ROWS])
def test_every_verdict_cause_warning_and_measurement_is_explained(name: str) -> None:
    assert any(section.page != "glossary" for section in explanations(name)), name


def test_names_are_unique_but_for_numbers_that_measurements_share() -> None:
    homes: dict[str, list[str]] = {}
    for section in sections():
        for name in section.names:
            homes.setdefault(name.casefold(), []).append(section.page)
    elsewhere = {name: {page for page in pages if page != "glossary"} for name, pages in homes.items()}
    twice = {name: pages for name, pages in elsewhere.items() if len(pages) > 1}
    assert not {
        name: pages for name, pages in twice.items() if not all(p.startswith("metrics/") for p in pages)
    }
    assert not {name: pages for name, pages in homes.items() if len(pages) != len(set(pages))}


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("Effective rank", "metrics/spectrum"),
        ("effective-rank.h", "metrics/spectrum"),
        ("spectrum.effective_rank.H", "metrics/spectrum"),
        ("h", "glossary"),
        ("Z", "glossary"),
        ("spectrum.effective_rank.z", "metrics/spectrum"),
        ("QUEUE TOO LONG", "causes"),
        ("dimensional-collapse", "verdict"),
        ("offsets", "offsets"),
        ("metrics/lidar", "metrics/lidar"),
        ("view_ratio", "metrics/view_ratio"),
        ("anti-hub", "glossary"),
        ("layers", "layers"),
        ("weights", "metrics/weights"),
        ("spectrum", "metrics/spectrum"),
        ("weights.layers", "metrics/weights"),
        ("layers.effective_rank.h", "metrics/layers"),
        ("train", "commands"),
        ("collapse check", "commands"),
    ],
)
def test_a_name_is_understood_as_people_type_it(typed: str, page: str) -> None:
    assert explanations(typed)[0].page == page


def test_an_unknown_name_is_answered_by_the_nearest() -> None:
    with pytest.raises(CollapseError, match="nothing named 'efective_rank'") as raised:
        explanations("efective_rank")
    assert raised.value.hint.startswith("did you mean 'effective_rank'")


@pytest.mark.parametrize("path", sorted(published.published()), ids=lambda path: path.name)
def test_examples_are_made_from_the_guide(path: object) -> None:
    """`make guides` writes them."""
    assert published.published()[path] == path.read_text()  # type: ignore[attr-defined, index]


def test_there_is_no_other_page_among_the_examples() -> None:
    assert {*published.PUBLISHED.rglob("*.md")} <= set(published.published())


@pytest.mark.parametrize("path", sorted(published.published()), ids=lambda path: path.name)
def test_links_lead_somewhere(path: object) -> None:
    """Those to a section as well: its heading is there."""
    text = published.published()[path]  # type: ignore[index]
    for link in re.findall(
        r"\]\(((?!https?:)[^)\s]+)\)", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    ):
        target, _, anchor = link.partition("#")
        there = (path.parent / target) if target else path  # type: ignore[attr-defined]
        assert there.exists(), link
        if anchor:
            assert anchor in {
                slug(title) for title in re.findall(r"^#+ +(.*)$", there.read_text(), re.MULTILINE)
            }, link


def slug(title: str) -> str:
    """The name that a heading has in an address, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def test_every_page_can_be_reached_by_its_name() -> None:
    for name in pages():
        assert explanations(name)


def test_what_the_program_writes_is_what_it_says() -> None:
    """The command reference, and the glossary: `make guides` writes them."""
    assert command_reference.PLACE.read_text() == command_reference.reference()
    assert glossary_page.PLACE.read_text() == glossary_page.glossary()


def test_the_index_leads_to_every_page() -> None:
    assert set(pages()["index"].pages) == set(pages()) - {"index"}

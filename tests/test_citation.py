"""CITATION.cff is what the Citation File Format 1.2.0 asks for, and agrees with the package and with the page on citing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CITATION: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGE = (ROOT / "collapse_cli" / "guide" / "citing.md").read_text()
KNOWN = {
    "cff-version",
    "message",
    "title",
    "type",
    "version",
    "authors",
    "abstract",
    "keywords",
    "references",
}
IN_REFERENCE = {"type", "title", "authors", "year", "identifiers", "url", "notes", "collection-title"}
TYPES = {"article", "conference-paper"}


def test_it_has_what_the_format_requires_and_nothing_that_it_does_not_know() -> None:
    assert {"cff-version", "message", "title", "authors"} <= set(CITATION) <= KNOWN
    assert (CITATION["cff-version"], CITATION["type"]) == ("1.2.0", "software")


def test_it_agrees_with_the_package() -> None:
    """Version, authors as an entity, keywords; no licence, since the package states none."""
    assert CITATION["version"] == PROJECT["version"]
    assert CITATION["authors"] == PROJECT["authors"]
    assert CITATION["keywords"] == PROJECT["keywords"]
    assert not (ROOT / "LICENSE").exists()


@pytest.mark.parametrize("paper", CITATION["references"], ids=lambda paper: str(paper["title"]))
def test_a_paper_is_whole(paper: dict[str, Any]) -> None:
    """Its address is that of its arXiv number, which the package cites, too."""
    assert {"type", "title", "authors", "year", "notes"} <= set(paper) <= IN_REFERENCE
    assert paper["type"] in TYPES
    assert 2000 < paper["year"] < 2100
    assert all(set(author) in ({"family-names", "given-names"}, {"name"}) for author in paper["authors"])
    for identifier in paper.get("identifiers", []):
        number = re.fullmatch(r"arXiv:(\d{4}\.\d{5})", identifier["value"])
        assert number, identifier
        assert paper["url"] == f"https://arxiv.org/abs/{number[1]}"
        assert any(identifier["value"] in path.read_text() for path in (ROOT / "collapse_cli").rglob("*.py"))


def test_the_page_has_the_same_title_version_and_authors() -> None:
    fields = dict(re.findall(r"^  (\w+) += \{+(.*?)\}+,?$", PAGE, flags=re.MULTILINE))
    assert fields["version"] == CITATION["version"]
    assert fields["title"] == CITATION["title"]
    assert [{"name": fields["author"]}] == CITATION["authors"]

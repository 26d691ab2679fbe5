"""The glossary of the guide, made of the program's own list of terms: `make guides` writes it."""

from __future__ import annotations

from collapse_cli.glossary import TERMS
from tests.guide.published import GUIDE

PLACE = GUIDE / "glossary.md"


NAMES = ("h", "z")  # letters that every answer uses, which are explained as names are


def glossary() -> str:
    """The whole page: each term with its letter in the papers and its meaning."""
    terms = (f"## `{term.name}`{_letter(term.letter)}\n\n{term.meaning}\n\n" for term in TERMS)
    return (
        "# Glossary\n\nThe words of this project: one for each meaning, and the field's own.\n\n"
        + "".join(terms)
    )


def _letter(letter: str) -> str:
    return f" (`{letter}`)" if letter in NAMES else f" ({letter})" if letter else ""


def write() -> None:
    """Write the page."""
    PLACE.write_text(glossary())

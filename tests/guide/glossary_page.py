"""The glossary of the guide, made of the program's own list of terms: `make guides` writes it."""

from __future__ import annotations

import re

from collapse_cli.glossary import TERMS, Term
from tests.guide.published import GUIDE

PLACE = GUIDE / "glossary.md"


HEAD = """# Glossary

The words of this project: one for each meaning, and the field's own. In brackets stands the letter of the papers. K has four
meanings there: the vectors of a codebook, the keys of a queue, the negatives of a query, and the prototypes. The text says which.

"""
FURTHER = {"key encoder": "ema, momentum encoder, target network", "null": "ReLU"}
"""Term -> other words for it that people look up, parted by commas."""

SYMBOL = re.compile(r"\w(_\w)?|tau|lambda")
NAMES = ("h", "z")  # letters that every answer uses, which are explained as names are


def glossary() -> str:
    """The whole page: each term with its letter in the papers and its meaning."""
    terms = (f"## `{term.name}`{_letter(term.letter)}\n{_also(term)}\n{term.meaning}\n\n" for term in TERMS)
    return HEAD + "".join(terms)


def _also(term: Term) -> str:
    """The line with its further names: its letters, but for those that are part of a sentence, and other words for it."""
    letters = [part for part in term.letter.removesuffix(" of them").split(", ") if SYMBOL.fullmatch(part)]
    further = [*(part for part in letters if part not in NAMES), *filter(None, [FURTHER.get(term.name)])]
    return f"<!-- also: {', '.join(further)} -->\n" if further else ""


def _letter(letter: str) -> str:
    return f" (`{letter}`)" if letter in NAMES else f" ({letter})" if letter else ""


def write() -> None:
    """Write the page."""
    PLACE.write_text(glossary())

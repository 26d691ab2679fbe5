"""The page on a file, a run or a network: a line or more for each fact, nothing for what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

WIDE = 63  # letters beside a fact's name
TOGETHER = ("measure_with", "also_measured", "results", "spaces")  # lists that are told between commas
PARTS = ("spaces", "assumed", "measure_with")  # facts of a network with which a part of its page begins


def facts_page(facts: dict[str, Any]) -> Iterator[str]:
    """A line or more for each fact; of a network with an empty line before each part."""
    for name, value in facts.items():
        lines = _lines(name, value)
        if name in PARTS and "matched" in facts and lines:
            yield ""
        yield from lines


def _lines(name: str, value: Any) -> list[str]:
    """One fact: sentences from a line of their own on, commands between commas, numbers as a shape."""
    if isinstance(value, list) and name in TOGETHER:
        texts = wrap(", ".join(value), WIDE)
    elif isinstance(value, list) and all(isinstance(text, str) for text in value):
        texts = [line for text in value for line in _wrapped(text)]
    elif isinstance(value, list):
        texts = [" x ".join(map(_figure, value))] if value else []
    elif name in ("why", "known_by"):
        texts = _wrapped(value)
    else:
        texts = [] if value in (None, "") else [_figure(value)]
    labels = [name.replace("_", " "), *[""] * len(texts)]
    return [f"{label:<16} {text}" for label, text in zip(labels, texts, strict=False)]


def _wrapped(sentence: str) -> list[str]:
    """Lines of a sentence, of which an option, a name or a path is never broken."""
    return wrap(sentence, WIDE, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)

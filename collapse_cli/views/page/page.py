"""From documents to the page: what the template shows, with its style and its script inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import collapse_cli.views.page.lead as lead
from collapse_cli.answers import version
from collapse_cli.exhibits import Exhibits
from collapse_cli.files import whole
from collapse_cli.printable import for_others, in_markup, joined
from collapse_cli.views import words
from collapse_cli.views.document import Document
from collapse_cli.views.page.exhibits import shown as showing
from collapse_cli.views.page.names import base_names, renaming
from collapse_cli.views.page.painted import figure
from collapse_cli.views.page.sections import sections
from collapse_cli.views.page.several import side_by_side

HERE = Path(__file__).parent
NOTHING = Exhibits()
OPEN = 1  # documents of a page whose sections are open at once


def page(
    documents: Sequence[Document], title: str, exhibits: Exhibits = NOTHING, intro: str = "", about: str = ""
) -> str:
    """The page: the verdicts and what they rest on, a section for each document, maps and galleries, the versions.

    about: a digest by which the page is known as that of its inputs.
    """
    change = renaming(documents)
    shown: list[Document] = for_others(
        [document | {"argv": joined(document["argv"])} for document in base_names(documents)]
    )
    leading = lead.judged(shown) or (shown[0] if shown else None)
    script = (HERE / "page.js").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=for_others(change(title)),
            paragraphs=[for_others(change(part.strip())) for part in intro.split("\n\n") if part.strip()],
            style=(HERE / "page.css").read_text(encoding="utf-8"),
            script=script,
            policy=policy(script),
            version=version(),
            about=about,
            exhibits=showing(exhibits),
            commands=_once(
                (f"{each['tool']['name']} {each['tool']['version']}", each["argv"]) for each in shown
            ),
            explained=_once(words.explaining(each["explain"]) for each in shown if each.get("explain")),
            inputs=_once(source for each in shown for source in each["inputs"]),
            **(_led(shown, leading) if leading is not None else {"verdicts": [], "sections": []}),
        )
    )


def _once(values: Iterable[Any]) -> list[Any]:
    """Each different value once."""
    every = list(values)
    return [value for n, value in enumerate(every) if value not in every[:n]]


def policy(script: str) -> str:
    """Nothing is fetched, and no other script runs."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _led(documents: Sequence[Document], leading: Document) -> dict[str, Any]:
    """The first screen and the sections below it."""
    drawn = lead.first_charts(documents, leading)
    verdicts = lead.verdicts(leading)
    return {
        "verdicts": verdicts,
        "side_by_side": side_by_side(leading),
        "few": lead.FEW,
        "numbers": lead.key_numbers(leading),
        "spaces": lead.spaces(documents, verdicts),
        "figures": [figure(chart) for chart in drawn],
        "sections": sections(documents, leading, drawn),
        "open": len(documents) <= OPEN,
    }


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"in_words": words.in_words, "titled": words.titled}
    return environment


def write(path: Path, html: str) -> None:
    """Write a page, whole or not at all."""
    with whole(path) as part:
        part.write_text(in_markup(html), encoding="utf-8", errors="replace")

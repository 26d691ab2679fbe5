"""Documents as one HTML page that needs nothing else: no request, no script; light, dark, narrow and on paper."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collapse_cli.answers import version
from collapse_cli.exhibits import Exhibits
from collapse_cli.files import whole
from collapse_cli.printable import for_others, in_markup, joined
from collapse_cli.views import grid, words
from collapse_cli.views.document import Document, Group, groups, verdicts
from collapse_cli.views.page.names import base_names, renaming

NOTHING = Exhibits()
OPEN = 12  # rows of an `each` table that need no click


def page(documents: Sequence[Document], title: str, exhibits: Exhibits = NOTHING, intro: str = "") -> str:
    """The page: verdicts, a section for each document, the images of the exhibits, the versions."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    change = renaming(documents)
    named = base_names(documents)
    documents = for_others([document | {"argv": joined(document["argv"])} for document in named])
    environment.filters |= {"in_words": words.in_words, "titled": words.titled}
    return environment.get_template("page.html").render(
        title=for_others(change(title)),
        paragraphs=[for_others(change(part.strip())) for part in intro.split("\n\n") if part.strip()],
        verdicts=[_verdict(name, verdict) for document in documents for name, verdict in verdicts(document)],
        sections=[_section(document) for document in documents],
        images=[
            (for_others(change(each.text)), base64.b64encode(each.png).decode())
            for each in exhibits.thumbnails.values()
        ],
        generator=f"collapse {version()}",
        open=OPEN,
    )


def write(path: Path, html: str) -> None:
    """Write a page, whole or not at all."""
    with whole(path) as part:
        part.write_text(in_markup(html), encoding="utf-8", errors="replace")


def _verdict(name: str, verdict: dict[str, Any]) -> dict[str, Any]:
    mark, status, sentence = words.verdict(verdict)
    colour = words.MARKS.get(verdict["status"], ("", "dim"))[1]
    head = f"{name}: {status}" if name else status
    return {"mark": mark, "head": head, "sentence": sentence, "colour": colour, "reasons": verdict["reasons"],
            "advice": [*verdict.get("commands", ()), *verdict.get("advice", ())]}  # fmt: skip


def _section(document: Document) -> dict[str, Any]:
    """What the template shows of one document."""
    tool = document["tool"]
    return {
        "title": words.titled(document["command"]),
        "sources": [words.source(source) for source in document["inputs"]],
        "groups": [_group(group) for group in groups(document)],
        "drawings": [],
        "inputs": document["inputs"],
        "warnings": document["warnings"],
        "tool": f"{tool['name']} {tool['version']}",
        "argv": document["argv"],
    }


def _group(group: Group) -> dict[str, Any]:
    """Tables and footnotes of one title; more results than fit side by side get a row each."""
    numbers = grid.numbers(group)
    tables = {key: grid.names(group, key) for key in group.declared("each")}
    explained = [*group.declared("number").values(), *group.declared("curve").values()]
    explained += [m for kind in ("lines", "each", "matrix", "frames") for m in group.declared(kind).values()]
    return {
        "title": group.title,
        "numbers": numbers.turned() if grid.many(group) else numbers,
        "each": [(metric, tables[key]) for key, metric in group.declared("each").items()],
        "settings": words.pairs(group.shared()),
        "marks": grid.marks(group),
        "conventions": [(words.footnote(n), text) for n, text in enumerate(grid.conventions(group), 1)],
        "explained": [(metric["label"], metric["help"]) for metric in explained],
    }

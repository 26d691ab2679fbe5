"""Sections of the guide at the terminal: Markdown as headings, paragraphs and tables; without one, as it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.markdown import CodeBlock, Heading, Markdown, TableElement
from rich.syntax import Syntax
from rich.text import Text

from collapse_cli.guide.pages import INDEX, LINK, Section, pages
from collapse_cli.views.console import Console

WIDEST = 100  # columns; longer lines are hard to read
FIGURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
COMMENT = re.compile(r"^<!--.*?-->\n?", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


class _Title(Heading):
    """A heading that stands at the left, without a box."""

    def __rich_console__(self, console: Console, options: object) -> object:  # type: ignore[override]
        self.text.justify = "left"
        yield Text()
        yield self.text


class _Table(TableElement):
    """A table in which a word that is too wide is broken, and never cut."""

    def __rich_console__(self, console: Console, options: object) -> object:  # type: ignore[override]
        for table in super().__rich_console__(console, options):  # type: ignore[arg-type]
            for column in getattr(table, "columns", ()):
                column.overflow = "fold"
            yield table


class _Code(CodeBlock):
    """Lines as they are typed, however long: they can be copied, and the terminal breaks them."""

    def __rich_console__(self, console: Console, options: object) -> object:  # type: ignore[override]
        code = Syntax("", self.lexer_name, theme=self.theme).highlight(str(self.text).rstrip())
        code.no_wrap, code.overflow = True, "ignore"
        yield code


class _Page(Markdown):
    elements = Markdown.elements | {
        "heading_open": _Title, "table_open": _Table, "fence": _Code, "code_block": _Code,
    }  # fmt: skip


def show(sections: Sequence[Section], console: Console | None = None) -> None:
    """Print sections to stdout, each under the title of its page, and where to read on."""
    console = console or Console()
    width = min(console.width, WIDEST)
    for section in sections:
        whole = section.text == pages()[section.page].text
        if not whole:
            console.print(Text(f"{_title(section.page)} (page {section.page})", "dim"))
        markdown = _Page(_plain(section.text), code_theme="ansi_dark", hyperlinks=False)
        console.print(markdown, width=width, crop=False)
    further = dict.fromkeys(page for section in sections for page in (*_whole(section), *section.pages))
    if further:
        console.print()
    for page in further:
        console.print(
            Text.assemble("  collapse explain ", (page, "bold"), f"  {_title(page)}"), soft_wrap=True
        )


def contents(console: Console | None = None) -> None:
    """Print the index: every page, with the name by which it is asked for."""
    console = console or Console()
    page = LINK.sub(r"**\2** (\1)", pages()[INDEX].text)
    console.print(_Page(page, hyperlinks=False), width=min(console.width, WIDEST))
    console.print(
        Text(
            "\n  collapse explain NAME prints a page, or its section on a metric, verdict, cause, command or term."
        )
    )


def _title(page: str) -> str:
    return pages()[page].title.replace("`", "")


def _whole(section: Section) -> tuple[str, ...]:
    """The page that a section is a part of."""
    return () if section.text == pages()[section.page].text else (section.page,)


def _plain(text: str) -> str:
    """Without what a terminal cannot follow: links to pages stand as their text alone, figures as what they show."""
    parts = CODE.split(text)
    prose = [
        COMMENT.sub("", FIGURE.sub(r"*Figure: \1*", LINK.sub(r"\1", part))) if place % 2 == 0 else part
        for place, part in enumerate(parts)
    ]
    return "".join(prose)

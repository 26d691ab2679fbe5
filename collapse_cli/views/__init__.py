"""A result -> something seen. Views draw the one document of `results.answer`, and know no metric by name."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.printable import for_others, json_text, printable
from collapse_cli.streams import unaltered
from collapse_cli.views import targets

PLOTS = (".png", ".svg", ".pdf")
PAGES = (".html", ".htm")
NARROWEST, WIDTH, WIDEST = 2.0, 10.0, 40.0  # inches of a plot; WIDTH where nobody says


@dataclass(frozen=True)
class Output:
    """Where an answer goes: JSON instead of the short answer, a plot `width` inches wide, with `only` the charts of these titles,
    a page; `all`: full tables; `quiet`: neither is printed."""

    json: bool = False
    plot: Path | None = None
    html: Path | None = None
    quiet: bool = False
    all: bool = False
    width: float = WIDTH
    only: str = ""


def check(output: Output) -> None:
    """Refuse files that could not be written; worth calling before a long measurement too."""
    if output.plot is not None:
        targets.check(output.plot, PLOTS, "--plot")
    elif output.only or output.width != WIDTH:
        option = "--plot-only" if output.only else "--plot-width"
        raise CollapseError(f"{option} is there, and no plot is drawn", f"{option} … --plot FILE.png")
    check_width(output.width, "--plot-width ")
    if output.html is not None:
        targets.check(output.html, PAGES, "--html")


def check_width(width: float, option: str) -> None:
    """Refuse a width at which nothing can be drawn. option: how it was given, up to the number."""
    if not NARROWEST <= width <= WIDEST:
        raise CollapseError(
            f"{option}{width:g}: a plot is {NARROWEST:g} to {WIDEST:g} inches wide",
            f"{option}3.3 for a column of a paper, {option}7 for a page",
        )


def show(document: dict[str, Any], output: Output) -> None:
    """How every measuring command ends: JSON or tables on stdout, plot and page in files."""
    check(output)
    if output.only:
        _check_only(document, output.only)
    _print(document, output)
    warn(document)
    for path in _write(document, output):
        if not output.quiet:
            print(f"wrote {printable(path)}", file=sys.stderr)


def _check_only(document: dict[str, Any], words: str) -> None:
    """Refuse words that no chart has in its title, before anything is printed."""
    from collapse_cli.views.charts.choose import charts
    from collapse_cli.views.charts.only import only_those

    only_those(charts(for_others(document)), words)


def _print(document: dict[str, Any], output: Output) -> None:
    if output.json:
        print(as_json(document), file=unaltered(sys.stdout))
    elif not output.quiet:
        from collapse_cli.views import brief, terminal

        (terminal if output.all else brief).show(document)
    sys.stdout.flush()


def as_json(document: Any) -> str:
    """The document as text; letters are escaped only where this stdout could not carry them."""
    text = json_text(document)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json_text(document, ascii_only=True)
    return text


def warn(document: dict[str, Any]) -> None:
    """What is likely to mislead, on stderr."""
    for warning in document["warnings"]:
        print(f"warning: {printable(warning)}", file=sys.stderr)


def _write(document: dict[str, Any], output: Output) -> list[Path]:
    """The files that were asked for, written; matplotlib and jinja2 are imported only here."""
    written = []
    if output.plot is not None:
        from collapse_cli.views import plot

        plot.draw(document, output.plot, output.width, output.only)
        written.append(output.plot)
    if output.html is not None:
        from collapse_cli.views import page

        page.write(output.html, page.page([document], f"collapse {document['command']}"))
        written.append(output.html)
    return written

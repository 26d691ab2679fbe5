"""collapse explain: what a metric, a verdict, a cause, a command or a term means."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.commands.options import Listed, options
from collapse_cli.guide.pages import explanation, pages
from collapse_cli.settings import fill


@options(Output=Listed)
def explain(
    typed: dict[str, Any],
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]", help="a metric, a verdict, a cause, a warning, a command, a term, or a page"
        ),
    ] = "",
) -> None:
    """What does this number, verdict or cause mean?

    Prints the section of the guide that explains a name, as effective_rank, dimensional-collapse or queue-too-long; or a whole
    page, as offsets. Without a name, it lists the pages. The last line of an answer tells which name explains it.

    Example: [bold]collapse explain effective_rank[/bold]
    """
    asked = explanation(name) if name else None
    if asked and asked.remark:
        typer.echo(asked.remark, err=True)
    if fill(Listed, typed).json:
        from collapse_cli.views.listing import listing

        sections = asked.sections if asked else tuple(pages().values())
        listing(
            [{"page": s.page, "title": s.title, "names": list(s.names), "text": s.text} for s in sections],
            json=True,
        )
        return
    from collapse_cli.views import manual

    if asked:
        manual.show(asked.sections)
    else:
        manual.contents()

"""collapse claims: what the papers claim, trained and measured here."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from collapse_cli.commands.options import Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.settings import fill


@options(Output=Shown)
def claims(
    typed: dict[str, Any],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CLAIM…]",
            help="names of claims, or all; without a name they are listed",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="runs of every arm, with seeds 0, 1, 2 and so on", min=1, max=10_000)
    ] = 3,
    jobs: Annotated[
        int, typer.Option(help="runs at the same time, one thread each; 0: one for each core", min=0)
    ] = 0,
) -> None:
    """Do the papers' claims hold here? Each is trained and measured on digits, over several seeds.

    The numbers of every arm are the mean over seeds with the lowest and the
    highest seed; then come the checks that a claim must pass. A claim takes one to
    five minutes on two cores; arms that claims share are trained once.

    Example, the list: [bold]collapse claims[/bold]

    Two claims: [bold]collapse claims momentum class-oracle --html claims.html[/bold]
    """
    shown = fill(Shown, typed)
    output = shown.output()
    if not names:
        _list(shown)
        return
    from collapse_cli.analysis.claims import examine
    from collapse_cli.commands.output import finish
    from collapse_cli.runs.signals import listening
    from collapse_cli.views.progress import reporter

    output = shown.output()
    with listening(), reporter(shown.quiet) as progress:
        answer = examine(names, seeds, jobs or os.cpu_count() or 1, progress)
    finish(answer, output)


def _list(shown: Shown) -> None:
    from collapse_cli.analysis.claims import listed
    from collapse_cli.views.listing import listing

    if shown.plot or shown.html:
        raise CollapseError(
            "there is no claim to plot",
            "name a claim, for example: collapse claims momentum --plot momentum.png",
        )
    listing(listed(), shown.json)

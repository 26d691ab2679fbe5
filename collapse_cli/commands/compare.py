"""collapse compare: runs side by side, the best of each row marked, and differences with their intervals."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.settings import fill


@options(Measuring=Measuring, Output=Shown)
def compare(
    inputs: Inputs,
    typed: dict[str, Any],
    baseline: Annotated[
        str, typer.Option(help="group, or one of its runs, that differences are from; by default the first")
    ] = "",
    scatter: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="X Y", help="two metrics for --plot or --html, as alignment.z uniformity.z"),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="measure again what the run folders already contain")
    ] = False,
) -> None:
    """Which of these runs is better, and is the difference larger than the variation between seeds?

    One sentence for each group: what differs from the first by effective rank of h and of z and linear accuracy of h, three
    metrics that are fixed beforehand, whose 95 % intervals hold together. Then the metrics side by side, the best of each
    row marked. Runs that differ in nothing but their seed are one group: its mean ± one standard deviation. What a run
    folder holds already is read, the rest is measured and kept. An INPUT may be an answer that was saved with --json.
    Several --dataset measure every network on each of them, and say where one is healthy and another is not, and why.

    Example: [bold]collapse compare runs/moco-0 runs/moco-1 runs/mochi-0 runs/mochi-1 --plot compare.png[/bold]
    """
    shown, measuring = fill(Shown, typed), fill(Measuring, typed)
    output = shown.output()
    if scatter and not (output.plot or output.html):
        raise CollapseError("--scatter is drawn in no table", "add --plot FILE.png or --html FILE.html")
    from collapse_cli.analysis.across import loaded_on
    from collapse_cli.analysis.compare import compare, undecided
    from collapse_cli.commands.output import finish, save
    from collapse_cli.views.progress import reporter

    with reporter(shown.quiet) as progress:
        several = typed.get("datasets")
        given = loaded_on(inputs, measuring, several, progress) if several else inputs
        answer = compare(given, measuring, baseline, scatter, fresh, progress, save)
    finish(answer, output)
    if undecided(answer):
        raise typer.Exit(3)

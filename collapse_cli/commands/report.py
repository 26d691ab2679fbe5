"""collapse report: one page of everything measured on a run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import options
from collapse_cli.errors import CollapseError
from collapse_cli.printable import printable
from collapse_cli.runs.record import Record
from collapse_cli.runs.shell import quoted, unused
from collapse_cli.settings import fill
from collapse_cli.views import PAGES, targets


@options(Measuring=Measuring)
def report(
    run: Annotated[Path, typer.Argument(help="a run folder", show_default=False)],
    typed: dict[str, Any],
    out: Annotated[Path | None, typer.Option(help="the page to write; by default RUN/report.html")] = None,
) -> None:
    """One self-contained HTML page of everything measured on a run.

    The diagnosis, spectrum, alignment, oracle, probe, clusters and classes are
    measured again and saved in RUN/results; other answers there are shown too.

    Example: [bold]collapse report runs/mine[/bold]
    """
    settings = Record(run).settings()
    target = out or _in(run)
    targets.check(target, PAGES, "--out")
    from collapse_cli.analysis.inputs import load
    from collapse_cli.analysis.report import in_order, report
    from collapse_cli.commands.output import save
    from collapse_cli.runs import saved_answers
    from collapse_cli.views import page
    from collapse_cli.views.document import document
    from collapse_cli.views.progress import reporter

    with reporter(quiet=False) as progress:
        measured = report(load(run, fill(Measuring, typed), progress))
    for answer in measured:
        if not save(Record(run), answer):
            break
    every = {each["command"]: each for each in saved_answers.documents(Record(run))}
    every |= {answer.command: document(answer, sys.argv[1:]) for answer in measured}
    title = f"{settings.method} on {settings.training.dataset}"
    page.write(target, page.page(in_order(list(every.values())), title, intro=printable(run)))
    print(f"wrote {printable(target)}", file=sys.stderr)


def _in(run: Path) -> Path:
    """The page in the run folder; raises CollapseError where that may not be written to, as those of others."""
    page = run / "report.html"
    if not os.access(page if page.exists() else run, os.W_OK):
        raise CollapseError(
            f"{page} cannot be written: {run} is read-only",
            f"collapse report {quoted(run)} --out {unused('report.html')}",
        )
    return page

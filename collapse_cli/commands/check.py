"""collapse check: the gate of a CI, red where a representation has collapsed or misses what is required of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.runs import project
from collapse_cli.settings import fill
from collapse_cli.views import targets

CODES = {"failed": 1, "inconclusive": 3}

Require = Annotated[
    list[str] | None,
    typer.Option(metavar="TEXT", help="a number's bound, as 'effective_rank.h >= 20'; may be repeated"),
]
Base = Annotated[
    str | None, typer.Option(help="an INPUT that no number may be worse than, as a saved answer")
]
Tolerance = Annotated[
    str | None,
    typer.Option(help=rf"by how much it may, as 5% or 0.1 [dim]\[default: {project.TOLERANCE}][/dim]"),
]
Strict = Annotated[
    bool | None,
    typer.Option("--strict/--no-strict", help="dimensional collapse and inconclusive fail too"),
]
Junit = Annotated[str, typer.Option(help="write the checks to this .xml, as CI services read them")]
Fresh = Annotated[bool, typer.Option("--fresh", help="measure anew what the run folders hold already")]


@options(Measuring=Measuring, Output=Shown)
def check(
    inputs: Inputs,
    given: dict[str, Any],
    require: Require = None,
    baseline: Base = None,
    tolerance: Tolerance = None,
    strict: Strict = None,
    junit: Junit = "",
    fresh: Fresh = False,
) -> None:
    """Is this representation as good as it must be? The gate of a CI: exit code 0 passed, 1 failed, 3 inconclusive.

    Complete collapse fails always; dimensional collapse, which projections of
    good runs show too, is a warning unless --strict.

    --require takes NAME >= NUMBER, or <=, >, <; names are those of --json. A
    name alone means z, or h without projections; NAME.h, NAME.z choose. The
    number may be a share of what chance gives for the same N and D: 50% of null.

    What the sample cannot decide is inconclusive: a 95 % interval on both sides
    of the bound, and a number worse than the baseline's by no more than both
    intervals. Defaults are read from \\[tool.collapse.check] in pyproject.toml:
    require (a list), baseline, tolerance, strict.

    Example: [bold]collapse check runs/mine --require "effective_rank.h >= 10"[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    if junit:
        targets.check(Path(junit), (".xml",), "--junit")
    terms = _terms(require=require, baseline=baseline, tolerance=tolerance, strict=strict)
    from collapse_cli.analysis import check as analysis
    from collapse_cli.commands.output import finish, save
    from collapse_cli.views.progress import reporter

    with reporter(shown.quiet) as progress:
        answer = analysis.check(inputs, measuring, **terms, fresh=fresh, progress=progress, save=save)
    document = finish(answer, output)
    if junit:
        _write(Path(junit), document, shown.quiet)
    if code := CODES.get(analysis.status(answer)):
        raise typer.Exit(code)


def _terms(**typed: Any) -> dict[str, Any]:
    """What the inputs are held against: the typed options, and the project's where none was typed; empty ones left out."""
    terms = project.gate(Path.cwd()) | {name: value for name, value in typed.items() if value is not None}
    if typed["tolerance"] and not terms.get("baseline"):
        raise CollapseError(
            "--tolerance is by how much a number may be worse than a baseline's", "add --baseline"
        )
    terms = {name: value for name, value in terms.items() if value}
    return terms | ({"baseline": Path(terms["baseline"])} if "baseline" in terms else {})


def _write(path: Path, document: dict[str, Any], quiet: bool) -> None:
    from collapse_cli.views import junit

    junit.write(path, document)
    if not quiet:
        print(f"wrote {path}", file=sys.stderr)

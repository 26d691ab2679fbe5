"""collapse check: the gate of a CI, red where a representation has collapsed or misses what is required of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.printable import json_text, printable
from collapse_cli.runs import project
from collapse_cli.settings import fill, knob
from collapse_cli.streams import unaltered
from collapse_cli.views import Output, github, targets

CODES = {"failed": 1, "inconclusive": 3}

Require = Annotated[
    list[str] | None,
    typer.Option(metavar="TEXT", help="a number's bound, as 'effective_rank.h >= 20'; may be repeated"),
]
Base = Annotated[
    str | None, typer.Option(help="an INPUT that no number may be worse than, as a saved answer")
]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="NAMES", help="compare these numbers alone, as effective_rank,uniformity.z"),
]
Tolerance = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT",
        help="by how much a number may be worse: 5%, 0.1, and of one number effective_rank=2%; may be repeated "
        rf"[dim]\[default: {project.TOLERANCE}][/dim]",
    ),
]
Strict = Annotated[
    bool | None,
    typer.Option("--strict/--no-strict", help="dimensional collapse and inconclusive fail too"),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="measure again what the run folders already contain")]


@dataclass(frozen=True)
class Reports:
    """What a CI takes from the answer."""

    save_baseline: str = knob("", "write the answer to this .json, a --baseline, if every check passes")
    junit: str = knob("", "write the checks to this .xml, as CI services read them")
    format: Literal["text", "github"] = knob("text", "github: annotations, and a summary of the step, too")

    def refuse_unwritable(self) -> None:
        """Raises CollapseError for files that could not be written, before anything is measured."""
        for path, suffix, option in (
            (self.junit, ".xml", "--junit"),
            (self.save_baseline, ".json", "--save-baseline"),
        ):
            if path:
                targets.check(Path(path), (suffix,), option)


@options(Measuring=Measuring, CI=Reports, Output=Shown)
def check(
    inputs: Inputs,
    typed: dict[str, Any],
    require: Require = None,
    baseline: Base = None,
    only: Only = None,
    tolerance: Tolerance = None,
    strict: Strict = None,
    fresh: Fresh = False,
) -> None:
    """Is this representation as good as it must be? The gate of a CI: exit code 0 passed, 1 failed, 3 inconclusive.

    Complete collapse fails always; dimensional collapse, which projections of
    good runs show too, is a warning unless --strict.

    --require takes NAME >= NUMBER, or <=, >, <; == for counts. Names are those
    of --json; NAME alone means z, or h without projections, beside NAME.h and
    NAME.z. What is never negative may be compared with a share: 50% of null, 95%
    of baseline. With the latter the baseline is compared no further, unless
    --only or --tolerance says so. A tolerance in percent is a share of the
    baseline's absolute value; where its 95 % interval reaches 0, that says
    nothing, and a number fails only where intervals tell it to be worse.

    What the sample cannot decide is inconclusive: a 95 % interval on both sides
    of the bound, and a number worse than the baseline's by no more than both
    intervals. Defaults are read from \\[tool.collapse.check] in pyproject.toml:
    require, only, tolerance (lists), baseline, strict.

    Example: [bold]collapse check runs/mine --require "effective_rank.h >= 10"[/bold]
    """
    shown, measuring, reports = fill(Shown, typed), fill(Measuring, typed), fill(Reports, typed)
    with _reported(reports):
        output = shown.output()
        reports.refuse_unwritable()
        asked = terms(require=require, baseline=baseline, only=only, tolerance=tolerance, strict=strict)
        checked, status = _checked(inputs, measuring, asked | {"fresh": fresh}, shown, reports)
        _show(checked, output, reports)
        _write(checked, output.quiet, reports, status)
    if code := CODES.get(status):
        raise typer.Exit(code)


@contextmanager
def _reported(reports: Reports) -> Iterator[None]:
    """For GitHub, what cannot be checked is an annotation too."""
    try:
        yield
    except CollapseError as error:
        if reports.format != "github":
            raise
        text = ": ".join(filter(None, (error.message, error.hint)))
        print(github.command("error", "", text), file=unaltered(sys.stderr))
        raise


def _checked(
    inputs: list[Path], measuring: Measuring, terms: dict[str, Any], shown: Shown, reports: Reports
) -> tuple[dict[str, Any], str]:
    """The document and the status of the gate."""
    from collapse_cli.analysis import check as analysis
    from collapse_cli.analysis.inputs import expanded
    from collapse_cli.commands.output import save
    from collapse_cli.views.document import document
    from collapse_cli.views.progress import reporter

    if reports.save_baseline and len(expanded(inputs, measuring)) > 1:
        raise CollapseError("--save-baseline keeps the answer about one input", "give one INPUT with it")
    with reporter(shown.quiet or reports.format == "github") as progress:
        answer = analysis.check(inputs, measuring, **terms, progress=progress, save=save)
    return document(answer, sys.argv[1:]), analysis.status(answer)


def terms(**arguments: Any) -> dict[str, Any]:
    """What the inputs are compared with: the typed options, and the project's where none was typed; empty ones left out.

    What the project says of its comparison with a baseline counts where there is one.
    """
    typed = {name: value for name, value in arguments.items() if value is not None}
    written = project.gate(Path.cwd())
    stated = {name: value for name, value in (written | typed).items() if value}
    if written and not {"require", "only", "tolerance"} & set(typed):
        stated["source"] = "pyproject.toml"
    if "baseline" in stated:
        return stated | {"baseline": Path(stated["baseline"])}
    return {
        name: value for name, value in stated.items() if name in typed or name not in ("only", "tolerance")
    }


def _show(checked: dict[str, Any], output: Output, reports: Reports) -> None:
    """The answer; after it the annotations and the summary, or where nothing else is shown the reason that it is red."""
    from collapse_cli.views import gate, show

    if reports.format == "text":
        show(checked, output)
        if output.quiet and (reason := gate.reason(checked)):
            print(f"collapse: {reason}", file=sys.stderr)
        return
    show(checked, output)
    for line in github.commands(checked):
        print(line, file=unaltered(sys.stderr))
    if target := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            github.summarise(Path(target), checked)
        except OSError as error:  # which says nothing of the input
            print(f"warning: no step summary is written: {error.strerror}", file=sys.stderr)


def _write(checked: dict[str, Any], quiet: bool, reports: Reports, status: str) -> None:
    """The files that were asked for; a baseline only where every check passes."""
    from collapse_cli.views import junit

    lines = []
    if reports.junit:
        junit.write(Path(reports.junit), checked)
        lines.append(f"wrote {printable(reports.junit)}")
    if reports.save_baseline and status == "passed":
        with whole(Path(reports.save_baseline)) as part:
            part.write_text(json_text(checked, ascii_only=True) + "\n", encoding="utf-8")
        lines.append(f"wrote {printable(reports.save_baseline)}")
    elif reports.save_baseline:
        lines.append(f"{printable(reports.save_baseline)} is not written: not every check passes")
    for line in lines if not quiet else ():
        print(line, file=sys.stderr)

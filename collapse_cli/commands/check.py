"""collapse check: the gate of a CI, red where a representation has collapsed or misses what is required of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.answers import answer
from collapse_cli.commands.known import Known, known
from collapse_cli.commands.named import commands, refuse_unknown
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.runs import project
from collapse_cli.settings import fill
from collapse_cli.views import show, targets

if TYPE_CHECKING:
    from collapse_cli.commands.checks import Baseline

CODES = {"failed": 1, "inconclusive": 3}
TOLERANCE = "5%"


@options(Measuring=Measuring, Output=Shown)
def check(
    inputs: Inputs,
    given: dict[str, Any],
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="a number's bound, as 'effective_rank.h >= 20'; may be repeated"),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="an INPUT that no number may be worse than, as a saved answer")
    ] = None,
    tolerance: Annotated[
        str | None, typer.Option(help=rf"by how much it may, as 5% or 0.1 [dim]\[default: {TOLERANCE}][/dim]")
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option("--strict/--no-strict", help="dimensional collapse and inconclusive fail too"),
    ] = None,
    junit: Annotated[str, typer.Option(help="write the checks to this .xml, as CI services read them")] = "",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="measure anew what the run folders hold already")
    ] = False,
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
    typed = {"require": require, "baseline": baseline, "tolerance": tolerance, "strict": strict}
    terms = project.gate(Path.cwd()) | {name: value for name, value in typed.items() if value is not None}
    if tolerance and not terms.get("baseline"):
        raise CollapseError(
            "--tolerance is by how much a number may be worse than a baseline's", "add --baseline"
        )
    look = partial(known, measuring=measuring, fresh=fresh, quiet=shown.quiet)
    document = _judged(inputs, terms, look)
    if junit:
        _write(Path(junit), document, shown.quiet)
    show(document, output)
    if code := _code(document):
        raise typer.Exit(code)


def _judged(inputs: Sequence[Path], terms: Mapping[str, Any], look: Callable[..., Known]) -> dict[str, Any]:
    """The document: every input measured as far as it is asked for, and judged."""
    from collapse_cli.commands.gate import Terms, judged
    from collapse_cli.metrics.requirements import parse

    requirements = [parse(text) for text in terms.get("require", ())]
    names = [one.name for one in requirements]
    if all(path.suffix != ".json" for path in inputs):
        refuse_unknown(names)
    against = _baseline(terms, names, look)
    kinds = [document["command"] for document in against.known.documents] if against else []
    found = [look(path, wanted=commands([*names, *kinds])) for path in inputs]
    asked = Terms(requirements, against, terms.get("strict", False))
    titled = zip(found, (path.name or str(path) for path in inputs), strict=True)
    entries = [part for number, (one, name) in enumerate(titled) for part in judged(one, name, number, asked)]
    warnings = [said for one in found for said in one.warnings]
    warnings += _otherwise(found, against.known) if against else ()
    return answer("check", entries, [one.facts for one in found], warnings)


def _baseline(terms: Mapping[str, Any], names: Sequence[str], look: Callable[..., Known]) -> Baseline | None:
    """Read, or measured as the inputs are."""
    from collapse_cli.commands.checks import Baseline
    from collapse_cli.metrics.requirements import tolerance

    allowed, name = tolerance(terms.get("tolerance", TOLERANCE)), terms.get("baseline")
    return Baseline(name, look(Path(name), wanted=commands(names)), allowed) if name else None


def _otherwise(found: Sequence[Known], base: Known) -> Iterator[str]:
    """Where the baseline has nothing to say, and what it was asked otherwise than an input."""
    from collapse_cli.commands.checks import points

    for space in sorted(points(base)):
        yield f"the baseline's {space} is one point: its numbers are left out"
    there = base.facts.get("asked", {})
    for one in found:
        here = one.facts.get("asked", {})
        for name in here:
            if name != "labels" and name in there and here[name] != there[name]:
                said = f"the baseline was measured with {name} {there[name]!r}"
                yield f"{said}, {one.facts['path']} with {here[name]!r}"


def _write(path: Path, document: dict[str, Any], quiet: bool) -> None:
    from collapse_cli.views import junit

    junit.write(path, document)
    if not quiet:
        print(f"wrote {path}", file=sys.stderr)


def _code(document: dict[str, Any]) -> int:
    """1 where an input failed, else 3 where one is inconclusive."""
    ended = {one["verdict"]["status"] for one in document["results"] if one["title"] == "Gate"}
    return next((code for status, code in CODES.items() if status in ended), 0)

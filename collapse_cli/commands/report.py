"""collapse report: one page of everything measured on inputs of any kind."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.answers import Answer
from collapse_cli.commands.options import Inputs, options
from collapse_cli.commands.single import INCONCLUSIVE
from collapse_cli.errors import CollapseError
from collapse_cli.printable import printable
from collapse_cli.runs.record import Record
from collapse_cli.runs.shell import quoted, unused
from collapse_cli.settings import fill, knob
from collapse_cli.views import PAGES, targets


@dataclasses.dataclass(frozen=True)
class Shared:
    """What stands on a page that is made to be shared."""

    images: bool = knob(
        False, "show images of your own too; those of the named data sets, such as digits, are shown anyway"
    )
    quiet: bool = knob(False, "no progress")


@options(Measuring=Measuring, Output=Shared)
def report(
    inputs: Inputs,
    typed: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option(
            help="the page to write; by default RUN/report.html for a run folder, NAME.report.html for another input, and "
            "report.html for several"
        ),
    ] = None,
) -> None:
    """One self-contained HTML page of everything measured on any inputs.

    The diagnosis, every measurement that an input allows, maps of the embeddings,
    and galleries of images where there are some. Of a single run folder, answers
    are saved in RUN/results, and other answers there are shown too if they are of
    the same checkpoint and data. Exit code 3 where no input can be judged.

    Example: [bold]collapse report runs/mine[/bold]
    """
    shared, measuring = fill(Shared, typed), fill(Measuring, typed)
    record = _record(inputs)
    target = out or _default(inputs, record)
    targets.check(target, PAGES, "--out")
    from collapse_cli.analysis.exhibits import exhibits
    from collapse_cli.analysis.inputs import load_all
    from collapse_cli.analysis.report import in_order, intro, report, title
    from collapse_cli.views import page, warn
    from collapse_cli.views.progress import reporter

    with reporter(shared.quiet) as progress:
        loaded = load_all(inputs, measuring, progress)
        answers = report(*loaded)
        shown = exhibits(loaded, shared.images)
    every = _with_saved(record, answers)
    if record:
        _save(record, answers)
    warn(every["diagnose"])
    documents, about = in_order(list(every.values())), intro(loaded, shared.images)
    whole = page.page(documents, title(loaded), shown, about, targets.digest_of(inputs))
    page.write(target, whole)
    if not shared.quiet:
        print(f"wrote {printable(target)}", file=sys.stderr)
    if answers[0].undecided():
        raise typer.Exit(INCONCLUSIVE)


def _with_saved(record: Record | None, answers: Sequence[Answer]) -> dict[str, dict[str, Any]]:
    """Today's answers by command, and those in a run folder that were measured alike."""
    from collapse_cli.analysis.report import beside_saved
    from collapse_cli.runs import saved_answers
    from collapse_cli.views.document import document

    today = {answer.command: document(answer, sys.argv[1:]) for answer in answers}
    return beside_saved(today, saved_answers.documents(record)) if record else today


def _save(record: Record, answers: Sequence[Answer]) -> None:
    """All, or none after the first that cannot be saved: that is told once."""
    from collapse_cli.commands.output import save

    for answer in answers:
        if not save(record, answer):
            break


def _record(inputs: Sequence[Path]) -> Record | None:
    """The run folder, where a single one is given."""
    record = Record(inputs[0])
    whole = record.checkpoint.exists() and (record.folder / "settings.toml").exists()
    return record if len(inputs) == 1 and whole else None


def _default(inputs: Sequence[Path], record: Record | None) -> Path:
    """The page where none is named; raises CollapseError where that may not be written, or would replace another file."""
    page = record.folder / "report.html" if record else Path(targets.page_of(inputs))
    elsewhere = f"collapse report {' '.join(map(quoted, inputs))} --out {unused('report.html')}"
    if record and not os.access(page if page.exists() else record.folder, os.W_OK):
        raise CollapseError(f"{page} cannot be written: {record.folder} is read-only", elsewhere)
    if page.is_file() and not targets.is_page(page):
        raise CollapseError(f"{page} is already there, and it is not a page of collapse", elsewhere)
    if not record and page.is_file() and targets.is_of_others(page, inputs):
        raise CollapseError(f"{page} is already there, and it is about other inputs", elsewhere)
    return page

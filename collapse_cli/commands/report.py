"""collapse report: one page of everything measured on a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands import alignment, classes, clusters, diagnose, oracle, probe, spectrum
from collapse_cli.commands.answers import answer, keep
from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Measuring, options
from collapse_cli.commands.subject import Subject, sampled
from collapse_cli.commands.subjects import subjects
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.runs.record import Record
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from collections.abc import Sequence

ALWAYS = ("spectrum", "alignment")  # what a portrait consists of
LABELLED = ("oracle", "probe", "clusters", "classes")


@options(Measuring=Measuring)
def report(
    run: Annotated[Path, typer.Argument(help="a run folder", show_default=False)],
    given: dict[str, Any],
    out: Annotated[Path | None, typer.Option(help="the page; by default RUN/report.html")] = None,
) -> None:
    """One self-contained HTML page of everything measured on a run.

    The diagnosis, spectrum, alignment, oracle, probe, clusters and classes are
    measured anew and kept in RUN/results; other answers there are shown too.

    Example: [bold]collapse report runs/mine[/bold]
    """
    from collapse_cli.views import page

    record = Record(run)
    settings = record.settings()
    target = out or run / "report.html"
    if not target.parent.is_dir() or target.suffix not in (".html", ".htm"):
        raise CollapseError(f"--out {target} cannot be written", "name an .html file in a folder that exists")
    measuring = fill(Measuring, given)
    found = asked(subjects([run], measuring, quiet=False, views=True), measuring)
    measured = [*portrait(found, measuring, _training(record)), _diagnosis(found, measuring)]
    for document in measured:
        if not keep(record, document):
            break
    every = {document["command"]: document for document in [*record.results(), *measured]}
    title = f"{settings.method} on {settings.training.dataset}"
    page.write(target, page.page(_in_order(list(every.values())), title, intro=str(run)))
    print(f"wrote {target}", file=sys.stderr)


def _diagnosis(found: Sequence[Subject], measuring: Measuring) -> dict[str, Any]:
    return answer("diagnose", diagnose.measure(found, measuring.seed), [subject.facts for subject in found])


def _in_order(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The diagnosis first, what else is of a portrait, then the others by name.

    The verdicts of the spectrum, which are the diagnosis's without its advice, are not said again.
    """
    first = ["diagnose", *ALWAYS, *LABELLED]
    ordered = sorted(documents, key=lambda one: [*first, one["command"]].index(one["command"]))
    return [_unjudged(document) if document["command"] == "spectrum" else document for document in ordered]


def _unjudged(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"results": [one | {"verdict": None} for one in document["results"]]}


def _training(record: Record) -> list[dict[str, Any]]:
    """The course of the training, what the method watched, and how its negatives' weights changed, once there is one."""
    from collapse_cli.metrics.history import diagnostics, history, matching

    lines = record.history()
    course = {record.folder.name: history(lines)} if lines else {}
    return [
        entry(of, result)
        for of, result in [*course.items(), *diagnostics(lines).items(), *matching(lines).items()]
    ]


def portrait(
    found: Sequence[Subject],
    measuring: Measuring,
    training: Sequence[dict[str, Any]] = (),
    queue: int = 0,
    wanted: Sequence[str] = ALWAYS + LABELLED,
) -> list[dict[str, Any]]:
    """Everything wanted that can be measured on these subjects, one document for each kind of question.

    queue: keys drawn from the data for the oracle; 0: each run's own queue.
    """
    inputs = [subject.facts for subject in found]
    labels = all(subject.clean.labels is not None for subject in found)
    measures = {
        "spectrum": lambda: spectrum.measure(found, measuring.seed),
        "alignment": lambda: alignment.measure(found, measuring.seed),
        "oracle": lambda: oracle.measure(found, measuring.seed, queue),
        "probe": lambda: probe.measure(found, measuring),
        "clusters": lambda: clusters.measure(found, measuring.seed),
        "classes": lambda: classes.measure(found, measuring.seed),
    }
    chosen = [name for name in wanted if labels or name not in LABELLED]
    documents = {name: measures[name]() for name in chosen}
    if training:
        documents["train"] = list(training)
    partly = {command: [] if command in ("spectrum", "train") else sampled(found) for command in documents}
    return [answer(command, entries, inputs, partly[command]) for command, entries in documents.items()]


def whole(
    documents: Sequence[dict[str, Any]], wanted: Sequence[str] = ALWAYS + LABELLED
) -> list[dict[str, Any]]:
    """Those answers about one input that are wanted of its portrait, in order; none where one is missing."""
    by_command = {document["command"]: document for document in documents}
    labels = any(document["inputs"][0]["asked"]["labels"] for document in documents)
    chosen = [name for name in wanted if labels or name not in LABELLED]
    return [by_command[name] for name in chosen] if set(chosen) <= set(by_command) else []

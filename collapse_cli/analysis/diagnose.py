"""Has it collapsed, what says so, and what should be tried next? Evidence, verdict and advice for each space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from collapse_cli.analysis.spectrum import context, of_space, settings
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry
from collapse_cli.metrics.advice import Context, advice
from collapse_cli.metrics.alignment import alignment
from collapse_cli.metrics.evidence import evidence
from collapse_cli.metrics.rows import unit
from collapse_cli.metrics.verdict import verdict


def measure(subject: Subject) -> list[Entry]:
    """One entry for each space, beside the network at initialisation: a run's own, another library's re-initialised."""
    entries = list(_spaces(subject))
    collapsed = [entry.space for entry in entries if entry.status == "complete collapse"]
    return [_beside(entry, collapsed[-1]) if collapsed else entry for entry in entries]


def _spaces(subject: Subject) -> Iterator[Entry]:
    initial = subject.untrained or subject.reinitialised
    for space in subject.rows:
        result, facts = of_space(subject, space, initial), with_views(subject, space)
        judged = verdict(result, facts)
        advised = replace(judged, advice=advice(judged.status, result, facts))
        yield Entry(
            subject.name, evidence(result, facts), space, settings=settings(subject, result), verdict=advised
        )


def _beside(entry: Entry, collapsed: str) -> Entry:
    """A space is not to be kept as it is because random weights gave it directions, while another of its input is one point."""
    if entry.verdict is None or entry.status != "healthy":
        return entry
    step = f"see {collapsed}, which is one point: what the loss taught went there; random weights fill directions too"
    return entry.replace(verdict=replace(entry.verdict, advice=(step,)))


def with_views(subject: Subject, space: str) -> Context:
    """What is known of a space, the alignment of its views too, if there are any."""
    facts = context(subject, space)
    if not subject.views:
        return facts
    first, second = (unit(view.spaces[space]) for view in subject.views)
    return replace(facts, alignment=alignment(first, second))

"""Has it collapsed, what says so, and what should be tried next? Evidence, verdict and advice for each space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from collapse_cli.analysis.judgement import judgement, settings, with_views
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry
from collapse_cli.metrics.advice import advice
from collapse_cli.metrics.evidence import evidence


def measure(subject: Subject) -> list[Entry]:
    """One entry for each space, beside the network at random initialisation."""
    entries = list(_spaces(subject))
    collapsed = [entry.space for entry in entries if entry.status == "complete collapse"]
    return [_beside(entry, collapsed[-1]) if collapsed else entry for entry in entries]


def _spaces(subject: Subject) -> Iterator[Entry]:
    for space in subject.rows:
        judged, facts = judgement(subject, space), with_views(subject, space)
        result, verdict = judged.spectrum, judged.verdict
        decided = judgement(subject.original, space).spectrum if subject.original else result
        advised = replace(verdict, advice=advice(verdict.status, decided, facts))
        yield Entry(
            subject.name, evidence(result, facts), space, settings=settings(subject, result), verdict=advised
        )


def _beside(entry: Entry, collapsed: str) -> Entry:
    """A space is not to be kept as it is because random weights gave it directions, while another of its input is one point."""
    if entry.verdict is None or entry.status != "healthy":
        return entry
    step = f"see {collapsed}, which is one point: what the loss taught went there; random weights fill directions too"
    return entry.replace(verdict=replace(entry.verdict, advice=(step,)))

"""Has it collapsed, what says so, and what should be tried next? Evidence, verdict and advice for each space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from collapse_cli.analysis.at_hand import at_hand
from collapse_cli.analysis.inquiry import inquire
from collapse_cli.analysis.judgement import judgement, settings, with_views
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry, Verdict, headline
from collapse_cli.metrics.advice import advice
from collapse_cli.metrics.evidence import evidence

UNTAUGHT = "That says little: random weights, too, make many directions active, and {} shows what the loss has taught."


def measure(subject: Subject) -> list[Entry]:
    """One entry for each space, beside the network at random initialisation; of a collapsed run with its likeliest cause."""
    entries = spaces(subject)
    space = headline({entry.space: entry.status for entry in entries})
    return [
        _explained(entry, subject) if entry.space == space else _beside(entry, entries) for entry in entries
    ]


def spaces(subject: Subject) -> list[Entry]:
    """The same without a cause."""
    return list(_spaces(subject))


def _spaces(subject: Subject) -> Iterator[Entry]:
    for space in subject.rows:
        judged, facts = judgement(subject, space), at_hand(subject, with_views(subject, space))
        result, verdict = judged.spectrum, judged.verdict
        decided = judgement(subject.original, space).spectrum if subject.original else result
        advised = replace(verdict, advice=verdict.advice or advice(verdict.status, decided, facts))
        yield Entry(
            subject.name, evidence(result, facts), space, settings=settings(subject, result), verdict=advised
        )


def _explained(entry: Entry, subject: Subject) -> Entry:
    """A collapse of a run of ours with the likeliest cause, and the command that trains without it."""
    verdict = entry.verdict
    if verdict is None or not verdict.status.endswith("collapse") or subject.checkpoint is None:
        return entry
    if judgement(subject, entry.space).by_contrast:
        return entry  # which is no doing of its training alone
    inquiry = inquire(subject)
    if not (inquiry.collapsed and inquiry.serious):
        return entry
    cause = inquiry.serious[0]
    reason = f"The likeliest cause is \u201c{cause.name}\u201d: {cause.sentence.rstrip('.')}."
    explained = replace(
        verdict,
        findings=(reason, *verdict.findings),
        reasons=(*verdict.reasons, reason),
        commands=inquiry.commands()[:1],
    )
    return entry.replace(verdict=explained)


def _beside(entry: Entry, entries: Sequence[Entry]) -> Entry:
    """A space is not to be kept as it is because random weights gave it directions, while another of its input is one point."""
    collapsed = [each.space for each in entries if each.status == "complete collapse"]
    if not collapsed or entry.verdict is None or entry.status != "healthy":
        return entry
    cautious: Verdict = replace(entry.verdict, meaning=UNTAUGHT.format(collapsed[-1]), advice=())
    return entry.replace(verdict=cautious)
